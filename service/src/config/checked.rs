//! The checked configuration.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serendib_engine::engagement::{CareRules, ContactRules, FatigueRules, PressureRules};
use serendib_engine::rank::{Caps, ListKind, Together};
use serendib_shop::ledger::ledger_of;
use serendib_shop::{Consents, DAY_MS};

use super::{
    ConfigError, ConsentSection, ContactSection, RawConfig, RecommendSection, ServerSection,
};
use crate::web::accept::Limits;

/// Everything that the server is told, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub server: ServerConfig,
    /// File with the keys of callers; `None` = nobody is asked for one.
    pub keys_file: Option<PathBuf>,
    /// Threads that compute.
    pub compute: Compute,
    pub models: Models,
    pub store: StoreConfig,
    pub recommend: Recommend,
    /// What contacts ask for.
    pub contact: Contact,
    pub touchpoints: TouchpointRules,
    /// Consents of those who said nothing; all four are said here.
    pub consent: Consents,
    /// Filter of the log.
    pub log_level: String,
    /// Form of the log.
    pub log_format: LogFormat,
    /// Where Prometheus reads.
    pub metrics_addr: Option<SocketAddr>,
}

#[derive(Debug, Clone)]
pub struct ServerConfig {
    pub addr: SocketAddr,
    /// Certificate and key.
    pub tls: Option<Tls>,
    pub max_request_bytes: usize,
    /// How many connections there may be.
    pub connections: Limits,
    /// Deadline of calls without one.
    pub default_deadline: Duration,
    /// Time for running calls at shutdown.
    pub shutdown_grace: Duration,
    /// Whether reflection is on.
    pub reflection: bool,
}

/// Files of a TLS identity.
#[derive(Debug, Clone)]
pub struct Tls {
    /// PEM certificate chain.
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, Clone)]
pub struct Compute {
    /// Threads, ≥ 1.
    pub threads: usize,
    pub queue: usize,
}

#[derive(Debug, Clone)]
pub struct Models {
    /// Models directory or bundle.
    pub dir: Option<PathBuf>,
    /// How often it is looked at.
    pub watch: Option<Duration>,
    /// Generations kept beside the active one.
    pub keep_loaded: usize,
}

#[derive(Debug, Clone)]
pub struct StoreConfig {
    pub dir: PathBuf,
    /// The ledger of erasures.
    pub ledger: PathBuf,
    /// Bytes for cached customers.
    pub cache_bytes: u64,
    /// Largest size in bytes.
    pub max_bytes: Option<u64>,
    /// Time from erase to scrub.
    pub scrub_within: Duration,
    /// Age of touchpoints, ms.
    pub keep_touchpoints_ms: Option<i64>,
    /// Age of served answers, ms.
    pub keep_served_ms: i64,
    /// Age of served answers without an echo, ms.
    pub keep_unreported_ms: i64,
}

#[derive(Debug, Clone)]
pub struct Recommend {
    /// Items where the request says nothing.
    pub default_count: usize,
    pub max_count: usize,
    /// Most reasons of an item.
    pub max_reasons: usize,
    /// Newest touchpoints of each class that lists look at.
    pub history: usize,
    /// Memory for comparing customers, bytes.
    pub customer_index_bytes: usize,
    /// Language of last resort.
    pub locale: String,
    /// Whether served answers are logged.
    pub log_served: bool,
    /// Percent of customers in the holdout.
    pub holdout_percent: f64,
    /// Relevance that every surprise needs.
    pub surprise_floor: f32,
    /// How the items of a list go together where the request does not say.
    pub together: Usual,
}

/// How the items of lists go together where the request does not say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    pub surprise: Together,
    /// Of the other lists that follow the shop's values.
    pub others: Together,
}

