//! The life model: clock types with their age tables, as stored in a bundle.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::age_table::{AgeTable, AgeTables};
use super::clock::ClockType;
use super::existence::Existence;
use super::in_lists::InLists;
use super::profiles::{Profile, ProfileIx, Profiles, NO_PROFILE};
use super::trust::Trust;
use crate::bundle::{
    read_json, read_tensors, write_json, write_tensors, Bundle, BundleError, BundleWriter, Tensor,
};

const SETTINGS: &str = "life.json";
const TABLES: &str = "life.safetensors";
const NO_TABLE: u32 = u32::MAX;
/// ln of the density of ages at which nothing of a clock is bought: a twentieth of a uniform one, for dates may be wrong.
pub(super) const UNHEARD_OF: f32 = -3.0;

/// One clock type with what was fitted for it.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The clock type: ages, stages and titles.
    pub kind: ClockType,
    /// Anchors per day of a customer's life, before anything is known of them.
    pub anchors_per_day: f64,
    /// Density of anchors that come only after the youngest age at first contact, relative to a uniform one over the
    /// ages; the density at the youngest age where absent.
    pub later: Option<f32>,
    /// How far its evidence is believed about the anchor.
    pub trust: Trust,
    /// How its evidence is read about there being an anchor at all.
    pub existence: Existence,
    pub(super) tables: Vec<AgeTable>,
    pub(super) table_of: Vec<u32>,
    pub(super) dilution: Vec<f32>,
    /// x at ages outside the grid.
    outside_dilution: f32,
    /// ln of how many times likelier holders of any age buy of each profile at all; 0 where nothing ties it to the clock.
    pub(super) log_lift: Vec<f32>,
    pub(super) first_age: Vec<f32>,
}

impl Clock {
    /// A clock of `kind` with its `tables`; `exists` is the share of customers who have one when they first come.
    pub fn new(kind: ClockType, tables: AgeTables, exists: f64) -> Clock {
        let outside = tables
            .dilution
            .iter()
            .copied()
            .fold(f32::INFINITY, f32::min);
        let outside = if outside.is_finite() { outside } else { 0.0 };
        // A Poisson process of anchors: P(at least one in the span of ages) = exists.
        let anchors_per_day =
            -(1.0 - exists.clamp(1e-6, 0.999)).ln() / (kind.max_age_days - kind.min_age_days);
        Clock {
            anchors_per_day,
            later: None,
            trust: Trust::default(),
            existence: Existence::default(),
            tables: tables.tables,
            table_of: tables
                .table_of
                .iter()
                .map(|t| t.unwrap_or(NO_TABLE))
                .collect(),
            outside_dilution: outside,
            log_lift: tables.log_lift,
            dilution: tables.dilution,
            first_age: tables.first_age,
            kind,
        }
    }

    /// The age table of `profile`; `None` where it has nothing to do with this clock.
    pub fn table(&self, profile: ProfileIx) -> Option<&AgeTable> {
        let table = *self.table_of.get(profile as usize)?;
        self.tables.get(table as usize)
    }

    /// All age tables, by the numbers of [`Clock::table_number`].
    pub(super) fn tables(&self) -> &[AgeTable] {
        &self.tables
    }

    /// The number of the age table of `profile`.
    pub(super) fn table_number(&self, profile: ProfileIx) -> Option<usize> {
        let table = *self.table_of.get(profile as usize)?;
        (table != NO_TABLE).then_some(table as usize)
    }

    /// Whether any profile has to do with this clock: without, it can only be declared.
    pub fn speaks(&self) -> bool {
        !self.tables.is_empty()
    }

    /// ln R_c(a): how a purchase of `profile` at `age` days speaks for a clock of that age; interpolated. What nothing ties
    /// to the clock says nothing, however much of it there is: 0.
    pub fn log_ratio(&self, profile: ProfileIx, age: f64) -> f64 {
        self.table(profile).map_or(0.0, |table| {
            interpolate(&table.log_ratio, self.position(age), self.outside())
        })
    }

    /// ln of how likely holders buy of `profile` at `age` days, relative to any of the clock's ages; 0 where nothing ties it to
    /// the clock.
    pub(super) fn log_shape(&self, profile: ProfileIx, age: f64) -> f64 {
        self.table(profile).map_or(0.0, |table| {
            interpolate(&table.log_shape, self.position(age), UNHEARD_OF)
        })
    }

    /// ln R of what is tied to the clock, at ages outside the grid.
    pub(super) fn outside(&self) -> f32 {
        -self.outside_dilution.ln_1p()
    }

    /// ln of how many times likelier holders of any age buy of `profile` at all; ≥ 0.
    pub fn log_lift(&self, profile: ProfileIx) -> f64 {
        let lift = self.log_lift.get(profile as usize);
        f64::from(lift.copied().unwrap_or(0.0))
    }

