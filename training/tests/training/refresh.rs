//! Refreshing a models directory: what passes the gate, what is kept back, and what bad data do.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serendib_engine::represent::Weighting;
use serendib_shop::progress::Stages;
use serendib_shop::{in_holdout, CustomerIx, Log, ReadOptions, ShopData};
use serendib_training::learn::vectors::cooccurrence::Shape;
use tempfile::TempDir;

use chrono::{DateTime, SecondsFormat, Utc};
use serendib_engine::bundle::{Bundle, ModelsDir};
use serendib_training::learn::vectors::families::Family;
use serendib_training::learn::{self, publish, Checkpoints, FitOptions, Member, Settings};
use serendib_training::refresh::sanity::Golden;
use serendib_training::refresh::{compare, lock, policy, refresh, uplift, Outcome, RefreshOptions};
use serendib_training::report::model as page;

const CUSTOMERS: usize = 400;
const TASTES: usize = 5;
const PER_TASTE: usize = 14;

/// A shop in which everybody has one taste, buys a product of it every ten days or so, and never the same twice.
struct Shop {
    dir: TempDir,
    rows: Vec<(i64, String)>,
}

fn day(n: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(1_760_000_000_000 + n * 3_600_000)
        .unwrap()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The product that customer `c` buys as their `n`-th.
fn product(c: usize, n: usize) -> String {
    let taste = c % TASTES;
    // neighbours in taste buy in overlapping runs, so that what comes next can be learned
    let ix = (c / TASTES + n) % PER_TASTE;
    format!("p-{taste}-{ix}")
}

impl Shop {
    fn new(orders: usize) -> Shop {
        let mut rows = Vec::new();
        for c in 0..CUSTOMERS {
            for n in 0..orders {
                let hour = (n as i64) * 240 + (c as i64 * 37) % 240;
                rows.push((
                    hour,
                    format!("c-{c},purchase,{},{}", product(c, n), day(hour)),
                ));
            }
        }
        Shop {
            dir: TempDir::new().unwrap(),
            rows,
        }
    }

    fn models(&self) -> PathBuf {
        self.dir.path().join("models")
    }

    fn data(&self) -> ShopData {
        let dir = self.dir.path().join("data");
        std::fs::create_dir_all(&dir).unwrap();
        let mut text = String::from("customer_id,kind,product_id,at\n");
        for (_, row) in &self.rows {
            writeln!(text, "{row}").unwrap();
        }
        std::fs::write(dir.join("touchpoints.csv"), text).unwrap();
        ShopData::open(&dir, ReadOptions::default()).unwrap()
    }

    fn refresh(&self, options: RefreshOptions) -> anyhow::Result<Outcome> {
        refresh(
            &self.data(),
            &self.models(),
            &options,
            &Stages::start(false),
        )
    }
}

fn at(second: i64) -> RefreshOptions {
    RefreshOptions {
        now: DateTime::<Utc>::from_timestamp(1_790_000_000 + second, 0).unwrap(),
        ..RefreshOptions::default()
    }
}

/// Neighbours, scaled by `weight`: below 0 the worst come first.
fn neighbours(weight: f32) -> Settings {
    Settings {
        seed: 0,
        blend: vec![Member {
            family: Family::ItemItem {
                customer_power: 0.5,
                shape: Shape::symmetric(1.0),
                keep: 300,
                weighting: Weighting::default(),
            },
            weight,
        }],
        vector_dim: 8,
        vector_power: 0.5,
        content_gain: 1.0,
        content_level: 1.0,
    }
}

fn current(shop: &Shop) -> Option<String> {
    ModelsDir::new(shop.models()).current().unwrap()
}

#[test]
fn a_better_model_passes_a_worse_one_is_written_and_kept_back() {
    let shop = Shop::new(9);
    let first = shop
        .refresh(RefreshOptions {
            settings: Some(neighbours(1.0)),
            ..at(0)
        })
        .unwrap();
    assert!(first.report.published, "{:?}", first.report.reason);
    let good = current(&shop);
    assert_eq!(good.as_deref(), Some(first.report.model.as_str()));

    let worse = shop
        .refresh(RefreshOptions {
            settings: Some(neighbours(-1.0)),
            ..at(1)
        })
        .unwrap();
    let reason = worse.report.reason.clone().unwrap();
    assert!(!worse.report.published);
    assert!(reason.contains("no worse than current"), "{reason}");
    assert_eq!(current(&shop), good, "the current model stays");
    Bundle::open(&worse.path).unwrap();
    let gap = worse
        .report
        .comparison
        .as_ref()
        .unwrap()
        .gap("all", CURRENT_NAME, "ndcg@20")
        .unwrap();
    assert!(gap.difference.high < 0.0);

    // the worse one is forced in: then what the data choose is better, and passes by itself
    let forced = RefreshOptions {
        settings: Some(neighbours(-1.0)),
        force: true,
        ..at(2)
    };
    assert!(shop.refresh(forced).unwrap().report.published);
    let better = shop.refresh(at(3)).unwrap();
    assert!(better.report.published, "{:?}", better.report.reason);
    let gap = better
        .report
        .comparison
        .as_ref()
        .unwrap()
        .gap("all", CURRENT_NAME, "ndcg@20")
        .unwrap();
    assert!(gap.difference.low > 0.0);
    assert!(better.report.churn.as_ref().unwrap().kept < 0.9);

    // and with nothing new the same settings win again, and lists stay as they are
    let again = shop.refresh(at(4)).unwrap();
    assert!(again.report.published, "{:?}", again.report.reason);
    assert!(again.report.churn.unwrap().kept > 0.99);
    assert_eq!(
        std::fs::read_dir(shop.models().join("reports"))
            .unwrap()
            .count(),
        10
    );
    assert!(!shop.models().join(".resume").exists());
}

const CURRENT_NAME: &str = compare::CURRENT;

#[test]
fn what_happens_after_the_cut_does_not_help() {
    let measure = |views_at: Option<i64>| {
        let mut shop = Shop::new(9);
        if let Some(at) = views_at {
            for c in 0..CUSTOMERS {
                // everything this customer buys last, looked at
                for n in [7, 8] {
                    shop.rows
                        .push((at, format!("c-{c},view,{},{}", product(c, n), day(at))));
                }
            }
        }
        let outcome = shop
            .refresh(RefreshOptions {
                settings: Some(neighbours(1.0)),
                ..at(0)
            })
            .unwrap();
        let comparison = outcome.report.comparison.unwrap();
        (comparison.protocol, comparison.methods[0].ndcg_20)
    };
    let plain = measure(None);
    assert_eq!(
        plain,
        measure(Some(9 * 240)),
        "looked at after the cut: nothing changes"
    );
    let told = measure(Some(6 * 240));
    assert_eq!(plain.0, told.0, "the same cut");
    assert!(plain.1 != told.1, "looked at before it, it counts");
}

#[test]
fn the_report_holds_every_plot_and_refers_to_nothing_outside() {
    let shop = Shop::new(9);
    shop.refresh(at(0)).unwrap();
    let outcome = shop.refresh(at(1)).unwrap();
    let html = std::fs::read_to_string(&outcome.report_path).unwrap();
    let page = page::page(&outcome.report);
    let charts: Vec<_> = page.sections.iter().flat_map(|s| &s.charts).collect();
    let titles: Vec<_> = charts.iter().map(|c| c.title.as_str()).collect();
    for wanted in [
        "Recall over the length",
        "Long tail",
        "How much lists change",
    ] {
        assert!(
            titles.iter().any(|t| t.contains(wanted)),
            "{wanted} is not in {titles:?}"
        );
    }
    assert_eq!(html.matches("<svg").count(), charts.len());
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    assert!(!html.contains("No data") && !html.contains("NaN"));
    for outside in ["src=", "href=", "@import", "url(", "https://", "<script"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for section in [
        "Segments",
        "What it is worth",
        "The gate",
        "What changed in the data",
        "Settings and seeds",
        "Time and memory",
    ] {
        assert!(html.contains(&format!("<h2>{section}</h2>")), "{section}");
    }
    assert!(html.contains("not enough data"));
    let json = std::fs::read_to_string(outcome.report_path.with_extension("json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["model"], outcome.report.model.as_str());
    assert!(json["stages"].as_array().unwrap().len() > 5);
}

#[test]
fn without_a_report_nothing_becomes_current() {
    let shop = Shop::new(6);
    std::fs::create_dir_all(shop.models()).unwrap();
    std::fs::write(shop.models().join("reports"), "in the way").unwrap();
    let error = format!("{:#}", shop.refresh(at(0)).unwrap_err());
    assert!(
        error.contains("reports") && error.contains("not made current"),
        "{error}"
    );
    assert_eq!(current(&shop), None);
}

#[test]
fn bad_data_and_a_taken_directory_are_clear_errors_that_change_nothing() {
    let mut shop = Shop::new(9);
    shop.refresh(at(0)).unwrap();
    let before = current(&shop);

    let held = lock::take(&shop.models()).unwrap();
    let error = shop.refresh(at(1)).unwrap_err().to_string();
    assert!(error.contains("another fit or refresh"), "{error}");
    drop(held);

    // a clock that went backwards: the same shop, all of it a year earlier
    let rows = std::mem::take(&mut shop.rows);
    shop.rows = rows
        .iter()
        .map(|(h, row)| (*h, row.replace(&day(*h), &day(h - 8_760))))
        .collect();
    let older = shop.refresh(at(2)).unwrap();
    assert!(!older.report.published);
    assert!(older.report.reason.unwrap().contains("no older than"));

    // a clock that runs ahead
    shop.rows = rows.clone();
    shop.rows.push((
        9_000,
        format!("c-1,purchase,{},{}", product(1, 1), day(9_000)),
    ));
    let ahead = shop.refresh(at(3)).unwrap();
    assert!(ahead.report.reason.unwrap().contains("future"));

    shop.rows = rows[..200].to_vec();
    let few = shop.refresh(at(4)).unwrap();
    assert!(few.report.reason.unwrap().contains("shrink"));

    shop.rows.clear();
    let error = shop.refresh(at(5)).unwrap_err().to_string();
    assert!(error.contains("no touchpoint"), "{error}");
    assert_eq!(current(&shop), before);

    let nowhere = refresh(
        &shop.data(),
        Path::new("/proc/models"),
        &at(6),
        &Stages::start(false),
    );
    let error = format!("{:#}", nowhere.unwrap_err());
    assert!(error.contains("/proc/models"), "{error}");
}

#[test]
fn one_day_of_data_makes_a_model() {
    let mut shop = Shop::new(3);
    for (hour, row) in &mut shop.rows {
        *row = row.replace(&day(*hour), &day(*hour / 40));
    }
    let outcome = shop.refresh(at(0)).unwrap();
    assert!(outcome.report.published, "{:?}", outcome.report.reason);
    let banner = page::page(&outcome.report).banner.unwrap();
    let compared = outcome.report.comparison.is_some_and(|c| c.customers >= 30);
    assert_eq!(
        banner.text.contains("not compared"),
        !compared,
        "{banner:?}"
    );
}

#[test]
fn a_current_model_of_a_newer_format_is_named_and_replaced() {
    let shop = Shop::new(6);
    let models = shop.models();
    let newer = models.join("newer");
    std::fs::create_dir_all(&newer).unwrap();
    let text = r#"{"format_version": 99}"#;
    std::fs::write(newer.join("manifest.json"), text).unwrap();
    std::fs::write(newer.join("manifest.sha256"), "x\n").unwrap();
    std::fs::write(models.join("current"), "newer\n").unwrap();
    let outcome = shop.refresh(at(0)).unwrap();
    assert!(outcome.report.published, "{:?}", outcome.report.reason);
    let said = outcome
        .report
        .checks
        .iter()
        .find(|c| c.name == "the current model reads")
        .unwrap();
    assert!(said.detail.contains("newer"), "{}", said.detail);
}

#[test]
fn a_golden_question_that_is_missed_keeps_a_model_back() {
    let shop = Shop::new(9);
    let golden = |expect: &str| Golden {
        customer_id: Some("c-0".into()),
        product_id: None,
        kind: "for-you".into(),
        expect: vec![expect.into()],
        within: 5,
    };
    // customer 0 has bought numbers 0 to 8 of the first taste
    let good = RefreshOptions {
        golden: vec![golden("p-0-9")],
        ..at(0)
    };
    assert!(shop.refresh(good).unwrap().report.published);
    let missed = RefreshOptions {
        golden: vec![golden("p-3-2")],
        ..at(1)
    };
    let reason = shop.refresh(missed).unwrap().report.reason.unwrap();
    assert!(
        reason.contains("golden") && reason.contains("p-3-2"),
        "{reason}"
    );
}

#[test]
fn an_interrupted_fit_goes_on_from_its_last_finished_stage() {
    let shop = Shop::new(9);
    let log = Log::load(&shop.data(), None).unwrap();
    let options = FitOptions::default();
    let whole = learn::fit(&log, &options, &|_| {}).unwrap();
    let models = shop.models();
    let interrupted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let checkpoints = Checkpoints::open(&models, "key", false).unwrap();
        let stop = |what: &str| assert!(what != "fitting surprises", "interrupted");
        let _ = learn::fit_resuming(&log, &options, Some(&checkpoints), &stop);
    }));
    assert!(interrupted.is_err());
    let said = std::cell::RefCell::new(Vec::new());
    let checkpoints = Checkpoints::open(&models, "key", true).unwrap();
    let say = |what: &str| said.borrow_mut().push(what.to_owned());
    let resumed = learn::fit_resuming(&log, &options, Some(&checkpoints), &say).unwrap();
    let said = said.into_inner();
    assert!(said.contains(&"fitting surprises".into()), "{said:?}");
    assert!(
        !said
            .iter()
            .any(|s| s.contains("slice") || s.contains("on everything")),
        "{said:?}"
    );
    let hash = |fit: &learn::Fit, name: &str| {
        let (_, path) = publish::write(
            &fit.model,
            &shop.dir.path().join(name),
            DateTime::UNIX_EPOCH,
        )
        .unwrap();
        let bundle = Bundle::open(&path).unwrap();
        (
            bundle.manifest().files.clone(),
            bundle.manifest().settings.clone(),
        )
    };
    assert_eq!(hash(&whole, "a"), hash(&resumed, "b"), "the same model");
    // another shop's stages are not taken
    Checkpoints::open(&models, "other", true).unwrap();
    assert!(!models.join(".resume/settings").exists());
}

#[test]
fn a_resumed_fit_takes_nothing_that_other_settings_left() {
    let shop = Shop::new(9);
    let log = Log::load(&shop.data(), None).unwrap();
    let with = |weight: f32| FitOptions {
        settings: Some(neighbours(weight)),
        ..FitOptions::default()
    };
    let models = shop.models();
    let first = Checkpoints::open(&models, "key", false).unwrap();
    learn::fit_resuming(&log, &with(-1.0), Some(&first), &|_| {}).unwrap();
    let resumed = Checkpoints::open(&models, "key", true).unwrap();
    let fitted = learn::fit_resuming(&log, &with(1.0), Some(&resumed), &|_| {}).unwrap();
    let scores = |fit: &learn::Fit| {
        let history = log.histories.of(CustomerIx(0));
        let mut scores = vec![0.0; log.catalogue.len()];
        let folded = fit.model.representation.fold_in(history, i64::MAX);
        fit.model.representation.scores(&folded, &mut scores);
        scores
    };
    let whole = learn::fit(&log, &with(1.0), &|_| {}).unwrap();
    assert_eq!(scores(&fitted), scores(&whole));
}

#[test]
fn orders_with_and_without_personal_answers_are_told_apart() {
    let dir = TempDir::new().unwrap();
    let mut text = String::from("customer_id,kind,product_id,at\n");
    for c in 0..1_500 {
        let id = format!("c-{c}");
        // three orders in a tenth of a year with personal answers, two without
        let orders = if in_holdout(&id, 10.0) { 2 } else { 3 };
        for n in 0..=orders {
            let hour = if n == 0 { 0 } else { 24 + n * 200 + c % 100 };
            writeln!(text, "{id},purchase,p-{},{}", n, day(hour)).unwrap();
        }
        // no orders
        writeln!(text, "{id},rating,p-9,{}", day(700)).unwrap();
        writeln!(text, "{id},box_kept,p-8,{}", day(720)).unwrap();
    }
    writeln!(text, "end,purchase,p-1,{}", day(876)).unwrap();
    std::fs::write(dir.path().join("touchpoints.csv"), text).unwrap();
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let log = Log::load(&data, None).unwrap();
    let since = 1_760_000_000_000 + 3_600_000;
    let served = |since: Option<i64>| policy::ServeLog {
        since,
        ..policy::ServeLog::default()
    };
    let worth = uplift::uplift(&log, 10.0, &served(Some(since)), 1).unwrap();
    let year = 365.25 * 24.0 / 875.0;
    assert!((worth.with.value - 3.0 * year).abs() < 0.2, "{worth:?}");
    assert!((worth.without.value - 2.0 * year).abs() < 0.2, "{worth:?}");
    assert!(worth.difference.low > 0.0 && worth.difference.low <= worth.difference.value);
    assert!(
        uplift::uplift(&log, 10.0, &served(None), 1).is_none(),
        "nothing was served"
    );
    assert!(
        uplift::uplift(&log, 0.5, &served(Some(since)), 1).is_none(),
        "too few without"
    );
    let late = since + 10 * 24 * 3_600_000;
    assert!(
        uplift::uplift(&log, 10.0, &served(Some(late)), 1).is_none(),
        "too short a time"
    );
}

#[test]
fn a_customer_counts_in_the_arm_of_their_first_answer() {
    let dir = TempDir::new().unwrap();
    let mut text = String::from("customer_id,kind,product_id,at\n");
    let mut served = String::from("request_id,customer_id,at,model,list,rank,product_id,arm\n");
    for c in 0..400 {
        let id = format!("c-{c}");
        // every fourth was in the holdout when they were first answered, whatever the hash says today
        let held = c % 4 == 0;
        let arms = match held {
            true => ["holdout", "personal"],
            false => ["personal", "holdout"],
        };
        for (n, arm) in arms.iter().enumerate() {
            let at = day(30 + 100 * n as i64);
            writeln!(
                served,
                "r{c}-{n},{id},{at},20260101t000000z,for-you,1,p-1,{arm}"
            )
            .unwrap();
        }
        for n in 0..=(if held { 1 } else { 4 }) {
            let hour = if n == 0 { 0 } else { 40 + n * 150 + c % 100 };
            writeln!(text, "{id},purchase,p-{n},{}", day(hour)).unwrap();
        }
    }
    writeln!(text, "end,purchase,p-1,{}", day(876)).unwrap();
    std::fs::write(dir.path().join("touchpoints.csv"), text).unwrap();
    std::fs::write(dir.path().join("served.csv"), served).unwrap();
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let log = Log::load(&data, None).unwrap();
    let served = policy::read(&data, &log).unwrap();
    let worth = uplift::uplift(&log, 0.0, &served, 1).unwrap();
    assert_eq!((worth.decided, worth.without_customers), (400, 100));
    assert!(worth.with.value > 3.0 * worth.without.value, "{worth:?}");
}

#[test]
fn orders_that_went_back_are_none_and_presents_are_some() {
    let dir = TempDir::new().unwrap();
    let mut text = String::from("customer_id,kind,product_id,basket_id,rating,attributes,at\n");
    let present = r#""{""gift"": true}""#;
    for c in 0..600 {
        let id = format!("c-{c}");
        let mut told = |kind: &str, rest: &str, hour| {
            writeln!(text, "{id},{kind},{rest},{}", day(hour)).unwrap()
        };
        told("view", "p-0,,,", 0);
        if in_holdout(&id, 10.0) {
            told("purchase", &format!("p-1,{id}-1,,"), 100);
        } else {
            // one that goes back altogether, a present, and one that pleases little
            told("purchase", &format!("p-1,{id}-1,,"), 100);
            told("return", &format!("p-1,{id}-1,,"), 200);
            told("purchase", &format!("p-2,{id}-2,,{present}"), 300);
            told("purchase", &format!("p-3,{id}-3,1,"), 400);
        }
    }
    writeln!(text, "end,purchase,p-1,,,,{}", day(925)).unwrap();
    std::fs::write(dir.path().join("touchpoints.csv"), text).unwrap();
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let log = Log::load(&data, None).unwrap();
    let served = policy::ServeLog {
        since: Some(1_760_000_000_000 + 50 * 3_600_000),
        ..policy::ServeLog::default()
    };
    let worth = uplift::uplift(&log, 10.0, &served, 1).unwrap();
    let year = 365.25 * 24.0 / 875.0;
    assert!((worth.with.value - 2.0 * year).abs() < 0.1, "{worth:?}");
    assert!((worth.without.value - year).abs() < 0.1, "{worth:?}");
}

#[test]
fn drawn_slots_are_joined_with_what_came_of_them() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "touchpoints.csv",
        "customer_id,kind,product_id,at,request_id\n\
         a,purchase,x,2026-01-01,\n\
         a,add_to_cart,y,2026-01-03,r1.0.2\n\
         a,impression,y,2026-01-03,r2\n\
         b,purchase,y,2026-01-04,r3\n",
    );
    let candidates = r#""[{""product_id"":""x"",""propensity"":0.25},{""product_id"":""y"",""propensity"":0.75}]""#;
    write(
        "served.csv",
        &format!(
            "request_id,customer_id,at,model,list,rank,product_id,propensity,candidates\n\
             r0,a,2025-12-01,house-rules-1,surprise,1,x,,\n\
             r1,a,2026-01-02,20260101t000000z,surprise,1,x,,\n\
             r1,a,2026-01-02,m,surprise,2,y,0.75,{candidates}\n\
             r2,a,2026-01-02,m,surprise,2,y,0.75,{candidates}\n\
             r3,b,2026-01-02,m,surprise,2,y,0.75,{candidates}\n\
             r4,nobody,2026-01-02,m,surprise,2,y,0.75,{candidates}\n\
             r5,a,2026-01-02,m,surprise,2,z,0.75,{candidates}\n"
        ),
    );
    let data = ShopData::open(dir.path(), ReadOptions::default()).unwrap();
    let log = Log::load(&data, None).unwrap();
    let served = policy::read(&data, &log).unwrap();
    let rewards: Vec<f64> = served.draws.iter().map(|d| d.reward).collect();
    assert_eq!(rewards, [1.0, 0.0, 1.0], "touched, merely shown, bought");
    assert_eq!((served.draws[0].rank, served.draws[0].chosen), (2, 1));
    assert_eq!(served.unusable, 2);
    assert_eq!(
        served.since,
        Some(1_767_312_000_000),
        "what other programs answered before does not count"
    );
}
