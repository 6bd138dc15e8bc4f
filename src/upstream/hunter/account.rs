//! What Hunter says about the account of our key.
//!
//! Plans count searches or credits. Whether `available` is what the plan holds or what is left of it
//! is told in both ways by those who use it, so both numbers are passed on as Hunter gives them.

use serde_json::Value;

use crate::upstream::email_finder::{FinderAccount, printable};
use crate::upstream::error::{UpstreamError, UpstreamFault};
use crate::upstream::http::call::Answer;
use crate::upstream::hunter::CHECK;
use crate::upstream::hunter::answer::refusal;

pub(super) fn read(answer: &Answer) -> Result<FinderAccount, UpstreamError> {
    if !answer.status.is_success() {
        return Err(refusal(CHECK, answer));
    }
    let body = answer.json();
    let Some(account) = body
        .as_ref()
        .and_then(|body| body.get("data"))
        .filter(|data| data.is_object())
    else {
        return Err(CHECK.error(UpstreamFault::InvalidAnswer, "an account without data"));
    };
    let counted = ["credits", "searches"].into_iter().find_map(|unit| {
        let counter = account.get("requests")?.get(unit)?;
        let number = |name: &str| counter.get(name).and_then(Value::as_f64);
        Some((unit, number("used")?, number("available")?))
    });
    let renewal = account.get("reset_date").and_then(Value::as_str);
    let renewal = renewal.and_then(printable);
    Ok(FinderAccount {
        plan: account
            .get("plan_name")
            .and_then(Value::as_str)
            .and_then(printable),
        usage: counted.map(|(unit, used, available)| {
            let renewal = renewal.map_or_else(String::new, |date| format!(", renewed on {date}"));
            format!("{unit}: {used} used, {available} available{renewal}")
        }),
        is_used_up: counted.is_some_and(|(_, _, available)| available <= 0.0),
    })
}
