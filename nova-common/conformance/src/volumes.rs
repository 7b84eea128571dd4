//! The facet for volumes as the cases use it: the one place that knows its version.

use nova_api::{
    AttachRequest, AttachVolumeError, AttachedVolume, AttachedVolumesError, Call, DetachVolumeError, Driver,
    InstanceRef, Volume, VolumeId, VolumesV2,
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

/// Returns the facet, if the driver has it, in whichever version.
pub(crate) fn disks<D: Driver>(driver: &D) -> Option<Disks<'_, impl VolumesV2>> {
    driver.volumes_v2().map(|facet| Disks { facet })
}

impl<V: VolumesV2> Disks<'_, V> {
    pub(crate) async fn attach(
        self,
        call: &Call,
        instance: &InstanceRef,
        volume: &Volume,
    ) -> Result<AttachedVolume, AttachVolumeError> {
        self.facet.attach(call, instance, AttachRequest::new(volume.clone())).await
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
    ) -> Result<Vec<AttachedVolume>, AttachedVolumesError> {
        self.facet.attached(instance).await
    }
}
