//! Age windows read from what a shop writes on its products: "0-6 m", "size 62", "puppy", "age 3+", "מגיל 3".

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::clock::ClockType;
use super::words::{flat, tokens, Phrases};
use serendib_shop::Product;

/// How many times more a holder of a clock buys of a category that the shop says is for it, before data say more.
const TOLD_LIFT: f64 = 12.0;
const MONTH: f64 = 30.4375;
const YEAR: f64 = 365.25;

/// The ages at which a product is needed, as its text says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Position of the clock type.
    pub clock: usize,
    /// First age in days.
    pub from_days: f64,
    /// First age after it.
    pub to_days: f64,
    /// How many times more a holder of the clock buys it within the window than others do.
    pub lift: f64,
    /// Position among the kinds of the clock type, where the text tells one.
    pub kind: Option<usize>,
}

/// Reads windows for a set of clock types.
#[derive(Debug, Clone)]
pub struct WindowReader {
    clocks: Vec<ClockType>,
    /// Clock and rule of each phrase number.
    rules: Vec<(usize, usize)>,
    phrases: Phrases,
    /// What takes a rule back, by the same numbers.
    objections: Phrases,
    /// Clock and kind of each number of `kind_phrases`.
    kinds: Vec<(usize, usize)>,
    kind_phrases: Phrases,
    child: Option<usize>,
    pet: Option<usize>,
}

