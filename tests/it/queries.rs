//! Query parameters that a route does not know.

use axum::body::Body;
use prospector::domain::id::AccountGroupId;
use prospector::http::router::ROUTES;

use crate::support::app::{TestApp, search};

#[tokio::test]
async fn every_route_names_an_unknown_parameter_and_only_to_whom_may_call() {
    let app = TestApp::start().await;
    let job = app.start_job(&search("a", 1)).await;
    for route in &ROUTES {
        let path_in = |group: &AccountGroupId| {
            let path = route.pattern.replace("{accountGroupId}", group.as_str());
            let path = path.replace("{jobId}", job.as_str());
            let path = path.replace("{file}", "start.js");
            format!("{}?verbose=1", path.replace("{providerId}", "ACoAAA"))
        };
        let ask = async |path: &str| {
            let request = app
                .request(route.method.as_str(), path)
                .header("Content-Type", "application/json");
            let body = Body::from(search("a", 1).to_string());
            app.send(request.body(body).unwrap()).await
        };
        let answer = ask(&path_in(&app.group)).await.expect_status(400);
        assert_eq!(answer.field(), "verbose", "{}", route.pattern);
        if route.pattern.contains("{accountGroupId}") {
            ask(&path_in(&AccountGroupId::new()))
                .await
                .expect_status(403);
        }
    }
}
