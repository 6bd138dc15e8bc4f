//! Whether the upstreams can be worked with: each is asked once for what costs nothing.

use crate::config::UpstreamNames;
use crate::domain::account_health::AccountHealth;
use crate::domain::id::LinkedinAccountId;
use crate::upstream::email_finder::{EmailFinder, FinderAccount};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::provider::{ConnectedAccount, ConnectedAccounts, LinkedinProvider};

/// The most accounts that a message names.
const MOST_NAMED: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Works,
    Fails,
    /// Not chosen, so there is nothing to ask.
    Off,
}

/// What came of one question, in sentences for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whom it is about: the upstream's name.
    pub upstream: &'static str,
    /// The account asked about, where it was about one.
    pub linkedin_account: Option<LinkedinAccountId>,
    pub verdict: Verdict,
    pub message: String,
    /// What to do, where there is something to be done.
    pub advice: Option<String>,
}

impl Finding {
    fn new(names: UpstreamNames, verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            upstream: names.name,
            linkedin_account: None,
            verdict,
            message: message.into(),
            advice: None,
        }
    }

    fn advising(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }

    fn failed(names: UpstreamNames, error: &UpstreamError) -> Self {
        let message = format!("It failed: {} ({}).", error.fault, error.detail);
        Self::new(names, Verdict::Fails, message).advising(advice(names, error.fault))
    }
}

/// Asks the provider for its accounts, and for those given in particular.
pub async fn check_provider(
    provider: &dyn LinkedinProvider,
    names: UpstreamNames,
    accounts: &[LinkedinAccountId],
) -> Vec<Finding> {
    let connected = match provider.check().await {
        Ok(connected) => connected,
        // Nothing else would be answered either.
        Err(error) => return vec![Finding::failed(names, &error)],
    };
    let mut findings = vec![provider_finding(names, &connected, accounts.is_empty())];
    for account in accounts {
        let finding = match provider.account_health(account).await {
            Ok(health) => account_finding(names, health),
            Err(error) => Finding::failed(names, &error),
        };
        findings.push(Finding {
            linkedin_account: Some(account.clone()),
            ..finding
        });
    }
    findings
}

/// Asks the finder, if there is one, for our account there.
pub async fn check_finder(
    finder: Option<&dyn EmailFinder>,
    names: Option<UpstreamNames>,
) -> Finding {
    let (Some(finder), Some(names)) = (finder, names) else {
        return Finding {
            upstream: "e-mail finder",
            linkedin_account: None,
            verdict: Verdict::Off,
            message: "None is chosen: starts with searchEmails are refused.".to_owned(),
            advice: Some("Set EMAIL_FINDER if you want e-mail addresses.".to_owned()),
        };
    };
    match finder.check().await {
        Ok(account) => finder_finding(names, &account),
        Err(error) => Finding::failed(names, &error),
    }
}

fn provider_finding(
    names: UpstreamNames,
    connected: &ConnectedAccounts,
    needs_one: bool,
) -> Finding {
    let answers = if names.key_setting.is_none() {
        "This is the sandbox: its people are invented."
    } else {
        "The key is accepted."
    };
    let ConnectedAccounts { accounts, has_more } = connected;
    let message = format!("{answers} {}", listed(accounts, *has_more));
    let works = |account: &ConnectedAccount| account.health != AccountHealth::NotConnected;
    if !needs_one || *has_more || accounts.iter().any(works) {
        return Finding::new(names, Verdict::Works, message);
    }
    Finding::new(names, Verdict::Fails, message).advising(format!(
        "Connect a LinkedIn account at {}; `account-group create` takes its id (acc_...).",
        names.name
    ))
}

fn listed(accounts: &[ConnectedAccount], has_more: bool) -> String {
    if accounts.is_empty() && !has_more {
        return "No LinkedIn account is connected.".to_owned();
    }
    let named: Vec<String> = accounts
        .iter()
        .take(MOST_NAMED)
        .map(|account| format!("{} ({})", account.id, in_words(account.health)))
        .collect();
    let more = if has_more || accounts.len() > MOST_NAMED {
        ", and more"
    } else {
        ""
    };
    format!("LinkedIn accounts: {}{more}.", named.join(", "))
}

fn account_finding(names: UpstreamNames, health: AccountHealth) -> Finding {
    let words = in_words(health);
    match health {
        AccountHealth::Connected {
            sales_navigator: Some(true) | None,
        } => Finding::new(names, Verdict::Works, format!("It is {words}.")),
        AccountHealth::Connected {
            sales_navigator: Some(false),
        } => Finding::new(
            names,
            Verdict::Works,
            format!("It is {words}: the source sales_navigator will be refused."),
        )
        .advising("For that source, connect the account again with its Sales Navigator seat."),
        AccountHealth::NotConnected => {
            let message = format!("It is {words}, or not known at {}.", names.name);
            Finding::new(names, Verdict::Fails, message).advising(format!(
                "Let its owner sign in to LinkedIn again at {}, and compare the id with the list above.",
                names.name
            ))
        }
    }
}

