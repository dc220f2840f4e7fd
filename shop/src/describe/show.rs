//! The description as a page of text.

use std::fmt;

use super::{Description, Named, Spread};
use crate::print::{Column, Grid};

/// 1234567 → `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (ix, digit) in digits.chars().enumerate() {
        if ix > 0 && (digits.len() - ix).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    format!("{:.1} %", 100.0 * part as f64 / whole as f64)
}

fn spread(spread: &Spread) -> String {
    format!(
        "{} median, {} to {} for the middle half, {} at 90 %, {} at 99 %, {} at most",
        grouped(spread.median),
        grouped(spread.p25),
        grouped(spread.p75),
        grouped(spread.p90),
        grouped(spread.p99),
        grouped(spread.max)
    )
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, named: &[Named], total: u64) -> fmt::Result {
    if named.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    let columns = [
        Column::name("", 24),
        Column::figure("", 14),
        Column::figure("", 8),
    ];
    let mut grid = Grid::bare(2, columns);
    for entry in named.iter().take(20) {
        let name = match &*entry.name {
            "" => "(none given)",
            name => name,
        };
        grid.row([name, &grouped(entry.count), &percent(entry.count, total)]);
    }
    write!(f, "{grid}")?;
    if named.len() > 20 {
        writeln!(f, "  … and {} more", named.len() - 20)?;
    }
    Ok(())
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line =
            |f: &mut fmt::Formatter<'_>, name: &str, text: String| writeln!(f, "{name:<16} {text}");
        let touchpoints = self.rows.get("touchpoints").copied().unwrap_or(0);
        line(f, "touchpoints", grouped(touchpoints))?;
        match &self.span {
            Some((first, last)) => line(f, "span", format!("{first} to {last}"))?,
            None => line(f, "span", "no times, the order of rows counts".to_owned())?,
        }
        let listed = match self.customers.listed {
            0 => String::new(),
            listed => format!(" ({} in the customers table)", grouped(listed)),
        };
        line(
            f,
            "customers",
            format!(
                "{} with touchpoints{listed}",
                grouped(self.customers.touched)
            ),
        )?;
        self.products(f)?;
        self.acquisitions(f)?;
        if self.customers.touched > 0 {
            line(
                f,
                "per customer",
                format!("touchpoints: {}", spread(&self.customers.touchpoints)),
            )?;
            if self.has_orders() {
                line(f, "", format!("orders: {}", spread(&self.customers.orders)))?;
            }
        }
        if self.anonymous_rows > 0 {
            line(
                f,
                "anonymous",
                format!(
                    "{} baskets of {} rows ({})",
                    grouped(self.anonymous_baskets),
                    grouped(self.anonymous_rows),
                    percent(self.anonymous_rows, touchpoints)
                ),
            )?;
        }
        if self.pooled_rows > 0 {
            line(
                f,
                "pooled orders",
                format!(
                    "{} orders of {} rows ({}), left out of what goes together",
                    grouped(self.pooled_baskets),
                    grouped(self.pooled_rows),
                    percent(self.pooled_rows, touchpoints)
                ),
            )?;
        }
        for (table, rows) in &self.rows {
            match *table {
                "touchpoints" | "products" | "customers" => {}
                "held_out" => line(
                    f,
                    table,
                    format!(
                        "{} rows of {} customers, never read in training",
                        grouped(*rows),
                        grouped(self.held_out_customers)
                    ),
                )?,
                _ => line(f, table, format!("{} rows", grouped(*rows)))?,
            }
        }
        if !self.delights.is_empty() {
            let means: Vec<_> = self
                .delights
                .iter()
                .map(|(name, mean)| format!("{name} {mean:.2}"))
                .collect();
            line(f, "", format!("mean of 1 to 5: {}", means.join(", ")))?;
        }
        for note in &self.notes {
            line(f, "note", note.clone())?;
        }
        list(f, "kinds", &self.kinds, touchpoints)?;
        let no_channels = matches!(self.channels.as_slice(), [only] if only.name.is_empty());
        if !no_channels {
            list(f, "channels", &self.channels, touchpoints)?;
        }
        list(
            f,
            "declared facts",
            &self.customers.facts,
            self.customers.listed,
        )?;
        list(
            f,
            "refused consents",
            &self.customers.refusals,
            self.customers.listed,
        )?;
        if !self.top.is_empty() {
            writeln!(f, "\ntop products: customers who acquired it, rows")?;
            let counts = [Column::figure("", 9); 2];
            let names = [Column::name("", 17), Column::rest("")];
            let mut grid = Grid::bare(2, [counts, names].concat());
            for product in &self.top {
                grid.row([
                    &*grouped(product.customers),
                    &grouped(product.rows),
                    &format!(" {}", product.product_id),
                    product.title.as_deref().unwrap_or(""),
                ]);
            }
            write!(f, "{grid}")?;
        }
        Ok(())
    }
}

impl Description {
    /// Whether rows are more than single acquisitions in a row: without times and basket ids there are no orders.
    fn has_orders(&self) -> bool {
        self.acquisitions.orders > 0 && (self.span.is_some() || self.acquisitions.order_size > 1.0)
    }

    fn products(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = &self.products;
        let mut text = format!("{} with touchpoints", grouped(about.touched));
        if about.listed > 0 {
            text.push_str(&format!(
                " ({} in the products table",
                grouped(about.listed)
            ));
            for (count, what) in [(about.titled, "a title"), (about.priced, "a price")] {
                text.push_str(&format!(", {} with {what}", percent(count, about.listed)));
            }
            if about.variants > 0 {
                text.push_str(&format!(", {} variants", grouped(about.variants)));
            }
            if about.non_products > 0 {
                text.push_str(&format!(
                    ", {} are postage, fees and the like",
                    about.non_products
                ));
            }
            text.push(')');
        }
        writeln!(f, "{:<16} {text}", "products")?;
        if about.categories > 0 {
            writeln!(
                f,
                "{:<16} {} on {} of the products",
                "categories",
                grouped(about.categories),
                percent(about.categorised, about.listed)
            )?;
        }
        Ok(())
    }

    fn acquisitions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = &self.acquisitions;
        if about.rows == 0 {
            return Ok(());
        }
        writeln!(
            f,
            "{:<16} {} rows, {} different customer–product pairs, sparsity {:.3} %",
            "acquisitions",
            grouped(about.rows),
            grouped(about.pairs),
            100.0 * about.sparsity
        )?;
        writeln!(
            f,
            "{:<16} {:.1} % of acquisitions repeat an earlier one of the same customer and product",
            "repeat share",
            100.0 * about.repeat_share
        )?;
        if self.has_orders() {
            writeln!(
                f,
                "{:<16} {} of {:.1} different products on average",
                "orders",
                grouped(about.orders),
                about.order_size
            )?;
        }
        if !about.paid.is_empty() {
            let amount = |(currency, value): (&String, &f64)| {
                let currency = match currency.as_str() {
                    "" => "(no currency given)",
                    currency => currency,
                };
                format!("{} {currency}", grouped(value.max(0.0).round() as u64))
            };
            let paid: Vec<_> = about.paid.iter().map(amount).collect();
            writeln!(
                f,
                "{:<16} {} by known customers, cancellations not taken off",
                "paid",
                paid.join(", ")
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
