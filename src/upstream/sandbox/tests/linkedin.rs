//! Posts, profiles, accounts and what is listed.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::upstream::sandbox::population::{self, Row};
use crate::upstream::sandbox::router;
use crate::upstream::sandbox::tests::{different, get, post, search};

#[tokio::test]
async fn comments_are_paged_by_cursor_and_by_offset() {
    let router = router();
    let composite = get(&router, "/v2/acc_x/posts/7300000000000000060")
        .await
        .json();
    let id = composite["id"].as_str().unwrap().replace('=', "%3D");
    let path = format!("/v2/acc_x/posts/{id}/comments");
    let (mut by_cursor, mut query) = (Vec::new(), "limit=25".to_owned());
    loop {
        let answer = get(&router, &format!("{path}?{query}")).await;
        by_cursor.extend(answer.rows());
        let Some(cursor) = answer.json()["next_cursor"].as_str().map(str::to_owned) else {
            break;
        };
        query = format!("cursor={cursor}");
    }
    let urn = "/v2/acc_x/posts/urn:li:ugcPost:7300000000000000060/comments";
    let mut by_offset = Vec::new();
    loop {
        let answer = get(&router, &format!("{urn}?offset={}", by_offset.len())).await;
        if answer.rows().is_empty() {
            break;
        }
        by_offset.extend(answer.rows());
    }
    assert_eq!(by_cursor, by_offset);
    let mut below = Vec::new();
    for comment in by_cursor {
        let replies = format!("{path}/{}/replies", comment["id"].as_str().unwrap());
        let replies = replies_by_both_modes(&router, &replies).await;
        assert_eq!(comment["reply_counter"], replies.len());
        assert!(
            replies
                .iter()
                .all(|reply| reply["thread_id"] == comment["id"])
        );
        below.push(comment);
        below.extend(replies);
    }
    assert_eq!(below.len(), composite["comments_counter"]);
    let authors: Vec<Value> = below.iter().map(|row| row["author"].clone()).collect();
    let (people, companies): (Vec<Value>, Vec<Value>) = authors
        .into_iter()
        .partition(|author| author["type"] == "individual");
    assert_eq!(different(&people, "id").len(), 60);
    let mut rows: Vec<String> = population::rows_of_post("7300000000000000060")
        .iter()
        .map(|row| match row {
            Row::Person(person) => person.classic_id.clone(),
            Row::Company(company) => company.id.clone().unwrap(),
        })
        .collect();
    let mut ids: Vec<String> = people
        .iter()
        .chain(&companies)
        .map(|author| author["id"].as_str().unwrap().to_owned())
        .collect();
    rows.sort();
    ids.sort();
    assert_eq!(ids, rows);
    assert!(
        people
            .iter()
            .all(|author| author.get("member_id").is_none())
    );
    let other = get(
        &router,
        &format!("/v2/acc_x/posts/7300000000000000061/comments?{query}"),
    )
    .await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
}

/// All replies to a comment, which are the same by cursor and by offset.
async fn replies_by_both_modes(router: &axum::Router, path: &str) -> Vec<Value> {
    let mut by_offset = Vec::new();
    loop {
        let answer = get(router, &format!("{path}?offset={}", by_offset.len())).await;
        if answer.rows().is_empty() {
            break;
        }
        by_offset.extend(answer.rows());
    }
    let mut by_cursor = Vec::new();
    let mut query = "limit=7".to_owned();
    loop {
        let answer = get(router, &format!("{path}?{query}")).await;
        by_cursor.extend(answer.rows());
        let Some(cursor) = answer.json()["next_cursor"].as_str().map(str::to_owned) else {
            break;
        };
        query = format!("cursor={cursor}");
    }
    assert_eq!(by_cursor, by_offset);
    by_offset
}

#[tokio::test]
async fn a_post_that_ends_in_40400_is_unknown() {
    let router = router();
    for path in [
        "/v2/acc_x/posts/73000040400",
        "/v2/acc_x/posts/73000040400/comments",
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.kind(), "provider/resource_not_found");
    }
    assert!(
        get(&router, "/v2/acc_x/posts/7300000000/comments")
            .await
            .rows()
            .is_empty()
    );
}

