//! Lists that come in pages: one table, or one merged answer.

use echelon_api::v1;

use super::{
    Format,
    message::Named,
    table::{Layout, Table},
};
use crate::{failure::Failure, session::Session};

/// Rows fetched at once for people, who look at the first ones while more come.
const TABLE_PAGE: usize = 200;
/// Rows fetched at once for programs; the server's limit.
const WHOLE_PAGE: usize = 1000;

/// A page of a list.
pub(crate) trait Page: Named {
    type Item;

    fn items(&mut self) -> &mut Vec<Self::Item>;
    fn next_page_token(&mut self) -> &mut String;
    /// Where to watch from after this page; only events have one.
    fn resume_token(&mut self) -> Option<&mut String>;
}

macro_rules! page {
    ($($response:ident.$items:ident: $item:ident),* $(,)?) => {
        $(impl Page for v1::$response {
            type Item = v1::$item;

            fn items(&mut self) -> &mut Vec<v1::$item> {
                &mut self.$items
            }

            fn next_page_token(&mut self) -> &mut String {
                &mut self.next_page_token
            }

            fn resume_token(&mut self) -> Option<&mut String> {
                None
            }
        })*
    };
}

page!(
    GetAgendaResponse.items: AgendaItem,
    ListAttentionResponse.items: AttentionItem,
    ListBlockerHistoryResponse.events: Event,
    ListBlockersResponse.blockers: Blocker,
    ListEscalationPoliciesResponse.policies: EscalationPolicy,
    ListEscalationPolicyVersionsResponse.versions: EscalationPolicyVersion,
    ListMeetingFatesResponse.fates: BlockerFate,
    ListMeetingsResponse.meetings: Meeting,
    ListNodesResponse.nodes: Node,
    ListOrganizationsResponse.organizations: Organization,
);

impl Page for v1::ListEventsResponse {
    type Item = v1::Event;

    fn items(&mut self) -> &mut Vec<v1::Event> {
        &mut self.events
    }

    fn next_page_token(&mut self) -> &mut String {
        &mut self.next_page_token
    }

    fn resume_token(&mut self) -> Option<&mut String> {
        Some(&mut self.resume_token)
    }
}

impl Session {
    /// Shows a list, at most `limit` rows of it. `what` is the plural of what it lists.
    pub(crate) async fn list<P, F>(
        &self,
        what: &str,
        limit: Option<usize>,
        fetch: impl Fn(i32, String) -> F,
        table: impl Fn(&[P::Item]) -> Table,
    ) -> Result<(), Failure>
    where
        P: Page,
        F: Future<Output = Result<P, Failure>>,
    {
        if self.output.format != Format::Table {
            let merged = collect(limit, fetch).await?;
            return self.output.show(&merged, Vec::new);
        }
        let limit = limit.unwrap_or(usize::MAX);
        let mut shown = 0;
        let mut token = String::new();
        let mut running: Option<(super::Writer, Layout)> = None;
        loop {
            let mut page = fetch(page_size(limit - shown, TABLE_PAGE), token).await?;
            token = std::mem::take(page.next_page_token());
            // A page may be larger than asked for, where whole revisions count.
            let items = page.items();
            items.truncate(limit - shown);
            shown += items.len();
            if shown == 0 && token.is_empty() {
                self.output.note(&format!("no {what}"));
                return Ok(());
            }
            // A filter may leave nothing of a page, and no rows have no widths.
            if items.is_empty() && !token.is_empty() {
                continue;
            }
            let table = table(items);
            let last = token.is_empty() || shown >= limit;
            let (writer, layout) = match &mut running {
                Some((writer, layout)) => (writer, layout),
                None => {
                    let layout = table.layout(self.view().width);
                    let many = !last || !self.output.fits(items.len() + 1);
                    let mut writer = self.output.writer(many);
                    if !self.output.quiet {
                        writer.lines(&[table.header(&layout)])?;
                    }
                    let (writer, layout) = running.insert((writer, layout));
                    (writer, layout)
                }
            };
            writer.lines(&table.body(layout))?;
            if last {
                break;
            }
        }
        if let Some((writer, _)) = running {
            writer.finish()?;
        }
        if !token.is_empty() {
            self.output.note(&format!(
                "the first {shown} {what}; a higher --limit shows more"
            ));
        }
        Ok(())
    }
}

/// Fetches all pages, or up to `limit` items, into one answer.
pub(crate) async fn collect<P, F>(
    limit: Option<usize>,
    fetch: impl Fn(i32, String) -> F,
) -> Result<P, Failure>
where
    P: Page,
    F: Future<Output = Result<P, Failure>>,
{
    let limit = limit.unwrap_or(usize::MAX);
    let mut merged = fetch(page_size(limit, WHOLE_PAGE), String::new()).await?;
    while !merged.next_page_token().is_empty() && merged.items().len() < limit {
        let left = limit - merged.items().len();
        let token = std::mem::take(merged.next_page_token());
        let mut page = fetch(page_size(left, WHOLE_PAGE), token).await?;
        merged.items().append(page.items());
        merged.next_page_token().clone_from(page.next_page_token());
        if let (Some(token), Some(newer)) = (merged.resume_token(), page.resume_token()) {
            token.clone_from(newer);
        }
    }
    if merged.items().len() > limit {
        merged.items().truncate(limit);
        // It would skip what was cut off.
        if let Some(token) = merged.resume_token() {
            token.clear();
        }
    }
    Ok(merged)
}

fn page_size(left: usize, most: usize) -> i32 {
    i32::try_from(left.clamp(1, most)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    async fn collected(limit: Option<usize>) -> (Vec<String>, String, Vec<i32>) {
        let sizes = RefCell::new(Vec::new());
        let merged: v1::ListNodesResponse = collect(limit, |size, token| {
            sizes.borrow_mut().push(size);
            let start: usize = token.parse().unwrap_or(0);
            let size = usize::try_from(size).unwrap().min(2);
            async move {
                let end = (start + size).min(5);
                Ok(v1::ListNodesResponse {
                    nodes: (start..end)
                        .map(|number| v1::Node {
                            name: number.to_string(),
                            ..v1::Node::default()
                        })
                        .collect(),
                    next_page_token: if end < 5 {
                        end.to_string()
                    } else {
                        String::new()
                    },
                    revision: 1,
                })
            }
        })
        .await
        .unwrap();
        let names = merged.nodes.iter().map(|node| node.name.clone()).collect();
        (names, merged.next_page_token, sizes.into_inner())
    }

    #[tokio::test]
    async fn pages_become_one_answer() {
        let (names, token, _) = collected(None).await;
        assert_eq!(names, ["0", "1", "2", "3", "4"]);
        assert_eq!(token, "");
    }

    #[tokio::test]
    async fn a_limit_ends_it_and_keeps_the_token() {
        let (names, token, sizes) = collected(Some(3)).await;
        assert_eq!(names, ["0", "1", "2"]);
        assert_eq!(token, "3");
        assert_eq!(sizes, [3, 1]);
    }
}
