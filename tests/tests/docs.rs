//! README.md and docs/: their commands run, and what their tables say is so.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serendib_engine::engagement::IndexModel;
use serendib_engine::life::kind_weight;
use serendib_engine::represent::Weighting;
use serendib_proto::v1::ListKind;
use serendib_service::config::{ConfigError, RawConfig, ENV_PREFIX, FIELDS};
use serendib_shop::{Kind, KindClass, Kinds, ProductIx, Touch, DAY_MS};
use tempfile::TempDir;

use crate::support::programs::{output_of, programs, python, root, NO_PYTHON};
use crate::support::{skipped, Shop};

/// What `generate` makes here in place of the whole demo shop.
const SMALL: &str = "--customers 120 --products 600 --months 6";
/// Where a server listens by default.
const ADDRESS: &str = "127.0.0.1:7700";
/// What serves where a page asks a server that it did not start.
const SERVE: &str = "serendib serve --models models --store serendib-store";

/// README.md, then docs/ in order of name.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    pages.sort();
    pages.insert(0, root().join("README.md"));
    pages
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Fenced blocks of `text`: their language and contents.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut out: Vec<(&str, String)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(language) if !open => {
                open = true;
                out.push((language, String::new()));
            }
            Some(_) => open = false,
            None if open => {
                let (_, block) = out.last_mut().unwrap();
                block.push_str(line);
                block.push('\n');
            }
            None => {}
        }
    }
    assert!(!open, "a block does not end");
    out
}

/// The program that a line of a shell calls, after variables that it sets.
fn program_of(line: &str) -> &str {
    let mut words = line.split_whitespace();
    words.find(|word| !word.contains('=')).unwrap_or_default()
}

/// A server that a page has started.
struct Served {
    process: Child,
    addr: String,
}

impl Served {
    fn stop(mut self) {
        let id = self.process.id().to_string();
        output_of(Command::new("kill").args(["-TERM", &id]));
        assert!(self.process.wait().unwrap().success(), "a clean end");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

/// A directory in which the commands of all pages run one after another.
struct Desk {
    dir: TempDir,
    server: Option<Served>,
    /// Where a command is from, for messages.
    place: String,
    said: String,
}

impl Desk {
    fn shell(&self, line: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .env("PATH", format!("{}:{path}", programs().display()))
            .current_dir(self.dir.path());
        command
    }

    fn run(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let verb = match program_of(line) {
            "serendib" | "serendib-datasets" => {
                let name = words.iter().position(|word| word.starts_with("serendib"));
                words[name.unwrap() + 1]
            }
            _ => "",
        };
        let begun = std::time::Instant::now();
        match verb {
            "serve" if !words.contains(&"--print-config") => self.serve(line),
            "ask" => {
                let addr = self.addr();
                let line = if line.contains(ADDRESS) {
                    line.replace(ADDRESS, &addr)
                } else {
                    line.replacen("serendib ask", &format!("serendib ask --addr {addr}"), 1)
                };
                self.finish(&line);
            }
            "load" | "restore" => {
                self.stop();
                self.finish(line);
            }
            "generate" => {
                // the same bytes as before, made anew
                let out = words.iter().position(|word| *word == "--out").unwrap() + 1;
                let _ = std::fs::remove_dir_all(self.dir.path().join(words[out]));
                self.finish(&line.replacen("generate", &format!("generate {SMALL}"), 1));
            }
            _ => self.finish(line),
        }
        eprintln!(
            "{:>6} ms  {}: {line}",
            begun.elapsed().as_millis(),
            self.place
        );
    }

    /// Runs a command to its end.
    fn finish(&mut self, line: &str) {
        self.said = output_of(&mut self.shell(line));
    }

    /// Starts a server on free ports in place of the one that runs.
    fn serve(&mut self, line: &str) {
        self.stop();
        let free = "serve --addr 127.0.0.1:0 --metrics-addr 127.0.0.1:0";
        let line = format!("exec {}", line.replacen("serve", free, 1).trim_start());
        let mut process = self.shell(&line).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let addr = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("{}: the server does not start: {said}", self.place);
            };
            if let Some(addr) = line.strip_prefix("serendib is listening on ") {
                break addr.to_owned();
            }
            said += &line;
        };
        // a full pipe would stop the server
        std::thread::spawn(move || lines.for_each(drop));
        self.server = Some(Served { process, addr });
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }

    /// The address of the server that runs, or of one that is started now.
    fn addr(&mut self) -> String {
        if self.server.is_none() {
            self.serve(SERVE);
        }
        self.server.as_ref().unwrap().addr.clone()
    }

    fn python(&mut self, code: &str) {
        let Some(python) = python() else {
            skipped(NO_PYTHON);
            return;
        };
        let code = code.replace(ADDRESS, &self.addr());
        let mut command = Command::new(python);
        command
            .args(["-B", "-c", &code])
            .env("PYTHONPATH", root().join("examples/python"))
            .current_dir(self.dir.path());
        self.said = output_of(&mut command);
        assert!(!self.said.is_empty(), "{}: nothing is printed", self.place);
    }

