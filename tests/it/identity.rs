//! Who is the same person, and what a page makes of its items.

use prospector::db::queue::{Item, ItemKind, Lease, NewPage, PageOutcome, import_page};
use prospector::domain::job::StopReason;
use prospector::domain::linkedin_url::PublicIdentifier;
use prospector::domain::person::Person;
use prospector::domain::quota::ListType;
use prospector::domain::start_request::Duplicates;
use serde_json::Value;
use sqlx::PgConnection;

use crate::support::app::{Setup, TestApp};
use crate::support::by_hand::{
    LEASE, Wanted, faults, import, import_in_full, item, people, person, run_state,
    start_and_claim, upload_source,
};

/// Somebody of whom only identifiers are known.
fn known_by(member: Option<&str>, provider: Option<&str>, slug: Option<&str>) -> Item {
    item(Person {
        member_id: member.map(str::to_owned),
        provider_id: provider.map(str::to_owned),
        public_identifier: slug.map(|slug| PublicIdentifier::parse(slug).unwrap()),
        name: Some("Ada".to_owned()),
        ..Person::default()
    })
}

async fn begin(app: &TestApp, wanted: &Wanted) -> (PgConnection, Lease) {
    let mut connection = app.connect().await;
    let lease = start_and_claim(&mut connection, &app.group, wanted).await;
    (connection, lease)
}

/// Imports each item as a page of a job of its own, and tells for each which row's person it is.
async fn who_is_who(items: &[Item]) -> Vec<usize> {
    let app = TestApp::start().await;
    let mut people: Vec<Value> = Vec::new();
    let mut same = Vec::new();
    for one in items {
        let (mut connection, lease) = begin(&app, &Wanted::default()).await;
        let ended = Some(StopReason::SourceExhausted);
        let page = std::slice::from_ref(one);
        import_in_full(&mut connection, &lease, 1, page, ended).await;
        let row = app.rows(&lease.job).await.remove(0);
        let known = people
            .iter()
            .position(|person| *person == row["prospectId"]);
        let expected = if known.is_some() {
            "duplicate"
        } else {
            "imported"
        };
        assert_eq!(row["outcome"], expected);
        same.push(known.unwrap_or(people.len()));
        if known.is_none() {
            people.push(row["prospectId"].clone());
        }
    }
    app.assert_books_balance().await;
    assert_eq!(faults(&mut app.connect().await).await, Vec::<String>::new());
    same
}

#[tokio::test]
async fn the_member_id_says_who_it_is_whatever_else_has_changed() {
    let items = [
        known_by(Some("1"), Some("ACoAAA"), Some("ada")),
        known_by(Some("1"), Some("ACwAAB"), Some("ada-lovelace")),
        known_by(Some("1"), None, None),
    ];
    assert_eq!(who_is_who(&items).await, [0, 0, 0]);
}

#[tokio::test]
async fn without_a_member_id_the_provider_id_says_it_and_then_the_public_identifier() {
    let items = [
        known_by(None, Some("ACoAAA"), Some("ada")),
        known_by(None, Some("ACoAAA"), Some("ada-lovelace")),
        known_by(None, Some("ACoAAB"), Some("ada")),
        known_by(Some("1"), Some("ACoAAA"), None),
        known_by(None, Some("ACoaaa"), None),
    ];
    assert_eq!(who_is_who(&items).await, [0, 0, 0, 0, 1]);
}

#[tokio::test]
async fn public_identifiers_are_compared_folded() {
    let items = [
        known_by(None, None, Some("Zoë-Müller")),
        known_by(None, None, Some("ZO%C3%8B-m%C3%BCller")),
        known_by(None, None, Some("zoe\u{308}-mu\u{308}ller")),
        known_by(None, None, Some("zoe-muller")),
    ];
    assert_eq!(who_is_who(&items).await, [0, 0, 0, 1]);
}

#[tokio::test]
async fn two_known_and_different_member_ids_are_never_one_person() {
    let items = [
        known_by(Some("1"), Some("ACoAAA"), Some("ada")),
        known_by(Some("2"), Some("ACoAAA"), Some("ada")),
        known_by(Some("3"), None, Some("ada")),
        // Somebody of unknown member id is the one who was first known by the identifier.
        known_by(None, Some("ACoAAA"), None),
        known_by(None, None, Some("ada")),
    ];
    assert_eq!(who_is_who(&items).await, [0, 1, 2, 0, 0]);
}

#[tokio::test]
async fn where_identifiers_lead_to_different_people_the_first_match_wins_and_nobody_is_merged() {
    let items = [
        known_by(Some("1"), None, None),
        known_by(None, Some("ACoAAA"), None),
        known_by(None, None, Some("ada")),
        known_by(Some("1"), Some("ACoAAA"), Some("ada")),
        known_by(None, Some("ACoAAA"), Some("ada")),
        known_by(None, None, Some("ada")),
    ];
    assert_eq!(who_is_who(&items).await, [0, 1, 2, 0, 1, 2]);
}

