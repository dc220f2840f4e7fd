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
    of_kinds: SparseRows<u32>,
}

impl Relations {
    /// Of products of `kinds`: rows of what stands beside each product and each kind beyond chance, either way round.
    pub fn new(kinds: Vec<u32>, of_products: SparseRows, of_kinds: SparseRows<u32>) -> Relations {
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
    /// use serendib_shop::ProductIx;
    ///
    /// let [soap, lamp, tent] = [0, 1, 2].map(ProductIx);
    /// let products = SparseRows::from_rows([vec![(lamp, 1.0)], vec![(soap, 1.0)], vec![]]);
    /// let relations = Relations::new(vec![0, 1, 2], products, SparseRows::default());
    /// assert!(relations.hold(soap, lamp) && relations.hold(lamp, soap));
    /// assert!(!relations.hold(soap, tent));
    /// ```
    pub fn hold(&self, a: ProductIx, b: ProductIx) -> bool {
        let kind = |p: ProductIx| self.kinds.get(p.index()).copied();
        let kinds = kind(a).zip(kind(b));
        beside(&self.of_products, a, b) || kinds.is_some_and(|(a, b)| beside(&self.of_kinds, a, b))
    }

    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        let mut out = BTreeMap::from([("kinds".to_owned(), Tensor::numbers(&self.kinds))]);
        put_rows(&mut out, "products", &self.of_products);
        put_rows(&mut out, "kinds", &self.of_kinds);
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
        let of_products = take_rows(&mut tensors, "products", products);
        let of_kinds = take_rows(&mut tensors, "kinds", count);
        Ok(Some(Relations {
            of_products: of_products.ok_or_else(|| wrong("products"))?,
            of_kinds: of_kinds.ok_or_else(|| wrong("kinds"))?,
            kinds,
        }))
    }
}

/// Whether one stands beside the other, either way round.
fn beside<C>(rows: &SparseRows<C>, a: C, b: C) -> bool
where
    C: Copy + Ord + From<u32> + Into<u32>,
{
    rows.get(a, b) > 0.0 || rows.get(b, a) > 0.0
}

fn put_rows<C>(out: &mut BTreeMap<String, Tensor>, of: &str, rows: &SparseRows<C>)
where
    C: Copy + Ord + From<u32> + Into<u32>,
{
    let (offsets, columns, strengths) = rows.parts();
    let strengths = Tensor::f32(&[strengths.len()], strengths.to_vec());
    let tensors = [
        Tensor::numbers(offsets),
        Tensor::numbers(columns),
        strengths,
    ];
    for (part, tensor) in PARTS.iter().zip(tensors) {
        out.insert(format!("{of}.{part}"), tensor);
    }
}

fn take_rows<C: Copy + Ord + From<u32>>(
    tensors: &mut BTreeMap<String, Tensor>,
    of: &str,
    count: usize,
) -> Option<SparseRows<C>> {
    let mut take = |part: &str| tensors.remove(&format!("{of}.{part}"));
    let offsets = take(PARTS[0])?.into_u32()?;
    let columns = take(PARTS[1])?.into_u32()?;
    let strengths = take(PARTS[2])?.into_f32()?;
    if offsets.is_empty() {
        return Some(SparseRows::default());
    }
    SparseRows::from_parts(offsets, columns, strengths, count, count)
}
