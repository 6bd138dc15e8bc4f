//! What the demo asks for: five jobs, and a list that must be refused.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::upstream::sandbox::population::{self, Row};

/// What the newcomer's account group is granted.
pub(super) const CREDITS: i64 = 2_000;
/// Sent with every job, and echoed by it.
pub(super) const CAMPAIGN: &str = "demo";

/// 400 people, each page after a short wait, so that there is something to watch.
const SEARCH: &str = "plant manager results-400 slow-70";
const SAVED_SEARCH: &str = "52310120";
const LEAD_LIST: &str = "7130000000000000084";
const POST: &str = "7300000000000000045";
/// A search that no job runs: its people are new to the account group.
const OTHER_SEARCH: &str = "logistics buyer Rotterdam results-40";

/// Where a job's people come from.
pub(super) enum DemoSource {
    Search(&'static str),
    SavedSearch(&'static str),
    LeadList(&'static str),
    /// The digits of a post.
    Post(&'static str),
    Upload(Vec<Upload>),
}

/// One URL as it is sent, and whom it means.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) url: String,
    /// The public identifier, by which two spellings are the same person.
    pub(super) slug: String,
}

/// A job of the demo.
pub(super) struct DemoJob {
    /// Number and kind, as everything that is printed names it.
    pub(super) label: String,
    pub(super) kind: &'static str,
    pub(super) source: DemoSource,
    /// `None`: left out of the request.
    pub(super) max_results: Option<u32>,
    pub(super) search_emails: bool,
}

impl DemoJob {
    /// The body of the request that starts it.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({"source": self.kind, "metadata": {"campaign": CAMPAIGN}});
        let (field, value) = match &self.source {
            DemoSource::Search(keywords) => ("searchUrl", json!(search_url(keywords))),
            DemoSource::SavedSearch(id) => ("savedSearchId", json!(id)),
            DemoSource::LeadList(id) => ("leadListId", json!(id)),
            DemoSource::Post(id) => ("postUrl", json!(post_url(id))),
            DemoSource::Upload(uploads) => {
                let urls: Vec<&str> = uploads.iter().map(|upload| upload.url.as_str()).collect();
                ("urls", json!(urls))
            }
        };
        body[field] = value;
        if let Some(most) = self.max_results {
            body["maxResults"] = json!(most);
        }
        if self.search_emails {
            body["searchEmails"] = json!(true);
        }
        body
    }

    /// The name that makes a repeat of the start harmless.
    pub(super) fn idempotency_key(&self) -> String {
        format!("demo-{}", self.label.replace(' ', "-"))
    }

    /// What is asked for, in words.
    pub(super) fn description(&self) -> String {
        let mut text = match &self.source {
            DemoSource::Search(keywords) => (*keywords).to_owned(),
            DemoSource::SavedSearch(id) => format!("saved search {id}"),
            DemoSource::LeadList(id) => format!("lead list {id}"),
            DemoSource::Post(id) => format!("who commented on post {id}"),
            DemoSource::Upload(uploads) => format!("{} URLs, some twice", uploads.len()),
        };
        if let Some(most) = self.max_results {
            text.push_str(&format!(", up to {most}"));
        }
        if self.search_emails {
            text.push_str(", with e-mails");
        }
        text
    }
}

/// The jobs, in the order in which they are started and run.
pub(super) fn demo_jobs() -> Vec<DemoJob> {
    let upload = DemoSource::Upload(uploads());
    let jobs = [
        (
            "linkedin_search",
            DemoSource::Search(SEARCH),
            Some(250),
            true,
        ),
        (
            "sales_navigator",
            DemoSource::SavedSearch(SAVED_SEARCH),
            Some(200),
            false,
        ),
        (
            "sales_navigator",
            DemoSource::LeadList(LEAD_LIST),
            None,
            false,
        ),
        ("post_commenters", DemoSource::Post(POST), Some(150), false),
        ("url_upload", upload, None, true),
    ];
    let numbered = (1..).zip(jobs);
    numbered
        .map(
            |(number, (kind, source, max_results, search_emails))| DemoJob {
                label: format!("{number} {kind}"),
                kind,
                source,
                max_results,
                search_emails,
            },
        )
        .collect()
}

/// A start with three malformed URLs among good ones, and these with the names by which the answer
/// must tell them.
pub(super) fn malformed_upload(job: &DemoJob) -> (Value, [(String, &'static str); 3]) {
    let malformed = [
        (4, "https://www.linkedin.com/company/nordwind-logistik"),
        (17, "https://www.linkedln.com/in/camille-faure"),
        (
            38,
            "https://www.linkedin.com/sales/lead/ACwAAA1x2y3z,NAME_SEARCH,x1",
        ),
    ];
    let mut body = job.body();
    if let Some(urls) = body["urls"].as_array_mut() {
        for (index, url) in malformed {
            urls.insert(index, json!(url));
        }
    }
    let named = malformed.map(|(index, url)| (format!("urls[{index}]"), url));
    (body, named)
}

fn search_url(keywords: &str) -> String {
    let words = keywords.replace(' ', "+");
    format!("https://www.linkedin.com/search/results/people/?keywords={words}")
}

fn post_url(id: &str) -> String {
    format!("https://www.linkedin.com/feed/update/urn:li:activity:{id}/")
}

/// 40 URLs: 30 people, of whom the other jobs bring some, 4 who do not exist, 6 again in other
/// spelling.
fn uploads() -> Vec<Upload> {
    let mut people = distinct_people();
    let missing = [
        "jean-dupont-lyon",
        "a-weber",
        "moved-away",
        "hr-nordwind-gmbh",
    ];
    let missing = missing.map(|name| plain(&format!("missing-{name}")));
    let again = [0, 3, 9, 13, 21, 25].map(|index| people[index].clone());
    let respell: [fn(&str) -> String; 6] = [
        |path| format!("https://fr.linkedin.com/in/{path}"),
        |path| format!("HTTPS://WWW.LINKEDIN.COM/in/{}", path.to_uppercase()),
        |path| format!("https://www.linkedin.com/in/{path}/"),
        |path| format!("https://www.linkedin.com/in/{path}?trk=people-guest_people_search-card"),
        |path| format!("linkedin.com/in/{path}"),
        |path| format!(" https://www.linkedin.com/in/{path}/details/experience/ "),
    ];
    let respelled = again.into_iter().zip(respell).map(|(upload, respell)| {
        let path = upload.url.rsplit('/').next().unwrap_or_default();
        Upload {
            url: respell(path),
            slug: upload.slug,
        }
    });
    let later = people.split_off(15);
    let mut uploads = people;
    let [first, second, third, fourth] = missing;
    uploads.insert(6, first);
    uploads.insert(11, second);
    uploads.extend(later);
    uploads.insert(24, third);
    uploads.push(fourth);
    uploads.extend(respelled);
    uploads
}

/// People of the first and the fourth job, of a search that nobody runs, and some with slugs of
/// their own choosing; 30, each once.
fn distinct_people() -> Vec<Upload> {
    let chosen = [
        "ada-testova",
        "bruno-exemple",
        "chiara-prova-92",
        "dmitri-obrazec",
        "eva-priklad",
        "farid-mithal",
        "greta-beispiel",
        "hugo-ejemplo-1b",
        "ines-exemplo",
        "jonas-pavyzdys",
    ];
    let sources = [
        (population::rows_of_search(SEARCH), 8),
        (population::rows_of_post(POST), 4),
        (population::rows_of_search(OTHER_SEARCH), 8),
    ];
    let mut seen = HashSet::new();
    let mut people: Vec<Upload> = Vec::new();
    for (rows, number) in &sources {
        let found = rows.iter().filter_map(upload_of);
        let new = found.filter(|upload| seen.insert(upload.slug.clone()));
        people.extend(new.take(*number));
    }
    people.extend(chosen.map(plain));
    people
}

fn upload_of(row: &Row) -> Option<Upload> {
    let Row::Person(person) = row else {
        return None;
    };
    Some(Upload {
        url: person.url()?,
        slug: person.slug.clone()?,
    })
}

fn plain(slug: &str) -> Upload {
    Upload {
        url: format!("https://www.linkedin.com/in/{slug}"),
        slug: slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::linkedin_url::ProfileUrl;

    #[test]
    fn the_upload_has_40_urls_of_34_people() {
        let uploads = uploads();
        let slugs: HashSet<&String> = uploads.iter().map(|upload| &upload.slug).collect();
        let spellings: HashSet<&String> = uploads.iter().map(|upload| &upload.url).collect();
        let missing = slugs.iter().filter(|slug| slug.starts_with("missing-"));
        assert_eq!((uploads.len(), slugs.len(), missing.count()), (40, 34, 4));
        assert_eq!(spellings.len(), 40);
    }

    #[test]
    fn every_url_of_the_upload_means_whom_it_says() {
        for upload in uploads() {
            let url = ProfileUrl::parse(&upload.url).unwrap();
            assert_eq!(url.identifier().as_str(), upload.slug, "{}", upload.url);
        }
    }
}
