//! How well scores order what happened.

/// Area under the curve of `scores` for `bought`, ties counted half; 0.5 with one outcome only.
pub fn auc(scores: &[f64], bought: &[bool]) -> f64 {
    let weights = vec![1.0; scores.len()];
    weighted_auc(&order(scores), scores, bought, &weights)
}

/// Positions by rising score.
pub fn order(scores: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_by(|a, b| {
        scores[*a as usize]
            .total_cmp(&scores[*b as usize])
            .then(a.cmp(b))
    });
    order
}

/// Area under the curve where row i counts `weights[i]` times; `order` is that of [`order()`].
pub fn weighted_auc(order: &[u32], scores: &[f64], bought: &[bool], weights: &[f64]) -> f64 {
    let (mut below, mut area, mut positives) = (0.0, 0.0, 0.0);
    let mut at = 0;
    while at < order.len() {
        let score = scores[order[at] as usize];
        let (mut yes, mut no) = (0.0, 0.0);
        while at < order.len() && scores[order[at] as usize] == score {
            let row = order[at] as usize;
            if bought[row] {
                yes += weights[row];
            } else {
                no += weights[row];
            }
            at += 1;
        }
        area += yes * (below + 0.5 * no);
        below += no;
        positives += yes;
    }
    if positives * below > 0.0 {
        area / (positives * below)
    } else {
        0.5
    }
}

/// Buyers in the tenth with the highest probability over buyers in a tenth by chance; 0 without buyers.
pub fn top_lift(said: &[f64], bought: &[bool]) -> f64 {
    let order = order(said);
    let top = &order[order.len() - order.len() / 10..];
    let share = |rows: &mut dyn Iterator<Item = bool>| {
        let (yes, n) = rows.fold((0.0, 0.0), |(y, n), b| {
            (y + f64::from(u8::from(b)), n + 1.0)
        });
        if n > 0.0 {
            yes / n
        } else {
            0.0
        }
    };
    let all = share(&mut bought.iter().copied());
    let best = share(&mut top.iter().map(|r| bought[*r as usize]));
    if all > 0.0 {
        best / all
    } else {
        0.0
    }
}
