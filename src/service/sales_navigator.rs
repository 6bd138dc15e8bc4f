//! What can be imported from Sales Navigator, as LinkedIn lists it now. Nothing of it is stored.

use std::collections::HashSet;

use crate::domain::access::AccountGroupAccess;
use crate::error::Error;
use crate::service::app::App;
use crate::service::linkedin_health::{require_sales_navigator, upstream_failed};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::provider::{NamedList, NamedListKind, NamedListPage, PageCursor, PageRequest};

/// Lists asked for at a time.
const PAGE: u32 = 100;
/// Lists shown and pages read at the most: whoever has more knows their ids from LinkedIn.
const LISTS_MAX: usize = 1_000;
const PAGES_MAX: u32 = 10;

/// The saved searches or the lead lists of the account group's LinkedIn account; up to 1,000.
///
/// # Errors
/// [`Error::LinkedinNotConnected`], [`Error::SalesNavigatorRequired`], [`Error::Upstream`],
/// [`Error::UpstreamShutOff`].
pub async fn list_named_lists(
    app: &App,
    account_group: &AccountGroupAccess,
    kind: NamedListKind,
) -> Result<Vec<NamedList>, Error> {
    require_sales_navigator(app, account_group).await?;
    let account = account_group
        .linkedin_account
        .as_ref()
        .ok_or(Error::LinkedinNotConnected)?;
    let page_after = |cursor: Option<PageCursor>| async move {
        let request = PageRequest {
            cursor: cursor.as_ref(),
            limit: PAGE,
        };
        let calling = app.linkedin.named_lists(account, kind, request);
        let answer = app
            .linkedin_turns
            .call_for_request(account, calling)
            .await?;
        answer.map_err(refusal)
    };
    read_all(page_after).await
}

/// Every list once, page by page.
async fn read_all<F: Future<Output = Result<NamedListPage, Error>>>(
    page_after: impl Fn(Option<PageCursor>) -> F,
) -> Result<Vec<NamedList>, Error> {
    let mut lists: Vec<NamedList> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = page_after(cursor).await?;
        let known = lists.len();
        let fresh = page.items.into_iter();
        lists.extend(fresh.filter(|list| seen.insert(list.id.clone())));
        cursor = page.next;
        // A page without anything new is the end, or a provider that does not read the cursor.
        if cursor.is_none() || lists.len() == known {
            break;
        }
    }
    lists.truncate(LISTS_MAX);
    Ok(lists)
}

/// What LinkedIn may have changed since its health was remembered.
fn refusal(error: UpstreamError) -> Error {
    match error.fault {
        UpstreamFault::AccountDisconnected => Error::LinkedinNotConnected,
        UpstreamFault::SalesNavigatorMissing => Error::SalesNavigatorRequired,
        _ => upstream_failed(error),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What is read of a provider that has `total` lists and sends `size` at a time, and in how
    /// many calls.
    async fn read(total: u32, size: u32, reads_cursor: bool) -> (Vec<NamedList>, u32) {
        let calls = Cell::new(0);
        let page_after = |cursor| {
            calls.set(calls.get() + 1);
            let from = match cursor {
                Some(PageCursor::Offset(offset)) if reads_cursor => offset,
                _ => 0,
            };
            let to = (from + size).min(total);
            let items = (from..to).map(|index| NamedList {
                id: index.to_string(),
                name: None,
            });
            let page = NamedListPage {
                items: items.collect(),
                next: (to < total).then_some(PageCursor::Offset(to)),
            };
            std::future::ready(Ok(page))
        };
        let lists = read_all(page_after).await.unwrap();
        (lists, calls.get())
    }

    #[tokio::test]
    async fn every_page_is_read_up_to_a_bound() {
        for (total, size, expected, expected_calls) in [
            (0, 3, 0, 1),
            (3, 3, 3, 1),
            (7, 3, 7, 3),
            (45, 3, 30, 10),
            (5_000, 400, 1_000, 10),
        ] {
            let (lists, calls) = read(total, size, true).await;
            assert_eq!((lists.len(), calls), (expected, expected_calls), "{total}");
            let in_order = lists
                .iter()
                .enumerate()
                .all(|(index, list)| list.id == index.to_string());
            assert!(in_order);
        }
    }

    #[tokio::test]
    async fn the_same_page_again_is_the_end() {
        let (lists, calls) = read(7, 3, false).await;
        assert_eq!((lists.len(), calls), (3, 2));
    }
}
