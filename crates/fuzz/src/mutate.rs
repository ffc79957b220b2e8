//! Making an input out of others.

use crate::Dice;

/// Bytes on which many a check turns.
const SHARP: [u8; 12] = [
    0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b'{', b'[', b':', b'-', b'\'',
];
/// How often a piece may be repeated at once: deep nesting, long texts.
const REPEATS: [usize; 5] = [2, 3, 20, 200, 5000];

/// An input of the pool with one to eight changes.
#[must_use]
pub fn mutate(pool: &[Vec<u8>], words: &[&str], most_bytes: usize, dice: &mut Dice) -> Vec<u8> {
    let mut input = dice.pick(pool).cloned().unwrap_or_default();
    for _ in 0..=dice.below(8) {
        change(&mut input, pool, words, dice);
    }
    input.truncate(most_bytes);
    input
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&str], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    let piece = at..(at + dice.below(16)).min(input.len());
    match dice.below(10) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            if let (Some(byte), Some(sharp)) = (input.get_mut(at), dice.pick(&SHARP)) {
                *byte = *sharp;
            }
        }
        2 => input.insert(at, dice.pick(&SHARP).copied().unwrap_or_default()),
        3 => {
            input.drain(piece);
        }
        4 => input.truncate(at),
        5 => {
            let piece = input[piece].to_vec();
            let count = dice.pick(&REPEATS).copied().unwrap_or(1);
            input.splice(at..at, piece.repeat(count));
        }
        6 => {
            // The head of this one and the tail of another.
            if let Some(other) = dice.pick(pool) {
                let from = dice.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
        7 => {
            // A number out of all bounds.
            let number = [dice.roll(), u64::MAX, 1 << 63, 1 << 31][dice.below(4)];
            input.splice(piece, number.to_string().into_bytes());
        }
        _ => {
            let word = dice.pick(words).copied().unwrap_or_default();
            input.splice(at..at, word.bytes());
        }
    }
}
