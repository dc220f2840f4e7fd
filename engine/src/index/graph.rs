//! A navigable graph over unit vectors: built by `hnsw_rs`, kept as plain lists of neighbours.
//!
//! Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small world
//! graphs", 2016. The library builds the graph, one vector after the other and with its fixed seed, so that the same vectors
//! give the same graph. What is kept are numbers of neighbours: they can be written, verified and checked before anything
//! follows them, they need no second copy of the vectors, and a search may count its steps and give up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hnsw_rs::prelude::{Distance, Hnsw};

use super::dot;

/// How a graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphOptions {
    /// Neighbours of a node; twice as many in the lowest layer.
    pub connections: usize,
    /// Nodes looked at for the neighbours of a new one.
    pub breadth: usize,
}

impl Default for GraphOptions {
    fn default() -> Self {
        GraphOptions {
            connections: 16,
            breadth: 80,
        }
    }
}

/// 1 − cosine of unit vectors, never negative.
#[derive(Debug, Clone, Copy, Default)]
struct Angular;

impl Distance<f32> for Angular {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        (1.0 - dot(a, b)).max(0.0)
    }
}

/// Nodes of one layer with their neighbours.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layer {
    /// Numbers of its nodes, ascending.
    pub nodes: Vec<u32>,
    /// Where each node's neighbours begin; one more at the end.
    pub starts: Vec<u32>,
    /// Numbers of neighbours, in the same layer.
    pub neighbours: Vec<u32>,
}

impl Layer {
    fn of(&self, node: u32) -> &[u32] {
        match self.nodes.binary_search(&node) {
            Ok(at) => &self.neighbours[self.starts[at] as usize..self.starts[at + 1] as usize],
            Err(_) => &[],
        }
    }
}

/// A graph over the nodes `0..len`; layer 0 holds all of them, each further layer fewer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    layers: Vec<Layer>,
}

/// A node with its similarity to the query; larger is more alike, ties go to the smaller number.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Near(f32, u32);

impl Eq for Near {}

