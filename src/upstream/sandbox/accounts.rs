//! Connected accounts, their owners' profiles and everybody else's.

use std::time::Duration;

use axum::Json;
use serde_json::{Value, json};

use crate::upstream::sandbox::answer::{self, AccountCall, Failure, KeyedCall};
use crate::upstream::sandbox::person::{self, SandboxPerson};
use crate::upstream::sandbox::population;
use crate::upstream::sandbox::wire::{self, ProfileView};

const SLOW_PROFILE: Duration = Duration::from_millis(500);

/// The accounts that the list names; any other `acc_...` exists as well.
const LISTED: [&str; 3] = ["acc_sandbox", "acc_disconnected", "acc_no_sales_navigator"];

/// `GET /v2/accounts/{id}`
pub(super) async fn account(call: KeyedCall) -> Result<Json<Value>, Failure> {
    let id = call.ids.first().map_or("", String::as_str);
    if id == "acc_unreachable" {
        return Err(Failure::unavailable());
    }
    if !id.starts_with("acc_") {
        return Err(Failure::invalid(
            "params/account_id must match pattern \"^acc_(.*)$\"",
        ));
    }
    Ok(Json(account_object(id)))
}

/// `GET /v2/accounts/`
pub(super) async fn accounts(call: KeyedCall) -> Result<Json<Value>, Failure> {
    let window = call.window(20)?;
    let all: Vec<Value> = LISTED.into_iter().map(account_object).collect();
    let data = answer::shown(&all, window);
    let has_more = all
        .last()
        .is_some_and(|last| !data.is_empty() && data.last() != Some(last));
    Ok(Json(
        json!({"object": "Accounts", "data": data, "has_more": has_more}),
    ))
}

fn account_object(id: &str) -> Value {
    let owner = population::owner(id);
    let status = if id == "acc_disconnected" {
        "disconnected"
    } else {
        "running"
    };
    let mut products = json!({"classic": status});
    if id != "acc_no_sales_navigator" {
        products["sales_navigator"] = json!(status);
    }
    json!({
        "object": "Account",
        "id": id,
        "application_id": "app_sandbox",
        "user_id": owner.classic_id,
        "name": owner.name(),
        "provider": "linkedin",
        "status": status,
        "created_at": "2026-01-01T00:00:00.000Z",
        "is_locked": false,
        "metadata": {"products_connection_status": products},
        "proxy": {"country": "fr", "auto_proxy": true},
    })
}

/// `GET /v2/{account}/linkedin/contracts`
pub(super) async fn contracts(call: AccountCall) -> Json<Value> {
    let contracts = match call.require_sales_navigator() {
        Ok(()) => json!([{
            "object": "Contract",
            "product": "sales_navigator",
            "selected": true,
            "id": "contract-1",
            "name": "Sandbox seat",
        }]),
        Err(_) => json!([]),
    };
    Json(json!({"object": "AvailableContracts", "contracts": contracts}))
}

/// `GET /v2/{account}/users/{id}`
pub(super) async fn profile(call: AccountCall) -> Result<Json<Value>, Failure> {
    let identifier = call.id(0);
    let is_self = identifier == "me";
    let by_sales_navigator = match call.value("variant") {
        None | Some("linkedin_classic") => false,
        Some("linkedin_sales_navigator") => {
            call.require_sales_navigator()?;
            true
        }
        Some(_) => return Err(Failure::invalid("query/variant is not available here")),
    };
    let with_experience = wants_experience(&call)? || by_sales_navigator;
    let slug = person::fold(identifier);
    let found = if is_self {
        population::owner(&call.account)
    } else {
        visit(identifier, &slug).await?
    };
    if slug.starts_with("company-") {
        return Ok(Json(wire::company_profile(&found.company)));
    }
    let asked_by_lead_id = found.sales_navigator_id == identifier;
    let id = if by_sales_navigator || asked_by_lead_id {
        &found.sales_navigator_id
    } else {
        &found.classic_id
    };
    let view = ProfileView {
        id,
        with_experience,
        is_throttled: slug.starts_with("throttled-"),
        is_self,
    };
    Ok(Json(wire::profile(&found, &view)))
}

async fn visit(identifier: &str, slug: &str) -> Result<SandboxPerson, Failure> {
    let is_odd = |letter: char| letter.is_control() || letter.is_whitespace() || letter == '/';
    if identifier.chars().count() > 200 || identifier.contains(is_odd) {
        return Err(Failure::invalid("params/user_id is no user id"));
    }
    if slug.starts_with("slow-") {
        tokio::time::sleep(SLOW_PROFILE).await;
    }
    if slug.starts_with("error-") {
        return Err(Failure::refused());
    }
    if slug.starts_with("swapped-") {
        // Somebody else, as under load.
        return Ok(population::owner(slug));
    }
    population::profile(identifier).ok_or_else(|| Failure::not_found("There is no such user."))
}

/// Sections are shown only when asked for, by repeated names or a list with commas.
fn wants_experience(call: &AccountCall) -> Result<bool, Failure> {
    const SECTIONS: [&str; 12] = [
        "*",
        "experience",
        "education",
        "skills",
        "languages",
        "certifications",
        "volunteer_experience",
        "projects",
        "recommendations",
        "recruiting_activity",
        "interests",
        "about",
    ];
    let mut wanted = false;
    for section in call
        .values("with_sections")
        .flat_map(|list| list.split(','))
    {
        let name = section.strip_prefix("linkedin_").unwrap_or_default();
        let name = name.strip_suffix("_preview").unwrap_or(name);
        if !SECTIONS.contains(&name) {
            return Err(Failure::invalid(
                "query/with_sections has an unknown section",
            ));
        }
        wanted |= matches!(name, "*" | "experience");
    }
    Ok(wanted)
}
