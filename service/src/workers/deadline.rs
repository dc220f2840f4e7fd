//! How long a call may take.

use std::time::{Duration, Instant};

use tonic::metadata::MetadataMap;

/// The moment at which the caller stops waiting.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// What the call's `grpc-timeout` says, less a tenth (at most 50 ms) for sending the answer; `default` without one.
    pub fn of(metadata: &MetadataMap, default: Duration) -> Deadline {
        let budget = metadata
            .get("grpc-timeout")
            .and_then(|value| value.to_str().ok())
            .and_then(parse_timeout)
            .unwrap_or(default);
        let reserve = (budget / 10).min(Duration::from_millis(50));
        let far = Duration::from_secs(86_400);
        Deadline(Instant::now() + (budget - reserve).min(far))
    }

    /// What the call says, where it says something.
    pub fn said(metadata: &MetadataMap) -> Option<Deadline> {
        metadata
            .contains_key("grpc-timeout")
            .then(|| Deadline::of(metadata, Duration::from_secs(86_400)))
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        Instant::now() >= self.0
    }

    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Reads the gRPC wire form: up to 8 digits and a unit (`H`, `M`, `S`, `m`, `u`, `n`).
fn parse_timeout(text: &str) -> Option<Duration> {
    let digits = text.len().checked_sub(1)?;
    let (number, unit) = text.split_at_checked(digits)?;
    if number.is_empty() || number.len() > 8 {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_wire_form_and_nothing_else() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        for bad in ["", "m", "5", "5x", "123456789S", "-1S", "5é"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_call_without_a_timeout_gets_the_default() {
        let deadline = Deadline::of(&MetadataMap::new(), Duration::from_secs(100));
        assert!(!deadline.passed());
        assert!(deadline.left() > Duration::from_secs(90));
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", "0n".parse().unwrap());
        assert!(Deadline::of(&metadata, Duration::from_secs(100)).passed());
    }
}
