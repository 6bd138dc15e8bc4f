//! What the newcomer sees: headings, progress bars on a terminal and plain lines elsewhere, tables.

use console::{Term, style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::cli::demo::client::Credits;
use crate::cli::demo::jobs::DemoJob;
use crate::cli::demo::table::{Column, table};
use crate::cli::output::say;

/// How wide tables are where no terminal says how wide it is.
const PLAIN_WIDTH: usize = 140;
const WIDEST: usize = 140;
const BAR_STEPS: f64 = 1_000.0;
/// People shown of each job: ten in all.
const PEOPLE_OF_JOB: [usize; 5] = [4, 2, 1, 1, 2];

/// A job, its status and its rows, when it has ended.
pub(super) struct Ended<'a> {
    pub(super) job: &'a DemoJob,
    pub(super) status: &'a Value,
    pub(super) rows: Vec<Value>,
}

impl Ended<'_> {
    fn number(&self, pointer: &str) -> String {
        let number = self.status.pointer(pointer).and_then(Value::as_i64);
        thousands(number.unwrap_or_default())
    }
}

pub(super) fn heading(text: &str) -> anyhow::Result<()> {
    say(format_args!("\n{}", style(text).bold()))
}

pub(super) fn line(text: &str) -> anyhow::Result<()> {
    say(format_args!("  {text}"))
}

/// The progress of all jobs: bars on a terminal, elsewhere a line for each step.
pub(super) struct Progress {
    labels: Vec<String>,
    bars: Option<Vec<ProgressBar>>,
    /// The step that each job was last seen in.
    steps: Vec<Option<&'static str>>,
}

impl Progress {
    pub(super) fn of(jobs: &[DemoJob]) -> anyhow::Result<Self> {
        let labels: Vec<String> = jobs.iter().map(|job| job.label.clone()).collect();
        let bars = if Term::stdout().is_term() {
            let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
            let style = ProgressStyle::with_template("  {prefix:17} {bar:24.cyan/dim} {wide_msg}")?
                .progress_chars("█▉▊▋▌▍▎▏░");
            let bar = |label: &String| {
                let bar = multi.add(ProgressBar::new(1_000).with_style(style.clone()));
                bar.set_prefix(label.clone());
                bar.set_message("waits for its turn");
                bar
            };
            Some(labels.iter().map(bar).collect())
        } else {
            None
        };
        Ok(Self {
            steps: vec![None; labels.len()],
            labels,
            bars,
        })
    }

    /// Shows where the job at `index` stands.
    pub(super) fn show(&mut self, index: usize, status: &Value) -> anyhow::Result<()> {
        let step = step(status);
        let text = message(step, status);
        if let Some(bar) = self.bars.as_ref().and_then(|bars| bars.get(index)) {
            bar.set_position(position(status));
            if has_ended(status) {
                bar.finish_with_message(text);
            } else {
                bar.set_message(text);
            }
        } else if let Some(last) = self.steps.get_mut(index)
            && *last != Some(step)
        {
            *last = Some(step);
            line(&format!("{:17}  {text}", self.labels[index]))?;
        }
        Ok(())
    }
}

pub(super) fn has_ended(status: &Value) -> bool {
    matches!(
        status["status"].as_str(),
        Some("completed" | "failed" | "cancelled")
    )
}

/// How far a job is, import and look-ups together, from 0 to 1,000.
fn position(status: &Value) -> u64 {
    let progress = |stage: &str| {
        let pointer = format!("/stages/{stage}/progress");
        let progress = status.pointer(&pointer).and_then(Value::as_f64);
        progress.unwrap_or_default()
    };
    let both = progress("import") + progress("enrichment");
    let stages = if status["searchEmails"] == true {
        2.0
    } else {
        1.0
    };
    let steps = (both / stages * BAR_STEPS).clamp(0.0, BAR_STEPS);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a number of steps by now"
    )]
    let steps = steps as u64;
    steps
}

fn step(status: &Value) -> &'static str {
    match status["status"].as_str() {
        Some("completed") => "done",
        Some("failed") => "failed",
        Some("cancelled") => "cancelled",
        Some("running") if status["stages"]["import"]["status"] == "completed" => {
            "looks up e-mails"
        }
        Some("running") => "imports",
        _ => "waits for its turn",
    }
}

fn message(step: &str, status: &Value) -> String {
    let count = |name: &str| status["counts"][name].as_i64().unwrap_or_default();
    let (people, emails) = (count("imported"), count("emailsFound"));
    match step {
        "imports" | "done" if emails == 0 => format!("{step}: {people} people"),
        "looks up e-mails" => format!("{step}: {emails} of {people} people"),
        "done" => format!("{step}: {people} people, {emails} e-mails"),
        "failed" => format!("{step}: {}", status["error"]["message"]),
        _ => step.to_owned(),
    }
}

