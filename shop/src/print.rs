//! Tables of text for a terminal.

use std::fmt;

/// One column of a [`Grid`], in characters; a cell that is longer pushes the rest of its row to the right.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    width: usize,
    right: bool,
}

impl Column {
    /// Words, from the left.
    pub const fn name(title: &'static str, width: usize) -> Column {
        Column {
            title,
            width,
            right: false,
        }
    }

    /// Numbers, from the right.
    pub const fn figure(title: &'static str, width: usize) -> Column {
        Column {
            title,
            width,
            right: true,
        }
    }

    /// Whatever is left to say, the last of a row.
    pub const fn rest(title: &'static str) -> Column {
        Column::name(title, 0)
    }
}

/// Rows in columns with one space between them.
#[derive(Debug)]
pub struct Grid {
    columns: Vec<Column>,
    indent: usize,
    text: String,
}

impl Grid {
    /// A table that begins with the titles of its columns.
    pub fn new(columns: impl Into<Vec<Column>>) -> Grid {
        let mut grid = Grid::bare(0, columns);
        let titles: Vec<_> = grid.columns.iter().map(|column| column.title).collect();
        grid.row(titles);
        grid
    }

    /// A table without titles, each row `indent` spaces from the left.
    pub fn bare(indent: usize, columns: impl Into<Vec<Column>>) -> Grid {
        Grid {
            columns: columns.into(),
            indent,
            text: String::new(),
        }
    }

    /// Adds a row, which ends with its last cell: there may be fewer than columns.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let mut between = self.indent;
        for (cell, column) in cells.into_iter().zip(&self.columns) {
            let cell = cell.as_ref();
            let pad = column.width.saturating_sub(cell.chars().count());
            let (before, after) = if column.right { (pad, 0) } else { (0, pad) };
            let spaces = |n| std::iter::repeat_n(' ', n);
            self.text.extend(spaces(between + before));
            self.text.push_str(cell);
            self.text.extend(spaces(after));
            between = 1;
        }
        self.text.push('\n');
    }
}

/// Every row with the end of its line.
impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `number` with so many decimals.
pub fn fixed(number: f64, decimals: usize) -> String {
    format!("{number:.decimals$}")
}

/// A difference and the ends of its interval.
pub fn difference(found: f64, low: f64, high: f64) -> String {
    format!("{found:+.4}  [{low:+.4}, {high:+.4}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_under_their_titles() {
        let columns = [
            Column::name("שם", 4),
            Column::figure("hits", 6),
            Column::rest("why"),
        ];
        let mut grid = Grid::new(columns);
        grid.row(["ours", "1.25", "it is"]);
        grid.row(["the longest", "0.5"]);
        grid.row(["a"]);
        let expected = "שם     hits why\nours   1.25 it is\nthe longest    0.5\na   \n";
        assert_eq!(grid.to_string(), expected);
        let mut bare = Grid::bare(2, columns);
        bare.row(["a", "1"]);
        assert_eq!(bare.to_string(), "  a         1\n");
    }

    #[test]
    fn numbers_keep_their_decimals() {
        assert_eq!(fixed(0.5, 4), "0.5000");
        assert_eq!(difference(-0.25, -0.5, 0.0), "-0.2500  [-0.5000, +0.0000]");
    }
}
