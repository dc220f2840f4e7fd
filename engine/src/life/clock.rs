//! Clock types as configuration: ages, named stages, prior, and the words that tie categories to ages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names in several languages, by primary language tag (`en`, `he`).
pub type Titles = BTreeMap<String, String>;

/// A named band of ages, half-open: `from_days ≤ age < to_days`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Identifier, as in the `life` table and the API.
    pub name: String,
    /// First age, in days after the anchor (negative = before).
    pub from_days: f64,
    /// First age that is no longer in the stage.
    pub to_days: f64,
    /// Names for people; the identifier where a language is missing.
    #[serde(default)]
    pub title: Titles,
}

/// A date that comes round: a birthday, an anniversary, the end of a term.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OccasionType {
    /// Identifier, unique among its like.
    pub name: String,
    /// Names for people.
    #[serde(default)]
    pub title: Titles,
    /// Days from the anchor to the first; `every_days` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_days: Option<f64>,
    /// Days from one to the next; > 0.
    pub every_days: f64,
    /// How many days ahead it is announced; ≥ 0.
    pub lead_days: f64,
}

/// One row of the category→stage table: words that tie a category, title or attribute to a window of ages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordRule {
    /// Words or phrases, any of which matches; compared without case, as whole words.
    pub any: Vec<String>,
    /// Words or phrases, any of which takes it back: a "hot dog" is no pet's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<String>,
    /// Whether it is for grown-ups, so that "women" and the like do not speak against a child.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_adults: bool,
    /// The window is this stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The window starts here, where no stage is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_days: Option<f64>,
    /// The window ends here, where no stage is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_days: Option<f64>,
    /// How many times more a holder of the clock buys it within the window than others do; > 0, before data say more.
    #[serde(default = "default_lift")]
    pub lift: f64,
}

fn default_lift() -> f64 {
    12.0
}

/// A kind of what a clock runs for: a dog or a cat, where the clock is a pet's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindType {
    /// Identifier, unique among its like.
    pub name: String,
    /// Words or phrases of titles and categories, any of which tells it; compared without case, as whole words.
    pub any: Vec<String>,
}

/// One kind of life situation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockType {
    /// Identifier, as in facts: `child`, `pet`, `trip`, `home_move`, `contract`, or the shop's own.
    pub name: String,
    /// Names for people.
    #[serde(default)]
    pub title: Titles,
    /// Whether an undeclared inference about it is never put into words (pregnancy, health, children).
    #[serde(default)]
    pub sensitive: bool,
    /// Whether the shop allows that one that was inferred, not declared, is named once it is likely enough; a sensitive
    /// one never is.
    #[serde(default)]
    pub name_inferred: bool,
    /// Youngest age that matters, in days after the anchor; negative = before it.
    pub min_age_days: f64,
    /// Age at which the clock has run down.
    pub max_age_days: f64,
    /// Width of a grid cell in days, > 0.
    pub step_days: f64,
    /// Whether one that has run down is remembered (a child who has grown up) rather than forgotten (a trip that is over).
    #[serde(default)]
    pub lifelong: bool,
    /// Share of customers for whom such a clock runs when they first come, before data say more; in (0, 1).
    #[serde(default = "default_exists")]
    pub exists: f64,
    /// How many of them one customer may have at once, 1 to 5.
    #[serde(default = "default_max_running")]
    pub max_running: usize,
    /// Bandwidth of densities at age 0 and before, in days.
    #[serde(default = "default_bandwidth")]
    pub bandwidth_days: f64,
    /// Days of bandwidth added per day of age: older ages are told apart less finely.
    #[serde(default = "default_growth")]
    pub bandwidth_growth: f64,
    /// How far apart dates without a name may be told for one and the same, in days: two births are farther apart than
    /// any slip of the pen. Dates so far apart or farther are clocks of their own.
    #[serde(default = "default_slip")]
    pub slip_days: f64,
    /// Standard deviation of a declared date, in days.
    #[serde(default = "default_declared")]
    pub declared_sd_days: f64,
    /// The date that comes round, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<OccasionType>,
    /// Stages in order of age, without overlap.
    pub stages: Vec<Stage>,
    /// The editable category→stage table; the first matching row wins.
    #[serde(default)]
    pub words: Vec<WordRule>,
    /// Categories that are for whoever has the clock, by how their paths begin, as the shop knows them: "Nest/". Their ages
    /// are learned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Kinds that share the clock's ages but not each other's needs, if any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<KindType>,
}

