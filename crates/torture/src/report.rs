//! What a run comes to: figures for people and for programs, and the evidence of what did not hold.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use echelon_api::v1::{BlockerChange, event::Payload};
use serde_json::{Value, json};

use crate::{
    check::{Guarantee, Violation, lateness, micros},
    plan::Database,
    record::{Call, Outcome as Ended, Record},
    run::Outcome,
};

/// How many violations are shown.
const SHOWN: usize = 30;

/// The figures of a run.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its seed.
    pub seed: u64,
    /// How long the load lasted.
    pub minutes: f64,
    /// On which database.
    pub database: Database,
    /// Figures by name, in the order in which they are shown.
    pub figures: Vec<(&'static str, f64)>,
    /// How many faults of each kind there were.
    pub faults: BTreeMap<&'static str, u64>,
    /// How a full disk came about, where there was one.
    pub full_disk_by: Option<&'static str>,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// Where everything is kept, if something did not hold.
    pub kept: Option<PathBuf>,
}

impl Summary {
    /// Counts a run.
    #[must_use]
    pub(crate) fn new(
        seed: u64,
        minutes: f64,
        outcome: &Outcome,
        violations: Vec<Violation>,
    ) -> Self {
        let Outcome {
            record,
            faults,
            restarts_after_full_disk,
            full_disk_by,
        } = outcome;
        let mut figures = figures(record, &violations);
        if full_disk_by.is_some() {
            figures.push((
                "restarts after a full disk",
                float(*restarts_after_full_disk),
            ));
        }
        Self {
            seed,
            minutes,
            database: record.database,
            figures,
            faults: faults.clone(),
            full_disk_by: *full_disk_by,
            violations,
            kept: None,
        }
    }

    /// How many violations of a guarantee there are.
    #[must_use]
    pub fn violated(&self, guarantee: Guarantee) -> usize {
        let violated = self.violations.iter();
        violated.filter(|one| one.guarantee == guarantee).count()
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "\ntorture of {}, {} minutes, seed {}\n\n",
            self.database.as_str(),
            self.minutes,
            self.seed
        );
        // Writing to a string does not fail.
        for (name, figure) in &self.figures {
            let _ = writeln!(text, "{name:<34} {figure:>10}");
        }
        text.push('\n');
        for (name, count) in &self.faults {
            let by = match self.full_disk_by {
                Some(by) if *name == "full disk" => format!(" by {by}"),
                _ => String::new(),
            };
            let _ = writeln!(text, "fault: {:<27} {count:>10}", format!("{name}{by}"));
        }
        text.push('\n');
        for guarantee in Guarantee::ALL {
            let _ = writeln!(
                text,
                "{:<34} {:>10}",
                format!("{guarantee} {}, violations", guarantee.meaning()),
                self.violated(guarantee)
            );
        }
        for Violation { guarantee, message } in self.violations.iter().take(SHOWN) {
            let _ = writeln!(text, "{guarantee}: {message}");
        }
        if let Some(more) = self.violations.len().checked_sub(SHOWN + 1) {
            let _ = writeln!(text, "and {} more", more + 1);
        }
        if let Some(kept) = &self.kept {
            let _ = writeln!(text, "record, logs and databases: {}", kept.display());
        }
        text
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let figures: serde_json::Map<String, Value> = self
            .figures
            .iter()
            .map(|(name, figure)| ((*name).replace(' ', "_"), json!(figure)))
            .collect();
        let violated: serde_json::Map<String, Value> = Guarantee::ALL
            .iter()
            .map(|guarantee| (guarantee.to_string(), json!(self.violated(*guarantee))))
            .collect();
        let violations = self.violations.iter();
        let violations = violations.map(|Violation { guarantee, message }| {
            json!({ "guarantee": guarantee.to_string(), "message": message })
        });
        json!({
            "seed": self.seed,
            "minutes": self.minutes,
            "database": self.database.as_str(),
            "figures": figures,
            "faults": self.faults,
            "violated": violated,
            "violations": violations.collect::<Vec<_>>(),
            "kept": self.kept,
        })
    }
}

