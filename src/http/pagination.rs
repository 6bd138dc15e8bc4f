//! Lists in pages.
//!
//! A cursor is base64url of JSON that says where a page ended and in which list it did: of another
//! list, account group or filter, or in any other spelling than the one given out, it is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::id::AccountGroupId;
use crate::domain::violation::Violations;
use crate::error::Error;
use crate::http::query::Query;
use crate::service::listing::Slice;

const LIMIT_DEFAULT: u32 = 25;
const LIMIT_MAX: u32 = 100;
/// The names that a paged list knows.
pub const PAGE_PARAMETERS: [&str; 2] = ["cursor", "limit"];

/// The list that a cursor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListScope<'a> {
    pub list: &'a str,
    /// Whose list it is: an account group; of a list that belongs to an API key, that key.
    pub group: &'a str,
    /// What the list is narrowed to, such as a job's id.
    pub filter: Option<&'a str>,
}

impl<'a> ListScope<'a> {
    #[must_use]
    pub fn new(list: &'a str, group: &'a AccountGroupId, filter: Option<&'a str>) -> Self {
        Self {
            list,
            group: group.as_str(),
            filter,
        }
    }

    /// # Errors
    /// [`Error::Internal`] when the position cannot be written as JSON.
    pub fn cursor_at<P: Serialize>(&self, after: &P) -> Result<String, Error> {
        let cursor = CursorOut {
            scope: *self,
            after,
        };
        let json = serde_json::to_vec(&cursor).map_err(Error::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(json))
    }

    fn read<P: Serialize + DeserializeOwned>(&self, text: &str) -> Option<P> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let cursor: CursorIn<'_, P> = serde_json::from_slice(&json).ok()?;
        let given_out = self.cursor_at(&cursor.after).ok()?;
        (cursor.scope == *self && given_out == text).then_some(cursor.after)
    }
}

#[derive(Serialize)]
struct CursorOut<'a, P> {
    scope: ListScope<'a>,
    after: &'a P,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CursorIn<'a, P> {
    #[serde(borrow)]
    scope: ListScope<'a>,
    after: P,
}

/// The row of a job after which a page begins. Kept within what the database counts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct RowNumber(u32);

/// The position is beyond anything stored.
#[derive(Debug, thiserror::Error)]
#[error("there can be nothing at this position")]
pub struct NoSuchRow;

impl TryFrom<u32> for RowNumber {
    type Error = NoSuchRow;

    fn try_from(row: u32) -> Result<Self, NoSuchRow> {
        i32::try_from(row).map(|_| Self(row)).map_err(|_| NoSuchRow)
    }
}

impl From<RowNumber> for u32 {
    fn from(row: RowNumber) -> Self {
        row.0
    }
}

/// The item after which a page begins of a list that goes from new to old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newest<I> {
    at: Millis,
    id: I,
}

impl<I> Newest<I> {
    /// Times are stored with milliseconds, so that nothing is lost.
    #[must_use]
    pub fn new(created_at: DateTime<Utc>, id: I) -> Self {
        Self {
            at: Millis(created_at),
            id,
        }
    }

    #[must_use]
    pub fn parts(&self) -> (DateTime<Utc>, &I) {
        (self.at.0, &self.id)
    }
}

/// A time in milliseconds since 1970, kept within what the database can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
struct Millis(DateTime<Utc>);

/// The end of the year 9999.
const MILLIS_MAX: i64 = 253_402_300_799_999;

impl TryFrom<i64> for Millis {
    type Error = NoSuchRow;

    fn try_from(millis: i64) -> Result<Self, NoSuchRow> {
        let time = DateTime::from_timestamp_millis(millis);
        let time = time.filter(|_| (0..=MILLIS_MAX).contains(&millis));
        time.map(Self).ok_or(NoSuchRow)
    }
}

impl From<Millis> for i64 {
    fn from(time: Millis) -> Self {
        time.0.timestamp_millis()
    }
}

/// Which page of a list is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct PageQuery<P> {
    /// `None` for the first page.
    pub after: Option<P>,
    pub limit: u32,
}

impl<P: Serialize + DeserializeOwned> PageQuery<P> {
    /// Adds violations for what cannot be used.
    pub fn read(query: &Query, scope: &ListScope<'_>, violations: &mut Violations) -> Self {
        let after = query.get("cursor").and_then(|text| {
            let position = scope.read(text);
            if position.is_none() {
                let sentence = "cursor must be a nextCursor of this same list.";
                violations.push("cursor", "invalid_cursor", sentence);
            }
            position
        });
        let limit = query.get("limit").map_or(Some(LIMIT_DEFAULT), read_limit);
        if limit.is_none() {
            let sentence = format!("limit must be a whole number from 1 to {LIMIT_MAX}.");
            violations.push("limit", "out_of_range", sentence);
        }
        Self {
            after,
            limit: limit.unwrap_or(LIMIT_DEFAULT),
        }
    }
}

