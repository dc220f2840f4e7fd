//! Use cases: what the server does with a request once it is checked, and before it becomes a message.

pub mod boxes;
pub mod default_consents;
pub mod sentence;
pub mod served_products;
