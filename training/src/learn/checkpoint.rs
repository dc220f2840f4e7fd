//! Finished stages of a fit, kept until the model is written, so that an interrupted fit can go on.

use std::fs;
use std::path::{Path, PathBuf};

use serendib_engine::bundle::{Bundle, BundleError, BundleWriter, Manifest};
use serendib_shop::{stable_hash, Kind, Log, Touch};

use crate::learn::FitOptions;

const DIR: &str = ".resume";
const KEY: &str = "key";

/// Finished stages beside the models, each a sealed bundle of its own.
#[derive(Debug)]
pub struct Checkpoints {
    dir: PathBuf,
    /// What a stage depends on beside the key, as one word; its manifest repeats it.
    of: String,
}

/// A hash that `{:?}` can be written into, so that nothing long is put together to be hashed.
struct Hash(u64);

impl Hash {
    fn number(&mut self, value: u64) {
        self.0 = (self.0 ^ value)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }

    fn debug(&mut self, value: &impl std::fmt::Debug) {
        use std::fmt::Write;
        // never fails: `write_str` does not
        let _ = write!(self, "{value:?}");
        self.number(u64::from(b'\n'));
    }

    fn word(&self) -> String {
        format!("{:016x}", self.0)
    }
}

impl std::fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.number(stable_hash(text.as_bytes()));
        Ok(())
    }
}

/// What a fit depends on, as one word: everything that is read of the shop, the options but its settings (a stage names
/// those, see [`Checkpoints::of`]), and this program's version. `what` = the command and whatever else it depends on.
pub fn key(log: &Log, options: &FitOptions, what: &impl std::fmt::Debug) -> String {
    let mut hash = Hash(stable_hash(env!("CARGO_PKG_VERSION").as_bytes()));
    let FitOptions {
        seed,
        memory,
        settings: _,
        delights,
        clock_types,
    } = options;
    hash.debug(&(what, seed, memory, clock_types));
    for delight in delights {
        hash.debug(delight);
    }
    let (kinds, channels) = (&log.encoder.kinds, &log.encoder.channels);
    for kind in (0..kinds.len()).map(|ix| Kind(ix as u16)) {
        hash.debug(&(kinds.name(kind), kinds.class(kind)));
    }
    for channel in channels.names() {
        hash.debug(&channel);
    }
    for customer in log.customer_ids.names() {
        hash.debug(customer);
    }
    for history in log.histories.iter() {
        hash.number(history.len() as u64);
        for touch in history {
            touched(&mut hash, touch);
        }
    }
    for (basket, id) in log.anonymous.iter().zip(&log.anonymous_ids) {
        hash.number(*id);
        hash.number(basket.at as u64);
        for (product, quantity) in &basket.lines {
            hash.number(u64::from(product.0) << 32 | u64::from(quantity.to_bits()));
        }
    }
    for product in log.catalogue.products() {
        hash.debug(product);
    }
    for profile in &log.profiles {
        hash.debug(profile);
    }
    hash.word()
}

/// All of `touch`: a field that is added must be added here.
fn touched(hash: &mut Hash, touch: &Touch) {
    let Touch {
        at,
        basket,
        product,
        quantity,
        value,
        duration_s,
        kind,
        channel,
        line,
        pages,
        rating,
        cause,
        gift,
    } = *touch;
    hash.number(at as u64);
    hash.number(basket);
    hash.number(u64::from(product.0) << 32 | u64::from(duration_s.to_bits()));
    hash.number(u64::from(quantity.to_bits()) << 32 | u64::from(value.to_bits()));
    let small = [kind.0, channel, line, pages];
    hash.number(small.iter().fold(0, |all, x| all << 16 | u64::from(*x)));
    hash.number(u64::from(rating) << 16 | (cause as u64) << 8 | u64::from(gift));
}

