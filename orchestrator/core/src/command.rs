//! What people ask for in a comment: a line that starts with a slash and a known word.

use std::time::Duration;

use crate::ids::{DriverName, JobName, Timestamp};
use crate::suggest::nearest;

/// Something that a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Check the change again.
    Check,
    /// The change is to land.
    Approve,
    /// It is not to land after all.
    Unapprove,
    /// Pass over what a driver says of the change.
    Waive {
        /// Which driver.
        driver: DriverName,
        /// Which of its jobs; `None`: all.
        job: Option<JobName>,
        /// Until when; `None`: as long as waivers hold that do not say.
        until: Option<Until>,
        /// Why.
        reason: String,
    },
    /// Move the change to the front of its queue.
    Promote,
    /// Take the change out of its queue.
    Dequeue,
    /// Do not let the change land.
    Hold,
    /// Let it land again.
    Resume,
}

/// When a waiver ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// So long after it was given.
    After(Duration),
    /// At the end of this day, in UTC.
    Day(jiff::civil::Date),
}

/// The words of the commands.
const WORDS: [&str; 8] = ["check", "approve", "unapprove", "waive", "promote", "dequeue", "hold", "resume"];

/// Longest term of a waiver: 90 days.
const MAX_TERM: Duration = Duration::from_hours(90 * 24);

/// Most lines of a comment that are looked at.
const MAX_LINES: usize = 200;

/// Reads the commands of a comment; a line that means to be one and is not comes back as what is wrong with it.
pub fn commands(text: &str) -> Vec<Result<Command, String>> {
    text.lines().take(MAX_LINES).filter_map(|line| command(line.trim_end())).collect()
}

fn command(line: &str) -> Option<Result<Command, String>> {
    let rest = line.strip_prefix('/')?;
    let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some(match word {
        "check" => Ok(Command::Check),
        "approve" => Ok(Command::Approve),
        "unapprove" => Ok(Command::Unapprove),
        "waive" => waive(rest.trim()),
        "promote" => Ok(Command::Promote),
        "dequeue" => Ok(Command::Dequeue),
        "hold" => Ok(Command::Hold),
        "resume" => Ok(Command::Resume),
        // A path or somebody else's command is none of ours; a slip of the finger is.
        other => Err(format!("`/{other}` is not a command: did you mean `/{}`?", nearest(other, WORDS)?)),
    })
}

fn waive(rest: &str) -> Result<Command, String> {
    const EXPECTED: &str = "expected `/waive DRIVER[/JOB] [for 7d | until 2026-12-31] REASON`";
    let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (driver, job) = name.split_once('/').map_or((name, None), |(driver, job)| (driver, Some(job)));
    let wrong = |error: crate::ids::IdError| format!("{error}; {EXPECTED}");
    let driver = DriverName::parse(driver).map_err(wrong)?;
    let job = job.map(JobName::parse).transpose().map_err(wrong)?;
    let (word, tail) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let (value, more) = tail.trim().split_once(char::is_whitespace).unwrap_or((tail.trim(), ""));
    let (until, reason) = match word {
        "for" => {
            let wrong = || format!("`{value}` is not a number of days, at most 90d; {EXPECTED}");
            (Some(Until::After(days(value).ok_or_else(wrong)?)), more)
        }
        "until" => {
            let wrong = |error: jiff::Error| format!("`{value}` is not a day ({error}); {EXPECTED}");
            (Some(Until::Day(value.parse().map_err(wrong)?)), more)
        }
        _ => (None, rest),
    };
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(format!("a waiver says why; {EXPECTED}"));
    }
    Ok(Command::Waive { driver, job, until, reason: reason.to_owned() })
}

/// Reads `7d` or `12h`.
fn days(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let hours = match unit {
        "d" => 24,
        "h" => 1,
        _ => return None,
    };
    let number: u64 = number.parse().ok().filter(|number| (1..=10_000).contains(number))?;
    Some(Duration::from_hours(number * hours)).filter(|term| *term <= MAX_TERM)
}

impl Until {
    /// Returns the moment at which a waiver ends that is given at another one.
    ///
    /// # Errors
    /// Says what is wrong if it is over, or too far away.
    pub fn moment(self, given: Timestamp) -> Result<Timestamp, String> {
        let (day, until) = match self {
            Self::After(term) => return Ok(given.after(term)),
            Self::Day(day) => (day, day.tomorrow().and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC))),
        };
        let ms = until.map_or(0, |until| until.timestamp().as_millisecond());
        let until = Timestamp::from_millis(u64::try_from(ms).unwrap_or(0));
        if until <= given {
            return Err(format!("{day} is over: a waiver ends on a day to come"));
        }
        if until.since(given) > MAX_TERM + Duration::from_hours(24) {
            return Err(format!("{day} is too far away: a waiver holds for at most 90 days"));
        }
        Ok(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let lines = commands(text).into_iter().map(|command| match command {
            Ok(command) => format!("{command:?}"),
            Err(error) => error,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn commands_stand_at_the_start_of_a_line() {
        insta::assert_snapshot!(read("please\n/check\n> /approve\n/etc/passwd\n /hold"), @"Check");
        insta::assert_snapshot!(read("/aprove"), @"`/aprove` is not a command: did you mean `/approve`?");
    }

    #[test]
    fn a_waiver_that_ends_on_a_day_ends_with_it() {
        let given = Timestamp::from_millis(1_767_225_600_000);
        let moment = |day: &str| Until::Day(day.parse().unwrap()).moment(given).map(Timestamp::as_millis);
        assert_eq!(moment("2026-01-01"), Ok(1_767_225_600_000 + 86_400_000));
        assert_eq!(
            moment("2025-12-31"),
            Err("2025-12-31 is over: a waiver ends on a day to come".to_owned())
        );
        assert!(moment("2027-01-01").is_err() && moment("9999-12-31").is_err());
        insta::assert_snapshot!(read("/waive vmware until 2026-02-01 no power"), @r#"Waive { driver: "vmware", job: None, until: Some(Day(2026-02-01)), reason: "no power" }"#);
        insta::assert_snapshot!(read("/waive vmware until Friday"), @"`Friday` is not a day (failed to parse four digit integer as year: invalid digit, expected 0-9 but got F); expected `/waive DRIVER[/JOB] [for 7d | until 2026-12-31] REASON`");
    }

    #[test]
    fn a_waiver_names_a_driver_and_a_reason() {
        insta::assert_snapshot!(read("/waive vmware/lab for 3d the rig is on fire"), @r#"Waive { driver: "vmware", job: Some("lab"), until: Some(After(259200s)), reason: "the rig is on fire" }"#);
        insta::assert_snapshot!(read("/waive vmware the rig is on fire"), @r#"Waive { driver: "vmware", job: None, until: None, reason: "the rig is on fire" }"#);
        insta::assert_snapshot!(read("/waive vmware"), @"a waiver says why; expected `/waive DRIVER[/JOB] [for 7d | until 2026-12-31] REASON`");
        insta::assert_snapshot!(read("/waive vmware for 900d x"), @"`900d` is not a number of days, at most 90d; expected `/waive DRIVER[/JOB] [for 7d | until 2026-12-31] REASON`");
    }
}
