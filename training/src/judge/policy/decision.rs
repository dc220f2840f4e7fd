//! What was drawn, from what, and what came of it.

use serendib_shop::ProductIx;

/// One product that could have been drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    pub product: ProductIx,
    /// Probability under the policy that logged.
    pub logged: f64,
    /// Probability under the policy that is evaluated.
    pub target: f64,
}

/// One sampled slot and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// Who, as any stable number.
    pub customer: u64,
    /// All products that could have been drawn.
    pub decisions: Vec<Decision>,
    /// Which one was.
    pub chosen: usize,
    /// What came of it.
    pub reward: f64,
}
