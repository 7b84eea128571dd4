//! The files as they are written, before anything is looked up. The JSON Schema is made from these types, so
//! their documentation is what editors show.

use crossgate_core::ids::{BranchName, DriverName, JobName, RepoName, SemaphoreName, SharedCache};
use crossgate_core::workspace as core;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field::{Field, List, Map};
use crate::scalar::{Day, Id, NeedText, Pattern, Share, Span};

/// Words of the configuration and what they are in the core.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident => $core:ty { $($(#[$variant_doc:meta])* $variant:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        impl From<$name> for $core {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant,)* }
            }
        }
    )*};
}

pub(crate) use words;

words! {
    /// What a repo is in its workspace.
    Role => core::Role {
        /// The core that drivers are written against.
        Common,
        /// Something between the core and drivers.
        Library,
        /// Holds one driver or a set of them.
        Driver,
    }
    /// How a change becomes part of its branch.
    MergeMethod => core::MergeMethod {
        /// By a merge commit.
        Merge,
        /// As one commit.
        Squash,
        /// Commit by commit on top.
        Rebase,
    }
    /// What a driver stands before.
    DriverKind => core::DriverKind {
        /// One hypervisor node.
        Hypervisor,
        /// A cluster manager that owns many nodes.
        Cluster,
    }
    /// A driver's stance on common changes.
    Mode => core::Mode {
        /// Not tested.
        Off,
        /// Tested and recorded, not reported.
        Silent,
        /// Tested and reported; blocks nothing.
        Advisory,
        /// Tested and reported; a standing red blocks the change.
        Gating,
    }
    /// What happens to a change that has no answer.
    Missing => core::Absent {
        /// The change waits for a human.
        Block,
        /// The change passes without it.
        Waive,
    }
    /// What executes builds.
    RunnerKind => core::RunnerKind {
        /// Child processes on this machine.
        Local,
        /// An outbound agent in a lab.
        Agent,
        /// A workflow on the forge.
        Actions,
        /// A signed request to another CI.
        Webhook,
        /// A CI that watches by itself and reports.
        Report,
    }
    /// When a red is asked twice.
    Confirm => core::Confirm {
        /// Never: every red is final at once.
        Off,
        /// While the evidence is undecided.
        Auto,
        /// Every time.
        Always,
    }
}

/// Whether changes that depend on each other may land together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cycles {
    /// They may not.
    Deny,
    /// They land together.
    Allow,
}

/// `crossgate.yaml`: the workspace, and who may do what in it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "the settings of a workspace, as a map")]
#[schemars(title = "Crossgate workspace", extend("required" = ["version", "workspace", "repos"]))]
pub(crate) struct WorkspaceFile {
    /// The version of this grammar.
    #[schemars(extend("const" = 1))]
    pub(crate) version: Field<u32>,
    /// The workspace's name, for people.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) workspace: Field<String>,
    /// Where changes live; left out: only in the checkouts.
    pub(crate) forge: Field<Forge>,
    /// Every repo, by name.
    pub(crate) repos: Field<Map<Id<RepoName>, Repo>>,
    /// What is particular to common and library repos.
    pub(crate) common: Field<Map<Id<RepoName>, Common>>,
    /// Drivers, by name. A driver's repo may describe it further in its own `.crossgate.yaml`.
    pub(crate) drivers: Field<Map<Id<DriverName>, Driver>>,
    /// Jobs, by name, for every repo of the workspace.
    pub(crate) jobs: Field<Map<Id<JobName>, Job>>,
    /// How the pipelines behave.
    pub(crate) pipelines: Field<Pipelines>,
    /// How many builds may hold each semaphore at once.
    pub(crate) semaphores: Field<Map<Id<SemaphoreName>, u32>>,
    /// How verdicts are reached.
    pub(crate) policy: Field<Policy>,
}

/// As much of `crossgate.yaml` as is needed to find the repos.
#[derive(Debug, Default, Deserialize)]
#[serde(default, expecting = "the settings of a workspace, as a map")]
pub(crate) struct OutlineFile {
    pub(crate) version: Field<u32>,
    pub(crate) workspace: Field<String>,
    pub(crate) forge: Field<Forge>,
    pub(crate) repos: Field<Map<Id<RepoName>, Repo>>,
}

