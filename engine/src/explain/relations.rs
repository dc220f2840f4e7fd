//! What customers have together more often than chance makes it: only that may be told as a cause.

use std::collections::BTreeMap;

use crate::bundle::{read_tensors, write_tensors, Bundle, BundleError, BundleWriter, Tensor};
use crate::complement::SparseRows;
use serendib_shop::ProductIx;

const TENSORS: &str = "relations.safetensors";
/// The tensors of one set of rows.
const PARTS: [&str; 3] = ["offsets", "columns", "strengths"];

/// Pairs of products, and of kinds of products, that the same customers have beyond chance; a part of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Relations {
    /// The kind of each product, by number.
    kinds: Vec<u32>,
    of_products: SparseRows,
    of_kinds: SparseRows,
}

impl Relations {
    /// Of products of `kinds`: rows of what stands beside each product and each kind beyond chance, either way round.
    pub fn new(kinds: Vec<u32>, of_products: SparseRows, of_kinds: SparseRows) -> Relations {
        Relations {
            kinds,
            of_products,
            of_kinds,
        }
    }

    /// Whether customers who have `a` have `b` more often than chance makes it: the two themselves, or their kinds.
    ///
    /// ```
    /// use serendib_engine::complement::SparseRows;
    /// use serendib_engine::explain::Relations;
    ///
    /// let products = SparseRows::from_rows([vec![(1, 1.0)], vec![(0, 1.0)], vec![]]);
    /// let relations = Relations::new(vec![0, 1, 2], products, SparseRows::default());
    /// assert!(relations.hold(0, 1) && relations.hold(1, 0));
    /// assert!(!relations.hold(0, 2));
    /// ```
    pub fn hold(&self, a: ProductIx, b: ProductIx) -> bool {
        let has = |rows: &SparseRows, a, b| rows.get(a, b) > 0.0 || rows.get(b, a) > 0.0;
        let kind = |p: ProductIx| self.kinds.get(p as usize).copied();
        let kinds = kind(a).zip(kind(b));
        has(&self.of_products, a, b) || kinds.is_some_and(|(a, b)| has(&self.of_kinds, a, b))
    }

    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        let u32s = |row: &[u32]| Tensor::u32(&[row.len()], row.to_vec());
        let mut out = BTreeMap::from([("kinds".to_owned(), u32s(&self.kinds))]);
        for (of, rows) in [("products", &self.of_products), ("kinds", &self.of_kinds)] {
            let (offsets, columns, strengths) = rows.parts();
            let strengths = Tensor::f32(&[strengths.len()], strengths.to_vec());
            let tensors = [u32s(offsets), u32s(columns), strengths];
            for (part, tensor) in PARTS.iter().zip(tensors) {
                out.insert(format!("{of}.{part}"), tensor);
            }
        }
        write_tensors(bundle, TENSORS, &out)
    }

    /// Reads the part of a model of `products` products; `None` where the bundle has none.
    ///
    /// # Errors
    /// Tensors that are missing or do not fit together.
    pub fn read(bundle: &Bundle, products: usize) -> Result<Option<Relations>, BundleError> {
        if !bundle.has(TENSORS) {
            return Ok(None);
        }
        let mut tensors = read_tensors(bundle, TENSORS)?;
        let wrong = |name: &str| BundleError::content(TENSORS, format!("{name:?} does not fit"));
        let kinds = tensors
            .remove("kinds")
            .and_then(Tensor::into_u32)
            .filter(|kinds| kinds.len() == products)
            .ok_or_else(|| wrong("kinds"))?;
        let count = kinds.iter().max().map_or(0, |most| *most as usize + 1);
        let mut rows = |of: &str, count: usize| -> Option<SparseRows> {
            let mut take = |part: &str| tensors.remove(&format!("{of}.{part}"));
            let offsets = take(PARTS[0])?.into_u32()?;
            let columns = take(PARTS[1])?.into_u32()?;
            let strengths = take(PARTS[2])?.into_f32()?;
            if offsets.is_empty() {
                return Some(SparseRows::default());
            }
            SparseRows::from_parts(offsets, columns, strengths, count, count)
        };
        Ok(Some(Relations {
            of_products: rows("products", products).ok_or_else(|| wrong("products"))?,
            of_kinds: rows("kinds", count).ok_or_else(|| wrong("kinds"))?,
            kinds,
        }))
    }
}