macro_rules! pattern {
    ($name:ident = $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

const UNIT: &str =
    "(months?|mths?|mos?|m|years?|yrs?|y|weeks?|wks?|חודשים|חודש|חוד'|ח'|שנים|שנה|שבועות)";

pattern!(
    RANGE = &format!(
        r"(?:^|[^\d.,])(\d{{1,2}}(?:[.,]\d)?)\s*{UNIT}?\s*(?:-|to|until|עד)\s*(\d{{1,2}}(?:[.,]\d)?)\s*{UNIT}(?:$|[^a-zא-ת\d²³])"
    )
);
pattern!(
    AGE_RANGE = r"(?:ages?|aged|גילאי|גילאים|גיל|לגיל|לגילאי|מגיל)\s*:?\s*(\d{1,2})\s*(?:-|to|עד)\s*(\d{1,2})"
);
pattern!(
    PLUS = &format!(
        r"(?:^|[^\d.,])(\d{{1,2}}(?:[.,]\d)?)\s*{UNIT}\s*(?:\+|and up|and over|plus|ומעלה|ואילך)"
    )
);
pattern!(
    AGE_PLUS = &format!(
        r"(?:ages?|aged|from|from age|גיל|מגיל|גילאי)\s*:?\s*(\d{{1,2}}(?:[.,]\d)?)\s*{UNIT}?\s*(\+|and up|and over|plus|ומעלה|ואילך)?(?:$|[^\d-])"
    )
);
pattern!(
    UP_TO = &format!(r"(?:up to|under|until|עד גיל|עד)\s*(\d{{1,2}})\s*{UNIT}(?:$|[^a-zא-ת])")
);
pattern!(FROM_BIRTH = r"from birth|birth\s*\+|מלידה|מגיל לידה");
pattern!(
    SIZE =
        r"(?:size|sizes|sz|gr|מידה|מידות)\.?\s*:?\s*(\d{1,3})(?:\s*[-/]\s*(\d{1,3}))?(?:$|[^\d])"
);
pattern!(BARE_SIZE = r"^\s*(\d{2,3})(?:\s*[-/]\s*(\d{2,3}))?\s*(?:cm|ס.מ)?\s*$");
pattern!(KILOS = r"(\d{1,2})\s*-\s*(\d{1,2})\s*(?:kg|ק.ג)");

const CHILD_WORDS: &[&str] = &[
    "baby",
    "babies",
    "kid",
    "kids",
    "child",
    "children",
    "childrens",
    "toddler",
    "toddlers",
    "infant",
    "infants",
    "newborn",
    "nursery",
    "maternity",
    "toy",
    "toys",
    "boys",
    "girls",
    "nappy",
    "nappies",
    "diaper",
    "diapers",
    "bodysuit",
    "onesie",
    "romper",
    "sleepsuit",
    "babygrow",
    "תינוק",
    "תינוקת",
    "תינוקות",
    "לתינוק",
    "לתינוקות",
    "ילדים",
    "לילדים",
    "ילד",
    "ילדה",
    "פעוט",
    "פעוטות",
    "בייבי",
    "צעצוע",
    "צעצועים",
    "חיתול",
    "חיתולים",
    "בגד",
    "גוף",
    "אוברול",
];
const PET_WORDS: &[&str] = &[
    "dog",
    "dogs",
    "cat",
    "cats",
    "puppy",
    "puppies",
    "kitten",
    "kittens",
    "pet",
    "pets",
    "כלב",
    "כלבים",
    "חתול",
    "חתולים",
    "גור",
    "גורים",
    "גורי",
    "לגורי",
    "לכלב",
    "לחתול",
    "לגורים",
];
const ADULT_WORDS: &[&str] = &[
    "men",
    "mens",
    "women",
    "womens",
    "ladies",
    "adult",
    "tv",
    "inch",
    "monitor",
    "bra",
    "tyre",
    "גברים",
    "נשים",
    "לגברים",
    "לנשים",
];
/// Whom a thing is for, where it is not for a child.
const ADULTS: &[&str] = &[
    "men",
    "mens",
    "women",
    "womens",
    "ladies",
    "adult",
    "adults",
    "seniors",
    "elderly",
    "גברים",
    "נשים",
    "לגברים",
    "לנשים",
    "מבוגרים",
    "למבוגרים",
];
const NAPPY_WORDS: &[&str] = &[
    "nappy",
    "nappies",
    "diaper",
    "diapers",
    "חיתול",
    "חיתולים",
    "חיתולי",
];
/// Nappies only where a child is spoken of: there are bars for pull-ups, too.
const PULL_UPS: &[&str] = &["pull", "pullups"];
const SHOE_WORDS: &[&str] = &[
    "shoe",
    "shoes",
    "trainers",
    "sandals",
    "boots",
    "wellies",
    "walkers",
    "slippers",
    "sneakers",
    "נעל",
    "נעליים",
    "נעלי",
    "סנדלים",
    "סנדלי",
];

/// Body height in cm and the age in months at which an average child reaches it (WHO growth standards, rounded).
const HEIGHTS: &[(f64, f64)] = &[
    (44.0, -1.5),
    (50.0, 0.3),
    (56.0, 1.7),
    (62.0, 3.5),
    (68.0, 6.5),
    (74.0, 10.0),
    (80.0, 14.0),
    (86.0, 20.0),
    (92.0, 27.0),
    (98.0, 36.0),
    (104.0, 47.0),
    (110.0, 58.0),
    (116.0, 70.0),
    (122.0, 82.0),
    (128.0, 94.0),
    (134.0, 106.0),
    (140.0, 119.0),
    (146.0, 131.0),
    (152.0, 142.0),
    (158.0, 152.0),
];
/// European shoe sizes and the age in months at which they fit.
const SHOES: &[(f64, f64)] = &[
    (16.0, 5.0),
    (18.0, 10.0),
    (20.0, 15.0),
    (22.0, 22.0),
    (24.0, 31.0),
    (26.0, 43.0),
    (28.0, 56.0),
    (30.0, 72.0),
    (32.0, 90.0),
    (34.0, 110.0),
    (36.0, 130.0),
    (38.0, 150.0),
];
/// Nappy sizes 1 to 7: first and last month.
const NAPPIES: &[(f64, f64)] = &[
    (-1.0, 2.5),
    (0.5, 5.0),
    (3.5, 11.0),
    (8.0, 20.0),
    (15.0, 32.0),
    (20.0, 40.0),
    (28.0, 48.0),
];
/// Body weight in kg and the age in months at which it is reached.
const WEIGHTS: &[(f64, f64)] = &[
    (2.0, -1.0),
    (3.3, 0.0),
    (5.0, 1.7),
    (6.0, 3.0),
    (8.0, 7.0),
    (10.0, 14.0),
    (12.0, 23.0),
    (15.0, 38.0),
    (18.0, 55.0),
    (25.0, 90.0),
];

fn along(table: &[(f64, f64)], x: f64) -> f64 {
    for pair in table.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if x <= x1 {
            return y0 + (y1 - y0) * ((x - x0) / (x1 - x0)).max(0.0);
        }
    }
    table.last().map_or(0.0, |last| last.1)
}

/// What surrounds a number.
#[derive(Clone, Copy)]
struct Context {
    child: bool,
    pet: bool,
    adult: bool,
    nappy: bool,
    shoe: bool,
}

impl WindowReader {
    /// A reader for `clocks`.
    pub fn new(clocks: &[ClockType]) -> WindowReader {
        let (mut phrases, mut objections) = (Phrases::default(), Phrases::default());
        let mut rules = Vec::new();
        let (mut kind_phrases, mut kinds) = (Phrases::default(), Vec::new());
        for (clock, kind) in clocks.iter().enumerate() {
            for (number, row) in kind.kinds.iter().enumerate() {
                for phrase in &row.any {
                    kind_phrases.add(phrase, kinds.len());
                }
                kinds.push((clock, number));
            }
        }
        for (clock, kind) in clocks.iter().enumerate() {
            for (rule, row) in kind.words.iter().enumerate() {
                for phrase in &row.any {
                    phrases.add(phrase, rules.len());
                }
                for phrase in &row.unless {
                    objections.add(phrase, rules.len());
                }
                rules.push((clock, rule));
            }
        }
        let named = |name: &str| clocks.iter().position(|c| c.name == name);
        WindowReader {
            clocks: clocks.to_vec(),
            rules,
            phrases,
            objections,
            kinds,
            kind_phrases,
            child: named("child"),
            pet: named("pet"),
        }
    }

    /// The window of `product`, from its attributes, variant and title, else from its category (deepest part first).
    pub fn read(&self, product: &Product) -> Option<Window> {
        let mut window = self.ages(product)?;
        let title = product.title.as_deref().unwrap_or("");
        let category = product.category.as_deref().unwrap_or("");
        window.kind = self
            .kind_in(title, window.clock)
            .or_else(|| self.kind_in(category, window.clock));
        Some(window)
    }

    /// The kind of clock `clock` that `text` tells; `None` where it tells none, or more than one.
    fn kind_in(&self, text: &str, clock: usize) -> Option<usize> {
        if self.clocks[clock].kinds.is_empty() {
            return None;
        }
        let mut told = self
            .kind_phrases
            .find(&tokens(text))
            .into_iter()
            .map(|number| self.kinds[number])
            .filter(|(owner, _)| *owner == clock)
            .map(|(_, kind)| kind);
        let first = told.next()?;
        told.all(|kind| kind == first).then_some(first)
    }

    fn ages(&self, product: &Product) -> Option<Window> {
        let title = product.title.as_deref().unwrap_or("");
        let category = product.category.as_deref().unwrap_or("");
        let by_category = self.in_category(category);
        let title_words = tokens(title);
        let words = [title_words.as_slice(), &tokens(category)].concat();
        let in_title = self.in_words(&title_words, &words, by_category.map(|w| w.clock));
        let has = |set: &[&str]| words.iter().any(|w| set.contains(&w.as_str()));
        let child = has(CHILD_WORDS) || by_category.is_some_and(|w| Some(w.clock) == self.child);
        let context = Context {
            child,
            pet: has(PET_WORDS) || by_category.is_some_and(|w| Some(w.clock) == self.pet),
            adult: has(ADULT_WORDS),
            nappy: has(NAPPY_WORDS) || (child && has(PULL_UPS)),
            shoe: has(SHOE_WORDS),
        };
        let ages = self
            .in_attributes(product, &context)
            .or_else(|| in_text(&flat(title), &context))
            .or_else(|| {
                let variant = flat(product.variant.as_deref().unwrap_or(""));
                in_text(&variant, &context).or_else(|| bare_size(&variant, &context))
            })
            .or_else(|| {
                let last = category.rsplit('/').next().unwrap_or("");
                in_text(&flat(last), &context)
            });
        let words_window = in_title.or(by_category);
        let Some((from, to)) = ages else {
            return words_window;
        };
        let clock = if context.pet && !context.child {
            self.pet
        } else {
            self.child
        };
        let Some(clock) = clock else {
            return words_window;
        };
        let kind = &self.clocks[clock];
        let to = if to.is_infinite() {
            // "6 m+" says where it begins; it is outgrown in time.
            if Some(clock) == self.pet {
                kind.max_age_days
            } else {
                from + (1.5 * from.max(0.0)).max(540.0)
            }
        } else {
            to
        };
        let (from, to) = (from.max(kind.min_age_days), to.min(kind.max_age_days));
        let lift = [in_title, by_category]
            .into_iter()
            .flatten()
            .filter(|w| w.clock == clock)
            .map(|w| w.lift)
            .fold(12.0, f64::max);
        (from < to).then_some(Window {
            clock,
            from_days: from,
            to_days: to,
            lift,
            kind: None,
        })
    }

    /// The window of the clock for which the shop says that the category `path` is, else what its words say.
    pub fn in_category(&self, path: &str) -> Option<Window> {
        self.told_by_shop(path).or_else(|| self.told_by_words(path))
    }

    fn told_by_shop(&self, path: &str) -> Option<Window> {
        let path = path.to_lowercase();
        let is_for = |clock: &&ClockType| {
            let mut told = clock.categories.iter();
            told.any(|begin| path.starts_with(&begin.to_lowercase()))
        };
        let clock = self.clocks.iter().find(is_for)?;
        let number = self
            .clocks
            .iter()
            .position(|other| other.name == clock.name)?;
        let words = self
            .told_by_words(&path)
            .filter(|words| words.clock == number);
        Some(words.unwrap_or(Window {
            clock: number,
            from_days: clock.min_age_days,
            to_days: clock.max_age_days,
            lift: TOLD_LIFT,
            kind: self.kind_in(&path, number),
        }))
    }

    /// The window that the words of a category path say, deepest part first.
    fn told_by_words(&self, path: &str) -> Option<Window> {
        let parts: Vec<&str> = path.split('/').collect();
        (0..parts.len()).rev().find_map(|from| {
            let words = tokens(&parts[from..].join(" "));
            let window = self.in_words(&words, &words, None)?;
            let kind = self.kind_in(path, window.clock);
            Some(Window { kind, ..window })
        })
    }

    /// The window of the first rule that `words` match, of clock `wanted` where one is; nothing in `around`, the words and
    /// what stands beside them, may take it back.
    fn in_words(
        &self,
        words: &[String],
        around: &[String],
        wanted: Option<usize>,
    ) -> Option<Window> {
        let matching = self.phrases.find(words);
        if matching.is_empty() {
            return None;
        }
        let objected = self.objections.find(around);
        let adults = around.iter().any(|w| ADULTS.contains(&w.as_str()));
        matching
            .into_iter()
            .filter(|number| objected.binary_search(number).is_err())
            .map(|number| self.rules[number])
            .filter(|&(clock, rule)| {
                let grown = adults && !self.clocks[clock].words[rule].for_adults;
                !(grown && Some(clock) == self.child)
            })
            .find(|(clock, _)| wanted.is_none_or(|w| w == *clock))
            .map(|(clock, rule)| {
                let row = &self.clocks[clock].words[rule];
                let (from_days, to_days) = self.clocks[clock].span_of(row);
                Window {
                    clock,
                    from_days,
                    to_days,
                    lift: row.lift,
                    kind: None,
                }
            })
    }

    fn in_attributes(&self, product: &Product, context: &Context) -> Option<(f64, f64)> {
        let (mut from, mut to) = (None, None);
        for (key, value) in &product.attributes {
            let key = flat_key(key);
            let of_age = key.split('_').any(tells_age);
            if !(of_age || key.contains("size")) {
                continue;
            }
            // A range under the name of an age is one, whatever the title says.
            let context = &Context {
                child: context.child || (of_age && !context.pet),
                ..*context
            };
            let unit = if key.contains("month") {
                MONTH
            } else if key.contains("day") {
                1.0
            } else {
                YEAR
            };
            match value {
                Value::Number(number) if of_age => {
                    let days = number.as_f64().map(|n| n * unit);
                    if key.contains("max") || key.contains("_to") || key.contains("until") {
                        to = days;
                    } else if key.contains("min") || key.contains("from") {
                        from = days;
                    }
                }
                Value::String(text) if key.contains("size") => {
                    if let Some(found) = bare_size(&flat(text), context) {
                        return Some(found);
                    }
                }
                Value::String(text) => {
                    let text = flat(text);
                    let found = in_text(&text, context)
                        .or_else(|| in_text(&format!("age {text}"), context));
                    if found.is_some() {
                        return found;
                    }
                }
                _ => {}
            }
        }
        match (from, to) {
            (None, None) => None,
            (from, to) => Some((from.unwrap_or(0.0), to.unwrap_or(f64::INFINITY))),
        }
        .filter(|(from, to)| from < to)
    }
}

/// The key of an attribute in lower case with `_` between its words: "maxAge months" becomes "max_age_months".
fn flat_key(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 2);
    let mut small = false;
    for c in key.chars() {
        if small && c.is_uppercase() {
            out.push('_');
        }
        small = c.is_lowercase();
        out.extend(c.to_lowercase());
    }
    out.replace([' ', '-'], "_")
}

