//! What was measured, beside what must be reached: one row per bar.

mod json;
pub(crate) mod table;

use crate::{database::Kind, size::Size};

/// Figures of several rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of these rounds; all zero if there is none.
    #[must_use]
    pub fn of(rounds: impl IntoIterator<Item = f64>) -> Self {
        let mut rounds: Vec<f64> = rounds.into_iter().collect();
        rounds.sort_by(f64::total_cmp);
        let middle = rounds.len() / 2;
        let at = |index: usize| rounds.get(index).copied().unwrap_or_default();
        Self {
            median: if rounds.len().is_multiple_of(2) {
                f64::midpoint(at(middle.saturating_sub(1)), at(middle))
            } else {
                at(middle)
            },
            min: at(0),
            max: at(rounds.len().saturating_sub(1)),
        }
    }
}

/// What a figure must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
    /// It is only told.
    None,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bar is reached.
    Reached,
    /// It is not.
    Short,
    /// There is no bar, or not at this size.
    NotJudged,
    /// It could not be measured, or what was measured was wrong.
    Failed,
}

impl Verdict {
    /// For people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "ok",
            Self::Short => "SHORT",
            Self::NotJudged => "-",
            Self::Failed => "FAILED",
        }
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Name of the measure, as for `--only`.
    pub measure: &'static str,
    /// On which database.
    pub database: Kind,
    /// What the figure is.
    pub what: String,
    /// Its unit: `×` for a ratio to a limit.
    pub unit: &'static str,
    /// The figure.
    pub figure: Spread,
    /// What it must reach.
    pub bar: Bar,
    /// What the server, its database included, worked for one operation, in microseconds.
    pub cpu_us: Option<f64>,
    /// For people: what it is made of.
    pub details: String,
}

/// A row with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The row.
    pub row: Row,
    /// The verdict.
    pub verdict: Verdict,
}

/// Everything that was measured.
#[derive(Clone, Debug)]
pub struct Report {
    /// How large the organization was.
    pub size: Size,
    /// What the machine is, for people.
    pub machine: String,
    /// The rows.
    pub rows: Vec<Judged>,
}

impl Report {
    /// An empty one.
    #[must_use]
    pub const fn new(size: Size, machine: String) -> Self {
        Self {
            size,
            machine,
            rows: Vec::new(),
        }
    }

    /// Judges a row, tells it on stderr and keeps it. Bars are about the full size.
    pub fn add(&mut self, row: Row) {
        let verdict = match row.bar {
            _ if self.size != Size::Full => Verdict::NotJudged,
            Bar::None => Verdict::NotJudged,
            Bar::AtLeast(bar) if row.figure.median >= bar => Verdict::Reached,
            Bar::AtMost(bar) if row.figure.median <= bar => Verdict::Reached,
            Bar::AtLeast(_) | Bar::AtMost(_) => Verdict::Short,
        };
        self.keep(Judged { row, verdict });
    }

    /// Keeps that a measure failed.
    pub fn fail(&mut self, measure: &'static str, database: Kind, error: &anyhow::Error) {
        self.keep(Judged {
            row: Row {
                measure,
                database,
                what: "could not be measured".to_owned(),
                unit: "",
                figure: Spread::default(),
                bar: Bar::None,
                cpu_us: None,
                details: format!("{error:#}"),
            },
            verdict: Verdict::Failed,
        });
    }

    /// True if nothing fell short or failed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows
            .iter()
            .all(|judged| !matches!(judged.verdict, Verdict::Short | Verdict::Failed))
    }

    fn keep(&mut self, judged: Judged) {
        eprintln!("  {}", table::line(&judged));
        self.rows.push(judged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(figure: f64, bar: Bar) -> Row {
        Row {
            measure: "rollup",
            database: Kind::Sqlite,
            what: "root".to_owned(),
            unit: "×",
            figure: Spread::of([figure]),
            bar,
            cpu_us: None,
            details: String::new(),
        }
    }

    #[test]
    fn the_median_is_judged_at_full_size_only() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of([3.0, 1.0]).median, 2.0);
        for (size, figure, bar, holds) in [
            (Size::Full, 0.6, Bar::AtLeast(0.6), true),
            (Size::Full, 0.5, Bar::AtLeast(0.6), false),
            (Size::Full, 2.1, Bar::AtMost(2.0), false),
            (Size::Full, 2.1, Bar::None, true),
            (Size::Tenth, 2.1, Bar::AtMost(2.0), true),
        ] {
            let mut report = Report::new(size, String::new());
            report.add(row(figure, bar));
            assert_eq!(report.holds(), holds, "{size:?} {figure} {bar:?}");
        }
    }
}
