//! Variants: the same product in another size, colour or pack.

use serendib_shop::ProductIx;
use unicode_normalization::UnicodeNormalization;

/// Splits a title into lower-case words; digits and letters that touch stay together.
pub fn title_words(title: &str) -> Vec<String> {
    title
        .nfkc()
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Variant groups over a catalogue.
#[derive(Debug, Clone, Default)]
pub struct Variants {
    group: Vec<ProductIx>,
}

impl Variants {
    /// Groups already known, one number per product.
    pub fn from_groups(group: Vec<ProductIx>) -> Variants {
        Variants { group }
    }

    /// The number of `product`'s group: the smallest product number in it. A product outside is its own group.
    pub fn of(&self, product: ProductIx) -> ProductIx {
        self.group.get(product.index()).copied().unwrap_or(product)
    }

    /// Whether two products are variants of one.
    pub fn same(&self, a: ProductIx, b: ProductIx) -> bool {
        self.of(a) == self.of(b)
    }

    /// The group of every product.
    pub fn groups(&self) -> &[ProductIx] {
        &self.group
    }
}
