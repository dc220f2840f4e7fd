//! Functions of statistics that answers need.

/// 1 / (1 + e^−x): the probability at log-odds `x`.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
