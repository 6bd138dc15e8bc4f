//! The client of Hunter's e-mail finder.
//!
//! Hunter is asked about one person at a time, by the name of their LinkedIn page, else by name and
//! company. It counts a search for each address that it finds and none for a miss, so an answer that
//! is lost may have cost something: whatever happens to a call, those beside it are kept.

mod account;
mod answer;
mod pace;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::RequestBuilder;
use reqwest::header::ACCEPT;

use crate::domain::linkedin_url::ProfileUrl;
use crate::domain::person::EmailQuery;
use crate::upstream::email_finder::{BatchAnswers, EmailAnswer, EmailFinder, FinderAccount};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::Operation;
use crate::upstream::http::{ApiKey, BaseUrl, ClientError, client};
use crate::upstream::hunter::answer::Said;
use crate::upstream::hunter::pace::Pace;

/// Small, so that little is lost when a process dies with a batch at hand.
const BATCH_SIZE: u32 = 10;
const CALLS_AT_A_TIME: usize = 5;

const FIND: Operation = Operation {
    provider: "hunter",
    name: "find",
};
const CHECK: Operation = Operation {
    provider: "hunter",
    name: "check",
};

/// Hunter, reached over HTTP.
#[derive(Debug)]
pub struct Hunter {
    client: reqwest::Client,
    base_url: BaseUrl,
    key: ApiKey,
    pace: Pace,
    /// A look-up has been understood. Until then a refusal tells more about us than about a person.
    is_understood: AtomicBool,
}

impl Hunter {
    /// `timeout` bounds each call from the first byte sent to the last one read.
    ///
    /// # Errors
    /// When no HTTP client can be set up on this machine.
    pub fn new(base_url: BaseUrl, key: ApiKey, timeout: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            client: client(timeout)?,
            base_url,
            key,
            pace: Pace::new(),
            is_understood: AtomicBool::new(false),
        })
    }

    fn get(&self, segments: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.base_url.join(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.client
            .get(url)
            .header("x-api-key", self.key.header_value())
            .header(ACCEPT, "application/json")
    }

    async fn look_up(&self, questions: Vec<Question>) -> Result<EmailAnswer, UpstreamError> {
        let mut questions = questions.into_iter().peekable();
        while let Some(question) = questions.next() {
            match self.ask(&question).await? {
                Said::Answer(answer) => {
                    self.is_understood.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Said::NoSuch => {
                    self.make_sure_of_the_route().await?;
                    return Ok(EmailAnswer::NotFound);
                }
                Said::NotYet(error) => return Err(error),
                Said::NotTaken if questions.peek().is_some() => {}
                Said::NotTaken if self.is_understood.load(Ordering::Relaxed) => {}
                Said::NotTaken => {
                    let detail = "status 400 or 422 before any look-up was understood";
                    return Err(FIND.error(UpstreamFault::Refused, detail));
                }
            }
        }
        Ok(EmailAnswer::NotFound)
    }

    async fn ask(&self, question: &Question) -> Result<Said, UpstreamError> {
        self.pace.turn().await.map_err(|wait| UpstreamError {
            retry_after: Some(wait),
            ..FIND.error(
                UpstreamFault::RateLimited,
                "too many wait for their turn here",
            )
        })?;
        let request = self.get(&["v2", "email-finder"], question);
        FIND.call(request, |answer| Said::read(FIND, answer)).await
    }

    /// A wrong address answers "no such thing" as well, and would make everybody one who cannot be
    /// found: so the first time the account is asked for, which costs nothing.
    async fn make_sure_of_the_route(&self) -> Result<(), UpstreamError> {
        if !self.is_understood.load(Ordering::Relaxed) {
            self.account().await?;
            self.is_understood.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn account(&self) -> Result<FinderAccount, UpstreamError> {
        CHECK
            .call(self.get(&["v2", "account"], &[]), account::read)
            .await
    }
}

#[async_trait]
impl EmailFinder for Hunter {
    fn batch_size(&self) -> u32 {
        BATCH_SIZE
    }

    /// The first failure that is not about one person alone ends the asking; calls under way are
    /// waited for.
    async fn find(&self, people: &[EmailQuery]) -> BatchAnswers {
        let mut waiting = people.iter().enumerate();
        let mut under_way = FuturesUnordered::new();
        let mut answered = Vec::with_capacity(people.len());
        // Whom there is nothing to ask by.
        let mut known = Vec::new();
        let mut stopped_by: Option<UpstreamError> = None;
        loop {
            while under_way.len() < CALLS_AT_A_TIME
                && stopped_by.as_ref().is_none_or(is_about_one_person)
                && let Some((place, person)) = waiting.next()
            {
                match questions(person) {
                    nothing if nothing.is_empty() => known.push((place, EmailAnswer::NotFound)),
                    questions => {
                        under_way.push(async move { (place, self.look_up(questions).await) })
                    }
                }
            }
            match under_way.next().await {
                None => break,
                Some((place, Ok(answer))) => answered.push((place, answer)),
                Some((_, Err(error))) => {
                    let is_worse = |other: &UpstreamError| weight(&error) > weight(other);
                    if stopped_by.as_ref().is_none_or(is_worse) {
                        stopped_by = Some(error);
                    }
                }
            }
        }
        // What is known without asking must not pass for an answer of the finder.
        if stopped_by.is_none() || !answered.is_empty() {
            answered.append(&mut known);
        }
        BatchAnswers {
            answered,
            stopped_by,
        }
    }

    async fn check(&self) -> Result<FinderAccount, UpstreamError> {
        self.account().await
    }
}

fn is_about_one_person(error: &UpstreamError) -> bool {
    error.fault == UpstreamFault::Unprocessable
}

/// Of several failures the one counts that says most about the next call.
fn weight(error: &UpstreamError) -> u8 {
    match error.is_retryable() {
        _ if is_about_one_person(error) => 0,
        true => 1,
        false => 2,
    }
}

/// The parameters of one look-up.
type Question = Vec<(&'static str, String)>;

/// How a person can be asked about, the better way first; the second is for when Hunter does not
/// take the first.
fn questions(person: &EmailQuery) -> Vec<Question> {
    let by_handle = handle(person).map(|handle| vec![("linkedin_handle", handle)]);
    let by_name = person.name_and_company().map(|(first, last, company)| {
        vec![
            ("company", company.to_owned()),
            ("first_name", first.to_owned()),
            ("last_name", last.to_owned()),
        ]
    });
    by_handle.into_iter().chain(by_name).collect()
}

/// What Hunter calls a person's page by. LinkedIn's internal id in that place is no name of a page.
fn handle(person: &EmailQuery) -> Option<String> {
    let identifier = ProfileUrl::parse(person.linkedin_url()?).ok()?.identifier();
    (!identifier.is_internal_id()).then(|| identifier.as_str().to_owned())
}