impl Usual {
    /// For lists of `kind`.
    pub fn of(&self, kind: ListKind) -> Together {
        match kind {
            ListKind::Surprise => self.surprise,
            kind if Together::applies(kind) => self.others,
            kind => Together::default_for(kind),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Contact {
    /// How contacts act on lists.
    pub rules: ContactRules,
    /// Placements of what is sent unasked.
    pub outreach: Vec<String>,
    /// Touches wanted between two purchases; `None` = the model's.
    pub minimum_touches: Option<u32>,
}

impl Contact {
    /// Whether a list for `placement` is sent to the customer unasked.
    pub fn is_outreach(&self, placement: Option<&str>) -> bool {
        let said = placement.unwrap_or_default().trim();
        // `email.weekly` is a part of `email`
        let whole = said.split('.').next().unwrap_or_default().trim_end();
        let named = |o: &String| o.eq_ignore_ascii_case(said) || o.eq_ignore_ascii_case(whole);
        self.outreach.iter().any(named)
    }
}

/// What happens to a time too far ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FutureTimes {
    /// The batch is refused.
    Refuse,
    /// It counts as now.
    Clamp,
}

#[derive(Debug, Clone)]
pub struct TouchpointRules {
    /// Rows in one batch.
    pub max_batch: usize,
    /// How far ahead a time may be, ms.
    pub future_ms: i64,
    /// What happens beyond that.
    pub future: FutureTimes,
    /// Whether customers never seen are accepted.
    pub accept_unknown_customers: bool,
    /// Whether products never seen are accepted.
    pub accept_unknown_products: bool,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One JSON object a line.
    Json,
}

impl RawConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// The first value outside its range, by `section.key`.
    pub fn check(self) -> Result<Config, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = within("compute.threads", self.compute.threads, 0..=1_024)?;
        let max_count = within("recommend.max_count", self.recommend.max_count, 1..=1_000)?;
        let days = |field, value, range| {
            within(field, value, range).map(|days: usize| days as i64 * DAY_MS)
        };
        let together = together(&self.recommend)?;
        Ok(Config {
            server: ServerConfig {
                addr: address("server.addr", &self.server.addr)?,
                tls: tls(&self.server.tls_cert, &self.server.tls_key)?,
                max_request_bytes: within(
                    "server.max_request_bytes",
                    self.server.max_request_bytes,
                    65_536..=1 << 30,
                )?,
                connections: connections(&self.server)?,
                default_deadline: Duration::from_millis(within(
                    "server.default_deadline_ms",
                    self.server.default_deadline_ms,
                    1..=600_000,
                )? as u64),
                shutdown_grace: Duration::from_secs(within(
                    "server.shutdown_grace_s",
                    self.server.shutdown_grace_s,
                    0..=600,
                )? as u64),
                reflection: self.server.reflection,
            },
            keys_file: (!self.auth.keys_file.is_empty()).then(|| self.auth.keys_file.into()),
            compute: Compute {
                threads: if threads == 0 { cores } else { threads },
                queue: within("compute.queue", self.compute.queue, 1..=100_000)?,
            },
            models: Models {
                dir: (!self.models.dir.is_empty()).then(|| self.models.dir.into()),
                watch: match self.models.watch_ms {
                    0 => None,
                    ms => Some(Duration::from_millis(
                        within("models.watch_ms", ms, 50..=3_600_000)? as u64,
                    )),
                },
                keep_loaded: within("models.keep_loaded", self.models.keep_loaded, 0..=10)?,
            },
            store: StoreConfig {
                dir: if self.store.dir.is_empty() {
                    return wrong("store.dir", "empty, expected a directory");
                } else {
                    self.store.dir.clone().into()
                },
                ledger: match self.store.erasures.as_str() {
                    "" => ledger_of(self.store.dir.as_ref()),
                    path => path.into(),
                },
                cache_bytes: (within("store.cache_mib", self.store.cache_mib, 1..=1 << 20)? as u64)
                    << 20,
                max_bytes: match within("store.max_mib", self.store.max_mib, 0..=1 << 40)? {
                    0 => None,
                    mib => Some((mib as u64) << 20),
                },
                scrub_within: Duration::from_secs(within(
                    "store.scrub_within_s",
                    self.store.scrub_within_s,
                    1..=2_592_000,
                )? as u64),
                keep_touchpoints_ms: match self.store.keep_touchpoints_days {
                    0 => None,
                    n => Some(days("store.keep_touchpoints_days", n, 1..=36_500)?),
                },
                keep_served_ms: days(
                    "store.keep_served_days",
                    self.store.keep_served_days,
                    1..=36_500,
                )?,
                keep_unreported_ms: days(
                    "store.keep_unreported_days",
                    self.store.keep_unreported_days,
                    1..=36_500,
                )?,
            },
            recommend: Recommend {
                default_count: within(
                    "recommend.default_count",
                    self.recommend.default_count,
                    1..=max_count as u64,
                )?,
                max_count,
                max_reasons: within("recommend.max_reasons", self.recommend.max_reasons, 0..=10)?,
                history: within("recommend.history", self.recommend.history, 1..=5_000)?,
                customer_index_bytes: within(
                    "recommend.customer_index_mib",
                    self.recommend.customer_index_mib,
                    1..=1 << 20,
                )? << 20,
                locale: self.recommend.locale,
                log_served: self.recommend.log_served,
                holdout_percent: within(
                    "recommend.holdout_percent",
                    self.recommend.holdout_percent,
                    0..=50,
                )? as f64,
                surprise_floor: floor("recommend.surprise_floor", self.recommend.surprise_floor)?,
                together,
            },
            contact: contact(&self.contact)?,
            touchpoints: TouchpointRules {
                max_batch: within(
                    "touchpoints.max_batch",
                    self.touchpoints.max_batch,
                    1..=10_000,
                )?,
                future_ms: within(
                    "touchpoints.future_s",
                    self.touchpoints.future_s,
                    0..=31_536_000,
                )? as i64
                    * 1_000,
                future: match self.touchpoints.future.as_str() {
                    "refuse" => FutureTimes::Refuse,
                    "clamp" => FutureTimes::Clamp,
                    other => return word("touchpoints.future", other, "\"refuse\" or \"clamp\""),
                },
                accept_unknown_customers: accept(
                    "touchpoints.unknown_customers",
                    &self.touchpoints.unknown_customers,
                )?,
                accept_unknown_products: accept(
                    "touchpoints.unknown_products",
                    &self.touchpoints.unknown_products,
                )?,
            },
            consent: Consents {
                personalise: Some(self.consent.personalise),
                infer_life_stage: Some(self.consent.infer_life_stage),
                contact: Some(may_contact(&self.consent)?),
                train: Some(self.consent.train),
            },
            log_level: self.log.level,
            log_format: match self.log.format.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                other => return word("log.format", other, "\"text\" or \"json\""),
            },
            metrics_addr: match self.metrics.addr.as_str() {
                "" => None,
                addr => Some(address("metrics.addr", addr)?),
            },
        })
    }
}

