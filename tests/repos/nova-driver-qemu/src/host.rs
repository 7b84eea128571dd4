//! What the host really has.

use std::fs;
use std::path::Path;

use nova_api::{BackendError, GiB, MiB, Vcpus};
use rustix::fs::statvfs;

use crate::failure::OrFailed as _;

/// Amounts of what guests take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) vcpus: Vcpus,
    pub(crate) memory: MiB,
    pub(crate) disk: GiB,
}

impl Size {
    /// Adds, stopping at the greatest amounts.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            vcpus: self.vcpus.saturating_add(other.vcpus),
            memory: self.memory.saturating_add(other.memory),
            disk: self.disk.saturating_add(other.disk),
        }
    }

    /// Says what is lacking to fit into `room`, if anything.
    pub(crate) fn lacks(self, room: Self) -> Option<String> {
        let lacking = [
            (self.vcpus > room.vcpus, format!("{} of {}", self.vcpus, room.vcpus)),
            (self.memory > room.memory, format!("{} of {} of memory", self.memory, room.memory)),
            (self.disk > room.disk, format!("{} of {} of disk space", self.disk, room.disk)),
        ];
        lacking.into_iter().find(|(lacks, _)| *lacks).map(|(_, what)| what)
    }
}

/// Measures the host: its processors, its memory, and the file system of the state directory.
pub(crate) fn measure(state: &Path, vcpus_per_cpu: u32) -> Result<Size, BackendError> {
    let online = read("/sys/devices/system/cpu/online")?;
    let cpus = count(online.trim())
        .ok_or_else(|| BackendError::new("the processors cannot be counted"))?;
    let memory = read("/proc/meminfo")?;
    let memory =
        total_kib(&memory).ok_or_else(|| BackendError::new("no `MemTotal` in `/proc/meminfo`"))?;
    let disk = statvfs(state)
        .or_failed(|| format!("file system of `{}` is not known", state.display()))?;
    Ok(Size {
        vcpus: Vcpus(cpus.saturating_mul(vcpus_per_cpu)),
        memory: MiB(memory >> 10),
        disk: GiB(disk.f_blocks.saturating_mul(disk.f_frsize) >> 30),
    })
}

fn read(path: &str) -> Result<String, BackendError> {
    fs::read_to_string(path).or_failed(|| format!("`{path}` cannot be read"))
}

/// Counts the processors of a list such as `0-3,8`.
fn count(list: &str) -> Option<u32> {
    list.split(',').try_fold(0, |sum: u32, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

fn total_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_by_range() {
        assert_eq!(count("0"), Some(1));
        assert_eq!(count("0-3,8,10-11"), Some(7));
        assert_eq!(count(""), None);
        assert_eq!(count("3-0"), None);
    }

    #[test]
    fn memory_is_the_total() {
        assert_eq!(total_kib("MemFree: 1 kB\nMemTotal:       16314364 kB\n"), Some(16_314_364));
        assert_eq!(total_kib("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn this_host_has_something() {
        let size = measure(Path::new("/"), 2).unwrap();
        assert!(size.vcpus >= Vcpus(2) && size.memory > MiB(0) && size.disk > GiB(0), "{size:?}");
    }

    #[test]
    fn what_lacks_is_told() {
        let room = Size { vcpus: Vcpus(2), memory: MiB(64), disk: GiB(1) };
        assert_eq!(room.lacks(room), None);
        let more = Size { memory: MiB(65), ..room };
        assert_eq!(more.lacks(room).as_deref(), Some("65 MiB of 64 MiB of memory"));
    }
}
