//! Fuzzing on stable Rust, as part of the tests: every kept input, then mutations of them, by a seed and for a limited time.
//!
//! A target is a function that takes bytes and gives the kind of its outcome, such as the text of an error. It must not
//! panic. An input with an outcome that was not seen before is kept for as long as the run lasts and mutated further: that is
//! how a run gets beyond the first check without instrumented code.
//!
//! `ECHELON_FUZZ_SECONDS` tells how long each target runs, `ECHELON_FUZZ_SEED` repeats a run; `cargo xtask fuzz` sets them.
//! What makes a target fail is written to a file and named: put it into `crates/fuzz/corpus/TARGET/`, and it is a regression test.

mod corpus;
mod dice;
mod mutate;

use std::{
    collections::HashSet,
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

pub use corpus::corpus;
pub use dice::Dice;
pub use mutate::mutate;

/// How long a target runs if nobody says otherwise.
const USUAL: Duration = Duration::from_secs(2);
/// Most inputs that are kept while a run lasts.
const POOL_MAX: usize = 2000;

/// A target, by the name of its corpus.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name; its corpus is the folder of that name.
    pub name: &'static str,
    /// Words of its language, which mutations put in.
    pub words: &'static [&'static str],
    /// Most bytes of an input.
    pub most_bytes: usize,
}

impl Target {
    /// Runs every kept input and then mutations of them, for as long as wanted. Panics if the target does, or if it has no
    /// corpus.
    ///
    /// # Panics
    /// With the seed, and with the file that holds the input.
    pub fn fuzz(&self, run: impl FnMut(&[u8]) -> String) {
        self.fuzz_with(Vec::new(), run);
    }

    /// As [`Target::fuzz`], with further inputs to begin with.
    ///
    /// # Panics
    /// As [`Target::fuzz`].
    pub fn fuzz_with(&self, examples: Vec<Vec<u8>>, run: impl FnMut(&[u8]) -> String) {
        let most = how_long();
        self.fuzz_while(|_, elapsed| elapsed < most, examples, run);
    }

    /// As long as the number of mutations so far, or the time that they took, lets it go on.
    fn fuzz_while(
        &self,
        goes_on: impl Fn(u64, Duration) -> bool,
        examples: Vec<Vec<u8>>,
        mut run: impl FnMut(&[u8]) -> String,
    ) {
        let mut pool = corpus(self.name);
        pool.extend(examples);
        assert!(!pool.is_empty(), "{} has no corpus", self.name);
        let seed = seed();
        let mut dice = Dice::new(seed);
        let mut seen = HashSet::new();
        let mut judge = |input: &[u8], seen: &mut HashSet<String>| {
            let outcome = catch_unwind(AssertUnwindSafe(|| run(input)));
            let outcome = outcome.unwrap_or_else(|_| {
                let path = corpus::keep(self.name, input);
                panic!(
                    "{} fails, with seed {seed}, on {}: mend it, and put that file into crates/fuzz/corpus/{}",
                    self.name,
                    path.display(),
                    self.name
                )
            });
            seen.insert(kind(&outcome))
        };
        for input in &pool {
            judge(input, &mut seen);
        }
        let mut runs: u64 = 0;
        let started = Instant::now();
        while goes_on(runs, started.elapsed()) {
            let input = mutate(&pool, self.words, self.most_bytes, &mut dice);
            if judge(&input, &mut seen) && pool.len() < POOL_MAX {
                pool.push(input);
            }
            runs += 1;
        }
        println!(
            "{}: seed {seed}, {runs} inputs, {} kinds of outcome",
            self.name,
            seen.len()
        );
    }
}

/// How long each target runs.
#[must_use]
pub fn how_long() -> Duration {
    number("ECHELON_FUZZ_SECONDS").map_or(USUAL, Duration::from_secs)
}

/// The seed of this run.
#[must_use]
pub fn seed() -> u64 {
    number("ECHELON_FUZZ_SEED").unwrap_or(1)
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// An outcome without what is quoted and counted in it: what remains tells which check gave it.
fn kind(outcome: &str) -> String {
    let mut kind = String::new();
    let mut quote = None;
    for c in outcome.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None if c == '`' || c == '"' => quote = Some(c),
            None if c.is_ascii_digit() => {}
            None => kind.push(c),
        }
    }
    kind.truncate(kind.floor_char_boundary(200));
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_leave_out_what_is_counted_and_quoted() {
        assert_eq!(
            kind("line 3: `a b` is no \"x\""),
            kind("line 42: `c` is no \"\"")
        );
        assert_ne!(kind("is too long"), kind("is too short"));
    }

    #[test]
    fn a_fault_behind_three_checks_is_found_and_kept() {
        let target = Target {
            name: "sample",
            words: &["key"],
            most_bytes: 64,
        };
        let failed = catch_unwind(|| {
            // However fast the machine is, the fault is found after the same number of inputs.
            target.fuzz_while(
                |runs, _| runs < 2_000_000,
                Vec::new(),
                |input| {
                    let Some(rest) = input.strip_prefix(b"key") else {
                        return "no key".to_owned();
                    };
                    match rest {
                        [] => "no value".to_owned(),
                        [b'=', b'!', ..] => panic!("the fault"),
                        [b'=', ..] => "a value".to_owned(),
                        _ => "no equals".to_owned(),
                    }
                },
            );
        });
        let message = failed.expect_err("it finds the fault");
        let message = message.downcast_ref::<String>().expect("a text");
        assert!(message.contains("sample fails, with seed"), "{message}");
        let path = message
            .split(" on ")
            .nth(1)
            .and_then(|rest| rest.split(": mend").next());
        let kept = std::fs::read(path.expect("it names the file")).expect("the file is there");
        assert!(kept.starts_with(b"key=!"), "{kept:?}");
    }
}
