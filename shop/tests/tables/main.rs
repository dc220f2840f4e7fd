//! Tables on disk: what is wrong in them, what is read of them, and what is written reads back.

mod bad_input;
mod log;
mod round_trip;
mod schema;
mod traps;
