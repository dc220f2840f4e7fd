//! Repeat purchases: when a product is bought again, and what the next basket holds.

mod buy_again;
mod neighbours;
mod next_basket;

pub use buy_again::{BuyAgain, Due, Rhythm};
pub use neighbours::NeighbourIndex;
pub use next_basket::{
    explore_share, BasketItem, BasketProfile, NextBasket, NextBasketSettings, SparseVector,
};

#[cfg(test)]
mod tests;
