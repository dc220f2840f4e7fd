//! The graph of products alike as tensors of the representation's file.

use super::AlikeGraph;
use crate::bundle::{BundleError, Tensor};
use crate::index::{Graph, Layer};
use serendib_shop::ProductIx;

/// How many layers the graph has.
pub(super) fn layers(alike: &AlikeGraph) -> usize {
    alike.parts().2.layers().len()
}

/// Hands every tensor of the graph to `put`.
pub(super) fn put(alike: &AlikeGraph, put: &mut dyn FnMut(String, Tensor) -> Option<Tensor>) {
    let (starts, products, graph) = alike.parts();
    put("alike.starts".into(), Tensor::numbers(starts));
    put("alike.products".into(), Tensor::numbers(products));
    for (at, layer) in graph.layers().iter().enumerate() {
        put(format!("alike{at}.nodes"), Tensor::numbers(&layer.nodes));
        put(format!("alike{at}.starts"), Tensor::numbers(&layer.starts));
        put(
            format!("alike{at}.neighbours"),
            Tensor::numbers(&layer.neighbours),
        );
    }
}

/// Reads what [`put`] gave, through `numbers`, for a catalogue of `products`.
///
/// # Errors
/// A missing tensor, or numbers that do not make a graph.
pub(super) fn take(
    products: usize,
    layers: usize,
    numbers: &mut dyn FnMut(&str) -> Result<Vec<u32>, BundleError>,
    bad: &dyn Fn(String) -> BundleError,
) -> Result<AlikeGraph, BundleError> {
    let starts = numbers("alike.starts")?;
    let members = numbers("alike.products")?;
    let members = members.into_iter().map(ProductIx).collect();
    let mut read = Vec::new();
    for at in 0..layers {
        read.push(Layer {
            nodes: numbers(&format!("alike{at}.nodes"))?,
            starts: numbers(&format!("alike{at}.starts"))?,
            neighbours: numbers(&format!("alike{at}.neighbours"))?,
        });
    }
    let graph = Graph::from_layers(starts.len().saturating_sub(1), read).map_err(bad)?;
    AlikeGraph::from_parts(products, starts, members, graph).map_err(bad)
}