/// `jobs/*.yaml`: the catalogue of jobs that every repo of the workspace may use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a catalogue of jobs, as a map")]
#[schemars(title = "Crossgate job catalogue", extend("required" = ["version", "jobs"]))]
pub(crate) struct CatalogueFile {
    /// The version of this grammar.
    #[schemars(extend("const" = 1))]
    pub(crate) version: Field<u32>,
    /// Jobs, by name.
    pub(crate) jobs: Field<Map<Id<JobName>, Job>>,
}

/// `.crossgate.yaml` in a repo: what its team decides about its own drivers and jobs. It wins over
/// `crossgate.yaml`, but what it may use is granted there, under the repo's `rights`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "the settings of a repo, as a map")]
#[schemars(title = "Crossgate repo", extend("required" = ["version"]))]
pub(crate) struct RepoFile {
    /// The version of this grammar.
    #[schemars(extend("const" = 1))]
    pub(crate) version: Field<u32>,
    /// The drivers that this repo holds, by name.
    pub(crate) drivers: Field<Map<Id<DriverName>, Driver>>,
    /// Jobs that only this repo and its drivers use; their names are not taken elsewhere.
    pub(crate) jobs: Field<Map<Id<JobName>, Job>>,
    /// For a common or library repo.
    pub(crate) common: Field<RepoCommon>,
}

/// Where changes live: one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a forge: `local` or `github`")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct Forge {
    /// Bare repos in a directory.
    pub(crate) local: Field<LocalForge>,
    /// Repos on GitHub.
    pub(crate) github: Field<GithubForge>,
}

/// Bare repos in a directory.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a map with `path`")]
#[schemars(extend("required" = ["path"]))]
pub(crate) struct LocalForge {
    /// The directory, relative to the workspace.
    pub(crate) path: Field<String>,
}

/// Repos of one owner on GitHub.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a map with `owner`")]
#[schemars(extend("required" = ["owner"]))]
pub(crate) struct GithubForge {
    /// The organisation or user.
    pub(crate) owner: Field<String>,
    /// The base address of the API; left out: the public one.
    #[schemars(url)]
    pub(crate) api: Field<String>,
}

/// One git repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a repo, as a map with at least `role`")]
#[schemars(extend("required" = ["role"]))]
pub(crate) struct Repo {
    /// What it is.
    pub(crate) role: Field<Role>,
    /// The branch that changes land on unless they say otherwise; `main` if left out.
    pub(crate) branch: Field<Id<BranchName>>,
    /// How changes land; by a merge commit if left out.
    pub(crate) merge: Field<MergeMethod>,
    /// The repos that it is built with.
    pub(crate) depends_on: Field<List<Id<RepoName>>>,
    /// Where to clone it from; left out: the forge knows.
    pub(crate) url: Field<String>,
    /// Its checkout, relative to the workspace; left out: a directory of its name.
    pub(crate) path: Field<String>,
    /// Words to select it by.
    pub(crate) labels: Field<List<String>>,
    /// What its own `.crossgate.yaml` may use beyond local builds without network.
    pub(crate) rights: Field<Rights>,
}

/// What a repo's own file may use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "rights, as a map")]
pub(crate) struct Rights {
    /// Runners that its drivers may choose beside `local` and what `crossgate.yaml` gives them.
    pub(crate) runners: Field<List<RunnerKind>>,
    /// Whether its jobs may use the network.
    pub(crate) network: Field<bool>,
    /// Secrets that its jobs may ask for.
    pub(crate) secrets: Field<List<String>>,
    /// Semaphores that its jobs may hold.
    pub(crate) semaphores: Field<List<Id<SemaphoreName>>>,
}

/// What is particular to a common or library repo.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a map with `own_changes` and `sanity`")]
pub(crate) struct Common {
    /// Jobs run for its own changes, in the repo itself.
    pub(crate) own_changes: Field<List<Id<JobName>>>,
    /// Drivers that gate its changes whatever their mode says; a common repo needs at least one.
    pub(crate) sanity: Field<List<Id<DriverName>>>,
}

