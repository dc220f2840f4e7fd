//! Finding customers alike: unit vectors that come, change and go while the index is searched.

use std::collections::HashMap;

use super::{check_query, dot, Graph, GraphOptions, IndexError, Top};

/// One customer found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// The key given to [`CustomerIndex::add`].
    pub key: u64,
    /// Cosine, −1 to 1.
    pub cosine: f32,
}

/// From this many distinct vectors on a graph pays; below, the exact scan is as fast and misses nothing.
const GRAPH_FROM: usize = 4_000;
const GRAPH: GraphOptions = GraphOptions {
    connections: 16,
    breadth: 80,
};

/// A graph over the vectors of a generation, and everything since in an exact side buffer.
///
/// Equal vectors are stored once, whatever the number of customers behind them. A customer that leaves or changes leaves
/// a tombstone; [`CustomerIndex::rebuilt`] makes a compact copy with a new graph, in the background, to be swapped in.
pub struct CustomerIndex {
    dim: usize,
    vectors: Vec<f32>,
    /// Customers behind each stored vector; none = tombstone.
    members: Vec<Vec<u64>>,
    slot_of: HashMap<u64, usize>,
    slots_by_hash: HashMap<u64, Vec<usize>>,
    tombstones: usize,
    graph: Option<Graph>,
    /// Vectors below this number are in the graph.
    in_graph: usize,
}

impl std::fmt::Debug for CustomerIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CustomerIndex")
            .field("dim", &self.dim)
            .field("customers", &self.slot_of.len())
            .field("vectors", &self.members.len())
            .field("in_graph", &self.in_graph)
            .field("tombstones", &self.tombstones)
            .finish()
    }
}

impl CustomerIndex {
    /// An empty index of vectors with `dim` dimensions.
    pub fn new(dim: usize) -> CustomerIndex {
        CustomerIndex {
            dim,
            vectors: Vec::new(),
            members: Vec::new(),
            slot_of: HashMap::new(),
            slots_by_hash: HashMap::new(),
            tombstones: 0,
            graph: None,
            in_graph: 0,
        }
    }

