//! Files to which a guest has something written for as long as it likes: only their end is kept.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

/// How much of such a file is kept.
pub(super) const KEPT: u64 = 1 << 20;

/// Frees the space of what was written long ago. Places in the file stay what they are.
pub(super) fn trim(path: &Path) {
    let trimmed = File::options().write(true).open(path).and_then(|file| {
        let old = file.metadata()?.len().saturating_sub(KEPT);
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if old > 0 { Ok(fallocate(&file, flags, 0, old)?) } else { io::Result::Ok(()) }
    });
    // Not every file system can; then the file grows, and nothing else is wrong.
    drop(trimmed);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn the_end_stays_in_its_place_and_the_rest_takes_no_space() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        let written: Vec<u8> = (0..8 << 20).map(|place: u32| place.to_le_bytes()[1] | 1).collect();
        fs::write(&path, &written).unwrap();
        trim(&path);
        let read = fs::read(&path).unwrap();
        let kept = written.len() - (1 << 20);
        assert!(read.len() == written.len() && read[kept..] == written[kept..]);
        let space = fs::metadata(&path).unwrap().blocks() * 512;
        assert!(space <= 2 << 20, "{space} bytes are taken");
    }
}
