//! What must come out of a scenario: a part of the outcome, in which every word and name is one that there is.

use crossgate_core::ids::{ChangeId, DriverName, JobName, RepoName};
use schemars::JsonSchema;
use serde::ser::{Serialize, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};
use serde_json::Value;

use super::names::Names;
use super::raw::{Purpose, Said};
use crate::field::{Field, List, Located, Map};
use crate::merge::items;
use crate::scalar::{Id, Moment};

/// Parts of the outcome. A key that is left out is not written, so that it is not compared.
macro_rules! parts {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident, $expecting:literal { $($(#[doc = $key_doc:literal])* $key:ident: $type:ty,)* }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Default, Deserialize, DeriveSerialize, JsonSchema)]
        #[serde(default, deny_unknown_fields, expecting = $expecting)]
        pub(crate) struct $name {
            $($(#[doc = $key_doc])* #[serde(skip_serializing_if = "Field::is_absent")] $key: Field<$type>,)*
        }
    )*};
}

parts! {
    /// What must come out: each part that stands here must be in the outcome.
    Expect, "what must come out, as a map" {
        /// When nothing is left to do.
        ended: Moment,
        /// What lands, in order and no more: names, or names with times.
        landed: List<Landed>,
        /// How changes stand at the end.
        changes: Map<Id<ChangeId>, ExpectedChange>,
        /// How many builds start, or builds that must be among them, each another.
        builds: Builds,
        /// Verdicts that must be reached, each another.
        verdicts: List<ExpectedVerdict>,
        /// Reports that must be sent, each another.
        reports: List<ExpectedReport>,
        /// The changes on each repo's branch at the end, in order and no more.
        tips: Map<Id<RepoName>, List<Id<ChangeId>>>,
        /// What must be waited for, each another.
        waits: List<ExpectedWait>,
        /// Repos whose branch is frozen at the end, with a part of why.
        frozen: Map<Id<RepoName>, String>,
        /// What must not come out.
        never: Never,
    }
    /// What must not come out: nothing that has all that one of these says.
    Never, "what must not come out, as a map" {
        /// Builds that must not start.
        builds: List<ExpectedBuild>,
        /// Verdicts that must not be reached.
        verdicts: List<ExpectedVerdict>,
        /// Reports that must not be sent.
        reports: List<ExpectedReport>,
        /// What must not be waited for.
        waits: List<ExpectedWait>,
    }
    /// A change that lands, and when.
    LandedAt, "a change, or a map with `change` and `at`" {
        /// The change.
        change: Id<ChangeId>,
        /// When.
        at: Moment,
    }
    /// How a change stands at the end.
    ExpectedChange, "how a change stands, as a map" {
        /// Whether it is open.
        state: StateWord,
        /// What the gate came to.
        gate: GateWord,
        /// A part of why.
        reason: String,
        /// How many reports it gets.
        reports: u32,
    }
    /// A build.
    ExpectedBuild, "a build, as a map" {
        /// The job, with its matrix values.
        job: Id<JobName>,
        /// The driver; `null`: none.
        driver: Option<Id<DriverName>>,
        /// The change that is judged.
        change: Id<ChangeId>,
        /// The change's revision.
        revision: u32,
        /// For which pipeline.
        pipeline: PipelineWord,
        /// Why it runs.
        purpose: Purpose,
        /// The n-th build of this job for the change on this tree.
        attempt: u32,
        /// The unmerged changes in its tree, in merge order and no more.
        with: List<Id<ChangeId>>,
        /// When it starts.
        started: Moment,
        /// When it ends; `null`: it does not.
        ended: Option<Moment>,
        /// What it says; `null`: it does not end.
        outcome: Option<Said>,
    }
    /// A verdict.
    ExpectedVerdict, "a verdict, as a map" {
        /// The change.
        change: Id<ChangeId>,
        /// The driver; `null`: none.
        driver: Option<Id<DriverName>>,
        /// The job, with its matrix values.
        job: Id<JobName>,
        /// The pipeline in which it is reached.
        pipeline: PipelineWord,
        /// Its word.
        verdict: VerdictWord,
    }
    /// A report.
    ExpectedReport, "a report, as a map" {
        /// The change.
        change: Id<ChangeId>,
        /// The pipeline.
        pipeline: PipelineWord,
        /// When it is sent.
        at: Moment,
        /// What it says.
        state: ReportWord,
        /// A part of its text.
        text: String,
    }
    /// Something that waits.
    ExpectedWait, "a wait, as a map" {
        /// The change.
        change: Id<ChangeId>,
        /// The pipeline; `null`: none yet.
        pipeline: Option<PipelineWord>,
        /// The driver; `null`: none.
        driver: Option<Id<DriverName>>,
        /// The job, with its matrix values; `null`: the change as a whole.
        job: Option<Id<JobName>>,
        /// A part of what it waits for.
        on: String,
        /// Since when.
        since: Moment,
        /// Until when; `null`: to the end.
        until: Option<Moment>,
    }
}

/// What lands.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    rename = "crossgate-kind",
    rename_all = "kebab-case",
    expecting = "a change, or a map with `change` and `at`"
)]
#[schemars(rename = "Landed", untagged)]
pub(crate) enum Landed {
    /// A change.
    Text(Id<ChangeId>),
    /// A change and when.
    Map(LandedAt),
}

impl Serialize for Landed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(name) => name.serialize(serializer),
            Self::Map(landed) => landed.serialize(serializer),
        }
    }
}

