//! What a driver repo tells the suite.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use nova_api::{
    CreateRequest, DiskSource, Driver, Epoch, HostContext, HostName, ImageName, InstanceRef, NodeName,
    Volume, VolumeId,
};

/// The size of the volumes that the suite makes.
const VOLUME_BYTES: u64 = 16 << 20;

/// A back end to test on, and the way to a driver of it. Made anew for each case.
pub trait Fixture: Send + Sync + 'static {
    /// The driver to test.
    type Driver: Driver;

    /// Makes a driver of the fixture's back end. Called again, a second one of the same back end, as after a
    /// restart or on another host.
    fn driver(&self) -> Self::Driver;

    /// Says where the driver is to believe it runs.
    fn host(&self) -> HostContext {
        HostContext::new(HostName::parse("conformance-host").expect("a literal without white space"))
    }

    /// Asks for the smallest instance the back end can make.
    fn request(&self, instance: InstanceRef) -> CreateRequest {
        CreateRequest::new(instance)
    }

    /// Returns an epoch that no node of the back end has seen a greater one than.
    fn epoch(&self) -> Epoch {
        Epoch::new(1)
    }

    /// Makes a new, empty volume that the back end can reach: by default a sparse file in `scratch`, a directory of
    /// the case's own.
    ///
    /// # Errors
    /// Why there is none; a driver that has the facet for volumes fails then.
    fn volume(&self, id: VolumeId, scratch: &Path) -> io::Result<Volume> {
        let source = file(&scratch.join(format!("{id}.raw")));
        let DiskSource::File { path } = &source else { return Err(io::ErrorKind::Unsupported.into()) };
        File::create_new(path)?.set_len(VOLUME_BYTES)?;
        Ok(Volume::new(id, source))
    }

    /// Says where the back end can write an image; nothing is there yet. By default a file in `scratch`, a directory
    /// of the case's own.
    ///
    /// # Errors
    /// Why there is no such place; a driver that has the facet for snapshots fails then.
    fn image_target(&self, image: &ImageName, scratch: &Path) -> io::Result<DiskSource> {
        Ok(file(&scratch.join(format!("{image}.raw"))))
    }

    /// Opens a volume or an image to see what the driver has left there. A fixture whose back end is far away
    /// fetches it.
    ///
    /// # Errors
    /// What opening it says, such as that nothing is there.
    fn open(&self, source: &DiskSource) -> io::Result<File> {
        match source {
            DiskSource::File { path } => File::open(path),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Returns a driver of another node that instances can migrate to, and the node; made anew at each call, of the
    /// same back end. By default a second node of the driver itself is taken, as clusters have it.
    fn migration_target(&self) -> Option<(Self::Driver, NodeName)> {
        None
    }

    /// Returns what the guest of [`request`](Self::request) prints when it starts, and how soon. Without it the suite
    /// cannot tell a mute guest from a driver that loses what guests print.
    fn greeting(&self) -> Option<(&str, Duration)> {
        None
    }

    /// Says how long one poll of a call may hold its thread. A greater one needs a reason, such as a library of the
    /// back end that cannot be called otherwise.
    fn longest_poll(&self) -> Duration {
        Duration::from_millis(200)
    }

    /// Says how soon a call ends after it was cancelled or its deadline has passed. The core waits for a second and
    /// drops it then; the suite is patient with busy machines.
    fn wind_up(&self) -> Duration {
        Duration::from_secs(5)
    }
}

/// Returns the source that is a file.
pub(crate) fn file(path: &Path) -> DiskSource {
    DiskSource::File { path: path.to_string_lossy().into_owned() }
}
