//! What a customer said of surprises, as far as it bears on what they are shown next.

use serendib_shop::{regretted, Catalogue, Delight, ProductIx};

use super::lets_down;

/// What a customer said against surprises until some time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// When they last said that something fell short of what they expected, ms.
    pub let_down_at: Option<i64>,
    /// Surprises of which they want no other, with the time when they said so, ms.
    pub regretted: Vec<(ProductIx, i64)>,
}

impl Said {
    /// Of the `delights` of one customer before `now`, ms, in the numbers of `catalogue`.
    pub fn before(delights: &[Delight], catalogue: &Catalogue, now: i64) -> Said {
        let said = || delights.iter().filter(|said| said.at < now);
        let let_down = said().filter(|said| lets_down(said));
        Said {
            let_down_at: let_down.map(|said| said.at).max(),
            regretted: regretted(said(), catalogue),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Product;

    #[test]
    fn only_what_was_said_before_is_heard() {
        let catalogue = Catalogue::new(vec![Product::bare("mug"), Product::bare("tea")]).unwrap();
        let said = |product: &str, at, again, actual| Delight {
            product_id: product.into(),
            at,
            again,
            expected: Some(4.0),
            actual,
            ..Delight::default()
        };
        let delights = [
            said("tea", 5, Some(1.0), None),
            // less than was expected, and nothing said of another one
            said("mug", 7, None, Some(2.0)),
            said("mug", 8, Some(5.0), Some(5.0)),
            said("gone", 9, Some(1.0), None),
        ];
        let before = |now| Said::before(&delights, &catalogue, now);
        assert_eq!(before(5), Said::default());
        let tea = vec![(ProductIx(1), 5)];
        let expected = |let_down_at| Said {
            let_down_at: Some(let_down_at),
            regretted: tea.clone(),
        };
        assert_eq!(before(6), expected(5));
        assert_eq!(before(9), expected(7), "what pleased lets nobody down");
        // a disappointment counts also where the product is no longer known
        assert_eq!(before(i64::MAX), expected(9));
    }
}
