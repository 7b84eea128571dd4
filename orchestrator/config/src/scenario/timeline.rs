//! What happens: each event has the keys that it needs, no others, and a time that is not before the last.

use std::collections::BTreeMap;

use crossgate_core::ids::ChangeId;
use crossgate_core::scenario::{Event, Happening, ScenarioChange, Scope};

use super::raw::{self, Do, Occurrence};
use super::resolve::{Resolver, paths};
use crate::code::Code;
use crate::content::Place;
use crate::field::{Field, List, Located};
use crate::merge::items;
use crate::problems::quoted;
use crate::scalar::Moment;

type Changes = BTreeMap<ChangeId, ScenarioChange>;

/// Makes the events, in order.
pub(super) fn events(
    resolver: Resolver<'_>,
    timeline: Field<List<raw::Event>>,
    changes: &Changes,
) -> Vec<Event> {
    let mut now = Located { value: Moment::default(), at: Place::whole(0) };
    let mut events = Vec::new();
    for Located { value: event, at } in items(timeline) {
        let (given, occurrence) = match event {
            raw::Event::Text(moment) => (Some(Located { value: moment, at }), Box::default()),
            raw::Event::Map(mut occurrence) => (std::mem::take(&mut occurrence.at).given(), occurrence),
        };
        let timed = given.is_some();
        if let Some(given) = given {
            if given.value < now.value {
                resolver
                    .problems
                    .error(Code::InvalidValue, given.at, format!("{} is before {}", given.value, now.value))
                    .related(now.at, "the time before")
                    .hint("events stand in order: move it up, or leave `at` out".to_owned());
            }
            now = Located { value: given.value.max(now.value), at: given.at };
        }
        events.extend(happened(resolver, *occurrence, at, timed, changes).map(|(by, what)| Event {
            at: now.value.0,
            by,
            what,
        }));
    }
    events
}

/// Returns who does what; `timed` says whether a time is given, which may stand alone.
fn happened(
    resolver: Resolver<'_>,
    mut occurrence: Occurrence,
    at: Place,
    timed: bool,
    changes: &Changes,
) -> Option<(Option<String>, Happening)> {
    let by = std::mem::take(&mut occurrence.by).value();
    let word = match std::mem::take(&mut occurrence.r#do) {
        Field::Given(word) => word.value,
        Field::Bad => return None,
        Field::Absent if timed && keys(&occurrence).iter().all(|(_, place)| place.is_none()) => Do::Wait,
        Field::Absent => {
            let found = resolver.problems.error(Code::MissingKey, at, "the key `do` is missing");
            found.hint("say what happens, such as `do: approve`".to_owned());
            return None;
        }
    };
    check_keys(resolver, word, &occurrence, at);
    Some((by, what(resolver, word, occurrence, changes)?))
}

/// Returns the keys that say more of what happens, each with the place of its value if it is given.
fn keys(occurrence: &Occurrence) -> [(&'static str, Option<Place>); 7] {
    /// Returns where a value stands; one that could not be read is there too, but was told of already.
    fn place<T>(field: &Field<T>) -> Option<Place> {
        match field {
            Field::Given(given) => Some(given.at),
            Field::Bad => Some(Place::whole(0)),
            Field::Absent => None,
        }
    }
    [
        ("change", place(&occurrence.change)),
        ("depends_on", place(&occurrence.depends_on)),
        ("text", place(&occurrence.text)),
        ("files", place(&occurrence.files)),
        ("repo", place(&occurrence.repo)),
        ("branch", place(&occurrence.branch)),
        ("workspace", place(&occurrence.workspace)),
    ]
}

impl Do {
    /// Returns the word, the keys that it needs, and those that it may have beside them.
    fn grammar(self) -> (&'static str, &'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Open => ("open", &["change"], &[]),
            Self::Approve => ("approve", &["change"], &[]),
            Self::Unapprove => ("unapprove", &["change"], &[]),
            Self::Push => ("push", &["change"], &["files"]),
            Self::Close => ("close", &["change"], &[]),
            Self::Reopen => ("reopen", &["change"], &[]),
            Self::Edit => ("edit", &["change", "depends_on"], &[]),
            Self::Comment => ("comment", &["change", "text"], &[]),
            Self::Promote => ("promote", &["change"], &[]),
            Self::Dequeue => ("dequeue", &["change"], &[]),
            Self::Hold => ("hold", &[], &["change", "repo"]),
            Self::Resume => ("resume", &[], &["change", "repo"]),
            Self::Tip => ("tip", &[], &["repo", "branch", "change"]),
            Self::Configure => ("configure", &["workspace"], &[]),
            Self::Restart => ("restart", &[], &[]),
            Self::Wait => ("wait", &[], &[]),
        }
    }
}

