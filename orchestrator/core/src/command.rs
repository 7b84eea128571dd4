//! What people ask for in a comment: a line that starts with a slash and a known word.

use std::time::Duration;

use crate::ids::{DriverName, JobName};
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
        /// For how long; `None`: as long as waivers hold that do not say.
        term: Option<Duration>,
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
    const EXPECTED: &str = "expected `/waive DRIVER[/JOB] [for 7d] REASON`";
    let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (driver, job) = name.split_once('/').map_or((name, None), |(driver, job)| (driver, Some(job)));
    let wrong = |error: crate::ids::IdError| format!("{error}; {EXPECTED}");
    let driver = DriverName::parse(driver).map_err(wrong)?;
    let job = job.map(JobName::parse).transpose().map_err(wrong)?;
    let (term, reason) =
        match rest.trim().strip_prefix("for ") {
            Some(rest) => {
                let (term, reason) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
                (
                    Some(days(term).ok_or_else(|| {
                        format!("`{term}` is not a number of days, at most 90d; {EXPECTED}")
                    })?),
                    reason,
                )
            }
            None => (None, rest),
        };
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(format!("a waiver says why; {EXPECTED}"));
    }
    Ok(Command::Waive { driver, job, term, reason: reason.to_owned() })
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
    fn a_waiver_names_a_driver_and_a_reason() {
        insta::assert_snapshot!(read("/waive vmware/lab for 3d the rig is on fire"), @r#"Waive { driver: "vmware", job: Some("lab"), term: Some(259200s), reason: "the rig is on fire" }"#);
        insta::assert_snapshot!(read("/waive vmware the rig is on fire"), @r#"Waive { driver: "vmware", job: None, term: None, reason: "the rig is on fire" }"#);
        insta::assert_snapshot!(read("/waive vmware"), @"a waiver says why; expected `/waive DRIVER[/JOB] [for 7d] REASON`");
        insta::assert_snapshot!(read("/waive vmware for 900d x"), @"`900d` is not a number of days, at most 90d; expected `/waive DRIVER[/JOB] [for 7d] REASON`");
    }
}
