//! Counts what test runners print: how many passed, and which guarantee is defended where.

use std::fmt::Write as _;

/// The guarantees E1 to E10 of the design.
pub(crate) const GUARANTEES: [&str; 10] = [
    "one holder",
    "nothing lost",
    "exactly once",
    "on time",
    "no stale moves",
    "explained",
    "idempotent",
    "same on both",
    "folded",
    "watched",
];

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Tests that were not run though they matched.
    pub(crate) ignored: u64,
    defended: [Defence; 10],
}

/// How many passed tests defend one guarantee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Defence {
    /// In the domain, without a database.
    domain: u64,
    sqlite: u64,
    postgres: u64,
}

impl Tally {
    /// Takes one line of a runner's output.
    pub(crate) fn line(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += count(result, "passed");
            self.failed += count(result, "failed");
            self.ignored += count(result, "ignored");
        } else if let Some((name, "ok")) = line
            .strip_prefix("test ")
            .and_then(|test| test.rsplit_once(" ... "))
        {
            self.test(name.split(" - ").next().unwrap_or(name));
        }
    }

    /// One line for each guarantee that no test defends on one of the databases.
    pub(crate) fn undefended(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for (number, (defence, name)) in (1..).zip(self.defended.iter().zip(GUARANTEES)) {
            for (database, tests) in [("SQLite", defence.sqlite), ("PostgreSQL", defence.postgres)]
            {
                if tests == 0 {
                    missing.push(format!("E{number} ({name}) has no test on {database}"));
                }
            }
        }
        missing
    }

    /// How many tests defend each guarantee, as a table.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "{:<20} {:>8} {:>8} {:>11}\n",
            "tests by guarantee", "domain", "SQLite", "PostgreSQL"
        );
        for (number, (defence, name)) in (1..).zip(self.defended.iter().zip(GUARANTEES)) {
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "{:<20} {:>8} {:>8} {:>11}",
                format!("E{number} {name}"),
                defence.domain,
                defence.sqlite,
                defence.postgres
            );
        }
        table
    }

    /// The closing line.
    pub(crate) fn closing(&self) -> String {
        let mut line = format!("{} passed, {} failed", self.passed, self.failed);
        if self.ignored > 0 {
            let _ = write!(line, ", {} skipped", self.ignored);
        }
        line
    }

    fn test(&mut self, name: &str) {
        for (number, defence) in (1..).zip(&mut self.defended) {
            if !defends(name, number) {
                continue;
            }
            let within = |database: &str| name.split("::").any(|part| part == database);
            if within("sqlite") {
                defence.sqlite += 1;
            } else if within("postgres") {
                defence.postgres += 1;
            } else {
                defence.domain += 1;
            }
        }
    }
}

/// Whether a test's name says that it defends a guarantee: `e3_…`, or `…_e3_…` for a second one.
fn defends(name: &str, number: usize) -> bool {
    let wanted = format!("e{number}");
    name.split("::")
        .flat_map(|part| part.split('_'))
        .any(|word| word == wanted)
}

fn count(result: &str, what: &str) -> u64 {
    result
        .split([';', '.'])
        .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_runners_are_summed() {
        let mut tally = Tally::default();
        tally.line("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s\n");
        tally.line("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.00s");
        assert_eq!(tally.closing(), "7 passed, 3 failed, 1 skipped");
    }

    #[test]
    fn a_guarantee_counts_where_its_test_passed() {
        let mut tally = Tally::default();
        for line in [
            "test close::sqlite::e3_closing_twice_moves_once ... ok",
            "test close::postgres::e3_closing_twice_moves_once ... FAILED",
            "test close::postgres::e10_e3_a_watcher_sees_each_move_once ... ok",
            "test rules::e1_one_holder ... ok",
            "test close::sqlite::the_e_in_name1_ and more ... ok",
        ] {
            tally.line(line);
        }
        let defended = |number: usize| tally.defended[number - 1];
        assert_eq!((defended(3).sqlite, defended(3).postgres), (1, 1));
        assert_eq!((defended(10).sqlite, defended(10).postgres), (0, 1));
        assert_eq!(defended(1).domain, 1);
        assert_eq!(tally.undefended().len(), 17);
    }
}
