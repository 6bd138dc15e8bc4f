//! Searches and lists, and the magic words in keywords.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::upstream::sandbox::population::{self, Row};
use crate::upstream::sandbox::tests::{different, search, walk};
use crate::upstream::sandbox::{router, stable};

#[tokio::test]
async fn a_known_search_finds_the_same_people_for_ever() {
    let rows = search(&router(), "plant manager", "limit=2").await.rows();
    let shown = |key: &str| rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(shown("member_id"), ["3302211055", "2421624290"]);
    let slugs = ["kerem-demirci-8938f3ef", "niamh-pemberton-54bc43e2"];
    assert_eq!(shown("public_identifier"), slugs);
    let again = search(&router(), "plant  manager", "limit=2").await.rows();
    assert_eq!(rows, again);
    // All that is known of everybody in one source of each kind.
    let everything = [
        population::rows_of_search("plant manager"),
        population::rows_of_saved_search("52310060"),
        population::rows_of_lead_list("7130000000000000060"),
        population::rows_of_post("7300000000000000060"),
    ];
    assert_eq!(
        stable::hash(&[&format!("{everything:?}")]),
        14_429_707_544_051_645_097
    );
}

#[tokio::test]
async fn a_walk_by_offset_brings_everybody_in_the_order_that_population_tells() {
    let router = router();
    let url = "https://www.linkedin.com/search/results/people/?keywords=walk+results-250";
    for limit in [20, 25, 100] {
        let path = "/v2/acc_x/linkedin/search";
        let rows = walk(&router, path, json!({"url": url}), limit).await;
        assert_eq!(rows.len(), 262);
        assert_eq!(different(&rows, "member_id").len(), 250);
        let expected = population::rows_of_search("walk results-250");
        for (row, expected) in rows.iter().zip(&expected) {
            let Row::Person(person) = expected else {
                panic!("a company in a search")
            };
            assert_eq!(row["id"], person.classic_id);
            assert_eq!(row["public_identifier"].as_str(), person.slug.as_deref());
        }
    }
}

#[tokio::test]
async fn sales_navigator_shows_the_same_people_under_other_ids() {
    let router = router();
    let base = "/v2/acc_x/linkedin/sales-navigator";
    let list = "7130000000000000045";
    let by_url = json!({"url": format!("https://www.linkedin.com/sales/lists/people/{list}?x=1")});
    let leads = walk(&router, &format!("{base}/search"), by_url, 25).await;
    assert_eq!(different(&leads, "member_id").len(), 45);
    assert_eq!(leads[0]["object"], "SavedLead");
    assert!(leads[0].get("product").is_none() && leads[0]["saved_at"].is_string());
    let path = format!("{base}/lead-lists/{list}");
    assert_eq!(
        walk(&router, &path, json!({"sort_order": "ASCENDING"}), 25).await,
        leads
    );
    let people = format!("{base}/search/people");
    let by_list = walk(
        &router,
        &people,
        json!({"lead_list": {"include": [list]}}),
        25,
    )
    .await;
    assert_eq!(different(&by_list, "id"), different(&leads, "id"));
    assert_eq!(by_list[0]["product"], "sales_navigator");

    let saved = json!({"load_saved_search": {"id": "52310250"}});
    let saved = walk(&router, &people, saved, 100).await;
    assert_eq!(different(&saved, "id").len(), 250);
    let url = "https://www.linkedin.com/sales/search/people?savedSearchId=52310250";
    let same = walk(&router, &format!("{base}/search"), json!({"url": url}), 100).await;
    assert_eq!(same, saved);
    let empty = json!({"load_saved_search": {"id": "52310000"}});
    assert_eq!(
        walk(&router, &people, empty, 100).await,
        Vec::<Value>::new()
    );

    let url = "https://www.linkedin.com/sales/search/people?query=(keywords%3Aboth%2520results-30%2Cx%3A1)";
    let premium = walk(&router, &format!("{base}/search"), json!({"url": url}), 25).await;
    let classic = search(&router, "both results-30", "limit=100").await.rows();
    assert_eq!(
        different(&premium, "member_id"),
        different(&classic, "member_id")
    );
    assert!(different(&premium, "id").is_disjoint(&different(&classic, "id")));
}

#[tokio::test]
async fn rows_have_the_oddities_of_life() {
    let router = router();
    let path = "/v2/acc_x/linkedin/sales-navigator/lead-lists/9000";
    let rows = walk(&router, path, json!({}), 100).await;
    let share = |is_odd: fn(&Value) -> bool| {
        rows.iter().filter(|row| is_odd(row)).count() * 1000 / rows.len()
    };
    assert!((40..80).contains(&share(|row| row.get("public_identifier").is_none())));
    assert!((20..70).contains(&share(|row| row.get("headline").is_none())));
    let is_unknown = |row: &Value| row["network_distance"] == "FOLLOWED_BY_TEAM";
    assert!((5..50).contains(&share(is_unknown)));
    let no_company = |row: &Value| row["work_experience"][0]["company"]["id"].is_null();
    assert!((20..70).contains(&share(no_company)));
    let with_email = |row: &Value| row["contact_info"]["emails"].is_array();
    assert!((30..150).contains(&share(with_email)));
}

