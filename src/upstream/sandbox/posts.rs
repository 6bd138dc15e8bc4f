//! Posts and who commented below them.

use axum::Json;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::upstream::sandbox::answer::{self, AccountCall, Failure, Window};
use crate::upstream::sandbox::names;
use crate::upstream::sandbox::population::{self, Row, Source};
use crate::upstream::sandbox::stable::{self, Dice};
use crate::upstream::sandbox::wire;

const COMMENTS_PER_PAGE: u32 = 20;

/// With or without padding at the end.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Where a page of comments begins, hidden in `next_cursor`.
#[derive(Serialize, Deserialize)]
struct Cursor {
    post: String,
    limit: u32,
    start_index: u32,
}

/// `GET /v2/{account}/posts/{post}`
pub(super) async fn post(call: AccountCall) -> Result<Json<Value>, Failure> {
    let (digits, source) = find(call.id(0))?;
    let author = population::owner(&digits);
    let slug = author.slug.as_deref().unwrap_or("somebody");
    let mut dice = Dice::new(stable::hash(&["reactions", &digits]));
    Ok(Json(json!({
        "object": "Post",
        "id": composite_id(&digits),
        "share_url": format!("https://www.linkedin.com/posts/{slug}_activity-{digits}-sbox"),
        "created_at": wire::date(60 * 24 * 30),
        "text": "What a year! Here is what we learned.",
        "author": wire::author(&author),
        "user_reacted": false,
        "permissions": {"can_share": true, "can_react": true, "can_post_comments": true},
        "attachments": [],
        "is_repost": false,
        "reactions_counter": [{"reaction": "👍", "count": dice.below(900)}],
        "comments_counter": source.row_count(),
        "reposts_counter": null,
    })))
}

/// `GET /v2/{account}/posts/{post}/comments`
pub(super) async fn comments(call: AccountCall) -> Result<Json<Value>, Failure> {
    let (digits, source) = find(call.id(0))?;
    let window = comments_window(&call, &digits)?;
    let total = source.row_count();
    let end = window.offset.saturating_add(window.limit).min(total);
    let data: Vec<Value> = (window.offset..end)
        .filter_map(|index| Some(comment(&digits, index, &source.row(index)?)))
        .collect();
    let next = (end < total && !data.is_empty()).then_some(Cursor {
        post: digits,
        limit: window.limit,
        start_index: end,
    });
    let next = next.and_then(|cursor| serde_json::to_vec(&cursor).ok());
    Ok(Json(answer::list(
        &data,
        total,
        next.map(|json| BASE64_URL.encode(json)),
    )))
}

/// `GET /v2/{account}/posts/{post}/comments/{comment}/replies`
pub(super) async fn replies(call: AccountCall) -> Result<Json<Value>, Failure> {
    let (digits, source) = find(call.id(0))?;
    call.window(COMMENTS_PER_PAGE)?;
    let row = call.id(1).strip_prefix(&format!("c-{digits}-"));
    let row = row.and_then(|row| row.parse::<u32>().ok());
    if row.is_none_or(|row| row >= source.row_count()) {
        return Err(Failure::not_found("There is no such comment."));
    }
    Ok(Json(answer::list(&[], 0, None)))
}

/// A cursor knows its limit; what else is sent with it is not looked at.
fn comments_window(call: &AccountCall, digits: &str) -> Result<Window, Failure> {
    let Some(cursor) = call.value("cursor") else {
        return call.window(COMMENTS_PER_PAGE);
    };
    let cursor = BASE64_URL.decode(cursor).ok();
    let cursor = cursor.and_then(|json| serde_json::from_slice::<Cursor>(&json).ok());
    cursor
        .filter(|cursor| cursor.post == digits && (1..=100).contains(&cursor.limit))
        .map(|cursor| Window {
            offset: cursor.start_index,
            limit: cursor.limit,
        })
        .ok_or_else(|| Failure::invalid("query/cursor is none of this list"))
}

fn comment(digits: &str, index: u32, row: &Row) -> Value {
    let mut dice = Dice::new(stable::hash(&["comment", digits, &index.to_string()]));
    let author = match row {
        Row::Person(person) => wire::author(person),
        Row::Company(company) => wire::company_author(company),
    };
    json!({
        "object": "Comment",
        "id": format!("c-{digits}-{index}"),
        "author": author,
        "created_at": wire::date(index.saturating_mul(7) + dice.below(7)),
        "text": dice.pick(&names::COMMENTS),
        "attachments": [],
        "is_sender": false,
        "can_reply": true,
        "can_react": true,
        "reply_counter": 0,
        "reactions_counter": [],
    })
}

/// The digits and the commenters of the post that any accepted form of id names.
fn find(id: &str) -> Result<(String, Source), Failure> {
    let digits = digits_of(id).ok_or_else(|| Failure::invalid("params/post_id is no post id"))?;
    let source = Source::post(&digits);
    let source = source.ok_or_else(|| Failure::not_found("There is no such post."))?;
    Ok((digits, source))
}

/// Bare digits, an URN with or without `urn:li:`, or the composite id that this server gives out.
fn digits_of(id: &str) -> Option<String> {
    if let Some(digits) = digits_of_urn(id) {
        return Some(digits);
    }
    let json = BASE64.decode(id).or_else(|_| BASE64_URL.decode(id)).ok()?;
    let urns: Vec<String> = serde_json::from_slice(&json).ok()?;
    urns.first()
        .filter(|urn| urn.contains(':'))
        .and_then(|urn| digits_of_urn(urn))
}

fn digits_of_urn(urn: &str) -> Option<String> {
    let urn = urn.strip_prefix("urn:li:").unwrap_or(urn);
    let digits = match urn.split_once(':') {
        Some(("activity" | "ugcPost" | "share", digits)) => digits,
        Some(_) => return None,
        None => urn,
    };
    let is_id = (4..=25).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_id.then(|| digits.to_owned())
}

fn composite_id(digits: &str) -> String {
    let urns = json!([format!("activity:{digits}"), format!("ugcPost:{digits}")]);
    BASE64.encode(urns.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_post_id_names_the_same_post() {
        let digits = "7300000000000000025";
        let composite = composite_id(digits);
        for id in [
            digits,
            "urn:li:activity:7300000000000000025",
            "urn:li:ugcPost:7300000000000000025",
            "urn:li:share:7300000000000000025",
            "ugcPost:7300000000000000025",
            &composite,
            composite.trim_end_matches('='),
        ] {
            assert_eq!(digits_of(id).as_deref(), Some(digits), "{id}");
        }
    }

    #[test]
    fn other_text_is_no_post_id() {
        for id in [
            "",
            "1",
            "abc",
            "urn:li:groupPost:7300000000000000025",
            "W10=",
            "WyI3MzAwIl0=",
        ] {
            assert_eq!(digits_of(id), None, "{id}");
        }
    }
}
