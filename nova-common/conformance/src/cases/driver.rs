//! What a driver says of itself.

use std::fs;
use std::path::Path;

use nova_api::{Capabilities, Capability, Driver as _, Refresh};

use crate::Fixture;
use crate::capabilities;
use crate::cases::{Bench, walk};
use crate::polls::Polls;
use crate::violation::{Check, Violation, ensure, ensure_eq};

pub(super) async fn describes_itself<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let (driver, host) = (&bench.world.driver, bench.world.fixture.host());
    let info = driver.init(&host).await?;
    ensure(!info.name.is_empty() && !info.version.is_empty(), "the driver to have a name and a version")?;
    ensure_eq("what a second init says", &driver.init(&host).await?, &info)
}

pub(super) async fn shuts_down_and_comes_back<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let instance = world.created().await?;
    world.driver.shutdown().await?;
    world.driver.shutdown().await?;
    world.driver.init(&world.fixture.host()).await?;
    ensure(world.is_listed(&instance).await?, "the instance to run on while the driver was shut down")?;
    ensure(!world.driver.nodes(Refresh::Cached).await?.is_empty(), "nodes after the driver came back")
}

pub(super) async fn has_the_expected_capabilities<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let file = Path::new(bench.package.root).join("expected-capabilities.toml");
    let wrong = |why: String| Violation(format!("`{}`: {why}", file.display()));
    let text = fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
    let mut expected = capabilities::parse(&text).map_err(wrong)?;
    let present = Capabilities::of(&bench.world.driver);
    for capability in Capability::ALL {
        let (name, has) = (capability.name(), present.has(*capability));
        let listed = expected.remove(name);
        let said = listed.map_or_else(|| "does not say".to_owned(), |said| format!("says `{name} = {said}`"));
        let is = if has { "has" } else { "lacks" };
        let line = format_args!("what the driver {is}, `{name} = {has}`; the file {said}");
        // A file that was written before there was such a facet cannot know that it is absent.
        ensure(listed.unwrap_or(false) == has, line).map_err(|Violation(why)| wrong(why))?;
    }
    match expected.first_key_value() {
        Some((name, _)) => Err(wrong(format!("`{name}` is no facet of this API"))),
        None => Ok(()),
    }
}

pub(super) async fn offers_what_works<F: Fixture>(bench: &Bench<'_, F>) -> Check {
    let world = bench.world;
    let (nodes, second) = (world.driver.nodes(Refresh::Forced).await?, world.another().await?);
    let has = Capabilities::of(&world.driver);
    for capability in Capability::ALL.iter().filter(|capability| has.has(**capability)) {
        let offers = |driver: &F::Driver| -> Vec<bool> {
            nodes.iter().map(|node| driver.offers(&node.name, *capability)).collect()
        };
        let (what, offered) = (format!("which nodes offer `{}`", capability.name()), offers(&world.driver));
        ensure(offered.contains(&true), format_args!("a node that offers `{}`", capability.name()))?;
        ensure_eq(&format!("{what}, asked again,"), &offers(&world.driver), &offered)?;
        ensure_eq(&format!("{what} by a second driver"), &offers(&second), &offered)?;
    }
    let polls = Polls::default();
    for node in &nodes {
        walk::facets_on(world, &node.name, &polls)
            .await
            .map_err(|Violation(why)| Violation(format!("on node `{}`: {why}", node.name)))?;
    }
    Ok(())
}
