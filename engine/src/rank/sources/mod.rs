//! Sources: where candidates come from.

mod at_hand;
mod buy_again;
mod goes_with;
mod instead;
mod like_you;
mod new_products;
mod next_basket;
mod next_in_life;
mod popular;
mod promising;
mod similar;
mod vectors;

pub use at_hand::AtHand;
pub use buy_again::BuyAgain;
pub use goes_with::GoesWith;
pub use instead::Instead;
pub use like_you::CustomersLikeYou;
pub use new_products::NewProducts;
pub use next_basket::NextBasket;
pub use next_in_life::{NextInLife, Upcoming};
pub use popular::Popular;
pub use promising::Promising;
pub use similar::Similar;
pub use vectors::Vectors;

pub(crate) use goes_with::{about, completes_basket, recent, unit_basket};
