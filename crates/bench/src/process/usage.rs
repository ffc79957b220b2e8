//! What processes use, as the system tells in `/proc`.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use rustix::process::Pid;

/// Clock ticks in a second of `/proc/PID/stat`: fixed by Linux's interface.
const TICKS_PER_SECOND: u64 = 100;

/// Processes whose use of the processors is summed.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    /// Counted themselves.
    own: Vec<i32>,
    /// Counted with their children.
    families: Vec<i32>,
}

impl Processes {
    /// One process.
    #[must_use]
    pub fn of(id: Pid) -> Self {
        Self {
            own: vec![id.as_raw_nonzero().get()],
            families: Vec::new(),
        }
    }

    /// This process.
    #[must_use]
    pub fn this() -> Self {
        Self::of(rustix::process::getpid())
    }

    /// These, and a database's processes if it has its own.
    #[must_use]
    pub fn and_family(mut self, id: Option<i32>) -> Self {
        self.families.extend(id);
        self
    }

    /// How long they have been at work so far. What a process of a family did is lost when it ends.
    #[must_use]
    pub fn at_work(&self) -> Duration {
        let mut worked: u64 = self.own.iter().filter_map(|id| ticks(*id)).sum();
        if !self.families.is_empty() {
            let members = fs::read_dir("/proc").into_iter().flatten().flatten();
            worked += members
                .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .filter(|id| {
                    self.families.contains(id)
                        || parent(*id).is_some_and(|parent| self.families.contains(&parent))
                })
                .filter_map(ticks)
                .sum::<u64>();
        }
        Duration::from_millis(worked * 1_000 / TICKS_PER_SECOND)
    }
}

/// The fields of `/proc/PID/stat` after the name.
fn stat(id: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn ticks(id: i32) -> Option<u64> {
    let fields = stat(id)?;
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // utime and stime, fields 14 and 15 of the whole line.
    Some(number(11)? + number(12)?)
}

/// The parent of a process.
pub(crate) fn parent(id: i32) -> Option<i32> {
    stat(id)?.get(1)?.parse().ok()
}

/// The memory of a process that is resident, in bytes.
///
/// # Errors
/// If the process is gone, or the system does not tell.
pub fn resident_bytes(id: Pid) -> Result<u64> {
    let path = format!("/proc/{}/status", id.as_raw_nonzero());
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse::<u64>().ok())
        .with_context(|| format!("{path} has no VmRSS"))?;
    Ok(kibibytes * 1024)
}
