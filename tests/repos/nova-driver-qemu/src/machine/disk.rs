//! Disks: raw files, sparse, opened by QEMU as nodes of its own naming.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::{Path, PathBuf};

use nova_api::{BackendError, BadRequest, Call, DiskSource, GiB, Interrupted, VolumeId};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use serde_json::{Value, json};

use crate::failure::OrFailed as _;

/// The name of the instance's own disk, for QEMU and in reports.
pub(crate) const OWN: &str = "disk";

/// How much is copied before looking whether the call is still wanted.
const CHUNK: usize = 1 << 20;

/// Returns the file of an instance's own disk.
pub(crate) fn own(dir: &Path) -> PathBuf {
    dir.join("disk.raw")
}

/// Returns the bytes of an amount of disk space.
pub(crate) fn bytes(size: GiB) -> u64 {
    size.0.saturating_mul(1 << 30)
}

/// Names the volume in a slot, for QEMU.
pub(crate) fn name_of(slot: u8) -> String {
    format!("volume{slot}")
}

/// Says how QEMU opens a disk.
pub(crate) fn blockdev(name: &str, path: &str, read_only: bool) -> Value {
    json!({
        "driver": "raw", "node-name": name, "read-only": read_only, "discard": "unmap",
        "file": { "driver": "file", "filename": path, "read-only": read_only, "discard": "unmap" },
    })
}

/// Says how QEMU shows a disk to the guest: SCSI disks can be unplugged without the guest's help.
pub(crate) fn device(name: &str, slot: u8, volume: Option<&VolumeId>) -> Value {
    let mut device = json!({
        "driver": "scsi-hd", "id": device_of(name), "bus": "scsi.0", "scsi-id": slot, "drive": name,
    });
    match volume {
        // The guest finds it below `/dev/disk/by-id`, which shows 20 characters.
        Some(volume) => {
            device["serial"] = volume.as_str().chars().take(20).collect::<String>().into();
        }
        None => device["bootindex"] = 0.into(),
    }
    device
}

/// Names the device through which the guest sees a disk.
pub(crate) fn device_of(name: &str) -> String {
    format!("{name}-device")
}

/// Returns the path of a source that QEMU can open.
pub(crate) fn path_of(source: &DiskSource) -> Result<&str, BadRequest> {
    let DiskSource::File { path } = source else {
        return Err(BadRequest("only files and block devices can be disks".to_owned()));
    };
    if Path::new(path).is_absolute() {
        Ok(path)
    } else {
        Err(BadRequest(format!("`{path}` is not an absolute path")))
    }
}

/// Opens a source for reading; returns its size in bytes too.
pub(crate) fn open(source: &DiskSource) -> Result<(File, u64), BadRequest> {
    let path = path_of(source)?;
    let refused = |error: io::Error| BadRequest(format!("`{path}` cannot be read: {error}"));
    let mut file = File::open(path).map_err(refused)?;
    let kind = file.metadata().map_err(refused)?.file_type();
    if !kind.is_file() && !kind.is_block_device() {
        return Err(BadRequest(format!("`{path}` is neither a file nor a block device")));
    }
    let size = io::Seek::seek(&mut file, io::SeekFrom::End(0)).map_err(refused)?;
    Ok((file, size))
}

/// Makes a sparse file of zeros.
pub(crate) fn create(path: &Path, size: u64) -> Result<File, BackendError> {
    let made = File::create(path).and_then(|file| file.set_len(size).map(|()| file));
    made.or_failed(|| format!("`{}` cannot be made", path.display()))
}

/// Copies what is in `from` to the same places of `to`, which is zero there.
pub(crate) fn copy<E>(from: &File, to: &File, call: &Call) -> Result<(), E>
where
    E: From<BackendError> + From<Interrupted>,
{
    let failed = || "a disk cannot be copied".to_owned();
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    while let Some(start) = data_from(from, at).or_failed(failed)? {
        at = start;
        call.check()?;
        let read = from.read_at(&mut buffer, at).or_failed(failed)?;
        if read == 0 {
            break;
        }
        to.write_all_at(&buffer[..read], at).or_failed(failed)?;
        at += read as u64;
    }
    to.sync_all().or_failed(failed)?;
    Ok(())
}

/// Returns the first place from `at` on where a file holds data, if there is one.
fn data_from(file: &File, at: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Data(at)) {
        Ok(start) => Ok(Some(start)),
        Err(Errno::NXIO) => Ok(None),
        // Block devices and some file systems do not tell.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(at)),
        Err(error) => Err(error.into()),
    }
}

/// Puts a file where there is none; says whether it could.
pub(crate) fn publish(part: &Path, target: &Path) -> io::Result<bool> {
    match fs::hard_link(part, target) {
        Ok(()) => fs::remove_file(part).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::time::Duration;

    use nova_api::{Epoch, MutationError, OpId, PowerOnError};

    use super::*;

    fn call() -> Call {
        Call::new(OpId::parse("op").unwrap(), Epoch::new(1), Duration::from_secs(20))
    }

    fn is_mutation<E: MutationError>(result: Result<(), E>) -> Result<(), E> {
        result
    }

    #[test]
    fn copies_have_the_same_content_and_the_same_holes() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["from", "to"].map(|name| dir.path().join(name));
        let from = create(&paths[0], 64 << 20).unwrap();
        from.write_all_at(b"start", 0).unwrap();
        from.write_all_at(b"end", (64 << 20) - 3).unwrap();
        let to = create(&paths[1], 64 << 20).unwrap();
        let read = File::open(&paths[0]).unwrap();
        is_mutation::<PowerOnError>(copy(&read, &to, &call())).unwrap();
        assert!(fs::read(&paths[0]).unwrap() == fs::read(&paths[1]).unwrap());
        assert!(to.metadata().unwrap().blocks() < 8192, "holes are kept");
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let [part, target] = ["part", "target"].map(|name| dir.path().join(name));
        fs::write(&part, b"one").unwrap();
        assert!(publish(&part, &target).unwrap());
        fs::write(&part, b"two").unwrap();
        assert!(!publish(&part, &target).unwrap());
        assert_eq!(fs::read(&target).unwrap(), b"one");
    }

    #[test]
    fn sources_are_absolute_and_there() {
        let refused = |path: &str| open(&DiskSource::File { path: path.to_owned() }).unwrap_err().0;
        assert_eq!(refused("disk.raw"), "`disk.raw` is not an absolute path");
        assert_eq!(refused("/dev/null"), "`/dev/null` is neither a file nor a block device");
        assert!(refused("/no/such/file").starts_with("`/no/such/file` cannot be read: "));
    }
}
