//! A server for tests that says byte for byte what a test wants, and notes what it was asked.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The time-out that tests give their client where a server stalls.
pub(crate) const SHORT: Duration = Duration::from_millis(200);
/// The time-out everywhere else: far longer than a busy machine needs.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// What the server does with one request.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    after: After,
}

enum After {
    KeepConnection,
    Close,
    /// Say no more until the client gives up.
    Stall,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::with(
            status,
            &["content-type: application/json"],
            &body.to_string(),
        )
    }

    pub(crate) fn html(status: u16) -> Self {
        let page = "<html><body>Bad gateway</body></html>";
        Self::with(status, &["content-type: text/html"], page)
    }

    pub(crate) fn with(status: u16, headers: &[&str], body: &str) -> Self {
        let mut bytes = format!("HTTP/1.1 {status} Said\r\n");
        for header in headers {
            bytes.push_str(header);
            bytes.push_str("\r\n");
        }
        bytes.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        Self {
            bytes: bytes.into_bytes(),
            after: After::KeepConnection,
        }
    }

    /// These bytes, then the end of the connection.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            after: After::Close,
        }
    }

    /// These bytes, then silence.
    pub(crate) fn stall(bytes: &str) -> Self {
        Self {
            bytes: bytes.into(),
            after: After::Stall,
        }
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method, path and query: `GET /v2/x?limit=20`.
    pub(crate) line: String,
    head: String,
    pub(crate) body: serde_json::Value,
    /// Which connection it came on, from 1.
    pub(crate) connection: u32,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A server that gives its replies in order, then refuses connections.
pub(crate) struct Scripted {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let replies: Vec<Reply> = replies.into_iter().collect();
        std::thread::spawn(move || serve(&listener, replies, &notes));
        Self { url, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

fn serve(listener: &TcpListener, replies: Vec<Reply>, notes: &Mutex<Vec<Seen>>) {
    let mut kept: Option<TcpStream> = None;
    let mut connection = 0;
    for reply in replies {
        let (mut stream, seen) = loop {
            let mut stream = kept.take().unwrap_or_else(|| {
                connection += 1;
                listener.accept().unwrap().0
            });
            if let Some(seen) = read_request(&mut stream, connection) {
                break (stream, seen);
            }
        };
        notes.lock().unwrap().push(seen);
        // The client may have given up already, which is what some tests are about.
        drop(stream.write_all(&reply.bytes));
        match reply.after {
            After::KeepConnection => kept = Some(stream),
            After::Close => {}
            After::Stall => drop(stream.read_to_end(&mut Vec::new())),
        }
    }
}

/// `None` when the client closed the connection, or keeps it without asking anything.
fn read_request(stream: &mut TcpStream, connection: u32) -> Option<Seen> {
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
        if let Some(seen) = parse_request(&bytes, connection) {
            return Some(seen);
        }
    }
}

/// `None` while the request is not complete.
fn parse_request(bytes: &[u8], connection: u32) -> Option<Seen> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let line = head.lines().next()?.strip_suffix(" HTTP/1.1")?.to_owned();
    let mut seen = Seen {
        line,
        head: head.to_owned(),
        body: serde_json::Value::Null,
        connection,
    };
    let length: usize = seen
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    if body.len() < length {
        return None;
    }
    if length > 0 {
        seen.body = serde_json::from_str(body).unwrap();
    }
    Some(seen)
}
