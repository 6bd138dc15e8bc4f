//! A client of the API, as anybody could write one: HTTP, JSON and the key.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::header::{ETAG, HeaderMap, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::cli::demo_group::DemoGroup;
use crate::upstream::http::client;

const TIMEOUT: Duration = Duration::from_secs(30);
/// How often a call that came too fast is made again.
const TRIES: u32 = 5;
/// A longer wait than this is none for somebody who watches.
const LONGEST_WAIT_SECONDS: u64 = 10;
const ITEMS_PER_PAGE: usize = 100;

/// One answer of the API.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Value {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.map_or(Value::Null, Value::from)
    }

    /// The value at a JSON pointer, null if there is none.
    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.body.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The data of a call that must have gone well.
    fn data<T: serde::de::DeserializeOwned>(&self) -> anyhow::Result<T> {
        if !self.status.is_success() {
            bail!("the API answered {}: {}", self.status, self.at("/error"));
        }
        T::deserialize(self.at("/data")).context("the API's answer cannot be read")
    }
}

/// Credits of the account group.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Credits {
    pub(super) balance: i64,
    pub(super) reserved: i64,
    pub(super) available: i64,
}

/// A job's status as it was last seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    etag: Option<String>,
    pub(super) status: Value,
}

/// Calls the API for one account group.
pub(super) struct Client {
    http: reqwest::Client,
    account_group: String,
    key: String,
}

impl Client {
    pub(super) fn new(address: std::net::SocketAddr, group: &DemoGroup) -> anyhow::Result<Self> {
        Ok(Self {
            http: client(TIMEOUT)?,
            account_group: format!("http://{address}/v1/accounts/{}", group.id),
            key: group.secret.reveal().to_owned(),
        })
    }

    /// Asks for a job, whatever the answer.
    pub(super) async fn start(
        &self,
        body: &Value,
        idempotency_key: &str,
    ) -> anyhow::Result<Answer> {
        let url = format!("{}/prospecting", self.account_group);
        let request = self.http.post(url).json(body);
        self.send(request.header("Idempotency-Key", idempotency_key))
            .await
    }

    /// Looks at a job, and is told only what is new.
    pub(super) async fn look(&self, job: &str, seen: &mut Seen) -> anyhow::Result<()> {
        let mut request = self
            .http
            .get(format!("{}/prospecting/{job}", self.account_group));
        if let Some(etag) = &seen.etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let answer = self.send(request).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(());
        }
        seen.status = answer.data()?;
        let etag = answer.headers.get(ETAG);
        seen.etag = etag.and_then(|tag| Some(tag.to_str().ok()?.to_owned()));
        Ok(())
    }

    /// Every row of a job that has ended.
    pub(super) async fn rows(&self, job: &str) -> anyhow::Result<Vec<Value>> {
        self.all_of(&format!("prospecting/{job}/prospects")).await
    }

    /// The ids of all jobs, the newest first.
    pub(super) async fn jobs(&self) -> anyhow::Result<Vec<Value>> {
        let jobs = self.all_of("prospecting").await?;
        Ok(jobs
            .into_iter()
            .map(|mut job| job["jobId"].take())
            .collect())
    }

    /// The items of all pages of a list that does not grow.
    async fn all_of(&self, list: &str) -> anyhow::Result<Vec<Value>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            items: Vec<Value>,
            next_cursor: Option<String>,
        }
        let url = format!("{}/{list}", self.account_group);
        let mut items = Vec::new();
        let mut query = format!("limit={ITEMS_PER_PAGE}");
        loop {
            let answer = self.send(self.http.get(format!("{url}?{query}"))).await?;
            let page: Page = answer.data()?;
            let is_empty = page.items.is_empty();
            items.extend(page.items);
            let Some(cursor) = page.next_cursor else {
                return Ok(items);
            };
            if is_empty {
                bail!("the API leads on in {list}, but brings nothing");
            }
            query = format!("limit={ITEMS_PER_PAGE}&cursor={cursor}");
        }
    }

    pub(super) async fn credits(&self) -> anyhow::Result<Credits> {
        let url = format!("{}/credits", self.account_group);
        self.send(self.http.get(url)).await?.data()
    }

    /// Sends a request, again after a while where it came too fast.
    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let request = request.bearer_auth(&self.key);
        for _ in 1..TRIES {
            let again = request.try_clone().context("a request without a body")?;
            let answer = receive(again).await?;
            let wait = answer.headers.get(RETRY_AFTER);
            let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
            match wait {
                Some(seconds @ ..=LONGEST_WAIT_SECONDS)
                    if answer.status == StatusCode::TOO_MANY_REQUESTS =>
                {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                _ => return Ok(answer),
            }
        }
        receive(request).await
    }
}

async fn receive(request: RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await.context("the API does not answer")?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.context("the API broke off")?;
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).context("the API's answer is no JSON")?
    };
    Ok(Answer {
        status,
        headers,
        body,
    })
}