fn figures(record: &Record, violations: &[Violation]) -> Vec<(&'static str, f64)> {
    let attempts = |matches: fn(&Ended) -> bool| {
        let all = record.calls.iter().flat_map(|call| &call.attempts);
        all.filter(|attempt| matches(&attempt.outcome)).count()
    };
    let last = record.histories.len().saturating_sub(1);
    let acknowledged = |call: &&Call| (0..=last).any(|history| call.answer(history).is_some());
    let refused = |call: &&Call| !acknowledged(call) && !call.is_unknown();
    let cut_off = |call: &&Call| {
        (0..last).any(|history| {
            let since = record.histories[history + 1].since;
            call.answer(history)
                .is_some_and(|answer| answer.revision > since)
        })
    };
    let calls = |matches: &dyn Fn(&&Call) -> bool| record.calls.iter().filter(matches).count();
    let violated = |guarantee| {
        let violated = violations.iter();
        violated.filter(|one| one.guarantee == guarantee).count()
    };
    let events = record.histories.iter().flat_map(|history| {
        let own = |event: &&echelon_api::v1::Event| event.revision > history.since;
        history.log.iter().filter(own)
    });
    let moves = events.clone().filter(|event| {
        matches!(&event.payload, Some(Payload::BlockerChanged(changed))
            if changed.change() == BlockerChange::Escalated)
    });
    let seen = record.sights.iter().map(|sight| sight.events.len()).sum();
    let openings = record.sights.iter().map(|sight| sight.openings.len()).sum();
    let (late, latest) = lateness(record);
    let restores = record.histories.len() - 1;
    let starved: i64 = record
        .spells
        .iter()
        .filter(|spell| spell.name.starts_with("machine"))
        .map(|spell| spell.ended_us - spell.began_us)
        .sum();
    let starved = Duration::from_micros(starved.unsigned_abs()).as_secs_f64();
    [
        ("calls", record.calls.len()),
        ("attempts", attempts(|_| true)),
        (
            "attempts without an answer",
            attempts(|outcome| matches!(outcome, Ended::Lost { .. })),
        ),
        ("calls acknowledged", calls(&acknowledged)),
        ("calls refused", calls(&refused)),
        ("calls unknown", calls(&|call| call.is_unknown())),
        ("calls cut off by a restore", calls(&cut_off)),
        ("acknowledged and lost", violated(Guarantee::E2)),
        ("reads of roll-ups", record.rollups.len()),
        ("reads with a revision", record.reads.len()),
        ("events", events.count()),
        ("escalations", moves.count()),
        ("moved twice", violated(Guarantee::E3)),
        ("events seen by watchers", seen),
        ("streams opened by watchers", openings),
        ("restores", restores),
    ]
    .into_iter()
    .map(|(name, count)| (name, float(u64::try_from(count).unwrap_or(u64::MAX))))
    .chain([
        ("greatest lateness in s", late),
        ("the same under a fault", latest),
        ("the machine did not run for s", starved),
    ])
    .collect()
}

fn float(count: u64) -> f64 {
    // Counts of a run are far below what a float holds exactly.
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// Writes the calls, sights and spells of a run into a file, a line each, with what did not hold before them.
///
/// # Errors
/// If there is no room.
pub fn write_record(record: &Record, violations: &[Violation], folder: &Path) -> Result<()> {
    let file = File::create(folder.join("record.txt")).context("cannot keep the record")?;
    let mut out = BufWriter::new(file);
    for Violation { guarantee, message } in violations {
        writeln!(out, "{guarantee}: {message}")?;
    }
    for spell in &record.spells {
        writeln!(out, "{spell:?}")?;
    }
    for step in &record.clock {
        writeln!(out, "{step:?}")?;
    }
    for call in &record.calls {
        writeln!(out, "{call:?}")?;
    }
    for sight in &record.sights {
        let openings = &sight.openings;
        writeln!(
            out,
            "watcher {} of history {} reached {}: {openings:?}",
            sight.watcher, sight.history, sight.reached
        )?;
    }
    for (number, history) in record.histories.iter().enumerate() {
        for event in &history.log {
            let payload = &event.payload;
            writeln!(
                out,
                "history {number} {}/{} at {} by {:?}: {payload:?}",
                event.revision,
                event.index,
                micros(event.time.as_ref()).unwrap_or_default(),
                event.actor
            )?;
        }
    }
    out.flush()?;
    Ok(())
}