    /// Every key that a shortened answer shows is in what the last command said.
    fn shows(&self, answer: &str) {
        let keys = answer.split('"').skip(1).step_by(2);
        let rest = answer.split('"').skip(2).step_by(2);
        for (key, _) in keys.zip(rest).filter(|(_, rest)| rest.starts_with(':')) {
            let key = format!("\"{key}\":");
            assert!(
                self.said.contains(&key),
                "{}: {key} is not in {}",
                self.place,
                self.said
            );
        }
    }
}

#[test]
fn the_commands_and_snippets_of_all_pages_run() {
    let mut desk = Desk {
        dir: TempDir::new().unwrap(),
        server: None,
        place: String::new(),
        said: String::new(),
    };
    let mut ran = 0;
    for path in pages() {
        desk.place = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for (language, block) in blocks(&text) {
            match language {
                "sh" => {
                    let block = block.replace("\\\n", " ");
                    for line in block.lines() {
                        let program = program_of(line);
                        if program.starts_with("serendib") || program == "printf" {
                            desk.run(line);
                            ran += 1;
                        }
                    }
                }
                "python" => {
                    desk.python(&block);
                    ran += 1;
                }
                "json" => desk.shows(&block),
                _ => {}
            }
        }
        desk.stop();
    }
    assert!(ran > 20, "{ran} commands ran");
}

/// The cells of every row of a table whose first cell is a name in backquotes.
fn rows(text: &str) -> Vec<(String, Vec<String>)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let (name, rest) = row.split_once('`').unwrap();
        let cells = rest.trim_end_matches('|').split('|').skip(1);
        let cells = cells.map(|cell| cell.trim().to_owned()).collect();
        (name.to_owned(), cells)
    })
    .collect()
}

/// What the server makes of a setting that the environment gives.
fn with(name: &str, value: &str) -> Result<(), ConfigError> {
    let variable = format!("{ENV_PREFIX}{}", name.replace('.', "_").to_uppercase());
    let mut env = BTreeMap::from([(variable, value.to_owned())]);
    if name == "recommend.max_count" {
        env.insert(format!("{ENV_PREFIX}RECOMMEND_DEFAULT_COUNT"), "1".into());
    }
    if name == "consent.contact" {
        env.insert(format!("{ENV_PREFIX}CONSENT_CONTACT_BASIS"), "asked".into());
    }
    RawConfig::read(None, &env)?.check().map(drop)
}

#[test]
fn the_page_of_settings_tells_each_setting_with_its_default_and_range() {
    let text = page("docs/configuration.md");
    let told = rows(&text);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    let known: Vec<String> = FIELDS
        .iter()
        .map(|field| format!("{}.{}", field.section, field.name))
        .collect();
    assert_eq!(names, known);
    let printed = RawConfig::default().to_commented_toml();
    let printed: Vec<&str> = printed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = ").map(|(_, value)| value))
        .collect();
    for ((name, cells), value) in told.iter().zip(printed) {
        let default = match cells[0].trim_matches('`') {
            "empty" => "",
            other => other,
        };
        assert_eq!(default, value.trim_matches('"'), "default of {name}");
        with(name, default).unwrap();
        check_range(name, &cells[1]);
    }
}

#[test]
fn the_page_of_operations_tells_every_option_of_boxes() {
    let text = page("docs/operations.md");
    let boxes = text.split("\n## Boxes\n").nth(1).unwrap();
    let boxes = boxes.split("\n## ").next().unwrap();
    let contract = page("proto/serendib/v1/box.proto");
    for message in ["PackBoxesRequest", "BoxOrder", "PackRules", "LineWeights"] {
        let body = contract
            .split(&format!("message {message} {{\n"))
            .nth(1)
            .unwrap();
        let body = body.split("\n}").next().unwrap();
        let lines = body.lines().filter(|line| !line.trim().starts_with("//"));
        let fields = lines.filter_map(|line| line.split_once(" = "));
        let names: Vec<&str> = fields
            .filter_map(|(declared, _)| declared.split_whitespace().last())
            .collect();
        assert!(names.len() > 1, "{message}");
        for name in names {
            assert!(boxes.contains(&format!("`{name}`")), "{message}.{name}");
        }
    }
}

/// What is told to be in the range of a setting is taken, what is just outside is refused by name.
fn check_range(name: &str, range: &str) {
    let refused = |value: &str| {
        let error = with(name, value).unwrap_err().to_string();
        let variable = name.replace('.', "_").to_uppercase();
        let named = error.contains(name) || error.contains(&variable);
        assert!(named, "{name} = {value}: {error}");
    };
    let Some((low, rest)) = range.split_once(" to ") else {
        for word in range.split(", ").filter(|_| range.contains(", ")) {
            if word != "commas" && word != "names" {
                with(name, word).unwrap_or_else(|error| panic!("{name} = {word}: {error}"));
            }
        }
        if range == "refuse, clamp" || range.starts_with("true") || range.starts_with("accept") {
            refused("perhaps");
        }
        return;
    };
    let high = rest.split(',').next().unwrap();
    let high = if high == "`recommend.max_count`" {
        "200"
    } else {
        high
    };
    with(name, low).unwrap_or_else(|error| panic!("{name} = {low}: {error}"));
    with(name, high).unwrap_or_else(|error| panic!("{name} = {high}: {error}"));
    if name == "recommend.surprise_floor" {
        refused("1.01");
        refused("-0.01");
        return;
    }
    let (low, high): (i64, i64) = (low.parse().unwrap(), high.parse().unwrap());
    refused(&(high + 1).to_string());
    match rest.split_once(", or ") {
        Some((_, also)) => with(name, also).unwrap(),
        None => refused(&(low - 1).to_string()),
    }
}

