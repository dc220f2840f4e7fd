//! One figure for each part beside the lists, kept in the manifest so that the next model's stands beside it.

use serde::{Deserialize, Serialize};

use super::backtest::Sections;

/// How well one part does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The part and what is measured of it.
    pub name: String,
    pub value: f64,
    /// Whether more is better; else less is.
    pub more_is_better: bool,
}

/// A figure of the last model beside this one's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    pub now: Option<Figure>,
    /// The last model's.
    pub before: Option<Figure>,
}

/// The figures that `sections` holds.
pub fn figures(sections: &Sections) -> Vec<Figure> {
    let mut out = Vec::new();
    let mut add = |name: String, value: f64, more_is_better: bool| {
        if value.is_finite() {
            out.push(Figure {
                name,
                value,
                more_is_better,
            });
        }
    };
    for task in sections.complements.iter().flat_map(|c| &c.tables) {
        if let Some(ours) = task.rows.first() {
            add(format!("{}: hit in ten", task.task), ours.hit_at_10, true);
        }
    }
    let surprises = sections.surprises.iter().flat_map(|s| &s.rows);
    for row in surprises.filter(|row| row.method.starts_with("serendib, dial")) {
        add(
            format!("surprises per list of ten, {}", row.method),
            row.surprises,
            true,
        );
        add(
            format!("surprises in the plain list, {}", row.method),
            row.overlap,
            false,
        );
        add(
            format!("lists that hold one surprise, {}", row.method),
            row.largest,
            false,
        );
    }
    if let Some(delight) = &sections.delight {
        let off = delight
            .groups
            .iter()
            .map(|(said, came)| (said - came).abs());
        let mean = off.sum::<f64>() / delight.groups.len().max(1) as f64;
        add("delight: said less what was felt".into(), mean, false);
    }
    for e in &sections.engagement {
        let horizon = format!("purchase within {:.0} days", e.horizon_days);
        add(format!("{horizon}: AUC"), e.auc, true);
        add(format!("{horizon}: error of calibration"), e.ece, false);
    }
    for clock in &sections.life {
        add(format!("{}: error, days", clock.clock), clock.mae, false);
    }
    let next = sections.next_basket.iter();
    if let Some(ours) = next.filter_map(|next| next.rows.first()).next() {
        add("next basket: Recall@10".into(), ours.recall, true);
    }
    out
}

/// Figures of this model and the last by name: those of this model first.
pub fn beside(now: &[Figure], before: &[Figure]) -> Vec<Beside> {
    let find = |figures: &[Figure], name: &str| figures.iter().find(|f| f.name == name).cloned();
    let mut rows: Vec<Beside> = now
        .iter()
        .map(|figure| Beside {
            now: Some(figure.clone()),
            before: find(before, &figure.name),
        })
        .collect();
    let gone = before
        .iter()
        .filter(|figure| find(now, &figure.name).is_none());
    rows.extend(gone.map(|figure| Beside {
        now: None,
        before: Some(figure.clone()),
    }));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_no_longer_judged_stays_in_sight() {
        let figure = |name: &str, value| Figure {
            name: name.into(),
            value,
            more_is_better: true,
        };
        let before = [figure("a", 0.5), figure("b", 0.4)];
        let rows = beside(&[figure("c", 0.1), figure("a", 0.6)], &before);
        let told: Vec<_> = rows
            .iter()
            .map(|r| {
                let value = |f: &Option<Figure>| f.as_ref().map(|f| f.value);
                (value(&r.before), value(&r.now))
            })
            .collect();
        let wanted = [(None, Some(0.1)), (Some(0.5), Some(0.6)), (Some(0.4), None)];
        assert_eq!(told, wanted);
    }
}
