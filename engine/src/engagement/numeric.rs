//! Gauss's hypergeometric series.

/// ₂F₁(a, b; c; z) for 0 ≤ z < 1 and positive parameters, by its series; Euler's transformation where that converges
/// faster.
pub(crate) fn hyp2f1(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let euler = c - a - b;
    if euler < 0.0 && z > 0.5 && c - a > 0.0 && c - b > 0.0 {
        return (1.0 - z).powf(euler) * series(c - a, c - b, c, z);
    }
    series(a, b, c, z)
}

fn series(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 0..20_000 {
        let n = f64::from(n);
        term *= (a + n) * (b + n) / ((c + n) * (n + 1.0)) * z;
        sum += term;
        if term.abs() < 1e-14 * sum.abs() || !sum.is_finite() {
            break;
        }
    }
    sum
}
