//! How long a call may take.

use std::time::{Duration, Instant};

/// The moment at which the caller stops waiting.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// The end of `budget` from now, less a tenth (at most 50 ms) for sending the answer.
    pub fn of(budget: Duration) -> Deadline {
        let reserve = (budget / 10).min(Duration::from_millis(50));
        let far = Duration::from_secs(86_400);
        Deadline(Instant::now() + (budget - reserve).min(far))
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        Instant::now() >= self.0
    }

    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// The value of a `grpc-timeout`: up to 8 digits and a unit (`H`, `M`, `S`, `m`, `u`, `n`).
pub fn parse_timeout(text: &str) -> Option<Duration> {
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
    fn a_deadline_keeps_time_for_the_answer() {
        let deadline = Deadline::of(Duration::from_secs(100));
        assert!(!deadline.passed());
        assert!(deadline.left() > Duration::from_secs(90));
        assert!(deadline.left() < Duration::from_secs(100));
        assert!(Deadline::of(Duration::ZERO).passed());
    }
}
