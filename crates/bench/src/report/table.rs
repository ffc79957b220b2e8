//! The report for people.

use super::{Bar, Judged, Report, Row, Verdict};

const HEADINGS: [&str; 7] = [
    "measure",
    "database",
    "figure",
    "median [min – max]",
    "bar",
    "verdict",
    "CPU/op",
];

impl Report {
    /// The table, and a closing line.
    #[must_use]
    pub fn table(&self) -> String {
        let rows: Vec<[String; 7]> = std::iter::once(HEADINGS.map(str::to_owned))
            .chain(self.rows.iter().map(cells))
            .collect();
        let mut widths = [0; 7];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = format!("{}\n\n", self.machine);
        let details = std::iter::once("made of")
            .chain(self.rows.iter().map(|judged| judged.row.details.as_str()));
        for (row, details) in rows.iter().zip(details) {
            for (cell, width) in row.iter().zip(widths) {
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
            }
            text.push_str(details);
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text.push_str(&self.closing());
        text
    }

    fn closing(&self) -> String {
        let count = |verdict: Verdict| {
            self.rows
                .iter()
                .filter(|judged| judged.verdict == verdict)
                .count()
        };
        format!(
            "\n{} reached, {} short, {} failed, {} not judged; size {}\n",
            count(Verdict::Reached),
            count(Verdict::Short),
            count(Verdict::Failed),
            count(Verdict::NotJudged),
            self.size.as_str()
        )
    }
}

/// One row on one line.
pub(super) fn line(judged: &Judged) -> String {
    let [measure, database, what, figure, bar, verdict, cpu] = cells(judged);
    let details = &judged.row.details;
    format!("{verdict:<6} {measure} {database}: {what}: {figure} (bar {bar}; CPU {cpu}) {details}")
}

fn cells(judged: &Judged) -> [String; 7] {
    let Judged { row, verdict } = judged;
    let Row {
        measure,
        database,
        what,
        unit,
        figure,
        bar,
        cpu_us,
        details: _,
    } = row;
    [
        (*measure).to_owned(),
        database.as_str().to_owned(),
        what.clone(),
        format!(
            "{} [{} – {}] {unit}",
            number(figure.median),
            number(figure.min),
            number(figure.max)
        ),
        match bar {
            Bar::AtLeast(bar) => format!("≥ {}", number(*bar)),
            Bar::AtMost(bar) => format!("≤ {}", number(*bar)),
            Bar::None => "-".to_owned(),
        },
        verdict.as_str().to_owned(),
        cpu_us.map_or_else(|| "-".to_owned(), |cpu| format!("{} µs", number(cpu))),
    ]
}

/// A number with as many digits as tell something.
pub(crate) fn number(number: f64) -> String {
    if number.abs() >= 100.0 {
        let whole = format!("{number:.0}");
        let digits = whole.trim_start_matches('-');
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        return format!("{}{grouped}", if number < 0.0 { "-" } else { "" });
    }
    if number.abs() >= 10.0 {
        format!("{number:.1}")
    } else {
        format!("{number:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_tell_something() {
        for (value, text) in [
            (0.0, "0.00"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
