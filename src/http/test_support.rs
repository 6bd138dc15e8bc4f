//! What the unit tests of this layer share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Response;
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;

use crate::domain::account_health::AccountHealth;
use crate::domain::api_key::KeyKind;
use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::http::router::{HttpSettings, HttpState, ServedRoutes};
use crate::service::app::App;
use crate::upstream::error::UpstreamError;
use crate::upstream::provider::{LinkedinProvider, PageRequest, PeoplePage, ProfileLookup};

pub(crate) fn settings() -> Arc<HttpSettings> {
    Arc::new(HttpSettings {
        rate_limit_per_minute: 600,
        rate_limit_burst: 120,
        request_timeout: Duration::from_millis(200),
        sandbox: false,
        served_routes: ServedRoutes::All,
        draining: CancellationToken::new(),
    })
}

/// A state for tests that never get as far as a use case.
pub(crate) fn state(settings: Arc<HttpSettings>) -> HttpState {
    let app = App {
        key_kind: KeyKind::Live,
        provider: Arc::new(NoProvider),
        email_finder: None,
    };
    HttpState::new(Arc::new(app), settings)
}

pub(crate) async fn text_of(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) async fn json_of(response: Response<Body>) -> (u16, serde_json::Value) {
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_str(&text_of(response).await).unwrap(),
    )
}

struct NoProvider;

#[async_trait]
impl LinkedinProvider for NoProvider {
    async fn account_health(
        &self,
        _account: &LinkedinAccountId,
    ) -> Result<AccountHealth, UpstreamError> {
        unreachable!()
    }

    async fn search_page(
        &self,
        _account: &LinkedinAccountId,
        _url: &PeopleSearchUrl,
        _page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        unreachable!()
    }

    async fn saved_search_page(
        &self,
        _account: &LinkedinAccountId,
        _id: &SavedSearchId,
        _page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        unreachable!()
    }

    async fn lead_list_page(
        &self,
        _account: &LinkedinAccountId,
        _id: &LeadListId,
        _page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        unreachable!()
    }

    async fn post_commenters_page(
        &self,
        _account: &LinkedinAccountId,
        _post: &PostUrl,
        _page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError> {
        unreachable!()
    }

    async fn profile(
        &self,
        _account: &LinkedinAccountId,
        _url: &ProfileUrl,
    ) -> Result<ProfileLookup, UpstreamError> {
        unreachable!()
    }
}
