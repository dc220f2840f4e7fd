//! How products and customers are represented, and how a customer's history becomes scores over the catalogue.
//!
//! A [`Representation`] blends sparse item–item scores, spectral vectors and implicit factorisation ([`Ials`]), whatever
//! the fit chose of them.

mod alike;
mod cold;
mod content;
pub mod csr;
pub mod dense;
mod figures;
pub mod ials;
mod io;
mod io_alike;
mod representation;
mod weighting;

pub use alike::AlikeGraph;
pub use cold::{ColdProduct, ContentPart};
pub use content::Vocabulary;
pub use csr::Csr;
pub use dense::{unit_rows, Dense};
pub use figures::IndexFigures;
pub use ials::{Ials, IalsOptions, Normal};
pub use representation::{
    Folded, IalsPart, Parts, RepresentError, Representation, SparsePart, SpectralPart,
};
pub use weighting::Weighting;