#[tokio::test]
async fn account_groups_do_not_know_each_others_people() {
    let app = TestApp::start().await;
    let (other, _) = app.another_group(&Setup::default()).await;
    let mut connection = app.connect().await;
    for group in [&app.group, &other] {
        let lease = start_and_claim(&mut connection, group, &Wanted::default()).await;
        let ended = Some(StopReason::SourceExhausted);
        import_in_full(&mut connection, &lease, 1, &people(0..10), ended).await;
    }
    let imported = sqlx::query_scalar!("select imported from prospecting_jobs");
    assert_eq!(imported.fetch_all(&mut connection).await.unwrap(), [10, 10]);
}

#[tokio::test]
async fn a_duplicate_refreshes_what_is_said_about_somebody_but_no_id_and_no_address() {
    let app = TestApp::start().await;
    let (mut connection, lease) = begin(&app, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, &people(0..1), None).await;
    sqlx::query!("update prospects set email = 'ada@example.com', email_status = 'valid'")
        .execute(&mut connection)
        .await
        .unwrap();
    let ended = Some(StopReason::SourceExhausted);
    import_in_full(&mut connection, &lease, 2, &[], ended).await;
    let before = app.rows(&lease.job).await.remove(0);

    let newer = Person {
        member_id: Some("0".to_owned()),
        provider_id: Some("ACwAAother".to_owned()),
        public_identifier: Some(PublicIdentifier::parse("moved").unwrap()),
        linkedin_url: Some("https://www.linkedin.com/in/moved".to_owned()),
        headline: Some("Counts things that are built".to_owned()),
        company_name: Some("Better Works".to_owned()),
        // What the newer answer does not say stays.
        ..Person::default()
    };
    let (mut connection, again) = begin(&app, &Wanted::default()).await;
    import_in_full(&mut connection, &again, 1, &[item(newer)], ended).await;
    let row = app.rows(&again.job).await.remove(0);
    assert_eq!(row["outcome"], "duplicate");
    let mut expected = before.clone();
    expected["headline"] = "Counts things that are built".into();
    expected["companyName"] = "Better Works".into();
    for (key, value) in expected.as_object().unwrap() {
        if !["outcome", "importedAt", "providerId"].contains(&key.as_str()) {
            assert_eq!(row[key], *value, "{key}");
        }
    }
    assert_eq!(row["email"], "ada@example.com");
    let ids = sqlx::query_scalar!("select provider_id from prospect_provider_ids");
    let ids = ids.fetch_all(&mut connection).await.unwrap();
    assert_eq!(ids, ["ACoAA0000000000"], "ids are never refreshed");
}

#[tokio::test]
async fn somebody_met_twice_in_a_job_is_one_row_and_one_credit() {
    let app = TestApp::start().await;
    let (mut connection, lease) = begin(&app, &Wanted::default()).await;
    let twice = people([1, 2, 1, 3, 2]);
    import_in_full(&mut connection, &lease, 1, &twice, None).await;
    import_in_full(&mut connection, &lease, 2, &people([3, 4, 1]), None).await;
    let status = app.job(&lease.job).await;
    assert_eq!(status["counts"]["imported"], 4);
    assert_eq!(status["counts"]["duplicates"], 0);
    assert_eq!(status["counts"]["fetched"], 8, "repeats show here only");
    assert_eq!(status["credits"]["charged"], 4);
    assert_eq!(app.rows(&lease.job).await.len(), 4);
    assert_eq!(faults(&mut connection).await, Vec::<String>::new());
}

#[tokio::test]
async fn somebody_skipped_and_met_again_counts_once() {
    let app = TestApp::start().await;
    let (mut connection, first) = begin(&app, &Wanted::default()).await;
    let ended = Some(StopReason::SourceExhausted);
    import_in_full(&mut connection, &first, 1, &people(0..5), ended).await;
    let wanted = Wanted {
        duplicates: Duplicates::Skip,
        ..Wanted::default()
    };
    let (mut connection, lease) = begin(&app, &wanted).await;
    import_in_full(&mut connection, &lease, 1, &people([0, 1, 0, 9]), None).await;
    import_in_full(&mut connection, &lease, 2, &people([1, 2, 9]), None).await;
    let status = app.job(&lease.job).await;
    assert_eq!(status["counts"]["duplicates"], 3);
    assert_eq!(status["counts"]["imported"], 1);
    assert_eq!(app.rows(&lease.job).await.len(), 1);
    assert_eq!(faults(&mut connection).await, Vec::<String>::new());
}

