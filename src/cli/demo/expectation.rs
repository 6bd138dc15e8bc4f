//! What the jobs must bring, worked out from who lives in the sandbox and from the rules of the API
//! alone: nothing here is read from the service.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::cli::demo::jobs::{CAMPAIGN, DemoJob, DemoSource, Upload};
use crate::upstream::sandbox::person::SandboxPerson;
use crate::upstream::sandbox::population::{self, Row, SandboxEmail};

/// The most that plan Starter lets one job bring.
const STARTER_MAX_RESULTS: u32 = 1_000;
/// Without `maxResults`.
const DEFAULT_MAX_RESULTS: u32 = 100;
/// How many rows a list is asked for at a time.
const PAGE: usize = 25;

/// What one job must come to.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) max_results: u32,
    pub(super) available: usize,
    pub(super) fetched: usize,
    pub(super) imported: u32,
    pub(super) duplicates: u32,
    pub(super) invalid: u32,
    pub(super) not_found: u32,
    pub(super) emails_found: u32,
    pub(super) stop_reason: &'static str,
    pub(super) reserved: u32,
    pub(super) charged: u32,
    /// As the API writes them, without what is random.
    pub(super) rows: Vec<Value>,
}

impl Expected {
    /// What the status must say, by JSON pointer.
    pub(super) fn status(&self, job: &DemoJob) -> Vec<(&'static str, Value)> {
        let enrichment = if job.search_emails {
            json!({"status": "completed", "progress": 1.0, "error": null})
        } else {
            json!({"status": "skipped", "progress": 0.0, "error": null})
        };
        let import = json!({"status": "completed", "progress": 1.0, "error": null});
        vec![
            ("/type", json!("prospecting")),
            ("/source", json!(job.kind)),
            ("/status", json!("completed")),
            ("/error", Value::Null),
            ("/maxResults", json!(self.max_results)),
            ("/searchEmails", json!(job.search_emails)),
            ("/metadata", json!({"campaign": CAMPAIGN})),
            ("/stages/import", import),
            ("/stages/enrichment", enrichment),
            ("/attempt", json!(1)),
            ("/counts/available", json!(self.available)),
            ("/counts/fetched", json!(self.fetched)),
            ("/counts/imported", json!(self.imported)),
            ("/counts/duplicates", json!(self.duplicates)),
            ("/counts/invalid", json!(self.invalid)),
            ("/counts/notFound", json!(self.not_found)),
            ("/counts/failed", json!(0)),
            ("/counts/suppressed", json!(0)),
            ("/counts/emailsFound", json!(self.emails_found)),
            ("/stopReason", json!(self.stop_reason)),
            ("/credits/reserved", json!(self.reserved)),
            ("/credits/charged", json!(self.charged)),
            ("/credits/released", json!(self.reserved - self.charged)),
            ("/waiting", Value::Null),
        ]
    }
}

/// Somebody as one source shows them.
struct Sighting {
    /// Comments do not tell it.
    member_id: Option<String>,
    /// The id of the LinkedIn product that was asked.
    provider_id: String,
    person: SandboxPerson,
    /// What a look-up would bring.
    email: Option<SandboxEmail>,
}

impl Sighting {
    /// In a classic search or below a post nobody's company is told, so that the finder has nothing
    /// to go by where there is no page either.
    fn classic(person: &SandboxPerson, tells_member_id: bool) -> Self {
        let is_findable = person.slug.is_some();
        Self {
            member_id: tells_member_id.then(|| person.member_id.clone()),
            provider_id: person.classic_id.clone(),
            email: population::email_of(person).filter(|_| is_findable),
            person: person.clone(),
        }
    }

    fn sales_navigator(person: &SandboxPerson) -> Self {
        Self {
            member_id: Some(person.member_id.clone()),
            provider_id: person.sales_navigator_id.clone(),
            email: population::email_of(person),
            person: person.clone(),
        }
    }
}

/// Somebody whom the account group has.
struct Held {
    member_id: Option<String>,
    linkedin_url: Option<String>,
    email: Option<String>,
    /// `None`: not asked for.
    email_status: Option<&'static str>,
}

/// The people of an account group, as one job after the other adds to them.
#[derive(Default)]
pub(super) struct Holdings {
    people: Vec<Held>,
    by_member_id: HashMap<String, usize>,
    by_provider_id: HashMap<String, usize>,
    by_slug: HashMap<String, usize>,
}