#[test]
fn other_pages_name_settings_that_exist() {
    let known: BTreeSet<String> = FIELDS
        .iter()
        .map(|field| format!("{}.{}", field.section, field.name))
        .collect();
    let sections: BTreeSet<&str> = FIELDS.iter().map(|field| field.section).collect();
    let endings = [
        "rs", "md", "toml", "json", "html", "db", "csv", "jsonl", "parquet", "key",
    ];
    for path in pages() {
        let text = std::fs::read_to_string(&path).unwrap();
        for name in text.split('`').skip(1).step_by(2) {
            let Some((section, key)) = name.split_once('.') else {
                continue;
            };
            let word = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if sections.contains(section) && word(key) && !endings.contains(&key) {
                assert!(known.contains(name), "{}: {name}", path.display());
            }
        }
    }
}

#[test]
fn the_page_of_kinds_tells_each_kind_with_its_class_and_weights() {
    let kinds = Kinds::default();
    let index = IndexModel::first(&kinds);
    let text = page("docs/touchpoint-kinds.md");
    let told = rows(&text);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    let known: Vec<&str> = (0..kinds.len())
        .map(|number| kinds.name(Kind(number as u16)))
        .collect();
    assert_eq!(names, known);
    for (number, (name, cells)) in told.iter().enumerate() {
        let kind = Kind(number as u16);
        let class = match kinds.class(kind) {
            KindClass::Active => "active",
            KindClass::ByShop => "by the shop",
            KindClass::Passive => "exposure",
        };
        let history = [Touch::new(kind, ProductIx(0), DAY_MS)];
        let taste = Weighting::default().weigh(&history, 2 * DAY_MS);
        let taste = taste.first().map_or(0.0, |(_, weight)| *weight);
        let facts = [
            class.to_owned(),
            taste.to_string(),
            kind_weight(kind).to_string(),
            index.kinds[number].weight.to_string(),
        ];
        assert_eq!(cells[..4], facts, "{name}");
    }
    // what the last column says of groups of kinds
    let those = |phrase: &str| -> Vec<&str> {
        let told = told.iter().filter(|(_, cells)| cells[4].contains(phrase));
        told.map(|(name, _)| name.as_str()).collect()
    };
    let named = |is: fn(Kind) -> bool| -> Vec<&str> {
        let all = (0..kinds.len()).map(|number| Kind(number as u16));
        all.filter(|kind| is(*kind))
            .map(|kind| kinds.name(kind))
            .collect()
    };
    assert_eq!(those("owned"), named(Kind::acquires));
    let pressed = |kind: Kind| {
        let history = [Touch::new(kind, ProductIx(0), DAY_MS)];
        serendib_engine::engagement::pressure(&history, 2 * DAY_MS, &Default::default())
    };
    let all = || (0..kinds.len()).map(|number| Kind(number as u16));
    let offers = all().filter(|kind| pressed(*kind).offers > 0);
    let offers: Vec<&str> = offers.map(|kind| kinds.name(kind)).collect();
    assert_eq!(those("counts as an offer"), offers);
    let given = all().filter(|kind| pressed(*kind).value_contacts > 0);
    let given: Vec<&str> = given.map(|kind| kinds.name(kind)).collect();
    assert_eq!(those("gave something"), given);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_that_operations_watch_are_on_the_metrics_page() {
    let shop = Shop::open().await;
    shop.list("dvora", ListKind::ForYou, 3).await;
    let addr = shop.running().metrics_addr.unwrap();
    let told = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(addr).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
    .await
    .unwrap();
    let text = page("docs/operations.md");
    let figures: BTreeSet<&str> = text
        .split('`')
        .filter(|word| word.starts_with("serendib_"))
        .map(|word| word.split('{').next().unwrap())
        .collect();
    assert!(figures.len() > 20, "{figures:?}");
    for figure in &figures {
        assert!(told.contains(figure), "{figure} is not in:\n{told}");
    }
    // and none that is there is left out
    for line in told.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        let total = format!("{name}_total");
        let is_told = figures.contains(name) || figures.contains(total.as_str());
        assert!(is_told, "{name} is not told");
    }
    shop.close().await;
}

#[test]
fn links_between_pages_lead_somewhere() {
    for path in pages() {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap().split('#').next().unwrap();
            let here = !link.contains("://") && !link.is_empty();
            let target: &Path = &path.parent().unwrap().join(link);
            assert!(!here || target.exists(), "{}: {link}", path.display());
        }
    }
    let readme = page("README.md");
    assert!(readme.lines().count() <= 120, "README.md is short");
}
