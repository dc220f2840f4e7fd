//! What replaces a product that is not available.

use crate::rank::replacements::{alike, replacements, NEAR};
use crate::rank::{Query, Source};
use serendib_shop::ProductIx;

/// What is sought for one of several that are gone.
const FEW: usize = 5;

/// What takes the place of those anchors that cannot be sold now: their variants, their substitutes, then others of their leaf
/// category; above anything that is merely similar.
pub struct Instead;

impl Source for Instead {
    fn name(&self) -> &'static str {
        "instead"
    }

    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str> {
        let now = query.request.now;
        let admits = query.admits();
        let mut out: Vec<(ProductIx, f32)> = Vec::new();
        let anchors = query.anchors();
        for &anchor in &anchors {
            if query.live.sells(anchor, now) {
                continue;
            }
            let (model, live) = (query.model, query.live);
            let mut found = replacements(model, live, anchor, now);
            // Beside other anchors one that is gone must not fill the list with its kind.
            let wanted = match (live.catalogue.leaf(anchor), anchors.len()) {
                (None, _) => 0,
                (Some(_), 1) => NEAR,
                (Some(_), _) => FEW.saturating_sub(found.len()),
            };
            if wanted > 0 {
                // between the weakest replacement and the most similar
                let alike = alike(model, live, anchor, &admits);
                let alike = alike.into_iter().take(wanted);
                let score = |ix: usize| 2.0 - ix as f32 / NEAR as f32;
                found.extend(alike.enumerate().map(|(ix, p)| (p, score(ix))));
            }
            for (product, score) in found {
                if out.iter().all(|(p, _)| *p != product) {
                    out.push((product, score));
                }
            }
        }
        Ok(out)
    }
}
