//! What a failure looks like, so that "fails the same way" is a comparison.
//!
//! The most telling kind of line that a log has makes the signature: compiler errors with their codes, else names of
//! failed tests, else lines that say `error`, else the last lines. What differs from run to run (numbers, addresses,
//! times, temporary paths, colours) is taken out; order does not count, since tests run in parallel.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::build::Signature;

/// Most lines in a signature.
pub const MAX_LINES: usize = 20;

/// Longest line, in characters.
const MAX_LINE: usize = 200;

/// How many of the last lines speak for a log that says nothing better.
const LAST_LINES: usize = 5;

/// Only the end of a log is read: at most this many bytes.
const MAX_LOG_BYTES: usize = 1024 * 1024;

/// Returns the signature of a failed step from the end of its log.
pub fn signature_of(log: &str) -> Signature {
    let start = log.len().saturating_sub(MAX_LOG_BYTES);
    let start = (start..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(0);
    let plain = without_escapes(&log[start..]);
    let lines: Vec<&str> = plain.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let telling = [compiler_errors, failed_tests, error_lines, last_lines]
        .into_iter()
        .map(|kind: fn(&[&str]) -> BTreeSet<String>| kind(&lines))
        .find(|found| !found.is_empty())
        .unwrap_or_default();
    // All of them: what has more failures than are shown has not failed in the same way.
    let digest = digest(&telling);
    Signature { digest, lines: telling.into_iter().take(MAX_LINES).collect() }
}

fn digest(lines: &BTreeSet<String>) -> String {
    let mut hasher = Sha256::new();
    for line in lines {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all text");
        text
    })
}

/// `error[E0599]: no method …`, with the file that the next lines point at.
fn compiler_errors(lines: &[&str]) -> BTreeSet<String> {
    let coded = |line: &&str| line.trim_start().starts_with("error[");
    let at = |rest: &[&str]| {
        let place = rest.iter().take(2).find_map(|line| line.trim_start().strip_prefix("--> "))?;
        place.split(':').next().map(|file| format!(" in {file}"))
    };
    let mut found = BTreeSet::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| coded(line)) {
        let place = at(&lines[index + 1..]).unwrap_or_default();
        found.insert(format!("{}{place}", normalised(line)));
    }
    found
}

/// `test name ... FAILED`, as cargo's harness and those that follow it print it.
fn failed_tests(lines: &[&str]) -> BTreeSet<String> {
    lines
        .iter()
        .filter_map(|line| line.trim().strip_prefix("test ")?.strip_suffix(" ... FAILED"))
        .map(|name| format!("test {} failed", name.trim_end_matches(" - should panic")))
        .collect()
}

fn error_lines(lines: &[&str]) -> BTreeSet<String> {
    let says_error = |line: &&&str| {
        let text = line.trim_start().to_ascii_lowercase();
        text.starts_with("error:") || text.starts_with("fatal:") || text.contains(" error: ")
    };
    // What a build tool says last only counts the errors it had.
    let counts = |line: &&&str| line.contains("could not compile") || line.contains("previous error");
    let errors: Vec<_> = lines.iter().filter(says_error).collect();
    let telling: BTreeSet<_> =
        errors.iter().filter(|line| !counts(line)).map(|line| normalised(line)).collect();
    if telling.is_empty() { errors.into_iter().map(|line| normalised(line)).collect() } else { telling }
}

fn last_lines(lines: &[&str]) -> BTreeSet<String> {
    lines.iter().rev().take(LAST_LINES).map(|line| normalised(line)).collect()
}

/// Takes out of a line what differs from run to run.
fn normalised(line: &str) -> String {
    let words = line.split_whitespace().map(normalised_word);
    let joined = words.collect::<Vec<_>>().join(" ");
    joined.chars().take(MAX_LINE).collect()
}

fn normalised_word(word: &str) -> String {
    if word.contains("/tmp/") || word.contains("/build/") {
        let kept = word.rsplit('/').next().unwrap_or_default();
        return format!("…/{}", without_numbers(kept));
    }
    // A code such as E0599 names the failure.
    if word.starts_with("error[") { word.to_owned() } else { without_numbers(word) }
}

/// Replaces each run of digits, and each long run of hexadecimal digits, by `#`.
fn without_numbers(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let hex = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let long_hex = hex >= 7 && rest[..hex].contains(|c: char| c.is_ascii_digit());
        let run = if long_hex { hex } else { digits };
        if run > 0 {
            text.push('#');
            rest = &rest[run..];
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    text
}

/// Takes terminal control sequences (ECMA-48) out of a text.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            chars.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_error_is_its_code_message_and_file() {
        let log = "   Compiling x v0.1.0 (/build/src/x)\n\u{1b}[1m\u{1b}[31merror[E0599]\u{1b}[0m: no method named `memory_mb` found\n  --> src/lib.rs:12:5\n   |\nerror: could not compile `x` (lib) due to 1 previous error\n";
        assert_eq!(
            signature_of(log).lines,
            ["error[E0599]: no method named `memory_mb` found in src/lib.rs"]
        );
    }

    #[test]
    fn failed_tests_count_whatever_their_order() {
        let one = "test a::b ... FAILED\ntest c ... ok\ntest d ... FAILED\nthread panicked at 0x7ffe12345678\nfinished in 0.31s";
        let two = "test d ... FAILED\ntest c ... ok\ntest a::b ... FAILED\nfinished in 4.02s";
        assert_eq!(signature_of(one), signature_of(two));
        assert_eq!(signature_of(one).lines, ["test a::b failed", "test d failed"]);
    }

    #[test]
    fn without_anything_better_the_last_lines_speak() {
        let lines: Vec<_> =
            (0..10).map(|n| format!("line {n} took {n}.5 ms in /tmp/build-{n}/out")).collect();
        let log = lines.join("\n");
        assert_eq!(signature_of(&log).lines, ["line # took #.# ms in …/out"]);
        assert_eq!(signature_of(&log), signature_of(&log.replace("took 9", "took 123")));
    }

    #[test]
    fn what_only_counts_errors_speaks_when_nothing_else_does() {
        assert_eq!(
            signature_of(
                "error: linker `cc` not found\nerror: could not compile `x` due to 1 previous error"
            )
            .lines,
            ["error: linker `cc` not found"]
        );
        assert_eq!(signature_of("error: could not compile `x`").lines, ["error: could not compile `x`"]);
    }

    #[test]
    fn failures_that_are_not_shown_count_too() {
        let failing = |count: u32| {
            (0..count).map(|n| format!("test t{n:02} ... FAILED\n")).collect::<Vec<_>>().concat()
        };
        let (before, now) = (signature_of(&failing(20)), signature_of(&failing(21)));
        assert_eq!(before.lines, now.lines);
        assert_ne!(before.digest, now.digest);
    }

    #[test]
    fn different_failures_differ_and_an_empty_log_has_a_signature() {
        assert_ne!(signature_of("test a ... FAILED").digest, signature_of("test b ... FAILED").digest);
        assert_eq!(signature_of("").lines, Vec::<String>::new());
        assert_eq!(signature_of("").digest.len(), 16);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_bounded_signature(log in "\\PC{0,400}") {
            let signature = signature_of(&log);
            proptest::prop_assert!(signature.lines.len() <= MAX_LINES);
            proptest::prop_assert!(signature.lines.iter().all(|line| line.chars().count() <= MAX_LINE + 100));
        }
    }
}