/// Whether a word of an attribute's key speaks of age, as that of "voltage" or "package" does not.
fn tells_age(word: &str) -> bool {
    let english = word
        .strip_prefix("age")
        .is_some_and(|rest| ["", "s", "d", "range", "group", "min", "max"].contains(&rest));
    english || ["minage", "maxage"].contains(&word) || word.contains("גיל")
}

fn unit_days(unit: &str) -> f64 {
    match unit.chars().next() {
        Some('y' | 'ש') if !unit.starts_with("שב") => YEAR,
        Some('w') => 7.0,
        _ if unit.starts_with("שב") => 7.0,
        _ => MONTH,
    }
}

fn number(text: Option<regex::Match>) -> Option<f64> {
    text.and_then(|m| m.as_str().replace(',', ".").parse().ok())
}

/// First age and end of the window that a lower-case text states, in days; the end may be infinite.
fn in_text(text: &str, context: &Context) -> Option<(f64, f64)> {
    if text.is_empty() {
        return None;
    }
    let alive = context.child || context.pet;
    let find = |pattern: &'static LazyLock<Option<Regex>>| {
        pattern.as_ref().and_then(|regex| regex.captures(text))
    };
    if let Some(found) = find(&AGE_RANGE) {
        // "age 6-12 months" is left to the pattern with units.
        let tail = &text[found.get(0).map_or(0, |m| m.end())..];
        let in_months = tail.trim_start().starts_with('m') || tail.trim_start().starts_with('ח');
        if !in_months {
            let (from, to) = (number(found.get(1))?, number(found.get(2))?);
            if from <= to && to <= 18.0 {
                return Some((from * YEAR, (to + 1.0) * YEAR));
            }
        }
    }
    if let Some(found) = find(&RANGE) {
        let last = found.get(4).map_or("m", |m| m.as_str());
        let first = found.get(2).map_or(last, |m| m.as_str());
        let from = number(found.get(1))? * unit_days(first);
        let to = number(found.get(3))? * unit_days(last);
        // "6-12 m" of cable is not an age, nor is "0-6 m"; without a word about who it is for, only a range from birth in
        // months or years written out is one.
        let metres = last == "m";
        if from < to && (alive || (from == 0.0 && !metres && (last == "y" || !context.adult))) {
            return Some((from - if from == 0.0 { 30.0 } else { 0.0 }, to));
        }
    }
    if find(&FROM_BIRTH).is_some() {
        return Some((-45.0, f64::INFINITY));
    }
    if let Some(found) = find(&PLUS) {
        if alive {
            let from = number(found.get(1))? * unit_days(found.get(2)?.as_str());
            return Some((from, f64::INFINITY));
        }
    }
    if let Some(found) = find(&AGE_PLUS) {
        let stated = found.get(3).is_some();
        let with_unit = found.get(2).is_some();
        let by_age =
            !text[found.get(0)?.start()..].starts_with("from") || text.contains("from age");
        if (by_age && (stated || alive)) || (alive && with_unit) {
            let days = found.get(2).map_or(YEAR, |m| unit_days(m.as_str()));
            let from = number(found.get(1))? * days;
            if from <= 18.0 * YEAR {
                return Some((from, f64::INFINITY));
            }
        }
    }
    if let Some(found) = find(&UP_TO) {
        if alive {
            let to = number(found.get(1))? * unit_days(found.get(2)?.as_str());
            return Some((0.0, to));
        }
    }
    if let Some(found) = find(&SIZE) {
        let (first, last) = (number(found.get(1))?, number(found.get(2)));
        return sized(first, last.unwrap_or(first), context);
    }
    if let Some(found) = find(&KILOS).filter(|_| context.nappy) {
        let (from, to) = (number(found.get(1))?, number(found.get(2))?);
        return Some((along(WEIGHTS, from) * MONTH, along(WEIGHTS, to) * MONTH))
            .filter(|(from, to)| from < to);
    }
    None
}