impl Holdings {
    /// Runs a job that no other runs beside.
    pub(super) fn run(&mut self, job: &DemoJob) -> Expected {
        let mut expected = match &job.source {
            DemoSource::Search(keywords) => {
                let shown = |person: &SandboxPerson| Sighting::classic(person, true);
                self.run_list(job, &population::rows_of_search(keywords), shown)
            }
            DemoSource::SavedSearch(id) => {
                let rows = population::rows_of_saved_search(id);
                self.run_list(job, &rows, Sighting::sales_navigator)
            }
            DemoSource::LeadList(id) => {
                let rows = population::rows_of_lead_list(id);
                self.run_list(job, &rows, Sighting::sales_navigator)
            }
            DemoSource::Post(id) => {
                let shown = |person: &SandboxPerson| Sighting::classic(person, false);
                self.run_list(job, &population::rows_of_post(id), shown)
            }
            DemoSource::Upload(uploads) => self.run_upload(job, uploads),
        };
        let price = if job.search_emails { 2 } else { 1 };
        expected.reserved = expected.max_results * price;
        expected.charged = expected.imported * price;
        expected
    }

    /// Every person once, until the ceiling or the end; what is no person is counted and left out.
    fn run_list(
        &mut self,
        job: &DemoJob,
        rows: &[Row],
        shown: impl Fn(&SandboxPerson) -> Sighting,
    ) -> Expected {
        let asked = job.max_results.unwrap_or(DEFAULT_MAX_RESULTS);
        let mut expected = Expected {
            max_results: asked.min(STARTER_MAX_RESULTS),
            available: rows.len(),
            ..Expected::default()
        };
        let mut in_job = HashSet::new();
        loop {
            let wanted = expected.max_results - expected.imported - expected.duplicates;
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
            let page = rows.iter().skip(expected.fetched).take(wanted.min(PAGE));
            expected.fetched += page.len();
            for row in page {
                match row {
                    Row::Company(_) => expected.invalid += 1,
                    Row::Person(person) => {
                        let sighting = shown(person);
                        let known = self.find(&sighting);
                        if known.is_none_or(|known| !in_job.contains(&known)) {
                            in_job.insert(self.take(&mut expected, job, &sighting, known, None));
                        }
                    }
                }
            }
            if expected.fetched == rows.len() {
                expected.stop_reason = "source_exhausted";
                return expected;
            }
            if expected.imported + expected.duplicates == expected.max_results {
                expected.stop_reason = "max_results";
                return expected;
            }
        }
    }

    /// One row for every different URL, whatever becomes of it.
    fn run_upload(&mut self, job: &DemoJob, uploads: &[Upload]) -> Expected {
        let mut seen = HashSet::new();
        let mut expected = Expected {
            stop_reason: "source_exhausted",
            ..Expected::default()
        };
        for upload in uploads {
            if !seen.insert(&upload.slug) {
                continue;
            }
            expected.max_results += 1;
            expected.available += 1;
            expected.fetched += 1;
            let url = upload.url.trim();
            match population::profile(&upload.slug) {
                Some(person) => {
                    let sighting = Sighting::classic(&person, true);
                    let known = self.find(&sighting);
                    self.take(&mut expected, job, &sighting, known, Some(url));
                }
                None => {
                    expected.not_found += 1;
                    let row = expected.rows.len() + 1;
                    expected.rows.push(json!({
                        "row": row, "outcome": "not_found", "inputUrl": url, "providerId": null,
                        "linkedinUrl": null, "name": null, "email": null, "emailStatus": null,
                    }));
                }
            }
        }
        expected
    }

    /// By member id, else by provider id, else by public identifier; two known, different member ids
    /// are never one person.
    fn find(&self, sighting: &Sighting) -> Option<usize> {
        let may_be = |index: &&usize| {
            let held = self.people.get(**index);
            sighting.member_id.is_none() || held.is_some_and(|held| held.member_id.is_none())
        };
        let by_member_id = sighting.member_id.as_ref();
        let by_slug = sighting.person.slug.as_ref();
        by_member_id
            .and_then(|id| self.by_member_id.get(id))
            .or_else(|| {
                let found = self.by_provider_id.get(&sighting.provider_id);
                found.filter(may_be)
            })
            .or_else(|| by_slug.and_then(|slug| self.by_slug.get(slug).filter(may_be)))
            .copied()
    }