#[tokio::test]
async fn in_an_upload_each_url_gets_its_row_even_for_the_same_person() {
    let app = TestApp::start().await;
    let slugs = ["ada", "ada-again", "gone", "company", "closed"];
    let wanted = Wanted {
        source: upload_source(&slugs),
        max_results: 5,
        duplicates: Duplicates::Skip,
        ..Wanted::default()
    };
    let (mut connection, lease) = begin(&app, &wanted).await;
    let found = |slug| {
        item(Person {
            public_identifier: PublicIdentifier::parse(slug).ok(),
            ..person(1)
        })
    };
    let without = |kind| Item {
        kind,
        reason: Some("because".to_owned()),
        input_url: None,
    };
    let mut items = [
        found("ada"),
        found("ada-again"),
        without(ItemKind::NotFound),
        without(ItemKind::Invalid),
        without(ItemKind::Failed),
    ];
    for (one, slug) in items.iter_mut().zip(slugs) {
        one.input_url = Some(format!("https://www.linkedin.com/in/{slug}"));
    }
    let page = NewPage {
        page: 1,
        items: &items,
        cursor: None,
        available: Some(5),
        upstream_ended: Some(StopReason::SourceExhausted),
        may_be_barren: true,
        list_type: ListType::UrlUpload,
        erasure_key: None,
    };
    let outcome = import_page(&mut connection, &lease, LEASE, page)
        .await
        .unwrap();
    assert!(matches!(
        outcome,
        PageOutcome::Committed {
            job_ended: true,
            ..
        }
    ));
    let rows = app.rows(&lease.job).await;
    let outcomes: Vec<&str> = rows
        .iter()
        .map(|row| row["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(
        outcomes,
        ["imported", "duplicate", "not_found", "invalid", "failed"]
    );
    assert_eq!(rows[0]["prospectId"], rows[1]["prospectId"]);
    let status = app.job(&lease.job).await;
    assert_eq!(status["credits"]["charged"], 1);
    assert_eq!(status["stages"]["import"]["progress"], 1.0);
    assert_eq!(faults(&mut connection).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_ceiling_holds_within_a_page_that_brings_more_than_was_wanted() {
    let app = TestApp::start().await;
    let wanted = Wanted {
        max_results: 30,
        ..Wanted::default()
    };
    let (mut connection, lease) = begin(&app, &wanted).await;
    import_in_full(&mut connection, &lease, 1, &people(0..25), None).await;
    assert_eq!(run_state(&mut connection, &lease).await.rows_wanted, 5);
    let ends = import_in_full(&mut connection, &lease, 2, &people(20..120), None).await;
    assert_eq!(ends, (true, true));
    let status = app.job(&lease.job).await;
    assert_eq!(status["stopReason"], "max_results");
    assert_eq!(status["counts"]["imported"], 30);
    assert_eq!(status["counts"]["fetched"], 125);
    assert_eq!(status["credits"]["charged"], 30);
    assert_eq!(app.rows(&lease.job).await.len(), 30);
}

#[tokio::test]
async fn an_empty_page_is_a_page_and_charges_nothing() {
    let app = TestApp::start().await;
    let (mut connection, lease) = begin(&app, &Wanted::default()).await;
    let ends = import_in_full(&mut connection, &lease, 1, &[], None).await;
    assert_eq!(ends, (false, false));
    assert_eq!(run_state(&mut connection, &lease).await.page, 1);
    let ended = Some(StopReason::SourceExhausted);
    let ends = import_in_full(&mut connection, &lease, 2, &[], ended).await;
    assert_eq!(ends, (true, true));
    assert_eq!(app.job(&lease.job).await["credits"]["charged"], 0);
    assert_eq!(app.credits().await["reserved"], 0);
    app.assert_books_balance().await;
}

#[tokio::test]
async fn twenty_pages_in_a_row_without_anybody_new_are_the_end_of_the_source() {
    let app = TestApp::start().await;
    let (mut connection, lease) = begin(&app, &Wanted::default()).await;
    import_in_full(&mut connection, &lease, 1, &people(0..3), None).await;
    for page in 2..=20 {
        let ends = import_in_full(&mut connection, &lease, page, &people(0..3), None).await;
        assert_eq!(ends, (false, false), "page {page}");
    }
    // One new person, and the count begins anew.
    import_in_full(&mut connection, &lease, 21, &people(3..4), None).await;
    for page in 22..=40 {
        let ends = import_in_full(&mut connection, &lease, page, &people(0..4), None).await;
        assert_eq!(ends, (false, false), "page {page}");
    }
    let ends = import_in_full(&mut connection, &lease, 41, &[], None).await;
    assert_eq!(ends, (true, true));
    let status = app.job(&lease.job).await;
    assert_eq!(status["stopReason"], "source_exhausted");
    assert_eq!(status["counts"]["imported"], 4);
}

#[tokio::test]
async fn after_five_thousand_fetched_items_the_import_ends() {
    let app = TestApp::start().await;
    let (mut connection, lease) = begin(&app, &Wanted::default()).await;
    let repeats: Vec<u32> = (0..999).map(|number| number % 3).collect();
    for page in 1..=5 {
        let ends = import(
            &mut connection,
            &lease,
            page,
            &people(repeats.clone()),
            None,
        )
        .await;
        assert!(
            matches!(
                ends,
                Ok(PageOutcome::Committed {
                    import_ended: false,
                    ..
                })
            ),
            "page {page}: {ends:?}"
        );
    }
    let ends = import_in_full(&mut connection, &lease, 6, &people(0..5), None).await;
    assert_eq!(ends, (true, true));
    let status = app.job(&lease.job).await;
    assert_eq!(status["stopReason"], "source_cap");
    assert_eq!(status["counts"]["fetched"], 5_000);
    assert_eq!(status["counts"]["imported"], 5);
}
