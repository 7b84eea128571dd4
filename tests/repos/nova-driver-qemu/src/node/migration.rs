//! Cold migration between nodes whose drivers see each other's state directories: nodes of one machine, or of
//! machines that share a file system.

use nova_api::{
    BadRequest, Call, Created, DiskSource, GiB, MiB, MigrateEndError, MigrateEndRequest,
    MigrateInError, MigrateInRequest, MigrateOutError, MigrateOutRequest, MigrationEnd,
    MigrationPayload, PowerState, UnknownNode, Vcpus,
};
use serde::{Deserialize, Serialize};

use crate::driver::NAME;
use crate::machine::{Machine, disk};
use crate::node::Node;
use crate::spec::{Attached, Migration, Spec};

/// The version of what is told to the target.
const VERSION: u32 = 1;

/// What the target is told.
#[derive(Debug, Serialize, Deserialize)]
struct Passage {
    vcpus: Vcpus,
    memory: MiB,
    disk: GiB,
    volumes: Vec<Attached>,
    /// Whether the instance ran.
    ran: bool,
    /// The file of its disk.
    path: String,
}

impl Node {
    /// Turns an instance off and says what its next node must know.
    pub(crate) fn migrate_out(
        &self,
        call: &Call,
        request: &MigrateOutRequest,
    ) -> Result<MigrationPayload, MigrateOutError> {
        self.act(call, &request.instance, |mut machine| {
            let ran = match &machine.spec.migration {
                Some(Migration::Out { to, ran }) if *to == request.to => *ran,
                Some(Migration::Out { to, .. }) => {
                    return Err(
                        BadRequest(format!("the instance is on its way to node `{to}`")).into()
                    );
                }
                Some(Migration::Reverted) | None => {
                    if request.to == self.name {
                        return Err(BadRequest("the instance is on that node".to_owned()).into());
                    }
                    let power = machine
                        .must_be::<MigrateOutError>(&[PowerState::Running, PowerState::Off])?;
                    // Written down first, so that a driver that dies on the way knows what to go back to.
                    let ran = power == PowerState::Running;
                    machine.spec.migration = Some(Migration::Out { to: request.to.clone(), ran });
                    machine.save()?;
                    ran
                }
            };
            machine.stop::<MigrateOutError>(call, self.config.patience)?;
            let own = disk::own(machine.dir());
            let not_utf8 = || BadRequest("the state directory's path is not UTF-8".to_owned());
            let path = own.to_str().ok_or_else(not_utf8)?.to_owned();
            let Spec { vcpus, memory, disk, volumes, .. } = machine.spec;
            let passage = Passage { vcpus, memory, disk, volumes, ran, path };
            let bytes = serde_json::to_vec(&passage).expect("plain data with text for keys");
            Ok(MigrationPayload::new(NAME, VERSION, bytes))
        })
    }

    /// Takes an instance over.
    pub(crate) fn migrate_in(
        &self,
        call: &Call,
        request: &MigrateInRequest,
    ) -> Result<Created, MigrateInError> {
        let (instance, payload) = (&request.instance, &request.payload);
        if instance.node != self.name {
            return Err(UnknownNode(instance.node.clone()).into());
        }
        let _fence = self.enter::<MigrateInError>(call)?;
        if payload.driver != NAME || payload.version != VERSION {
            let why = format!(
                "expected a payload of `{NAME}` {VERSION}, got `{}` {}",
                payload.driver, payload.version
            );
            return Err(BadRequest(why).into());
        }
        let broken = |error| BadRequest(format!("the payload is broken: {error}"));
        let passage: Passage = serde_json::from_slice(&payload.bytes).map_err(broken)?;
        let alone = self.alone::<MigrateInError>(call, &instance.id)?;
        let spec = Spec {
            id: instance.id.clone(),
            op_id: call.op_id.clone(),
            whole: false,
            vcpus: passage.vcpus,
            memory: passage.memory,
            disk: passage.disk,
            volumes: passage.volumes,
            snapshots: Vec::new(),
            migration: None,
        };
        self.arrive::<MigrateInError>(call, alone, spec, |machine| {
            let (from, size) = disk::open(&DiskSource::File { path: passage.path })?;
            if size > disk::bytes(passage.disk) {
                return Err(
                    BadRequest("the disk is larger than the payload says".to_owned()).into()
                );
            }
            let to = disk::create(&disk::own(machine.dir()), disk::bytes(passage.disk))?;
            call.progress.report(10, "copying the disk");
            disk::copy::<MigrateInError>(&from, &to, call)?;
            call.progress.report(90, "starting the guest");
            if passage.ran { machine.start(call, &self.config) } else { Ok(()) }
        })?;
        Ok(Created::new(instance.clone()))
    }

    /// Forgets an instance that has gone, or has it as it was before.
    pub(crate) fn migrate_end(
        &self,
        call: &Call,
        request: &MigrateEndRequest,
    ) -> Result<(), MigrateEndError> {
        let instance = &request.instance;
        if instance.node != self.name {
            return Err(UnknownNode(instance.node.clone()).into());
        }
        let _fence = self.enter::<MigrateEndError>(call)?;
        let alone = self.alone::<MigrateEndError>(call, &instance.id)?;
        let none = || BadRequest(format!("instance `{}` is not on its way", instance.id));
        let Some(machine) = self.machine(&instance.id)? else {
            alone.forget()?;
            let confirmed = request.end == MigrationEnd::Confirm && self.has_left(&instance.id)?;
            return if confirmed { Ok(()) } else { Err(none().into()) };
        };
        match (machine.spec.migration.clone(), request.end) {
            (Some(Migration::Out { .. }), MigrationEnd::Confirm) => {
                self.note_leaving(&instance.id)?;
                self.remove(&machine)?;
                Ok(alone.forget()?)
            }
            (Some(Migration::Out { ran, .. }), MigrationEnd::Revert) => {
                self.revert(call, machine, ran)
            }
            (Some(Migration::Reverted), MigrationEnd::Revert) => Ok(()),
            (Some(Migration::Reverted), MigrationEnd::Confirm) | (None, _) => Err(none().into()),
        }
    }

    fn revert(&self, call: &Call, mut machine: Machine, ran: bool) -> Result<(), MigrateEndError> {
        let power = machine.power()?;
        if ran && power == PowerState::Off {
            machine.start::<MigrateEndError>(call, &self.config)?;
        }
        machine.spec.migration = Some(Migration::Reverted);
        Ok(machine.save()?)
    }
}
