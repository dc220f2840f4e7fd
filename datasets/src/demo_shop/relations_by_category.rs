//! Complements looked up by the position of a category.

use super::taxonomy::{position, relations, Spec};

/// One complement of an anchor.
#[derive(Debug, Clone, Copy)]
pub struct After {
    /// Category that goes with it.
    pub complement: u16,
    /// Chance of the same basket.
    pub together: f64,
    /// Chance of wanting it later.
    pub later: f64,
    /// Days until then.
    pub lag: (i32, i32),
    /// Only the anchor's brand fits.
    pub same_brand: bool,
}

/// All complements by anchor.
#[derive(Debug, Default)]
pub struct Relations(Vec<Vec<After>>);

impl Relations {
    /// Looks all relations up in `specs`.
    pub fn new(specs: &[Spec]) -> Relations {
        let mut table = vec![Vec::new(); specs.len()];
        for relation in relations() {
            let found = (
                position(specs, &relation.anchor),
                position(specs, &relation.complement),
            );
            if let (Some(anchor), Some(complement)) = found {
                let after = |complement: usize| After {
                    complement: complement as u16,
                    together: relation.together,
                    later: relation.later,
                    lag: relation.lag,
                    same_brand: relation.same_brand,
                };
                table[anchor].push(after(complement));
                if relation.both {
                    table[complement].push(after(anchor));
                }
            }
        }
        Relations(table)
    }

    /// What goes with `anchor`.
    pub fn after(&self, anchor: u16) -> &[After] {
        self.0.get(usize::from(anchor)).map_or(&[], Vec::as_slice)
    }
}
