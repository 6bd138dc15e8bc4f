//! What the caller may touch: path ids 400, account group and permission 403.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::domain::access::AccountGroupAccess;
use crate::domain::permission::Permission;
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::path::{PathParams, PathTarget};
use crate::service::authentication::Caller;

/// The permission that a route asks for, as a type, so that no handler can forget it.
pub trait RequiredPermission {
    const PERMISSION: Permission;
}

/// Start and cancel jobs.
#[derive(Debug)]
pub enum ProspectingWrite {}
/// Read jobs, credits and quotas.
#[derive(Debug)]
pub enum ProspectingRead {}
/// Read people.
#[derive(Debug)]
pub enum ProspectsRead {}

impl RequiredPermission for ProspectingWrite {
    const PERMISSION: Permission = Permission::ProspectingWrite;
}

impl RequiredPermission for ProspectingRead {
    const PERMISSION: Permission = Permission::ProspectingRead;
}

impl RequiredPermission for ProspectsRead {
    const PERMISSION: Permission = Permission::ProspectsRead;
}

/// Proof that the caller holds permission `P` in the account group of the path, where `T` is what
/// else the path names.
#[derive(Debug)]
pub struct Authorized<P, T = ()> {
    pub caller: Caller,
    pub account_group: AccountGroupAccess,
    pub target: T,
    permission: PhantomData<P>,
}

impl<S, P, T> FromRequestParts<S> for Authorized<P, T>
where
    S: Send + Sync,
    P: RequiredPermission,
    T: PathTarget,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let caller = caller_of(parts)?;
        let params = PathParams::of(&parts.uri, &parts.extensions);
        let mut violations = Violations::none();
        let id = params.require("accountGroupId", &mut violations);
        let target = T::read(&params, &mut violations);
        let (Some(id), Some(target)) = (id, target) else {
            return Err(Error::Invalid(violations));
        };
        let account_group = caller
            .account_group
            .clone()
            .filter(|access| access.id == id)
            .ok_or(Error::AccountGroupForbidden)?;
        if !caller.permissions.contains(&P::PERMISSION) {
            return Err(Error::PermissionMissing(P::PERMISSION));
        }
        Ok(Self {
            caller,
            account_group,
            target,
            permission: PhantomData,
        })
    }
}

/// Proof that the caller has a valid key, for routes that ask for no more.
#[derive(Debug)]
pub struct AnyKey {
    pub caller: Caller,
}

impl<S: Send + Sync> FromRequestParts<S> for AnyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        caller_of(parts).map(|caller| Self { caller })
    }
}

fn caller_of(parts: &mut Parts) -> Result<Caller, Error> {
    let caller = parts.extensions.remove();
    caller.ok_or_else(|| Error::internal("the route is not behind authentication"))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::Request;
    use axum::routing::get;
    use tower::ServiceExt;
    use uuid::Uuid;

    use super::*;
    use crate::domain::id::{AccountGroupId, JobId};
    use crate::domain::plan::Plan;
    use crate::http::envelope::Answer;
    use crate::http::router::with_layers;
    use crate::http::test_support::{json_of, settings};

    const ID: &str = "507f1f77bcf86cd799439011";

    fn caller(group: Option<&str>, permissions: Vec<Permission>) -> Caller {
        let access = |id: &str| AccountGroupAccess {
            id: id.parse().unwrap(),
            plan: Plan::Tester,
            linkedin_account: None,
            paused: false,
            quota_used_today: Default::default(),
            quota_resets_at: Default::default(),
            job_of_key: None,
        };
        Caller {
            api_key_id: Uuid::nil(),
            permissions,
            account_group: group.map(access),
        }
    }

    async fn handler(authorized: Authorized<ProspectsRead, JobId>) -> Result<Answer, Error> {
        let group: AccountGroupId = authorized.account_group.id;
        Answer::ok(&(group, authorized.target))
    }

    async fn ask(path: &str, caller: Option<Caller>) -> (u16, serde_json::Value) {
        let route = "/v1/accounts/{accountGroupId}/prospecting/{jobId}";
        let app = with_layers(Router::new().route(route, get(handler)), settings());
        let mut request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        json_of(app.oneshot(request).await.unwrap()).await
    }

    #[tokio::test]
    async fn path_ids_come_before_the_account_group_and_that_before_the_permission() {
        let good = format!("/v1/accounts/{ID}/prospecting/{ID}");
        let (status, body) = ask(
            "/v1/accounts/%FF/prospecting/x%00",
            Some(caller(None, vec![])),
        )
        .await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (400, &"VALIDATION_ERROR".into())
        );
        let fields: Vec<_> = body["error"]["fields"].as_array().unwrap().iter().collect();
        assert_eq!(fields[0]["field"], "accountGroupId");
        assert_eq!(fields[1]["field"], "jobId");

        let other = Some("507f1f77bcf86cd799439012");
        for group in [None, other] {
            let (status, body) = ask(&good, Some(caller(group, vec![]))).await;
            assert_eq!(status, 403);
            assert!(
                body["error"]["message"]
                    .as_str()
                    .unwrap()
                    .contains("account group")
            );
        }
        let (status, body) = ask(
            &good,
            Some(caller(Some(ID), vec![Permission::ProspectingRead])),
        )
        .await;
        assert_eq!(status, 403);
        assert!(
            body["error"]["details"]
                .as_str()
                .unwrap()
                .contains("prospects:read")
        );

        let (status, body) = ask(
            &good,
            Some(caller(Some(ID), vec![Permission::ProspectsRead])),
        )
        .await;
        assert_eq!((status, &body["data"]), (200, &serde_json::json!([ID, ID])));
    }

    #[tokio::test]
    async fn a_route_without_authentication_fails_closed() {
        let (status, _) = ask(&format!("/v1/accounts/{ID}/prospecting/{ID}"), None).await;
        assert_eq!(status, 500);
    }
}
