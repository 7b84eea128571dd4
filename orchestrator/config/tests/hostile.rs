//! Files that somebody made to hurt, and files that are no configuration at all.
#![expect(clippy::unwrap_used, reason = "a test may panic anywhere")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::time::{Duration, Instant};

use crossgate_config::{
    Diagnostics, MAX_DIAGNOSTICS, MAX_SOURCE_BYTES, Severity, Source, Sources, load, outline, read_source,
    show,
};
use crossgate_core::ids::RepoName;
use jiff::civil::date;
use proptest::prelude::*;

const DESIGN: &str = include_str!("example/crossgate.yaml");
const CATALOGUE: &str = include_str!("example/jobs/nova.yaml");

/// Far more than any of these takes in a debug build, far less than what they would take without bounds.
const PATIENCE: Duration = Duration::from_secs(20);

fn sources(workspace: &[u8]) -> Sources {
    let workspace = Source { name: "crossgate.yaml".to_owned(), text: workspace.to_vec() };
    Sources { workspace, catalogue: Vec::new(), repos: BTreeMap::new() }
}

fn refused(text: &str) -> Diagnostics {
    let start = Instant::now();
    let found = load(&sources(text.as_bytes()), date(2026, 3, 1)).unwrap_err();
    assert!(!found.render(false, 100).is_empty());
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
    found
}

fn codes(found: &Diagnostics) -> Vec<&str> {
    found.0.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn a_file_of_100_mb_is_refused_without_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crossgate.yaml");
    File::create(&path).unwrap().set_len(100 * 1024 * 1024).unwrap();
    let start = Instant::now();
    let found = read_source(&path, "crossgate.yaml").unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2), "took {:?}", start.elapsed());
    insta::assert_snapshot!(found.render(false, 100), @r"
    too-large

      × crossgate.yaml: the file is too long: expected at most 1048576 bytes
      help: split jobs over several files of the catalogue, drivers over the repos' own files
    ");
}

#[test]
fn a_file_of_exactly_the_limit_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crossgate.yaml");
    let padding = "#".repeat(MAX_SOURCE_BYTES - DESIGN.len() - 1);
    fs::write(&path, format!("{DESIGN}#{padding}")).unwrap();
    assert_eq!(read_source(&path, "crossgate.yaml").unwrap().text.len(), MAX_SOURCE_BYTES);
    fs::write(&path, format!("{DESIGN}##{padding}")).unwrap();
    assert_eq!(codes(&read_source(&path, "crossgate.yaml").unwrap_err()), ["too-large"]);
    assert_eq!(codes(&refused(&format!("{DESIGN}##{padding}"))), ["too-large"]);
}

