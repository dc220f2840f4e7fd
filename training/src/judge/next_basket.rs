//! How well the next basket is predicted, repeats and new products apart, with the baselines in the same table.

use rayon::prelude::*;
use serde::Serialize;
use serendib_engine::repeat::NextBasket;
use serendib_shop::print::{fixed, Column, Grid};
use serendib_shop::{Basket, ProductIx};

use crate::learn::next_basket::{neighbours, popularity, recall_ndcg};

/// One way to predict the next basket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BasketRow {
    pub name: String,
    /// Recall@10 over all customers.
    pub recall: f64,
    /// NDCG@10 over all customers.
    pub ndcg: f64,
    /// Recall@10 of products bought before, over customers who repeat any.
    pub repeat_recall: f64,
    /// Recall@10 of products new to the customer, over customers who buy any.
    pub explore_recall: f64,
}

/// How well the next basket is predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BasketFigures {
    /// Customers with a next basket.
    pub customers: usize,
    /// Customers without one.
    pub left_out: usize,
    pub rows: Vec<BasketRow>,
}

impl BasketFigures {
    /// The table for a terminal.
    pub fn table(&self) -> String {
        let mut grid = Grid::new([
            Column::name("", 28),
            Column::figure("Recall@10", 9),
            Column::figure("NDCG@10", 9),
            Column::figure("repeat", 9),
            Column::figure("explore", 9),
        ]);
        for row in &self.rows {
            grid.row([
                row.name.clone(),
                fixed(row.recall, 4),
                fixed(row.ndcg, 4),
                fixed(row.repeat_recall, 4),
                fixed(row.explore_recall, 4),
            ]);
        }
        format!(
            "next basket: {} customers, {} without one\n{grid}",
            self.customers, self.left_out
        )
    }
}

/// Predicts `truth` (products of each customer's next basket, empty = none) with `model`, fitted on `customers`' baskets
/// before it; every customer with a next basket counts. `None` without any.
pub fn next_basket(
    model: &NextBasket,
    customers: &[Vec<Basket>],
    truth: &[Vec<ProductIx>],
    say: &dyn Fn(&str),
) -> Option<BasketFigures> {
    let present = truth.iter().filter(|t| !t.is_empty()).count();
    if present == 0 {
        return None;
    }
    say("judging the next basket");
    let slices: Vec<&[Basket]> = customers.iter().map(Vec::as_slice).collect();
    let index = neighbours(model, &slices);
    let popular = popularity(&slices, model.popularity.len(), 1.0);
    let judge = |name: &str, rank: &(dyn Fn(usize) -> Vec<ProductIx> + Sync)| -> BasketRow {
        let scores: Vec<[f64; 6]> = (0..customers.len())
            .into_par_iter()
            .filter(|c| !truth[*c].is_empty())
            .map(|c| {
                let list = rank(c);
                let (recall, ndcg) = recall_ndcg(&list, &truth[c]);
                let owned = |p: &ProductIx| {
                    customers[c]
                        .iter()
                        .any(|b| b.lines.iter().any(|line| line.0 == *p))
                };
                let (again, new): (Vec<ProductIx>, Vec<ProductIx>) =
                    truth[c].iter().partition(|p| owned(p));
                let part = |of: &[ProductIx]| {
                    (
                        recall_ndcg(&list, of).0,
                        f64::from(u8::from(!of.is_empty())),
                    )
                };
                let ((r, rn), (e, en)) = (part(&again), part(&new));
                [recall, ndcg, r, rn, e, en]
            })
            .collect();
        let sum = |k: usize| scores.iter().map(|s| s[k]).sum::<f64>();
        let n = scores.len().max(1) as f64;
        BasketRow {
            name: name.to_owned(),
            recall: sum(0) / n,
            ndcg: sum(1) / n,
            repeat_recall: sum(2) / sum(3).max(1.0),
            explore_recall: sum(4) / sum(5).max(1.0),
        }
    };
    let ours = |c: usize, near: bool| -> Vec<ProductIx> {
        let profile = model.profile_of(&customers[c]);
        let mean = near.then(|| index.mean(&profile.rates));
        let items = model.recommend(&profile, mean.as_deref(), 10, &|_| true);
        items.into_iter().map(|item| item.product).collect()
    };
    let counted = |c: usize, decay: f32, popular_weight: f32| -> Vec<ProductIx> {
        let mut scores: Vec<f32> = popular.iter().map(|p| popular_weight * p).collect();
        for (product, count) in NextBasket::vector_of(decay, &customers[c]) {
            scores[product.index()] += count;
        }
        ten_best(&scores)
    };
    let most_popular = ten_best(&popular);
    let rows = vec![
        judge("serendib with neighbours", &|c| ours(c, true)),
        judge("serendib without", &|c| ours(c, false)),
        judge("own count decayed + popular", &|c| counted(c, 0.9, 30.0)),
        judge("GP-TopFreq", &|c| counted(c, 1.0, 1e-3)),
        judge("P-TopFreq", &|c| counted(c, 1.0, 0.0)),
        judge("G-TopFreq", &|_| most_popular.clone()),
    ];
    Some(BasketFigures {
        customers: present,
        left_out: truth.len() - present,
        rows,
    })
}

fn ten_best(scores: &[f32]) -> Vec<ProductIx> {
    let mut order: Vec<ProductIx> = ProductIx::all(scores.len())
        .filter(|p| scores[p.index()] > 0.0)
        .collect();
    let by = |a: &ProductIx, b: &ProductIx| {
        scores[b.index()]
            .total_cmp(&scores[a.index()])
            .then(a.cmp(b))
    };
    if order.len() > 10 {
        order.select_nth_unstable_by(9, by);
        order.truncate(10);
    }
    order.sort_by(by);
    order
}
