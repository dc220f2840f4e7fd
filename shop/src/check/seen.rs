//! What was seen in a table before, in memory that has an end.

use std::collections::hash_map::DefaultHasher;
use std::collections::HashSet;
use std::fmt::{self, Debug, Write};
use std::hash::{Hash, Hasher};

/// Most ids that are remembered for finding repeated ones, per table; at 8 bytes each and some room.
pub(super) const MAX_REMEMBERED: usize = 16 << 20;

/// Ids seen, as hashes: two ids of one hash among ten million are one in 300,000.
#[derive(Default)]
pub(super) struct Seen {
    hashes: HashSet<u64>,
}

pub(super) fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

impl Seen {
    /// Remembers `id`; false if it was there.
    pub fn insert(&mut self, id: &str) -> bool {
        self.insert_hash(hash(id))
    }

    /// Remembers what has `hash`; false if it was there.
    pub fn insert_hash(&mut self, hash: u64) -> bool {
        self.hashes.len() >= MAX_REMEMBERED || self.hashes.insert(hash)
    }

    pub fn contains(&self, id: &str) -> bool {
        self.hashes.contains(&hash(id))
    }
}

/// Returns a hash of all that `row` says.
pub(super) fn hash_of_row(row: &impl Debug) -> u64 {
    struct Hashed(DefaultHasher);
    impl Write for Hashed {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut hashed = Hashed(DefaultHasher::new());
    // writing into a hash cannot fail
    let _ = write!(hashed, "{row:?}");
    hashed.0.finish()
}

/// A few of the things that a note is about, and how many there are.
#[derive(Default)]
pub(super) struct Named {
    pub count: u64,
    first: Vec<String>,
}

impl Named {
    pub fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < 5 && !self.first.iter().any(|known| known == name) {
            self.first.push(name.to_owned());
        }
    }

    /// The first few in quotes, and how many more there are.
    pub fn shown(&self) -> String {
        let quoted: Vec<_> = self.first.iter().map(|name| format!("{name:?}")).collect();
        self.with_the_rest(&quoted)
    }

    /// The same as they stand.
    pub fn listed(&self) -> String {
        self.with_the_rest(&self.first)
    }

    fn with_the_rest(&self, names: &[String]) -> String {
        match self.count - self.first.len() as u64 {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }
}
