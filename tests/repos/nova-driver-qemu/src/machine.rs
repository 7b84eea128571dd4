//! One instance: its directory and, while it is on, its QEMU.
//!
//! ```text
//! guests/ID/spec.json      what it is
//!           disk.raw       its disk
//!           console.log    what it has printed on its first serial port
//!           run/           its last boot, see [`Process`]
//! ```

mod command_line;
mod commands;
pub(crate) mod console;
pub(crate) mod disk;
mod growing;
pub(crate) mod journal;
mod monitor;
mod plug;
mod process;
mod snapshot;
mod usage;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nova_api::{
    BackendError, Call, InstanceError, InstanceInfo, InstanceRef, InstanceSummary, MutationError,
    NodeName, PowerState, WrongPower,
};
use qapi::qmp;

use crate::config::Config;
use crate::machine::monitor::{Monitor, Purpose, Waited};
use crate::machine::process::{Process, Waiting};
use crate::spec::Spec;

/// How long a question may take to be answered before the journal is believed instead.
const QUESTION: Duration = Duration::from_secs(3);
/// How long a guest has before it is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long each key is held, in milliseconds: as briefly as a person can.
const KEY_MS: i64 = 20;
/// How long QEMU may take to let go of a guest that is stopped by force.
const QUIT: Duration = Duration::from_secs(5);
/// How long a reset may take.
const RESET: Duration = Duration::from_secs(10);

/// One instance of a node.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) spec: Spec,
    dir: PathBuf,
    process: Process,
}

impl Machine {
    /// Takes an instance that is to be made in a directory.
    pub(crate) fn new(spec: Spec, dir: PathBuf) -> Self {
        let process = Process::new(dir.join("run"));
        Self { spec, dir, process }
    }

    /// Reads an instance from its directory, if there is one.
    pub(crate) fn read(dir: PathBuf) -> Result<Option<Self>, BackendError> {
        Ok(Spec::read(&dir)?.map(|spec| Self::new(spec, dir)))
    }

    /// Returns its directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the directory of its last boot.
    pub(crate) fn run(&self) -> &Path {
        self.process.run()
    }

    fn console_log(&self) -> PathBuf {
        self.dir.join("console.log")
    }

    /// Frees the space of what it has had written long ago.
    pub(crate) fn trim(&self) {
        growing::trim(&self.console_log());
        growing::trim(&journal::file(self.run()));
    }

    /// Writes down what it is.
    pub(crate) fn save(&self) -> Result<(), BackendError> {
        self.spec.write(&self.dir)
    }

    /// Has its process gone, whatever it is at.
    pub(crate) fn kill(&self) -> Result<(), BackendError> {
        self.process.kill()
    }

    /// Returns it as it is listed.
    pub(crate) fn summary(&self, node: &NodeName) -> Result<InstanceSummary, BackendError> {
        Ok(InstanceSummary::new(self.reference(node), self.power()?))
    }

    /// Returns it in full.
    pub(crate) fn info(&self, node: &NodeName) -> Result<InstanceInfo, BackendError> {
        let Spec { vcpus, memory, disk, .. } = self.spec;
        Ok(InstanceInfo::new(self.reference(node), self.power()?)
            .vcpus(vcpus)
            .memory(memory)
            .disk(disk))
    }

    /// Returns its name on its node.
    pub(crate) fn reference(&self, node: &NodeName) -> InstanceRef {
        InstanceRef { id: self.spec.id.clone(), node: node.clone() }
    }

    /// Returns whether it has a process, whatever that is at.
    pub(crate) fn is_on(&self) -> Result<bool, BackendError> {
        self.process.is_alive()
    }

    /// Returns whether it runs.
    pub(crate) fn power(&self) -> Result<PowerState, BackendError> {
        if !self.process.is_alive()? {
            return Ok(PowerState::Off);
        }
        match self.ask(&qmp::query_status {}) {
            Ok(status) if status.running => Ok(PowerState::Running),
            Ok(status) if status.status == qmp::RunState::shutdown => Ok(PowerState::Off),
            Ok(_) => Ok(PowerState::Paused),
            Err(_) if !self.process.is_alive()? => Ok(PowerState::Off),
            // One guest that hangs must not keep all others from being listed.
            Err(_) => journal::last_state(self.run()),
        }
    }