    /// Gives somebody a row, as new or as known; answers who that is.
    fn take(
        &mut self,
        expected: &mut Expected,
        job: &DemoJob,
        sighting: &Sighting,
        known: Option<usize>,
        input_url: Option<&str>,
    ) -> usize {
        let (index, outcome) = match known {
            Some(index) => {
                expected.duplicates += 1;
                (index, "duplicate")
            }
            None => {
                expected.imported += 1;
                if job.search_emails && sighting.email.is_some() {
                    expected.emails_found += 1;
                }
                (self.add(sighting, job.search_emails), "imported")
            }
        };
        let held = &self.people[index];
        expected.rows.push(json!({
            "row": expected.rows.len() + 1,
            "outcome": outcome,
            "inputUrl": input_url,
            "providerId": sighting.provider_id,
            "linkedinUrl": held.linkedin_url,
            "name": sighting.person.name(),
            "email": held.email,
            "emailStatus": held.email_status,
        }));
        index
    }

    fn add(&mut self, sighting: &Sighting, with_email: bool) -> usize {
        let index = self.people.len();
        let email = sighting.email.as_ref().filter(|_| with_email);
        let status = match email {
            Some(email) if email.verified => "valid",
            Some(_) => "unverified",
            None => "not_found",
        };
        if let Some(id) = &sighting.member_id {
            self.by_member_id.insert(id.clone(), index);
        }
        let provider_id = sighting.provider_id.clone();
        self.by_provider_id.entry(provider_id).or_insert(index);
        if let Some(slug) = &sighting.person.slug {
            self.by_slug.entry(slug.clone()).or_insert(index);
        }
        self.people.push(Held {
            member_id: sighting.member_id.clone(),
            linkedin_url: sighting.person.url(),
            email: email.map(|email| email.address.clone()),
            email_status: with_email.then_some(status),
        });
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(source: DemoSource, max_results: Option<u32>, search_emails: bool) -> DemoJob {
        DemoJob {
            label: "test".to_owned(),
            kind: "test",
            source,
            max_results,
            search_emails,
        }
    }

    #[test]
    fn a_search_ends_at_its_ceiling_or_at_its_end() {
        let search = |most| job(DemoSource::Search("cto results-40"), most, true);
        let cut = Holdings::default().run(&search(Some(30)));
        assert_eq!((cut.imported, cut.stop_reason), (30, "max_results"));
        assert_eq!((cut.reserved, cut.charged), (60, 60));
        // 40 people and one who is shown twice.
        assert_eq!((cut.available, cut.fetched), (41, 31));
        let whole = Holdings::default().run(&search(None));
        assert_eq!(
            (whole.imported, whole.stop_reason),
            (40, "source_exhausted")
        );
        assert_eq!((whole.reserved, whole.charged), (200, 80));
        let capped = Holdings::default().run(&search(Some(5_000)));
        assert_eq!(capped.max_results, 1_000);
    }

    #[test]
    fn people_whom_another_job_brought_are_duplicates() {
        let mut holdings = Holdings::default();
        let list = job(DemoSource::LeadList("40"), None, false);
        assert_eq!(holdings.run(&list).imported, 40);
        let again = holdings.run(&list);
        assert_eq!(
            (again.imported, again.duplicates, again.charged),
            (0, 40, 0)
        );
        assert_eq!(again.rows.len(), 40);
    }

    #[test]
    fn commenters_are_known_by_their_page_where_no_member_id_tells() {
        let mut holdings = Holdings::default();
        let post = job(DemoSource::Post("7300000000000000045"), None, false);
        let first = holdings.run(&post);
        // Three companies comment, two reply.
        assert_eq!((first.imported, first.invalid), (45, 5));
        let rows = population::rows_of_post("7300000000000000045");
        let slugs = rows.iter().filter_map(|row| match row {
            Row::Person(person) => person.slug.clone(),
            Row::Company(_) => None,
        });
        let uploads = slugs.map(|slug| Upload {
            url: slug.clone(),
            slug,
        });
        let upload = job(DemoSource::Upload(uploads.collect()), None, true);
        let second = holdings.run(&upload);
        assert_eq!((second.imported, second.emails_found), (0, 0));
        assert!(second.duplicates > 35);
    }

    #[test]
    fn who_does_not_exist_has_a_row_and_costs_nothing() {
        let uploads = ["missing-a", "ada-testova", "missing-a"].map(|slug| Upload {
            url: format!(" {slug} "),
            slug: slug.to_owned(),
        });
        let upload = job(DemoSource::Upload(uploads.to_vec()), None, false);
        let expected = Holdings::default().run(&upload);
        assert_eq!((expected.not_found, expected.imported), (1, 1));
        assert_eq!((expected.reserved, expected.charged), (2, 1));
        assert_eq!(expected.rows[0]["inputUrl"], json!("missing-a"));
    }
}
