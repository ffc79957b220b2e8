//! What the process uses, as Linux tells in `/proc`; elsewhere only when it started.

use std::{
    fs,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use prometheus::{
    IntGauge,
    core::{AtomicF64, GenericCounter},
};
use rustix::process::{Resource, getrlimit};

use super::{Register, gauge};

/// Clock ticks in a second of `/proc/PID/stat`: fixed by Linux's interface.
const TICKS_PER_SECOND: f64 = 100.0;
/// Bytes of a kibibyte.
const KIBIBYTE: i64 = 1024;

/// The metrics of the process.
#[derive(Debug)]
pub(super) struct Process {
    /// Held by who reads: two at once would count the same time twice.
    reading: Mutex<()>,
    cpu_seconds: GenericCounter<AtomicF64>,
    resident_memory_bytes: IntGauge,
    open_files: IntGauge,
    open_files_limit: IntGauge,
}

impl Process {
    pub(super) fn new(register: &Register<'_>) -> Self {
        register
            .float_gauge(
                "echelon_process_start_time_seconds",
                "When the process started, in seconds since 1970.",
            )
            .set(seconds_since_epoch());
        Self {
            reading: Mutex::default(),
            cpu_seconds: register.float_counter(
                "echelon_process_cpu_seconds_total",
                "Time of processors that the process has used.",
            ),
            resident_memory_bytes: register.gauge(
                "echelon_process_resident_memory_bytes",
                "Memory of the process that is resident.",
            ),
            open_files: register.gauge(
                "echelon_process_open_files",
                "Files and sockets that the process has open.",
            ),
            open_files_limit: register.gauge(
                "echelon_process_open_files_limit",
                "Most files and sockets that the process may have open; 0 for no limit.",
            ),
        }
    }

    /// Brings them up to now. What the system does not tell stays as it is.
    pub(super) fn read(&self) {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seconds) = cpu_seconds() {
            self.cpu_seconds
                .inc_by((seconds - self.cpu_seconds.get()).max(0.0));
        }
        if let Some(bytes) = resident_memory_bytes() {
            self.resident_memory_bytes.set(bytes);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(gauge(open.count()));
        }
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(0);
        self.open_files_limit
            .set(i64::try_from(limit).unwrap_or(i64::MAX));
    }
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    // utime and stime, fields 14 and 15 of the whole line.
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn resident_memory_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * KIBIBYTE)
}

fn seconds_since_epoch() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use prometheus::Registry;

    use super::*;

    #[test]
    fn what_the_process_uses_is_told() {
        let process = Process::new(&Register(&Registry::new()));
        process.read();
        assert!(process.resident_memory_bytes.get() > 100 * KIBIBYTE);
        let before = process.open_files.get();
        assert!(before >= 3, "{before}");
        let limit = process.open_files_limit.get();
        assert!(limit == 0 || limit > before, "{limit}");
        let used = cpu_seconds().expect("Linux tells it");
        while cpu_seconds().expect("Linux tells it") <= used {
            std::hint::spin_loop();
        }
        process.read();
        assert!(process.cpu_seconds.get() > used);
    }
}
