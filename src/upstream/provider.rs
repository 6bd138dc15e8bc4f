//! What a LinkedIn provider offers.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::account_health::AccountHealth;
use crate::domain::id::LinkedinAccountId;
use crate::domain::linkedin_url::{
    LeadListId, PeopleSearchUrl, PostUrl, ProfileUrl, SavedSearchId,
};
use crate::domain::person::Person;
use crate::upstream::error::UpstreamError;
use crate::upstream::stored_cursor::StoredCursor;

/// Where the next page begins. Stored with the job, so that any process can go on from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredCursor", into = "StoredCursor")]
pub enum PageCursor {
    /// How many items to pass over.
    Offset(u32),
    /// The provider's own token, sent back as it came.
    Token(String),
    /// How many comments of a post to pass over. `post_id` is the provider's own id of the post,
    /// so that later pages need not look it up again.
    CommentsOffset { post_id: String, offset: u32 },
    /// The provider's own token for the comments of a post.
    CommentsToken { post_id: String, token: String },
    /// The replies to the comments of the page before.
    Replies(RepliesCursor),
}

/// The replies that are still to be read before a post's comments go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepliesCursor {
    pub post_id: String,
    /// The comments whose replies are to be read, the one at work first. Never more than come on a
    /// page, and at most 100.
    pub comments: Vec<String>,
    /// Where to go on in the replies to the first of them; `None` for their beginning.
    pub at: Option<ListPlace>,
    /// How many pages of the first one's replies were read.
    pub pages: u32,
    /// Where the comments go on; `None` when they have ended.
    pub then: Option<ListPlace>,
    /// What the page of comments said is there in all.
    pub available: Option<u32>,
}

/// A place in a list that is paged in one way or the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListPlace {
    /// How many items to pass over.
    Offset(u32),
    /// The provider's own token.
    Token(String),
}

impl RepliesCursor {
    /// The replies to the next comment, or where the comments go on; `None` when they have ended.
    #[must_use]
    pub fn after_first_comment(&self) -> Option<PageCursor> {
        let comments = self.comments.get(1..).unwrap_or_default();
        if comments.is_empty() {
            return PageCursor::comments(self.post_id.clone(), self.then.clone());
        }
        Some(PageCursor::Replies(Self {
            comments: comments.to_vec(),
            at: None,
            pages: 0,
            ..self.clone()
        }))
    }
}

impl PageCursor {
    /// The place in a post's comments, `None` where they have ended.
    #[must_use]
    pub fn comments(post_id: String, place: Option<ListPlace>) -> Option<Self> {
        place.map(|place| match place {
            ListPlace::Offset(offset) => Self::CommentsOffset { post_id, offset },
            ListPlace::Token(token) => Self::CommentsToken { post_id, token },
        })
    }

    /// Whether the page is one of replies: such pages are many and short, often a talk between two
    /// people, so that one without a new person says nothing about the rest of the source.
    #[must_use]
    pub fn is_of_replies(&self) -> bool {
        matches!(self, Self::Replies(_))
    }
}

/// Which page to fetch.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    /// `None` for the first page.
    pub cursor: Option<&'a PageCursor>,
    /// The most items wanted, at least 1. A provider may send fewer, and may send more.
    pub limit: u32,
}

/// One item of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageItem {
    Person(Box<Person>),
    /// No identifiable person: a company that commented, a hidden member.
    Invalid {
        /// In words for whoever reads the rows.
        reason: &'static str,
    },
}

/// One page of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeoplePage {
    pub items: Vec<PageItem>,
    /// `None` when the provider said that there is no more.
    pub next: Option<PageCursor>,
    /// How many items the provider says there are in all; it may be wrong.
    pub available: Option<u32>,
}

/// The kinds of list that Sales Navigator keeps for its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedListKind {
    SavedSearches,
    LeadLists,
}

/// A saved search or a lead list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedList {
    pub id: String,
    pub name: Option<String>,
}

/// One page of a member's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedListPage {
    /// Those that have an id; another could not be imported.
    pub items: Vec<NamedList>,
    /// `None` when the provider said that there is no more.
    pub next: Option<PageCursor>,
}

/// What became of one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileLookup {
    Found(Box<Person>),
    /// There is no such member.
    NotFound,
    /// The answer is no identifiable person, or another one than was asked for.
    Invalid {
        /// In words for whoever reads the rows.
        reason: &'static str,
    },
}

/// A LinkedIn account that is connected at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedAccount {
    pub id: LinkedinAccountId,
    pub health: AccountHealth,
}

/// The LinkedIn accounts that our key opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedAccounts {
    pub accounts: Vec<ConnectedAccount>,
    /// There are more than one call shows.
    pub has_more: bool,
}

/// How far a provider is trusted to answer for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Trusted,
    /// It failed again and again. Whether it is well by now is open: what was known of the account
    /// may be wrong.
    OnTrial,
    /// It failed again and again, and is not asked for so long.
    ShutOff {
        retry_after: Duration,
    },
}

/// Reads of LinkedIn on behalf of one connected account. Nothing is ever written there.
///
/// Each method is one attempt, with as many calls as that takes: finding a post, or a profile under
/// another name, takes several, which a provider makes one at a time and with a gap in between. Retrying is the
/// caller's decision, by [`UpstreamError::is_retryable`].
#[async_trait]
pub trait LinkedinProvider: Send + Sync {
    /// Asks for the connected accounts, which asks nothing of LinkedIn: do address and key work?
    async fn check(&self) -> Result<ConnectedAccounts, UpstreamError>;

    /// What a call for the account would meet now, told without one.
    fn standing(&self, _: &LinkedinAccountId) -> Standing {
        Standing::Trusted
    }

    async fn account_health(
        &self,
        account: &LinkedinAccountId,
    ) -> Result<AccountHealth, UpstreamError>;

    async fn search_page(
        &self,
        account: &LinkedinAccountId,
        url: &PeopleSearchUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError>;

    async fn saved_search_page(
        &self,
        account: &LinkedinAccountId,
        id: &SavedSearchId,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError>;

    async fn lead_list_page(
        &self,
        account: &LinkedinAccountId,
        id: &LeadListId,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError>;

    async fn post_commenters_page(
        &self,
        account: &LinkedinAccountId,
        post: &PostUrl,
        page: PageRequest<'_>,
    ) -> Result<PeoplePage, UpstreamError>;

    async fn profile(
        &self,
        account: &LinkedinAccountId,
        url: &ProfileUrl,
    ) -> Result<ProfileLookup, UpstreamError>;

    async fn named_lists(
        &self,
        account: &LinkedinAccountId,
        kind: NamedListKind,
        page: PageRequest<'_>,
    ) -> Result<NamedListPage, UpstreamError>;
}