fn bare_size(text: &str, context: &Context) -> Option<(f64, f64)> {
    let found = BARE_SIZE.as_ref().and_then(|regex| regex.captures(text))?;
    let first = number(found.get(1))?;
    sized(first, number(found.get(2)).unwrap_or(first), context)
}

/// Ages of a size: children's clothes by body height, children's shoes, nappies.
fn sized(first: f64, last: f64, context: &Context) -> Option<(f64, f64)> {
    if context.pet && !context.child {
        return None;
    }
    let (from, to) = if context.nappy {
        let size = |x: f64| NAPPIES.get((x as usize).wrapping_sub(1)).copied();
        (size(first)?.0, size(last)?.1)
    } else if context.shoe {
        if !context.child || !(16.0..=38.0).contains(&first) || last > 38.0 {
            return None;
        }
        (along(SHOES, first - 2.0), along(SHOES, last + 1.0))
    } else {
        let height = |x: f64| (44.0..=158.0).contains(&x) && (x - 50.0) % 6.0 == 0.0;
        let unmistakable = (62.0..=92.0).contains(&first) && !context.adult;
        if !(height(first) && height(last) && first <= last && (context.child || unmistakable)) {
            return None;
        }
        (along(HEIGHTS, first - 9.0), along(HEIGHTS, last))
    };
    Some((from * MONTH, to * MONTH)).filter(|(from, to)| from < to)
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