impl Ord for Near {
    fn cmp(&self, other: &Near) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(other.1.cmp(&self.1))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Near) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Graph {
    /// The graph of `len` distinct unit vectors; `vector` gives each. One thread; the same vectors give the same graph.
    pub fn build<'v>(
        len: usize,
        options: GraphOptions,
        vector: impl Fn(usize) -> &'v [f32],
    ) -> Graph {
        if len == 0 {
            return Graph::default();
        }
        let graph = Hnsw::new(options.connections, len, 16, options.breadth, Angular);
        for node in 0..len {
            graph.insert_slice((vector(node), node));
        }
        let points = graph.get_point_indexation();
        let top = points.get_max_level_observed() as usize;
        let mut rows: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); top + 1];
        for layer in 0..=top {
            for point in points.get_layer_iterator(layer) {
                let node = point.get_origin_id() as u32;
                // a point of this layer is in every layer below as well
                let by_layer = point.get_neighborhood_id();
                for (below, rows) in rows.iter_mut().enumerate().take(layer + 1) {
                    let near = by_layer.get(below).map_or(&[][..], |near| near);
                    let mut near: Vec<u32> = near.iter().map(|n| n.d_id as u32).collect();
                    near.sort_unstable();
                    near.dedup();
                    near.retain(|other| *other != node);
                    rows.push((node, near));
                }
            }
        }
        for rows in &mut rows {
            rows.sort_unstable_by_key(|(node, _)| *node);
        }
        let entry = rows[top][0].0;
        let mut lowest: Vec<Vec<u32>> = std::mem::take(&mut rows[0])
            .into_iter()
            .map(|(_, near)| near)
            .collect();
        connect(&mut lowest, entry, |a, b| {
            dot(vector(a as usize), vector(b as usize))
        });
        rows[0] = (0..).zip(lowest).collect();
        let layers = rows.into_iter().map(|rows| {
            let mut layer = Layer {
                starts: vec![0],
                ..Layer::default()
            };
            for (node, near) in rows {
                layer.nodes.push(node);
                layer.neighbours.extend(near);
                layer.starts.push(layer.neighbours.len() as u32);
            }
            layer
        });
        Graph {
            layers: layers.collect(),
        }
    }

    /// Takes the layers as they are, after checking that they make a graph of `len` nodes.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn from_layers(len: usize, layers: Vec<Layer>) -> Result<Graph, String> {
        for (at, layer) in layers.iter().enumerate() {
            let ascending = layer.nodes.windows(2).all(|pair| pair[0] < pair[1]);
            let inside = layer.nodes.last().is_none_or(|last| (*last as usize) < len);
            if !ascending
                || !inside
                || layer.nodes.is_empty()
                || (at == 0 && layer.nodes.len() != len)
            {
                return Err(format!("layer {at} does not hold the nodes that it should"));
            }
            let starts = &layer.starts;
            let rising = starts.first() == Some(&0) && starts.windows(2).all(|w| w[0] <= w[1]);
            let ends = starts.last().map(|end| *end as usize) == Some(layer.neighbours.len());
            if !rising || !ends || starts.len() != layer.nodes.len() + 1 {
                return Err(format!(
                    "layer {at}: starts do not rise to the number of neighbours"
                ));
            }
            if let Some(node) = layer.neighbours.iter().find(|node| **node as usize >= len) {
                return Err(format!("layer {at}: neighbour {node} is not below {len}"));
            }
        }
        if layers.is_empty() != (len == 0) {
            return Err(format!("{} layers for {len} nodes", layers.len()));
        }
        Ok(Graph { layers })
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.nodes.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    pub fn bytes(&self) -> usize {
        let of = |layer: &Layer| layer.nodes.len() + layer.starts.len() + layer.neighbours.len();
        self.layers.iter().map(of).sum::<usize>() * size_of::<u32>()
    }

    /// The nodes most alike to a query among those that `accepts` lets through, at most `breadth`, in no order; `None` where
    /// looking at `budget` nodes was not enough to be done.
    ///
    /// `similarity` = inner product of the query with a node's vector. More `breadth` than wanted finds more of the best.
    pub fn search(
        &self,
        breadth: usize,
        budget: usize,
        similarity: impl Fn(u32) -> f32,
        accepts: impl Fn(u32) -> bool,
    ) -> Option<Vec<(u32, f32)>> {
        let (Some(lowest), Some(highest)) = (self.layers.first(), self.layers.last()) else {
            return Some(Vec::new());
        };
        let mut at = highest.nodes[0];
        let mut best = similarity(at);
        for layer in self.layers[1..].iter().rev() {
            loop {
                let from = at;
                for &near in layer.of(from) {
                    let score = similarity(near);
                    if score > best {
                        (at, best) = (near, score);
                    }
                }
                if at == from {
                    break;
                }
            }
        }
        let mut seen = vec![0u64; self.len().div_ceil(64)];
        let mut first_seen = |node: u32| {
            let (word, bit) = (&mut seen[node as usize / 64], 1u64 << (node % 64));
            let new = *word & bit == 0;
            *word |= bit;
            new
        };
        first_seen(at);
        let mut open = BinaryHeap::from([Near(best, at)]);
        let mut found: BinaryHeap<Reverse<Near>> = BinaryHeap::with_capacity(breadth + 1);
        if accepts(at) {
            found.push(Reverse(Near(best, at)));
        }
        let mut looked = 1;
        while let Some(Near(score, node)) = open.pop() {
            let full = found.len() >= breadth;
            if full && found.peek().is_some_and(|worst| score < worst.0 .0) {
                break;
            }
            let at = node as usize;
            let range = lowest.starts[at] as usize..lowest.starts[at + 1] as usize;
            for &near in &lowest.neighbours[range] {
                if !first_seen(near) {
                    continue;
                }
                looked += 1;
                let score = similarity(near);
                let enters =
                    found.len() < breadth || found.peek().is_some_and(|worst| score > worst.0 .0);
                if !enters {
                    continue;
                }
                open.push(Near(score, near));
                if accepts(near) {
                    found.push(Reverse(Near(score, near)));
                    if found.len() > breadth {
                        found.pop();
                    }
                }
            }
            if looked > budget {
                return None;
            }
        }
        Some(
            found
                .into_iter()
                .map(|Reverse(Near(score, node))| (node, score))
                .collect(),
        )
    }
}

