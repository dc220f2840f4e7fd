//! Repeat purchases: when a product is bought again, and what the next basket holds.

mod buy_again;
mod neighbours;
mod next_basket;
pub mod odds;
mod purchases;

pub use buy_again::{BuyAgain, Due, Rhythm};
pub use neighbours::NeighbourIndex;
pub use next_basket::{
    explore_share, BasketItem, BasketProfile, NextBasket, NextBasketSettings, SparseVector,
};
pub use odds::RepeatOdds;
pub use purchases::{purchases, Purchases};

#[cfg(test)]
mod tests;
