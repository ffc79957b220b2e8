//! A clock that a test makes jump while the server runs: how the torture attacks timers (see docs/reliability.md).
//! Nothing but the variable turns it on, and the log says so at the start.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use echelon_server::clock::{Clock, ClockShift};

/// Names a file that holds by how many microseconds the machine's clock is off and, after a space, the database's.
const VARIABLE: &str = "ECHELON_TEST_CLOCK_SHIFT";
/// How often the file is read.
const LOOK: Duration = Duration::from_millis(10);

/// The machine's clock, unless a test has named a file that shifts it.
pub(crate) fn from_environment() -> anyhow::Result<Clock> {
    let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) else {
        return Ok(Clock::System);
    };
    let path = PathBuf::from(path);
    let shift = ClockShift::default();
    let shown = path.display();
    let (machine, database) = read(&path).with_context(|| {
        format!("{VARIABLE}: `{shown}` does not hold two whole numbers of microseconds: write them, or unset it")
    })?;
    shift.set(machine, database);
    tracing::warn!(
        "clocks are shifted by what `{shown}` says, for tests only: unset {VARIABLE} to serve people"
    );
    tokio::spawn(follow(path, shift.clone()));
    Ok(Clock::Shifted(shift))
}

/// Takes over what the file says for as long as the process runs. A file in the making changes nothing.
async fn follow(path: PathBuf, shift: ClockShift) {
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tick.tick().await;
        if let Some((machine, database)) = read(&path) {
            shift.set(machine, database);
        }
    }
}

fn read(path: &Path) -> Option<(i64, i64)> {
    let text = fs::read_to_string(path).ok()?;
    let (machine, database) = text.trim().split_once(' ')?;
    Some((machine.parse().ok()?, database.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_whole_numbers_shift_clocks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        assert_eq!(read(&path), None);
        for (text, shift) in [
            ("-3600000000 0\n", Some((-3_600_000_000, 0))),
            ("0 7", Some((0, 7))),
            ("7", None),
            ("", None),
            ("1h 0", None),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path), shift, "{text:?}");
        }
    }
}
