//! Head tells the author of the frozen driver exactly what is committed in `expected-warnings.txt`.
//!
//! Write it anew with `UPDATE_WARNINGS=1 cargo test -p nova-driver-frozen --test warnings`.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// Builds the driver anew in a directory of its own, and returns what the compiler says about it.
fn told() -> Vec<String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("frozen");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--offline", "--quiet", "--lib", "--message-format=json"]);
    cargo.args(["--package", env!("CARGO_PKG_NAME"), "--", "--force-warn", "deprecated"]);
    // Flags of the build that runs this test are not about this driver.
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target).env_remove("RUSTFLAGS");
    let output = cargo.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = String::from_utf8(output.stdout).unwrap();
    let messages = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_compiler = messages.filter(|message| message["reason"] == "compiler-message");
    let told: Vec<String> = of_compiler.filter_map(|message| line_of(&message["message"])).collect();
    assert!(
        output.status.success(),
        "the driver of the last cycle does not compile:\n{errors}{}",
        told.join("\n")
    );
    told
}

/// Returns `src/lib.rs:12: warning: …`; what is not in a file, such as a count of warnings, is nothing.
fn line_of(message: &Value) -> Option<String> {
    let span = message["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
    let (file, line) = (span["file_name"].as_str()?, &span["line_start"]);
    let file = file.rsplit_once("frozen/").map_or(file, |(_, file)| file);
    Some(format!("{file}:{line}: {}: {}", message["level"].as_str()?, message["message"].as_str()?))
}

#[test]
fn the_driver_of_the_last_cycle_gets_the_warnings_that_are_expected() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("expected-warnings.txt");
    let mut told = told();
    told.sort();
    let told: String = told.into_iter().map(|line| line + "\n").collect();
    if env::var_os("UPDATE_WARNINGS").is_some() {
        fs::write(&file, &told).unwrap();
    }
    assert_eq!(
        told,
        fs::read_to_string(&file).unwrap(),
        "what the compiler says, and what `expected-warnings.txt` says"
    );
}
