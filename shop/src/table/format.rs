//! The tables of shop data and the formats they come in.

use std::fmt;
use std::str::FromStr;

/// A table of shop data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Touchpoints,
    /// The public split's test part; columns of `touchpoints`. Training never reads it.
    HeldOut,
    /// What is sold.
    Products,
    Customers,
    /// What customers said of surprises.
    Delights,
    /// What was recommended.
    Served,
    /// Parcels to pack.
    Boxes,
    /// What is in the warehouse.
    Stock,
}

impl Table {
    pub const ALL: [Table; 8] = [
        Table::Touchpoints,
        Table::HeldOut,
        Table::Products,
        Table::Customers,
        Table::Delights,
        Table::Served,
        Table::Boxes,
        Table::Stock,
    ];

    /// The name, which is the file name without extensions.
    pub fn name(self) -> &'static str {
        match self {
            Table::Touchpoints => "touchpoints",
            Table::HeldOut => "held_out",
            Table::Products => "products",
            Table::Customers => "customers",
            Table::Delights => "delights",
            Table::Served => "served",
            Table::Boxes => "boxes",
            Table::Stock => "stock",
        }
    }

    /// The table called `name`.
    pub fn named(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How rows are laid out in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    Parquet,
    Csv,
    Jsonl,
}

/// How a text file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// The format of a table file, as its extension says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    pub layout: Layout,
    pub packing: Packing,
}

macro_rules! formats {
    ($($name:ident = $layout:ident $packing:ident $extension:literal;)*) => {
        #[allow(non_upper_case_globals)]
        impl Format {
            $(#[doc = concat!("`.", $extension, "`")]
            pub const $name: Format = Format { layout: Layout::$layout, packing: Packing::$packing };)*
        }
        const FORMATS: &[(&str, Format)] = &[$(($extension, Format::$name)),*];
    };
}

formats! {
    Parquet = Parquet Plain "parquet";
    Csv = Csv Plain "csv";
    CsvZst = Csv Zstd "csv.zst";
    CsvGz = Csv Gzip "csv.gz";
    Jsonl = Jsonl Plain "jsonl";
    JsonlZst = Jsonl Zstd "jsonl.zst";
    JsonlGz = Jsonl Gzip "jsonl.gz";
}

impl Format {
    pub fn all() -> impl Iterator<Item = Format> {
        FORMATS.iter().map(|(_, format)| *format)
    }

    /// The extension without its first dot, `csv.zst`.
    pub fn extension(self) -> &'static str {
        FORMATS
            .iter()
            .find(|(_, format)| *format == self)
            .map_or("", |(extension, _)| extension)
    }

    /// The format that `file_name` ends with, and the name before it.
    pub fn of_file(file_name: &str) -> Option<(&str, Format)> {
        FORMATS.iter().find_map(|(extension, format)| {
            let stem = file_name.strip_suffix(extension)?.strip_suffix('.')?;
            Some((stem, *format))
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        FORMATS
            .iter()
            .find(|(extension, _)| *extension == text)
            .map(|(_, format)| *format)
            .ok_or_else(|| {
                let known: Vec<_> = FORMATS.iter().map(|(extension, _)| *extension).collect();
                format!(
                    "unknown format {text:?}, expected one of {}",
                    known.join(", ")
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_tells_table_and_format() {
        assert_eq!(
            Format::of_file("touchpoints.csv.zst"),
            Some(("touchpoints", Format::CsvZst))
        );
        assert_eq!(
            Format::of_file("products.parquet"),
            Some(("products", Format::Parquet))
        );
        assert_eq!(Format::of_file("products.xlsx"), None);
        assert_eq!(Format::of_file("productscsv"), None);
        for format in Format::all() {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xml".parse::<Format>().unwrap_err().contains("parquet"));
    }
}
