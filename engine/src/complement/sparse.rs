//! Sparse rows of product-to-product weights.

use serendib_shop::ProductIx;

/// A matrix over products (or topics) in compressed rows, columns ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseRows<C = ProductIx> {
    offsets: Vec<u32>,
    columns: Vec<C>,
    values: Vec<f32>,
}

impl<C> Default for SparseRows<C> {
    fn default() -> SparseRows<C> {
        SparseRows {
            offsets: Vec::new(),
            columns: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<C: Copy + Ord + From<u32>> SparseRows<C> {
    /// From one list of (column, value) per row; zero and non-finite values are left out, columns sorted.
    pub fn from_rows(rows: impl IntoIterator<Item = Vec<(C, f32)>>) -> SparseRows<C> {
        let mut out = SparseRows {
            offsets: vec![0],
            ..SparseRows::default()
        };
        for mut row in rows {
            row.retain(|(_, value)| *value != 0.0 && value.is_finite());
            row.sort_by_key(|(column, _)| *column);
            row.dedup_by_key(|(column, _)| *column);
            for (column, value) in row {
                out.columns.push(column);
                out.values.push(value);
            }
            out.offsets.push(out.columns.len() as u32);
        }
        out
    }

    /// From its three arrays; `None` where they do not make a matrix of `rows` by `width`.
    pub fn from_parts(
        offsets: Vec<u32>,
        columns: Vec<u32>,
        values: Vec<f32>,
        rows: usize,
        width: usize,
    ) -> Option<SparseRows<C>> {
        let whole = offsets.len() == rows + 1
            && offsets.first() == Some(&0)
            && offsets.windows(2).all(|w| w[0] <= w[1])
            && offsets.last().map(|end| *end as usize) == Some(columns.len())
            && columns.len() == values.len()
            && columns.iter().all(|c| (*c as usize) < width)
            && values.iter().all(|v| v.is_finite());
        whole.then(|| SparseRows {
            offsets,
            columns: columns.into_iter().map(C::from).collect(),
            values,
        })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The columns and values of row `ix`; empty for a row that is not there.
    pub fn row(&self, ix: impl Into<u32>) -> (&[C], &[f32]) {
        let ix = ix.into() as usize;
        if ix + 1 >= self.offsets.len() {
            return (&[], &[]);
        }
        let range = self.offsets[ix] as usize..self.offsets[ix + 1] as usize;
        (&self.columns[range.clone()], &self.values[range])
    }

    /// The pairs of row `ix`.
    pub fn iter(&self, ix: impl Into<u32>) -> impl Iterator<Item = (C, f32)> + '_ {
        let (columns, values) = self.row(ix);
        columns.iter().copied().zip(values.iter().copied())
    }

    /// The value at (`row`, `column`); 0 where nothing is stored.
    pub fn get(&self, row: impl Into<u32>, column: C) -> f32 {
        let (columns, values) = self.row(row);
        columns.binary_search(&column).map_or(0.0, |at| values[at])
    }

    /// The same rows with columns that number other things.
    pub fn of<D: From<C>>(self) -> SparseRows<D> {
        SparseRows {
            offsets: self.offsets,
            columns: self.columns.into_iter().map(D::from).collect(),
            values: self.values,
        }
    }

    /// The three arrays: offsets, columns, values.
    pub fn parts(&self) -> (&[u32], &[C], &[f32]) {
        (&self.offsets, &self.columns, &self.values)
    }
}

/// Keeps the `n` entries of largest magnitude; ties go to the smaller product number.
pub fn keep_largest<C: Ord>(row: &mut Vec<(C, f32)>, n: usize) {
    let by_size = |x: &(C, f32), y: &(C, f32)| y.1.abs().total_cmp(&x.1.abs()).then(x.0.cmp(&y.0));
    if row.len() > n {
        if n > 0 {
            row.select_nth_unstable_by(n - 1, by_size);
        }
        row.truncate(n);
    }
    row.sort_by(by_size);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_found() {
        let rows = SparseRows::<u32>::from_rows([
            vec![(2, 1.0), (0, -3.0), (1, 0.0)],
            vec![],
            vec![(0, 5.0)],
        ]);
        assert_eq!(rows.get(0u32, 0), -3.0);
        assert_eq!(rows.get(0u32, 1), 0.0);
        assert_eq!(rows.iter(2u32).collect::<Vec<_>>(), [(0, 5.0)]);
        assert_eq!(rows.row(9u32), (&[][..], &[][..]));
        let (offsets, columns, values) = rows.parts();
        assert!(
            SparseRows::<u32>::from_parts(offsets.into(), columns.into(), values.into(), 3, 3)
                .is_some()
        );
        assert!(SparseRows::<u32>::from_parts(vec![0, 2], vec![0], vec![1.0], 1, 1).is_none());
        assert!(SparseRows::<u32>::from_parts(vec![0, 1], vec![7], vec![1.0], 1, 1).is_none());
    }

    #[test]
    fn the_largest_entries_stay() {
        let mut row = vec![(0, 0.1), (1, -5.0), (2, 2.0), (3, 2.0)];
        keep_largest(&mut row, 2);
        assert_eq!(row, [(1, -5.0), (2, 2.0)]);
        keep_largest(&mut row, 0);
        assert!(row.is_empty());
    }
}