fn read_limit(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text.parse().ok().filter(|_| is_plain)?;
    (1..=LIMIT_MAX).contains(&limit).then_some(limit)
}

/// One page of a list as the API writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A page of a list that ends: the cursor is that of its last item, where more follow.
    ///
    /// # Errors
    /// [`Error::Internal`] when a position cannot be written as JSON.
    pub fn of<I, P: Serialize>(
        slice: Slice<I>,
        scope: &ListScope<'_>,
        position: impl Fn(&I) -> P,
        body: impl Fn(I) -> T,
    ) -> Result<Self, Error> {
        let last = slice.items.last().filter(|_| slice.has_more);
        let next_cursor = last.map(|last| scope.cursor_at(&position(last)));
        Ok(Self {
            next_cursor: next_cursor.transpose()?,
            has_more: slice.has_more,
            items: slice.items.into_iter().map(body).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "507f1f77bcf86cd799439011";

    fn scope() -> ListScope<'static> {
        ListScope {
            list: "prospects",
            group: ID,
            filter: Some(ID),
        }
    }

    fn read(query: &str) -> (PageQuery<RowNumber>, Vec<String>) {
        let mut violations = Violations::none();
        let query = Query::read(Some(query), &PAGE_PARAMETERS, &mut violations);
        let page = PageQuery::read(&query, &scope(), &mut violations);
        let fields = violations.listed().iter().map(|one| one.field.clone());
        (page, fields.collect())
    }

    fn encoded(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn a_cursor_leads_back_to_where_it_was_made() {
        let cursor = scope().cursor_at(&RowNumber(17)).unwrap();
        let (page, fields) = read(&format!("cursor={cursor}&limit=100"));
        assert_eq!((page.after, page.limit), (Some(RowNumber(17)), 100));
        assert!(fields.is_empty());
        let (first, _) = read("");
        assert_eq!((first.after, first.limit), (None, 25));
    }

    #[test]
    fn a_cursor_of_another_list_group_or_filter_is_refused() {
        let other = "507f1f77bcf86cd799439012";
        for foreign in [
            ListScope {
                list: "entries",
                ..scope()
            },
            ListScope {
                group: other,
                ..scope()
            },
            ListScope {
                filter: Some(other),
                ..scope()
            },
            ListScope {
                filter: None,
                ..scope()
            },
        ] {
            let cursor = foreign.cursor_at(&RowNumber(17)).unwrap();
            assert_eq!(
                read(&format!("cursor={cursor}")).1,
                ["cursor"],
                "{foreign:?}"
            );
        }
    }

    #[test]
    fn a_forged_or_malformed_cursor_is_refused() {
        let json = |after: &str| {
            format!(
                r#"{{"scope":{{"list":"prospects","group":"{ID}","filter":"{ID}"}},"after":{after}}}"#
            )
        };
        assert!(
            read(&format!("cursor={}", encoded(&json("17"))))
                .1
                .is_empty()
        );
        for wrong in [
            String::new(),
            "*".to_owned(),
            encoded("{}"),
            encoded("null"),
            encoded(&json("-1")),
            encoded(&json("1.0")),
            encoded(&json("2147483648")),
            encoded(&json("17 ")),
            encoded(&json(r#"17,"after":18"#)),
            format!("{}=", encoded(&json("17"))),
        ] {
            assert_eq!(read(&format!("cursor={wrong}")).1, ["cursor"], "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_a_whole_number_from_1_to_100() {
        assert_eq!(read("limit=1").0.limit, 1);
        for wrong in [
            "0",
            "101",
            "",
            "%2B5",
            "-1",
            "5.0",
            "1e1",
            "%205",
            "99999999999",
            "x",
        ] {
            assert_eq!(read(&format!("limit={wrong}")).1, ["limit"], "{wrong}");
        }
    }

    #[test]
    fn everything_wrong_is_named_together() {
        let (_, fields) = read("limit=0&cursor=x&sort=up");
        assert_eq!(fields, ["sort", "cursor", "limit"]);
    }

    #[test]
    fn a_time_and_an_id_come_back_as_they_were_and_no_others_are_taken() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for time in ["2026-04-28T15:30:00.001Z", "1970-01-01T00:00:00Z"] {
            let position = Newest::new(at(time), 7_i64);
            let cursor = scope().cursor_at(&position).unwrap();
            let read: Option<Newest<i64>> = scope().read(&cursor);
            assert_eq!(read.unwrap().parts(), (at(time), &7));
        }
        let json = |millis: &str| {
            let scope = serde_json::to_string(&scope()).unwrap();
            encoded(&format!(
                r#"{{"scope":{scope},"after":{{"at":{millis},"id":7}}}}"#
            ))
        };
        let read = |millis: &str| scope().read::<Newest<i64>>(&json(millis));
        assert!(read("253402300799999").is_some());
        for wrong in [
            "253402300800000",
            "-1",
            "1.5",
            "9223372036854775807",
            "\"7\"",
        ] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
