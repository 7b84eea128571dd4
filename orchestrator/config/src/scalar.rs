//! The short forms of values: names, durations, shares, days and patterns.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crossgate_core::glob::Globs;
use crossgate_core::ids::{BranchName, ChangeId, DriverName, JobName, RepoName, SemaphoreName, SharedCache};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::field::{Field, Map};
use crate::reader;

/// Longest duration, in seconds: a year.
const MAX_SECONDS: u64 = 365 * 24 * 60 * 60;

/// A name of the core, read by its own door.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Id<T>(pub(crate) T);

/// What a name looks like, for editors.
pub(crate) trait Shape {
    const TITLE: &'static str;
    const PATTERN: &'static str;
}

const NAME: &str = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$";

impl Shape for RepoName {
    const TITLE: &'static str = "RepoName";
    const PATTERN: &'static str = NAME;
}

impl Shape for DriverName {
    const TITLE: &'static str = "DriverName";
    const PATTERN: &'static str = NAME;
}

impl Shape for SemaphoreName {
    const TITLE: &'static str = "SemaphoreName";
    const PATTERN: &'static str = NAME;
}

impl Shape for SharedCache {
    const TITLE: &'static str = "SharedCache";
    const PATTERN: &'static str = NAME;
}

impl Shape for JobName {
    const TITLE: &'static str = "JobName";
    const PATTERN: &'static str = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(\[[^\]\s]+\])?$";
}

impl Shape for BranchName {
    const TITLE: &'static str = "BranchName";
    const PATTERN: &'static str = r"^[^-/.\s~^:?*\[\\][^\s~^:?*\[\\]{0,249}$";
}

impl Shape for ChangeId {
    const TITLE: &'static str = "ChangeName";
    const PATTERN: &'static str = r"^\S{1,400}$";
}

/// A duration such as `90s`, `90m`, `24h` or `7d`; at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return None,
        };
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let total = digits.then(|| number.parse::<u64>().ok()).flatten()?.checked_mul(seconds)?;
        (1..=MAX_SECONDS).contains(&total).then(|| Self(Duration::from_secs(total)))
    }
}

/// A time since the start of a scenario, or a duration in one, such as `0s`, `90m` or `1h30m`; at most a year.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) Duration);

/// Units and their seconds, the largest first.
const UNITS: [(char, u64); 4] = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

impl Moment {
    fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut total) = (text, 0_u64);
        for (unit, seconds) in UNITS {
            let Some((number, after)) = rest.split_once(unit) else { continue };
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(seconds)?)?;
            rest = after;
        }
        let whole = rest.is_empty() && !text.is_empty() && total <= MAX_SECONDS;
        whole.then(|| Self(Duration::from_secs(total)))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_secs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, seconds) in UNITS {
            if rest >= seconds {
                write!(f, "{}{unit}", rest / seconds)?;
            }
            rest %= seconds;
        }
        Ok(())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A share such as `5%` or `0.5%`, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share(pub(crate) u32);

impl Share {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = {
            let number = text.strip_suffix('%')?;
            number.split_once('.').unwrap_or((number, "0"))
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 4 {
            return None;
        }
        let ppm = whole.parse::<u32>().ok()?.checked_mul(10_000)?;
        let ppm = ppm.checked_add(format!("{fraction:0<4}").parse().ok()?)?;
        (ppm <= 1_000_000).then_some(Self(ppm))
    }
}

/// A day such as `2027-06-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) jiff::civil::Date);

/// A pattern over paths of a repo: `*` stays in one part of a path, `**` crosses parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(pub(crate) String);

/// A job that must come first: its name, or `soft:` and its name if it is only waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NeedText {
    pub(crate) job: JobName,
    pub(crate) soft: bool,
}