/// What a common or library repo says about itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a map with `own_changes`")]
pub(crate) struct RepoCommon {
    /// Jobs run for its own changes, in the repo itself.
    pub(crate) own_changes: Field<List<Id<JobName>>>,
}

/// The unit of policy and of CI.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a driver, as a map")]
pub(crate) struct Driver {
    /// The repo that holds it; in a repo's own file that repo.
    pub(crate) repo: Field<Id<RepoName>>,
    /// The paths of that repo which are its own; all if left out.
    pub(crate) paths: Field<List<Pattern>>,
    /// What it stands before; `hypervisor` if left out.
    pub(crate) kind: Field<DriverKind>,
    /// The version of the driver API it is written against.
    #[schemars(range(min = 1))]
    pub(crate) api: Field<u32>,
    /// Who answers for it.
    pub(crate) team: Field<Team>,
    /// Jobs run for changes of its own.
    pub(crate) own_changes: Field<List<Id<JobName>>>,
    /// How it takes part in common changes.
    pub(crate) common_changes: Field<CommonChanges>,
    /// How its builds are executed.
    pub(crate) ci: Field<Ci>,
    /// For a branch of the common repos, the branch of this driver that is tested with it, if their names differ.
    pub(crate) branches: Field<Map<Id<BranchName>, Id<BranchName>>>,
}

/// Who answers for a driver.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a team, as a map")]
pub(crate) struct Team {
    /// Accounts and groups on the forge.
    #[schemars(extend("examples" = [["@libvirt-core"]]))]
    pub(crate) reviewers: Field<List<String>>,
    /// An address.
    pub(crate) contact: Field<String>,
    /// Documentation of its CI: a path in the repo or an address.
    pub(crate) docs: Field<String>,
}

/// How a driver takes part in common changes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a driver's stance on common changes, as a map")]
pub(crate) struct CommonChanges {
    /// Its stance; `advisory` if left out.
    pub(crate) mode: Field<Mode>,
    /// Jobs run for common changes.
    pub(crate) jobs: Field<List<Id<JobName>>>,
    /// Common changes that touch nothing but these paths do not concern it.
    pub(crate) ignore: Field<List<Pattern>>,
    /// How long an answer may take; left out: as long as the jobs' timeouts allow.
    pub(crate) deadline: Field<Span>,
    /// What silence past the deadline means; `waive` if left out.
    pub(crate) absent: Field<Missing>,
    /// The last day of the opt-in; after it, gating acts as advisory.
    pub(crate) until: Field<Day>,
}

/// How a driver's builds are executed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a map with `runner`")]
pub(crate) struct Ci {
    /// By what; `local` if left out.
    pub(crate) runner: Field<RunnerKind>,
    /// Builds at once; left out: as many as the runner has. Only in `crossgate.yaml`.
    #[schemars(range(min = 1))]
    pub(crate) slots: Field<u32>,
    /// For `actions`: the workflow file.
    pub(crate) workflow: Field<String>,
    /// For `webhook`: the address. Only in `crossgate.yaml`.
    #[schemars(url)]
    pub(crate) url: Field<String>,
    /// For `report`: the context of its status or the name of its check.
    pub(crate) context: Field<String>,
}

/// A recipe.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a job, as a map with at least `steps`")]
#[schemars(extend("required" = ["steps"]))]
pub(crate) struct Job {
    /// One sentence for people.
    pub(crate) description: Field<String>,
    /// Run only if one of these matches a changed path; empty: always.
    pub(crate) files: Field<List<Pattern>>,
    /// Skip if every changed path matches one of these.
    pub(crate) ignore: Field<List<Pattern>>,
    /// Jobs that must come first.
    pub(crate) needs: Field<List<NeedText>>,
    /// Whether a red counts; `true` if left out.
    pub(crate) voting: Field<bool>,
    /// Whether items behind wait in the gate until this job has passed; `false` if left out.
    pub(crate) holds_followers: Field<bool>,
    /// How long all steps may take together; `30m` if left out.
    pub(crate) timeout: Field<Span>,
    /// Tries in all, for infra and lost builds only; 3 if left out.
    #[schemars(range(min = 1, max = 10))]
    pub(crate) attempts: Field<u32>,
    /// One job for each combination of values, named like `lab[platform=qemu-7]`; at most 64.
    #[schemars(with = "std::collections::BTreeMap<String, Vec<serde_json::Value>>")]
    #[schemars(extend("examples" = [{"platform": ["qemu-7", "qemu-10"]}]))]
    pub(crate) matrix: Field<Map<String, List<String>>>,
    /// What it must hold while it runs.
    pub(crate) semaphore: Field<Id<SemaphoreName>>,
    /// A cache that it shares with other jobs; left out: one of its own. Not in a repo's own file.
    pub(crate) cache: Field<Id<SharedCache>>,
    /// Whether its steps may use the network; `false` if left out.
    pub(crate) network: Field<bool>,
    /// Names of secrets, given to builds of approved changes only.
    pub(crate) secrets: Field<List<String>>,
    /// Files to keep, as paths in the repo in which the steps run.
    pub(crate) artifacts: Field<List<String>>,
    /// Commands, in order.
    #[schemars(length(min = 1))]
    pub(crate) steps: Field<List<Step>>,
}

