//! `prospector healthcheck`, which stands for curl where there is none.

use std::net::SocketAddr;
use std::process::Output;

use prospector::upstream::sandbox::Sandbox;
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};

use crate::support::database::fresh_database;
use crate::support::process::{assert_fails, command, told};
use crate::support::proxy::DatabaseProxy;
use crate::support::world::World;

async fn check(address: SocketAddr, more: &[&str]) -> Output {
    let mut command = command(&["healthcheck"]);
    command.args(more).env("LISTEN_ADDR", address.to_string());
    spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[track_caller]
fn assert_healthy(output: &Output, says: &str) {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), says);
}

#[tokio::test]
async fn a_process_without_its_database_lives_and_is_not_ready() {
    let proxy = DatabaseProxy::start(&fresh_database().await);
    let world = World::on(proxy.options().clone()).await;
    for role in ["api", "worker"] {
        let (_serve, address) = world.serve(role, &["--role", role], &[]).await;
        assert_healthy(&check(address, &[]).await, "ok\n");
        assert_healthy(&check(address, &["--ready"]).await, "ready\n");
        let json = ["--ready", "--output", "json"];
        assert_healthy(&check(address, &json).await, "{\"status\":\"ready\"}\n");

        proxy.cut();
        assert_healthy(&check(address, &[]).await, "ok\n");
        let not_ready = check(address, &["--ready"]).await;
        assert_fails(&not_ready, 1, &["/readyz answers 503", "cannot answer"]);
        proxy.restore();
    }
}

#[tokio::test]
async fn a_sandbox_lives_and_is_never_ready() {
    let sandbox = Sandbox::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = sandbox.local_addr();
    let mut serving = JoinSet::new();
    serving.spawn(sandbox.run(std::future::pending()));
    assert_healthy(&check(address, &[]).await, "ok\n");
    assert_fails(&check(address, &["--ready"]).await, 1, &["answers 404"]);
}

#[tokio::test]
async fn who_does_not_answer_as_it_must_does_not_live() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // The system accepts the connection, nobody reads from it.
    assert_fails(&check(address, &[]).await, 1, &["no answer within 4 s"]);
    drop(listener);
    let gone = check(address, &[]).await;
    assert_fails(&gone, 1, &["cannot be asked", "refused"]);
}