fn check_keys(resolver: Resolver<'_>, word: Do, occurrence: &Occurrence, at: Place) {
    let (word, needed, allowed) = word.grammar();
    for (key, place) in keys(occurrence) {
        let takes = needed.contains(&key) || allowed.contains(&key);
        match place {
            None if needed.contains(&key) => {
                let found =
                    resolver.problems.error(Code::MissingKey, at, format!("`{word}` needs the key `{key}`"));
                found.hint(format!("add `{key}: …`"));
            }
            Some(place) if !takes && place.line > 0 => {
                let known = [needed, allowed].concat();
                let hint = if known.is_empty() {
                    format!("remove it: `{word}` takes only `at` and `by`")
                } else {
                    format!("remove it: `{word}` takes {}", quoted(&known))
                };
                let message = format!("`{word}` does not take the key `{key}`");
                resolver.problems.error(Code::UnknownKey, place, message).hint(hint);
            }
            None | Some(_) => {}
        }
    }
    if word == "tip" && occurrence.repo.is_absent() && occurrence.change.is_absent() {
        let found = resolver.problems.error(Code::MissingKey, at, "`tip` needs the key `repo` or `change`");
        found.hint("say to which repo somebody pushes: `repo: …`".to_owned());
    }
}

fn what(resolver: Resolver<'_>, word: Do, occurrence: Occurrence, changes: &Changes) -> Option<Happening> {
    let names = resolver.names;
    Some(match word {
        Do::Open => Happening::Open(names.change(occurrence.change)?),
        Do::Approve => Happening::Approve(names.change(occurrence.change)?),
        Do::Unapprove => Happening::Unapprove(names.change(occurrence.change)?),
        Do::Push => {
            let files = (!occurrence.files.is_absent()).then(|| paths(occurrence.files));
            Happening::Push { change: names.change(occurrence.change)?, files }
        }
        Do::Close => Happening::Close(names.change(occurrence.change)?),
        Do::Reopen => Happening::Reopen(names.change(occurrence.change)?),
        Do::Edit => {
            let depends_on = items(occurrence.depends_on).map(|text| text.value).collect();
            Happening::Edit { change: names.change(occurrence.change)?, depends_on }
        }
        Do::Comment => {
            Happening::Comment { change: names.change(occurrence.change)?, text: occurrence.text.value()? }
        }
        Do::Promote => Happening::Promote(names.change(occurrence.change)?),
        Do::Dequeue => Happening::Dequeue(names.change(occurrence.change)?),
        Do::Hold => Happening::Hold(scope(resolver, occurrence).ok()?),
        Do::Resume => Happening::Resume(scope(resolver, occurrence).ok()?),
        Do::Tip => tip(resolver, occurrence, changes)?,
        Do::Configure => Happening::Configure(resolver.workspaces.of(&occurrence.workspace)?),
        Do::Restart => Happening::Restart,
        Do::Wait => Happening::Wait,
    })
}

/// What is wrong was recorded.
struct Refused;

/// Returns what a hold is about; `None` for everything.
fn scope(resolver: Resolver<'_>, occurrence: Occurrence) -> Result<Option<Scope>, Refused> {
    match (occurrence.change, occurrence.repo) {
        (Field::Absent, Field::Absent) => Ok(None),
        (Field::Absent, Field::Given(repo)) => Ok(Some(Scope::Repo(resolver.names.repo(repo)))),
        (Field::Given(change), Field::Absent) => {
            resolver.names.known_change(change).map(|change| Some(Scope::Change(change))).ok_or(Refused)
        }
        (Field::Given(_), Field::Given(repo)) => {
            let message = "a hold is about a change or a repo's queue, not both".to_owned();
            resolver.invalid(repo.at, message, "make it two events");
            Err(Refused)
        }
        (Field::Bad, _) | (_, Field::Bad) => Err(Refused),
    }
}

fn tip(resolver: Resolver<'_>, occurrence: Occurrence, changes: &Changes) -> Option<Happening> {
    let own_commit = occurrence.change.is_absent();
    let change = resolver.names.change(occurrence.change);
    if change.is_none() && !own_commit {
        return None;
    }
    let of_change = change.as_ref().and_then(|name| changes.get(name));
    let repo = match occurrence.repo.given() {
        None => of_change?.repo.clone(),
        Some(given) => {
            let of_none = changes.values().all(|change| change.repo != given.value.0);
            if let Some(own) = of_change.filter(|own| own.repo != given.value.0) {
                let message = format!("the change is one of repo `{}`", own.repo);
                resolver.invalid(given.at, message, "leave `repo` out");
            }
            if of_none { resolver.names.repo(given) } else { given.value.0 }
        }
    };
    let branch = occurrence.branch.value().map(|branch| branch.0);
    let branch = branch.or_else(|| of_change.and_then(|change| change.branch.clone()));
    Some(Happening::Tip { repo, branch, change })
}
