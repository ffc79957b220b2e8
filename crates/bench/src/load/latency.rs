//! How long calls took: every one is kept, so percentiles are exact.

use std::time::Duration;

/// Latencies of calls, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    /// Adds one.
    pub fn push(&mut self, latency: Duration) {
        self.micros
            .push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds those of others.
    pub fn append(&mut self, mut others: Self) {
        self.micros.append(&mut others.micros);
    }

    /// Puts them in order, which the percentiles need.
    pub fn sort(&mut self) {
        self.micros.sort_unstable();
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.micros.len()
    }

    /// True if there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.micros.is_empty()
    }

    /// The latency that so many of a hundred calls do not exceed, in milliseconds, once they are in order.
    #[must_use]
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        let rank = (self.micros.len() as f64 * percent / 100.0).ceil() as usize;
        let micros = self.micros.get(rank.saturating_sub(1));
        f64::from(micros.copied().unwrap_or(0)) / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_latencies_that_were_seen() {
        let mut latencies = Latencies::default();
        for micros in (1..=200).rev() {
            latencies.push(Duration::from_millis(micros));
        }
        latencies.sort();
        for (percent, expected) in [(50.0, 100.0), (99.0, 198.0), (100.0, 200.0), (0.0, 1.0)] {
            assert!((latencies.percentile_ms(percent) - expected).abs() < 1e-9);
        }
    }
}
