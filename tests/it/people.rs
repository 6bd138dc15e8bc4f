//! People found by what the provider calls them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::support::answer::Answer;
use crate::support::app::{Setup, TestApp, search};
use crate::support::requests::request_as;

impl TestApp {
    async fn by_provider_id(&self, encoded: &str) -> Answer {
        self.get(&self.path(&format!("prospects/by-provider-id/{encoded}")))
            .await
    }

    /// Makes every person of the group go by this id too.
    async fn call_everybody(&self, provider_id: &str) {
        let mut connection = self.connect().await;
        sqlx::query!(
            r#"
            insert into prospect_provider_ids (account_group_id, provider_id, prospect_id)
            select account_group_id, $2, prospect_id from prospects where account_group_id = $1
            "#,
            self.group.as_str(),
            provider_id,
        )
        .execute(&mut connection)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn an_id_leads_to_its_person_and_to_nobody_else() {
    let app = TestApp::start().await;
    let (job, _) = app.run_job(&search("results-3", 10)).await;
    let rows = app.rows(&job).await;
    for row in &rows {
        let id = row["providerId"].as_str().unwrap();
        let answer = app.by_provider_id(id).await.expect_status(200);
        assert_eq!(
            answer.data(),
            &json!({
                "providerId": id,
                "resolution": "unique",
                "matches": [{
                    "prospectId": row["prospectId"],
                    "personId": row["prospectId"],
                    "publicIdentifier": row["publicIdentifier"],
                    "linkedinUrl": row["linkedinUrl"],
                    "name": row["name"],
                    "companyName": row["companyName"],
                    "title": row["title"],
                }],
            })
        );
    }
    let id = rows[0]["providerId"].as_str().unwrap();
    for other in [
        id.to_lowercase(),
        format!("{id}x"),
        "ACoAAnobody".to_owned(),
    ] {
        let answer = app.by_provider_id(&other).await.expect_status(200);
        assert_eq!(
            answer.data(),
            &json!({"providerId": other, "resolution": "none", "matches": []})
        );
    }
}

#[tokio::test]
async fn an_id_of_several_people_is_ambiguous_and_shows_a_bounded_number() {
    let app = TestApp::start().await;
    app.run_job(&search("results-2", 10)).await;
    app.call_everybody("shared").await;
    let answer = app.by_provider_id("shared").await.expect_status(200);
    assert_eq!(answer.data()["resolution"], "ambiguous");
    assert_eq!(answer.data()["matches"].as_array().unwrap().len(), 2);

    app.run_job(&search("results-130", 200)).await;
    app.call_everybody("everybody").await;
    let answer = app.by_provider_id("everybody").await.expect_status(200);
    assert_eq!(answer.data()["matches"].as_array().unwrap().len(), 100);

    let (group, key) = app.another_group(&Setup::default()).await;
    let path = format!("/v1/accounts/{group}/prospects/by-provider-id/shared");
    let request = request_as(&key, "GET", &path);
    let theirs = app
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await;
    assert_eq!(theirs.expect_status(200).data()["resolution"], "none");
}

#[tokio::test]
async fn any_text_can_be_asked_for_that_could_be_stored() {
    let app = TestApp::start().await;
    app.run_job(&search("results-1", 1)).await;
    for id in [
        "a/b",
        "é ü",
        "quota",
        "x'; drop table prospects",
        "%",
        "👍",
        &"x".repeat(200),
    ] {
        let encoded = utf8_percent_encode(id, NON_ALPHANUMERIC).to_string();
        let answer = app.by_provider_id(&encoded).await.expect_status(200);
        assert_eq!(answer.data()["resolution"], "none", "{id}");
        app.call_everybody(id).await;
        let answer = app.by_provider_id(&encoded).await.expect_status(200);
        assert_eq!(answer.data()["providerId"], *id);
        assert_eq!(answer.data()["resolution"], "unique", "{id}");
    }
    for wrong in ["%00", "a%00b", "%FF", "%C3", &"x".repeat(201)] {
        let answer = app.by_provider_id(wrong).await.expect_status(400);
        assert_eq!(answer.field(), "providerId", "{wrong}");
    }
    let both = "/v1/accounts/x/prospects/by-provider-id/%00";
    let fields = app.get(both).await.expect_status(400).body["error"]["fields"].clone();
    assert_eq!(fields.as_array().unwrap().len(), 2);
}
