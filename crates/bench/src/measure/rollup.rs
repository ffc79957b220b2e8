//! `GetRollup` of the root, of a train and of a team, beside the bare call with a reply of the same size.

use anyhow::Result;

use super::{
    Turn,
    calls::{self, request_length},
    turn,
};
use crate::{
    bench::{Bench, Serving},
    dataset::{Place, Tier},
    load::{Call, Connection, Shape},
    report::{Bar, Report, Row, Spread, table::number},
};

/// A node whose roll-up is measured.
struct Target {
    name: &'static str,
    call: Call,
    echo: Call,
    reply: usize,
    rounds: Vec<(Turn, Turn)>,
}

pub(super) async fn run(bench: &mut Bench, report: &mut Report) -> Result<()> {
    let serving = bench.serving().await?;
    let (echo_address, echo_processes) = bench.echo().await?;
    let tree = serving.dataset.tree;
    let mut targets = Vec::new();
    for (name, place) in [
        ("root", Place::root()),
        (
            "train",
            Place {
                tier: Tier::Train,
                index: tree.trains / 2,
            },
        ),
        ("team", Place::team(tree.teams / 2)),
    ] {
        let call = calls::rollup(&serving.dataset, place);
        let reply = reply_length(&serving, &call).await?;
        targets.push(Target {
            name,
            echo: calls::echo(request_length(&call), reply),
            call,
            reply,
            rounds: Vec::new(),
        });
    }
    let until = bench.extent.turn();
    for _ in 0..bench.extent.rounds {
        for target in &mut targets {
            let echo = target.echo.clone();
            let limit = turn(echo_address, &echo_processes, Shape::MANY, until, echo).await?;
            let call = target.call.clone();
            let judged = turn(
                serving.address,
                &serving.processes,
                Shape::MANY,
                until,
                call,
            )
            .await?;
            target.rounds.push((limit, judged));
        }
    }
    for target in &targets {
        tell(bench, report, target);
    }
    let rates = |target: &Target| -> Vec<f64> {
        target
            .rounds
            .iter()
            .map(|(_, judged)| judged.rate())
            .collect()
    };
    let (root, team) = (rates(&targets[0]), rates(&targets[2]));
    report.add(Row {
        measure: "rollup",
        database: bench.kind,
        what: "team's rate / root's".to_owned(),
        unit: "×",
        figure: Spread::of(team.iter().zip(&root).map(|(team, root)| team / root)),
        bar: Bar::AtMost(1.2),
        cpu_us: None,
        details: String::new(),
    });
    Ok(())
}

fn tell(bench: &Bench, report: &mut Report, target: &Target) {
    let each = |figure: fn(&Turn) -> f64, of: fn(&(Turn, Turn)) -> &Turn| {
        Spread::of(target.rounds.iter().map(|round| figure(of(round)))).median
    };
    let ratio = |figure: fn(&Turn) -> f64| {
        let rounds = target.rounds.iter();
        Spread::of(rounds.map(|(limit, judged)| figure(judged) / figure(limit)))
    };
    report.add(Row {
        measure: "rollup",
        database: bench.kind,
        what: format!("{}: rate / echo's", target.name),
        unit: "×",
        figure: ratio(Turn::rate),
        bar: Bar::AtLeast(0.6),
        cpu_us: Some(each(|turn| turn.cpu_us, |round| &round.1)),
        details: format!(
            "{}/s, echo {}/s at {} µs; reply of {} bytes",
            number(each(Turn::rate, |round| &round.1)),
            number(each(Turn::rate, |round| &round.0)),
            number(each(|turn| turn.cpu_us, |round| &round.0)),
            number(target.reply as f64),
        ),
    });
    report.add(Row {
        measure: "rollup",
        database: bench.kind,
        what: format!("{}: p99 / echo's", target.name),
        unit: "×",
        figure: ratio(Turn::p99_ms),
        bar: Bar::AtMost(2.0),
        cpu_us: None,
        details: format!(
            "{} ms, echo {} ms",
            number(each(Turn::p99_ms, |round| &round.1)),
            number(each(Turn::p99_ms, |round| &round.0)),
        ),
    });
}

/// How long the reply to a call is now.
pub(super) async fn reply_length(serving: &Serving, call: &Call) -> Result<usize> {
    let connection = Connection::open(serving.address).await?;
    let reply = connection.call(call.path, (call.make)(call.first)).await?;
    (call.check)(call.first, &reply)?;
    Ok(reply.len())
}
