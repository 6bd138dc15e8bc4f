//! `url_upload`: one profile after the other, each URL a row of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::db::queue::{Item, ItemKind};
use crate::domain::job::StopReason;
use crate::domain::start_request::UploadedUrl;
use crate::upstream::error::UpstreamFault;
use crate::upstream::provider::ProfileLookup;
use crate::worker::sources::{Fetch, FetchError, FetchedPage};

/// A page is committed after so many profiles...
pub(super) const PROFILES_PER_PAGE: u32 = 25;
/// ... or when it has taken so long, so that little is done again after a crash.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// How many URLs are done.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    done: usize,
}

pub(super) async fn fetch(
    fetch: Fetch<'_>,
    urls: &[UploadedUrl],
) -> Result<FetchedPage, FetchError> {
    let done = fetch.cursor::<Position>()?.unwrap_or_default().done;
    let began = Instant::now();
    let wanted = usize::try_from(fetch.limit).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    for url in urls.iter().skip(done).take(wanted) {
        match look_up(fetch, url, items.is_empty()).await {
            Ok(item) => items.push(item),
            // What is there is committed first; the fault shows again at the head of the next page.
            Err(_) if !items.is_empty() => break,
            Err(error) => return Err(error),
        }
        if began.elapsed() >= PAGE_TIME {
            break;
        }
    }
    let done = done + items.len();
    Ok(FetchedPage {
        items,
        cursor: Some(serde_json::json!(Position { done })),
        available: u32::try_from(urls.len()).ok(),
        ended: (done >= urls.len()).then_some(StopReason::SourceExhausted),
        may_be_barren: true,
    })
}

async fn look_up(fetch: Fetch<'_>, url: &UploadedUrl, is_first: bool) -> Result<Item, FetchError> {
    if url.profile.is_erased() {
        return Ok(Item {
            kind: ItemKind::Suppressed,
            reason: None,
            input_url: None,
        });
    }
    let lookup = fetch.call(|| fetch.provider.profile(fetch.account, &url.profile));
    let lookup = match lookup.await {
        Err(FetchError::Upstream(error)) => Err(error),
        Ok(lookup) => Ok(lookup),
        Err(error) => return Err(error),
    };
    let (kind, reason) = match lookup {
        Ok(ProfileLookup::Found(person)) => (ItemKind::Person(person), None),
        Ok(ProfileLookup::NotFound) => (ItemKind::NotFound, Some("LinkedIn has no such profile")),
        Ok(ProfileLookup::Invalid { reason }) => (ItemKind::Invalid, Some(reason)),
        Err(error) if error.fault == UpstreamFault::SourceNotFound => {
            (ItemKind::NotFound, Some("LinkedIn has no such profile"))
        }
        Err(error)
            if matches!(
                error.fault,
                UpstreamFault::Refused | UpstreamFault::Unprocessable
            ) =>
        {
            (
                ItemKind::Failed,
                Some("LinkedIn refused to show this profile"),
            )
        }
        Err(error) if is_first && fetch.fails_here_only(&error).await => (
            ItemKind::Failed,
            Some("the LinkedIn provider failed on this profile again and again"),
        ),
        Err(error) => return Err(error.into()),
    };
    Ok(Item {
        kind,
        reason: reason.map(str::to_owned),
        input_url: Some(url.input.clone()),
    })
}
