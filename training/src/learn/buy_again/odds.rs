//! Chooses what buying again goes by: rhythm, counts, or both, on what customers bought again.
//!
//! Rhythms are fitted without the last days. Half of the customers tell the weights of each form; of the other half the earlier
//! part of those days chooses a form, and the later part confirms it.

use std::collections::HashMap;

use rayon::prelude::*;
use serendib_engine::repeat::odds::{
    Terms, DUE, HALF_LIVES, HORIZON_DAYS, LEAST_BY_RHYTHM, RHYTHM, TERMS,
};
use serendib_engine::repeat::{BuyAgain, RepeatOdds};
use serendib_shop::{Catalogue, Kind, ProductIx, Touch, DAY_MS};

use super::rhythms;
use crate::learn::strength::{decide, Candidate, Verdict};
use crate::stats::logistic::{self, Observations, Prior};
use crate::stats::ndcg::ndcg;

const NAME: &str = "order of buying again";
/// Days of later purchases that are looked at.
const DAYS: i64 = 30;
/// Those of them that odds are of.
const HORIZON: i64 = HORIZON_DAYS as i64;
/// Places down to which lists are judged.
const PLACES: usize = 10;
/// Customers that are looked at.
const CUSTOMERS: usize = 8_000;

/// What one customer may buy again, with the days after which they did.
type Case = Vec<(Terms, Option<i64>)>;

/// A form of the odds: the terms of which weights are learned, or whose sum is followed.
struct Form {
    candidate: Candidate,
    /// Terms that share one weight each.
    groups: Vec<Vec<usize>>,
}

/// The forms, the simplest first.
fn forms() -> Vec<Form> {
    let count = |ix: usize| format!("times bought, half of them after {} days", HALF_LIVES[ix]);
    let form = |name: &str, strength: f64, groups: &[&[usize]]| Form {
        candidate: Candidate::new(name, strength),
        groups: groups.iter().map(|group| group.to_vec()).collect(),
    };
    vec![
        form(&count(1), 0.0, &[&[1]]),
        form(&count(0), 0.1, &[&[0]]),
        form(&count(2), 0.1, &[&[2]]),
        form("times bought and due", 0.25, &[&[1, DUE]]),
        form("rhythm", 0.5, &[&[RHYTHM]]),
        form(
            "rhythm and times bought",
            1.0,
            &[&[0], &[1], &[2], &[DUE], &[RHYTHM]],
        ),
    ]
}

/// Number of the form that holds where too little was bought again to tell.
const BEFORE: usize = 4;

/// The odds on what was bought again in the last days before `until` (ms), and what was decided.
pub fn choose(
    histories: &[&[Touch]],
    catalogue: &Catalogue,
    until: i64,
    replaces: &(dyn Fn(ProductIx, ProductIx) -> bool + Sync),
    seed: u64,
) -> (RepeatOdds, Verdict) {
    let forms = forms();
    let candidates: Vec<Candidate> = forms.iter().map(|form| form.candidate.clone()).collect();
    let undecided = || decide(NAME, &candidates, &[], &[], BEFORE, seed);
    let cut = until - DAYS * DAY_MS;
    let Some(early) = rhythms(histories.iter().copied(), catalogue, cut) else {
        return (RepeatOdds::default(), undecided());
    };
    let stride = histories.len().div_ceil(CUSTOMERS).max(1);
    let cases: Vec<Case> = histories
        .par_iter()
        .step_by(stride)
        .map(|history| case(&early, history, cut, replaces))
        .filter(|case| !case.is_empty())
        .collect();
    let learning: Vec<&Case> = cases.iter().step_by(2).collect();
    let judging: Vec<&Case> = cases.iter().skip(1).step_by(2).collect();
    let odds: Vec<RepeatOdds> = forms.iter().map(|form| learn(form, &learning)).collect();
    let figures = |from: i64, to: i64| -> Vec<Vec<f64>> {
        let bought = |case: &&&Case| case.iter().any(|(_, day)| within(*day, from, to));
        let judged: Vec<&Case> = judging.iter().filter(bought).copied().collect();
        odds.iter()
            .map(|odds| {
                judged
                    .iter()
                    .map(|case| quality(odds, case, from, to))
                    .collect()
            })
            .collect()
    };
    let half = DAYS / 2;
    let verdict = decide(
        NAME,
        &candidates,
        &figures(0, half),
        &figures(half, DAYS),
        BEFORE,
        seed,
    );
    let form = &forms[verdict.chosen.min(forms.len() - 1)];
    let odds = match verdict.decided {
        true => learn(form, &cases.iter().collect::<Vec<_>>()),
        false => RepeatOdds::default(),
    };
    (odds, verdict)
}

fn within(day: Option<i64>, from: i64, to: i64) -> bool {
    day.is_some_and(|day| (from..to).contains(&day))
}

/// What a customer may buy again at `cut`.
fn case(
    early: &BuyAgain,
    history: &[Touch],
    cut: i64,
    replaces: &dyn Fn(ProductIx, ProductIx) -> bool,
) -> Case {
    let (past, later) = history.split_at(history.partition_point(|touch| touch.at < cut));
    let mut first: HashMap<ProductIx, i64> = HashMap::new();
    for touch in later.iter().filter(|t| t.kind == Kind::PURCHASE && !t.gift) {
        first
            .entry(touch.product)
            .or_insert((touch.at - cut) / DAY_MS);
    }
    let due = early.due(past, cut, HORIZON as f32, None, replaces);
    due.into_iter()
        .filter(|due| due.by_rhythm >= LEAST_BY_RHYTHM)
        .map(|due| (due.terms, first.get(&due.product).copied()))
        .collect()
}

