//! Fits of small shops, from data to a bundle, a refresh and lists.

mod generated;
mod life_story;
mod publishing;
mod refresh;
mod representation;
mod surprise_lists;