/// Makes every node reachable from `entry`: one that no path leads to is linked from the most similar of its own neighbours that
/// a path leads to, else from `entry`.
fn connect(near: &mut [Vec<u32>], entry: u32, similarity: impl Fn(u32, u32) -> f32) {
    let mut reached = vec![false; near.len()];
    let mut open = vec![entry];
    reached[entry as usize] = true;
    let mut next = 0;
    loop {
        while let Some(node) = open.pop() {
            for &other in &near[node as usize] {
                if !std::mem::replace(&mut reached[other as usize], true) {
                    open.push(other);
                }
            }
        }
        while reached.get(next).is_some_and(|reached| *reached) {
            next += 1;
        }
        if next == near.len() {
            return;
        }
        let stray = next as u32;
        let known = near[next].iter().copied().filter(|n| reached[*n as usize]);
        let from = known.max_by(|a, b| {
            let by = similarity(stray, *a).total_cmp(&similarity(stray, *b));
            by.then(b.cmp(a))
        });
        near[from.unwrap_or(entry) as usize].push(stray);
        reached[next] = true;
        open.push(stray);
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn vectors(len: usize, dim: usize) -> Vec<Vec<f32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..len)
            .map(|_| {
                let x: Vec<f32> = (0..dim).map(|_| rng.gen_range(-1.0..1.0f32)).collect();
                let length = dot(&x, &x).sqrt();
                x.into_iter().map(|v| v / length).collect()
            })
            .collect()
    }

    #[test]
    fn the_same_vectors_give_the_same_graph_and_its_layers_pass_the_check() {
        let rows = vectors(800, 12);
        let graph = Graph::build(rows.len(), GraphOptions::default(), |at| &rows[at]);
        let again = Graph::build(rows.len(), GraphOptions::default(), |at| &rows[at]);
        assert_eq!(graph, again);
        assert_eq!(graph.len(), 800);
        let read = Graph::from_layers(800, graph.layers().to_vec()).unwrap();
        assert_eq!(read, graph);
        assert!(Graph::from_layers(0, Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn every_node_is_linked_from_the_nearest_of_its_own_neighbours() {
        let mut near = vec![vec![1], vec![0], vec![0, 1], vec![4], vec![3]];
        connect(&mut near, 0, |a, b| -((a as f32) - (b as f32)).abs());
        assert_eq!(near, [vec![1, 3], vec![0, 2], vec![0, 1], vec![4], vec![3]]);
    }

    #[test]
    fn damaged_layers_are_refused() {
        let rows = vectors(200, 8);
        let graph = Graph::build(rows.len(), GraphOptions::default(), |at| &rows[at]);
        let refused = |spoil: &dyn Fn(&mut Vec<Layer>)| {
            let mut layers = graph.layers().to_vec();
            spoil(&mut layers);
            assert!(Graph::from_layers(200, layers).is_err());
        };
        refused(&|layers| layers[0].neighbours[5] = 200);
        refused(&|layers| layers[0].nodes[5] = 4);
        refused(&|layers| layers[0].starts[7] = u32::MAX);
        refused(&|layers| {
            layers[0].starts.pop();
        });
        refused(&|layers| layers.clear());
        refused(&|layers| layers.push(Layer::default()));
    }

    #[test]
    fn nearly_all_neighbours_are_found_under_every_filter_or_the_search_says_that_it_gave_up() {
        let rows = vectors(3000, 12);
        let graph = Graph::build(rows.len(), GraphOptions::default(), |at| &rows[at]);
        for keep in [1u32, 2, 10, 100] {
            let (mut found, mut wanted, mut gave_up) = (0, 0, 0);
            for query in rows.iter().step_by(150) {
                let score = |node: u32| dot(query, &rows[node as usize]);
                let mut exact: Vec<(u32, f32)> = (0..3000)
                    .filter(|node| node % keep == 0)
                    .map(|node| (node, score(node)))
                    .collect();
                exact.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                exact.truncate(10);
                match graph.search(60, 2500, score, |node| node % keep == 0) {
                    None => gave_up += 1,
                    Some(some) => {
                        assert!(some.iter().all(|(node, _)| node % keep == 0));
                        wanted += exact.len();
                        let inside = |node: u32| some.iter().any(|s| s.0 == node);
                        found += exact.iter().filter(|e| inside(e.0)).count();
                    }
                }
            }
            assert!(
                found * 100 >= wanted * 98,
                "1 in {keep}: {found} of {wanted}"
            );
            assert!(
                keep >= 100 || gave_up == 0,
                "1 in {keep}: gave up {gave_up} times"
            );
        }
    }
}
