//! Whether a LinkedIn account can be used.

/// What the provider says about one connected LinkedIn account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountHealth {
    /// The account works.
    Connected {
        /// Whether the Sales Navigator seat is linked and works; `None` when the provider does not say.
        sales_navigator: Option<bool>,
    },
    /// The provider does not know the account, or its owner must sign in again.
    NotConnected,
}
