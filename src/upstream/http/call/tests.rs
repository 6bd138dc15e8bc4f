//! Faults of the transport, made with real sockets.

mod tls;

use super::*;
use crate::upstream::http::client;
use crate::upstream::http::scripted::{LONG, Reply, SHORT, Scripted};

const OPERATION: Operation = Operation {
    provider: "test",
    name: "get",
};

/// The status and body of the answer, or the error.
async fn get(url: &str, timeout: Duration) -> Result<(u16, String), UpstreamError> {
    let request = client(timeout).unwrap().get(url);
    OPERATION
        .call(request, |answer| {
            Ok((answer.status.as_u16(), answer.text().into_owned()))
        })
        .await
}

async fn fault_of(reply: Reply, timeout: Duration) -> UpstreamFault {
    let server = Scripted::start([reply]);
    let error = get(&server.url, timeout).await.unwrap_err();
    assert!(!error.detail.is_empty());
    error.fault
}

#[tokio::test]
async fn silence_and_a_stalled_body_time_out() {
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        assert_eq!(
            fault_of(Reply::stall(begun), SHORT).await,
            UpstreamFault::TimedOut
        );
    }
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    // Bound but not listening: nobody else can get the port meanwhile.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let error = get(&url, LONG).await.unwrap_err();
    assert_eq!(error.fault, UpstreamFault::Unreachable);
    assert!(error.source.is_some());
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_vouches_for_is_unreachable_and_gets_no_key() {
    let (url, serving) = tls::start();
    let request = client(LONG).unwrap().get(url);
    let request = request.header("x-api-key", "s3cret");
    let error = OPERATION.call(request, |_| Ok(())).await.unwrap_err();
    assert_eq!(error.fault, UpstreamFault::Unreachable, "{error:?}");
    // It was the client that broke the handshake off, for what it saw of the certificate.
    let heard = serving.join().unwrap().unwrap_err();
    assert!(
        heard.to_string().contains("received fatal alert"),
        "{heard}"
    );
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_unreachable() {
    assert_eq!(
        fault_of(Reply::raw(""), LONG).await,
        UpstreamFault::Unreachable
    );
}

#[tokio::test]
async fn a_truncated_body_is_no_answer() {
    let length_wrong = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":[";
    let chunk_missing = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{\"data\":\r\n";
    for bytes in [length_wrong, chunk_missing] {
        assert_eq!(
            fault_of(Reply::raw(bytes), LONG).await,
            UpstreamFault::InvalidAnswer
        );
    }
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    assert_eq!(
        fault_of(Reply::raw("SSH-2.0-OpenSSH_9.6\r\n\r\n"), LONG).await,
        UpstreamFault::InvalidAnswer
    );
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_no_answer() {
    let most = "x".repeat(4 * 1024 * 1024);
    let server = Scripted::start([
        Reply::with(200, &[], &most),
        Reply::with(200, &[], &format!("{most}x")),
    ]);
    let (_, body) = get(&server.url, LONG).await.unwrap();
    assert_eq!(body.len(), most.len());
    let error = get(&server.url, LONG).await.unwrap_err();
    assert_eq!(error.fault, UpstreamFault::InvalidAnswer);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Scripted::start([Reply::with(200, &[], "{}")]);
    let location = format!("location: {}", elsewhere.url);
    for status in [301, 302, 307, 308] {
        let fault = fault_of(Reply::with(status, &[&location], ""), LONG).await;
        assert_eq!(fault, UpstreamFault::InvalidAnswer, "{status}");
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Scripted::start([Reply::with(200, &[], "1"), Reply::with(500, &[], "2")]);
    let client = client(LONG).unwrap();
    for expected in [(200, "1"), (500, "2")] {
        let answer = OPERATION
            .call(client.get(&server.url), |answer| {
                Ok((answer.status.as_u16(), answer.text().into_owned()))
            })
            .await
            .unwrap();
        assert_eq!(answer, (expected.0, expected.1.to_owned()));
    }
    let seen = server.seen();
    assert_eq!((seen[0].connection, seen[1].connection), (1, 1));
    let agent = format!("prospector/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(seen[0].header("user-agent"), Some(agent.as_str()));
}

#[tokio::test]
async fn an_error_does_not_tell_the_address() {
    let server = Scripted::start([Reply::raw("")]);
    let error = get(&format!("{}/users/ada-testova", server.url), LONG)
        .await
        .unwrap_err();
    let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |cause| {
        cause.source()
    });
    for cause in chain {
        assert!(!format!("{cause} {cause:?}").contains("ada-testova"));
    }
}

#[tokio::test]
async fn retry_after_is_read_in_both_of_its_forms() {
    let day = Duration::from_secs(24 * 60 * 60);
    let cases = [
        (vec!["retry-after: 840"], Some(Duration::from_secs(840))),
        (vec!["retry-after: 0"], Some(Duration::ZERO)),
        (vec!["retry-after: 99999999999"], Some(day)),
        (
            vec!["retry-after: Tue, 31 Dec 2199 23:59:59 GMT"],
            Some(day),
        ),
        (
            vec!["retry-after: Sun, 06 Nov 1994 08:49:37 GMT"],
            Some(Duration::ZERO),
        ),
        (vec!["retry-after: -5"], None),
        (vec!["retry-after: soon"], None),
        (vec![], None),
    ];
    for (headers, expected) in cases {
        let server = Scripted::start([Reply::with(429, &headers, "")]);
        let wait = OPERATION
            .call(client(LONG).unwrap().get(&server.url), |answer| {
                Ok(answer.retry_after())
            })
            .await
            .unwrap();
        assert_eq!(wait, expected, "{headers:?}");
    }
}
