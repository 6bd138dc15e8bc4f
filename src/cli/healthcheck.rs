//! `prospector healthcheck`
//!
//! For containers, whose image has no other program that could ask.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::cli::output::Output;
use crate::config::HealthcheckSettings;

/// Longer than a readiness check waits for a connection to the database, and shorter than what
/// container engines allow.
const PATIENCE: Duration = Duration::from_secs(4);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(clap::Args)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    settings: HealthcheckSettings,
}

#[derive(Serialize)]
struct Healthy {
    status: &'static str,
}

impl Healthcheck {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        let (address, path) = (self.settings.address(), self.settings.path());
        let answer = tokio::time::timeout(PATIENCE, ask(address, path)).await;
        let (status, body) = answer
            .with_context(|| format!("no answer within {} s", PATIENCE.as_secs()))
            .flatten()
            .with_context(|| format!("http://{address}{path} cannot be asked"))?;
        if status != StatusCode::OK {
            bail!("http://{address}{path} answers {status}{}", message(&body));
        }
        let status = if self.settings.ready { "ready" } else { "ok" };
        output.print(&Healthy { status }, |healthy| healthy.status.to_owned())?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(header::HOST, address.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let answered = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = body.collect().await.map_err(anyhow::Error::from_boxed)?;
        Ok((status, body.to_bytes()))
    };
    // With the answer goes its sender, and with that the connection. What breaks the connection
    // before breaks the answer too.
    let (answer, _) = tokio::join!(answered, connection);
    answer
}

/// What the service says of it, if it is an answer of ours. The cause is in its log.
fn message(body: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    match answer["error"]["message"].as_str() {
        Some(message) => format!(": {message}"),
        None => String::new(),
    }
}