    /// How many customers are in it.
    pub fn len(&self) -> usize {
        self.slot_of.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.slot_of.is_empty()
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Bytes held, about: vectors, who is behind them, and the graph.
    pub fn bytes(&self) -> usize {
        // a slot has its list of members and its entry by hash, a customer an entry by key
        let slots = self.members.len() * 100 + self.slot_of.len() * 40;
        self.vectors.len() * 4 + slots + self.graph.as_ref().map_or(0, Graph::bytes)
    }

    fn vector(&self, slot: usize) -> &[f32] {
        &self.vectors[slot * self.dim..(slot + 1) * self.dim]
    }

    /// The vector of customer `key`.
    pub fn vector_of(&self, key: u64) -> Option<&[f32]> {
        self.slot_of.get(&key).map(|slot| self.vector(*slot))
    }

    /// Adds customer `key`, or moves them where they are in it already.
    ///
    /// # Errors
    /// A vector of another dimension, not finite, zero, or not of unit length (within 1e-3).
    pub fn add(&mut self, key: u64, vector: &[f32]) -> Result<(), IndexError> {
        check_query(self.dim, vector)?;
        let length = dot(vector, vector).sqrt();
        if length == 0.0 {
            return Err(IndexError::Zero);
        }
        if (length - 1.0).abs() > 1e-3 {
            return Err(IndexError::NotUnit { length });
        }
        self.remove(key);
        let hash = hash(vector);
        let same = self.slots_by_hash.get(&hash).and_then(|slots| {
            slots
                .iter()
                .copied()
                .find(|slot| self.vector(*slot) == vector)
        });
        let slot = match same {
            Some(slot) => {
                if self.members[slot].is_empty() {
                    self.tombstones -= 1;
                }
                slot
            }
            None => {
                self.vectors.extend_from_slice(vector);
                self.members.push(Vec::new());
                let slot = self.members.len() - 1;
                self.slots_by_hash.entry(hash).or_default().push(slot);
                slot
            }
        };
        let members = &mut self.members[slot];
        let at = members.partition_point(|other| *other < key);
        members.insert(at, key);
        self.slot_of.insert(key, slot);
        Ok(())
    }

    /// Takes customer `key` out; whether they were in it.
    pub fn remove(&mut self, key: u64) -> bool {
        let Some(slot) = self.slot_of.remove(&key) else {
            return false;
        };
        self.members[slot].retain(|other| *other != key);
        if self.members[slot].is_empty() {
            self.tombstones += 1;
        }
        true
    }

    /// Whether a rebuild would pay: the side buffer or the tombstones have grown beyond a tenth.
    pub fn wants_rebuild(&self) -> bool {
        let slots = self.members.len();
        let side = slots - self.in_graph;
        (slots >= GRAPH_FROM && side > slots / 10) || self.tombstones > 100 + slots / 10
    }

    /// A compact copy with a graph over everything, where there is enough for one. The same content gives an index that
    /// finds the same customers: vectors are inserted in order of their smallest key.
    pub fn rebuilt(&self) -> CustomerIndex {
        let mut out = CustomerIndex::new(self.dim);
        let mut live: Vec<usize> = (0..self.members.len())
            .filter(|slot| !self.members[*slot].is_empty())
            .collect();
        live.sort_unstable_by_key(|slot| self.members[*slot][0]);
        for slot in live {
            let vector = self.vector(slot);
            let to = out.members.len();
            out.vectors.extend_from_slice(vector);
            out.slots_by_hash.entry(hash(vector)).or_default().push(to);
            for key in &self.members[slot] {
                out.slot_of.insert(*key, to);
            }
            out.members.push(self.members[slot].clone());
        }
        if out.members.len() >= GRAPH_FROM {
            out.build_graph();
        }
        out
    }

    fn build_graph(&mut self) {
        let graph = Graph::build(self.members.len(), GRAPH, |slot| self.vector(slot));
        self.in_graph = self.members.len();
        self.graph = Some(graph);
    }

    /// The `k` customers that `allowed` lets through with the largest cosine: cosine descending, then key ascending.
    ///
    /// The side buffer is always scanned exactly. Where a filter leaves fewer than `k` of what the graph found, everything
    /// is scanned exactly.
    ///
    /// # Errors
    /// A query of another dimension or with a number that is not finite.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        allowed: &(dyn Fn(u64) -> bool + Sync),
    ) -> Result<Vec<Neighbour>, IndexError> {
        check_query(self.dim, query)?;
        let length = dot(query, query).sqrt();
        if k == 0 || length == 0.0 || self.is_empty() {
            return Ok(Vec::new());
        }
        let k = k.min(self.len());
        if let Some(graph) = &self.graph {
            let unit: Vec<f32> = query.iter().map(|x| x / length).collect();
            let near = graph.search(
                (2 * k).max(k + 100),
                (self.in_graph / 4).max(2_000),
                |slot| dot(&unit, self.vector(slot as usize)),
                |slot| self.members[slot as usize].iter().any(|key| allowed(*key)),
            );
            // None: too few pass the filter, so that a scan is as fast and misses nothing
            if let Some(near) = near {
                let near = near.into_iter().map(|(slot, _)| slot as usize);
                let side = self.in_graph..self.members.len();
                let found = self.best(query, length, k, near.chain(side), allowed);
                if found.len() == k {
                    return Ok(found);
                }
            }
        }
        Ok(self.best(query, length, k, 0..self.members.len(), allowed))
    }

    fn best(
        &self,
        query: &[f32],
        length: f32,
        k: usize,
        slots: impl Iterator<Item = usize>,
        allowed: &(dyn Fn(u64) -> bool + Sync),
    ) -> Vec<Neighbour> {
        let mut top = Top::new(k);
        for slot in slots {
            if self.members[slot].is_empty() {
                continue;
            }
            let cosine = (dot(query, self.vector(slot)) / length).clamp(-1.0, 1.0);
            if top.admits(cosine) && self.members[slot].iter().any(|key| allowed(*key)) {
                top.push(slot as u32, cosine);
            }
        }
        let mut found: Vec<Neighbour> = top
            .finish()
            .into_iter()
            .flat_map(|(slot, cosine)| {
                self.members[slot as usize]
                    .iter()
                    .filter(|key| allowed(**key))
                    .take(k)
                    .map(move |key| Neighbour { key: *key, cosine })
            })
            .collect();
        found.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.key.cmp(&b.key)));
        found.truncate(k);
        found
    }
}

