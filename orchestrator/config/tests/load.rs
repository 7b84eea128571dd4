//! Whole configurations as users write them, right and wrong.
#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crossgate_config::{
    CODES, Diagnostic, Diagnostics, Loaded, Severity, Source, Sources, load, outline, show,
};
use crossgate_core::ids::{DriverName, JobName, RepoName};
use crossgate_core::workspace::{Forge, Mode, RunnerKind};
use jiff::civil::date;

fn source(name: &str, text: &[u8]) -> Source {
    Source { name: name.to_owned(), text: text.to_vec() }
}

/// Splits a text at lines `# file: NAME`; the first part is `crossgate.yaml`.
fn sources(text: &[u8]) -> Sources {
    const MARK: &[u8] = b"# file: ";
    let mut parts = vec![(String::from("crossgate.yaml"), Vec::new())];
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_prefix(MARK) {
            Some(name) => parts.push((String::from_utf8_lossy(name).trim().to_owned(), Vec::new())),
            None => parts.last_mut().unwrap().1.extend_from_slice(line),
        }
    }
    let mut files = parts.into_iter().map(|(name, text)| source(&name, &text));
    let workspace = files.next().unwrap();
    let (catalogue, repos): (Vec<_>, Vec<_>) = files.partition(|file| file.name.starts_with("jobs/"));
    let repo = |file: Source| (RepoName::parse(file.name.split_once('/').unwrap().0).unwrap(), file);
    Sources { workspace, catalogue, repos: repos.into_iter().map(repo).collect() }
}

fn found(text: &[u8]) -> Vec<Diagnostic> {
    load(&sources(text), date(2026, 3, 1)).map_or_else(|found| found.0, |loaded| loaded.warnings)
}

fn loaded(text: &str) -> Loaded {
    load(&sources(text.as_bytes()), date(2026, 3, 1))
        .unwrap_or_else(|found| panic!("{}", found.render(false, 100)))
}

fn driver(name: &str) -> DriverName {
    DriverName::parse(name).unwrap()
}

#[test]
fn every_diagnostic_looks_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    // These have no text to show, or are about scenarios: `hostile.rs` and `scenario.rs` have them.
    let elsewhere = ["unreadable", "too-large", "more-problems", "unknown-change"];
    let mut shown: BTreeSet<String> = elsewhere.map(str::to_owned).into();
    for file in files {
        let code = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let found = found(&fs::read(&file).unwrap());
        assert!(found.iter().any(|diagnostic| diagnostic.code == code), "{code}: {found:#?}");
        let text = Diagnostics(found).render(false, 100);
        insta::with_settings!({ snapshot_path => "diagnostics", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(code.as_str(), text);
        });
        shown.insert(code);
    }
    let all: BTreeSet<String> = CODES.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(shown, all, "every code has a file in tests/diagnostics");
}

#[test]
fn the_example_of_the_design_loads() {
    let design = include_str!("example/crossgate.yaml");
    let catalogue = include_str!("example/jobs/nova.yaml");
    let loaded = loaded(&format!("{design}# file: jobs/nova.yaml\n{catalogue}"));
    let rows: Vec<String> =
        show(&loaded).iter().map(|row| format!("{} = {}  # {}", row.path, row.value, row.origin)).collect();
    insta::assert_snapshot!(rows.join("\n"));
}

const WORKSPACE: &str = "\
version: 1
workspace: nova
repos:
  core: { role: common }
  drv: { role: driver, depends_on: [core], rights: { network: true } }
common:
  core: { own_changes: [unit], sanity: [libvirt] }
drivers:
  libvirt:
    repo: drv
    kind: cluster
    team: { contact: a@example.org, docs: a.md }
    common_changes: { mode: gating, jobs: [unit], deadline: 90m }
    ci: { runner: agent, slots: 4 }
jobs:
  unit: { steps: [{ run: cargo test }] }
";

