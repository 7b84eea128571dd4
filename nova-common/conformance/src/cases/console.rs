//! The facet for consoles.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use nova_api::{
    Capability, Console, ConsoleEndpointError, ConsoleOutput, ConsoleOutputError, Driver as _,
    EndpointAddress, InstanceRef, RebootKind,
};

use crate::Fixture;
use crate::cases::{Bench, facet, still};
use crate::suite::Ending;
use crate::violation::{Check, Violation, ensure, ensure_eq, ensure_refused};

/// More than any guest prints in a case.
const ALL: u32 = 1 << 20;

/// How long the suite waits between two looks at a console.
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn shows_what_the_guest_prints<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.console());
    let instance = world.created_with(Capability::Console).await?;
    if let Some((greeting, soon)) = world.fixture.greeting() {
        ensure_greeted(facet, &instance, greeting, soon).await?;
    }
    // What is off prints nothing more, so that what it has printed can be compared.
    world.turn_off(&instance).await?;
    let all = facet.console_output(&instance, ALL).await?;
    let greeted = world.fixture.greeting().is_none_or(|(greeting, _)| all.text.contains(greeting));
    ensure(greeted, "the console of an instance that is off to show what was printed")?;
    let size = u32::try_from(size_of(&all.text)).unwrap_or(ALL);
    ensure(!all.cut, format_args!("nothing before {size} bytes if {ALL} were asked for"))?;
    for limit in [0, 1, 7, size.saturating_sub(1), size, size.saturating_add(1)] {
        ensure_last(&facet.console_output(&instance, limit).await?, &all, limit)?;
    }
    let restarted = world.another().await?;
    let facet = still(restarted.console())?;
    let kept = facet.console_output(&instance, ALL).await?;
    ensure_eq("the console after a restart of the driver", &kept, &all)?;
    Ok(Ending::Checked)
}

pub(super) async fn shows_that_a_reboot_starts_the_guest<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.console());
    // Without it a guest that started cannot be told from one that went on.
    let Some((greeting, soon)) = world.fixture.greeting() else { return Ok(Ending::Checked) };
    let instance = world.created_with(Capability::Console).await?;
    ensure_greeted(facet, &instance, greeting, soon).await?;
    for kind in [RebootKind::Hard, RebootKind::Soft] {
        let before = facet.console_output(&instance, ALL).await?.text.matches(greeting).count();
        world.driver.reboot(&world.call(), &instance, kind).await?;
        ensure_greeted_often(facet, &instance, greeting, soon, before + 1).await?;
    }
    Ok(Ending::Checked)
}

async fn ensure_greeted(
    facet: &impl Console,
    instance: &InstanceRef,
    greeting: &str,
    soon: Duration,
) -> Check {
    ensure_greeted_often(facet, instance, greeting, soon, 1).await
}

async fn ensure_greeted_often(
    facet: &impl Console,
    instance: &InstanceRef,
    greeting: &str,
    soon: Duration,
    times: usize,
) -> Check {
    let started = Instant::now();
    loop {
        let shown = facet.console_output(instance, ALL).await?;
        if shown.text.matches(greeting).count() >= times {
            return Ok(());
        }
        let (late, text) = (started.elapsed() > soon, shown.text);
        let told = format_args!("`{greeting}` {times} times on the console within {soon:?}, got `{text}`");
        ensure(!late, told)?;
        thread::sleep(LOOK);
    }
}

/// Checks that an answer is the last of all that was printed.
fn ensure_last(shown: &ConsoleOutput, all: &ConsoleOutput, limit: u32) -> Check {
    let (size, whole) = (size_of(&shown.text), size_of(&all.text));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    ensure(size <= limit, format_args!("at most {limit} bytes of the console, got {size}"))?;
    ensure_eq(&format!("whether {limit} of {whole} bytes are cut"), &shown.cut, &(limit < whole))?;
    // A character may be cut in two; then neither half is shown as it was.
    let least = limit.min(whole).saturating_sub(3);
    ensure(size >= least, format_args!("{limit} of {whole} bytes of the console, got {size}"))?;
    let last = shown.text.trim_start_matches(char::REPLACEMENT_CHARACTER);
    ensure(all.text.ends_with(last), format_args!("the last {limit} bytes of the console, got `{last}`"))
}

/// Returns how many bytes the guest has printed at least: what is not UTF-8 was one byte or more.
fn size_of(text: &str) -> usize {
    text.chars().map(|c| if c == char::REPLACEMENT_CHARACTER { 1 } else { c.len_utf8() }).sum()
}

pub(super) async fn endpoint_can_be_reached<F: Fixture>(bench: &Bench<'_, F>) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.console());
    let instance = world.created_with(Capability::Console).await?;
    for _ in 0..2 {
        let address = facet.console_endpoint(&instance).await?.address;
        let reached = match &address {
            EndpointAddress::UnixSocket { path } => UnixStream::connect(path).map(drop),
            EndpointAddress::Tcp { host, port } => TcpStream::connect((host.as_str(), *port)).map(drop),
            // What comes later is for a later suite.
            _ => Ok(()),
        };
        reached.map_err(|error| Violation(format!("expected somebody at {address:?}: {error}")))?;
    }
    world.turn_off(&instance).await?;
    let off = facet.console_endpoint(&instance).await;
    ensure_refused!("console_endpoint of what is off", off, ConsoleEndpointError::WrongPower(_))?;
    Ok(Ending::Checked)
}

pub(super) async fn of_an_unknown_instance_is_refused<F: Fixture>(
    bench: &Bench<'_, F>,
) -> Result<Ending, Violation> {
    let world = bench.world;
    let facet = facet!(world.driver.console());
    let unknown = world.new_instance(&world.node_with(Capability::Console).await?);
    let output = facet.console_output(&unknown, ALL).await;
    ensure_refused!("console_output of an unknown instance", output, ConsoleOutputError::UnknownInstance(_))?;
    let endpoint = facet.console_endpoint(&unknown).await;
    ensure_refused!(
        "console_endpoint of an unknown instance",
        endpoint,
        ConsoleEndpointError::UnknownInstance(_)
    )?;
    Ok(Ending::Checked)
}
