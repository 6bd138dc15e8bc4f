//! Over real sockets, with clients that block: each writes all it has before it reads.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream as Client};
use std::time::Instant;

use axum::extract::Request;
use axum::routing::{get, post};
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::error::Error;
use crate::http::body::{BODY_BYTES_MAX, read_json};
use crate::http::conditional::not_modified;
use crate::http::envelope::Answer;
use crate::http::router::{router, with_layers};
use crate::http::test_support::{settings, state};

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
}

async fn start(api: Router, max_connections: usize, grace: Duration) -> Running {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let limits = ServerLimits {
        connections: max_connections,
        write_timeout: Duration::from_secs(30),
    };
    let serving = serve(listener, api, limits, shutdown.clone(), grace);
    let server = tokio::task::spawn_local(serving);
    Running {
        address,
        shutdown,
        server,
    }
}

/// Runs a test in a place where tasks may be spawned that nobody tracks.
async fn in_local_set(test: impl Future<Output = ()>) {
    tokio::task::LocalSet::new().run_until(test).await;
}

fn connect(address: SocketAddr) -> Client {
    let client = Client::connect(address).unwrap();
    let patience = Some(Duration::from_secs(10));
    client.set_read_timeout(patience).unwrap();
    client.set_write_timeout(patience).unwrap();
    client
}

/// Sends everything, then reads to the end of the connection or of the time.
async fn exchange(address: SocketAddr, parts: Vec<Vec<u8>>) -> std::io::Result<String> {
    let talk = move || {
        let mut client = connect(address);
        for part in parts {
            client.write_all(&part)?;
        }
        let mut answer = Vec::new();
        client.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    spawn_blocking(talk).await.unwrap()
}

fn head(path: &str, more: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n").into_bytes()
}

fn small_api() -> Router {
    let api = Router::new()
        .route("/unchanged", post(|| async { not_modified(&[]) }))
        .route("/refuse", post(|| async { Error::Unauthenticated }))
        .route(
            "/read",
            post(|request: Request| async {
                let (parts, body) = request.into_parts();
                let read = read_json(&parts.headers, body).await?;
                Answer::ok(&serde_json::json!({"read": read.len()}))
            }),
        )
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(150)).await;
                Answer::ok(&"slow")
            }),
        );
    with_layers(api, settings())
}

