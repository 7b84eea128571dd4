//! Changes, and what their text says they depend on.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::ids::{BranchName, ChangeId, CommitId, RepoName, RepoPath};
use crate::suggest::nearest;

/// A proposed set of commits on one repo, at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its id.
    pub id: ChangeId,
    /// The repo it changes.
    pub repo: RepoName,
    /// The branch it is to land on.
    pub branch: BranchName,
    /// The last commit it proposes.
    pub head: CommitId,
    /// Counts its revisions, from 1.
    pub revision: u32,
    /// One line for people.
    pub title: String,
    /// What it touches, both names of what it renames.
    pub paths: Vec<RepoPath>,
    /// Changes that must come before it.
    pub depends_on: Vec<ChangeId>,
}

/// Most dependencies that one change may name.
pub const MAX_DEPENDENCIES: usize = 100;

/// What a `Depends-On:` line points at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// A numbered change on a forge: `repo#12`, or its address.
    Number {
        /// The repo.
        repo: RepoName,
        /// The number.
        number: u64,
    },
    /// A branch of a repo in the workspace: `repo@branch`.
    Branch {
        /// The repo.
        repo: RepoName,
        /// The branch.
        branch: BranchName,
    },
}

impl Reference {
    /// Returns the repo it points into.
    pub fn repo(&self) -> &RepoName {
        match self {
            Self::Number { repo, .. } | Self::Branch { repo, .. } => repo,
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { repo, number } => write!(f, "{repo}#{number}"),
            Self::Branch { repo, branch } => write!(f, "{repo}@{branch}"),
        }
    }
}

/// Why a dependency is not one. A dependency that is passed over in silence would merge broken code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DependencyError {
    /// The line means to name a dependency and does not.
    #[error(
        "`{line}` is not a dependency: expected `Depends-On: REPO#NUMBER`, `Depends-On: REPO@BRANCH` or the change's address"
    )]
    Malformed {
        /// The line, cut to 120 characters.
        line: String,
    },
    /// The repo is not in the workspace.
    #[error("`{line}` names the repo `{repo}`, which is not in the workspace")]
    UnknownRepo {
        /// The line.
        line: String,
        /// The repo it names.
        repo: String,
        /// One that is there and looks alike.
        nearest: Option<String>,
    },
    /// More than [`MAX_DEPENDENCIES`].
    #[error("{count} dependencies: expected at most {MAX_DEPENDENCIES}")]
    TooMany {
        /// How many.
        count: usize,
    },
}

impl DependencyError {
    /// Returns the way out.
    pub fn hint(&self) -> String {
        match self {
            Self::Malformed { .. } => "write one dependency a line: `Depends-On: nova-common#12`".to_owned(),
            Self::UnknownRepo { nearest: Some(name), .. } => format!("did you mean `{name}`?"),
            Self::UnknownRepo { nearest: None, .. } => {
                "`crossgate graph` lists the repos of the workspace".to_owned()
            }
            Self::TooMany { .. } => {
                "split the change, or let changes depend on each other in a chain".to_owned()
            }
        }
    }
}

/// Reads the dependencies that a change's text names, each once, in the order of the text.
///
/// # Errors
/// Every line that means to name a dependency and does not, so that all can be mended at once.
pub fn dependencies<V>(
    text: &str,
    repos: &BTreeMap<RepoName, V>,
) -> Result<Vec<Reference>, Vec<DependencyError>> {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        let Some(value) = stated(line) else { continue };
        match reference(value, line, repos) {
            Ok(reference) if found.contains(&reference) => {}
            Ok(reference) => found.push(reference),
            Err(error) => errors.push(error),
        }
    }
    if found.len() > MAX_DEPENDENCIES {
        errors.push(DependencyError::TooMany { count: found.len() });
    }
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// Returns what follows `Depends-On:`, and nothing of a line that only means to say it (`Depends on core#1`, `> Depends-On:`,
/// `DependsUpon:`), so that such a line is refused and not passed over; a sentence that begins with "depends on" is neither.
fn stated(line: &str) -> Option<&str> {
    if line.get(..11).is_some_and(|head| head.eq_ignore_ascii_case("depends-on:")) {
        return Some(line[11..].trim());
    }
    let value = behind_near_miss(line)?.trim_start_matches(':').trim();
    let one_word = !value.is_empty() && !value.contains(char::is_whitespace);
    (one_word && value.contains(['#', '@', '/']) && !value.ends_with('.')).then_some("")
}

