//! Erasing a person: nothing of them is left in the account group, and nothing brings them back.

use prospector::db::prospects::list_lookups;
use prospector::db::queue::{self, Item, ItemKind, Lease, NewPage, PageOutcome, StoredAnswer};
use prospector::domain::erasure::ErasureKey;
use prospector::domain::job::StopReason;
use prospector::domain::linkedin_url::{ProfileUrl, PublicIdentifier};
use prospector::domain::person::Person;
use prospector::domain::quota::ListType;
use prospector::service::erasure::{Erased, erase_person};
use prospector::service::operator::Refusal;
use serde_json::{Value, json};
use sqlx::{PgConnection, Row};

use crate::support::app::{Setup, TestApp, search};
use crate::support::by_hand::{
    LEASE, Wanted, erasure_key, faults, import, import_in_full, item, people, person,
    start_and_claim, upload_source,
};
use crate::support::recorder::Recorder;
use crate::support::traffic::answer;

const ENDED: Option<StopReason> = Some(StopReason::SourceExhausted);

fn profile(slug: &str) -> ProfileUrl {
    ProfileUrl::parse(&format!("https://www.linkedin.com/in/{slug}")).unwrap()
}

async fn erase(app: &TestApp, slug: &str) -> Erased {
    let erased = erase_person(
        &app.app.database,
        &erasure_key(),
        &app.group,
        &profile(slug),
    )
    .await;
    erased.unwrap()
}

async fn begin(app: &TestApp, wanted: &Wanted) -> (PgConnection, Lease) {
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &app.group, wanted).await;
    (connection, lease)
}

fn known_by(member: Option<&str>, provider: Option<&str>, slug: Option<&str>) -> Item {
    item(Person {
        member_id: member.map(str::to_owned),
        provider_id: provider.map(str::to_owned),
        public_identifier: slug.map(|slug| PublicIdentifier::parse(slug).unwrap()),
        ..Person::default()
    })
}

/// Which of these texts stand anywhere in the database.
async fn found_anywhere(connection: &mut PgConnection, texts: &[&str]) -> Vec<String> {
    let tables = sqlx::raw_sql("select tablename from pg_tables where schemaname = 'public'");
    let tables = tables.fetch_all(&mut *connection).await.unwrap();
    let mut found = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let all = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let all = sqlx::raw_sql(sqlx::AssertSqlSafe(all));
        let all: String = all.fetch_one(&mut *connection).await.unwrap().get(0);
        let here = texts.iter().filter(|text| all.contains(**text));
        found.extend(here.map(|text| format!("{text} in {table}")));
    }
    found
}

