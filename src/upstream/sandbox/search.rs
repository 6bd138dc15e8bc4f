//! Searches and lists of people, classic and Sales Navigator.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Map, Value, json};
use url::Url;

use crate::upstream::sandbox::answer::{self, AccountCall, Failure, ObjectBody, Window};
use crate::upstream::sandbox::magic::{Counters, Magic};
use crate::upstream::sandbox::person::SandboxPerson;
use crate::upstream::sandbox::population::{Row, Source};
use crate::upstream::sandbox::wire;

const ROWS_PER_PAGE: u32 = 20;
const LEADS_PER_PAGE: u32 = 25;
const PARAMETERS_PER_PAGE: u32 = 10;
/// No client waits as long.
const LONGEST_HANG: Duration = Duration::from_secs(600);

/// The saved searches that are listed: id, name. Any other id exists as well.
const SAVED_SEARCHES: [(&str, &str); 5] = [
    ("52310060", "Plant managers in France"),
    ("52310250", "Procurement leads, Benelux"),
    ("52311200", "Founders in food and packaging"),
    ("52310035", "Cold chain decision makers"),
    ("52310000", "Rail procurement (no results yet)"),
];

/// The lead lists that are listed: id, name. Any other id exists as well.
const LEAD_LISTS: [(&str, &str); 4] = [
    ("7130000000000000045", "Trade fair contacts"),
    ("7130000000000000120", "Warm leads, spring"),
    ("7130000000000000012", "Board and advisors"),
    ("7130000000000000800", "All distributors"),
];

/// `POST /v2/{account}/linkedin/search`
pub(super) async fn classic(
    State(counters): State<Arc<Counters>>,
    call: AccountCall,
    ObjectBody(body): ObjectBody,
) -> Result<Response, Failure> {
    let window = call.offset_window(ROWS_PER_PAGE)?;
    let url = linkedin_url(&body)?;
    if url.path().trim_end_matches('/') != "/search/results/people" {
        return Err(Failure::invalid("body/url is no people search"));
    }
    let search = Search {
        effects_of: "classic",
        text: keywords(&url),
        shape: |person, _| wire::classic_person(person),
    };
    search.page(&counters, &call, window).await
}

/// `POST /v2/{account}/linkedin/sales-navigator/search`
pub(super) async fn sales_navigator(
    State(counters): State<Arc<Counters>>,
    call: AccountCall,
    ObjectBody(body): ObjectBody,
) -> Result<Response, Failure> {
    call.require_sales_navigator()?;
    let window = call.offset_window(ROWS_PER_PAGE)?;
    let url = linkedin_url(&body)?;
    let path = url.path().trim_end_matches('/');
    if let Some(id) = path.strip_prefix("/sales/lists/people/") {
        let page = page(&Source::lead_list(digits(id)?), window, wire::saved_lead);
        return Ok(Json(page).into_response());
    }
    if path != "/sales/search/people" {
        return Err(Failure::invalid("body/url is no search or list of people"));
    }
    let saved = url.query_pairs().find(|(name, _)| name == "savedSearchId");
    if let Some((_, id)) = saved {
        let page = page(&Source::saved_search(digits(&id)?), window, lead_row);
        return Ok(Json(page).into_response());
    }
    let search = Search {
        effects_of: "sales navigator",
        text: keywords(&url),
        shape: lead_row,
    };
    search.page(&counters, &call, window).await
}

/// `POST /v2/{account}/linkedin/sales-navigator/search/people`
pub(super) async fn sales_navigator_people(
    call: AccountCall,
    ObjectBody(body): ObjectBody,
) -> Result<Json<Value>, Failure> {
    call.require_sales_navigator()?;
    let window = call.offset_window(ROWS_PER_PAGE)?;
    if body.contains_key("save_search") {
        return Err(Failure::no_route());
    }
    let text = |path: &str| body_value(&body, path).and_then(Value::as_str);
    let source = if let Some(id) = text("/load_saved_search/id") {
        Source::saved_search(digits(id)?)
    } else if let Some(id) = text("/lead_list/include/0") {
        if body_value(&body, "/lead_list/include/1").is_some() {
            return Err(Failure::not_implemented(
                "The sandbox takes one lead list at a time.",
            ));
        }
        Source::lead_list(digits(id)?)
    } else {
        let detail = "The sandbox takes load_saved_search.id or lead_list.include only.";
        return Err(Failure::not_implemented(detail));
    };
    Ok(Json(page(&source, window, lead_row)))
}