/// One command.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a step: `run: COMMAND`")]
#[schemars(extend("required" = ["run"]))]
pub(crate) struct Step {
    /// Given to `sh -e`, as a template: `{{ repo("NAME").path }}`, `{{ driver.name }}`, `{{ change.id }}`,
    /// `{{ job.name }}`, `{{ matrix.KEY }}`.
    #[schemars(extend("examples" = ["cargo test --locked --features conformance"]))]
    pub(crate) run: Field<String>,
}

/// How the pipelines behave.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a map with `gate` and `periodic`")]
pub(crate) struct Pipelines {
    /// Tests, then lands.
    pub(crate) gate: Field<Gate>,
    /// Baselines and audits, so that rot is found before a reviewer meets it.
    pub(crate) periodic: Field<Periodic>,
}

/// How the gate behaves.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a gate, as a map")]
pub(crate) struct Gate {
    /// How many items are tested at once.
    pub(crate) window: Field<Window>,
    /// Whether the first red ends an item; `false` if left out.
    pub(crate) fail_fast: Field<bool>,
    /// Whether changes that depend on each other may land together; `deny` if left out.
    pub(crate) cycles: Field<Cycles>,
}

/// The bounds of the gate's window, in items.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a window, as a map")]
pub(crate) struct Window {
    /// At the start; 0: no window. 20 if left out.
    pub(crate) start: Field<u32>,
    /// Never below; 3 if left out.
    #[schemars(range(min = 1))]
    pub(crate) floor: Field<u32>,
    /// Never above; 0: no bound, also if left out.
    pub(crate) ceiling: Field<u32>,
    /// Added on each landing; 1 if left out.
    pub(crate) grow: Field<u32>,
    /// Divided by on each failure; 2 if left out.
    #[schemars(range(min = 1))]
    pub(crate) shrink: Field<u32>,
}

/// How often baselines and audits run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a map with `every`")]
#[schemars(extend("required" = ["every"]))]
pub(crate) struct Periodic {
    /// The time between two rounds.
    pub(crate) every: Field<Span>,
}

/// How verdicts are reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a policy, as a map")]
pub(crate) struct Policy {
    /// When a red is asked twice; `auto` if left out.
    pub(crate) confirm: Field<Confirm>,
    /// The standing that a gating driver must have earned; left out: gating is gating.
    pub(crate) gating_requires: Field<GatingRequires>,
    /// How long a pass on an identical tree may be used again; `24h` if left out.
    pub(crate) reuse: Field<Span>,
    /// What a rig that failed means for a gating driver's vote; `block` if left out.
    pub(crate) infra: Field<Missing>,
    /// What a verdict without a baseline means for a gating driver's vote; `block` if left out.
    pub(crate) unknown: Field<Missing>,
}

/// The standing that a gating driver must have earned.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "the bar for gating, as a map")]
#[schemars(extend("required" = ["runs", "false_failures"]))]
pub(crate) struct GatingRequires {
    /// Builds in its history.
    pub(crate) runs: Field<u32>,
    /// Largest share of false failures.
    pub(crate) false_failures: Field<Share>,
    /// Largest 95th percentile of its latency.
    pub(crate) p95: Field<Span>,
}