/// The weights of `form` by which what was bought again within the horizon is likeliest.
fn learn(form: &Form, cases: &[&Case]) -> RepeatOdds {
    let intercept = form.groups.len();
    let mut rows = Observations::default();
    for (terms, day) in cases.iter().flat_map(|case| case.iter()) {
        let sums = form.groups.iter().map(|group| sum(group, terms));
        let label = f64::from(u8::from(within(*day, 0, HORIZON)));
        rows.push(sums.enumerate().chain([(intercept, 1.0)]), label, 1.0);
    }
    // a form of one weight goes by its terms; where several share what is told, none may speak against
    let weight = Prior::normal(0.5, 1.0).within(0.01 / intercept as f64, f64::INFINITY);
    let mut priors = vec![weight; intercept];
    priors.push(Prior::normal(-2.0, 0.01));
    let Ok(found) = logistic::fit(&rows, &priors) else {
        return RepeatOdds::default();
    };
    let mut weights = [0.0; TERMS];
    for (group, weight) in form.groups.iter().zip(&found) {
        for term in group {
            weights[*term] = *weight as f32;
        }
    }
    RepeatOdds {
        intercept: found[intercept] as f32,
        weights,
    }
}

fn sum(group: &[usize], terms: &Terms) -> f64 {
    group.iter().map(|term| f64::from(terms[*term])).sum()
}

/// NDCG of a customer's list by `odds`, of what they bought again from day `from` to before day `to`.
fn quality(odds: &RepeatOdds, case: &Case, from: i64, to: i64) -> f64 {
    let mut order: Vec<usize> = (0..case.len()).collect();
    let chance: Vec<f32> = case
        .iter()
        .map(|(terms, _)| odds.probability(terms))
        .collect();
    order.sort_by(|a, b| chance[*b].total_cmp(&chance[*a]).then(a.cmp(b)));
    let wanted = |ix: usize| within(case[ix].1, from, to);
    let ranks = order.iter().enumerate().filter(|(_, ix)| wanted(**ix));
    let all = (0..case.len()).filter(|ix| wanted(*ix)).count();
    ndcg(ranks.map(|(rank, _)| rank), all, PLACES)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use serendib_shop::Product;

    use super::*;

    const UNTIL: i64 = 20_000 * DAY_MS;

    /// `customers` who each buy ten of twenty things, each on any day with a chance of its own, and nothing by the clock.
    fn memoryless(customers: usize) -> Vec<Vec<Touch>> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..customers)
            .map(|_| {
                let rates: Vec<(ProductIx, f64)> = (0..10)
                    .map(|_| {
                        (
                            ProductIx(rng.gen_range(0..20)),
                            0.2 * rng.gen::<f64>().powi(3),
                        )
                    })
                    .collect();
                let mut history: Vec<Touch> = (1..300)
                    .rev()
                    .flat_map(|back| {
                        rates
                            .iter()
                            .map(move |(product, rate)| (back, *product, *rate))
                    })
                    .filter(|(_, _, rate)| rng.gen_bool(*rate))
                    .map(|(back, product, _)| {
                        Touch::new(Kind::PURCHASE, product, UNTIL - back * DAY_MS)
                    })
                    .collect();
                serendib_shop::sort_history(&mut history);
                history
            })
            .collect()
    }

    fn chosen(histories: &[Vec<Touch>]) -> (RepeatOdds, Verdict, Catalogue) {
        let products = (0..20).map(|n| Product::bare(format!("p{n}"))).collect();
        let catalogue = Catalogue::new(products).unwrap();
        let rows: Vec<&[Touch]> = histories.iter().map(Vec::as_slice).collect();
        let (odds, verdict) = choose(&rows, &catalogue, UNTIL, &|_, _| false, 1);
        (odds, verdict, catalogue)
    }

    #[test]
    fn what_is_said_is_as_often_true() {
        let histories = memoryless(1_200);
        let (odds, verdict, catalogue) = chosen(&histories);
        assert!(verdict.decided, "{verdict}");
        let cut = UNTIL - HORIZON * DAY_MS;
        let rows = histories.iter().map(Vec::as_slice);
        let early = rhythms(rows, &catalogue, cut).unwrap();
        let cases: Vec<Case> = histories
            .iter()
            .map(|history| case(&early, history, cut, &|_, _| false))
            .collect();
        let all = || cases.iter().flatten();
        let said: f32 = all().map(|(terms, _)| odds.probability(terms)).sum();
        let was = all().filter(|(_, day)| day.is_some()).count() as f32;
        assert!((said / was - 1.0).abs() < 0.15, "{said} {was} by {verdict}");
    }

    #[test]
    fn of_too_few_the_rhythm_alone_holds() {
        let (odds, verdict, _) = chosen(&memoryless(40));
        assert_eq!(odds, RepeatOdds::default());
        assert!(!verdict.decided && verdict.name == "rhythm", "{verdict}");
    }
}