/// `POST /v2/{account}/linkedin/sales-navigator/lead-lists/{list}`
pub(super) async fn lead_list(
    call: AccountCall,
    ObjectBody(body): ObjectBody,
) -> Result<Json<Value>, Failure> {
    call.require_sales_navigator()?;
    let window = call.offset_window(LEADS_PER_PAGE)?;
    let order = body.get("sort_order");
    if order.is_some_and(|order| order != "ASCENDING" && order != "DESCENDING") {
        return Err(Failure::invalid(
            "body/sort_order must be ASCENDING or DESCENDING",
        ));
    }
    let source = Source::lead_list(digits(call.id(0))?);
    Ok(Json(page(&source, window, wire::saved_lead)))
}

/// `GET /v2/{account}/linkedin/sales-navigator/lead-lists`
pub(super) async fn lead_lists(call: AccountCall) -> Result<Json<Value>, Failure> {
    call.require_sales_navigator()?;
    let window = call.offset_window(LEADS_PER_PAGE)?;
    let lists = LEAD_LISTS.map(|(id, name)| {
        json!({
            "type": "LEAD",
            "id": id,
            "name": name,
            "items_count": Source::lead_list(id).people(),
            "last_modified_at": wire::date(60 * 24),
        })
    });
    Ok(Json(listed(&lists, window)))
}

/// `GET /v2/{account}/linkedin/sales-navigator/search/parameters`
pub(super) async fn parameters(call: AccountCall) -> Result<Json<Value>, Failure> {
    call.require_sales_navigator()?;
    let window = call.offset_window(PARAMETERS_PER_PAGE)?;
    let wanted = call.value("keywords").unwrap_or_default().to_lowercase();
    let named = |name: &str| name.to_lowercase().contains(&wanted);
    let saved = json!({
        "object": "SavedSearchMetadata",
        "product": "sales_navigator",
        "last_viewed_at": 1_767_225_600,
        "new_results_count": null,
    });
    let parameter =
        |&(id, name): &(&str, &str)| json!({"object": "SearchParameter", "id": id, "name": name});
    let items: Vec<Value> = match call.value("type") {
        Some("SAVED_PEOPLE_SEARCH") => {
            let searches = SAVED_SEARCHES.iter().filter(|(_, name)| named(name));
            let with_metadata = |mut item: Value| {
                item["metadata"] = saved.clone();
                item
            };
            searches.map(parameter).map(with_metadata).collect()
        }
        Some("LEAD_LIST") => {
            let lists = LEAD_LISTS.iter().filter(|(_, name)| named(name));
            lists.map(parameter).collect()
        }
        _ => {
            return Err(Failure::invalid(
                "query/type must be SAVED_PEOPLE_SEARCH or LEAD_LIST",
            ));
        }
    };
    Ok(Json(listed(&items, window)))
}

fn listed(items: &[Value], window: Window) -> Value {
    let total = u32::try_from(items.len()).unwrap_or(u32::MAX);
    answer::list(answer::shown(items, window), total, None)
}

/// How a row of people is written, with its place.
type Shape = fn(&SandboxPerson, u32) -> Value;

fn lead_row(person: &SandboxPerson, _index: u32) -> Value {
    wire::sales_navigator_person(person)
}

fn page(source: &Source, window: Window, shape: Shape) -> Value {
    let end = window
        .offset
        .saturating_add(window.limit)
        .min(source.row_count());
    let rows = (window.offset..end).filter_map(|index| match source.row(index)? {
        Row::Person(person) => Some(shape(&person, index)),
        Row::Company(company) => Some(wire::company_row(&company)),
    });
    answer::list(&rows.collect::<Vec<_>>(), source.row_count(), None)
}

