//! Writing a configuration as a commented file.

use super::{RawConfig, FIELDS, SECTIONS};

/// `raw` with the meaning of every setting above it.
pub(super) fn commented(raw: &RawConfig) -> String {
    let table = toml::Table::try_from(raw).unwrap_or_default();
    let mut out = String::from(
        "# Settings of the Serendib server. Every one may also be set by an environment variable,\n\
         # SERENDIB_<SECTION>_<KEY>, which wins over this file.\n",
    );
    for (section, doc) in SECTIONS {
        out.push('\n');
        comment(&mut out, doc);
        out.push_str(&format!("[{section}]\n"));
        for field in FIELDS.iter().filter(|f| f.section == *section) {
            comment(&mut out, field.doc);
            if let Some(value) = table.get(*section).and_then(|s| s.get(field.name)) {
                out.push_str(&format!("{} = {value}\n", field.name));
            }
        }
    }
    out
}

fn comment(out: &mut String, doc: &str) {
    for line in doc.lines() {
        out.push_str("# ");
        out.push_str(line.trim());
        out.push('\n');
    }
}
