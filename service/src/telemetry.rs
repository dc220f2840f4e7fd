//! Logs to standard error.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, ConfigError, LogFormat};

/// Starts logging as configured; a second call in one process changes nothing.
///
/// # Errors
/// A log level that is not a filter.
pub fn init(config: &Config) -> Result<(), ConfigError> {
    let wrong = |what: String| ConfigError::Value {
        field: "log.level".into(),
        what,
    };
    // a lone word that is no level would name a module, and silence all others
    let unknown = config
        .log_level
        .split(',')
        .map(str::trim)
        .find(|part| !part.contains(['=', '[']) && part.parse::<LevelFilter>().is_err());
    if let Some(part) = unknown {
        return Err(wrong(format!(
            "{part:?} is no level, expected off, error, warn, info, debug or trace, or module=level"
        )));
    }
    let filter = EnvFilter::try_new(&config.log_level).map_err(|error| wrong(error.to_string()))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let _ = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}
