//! What a synthetic workload is made from: `drivers=40,changes=2000,rate=500/h,…`.

use std::collections::BTreeSet;
use std::time::Duration;

use crossgate_core::suggest::nearest;
use crossgate_core::workspace::Confirm;
use serde::Serialize;

use crate::text::{from_words, in_words};

/// A workload, and the policy that it meets.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Drivers, each in a repo of its own.
    pub drivers: u32,
    /// Jobs of each driver.
    pub jobs: u32,
    /// Changes that are measured.
    pub changes: u32,
    /// Changes that come before them and are not measured: until the gate knows its jobs.
    pub warm_up: u32,
    /// Changes an hour.
    pub rate: f64,
    /// Share of the changes that are of the common repo: they run with every driver.
    pub common: f64,
    /// Median duration of a build.
    pub duration: Duration,
    /// Builds at once over all drivers, shared out among them; 0: no bound.
    pub rigs: u32,
    /// Share of the builds that fail for no reason of their tree.
    pub flake: f64,
    /// Share of the builds whose rig fails.
    pub infra: f64,
    /// Share of the changes that break one job of one driver.
    pub bad: f64,
    /// Share of the changes that do not merge with one of those just before them.
    pub conflict: f64,
    /// Share of the time for which each driver's branch is broken by a push that did not go through the gate.
    pub broken: f64,
    /// After what time somebody approves a change again that was failed and is good.
    pub retry: Duration,
    /// The loop turns at most once in this time.
    pub tick: Duration,
    /// Items tested at once at the start; 0: all.
    pub window: u32,
    /// Never fewer items at once.
    pub floor: u32,
    /// Added to the window on a landing.
    pub grow: u32,
    /// The window is divided by it on a failure.
    pub shrink: u32,
    /// When a red is asked twice.
    pub confirm: Confirm,
    /// In what order and what groups changes are tested.
    pub speculation: Speculation,
    /// Most changes of a batch.
    pub batch: u32,
    /// What all chance is drawn from.
    pub seed: u64,
}

/// In what order and what groups changes are tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speculation {
    /// Each on all that came before it.
    Linear,
    /// In groups that are tested as one; a group that fails is halved.
    Batch,
    /// Each on all before it, and while the window is full the likeliest to pass enters next.
    Predicted,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            drivers: 40,
            jobs: 1,
            changes: 2_000,
            warm_up: 6_000,
            rate: 500.0,
            common: 0.1,
            duration: Duration::from_secs(20),
            rigs: 120,
            flake: 0.02,
            infra: 0.005,
            bad: 0.05,
            conflict: 0.005,
            broken: 0.0,
            retry: Duration::from_mins(10),
            tick: Duration::from_secs(2),
            window: 20,
            floor: 3,
            grow: 1,
            shrink: 2,
            confirm: Confirm::Auto,
            speculation: Speculation::Linear,
            batch: 4,
            seed: 1,
        }
    }
}

/// Why a text is not a workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Something else than a key and its value.
    #[error("`{text}` is not a setting: expected `KEY=VALUE`")]
    Malformed {
        /// What stands there.
        text: String,
    },
    /// No such key.
    #[error("a synthetic workload has no `{key}`")]
    Unknown {
        /// The key.
        key: String,
        /// The nearest that there is.
        near: Option<&'static str>,
    },
    /// The same key again, or the same value of it.
    #[error("`{text}` is set twice")]
    Twice {
        /// The key, or the key and its value.
        text: String,
    },
    /// Not a value of the key.
    #[error("`{key}` cannot be `{value}`: expected {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What stands there.
        value: String,
        /// What could.
        expected: &'static str,
    },
}

impl LoadError {
    /// Returns the way out.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::Unknown { near: None, .. } => {
                let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
                format!("there are {}", names.join(", "))
            }
            Self::Twice { .. } => "leave one of them out".to_owned(),
            Self::Malformed { .. } => "for example drivers=40,rate=500/h,flake=2%".to_owned(),
            Self::Value { key, .. } => {
                let default = KEYS.iter().find(|of| of.name == *key).map(|key| (key.show)(&Load::default()));
                format!("for example {key}={}", default.unwrap_or_default())
            }
        }
    }
}

