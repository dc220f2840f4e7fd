//! Ids: any Unicode of 1 to 256 bytes, kept byte-exact, without control characters.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest id in bytes.
pub const MAX_ID_BYTES: usize = 256;

/// Why a string is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The id has no bytes.
    #[error("id is empty, expected 1 to {MAX_ID_BYTES} bytes")]
    Empty,
    /// The id has more than [`MAX_ID_BYTES`] bytes.
    #[error("id has {bytes} bytes, expected 1 to {MAX_ID_BYTES}")]
    TooLong { bytes: usize },
    /// The id holds a control character.
    #[error("id holds control character U+{code:04X} at byte {at}")]
    Control {
        /// The character's code point.
        code: u32,
        /// Byte offset inside the id.
        at: usize,
    },
}

/// Checks that `id` has 1 to 256 bytes and no control character (Unicode category Cc).
///
/// Ids are never normalised: two ids are equal when their bytes are.
pub fn check_id(id: &str) -> Result<(), IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { bytes: id.len() });
    }
    match id.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(IdError::Control { code: c as u32, at }),
        None => Ok(()),
    }
}

/// What programs write where there is no id, in lower case.
const PLACEHOLDERS: &[&str] = &[
    "null",
    "undefined",
    "nan",
    "none",
    "nil",
    "na",
    "n/a",
    "#n/a",
    "\\n",
    "(null)",
    "<null>",
    "(not set)",
    "[object object]",
];

/// Whether `id` is what programs write where there is no id: `null`, `undefined`, `nan`, `None`, `n/a`, quotes around nothing, a
/// dash, or noughts alone (`0`, an all-zero UUID). All rows of such an id would be one person's.
pub fn is_placeholder(id: &str) -> bool {
    let bare = id.trim().trim_matches(['"', '\'', '`']).trim();
    bare.chars().all(|c| matches!(c, '0' | '-' | '{' | '}'))
        || PLACEHOLDERS.contains(&bare.to_lowercase().as_str())
}

/// Makes a type for the numbers of one sort of thing, 0, 1, …, written in bundles and JSON as the bare number.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident of $things:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl $name {
            #[doc = concat!("Its place in a table of all ", $things, ".")]
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            #[doc = concat!("The number at place `index` of a table of all ", $things, ".")]
            pub const fn of_index(index: usize) -> $name {
                $name(index as u32)
            }

            #[doc = concat!("The numbers of `count` ", $things, ", from 0.")]
            pub fn all(
                count: usize,
            ) -> impl DoubleEndedIterator<Item = $name> + ExactSizeIterator + Clone {
                (0..count as u32).map($name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<u32> for $name {
            fn from(number: u32) -> $name {
                $name(number)
            }
        }

        impl From<$name> for u32 {
            fn from(number: $name) -> u32 {
                number.0
            }
        }
    };
}

number! {
    /// The number of a product in a [`Catalogue`](crate::Catalogue).
    ProductIx of "products"
}

number! {
    /// The number of a customer in a [`Log`](crate::Log).
    CustomerIx of "customers"
}

/// Stands for "no product" or "a product the catalogue does not know".
pub const NO_PRODUCT: ProductIx = ProductIx(u32::MAX);

/// A 64-bit hash that is the same on every machine and in every version (FNV-1a).
///
/// For grouping and sampling, never for security.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A two-way table of strings and dense numbers, in order of first appearance.
#[derive(Debug, Clone, Default)]
pub struct Interner {
    names: Vec<Arc<str>>,
    index: HashMap<Arc<str>, u32>,
}

impl Interner {
    /// The number of `name`, given now if it has none.
    pub fn intern(&mut self, name: &str) -> u32 {
        if let Some(&ix) = self.index.get(name) {
            return ix;
        }
        let ix = u32::try_from(self.names.len()).expect("fewer than 2^32 distinct ids");
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.index.insert(name, ix);
        ix
    }

    /// The number of `name`, if it has one.
    pub fn get(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    /// The name with number `ix`.
    ///
    /// # Panics
    /// When `ix` was not given by this table.
    pub fn name(&self, ix: u32) -> &str {
        &self.names[ix as usize]
    }

    /// All names in order of their numbers.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_any_unicode_of_1_to_256_bytes_without_controls() {
        assert_eq!(check_id(""), Err(IdError::Empty));
        assert_eq!(check_id("שלום 🎁 a/b"), Ok(()));
        assert_eq!(check_id(&"x".repeat(256)), Ok(()));
        assert_eq!(
            check_id(&"x".repeat(257)),
            Err(IdError::TooLong { bytes: 257 })
        );
        assert_eq!(
            check_id("a\u{85}b"),
            Err(IdError::Control { code: 0x85, at: 1 })
        );
    }

    #[test]
    fn placeholders_are_told_from_ids() {
        for id in [
            "null",
            "NULL",
            "undefined",
            "NaN",
            "None",
            "0",
            "-",
            "N/A",
            "\"\"",
            "''",
            " ",
            "\\N",
            "00000000-0000-0000-0000-000000000000",
            "{00000000-0000-0000-0000-000000000000}",
            "0000",
        ] {
            assert!(is_placeholder(id), "{id:?}");
        }
        for id in [
            "7",
            "10",
            "nana",
            "nonet",
            "u-0",
            "00000000-0000-0000-0000-000000000001",
            "'a'",
        ] {
            assert!(!is_placeholder(id), "{id:?}");
        }
    }

    #[test]
    fn equal_looking_ids_with_other_bytes_stay_apart() {
        let mut interner = Interner::default();
        let composed = interner.intern("\u{e9}");
        let decomposed = interner.intern("e\u{301}");
        assert_ne!(composed, decomposed);
        assert_eq!(interner.get("\u{e9}"), Some(composed));
        assert_eq!(interner.name(decomposed), "e\u{301}");
    }

    #[test]
    fn a_number_is_written_as_it_is() {
        let written = serde_json::to_string(&[ProductIx(7), NO_PRODUCT]).unwrap();
        assert_eq!(written, "[7,4294967295]");
        let read: Vec<ProductIx> = serde_json::from_str(&written).unwrap();
        assert_eq!(read, [ProductIx(7), NO_PRODUCT]);
        assert_eq!(serde_json::to_string(&CustomerIx(7)).unwrap(), "7");
    }

    #[test]
    fn the_stable_hash_is_fnv_1a() {
        assert_eq!(stable_hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(stable_hash(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
