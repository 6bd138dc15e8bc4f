//! Following a job: bars on a terminal, else a line (or a JSON object) for every change.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::jobs::{JobView, line};
use crate::cli::output::{Output, say};
use crate::db::pool::Database;
use crate::domain::id::JobId;
use crate::domain::job::{JobStatus, Stage, StageStatus};
use crate::service::operator_jobs::{OperatorJob, find_account_group_of_job, get_job};

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Steps of a bar.
const WHOLE: f64 = 1_000.0;

/// Follows a job to its end and tells how it ended.
pub(super) async fn until_end(
    database: &Database,
    id: &JobId,
    output: Output,
) -> anyhow::Result<JobStatus> {
    let group = find_account_group_of_job(database, id).await?;
    let bars = (output == Output::Text && std::io::stdout().is_terminal()).then(Bars::new);
    let mut shown = None;
    loop {
        let job = get_job(database, &group, id).await?;
        if shown != Some(job.job.version) {
            shown = Some(job.job.version);
            match &bars {
                Some(bars) => bars.show(&job),
                None => output.print(&JobView::of(&job), |_| line(&job))?,
            }
        }
        if job.job.status.has_ended() {
            if let Some(bars) = bars {
                bars.end();
                say(line(&job))?;
            }
            return Ok(job.job.status);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A bar for each stage.
struct Bars {
    import: ProgressBar,
    enrichment: ProgressBar,
}

impl Bars {
    fn new() -> Self {
        let both = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let bar = |name: &'static str| {
            let bar = both.add(ProgressBar::new(steps(1.0)));
            // The template is a constant; were it wrong, the bar would have its own form.
            if let Ok(style) =
                ProgressStyle::with_template("{prefix:>8} [{bar:40}] {percent:>3}% {msg}")
            {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.with_prefix(name)
        };
        Self {
            import: bar("import"),
            enrichment: bar("e-mails"),
        }
    }

    fn show(&self, found: &OperatorJob) {
        let (job, counts) = (&found.job, &found.job.counts);
        let waits = job.waiting.as_ref();
        let waits = waits.map(|waiting| format!(", waits for {}", waiting.reason));
        draw(&self.import, &job.import);
        self.import.set_message(format!(
            "{}: {} imported, {} duplicates{}",
            job.import.status,
            counts.imported,
            counts.duplicates,
            waits.unwrap_or_default()
        ));
        draw(&self.enrichment, &job.enrichment);
        self.enrichment.set_message(format!(
            "{}: {} found",
            job.enrichment.status, counts.emails_found
        ));
    }

    fn end(self) {
        for bar in [self.import, self.enrichment] {
            bar.abandon();
        }
    }
}

fn draw(bar: &ProgressBar, stage: &Stage) {
    let progress = match stage.status {
        StageStatus::Skipped => 1.0,
        _ => stage.progress,
    };
    bar.set_position(steps(progress));
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the number of steps"
)]
fn steps(progress: f64) -> u64 {
    (progress.clamp(0.0, 1.0) * WHOLE) as u64
}
