//! The schema of the first release. The organization is the first column of every key: growth beyond one database
//! goes by organization. Instants (`…_us`) are microseconds since the epoch, UTC. Text sorts by its bytes on both
//! databases, so that both give the same order and no upgrade of a locale can break an index.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, blob, text, text_null},
    sea_orm::DbBackend,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// A table of the schema: name, columns, key.
struct Declared {
    name: &'static str,
    columns: Vec<ColumnDef>,
    key: &'static [&'static str],
}

fn numbers(names: &[&'static str]) -> Vec<ColumnDef> {
    names.iter().map(|name| big_integer(*name)).collect()
}

fn texts(names: &[&'static str]) -> Vec<ColumnDef> {
    names.iter().map(|name| text(*name)).collect()
}

fn optional_numbers(names: &[&'static str]) -> Vec<ColumnDef> {
    names.iter().map(|name| big_integer_null(*name)).collect()
}

fn optional_texts(names: &[&'static str]) -> Vec<ColumnDef> {
    names.iter().map(|name| text_null(*name)).collect()
}

fn tables() -> Vec<Declared> {
    vec![
        Declared {
            name: "organization_head",
            columns: [
                texts(&["organization", "epoch", "display_name", "root"]),
                numbers(&[
                    "revision",
                    "clock_floor_us",
                    "next_blocker",
                    "next_meeting",
                    "aged_after_us",
                    "due_soon_within_us",
                    "acknowledgement_expiry_us",
                    "hold_limit_us",
                    "created_us",
                    "updated_us",
                    "profile_revision",
                ]),
            ]
            .concat(),
            key: &["organization"],
        },
        Declared {
            name: "node",
            columns: [
                texts(&["organization", "node"]),
                optional_texts(&["parent"]),
                texts(&["level", "display_name", "representatives"]),
                numbers(&["archived", "created_us", "updated_us", "revision"]),
            ]
            .concat(),
            key: &["organization", "node"],
        },
        Declared {
            name: "policy",
            columns: [
                texts(&["organization", "policy", "node", "display_name"]),
                numbers(&["latest", "revision"]),
            ]
            .concat(),
            key: &["organization", "policy"],
        },
        Declared {
            name: "policy_version",
            columns: [
                texts(&["organization", "policy", "rules"]),
                optional_texts(&["author"]),
                numbers(&["version", "created_us"]),
            ]
            .concat(),
            key: &["organization", "policy", "version"],
        },
        Declared {
            name: "blocker",
            columns: blocker_columns(),
            key: &["organization", "number"],
        },
        Declared {
            name: "meeting",
            columns: [
                texts(&[
                    "organization",
                    "node",
                    "title",
                    "check_ins",
                    "fates",
                    "departed",
                ]),
                numbers(&["number", "opened_us"]),
                optional_numbers(&["closed_us"]),
            ]
            .concat(),
            key: &["organization", "number"],
        },
        Declared {
            name: "node_counter",
            columns: [
                texts(&["organization", "node"]),
                numbers(&[
                    "open_low",
                    "open_medium",
                    "open_high",
                    "open_critical",
                    "state_raised",
                    "state_acknowledged",
                    "state_owned",
                    "state_on_hold",
                    "held_here",
                    "held_below",
                    "held_above",
                    "unowned",
                    "exhausted",
                    "awaiting_verification",
                    "raised_total",
                    "closed_total",
                    "escalated_in",
                    "escalated_out",
                    "meetings_held",
                    "day",
                    "day_open",
                ]),
            ]
            .concat(),
            key: &["organization", "node"],
        },
        Declared {
            name: "node_level_counter",
            columns: [
                texts(&["organization", "node", "level"]),
                numbers(&["open"]),
            ]
            .concat(),
            key: &["organization", "node", "level"],
        },
        Declared {
            name: "event",
            columns: [
                texts(&["organization", "kind"]),
                numbers(&["revision", "position", "at_us"]),
                optional_numbers(&["blocker"]),
                vec![blob("payload").not_null().take()],
            ]
            .concat(),
            key: &["organization", "revision", "position"],
        },
        Declared {
            name: "request",
            columns: [
                texts(&["organization", "request_id", "method"]),
                numbers(&["fingerprint", "revision", "at_us"]),
                vec![blob("response").not_null().take()],
            ]
            .concat(),
            key: &["organization", "request_id"],
        },
    ]
}

fn blocker_columns() -> Vec<ColumnDef> {
    [
        texts(&[
            "organization",
            "origin",
            "title",
            "description",
            "category",
            "blocked_nodes",
            "causing_nodes",
            "labels",
            "external_reference",
            "dedupe_key",
            "state",
            "escalation",
            "holder",
            "arrival",
            "resolution",
            "guidance",
            "policy",
            "marks",
        ]),
        optional_texts(&["reporter", "owner", "hold_approver"]),
        numbers(&[
            "number",
            // 1 for LOW to 4 for CRITICAL, so that it sorts.
            "severity",
            // 1 while unresolved.
            "open",
            "raised_us",
            "episode",
            "episode_us",
            "escalations",
            "meetings_survived",
            "policy_version",
            "level_entered_us",
            "progressed_us",
            "owner_required",
            "revision",
        ]),
        optional_numbers(&[
            "due_us",
            "committed_us",
            "acknowledged_until_us",
            "held_until_us",
            "merged_into",
            "closed_us",
            "timer_us",
        ]),
    ]
    .concat()
}

/// Raw SQL that both databases read alike, for the sake of the partial ones.
const INDEXES: &[&str] = &[
    "CREATE INDEX blocker_holder ON blocker (organization, holder, number) WHERE open = 1",
    "CREATE INDEX blocker_origin ON blocker (organization, origin, number)",
    "CREATE INDEX blocker_state ON blocker (organization, state, number)",
    "CREATE INDEX blocker_raised ON blocker (organization, raised_us, number)",
    "CREATE INDEX blocker_severity ON blocker (organization, severity, number)",
    "CREATE INDEX blocker_timer ON blocker (timer_us, organization) WHERE timer_us IS NOT NULL",
    "CREATE UNIQUE INDEX blocker_dedupe ON blocker (organization, dedupe_key) WHERE open = 1 AND dedupe_key <> ''",
    "CREATE INDEX event_blocker ON event (organization, blocker, revision, position) WHERE blocker IS NOT NULL",
    "CREATE INDEX meeting_node ON meeting (organization, node, number)",
    "CREATE UNIQUE INDEX meeting_open ON meeting (organization, node) WHERE closed_us IS NULL",
    "CREATE INDEX request_at ON request (at_us)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite sorts by bytes anyway.
        let by_bytes = manager.get_database_backend() == DbBackend::Postgres;
        for Declared { name, columns, key } in tables() {
            let mut table = Table::create();
            table.table(Alias::new(name));
            for mut column in columns {
                if by_bytes && matches!(column.get_column_type(), Some(ColumnType::Text)) {
                    column.extra("COLLATE \"C\"");
                }
                table.col(&mut column);
            }
            let mut primary = Index::create();
            for column in key {
                primary.col(Alias::new(*column));
            }
            table.primary_key(&mut primary);
            manager.create_table(table).await?;
        }
        for sql in INDEXES {
            manager.get_connection().execute_unprepared(sql).await?;
        }
        Ok(())
    }
}