    /// Probability that one such clock is there before anything is known of the customer.
    pub(super) fn exists(&self) -> f64 {
        -(-self.anchors_per_day * (self.kind.max_age_days - self.kind.min_age_days)).exp_m1()
    }

    /// e_c(a): excess of `profile` at `age` days, > −1; 0 outside the clock's ages.
    pub fn excess(&self, profile: ProfileIx, age: f64) -> f64 {
        self.table(profile)
            .map_or(0.0, |t| interpolate(&t.excess, self.position(age), 0.0))
    }

    /// x(a): purchases due to the clock per other purchase, at `age` days.
    pub fn dilution(&self, age: f64) -> f64 {
        interpolate(&self.dilution, self.position(age), self.outside_dilution)
    }

    /// Prior density of the age at first contact, relative to a uniform one.
    pub fn first_age(&self, age: f64) -> f64 {
        let edge = if age < self.kind.min_age_days {
            self.later.or(self.first_age.first().copied())
        } else {
            self.first_age.last().copied()
        };
        interpolate(&self.first_age, self.position(age), edge.unwrap_or(1.0))
    }

    fn position(&self, age: f64) -> f64 {
        (age - self.kind.min_age_days) / self.kind.step_days
    }
}

fn interpolate(row: &[f32], at: f64, outside: f32) -> f64 {
    if !(at >= 0.0 && at <= (row.len() as f64) - 1.0) {
        return f64::from(outside);
    }
    let cell = at as usize;
    let part = at - cell as f64;
    let here = f64::from(row[cell]);
    match row.get(cell + 1) {
        Some(next) if part > 0.0 => here + (f64::from(*next) - here) * part,
        _ => here,
    }
}

/// Everything that is known of life situations, without any customer.
#[derive(Debug, Clone)]
pub struct LifeModel {
    /// Clock types with their tables.
    pub clocks: Vec<Clock>,
    /// Profiles that the tables refer to.
    pub profiles: Profiles,
    /// Share of each profile among all purchases; sums to one.
    pub share: Vec<f32>,
    /// Purchase evidence per customer and day, for customers' rates.
    pub purchases_per_day: f64,
    /// How far it enters lists.
    pub in_lists: InLists,
}

#[derive(Serialize, Deserialize)]
struct Settings {
    clocks: Vec<ClockSettings>,
    profiles: Vec<Profile>,
    purchases_per_day: f64,
    in_lists: InLists,
}

#[derive(Serialize, Deserialize)]
struct ClockSettings {
    kind: ClockType,
    anchors_per_day: f64,
    #[serde(default)]
    later: Option<f32>,
    /// Absent in bundles from before it was measured.
    #[serde(default)]
    trust: Trust,
    #[serde(default)]
    existence: Existence,
}

impl LifeModel {
    /// The clock type called `name`.
    pub fn clock(&self, name: &str) -> Option<usize> {
        self.clocks.iter().position(|c| c.kind.name == name)
    }

