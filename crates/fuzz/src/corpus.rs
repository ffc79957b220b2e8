//! Inputs that are kept: examples of every form, and whatever once made a target fail.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The kept inputs of a target, by name of file. Panics if they cannot be read.
///
/// # Panics
/// If the folder or a file of it cannot be read.
#[must_use]
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let entries = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder can be read to its end").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).expect("a kept input can be read"))
        .collect()
}

/// Writes an input that made a target fail to where builds go.
pub(crate) fn keep(target: &str, input: &[u8]) -> PathBuf {
    let folder = std::env::current_exe()
        .ok()
        .and_then(|tests| tests.ancestors().nth(3).map(Path::to_path_buf))
        .unwrap_or_else(std::env::temp_dir)
        .join("fuzz");
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = folder.join(format!("{target}-{hash:016x}"));
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input));
    if let Err(error) = kept {
        eprintln!("{} cannot be written: {error}", path.display());
    }
    path
}
