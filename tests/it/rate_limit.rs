//! The rate limit: a bucket for each key, and one for the guesses of each address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use prospector::domain::api_key::{ApiKeySecret, KeyKind};
use prospector::domain::permission::Permission;
use prospector::http::client_address::PeerAddress;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};
use crate::support::requests::request_as;

/// A bucket that is not refilled while a test runs.
async fn app_with_burst(burst: u32) -> TestApp {
    TestApp::with(Setup {
        rate_limit_per_minute: 1,
        rate_limit_burst: burst,
        ..Setup::default()
    })
    .await
}

fn number(answer: &Answer, header: &str) -> u64 {
    let value = answer.header(header);
    value
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{header}: {value:?}"))
}

#[tokio::test]
async fn a_burst_passes_and_the_next_request_is_told_when_to_come_back() {
    let app = app_with_burst(4).await;
    let credits = app.path("credits");
    for remaining in (0..4).rev() {
        let answer = app.get(&credits).await.expect_status(200);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), remaining);
        let now = answer.header("ratelimit").unwrap();
        let full_in = now.strip_prefix(&format!("\"default\";r={remaining};t="));
        let full_in: u64 = full_in.unwrap().parse().unwrap();
        let most = 60 * (4 - remaining);
        assert!((most - 30..=most).contains(&full_in), "{now}");
        assert_eq!(
            answer.header("ratelimit-policy"),
            Some("\"default\";q=1;w=60")
        );
        assert_eq!(number(&answer, "x-ratelimit-limit"), 1);
    }
    // Before the path is looked at, and for every route alike.
    for path in [
        credits.as_str(),
        "/v1/accounts/x/credits",
        &app.path("prospecting/x"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(
            (answer.status, answer.code()),
            (429, "RATE_LIMITED"),
            "{path}"
        );
        assert!((1..=60).contains(&number(&answer, "retry-after")));
        assert_eq!(number(&answer, "x-ratelimit-remaining"), 0);
        let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap();
        assert!((now + 200..=now + 241).contains(&number(&answer, "x-ratelimit-reset")));
    }
    let start = app.post_job(&search("a", 10)).await;
    assert_eq!((start.status, start.code()), (429, "RATE_LIMITED"));
    app.assert_nothing_stored().await;

    // Another key has a bucket of its own, and routes without a key have none.
    let other = app
        .make_key(KeyKind::Test, &[&app.group], &Permission::ALL)
        .await
        .1;
    let request = request_as(&other, "GET", &credits)
        .body(Body::empty())
        .unwrap();
    app.send(request).await.expect_status(200);
    assert_eq!(
        app.get("/healthz")
            .await
            .expect_status(200)
            .header("ratelimit"),
        None
    );
}

#[tokio::test]
async fn every_authenticated_answer_carries_the_headers() {
    let app = TestApp::start().await;
    let (other, _) = app.another_group(&Setup::default()).await;
    let job = app.start_job(&search("a", 10)).await;
    let unknown = app.path("prospecting/000000000000000000000000");
    let start = app.path("prospecting");
    let post = |body: &str| {
        let request = app
            .request("POST", &start)
            .header("Content-Type", "application/json");
        request.body(Body::from(body.to_owned())).unwrap()
    };
    let get = |path: &str| app.request("GET", path).body(Body::empty()).unwrap();
    let known_version = app
        .request("GET", &app.path(&format!("prospecting/{job}")))
        .header("If-None-Match", "*");
    for (request, status) in [
        (get(&app.path("credits")), 200),
        (post(&search("b", 10).to_string()), 202),
        (known_version.body(Body::empty()).unwrap(), 304),
        (post("{"), 400),
        (get("/v1/accounts/x/credits"), 400),
        (
            post(&search("c", 1_000).to_string().replace("1000", "1e9")),
            202,
        ),
        (get(&format!("/v1/accounts/{other}/credits")), 403),
        (get(&unknown), 404),
        (
            app.request("POST", &start).body(Body::empty()).unwrap(),
            415,
        ),
    ] {
        let shown = format!("{} {}", request.method(), request.uri());
        let answer = app.send(request).await;
        assert_eq!(answer.status, status, "{shown}: {:#}", answer.body);
        for header in ["ratelimit", "ratelimit-policy"] {
            assert!(answer.header(header).is_some(), "{shown}: {header}");
        }
        assert_eq!(number(&answer, "x-ratelimit-limit"), 600);
        assert!(number(&answer, "x-ratelimit-remaining") < 100_000);
        assert!(number(&answer, "x-ratelimit-reset") > 1_700_000_000);
    }
}

