//! Who may call what: keys that callers show, and the role of each.

pub mod guard;
pub mod keys;
pub mod roles;

pub use guard::Guard;
pub use keys::{Caller, Keys};
pub use roles::Role;