#[tokio::test]
async fn slow_searches_and_profiles_take_their_time() {
    let router = router();
    let begin = Instant::now();
    search(&router, "slow-60", "").await.rows();
    assert!(begin.elapsed() >= Duration::from_millis(60));
    let begin = Instant::now();
    assert_eq!(
        get(&router, "/v2/acc_x/users/slow-dee").await.status,
        StatusCode::OK
    );
    assert!(begin.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn profiles_resolve_by_slug_and_by_both_ids() {
    let router = router();
    for row in population::rows_of_search("profiles results-100") {
        let Row::Person(person) = row else {
            panic!("a company in a search")
        };
        let identifiers = [&person.classic_id, &person.sales_navigator_id];
        for identifier in identifiers.into_iter().chain(&person.slug) {
            let path: String =
                url::form_urlencoded::byte_serialize(identifier.as_bytes()).collect();
            let profile = get(&router, &format!("/v2/acc_x/users/{path}"))
                .await
                .json();
            assert_eq!(
                profile["specifics"]["member_id"], person.member_id,
                "{identifier}"
            );
            assert_eq!(
                profile["public_identifier"].as_str(),
                person.slug.as_deref()
            );
            let is_lead = *identifier == person.sales_navigator_id;
            let id = if is_lead {
                &person.sales_navigator_id
            } else {
                &person.classic_id
            };
            assert_eq!(profile["id"], **id);
        }
    }
    let path = "/v2/acc_x/users/ada-testova?with_sections=linkedin_experience";
    let profile = get(&router, path).await.json();
    assert_eq!(profile["public_identifier"], "ada-testova");
    assert_eq!(profile["display_name"], "Ada Testova");
    assert!(profile["specifics"]["experience"][0]["job_title"].is_string());
    let foreign = get(&router, "/v2/acc_x/users/ACoAAAdemo004").await.json();
    assert_eq!(foreign["id"], "ACoAAAdemo004");
    assert!(foreign["specifics"].get("experience").is_none());
    let me = get(&router, "/v2/acc_x/users/me").await.json();
    assert_eq!(me["specifics"]["network_distance"], "SELF");
    let throttled = get(&router, &path.replace("ada-", "throttled-"))
        .await
        .json();
    assert_eq!(
        throttled["specifics"]["throttled_sections"],
        json!(["experience"])
    );
    assert!(throttled["specifics"].get("experience").is_none());
    for (slug, status) in [
        ("missing-x", 404),
        ("Missing-x", 404),
        ("error-x", 422),
        ("a%2Fb", 400),
    ] {
        let answer = get(&router, &format!("/v2/acc_x/users/{slug}")).await;
        assert_eq!(answer.status, status, "{slug}");
    }
}

#[tokio::test]
async fn accounts_are_what_their_ids_say() {
    let router = router();
    let account = get(&router, "/v2/accounts/acc_x").await.json();
    assert_eq!(account["status"], "running");
    assert_eq!(
        account["metadata"]["products_connection_status"]["sales_navigator"],
        "running"
    );
    let contracts = "linkedin/contracts";
    let seats = get(&router, &format!("/v2/acc_x/{contracts}")).await.json();
    assert_eq!(seats["contracts"][0]["product"], "sales_navigator");

    let account = get(&router, "/v2/accounts/acc_disconnected").await.json();
    assert_eq!(account["status"], "disconnected");
    let answer = get(&router, "/v2/acc_disconnected/users/me").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (401, "provider/invalid_authorization")
    );

    let account = get(&router, "/v2/accounts/acc_no_sales_navigator")
        .await
        .json();
    assert!(
        account["metadata"]["products_connection_status"]
            .get("sales_navigator")
            .is_none()
    );
    let seats = get(&router, &format!("/v2/acc_no_sales_navigator/{contracts}"))
        .await
        .json();
    assert_eq!(seats["contracts"], json!([]));
    let path = "/v2/acc_no_sales_navigator/linkedin/sales-navigator/lead-lists/0045";
    let answer = post(&router, path, json!({})).await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (403, "provider/insufficient_permissions")
    );

    for path in [
        "/v2/accounts/acc_unreachable",
        "/v2/acc_unreachable/users/me",
    ] {
        assert_eq!(
            get(&router, path).await.status,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
    for path in ["/v2/accounts", "/v2/accounts/?limit=2"] {
        assert_eq!(get(&router, path).await.json()["object"], "Accounts");
    }
    let all = get(&router, "/v2/accounts/?limit=2").await.json();
    assert_eq!(
        (all["data"].as_array().unwrap().len(), &all["has_more"]),
        (2, &json!(true))
    );
}

#[tokio::test]
async fn lists_name_ids_that_bring_what_they_promise() {
    let router = router();
    let base = "/v2/acc_x/linkedin/sales-navigator";
    let lists = get(&router, &format!("{base}/lead-lists")).await;
    assert!(lists.headers.contains_key("x-ratelimit-limit"));
    for list in lists.rows() {
        let rows = population::rows_of_lead_list(list["id"].as_str().unwrap());
        assert!(rows.len() >= usize::try_from(list["items_count"].as_u64().unwrap()).unwrap());
    }
    let path = format!("{base}/search/parameters?type=SAVED_PEOPLE_SEARCH");
    assert_eq!(get(&router, &path).await.rows().len(), 5);
    assert_eq!(
        get(&router, &format!("{path}&limit=2&offset=4"))
            .await
            .rows()
            .len(),
        1
    );
    assert_eq!(
        get(&router, &format!("{path}&keywords=RAIL"))
            .await
            .rows()
            .len(),
        1
    );
    assert_eq!(
        get(&router, &format!("{base}/search/parameters"))
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
}
