//! The life cycle of the API: what it offers is committed, and leaves only after a cycle of deprecation.
//!
//! `cycles/N.json` holds the items of cycle *N*. The file of the cycle in the making is head's: it must say
//! what the source says. The others are released and never change. Write head's file anew with
//! `UPDATE_SIGNATURES=1 cargo test -p nova-api --test signatures`.

#![expect(clippy::unwrap_used, reason = "also in what tests call, a surprise is a failure")]

mod dump;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use dump::Signatures;

/// The released cycles and the FNV-1a digests of their files; a release adds its line.
const RELEASED: &[(u32, u64)] = &[(1, 0x3e7b_ba54_ecaa_924b), (2, 0x56c3_ca51_a4d0_2d0a)];

const UPDATE: &str = "UPDATE_SIGNATURES=1 cargo test -p nova-api --test signatures";

fn head_cycle() -> u32 {
    let minor = env!("CARGO_PKG_VERSION_MINOR");
    minor.parse::<u32>().unwrap() + 1
}

fn file_of(cycle: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cycles").join(format!("{cycle}.json"))
}

fn text_of(cycle: u32) -> String {
    let file = file_of(cycle);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("`{}`: {error}", file.display()))
}

fn digest(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn signatures_of_head_are_committed() {
    let source = Signatures::of_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let head = head_cycle();
    if std::env::var_os("UPDATE_SIGNATURES").is_some() {
        fs::write(file_of(head), source.to_json(head)).unwrap();
    }
    let differences = Signatures::from_json(&text_of(head)).differences(&source);
    assert!(
        differences.is_empty(),
        "the source and `cycles/{head}.json` differ:\n{}\nif that is meant, run `{UPDATE}` and commit the file",
        differences.join("\n"),
    );
}

#[test]
fn signatures_leave_only_after_a_cycle_of_deprecation() {
    let source = Signatures::of_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let head = head_cycle();
    let last = Signatures::from_json(&text_of(head - 1));
    let broken = rules::broken(&last, &source, head);
    assert!(
        broken.is_empty(),
        "a driver of cycle {} would not work with cycle {head}:\n{}",
        head - 1,
        broken.join("\n")
    );
}

#[test]
fn signatures_of_released_cycles_never_change() {
    let released: Vec<u32> = RELEASED.iter().map(|(cycle, _)| *cycle).collect();
    assert_eq!(released, (1..head_cycle()).collect::<Vec<_>>(), "every cycle before head is released");
    for (cycle, expected) in RELEASED {
        let got = digest(&text_of(*cycle));
        assert_eq!(
            got, *expected,
            "`cycles/{cycle}.json` is released and has changed: restore it ({got:#x})"
        );
    }
}
