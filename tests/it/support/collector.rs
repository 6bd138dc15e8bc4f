//! A collector of spans on a loopback port: takes what the exporter sends and reads it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A span as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    /// Empty for the first of a trace.
    pub(crate) parent_id: String,
}

pub(crate) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Span>>>,
    _serving: JoinSet<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let spans = Arc::new(Mutex::new(Vec::new()));
        let mut serving = JoinSet::new();
        let received = Arc::clone(&spans);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(receive(stream, Arc::clone(&received)));
            }
        });
        Self {
            address,
            spans,
            _serving: serving,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }
}

/// One request of a connection; the answer ends it.
async fn receive(mut stream: TcpStream, spans: Arc<Mutex<Vec<Span>>>) {
    let mut bytes = Vec::new();
    let (head, body_at) = loop {
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return;
        }
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8(bytes[..at].to_vec()).unwrap(), at + 4);
        }
    };
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    let head = head.to_lowercase();
    assert!(
        head.contains("content-type: application/x-protobuf"),
        "{head}"
    );
    let length = head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
    while bytes.len() < body_at + length {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    }
    spans.lock().unwrap().extend(read_spans(&bytes[body_at..]));
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(answer).await.unwrap();
}

/// Field 1 of the request are resources, field 2 of those scopes, field 2 of those spans.
fn read_spans(request: &[u8]) -> Vec<Span> {
    let resources = texts(request, 1).into_iter();
    let scopes = resources.flat_map(|resource| texts(resource, 2));
    let spans = scopes.flat_map(|scope| texts(scope, 2));
    let hex = |span, field| {
        let bytes: Vec<&[u8]> = texts(span, field);
        let bytes = bytes.first().copied().unwrap_or_default().iter();
        bytes.map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let read = |span| Span {
        name: String::from_utf8(texts(span, 5)[0].to_vec()).unwrap(),
        trace_id: hex(span, 1),
        span_id: hex(span, 2),
        parent_id: hex(span, 4),
    };
    spans.map(read).collect()
}

/// What a protobuf message holds in a field of texts, bytes or messages.
fn texts(mut message: &[u8], wanted: u64) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = number(&mut message);
        let length = match tag & 7 {
            0 => {
                number(&mut message);
                0
            }
            1 => 8,
            2 => usize::try_from(number(&mut message)).unwrap(),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = message.split_at(length);
        if tag >> 3 == wanted && tag & 7 == 2 {
            found.push(value);
        }
        message = rest;
    }
    found
}

fn number(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().unwrap();
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