fn hash(vector: &[f32]) -> u64 {
    vector.iter().fold(0xcbf2_9ce4_8422_2325, |hash, x| {
        (hash ^ u64::from(x.to_bits())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn unit(rng: &mut ChaCha8Rng, dim: usize) -> Vec<f32> {
        let x: Vec<f32> = (0..dim).map(|_| rng.gen_range(-1.0..1.0f32)).collect();
        let length = dot(&x, &x).sqrt();
        x.into_iter().map(|v| v / length).collect()
    }

    #[test]
    fn customers_come_change_and_go() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut index = CustomerIndex::new(8);
        let vectors: Vec<Vec<f32>> = (0..50).map(|_| unit(&mut rng, 8)).collect();
        for (key, vector) in vectors.iter().enumerate() {
            index.add(key as u64, vector).unwrap();
        }
        assert_eq!(index.search(&vectors[7], 1, &|_| true).unwrap()[0].key, 7);
        assert!(index.remove(7) && !index.remove(7));
        assert!(index
            .search(&vectors[7], 50, &|_| true)
            .unwrap()
            .iter()
            .all(|n| n.key != 7));
        index.add(9, &vectors[7]).unwrap();
        let best = index.search(&vectors[7], 1, &|_| true).unwrap()[0];
        assert!(best.key == 9 && best.cosine > 0.9999);
        assert_eq!(index.len(), 49);
        let compact = index.rebuilt();
        for query in &vectors {
            assert_eq!(
                compact.search(query, 10, &|_| true).unwrap(),
                index.search(query, 10, &|_| true).unwrap()
            );
        }
    }

    #[test]
    fn equal_vectors_hide_nobody() {
        let mut index = CustomerIndex::new(2);
        for key in 0..100 {
            index.add(key, &[1.0, 0.0]).unwrap();
        }
        index.add(100, &[0.0, 1.0]).unwrap();
        assert_eq!(index.members.len(), 2);
        let found = index.search(&[1.0, 0.0], 101, &|_| true).unwrap();
        assert_eq!(found.len(), 101);
        assert_eq!(found[100].key, 100);
        let some = index.search(&[1.0, 0.0], 3, &|key| key >= 98).unwrap();
        assert_eq!(
            some.iter().map(|n| n.key).collect::<Vec<_>>(),
            [98, 99, 100]
        );
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        let mut index = CustomerIndex::new(2);
        assert!(matches!(index.add(1, &[0.0, 0.0]), Err(IndexError::Zero)));
        assert!(matches!(
            index.add(1, &[3.0, 0.0]),
            Err(IndexError::NotUnit { .. })
        ));
        assert!(matches!(
            index.add(1, &[f32::NAN, 0.0]),
            Err(IndexError::QueryNotFinite)
        ));
        assert!(matches!(
            index.add(1, &[1.0]),
            Err(IndexError::QueryShape { .. })
        ));
        assert!(index.is_empty());
    }

    #[test]
    fn the_graph_finds_nearly_all_of_the_exact_neighbours_and_the_side_buffer_all() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let dim = 12;
        let mut index = CustomerIndex::new(dim);
        for key in 0..1500 {
            index.add(key, &unit(&mut rng, dim)).unwrap();
        }
        let plain = index.rebuilt();
        let mut graph = index.rebuilt();
        graph.build_graph();
        let late = unit(&mut rng, dim);
        graph.add(9999, &late).unwrap();
        assert_eq!(graph.search(&late, 1, &|_| true).unwrap()[0].key, 9999);
        graph.remove(9999);
        let (mut found, mut wanted) = (0, 0);
        for modulus in [1u64, 3, 200] {
            for _ in 0..20 {
                let query = unit(&mut rng, dim);
                let allowed = |key: u64| key.is_multiple_of(modulus);
                let a = plain.search(&query, 10, &allowed).unwrap();
                let b = graph.search(&query, 10, &allowed).unwrap();
                wanted += a.len();
                found += a
                    .iter()
                    .filter(|n| b.iter().any(|m| m.key == n.key))
                    .count();
            }
        }
        assert!(found * 100 >= wanted * 97, "{found} of {wanted}");
    }
}
