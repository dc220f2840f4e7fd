//! Compressed sparse rows: the only form in which interactions and item–item scores are held.

/// A sparse matrix of `f32` in compressed sparse rows. The order of the entries inside a row is kept as given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Csr {
    cols: usize,
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Csr {
    /// A matrix without entries.
    pub fn empty(rows: usize, cols: usize) -> Csr {
        Csr {
            cols,
            starts: vec![0; rows + 1],
            indices: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Stacks `rows` of (column, value); columns must lie below `cols`, others are dropped.
    pub fn from_rows<R>(cols: usize, rows: impl IntoIterator<Item = R>) -> Csr
    where
        R: IntoIterator<Item = (u32, f32)>,
    {
        let mut out = Csr {
            cols,
            starts: vec![0],
            ..Csr::default()
        };
        for row in rows {
            for (col, value) in row {
                if (col as usize) < cols && value.is_finite() {
                    out.indices.push(col);
                    out.values.push(value);
                }
            }
            out.starts.push(out.indices.len());
        }
        out
    }

    /// Takes the three arrays as they are, after checking that they make a matrix.
    ///
    /// # Errors
    /// What does not fit, in words: starts that do not rise to the number of entries, a column out of range, a value
    /// that is not finite.
    pub fn from_parts(
        cols: usize,
        starts: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<f32>,
    ) -> Result<Csr, String> {
        if starts.first() != Some(&0) || starts.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err("row starts do not rise from 0".into());
        }
        if starts.last() != Some(&indices.len()) || indices.len() != values.len() {
            return Err(format!(
                "row starts end at {:?}, but there are {} columns and {} values",
                starts.last(),
                indices.len(),
                values.len()
            ));
        }
        if let Some(col) = indices.iter().find(|col| **col as usize >= cols) {
            return Err(format!("column {col} is not below {cols}"));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err("a value is not finite".into());
        }
        Ok(Csr {
            cols,
            starts,
            indices,
            values,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Number of entries.
    pub fn nnz(&self) -> usize {
        self.indices.len()
    }

    /// Columns and values of row `row`, in the order given.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Row `row` as pairs.
    pub fn iter_row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> + '_ {
        let (indices, values) = self.row(row);
        indices.iter().copied().zip(values.iter().copied())
    }

    /// Row starts, columns and values.
    pub fn parts(&self) -> (&[usize], &[u32], &[f32]) {
        (&self.starts, &self.indices, &self.values)
    }

    /// Mutable values in storage order.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The entry at (`row`, `col`), 0 where there is none; scans the row.
    pub fn get(&self, row: usize, col: u32) -> f32 {
        self.iter_row(row)
            .filter(|(c, _)| *c == col)
            .map(|(_, value)| value)
            .sum()
    }

    /// The transposed matrix; entries of a row come in ascending column order.
    pub fn transpose(&self) -> Csr {
        let mut starts = vec![0usize; self.cols + 1];
        for col in &self.indices {
            starts[*col as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut indices = vec![0u32; self.indices.len()];
        let mut values = vec![0f32; self.values.len()];
        for row in 0..self.rows() {
            for (col, value) in self.iter_row(row) {
                let at = &mut next[col as usize];
                indices[*at] = row as u32;
                values[*at] = value;
                *at += 1;
            }
        }
        Csr {
            cols: self.rows(),
            starts,
            indices,
            values,
        }
    }

    /// How many entries each column has.
    pub fn col_counts(&self) -> Vec<u32> {
        let mut counts = vec![0u32; self.cols];
        for col in &self.indices {
            counts[*col as usize] += 1;
        }
        counts
    }

    pub fn bytes(&self) -> usize {
        self.starts.len() * 8 + self.indices.len() * 8
    }
}

/// The `k` entries of `row` that come first by `key` (largest), then by column (smallest), in column order.
///
/// Works in place and in linear time.
pub fn keep_largest(row: &mut Vec<(u32, f32)>, k: usize, key: impl Fn(f32) -> f32) {
    if row.len() > k {
        if k > 0 {
            row.select_nth_unstable_by(k - 1, |a, b| {
                key(b.1).total_cmp(&key(a.1)).then(a.0.cmp(&b.0))
            });
        }
        row.truncate(k);
    }
    row.sort_unstable_by_key(|entry| entry.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_twice_gives_the_matrix_back() {
        let matrix = Csr::from_rows(
            4,
            [vec![(0, 1.0), (3, 2.0)], vec![], vec![(1, -1.0), (3, 5.0)]],
        );
        let turned = matrix.transpose();
        assert_eq!((turned.rows(), turned.cols()), (4, 3));
        assert_eq!(turned.get(3, 2), 5.0);
        assert_eq!(turned.transpose(), matrix);
        assert_eq!(matrix.col_counts(), [1, 1, 0, 2]);
    }

    #[test]
    fn broken_parts_are_refused() {
        assert!(Csr::from_parts(2, vec![0, 2], vec![0, 2], vec![1.0, 1.0]).is_err());
        assert!(Csr::from_parts(2, vec![0, 2, 1], vec![0], vec![1.0]).is_err());
        assert!(Csr::from_parts(2, vec![0, 1], vec![0], vec![f32::NAN]).is_err());
        assert!(Csr::from_parts(2, vec![0, 1], vec![0], vec![1.0]).is_ok());
    }

    #[test]
    fn the_largest_are_kept_and_ties_go_to_the_smaller_column() {
        let mut row = vec![(5, 1.0), (2, 3.0), (4, 1.0), (1, 1.0)];
        keep_largest(&mut row, 2, |v| v);
        assert_eq!(row, [(1, 1.0), (2, 3.0)]);
    }
}
