//! What surprises stand beside: the customer's own plain list, and what anybody would expect of them.

use std::collections::HashSet;

use serendib_shop::ProductIx;

/// Products of a customer's plain list that are no surprise, and as many that the primitive model expects.
const PLAIN: usize = 20;
/// In a small shop a list of [`PLAIN`] would be everything: of so many products one.
const ONE_IN: usize = 5;

/// What is no surprise to one customer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// The start of their plain list, best first.
    pub plain: Vec<ProductIx>,
    /// The products of `plain`, and those that popularity and habit alone would say.
    pub expected: HashSet<ProductIx>,
}

impl Beside {
    /// How many products of the plain list are no surprise where a shop sells `products`.
    pub fn count(products: usize) -> usize {
        PLAIN.min(products / ONE_IN)
    }

    /// Of a plain list and of what the primitive model says.
    pub fn new(plain: Vec<ProductIx>, said: Vec<ProductIx>) -> Beside {
        let expected = plain.iter().copied().chain(said).collect();
        Beside { plain, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_shop_has_surprises_too() {
        assert_eq!(
            [0, 4, 10, 99, 100, 5_000].map(Beside::count),
            [0, 0, 2, 19, 20, 20]
        );
        let beside = Beside::new(
            vec![ProductIx(3), ProductIx(1)],
            vec![ProductIx(1), ProductIx(2)],
        );
        assert_eq!(beside.expected.len(), 3);
        assert_eq!(beside.plain, [3, 1].map(ProductIx));
    }
}
