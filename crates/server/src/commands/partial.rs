//! A file that appears under its name when it is complete and on the disk, or not at all.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// A file in the making. What is left under its name is removed when it is dropped.
pub(super) struct Partial {
    pub(super) path: PathBuf,
}

impl Partial {
    /// One beside the file that it is to become.
    pub(super) fn beside(file: &Path) -> anyhow::Result<Self> {
        let Some(name) = file.file_name() else {
            bail!("`{}` is no name of a file: name one", file.display());
        };
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(format!(".{}.partial", std::process::id()));
        Ok(Self {
            path: file.with_file_name(partial),
        })
    }

    /// Gives it its name, whatever has had it. Errors: as the file system's.
    pub(super) fn replace(&self, file: &Path) -> anyhow::Result<()> {
        fs::rename(&self.path, file).with_context(|| self.unnamed(file))?;
        durable(file)
    }

    /// Gives it its name if nothing has it. Errors: something has, or as the file system's.
    pub(super) fn place(&self, file: &Path) -> anyhow::Result<()> {
        // A second name is never given to what is there, which renaming would replace.
        match fs::hard_link(&self.path, file) {
            Ok(()) => durable(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(exists(file)),
            // There are file systems without second names.
            Err(_) if file.exists() => bail!(exists(file)),
            Err(_) => self.replace(file),
        }
    }

    fn unnamed(&self, file: &Path) -> String {
        format!(
            "cannot rename `{}` to `{}`",
            self.path.display(),
            file.display()
        )
    }
}

/// Why a file is not written.
pub(super) fn exists(file: &Path) -> String {
    format!(
        "`{}` exists: name another file, or replace it with --force",
        file.display()
    )
}

/// A name is on the disk when its folder is.
fn durable(file: &Path) -> anyhow::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot sync the folder `{}`", folder.display()))
}

impl Drop for Partial {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            // It has its name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => eprintln!("`{}` stays behind: {error}", self.path.display()),
        }
    }
}
