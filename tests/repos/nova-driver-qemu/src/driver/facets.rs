//! What this driver can do beyond what all drivers can.

use nova_api::{
    AttachRequest, AttachVolumeError, AttachedVolume, AttachedVolumesError, Call, ColdMigrate,
    Console, ConsoleEndpoint, ConsoleEndpointError, ConsoleOutput, ConsoleOutputError, Created,
    DetachVolumeError, Diagnostics, DiagnosticsError, DiagnosticsReport, InstanceRef,
    MigrateEndError, MigrateEndRequest, MigrateInError, MigrateInRequest, MigrateOutError,
    MigrateOutRequest, MigrationPayload, Pause, PauseError, PowerState, Snapshot, SnapshotError,
    SnapshotRequest, SnapshotTaken, UnpauseError, VolumeId, VolumesV2, WrongPower,
};

use crate::QemuDriver;
use crate::spec::Attached;

const ON: [PowerState; 2] = [PowerState::Running, PowerState::Paused];

impl Pause for QemuDriver {
    async fn pause(&self, call: &Call, instance: &InstanceRef) -> Result<(), PauseError> {
        self.act(call, instance, |_, _, machine| match machine.must_be::<PauseError>(&ON)? {
            PowerState::Running => Ok(machine.pause()?),
            PowerState::Paused | PowerState::Off => Ok(()),
        })
        .await
    }

    async fn unpause(&self, call: &Call, instance: &InstanceRef) -> Result<(), UnpauseError> {
        self.act(call, instance, |_, _, machine| match machine.must_be::<UnpauseError>(&ON)? {
            PowerState::Paused => Ok(machine.unpause()?),
            PowerState::Running | PowerState::Off => Ok(()),
        })
        .await
    }
}

impl Console for QemuDriver {
    async fn console_output(
        &self,
        instance: &InstanceRef,
        limit: u32,
    ) -> Result<ConsoleOutput, ConsoleOutputError> {
        self.ask(instance, move |_, machine| Ok(machine.console_output(limit)?)).await
    }

    async fn console_endpoint(
        &self,
        instance: &InstanceRef,
    ) -> Result<ConsoleEndpoint, ConsoleEndpointError> {
        self.ask(instance, |_, machine| match machine.power()? {
            PowerState::Running | PowerState::Paused => Ok(machine.console_endpoint()?),
            power @ PowerState::Off => Err(WrongPower { instance: machine.spec.id, power }.into()),
        })
        .await
    }
}

impl Diagnostics for QemuDriver {
    async fn diagnostics(
        &self,
        instance: &InstanceRef,
    ) -> Result<DiagnosticsReport, DiagnosticsError> {
        self.ask(instance, |_, machine| match machine.power()? {
            PowerState::Running | PowerState::Paused => Ok(machine.usage()?),
            power @ PowerState::Off => Err(WrongPower { instance: machine.spec.id, power }.into()),
        })
        .await
    }
}

impl VolumesV2 for QemuDriver {
    async fn attach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        request: AttachRequest,
    ) -> Result<AttachedVolume, AttachVolumeError> {
        let (call, instance) = (call.clone(), instance.clone());
        self.with_node(move |node| node.attach(&call, &instance, &request.volume)).await
    }

    async fn detach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> Result<(), DetachVolumeError> {
        let (call, instance, volume) = (call.clone(), instance.clone(), volume.clone());
        self.with_node(move |node| node.detach(&call, &instance, &volume)).await
    }

    async fn attached(
        &self,
        instance: &InstanceRef,
    ) -> Result<Vec<AttachedVolume>, AttachedVolumesError> {
        self.ask(instance, |_, machine| {
            Ok(machine.spec.volumes.iter().map(Attached::report).collect())
        })
        .await
    }
}

impl Snapshot for QemuDriver {
    async fn snapshot(
        &self,
        call: &Call,
        instance: &InstanceRef,
        request: SnapshotRequest,
    ) -> Result<SnapshotTaken, SnapshotError> {
        self.act(call, instance, move |_, call, mut machine| machine.snapshot(call, request)).await
    }
}

impl ColdMigrate for QemuDriver {
    async fn migrate_out(
        &self,
        call: &Call,
        request: MigrateOutRequest,
    ) -> Result<MigrationPayload, MigrateOutError> {
        let call = call.clone();
        self.with_node(move |node| node.migrate_out(&call, &request)).await
    }

    async fn migrate_in(
        &self,
        call: &Call,
        request: MigrateInRequest,
    ) -> Result<Created, MigrateInError> {
        let call = call.clone();
        self.with_node(move |node| node.migrate_in(&call, &request)).await
    }

    async fn migrate_end(
        &self,
        call: &Call,
        request: MigrateEndRequest,
    ) -> Result<(), MigrateEndError> {
        let call = call.clone();
        self.with_node(move |node| node.migrate_end(&call, &request)).await
    }
}
