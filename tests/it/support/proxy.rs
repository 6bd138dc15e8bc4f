//! A proxy between the program and PostgreSQL: counts the messages of the wire protocol, and can cut
//! or hold the connections.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use prospector::db::embedded::{ThrowawayDir, throwaway_dir};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the program sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Statements carried out, prepared ('E') or simple ('Q').
    pub(crate) statements: u32,
    /// Statements prepared ('P'): none on a warm connection.
    pub(crate) preparations: u32,
    /// Ends of a batch of messages ('S'). A pool also sends one alone, as a sign of life.
    pub(crate) syncs: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// Connections are closed, new ones at once.
    Cut,
    /// Connections stay and nothing goes through.
    Stalled,
}

struct Shared {
    /// What a client sets for its session is dropped, as by a pooler in transaction mode.
    drops_settings: bool,
    mode: watch::Sender<Mode>,
    sent: Mutex<Sent>,
    /// Connections closed at once since the last cut.
    turned_away: watch::Sender<u32>,
}

/// Listens as long as it lives.
pub(crate) struct DatabaseProxy {
    options: PgConnectOptions,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
    _folder: ThrowawayDir,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl DatabaseProxy {
    pub(crate) fn start(target: &PgConnectOptions) -> Self {
        Self::with(target, false)
    }

    /// Drops what clients set for their sessions, as a pooler in transaction mode does.
    pub(crate) fn dropping_settings(target: &PgConnectOptions) -> Self {
        Self::with(target, true)
    }

    fn with(target: &PgConnectOptions, drops_settings: bool) -> Self {
        let folder = throwaway_dir("prospector-proxy").unwrap();
        let socket = socket_file(folder.path(), target.get_port());
        let listener = UnixListener::bind(socket).unwrap();
        let shared = Arc::new(Shared {
            drops_settings,
            mode: watch::Sender::new(Mode::Open),
            sent: Mutex::default(),
            turned_away: watch::Sender::new(0),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, target.clone(), Arc::clone(&shared)));
        // Encrypted messages could not be counted.
        let options = target.clone().ssl_mode(PgSslMode::Disable);
        Self {
            options: options.socket(folder.path()),
            shared,
            _accepting: accepting,
            _folder: folder,
        }
    }

    /// How to reach the database through the proxy.
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// What was sent since the last call.
    pub(crate) fn take_sent(&self) -> Sent {
        std::mem::take(&mut *self.shared.sent())
    }

    /// The database is gone until [`Self::restore`].
    pub(crate) fn cut(&self) {
        self.shared.turned_away.send_replace(0);
        self.shared.mode.send_replace(Mode::Cut);
    }

    /// The database does not answer any more until [`Self::restore`].
    pub(crate) fn stall(&self) {
        self.shared.mode.send_replace(Mode::Stalled);
    }

    pub(crate) fn restore(&self) {
        self.shared.mode.send_replace(Mode::Open);
    }

    /// Waits until so many connections were refused since the cut.
    pub(crate) async fn wait_until_turned_away(&self, connections: u32) {
        let mut turned_away = self.shared.turned_away.subscribe();
        turned_away
            .wait_for(|count| *count >= connections)
            .await
            .unwrap();
    }
}

impl Shared {
    fn sent(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn socket_file(folder: &Path, port: u16) -> std::path::PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

async fn accept(listener: UnixListener, target: PgConnectOptions, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *shared.mode.borrow() == Mode::Cut {
            shared.turned_away.send_modify(|count| *count += 1);
            continue;
        }
        connections.spawn(carry(client, target.clone(), Arc::clone(&shared)));
    }
}

async fn carry(client: UnixStream, target: PgConnectOptions, shared: Arc<Shared>) {
    let server: Box<dyn Stream> = match target.get_socket() {
        Some(folder) => {
            let socket = socket_file(folder, target.get_port());
            Box::new(UnixStream::connect(socket).await.unwrap())
        }
        None => {
            let address = (target.get_host(), target.get_port());
            Box::new(TcpStream::connect(address).await.unwrap())
        }
    };
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let mut mode = shared.mode.subscribe();
    let mut counter = Counter::default();
    let count = |bytes: &mut [u8]| {
        if shared.drops_settings && !counter.has_begun {
            blank_settings(bytes);
        }
        counter.read(bytes, &mut shared.sent());
    };
    tokio::select! {
        () = forward(from_client, to_server, shared.mode.subscribe(), count) => {}
        () = forward(from_server, to_client, shared.mode.subscribe(), |_| {}) => {}
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

async fn forward<R: AsyncRead, W: AsyncWrite>(
    mut from: ReadHalf<R>,
    mut to: WriteHalf<W>,
    mut mode: watch::Receiver<Mode>,
    mut look: impl FnMut(&mut [u8]),
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        if mode.wait_for(|mode| *mode != Mode::Stalled).await.is_err() {
            return;
        }
        look(&mut buffer[..length]);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Makes the `options` of a connection's first message empty.
fn blank_settings(bytes: &mut [u8]) {
    const NAME: &[u8] = b"\0options\0";
    let Some(at) = bytes.windows(NAME.len()).position(|found| found == NAME) else {
        return;
    };
    let value = bytes[at + NAME.len()..].iter_mut();
    value
        .take_while(|byte| **byte != 0)
        .for_each(|byte| *byte = b' ');
}

/// Cuts the client's side of a connection into messages.
#[derive(Default)]
struct Counter {
    unread: Vec<u8>,
    /// The first message has no type.
    has_begun: bool,
}

impl Counter {
    fn read(&mut self, bytes: &[u8], sent: &mut Sent) {
        self.unread.extend_from_slice(bytes);
        loop {
            let type_length = usize::from(self.has_begun);
            let Some(length) = self.unread.get(type_length..type_length + 4) else {
                return;
            };
            let length = u32::from_be_bytes(length.try_into().unwrap());
            let whole = type_length + usize::try_from(length).unwrap();
            if self.unread.len() < whole {
                return;
            }
            match self.unread[0] {
                _ if !self.has_begun => self.has_begun = true,
                b'E' | b'Q' => sent.statements += 1,
                b'P' => sent.preparations += 1,
                b'S' => sent.syncs += 1,
                _ => {}
            }
            self.unread.drain(..whole);
        }
    }
}