/// What became of each job's items.
pub(super) fn print_outcomes(ended: &[Ended<'_>]) -> anyhow::Result<()> {
    let columns = [
        Column::Text("job"),
        Column::Number("read"),
        Column::Number("new"),
        Column::Number("known"),
        Column::Number("invalid"),
        Column::Number("missing"),
        Column::Number("mails"),
        Column::Text("stopped by"),
    ];
    let row = |ended: &Ended<'_>| {
        let counts = [
            "fetched",
            "imported",
            "duplicates",
            "invalid",
            "notFound",
            "emailsFound",
        ];
        let mut cells = vec![ended.job.label.clone()];
        cells.extend(counts.map(|name| ended.number(&format!("/counts/{name}"))));
        let reason = ended.status["stopReason"].as_str();
        cells.push(reason.unwrap_or("-").to_owned());
        cells
    };
    print_table(&columns, &ended.iter().map(row).collect::<Vec<_>>())
}

/// What each job cost, and the account before and after.
pub(super) fn print_credits(
    ended: &[Ended<'_>],
    before: &Credits,
    after: &Credits,
) -> anyhow::Result<()> {
    let columns = [
        Column::Text("job"),
        Column::Number("reserved"),
        Column::Number("charged"),
        Column::Number("released"),
    ];
    let row = |ended: &Ended<'_>| {
        let amounts = ["reserved", "charged", "released"];
        let mut cells = vec![ended.job.label.clone()];
        cells.extend(amounts.map(|name| ended.number(&format!("/credits/{name}"))));
        cells
    };
    print_table(&columns, &ended.iter().map(row).collect::<Vec<_>>())?;
    for (when, credits) in [("before", before), ("after", after)] {
        line(&format!(
            "{when:6}  balance {}, reserved {}, available {}",
            thousands(credits.balance),
            thousands(credits.reserved),
            thousands(credits.available)
        ))?;
    }
    Ok(())
}

/// Some of the people whom each job imported.
pub(super) fn print_people(ended: &[Ended<'_>]) -> anyhow::Result<()> {
    let columns = [
        Column::Text("name"),
        Column::Text("title or headline"),
        Column::Text("company"),
        Column::Text("location"),
        Column::Text("e-mail"),
    ];
    let mut people = Vec::new();
    for (ended, number) in ended.iter().zip(PEOPLE_OF_JOB) {
        let imported = ended.rows.iter().filter(|row| row["outcome"] == "imported");
        people.extend(imported.take(number).map(person));
    }
    print_table(&columns, &people)
}

fn person(row: &Value) -> Vec<String> {
    let text = |name: &str| row[name].as_str();
    let email = match (text("email"), text("emailStatus")) {
        (Some(email), Some("unverified")) => format!("{email} (unverified)"),
        (Some(email), _) => email.to_owned(),
        (None, Some(_)) => "none found".to_owned(),
        (None, None) => "not asked for".to_owned(),
    };
    let cells = [
        text("name"),
        text("title").or_else(|| text("headline")),
        text("companyName"),
        text("location"),
        Some(email.as_str()),
    ];
    cells.map(|cell| cell.unwrap_or("-").to_owned()).to_vec()
}

fn print_table(columns: &[Column], rows: &[Vec<String>]) -> anyhow::Result<()> {
    let stdout = Term::stdout();
    let terminal = stdout.is_term().then(|| stdout.size_checked()).flatten();
    let width = terminal.map_or(PLAIN_WIDTH, |(_, width)| usize::from(width).min(WIDEST));
    let lines = table(columns, rows, width.saturating_sub(2));
    for (index, text) in lines.iter().enumerate() {
        if index == 0 {
            line(&style(text).dim().to_string())?;
        } else {
            line(text)?;
        }
    }
    Ok(())
}

/// `1,234`
pub(super) fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_written_with_commas() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (-21_234, "-21,234"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_bar_counts_import_and_look_ups_together() {
        let status = |emails: bool, import: f64, enrichment: f64| {
            json!({"searchEmails": emails, "stages": {
                "import": {"progress": import}, "enrichment": {"progress": enrichment}}})
        };
        assert_eq!(position(&status(false, 0.5, 0.0)), 500);
        assert_eq!(position(&status(true, 1.0, 0.5)), 750);
        assert_eq!(position(&status(true, 1.0, 1.0)), 1_000);
        assert_eq!(position(&json!({})), 0);
    }
}
