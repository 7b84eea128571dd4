//! Cold migration.

use nova_api::{
    BackendError, BadRequest, Call, ColdMigrate, CreateRequest, Created, GiB, MiB, MigrateEndError,
    MigrateEndRequest, MigrateInError, MigrateInRequest, MigrateOutError, MigrateOutRequest, MigrationEnd,
    MigrationPayload, NotSameInstance, PowerState, UnknownInstance, Vcpus, WrongPower,
};

use super::cage::{BARE, Instance};
use super::{Animal, wait};
use crate::faults::Fault;

const LAWLESS: Fault = Fault::IgnoresEpochsOfMigrations;

/// The version of what the animals tell each other.
const VERSION: u32 = 3;

/// What goes from one animal to another: its size, whether it ran, and its disk.
fn written(it: &Instance, was: PowerState) -> Vec<u8> {
    let (Vcpus(vcpus), MiB(memory), GiB(disk)) = (it.request.vcpus, it.request.memory, it.request.disk);
    let mut bytes = format!("{vcpus} {memory} {disk} {was}\n").into_bytes();
    bytes.extend(&it.disk);
    bytes
}

/// Reads what another animal wrote.
fn read(request: &MigrateInRequest) -> Option<(CreateRequest, PowerState, Vec<u8>)> {
    let bytes = &request.payload.bytes;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let mut words = std::str::from_utf8(&bytes[..end]).ok()?.split(' ');
    let vcpus = Vcpus(words.next()?.parse().ok()?);
    let (memory, disk) = (MiB(words.next()?.parse().ok()?), GiB(words.next()?.parse().ok()?));
    let power = match words.next()? {
        "running" => PowerState::Running,
        "off" => PowerState::Off,
        _ => return None,
    };
    let create = CreateRequest::new(request.instance.clone()).vcpus(vcpus).memory(memory).disk(disk);
    Some((create, power, bytes[end + 1..].to_vec()))
}

impl Animal {
    /// Reads a payload, as far as it is one for this driver.
    fn understood(
        &self,
        request: &MigrateInRequest,
    ) -> Result<(CreateRequest, PowerState, Vec<u8>), BadRequest> {
        let payload = &request.payload;
        let refused = |why: &str| BadRequest(why.to_owned());
        if payload.driver != self.name() && !self.has(Fault::TakesPayloadsOfOthers) {
            return Err(refused("another driver's"));
        }
        if payload.version != VERSION && !self.has(Fault::TakesPayloadsOfAnyVersion) {
            return Err(refused("of another version"));
        }
        let guessed = || (CreateRequest::new(request.instance.clone()), PowerState::Running, Vec::new());
        match read(request) {
            Some(understood) => Ok(understood),
            None if self.has(Fault::TakesBrokenPayloads) => Ok(guessed()),
            None => Err(refused("broken")),
        }
    }

    fn leave(&self, call: &Call, request: MigrateOutRequest) -> Result<Vec<u8>, MigrateOutError> {
        let (instance, to) = (request.instance, request.to);
        let mut state = self.begin::<MigrateOutError>(call, &instance.node, LAWLESS)?;
        let known = state.instances.get_mut(&instance).filter(|it| !it.half);
        let it = known.ok_or_else(|| UnknownInstance(instance.id.clone()))?;
        if (to == instance.node && !self.has(Fault::MigratesToItself)) || to.as_str() == BARE {
            return Err(BadRequest(format!("not to `{to}`")).into());
        }
        if it.power == PowerState::Paused && !self.has(Fault::MigratesThePaused) {
            return Err(WrongPower { instance: instance.id.clone(), power: it.power }.into());
        }
        if it.left.is_some() && self.has(Fault::LeavesOnce) {
            return Err(BackendError::new("it has left").into());
        }
        let was = match it.left {
            Some(was) if !self.has(Fault::ForgetsWhatItWas) => was,
            _ => it.power,
        };
        it.left = Some(was);
        if !self.has(Fault::LeavesRunning) {
            it.turn(PowerState::Off);
        }
        if self.has(Fault::ForgetsVolumesOfTheMigrating) {
            it.volumes.clear();
        }
        let mut bytes = written(it, was);
        if self.has(Fault::WritesTooMuch) {
            bytes.resize(2 << 20, 0);
        }
        state.ended.remove(&instance);
        Ok(bytes)
    }

