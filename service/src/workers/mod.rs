//! Who computes, and when: threads, deadlines, turns, and what the server does beside answering.

pub mod background;
pub mod blocking;
pub mod customer_turns;
pub mod deadline;
pub mod held;
pub mod idle;
pub mod pool;
