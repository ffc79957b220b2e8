//! The report for programs.

use serde_json::{Value, json};

use super::{Bar, Judged, Report, Row};

impl Report {
    /// Everything, as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "size": self.size.as_str(),
            "machine": self.machine,
            "holds": self.holds(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

fn row(judged: &Judged) -> Value {
    let Judged { row, verdict } = judged;
    let Row {
        measure,
        database,
        what,
        unit,
        figure,
        bar,
        cpu_us,
        details,
    } = row;
    let (at_least, at_most) = match bar {
        Bar::AtLeast(bar) => (Some(bar), None),
        Bar::AtMost(bar) => (None, Some(bar)),
        Bar::None => (None, None),
    };
    json!({
        "measure": measure,
        "database": database.as_str(),
        "what": what,
        "unit": unit,
        "median": figure.median,
        "min": figure.min,
        "max": figure.max,
        "at_least": at_least,
        "at_most": at_most,
        "cpu_us_per_operation": cpu_us,
        "verdict": verdict.as_str(),
        "details": details,
    })
}
