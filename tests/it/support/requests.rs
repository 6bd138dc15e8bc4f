//! Requests that several tests send.

use axum::http::Request;
use axum::http::request::Builder;
use prospector::domain::api_key::{ApiKeySecret, KeyKind};
use prospector::domain::id::AccountGroupId;
use prospector::domain::permission::Permission;
use prospector::service::operator::{KeyOrder, create_api_key};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::TestApp;

/// A request with a key.
pub(crate) fn request_as(key: &ApiKeySecret, method: &str, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", format!("Bearer {}", key.reveal()))
}

/// The smallest start of each source.
pub(crate) fn start_of_each_source() -> [Value; 5] {
    [
        json!({"source": "linkedin_search", "searchUrl": "https://www.linkedin.com/search/results/people/?keywords=results-9"}),
        json!({"source": "sales_navigator", "savedSearchId": "50000009"}),
        json!({"source": "sales_navigator", "leadListId": "7000000000000000009"}),
        json!({"source": "post_commenters", "postUrl": "https://www.linkedin.com/posts/ada_x-activity-7300000000000000009-aBcD"}),
        json!({"source": "url_upload", "urls": ["https://www.linkedin.com/in/ada-testova", "linkedin.com/in/bo"]}),
    ]
}

impl TestApp {
    /// Another key.
    pub(crate) async fn make_key(
        &self,
        kind: KeyKind,
        account_groups: &[&AccountGroupId],
        permissions: &[Permission],
    ) -> (Uuid, ApiKeySecret) {
        let order = KeyOrder {
            name: "another".to_owned(),
            kind,
            account_groups: account_groups.iter().copied().cloned().collect(),
            permissions: permissions.to_vec(),
            expires_in_days: Some(1),
        };
        let (made, secret) = create_api_key(&self.app.database, &order).await.unwrap();
        (made.id, secret)
    }

    /// A key for the account group, with these permissions.
    pub(crate) async fn key_with(&self, permissions: &[Permission]) -> ApiKeySecret {
        self.make_key(KeyKind::Test, &[&self.group], permissions)
            .await
            .1
    }
}
