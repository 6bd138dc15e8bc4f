//! What can be imported from Sales Navigator.

use serde_json::{Value, json};

use crate::support::app::{Setup, TestApp};

const LISTS: [(&str, &str); 2] = [
    ("saved-searches", "savedSearchId"),
    ("lead-lists", "leadListId"),
];

async fn with_account(account: Option<&'static str>) -> TestApp {
    TestApp::with(Setup {
        linkedin_account: account,
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn what_is_listed_can_be_imported() {
    let app = with_account(Some("acc_01test")).await;
    for (list, field) in LISTS {
        let path = app.path(&format!("sales-navigator/{list}"));
        let answer = app.get(&path).await.expect_status(200);
        let items: Vec<Value> = answer.data()["items"].as_array().unwrap().clone();
        assert!(items.len() >= 4, "{list}");
        assert!(
            items
                .iter()
                .all(|item| !item["name"].as_str().unwrap().is_empty()),
            "{list}"
        );
        for item in items {
            let body = json!({"source": "sales_navigator", field: item["id"], "maxResults": 1});
            app.start_job(&body).await;
        }
        // The upstream's other names are not let through.
        let text = answer.data().to_string();
        assert!(!text.contains("items_count") && !text.contains("SearchParameter"));
    }
}

#[tokio::test]
async fn an_account_that_does_not_work_or_has_no_seat_is_a_409() {
    for (account, code) in [
        (None, "LINKEDIN_NOT_CONNECTED"),
        (Some("acc_disconnected"), "LINKEDIN_NOT_CONNECTED"),
        (Some("acc_no_sales_navigator"), "SALES_NAVIGATOR_REQUIRED"),
    ] {
        let app = with_account(account).await;
        for (list, _) in LISTS {
            let answer = app.get(&app.path(&format!("sales-navigator/{list}"))).await;
            assert_eq!(answer.expect_status(409).code(), code, "{account:?}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_a_502() {
    let app = with_account(Some("acc_unreachable")).await;
    for (list, _) in LISTS {
        let answer = app.get(&app.path(&format!("sales-navigator/{list}"))).await;
        assert_eq!(answer.expect_status(502).code(), "UPSTREAM_ERROR");
    }
}
