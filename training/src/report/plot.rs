//! Charts as inline SVG.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Chart, ChartKind, Series};

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("draw chart {title:?}: {what}")]
pub struct PlotError {
    title: String,
    what: String,
}

const SIZE: (u32, u32) = (560, 320);
const FONT: &str = "sans-serif";
/// Colours that stand for the page's own: replaced by its variables after drawing.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const SERIES: [RGBColor; 6] = [
    RGBColor(3, 3, 1),
    RGBColor(3, 3, 2),
    RGBColor(3, 3, 3),
    RGBColor(3, 3, 4),
    RGBColor(3, 3, 5),
    RGBColor(3, 3, 6),
];

/// Draws `chart` as an SVG element whose colours are the page's variables; a chart without points is an empty string.
pub fn draw(chart: &Chart) -> Result<String, PlotError> {
    // a series keeps its colour where one before it has no points
    let series: Vec<(Series, RGBColor)> = chart
        .series
        .iter()
        .map(finite)
        .zip(SERIES)
        .filter(|(series, _)| !series.points.is_empty())
        .collect();
    if series.is_empty() {
        return Ok(String::new());
    }
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        paint(&root, chart, &series).map_err(|what| PlotError {
            title: chart.title.clone(),
            what,
        })?;
    }
    Ok(theme(&svg, &chart.title))
}

/// The series without points that are not finite.
fn finite(series: &Series) -> Series {
    let keep: Vec<bool> = series
        .points
        .iter()
        .map(|(x, y)| x.is_finite() && y.is_finite())
        .collect();
    let mut flags = keep.iter();
    let points = series
        .points
        .iter()
        .copied()
        .filter(|_| *flags.next().unwrap_or(&false))
        .collect();
    let mut flags = keep.iter();
    let band = series.band.as_ref().map(|band| {
        band.iter()
            .copied()
            .filter(|_| *flags.next().unwrap_or(&false))
            .collect()
    });
    Series {
        name: series.name.clone(),
        points,
        band,
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
    if low > high {
        (0.0, 1.0)
    } else if high - low < 1e-12 {
        (low - 0.5, high + 0.5)
    } else {
        (low, high)
    }
}

fn paint(
    root: &DrawingArea<SVGBackend, Shift>,
    chart: &Chart,
    series: &[(Series, RGBColor)],
) -> Result<(), String> {
    let fail = |error: DrawingAreaErrorKind<_>| -> String {
        let error: DrawingAreaErrorKind<std::io::Error> = error;
        error.to_string()
    };
    let points = || series.iter().flat_map(|(s, _)| s.points.iter());
    let bands = || series.iter().flat_map(|(s, _)| s.band.iter().flatten());
    let (mut left, mut right) = range(points().map(|(x, _)| *x));
    let (mut low, mut high) = range(
        points()
            .map(|(_, y)| *y)
            .chain(bands().flat_map(|(a, b)| [*a, *b])),
    );
    match chart.kind {
        ChartKind::Calibration => {
            let top = right.max(high).max(1e-6) * 1.02;
            (left, right, low, high) = (0.0, top, 0.0, top);
        }
        ChartKind::Bars => {
            (left, right) = (left - 0.5, right + 0.5);
            (low, high) = (low.min(0.0), high.max(0.0));
            high += (high - low) * 0.05;
        }
        ChartKind::Lines => {
            let pad = (high - low) * 0.08;
            // A figure that is never negative keeps its zero in sight when it is near.
            low = if low >= 0.0 && low < (high - low) {
                0.0
            } else {
                low - pad
            };
            high += pad;
        }
    }
    let text = (FONT, 13).into_font().color(&INK);
    let mut context = ChartBuilder::on(root)
        .margin(8)
        .margin_right(22)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(left..right, low..high)
        .map_err(fail)?;
    context
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(text.clone())
        .axis_desc_style(text.clone())
        .x_labels(8)
        .y_labels(6)
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .x_desc(chart.x.as_str())
        .y_desc(chart.y.as_str())
        .draw()
        .map_err(fail)?;
    if chart.kind == ChartKind::Calibration {
        context
            .draw_series(LineSeries::new([(0.0, 0.0), (right, right)], GRID))
            .map_err(fail)?;
    }
    for &(ref one, color) in series {
        if chart.kind == ChartKind::Bars {
            let bars = one
                .points
                .iter()
                .map(|&(x, y)| Rectangle::new([(x - 0.38, 0.0), (x + 0.38, y)], color.filled()));
            context.draw_series(bars).map_err(fail)?;
            break;
        }
        if let Some(band) = &one.band {
            for (&(x, _), &(from, to)) in one.points.iter().zip(band) {
                context
                    .draw_series(LineSeries::new([(x, from), (x, to)], color.stroke_width(1)))
                    .map_err(fail)?;
            }
        }
        let line = LineSeries::new(one.points.iter().copied(), color.stroke_width(2));
        let drawn = context.draw_series(line).map_err(fail)?;
        if series.len() > 1 {
            drawn.label(one.name.as_str()).legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2))
            });
        }
        let dots = one
            .points
            .iter()
            .map(|&point| Circle::new(point, 3, color.filled()));
        if one.points.len() <= 40 {
            context.draw_series(dots).map_err(fail)?;
        }
    }
    if series.len() > 1 && chart.kind != ChartKind::Bars {
        context
            .configure_series_labels()
            .position(free_corner(points(), (left, right), (low, high)))
            .label_font(text)
            .border_style(TRANSPARENT)
            .draw()
            .map_err(fail)?;
    }
    root.present().map_err(fail)
}

