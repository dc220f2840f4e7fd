use super::*;

fn chart(kind: ChartKind) -> Chart {
    Chart {
        title: "Recall & \"k\"".into(),
        caption: "<higher> is better".into(),
        x: "k".into(),
        y: "recall".into(),
        kind,
        series: vec![
            Series {
                name: "ours".into(),
                points: vec![(1.0, 0.1), (5.0, f64::NAN), (10.0, 0.3)],
                band: Some(vec![(0.05, 0.15), (0.0, 0.0), (0.2, 0.4)]),
            },
            Series {
                name: "popular".into(),
                points: vec![(1.0, 0.05), (10.0, 0.1)],
                band: None,
            },
        ],
    }
}

#[test]
fn a_page_loads_nothing_and_holds_every_plot() {
    let kinds = [ChartKind::Lines, ChartKind::Bars, ChartKind::Calibration];
    let page = Page {
        title: "model <1>".into(),
        subtitle: "a shop".into(),
        banner: None,
        headlines: vec![Headline {
            label: "NDCG@20".into(),
            value: ".158".into(),
            detail: "most popular .032".into(),
            better: Some(true),
        }],
        sections: vec![Section {
            title: "Curves".into(),
            charts: kinds.map(chart).to_vec(),
            tables: vec![TableBlock {
                columns: vec!["method".into(), "recall".into()],
                rows: vec![vec!["ours".into(), ".19".into()]],
                highlight: Some(0),
                ..TableBlock::default()
            }],
            ..Section::default()
        }],
    };
    let html = render(&page).unwrap();
    assert_eq!(html.matches("<svg").count(), 3);
    assert_eq!(html.matches("</svg>").count(), 3);
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        let found = html.matches(outside).count();
        // The name of the SVG namespace is no reference.
        let allowed = if outside == "http://" {
            html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count()
        } else {
            0
        };
        assert_eq!(found, allowed, "{outside}");
    }
    assert!(html.contains("model &lt;1&gt;") && html.contains("Recall &amp; &quot;k&quot;"));
    assert!(!html.contains("#0303") && !html.contains("NaN"));
}

#[test]
fn columns_of_words_stand_to_the_left_and_long_tables_are_folded() {
    let page = Page {
        sections: vec![Section {
            tables: vec![TableBlock {
                columns: ["check", "", "customers"].map(String::from).into(),
                rows: vec![
                    ["kinds", "passed", "1,204"].map(String::from).into(),
                    ["ends", "not judged", "12 days"].map(String::from).into(),
                    ["starts", "passed", "9"].map(String::from).into(),
                ],
                folded: "All of it".into(),
                ..TableBlock::default()
            }],
            ..Section::default()
        }],
        ..Page::default()
    };
    let html = render(&page).unwrap();
    assert!(html.contains("<details><summary>All of it</summary><div"));
    assert!(
        html.contains("<td class=\"w\">not judged</td><td>12 days</td>"),
        "{html}"
    );
    let print = html.split("@media print").nth(1).unwrap();
    assert!(print.contains("white-space:normal") && print.contains("overflow:visible"));
}

#[test]
fn a_chart_without_points_is_empty_not_an_error() {
    let mut empty = chart(ChartKind::Lines);
    for series in &mut empty.series {
        series.points = vec![(f64::NAN, 1.0)];
    }
    assert_eq!(draw(&empty).unwrap(), "");
    let mut flat = chart(ChartKind::Lines);
    flat.series.truncate(1);
    flat.series[0].points = vec![(1.0, 2.0)];
    flat.series[0].band = None;
    assert!(draw(&flat).unwrap().starts_with("<svg role=\"img\""));
}
