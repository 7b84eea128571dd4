//! Volumes of instances: each has at most one.

use nova_api::{
    AttachVolumeError, AttachedVolume, BadRequest, Call, DetachVolumeError, InstanceRef,
    PowerState, Volume, VolumeBusy, VolumeId, VolumeInUse,
};

use crate::machine::{Machine, disk};
use crate::node::Node;
use crate::spec::Attached;

/// Volumes can come and go while a guest runs and while there is none.
const POWER: [PowerState; 2] = [PowerState::Running, PowerState::Off];

impl Node {
    /// Attaches a volume to an instance.
    pub(crate) fn attach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &Volume,
    ) -> Result<AttachedVolume, AttachVolumeError> {
        self.act(call, instance, |mut machine| {
            let power = machine.must_be::<AttachVolumeError>(&POWER)?;
            machine.spec.must_stay()?;
            let known = machine.spec.volumes.iter().find(|one| one.volume.id == volume.id).cloned();
            let attached = match known {
                Some(attached) => attached,
                None => self.promise(call, &mut machine, volume)?,
            };
            // It may be written down and not be there, if a driver died in between.
            if power == PowerState::Running
                && let Err(error) = machine.plug(&attached)
            {
                machine.spec.volumes.retain(|one| one.volume.id != volume.id);
                machine.save()?;
                return Err(error.into());
            }
            Ok(attached.report())
        })
    }

    /// Detaches a volume from an instance.
    pub(crate) fn detach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> Result<(), DetachVolumeError> {
        self.act(call, instance, |mut machine| {
            let power = machine.must_be::<DetachVolumeError>(&POWER)?;
            machine.spec.must_stay()?;
            let Some(attached) = machine.spec.volumes.iter().find(|one| one.volume.id == *volume)
            else {
                return Ok(());
            };
            if power == PowerState::Running
                && !machine.unplug::<DetachVolumeError>(call, attached)?
            {
                let (volume, instance) = (volume.clone(), instance.id.clone());
                return Err(VolumeBusy { volume, instance }.into());
            }
            machine.spec.volumes.retain(|one| one.volume.id != *volume);
            Ok(machine.save()?)
        })
    }

    /// Writes down that a volume is an instance's, unless it is another's.
    fn promise(
        &self,
        call: &Call,
        machine: &mut Machine,
        volume: &Volume,
    ) -> Result<Attached, AttachVolumeError> {
        disk::open(&volume.source)?;
        let _room = self.room::<AttachVolumeError>(call)?;
        for other in self.machines()? {
            if other.spec.volumes.iter().any(|one| one.volume.id == volume.id) {
                let (volume, by) = (volume.id.clone(), other.spec.id);
                return Err(VolumeInUse { volume, by }.into());
            }
        }
        let full = || BadRequest("the instance has as many volumes as it can have".to_owned());
        let open = if machine.is_on()? { machine.open_slots()? } else { Vec::new() };
        let slot = machine.spec.free_slot(&open).ok_or_else(full)?;
        let attached = Attached { volume: volume.clone(), slot };
        machine.spec.volumes.push(attached.clone());
        machine.save()?;
        Ok(attached)
    }
}