#[test]
fn what_is_no_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let missing = read_source(&folder.path().join("crossgate.yaml"), "crossgate.yaml").unwrap_err();
    insta::assert_snapshot!(missing.render(false, 100), @r"
    unreadable

      × crossgate.yaml: cannot be read: No such file or directory (os error 2)
      help: `crossgate init` writes one
    ");
    let directory = read_source(folder.path(), "jobs/a.yaml").unwrap_err();
    insta::assert_snapshot!(directory.render(false, 100), @r"
    unreadable

      × jobs/a.yaml: cannot be read: expected a file
    ");
    let latin = folder.path().join("latin.yaml");
    fs::write(&latin, b"workspace: caf\xe9\n").unwrap();
    let found = read_source(&latin, "crossgate.yaml").unwrap_err();
    assert_eq!((codes(&found), found.0[0].line, found.0[0].column), (vec!["not-utf8"], 1, 15));
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = String::from("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let below = level - 1;
        let row = vec![format!("*a{below}"); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{row}]").unwrap();
    }
    assert_eq!(codes(&refused(&bomb)), ["too-complex"]);
}

#[test]
fn an_alias_bomb_inside_the_grammar_is_refused() {
    let names: Vec<String> = (0..1_000).map(|job| format!("j{job}")).collect();
    let mut text = format!(
        "version: 1\nworkspace: a\nrepos: {{}}\njobs:\n  j0: {{ needs: &all [{}] }}\n",
        names.join(", ")
    );
    for job in 1..1_000 {
        writeln!(text, "  j{job}: {{ needs: *all }}").unwrap();
    }
    assert_eq!(codes(&refused(&text)), ["too-complex"]);
}

#[test]
fn deep_nesting_is_refused_in_both_notations() {
    let flow = format!("repos: {}", "[".repeat(100_000));
    assert_eq!(codes(&refused(&flow)), ["too-complex"]);
    let maps = format!("repos: {}", "{a: ".repeat(100_000));
    assert_eq!(codes(&refused(&maps)), ["too-complex"]);
    let mut block = String::new();
    for depth in 0..1_000 {
        writeln!(block, "{}a:", " ".repeat(depth)).unwrap();
    }
    assert_eq!(codes(&refused(&block)), ["too-complex"]);
}

#[test]
fn nothing_that_moves_a_cursor_is_printed_or_accepted() {
    let text = "version: 1\nworkspace: \"a\\e[2J\"\nrepos: { a: { role: \"\\e[31mx\", zebra\u{202e}: 1 } }\n\"\\x9b\": 1\n";
    let found = refused(text);
    assert_eq!(codes(&found), ["invalid-value", "invalid-value", "unknown-key", "unknown-key"]);
    let shown = found.render(false, 100) + &found.to_string() + &serde_json::to_string(&found).unwrap();
    assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{shown}");
}

#[test]
fn an_empty_file_lacks_its_keys_and_no_more() {
    for text in ["", "# nothing yet\n", "null", "---\n"] {
        assert_eq!(codes(&refused(text)), ["missing-key"; 3], "{text:?}");
    }
    assert_eq!(codes(&refused("[]")), ["wrong-type"]);
}

#[test]
fn a_long_line_is_named_but_not_shown() {
    let text = format!("version: 1\nworkspace: {}\nrepos: {{}}\n", "x".repeat(500_000));
    let found = refused(&text);
    let shown = found.render(false, 100);
    assert!(shown.len() < 1_000, "{} bytes", shown.len());
    assert!(shown.contains("crossgate.yaml:2:12: expected a name of 1 to 100 characters"), "{shown}");
}

#[test]
fn many_problems_are_counted_but_not_kept() {
    let mut text = String::from("version: 1\nworkspace: a\nrepos:\n");
    for repo in 0..9_000 {
        writeln!(text, "  r{repo}: {{ role: x, depends_on: [zebra] }}").unwrap();
    }
    let found = refused(&text);
    assert_eq!(found.0.len(), MAX_DIAGNOSTICS + 1);
    let last = found.0.last().unwrap();
    insta::assert_snapshot!(Diagnostics(vec![last.clone()]).render(false, 100), @r"
    more-problems

      × crossgate.yaml: 17000 more problems, here or in other files, are not shown
    ");
}

#[test]
fn more_repos_than_a_workspace_holds_are_refused() {
    let mut text = String::from("version: 1\nworkspace: a\nrepos:\n");
    for repo in 0..10_001 {
        writeln!(text, "  r{repo}: {{ role: library }}").unwrap();
    }
    let found = refused(&text);
    assert_eq!(codes(&found), ["too-many"]);
    assert_eq!(found.0[0].message, "10001 entries: expected at most 10000");
}

#[test]
fn a_thousand_repos_with_files_of_their_own_load() {
    let mut text = String::from(
        "version: 1\nworkspace: a\nrepos:\n  core: { role: common }\n\
         common: { core: { sanity: [d0] } }\njobs: { unit: { steps: [{ run: x }] } }\n",
    );
    let mut repos = String::new();
    let mut sources = sources(b"");
    for index in 0..1_000 {
        writeln!(repos, "  r{index}: {{ role: driver, depends_on: [core] }}").unwrap();
        let own = format!(
            "version: 1\ndrivers:\n  d{index}: {{ own_changes: [unit, j{index}], common_changes: {{ mode: gating, jobs: [unit] }} }}\n\
             jobs:\n  j{index}: {{ steps: [{{ run: \"{{{{ driver.name }}}}\" }}] }}\n"
        );
        let source = Source { name: format!("r{index}/.crossgate.yaml"), text: own.into_bytes() };
        sources.repos.insert(RepoName::parse(&format!("r{index}")).unwrap(), source);
    }
    text.insert_str(text.find("common:").unwrap(), &repos);
    sources.workspace.text = text.into_bytes();
    let start = Instant::now();
    let loaded =
        load(&sources, date(2026, 3, 1)).unwrap_or_else(|found| panic!("{}", found.render(false, 100)));
    println!("1,000 repos, drivers and jobs of their own: {:?}", start.elapsed());
    assert!(start.elapsed() < PATIENCE);
    assert_eq!((loaded.workspace.drivers.len(), loaded.workspace.jobs.len()), (1_000, 1_001));
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_small_file_cannot_stand_for_a_large_workspace() {
    let mut text = String::from("version: 1\nworkspace: a\nrepos: {}\njobs:\n");
    let all: Vec<String> = (0..156).map(|job| format!("j{job}")).collect();
    let values = "[1, 2, 3, 4, 5, 6, 7, 8]";
    writeln!(
        text,
        "  j0: &j {{ matrix: {{ a: {values}, b: {values} }}, needs: [{}], steps: [{{ run: x }}] }}",
        all.join(", ")
    )
    .unwrap();
    for job in 1..900 {
        writeln!(text, "  j{job}: *j").unwrap();
    }
    let found = refused(&text);
    let messages: Vec<&str> = found.0.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert!(messages.contains(&"more than 10000 jobs, each value of a matrix counted"), "{messages:?}");
    let needs = messages.iter().any(|text| text.ends_with("jobs that must come first: expected at most 100"));
    assert!(needs, "{messages:?}");
}

#[test]
fn steps_that_burn_time_are_bounded() {
    let nested = "{% for a in [1,2,3,4,5,6,7,8,9] %}".repeat(9) + "x" + &"{% endfor %}".repeat(9);
    let mut text = String::from("version: 1\nworkspace: a\nrepos: {}\njobs:\n");
    for job in 0..20 {
        writeln!(text, "  j{job}:\n    steps:\n{}", format!("      - run: '{nested}'\n").repeat(100))
            .unwrap();
    }
    assert!(codes(&refused(&text)).iter().all(|code| matches!(*code, "step-template" | "more-problems")));
}

#[test]
fn line_ends_and_a_byte_order_mark_are_taken_as_editors_write_them() {
    for text in [DESIGN.replace('\n', "\r\n"), format!("\u{feff}{DESIGN}")] {
        let mut sources = sources(text.as_bytes());
        sources
            .catalogue
            .push(Source { name: "jobs/nova.yaml".to_owned(), text: CATALOGUE.as_bytes().to_vec() });
        let loaded = load(&sources, date(2026, 3, 1));
        loaded.unwrap_or_else(|found| panic!("{}", found.render(false, 100)));
    }
}

/// Puts bytes through all that reads or shows them, in each kind of file.
fn survives(text: &[u8]) {
    let source = |name: &str| Source { name: name.to_owned(), text: text.to_vec() };
    let mut all = sources(text);
    all.catalogue.push(source("jobs/a.yaml"));
    all.repos.insert(
        RepoName::parse("nova-driver-libvirt").unwrap(),
        source("nova-driver-libvirt/.crossgate.yaml"),
    );
    let mut own = sources(DESIGN.as_bytes());
    own.catalogue.push(Source { name: "jobs/nova.yaml".to_owned(), text: CATALOGUE.as_bytes().to_vec() });
    own.repos.clone_from(&all.repos);
    for sources in [sources(text), all, own] {
        match load(&sources, date(2026, 3, 1)) {
            Ok(loaded) => assert!(!show(&loaded).is_empty()),
            Err(found) => {
                assert!(found.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error));
                assert!(found.0.iter().all(|diagnostic| diagnostic.end_line >= diagnostic.line));
                assert!(!found.render(true, 80).is_empty());
                assert!(serde_json::to_string(&found).is_ok());
            }
        }
    }
    drop(outline(&source("crossgate.yaml")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&text);
    }

    #[test]
    fn arbitrary_text_of_yaml_signs_never_panics(text in "[-a-c:,{}\\[\\]&*!|>'\"#%@?~ \t\r\n\u{e9}\u{85}\u{2028}]{0,200}") {
        survives(text.as_bytes());
    }

    #[test]
    fn a_mutated_configuration_never_panics(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, "[-a-z0-9:,{}\\[\\]&*!|'\"%~ \n\u{e9}]{0,6}"), 1..6),
    ) {
        let mut text: Vec<u8> = DESIGN.as_bytes().to_vec();
        for (at, len, put) in cuts {
            let from = at.index(text.len());
            text.splice(from..(from + len).min(text.len()), put.bytes());
        }
        survives(&text);
    }

    #[test]
    fn swapped_lines_never_panic(
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..8),
    ) {
        let mut lines: Vec<&str> = DESIGN.lines().collect();
        for (a, b) in swaps {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
        }
        survives(lines.join("\n").as_bytes());
    }
}