#[test]
fn a_repos_own_file_wins_key_by_key() {
    let own = "\
# file: drv/.crossgate.yaml
version: 1
drivers:
  libvirt:
    team: { contact: b@example.org }
    common_changes: { mode: off, jobs: [own] }
    ci: { runner: agent }
  lab: { paths: [lab/**] }
jobs:
  own: { network: true, steps: [{ run: x }] }
# file: core/.crossgate.yaml
version: 1
common: { own_changes: [core-lint] }
jobs:
  core-lint: { steps: [{ run: x }] }
";
    let workspace = loaded(&format!("{WORKSPACE}{own}")).workspace;
    let libvirt = &workspace.drivers[&driver("libvirt")];
    assert_eq!(libvirt.team.contact.as_deref(), Some("b@example.org"));
    assert_eq!(libvirt.team.docs.as_deref(), Some("a.md"));
    assert_eq!(libvirt.common_changes.mode.value, Mode::Off);
    assert_eq!(libvirt.common_changes.mode.at.to_string(), "drv/.crossgate.yaml:5");
    assert_eq!(libvirt.common_changes.deadline, Some(std::time::Duration::from_mins(90)));
    assert_eq!(libvirt.ci.slots, Some(4));
    assert_eq!(libvirt.ci.runner.value, RunnerKind::Agent);
    let lab = &workspace.drivers[&driver("lab")];
    assert_eq!((lab.repo.as_str(), lab.ci.runner.value), ("drv", RunnerKind::Local));
    let core = &workspace.common[&RepoName::parse("core").unwrap()];
    assert_eq!(core.own_changes.value, [JobName::parse("core-lint").unwrap()]);
    assert_eq!(core.sanity.value, [driver("libvirt")]);
}

#[test]
fn a_matrix_makes_one_job_for_each_combination() {
    let text = WORKSPACE.to_owned()
        + "  lab: { matrix: { v: [1.10, true], os: [a, b] }, needs: [soft: unit], steps: [{ run: \"{{ matrix.v }}\" }] }\n  \
           after: { needs: [lab], steps: [{ run: x }] }\n";
    let workspace = loaded(&text).workspace;
    let names: Vec<&str> = workspace.jobs.keys().map(JobName::as_str).collect();
    let lab = ["lab[os=a,v=1.10]", "lab[os=a,v=true]", "lab[os=b,v=1.10]", "lab[os=b,v=true]"];
    assert_eq!(names, [&["after"], &lab[..], &["unit"]].concat());
    let job = &workspace.jobs[&JobName::parse("lab[os=a,v=1.10]").unwrap()];
    assert_eq!(job.matrix, BTreeMap::from([("os".into(), "a".into()), ("v".into(), "1.10".into())]));
    assert!(job.needs[0].value.soft);
    assert_eq!(workspace.jobs[&JobName::parse("after").unwrap()].needs.len(), 4);
}

#[test]
fn problems_of_several_files_come_in_one_pass_and_in_order() {
    let text = WORKSPACE
        .replace("role: common", "role: comon")
        .replace("[unit], deadline", "[unti], deadline")
        + "# file: jobs/a.yaml\nversion: 1\njobs: { a: { stpes: [] } }\n# file: drv/.crossgate.yaml\nversion: 3\n";
    let found: Vec<String> = found(text.as_bytes())
        .iter()
        .map(|d| format!("{}:{}:{} {}", d.file, d.line, d.column, d.code))
        .collect();
    assert_eq!(
        found,
        [
            "crossgate.yaml:4:17 invalid-value",
            "crossgate.yaml:13:44 unknown-job",
            "jobs/a.yaml:2:9 missing-key",
            "jobs/a.yaml:2:14 unknown-key",
            "drv/.crossgate.yaml:1:10 unknown-version",
        ]
    );
}

#[test]
fn an_outline_needs_no_more_than_the_repos() {
    let broken = WORKSPACE.replace("mode: gating", "mode: perhaps").replace("jobs:\n", "jbos:\n");
    let broken = broken.replace("depends_on: [core]", "depends_on: [cor]").replace("version: 1\n", "");
    let found = outline(&source("crossgate.yaml", broken.as_bytes())).unwrap();
    assert_eq!((found.name.as_str(), found.repos.len(), found.forge), ("nova", 2, Forge::None));
    let wrong = WORKSPACE.replace("role: common", "role: comon");
    assert_eq!(outline(&source("crossgate.yaml", wrong.as_bytes())).unwrap_err().0.len(), 1);
}

#[test]
fn an_alias_stands_for_what_it_names() {
    let text = WORKSPACE.replace("jobs: [unit], deadline", "jobs: &jobs [unit], deadline")
        + "  other: { needs: *jobs, steps: [{ run: x }] }\n";
    let workspace = loaded(&text).workspace;
    assert_eq!(workspace.jobs[&JobName::parse("other").unwrap()].needs.len(), 1);
}

#[test]
fn json_has_place_excerpt_and_hint() {
    let text = WORKSPACE.replace("mode: gating", "mode: gatting");
    let found = found(text.as_bytes());
    assert_eq!(found[0].severity, Severity::Error);
    insta::assert_json_snapshot!(found);
}
