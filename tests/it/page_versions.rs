//! A page is the same to both versions of the function that commits it: an old process works beside
//! a new one on the same people. Random pages, full of people who share some of their identifiers,
//! go through both, each version in an account group of its own.

use prospector::db::queue::Lease;
use prospector::domain::id::{AccountGroupId, ProspectId};
use prospector::domain::start_request::Duplicates;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::support::app::{Setup, TestApp};
use crate::support::by_hand::{Wanted, start_and_claim, upload_source};

/// Each has some thirty pages.
const HISTORIES: u64 = 8;
const JOBS: u32 = 6;
const PAGES: u32 = 5;

/// What a page answers, and what it is given.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) outcome: Option<String>,
    job_ended: Option<bool>,
    import_ended: Option<bool>,
    rows_wanted: Option<i32>,
    fetched: Option<i32>,
    quota_used: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

pub(crate) struct Page {
    pub(crate) number: i32,
    pub(crate) items: Value,
    pub(crate) available: Option<i32>,
    pub(crate) ended: Option<&'static str>,
    pub(crate) fetched_max: i32,
}

pub(crate) async fn import(
    connection: &mut PgConnection,
    version: Version,
    lease: &Lease,
    page: &Page,
) -> Answer {
    let (group, job) = (lease.account_group.as_str(), lease.job.as_str());
    let cursor = json!({"offset": page.number});
    // Few barren pages, so that sources run dry in these tests.
    let answered = match version {
        Version::One => {
            let calling = sqlx::query_as!(
                Answer,
                "select outcome, job_ended, import_ended, rows_wanted, fetched, quota_used
                from import_page_v1($1, $2, $3, 60, $4, $5, $6, $7, $8, 'LINKEDIN_CLASSIC', $9, 2, 4)",
                group,
                job,
                lease.token,
                page.number,
                page.items,
                cursor,
                page.available,
                page.ended,
                page.fetched_max,
            );
            calling.fetch_one(connection).await
        }
        Version::Two => {
            let calling = sqlx::query_as!(
                Answer,
                "select outcome, job_ended, import_ended, rows_wanted, fetched, quota_used
                from import_page_v2(
                    $1, $2, $3, 60, $4, $5, $6, $7, $8, 'LINKEDIN_CLASSIC', $9, 2, 4, null, '{}', '{}', '{}'
                )",
                group,
                job,
                lease.token,
                page.number,
                page.items,
                cursor,
                page.available,
                page.ended,
                page.fetched_max,
            );
            calling.fetch_one(connection).await
        }
    };
    answered.unwrap()
}

/// Somebody out of few, told by any of three identifiers, all at odds with each other.
fn item(dice: &mut StdRng, prospect: &str) -> Value {
    if dice.random_bool(0.1) {
        let kind = *["invalid", "not_found", "failed"].choose(dice).unwrap();
        return json!({"kind": kind, "reason": "because", "input_url": "x"});
    }
    let mut one_of = |prefix: &str, share: f64, number: u32| {
        dice.random_bool(share)
            .then(|| format!("{prefix}{}", dice.random_range(0..number)))
    };
    let (member, provider) = (one_of("m", 0.6, 12), one_of("P", 0.7, 14));
    let name = one_of("slug-", 0.6, 14);
    let texts: Vec<Option<String>> = (0..7).map(|_| one_of("t", 0.6, 4)).collect();
    json!({
        "kind": "person", "prospect_id": prospect, "member_id": member, "provider_id": provider,
        "public_identifier": name.as_ref().map(|name| name.to_uppercase()), "public_identifier_key": name,
        "linkedin_url": name.as_ref().map(|name| format!("https://www.linkedin.com/in/{name}")),
        "first_name": texts[0], "last_name": texts[1], "name": texts[2], "headline": texts[3],
        "title": texts[4], "company_name": texts[5], "location": texts[6], "input_url": "y",
    })
}

/// The ids of new people: later pages have higher ones, so that the order by time and id is the same
/// however fast the pages follow each other; within a page any order.
fn page(dice: &mut StdRng, number: i32, pages_before: &mut u32) -> Page {
    *pages_before += 1;
    let length = if dice.random_bool(0.1) {
        60
    } else {
        dice.random_range(0..14)
    };
    let mut items: Vec<Value> = Vec::new();
    for _ in 0..length {
        let repeated = items
            .choose(dice)
            .filter(|_| dice.random_bool(0.2))
            .cloned();
        let prospect = format!("{:08x}{:016x}", *pages_before, dice.random::<u64>());
        prospect.parse::<ProspectId>().unwrap();
        let mut new = repeated.unwrap_or_else(|| item(dice, &prospect));
        if new["kind"] == "person" {
            new["prospect_id"] = prospect.into();
        }
        items.push(new);
    }
    let ended = *[
        None,
        None,
        None,
        Some("source_exhausted"),
        Some("source_cap"),
    ]
    .choose(dice)
    .unwrap();
    Page {
        number,
        items: items.into(),
        available: dice.random_bool(0.5).then(|| dice.random_range(0..60)),
        ended,
        fetched_max: 200,
    }
}

