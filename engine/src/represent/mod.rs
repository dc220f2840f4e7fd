//! How products and customers are represented, and how a customer's history becomes scores over the catalogue.
//!
//! Families of linear models live here as pure numerics: sparse item–item scores ([`cooccurrence`], [`Shape`],
//! [`directed_lag`]), spectral vectors ([`truncated_svd`]) and implicit factorisation ([`Ials`]). Training chooses
//! among them; what it chose is served as one [`Representation`].

mod alike;
mod cold;
mod content;
mod cooccurrence;
mod csr;
pub mod dense;
mod ease;
mod figures;
mod ials;
mod io;
mod io_alike;
mod representation;
mod svd;
mod weighting;

pub use alike::AlikeGraph;
pub use cold::{ridge_map, ColdProduct, ContentPart};
pub use content::{content_similarity, Vocabulary};
pub use cooccurrence::{cooccurrence, directed_lag, CooccurrenceOptions, Shape};
pub use csr::Csr;
pub use dense::{unit_rows, Dense};
pub use ease::{ease, ease_bytes, neighbourhood_ease};
pub use figures::IndexFigures;
pub use ials::{Ials, IalsOptions, Normal};
pub use representation::{
    Folded, IalsPart, Parts, RepresentError, Representation, SparsePart, SpectralPart,
};
pub use svd::{truncated_svd, Svd, SvdOptions};
pub use weighting::Weighting;

#[cfg(test)]
mod tests;
