//! What a running guest uses.

use std::fs;

use nova_api::{BackendError, DiagnosticsReport, DiskCounters, MiB};
use rustix::param::clock_ticks_per_second;

use crate::failure::OrFailed as _;
use crate::machine::commands::{BlockStats, Nothing, QueryBlockstats};
use crate::machine::{Machine, disk};

impl Machine {
    /// Reports what it uses; it must be on.
    pub(crate) fn usage(&self) -> Result<DiagnosticsReport, BackendError> {
        let stats = self.ask(&QueryBlockstats(Nothing {}))?;
        let mut disks: Vec<_> = counters(&stats, disk::OWN, disk::OWN).into_iter().collect();
        let mut volumes: Vec<_> = self.spec.volumes.iter().collect();
        volumes.sort_by_key(|attached| attached.slot);
        for attached in volumes {
            disks.extend(counters(
                &stats,
                &disk::name_of(attached.slot),
                attached.volume.id.as_str(),
            ));
        }
        let report = DiagnosticsReport::new().disks(disks);
        let Some(pid) = self.process.pid() else { return Ok(report) };
        let read = |file: &str| {
            let path = format!("/proc/{}/{file}", pid.as_raw_nonzero());
            fs::read_to_string(&path).or_failed(|| format!("`{path}` cannot be read"))
        };
        let (status, stat) = (read("status")?, read("stat")?);
        let uptime =
            fs::read_to_string("/proc/uptime").or_failed(|| "no `/proc/uptime`".to_owned())?;
        let unclear = || BackendError::new("`/proc` says something else than expected");
        let times = times(&stat, &uptime, clock_ticks_per_second()).ok_or_else(unclear)?;
        let resident = resident_kib(&status).ok_or_else(unclear)?;
        Ok(report
            .uptime_s(times.up_s)
            .cpu_time_ms(times.cpu_ms)
            .memory_used(MiB(resident.div_ceil(1024))))
    }
}

fn counters(stats: &[BlockStats], node: &str, name: &str) -> Option<DiskCounters> {
    let found = stats.iter().find(|one| one.node_name.as_deref() == Some(node))?;
    let (read_bytes, written_bytes) = (found.stats.rd_bytes, found.stats.wr_bytes);
    Some(DiskCounters { name: name.to_owned(), read_bytes, written_bytes })
}

#[derive(Debug, PartialEq, Eq)]
struct Times {
    up_s: u64,
    cpu_ms: u64,
}

/// Reads the fields `utime`, `stime` and `starttime` of proc(5), which count clock ticks.
fn times(stat: &str, uptime: &str, ticks: u64) -> Option<Times> {
    // The second field is the program's name in parentheses and may hold anything.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let now_s: u64 = uptime.split(['.', ' ']).next()?.parse().ok()?;
    let cpu = field(14)? + field(15)?;
    Some(Times {
        up_s: now_s.saturating_sub(field(22)?.checked_div(ticks)?),
        cpu_ms: cpu.saturating_mul(1000).checked_div(ticks)?,
    })
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_of_the_process_whatever_its_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 9 0 0 0 150 50 0 0 20 0 4 0 12300 1 2";
        assert_eq!(times(stat, "130.25 200.00\n", 100), Some(Times { up_s: 7, cpu_ms: 2000 }));
        assert_eq!(times("7 (a) S 1", "130.25", 100), None);
    }

    #[test]
    fn memory_is_what_is_resident() {
        assert_eq!(resident_kib("VmSize:\t 9 kB\nVmRSS:\t   31052 kB\n"), Some(31_052));
    }
}
