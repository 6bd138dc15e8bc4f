//! The commit of a page of people.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::Lease;
use crate::db::job_totals::{JobStanding, JobTotals};
use crate::db::{column, count, known_text};
use crate::domain::erasure::{ErasureKey, identifier_hashes};
use crate::domain::id::{AccountGroupId, ProspectId};
use crate::domain::job::StopReason;
use crate::domain::person::Person;
use crate::domain::quota::ListType;
use crate::error::Error;

/// What is to become of one item of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    Person(Box<Person>),
    Invalid,
    NotFound,
    Failed,
    /// Somebody who was erased from the account group.
    Suppressed,
}

/// One item of a page, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub kind: ItemKind,
    /// Why it is no imported person.
    pub reason: Option<String>,
    /// The URL as uploaded.
    pub input_url: Option<String>,
}

#[derive(Serialize)]
struct StoredItem<'a> {
    kind: &'static str,
    reason: Option<&'a str>,
    input_url: Option<&'a str>,
    prospect_id: Option<ProspectId>,
    public_identifier_key: Option<String>,
    #[serde(flatten)]
    person: Option<&'a Person>,
}

impl<'a> From<&'a Item> for StoredItem<'a> {
    fn from(item: &'a Item) -> Self {
        let (kind, person) = match &item.kind {
            ItemKind::Person(person) => ("person", Some(&**person)),
            ItemKind::Invalid => ("invalid", None),
            ItemKind::NotFound => ("not_found", None),
            ItemKind::Failed => ("failed", None),
            ItemKind::Suppressed => ("suppressed", None),
        };
        let identifier = person.and_then(|person| person.public_identifier.as_ref());
        Self {
            kind,
            reason: item.reason.as_deref(),
            input_url: item.input_url.as_deref(),
            // Used if the group does not have the person yet.
            prospect_id: person.map(|_| ProspectId::new()),
            public_identifier_key: identifier
                .map(crate::domain::linkedin_url::PublicIdentifier::folded),
            person,
        }
    }
}

/// A page to be committed.
#[derive(Debug, Clone)]
pub struct NewPage<'a> {
    /// The number that this page must get: pages committed so far, plus one.
    pub page: u32,
    pub items: &'a [Item],
    /// Where the next page begins.
    pub cursor: Option<serde_json::Value>,
    pub available: Option<u32>,
    /// Why the upstream has no more; `None` while it has.
    pub upstream_ended: Option<StopReason>,
    /// Whether this page may be the one that ends a source in which nobody new comes. It counts as
    /// barren in either case.
    pub may_be_barren: bool,
    pub list_type: ListType,
    /// What erased people are recognised by.
    pub erasure_key: Option<&'a ErasureKey>,
}

/// The hashes of a page's identifiers, as columns: item (1, 2, 3...), identifier, member id.
#[derive(Default)]
struct PageHashes {
    items: Vec<i32>,
    identifiers: Vec<Vec<u8>>,
    members: Vec<Option<Vec<u8>>>,
}

impl PageHashes {
    fn of(page: &NewPage<'_>, account_group: &AccountGroupId) -> Self {
        let mut hashes = Self::default();
        let Some(key) = page.erasure_key else {
            return hashes;
        };
        for (number, item) in (1..).zip(page.items) {
            let person = match &item.kind {
                ItemKind::Person(person) => Some(&**person),
                _ => None,
            };
            let input_url = item.input_url.as_deref();
            for hash in identifier_hashes(key, account_group, person, input_url) {
                hashes.items.push(number);
                hashes.identifiers.push(hash.identifier.to_vec());
                hashes.members.push(hash.member.map(Vec::from));
            }
        }
        hashes
    }
}

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageOutcome {
    Committed {
        job_ended: bool,
        import_ended: bool,
        rows_wanted: u32,
        fetched: u32,
        quota_used_today: u32,
        totals: JobTotals,
    },
    /// The page number is taken: an earlier try went through. Read the job back.
    AlreadyDone,
    LeaseLost,
    /// People of the account group were erased under another key than the one given; nothing was
    /// changed.
    ErasureKeyMissing,
}

/// The most items one job may fetch, repeats and all.
pub const FETCHED_MAX: u32 = 5_000;
/// After so many pages in a row without a new person, with so many items on them, the source counts
/// as exhausted.
const BARREN_PAGES_MAX: i32 = 20;
const BARREN_ITEMS_MAX: i32 = 100;

/// Commits a page: people, rows, charge, counts, cursor and the check of the lease in one statement.
pub async fn import_page(
    connection: &mut PgConnection,
    lease: &Lease,
    lease_time: Duration,
    page: NewPage<'_>,
) -> Result<PageOutcome, Error> {
    let items: Vec<StoredItem<'_>> = page.items.iter().map(StoredItem::from).collect();
    let hashes = PageHashes::of(&page, &lease.account_group);
    let barren_pages_max = if page.may_be_barren {
        BARREN_PAGES_MAX
    } else {
        i32::MAX
    };
    let row = sqlx::query!(
        r#"
        select p.outcome as "outcome!", p.job_ended as "job_ended!", p.import_ended as "import_ended!",
            p.rows_wanted as "rows_wanted!", p.fetched as "fetched!", p.quota_used as "quota_used!",
            to_jsonb(t) as "standing: Json<JobStanding>"
        from import_page_v2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) as p
        left join lateral job_totals_v1(case when p.outcome = 'committed' then $1 end, $2) as t on true
        "#,
        lease.account_group.as_str(),
        lease.job.as_str(),
        lease.token,
        lease_time.as_secs_f64(),
        column(page.page),
        Json(items) as _,
        page.cursor,
        page.available.map(column),
        page.upstream_ended.map(StopReason::as_str),
        page.list_type.as_str(),
        column(FETCHED_MAX),
        barren_pages_max,
        BARREN_ITEMS_MAX,
        page.erasure_key.map(|key| key.check_value().to_vec()),
        &hashes.items,
        &hashes.identifiers,
        &hashes.members as _,
    )
    .fetch_one(connection)
    .await?;
    match row.outcome.as_str() {
        "committed" => Ok(PageOutcome::Committed {
            job_ended: row.job_ended,
            import_ended: row.import_ended,
            rows_wanted: count(row.rows_wanted),
            fetched: count(row.fetched),
            quota_used_today: count(row.quota_used),
            totals: row
                .standing
                .map(|standing| standing.totals())
                .unwrap_or_default(),
        }),
        "already_done" => Ok(PageOutcome::AlreadyDone),
        "lease_lost" => Ok(PageOutcome::LeaseLost),
        "erasure_key_missing" => Ok(PageOutcome::ErasureKeyMissing),
        _ => known_text("outcome of a page", &row.outcome, None),
    }
}
