//! The API on a real socket, for what no request type can hold.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use prospector::http::server::{ServerLimits, serve};
use tokio::net::TcpListener;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;

/// Listens as long as it lives.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    _serving: JoinSet<()>,
}

impl TestApp {
    pub(crate) async fn listen(&self) -> Listening {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(serve(
            listener,
            self.router.clone(),
            ServerLimits {
                connections: 64,
                write_timeout: Duration::from_secs(30),
            },
            CancellationToken::new(),
            Duration::from_secs(1),
        ));
        Listening {
            address,
            _serving: serving,
        }
    }
}

/// Sends bytes as they are and reads to the end of the connection.
pub(crate) async fn exchange(address: SocketAddr, bytes: Vec<u8>) -> String {
    spawn_blocking(move || {
        let mut client = TcpStream::connect(address).unwrap();
        let patience = Some(Duration::from_secs(30));
        client.set_read_timeout(patience).unwrap();
        client.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
    .unwrap()
}
