//! Snapshots.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use nova_api::{
    BackendError, BadRequest, Call, DiskSource, GiB, ImageExists, ImageName, InstanceRef, PowerState,
    Snapshot, SnapshotError, SnapshotRequest, SnapshotTaken, UnknownInstance,
};

use super::{Animal, wait};
use crate::faults::Fault;

const LAWLESS: Fault = Fault::IgnoresEpochsOfSnapshots;

impl Animal {
    /// Writes an image beside its place and moves it there.
    fn write(&self, path: &str, size: u64, start: &[u8]) -> std::io::Result<()> {
        let beside = format!("{path}.half");
        let mut file = File::create(&beside)?;
        file.write_all(if self.has(Fault::CopiesNothing) { &[] } else { start })?;
        file.set_len(if self.has(Fault::WritesHalf) { size / 2 } else { size })?;
        fs::rename(beside, path)
    }
    /// Reserves a place, and returns the image if it is there already.
    fn reserve_place(
        &self,
        call: &Call,
        instance: &InstanceRef,
        image: &ImageName,
        path: &str,
    ) -> Result<Option<SnapshotTaken>, SnapshotError> {
        let mut state = self.begin::<SnapshotError>(call, &instance.node, LAWLESS)?;
        if state.instance(instance).is_none() {
            return Err(UnknownInstance(instance.id.clone()).into());
        }
        let known = state.images.get(path).cloned();
        let own = known.as_ref().is_some_and(|(op, _)| *op == call.op_id) && !self.has(Fault::TakesOnce);
        match known {
            Some((_, Some(taken))) if own && !self.has(Fault::TakesAgain) => return Ok(Some(taken)),
            Some((_, None)) if own && self.has(Fault::TakesHalfForAnImage) => {
                return Ok(Some(SnapshotTaken::new(image.clone(), 0)));
            }
            Some(_) if own || self.has(Fault::Overwrites) => {}
            Some(_) => return Err(ImageExists(image.clone()).into()),
            None if Path::new(path).exists() && !self.has(Fault::OverwritesWhatItDoesNotKnow) => {
                return Err(ImageExists(image.clone()).into());
            }
            None => {}
        }
        if !Path::new(path).parent().is_some_and(Path::is_dir) {
            let refused = BadRequest(format!("`{path}` cannot be written"));
            let failed = BackendError::new("no such directory");
            return Err(if self.has(Fault::TakesIntoNowhere) { failed.into() } else { refused.into() });
        }
        state.images.insert(path.to_owned(), (call.op_id.clone(), None));
        Ok(None)
    }

    fn take(
        &self,
        call: &Call,
        instance: &InstanceRef,
        image: ImageName,
        path: String,
    ) -> Result<SnapshotTaken, SnapshotError> {
        let mut state = self.act::<SnapshotError>(call, &instance.node, LAWLESS)?;
        let it = state.instances.get_mut(instance).ok_or_else(|| UnknownInstance(instance.id.clone()))?;
        if self.has(Fault::TurnsOffToSnapshot) {
            it.turn(PowerState::Off);
        }
        let (GiB(disk), start) = (it.request.disk, it.disk.clone());
        let size = disk << 30;
        if !self.has(Fault::TakesNothing) {
            self.write(&path, size, &start)
                .map_err(|error| BackendError::new("not written").caused_by(error))?;
        }
        let taken = SnapshotTaken::new(image, if self.has(Fault::SaysAnotherSize) { disk } else { size });
        state.images.insert(path, (call.op_id.clone(), Some(taken.clone())));
        Ok(taken)
    }
}

impl Snapshot for Animal {
    async fn snapshot(
        &self,
        call: &Call,
        instance: &InstanceRef,
        request: SnapshotRequest,
    ) -> Result<SnapshotTaken, SnapshotError> {
        self.ensure_substance(Fault::ClaimsSnapshot)?;
        let SnapshotRequest { image, target: DiskSource::File { path }, .. } = request else {
            return Err(BadRequest("not a file".to_owned()).into());
        };
        if let Some(taken) = self.reserve_place(call, instance, &image, &path)? {
            return Ok(taken);
        }
        if let Err(why) = self.go_on(call).await {
            self.state().images.remove(&path);
            return Err(self.told(why));
        }
        let taken = self.take(call, instance, image, path)?;
        wait().await;
        Ok(taken)
    }
}
