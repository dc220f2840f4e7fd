//! Random numbers and the few functions of real numbers that the demo shop uses.
//!
//! Everything here is built from additions, multiplications, divisions and square roots, which IEEE 754 defines to the
//! last bit, so that one seed gives the same bytes on every machine. `f64::exp` and its kin do not promise that.

/// A stream of random numbers (SplitMix64); streams with different labels are independent.
#[derive(Debug, Clone)]
pub struct Rng(u64);

/// Mixes all bits of `x` (the finaliser of SplitMix64).
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One number from several labels, order mattering.
pub fn hash(labels: &[u64]) -> u64 {
    labels.iter().fold(0x5e4e_d1b0_0000_0001, |state, label| {
        mix(state.rotate_left(23) ^ label.wrapping_add(0x9e37_79b9_7f4a_7c15))
    })
}

/// A fixed number in [0, 1) for some labels: a hidden trait that needs no storage.
pub fn trait_of(labels: &[u64]) -> f64 {
    to_unit(hash(labels))
}

fn to_unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

impl Rng {
    /// The stream for some labels.
    pub fn new(labels: &[u64]) -> Rng {
        Rng(hash(labels))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        to_unit(self.next())
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Uniform in [lo, hi).
    pub fn between(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * self.unit()
    }

    /// Uniform among the integers lo ..= hi.
    pub fn int(&mut self, lo: i64, hi: i64) -> i64 {
        lo + (self.unit() * (hi - lo + 1) as f64) as i64
    }

    /// An index below `n`; 0 when `n` is 0.
    pub fn index(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// Roughly normal with mean 0 and deviation 1, within ±6 (the sum of twelve uniforms).
    pub fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// How often something with mean `mean` happens, one at a time (Poisson, cut at 60).
    pub fn count(&mut self, mean: f64) -> u32 {
        let limit = exp(-mean.min(30.0));
        let mut product = self.unit();
        let mut n = 0;
        while product > limit && n < 60 {
            product *= self.unit();
            n += 1;
        }
        n
    }

    /// An element drawn in proportion to its weight, given running sums; 0 when all weigh nothing.
    pub fn pick(&mut self, running: &[f64]) -> usize {
        let total = running.last().copied().unwrap_or(0.0);
        let at = self.unit() * total;
        running
            .partition_point(|sum| *sum <= at)
            .min(running.len().saturating_sub(1))
    }

    /// One of a few things.
    pub fn among<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.index(things.len()))
    }
}

/// e^x for |x| ≤ 40: halved ten times, six terms, squared ten times.
pub fn exp(x: f64) -> f64 {
    let y = x.clamp(-40.0, 40.0) / 1024.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..=6 {
        term *= y / f64::from(n);
        sum += term;
    }
    for _ in 0..10 {
        sum *= sum;
    }
    sum
}

/// ln(x) for x > 0 by Newton's method on [`exp`].
pub fn ln(x: f64) -> f64 {
    let x = x.max(1e-300);
    // the exponent of the binary form is a good start
    let mut y = ((x.to_bits() >> 52) as i64 - 1023) as f64 * std::f64::consts::LN_2;
    let scaled = x / (f64::from_bits(((x.to_bits() >> 52) << 52).max(1)));
    let mut z: f64 = 0.4;
    for _ in 0..6 {
        let e = exp(z);
        z += 2.0 * (scaled - e) / (scaled + e);
    }
    y += z;
    y
}

/// Rounds money to whole cents.
pub fn cents(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_and_ln_agree_with_the_library_closely() {
        for i in -200..=200 {
            let x = f64::from(i) * 0.05;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-9, "{x}");
            assert!((ln(x.exp()) - x).abs() < 1e-9, "{x}");
        }
    }

    #[test]
    fn draws_have_the_promised_means() {
        let mut rng = Rng::new(&[7]);
        let n = 20_000;
        let mean = (0..n).map(|_| f64::from(rng.count(3.2))).sum::<f64>() / f64::from(n);
        assert!((mean - 3.2).abs() < 0.06, "{mean}");
        let squares = (0..n).map(|_| rng.bell()).map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!((squares - 1.0).abs() < 0.04, "{squares}");
        let running = [1.0, 1.0, 4.0];
        let hits = (0..n).filter(|_| rng.pick(&running) == 2).count();
        assert!((hits as f64 / f64::from(n) - 0.75).abs() < 0.02);
    }

    #[test]
    fn streams_are_independent_of_each_other() {
        let a: Vec<_> = {
            let mut r = Rng::new(&[1, 2]);
            (0..4).map(|_| r.next()).collect()
        };
        let b: Vec<_> = {
            let mut r = Rng::new(&[2, 1]);
            (0..4).map(|_| r.next()).collect()
        };
        assert_ne!(a, b);
    }
}
