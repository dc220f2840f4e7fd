//! How much more often than usual things of each kind delight or are kept, shrunk to their department and to the shop.

use serendib_engine::surprise::Topics;
use serendib_shop::{Catalogue, CustomerIx, ProductIx};

use super::felt::{share, Felt};

/// Answers by which a kind is shrunk to its department, and a department to the shop.
const KIND_SHRINK: f64 = 8.0;
const DEPARTMENT_SHRINK: f64 = 20.0;
/// Largest difference to what is usual, log-odds.
const MOST: f64 = 3.0;

/// Sums of labels and their number.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    sum: f64,
    count: f64,
}

impl Tally {
    fn add(&mut self, label: f64) {
        self.sum += label;
        self.count += 1.0;
    }

    /// The mean, shrunk to `usual` as if that had been seen `shrink` times.
    fn shrunk(self, usual: f64, shrink: f64) -> f64 {
        (self.sum + shrink * usual) / (self.count + shrink)
    }
}

/// Groups of customers: the rates that predict the answers of one are those of the others, for no rate may know what it is to
/// predict.
const GROUPS: u32 = 5;

/// Rates of kinds, by all customers and without each group of them.
pub struct KindRates {
    all: Vec<f32>,
    without: Vec<Vec<f32>>,
}

impl KindRates {
    /// Of what was `felt`, the products being of `topics`.
    pub fn new(catalogue: &Catalogue, topics: &Topics, felt: &[Felt]) -> KindRates {
        let department = departments(catalogue, topics);
        let usual = share(felt).clamp(0.001, 0.999);
        let rates = |left_out: Option<u32>| {
            let seen = felt
                .iter()
                .filter(|f| Some(f.customer.0 % GROUPS) != left_out);
            rates(&department, topics, seen, usual)
        };
        KindRates {
            all: rates(None),
            without: (0..GROUPS).map(|group| rates(Some(group))).collect(),
        }
    }

    /// The rates of all kinds; see [`Kinds`](serendib_engine::surprise::Kinds).
    pub fn all(&self) -> &[f32] {
        &self.all
    }

    /// The rate of `topic` by customers other than `customer` and their group; 0 of none.
    pub fn beside(&self, topic: Option<u32>, customer: CustomerIx) -> f32 {
        let others = &self.without[(customer.0 % GROUPS) as usize];
        topic
            .and_then(|topic| others.get(topic as usize))
            .copied()
            .unwrap_or(0.0)
    }
}

/// How far the rate of each topic is from the `usual` one, log-odds, −3…3.
fn rates<'f>(
    department: &[usize],
    topics: &Topics,
    felt: impl Iterator<Item = &'f Felt>,
    usual: f64,
) -> Vec<f32> {
    let largest = department.iter().max().map_or(0, |most| most + 1);
    let mut kinds = vec![Tally::default(); department.len()];
    let mut departments = vec![Tally::default(); largest];
    for felt in felt {
        if let Some(topic) = topics.of(felt.product) {
            kinds[topic as usize].add(felt.label);
            departments[department[topic as usize]].add(felt.label);
        }
    }
    let logit = |p: f64| (p / (1.0 - p)).ln();
    kinds
        .iter()
        .zip(department)
        .map(|(kind, department)| {
            let behind = departments[*department].shrunk(usual, DEPARTMENT_SHRINK);
            let rate = kind.shrunk(behind, KIND_SHRINK).clamp(0.001, 0.999);
            (logit(rate) - logit(usual)).clamp(-MOST, MOST) as f32
        })
        .collect()
}

/// The department of each topic: the first part of the category of most of its products, numbered as they come; those without
/// any are one.
fn departments(catalogue: &Catalogue, topics: &Topics) -> Vec<usize> {
    use std::collections::BTreeMap;
    let mut votes: Vec<BTreeMap<&str, usize>> = vec![BTreeMap::new(); topics.count()];
    for product in ProductIx::all(catalogue.len()) {
        if let Some(topic) = topics.of(product) {
            let path = catalogue.product(product).category.as_deref();
            let first = path.and_then(|path| path.split('/').next()).unwrap_or("");
            *votes[topic as usize].entry(first).or_default() += 1;
        }
    }
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    votes
        .iter()
        .map(|votes| {
            let most = votes
                .iter()
                .max_by_key(|(name, n)| (**n, std::cmp::Reverse(**name)));
            let name = most.map_or("", |(name, _)| *name);
            let next = numbers.len();
            *numbers.entry(name).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Product;

    #[test]
    fn a_kind_is_shrunk_to_its_department_and_does_not_know_what_it_predicts() {
        let product = |id: &str, path: &str| Product {
            category: Some(path.into()),
            ..Product::bare(id)
        };
        let catalogue = Catalogue::new(vec![
            product("a", "food/tea"),
            product("b", "food/rice"),
            product("c", "tools/saws"),
        ])
        .unwrap();
        let topics = Topics::from_numbers(vec![0, 1, 2]);
        let felt = |customer, product, label| Felt {
            customer: CustomerIx(customer),
            product,
            at: 0,
            label,
        };
        let mut all: Vec<Felt> = (0..10).map(|who| felt(who, ProductIx(0), 1.0)).collect();
        all.extend((0..10).map(|who| felt(who, ProductIx(2), 0.0)));
        let rates = KindRates::new(&catalogue, &topics, &all);
        let [tea, rice, saws] = rates.all()[..] else {
            panic!("three kinds")
        };
        assert!(
            tea > rice && rice > 0.5 && saws < -1.0,
            "{tea} {rice} {saws}"
        );
        let others = rates.beside(Some(0), CustomerIx(7));
        assert!(others < tea && others > tea - 0.3, "{others}");
        assert_eq!(rates.beside(None, CustomerIx(7)), 0.0);
        // what one group alone said is not known to it
        let alone = [
            felt(5, ProductIx(1), 1.0),
            felt(10, ProductIx(1), 1.0),
            felt(6, ProductIx(0), 0.0),
        ];
        let rates = KindRates::new(&catalogue, &topics, &alone);
        assert!(
            rates.beside(Some(1), CustomerIx(0)) < 0.0
                && rates.beside(Some(1), CustomerIx(1)) > 0.0
        );
        assert_eq!(KindRates::new(&catalogue, &topics, &[]).all(), [0.0; 3]);
    }
}
