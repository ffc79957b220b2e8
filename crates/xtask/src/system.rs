//! The system's package manager, where xtask may use it.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::process;

/// Where Debian puts what it takes for root's alone.
const ROOTS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// A program that must be installed, by package manager.
pub(crate) struct Package {
    /// What it is for people.
    pub(crate) name: &'static str,
    /// Debian and Ubuntu.
    pub(crate) apt: &'static str,
    /// Fedora and its kin.
    pub(crate) dnf: &'static str,
    /// Alpine.
    pub(crate) apk: &'static str,
    /// Homebrew.
    pub(crate) brew: &'static str,
    /// What to do if it cannot be installed.
    pub(crate) otherwise: &'static str,
}

/// Installs a package. Fails with what to do where it may not.
pub(crate) fn install(package: &Package) -> Result<()> {
    let Some((manager, steps)) = plan(package) else {
        bail!(
            "{} is missing and there is no known package manager: {}",
            package.name,
            package.otherwise
        );
    };
    let by_hand = format!("{manager} {}", steps[steps.len() - 1].join(" "));
    let Some(mut prefix) = privilege(manager) else {
        bail!(
            "{} is missing and may not be installed without a password: run `sudo {by_hand}`, or {}",
            package.name,
            package.otherwise
        );
    };
    prefix.push(manager.to_owned());
    for step in &steps {
        eprintln!("installing {}: {manager} {}", package.name, step.join(" "));
        let mut command = Command::new(&prefix[0]);
        command
            .args(&prefix[1..])
            .args(step)
            .env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut command).with_context(|| {
            format!(
                "cannot install {}: run `{by_hand}` as root, or {}",
                package.name, package.otherwise
            )
        })?;
    }
    Ok(())
}

/// Whether the packages are Debian's.
pub(crate) fn has_apt() -> bool {
    on_path("apt-get").is_some() && on_path("dpkg-deb").is_some()
}

/// Unpacks a Debian package into a folder. Nothing is installed and nothing of it starts; that needs no privilege.
pub(crate) fn unpack(package: &Package, folder: &Path) -> Result<()> {
    eprintln!(
        "unpacking {}: apt-get download {}",
        package.name, package.apt
    );
    let download = || {
        process::run(Command::new("apt-get").current_dir(folder).args([
            "download",
            "--quiet",
            package.apt,
        ]))
    };
    if download().is_err() {
        process::check_signal()?;
        // Where lists were never read, or are old, only root can read them.
        if let Some(mut prefix) = privilege("apt-get") {
            prefix.push("apt-get".to_owned());
            process::run(Command::new(&prefix[0]).args(&prefix[1..]).arg("update"))?;
        }
        download().with_context(|| {
            format!(
                "cannot fetch {}: run `apt-get update` as root and try again, or {}",
                package.name, package.otherwise
            )
        })?;
    }
    for entry in folder.read_dir()? {
        let file = entry?.path();
        if file.extension().is_some_and(|ending| ending == "deb") {
            process::run(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(&file)
                    .arg(folder),
            )?;
            std::fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// The file of a program, which is installed by its package if it is missing.
pub(crate) fn program(name: &str, package: &Package) -> Result<PathBuf> {
    let find = || {
        let elsewhere = ROOTS.iter().map(|root| Path::new(root).join(name));
        on_path(name).or_else(|| elsewhere.into_iter().find(|file| file.is_file()))
    };
    if let Some(program) = find() {
        return Ok(program);
    }
    install(package)?;
    find().with_context(|| {
        format!(
            "{} is installed and its program is not found: {}",
            package.name, package.otherwise
        )
    })
}

/// The file of a program on the `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// Whether xtask runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn plan(package: &Package) -> Option<(&'static str, Vec<Vec<&'static str>>)> {
    let plans = [
        (
            "apt-get",
            vec![
                vec!["update", "--quiet"],
                vec![
                    "install",
                    "--yes",
                    "--quiet",
                    "--no-install-recommends",
                    package.apt,
                ],
            ],
        ),
        ("dnf", vec![vec!["install", "--assumeyes", package.dnf]]),
        ("apk", vec![vec!["add", "--no-cache", package.apk]]),
        ("brew", vec![vec!["install", package.brew]]),
    ];
    plans
        .into_iter()
        .find(|(manager, _)| on_path(manager).is_some())
}

/// What to put before the package manager; none if it may not be used.
fn privilege(manager: &str) -> Option<Vec<String>> {
    if manager == "brew" || is_root() {
        return Some(Vec::new());
    }
    let sudo = Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    sudo.is_ok_and(|status| status.success())
        .then(|| vec!["sudo".to_owned(), "-n".to_owned()])
}
