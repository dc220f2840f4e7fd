//! What letting a customer down costs a product.

use serde::{Deserialize, Serialize};
use serendib_shop::{LetDown, ProductIx};

use crate::bundle::{read_json, write_json, Bundle, BundleError, BundleWriter};

const FILE: &str = "aversion.json";

/// What the score of a product is multiplied by once it let its customer down, by how it did: above 0, at most
/// [`Aversion::MOST`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aversion {
    /// Taken out of the cart.
    pub taken_out: f32,
    /// Given back, and nobody said why.
    pub given_back_unsaid: f32,
    /// Given back because of its size: another one is offered.
    pub wrong_size: f32,
    /// Complained about.
    pub complained: f32,
    /// Given back for a reason that is about the product.
    pub given_back: f32,
    /// Rated two stars or fewer, or a surprise that is not wanted again.
    pub rated_low: f32,
    /// The products that let most of those down who had them, ascending: behind for everybody who does not like them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disliked: Vec<ProductIx>,
}

impl Default for Aversion {
    fn default() -> Self {
        Aversion {
            taken_out: 0.4,
            given_back_unsaid: 0.2,
            wrong_size: 0.05,
            complained: 0.1,
            given_back: 0.05,
            rated_low: 0.05,
            disliked: Vec::new(),
        }
    }
}

impl Aversion {
    pub const LEAST: f32 = 0.02;
    /// Whatever was learned, what let a customer down is never as good as what did not.
    pub const MOST: f32 = 0.5;

    /// The factor of `how`.
    pub fn of(&self, how: LetDown) -> f32 {
        let factor = match how {
            LetDown::TakenOut => self.taken_out,
            LetDown::GivenBackUnsaid => self.given_back_unsaid,
            LetDown::WrongSize => self.wrong_size,
            LetDown::Complained => self.complained,
            LetDown::GivenBack => self.given_back,
            LetDown::RatedLow => self.rated_low,
        };
        factor.clamp(Aversion::LEAST, Aversion::MOST)
    }

    /// Where the factor of `how` is kept.
    pub fn of_mut(&mut self, how: LetDown) -> &mut f32 {
        match how {
            LetDown::TakenOut => &mut self.taken_out,
            LetDown::GivenBackUnsaid => &mut self.given_back_unsaid,
            LetDown::WrongSize => &mut self.wrong_size,
            LetDown::Complained => &mut self.complained,
            LetDown::GivenBack => &mut self.given_back,
            LetDown::RatedLow => &mut self.rated_low,
        }
    }

    /// What `product` is held back by for everybody; `None` where it did not let most of those down who had it.
    pub fn of_most(&self, product: ProductIx) -> Option<f32> {
        let disliked = self.disliked.binary_search(&product).is_ok();
        disliked.then(|| self.of(LetDown::RatedLow))
    }

    /// Writes the part.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_json(bundle, FILE, self)
    }

    /// Reads the part; what nothing was learned of where the bundle has none.
    ///
    /// # Errors
    /// A factor that is no number, or products out of order.
    pub fn read(bundle: &Bundle) -> Result<Aversion, BundleError> {
        if !bundle.has(FILE) {
            return Ok(Aversion::default());
        }
        let part: Aversion = read_json(bundle, FILE)?;
        if !LetDown::ALL.iter().all(|how| part.of(*how).is_finite()) {
            return Err(BundleError::content(FILE, "a factor is not a number"));
        }
        if !part.disliked.is_sorted() {
            return Err(BundleError::content(FILE, "disliked is not in order"));
        }
        Ok(part)
    }
}
