//! Random histories: trees, policies, commands, clocks. Every guarantee that is the domain's to give is checked after
//! every command, and the whole again at the end.

mod act;
mod generate;
mod oracle;
mod pick;
mod recount;
mod world;

use echelon_domain::command::Command;
use proptest::prelude::*;

use self::{
    act::act,
    generate::{History, history},
    recount::{check_log, check_restored, check_rollups},
    world::World,
};
use crate::support::{level, node, policy};

fn run(history: &History) -> World {
    let mut world = World::new();
    world
        .run(&Command::CreateOrganization {
            display_name: "Acme".to_owned(),
            settings: echelon_domain::profile::SettingsPatch::default(),
            root: node("root"),
            root_level: level("PORTFOLIO"),
        })
        .expect("an organization can be created");
    for (parent, label) in &history.tree {
        act(&mut world, &generate::Step::CreateNode(*parent | 1, *label));
    }
    if let Some(rules) = &history.rules {
        world
            .run(&Command::UpdatePolicy {
                id: policy("default"),
                display_name: None,
                rules: Some(rules.clone()),
                etag: None,
            })
            .expect("generated rules can be saved");
    }
    for step in &history.steps {
        act(&mut world, step);
    }
    world
}

/// Number of histories; `HISTORY_CASES` asks for more than the few seconds' worth of every day.
fn cases() -> u32 {
    std::env::var("HISTORY_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(200)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn e1_e2_e3_e4_e5_e6_e7_e9_hold_through_every_history(history in history(100)) {
        let world = run(&history);
        check_rollups(&world);
        check_log(&world);
        check_restored(&world);
    }
}
