//! The journal of a boot: QEMU writes each event into a file of its own accord.
//!
//! A third monitor reads its only command from one file and writes to another. So nothing is lost while no
//! driver is there, any number of drivers can read, and nobody has to poll the guest.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nova_api::{BackendError, PowerState};
use serde::Deserialize;

use crate::durable::if_there;
use crate::failure::OrFailed as _;
use crate::machine::growing::KEPT;

/// The command that makes a monitor announce events.
const NEGOTIATE: &[u8] = b"{\"execute\": \"qmp_capabilities\"}\n";

/// How far somebody has read the journals of a guest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    boot: Option<Boot>,
    offset: u64,
}

/// The file of a boot, which is another for each; a number alone may come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Boot {
    inode: u64,
    created: Option<SystemTime>,
}

impl Boot {
    fn of(file: &Metadata) -> Self {
        Self { inode: file.ino(), created: file.created().ok() }
    }
}

/// Returns the file of a journal in the run directory of a boot.
pub(crate) fn file(run: &Path) -> PathBuf {
    run.join("events.out")
}

/// Makes the files of a journal in the run directory of a boot.
pub(crate) fn prepare(run: &Path) -> io::Result<()> {
    fs::write(run.join("events.in"), NEGOTIATE)?;
    File::create(file(run)).map(drop)
}

/// What a journal says of a guest since a cursor.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether the guest has been started since.
    pub(crate) started: bool,
    /// The power states it came into, after the start if there was one.
    pub(crate) states: Vec<PowerState>,
    /// Where to go on.
    pub(crate) cursor: Cursor,
}

/// Returns whether QEMU has come as far as to write its events.
pub(crate) fn is_kept(run: &Path) -> bool {
    fs::read(file(run)).is_ok_and(|text| text.windows(8).any(|part| part == b"\"return\""))
}

/// Reads what has been written since a cursor.
pub(crate) fn since(run: &Path, cursor: Cursor) -> Result<Told, BackendError> {
    read(run, cursor).or_failed(|| format!("journal in `{}` cannot be read", run.display()))
}

/// Returns the end of the journal.
pub(crate) fn end(run: &Path) -> Result<Cursor, BackendError> {
    let path = file(run);
    let unreadable = || format!("`{}` cannot be read", path.display());
    let there = if_there(fs::metadata(&path)).or_failed(unreadable)?;
    Ok(there.map_or_else(Cursor::default, |there| Cursor {
        boot: Some(Boot::of(&there)),
        offset: there.len(),
    }))
}

/// Returns the last power state that the journal tells, if the boot has got as far as that.
pub(crate) fn last_state(run: &Path) -> Result<PowerState, BackendError> {
    Ok(since(run, Cursor::default())?.states.last().copied().unwrap_or(PowerState::Running))
}

fn read(run: &Path, cursor: Cursor) -> io::Result<Told> {
    let Some(mut journal) = if_there(File::open(file(run)))? else {
        return Ok(Told { cursor, ..Told::default() });
    };
    let boot = Some(Boot::of(&journal.metadata()?));
    let started = boot != cursor.boot;
    // What was written longer ago may not be there any more.
    let oldest = journal.metadata()?.len().saturating_sub(KEPT);
    let mut offset = oldest.max(if started { 0 } else { cursor.offset });
    journal.seek(SeekFrom::Start(offset))?;
    let mut text = Vec::new();
    journal.take(KEPT).read_to_end(&mut text)?;
    // The last line may still be on its way.
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    offset += whole as u64;
    let states = text[..whole].split(|byte| *byte == b'\n').filter_map(state_of).collect();
    Ok(Told { started, states, cursor: Cursor { boot, offset } })
}

#[derive(Deserialize)]
struct Line {
    event: String,
}

/// Returns the state that an event brings. Events of which nothing is known bring none.
fn state_of(line: &[u8]) -> Option<PowerState> {
    let Line { event } = serde_json::from_slice(line).ok()?;
    match event.as_str() {
        "STOP" => Some(PowerState::Paused),
        "RESUME" => Some(PowerState::Running),
        "SHUTDOWN" => Some(PowerState::Off),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn event(name: &str) -> String {
        format!(
            "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}, \"event\": \"{name}\"}}\r\n"
        )
    }

    #[test]
    fn each_event_is_read_once_and_only_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path()).unwrap();
        let mut out = File::options().append(true).open(file(dir.path())).unwrap();
        out.write_all(b"{\"QMP\": {}}\r\n{\"return\": {}}\r\n").unwrap();
        let first = since(dir.path(), Cursor::default()).unwrap();
        assert!(first.started && first.states.is_empty(), "{first:?}");
        let stop = event("STOP") + &event("RTC_CHANGE") + &event("RESUME");
        let (whole, half) = stop.split_at(stop.len() - 9);
        out.write_all(whole.as_bytes()).unwrap();
        let second = since(dir.path(), first.cursor).unwrap();
        assert_eq!((second.started, second.states), (false, vec![PowerState::Paused]));
        out.write_all(half.as_bytes()).unwrap();
        let third = since(dir.path(), second.cursor).unwrap();
        assert_eq!(third.states, [PowerState::Running]);
        assert_eq!(third.cursor, end(dir.path()).unwrap());
    }

    #[test]
    fn the_journal_of_another_boot_is_read_from_its_start() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [&one, &two] {
            prepare(dir.path()).unwrap();
            fs::write(file(dir.path()), event("STOP")).unwrap();
        }
        let told = since(two.path(), end(one.path()).unwrap()).unwrap();
        assert_eq!((told.started, told.states), (true, vec![PowerState::Paused]));
    }

    #[test]
    fn of_a_long_journal_the_end_is_read() {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path()).unwrap();
        let mut text = event("RESET").repeat(1 << 14);
        text += &event("STOP");
        fs::write(file(dir.path()), &text).unwrap();
        let told = since(dir.path(), Cursor::default()).unwrap();
        assert_eq!(told.states, [PowerState::Paused]);
        assert_eq!(told.cursor, end(dir.path()).unwrap());
    }

    #[test]
    fn without_a_boot_nothing_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(since(dir.path(), Cursor::default()).unwrap(), Told::default());
    }
}
