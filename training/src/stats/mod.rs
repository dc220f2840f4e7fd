//! Statistics, one function each.

pub mod auc;
pub mod bootstrap;
pub mod calibration;
pub mod logistic;
pub mod ndcg;