/// A setting of a workload.
struct Key {
    name: &'static str,
    /// What it sets.
    about: &'static str,
    /// What it takes.
    expected: &'static str,
    set: fn(&mut Load, &str) -> Option<()>,
    show: fn(&Load) -> String,
}

macro_rules! key {
    ($name:ident, $about:literal, $expected:literal, $read:expr, $show:expr) => {
        Key {
            name: stringify!($name),
            about: $about,
            expected: $expected,
            set: |load, text| {
                load.$name = $read(text)?;
                Some(())
            },
            show: |load| $show(load.$name),
        }
    };
}

const KEYS: &[Key] = &[
    key!(
        drivers,
        "drivers, each in a repo of its own",
        "a number from 1 to 500",
        |text| number(text, 1, 500),
        shown
    ),
    key!(jobs, "jobs of each driver", "a number from 1 to 20", |text| number(text, 1, 20), shown),
    key!(
        changes,
        "changes that are measured",
        "a number from 1 to 1000000",
        |text| number(text, 1, 1_000_000),
        shown
    ),
    key!(
        warm_up,
        "changes before them, until the gate knows its jobs",
        "a number up to 1000000",
        |text| number(text, 0, 1_000_000),
        shown
    ),
    key!(rate, "how often changes come", "changes an hour, such as `500/h`", rate, |rate| format!(
        "{rate}/h"
    )),
    key!(common, "changes to the common repo (run everywhere)", "a share, such as `10%`", share, percent),
    key!(duration, "median duration of a build", "a time from `1s` to `1d`", |text| time(text, 1), in_words),
    key!(
        rigs,
        "builds at once over all drivers",
        "a number up to 100000; 0 for no bound",
        |text| number(text, 0, 100_000),
        shown
    ),
    key!(flake, "builds that fail for no reason of their tree", "a share, such as `2%`", share, percent),
    key!(infra, "builds whose rig fails", "a share, such as `2%`", share, percent),
    key!(bad, "changes that break one job of one driver", "a share, such as `5%`", share, percent),
    key!(
        conflict,
        "changes that do not merge with one just before them",
        "a share, such as `1%`",
        share,
        percent
    ),
    key!(
        broken,
        "time each driver is broken by a push past the gate",
        "a share up to `90%`",
        |text| share(text).filter(|share| *share <= 0.9),
        percent
    ),
    key!(
        retry,
        "until a good change that failed is approved again",
        "a time from `1s` to `1d`",
        |text| time(text, 1),
        in_words
    ),
    key!(
        tick,
        "the loop turns at most once in this time",
        "a time from `0s` to `1d`",
        |text| time(text, 0),
        in_words
    ),
    key!(
        window,
        "items tested at once at the start",
        "a number of items; 0 for no window",
        |text| number(text, 0, 100_000),
        shown
    ),
    key!(
        floor,
        "never fewer items at once",
        "a number of items from 1",
        |text| number(text, 1, 100_000),
        shown
    ),
    key!(
        grow,
        "added to the window on a landing",
        "a number of items",
        |text| number(text, 0, 100_000),
        shown
    ),
    key!(
        shrink,
        "the window is divided by it on a failure",
        "a number from 1",
        |text| number(text, 1, 100_000),
        shown
    ),
    key!(confirm, "when a red is asked twice", "`off`, `auto` or `always`", confirm, confirm_word),
    key!(
        speculation,
        "how changes are ordered and grouped",
        "`linear`, `batch` or `predicted`",
        speculation,
        speculation_word
    ),
    key!(batch, "most changes of a batch", "a number from 2 to 64", |text| number(text, 2, 64), shown),
    key!(
        seed,
        "what all chance is drawn from",
        "a whole number",
        |text: &str| text.parse().ok(),
        |seed: u64| seed.to_string()
    ),
];

