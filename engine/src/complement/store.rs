//! The part in a bundle: one tensor file.

use serendib_shop::ProductIx;
use std::collections::BTreeMap;

use super::graph::{Complements, Edge};
use super::{Completion, Lag, SparseRows, Variants};
use crate::bundle::{read_tensors, write_tensors, Bundle, BundleError, BundleWriter, Tensor};

const FILE: &str = "complements.safetensors";

impl Complements {
    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        let mut out: BTreeMap<String, Tensor> = BTreeMap::new();
        let targets: Vec<ProductIx> = self.edges.iter().map(|e| e.product).collect();
        let tensors = [
            ("variants", Tensor::numbers(self.variants.groups())),
            ("edges.offsets", Tensor::numbers(&self.offsets)),
            ("edges.product", Tensor::numbers(&targets)),
            ("topics", Tensor::numbers(&self.topics)),
        ];
        out.extend(tensors.map(|(name, tensor)| (name.to_owned(), tensor)));
        put_rows(&mut out, "substitutes", &self.substitutes);
        put_rows(&mut out, "companions", &self.companions);
        put_rows(&mut out, "follows", &self.follows);
        put_rows(&mut out, "completion", self.completion.rows());
        put_rows(&mut out, "topic_edges", &self.topic_edges);
        put_rows(&mut out, "topic_best", &self.topic_best);
        let mut f32s = |name: &str, data: Vec<f32>| {
            out.insert(name.into(), Tensor::f32(&[data.len()], data));
        };
        for (name, take) in EDGE_FIELDS {
            f32s(name, self.edges.iter().map(take).collect());
        }
        f32s(
            "completion.popularity",
            self.completion.popularity().to_vec(),
        );
        f32s("substitute_from", vec![self.substitute_from]);
        write_tensors(bundle, FILE, &out)
    }

    /// Reads the part of a model of `products` products; `None` where the bundle has none.
    ///
    /// # Errors
    /// Arrays that are missing, of another type, or do not fit together.
    pub fn read(bundle: &Bundle, products: usize) -> Result<Option<Complements>, BundleError> {
        if !bundle.has(FILE) {
            return Ok(None);
        }
        let mut file = Reader {
            tensors: read_tensors(bundle, FILE)?,
        };
        let groups = file.u32s("variants")?;
        let offsets = file.u32s("edges.offsets")?;
        let targets = file.u32s("edges.product")?;
        let topics = file.u32s("topics")?;
        let mut columns: Vec<Vec<f32>> = Vec::new();
        for (name, _) in EDGE_FIELDS {
            let column = file.f32s(name)?;
            if column.len() != targets.len() {
                return Err(BundleError::content(FILE, format!("{name} is not whole")));
            }
            columns.push(column);
        }
        let fits = groups.len() == products
            && topics.len() == products
            && groups.iter().all(|g| (*g as usize) < products)
            && targets.iter().all(|t| (*t as usize) < products);
        let topic_count = topics.iter().max().map_or(0, |top| *top as usize + 1);
        let shape = SparseRows::<ProductIx>::from_parts(
            offsets.clone(),
            targets.clone(),
            vec![1.0; targets.len()],
            products,
            products,
        );
        if !fits || shape.is_none() {
            return Err(BundleError::content(
                FILE,
                format!("edges do not fit {products} products"),
            ));
        }
        let edges = targets
            .iter()
            .enumerate()
            .map(|(ix, product)| Edge {
                product: ProductIx(*product),
                score: columns[0][ix],
                lift: columns[1][ix],
                conditional: columns[2][ix],
                direction: columns[3][ix],
                lag: Lag {
                    together: columns[4][ix],
                    median_days: columns[5][ix],
                    spread: columns[6][ix].max(0.1),
                },
            })
            .collect();
        let substitutes = file.matrix("substitutes", products, products)?;
        let companions = file.matrix("companions", products, products)?;
        let follows = file.matrix("follows", products, products)?;
        let completion = file.matrix("completion", products, products)?;
        let topic_edges = file.matrix("topic_edges", topic_count, topic_count)?;
        let topic_best = file.matrix("topic_best", topic_count, products)?;
        let popularity = file.f32s("completion.popularity")?;
        let substitute_from = file.f32s("substitute_from")?;
        Ok(Some(Complements {
            variants: Variants::from_groups(groups.into_iter().map(ProductIx).collect()),
            offsets,
            edges,
            substitutes,
            companions,
            follows,
            completion: Completion::new(completion, popularity),
            topics,
            topic_edges,
            topic_best,
            substitute_from: substitute_from.first().copied().unwrap_or(0.35),
        }))
    }
}

fn put_rows<C>(out: &mut BTreeMap<String, Tensor>, name: &str, rows: &SparseRows<C>)
where
    C: Copy + Ord + From<u32> + Into<u32>,
{
    let (offsets, columns, values) = rows.parts();
    let values = Tensor::f32(&[values.len()], values.to_vec());
    out.insert(format!("{name}.offsets"), Tensor::numbers(offsets));
    out.insert(format!("{name}.columns"), Tensor::numbers(columns));
    out.insert(format!("{name}.values"), values);
}

/// Names and values of an edge's numbers, in the order in which they are read back.
type EdgeField = (&'static str, fn(&Edge) -> f32);
const EDGE_FIELDS: [EdgeField; 7] = [
    ("edges.score", |e| e.score),
    ("edges.lift", |e| e.lift),
    ("edges.conditional", |e| e.conditional),
    ("edges.direction", |e| e.direction),
    ("edges.together", |e| e.lag.together),
    ("edges.median_days", |e| e.lag.median_days),
    ("edges.spread", |e| e.lag.spread),
];

struct Reader {
    tensors: BTreeMap<String, Tensor>,
}

impl Reader {
    fn take(&mut self, name: &str) -> Result<Tensor, BundleError> {
        self.tensors
            .remove(name)
            .ok_or_else(|| BundleError::content(FILE, format!("no tensor {name:?}")))
    }

    fn u32s(&mut self, name: &str) -> Result<Vec<u32>, BundleError> {
        self.take(name)?
            .into_u32()
            .ok_or_else(|| BundleError::content(FILE, format!("{name:?} is not u32")))
    }

    fn f32s(&mut self, name: &str) -> Result<Vec<f32>, BundleError> {
        self.take(name)?
            .into_f32()
            .ok_or_else(|| BundleError::content(FILE, format!("{name:?} is not f32")))
    }

    fn matrix<C: Copy + Ord + From<u32>>(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<SparseRows<C>, BundleError> {
        let offsets = self.u32s(&format!("{name}.offsets"))?;
        let places = self.u32s(&format!("{name}.columns"))?;
        let values = self.f32s(&format!("{name}.values"))?;
        if offsets.is_empty() && places.is_empty() {
            return Ok(SparseRows::default());
        }
        SparseRows::from_parts(offsets, places, values, rows, columns)
            .ok_or_else(|| BundleError::content(FILE, format!("{name} is not whole")))
    }
}
