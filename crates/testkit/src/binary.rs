//! The programs under test, for tests of processes.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The path of `echelond`, as fresh as the sources. Panics if it does not compile.
#[must_use]
pub fn echelond() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("echelon-server", "echelond"))
}

/// The path of `echelon`, the command line, as fresh as the sources. Panics if it does not compile.
#[must_use]
pub fn echelon() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build("echelon-cli", "echelon"))
}

/// Builds a program beside the tests: cargo builds the programs of other packages for nobody, and knows best what is stale.
fn build(package: &str, program: &str) -> PathBuf {
    let tests = env::current_exe().expect("a test knows where it is");
    let folder = tests
        .ancestors()
        .nth(2)
        .expect("tests are in target/PROFILE/deps");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Build scripts that look at the variables of the tests' package would run anew, with all that depends on them.
    for (name, _) in env::vars_os() {
        let is_of_package = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if is_of_package {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--package", package, "--bin", program])
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().expect("a profile is in target"))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(
        built.status.success(),
        "{program} does not build:\n{errors}"
    );
    folder.join(program)
}
