//! Images of an instance's disk.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nova_api::{
    BackendError, BadRequest, Call, ImageExists, MutationError, PowerState, SnapshotError,
    SnapshotRequest, SnapshotTaken,
};
use qapi::qmp;
use serde_json::json;

use crate::durable::{if_there, sync_parent};
use crate::failure::OrFailed as _;
use crate::machine::commands::{BlockdevAdd, BlockdevBackup};
use crate::machine::monitor::Waited;
use crate::machine::{Machine, disk, plug};
use crate::names::file_name;
use crate::spec::Snapshotted;

/// The name of the image while it is being made, and of QEMU's job.
const JOB: &str = "snapshot";
/// How long QEMU may take to give a job up.
const CANCEL: Duration = Duration::from_secs(10);

impl Machine {
    /// Makes an image of the disk.
    ///
    /// It is made beside its place and put there whole. The operation is written down before, so that it knows
    /// its own image when it comes again.
    pub(crate) fn snapshot(
        &mut self,
        call: &Call,
        request: SnapshotRequest,
    ) -> Result<SnapshotTaken, SnapshotError> {
        let target = PathBuf::from(disk::path_of(&request.target)?);
        let part = target.with_file_name(format!(".{}.part", file_name(call.op_id.as_str())));
        let mine = Snapshotted { op_id: call.op_id.clone(), path: target.display().to_string() };
        let begun = self.spec.snapshots.contains(&mine);
        if target.exists() {
            let unreadable = || format!("`{}` cannot be read", target.display());
            if !begun || !is_published(&part, &target).or_failed(unreadable)? {
                return Err(ImageExists(request.image).into());
            }
            let size = fs::metadata(&target).or_failed(unreadable)?.len();
            return Ok(SnapshotTaken::new(request.image, size));
        }
        if !begun {
            self.spec.remember(mine);
            self.save()?;
        }
        let size = disk::bytes(self.spec.disk);
        let published = self.fill(call, &part, size).and_then(|()| {
            let published =
                disk::publish(&part, &target).and_then(|done| sync_parent(&target).map(|()| done));
            Ok(published
                .or_failed(|| format!("`{}` cannot be put in its place", target.display()))?)
        });
        if !matches!(published, Ok(true)) {
            if_there(fs::remove_file(&part))
                .or_failed(|| format!("`{}` cannot be removed", part.display()))?;
        }
        if published? {
            Ok(SnapshotTaken::new(request.image, size))
        } else {
            Err(ImageExists(request.image).into())
        }
    }

    fn fill(&self, call: &Call, part: &Path, size: u64) -> Result<(), SnapshotError> {
        let refused = |error: io::Error| {
            BadRequest(format!("`{}` cannot be written: {error}", part.display()))
        };
        let made = File::create(part).and_then(|file| file.set_len(size).map(|()| file));
        let file = made.map_err(refused)?;
        if self.power()? == PowerState::Off {
            let path = disk::own(self.dir());
            let own =
                File::open(&path).or_failed(|| format!("`{}` cannot be read", path.display()))?;
            return disk::copy(&own, &file, call);
        }
        let path =
            part.to_str().ok_or_else(|| BadRequest("the target's path is not UTF-8".to_owned()))?;
        self.back_up::<SnapshotError>(call, path)?;
        Ok(file.sync_all().or_failed(|| format!("`{}` cannot be written", part.display()))?)
    }

    /// Has QEMU copy the disk as it is now, while the guest goes on.
    fn back_up<E: MutationError>(&self, call: &Call, path: &str) -> Result<(), E> {
        let mut monitor = self.monitor()?;
        // A driver that died may have left its job.
        if monitor.execute(&cancel()).is_ok() {
            monitor.wait_for(call, Instant::now() + CANCEL, |event| ended(event).is_some())?;
        }
        plug::close(&mut monitor, JOB)?;
        monitor.execute(&BlockdevAdd(disk::blockdev(JOB, path, false)))?;
        let job = json!({ "job-id": JOB, "device": disk::OWN, "target": JOB, "sync": "full" });
        let mut end = None;
        let waited = match monitor.execute(&BlockdevBackup(job)) {
            Ok(_) => monitor.wait_for(call, call.deadline, |event| {
                end = ended(event);
                end.is_some()
            }),
            Err(error) => {
                end = Some(Err(error));
                Ok(Waited::Came)
            }
        };
        if waited.is_err() && monitor.execute(&cancel()).is_ok() {
            monitor.wait_quietly(Instant::now() + CANCEL, |event| ended(event).is_some());
        }
        let closed = plug::close(&mut monitor, JOB);
        waited?;
        end.unwrap_or_else(|| Err(BackendError::new("QEMU ended during the snapshot")))?;
        Ok(closed?)
    }
}

/// Returns whether what is in an image's place was put there from beside it, and leaves nothing beside it then.
fn is_published(part: &Path, target: &Path) -> io::Result<bool> {
    let Some(beside) = if_there(fs::metadata(part))? else { return Ok(true) };
    let there = fs::metadata(target)?;
    // A driver that dies between the two steps of putting it there leaves it under both names.
    let same = (beside.dev(), beside.ino()) == (there.dev(), there.ino());
    if same { fs::remove_file(part).map(|()| true) } else { Ok(false) }
}

fn cancel() -> qmp::block_job_cancel {
    qmp::block_job_cancel { device: JOB.to_owned(), force: Some(true) }
}

/// Returns how the job ended, if an event says that it has.
fn ended(event: &qmp::Event) -> Option<Result<(), BackendError>> {
    let failed =
        |why: &str| Some(Err(BackendError::new(format!("the disk could not be copied: {why}"))));
    match event {
        qmp::Event::BLOCK_JOB_COMPLETED { data, .. } if data.device == JOB => match &data.error {
            Some(error) => failed(error),
            None => Some(Ok(())),
        },
        qmp::Event::BLOCK_JOB_CANCELLED { data, .. } if data.device == JOB => {
            failed("the job was cancelled")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_under_both_names_is_published() {
        let dir = tempfile::tempdir().unwrap();
        let [part, target] = [".op.part", "image"].map(|name| dir.path().join(name));
        fs::write(&part, b"image").unwrap();
        fs::hard_link(&part, &target).unwrap();
        assert!(is_published(&part, &target).unwrap() && !part.exists());
        assert!(is_published(&part, &target).unwrap());
        fs::write(&part, b"another").unwrap();
        assert!(!is_published(&part, &target).unwrap() && part.exists());
    }
}