fn in_words(health: AccountHealth) -> &'static str {
    match health {
        AccountHealth::Connected {
            sales_navigator: Some(true),
        } => "connected, with Sales Navigator",
        AccountHealth::Connected {
            sales_navigator: Some(false),
        } => "connected, without Sales Navigator",
        AccountHealth::Connected {
            sales_navigator: None,
        } => "connected; nothing is said about Sales Navigator",
        AccountHealth::NotConnected => "not connected",
    }
}

fn finder_finding(names: UpstreamNames, account: &FinderAccount) -> Finding {
    let mut message = if names.key_setting.is_none() {
        "This is the sandbox, as e-mail finder: its addresses are invented.".to_owned()
    } else {
        "The key is accepted.".to_owned()
    };
    if let Some(plan) = &account.plan {
        message.push_str(&format!(" Plan: {plan}."));
    }
    if let Some(usage) = &account.usage {
        message.push_str(&format!(" {usage}."));
    }
    if account.is_used_up {
        message.push_str(" Nothing is left, so no address will be found.");
        return Finding::new(names, Verdict::Fails, message)
            .advising(advice(names, UpstreamFault::OutOfQuota));
    }
    Finding::new(names, Verdict::Works, message)
}

fn advice(names: UpstreamNames, fault: UpstreamFault) -> String {
    let UpstreamNames {
        name,
        url_setting,
        key_setting,
    } = names;
    match fault {
        UpstreamFault::TimedOut => {
            format!("Try again. If it stays so, raise UPSTREAM_TIMEOUT_SECONDS or ask {name}.")
        }
        UpstreamFault::Unreachable => format!(
            "See whether {url_setting} is right and whether this machine may connect to it."
        ),
        UpstreamFault::ServerError | UpstreamFault::CircuitOpen => {
            format!("The fault is on {name}'s side: try again later.")
        }
        UpstreamFault::RateLimited => "Wait a minute and try again.".to_owned(),
        UpstreamFault::Throttled => {
            "LinkedIn holds the account back: leave it alone for some hours.".to_owned()
        }
        UpstreamFault::OutOfQuota => {
            format!("Wait for the renewal, or buy more at {name}.")
        }
        UpstreamFault::KeyRefused => match key_setting {
            Some(key_setting) => {
                format!(
                    "Set {key_setting} to a key that is valid at {name}, and see there that it is paid."
                )
            }
            None => format!("See whether {url_setting} is the address of a sandbox."),
        },
        UpstreamFault::AccountDisconnected => {
            format!("Let the account's owner sign in to LinkedIn again at {name}.")
        }
        UpstreamFault::SalesNavigatorMissing => {
            "Connect the account again with its Sales Navigator seat.".to_owned()
        }
        UpstreamFault::InvalidAnswer
        | UpstreamFault::SourceNotFound
        | UpstreamFault::Refused
        | UpstreamFault::Unprocessable => {
            format!(
                "See whether {url_setting} is right: what answers there is not what {name} speaks."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: UpstreamNames = UpstreamNames {
        name: "vendor",
        url_setting: "VENDOR_URL",
        key_setting: Some("VENDOR_KEY"),
    };

    fn accounts(how_many: usize, health: AccountHealth, has_more: bool) -> ConnectedAccounts {
        let account = |number| ConnectedAccount {
            id: format!("acc_{number}").parse().unwrap(),
            health,
        };
        ConnectedAccounts {
            accounts: (0..how_many).map(account).collect(),
            has_more,
        }
    }

    #[test]
    fn a_key_without_a_usable_account_does_not_do() {
        let connected = AccountHealth::Connected {
            sales_navigator: None,
        };
        let away = AccountHealth::NotConnected;
        for (accounts, needs_one, verdict) in [
            (accounts(0, away, false), true, Verdict::Fails),
            (accounts(2, away, false), true, Verdict::Fails),
            (accounts(2, connected, false), true, Verdict::Works),
            // The one that is meant may come later, or is asked about by itself.
            (accounts(2, away, true), true, Verdict::Works),
            (accounts(0, away, false), false, Verdict::Works),
        ] {
            let finding = provider_finding(NAMES, &accounts, needs_one);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert_eq!(finding.advice.is_some(), verdict == Verdict::Fails);
        }
    }

    #[test]
    fn a_long_list_of_accounts_is_cut_and_says_so() {
        let away = AccountHealth::NotConnected;
        let message = |how_many, has_more| {
            let accounts = accounts(how_many, away, has_more);
            provider_finding(NAMES, &accounts, false).message
        };
        assert!(message(20, false).ends_with("acc_19 (not connected)."));
        assert!(message(21, false).ends_with("acc_19 (not connected), and more."));
        assert!(message(1, true).ends_with("acc_0 (not connected), and more."));
        assert!(message(0, false).ends_with("No LinkedIn account is connected."));
    }

    #[test]
    fn a_finder_with_nothing_left_does_not_do() {
        let account = |is_used_up| FinderAccount {
            plan: Some("Starter".to_owned()),
            usage: Some("0 credits left".to_owned()),
            is_used_up,
        };
        let finding = finder_finding(NAMES, &account(true));
        assert_eq!(finding.verdict, Verdict::Fails);
        assert!(finding.message.contains("Starter. 0 credits left. Nothing"));
        assert!(finding.advice.unwrap().contains("vendor"));
        let finding = finder_finding(NAMES, &account(false));
        assert_eq!((finding.verdict, finding.advice), (Verdict::Works, None));
    }
}
