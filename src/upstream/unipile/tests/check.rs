//! Which accounts the key opens.

use serde_json::json;

use super::{account, unipile};
use crate::domain::account_health::AccountHealth;
use crate::upstream::error::UpstreamFault;
use crate::upstream::http::scripted::{Reply, Scripted};
use crate::upstream::provider::{ConnectedAccount, LinkedinProvider};

#[tokio::test]
async fn linkedin_accounts_are_listed_with_their_health() {
    let products = json!({"products_connection_status": {"classic": "running"}});
    let body = json!({"object": "Accounts", "has_more": true, "data": [
        {"object": "Account", "id": "acc_01demo", "provider": "linkedin", "status": "running",
            "metadata": products},
        {"object": "Account", "id": "acc_02", "provider": "linkedin", "status": "brand_new"},
        {"object": "Account", "id": "acc_03", "provider": "whatsapp", "status": "running"},
        {"object": "Account", "id": "no id", "provider": "linkedin", "status": "running"},
        {"object": "Account", "id": "acc_04", "provider": "linkedin"},
        null,
    ]});
    let server = Scripted::start([Reply::json(200, &body)]);
    let connected = unipile(&server).check().await.unwrap();
    assert!(connected.has_more);
    let expected = [
        ConnectedAccount {
            id: account(),
            health: AccountHealth::Connected {
                sales_navigator: Some(false),
            },
        },
        ConnectedAccount {
            id: "acc_02".parse().unwrap(),
            health: AccountHealth::NotConnected,
        },
    ];
    assert_eq!(connected.accounts, expected);
    let seen = server.seen().remove(0);
    assert_eq!(seen.line, "GET /v2/accounts?limit=100");
    assert_eq!(seen.header("x-api-key"), Some("s3cret"));
    assert_eq!(seen.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn what_is_no_list_of_accounts_says_why() {
    let refused = json!({"object": "Error", "type": "api/missing_authorization", "status": 401});
    for (reply, expected) in [
        (Reply::json(401, &refused), UpstreamFault::KeyRefused),
        (Reply::html(404), UpstreamFault::SourceNotFound),
        (Reply::html(502), UpstreamFault::ServerError),
        (Reply::html(200), UpstreamFault::InvalidAnswer),
        (
            Reply::json(200, &json!({"data": {}})),
            UpstreamFault::InvalidAnswer,
        ),
    ] {
        let server = Scripted::start([reply]);
        let error = unipile(&server).check().await.unwrap_err();
        assert_eq!((error.operation, error.fault), ("check", expected));
    }
}