impl Load {
    /// Reads `KEY=VALUE,…`; what is left out is as in [`Load::default`].
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let (mut load, mut known) = (Self::default(), BTreeSet::new());
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| LoadError::Malformed { text: pair.to_owned() })?;
            let key = key.trim();
            if !known.insert(key) {
                return Err(LoadError::Twice { text: key.to_owned() });
            }
            load.set(key, value.trim())?;
        }
        Ok(load)
    }

    /// Changes one setting.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), LoadError> {
        let Some(known) = KEYS.iter().find(|known| known.name == key) else {
            let near = nearest(key, KEYS.iter().map(|known| known.name));
            let near = near.and_then(|near| KEYS.iter().map(|known| known.name).find(|name| *name == near));
            return Err(LoadError::Unknown { key: key.to_owned(), near });
        };
        (known.set)(self, value).ok_or_else(|| LoadError::Value {
            key: known.name,
            value: value.to_owned(),
            expected: known.expected,
        })
    }

    /// Returns every setting with its value, as they can be read again.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, String)> + use<'_> {
        KEYS.iter().map(|key| (key.name, (key.show)(self)))
    }

    /// Returns, for each setting, its name with the default, what it sets, and what it takes.
    pub fn described() -> impl Iterator<Item = (String, &'static str, &'static str)> {
        let load = Self::default();
        KEYS.iter().map(move |key| (format!("{}={}", key.name, (key.show)(&load)), key.about, key.expected))
    }

    /// Returns how many changes come, measured or not.
    pub fn total(&self) -> u32 {
        self.warm_up.saturating_add(self.changes)
    }

    /// Returns this workload with what an oracle knows: no window, no flakes, and nothing asked twice.
    pub(super) fn known(&self) -> Self {
        let mut known = self.clone();
        (known.window, known.confirm, known.speculation) = (0, Confirm::Off, Speculation::Linear);
        known
    }
}

impl Serialize for Load {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.settings())
    }
}

fn number(text: &str, least: u32, most: u32) -> Option<u32> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

fn rate(text: &str) -> Option<f64> {
    let number: f64 = text.strip_suffix("/h").unwrap_or(text).parse().ok()?;
    (number > 0.0 && number <= 1e6).then_some(number)
}

fn share(text: &str) -> Option<f64> {
    let share: f64 = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (0.0..=1.0).contains(&share).then_some(share)
}

fn time(text: &str, least_s: u64) -> Option<Duration> {
    let time = from_words(text)?;
    (Duration::from_secs(least_s)..=Duration::from_hours(24)).contains(&time).then_some(time)
}

fn confirm(text: &str) -> Option<Confirm> {
    [Confirm::Off, Confirm::Auto, Confirm::Always].into_iter().find(|confirm| confirm_word(*confirm) == text)
}

fn confirm_word(confirm: Confirm) -> String {
    match confirm {
        Confirm::Off => "off",
        Confirm::Auto => "auto",
        Confirm::Always => "always",
    }
    .to_owned()
}

fn speculation(text: &str) -> Option<Speculation> {
    let all = [Speculation::Linear, Speculation::Batch, Speculation::Predicted];
    all.into_iter().find(|speculation| speculation_word(*speculation) == text)
}

fn speculation_word(speculation: Speculation) -> String {
    match speculation {
        Speculation::Linear => "linear",
        Speculation::Batch => "batch",
        Speculation::Predicted => "predicted",
    }
    .to_owned()
}

fn shown(number: u32) -> String {
    number.to_string()
}

/// Writes a share with as many digits as it has.
fn percent(share: f64) -> String {
    let text = format!("{:.6}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let text = "drivers=3,rate=12.5/h,flake=0.5%,duration=1m30s,confirm=off,speculation=batch,seed=7";
        let load = Load::parse(text).unwrap();
        assert_eq!((load.drivers, load.flake, load.confirm), (3, 0.005, Confirm::Off));
        let settings: Vec<String> = load.settings().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(Load::parse(&settings.join(",")), Ok(load));
    }

    #[test]
    fn what_cannot_be_says_what_could() {
        let told =
            ["flakes=2%", "zebra=1", "drivers", "flake=200%", "confirm=maybe", "bad=1%,bad=2%"].map(|text| {
                let error = Load::parse(text).unwrap_err();
                format!("{error}; {}", error.hint().chars().take(60).collect::<String>().trim_end())
            });
        insta::assert_snapshot!(told.join("\n"), @"
        a synthetic workload has no `flakes`; did you mean `flake`?
        a synthetic workload has no `zebra`; there are drivers, jobs, changes, warm_up, rate, common, dur
        `drivers` is not a setting: expected `KEY=VALUE`; for example drivers=40,rate=500/h,flake=2%
        `flake` cannot be `200%`: expected a share, such as `2%`; for example flake=2%
        `confirm` cannot be `maybe`: expected `off`, `auto` or `always`; for example confirm=auto
        `bad` is set twice; leave one of them out
        ");
    }
}