    /// Writes `life.json` and `life.safetensors`.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        let settings = Settings {
            clocks: self
                .clocks
                .iter()
                .map(|c| ClockSettings {
                    kind: c.kind.clone(),
                    anchors_per_day: c.anchors_per_day,
                    later: c.later,
                    trust: c.trust,
                    existence: c.existence,
                })
                .collect(),
            profiles: self.profiles.list().to_vec(),
            purchases_per_day: self.purchases_per_day,
            in_lists: self.in_lists,
        };
        write_json(bundle, SETTINGS, &settings)?;
        let mut tensors = BTreeMap::new();
        tensors.insert(
            "share".to_owned(),
            Tensor::f32(&[self.share.len()], self.share.clone()),
        );
        for (ix, clock) in self.clocks.iter().enumerate() {
            let cells = clock.kind.cells();
            let excess = clock
                .tables
                .iter()
                .flat_map(|t| t.excess.iter().copied())
                .collect();
            let mut put = |name: &str, tensor: Tensor| {
                tensors.insert(format!("{ix}.{name}"), tensor);
            };
            put("excess", Tensor::f32(&[clock.tables.len(), cells], excess));
            let shapes = clock
                .tables
                .iter()
                .flat_map(|t| t.log_shape.iter().copied())
                .collect();
            put("shape", Tensor::f32(&[clock.tables.len(), cells], shapes));
            put("dilution", Tensor::f32(&[cells], clock.dilution.clone()));
            put("first_age", Tensor::f32(&[cells], clock.first_age.clone()));
            put(
                "log_lift",
                Tensor::f32(&[clock.log_lift.len()], clock.log_lift.clone()),
            );
            put(
                "table_of",
                Tensor::u32(&[clock.table_of.len()], clock.table_of.clone()),
            );
        }
        write_tensors(bundle, TABLES, &tensors)
    }

    /// Whether `bundle` has a life model.
    pub fn is_in(bundle: &Bundle) -> bool {
        bundle.manifest().files.contains_key(SETTINGS)
    }

    /// Reads what [`LifeModel::write`] wrote.
    ///
    /// # Errors
    /// Files that do not parse, clock types out of range, or tables that do not fit the clocks and profiles.
    pub fn read(bundle: &Bundle) -> Result<LifeModel, BundleError> {
        let settings: Settings = read_json(bundle, SETTINGS)?;
        if !settings.in_lists.is_sane() {
            return Err(BundleError::content(SETTINGS, "in_lists is out of range"));
        }
        let mut tensors = read_tensors(bundle, TABLES)?;
        let wrong = |what: String| BundleError::content(TABLES, what);
        let mut floats = |name: String, len: Option<usize>| {
            tensors
                .remove(&name)
                .and_then(Tensor::into_f32)
                .filter(|data| len.is_none_or(|len| len == data.len()))
                .ok_or_else(|| wrong(format!("tensor {name:?} is missing or misshapen")))
        };
        let profiles = settings.profiles;
        let share = floats("share".into(), Some(profiles.len()))?;
        let mut parts = Vec::new();
        for (ix, entry) in settings.clocks.iter().enumerate() {
            entry
                .kind
                .check()
                .map_err(|error| BundleError::content(SETTINGS, error))?;
            let cells = entry.kind.cells();
            let excess = floats(format!("{ix}.excess"), None)?;
            let shape = floats(format!("{ix}.shape"), Some(excess.len()))?;
            let dilution = floats(format!("{ix}.dilution"), Some(cells))?;
            let first_age = floats(format!("{ix}.first_age"), Some(cells))?;
            let log_lift = floats(format!("{ix}.log_lift"), Some(profiles.len()))?;
            if excess.len() % cells != 0
                || excess.iter().any(|e| e.is_nan() || *e <= -1.0)
                || dilution.iter().any(|x| x.is_nan() || *x < 0.0)
                || shape.iter().any(|s| !s.is_finite())
                || log_lift.iter().any(|l| !l.is_finite() || *l < 0.0)
            {
                return Err(wrong(format!(
                    "tensor \"{ix}.excess\" is misshapen or out of range"
                )));
            }
            parts.push((excess, shape, dilution, first_age, log_lift));
        }
        let mut clocks = Vec::new();
        for (ix, (entry, (excess, shape, dilution, first_age, log_lift))) in
            settings.clocks.into_iter().zip(parts).enumerate()
        {
            let cells = entry.kind.cells();
            let tables: Vec<AgeTable> = excess
                .chunks_exact(cells)
                .zip(shape.chunks_exact(cells))
                .map(|(row, shape)| {
                    AgeTable::new(&entry.kind, row.to_vec(), &dilution, shape.to_vec())
                })
                .collect();
            let table_of = tensors
                .remove(&format!("{ix}.table_of"))
                .and_then(Tensor::into_u32)
                .filter(|of| {
                    of.len() == profiles.len()
                        && of
                            .iter()
                            .all(|t| *t == NO_TABLE || (*t as usize) < tables.len())
                })
                .ok_or_else(|| wrong(format!("tensor \"{ix}.table_of\" does not fit")))?;
            let mut clock = Clock::new(
                entry.kind,
                AgeTables {
                    tables,
                    table_of: table_of
                        .iter()
                        .map(|t| (*t != NO_TABLE).then_some(*t))
                        .collect(),
                    dilution,
                    first_age,
                    log_lift,
                },
                0.5,
            );
            if !(entry.anchors_per_day.is_finite() && entry.anchors_per_day > 0.0) {
                return Err(BundleError::content(
                    SETTINGS,
                    "anchors_per_day is not above 0",
                ));
            }
            clock.anchors_per_day = entry.anchors_per_day;
            if !entry.trust.is_sane() {
                return Err(BundleError::content(SETTINGS, "trust is out of range"));
            }
            if !entry.existence.is_sane() {
                return Err(BundleError::content(SETTINGS, "existence is out of range"));
            }
            clock.trust = entry.trust;
            clock.existence = entry.existence;
            clock.later = entry
                .later
                .filter(|later| later.is_finite() && *later >= 0.0);
            clocks.push(clock);
        }
        if profiles.iter().enumerate().any(|(ix, p)| {
            p.parent.is_some_and(|up| up as usize >= ix)
                || p.window.is_some_and(|w| w.0 as usize >= clocks.len())
        }) {
            return Err(BundleError::content(
                SETTINGS,
                "a profile refers to what is not before it",
            ));
        }
        let kinds: Vec<ClockType> = clocks.iter().map(|c| c.kind.clone()).collect();
        debug_assert!(NO_PROFILE as usize >= profiles.len());
        Ok(LifeModel {
            clocks,
            profiles: Profiles::from_list(profiles, &kinds),
            share,
            purchases_per_day: settings.purchases_per_day.max(1e-6),
            in_lists: settings.in_lists,
        })
    }
}
