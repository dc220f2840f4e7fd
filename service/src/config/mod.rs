//! Configuration: the environment wins over the file, the file over the defaults; a key that does not exist is an error.
//!
//! [`RawConfig`] is what a file may say; [`Config`] is the only form that the server takes, and only
//! [`RawConfig::check`] makes one.

mod checked;
mod fields;
mod print;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use checked::{
    Compute, Config, Contact, FutureTimes, LogFormat, Models, Recommend, ServerConfig, StoreConfig,
    Tls, TouchpointRules, Usual,
};
pub use fields::{
    ComputeSection, ConsentSection, ContactSection, Field, LogSection, MetricsSection,
    ModelsSection, RawConfig, RecommendSection, ServerSection, StoreSection, TouchpointsSection,
    FIELDS, SECTIONS,
};

/// What begins the name of an environment variable that sets a setting: `SERENDIB_SERVER_ADDR` sets `server.addr`.
pub const ENV_PREFIX: &str = "SERENDIB_";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration {path:?}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file does not parse, or has a key that does not exist.
    #[error("configuration {path:?}: {what}")]
    Parse {
        path: PathBuf,
        /// Where and what.
        what: String,
    },
    /// An environment variable names no setting, or has a value of the wrong type.
    #[error("environment variable {name}: {what}")]
    Env {
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A value is outside its range.
    #[error("{field}: {what}")]
    Value {
        field: String,
        /// What is wrong.
        what: String,
    },
}

impl RawConfig {
    /// Reads `file` (the defaults where there is none) and puts the settings of `env` over it.
    ///
    /// # Errors
    /// Names the file, line and key, or the variable.
    pub fn read(
        file: Option<&Path>,
        env: &BTreeMap<String, String>,
    ) -> Result<RawConfig, ConfigError> {
        let raw = match file {
            None => RawConfig::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                    path: path.into(),
                    source,
                })?;
                RawConfig::parse(&text).map_err(|what| ConfigError::Parse {
                    path: path.into(),
                    what,
                })?
            }
        };
        raw.with_env(env)
    }

    fn parse(text: &str) -> Result<RawConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())
    }

    fn with_env(self, env: &BTreeMap<String, String>) -> Result<RawConfig, ConfigError> {
        let mut table = toml::Table::try_from(&self).map_err(|error| ConfigError::Env {
            name: ENV_PREFIX.into(),
            what: error.to_string(),
        })?;
        for (name, value) in env {
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            let rest = rest.to_ascii_lowercase();
            let sections = SECTIONS.iter().map(|(section, _)| *section);
            let Some(section) = sections
                .into_iter()
                .find(|s| rest.starts_with(&format!("{s}_")))
            else {
                continue;
            };
            let key = &rest[section.len() + 1..];
            let slot = table
                .get_mut(section)
                .and_then(|section| section.get_mut(key))
                .ok_or_else(|| ConfigError::Env {
                    name: name.clone(),
                    what: format!("there is no setting {section}.{key}"),
                })?;
            let wrong = |expected: &str| ConfigError::Env {
                name: name.clone(),
                what: format!("{value:?} is not {expected}"),
            };
            *slot = match slot {
                toml::Value::Integer(_) => {
                    toml::Value::Integer(value.trim().parse().map_err(|_| wrong("a whole number"))?)
                }
                toml::Value::Float(_) => {
                    toml::Value::Float(value.trim().parse().map_err(|_| wrong("a number"))?)
                }
                toml::Value::Boolean(_) => {
                    toml::Value::Boolean(value.trim().parse().map_err(|_| wrong("true or false"))?)
                }
                _ => toml::Value::String(value.clone()),
            };
        }
        table.try_into().map_err(|error| ConfigError::Env {
            name: ENV_PREFIX.into(),
            what: error.to_string(),
        })
    }

    /// The settings as a commented file that reads back as the same settings.
    pub fn to_commented_toml(&self) -> String {
        print::commented(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect()
    }

    #[test]
    fn a_wrong_key_is_an_error_that_names_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wrong-key.toml");
        let error = RawConfig::read(Some(&path), &env(&[]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("wrong-key.toml"), "{error}");
        assert!(error.contains("adress"), "{error}");
        assert!(error.contains("line 3"), "{error}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(
            &file,
            "[server]\naddr = '127.0.0.1:1'\n[recommend]\nmax_count = 7\n",
        )
        .unwrap();
        let raw = RawConfig::read(
            Some(&file),
            &env(&[
                ("SERENDIB_SERVER_ADDR", "127.0.0.1:2"),
                ("SERENDIB_PUBLIC_DATA", "/not/a/setting"),
                ("SERENDIB_SERVER_REFLECTION", "false"),
                ("SERENDIB_RECOMMEND_SURPRISE_FLOOR", "0.25"),
                ("PATH", "/bin"),
            ]),
        )
        .unwrap();
        assert_eq!(raw.server.addr, "127.0.0.1:2");
        assert_eq!(raw.recommend.max_count, 7);
        assert!(!raw.server.reflection);
        assert_eq!(raw.recommend.surprise_floor, 0.25);
        for (name, value) in [
            ("SERENDIB_SERVER_ADRESS", "x"),
            ("SERENDIB_COMPUTE_QUEUE", "many"),
        ] {
            let error = RawConfig::read(None, &env(&[(name, value)])).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn the_printed_configuration_reads_back() {
        let mut raw = RawConfig::default();
        raw.server.addr = "127.0.0.1:0".into();
        raw.log.level = "a\"b".into();
        let text = raw.to_commented_toml();
        assert_eq!(RawConfig::parse(&text).unwrap(), raw);
        for field in FIELDS {
            assert!(!field.doc.trim().is_empty(), "{}", field.name);
            assert!(
                text.contains(&format!("\n{} = ", field.name)),
                "{}",
                field.name
            );
        }
    }

    #[test]
    fn values_outside_their_range_name_the_setting() {
        assert!(RawConfig::default().check().is_ok());
        let mut raw = RawConfig::default();
        raw.recommend.default_count = 500;
        let error = raw.check().unwrap_err().to_string();
        assert!(error.starts_with("recommend.default_count: "), "{error}");
        for floor in [-0.1, 1.5, f64::NAN] {
            let mut raw = RawConfig::default();
            raw.recommend.surprise_floor = floor;
            let error = raw.check().unwrap_err().to_string();
            assert!(error.starts_with("recommend.surprise_floor: "), "{error}");
        }
        let mut raw = RawConfig::default();
        raw.touchpoints.future = "shrug".into();
        assert!(raw
            .check()
            .unwrap_err()
            .to_string()
            .starts_with("touchpoints.future: "));
        let mut raw = RawConfig::default();
        raw.server.tls_cert = "cert.pem".into();
        assert!(raw
            .check()
            .unwrap_err()
            .to_string()
            .starts_with("server.tls_key: "));
    }
}