/// A search whose keywords may hold magic words.
struct Search {
    /// Which route's calls are counted together.
    effects_of: &'static str,
    text: String,
    shape: Shape,
}

impl Search {
    async fn page(
        &self,
        counters: &Counters,
        call: &AccountCall,
        mut window: Window,
    ) -> Result<Response, Failure> {
        let magic = Magic::parse(&self.text);
        let source = Source::search(&self.text);
        if let Some(wait) = magic.slow {
            tokio::time::sleep(wait).await;
        }
        let strike = |effect: &str, most: u32| {
            let key = [effect, self.effects_of, &call.account, &self.text];
            most > 0 && counters.strike(&key, most)
        };
        if strike("hang", magic.hangs) {
            tokio::time::sleep(LONGEST_HANG).await;
        }
        if strike("fail", magic.failures) {
            return Err(Failure::unavailable());
        }
        if strike("refuse", magic.refusals) {
            return Err(Failure::refused());
        }
        let is_second_or_only = window.offset > 0 || source.row_count() <= window.limit;
        if let Some(seconds) = magic.limit_seconds
            && is_second_or_only
            && strike("limit", 1)
        {
            return Err(Failure::too_many_requests(seconds));
        }
        if is_second_or_only && strike("throttle", magic.throttles) {
            return Err(Failure::throttled());
        }
        if let Some(row) = magic.disconnect_at {
            if window.offset >= row {
                return Err(Failure::disconnected());
            }
            window.limit = window.limit.min(row - window.offset);
        }
        let shape = if magic.only_companies {
            |person: &SandboxPerson, _| wire::company_row(&person.company)
        } else {
            self.shape
        };
        let answer = page(&source, window, shape);
        if magic.broken_json && is_second_or_only && strike("broken-json", 1) {
            let text = answer.to_string();
            let cut: String = text.chars().take(text.chars().count() / 2).collect();
            return Ok(([(CONTENT_TYPE, "application/json")], cut).into_response());
        }
        if magic.html && is_second_or_only && strike("html", 1) {
            let text = "<!doctype html><title>Gateway</title><h1>One moment, please</h1>";
            return Ok(Html(text).into_response());
        }
        Ok(Json(answer).into_response())
    }
}

fn body_value<'a>(body: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (key, rest) = path.strip_prefix('/')?.split_once('/')?;
    body.get(key)?.pointer(&format!("/{rest}"))
}

fn linkedin_url(body: &Map<String, Value>) -> Result<Url, Failure> {
    let text = body.get("url").and_then(Value::as_str);
    let text = text.ok_or_else(|| Failure::invalid("body/url must be a string"))?;
    let url = Url::parse(text).ok().filter(|url| {
        let host = url.host_str().unwrap_or_default();
        host == "linkedin.com" || host.ends_with(".linkedin.com")
    });
    url.ok_or_else(|| Failure::invalid("body/url must be a LinkedIn address"))
}

/// What the search is for: `keywords`, also inside a Sales Navigator `query=(...)`, or without
/// them the whole query.
fn keywords(url: &Url) -> String {
    let given = |wanted: &str| {
        let pair = url.query_pairs().find(|(name, _)| name == wanted);
        pair.map(|(_, value)| value.into_owned())
    };
    let inside = || {
        let query = given("query")?;
        let (_, rest) = query.split_once("keywords:")?;
        let end = rest.find([',', ')']).unwrap_or(rest.len());
        let words = percent_encoding::percent_decode_str(&rest[..end]);
        Some(words.decode_utf8_lossy().into_owned())
    };
    given("keywords")
        .filter(|text| !text.trim().is_empty())
        .or_else(inside)
        .unwrap_or_else(|| url.query().unwrap_or_default().to_owned())
}

fn digits(id: &str) -> Result<&str, Failure> {
    let is_id = (1..=25).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    is_id
        .then_some(id)
        .ok_or_else(|| Failure::invalid("the id must be digits"))
}
