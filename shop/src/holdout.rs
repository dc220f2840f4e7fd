//! The permanent holdout: customers who get answers that are not personal, so that the worth of the others' can be told.
//!
//! This is the rule for who was never decided. The store keeps what was decided first, over links and unlinks.

use crate::stable_hash;

/// Whether the customer of this id belongs to the holdout of `percent` (0 to 100) of all customers.
///
/// By a hash of the id alone: the same on every machine and for ever, and a larger share contains every smaller one.
pub fn in_holdout(customer_id: &str, percent: f64) -> bool {
    let mut key = b"holdout:".to_vec();
    key.extend_from_slice(customer_id.as_bytes());
    // The low bits of FNV-1a say too little of the last byte alone: spread it (finalizer of MurmurHash3).
    let mut hash = stable_hash(&key);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    ((hash % 1_000_000) as f64) < percent * 10_000.0
}

/// Whether answers to somebody are personal, so that what that is worth can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arm {
    /// They are.
    Personal,
    /// They are what everybody gets.
    Holdout,
}

impl Arm {
    pub const ALL: [Arm; 2] = [Arm::Personal, Arm::Holdout];

    /// The arm of the customer of this id, where the holdout is `percent` of all.
    pub fn of(customer_id: &str, percent: f64) -> Arm {
        match in_holdout(customer_id, percent) {
            true => Arm::Holdout,
            false => Arm::Personal,
        }
    }

    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Arm::Personal => "personal",
            Arm::Holdout => "holdout",
        }
    }

    /// The arm of a word in a file.
    pub fn parse(word: &str) -> Option<Arm> {
        Arm::ALL.into_iter().find(|arm| arm.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_and_nested() {
        let ids: Vec<String> = (0..20_000).map(|n| format!("c-{n}")).collect();
        let inside = |percent: f64| ids.iter().filter(|id| in_holdout(id, percent)).count() as f64;
        assert_eq!(inside(0.0), 0.0);
        assert_eq!(inside(100.0), 20_000.0);
        // four standard deviations of a binomial of 20,000 at 5 %
        assert!(
            (inside(5.0) - 1_000.0).abs() < 4.0 * 30.8,
            "{}",
            inside(5.0)
        );
        assert!(ids
            .iter()
            .all(|id| !in_holdout(id, 5.0) || in_holdout(id, 20.0)));
    }
}