/// Imports items as a job of their own and returns its counts.
async fn counts_of(app: &TestApp, items: &[Item]) -> Value {
    let (mut connection, lease) = begin(app, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, items, ENDED).await;
    app.job(&lease.job).await["counts"].clone()
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_but_rows_counts_and_ledger_stay() {
    let app = TestApp::start().await;
    let (mut connection, lease) = begin(&app, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, &people(0..5), ENDED).await;
    sqlx::query!(
        "update prospects set email = last_name || '@example.com', email_status = 'valid'"
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let (rows, status, credits) = (
        app.rows(&lease.job).await,
        app.job(&lease.job).await,
        app.credits().await,
    );
    let texts = ["person-3", "ACoAA0000000003", "Number3"];
    let before = found_anywhere(&mut connection, &texts).await;
    assert!(before.len() == 4, "{before:?}");

    let erased = erase(&app, "Person-3").await;
    assert_eq!(json!(erased.prospects), json!([rows[3]["prospectId"]]));
    assert_eq!(erased.rows, 1);
    let none = Vec::<String>::new();
    assert_eq!(found_anywhere(&mut connection, &texts).await, none);
    let after = app.rows(&lease.job).await;
    let kept = ["row", "outcome", "prospectId", "importedAt"];
    for (key, value) in after[3].as_object().unwrap() {
        let expected = if kept.contains(&key.as_str()) {
            &rows[3][key]
        } else {
            &Value::Null
        };
        assert_eq!(value, expected, "{key}");
    }
    for other in [0, 1, 2, 4] {
        assert_eq!(after[other], rows[other]);
    }
    assert_eq!(app.job(&lease.job).await, status);
    assert_eq!(app.credits().await, credits);
    app.assert_books_balance().await;
    assert_eq!(faults(&mut connection).await, none);

    let again = erase(&app, "person-3").await;
    assert_eq!(
        (again.prospects.len(), again.rows),
        (0, 0),
        "once is enough"
    );
}

#[tokio::test]
async fn an_erased_person_is_not_imported_again_by_any_identifier_that_was_known() {
    let app = TestApp::start().await;
    counts_of(&app, &people(0..3)).await;
    erase(&app, "person-1").await;
    let credits = app.credits().await;
    for erased in [
        item(person(1)),
        known_by(Some("1"), None, None),
        known_by(None, Some("ACoAA0000000001"), None),
        known_by(None, None, Some("PERSON-1")),
        known_by(Some("1"), Some("ACwAAother"), Some("moved")),
    ] {
        let counts = counts_of(&app, std::slice::from_ref(&erased)).await;
        assert_eq!(
            (
                &counts["suppressed"],
                &counts["imported"],
                &counts["fetched"]
            ),
            (&json!(1), &json!(0), &json!(1)),
            "{erased:?}"
        );
    }
    assert_eq!(app.credits().await, credits, "nothing was charged");
    let counts = counts_of(&app, &people(0..4)).await;
    assert_eq!(counts["suppressed"], 1);
    assert_eq!(counts["duplicates"], 2);
    assert_eq!(counts["imported"], 1);
    let none = Vec::<String>::new();
    let mut connection = app.connect().await;
    assert_eq!(found_anywhere(&mut connection, &["ACwAAother"]).await, none);
    assert_eq!(faults(&mut connection).await, none);
    app.assert_books_balance().await;
}

#[tokio::test]
async fn somebody_unknown_is_kept_away_all_the_same_and_only_from_this_group() {
    let app = TestApp::start().await;
    let erased = erase(&app, "person-7").await;
    assert_eq!(erased.prospects, []);
    assert_eq!(counts_of(&app, &people(7..8)).await["suppressed"], 1);

    let (other, _) = app.another_group(&Setup::default()).await;
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &other, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, &people(7..8), ENDED).await;
    let imported = sqlx::query_scalar!(
        "select imported from prospecting_jobs where account_group_id = $1",
        other.as_str()
    );
    assert_eq!(imported.fetch_one(&mut connection).await.unwrap(), 1);
}

#[tokio::test]
async fn somebody_else_who_was_given_the_erased_persons_name_may_be_imported() {
    let app = TestApp::start().await;
    counts_of(&app, &[known_by(Some("1"), None, Some("lovelace"))]).await;
    erase(&app, "lovelace").await;
    let counts = counts_of(&app, &[known_by(Some("2"), None, Some("lovelace"))]).await;
    assert_eq!(counts["imported"], 1, "two member ids are two people");
    assert_eq!(
        counts_of(&app, &[known_by(None, None, Some("lovelace"))]).await["suppressed"],
        1
    );
    // Now the name is that of the other one, who wants to be erased as well.
    erase(&app, "lovelace").await;
    erase(&app, "lovelace").await;
    assert_eq!(
        counts_of(&app, &[known_by(Some("2"), None, None)]).await["suppressed"],
        1
    );
    assert_eq!(
        counts_of(&app, &[known_by(Some("3"), None, Some("lovelace"))]).await["imported"],
        1
    );
}

#[tokio::test]
async fn whoever_is_the_same_person_by_another_identifier_is_erased_too() {
    let app = TestApp::start().await;
    // Two prospects until somebody has both of their identifiers.
    counts_of(&app, &[known_by(None, Some("ACoAAA"), None)]).await;
    counts_of(&app, &[known_by(None, None, Some("lovelace"))]).await;
    counts_of(
        &app,
        &[known_by(Some("1"), Some("ACwAAB"), Some("lovelace"))],
    )
    .await;
    counts_of(&app, &[known_by(None, Some("ACwAAB"), None)]).await;
    let erased = erase(&app, "lovelace").await;
    assert_eq!(
        erased.prospects.len(),
        2,
        "not the first, which nothing leads to"
    );
    let none = Vec::<String>::new();
    let mut connection = app.connect().await;
    assert_eq!(
        found_anywhere(&mut connection, &["ACwAAB", "lovelace"]).await,
        none
    );
}

fn upload_page<'a>(items: &'a [Item], key: &'a ErasureKey) -> NewPage<'a> {
    NewPage {
        page: 1,
        items,
        cursor: None,
        available: None,
        upstream_ended: ENDED,
        may_be_barren: true,
        list_type: ListType::UrlUpload,
        erasure_key: Some(key),
    }
}

/// The items of an upload: the first two are one person under an old and a new name.
fn uploaded(slugs: &[&str]) -> Vec<Item> {
    let mut items = vec![item(person(0)), item(person(0)), item(person(1))];
    items.push(Item {
        kind: ItemKind::NotFound,
        reason: None,
        input_url: None,
    });
    for (one, slug) in items.iter_mut().zip(slugs) {
        one.input_url = Some(format!("https://www.linkedin.com/in/{slug}"));
    }
    items
}

#[tokio::test]
async fn uploads_that_named_an_erased_person_name_them_no_more() {
    let app = TestApp::start().await;
    let slugs = ["before-0", "person-0", "person-1", "gone-0"];
    let wanted = Wanted {
        source: upload_source(&slugs),
        max_results: 4,
        ..Wanted::default()
    };
    let key = erasure_key();
    let (mut connection, first) = begin(&app, &wanted).await;
    let items = uploaded(&slugs);
    let page = upload_page(&items, &key);
    queue::import_page(&mut connection, &first, LEASE, page)
        .await
        .unwrap();
    // Queued, so that its list alone holds them.
    let second = crate::support::by_hand::start(&mut connection, &app.group, &wanted).await;

    let erased = erase(&app, "person-0").await;
    assert_eq!(
        (erased.prospects.len(), erased.rows, erased.uploaded_urls),
        (1, 2, 4)
    );
    let gone = erase(&app, "gone-0").await;
    assert_eq!(gone.uploaded_urls, 2);
    let none = Vec::<String>::new();
    let texts = ["before-0", "person-0", "gone-0"];
    assert_eq!(found_anywhere(&mut connection, &texts).await, none);
    let rows = app.rows(&first.job).await;
    let outcomes: Vec<&Value> = rows.iter().map(|row| &row["outcome"]).collect();
    assert_eq!(outcomes, ["imported", "duplicate", "imported", "not_found"]);
    assert_eq!(rows[2]["inputUrl"], "https://www.linkedin.com/in/person-1");

    app.run_jobs_until_idle().await;
    let status = app.job(&second).await;
    assert_eq!(status["status"], "completed");
    assert_eq!(
        status["counts"]["suppressed"], 3,
        "nobody is asked about them"
    );
    assert_eq!(app.rows(&second).await.len(), 4);
    app.assert_books_balance().await;
}

#[tokio::test]
async fn an_upload_of_an_erased_person_keeps_neither_row_nor_list_of_them() {
    let app = TestApp::start().await;
    let slugs = ["before-0", "person-0", "person-1", "gone-0"];
    erase(&app, "person-0").await;
    erase(&app, "gone-0").await;
    let wanted = Wanted {
        source: upload_source(&slugs),
        max_results: 4,
        ..Wanted::default()
    };
    let key = erasure_key();
    let (mut connection, lease) = begin(&app, &wanted).await;
    let items = uploaded(&slugs);
    let page = upload_page(&items, &key);
    queue::import_page(&mut connection, &lease, LEASE, page)
        .await
        .unwrap();
    let rows = app.rows(&lease.job).await;
    let outcomes: Vec<&Value> = rows.iter().map(|row| &row["outcome"]).collect();
    assert_eq!(
        outcomes,
        ["suppressed", "suppressed", "imported", "suppressed"]
    );
    assert_eq!(app.job(&lease.job).await["counts"]["suppressed"], 3);
    let none = Vec::<String>::new();
    let texts = ["before-0", "person-0", "gone-0"];
    assert_eq!(found_anywhere(&mut connection, &texts).await, none);
    assert_eq!(faults(&mut connection).await, none);
}

#[tokio::test]
async fn a_page_in_flight_does_not_slip_past_an_erasure() {
    let app = TestApp::with(Setup {
        credits: 100_000,
        ..Setup::default()
    })
    .await;
    let mut connection = app.connect().await;
    let mut imported_first = 0;
    for number in 0..30 {
        let (mut importing, lease) = begin(&app, &Wanted::default()).await;
        let items = people(number..number + 1);
        let slug = format!("person-{number}");
        let (page, erased) = tokio::join!(
            import(&mut importing, &lease, 1, &items, ENDED),
            erase(&app, &slug),
        );
        assert!(
            matches!(page, Ok(PageOutcome::Committed { .. })),
            "{page:?}"
        );
        imported_first += erased.prospects.len();
        let slug = format!("{slug}\"");
        let provider = format!("ACoAA{number:010}");
        let found = found_anywhere(&mut connection, &[&slug, &provider]).await;
        assert_eq!(found, Vec::<String>::new());
    }
    println!("{imported_first} of 30 pages were in before the erasure");
    app.assert_books_balance().await;
}

#[tokio::test]
async fn without_the_right_key_nothing_is_fetched_or_imported_and_the_job_waits() {
    let recorder = Recorder::start().await;
    let app = TestApp::with(Setup {
        erasure_key: None,
        provider: recorder.provider(),
        ..Setup::default()
    })
    .await;
    let job = app.start_job(&search("results-5", 5)).await;
    erase(&app, "person-1").await;
    app.run_jobs_until_idle().await;
    let status = app.job(&job).await;
    assert_eq!(status["status"], "queued");
    assert_eq!(status["counts"]["fetched"], 0);
    assert_eq!(recorder.calls().len(), 0, "for nothing");
    assert_eq!(app.credits().await["balance"], 10_000);

    let other: ErasureKey = "another key that is known to everybody, too"
        .parse()
        .unwrap();
    let refused = erase_person(&app.app.database, &other, &app.group, &profile("lovelace")).await;
    assert!(
        matches!(refused, Err(Refusal::OtherErasureKey)),
        "{refused:?}"
    );
    assert_eq!(
        found_anywhere(&mut app.connect().await, &["lovelace"]).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn look_ups_go_on_without_those_who_were_erased() {
    let app = TestApp::start().await;
    let wanted = Wanted {
        search_emails: true,
        ..Wanted::default()
    };
    let (mut connection, lease) = begin(&app, &wanted).await;
    import_in_full(&mut connection, &lease, 1, &people(0..4), ENDED).await;
    let lookups = list_lookups(&mut connection, &lease.account_group, &lease.job, 0, 2)
        .await
        .unwrap();
    let answers: Vec<StoredAnswer> = lookups
        .into_iter()
        .map(|lookup| answer(lookup.prospect_id, true))
        .collect();
    // While the finder answers about the first two, one of them is erased, and so are the others.
    for slug in ["person-1", "person-2", "person-3"] {
        erase(&app, slug).await;
    }
    let stored = queue::store_emails(&mut connection, &lease, LEASE, 1, 2, &answers)
        .await
        .unwrap();
    assert_eq!(stored, queue::BatchOutcome::Committed { job_ended: true });
    let rows = app.rows(&lease.job).await;
    assert!(rows[0]["email"].is_string());
    assert_eq!(rows[1]["email"], Value::Null);
    let status = app.job(&lease.job).await;
    assert_eq!(status["status"], "completed");
    assert_eq!(
        status["credits"]["charged"], 6,
        "4 imports, 2 look-ups that were answered"
    );
    app.assert_books_balance().await;
}

#[tokio::test]
async fn a_job_whose_people_are_all_erased_completes_its_look_ups() {
    let app = TestApp::start().await;
    let wanted = Wanted {
        search_emails: true,
        ..Wanted::default()
    };
    let (mut connection, lease) = begin(&app, &wanted).await;
    import_in_full(&mut connection, &lease, 1, &people(0..2), ENDED).await;
    for slug in ["person-0", "person-1"] {
        erase(&app, slug).await;
    }
    let until = queue::WaitUntil::After(std::time::Duration::ZERO);
    queue::wait_job(&mut connection, &lease, None, until)
        .await
        .unwrap();
    app.run_jobs_until_idle().await;
    let status = app.job(&lease.job).await;
    assert_eq!(status["status"], "completed");
    assert_eq!(status["stages"]["enrichment"]["status"], "completed");
    assert_eq!(status["credits"]["charged"], 2);
    app.assert_books_balance().await;
}