fn floor(field: &str, value: f64) -> Result<f32, ConfigError> {
    if (0.0..=1.0).contains(&value) {
        Ok(value as f32)
    } else {
        wrong(field, format!("{value}, expected 0 to 1"))
    }
}

fn together(section: &RecommendSection) -> Result<Usual, ConfigError> {
    let share = |name: &str, percent: u64| {
        within(&format!("recommend.{name}"), percent, 0..=100).map(|p| p as f32 / 100.0)
    };
    let cap = |name: &str, cap: u64| {
        within(&format!("recommend.{name}"), cap, 0..=1_000).map(|cap| (cap > 0).then_some(cap))
    };
    let others = Together {
        diversity: share("diversity_percent", section.diversity_percent)?,
        calibration: share("calibration_percent", section.calibration_percent)?,
        caps: Caps {
            category: cap("max_per_category", section.max_per_category)?,
            brand: cap("max_per_brand", section.max_per_brand)?,
        },
        crowd: None,
    };
    let diversity = share(
        "surprise_diversity_percent",
        section.surprise_diversity_percent,
    )?;
    Ok(Usual {
        surprise: Together {
            diversity,
            crowd: cap(
                "surprise_max_per_category",
                section.surprise_max_per_category,
            )?,
            ..others
        },
        others,
    })
}

