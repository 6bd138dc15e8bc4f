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
/// However many are asked for.
const MOST_REPLIES_PER_PAGE: u32 = 10;

/// With or without padding at the end.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Where a page of comments or replies begins, hidden in `next_cursor`.
#[derive(Serialize, Deserialize)]
struct Cursor {
    /// The post, or the comment that is replied to.
    of: String,
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
        "comments_counter": below_post(&source),
        "reposts_counter": null,
    })))
}

/// `GET /v2/{account}/posts/{post}/comments`. `total_count` counts all that is below the post, as
/// LinkedIn's own counter does.
pub(super) async fn comments(call: AccountCall) -> Result<Json<Value>, Failure> {
    let (digits, source) = find(call.id(0))?;
    let window = window(&call, &digits)?;
    let comments: Vec<u32> = (0..source.row_count()).collect();
    let data: Vec<Value> = answer::shown(&comments, window)
        .iter()
        .filter_map(|index| comment(&digits, &source, *index))
        .collect();
    let next = next_cursor(digits, window, data.len(), source.row_count());
    Ok(Json(answer::list(&data, below_post(&source), next)))
}

/// `GET /v2/{account}/posts/{post}/comments/{comment}/replies`
pub(super) async fn replies(call: AccountCall) -> Result<Json<Value>, Failure> {
    let (digits, source) = find(call.id(0))?;
    let comment_id = call.id(1);
    let index = comment_id.strip_prefix(&format!("c-{digits}-"));
    let index = index.and_then(|index| index.parse::<u32>().ok());
    let index = index
        .filter(|index| *index < source.row_count())
        .ok_or_else(|| Failure::not_found("There is no such comment."))?;
    let mut window = window(&call, comment_id)?;
    window.limit = window.limit.min(MOST_REPLIES_PER_PAGE);
    let replies: Vec<Value> = (0_u32..)
        .zip(source.replies(index))
        .map(|(turn, row)| reply(comment_id, index, turn, &row))
        .collect();
    let total = u32::try_from(replies.len()).unwrap_or(u32::MAX);
    let data = answer::shown(&replies, window);
    let next = next_cursor(comment_id.to_owned(), window, data.len(), total);
    Ok(Json(answer::list(data, total, next)))
}

fn below_post(source: &Source) -> u32 {
    source.row_count() + source.reply_count()
}

/// A cursor knows its limit; what else is sent with it is not looked at.
fn window(call: &AccountCall, of: &str) -> Result<Window, Failure> {
    let Some(cursor) = call.value("cursor") else {
        return call.window(COMMENTS_PER_PAGE);
    };
    let cursor = BASE64_URL.decode(cursor).ok();
    let cursor = cursor.and_then(|json| serde_json::from_slice::<Cursor>(&json).ok());
    cursor
        .filter(|cursor| cursor.of == of && (1..=100).contains(&cursor.limit))
        .map(|cursor| Window {
            offset: cursor.start_index,
            limit: cursor.limit,
        })
        .ok_or_else(|| Failure::invalid("query/cursor is none of this list"))
}

fn next_cursor(of: String, window: Window, shown: usize, total: u32) -> Option<String> {
    let start_index = window.offset + u32::try_from(shown).ok()?;
    let cursor = (shown > 0 && start_index < total).then_some(Cursor {
        of,
        limit: window.limit,
        start_index,
    });
    let json = serde_json::to_vec(&cursor?).ok()?;
    Some(BASE64_URL.encode(json))
}

fn comment(digits: &str, source: &Source, index: u32) -> Option<Value> {
    let minutes_ago = index.saturating_mul(7);
    let mut comment = said(
        &format!("c-{digits}-{index}"),
        &source.row(index)?,
        minutes_ago,
    );
    comment["reply_counter"] = json!(source.replies(index).len());
    Some(comment)
}

fn reply(comment_id: &str, index: u32, turn: u32, row: &Row) -> Value {
    let minutes_ago = index.saturating_mul(7).saturating_sub(turn);
    let mut reply = said(&format!("{comment_id}-{turn}"), row, minutes_ago);
    reply["thread_id"] = json!(comment_id);
    reply
}

fn said(id: &str, row: &Row, minutes_ago: u32) -> Value {
    let mut dice = Dice::new(stable::hash(&["comment", id]));
    let author = match row {
        Row::Person(person) => wire::author(person),
        Row::Company(company) => wire::company_author(company),
    };
    json!({
        "object": "Comment",
        "id": id,
        "author": author,
        "created_at": wire::date(minutes_ago + dice.below(7)),
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