/// All that is stored about a group but for times and ids that are made anew.
async fn stored(connection: &mut PgConnection, group: &AccountGroupId) -> Value {
    let stored = sqlx::query_scalar!(
        r#"
        with jobs as (
            select j.*, row_number() over (order by j.created_at, j.job_id) as number
            from prospecting_jobs j where j.account_group_id = $1
        )
        select jsonb_build_object(
            'jobs', (
                select jsonb_agg(
                    to_jsonb(j) - array[
                        'account_group_id', 'job_id', 'created_at', 'updated_at', 'started_at', 'ended_at', 'due_at',
                        'lease_token', 'lease_expires_at', 'progressed_at'
                    ]
                    order by j.number
                ) from jobs j
            ),
            'rows', (
                select jsonb_agg(
                    to_jsonb(r) - array['account_group_id', 'job_id', 'created_at'] || jsonb_build_object('job', j.number)
                    order by j.number, r.row_number
                ) from job_prospects r join jobs j using (job_id) where r.account_group_id = $1
            ),
            'skipped', (
                select jsonb_agg(jsonb_build_array(j.number, s.prospect_id) order by j.number, s.prospect_id)
                from job_skipped_prospects s join jobs j using (job_id) where s.account_group_id = $1
            ),
            'people', (
                select jsonb_agg(
                    to_jsonb(p) - array['account_group_id', 'created_at', 'updated_at'] order by p.prospect_id
                ) from prospects p where p.account_group_id = $1
            ),
            'providerIds', (
                select jsonb_agg(jsonb_build_array(i.provider_id, i.prospect_id) order by i.provider_id, i.prospect_id)
                from prospect_provider_ids i where i.account_group_id = $1
            ),
            'entries', (
                select jsonb_agg(jsonb_build_array(e.kind, e.amount, e.balance_after, j.number, e.page) order by e.entry_id)
                from credit_entries e left join jobs j using (job_id) where e.account_group_id = $1
            ),
            'account', (
                select to_jsonb(c) - 'account_group_id' from credit_accounts c where c.account_group_id = $1
            ),
            'quota', (
                select jsonb_agg(jsonb_build_array(q.list_type, q.used)) from quota_usage q where q.account_group_id = $1
            )
        ) as "stored!"
        "#,
        group.as_str(),
    );
    stored.fetch_one(connection).await.unwrap()
}

fn wanted(dice: &mut StdRng) -> Wanted {
    let is_upload = dice.random_bool(0.3);
    let slugs: Vec<String> = (0..400).map(|number| format!("slug-{number}")).collect();
    let slugs: Vec<&str> = slugs.iter().map(String::as_str).collect();
    Wanted {
        max_results: if is_upload {
            400
        } else {
            dice.random_range(1..40)
        },
        source: if is_upload {
            upload_source(&slugs)
        } else {
            Wanted::default().source
        },
        search_emails: dice.random_bool(0.3),
        duplicates: *Duplicates::ALL.choose(dice).unwrap(),
    }
}

async fn compare(app: &TestApp, connection: &mut PgConnection, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let setup = Setup::default();
    let groups = [
        app.another_group(&setup).await.0,
        app.another_group(&setup).await.0,
    ];
    let versions = [Version::One, Version::Two];
    let mut pages_before = 0;
    for _ in 0..JOBS {
        let wanted = wanted(&mut dice);
        let mut leases = Vec::new();
        for group in &groups {
            leases.push(start_and_claim(&mut *connection, group, &wanted).await);
        }
        for number in 1..=PAGES {
            let page = page(&mut dice, i32::try_from(number).unwrap(), &mut pages_before);
            let mut answers = Vec::new();
            for (lease, version) in leases.iter().zip(versions) {
                answers.push(import(&mut *connection, version, lease, &page).await);
            }
            assert_eq!(answers[0], answers[1], "seed {seed}: {:#}", page.items);
            let [one, two] = [
                stored(&mut *connection, &groups[0]).await,
                stored(&mut *connection, &groups[1]).await,
            ];
            for (what, one) in one.as_object().unwrap() {
                let two = &two[what];
                assert_eq!(one, two, "seed {seed}, {what}: {:#}", page.items);
            }
        }
        for lease in &leases {
            sqlx::query!(
                "select cancel_job_v1($1, $2)",
                lease.account_group.as_str(),
                lease.job.as_str()
            )
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        }
    }
}

#[tokio::test]
async fn both_versions_of_the_page_function_store_and_answer_the_same() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    let first: u32 = rand::random();
    for seed in u64::from(first)..u64::from(first) + HISTORIES {
        compare(&app, &mut connection, seed).await;
    }
    app.assert_books_balance().await;
}
