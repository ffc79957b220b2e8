//! The disk under an SQLite file, which can be full. It is a file system in memory of its own where mounting is permitted;
//! elsewhere the server's limit on the size of files stands for it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// Room for the longest run.
const SIZE: &str = "2g";

/// What files take at least, in bytes.
const PAGE: u64 = 4096;
/// How often it is tried to fit a disk to what is on it, each time with a page more.
const TRIES: u64 = 30;

/// A disk.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    mounted: bool,
}

impl Disk {
    /// Mounts one on a folder, which is made; or takes the folder as it is.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).context("cannot make a folder for the database")?;
        let mounted = run(Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={SIZE}"))
            .arg("echelon-torture")
            .arg(folder))
        .is_ok();
        Ok(Self {
            folder: folder.to_owned(),
            mounted,
        })
    }

    /// Where it is.
    #[must_use]
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How a full disk comes about here, for people.
    #[must_use]
    pub(crate) const fn means(&self) -> &'static str {
        if self.mounted {
            "a small tmpfs"
        } else {
            "RLIMIT_FSIZE"
        }
    }

    /// Leaves no room for what the server writes.
    ///
    /// # Errors
    /// If it cannot be shrunk.
    pub(crate) fn fill(&self, server: Pid) -> Result<()> {
        if !self.mounted {
            return limit(server, Some(0));
        }
        let mut failure = None;
        for spare in 1..=TRIES {
            match self.resize(&format!("{}k", self.used()? + spare * PAGE / 1024)) {
                Ok(()) => return Ok(()),
                // The server has written in between.
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// What its files take, in KiB and whole pages.
    fn used(&self) -> Result<u64> {
        let mut pages = 0;
        for entry in fs::read_dir(&self.folder)? {
            pages += entry?.metadata()?.len().div_ceil(PAGE);
        }
        Ok(pages * PAGE / 1024)
    }

    /// Gives room again.
    ///
    /// # Errors
    /// If it cannot be grown.
    pub(crate) fn clear(&self, server: Pid) -> Result<()> {
        if self.mounted {
            self.resize(SIZE)
        } else {
            // Its limit may have ended the server. The next one has none.
            limit(server, None).or(Ok(()))
        }
    }

    fn resize(&self, size: &str) -> Result<()> {
        run(Command::new("mount")
            .args(["-o", &format!("remount,size={size}")])
            .arg(&self.folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = run(Command::new("umount").arg("--lazy").arg(&self.folder))
        {
            eprintln!("the disk of the torture stays behind: {error:#}");
        }
    }
}

/// Bounds the files that a process may write; the hard limit stays, so that it can be lifted.
fn limit(server: Pid, bytes: Option<u64>) -> Result<()> {
    let limits = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(Some(server), Resource::Fsize, limits).context("cannot limit the server's files")?;
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().context("cannot start mount")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
