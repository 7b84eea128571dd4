//! Volumes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use nova_api::{
    AttachRequest, AttachVolumeError, AttachedVolume, AttachedVolumesError, BackendError, BadRequest, Call,
    DetachVolumeError, DiskSource, InstanceError, InstanceRef, PowerState, UnknownInstance, Volume, VolumeId,
    VolumeInUse, VolumesV2, WrongPower,
};

use super::cage::{Instance, State};
use super::{Animal, wait};
use crate::faults::Fault;

const LAWLESS: Fault = Fault::IgnoresEpochsOfVolumes;

impl Animal {
    fn check_attachable<E: InstanceError>(&self, state: &State, instance: &InstanceRef) -> Result<(), E> {
        let it = state.instance(instance).ok_or_else(|| UnknownInstance(instance.id.clone()))?;
        if it.power == PowerState::Paused && !self.has(Fault::AttachesToThePaused) {
            return Err(WrongPower { instance: instance.id.clone(), power: it.power }.into());
        }
        Ok(())
    }

    fn check_free(
        &self,
        state: &State,
        instance: &InstanceRef,
        volume: &Volume,
    ) -> Result<(), AttachVolumeError> {
        let holder = |it: &&Instance| it.volumes.contains(&volume.id) && it.request.instance != *instance;
        let held = state.instances.values().find(holder).map(|it| it.request.instance.id.clone());
        let orphan = state.orphans.contains(&volume.id).then(|| instance.id.clone());
        match held.filter(|_| !self.has(Fault::AttachesToTwo)).or(orphan) {
            Some(by) => Err(VolumeInUse { volume: volume.id.clone(), by }.into()),
            None => Ok(()),
        }
    }

    fn check_attach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &Volume,
    ) -> Result<(), AttachVolumeError> {
        let mut state = self.begin::<AttachVolumeError>(call, &instance.node, LAWLESS)?;
        self.check_attachable::<AttachVolumeError>(&state, instance)?;
        self.check_free(&state, instance, volume)?;
        let DiskSource::File { path } = &volume.source else {
            return Err(BadRequest("not a file".to_owned()).into());
        };
        if !Path::new(path).exists() && !self.has(Fault::AttachesNothing) {
            return Err(BadRequest(format!("`{path}` is not there")).into());
        }
        let has = state.instance(instance).is_some_and(|it| it.volumes.contains(&volume.id));
        if has && self.has(Fault::AttachesOnce) {
            return Err(BackendError::new("the device is there already").into());
        }
        if self.has(Fault::AttachesBeforeTheAnswer) && !state.orphans.insert(volume.id.clone()) {
            return Err(BackendError::new("the device is half there").into());
        }
        Ok(())
    }

    fn plug(&self, call: &Call, instance: &InstanceRef, volume: &Volume) -> Result<(), AttachVolumeError> {
        let DiskSource::File { path } = &volume.source else { return Ok(()) };
        let mut state = self.act::<AttachVolumeError>(call, &instance.node, LAWLESS)?;
        state.orphans.remove(&volume.id);
        self.check_attachable::<AttachVolumeError>(&state, instance)?;
        if !self.has(Fault::AttachesWithoutLookingAgain) {
            self.check_free(&state, instance, volume)?;
        }
        let again = self.has(Fault::AttachesAgain);
        if let Some(it) =
            state.instances.get_mut(instance).filter(|it| again || !it.volumes.contains(&volume.id))
        {
            it.volumes.push(volume.id.clone());
        }
        state.paths.insert(volume.id.clone(), path.clone());
        Ok(())
    }

    fn unplug(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> Result<(), DetachVolumeError> {
        let mut state = self.act::<DetachVolumeError>(call, &instance.node, LAWLESS)?;
        if let Some(it) = state.instances.get_mut(instance) {
            let all = self.has(Fault::DetachesAll);
            it.volumes.retain(|held| held != volume && !all);
        }
        Ok(())
    }

    /// Says where the guest finds a volume.
    fn device_of(&self, volume: VolumeId, guesses: Fault) -> AttachedVolume {
        let device = match self.fault {
            Fault::NamesDevicesAlike => "a disk".to_owned(),
            fault if fault == guesses && fault != Fault::None => "the next disk".to_owned(),
            _ => format!("disk-{volume}"),
        };
        AttachedVolume::new(volume).device(device)
    }

    /// Frees what a destroyed instance had.
    pub(super) fn bury(&self, state: &mut State, gone: &Instance) {
        if self.has(Fault::Leaks) {
            state.leak(&gone.request.instance.node);
        }
        if self.has(Fault::KeepsVolumesOfTheDestroyed) {
            state.orphans.extend(gone.volumes.iter().cloned());
        }
        if self.has(Fault::DeletesVolumesOfTheDestroyed) {
            for path in gone.volumes.iter().filter_map(|volume| state.paths.get(volume)) {
                // It may have been removed with another instance.
                drop(fs::remove_file(path));
            }
        }
    }
}

impl VolumesV2 for Animal {
    async fn attach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        request: AttachRequest,
    ) -> Result<AttachedVolume, AttachVolumeError> {
        self.ensure_substance(Fault::ClaimsVolumes)?;
        let volume = request.volume;
        self.check_attach(call, instance, &volume)?;
        self.go_on(call).await.map_err(|why| self.told::<AttachVolumeError>(why))?;
        self.plug(call, instance, &volume)?;
        wait().await;
        Ok(self.device_of(volume.id, Fault::GuessesDevices))
    }
    async fn detach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> Result<(), DetachVolumeError> {
        self.ensure_substance(Fault::ClaimsVolumes)?;
        let has = {
            let state = self.begin::<DetachVolumeError>(call, &instance.node, LAWLESS)?;
            self.check_attachable::<DetachVolumeError>(&state, instance)?;
            state.instance(instance).is_some_and(|it| it.volumes.contains(volume))
        };
        if !has && self.has(Fault::DetachesOnce) {
            return Err(BackendError::new("no such device").into());
        }
        self.go_on(call).await.map_err(|why| self.told::<DetachVolumeError>(why))?;
        self.unplug(call, instance, volume)?;
        wait().await;
        Ok(())
    }

    async fn attached(&self, instance: &InstanceRef) -> Result<Vec<AttachedVolume>, AttachedVolumesError> {
        self.ensure_substance(Fault::ClaimsVolumes)?;
        wait().await;
        let state = self.state();
        let it = state.instance(instance).ok_or_else(|| UnknownInstance(instance.id.clone()))?;
        let volumes = match self.fault {
            Fault::ForgetsVolumesOfTheOff if it.power == PowerState::Off => Vec::new(),
            Fault::SortsVolumes => BTreeSet::from_iter(it.volumes.clone()).into_iter().collect(),
            _ => it.volumes.clone(),
        };
        Ok(volumes.into_iter().map(|volume| self.device_of(volume, Fault::None)).collect())
    }
}