    /// Refuses unless it is in one of some power states.
    pub(crate) fn must_be<E: InstanceError>(
        &self,
        allowed: &[PowerState],
    ) -> Result<PowerState, E> {
        let power = self.power()?;
        if allowed.contains(&power) {
            Ok(power)
        } else {
            Err(WrongPower { instance: self.spec.id.clone(), power }.into())
        }
    }

    /// Starts it; it is off.
    pub(crate) fn start<E: MutationError>(&self, call: &Call, config: &Config) -> Result<(), E> {
        // It may just be about to go, having said that it is off.
        if !self.gone::<E>(call, Instant::now() + QUIT)? {
            self.process.kill()?;
        }
        self.process.start(call, &mut command_line::of(config, &self.spec, &self.dir)?)
    }

    /// Turns it off: asks the guest if it runs and there is grace, then QEMU, then the kernel.
    pub(crate) fn stop<E: MutationError>(&self, call: &Call, grace: Duration) -> Result<(), E> {
        let until = Instant::now() + grace;
        let mut asked = self.power()? == PowerState::Running;
        while asked && Instant::now() < until {
            // A guest that is just booting does not hear, so it is asked again.
            asked = self.control(&qmp::system_powerdown {}).is_ok();
            if self.gone::<E>(call, until.min(Instant::now() + AGAIN))? {
                return Ok(());
            }
        }
        call.check()?;
        let quits = self.process.is_alive()? && self.control(&qmp::quit {}).is_ok();
        if quits && self.gone::<E>(call, Instant::now() + QUIT)? {
            return Ok(());
        }
        self.process.kill()?;
        Ok(())
    }

    /// Reboots it: presses ctrl-alt-del, and resets it if the guest does not comply.
    ///
    /// A key press is what a guest can obey without QEMU ending, so there is no moment in which a driver that
    /// dies would leave it off.
    pub(crate) fn reboot_softly<E: MutationError>(
        &self,
        call: &Call,
        config: &Config,
    ) -> Result<(), E> {
        let until = Instant::now() + config.patience;
        let mut monitor = self.monitor()?;
        while Instant::now() < until {
            let keys = [qmp::QKeyCode::ctrl, qmp::QKeyCode::alt, qmp::QKeyCode::delete];
            let keys = keys.map(|data| qmp::KeyValue::qcode(qmp::QKeyCodeWrapper { data })).into();
            monitor.execute(&qmp::send_key { hold_time: Some(KEY_MS), keys })?;
            match monitor.wait_for(call, until.min(Instant::now() + AGAIN), is_reset)? {
                Waited::Came => return Ok(()),
                // A guest that is just booting does not hear, so it is asked again.
                Waited::Late => {}
                // A guest may take the keys for a wish to be turned off.
                Waited::Gone => return self.start(call, config),
            }
        }
        self.reset(call, &mut monitor)
    }

    /// Resets it.
    pub(crate) fn reboot_hard<E: MutationError>(&self, call: &Call) -> Result<(), E> {
        self.reset(call, &mut self.monitor()?)
    }

    /// Stops its processors.
    pub(crate) fn pause(&self) -> Result<(), BackendError> {
        self.control(&qmp::stop {}).map(drop)
    }

    /// Lets its processors run again.
    pub(crate) fn unpause(&self) -> Result<(), BackendError> {
        self.control(&qmp::cont {}).map(drop)
    }

    fn reset<E: MutationError>(&self, call: &Call, monitor: &mut Monitor) -> Result<(), E> {
        monitor.execute(&qmp::system_reset {})?;
        match monitor.wait_for(call, Instant::now() + RESET, is_reset)? {
            Waited::Came => Ok(()),
            Waited::Late | Waited::Gone => {
                Err(BackendError::new(format!("instance `{}` was not reset", self.spec.id)).into())
            }
        }
    }

    fn gone<E: MutationError>(&self, call: &Call, until: Instant) -> Result<bool, E> {
        self.process.wait_until_gone(Some(call), until).map_err(Waiting::into_error)
    }

    fn control<C: qapi::Command>(&self, command: &C) -> Result<C::Ok, BackendError> {
        self.monitor()?.execute(command)
    }

    fn monitor(&self) -> Result<Monitor, BackendError> {
        Monitor::connect(self.run(), Purpose::Control, QUESTION)
    }

    fn ask<C: qapi::Command>(&self, question: &C) -> Result<C::Ok, BackendError> {
        Monitor::connect(self.run(), Purpose::Query, QUESTION)?.execute(question)
    }
}

fn is_reset(event: &qmp::Event) -> bool {
    matches!(event, qmp::Event::RESET { .. })
}
