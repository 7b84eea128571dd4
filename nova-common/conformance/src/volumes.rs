//! The facet for volumes as the cases use it: the one place that knows its version.

use nova_api::{
    AttachVolumeError, AttachedVolumesError, Call, DetachVolumeError, Driver, InstanceRef, Volume, VolumeId,
    Volumes,
};

/// The facet for volumes of a driver that has it.
pub(crate) struct Disks<'a, V> {
    facet: &'a V,
}

impl<V> Clone for Disks<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Disks<'_, V> {}

/// Returns the facet, if the driver has it.
pub(crate) fn disks<D: Driver>(driver: &D) -> Option<Disks<'_, impl Volumes>> {
    driver.volumes().map(|facet| Disks { facet })
}

impl<V: Volumes> Disks<'_, V> {
    pub(crate) async fn attach(
        self,
        call: &Call,
        instance: &InstanceRef,
        volume: &Volume,
    ) -> Result<(), AttachVolumeError> {
        self.facet.attach(call, instance, volume, &device(&volume.id)).await
    }

    pub(crate) async fn detach(
        self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> Result<(), DetachVolumeError> {
        self.facet.detach(call, instance, volume).await
    }

    pub(crate) async fn attached(
        self,
        instance: &InstanceRef,
    ) -> Result<Vec<VolumeId>, AttachedVolumesError> {
        self.facet.attached(instance).await
    }
}

/// Returns the device that a volume of a case is asked for as: the same each time, another for the next volume.
fn device(volume: &VolumeId) -> String {
    let number: usize = volume.as_str().rsplit('-').next().and_then(|last| last.parse().ok()).unwrap_or(0);
    let letters: Vec<char> = ('b'..='z').collect();
    format!("/dev/vd{}", letters[number % letters.len()])
}
