//! `prospector serve`

use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::PART_ENDED;
use crate::cli::demo_group::{self, DemoGroup};
use crate::cli::output::Output;
use crate::config::{DatabaseSettings, ServiceSettings, TraceSettings};
use crate::db::migrator::SetupLock;
use crate::domain::api_key::KeyKind;
use crate::service::operator;
use crate::startup::database::{OpenDatabase, Ownership};
use crate::startup::service::Service;

/// What the first start grants its demo account group.
const DEMO_CREDITS: i64 = 10_000;

#[derive(clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: ServiceSettings,
    #[command(flatten)]
    pub(super) traces: TraceSettings,
}

/// Listens for SIGTERM and SIGINT from now on. The future ends at the first of them; from then on a
/// second one ends the process at once.
///
/// # Errors
/// The system does not let us listen for signals.
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut next = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(async move {
        next().await;
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the process, which is all that it does"
        )]
        tokio::spawn(async move {
            next().await;
            std::process::exit(130);
        });
    })
}

impl Serve {
    pub(super) async fn run(
        self,
        database: &DatabaseSettings,
        output: Output,
    ) -> anyhow::Result<ExitCode> {
        // From here on, so that no signal goes by while the database starts.
        let mut stop = std::pin::pin!(stop_signal()?);
        let (service, opened) = tokio::select! {
            () = &mut stop => {
                tracing::info!("told to stop before the service was up");
                return Ok(ExitCode::SUCCESS);
            }
            started = self.start(database, output) => started?,
        };
        let ended = service.run_until(stop).await;
        let closed = opened.close().await;
        if let Err(error) = ended {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the process cannot go on"
            );
            return Ok(ExitCode::from(PART_ENDED));
        }
        closed.context("the private PostgreSQL did not stop")?;
        Ok(ExitCode::SUCCESS)
    }

    /// Opens the database, sets it up, and starts the service on it.
    async fn start(
        &self,
        database: &DatabaseSettings,
        output: Output,
    ) -> anyhow::Result<(Service, OpenDatabase)> {
        let settings = &self.settings;
        let (provider, _) = settings.upstream.resolve()?;
        settings.upstream.pacing(&provider)?;
        settings.erasure.key()?;
        let opened = OpenDatabase::open(database, Ownership::Exclusive).await?;
        let setup = if settings.no_migrate {
            opened.check_migrated().await?;
            SetupLock::acquire(opened.session_options()).await?
        } else {
            opened.migrate().await?
        };
        let may_make_demo = opened.is_embedded
            && settings.upstream.key_kind() == KeyKind::Test
            && settings.listen.ip().is_loopback()
            && settings.role.serves_api();
        let demo = if may_make_demo {
            demo_group_at_first_start(&opened).await?
        } else {
            None
        };
        setup.release().await?;

        let service = Service::start(settings, &opened).await?;
        if settings.upstream.key_kind() == KeyKind::Test {
            tracing::warn!("the provider is the sandbox: people and addresses are invented");
        }
        tracing::info!(address = %service.address, role = ?settings.role, "listening");
        announce(&service, demo.as_ref(), output)?;
        Ok((service, opened))
    }
}

/// A demo account group, where no key was ever made.
async fn demo_group_at_first_start(opened: &OpenDatabase) -> anyhow::Result<Option<DemoGroup>> {
    let database = opened.for_command();
    let demo = match operator::has_api_keys(&database).await? {
        true => None,
        false => Some(demo_group::create(&database, DEMO_CREDITS).await?),
    };
    database.close().await;
    Ok(demo)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    address: String,
    demo_account_group_id: Option<String>,
    demo_api_key: Option<String>,
}

fn announce(service: &Service, demo: Option<&DemoGroup>, output: Output) -> anyhow::Result<()> {
    let started = Started {
        address: service.address.to_string(),
        demo_account_group_id: demo.map(|demo| demo.id.to_string()),
        demo_api_key: demo.map(|demo| demo.secret.reveal().to_owned()),
    };
    output.print(&started, Started::text)
}

impl Started {
    fn text(&self) -> String {
        let listening = format!("prospector listens on http://{}", self.address);
        let (Some(group), Some(key)) = (&self.demo_account_group_id, &self.demo_api_key) else {
            return listening;
        };
        format!(
            "{listening}\n\n\
             This is the first start, so here is a demo account group with {DEMO_CREDITS} credits. The key is shown this once:\n\n  \
             export PROSPECTOR=http://{address}\n  \
             export GROUP={group}\n  \
             export KEY={key}\n\n\
             Start a job:\n\n  \
             curl -s -X POST $PROSPECTOR/v1/accounts/$GROUP/prospecting -H \"Authorization: Bearer $KEY\" \\\n    \
             -H 'Content-Type: application/json' -H 'Idempotency-Key: first-try' \\\n    \
             -d '{{\"source\":\"linkedin_search\",\"searchUrl\":\"https://www.linkedin.com/search/results/people/?keywords=plant+manager\",\"maxResults\":50}}'\n",
            address = self.address,
        )
    }
}
