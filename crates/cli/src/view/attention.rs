//! What needs attention, most pressing first.

use echelon_client::{names::short, v1};

use super::words;
use crate::output::{
    line::Line,
    style,
    table::{Column, Table},
};

/// A row for each thing.
pub(crate) fn table(items: &[v1::AttentionItem]) -> Table {
    let mut table = Table::new([
        Column::left("ID"),
        Column::left("SEVERITY"),
        Column::left("WHY"),
        Column::left("HELD BY").giving_way().extra(),
        Column::left("TITLE").giving_way_to(20),
        Column::left("NOTE").giving_way(),
    ]);
    for item in items {
        let blocker = item.blocker.clone().unwrap_or_default();
        table.row([
            Line::styled(style::BOLD, &short(&blocker.name)),
            words::severity(blocker.severity()),
            words::reason(item.reason()),
            Line::text(&short(&blocker.holder)),
            Line::text(&blocker.title),
            Line::styled(style::DIM, &item.note),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{blocker, plain};

    #[test]
    fn each_row_says_why() {
        let item = v1::AttentionItem {
            reason: v1::AttentionReason::CriticalUnowned.into(),
            blocker: Some(blocker()),
            note: "critical, unowned, 2h at this level".to_owned(),
        };
        assert_eq!(
            plain(&table(&[item]).lines(Some(110))),
            "\
ID    SEVERITY  WHY                HELD BY  TITLE                             NOTE
B-12  CRITICAL  critical, unowned  buying   Payment sandbox rejects test ca…  critical, unowned, 2h at this l…
"
        );
    }
}
