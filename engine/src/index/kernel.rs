//! Inner products with whatever vector instructions the processor has, chosen safely at run time.

use pulp::{Arch, Simd, WithSimd};

struct Rows<'a> {
    query: &'a [f32],
    rows: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let dim = self.query.len();
        if dim == 0 {
            self.out.fill(0.0);
            return;
        }
        for (out, row) in self.out.iter_mut().zip(self.rows.chunks_exact(dim)) {
            *out = dot_simd(simd, self.query, row);
        }
    }
}

struct One<'a>(&'a [f32], &'a [f32]);

impl WithSimd for One<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        dot_simd(simd, self.0, self.1)
    }
}

#[inline(always)]
fn dot_simd<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let (a_head, a_tail) = S::as_simd_f32s(a);
    let (b_head, b_tail) = S::as_simd_f32s(b);
    let zero = simd.splat_f32s(0.0);
    let mut sums = [zero; 4];
    let (a4, a1) = pulp::as_arrays::<4, _>(a_head);
    let (b4, b1) = pulp::as_arrays::<4, _>(b_head);
    for (x, y) in a4.iter().zip(b4) {
        sums[0] = simd.mul_add_e_f32s(x[0], y[0], sums[0]);
        sums[1] = simd.mul_add_e_f32s(x[1], y[1], sums[1]);
        sums[2] = simd.mul_add_e_f32s(x[2], y[2], sums[2]);
        sums[3] = simd.mul_add_e_f32s(x[3], y[3], sums[3]);
    }
    for (x, y) in a1.iter().zip(b1) {
        sums[0] = simd.mul_add_e_f32s(*x, *y, sums[0]);
    }
    let pair = simd.add_f32s(
        simd.add_f32s(sums[0], sums[1]),
        simd.add_f32s(sums[2], sums[3]),
    );
    let mut sum = simd.reduce_sum_f32s(pair);
    for (x, y) in a_tail.iter().zip(b_tail) {
        sum += x * y;
    }
    sum
}

/// ⟨a, b⟩ over the shorter length.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let len = a.len().min(b.len());
    Arch::new().dispatch(One(&a[..len], &b[..len]))
}

/// ⟨query, row⟩ for each of the row-major `rows`; `out` gets one number per row.
pub fn dot_rows(query: &[f32], rows: &[f32], out: &mut [f32]) {
    Arch::new().dispatch(Rows { query, rows, out });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_products_equal_the_plain_sum_at_every_length() {
        for len in [0usize, 1, 3, 15, 16, 17, 64, 100, 257] {
            let a: Vec<f32> = (0..len).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..len).map(|i| (i as f32 * 0.11).cos()).collect();
            let plain: f64 = a
                .iter()
                .zip(&b)
                .map(|(x, y)| f64::from(*x) * f64::from(*y))
                .sum();
            assert!((f64::from(dot(&a, &b)) - plain).abs() < 1e-4);
            let mut out = vec![9.0; 2];
            let rows: Vec<f32> = b.iter().chain(&a).copied().collect();
            dot_rows(&a, &rows, &mut out);
            assert!((out[0] - dot(&a, &b)).abs() < 1e-6);
        }
    }
}
