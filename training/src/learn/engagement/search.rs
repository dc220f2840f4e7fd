//! Simplex search.

/// Least value of `cost` by the simplex method of Nelder and Mead (The Computer Journal 7, 1965), restarted once;
/// answers (value, point).
pub(crate) fn nelder_mead(
    cost: &impl Fn(&[f64]) -> f64,
    start: &[f64],
    size: f64,
    steps: usize,
) -> (f64, Vec<f64>) {
    let first = simplex(cost, start, size, steps);
    let again = simplex(cost, &first.1, 0.2 * size, steps);
    if again.0 <= first.0 {
        again
    } else {
        first
    }
}

fn simplex(
    cost: &impl Fn(&[f64]) -> f64,
    start: &[f64],
    size: f64,
    steps: usize,
) -> (f64, Vec<f64>) {
    let n = start.len();
    let value = |point: &[f64]| {
        let value = cost(point);
        if value.is_nan() {
            f64::INFINITY
        } else {
            value
        }
    };
    let mut corners: Vec<(f64, Vec<f64>)> = (0..=n)
        .map(|corner| {
            let mut point = start.to_vec();
            if corner > 0 {
                point[corner - 1] += size;
            }
            (value(&point), point)
        })
        .collect();
    for _ in 0..steps {
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        let spread = corners[n].0 - corners[0].0;
        if spread.abs() <= 1e-10 * (1.0 + corners[0].0.abs()) {
            break;
        }
        let centre: Vec<f64> = (0..n)
            .map(|d| corners[..n].iter().map(|(_, p)| p[d]).sum::<f64>() / n as f64)
            .collect();
        let along = |t: f64| -> (f64, Vec<f64>) {
            let worst = &corners[n].1;
            let point: Vec<f64> = centre
                .iter()
                .zip(worst)
                .map(|(c, w)| c + t * (c - w))
                .collect();
            (value(&point), point)
        };
        let reflected = along(1.0);
        let replacement = if reflected.0 < corners[0].0 {
            let expanded = along(2.0);
            Some(if expanded.0 < reflected.0 {
                expanded
            } else {
                reflected
            })
        } else if reflected.0 < corners[n - 1].0 {
            Some(reflected)
        } else {
            let contracted = along(if reflected.0 < corners[n].0 {
                0.5
            } else {
                -0.5
            });
            (contracted.0 < corners[n].0.min(reflected.0)).then_some(contracted)
        };
        match replacement {
            Some(corner) => corners[n] = corner,
            None => {
                let best = corners[0].1.clone();
                for corner in &mut corners[1..] {
                    for (x, b) in corner.1.iter_mut().zip(&best) {
                        *x = b + 0.5 * (*x - b);
                    }
                    corner.0 = value(&corner.1);
                }
            }
        }
    }
    corners.sort_by(|a, b| a.0.total_cmp(&b.0));
    corners.swap_remove(0)
}
