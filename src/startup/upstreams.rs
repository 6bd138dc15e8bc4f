//! Building the clients of the LinkedIn provider and of the e-mail finder.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::{Finder, Provider};
use crate::domain::pacing::Gap;
use crate::upstream::breaker::{GuardedFinder, GuardedProvider};
use crate::upstream::email_finder::EmailFinder;
use crate::upstream::http::{ClientError, InvalidApiKey, InvalidBaseUrl};
use crate::upstream::hunter::Hunter;
use crate::upstream::prospeo::Prospeo;
use crate::upstream::provider::LinkedinProvider;
use crate::upstream::sandbox::Sandbox;
use crate::upstream::unipile::Unipile;

/// The key that the sandbox is asked with; it takes any.
const SANDBOX_KEY: &str = "sandbox";

#[derive(Debug, thiserror::Error)]
pub enum UpstreamsError {
    #[error("the sandbox cannot listen on this machine")]
    Sandbox(#[from] std::io::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Url(#[from] InvalidBaseUrl),
    #[error(transparent)]
    Key(#[from] InvalidApiKey),
}

/// The upstreams of a process, and the sandbox that it may have to run.
pub struct Upstreams {
    pub provider: Arc<dyn LinkedinProvider>,
    pub email_finder: Option<Arc<dyn EmailFinder>>,
    /// To be run beside everything else.
    pub own_sandbox: Option<Sandbox>,
}

impl Upstreams {
    /// `gap` is kept between calls of the LinkedIn provider that belong together.
    ///
    /// # Errors
    /// A client or the sandbox cannot be made.
    pub async fn build(
        provider: Provider,
        finder: Finder,
        timeout: Duration,
        gap: Gap,
    ) -> Result<Self, UpstreamsError> {
        let mut own_sandbox = None;
        let (url, key) = match provider {
            Provider::Unipile { url, key } => (url, key),
            Provider::Sandbox { url: Some(url) } => (url, SANDBOX_KEY.parse()?),
            Provider::Sandbox { url: None } => {
                let sandbox = Sandbox::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
                let url = format!("http://{}", sandbox.local_addr()).parse()?;
                own_sandbox = Some(sandbox);
                (url, SANDBOX_KEY.parse()?)
            }
        };
        let email_finder: Option<Arc<dyn EmailFinder>> = match finder {
            Finder::None => None,
            Finder::Sandbox => {
                let key = SANDBOX_KEY.parse()?;
                Some(guarded("prospeo", Prospeo::new(url.clone(), key, timeout)?))
            }
            Finder::Hunter { url, key } => Some(guarded("hunter", Hunter::new(url, key, timeout)?)),
            Finder::Prospeo { url, key } => {
                Some(guarded("prospeo", Prospeo::new(url, key, timeout)?))
            }
        };
        Ok(Self {
            provider: Arc::new(GuardedProvider::new(
                "unipile",
                Unipile::new(url, key, timeout)?.with_gap(gap),
            )),
            email_finder,
            own_sandbox,
        })
    }
}

fn guarded(name: &'static str, finder: impl EmailFinder + 'static) -> Arc<dyn EmailFinder> {
    Arc::new(GuardedFinder::new(name, finder))
}

/// Runs a sandbox until the shutdown.
///
/// # Errors
/// The sandbox ends by itself.
pub async fn run_sandbox(sandbox: Sandbox, shutdown: CancellationToken) -> std::io::Result<()> {
    sandbox.run(async move { shutdown.cancelled().await }).await
}
