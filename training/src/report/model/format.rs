//! Numbers and tables as the page shows them.

use chrono::{DateTime, Utc};

use crate::judge::policy::Interval;
use crate::refresh::compare::Gap;
use crate::report::{Series, TableBlock};

pub(super) fn date(at: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(at)
        .map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
}

pub(super) fn thousands(n: f64) -> String {
    let digits = format!("{:.0}", n.abs());
    let mut out = String::new();
    for (ix, digit) in digits.chars().enumerate() {
        if ix > 0 && (digits.len() - ix).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if n <= -0.5 {
        format!("−{out}")
    } else {
        out
    }
}

pub(super) fn figure(x: f64) -> String {
    format!("{x:.4}")
}

pub(super) fn percent(x: f64) -> String {
    format!("{:.1} %", 100.0 * x)
}

pub(super) fn signed(x: f64) -> String {
    format!("{x:+.4}").replace('-', "−")
}

/// `text` with a minus sign before each negative number in it; hyphens of ids stay.
pub(super) fn minus(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let negative = c == '-'
            && matches!(before, ' ' | '[' | '(')
            && chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if negative { '−' } else { c });
        before = c;
    }
    out
}

pub(super) fn range(i: &Interval) -> String {
    format!("{} … {}", signed(i.low), signed(i.high))
}

/// Better, worse, or nothing that chance does not explain.
pub(super) fn verdict(i: &Interval) -> Option<bool> {
    if i.low > 0.0 {
        Some(true)
    } else if i.high < 0.0 {
        Some(false)
    } else {
        None
    }
}

pub(super) fn relative(gap: &Gap) -> String {
    if gap.other > 0.0 {
        format!("{:+.1} %", 100.0 * gap.difference.value / gap.other).replace('-', "−")
    } else {
        signed(gap.difference.value)
    }
}

pub(super) fn line(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    Series {
        name: name.into(),
        points: points.into_iter().collect(),
        band: None,
    }
}

pub(super) fn table(
    caption: &str,
    columns: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    highlight: Option<usize>,
) -> TableBlock {
    TableBlock {
        caption: caption.into(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        rows: rows.into_iter().collect(),
        highlight,
        folded: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_a_minus_sign_and_ids_keep_their_hyphens() {
        let text = "model 20261129t194424z-2: difference -0.0031 [-0.0070, +0.0010], p-3-2";
        let said = minus(text);
        assert!(
            said.contains("−0.0031 [−0.0070") && said.contains("z-2") && said.contains("p-3-2")
        );
    }
}
