//! Organizations: a table of many, and one in full.

use echelon_client::{names::short, v1};

use crate::{
    output::{
        fields::Fields,
        line::Line,
        style,
        table::{Column, Table},
    },
    time,
};

/// Many, a row each.
pub(crate) fn table(organizations: &[v1::Organization]) -> Table {
    let mut table = Table::new([
        Column::left("ID"),
        Column::left("NAME").giving_way(),
        Column::left("ROOT"),
        Column::left("CREATED").extra(),
    ]);
    for organization in organizations {
        let created = organization
            .create_time
            .as_ref()
            .map(time::moment)
            .unwrap_or_default();
        table.row([
            Line::styled(style::BOLD, &short(&organization.name)),
            Line::text(&organization.display_name),
            Line::text(&short(&organization.root_node)),
            Line::text(&created),
        ]);
    }
    table
}

/// One, with its settings.
pub(crate) fn details(organization: &v1::Organization) -> Vec<Line> {
    let span = |duration: &Option<prost_types::Duration>| {
        duration
            .as_ref()
            .map(time::duration_text)
            .unwrap_or_default()
    };
    let settings = organization.settings.unwrap_or_default();
    let mut fields = Fields::new();
    fields.add("id", &short(&organization.name));
    fields.add("root", &short(&organization.root_node));
    fields.add("aged after", &span(&settings.aged_after));
    fields.add("due soon within", &span(&settings.due_soon_within));
    fields.add(
        "acknowledgement expiry",
        &span(&settings.acknowledgement_expiry),
    );
    fields.add("hold limit", &span(&settings.hold_limit));
    if let Some(created) = &organization.create_time {
        fields.add("created", &time::moment(created));
    }
    fields.add("etag", &organization.etag);
    let mut lines = vec![Line::styled(style::BOLD, &organization.display_name)];
    lines.extend(fields.lines());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{node, plain};

    #[test]
    fn settings_are_shown_as_documents_write_them() {
        let organization = v1::Organization {
            name: "organizations/acme".to_owned(),
            display_name: "Acme".to_owned(),
            root_node: node("shop"),
            settings: Some(v1::OrganizationSettings {
                aged_after: Some(prost_types::Duration {
                    seconds: 7 * 86_400,
                    nanos: 0,
                }),
                ..v1::OrganizationSettings::default()
            }),
            etag: "1".to_owned(),
            ..v1::Organization::default()
        };
        assert_eq!(
            plain(&details(&organization)),
            "Acme\n  id          acme\n  root        shop\n  aged after  7d\n  etag        1\n"
        );
        assert_eq!(
            plain(&table(&[organization]).lines(Some(80))),
            "ID    NAME  ROOT  CREATED\nacme  Acme  shop\n"
        );
    }
}
