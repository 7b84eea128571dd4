//! Disks that can be told from others: what they begin with, and whether it is still there.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use nova_api::{CreateError, DiskSource, Driver as _, InstanceRef, NodeName};

use crate::violation::{Check, Violation, ensure};
use crate::world::World;
use crate::{Fixture, fixture};

/// What the disks that the suite makes begin with, again and again.
const PATTERN: &[u8] = b"what the disk of an instance began with, before anything was done to it. ";

/// How much of a disk is compared.
const START: u64 = 4096;

/// Makes an instance whose disk begins with the pattern; `None` if the driver offers no images in files of this
/// machine.
pub(super) async fn instance_on<F: Fixture>(
    world: &World<F>,
    node: &NodeName,
) -> Result<Option<InstanceRef>, Violation> {
    let path = world.scratch()?.join("image.raw");
    fs::write(&path, PATTERN.repeat(100))?;
    let request = world.fixture.request(world.new_instance(node)).image(fixture::file(&path));
    match world.driver.create(&world.call(), request).await {
        Ok(created) => Ok(Some(created.instance)),
        Err(CreateError::BadRequest(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Checks that an image begins with the pattern.
pub(super) fn ensure_in<F: Fixture>(world: &World<F>, image: &DiskSource, what: &str) -> Check {
    let (_, begins) = start_of(world, image)?;
    let expected = PATTERN.iter().cycle().take(begins.len());
    let same = !begins.is_empty() && begins.iter().eq(expected);
    ensure(same, format_args!("{what} to begin with what the image had that it was made of"))
}

/// Returns the size of an image and what it begins with.
pub(super) fn start_of<F: Fixture>(
    world: &World<F>,
    source: &DiskSource,
) -> Result<(u64, Vec<u8>), Violation> {
    let read = || -> io::Result<_> {
        let mut file = world.fixture.open(source)?;
        let mut start = Vec::new();
        file.by_ref().take(START).read_to_end(&mut start)?;
        Ok((file.seek(SeekFrom::End(0))?, start))
    };
    read().map_err(|error| Violation(format!("expected an image in {source:?}: {error}")))
}
