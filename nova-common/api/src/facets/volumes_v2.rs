//! Volumes, version 2: the driver says which device a volume has become. And the way from version 1 to it.

use nova_macros::{ApiObject, driver_facet};
use serde::{Deserialize, Serialize};

use crate::{
    AttachVolumeError, AttachedVolumesError, Call, DetachVolumeError, Header, InstanceRef, Volume, VolumeId,
};

#[expect(deprecated, reason = "the adapter takes it for a cycle more")]
use crate::Volumes;

/// The facet of drivers that can attach volumes to instances, running or off.
#[driver_facet(name = "volumes", version = 2, since = 3, adapts = "Volumes")]
pub trait VolumesV2: Send + Sync {
    /// Attaches a volume and says which device it has become.
    #[repeated("says which device the volume has become")]
    fn attach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        request: AttachRequest,
    ) -> impl Future<Output = Result<AttachedVolume, AttachVolumeError>> + Send;

    /// Detaches a volume; what the guest has written is on it when the call returns.
    #[repeated("succeeds if the volume is not attached to this instance")]
    fn detach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> impl Future<Output = Result<(), DetachVolumeError>> + Send;

    /// Lists the volumes of an instance in the order in which they were attached.
    fn attached(
        &self,
        instance: &InstanceRef,
    ) -> impl Future<Output = Result<Vec<AttachedVolume>, AttachedVolumesError>> + Send;
}

/// What is to be attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct AttachRequest {
    object: Header<Self>,
    /// The volume and how it is reached.
    pub volume: Volume,
}

impl AttachRequest {
    /// Asks for a volume.
    pub fn new(volume: Volume) -> Self {
        Self { object: Header::default(), volume }
    }
}

/// A volume that an instance has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct AttachedVolume {
    object: Header<Self>,
    /// Which one it is.
    pub volume: VolumeId,
    /// Where the guest finds it, such as `virtio-2` or `scsi 0:0:1`, if the driver knows.
    pub device: Option<String>,
}

impl AttachedVolume {
    /// Reports a volume whose device the driver does not know.
    pub fn new(volume: VolumeId) -> Self {
        Self { object: Header::default(), volume, device: None }
    }

    /// Sets where the guest finds it.
    #[must_use]
    pub fn device(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }
}

/// Version 1 asks for a device by name and cannot say which one it was: it gets the next name, and nobody
/// relies on it.
#[expect(deprecated, reason = "this is what lets drivers of version 1 be called")]
impl<T: Volumes + ?Sized> VolumesV2 for T {
    async fn attach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        request: AttachRequest,
    ) -> Result<AttachedVolume, AttachVolumeError> {
        let volume = request.volume;
        let attached = Volumes::attached(self, instance).await.map_err(|error| match error {
            AttachedVolumesError::UnknownInstance(unknown) => AttachVolumeError::from(unknown),
            AttachedVolumesError::Backend(failed) => AttachVolumeError::from(failed),
        })?;
        Volumes::attach(self, call, instance, &volume, &device_after(attached.len())).await?;
        Ok(AttachedVolume::new(volume.id))
    }

    async fn detach(
        &self,
        call: &Call,
        instance: &InstanceRef,
        volume: &VolumeId,
    ) -> Result<(), DetachVolumeError> {
        Volumes::detach(self, call, instance, volume).await
    }

    async fn attached(&self, instance: &InstanceRef) -> Result<Vec<AttachedVolume>, AttachedVolumesError> {
        let attached = Volumes::attached(self, instance).await?;
        Ok(attached.into_iter().map(AttachedVolume::new).collect())
    }
}

/// Names the device after the instance's own disk and `count` volumes: `/dev/vdb`, …, `/dev/vdz`, `/dev/vdaa`.
fn device_after(count: usize) -> String {
    let (mut number, mut letters) = (count + 1, Vec::new());
    loop {
        letters.push(b'a' + u8::try_from(number % 26).expect("below 26"));
        number /= 26;
        if number == 0 {
            break;
        }
        number -= 1;
    }
    letters.reverse();
    format!("/dev/vd{}", String::from_utf8(letters).expect("letters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_disks_are() {
        let names = [0, 1, 24, 25, 26, 50, 51].map(device_after);
        assert_eq!(
            names,
            ["/dev/vdb", "/dev/vdc", "/dev/vdz", "/dev/vdaa", "/dev/vdab", "/dev/vdaz", "/dev/vdba"]
        );
    }
}
