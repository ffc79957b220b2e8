//! What the demo prints.

use std::net::SocketAddr;

use echelon_api::v1::{AttentionItem, Rollup, RollupFigures, SeverityCounts};

pub(super) fn heading(text: &str) {
    println!("\n{text}");
}

pub(super) fn line(text: &str) {
    println!("  {text}");
}

/// The last part of a resource name.
pub(super) fn short(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

/// The roll-up, as the RTE sees it.
pub(super) fn rollup(rollup: &Rollup) {
    heading(&format!(
        "Roll-up of {} ({}) at revision {}",
        rollup.display_name, rollup.level, rollup.revision
    ));
    line(&format!(
        "{:<20} {:>5} {:>5} {:>5} {:>5} {:>5} {:>8} {:>8} {:>6}",
        "", "open", "CRIT", "HIGH", "MED", "LOW", "unowned", "to check", "moved"
    ));
    for child in &rollup.children {
        figures(&child.display_name, child.figures.as_ref());
    }
    figures("all", rollup.figures.as_ref());
    if !rollup.attention.is_empty() {
        heading("Needs attention");
        for AttentionItem { blocker, note, .. } in &rollup.attention {
            if let Some(blocker) = blocker {
                line(&format!(
                    "{:<6} {:<40} at {:<12} {note}",
                    short(&blocker.name),
                    blocker.title,
                    short(&blocker.holder)
                ));
            }
        }
    }
}

fn figures(name: &str, figures: Option<&RollupFigures>) {
    let figures = figures.cloned().unwrap_or_default();
    let SeverityCounts {
        low,
        medium,
        high,
        critical,
    } = figures.by_severity.unwrap_or_default();
    line(&format!(
        "{name:<20} {:>5} {critical:>5} {high:>5} {medium:>5} {low:>5} {:>8} {:>8} {:>6}",
        figures.open, figures.unowned, figures.awaiting_verification, figures.escalated_out
    ));
}

pub(super) fn what_next(address: SocketAddr) {
    heading("The server keeps serving. In another terminal, try:");
    for command in [
        "context set demo",
        "rollup",
        "rollup storefront",
        "attention",
        "explain B-2",
        "blocker own B-2 rte@example.com --by +2d",
        "watch",
    ] {
        let command = if command == "context set demo" {
            format!("context set demo --address http://{address} --organization acme")
        } else {
            command.to_owned()
        };
        line(&format!("cargo run -qp echelon-cli -- {command}"));
    }
    line("Ctrl-C ends the server.");
}
