//! What any valid key may ask about itself.

use axum::body::Body;
use prospector::domain::api_key::{ApiKeySecret, KeyKind};
use prospector::domain::id::AccountGroupId;
use prospector::domain::permission::Permission;
use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp};
use crate::support::requests::request_as;

impl TestApp {
    async fn key_for(&self, groups: &[&AccountGroupId]) -> ApiKeySecret {
        self.make_key(KeyKind::Test, groups, &[Permission::ProspectsRead])
            .await
            .1
    }

    async fn get_with(&self, key: &ApiKeySecret, path: &str) -> Answer {
        let request = request_as(key, "GET", path);
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

fn ids_of(page: &Answer) -> Vec<&str> {
    let items = page.data()["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_key_tells_what_it_may_do_and_never_its_secret() {
    let app = TestApp::start().await;
    let (other, _) = app.another_group(&Setup::default()).await;
    let key = app.key_for(&[&app.group, &other]).await;
    let answer = app.get_with(&key, "/v1/key").await.expect_status(200);
    let mut groups = [app.group.as_str(), other.as_str()];
    groups.sort_unstable();
    let mut data = answer.data().clone();
    let expires_at = data["expiresAt"].take();
    assert_eq!(
        data,
        json!({
            "name": "another",
            "permissions": ["prospects:read"],
            "accountGroups": groups,
            "expiresAt": null,
            "rateLimit": {"perMinute": 600, "burst": 100_000},
        })
    );
    let expires_at: chrono::DateTime<chrono::Utc> = expires_at.as_str().unwrap().parse().unwrap();
    let hours = (expires_at - chrono::Utc::now()).num_hours();
    assert!((22..=24).contains(&hours), "{hours}");
    assert!(!answer.body.to_string().contains(key.reveal()));

    let forever = app.get("/v1/key").await.expect_status(200);
    assert_eq!(forever.data()["expiresAt"], Value::Null);
    assert_eq!(forever.data()["permissions"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_key_lists_its_account_groups_newest_first_and_no_others() {
    let app = TestApp::start().await;
    let mut groups = vec![app.group.clone()];
    for _ in 0..4 {
        groups.push(app.another_group(&Setup::default()).await.0);
    }
    let key = app
        .key_for(&groups.iter().take(4).collect::<Vec<_>>())
        .await;
    let whole = app.get_with(&key, "/v1/accounts").await.expect_status(200);
    let items = whole.data()["items"].as_array().unwrap();
    assert_eq!(items.len(), 4);
    let order = |item: &Value| format!("{}{}", item["createdAt"], item["id"]);
    assert!(items.is_sorted_by(|one, next| order(one) > order(next)));
    let mut expected: Vec<&str> = groups[..4].iter().map(AccountGroupId::as_str).collect();
    let mut listed = ids_of(&whole);
    expected.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, expected);
    let keys: Vec<&String> = items[0].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 3);

    let mut paged = Vec::new();
    let mut path = "/v1/accounts?limit=1".to_owned();
    loop {
        let page = app.get_with(&key, &path).await.expect_status(200);
        paged.extend(ids_of(&page).into_iter().map(str::to_owned));
        match page.data()["nextCursor"].as_str() {
            Some(next) => path = format!("/v1/accounts?limit=1&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, ids_of(&whole));

    // The cursor belongs to the key.
    let page = app.get_with(&key, "/v1/accounts?limit=1").await;
    let cursor = page.data()["nextCursor"].as_str().unwrap();
    let foreign = app.get(&format!("/v1/accounts?cursor={cursor}")).await;
    assert_eq!(foreign.expect_status(400).field(), "cursor");
}

#[tokio::test]
async fn a_key_without_account_groups_is_still_a_valid_key() {
    let app = TestApp::start().await;
    let mut connection = app.connect().await;
    sqlx::query!("delete from api_key_account_groups")
        .execute(&mut connection)
        .await
        .unwrap();
    let key = app.get("/v1/key").await.expect_status(200);
    assert_eq!(key.data()["accountGroups"], json!([]));
    let groups = app.get("/v1/accounts").await.expect_status(200);
    assert_eq!(ids_of(&groups), Vec::<&str>::new());
    app.get(&app.path("credits")).await.expect_status(403);
}