impl Checkpoints {
    /// The stages beside `models`. Those of other data or options, and all of them unless `resume`, are removed.
    ///
    /// # Errors
    /// The directory cannot be made or written.
    pub fn open(models: &Path, key: &str, resume: bool) -> Result<Checkpoints, BundleError> {
        let dir = models.join(DIR);
        let io = |action: &'static str| {
            let path = dir.clone();
            move |source| BundleError::Io {
                action,
                path,
                source,
            }
        };
        let same = fs::read_to_string(dir.join(KEY)).is_ok_and(|known| known == key);
        if dir.exists() && !(resume && same) {
            fs::remove_dir_all(&dir).map_err(io("remove"))?;
        }
        fs::create_dir_all(&dir).map_err(io("create"))?;
        fs::write(dir.join(KEY), key).map_err(io("write"))?;
        Ok(Checkpoints {
            dir,
            of: String::new(),
        })
    }

    /// The same stages, of which only those hold that were kept for the same `what`: the settings that they were fitted with.
    pub fn of(&self, what: &impl std::fmt::Debug) -> Checkpoints {
        let mut hash = Hash(stable_hash(self.of.as_bytes()));
        hash.debug(what);
        Checkpoints {
            dir: self.dir.clone(),
            of: hash.word(),
        }
    }

    /// What `stage` left, if it was finished for the same settings and is undamaged.
    pub fn load<T>(
        &self,
        stage: &str,
        read: impl FnOnce(&Bundle) -> Result<T, BundleError>,
    ) -> Option<T> {
        let path = self.dir.join(stage);
        if !path.exists() {
            return None;
        }
        let bundle = Bundle::open(&path).ok()?;
        if bundle.manifest().settings != self.of.as_str() {
            return None;
        }
        read(&bundle).ok()
    }

    /// Keeps what `stage` made. A stage that cannot be kept is made again by whoever resumes: no reason to stop.
    pub fn save(
        &self,
        stage: &str,
        write: impl FnOnce(&mut BundleWriter) -> Result<(), BundleError>,
    ) {
        let _ = fs::remove_dir_all(self.dir.join(stage));
        let kept = BundleWriter::new(&self.dir, stage).and_then(|mut bundle| {
            write(&mut bundle)?;
            bundle.seal(Manifest {
                id: stage.to_owned(),
                settings: self.of.as_str().into(),
                ..Manifest::default()
            })
        });
        if let Err(error) = kept {
            tracing::warn!(%error, stage, "a finished stage cannot be kept for --resume");
        }
    }

    /// The model is written: the stages are removed.
    pub fn clear(&self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::{Catalogue, Customer, CustomerIx, Delight, Histories, Product, ProductIx};

    fn log(change: impl FnOnce(&mut Touch, &mut Product, &mut Customer)) -> Log {
        let mut touch = Touch::new(Kind(1), ProductIx(0), 7);
        let (mut product, mut customer) = (Product::bare("p"), Customer::default());
        change(&mut touch, &mut product, &mut customer);
        let mut log = Log {
            catalogue: Catalogue::new(vec![product]).unwrap(),
            histories: Histories::group(1, vec![CustomerIx(0)], vec![touch]),
            profiles: vec![Some(customer)],
            ..Log::default()
        };
        log.customer_ids.intern("ada");
        log
    }

    #[test]
    fn the_key_tells_every_part_of_the_shop_that_a_fit_reads() {
        let options = FitOptions::default();
        let of = |log: Log| key(&log, &options, &"fit");
        let plain = of(log(|_, _, _| {}));
        assert_eq!(plain, of(log(|_, _, _| {})));
        let rated = FitOptions {
            delights: vec![Delight::default()],
            ..FitOptions::default()
        };
        for (what, other) in [
            ("rating", of(log(|touch, _, _| touch.rating = 40))),
            ("channel", of(log(|touch, _, _| touch.channel = 2))),
            ("line", of(log(|touch, _, _| touch.line = 2))),
            ("pages", of(log(|touch, _, _| touch.pages = 3))),
            ("duration", of(log(|touch, _, _| touch.duration_s = 3.0))),
            ("title", of(log(|_, p, _| p.title = Some("tea".into())))),
            (
                "category",
                of(log(|_, p, _| p.category = Some("a/b".into()))),
            ),
            ("price", of(log(|_, p, _| p.price = Some(2.0)))),
            ("locale", of(log(|_, _, c| c.locale = Some("si".into())))),
            ("delight", key(&log(|_, _, _| {}), &rated, &"fit")),
            ("command", key(&log(|_, _, _| {}), &options, &"refresh")),
        ] {
            assert_ne!(plain, other, "{what}");
        }
    }
}