fn default_exists() -> f64 {
    0.1
}
fn default_max_running() -> usize {
    1
}
fn default_bandwidth() -> f64 {
    15.0
}
fn default_growth() -> f64 {
    0.2
}
fn default_slip() -> f64 {
    30.0
}
fn default_declared() -> f64 {
    3.0
}

/// Why clock types cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClockError {
    /// The JSON is not a list of clock types.
    #[error("clock types do not parse: {what}")]
    Parse {
        /// What is wrong.
        what: String,
    },
    /// A field of one clock type is out of range.
    #[error("clock type {clock:?}: {field} {what}")]
    Field {
        /// Name of the clock type.
        clock: String,
        /// Name of the field.
        field: String,
        /// What is wrong with it.
        what: String,
    },
}

#[derive(Deserialize)]
struct File {
    clocks: Vec<ClockType>,
}

const SUPPLIED: &str = include_str!("clocks.json");

impl ClockType {
    /// The supplied types: `child`, `pet`, `trip`, `home_move` and `contract` (`clocks.json` beside this module).
    pub fn supplied() -> Vec<ClockType> {
        // The file is part of the program and a test reads it.
        serde_json::from_str::<File>(SUPPLIED).map_or_else(|_| Vec::new(), |file| file.clocks)
    }

    /// The supplied types changed and extended by a shop's own, as in `shop.json`.
    ///
    /// `own` is a list of objects, or an object from names to objects. Fields of a supplied type may be given one by
    /// one; `words` of the shop come before the supplied ones; `"enabled": false` removes a type; a new type needs at
    /// least its ages and stages.
    ///
    /// # Errors
    /// Malformed JSON or a value out of range, naming the clock type and the field.
    pub fn with_shop(own: Option<&Value>) -> Result<Vec<ClockType>, ClockError> {
        let mut types = ClockType::supplied();
        let entries: Vec<Value> = match own {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) => list.clone(),
            Some(Value::Object(map)) => map
                .iter()
                .map(|(name, body)| {
                    let mut body = body.clone();
                    if let Some(object) = body.as_object_mut() {
                        object.insert("name".into(), Value::String(name.clone()));
                    }
                    body
                })
                .collect(),
            Some(other) => {
                return Err(ClockError::Parse {
                    what: format!("expected a list or an object, found {other}"),
                })
            }
        };
        for entry in entries {
            merge(&mut types, entry)?;
        }
        for clock in &types {
            clock.check()?;
        }
        Ok(types)
    }

    /// Checks every range.
    pub fn check(&self) -> Result<(), ClockError> {
        let fail = |field: &str, what: String| {
            Err(ClockError::Field {
                clock: self.name.clone(),
                field: field.into(),
                what,
            })
        };
        let (min, max, step) = (self.min_age_days, self.max_age_days, self.step_days);
        if self.name.is_empty() {
            return fail("name", "is empty".into());
        }
        if !(min.is_finite() && max.is_finite() && min < max) {
            return fail(
                "max_age_days",
                format!("is {max}, expected above min_age_days {min}"),
            );
        }
        if !(step.is_finite() && step > 0.0 && (max - min) / step <= 4096.0) {
            return fail(
                "step_days",
                format!("is {step}, expected > 0 and at most 4096 cells"),
            );
        }
        if !(self.exists > 0.0 && self.exists < 1.0) {
            return fail("exists", format!("is {}, expected 0 to 1", self.exists));
        }
        if !(1..=5).contains(&self.max_running) {
            return fail(
                "max_running",
                format!("is {}, expected 1 to 5", self.max_running),
            );
        }
        for (field, value) in [
            ("bandwidth_days", self.bandwidth_days),
            ("slip_days", self.slip_days),
            ("declared_sd_days", self.declared_sd_days),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return fail(field, format!("is {value}, expected > 0"));
            }
        }
        if !(0.0..=10.0).contains(&self.bandwidth_growth) {
            return fail(
                "bandwidth_growth",
                format!("is {}, expected 0 to 10", self.bandwidth_growth),
            );
        }
        if let Some(occasion) = &self.occasion {
            let sane = occasion.every_days > 0.0
                && occasion.every_days.is_finite()
                && occasion.first_days.is_none_or(f64::is_finite)
                && (0.0..=3660.0).contains(&occasion.lead_days);
            if !sane {
                return fail(
                    "occasion",
                    "needs every_days > 0 and lead_days 0 to 3660".into(),
                );
            }
        }
        if self.stages.is_empty() {
            return fail("stages", "is empty".into());
        }
        let mut last = f64::NEG_INFINITY;
        for stage in &self.stages {
            if !(stage.from_days.is_finite()
                && stage.from_days < stage.to_days
                && stage.from_days >= last)
            {
                return fail(
                    &format!("stage {:?}", stage.name),
                    "is empty, or overlaps the one before it".into(),
                );
            }
            last = stage.to_days;
        }
        if self.categories.iter().any(|path| path.trim().is_empty()) {
            return fail("categories", "has an empty path".into());
        }
        for rule in &self.words {
            if let Some(stage) = &rule.stage {
                if !self.stages.iter().any(|s| &s.name == stage) {
                    return fail("words", format!("names the unknown stage {stage:?}"));
                }
            }
            let (from, to) = self.span_of(rule);
            if from >= to || !(rule.lift > 0.0 && rule.lift <= 1e4) {
                return fail(
                    "words",
                    format!("rule {:?} has an empty window or no lift", rule.any),
                );
            }
        }
        Ok(())
    }

    /// The window of ages of `rule`, clipped to the clock's ages.
    pub fn span_of(&self, rule: &WordRule) -> (f64, f64) {
        let stage = rule
            .stage
            .as_ref()
            .and_then(|name| self.stages.iter().find(|s| &s.name == name));
        let (from, to) = match stage {
            Some(stage) => (stage.from_days, stage.to_days),
            None => (
                rule.from_days.unwrap_or(self.min_age_days),
                rule.to_days.unwrap_or(self.max_age_days),
            ),
        };
        (from.max(self.min_age_days), to.min(self.max_age_days))
    }

    /// How many age cells the grid has.
    pub fn cells(&self) -> usize {
        // Rounding must not decide about a cell.
        ((self.max_age_days - self.min_age_days) / self.step_days - 1e-6).ceil() as usize + 1
    }

    /// Age of cell `cell` in days.
    pub fn age(&self, cell: usize) -> f64 {
        self.min_age_days + cell as f64 * self.step_days
    }

    /// Bandwidth of densities at `age` in days.
    pub fn bandwidth(&self, age: f64) -> f64 {
        self.bandwidth_days + self.bandwidth_growth * age.max(0.0)
    }

    /// The kind whose identifier or word is `text`, in whatever case.
    pub fn kind_called(&self, text: &str) -> Option<usize> {
        let text = text.trim().to_lowercase();
        self.kinds.iter().position(|kind| {
            let mut words = std::iter::once(&kind.name).chain(&kind.any);
            words.any(|word| word.to_lowercase() == text)
        })
    }

    /// The stage at `age` in days, if any.
    pub fn stage_at(&self, age: f64) -> Option<usize> {
        self.stages
            .iter()
            .position(|stage| (stage.from_days..stage.to_days).contains(&age))
    }
}

