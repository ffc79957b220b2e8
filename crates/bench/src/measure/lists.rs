//! The lists that people begin with, at the root: first pages of the default size.

use anyhow::{Result, ensure};
use echelon_api::v1;

use super::{calls, turn};
use crate::{
    bench::Bench,
    dataset::Place,
    load::{Call, Shape},
    report::{Bar, Report, Row, Spread, table::number},
};

const SHAPE: Shape = Shape {
    connections: 1,
    in_flight: 4,
};

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let serving = bench.serving().await?;
    let root = serving.dataset.node(Place::root());
    let parent = serving.dataset.name();
    let lists: [(&str, Call); 3] = [
        ("ListBlockers", blockers(parent)),
        ("GetAgenda", agenda(root.clone())),
        ("ListAttention", attention(root)),
    ];
    let mut rounds: [Vec<_>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..bench.extent.rounds {
        for ((_, call), turns) in lists.iter().zip(&mut rounds) {
            let until = bench.extent.turn();
            let call = call.clone();
            turns.push(turn(serving.address, &serving.processes, SHAPE, until, call).await?);
        }
    }
    for ((name, _), turns) in lists.iter().zip(&rounds) {
        report.add(Row {
            measure: "lists",
            database: bench.kind,
            what: format!("{name}: p99"),
            unit: "ms",
            figure: Spread::of(turns.iter().map(super::Turn::p99_ms)),
            bar: Bar::AtMost(20.0),
            cpu_us: Some(Spread::of(turns.iter().map(|turn| turn.cpu_us)).median),
            details: format!(
                "p50 {} ms, {}/s",
                number(Spread::of(turns.iter().map(super::Turn::p50_ms)).median),
                number(Spread::of(turns.iter().map(super::Turn::rate)).median),
            ),
        });
    }
    Ok(())
}

/// The open blockers of the whole organization.
pub(super) fn blockers(parent: String) -> Call {
    calls::same(
        calls::LIST_BLOCKERS,
        &v1::ListBlockersRequest {
            parent,
            ..v1::ListBlockersRequest::default()
        },
        |reply: &v1::ListBlockersResponse| {
            ensure!(
                reply.blockers.len() == 50 && !reply.next_page_token.is_empty(),
                "the list has no full first page"
            );
            Ok(())
        },
    )
}

/// What the root's next meeting looks at.
pub(super) fn agenda(name: String) -> Call {
    calls::same(
        calls::GET_AGENDA,
        &v1::GetAgendaRequest {
            name,
            ..v1::GetAgendaRequest::default()
        },
        |reply: &v1::GetAgendaResponse| {
            ensure!(!reply.items.is_empty(), "the agenda is empty");
            Ok(())
        },
    )
}

/// What needs attention anywhere.
pub(super) fn attention(node: String) -> Call {
    calls::same(
        calls::LIST_ATTENTION,
        &v1::ListAttentionRequest {
            node,
            include_subtree: true,
            ..v1::ListAttentionRequest::default()
        },
        |reply: &v1::ListAttentionResponse| {
            ensure!(
                reply.items.len() == 50,
                "{} things need attention, a full page was expected",
                reply.items.len()
            );
            Ok(())
        },
    )
}
