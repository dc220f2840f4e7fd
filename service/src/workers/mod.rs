//! Who computes, and when: threads, deadlines, turns, and what the server does beside answering.

pub mod background;
pub mod customer_turns;
pub mod deadline;
pub mod idle;
pub mod pool;
