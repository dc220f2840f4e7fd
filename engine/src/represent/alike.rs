//! Finding products alike through a graph over their unit vectors.

use std::collections::HashMap;

use super::dense::Dense;
use crate::index::{dot, Graph, GraphOptions};
use serendib_shop::ProductIx;

/// Nodes that a search may look at whatever the size of the graph, before it gives up for a scan.
const LEAST_BUDGET: usize = 2_000;

/// A graph over the distinct unit vectors of a catalogue, and the products behind each.
#[derive(Debug, Clone, PartialEq)]
pub struct AlikeGraph {
    /// Where the products of each node begin; one more at the end.
    starts: Vec<u32>,
    /// Products in order of node, ascending inside a node: all have equal vectors.
    products: Vec<ProductIx>,
    graph: Graph,
}

impl AlikeGraph {
    /// The graph of the rows of `units` that are not zero; equal rows are one node.
    pub fn build(units: &Dense, options: GraphOptions) -> AlikeGraph {
        let mut node_of: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut members: Vec<Vec<ProductIx>> = Vec::new();
        for product in 0..units.rows {
            let row = units.row(product);
            if row.iter().all(|x| *x == 0.0) {
                continue;
            }
            let key = row.iter().map(|x| x.to_bits()).collect();
            let node = *node_of.entry(key).or_insert_with(|| {
                members.push(Vec::new());
                members.len() - 1
            });
            members[node].push(ProductIx::of_index(product));
        }
        drop(node_of);
        let graph = Graph::build(members.len(), options, |node| {
            units.row(members[node][0].index())
        });
        let mut starts = vec![0];
        let mut products = Vec::new();
        for some in members {
            products.extend(some);
            starts.push(products.len() as u32);
        }
        AlikeGraph {
            starts,
            products,
            graph,
        }
    }

    /// Takes the parts as they are, after checking that they fit a catalogue of `len` products.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn from_parts(
        len: usize,
        starts: Vec<u32>,
        products: Vec<ProductIx>,
        graph: Graph,
    ) -> Result<AlikeGraph, String> {
        let rising = starts.first() == Some(&0) && starts.windows(2).all(|w| w[0] < w[1]);
        let ends = starts.last().map(|end| *end as usize) == Some(products.len());
        if !rising || !ends || starts.len() != graph.len() + 1 {
            return Err("starts do not give each node of the graph its products".into());
        }
        if let Some(product) = products.iter().find(|p| p.index() >= len) {
            return Err(format!("product {product} is not below {len}"));
        }
        Ok(AlikeGraph {
            starts,
            products,
            graph,
        })
    }

    /// Starts, products and graph.
    pub fn parts(&self) -> (&[u32], &[ProductIx], &Graph) {
        (&self.starts, &self.products, &self.graph)
    }

    fn members(&self, node: u32) -> &[ProductIx] {
        let node = node as usize;
        &self.products[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    /// At least the `k` products most alike to `vector` (as far as the graph finds them) among those that `allowed` lets
    /// through, with their cosines, in no order; `None` where so few pass that a scan of everything is the better way.
    pub fn search(
        &self,
        units: &Dense,
        vector: &[f32],
        k: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Option<Vec<(ProductIx, f32)>> {
        let breadth = (2 * k).max(k + 200);
        let row = |node: u32| units.row(self.members(node)[0].index());
        let found = self.graph.search(
            breadth,
            (self.graph.len() / 4).max(LEAST_BUDGET),
            |node| dot(vector, row(node)),
            |node| self.members(node).iter().any(|p| allowed(*p)),
        )?;
        let each = |(node, cosine): (u32, f32)| {
            let members = self.members(node).iter().copied();
            members.filter(|p| allowed(*p)).map(move |p| (p, cosine))
        };
        let found: Vec<(ProductIx, f32)> = found.into_iter().flat_map(each).collect();
        (found.len() >= k.min(self.products.len())).then_some(found)
    }
}