/// Builds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    rename = "crossgate-kind",
    rename_all = "kebab-case",
    expecting = "a number of builds, or a list of them"
)]
#[schemars(rename = "Builds", untagged)]
pub(crate) enum Builds {
    /// How many.
    Text(u32),
    /// Some of them.
    List(List<ExpectedBuild>),
}

impl Serialize for Builds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(count) => count.serialize(serializer),
            Self::List(builds) => builds.serialize(serializer),
        }
    }
}

/// Words of the outcome.
macro_rules! outcome_words {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Deserialize, DeriveSerialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum $name { $($variant,)* }
    )*};
}

outcome_words! {
    /// Whether a change is open.
    StateWord { Unopened, Open, Closed, Landed, }
    /// What the gate came to.
    GateWord { Landed, Failed, Conflict, Dependency, Removed, Waiting, None, }
    /// A pipeline.
    PipelineWord { Check, Gate, }
    /// What a report says.
    ReportWord { Started, Passed, Failed, Conflict, Dependency, Error, Removed, Landed, }
    /// What is concluded from builds.
    VerdictWord {
        Passed, Regressed, BrokenBefore, BrokenDifferently, Fixed, Flaky, Infra, Absent, NotApplicable, Waived,
        Unknown,
    }
}

/// Looks up every name that is expected, and returns what is expected as a part of the outcome's JSON.
pub(super) fn check(expect: Expect, names: &Names<'_>) -> Value {
    let json = serde_json::to_value(&expect).expect("names are the only keys of the maps");
    let (builds, never) = (expect.builds.value(), expect.never.value().unwrap_or_default());
    for landed in items(expect.landed) {
        match landed.value {
            Landed::Text(name) => names.known_change(Located { value: name, at: landed.at }),
            Landed::Map(landed) => names.change(landed.change),
        };
    }
    for (name, _) in expect.changes.value().unwrap_or_default().0 {
        names.known_change(name);
    }
    for (repo, changes) in expect.tips.value().unwrap_or_default().0 {
        names.any_repo(&repo);
        names.changes(changes);
    }
    for (repo, _) in expect.frozen.value().unwrap_or_default().0 {
        names.repo(repo);
    }
    if let Some(Builds::List(list)) = builds {
        list.into_iter().filter_map(Field::value).for_each(|build| build.check(names));
    }
    items(never.builds).for_each(|build| build.value.check(names));
    for verdict in items(expect.verdicts).chain(items(never.verdicts)) {
        judged(names, verdict.value.change, verdict.value.driver, &verdict.value.job);
    }
    for report in items(expect.reports).chain(items(never.reports)) {
        names.change(report.value.change);
    }
    for wait in items(expect.waits).chain(items(never.waits)) {
        judged(names, wait.value.change, wait.value.driver, &some(wait.value.job));
    }
    json
}

impl ExpectedBuild {
    fn check(self, names: &Names<'_>) {
        judged(names, self.change, self.driver, &self.job);
        names.changes(self.with);
    }
}

fn judged(
    names: &Names<'_>,
    change: Field<Id<ChangeId>>,
    driver: Field<Option<Id<DriverName>>>,
    job: &Field<Id<JobName>>,
) {
    names.change(change);
    names.driver(some(driver));
    names.variant(job);
}

/// Takes what is expected to be nothing for what is not said: there is no name to look up.
fn some<T>(field: Field<Option<T>>) -> Field<T> {
    match field {
        Field::Given(Located { value: Some(value), at }) => Field::Given(Located { value, at }),
        Field::Given(Located { value: None, .. }) | Field::Absent => Field::Absent,
        Field::Bad => Field::Bad,
    }
}