    /// Reserves what an instance needs that comes, and says whether it is there already.
    fn expect(&self, call: &Call, request: &MigrateInRequest) -> Result<bool, MigrateInError> {
        let instance = &request.instance;
        let mut state = self.begin::<MigrateInError>(call, &instance.node, LAWLESS)?;
        let (create, _, mut disk) = self.understood(request)?;
        if self.has(Fault::LosesTheDisk) {
            disk.clear();
        }
        if let Some(it) = state.instances.get(instance) {
            let another = it.op != call.op_id && !self.has(Fault::TakesOverWhatIsThere);
            if another || self.has(Fault::ArrivesOnce) {
                return Err(NotSameInstance(instance.id.clone()).into());
            }
            return Ok(!it.half || self.has(Fault::TakesHalfForArrived));
        }
        if !self.has(Fault::ArrivesWithoutRoom) {
            self.make_room(&state, &create)?;
        }
        state.instances.insert(instance.clone(), Instance::new(create, call.op_id.clone(), disk));
        Ok(false)
    }

    fn arrive(&self, call: &Call, request: &MigrateInRequest) -> Result<(), MigrateInError> {
        let (_, power, _) = self.understood(request)?;
        let mut state = self.act::<MigrateInError>(call, &request.instance.node, LAWLESS)?;
        let destroyed = || BackendError::new("destroyed while it came");
        state.instances.get_mut(&request.instance).ok_or_else(destroyed)?.finish(power);
        Ok(())
    }

    /// Says whether a migration has ended that way already.
    fn has_ended(&self, call: &Call, request: &MigrateEndRequest) -> Result<bool, MigrateEndError> {
        let instance = &request.instance;
        let mut state = self.begin::<MigrateEndError>(call, &instance.node, LAWLESS)?;
        let noted = state.ended.get(instance) == Some(&request.end);
        if self.has(Fault::NotesTheEndFirst) && noted {
            return Ok(true);
        }
        if state.instances.get(instance).is_none_or(|it| it.left.is_none()) {
            let ended = noted && !self.has(Fault::EndsOnce);
            let refused = || BadRequest("it is not on its way".to_owned()).into();
            return if ended || self.has(Fault::EndsWhatDidNotBegin) { Ok(true) } else { Err(refused()) };
        }
        if self.has(Fault::NotesTheEndFirst) {
            state.ended.insert(instance.clone(), request.end);
        }
        Ok(false)
    }

    fn end(&self, call: &Call, request: MigrateEndRequest) -> Result<(), MigrateEndError> {
        let (instance, end) = (request.instance, request.end);
        let mut state = self.act::<MigrateEndError>(call, &instance.node, LAWLESS)?;
        let goes = match end {
            MigrationEnd::Confirm => !self.has(Fault::KeepsWhatHasLeft),
            MigrationEnd::Revert => self.has(Fault::LosesWhatComesBack),
        };
        if goes {
            if let Some(gone) = state.instances.remove(&instance) {
                self.bury(&mut state, &gone);
            }
        } else if let Some(it) = state.instances.get_mut(&instance)
            && let Some(was) = it.left.take()
        {
            it.turn(if self.has(Fault::ComesBackOff) { PowerState::Off } else { was });
        }
        state.ended.insert(instance, end);
        Ok(())
    }
}

impl ColdMigrate for Animal {
    async fn migrate_out(
        &self,
        call: &Call,
        request: MigrateOutRequest,
    ) -> Result<MigrationPayload, MigrateOutError> {
        self.ensure_substance(Fault::ClaimsMigration)?;
        let bytes = self.leave(call, request)?;
        self.go_on(call).await.map_err(|why| self.told::<MigrateOutError>(why))?;
        let driver = if self.has(Fault::SignsAsAnother) { "someone" } else { self.name() };
        Ok(MigrationPayload::new(driver, VERSION, bytes))
    }

    async fn migrate_in(&self, call: &Call, request: MigrateInRequest) -> Result<Created, MigrateInError> {
        self.ensure_substance(Fault::ClaimsMigration)?;
        let instance = &request.instance;
        if !self.has(Fault::ArrivesAnywhere) {
            self.known(&instance.node)?;
        }
        if self.expect(call, &request)? {
            return Ok(Created::new(instance.clone()));
        }
        if let Err(why) = self.go_on(call).await {
            self.give_up(instance, call);
            return Err(self.told(why));
        }
        self.arrive(call, &request)?;
        wait().await;
        Ok(Created::new(instance.clone()))
    }

    async fn migrate_end(&self, call: &Call, request: MigrateEndRequest) -> Result<(), MigrateEndError> {
        self.ensure_substance(Fault::ClaimsMigration)?;
        if !self.has(Fault::EndsAnywhere) {
            self.known(&request.instance.node)?;
        }
        if self.has_ended(call, &request)? {
            return Ok(());
        }
        self.go_on(call).await.map_err(|why| self.told::<MigrateEndError>(why))?;
        self.end(call, request)?;
        wait().await;
        Ok(())
    }
}
