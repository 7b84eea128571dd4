//! A node with a driver, and the words in which the tests speak of its guests.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nova_api::{
    Call, Console as _, DestroyRequest, Diagnostics, DiagnosticsReport, Driver as _, Epoch,
    InstanceId, InstanceRef, NodeName, OpId, Pause, PowerState,
};
use nova_conformance::{Fixture as _, block_on};
use nova_driver_qemu::QemuDriver;
use serde_json::{Value, json};

use crate::lab::{Guest, Lab, request};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A node and its driver.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) driver: QemuDriver,
    pub(crate) node: NodeName,
    pub(crate) lab: Lab,
}

impl World {
    /// Makes a host with a node and a driver of it.
    pub(crate) fn new() -> Self {
        Self::with_patience(PATIENCE)
    }

    /// Makes one whose driver waits as long for what guests are asked.
    pub(crate) fn with_patience(patience: Duration) -> Self {
        let lab = Lab::new();
        let node = NodeName::parse("localhost").unwrap();
        let driver = QemuDriver::new(lab.config().node(node.clone()).patience(patience));
        block_on(driver.init(&lab.host())).unwrap();
        Self { driver, node, lab }
    }

    /// Names an instance.
    pub(crate) fn instance(&self, id: &str) -> InstanceRef {
        InstanceRef { id: InstanceId::parse(id).unwrap(), node: self.node.clone() }
    }

    /// Makes a guest.
    pub(crate) fn create(&self, id: &str, guest: Guest) -> InstanceRef {
        let request = request(self.instance(id), guest);
        block_on(self.driver.create(&call(), request)).unwrap().instance
    }

    /// Makes a guest and waits until it has booted.
    pub(crate) fn boot(&self, id: &str, guest: Guest) -> InstanceRef {
        let instance = self.create(id, guest);
        self.await_console(&instance, "guest: boot 1\r\n");
        instance
    }

    pub(crate) fn destroy(&self, instance: &InstanceRef) {
        block_on(self.driver.destroy(&call(), DestroyRequest::new(instance.clone()))).unwrap();
    }

    pub(crate) fn pause(&self, instance: &InstanceRef) {
        block_on(Pause::pause(&self.driver, &call(), instance)).unwrap();
    }

    pub(crate) fn diagnostics(&self, instance: &InstanceRef) -> DiagnosticsReport {
        block_on(Diagnostics::diagnostics(&self.driver, instance)).unwrap()
    }

    pub(crate) fn power(&self, instance: &InstanceRef) -> PowerState {
        block_on(self.driver.instance_info(instance)).unwrap().power
    }

    /// Waits until a guest has printed something.
    pub(crate) fn await_console(&self, instance: &InstanceRef, wanted: &str) {
        await_console(&self.driver, instance, wanted);
    }

    /// Returns a file of an instance.
    pub(crate) fn file(&self, id: &str, name: &str) -> PathBuf {
        self.lab.path().join("state/localhost/guests").join(id).join(name)
    }

    /// Returns what QEMU has announced since the guest was started.
    pub(crate) fn journal(&self, id: &str) -> String {
        fs::read_to_string(self.file(id, "run/events.out")).unwrap()
    }

    /// Has QEMU do something, as an operator would, past the driver.
    pub(crate) fn by_hand(&self, id: &str, commands: &[Value]) {
        let mut stream = UnixStream::connect(self.file(id, "run/query")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for command in [json!({ "execute": "qmp_capabilities" })].iter().chain(commands) {
            writeln!(stream, "{command}").unwrap();
            let mut answers = lines.by_ref().map(Result::unwrap);
            let answer =
                answers.find(|line| !line.contains("\"event\"") && !line.contains("\"QMP\""));
            assert!(answer.as_ref().is_some_and(|line| line.contains("\"return\"")), "{answer:?}");
        }
    }

    /// Returns how many QEMU processes work on something below the host's directory.
    pub(crate) fn processes(&self) -> usize {
        let lab = self.lab.path().to_str().unwrap().as_bytes();
        let found = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            // Many are gone by now.
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            line.windows(lab.len()).any(|part| part == lab)
        });
        found.count()
    }
}

/// Waits until a guest has printed something.
pub(crate) fn await_console(driver: &QemuDriver, instance: &InstanceRef, wanted: &str) {
    let mut printed = String::new();
    await_that(|| {
        printed = block_on(driver.console_output(instance, 1 << 16)).unwrap().text;
        printed.contains(wanted)
    })
    .unwrap_or_else(|()| panic!("expected `{wanted}`, the guest printed `{printed}`"));
}

/// Waits until something is so, within a bound.
pub(crate) fn await_that(mut is: impl FnMut() -> bool) -> Result<(), ()> {
    let until = Instant::now() + PATIENCE;
    while !is() {
        if Instant::now() > until {
            return Err(());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Makes a call of a new operation.
pub(crate) fn call() -> Call {
    call_of(&new_op(), 1)
}

/// Makes a call of an operation in an epoch.
pub(crate) fn call_of(op: &str, epoch: u64) -> Call {
    Call::new(OpId::parse(op).unwrap(), Epoch::new(epoch), PATIENCE)
}

fn new_op() -> String {
    static OPERATIONS: AtomicU64 = AtomicU64::new(0);
    format!("op-{}", OPERATIONS.fetch_add(1, Ordering::Relaxed))
}
