//! How a cursor is stored with its job, in a form that the previous version of the program reads too:
//! while processes are replaced one after the other, jobs change hands in both directions.

use serde::{Deserialize, Serialize};

use crate::upstream::provider::{ListPlace, PageCursor, RepliesCursor};

/// Where a version that knows no replies finds no more comments, if nobody has said how many there
/// are. A post has far fewer.
const BEHIND_ALL_COMMENTS: u32 = 1_000_000;

/// Replies stand beside the place where the comments go on. A version that does not know them passes
/// over the field, and so over what is left of these replies, and reads the comments that follow.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredCursor {
    Offset(u32),
    Token(String),
    CommentsOffset {
        post_id: String,
        offset: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replies: Option<StoredReplies>,
    },
    CommentsToken {
        post_id: String,
        token: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replies: Option<StoredReplies>,
    },
}

/// What a [`RepliesCursor`] holds besides the place in the comments.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredReplies {
    comments: Vec<String>,
    at: Option<ListPlace>,
    pages: u32,
    available: Option<u32>,
    /// The place in the comments is behind them all.
    are_last: bool,
}

impl From<PageCursor> for StoredCursor {
    fn from(cursor: PageCursor) -> Self {
        match cursor {
            PageCursor::Offset(offset) => Self::Offset(offset),
            PageCursor::Token(token) => Self::Token(token),
            PageCursor::CommentsOffset { post_id, offset } => Self::CommentsOffset {
                post_id,
                offset,
                replies: None,
            },
            PageCursor::CommentsToken { post_id, token } => Self::CommentsToken {
                post_id,
                token,
                replies: None,
            },
            PageCursor::Replies(cursor) => Self::of_replies(cursor),
        }
    }
}

impl StoredCursor {
    fn of_replies(cursor: RepliesCursor) -> Self {
        let post_id = cursor.post_id;
        let replies = Some(StoredReplies {
            comments: cursor.comments,
            at: cursor.at,
            pages: cursor.pages,
            available: cursor.available,
            are_last: cursor.then.is_none(),
        });
        let end = ListPlace::Offset(cursor.available.unwrap_or(BEHIND_ALL_COMMENTS));
        match cursor.then.unwrap_or(end) {
            ListPlace::Offset(offset) => Self::CommentsOffset {
                post_id,
                offset,
                replies,
            },
            ListPlace::Token(token) => Self::CommentsToken {
                post_id,
                token,
                replies,
            },
        }
    }
}

impl From<StoredCursor> for PageCursor {
    fn from(stored: StoredCursor) -> Self {
        let (post_id, place, replies) = match stored {
            StoredCursor::Offset(offset) => return Self::Offset(offset),
            StoredCursor::Token(token) => return Self::Token(token),
            StoredCursor::CommentsOffset {
                post_id,
                offset,
                replies,
            } => (post_id, ListPlace::Offset(offset), replies),
            StoredCursor::CommentsToken {
                post_id,
                token,
                replies,
            } => (post_id, ListPlace::Token(token), replies),
        };
        match (replies, place) {
            (None, ListPlace::Offset(offset)) => Self::CommentsOffset { post_id, offset },
            (None, ListPlace::Token(token)) => Self::CommentsToken { post_id, token },
            (Some(replies), place) => Self::Replies(RepliesCursor {
                post_id,
                comments: replies.comments,
                at: replies.at,
                pages: replies.pages,
                then: (!replies.are_last).then_some(place),
                available: replies.available,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    /// As versions before the replies had it.
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum PreviousCursor {
        Offset(u32),
        Token(String),
        CommentsOffset { post_id: String, offset: u32 },
        CommentsToken { post_id: String, token: String },
    }

    fn replies(then: Option<ListPlace>, available: Option<u32>) -> PageCursor {
        PageCursor::Replies(RepliesCursor {
            post_id: "p-1".to_owned(),
            comments: vec!["c-1".to_owned(), "c-2".to_owned()],
            at: Some(ListPlace::Token("t-1".to_owned())),
            pages: 3,
            then,
            available,
        })
    }

    fn places() -> [Option<ListPlace>; 3] {
        let token = ListPlace::Token("t-2".to_owned());
        [None, Some(ListPlace::Offset(25)), Some(token)]
    }

    #[test]
    fn replies_are_read_back_as_they_were_stored() {
        for then in places() {
            for available in [None, Some(90)] {
                let cursor = replies(then.clone(), available);
                let stored = to_value(&cursor).unwrap();
                assert_eq!(from_value::<PageCursor>(stored).unwrap(), cursor);
            }
        }
    }

    #[test]
    fn a_version_without_replies_goes_on_with_the_comments() {
        let post_id = || "p-1".to_owned();
        let previous = |cursor: PageCursor| -> PreviousCursor {
            from_value(to_value(cursor).unwrap()).unwrap()
        };
        let comments_from = |offset| PreviousCursor::CommentsOffset {
            post_id: post_id(),
            offset,
        };
        let [end, offset, token] = places();
        assert_eq!(previous(replies(offset, Some(90))), comments_from(25));
        assert_eq!(previous(replies(end.clone(), Some(90))), comments_from(90));
        assert_eq!(
            previous(replies(end, None)),
            comments_from(BEHIND_ALL_COMMENTS)
        );
        let at_token = PreviousCursor::CommentsToken {
            post_id: post_id(),
            token: "t-2".to_owned(),
        };
        assert_eq!(previous(replies(token, None)), at_token);
    }

    #[test]
    fn cursors_of_a_version_without_replies_are_read() {
        for stored in [
            json!({"offset": 50}),
            json!({"token": "t-1"}),
            json!({"comments_offset": {"post_id": "p-1", "offset": 25}}),
            json!({"comments_token": {"post_id": "p-1", "token": "t-1"}}),
        ] {
            let cursor: PageCursor = from_value(stored.clone()).unwrap();
            assert!(!cursor.is_of_replies());
            assert_eq!(to_value(&cursor).unwrap(), stored);
        }
    }
}
