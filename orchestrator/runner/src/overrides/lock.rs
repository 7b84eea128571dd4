//! Cargo's lock files, as far as they name what is overridden.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Makes a lock file name packages as they stand beside it: without a source, with their version if it is known.
///
/// Works on lines, since cargo compares lock files letter by letter. A package that is there in several versions, or in one
/// that a requirement on it does not take the other for, is left to cargo.
pub(super) fn follow(text: &str, versions: &BTreeMap<&str, Option<&str>>) -> String {
    let name = |block: &str| block.lines().find_map(|line| value(line, "name").map(str::to_owned));
    let blocks: Vec<_> = text.split("\n\n").map(|block| (name(block), block)).collect();
    let once = |name: &String| blocks.iter().filter(|(other, _)| other.as_ref() == Some(name)).count() == 1;
    let followed = blocks.iter().map(|(name, block)| match name.as_ref().filter(|name| once(name)) {
        Some(name) => {
            versions.get(name.as_str()).map_or((*block).to_owned(), |version| local(block, *version))
        }
        None => (*block).to_owned(),
    });
    followed.collect::<Vec<_>>().join("\n\n")
}

/// Replaces a file by a new one, since the old one may have further links.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn local(block: &str, version: Option<&str>) -> String {
    let locked = block.lines().find_map(|line| value(line, "version")).unwrap_or_default();
    let version = version.unwrap_or(locked);
    if !is_taken_for(version, locked) {
        return block.to_owned();
    }
    let kept = block
        .split_inclusive('\n')
        .filter(|line| value(line, "source").is_none() && value(line, "checksum").is_none());
    kept.map(|line| line.replace(&format!("version = \"{locked}\""), &format!("version = \"{version}\"")))
        .collect()
}

/// Says whether who asks for the one version as usual, `^`, also takes the other.
fn is_taken_for(version: &str, locked: &str) -> bool {
    let leading = |version: &str| {
        let mut parts = version.split('.').map(str::to_owned);
        let major = parts.next().unwrap_or_default();
        if major == "0" { (major, parts.next()) } else { (major, None) }
    };
    version == locked || (leading(version) == leading(locked) && !version.contains('-'))
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.trim_end().strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 4

[[package]]
name = "nova-api"
version = "1.3.0"
source = "registry+https://registry.example/index"
checksum = "00"
dependencies = [
 "serde",
]

[[package]]
name = "serde"
version = "1.0.0"
source = "registry+https://registry.example/index"
checksum = "01"
"#;

    #[test]
    fn only_what_is_overridden_changes() {
        let after = follow(LOCK, &BTreeMap::from([("nova-api", Some("1.4.0")), ("other", None)]));
        insta::assert_snapshot!(after, @r#"
        version = 4

        [[package]]
        name = "nova-api"
        version = "1.4.0"
        dependencies = [
         "serde",
        ]

        [[package]]
        name = "serde"
        version = "1.0.0"
        source = "registry+https://registry.example/index"
        checksum = "01"
        "#);
        assert!(after.ends_with("\"01\"\n"));
        assert_eq!(follow(&after, &BTreeMap::from([("nova-api", Some("1.4.0"))])), after);
    }

    #[test]
    fn what_a_requirement_does_not_take_is_left_to_cargo() {
        for (version, is_followed) in
            [("1.3.1", true), ("1.0.0", true), ("2.0.0", false), ("1.4.0-dev", false)]
        {
            let after = follow(LOCK, &BTreeMap::from([("nova-api", Some(version))]));
            assert_eq!(after != LOCK, is_followed, "{version}");
        }
        assert!(is_taken_for("0.3.1", "0.3.0") && !is_taken_for("0.4.0", "0.3.0"));
    }

    #[test]
    fn several_versions_are_left_to_cargo() {
        let twice = format!("{LOCK}\n[[package]]\nname = \"nova-api\"\nversion = \"0.9.0\"\n");
        assert_eq!(follow(&twice, &BTreeMap::from([("nova-api", Some("1.4.0"))])), twice);
    }
}
