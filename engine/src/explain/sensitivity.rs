//! What a reason does not name, although it is true.

use serde::{Deserialize, Serialize};

use serendib_shop::{Catalogue, ProductIx};

/// Categories whose products are not named in reasons: somebody may look over the customer's shoulder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sensitivity {
    /// Begins of words; a product whose category path holds a word that begins so is not named. Lower case.
    pub sensitive: Vec<String>,
}

impl Default for Sensitivity {
    fn default() -> Self {
        let words = "pregnan fertility contracept intimate sexual erotic incontinence medic pharma health_condition \
            mental addiction funeral mourning weight_loss weight-loss diet \
            הריון פוריות מניעה אינטימי מיני תרופות רפואי אבל הרזיה";
        Sensitivity {
            sensitive: words.split_whitespace().map(str::to_owned).collect(),
        }
    }
}

impl Sensitivity {
    /// Whether `product` is not to be named: by its category, or by an attribute `sensitive` that is true.
    pub fn hides(&self, catalogue: &Catalogue, product: ProductIx) -> bool {
        if product.index() >= catalogue.len() {
            return true;
        }
        let row = catalogue.product(product);
        if row.attributes.get("sensitive") == Some(&serde_json::Value::Bool(true)) {
            return true;
        }
        row.category.as_deref().is_some_and(|path| {
            let path = path.to_lowercase();
            self.sensitive.iter().any(|begin| begins(&path, begin))
        })
    }
}

/// Whether a word of `path` begins with `begin`, after Hebrew particles that are written together with it ("לפוריות").
fn begins(path: &str, begin: &str) -> bool {
    path.match_indices(begin).any(|(at, _)| {
        let before = path[..at].trim_end_matches(|c| "ובלהכמש".contains(c));
        let particles = path[before.len()..at].chars().count();
        let free = before
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_alphanumeric());
        particles <= 2 && free
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Product;

    #[test]
    fn sensitive_words_are_not_looked_for_inside_others() {
        let sensitive = |path: &str| {
            let words = Sensitivity::default().sensitive;
            words.iter().any(|word| begins(path, word))
        };
        for path in [
            "garden/ornamental plants",
            "מטבח/נייר אלומיניום",
            "pets/cat",
        ] {
            assert!(!sensitive(path), "{path}");
        }
        for path in [
            "health/mental health",
            "care/pregnancy-tests",
            "תוספים להריון",
            "בריאות/ולפוריות",
        ] {
            assert!(sensitive(path), "{path}");
        }
    }

    #[test]
    fn sensitive_categories_and_marked_products_are_hidden() {
        let mut marked = Product::bare("b");
        marked.attributes.insert("sensitive".into(), true.into());
        let catalogue = Catalogue::new(vec![
            Product {
                category: Some("Care/Incontinence".into()),
                ..Product::bare("a")
            },
            marked,
            Product {
                category: Some("toys".into()),
                ..Product::bare("c")
            },
        ])
        .unwrap();
        let hides: Vec<bool> = (0..4)
            .map(|p| Sensitivity::default().hides(&catalogue, ProductIx(p)))
            .collect();
        assert_eq!(hides, [true, true, false, true]);
    }
}
