//! What a small shop's model, its lists and the programs' words look like: a change of any of them is seen and meant.
//!
//! Numbers are written to three digits and lists ordered by them, so that near-ties are equal. `cargo insta review`, or
//! `INSTA_UPDATE=always cargo test`, takes what is new.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serendib_engine::bundle::{read_tensors, ModelsDir, Tensor, TensorData};
use serendib_shop::DAY_MS;
use tempfile::TempDir;

use crate::batch_online::KINDS;
use crate::support::groceries::{write_shop, Told, START};
use crate::support::programs::{output_of, programs};
use crate::support::{request, Shop};

const NOW: i64 = START + 305 * DAY_MS;

/// What `program` prints for `words`, without what differs from run to run: the directory, times and ids of models.
fn said(dir: &Path, program: &str, words: &[&str]) -> String {
    let mut command = Command::new(programs().join(program));
    let text = output_of(command.args(words).current_dir(dir));
    let text = text.replace(dir.to_str().unwrap(), "[dir]");
    text.lines().map(steady).collect::<Vec<_>>().join("\n")
}

/// `line` with the ids of models, and the seconds that something took, masked.
fn steady(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let masked = words.iter().enumerate().map(|(ix, word)| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let seconds =
            matches!(words.get(ix + 1), Some(&"s" | &"s,")) && word.parse::<f64>().is_ok();
        match (digits >= 12, seconds) {
            (true, _) => "[id]",
            (_, true) => "[time]",
            _ => word,
        }
    });
    masked.collect::<Vec<_>>().join(" ")
}

/// A number to three digits.
fn short(x: f64) -> String {
    // a sum of nothing is −0
    format!("{:.2e}", x + 0.0)
}

/// Size and numbers of `tensor`: its shape, mean and mean magnitude.
fn digest(tensor: &Tensor) -> String {
    let (kind, numbers): (_, Vec<f64>) = match &tensor.data {
        TensorData::F32(x) => ("f32", x.iter().map(|x| f64::from(*x)).collect()),
        TensorData::F64(x) => ("f64", x.clone()),
        TensorData::U32(x) => ("u32", x.iter().map(|x| f64::from(*x)).collect()),
        TensorData::U64(x) => ("u64", x.iter().map(|x| *x as f64).collect()),
        TensorData::U8(x) => ("u8", x.iter().map(|x| f64::from(*x)).collect()),
    };
    let n = numbers.len().max(1) as f64;
    let magnitude = numbers.iter().map(|x| x.abs()).sum::<f64>() / n;
    format!("{kind} {:?} |x| {}", tensor.shape, short(magnitude))
}

/// Numbers inside `value` and their mean magnitude.
fn numbers(value: &serde_json::Value, out: &mut Vec<f64>) {
    match value {
        serde_json::Value::Number(x) => out.extend(x.as_f64()),
        serde_json::Value::Array(values) => values.iter().for_each(|v| numbers(v, out)),
        serde_json::Value::Object(map) => map.values().for_each(|v| numbers(v, out)),
        _ => {}
    }
}

fn bundle_of(models: &Path) -> String {
    let bundle = ModelsDir::open(models).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(bundle.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("manifest"))
        .collect();
    names.sort();
    let mut out = String::new();
    for name in names {
        writeln!(out, "{name}").unwrap();
        if name.ends_with(".safetensors") {
            for (part, tensor) in read_tensors(&bundle, &name).unwrap() {
                writeln!(out, "  {part}: {}", digest(&tensor)).unwrap();
            }
        } else if name.ends_with(".json") {
            let bytes = bundle.read(&name).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let parts: BTreeMap<String, serde_json::Value> = match value {
                serde_json::Value::Object(map) => map.into_iter().collect(),
                other => [("".to_owned(), other)].into(),
            };
            for (part, value) in parts {
                let mut all = Vec::new();
                numbers(&value, &mut all);
                let mean = all.iter().map(|x| x.abs()).sum::<f64>() / all.len().max(1) as f64;
                writeln!(out, "  {part}: {} numbers |x| {}", all.len(), short(mean)).unwrap();
            }
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_shop_looks_as_it_did() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().to_owned();
    write_shop(&root.join("shop"), Told::Early);
    let run = |program: &'static str, words: &'static [&'static str]| {
        let root = root.clone();
        tokio::task::spawn_blocking(move || said(&root, program, words))
    };
    let check = run("serendib-datasets", &["check", "shop"]).await.unwrap();
    insta::assert_snapshot!("check", check);
    let describe = run("serendib-datasets", &["describe", "shop"])
        .await
        .unwrap();
    insta::assert_snapshot!("describe", describe);
    let words = &["fit", "--data", "shop", "--out", "models", "--seed", "1"];
    let fit = run("serendib-train", words).await.unwrap();
    insta::assert_snapshot!("fit", fit);
    insta::assert_snapshot!("bundle", bundle_of(&root.join("models")));
    let words = &["evaluate", "--data", "shop", "--models", "models"];
    let evaluate = run("serendib-train", words).await.unwrap();
    insta::assert_snapshot!("evaluate", evaluate);

    let words = &["load", "--data", "shop", "--store", "store"];
    run("serendib", words).await.unwrap();
    let shop = Shop::over(dir, |raw| raw.recommend.log_served = false).await;
    shop.gather_baskets().await;
    let mut lists = String::new();
    for (kind, name) in KINDS {
        for seed in 1..=3 {
            let mut ask = request("c3", kind, 6);
            ask.seed = Some(seed);
            ask.context.get_or_insert_with(Default::default).at_ms = Some(NOW);
            let answer = shop.ask(ask).await;
            let mut items: Vec<(String, &str)> = answer.lists[0]
                .items
                .iter()
                .map(|item| (short(item.score), item.product_id.as_str()))
                .collect();
            items.sort_by(|a, b| {
                let number = |text: &str| text.parse::<f64>().unwrap();
                number(&b.0).total_cmp(&number(&a.0)).then(a.1.cmp(b.1))
            });
            let items: Vec<String> = items.iter().map(|(s, p)| format!("{p} {s}")).collect();
            writeln!(lists, "{name} {seed}: {}", items.join(", ")).unwrap();
        }
    }
    insta::assert_snapshot!("lists", lists);
    let addr = shop.running().addr.to_string();
    let asked = tokio::task::spawn_blocking(move || {
        let words = [
            "ask",
            "recommend",
            "--kind",
            "popular",
            "--addr",
            &addr,
            "-n",
            "3",
            "--seed",
            "1",
        ];
        said(&root, "serendib", &words)
    });
    insta::assert_snapshot!("ask", asked.await.unwrap());
    shop.close().await;
}