#[tokio::test]
async fn an_address_that_guesses_keys_is_held_back_and_valid_keys_from_it_are_not() {
    let app = TestApp::start().await;
    let credits = app.path("credits");
    let request = |key: &ApiKeySecret, address: &str| {
        let address: IpAddr = address.parse().unwrap();
        let request = request_as(key, "GET", &credits).extension(PeerAddress(address));
        request.body(Body::empty()).unwrap()
    };
    let guess = |address: &'static str| {
        let request = request(&ApiKeySecret::new(KeyKind::Test), address);
        async { app.send(request).await }
    };
    let began = std::time::Instant::now();
    let mut outcomes: BTreeMap<u16, u64> = BTreeMap::new();
    while outcomes.get(&429).is_none_or(|count| *count < 10) {
        let answer = guess("192.0.2.1").await;
        if answer.status == 429 {
            assert_eq!(answer.code(), "RATE_LIMITED");
            assert!(number(&answer, "retry-after") >= 1);
        }
        *outcomes.entry(answer.status).or_default() += 1;
    }
    let refilled = began.elapsed().as_secs() + 1;
    let statuses: Vec<u16> = outcomes.keys().copied().collect();
    assert_eq!(statuses, [401, 429]);
    assert!(
        (60..=60 + refilled).contains(&outcomes[&401]),
        "{outcomes:?}"
    );

    // A key that this process has never seen, and one that it has.
    let fresh = app
        .make_key(KeyKind::Test, &[&app.group], &Permission::ALL)
        .await
        .1;
    for key in [&fresh, &fresh, &app.key] {
        app.send(request(key, "192.0.2.1")).await.expect_status(200);
    }
    // A malformed key is refused without a look-up, and other addresses may still guess.
    let malformed = Request::get(&credits)
        .header("X-API-Key", "sk_test_x")
        .body(Body::empty());
    app.send(malformed.unwrap()).await.expect_status(401);
    guess("192.0.2.2").await.expect_status(401);
}

#[tokio::test]
async fn guesses_count_for_the_client_that_a_trusted_proxy_names_and_no_other_header_helps() {
    let app = TestApp::with(Setup {
        trusted_proxies: "10.0.0.0/8".parse().unwrap(),
        ..Setup::default()
    })
    .await;
    let credits = app.path("credits");
    let guess = async |peer: &str, forwarded: &str| {
        let key = ApiKeySecret::new(KeyKind::Test);
        let request = request_as(&key, "GET", &credits)
            .extension(PeerAddress(peer.parse().unwrap()))
            .header("X-Forwarded-For", forwarded);
        app.send(request.body(Body::empty()).unwrap()).await.status
    };
    // Whatever a guesser writes into the header, what its proxy adds decides, and without a proxy
    // its own address does.
    for (peer, added) in [("10.0.0.1", ", 198.51.100.7"), ("192.0.2.1", "")] {
        let mut held_back = false;
        for invented in 0..200 {
            let forwarded = format!("203.0.113.{invented}{added}");
            held_back |= guess(peer, &forwarded).await == 429;
        }
        assert!(held_back, "{peer}");
    }
    assert_eq!(guess("10.0.0.1", "198.51.100.8").await, 401);
    assert_eq!(guess("10.0.0.2", "192.0.2.1, 10.0.0.1").await, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn simultaneous_requests_get_no_more_than_the_bucket_holds() {
    let app = Arc::new(app_with_burst(120).await);
    let barrier = Arc::new(Barrier::new(200));
    let mut clients = JoinSet::new();
    for _ in 0..200 {
        let (app, barrier) = (Arc::clone(&app), Arc::clone(&barrier));
        clients.spawn(async move {
            barrier.wait().await;
            app.get(&app.path("credits")).await.status
        });
    }
    let mut outcomes: BTreeMap<u16, usize> = BTreeMap::new();
    for status in clients.join_all().await {
        *outcomes.entry(status).or_default() += 1;
    }
    assert_eq!(outcomes, BTreeMap::from([(200, 120), (429, 80)]));
}