macro_rules! from_text {
    ($name:ident, $parse:expr, $expected:literal, $schema:tt) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let parse: fn(&str) -> Option<Self> = $parse;
                parse(&text).ok_or_else(|| {
                    D::Error::custom(format!(
                        concat!("expected ", $expected, ", found `{}`"),
                        text.escape_debug()
                    ))
                })
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

from_text!(Span, Self::parse, "a duration such as `90s`, `90m`, `24h` or `7d`, at most `365d`", {
    "type": "string",
    "description": "A number and a unit: `s`, `m`, `h` or `d`.",
    "pattern": "^[0-9]+[smhd]$",
    "examples": ["90s", "30m", "24h", "7d"]
});

from_text!(Moment, Self::parse, "a time such as `0s`, `90m` or `1h30m`, at most `365d`", {
    "type": "string",
    "description": "Numbers with units, the largest first: `d`, `h`, `m`, `s`.",
    "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$",
    "minLength": 2,
    "examples": ["0s", "90m", "1h30m"]
});

from_text!(Share, Self::parse, "a share such as `5%` or `0.5%`, at most `100%`", {
    "type": "string",
    "description": "A share of all, in percent.",
    "pattern": r"^[0-9]{1,3}(\.[0-9]{1,4})?%$",
    "examples": ["5%", "0.5%"]
});

from_text!(
    Day,
    |text| text.parse().ok().filter(|day: &jiff::civil::Date| day.to_string() == text).map(Self),
    "a day such as `2027-06-30`",
    {
        "type": "string",
        "description": "A day: year, month, day. It is included.",
        "format": "date",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        "examples": ["2027-06-30"]
    }
);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Globs::parse(&[&text]).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Matches paths of the repo: `*` stays in one part of a path, `**` crosses parts.",
            "minLength": 1,
            "examples": ["docs/**", "*.md"]
        })
    }
}

impl<'de> Deserialize<'de> for NeedText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (prefix, name) = reader::prefixed(deserializer)?;
        if let Some(other) = prefix.as_deref().filter(|prefix| *prefix != "soft") {
            return Err(D::Error::custom(format!("expected a job, or `soft:` and a job, found `{other}:`")));
        }
        let job = JobName::parse(&name).map_err(D::Error::custom)?;
        Ok(Self { job, soft: prefix.is_some() })
    }
}

impl JsonSchema for NeedText {
    fn schema_name() -> Cow<'static, str> {
        "Need".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let job = generator.subschema_for::<Id<JobName>>();
        json_schema!({
            "description": "A job that must come first and pass; with `soft:` before its name it need only have ended.",
            "anyOf": [
                job,
                { "type": "string", "pattern": "^soft:" },
                { "type": "object", "properties": { "soft": job }, "required": ["soft"], "additionalProperties": false }
            ],
            "examples": ["driver-unit", "soft:driver-lint"]
        })
    }
}

impl<T: Shape> JsonSchema for Id<T> {
    fn schema_name() -> Cow<'static, str> {
        T::TITLE.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": T::PATTERN })
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<K: JsonSchema, V: JsonSchema> JsonSchema for Map<K, V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("MapOf{}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (key, value) = (generator.subschema_for::<K>(), generator.subschema_for::<V>());
        json_schema!({ "type": "object", "propertyNames": key, "additionalProperties": value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_unit_and_an_end() {
        for (text, seconds) in
            [("90s", 90), ("90m", 5_400), ("24h", 86_400), ("7d", 604_800), ("365d", MAX_SECONDS)]
        {
            assert_eq!(Span::parse(text), Some(Span(Duration::from_secs(seconds))), "{text}");
        }
        for bad in ["", "s", "0s", "-1s", "+1s", "1.5h", "90", "1w", "366d", "99999999999999999999s", "1ü"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_have_several_units_and_may_be_zero() {
        for (text, seconds, shown) in [
            ("0s", 0, "0s"),
            ("90m", 5_400, "1h30m"),
            ("1h30m", 5_400, "1h30m"),
            ("1d1s", 86_401, "1d1s"),
            ("365d", MAX_SECONDS, "365d"),
        ] {
            let moment = Moment::parse(text).unwrap();
            assert_eq!((moment.0.as_secs(), moment.to_string().as_str()), (seconds, shown), "{text}");
        }
        for bad in [
            "",
            "s",
            "0",
            "-1s",
            "+1s",
            "1.5h",
            "1m1h",
            "1m1m",
            "365d1s",
            "1w",
            "1h ",
            "99999999999999999999s",
        ] {
            assert_eq!(Moment::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn shares_are_exact_in_parts_per_million() {
        for (text, ppm) in [("5%", 50_000), ("0.5%", 5_000), ("0.0001%", 1), ("100%", 1_000_000), ("0%", 0)] {
            assert_eq!(Share::parse(text), Some(Share(ppm)), "{text}");
        }
        for bad in ["5", "%", "101%", "100.0001%", "-1%", "1.%", ".5%", "0.00001%", "9999999999%"] {
            assert_eq!(Share::parse(bad), None, "{bad}");
        }
    }
}