/// The corner with the fewest points in it, for the legend; the lower right one where that is even.
fn free_corner<'a>(
    points: impl Iterator<Item = &'a (f64, f64)>,
    (left, right): (f64, f64),
    (low, high): (f64, f64),
) -> SeriesLabelPosition {
    let (middle_x, middle_y) = ((left + right) / 2.0, (low + high) / 2.0);
    // lower right, upper right, upper left, lower left
    let mut counts = [0usize; 4];
    for &(x, y) in points {
        counts[match (x >= middle_x, y >= middle_y) {
            (true, false) => 0,
            (true, true) => 1,
            (false, true) => 2,
            (false, false) => 3,
        }] += 1;
    }
    let free = (0..4).min_by_key(|ix| counts[*ix]).unwrap_or(0);
    match free {
        0 => SeriesLabelPosition::LowerRight,
        1 => SeriesLabelPosition::UpperRight,
        2 => SeriesLabelPosition::UpperLeft,
        _ => SeriesLabelPosition::LowerLeft,
    }
}

/// The number beside a tick: no more digits than it has.
fn tick(value: &f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "" | "-0" => "0".into(),
        text => text.replace('-', "−"),
    }
}

/// Puts the page's variables where the stand-in colours are, and lets the picture scale.
fn theme(svg: &str, title: &str) -> String {
    let hex = |color: RGBColor| format!("\"#{:02X}{:02X}{:02X}\"", color.0, color.1, color.2);
    let mut out = svg
        .replace(&hex(INK), "\"currentColor\"")
        .replace(&hex(GRID), "\"var(--grid)\"");
    for (ix, color) in SERIES.into_iter().enumerate() {
        out = out.replace(&hex(color), &format!("\"var(--s{})\"", ix + 1));
    }
    let from = out.find("<svg").unwrap_or(0);
    let open = format!(
        "<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} {}\"",
        super::html::escape(title),
        SIZE.0,
        SIZE.1
    );
    let rest = out[from..]
        .trim_start_matches("<svg")
        .replacen(&format!(" width=\"{}\"", SIZE.0), "", 1)
        .replacen(&format!(" height=\"{}\"", SIZE.1), "", 1)
        .replacen(&format!(" viewBox=\"0 0 {} {}\"", SIZE.0, SIZE.1), "", 1);
    format!("{open}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_stands_where_no_line_runs() {
        let rising = [(0.0, 0.1), (0.4, 0.4), (0.9, 0.9)];
        let corner = free_corner(rising.iter(), (0.0, 1.0), (0.0, 1.0));
        assert!(matches!(corner, SeriesLabelPosition::LowerRight));
        let falling = [(0.0, 0.9), (0.4, 0.6), (0.6, 0.3), (0.9, 0.1)];
        let corner = free_corner(falling.iter(), (0.0, 1.0), (0.0, 1.0));
        assert!(matches!(corner, SeriesLabelPosition::UpperRight));
    }
}
