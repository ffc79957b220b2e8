//! Dice with a seed: the same throw for the same seed and number, whatever was thrown before.

/// Dice of one thing, such as one blocker.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    /// The dice of thing `number`.
    pub(super) const fn new(seed: u64, number: u64) -> Self {
        Self {
            state: seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }

    /// The next number: SplitMix64.
    pub(super) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True in so many of a thousand throws.
    pub(super) const fn in_thousand(&mut self, many: u64) -> bool {
        self.below(1000) < many
    }

    /// One of these.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let count = of.len() as u64;
        &of[usize::try_from(self.below(count)).unwrap_or(0)]
    }
}
