//! What concerns the guest: pausing, its console, its diagnostics.

use std::net::TcpListener;
use std::sync::{Arc, MutexGuard};

use nova_api::{
    BackendError, Call, Console, ConsoleEndpoint, ConsoleEndpointError, ConsoleOutput, ConsoleOutputError,
    Diagnostics, DiagnosticsError, DiagnosticsReport, DiskCounters, EndpointAddress, InstanceRef, Pause,
    PauseError, PowerState, UnknownInstance, UnpauseError, WrongPower,
};

use super::cage::{BARE, State};
use super::{Animal, wait};
use crate::faults::Fault;

impl Pause for Animal {
    async fn pause(&self, call: &Call, instance: &InstanceRef) -> Result<(), PauseError> {
        self.ensure_substance(Fault::ClaimsPause)?;
        let allowed = [PowerState::Running, PowerState::Paused, PowerState::Off];
        let allowed = match self.fault {
            Fault::PausesOnce => &allowed[..1],
            Fault::PausesTheOff => &allowed[..],
            _ => &allowed[..2],
        };
        let to = if self.has(Fault::PausesIntoOff) { PowerState::Off } else { PowerState::Paused };
        self.switch(call, instance, allowed, to, Fault::IgnoresEpochsWhenPausing).await
    }

    async fn unpause(&self, call: &Call, instance: &InstanceRef) -> Result<(), UnpauseError> {
        self.ensure_substance(Fault::ClaimsPause)?;
        let allowed = [PowerState::Running, PowerState::Paused];
        self.switch(call, instance, &allowed, PowerState::Running, Fault::IgnoresEpochsWhenPausing).await
    }
}

/// Returns the last bytes of a text, at most so many.
fn last(text: &str, limit: usize) -> String {
    let bytes = text.as_bytes();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(limit)..]).into_owned()
}

impl Console for Animal {
    async fn console_output(
        &self,
        instance: &InstanceRef,
        limit: u32,
    ) -> Result<ConsoleOutput, ConsoleOutputError> {
        self.ensure_substance(Fault::ClaimsConsole)?;
        works_on(instance)?;
        wait().await;
        let state = self.state();
        let Some(it) = state.instance(instance) else {
            let (empty, unknown) = (ConsoleOutput::new("", false), UnknownInstance(instance.id.clone()));
            return if self.has(Fault::ShowsTheUnknown) { Ok(empty) } else { Err(unknown.into()) };
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let printed = match self.fault {
            Fault::ShowsNothing => "",
            Fault::ForgetsWhatWasPrinted if it.power == PowerState::Off => "",
            _ => &it.printed,
        };
        let text = match self.fault {
            Fault::ShowsBeyondTheLimit => last(printed, limit.saturating_add(1)),
            Fault::ShowsTheFirst => printed.chars().take(limit).collect(),
            _ => last(printed, limit),
        };
        Ok(ConsoleOutput::new(text, printed.len() > limit && !self.has(Fault::NeverSaysCut)))
    }

    async fn console_endpoint(
        &self,
        instance: &InstanceRef,
    ) -> Result<ConsoleEndpoint, ConsoleEndpointError> {
        self.ensure_substance(Fault::ClaimsConsole)?;
        wait().await;
        let mut state = self.state();
        let known = state.instances.get_mut(instance).filter(|it| !it.half);
        let it = known.ok_or_else(|| UnknownInstance(instance.id.clone()))?;
        if it.power == PowerState::Off && !self.has(Fault::ConnectsToTheOff) {
            return Err(WrongPower { instance: instance.id.clone(), power: it.power }.into());
        }
        if it.port.is_none() {
            let port = TcpListener::bind(("127.0.0.1", 0));
            it.port = Some(Arc::new(port.map_err(|error| BackendError::new("no port").caused_by(error))?));
        }
        let address = it.port.as_ref().and_then(|port| port.local_addr().ok());
        let port = address.ok_or_else(|| BackendError::new("no address"))?.port();
        if self.has(Fault::ConnectsToNobody) {
            it.port = None;
        }
        Ok(ConsoleEndpoint::new(EndpointAddress::Tcp { host: "127.0.0.1".to_owned(), port }))
    }
}

/// Refuses what a node cannot do.
fn works_on(instance: &InstanceRef) -> Result<(), BackendError> {
    let bare = instance.node.as_str() == BARE;
    if bare { Err(BackendError::new("not on this node")) } else { Ok(()) }
}

impl Animal {
    fn asked(&self, instance: &InstanceRef) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if let Some(it) = state.instances.get_mut(instance) {
            it.asked += 1;
        }
        state
    }
}

impl Diagnostics for Animal {
    async fn diagnostics(&self, instance: &InstanceRef) -> Result<DiagnosticsReport, DiagnosticsError> {
        self.ensure_substance(Fault::ClaimsDiagnostics)?;
        self.block(Fault::BlocksInDiagnostics);
        wait().await;
        let state = self.asked(instance);
        let Some(it) = state.instance(instance) else {
            return Err(UnknownInstance(instance.id.clone()).into());
        };
        let refused = match it.power {
            PowerState::Running => false,
            PowerState::Paused => self.has(Fault::DiagnosesNoPaused),
            PowerState::Off => !self.has(Fault::DiagnosesTheOff),
        };
        if refused {
            return Err(WrongPower { instance: instance.id.clone(), power: it.power }.into());
        }
        if self.has(Fault::KnowsNothingOfItsGuests) {
            return Ok(DiagnosticsReport::new());
        }
        let counters = |name: String| DiskCounters { name, read_bytes: 0, written_bytes: 0 };
        let mut disks = vec![counters("root".to_owned())];
        if !self.has(Fault::HidesVolumes) {
            disks.extend(it.volumes.iter().map(|volume| counters(volume.to_string())));
        }
        let up = it.started.elapsed();
        let uptime = if self.has(Fault::CountsInMilliseconds) { 60_000 } else { up.as_secs() };
        let cpu = if self.has(Fault::CountsBackwards) { u64::MAX - it.asked } else { it.asked };
        let report = DiagnosticsReport::new().uptime_s(uptime).cpu_time_ms(cpu);
        Ok(report.memory_used(it.request.memory).disks(disks))
    }
}
