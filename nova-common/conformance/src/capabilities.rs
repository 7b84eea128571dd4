//! The facets of a driver, and the committed list of them, so that losing one is a decision and not an accident.

use std::collections::BTreeMap;

use nova_api::{
    COLD_MIGRATE, CONSOLE, DIAGNOSTICS, DRIVER, Driver, Facet, PAUSE, SNAPSHOT, VOLUMES, VOLUMES_V2,
};

/// Returns the facets that a driver has, in the version that it implements, the base first.
pub(crate) fn facets_of(driver: &impl Driver) -> Vec<Facet> {
    #[expect(deprecated, reason = "drivers may implement version 1 for a cycle more")]
    let first_volumes = driver.volumes().is_some();
    let all = [
        (true, DRIVER),
        (driver.pause().is_some(), PAUSE),
        (driver.console().is_some(), CONSOLE),
        (driver.diagnostics().is_some(), DIAGNOSTICS),
        (first_volumes, VOLUMES),
        (driver.volumes_v2().is_some() && !first_volumes, VOLUMES_V2),
        (driver.snapshot().is_some(), SNAPSHOT),
        (driver.cold_migrate().is_some(), COLD_MIGRATE),
    ];
    all.into_iter().filter(|(has, _)| *has).map(|(_, facet)| facet).collect()
}

/// Reads lines such as `pause = true`; `#` starts a comment.
///
/// # Errors
/// What is wrong with the first line that is neither.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<&str, bool>, String> {
    let mut expected = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let known =
            line.split_once('=').and_then(|(name, has)| Some((name.trim(), has.trim().parse().ok()?)));
        let (name, has) =
            known.ok_or_else(|| format!("line {number}: expected `name = true` or `name = false`"))?;
        expected.insert(name, has);
    }
    Ok(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        assert_eq!(parse("# facets\n\npause = true # yes\n"), Ok(BTreeMap::from([("pause", true)])));
    }

    #[test]
    fn an_unclear_line_is_refused_with_its_number() {
        assert_eq!(
            parse("\npause = maybe"),
            Err("line 2: expected `name = true` or `name = false`".to_owned())
        );
    }
}
