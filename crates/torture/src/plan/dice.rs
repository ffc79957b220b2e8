//! Chance with a seed: the same throws for the same seed and stream, whatever else is thrown.

/// Dice of one thing, such as one step of one client.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

/// What makes neighbouring streams unlike: an odd number with well spread bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// The dice of a stream: each number of it tells one thing from another.
    #[must_use]
    pub fn new(seed: u64, stream: &[u64]) -> Self {
        let mut dice = Self { state: seed };
        for number in stream {
            dice.state = dice.throw() ^ number.wrapping_mul(SPREAD);
        }
        dice
    }

    /// The next number, by SplitMix64.
    pub const fn throw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(SPREAD);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.throw() % end }
    }

    /// A number from `first` to before `end`.
    pub const fn between(&mut self, first: u64, end: u64) -> u64 {
        first + self.below(end.saturating_sub(first))
    }

    /// True in one of so many throws.
    pub const fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// An index below `length`; 0 if that is 0.
    pub fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or(0)
    }

    /// Puts things into another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.index(last + 1);
            things.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_stream_falls_the_same_way_and_another_does_not() {
        let throws = |seed, stream: &[u64]| {
            let mut dice = Dice::new(seed, stream);
            [dice.throw(), dice.throw(), dice.throw()]
        };
        assert_eq!(throws(7, &[1, 2]), throws(7, &[1, 2]));
        assert_ne!(throws(7, &[1, 2]), throws(7, &[2, 1]));
        assert_ne!(throws(7, &[1, 2]), throws(8, &[1, 2]));
    }
}