#[tokio::test]
async fn fail_answers_503_so_many_times() {
    let router = router();
    for _ in 0..2 {
        let answer = search(&router, "f fail-2", "").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(
        search(&router, "other fail-1", "").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(search(&router, "f fail-2", "").await.rows().len(), 20);
}

#[tokio::test]
async fn limit_answers_429_once_on_the_second_page_or_the_only_one() {
    let router = router();
    assert_eq!(
        search(&router, "l limit-7", "limit=25").await.rows().len(),
        25
    );
    let answer = search(&router, "l limit-7", "limit=25&offset=25").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(answer.headers["x-ratelimit-remaining"], "0");
    assert_eq!(answer.headers["x-ratelimit-reset"], "7");
    assert_eq!(answer.kind(), "api/too_many_requests");
    assert_eq!(
        search(&router, "l limit-7", "limit=25&offset=25")
            .await
            .rows()
            .len(),
        25
    );
    let only = search(&router, "l limit-1 results-5", "limit=25").await;
    assert_eq!(only.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        search(&router, "l limit-1 results-5", "limit=25")
            .await
            .rows()
            .len(),
        5
    );
}

#[tokio::test]
async fn throttle_answers_linkedins_own_429_n_times_on_the_second_page_or_the_only_one() {
    let router = router();
    let rows = async |text: &str, query: &str| search(&router, text, query).await;
    assert_eq!(rows("t throttle-2", "limit=25").await.rows().len(), 25);
    for _ in 0..2 {
        let answer = rows("t throttle-2", "limit=25&offset=25").await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.kind(), "provider/too_many_requests");
        assert!(!answer.headers.contains_key("retry-after"));
    }
    let passed = rows("t throttle-2", "limit=25&offset=25").await;
    assert_eq!(passed.rows().len(), 25);
    let only = rows("t throttle-1 results-5", "limit=25").await;
    assert_eq!(only.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn broken_answers_come_once_on_the_second_page() {
    let router = router();
    for (word, content_type) in [
        ("broken-json", "application/json"),
        ("html", "text/html; charset=utf-8"),
    ] {
        assert_eq!(search(&router, word, "").await.rows().len(), 20);
        let answer = search(&router, word, "offset=20").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["content-type"], content_type);
        assert!(serde_json::from_str::<Value>(&answer.text).is_err());
        assert_eq!(search(&router, word, "offset=20").await.rows().len(), 20);
    }
}

#[tokio::test]
async fn disconnect_at_ends_the_rows_there() {
    let router = router();
    let words = "d disconnect-at-30";
    assert_eq!(search(&router, words, "limit=25").await.rows().len(), 25);
    assert_eq!(
        search(&router, words, "limit=25&offset=25")
            .await
            .rows()
            .len(),
        5
    );
    for offset in [30, 31, 5000] {
        let answer = search(&router, words, &format!("offset={offset}")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.kind(), "provider/invalid_authorization");
    }
}

#[tokio::test]
async fn companies_stand_among_people_or_instead_of_them() {
    let router = router();
    let companies = |rows: &[Value]| {
        let companies = rows
            .iter()
            .filter(|row| row["object"] == "CompanySearchResult");
        companies.count()
    };
    let rows = search(&router, "with-companies results-45", "limit=100").await;
    let rows = rows.rows();
    assert_eq!((rows.len(), companies(&rows)), (45 + 2 + 3, 3));
    assert_eq!(different(&rows, "member_id").len(), 45);
    let expected = population::rows_of_search("with-companies results-45");
    assert_eq!(expected.len(), rows.len());
    assert!(matches!(expected.last(), Some(Row::Person(_))));
    let rows = search(&router, "only-companies results-8", "").await.rows();
    assert_eq!((rows.len(), companies(&rows)), (8, 8));
}

#[tokio::test]
async fn refused_and_unanswered_calls_are_counted() {
    let router = router();
    for expected in [422, 422, 200] {
        let answer = search(&router, "refuse-2", "").await;
        assert_eq!(answer.status, expected);
    }
    let silence = search(&router, "hang-1", "");
    let patience = std::time::Duration::from_millis(50);
    assert!(tokio::time::timeout(patience, silence).await.is_err());
    assert_eq!(search(&router, "hang-1", "").await.status, StatusCode::OK);
}
