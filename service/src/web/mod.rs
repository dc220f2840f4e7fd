//! The edge to the network: which connections are kept, what is taken in before it is decoded, and how long answers wait for
//! their taker. Nothing here knows what a call is about.

pub mod accept;
pub mod receive;
pub mod send;
pub mod shape;