fn contact(section: &ContactSection) -> Result<Contact, ConfigError> {
    let number = |name: &str, value: u64, range: RangeInclusive<u64>| {
        within(&format!("contact.{name}"), value, range).map(|value| value as f64)
    };
    let days = |name: &str, value: u64| number(name, value, 0..=3_650);
    let minimum = number("minimum_touches", section.minimum_touches, 0..=100_000)?;
    Ok(Contact {
        rules: ContactRules {
            care: CareRules {
                complaint_days: days("complaint_days", section.complaint_days)?,
                resolved_days: days("resolved_days", section.resolved_days)?,
                cancel_intent_days: days("cancel_intent_days", section.cancel_intent_days)?,
                technician_days: days("technician_days", section.technician_days)?,
                advice_days: days("advice_days", section.advice_days)?,
                enquiry_days: days("enquiry_days", section.enquiry_days)?,
            },
            fatigue: FatigueRules {
                free: number("impressions_free", section.impressions_free, 0..=1_000)?,
                share: number(
                    "impressions_cost_percent",
                    section.impressions_cost_percent,
                    0..=100,
                )? / 100.0,
                half_life_days: number(
                    "impressions_half_life_days",
                    section.impressions_half_life_days,
                    1..=3_650,
                )?,
            },
            pressure: PressureRules {
                window_days: number("offers_window_days", section.offers_window_days, 1..=3_650)?,
                base: number("offers_free", section.offers_free, 0..=100_000)?,
                per_value_contact: number(
                    "offers_per_value_contact",
                    section.offers_per_value_contact,
                    0..=1_000,
                )?,
            },
        },
        outreach: section
            .outreach_placements
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
        minimum_touches: (minimum > 0.0).then_some(minimum as u32),
    })
}

fn wrong<T>(field: &str, what: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Value {
        field: field.into(),
        what: what.into(),
    })
}

fn word<T>(field: &str, found: &str, expected: &str) -> Result<T, ConfigError> {
    wrong(field, format!("is {found:?}, expected {expected}"))
}

fn within(field: &str, value: u64, range: RangeInclusive<u64>) -> Result<usize, ConfigError> {
    match usize::try_from(value) {
        Ok(fits) if range.contains(&value) => Ok(fits),
        _ => wrong(
            field,
            format!("is {value}, expected {} to {}", range.start(), range.end()),
        ),
    }
}

fn address(field: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().or_else(|_| {
        wrong(
            field,
            format!("is {text:?}, expected an address and port such as 127.0.0.1:7700"),
        )
    })
}

/// How many connections there may be. One over which no call comes is cut after five seconds.
fn connections(server: &ServerSection) -> Result<Limits, ConfigError> {
    let proxies = server.trusted_proxies.split(',').map(str::trim);
    let trusted = proxies.filter(|text| !text.is_empty()).map(|text| {
        text.parse().or_else(|_| {
            wrong(
                "server.trusted_proxies",
                format!("{text:?} is no address such as 10.0.0.7"),
            )
        })
    });
    Ok(Limits {
        all: within(
            "server.max_connections",
            server.max_connections,
            1..=1_000_000,
        )?,
        per_address: within(
            "server.max_connections_per_address",
            server.max_connections_per_address,
            1..=1_000_000,
        )?,
        trusted: trusted.collect::<Result<_, _>>()?,
        first_call: Duration::from_secs(5),
    })
}

/// Whether customers who said nothing may be contacted: not without a legal basis.
fn may_contact(consent: &ConsentSection) -> Result<bool, ConfigError> {
    if consent.contact && consent.contact_basis.trim().is_empty() {
        return wrong(
            "consent.contact",
            "true, but consent.contact_basis does not name the legal basis",
        );
    }
    Ok(consent.contact)
}

fn tls(cert: &str, key: &str) -> Result<Option<Tls>, ConfigError> {
    match (cert.is_empty(), key.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(Tls {
            cert: cert.into(),
            key: key.into(),
        })),
        (false, true) => wrong("server.tls_key", "empty, but server.tls_cert is set"),
        (true, false) => wrong("server.tls_cert", "empty, but server.tls_key is set"),
    }
}

fn accept(field: &str, text: &str) -> Result<bool, ConfigError> {
    match text {
        "accept" => Ok(true),
        "refuse" => Ok(false),
        other => word(field, other, "\"accept\" or \"refuse\""),
    }
}