/// `titles` in `locale`, else in English, else `fallback`.
pub fn title_in<'a>(titles: &'a Titles, locale: &str, fallback: &'a str) -> &'a str {
    let language = language(locale);
    titles
        .iter()
        .find(|(tag, _)| tag.eq_ignore_ascii_case(language))
        .map(|(_, title)| title)
        .or_else(|| titles.get("en"))
        .map_or(fallback, String::as_str)
}

/// The primary language of a BCP 47 tag, in whatever case it was written; `he` for the old tag `iw` too.
fn language(locale: &str) -> &str {
    let language = locale.split(['-', '_']).next().unwrap_or("en");
    if ["he", "iw"]
        .iter()
        .any(|tag| language.eq_ignore_ascii_case(tag))
    {
        "he"
    } else {
        language
    }
}

fn merge(types: &mut Vec<ClockType>, entry: Value) -> Result<(), ClockError> {
    let parse = |what: String| ClockError::Parse { what };
    let Value::Object(mut fields) = entry else {
        return Err(parse(format!(
            "expected an object per clock type, found {entry}"
        )));
    };
    let name = fields
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| parse("a clock type has no name".into()))?
        .to_owned();
    let enabled = fields.remove("enabled").and_then(|v| v.as_bool());
    let known = types.iter().position(|t| t.name == name);
    if enabled == Some(false) {
        types.retain(|t| t.name != name);
        return Ok(());
    }
    let mut base = match known {
        Some(ix) => {
            serde_json::to_value(&types[ix]).map_err(|e| parse(format!("{name:?}: {e}")))?
        }
        None => Value::Object(serde_json::Map::new()),
    };
    if let Some(object) = base.as_object_mut() {
        for (key, value) in fields {
            if key == "words" {
                if let (Some(Value::Array(old)), Value::Array(own)) = (object.get("words"), &value)
                {
                    let joined = own.iter().chain(old).cloned().collect();
                    object.insert(key, Value::Array(joined));
                    continue;
                }
            }
            object.insert(key, value);
        }
    }
    let merged: ClockType =
        serde_json::from_value(base).map_err(|e| parse(format!("{name:?}: {e}")))?;
    match known {
        Some(ix) => types[ix] = merged,
        None => types.push(merged),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_supplied_types_are_complete_and_in_range() {
        let types = ClockType::with_shop(None).unwrap();
        let names: Vec<_> = types.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["child", "pet", "trip", "home_move", "contract"]);
        for clock in &types {
            assert!(
                clock
                    .stages
                    .iter()
                    .all(|s| s.title.contains_key("he") && s.title.contains_key("en")),
                "{}",
                clock.name
            );
        }
    }

    #[test]
    fn a_shop_changes_extends_and_removes_types() {
        let own = json!({
            "child": {"exists": 0.6, "words": [{"any": ["reborn doll"], "stage": "school", "lift": 3}]},
            "trip": {"enabled": false},
            "wedding": {"min_age_days": -200, "max_age_days": 30, "step_days": 5,
                        "stages": [{"name": "before", "from_days": -200, "to_days": 0}]}
        });
        let types = ClockType::with_shop(Some(&own)).unwrap();
        let child = types.iter().find(|t| t.name == "child").unwrap();
        assert_eq!(child.exists, 0.6);
        assert_eq!(child.words[0].any, ["reborn doll"]);
        assert!(child.categories.is_empty());
        assert!(child.words.len() > 5);
        assert!(types.iter().all(|t| t.name != "trip"));
        assert!(types.iter().any(|t| t.name == "wedding"));
    }

    #[test]
    fn titles_are_found_whatever_the_case_of_the_tag() {
        let titles = Titles::from([("en".into(), "trip".into()), ("he".into(), "טיול".into())]);
        for tag in ["he", "HE", "he-IL", "IW_il"] {
            assert_eq!(title_in(&titles, tag, ""), "טיול", "{tag}");
        }
        assert_eq!(title_in(&titles, "fr", ""), "trip");
    }

    #[test]
    fn mistakes_name_the_clock_and_the_field() {
        let bad = json!([{"name": "pet", "step_days": 0}]);
        let error = ClockType::with_shop(Some(&bad)).unwrap_err().to_string();
        assert!(
            error.starts_with("clock type \"pet\": step_days is 0"),
            "{error}"
        );
        let bad = json!([{"name": "pet", "stages": [
            {"name": "a", "from_days": 0, "to_days": 10}, {"name": "b", "from_days": 5, "to_days": 20}]}]);
        let error = ClockType::with_shop(Some(&bad)).unwrap_err().to_string();
        assert!(error.contains("stage \"b\""), "{error}");
        assert!(ClockType::with_shop(Some(&json!("child"))).is_err());
        assert!(ClockType::with_shop(Some(&json!([{"name": "x"}]))).is_err());
    }
}
