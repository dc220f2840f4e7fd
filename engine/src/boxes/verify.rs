//! An independent check of every hard constraint, from the requests alone.

use std::collections::{HashMap, HashSet};

use super::packing::Packing;
use super::problem::{fits, Guard, Problem};

/// A hard constraint that a packing breaks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Violation {
    /// The packing is of another problem.
    #[error("the packing has {found} boxes, the problem {expected}")]
    Boxes {
        /// Boxes of the packing.
        found: usize,
        /// Boxes of the problem.
        expected: usize,
    },
    /// More units are packed than there are, or the stock left does not add up.
    #[error("item {item:?}: {packed} packed and {left} left of {stock}")]
    Stock {
        /// Id of the item.
        item: String,
        /// Units in all boxes together.
        packed: u64,
        /// Units said to be left.
        left: u32,
        /// Units there were.
        stock: u32,
    },
    /// A box breaks one of its constraints.
    #[error("box {id:?}: {what}")]
    Box {
        /// Id of the box.
        id: String,
        /// What it breaks.
        what: String,
    },
}

/// Every hard constraint that `packing` breaks; empty for a valid one.
pub fn verify(problem: &Problem, packing: &Packing) -> Vec<Violation> {
    let mut out = Vec::new();
    if packing.boxes.len() != problem.boxes.len() || packing.stock_left.len() != problem.items.len()
    {
        return vec![Violation::Boxes {
            found: packing.boxes.len(),
            expected: problem.boxes.len(),
        }];
    }
    let mut packed = vec![0u64; problem.items.len()];
    for (number, content) in packing.boxes.iter().enumerate() {
        for line in &content.lines {
            packed[line.item as usize] += 1;
        }
        let mut say = |what: String| {
            out.push(Violation::Box {
                id: content.id.clone(),
                what,
            });
        };
        if content.id != problem.boxes[number].id {
            say(format!(
                "stands in the place of {:?}",
                problem.boxes[number].id
            ));
        }
        if problem.boxes[number].locked {
            let mut now: Vec<(u32, bool)> = content
                .lines
                .iter()
                .map(|line| (line.item, line.surprise))
                .collect();
            let mut locked = problem.boxes[number]
                .request
                .locked
                .clone()
                .unwrap_or_default();
            now.sort_unstable();
            locked.sort_unstable();
            if now != locked {
                say("locked contents were changed".into());
            }
            continue;
        }
        check_box(problem, number, packing, &mut say);
    }
    for (item, packed) in packed.into_iter().enumerate() {
        let (left, stock) = (packing.stock_left[item], problem.items[item].stock);
        if packed + u64::from(left) != u64::from(stock) {
            out.push(Violation::Stock {
                item: problem.items[item].id.clone(),
                packed,
                left,
                stock,
            });
        }
    }
    out
}

fn check_box(problem: &Problem, number: usize, packing: &Packing, say: &mut dyn FnMut(String)) {
    let request = &problem.boxes[number].request;
    let lines = &packing.boxes[number].lines;
    let surprises = lines.iter().filter(|line| line.surprise).count();
    if surprises > request.surprise || lines.len() - surprises > request.regular {
        say(format!("{} lines with {surprises} surprises", lines.len()));
    }
    let guard = Guard::new(&problem.items, problem.rules.no_repeat_boxes, request);
    let mut families = HashSet::new();
    let mut of_category: HashMap<u32, u32> = HashMap::new();
    let mut used = [0.0; 3];
    for line in lines {
        let item = &problem.items[line.item as usize];
        let stays = request.kept.contains(&(line.item, line.surprise));
        if let Some(reason) = guard.removes(&problem.items, line.item).filter(|_| !stays) {
            say(format!("{:?} is {reason:?}", item.id));
        }
        if line.surprise && !stays && guard.knows(&problem.items, line.item) {
            say(format!("{:?} is a surprise that they have had", item.id));
        }
        if !families.insert(item.family) {
            say(format!("{:?} is a second variant", item.id));
        }
        for category in &item.categories {
            *of_category.entry(*category).or_insert(0) += 1;
        }
        let measures = [item.price, item.weight_g, item.volume_ml];
        for (sum, measure) in used.iter_mut().zip(measures) {
            *sum += f64::from(measure.unwrap_or(0.0));
        }
        if line.surprise && !line.fixed {
            let slots = &problem.boxes[number];
            let range = &problem.item_of[slots.start..slots.end];
            let known = range.binary_search(&line.item).ok();
            if !known.is_some_and(|at| problem.surprise_value[slots.start + at].is_finite()) {
                say(format!("surprise {:?} is below the floor", item.id));
            }
        }
    }
    for kept in &request.kept {
        if !lines
            .iter()
            .any(|l| (l.item, l.surprise) == *kept && l.fixed)
        {
            let id = &problem.items[kept.0 as usize].id;
            say(format!("{id:?} does not stay"));
        }
    }
    // lines that stay may have been put in before the caps and limits of today
    let free = request.kept.is_empty();
    for (category, cap) in problem.caps.iter().filter(|_| free) {
        let lines = of_category.get(category).copied().unwrap_or(0);
        if lines > *cap {
            say(format!(
                "{lines} lines of category {category}, at most {cap}"
            ));
        }
    }
    let limits = [request.budget, request.max_weight_g, request.max_volume_ml];
    for (used, limit) in used.iter().zip(limits).filter(|_| free) {
        if limit.is_some_and(|limit| !fits(*used, limit)) {
            say(format!("{used} where {limit:?} is allowed"));
        }
    }
    // a pin is in the box or its absence is explained
    for pin in problem.rules.pinned.iter().chain(&request.pinned) {
        let inside = lines
            .iter()
            .any(|line| problem.same_product(line.item, *pin) && line.fixed);
        let shortfall = packing.boxes[number].shortfall.as_ref();
        if !inside && !shortfall.is_some_and(|s| s.pins.iter().any(|(item, _)| item == pin)) {
            say(format!(
                "pinned {:?} is missing",
                problem.items[*pin as usize].id
            ));
        }
    }
}
