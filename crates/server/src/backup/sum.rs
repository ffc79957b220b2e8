//! The checksum of a backup.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};

/// Bytes of a checksum.
pub(super) const LENGTH: usize = 32;
/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// SHA-256 of what has come so far.
#[derive(Default)]
pub(super) struct Sum(Sha256);

impl Sum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn value(self) -> [u8; LENGTH] {
        self.0.finalize().into()
    }

    /// Adds `length` bytes, and writes them to `out`. `progress` is told how many there are so far. Errors: there are fewer, or
    /// one of the two fails.
    pub(super) fn copy(
        &mut self,
        from: &mut impl Read,
        out: &mut impl Write,
        length: u64,
        progress: &mut impl FnMut(u64),
    ) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let chunk = &mut chunk[..most];
            from.read_exact(chunk)?;
            self.add(chunk);
            out.write_all(chunk)?;
            left -= most as u64;
            progress(length - left);
        }
        Ok(())
    }
}

/// A checksum for people.
pub(super) fn hexadecimal(sum: &[u8]) -> String {
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}
