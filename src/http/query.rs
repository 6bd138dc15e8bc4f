//! Query strings, read strictly: a name that the route does not know, or one that comes twice, is
//! a mistake that would otherwise pass for an answer to another question.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use url::form_urlencoded;

use crate::domain::violation::Violations;
use crate::error::Error;

/// How much of a name that the client made up is repeated to it.
const NAME_SHOWN: usize = 100;

/// The parameters of a query, each at most once.
#[derive(Debug)]
pub struct Query {
    values: Vec<(String, String)>,
}

impl Query {
    /// Reads a query of a route that knows `names`. Violations are added for all other names and
    /// for repeated ones; of a repeated name the first value is kept.
    #[must_use]
    pub fn read(query: Option<&str>, names: &[&str], violations: &mut Violations) -> Self {
        let mut values: Vec<(String, String)> = Vec::new();
        let mut complained: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let is_repeated = values.iter().any(|(seen, _)| *seen == name);
            let is_known = names.contains(&&*name);
            if is_known && !is_repeated {
                values.push((name.into_owned(), value.into_owned()));
                continue;
            }
            let shown: String = name.chars().take(NAME_SHOWN).collect();
            if complained.contains(&shown) {
                continue;
            }
            if is_known {
                violations.push(
                    &shown,
                    "repeated",
                    format!("{shown} may be given only once."),
                );
            } else {
                let sentence = format!("{shown} is not a query parameter of this route.");
                violations.push(&shown, "unknown_parameter", sentence);
            }
            complained.push(shown);
        }
        Self { values }
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(known, _)| known == name)?;
        Some(value)
    }
}

/// The value of a parameter that has the names of `choices`; `None` when it is absent, and with a
/// violation when it is none of them.
pub fn read_choice<T>(
    query: &Query,
    name: &str,
    choices: impl Iterator<Item = (&'static str, T)> + Clone,
    violations: &mut Violations,
) -> Option<T> {
    let text = query.get(name)?;
    let chosen = choices.clone().find(|(choice, _)| *choice == text);
    if chosen.is_none() {
        let names: Vec<&str> = choices.map(|(choice, _)| choice).collect();
        let sentence = format!("{name} must be one of {}.", names.join(", "));
        violations.push(name, "unknown_value", sentence);
    }
    chosen.map(|(_, value)| value)
}

/// What is wrong with the query of a route that knows no parameters.
#[must_use]
pub fn unexpected_parameters(query: Option<&str>) -> Violations {
    let mut violations = Violations::none();
    let _no_values = Query::read(query, &[], &mut violations);
    violations
}

/// Proof that a request came without a query. Handlers name it after [`Authorized`]: extractors run
/// in their order, and who may not call learns nothing of parameters.
///
/// [`Authorized`]: crate::http::authorized::Authorized
#[derive(Debug, Clone, Copy)]
pub struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let violations = unexpected_parameters(parts.uri.query());
        match violations.is_empty() {
            true => Ok(Self),
            false => Err(Error::Invalid(violations)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(query: &str) -> Vec<(String, &'static str)> {
        let mut violations = Violations::none();
        let _query = Query::read(Some(query), &["cursor", "limit"], &mut violations);
        let listed = violations.listed().iter();
        listed.map(|one| (one.field.clone(), one.code)).collect()
    }

    #[test]
    fn known_names_are_read_decoded() {
        let mut violations = Violations::none();
        let query = Query::read(
            Some("cursor=a%20b&limit="),
            &["cursor", "limit"],
            &mut violations,
        );
        assert_eq!(
            (query.get("cursor"), query.get("limit")),
            (Some("a b"), Some(""))
        );
        assert!(violations.is_empty());
        assert_eq!(Query::read(None, &[], &mut violations).get("limit"), None);
    }

    #[test]
    fn unknown_and_repeated_names_are_all_named_once() {
        assert_eq!(
            complaints("limit=1&Limit=2&limit=3&limit=4&%FF=1&Limit=9&=x"),
            [
                ("Limit".to_owned(), "unknown_parameter"),
                ("limit".to_owned(), "repeated"),
                ("\u{fffd}".to_owned(), "unknown_parameter"),
                (String::new(), "unknown_parameter"),
            ]
        );
        assert!(complaints("&&").is_empty());
    }
}
