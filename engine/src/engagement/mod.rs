//! Engagement index and purchase propensity.