/// Returns what comes behind a word that means `Depends-On`, however it is written.
fn behind_near_miss(line: &str) -> Option<&str> {
    let plain = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let mut word = String::new();
    for (at, c) in plain.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => word.push(c.to_ascii_lowercase()),
            '-' | '_' | ' ' => {}
            _ => return None,
        }
        let rest = &plain[at + 1..];
        let ends = !rest.starts_with(|next: char| next.is_alphanumeric());
        if ends && matches!(word.as_str(), "dependson" | "dependon" | "dependsupon" | "dependupon") {
            return Some(rest);
        }
    }
    None
}

fn reference<V>(
    value: &str,
    line: &str,
    repos: &BTreeMap<RepoName, V>,
) -> Result<Reference, DependencyError> {
    let line: String = line.chars().take(120).collect();
    let (repo, target) = split(value).ok_or_else(|| DependencyError::Malformed { line: line.clone() })?;
    let Some((known, _)) = repos.get_key_value(repo) else {
        let nearest = nearest(repo, repos.keys().map(RepoName::as_str)).map(str::to_owned);
        return Err(DependencyError::UnknownRepo { line, repo: repo.to_owned(), nearest });
    };
    match target {
        Target::Number(number) => Ok(Reference::Number { repo: known.clone(), number }),
        Target::Branch(branch) => Ok(Reference::Branch { repo: known.clone(), branch }),
    }
}

enum Target {
    Number(u64),
    Branch(BranchName),
}

fn split(value: &str) -> Option<(&str, Target)> {
    if let Some((_, address)) = value.split_once("://") {
        return split_address(address);
    }
    if let Some((repo, number)) = value.split_once('#') {
        let repo = repo.rsplit('/').next()?;
        return Some((repo, Target::Number(number.parse().ok()?)));
    }
    let (repo, branch) = value.split_once('@')?;
    Some((repo, Target::Branch(BranchName::parse(branch).ok()?)))
}

/// `host/owner/repo/pull/12`, and GitLab's `host/group/repo/-/merge_requests/12`.
fn split_address(address: &str) -> Option<(&str, Target)> {
    let parts: Vec<&str> = address.trim_end_matches('/').split('/').collect();
    let ([_, .., _, repo, "-", "merge_requests", number] | [_, _, repo, "pull", number, ..]) =
        parts.as_slice()
    else {
        return None;
    };
    Some((repo, Target::Number(number.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, Vec<String>> {
        let repos = ["nova-common", "nova-driver-vmware"].map(|name| (RepoName::parse(name).unwrap(), 0));
        dependencies(text, &BTreeMap::from(repos))
            .map(|found| found.iter().map(Reference::to_string).collect())
            .map_err(|errors| errors.iter().map(|error| format!("{error}; {}", error.hint())).collect())
    }

    #[test]
    fn every_form_is_read_once_and_in_order() {
        let text = "Use the new call\n\nDepends-On: nova-driver-vmware@convert/power\ndepends-on: nova-common#12\n\
                    Depends-On: https://github.com/nova-project/nova-common/pull/12/files\n\
                    Depends-On: https://gitlab.example/a/b/nova-driver-vmware/-/merge_requests/3\n\
                    This depends on nothing else.\nDepends on the weather, too.";
        assert_eq!(
            read(text).unwrap(),
            ["nova-driver-vmware@convert/power", "nova-common#12", "nova-driver-vmware#3"]
        );
    }

    #[test]
    fn what_is_meant_but_malformed_is_an_error_with_a_way_out() {
        for text in [
            "Depends-On:",
            "Depends-On: 12",
            "Depends-On nova-common#1",
            "Depends on: nova-common#1",
            "Depends_On: nova-common#1",
            "DependsOn: nova-common#1",
            "Depends-Upon: nova-common#1",
            "> Depends-On: nova-common#1",
            "- depends on nova-common#1",
            "Depends-on nova-common@x",
            "Depends-On: nova-common#x",
            "Depends-On: https://example.org/x",
            "Depends-On: nova-common@a..b",
        ] {
            assert!(read(text).unwrap_err()[0].contains("is not a dependency"), "{text}");
        }
        insta::assert_snapshot!(read("Depends-On: nova-comon#1").unwrap_err()[0], @"`Depends-On: nova-comon#1` names the repo `nova-comon`, which is not in the workspace; did you mean `nova-common`?");
    }

    #[test]
    fn all_errors_come_at_once_and_the_number_is_bounded() {
        assert_eq!(read("Depends-On: x\nDepends-On: zzz#1").unwrap_err().len(), 2);
        let many: String = (0..=MAX_DEPENDENCIES)
            .fold(String::new(), |text, n| text + &format!("Depends-On: nova-common#{n}\n"));
        assert!(read(&many).unwrap_err()[0].starts_with("101 dependencies"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s).{0,60}(Depends-On: ?[\\PC]{0,30}\n?){0,3}") {
            drop(read(&text));
        }
    }
}
