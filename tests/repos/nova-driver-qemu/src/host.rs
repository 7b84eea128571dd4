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
            (self.vcpus > room.vcpus, format!("{}, of {}", self.vcpus, room.vcpus)),
            (self.memory > room.memory, format!("{} of memory, of {}", self.memory, room.memory)),
            (self.disk > room.disk, format!("{} of disk space, of {}", self.disk, room.disk)),
        ];
        lacking.into_iter().find(|(lacks, _)| *lacks).map(|(_, what)| what)
    }
}

/// Measures the host: its processors, its memory, and the file system of the state directory.
pub(crate) fn measure(state: &Path, vcpus_per_cpu: u32) -> Result<Size, BackendError> {
    let cpus = count(&read("/proc/stat")?);
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

/// Counts the processors that are online: `cpu0`, `cpu1`, … beside `cpu`, which is all of them.
fn count(stat: &str) -> u32 {
    let numbered = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    u32::try_from(stat.lines().filter(numbered).count()).unwrap_or(u32::MAX)
}

fn total_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_once() {
        assert_eq!(count("cpu  9 9\ncpu0 4 4\ncpu11 5 5\nintr 1\ncpufreq 1\n"), 2);
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
        assert_eq!(more.lacks(room).as_deref(), Some("65 MiB of memory, of 64 MiB"));
    }
}
