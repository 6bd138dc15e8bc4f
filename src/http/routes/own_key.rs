//! The key that a request came with, and the account groups that it opens.

use axum::extract::{RawQuery, State};
use serde::Serialize;

use crate::db::key_access::{OwnAccountGroup, OwnKey};
use crate::domain::id::AccountGroupId;
use crate::domain::permission::Permission;
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::authorized::AnyKey;
use crate::http::envelope::Answer;
use crate::http::pagination::{ListScope, Newest, PAGE_PARAMETERS, Page, PageQuery};
use crate::http::query::{NoQuery, Query};
use crate::http::router::{HttpSettings, HttpState};
use crate::http::timestamp::Timestamp;
use crate::service::own_key::{get_own_key, list_account_groups_of_key};

/// `GET /v1/key`
///
/// # Errors
/// As the contract lists them.
pub async fn show(
    State(state): State<HttpState>,
    AnyKey { caller }: AnyKey,
    _: NoQuery,
) -> Result<Answer, Error> {
    let key = get_own_key(&state.app, caller.api_key_id).await?;
    Answer::ok(&KeyBody::of(key, &state.settings))
}

/// `GET /v1/accounts`
///
/// # Errors
/// As the contract lists them.
pub async fn list_account_groups(
    State(state): State<HttpState>,
    AnyKey { caller }: AnyKey,
    RawQuery(query): RawQuery,
) -> Result<Answer, Error> {
    let key = caller.api_key_id.to_string();
    let scope = ListScope {
        list: "account groups",
        group: &key,
        filter: None,
    };
    let mut violations = Violations::none();
    let query = Query::read(query.as_deref(), &PAGE_PARAMETERS, &mut violations);
    let page: PageQuery<Newest<AccountGroupId>> = PageQuery::read(&query, &scope, &mut violations);
    if !violations.is_empty() {
        return Err(Error::Invalid(violations));
    }
    let after = page.after.as_ref().map(Newest::parts);
    let groups =
        list_account_groups_of_key(&state.app, caller.api_key_id, after, page.limit).await?;
    let position = |group: &OwnAccountGroup| Newest::new(group.created_at, group.id.clone());
    Answer::ok(&Page::of(groups, &scope, position, AccountGroupBody::from)?)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyBody {
    name: String,
    permissions: Vec<Permission>,
    account_groups: Vec<AccountGroupId>,
    expires_at: Option<Timestamp>,
    rate_limit: RateLimitBody,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RateLimitBody {
    per_minute: u32,
    burst: u32,
}

impl KeyBody {
    fn of(key: OwnKey, settings: &HttpSettings) -> Self {
        Self {
            name: key.name,
            permissions: key.permissions,
            account_groups: key.account_groups,
            expires_at: key.expires_at.map(Timestamp),
            rate_limit: RateLimitBody {
                per_minute: settings.rate_limit_per_minute,
                burst: settings.rate_limit_burst,
            },
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountGroupBody {
    id: AccountGroupId,
    name: String,
    created_at: Timestamp,
}

impl From<OwnAccountGroup> for AccountGroupBody {
    fn from(group: OwnAccountGroup) -> Self {
        Self {
            id: group.id,
            name: group.name,
            created_at: Timestamp(group.created_at),
        }
    }
}