#[tokio::test]
async fn every_client_that_writes_first_sees_the_early_answer() {
    in_local_set(async {
        let own = start(small_api(), 64, Duration::ZERO).await;
        let whole = start(router(state(settings())), 64, Duration::ZERO).await;
        let start_path = "/v1/accounts/507f1f77bcf86cd799439011/prospecting";
        for round in 0..40 {
            let body = vec![b' '; (2 + round % 2) * BODY_BYTES_MAX];
            let length = format!("content-length: {}\r\n", body.len());
            for (address, path, status) in [
                (own.address, "/refuse", "401"),
                (whole.address, start_path, "413"),
            ] {
                let parts = vec![head(path, &length), body.clone()];
                let answer = exchange(address, parts).await.unwrap();
                assert!(
                    answer.starts_with(&format!("HTTP/1.1 {status}")),
                    "{round}: {answer}"
                );
                assert!(answer.ends_with("\"}"), "{round}: {answer}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_without_length_is_refused_once_the_limit_is_passed() {
    in_local_set(async {
        let server = start(small_api(), 64, Duration::ZERO).await;
        let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
        let mut parts = vec![head("/read", chunked)];
        for _ in 0..33 {
            parts.push([b"10000\r\n", &[b' '; 65_536][..], b"\r\n"].concat());
        }
        parts.push(b"0\r\n\r\n".to_vec());
        let answer = exchange(server.address, parts).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_answered_at_once_without_its_body() {
    in_local_set(async {
        let server = start(small_api(), 64, Duration::ZERO).await;
        let waits = "content-length: 900000\r\nexpect: 100-continue\r\n";
        let began = Instant::now();
        let parts = vec![head("/refuse", waits)];
        let answer = exchange(server.address, parts).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(began.elapsed() < Duration::from_secs(1));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_never_sends_its_body_is_let_go_after_two_seconds() {
    in_local_set(async {
        let server = start(small_api(), 64, Duration::ZERO).await;
        let began = Instant::now();
        let parts = vec![head("/refuse", "content-length: 900000\r\n")];
        let answer = exchange(server.address, parts).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        let took = began.elapsed();
        assert!(
            took > Duration::from_millis(1900) && took < Duration::from_secs(5),
            "{took:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_connection_goes_on_after_a_refused_body_was_drained() {
    in_local_set(async {
        let server = start(small_api(), 64, Duration::ZERO).await;
        let first = b"POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n".to_vec();
        let json = "content-type: application/json\r\ncontent-length: 2\r\n";
        let parts = vec![
            first,
            vec![b' '; 500_000],
            head("/read", json),
            b"{}".to_vec(),
        ];
        let answer = exchange(server.address, parts).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        assert!(answer.contains("\"data\":{\"read\":2}"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_304_has_neither_body_nor_length() {
    in_local_set(async {
        let server = start(small_api(), 64, Duration::ZERO).await;
        let answer = exchange(server.address, vec![head("/unchanged", "")])
            .await
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 304"), "{answer}");
        assert!(
            answer.contains("x-trace-id") && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
        assert!(!answer.contains("content-length"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_head_over_64_kib_is_a_431() {
    in_local_set(async {
        let server = start(small_api(), 64, Duration::ZERO).await;
        let fits = format!("x-filler: {}\r\n", "x".repeat(60_000));
        let answer = exchange(server.address, vec![head("/refuse", &fits)]).await;
        assert!(answer.unwrap().starts_with("HTTP/1.1 401"));
        let large = format!("x-filler: {}\r\n", "x".repeat(70_000));
        let talk = exchange(server.address, vec![head("/refuse", &large)]).await;
        // The rest of a head is not drained, so that the answer may be lost with the connection.
        if let Ok(answer) = talk {
            assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_beyond_the_connection_limit_waits_for_a_free_slot() {
    in_local_set(async {
        let server = start(small_api(), 1, Duration::ZERO).await;
        let held = connect(server.address);
        let json = "content-type: application/json\r\ncontent-length: 2\r\n";
        let parts = vec![head("/read", json), b"{}".to_vec()];
        let mut waiting = std::pin::pin!(exchange(server.address, parts));
        let early = tokio::time::timeout(Duration::from_millis(200), waiting.as_mut()).await;
        assert!(early.is_err(), "{early:?}");
        held.shutdown(Shutdown::Both).unwrap();
        assert!(waiting.await.unwrap().starts_with("HTTP/1.1 200"));
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_lets_requests_end_and_idle_connections_go() {
    in_local_set(async {
        let server = start(small_api(), 64, Duration::from_secs(5)).await;
        let idle = connect(server.address);
        let request = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n".to_vec();
        let mut slow = std::pin::pin!(exchange(server.address, vec![request]));
        let early = tokio::time::timeout(Duration::from_millis(50), slow.as_mut()).await;
        assert!(early.is_err(), "{early:?}");
        server.shutdown.cancel();
        let answer = slow.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        server.server.await.unwrap();
        assert!(Client::connect(server.address).is_err());
        drop(idle);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_has_connected_before_the_shutdown_is_answered() {
    in_local_set(async {
        let server = start(small_api(), 64, Duration::from_secs(5)).await;
        // Connected by the system; the server has not run since, so it has accepted nobody.
        let mut clients: Vec<Client> = (0..8).map(|_| connect(server.address)).collect();
        server.shutdown.cancel();
        let asking = tokio::task::spawn_blocking(move || {
            for client in &mut clients {
                let request = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n";
                client.write_all(request).unwrap();
            }
            let answers = clients.into_iter().map(|mut client| {
                let mut answer = String::new();
                client.read_to_string(&mut answer).unwrap();
                answer
            });
            answers.collect::<Vec<_>>()
        });
        for answer in asking.await.unwrap() {
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        server.server.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_outlives_the_grace_period_is_cut() {
    in_local_set(async {
        let mut patient = (*settings()).clone();
        patient.request_timeout = Duration::from_secs(60);
        let stuck = get(std::future::pending::<Result<Answer, Error>>);
        let api = with_layers(Router::new().route("/stuck", stuck), Arc::new(patient));
        let server = start(api, 64, Duration::from_millis(100)).await;
        let request = b"GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n".to_vec();
        let mut client = std::pin::pin!(exchange(server.address, vec![request]));
        let early = tokio::time::timeout(Duration::from_millis(50), client.as_mut()).await;
        assert!(early.is_err(), "{early:?}");
        let began = Instant::now();
        server.shutdown.cancel();
        server.server.await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(2));
        assert_eq!(client.await.unwrap_or_default(), "");
    })
    .await;
}
