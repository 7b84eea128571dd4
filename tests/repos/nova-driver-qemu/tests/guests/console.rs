//! Consoles and diagnostics: what a guest prints and uses.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nova_api::{Console as _, Diagnostics, DiagnosticsError, Driver as _, EndpointAddress, MiB};
use nova_conformance::block_on;

use crate::lab::Guest;
use crate::world::{World, await_that, call};

#[test]
fn the_console_shows_what_the_guest_prints_and_keeps_it() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    world.await_console(&guest, "guest: tick 1\r\n");
    block_on(world.driver.power_off(&call(), &guest, Duration::ZERO)).unwrap();
    world.await_console(&guest, "guest: tick 1\r\n");
    block_on(world.driver.power_on(&call(), &guest)).unwrap();
    world.await_console(&guest, "guest: boot 2\r\n");
    let all = block_on(world.driver.console_output(&guest, 1 << 16)).unwrap();
    assert!(all.text.starts_with("guest: boot 1\r\n") && !all.cut, "{all:?}");
    let last = block_on(world.driver.console_output(&guest, 6)).unwrap();
    assert!(last.text.len() <= 6 && last.cut, "{last:?}");
}

#[test]
fn a_client_of_the_endpoint_types_and_reads() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let endpoint = block_on(world.driver.console_endpoint(&guest)).unwrap();
    let EndpointAddress::UnixSocket { path } = endpoint.address else { panic!("{endpoint:?}") };
    let mut client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    client.write_all(b"#").unwrap();
    let mut byte = [0];
    while byte != *b"#" {
        client.read_exact(&mut byte).unwrap();
    }
    world.await_console(&guest, "#");
}

#[test]
fn diagnostics_count_what_the_guest_does() {
    let world = World::new();
    let guest = world.boot("i-1", Guest::Hearing);
    let report = world.diagnostics(&guest);
    let disk = &report.disks[0];
    assert_eq!((report.disks.len(), disk.name.as_str()), (1, "disk"), "{report:?}");
    assert!(disk.read_bytes >= 1024 && disk.written_bytes == 512, "{disk:?}");
    assert!(report.memory_used > Some(MiB(4)) && report.uptime_s < Some(60), "{report:?}");
    let used = report.cpu_time_ms;
    await_that(|| world.diagnostics(&guest).cpu_time_ms > used).unwrap();
    world.pause(&guest);
    world.diagnostics(&guest);
    block_on(world.driver.power_off(&call(), &guest, Duration::ZERO)).unwrap();
    let off = block_on(Diagnostics::diagnostics(&world.driver, &guest)).unwrap_err();
    assert!(matches!(off, DiagnosticsError::WrongPower(_)), "{off:?}");
}
