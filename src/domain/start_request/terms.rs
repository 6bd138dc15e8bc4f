//! What a start comes to under a plan.

use crate::domain::credits;
use crate::domain::plan::Plan;
use crate::domain::start_request::{Source, StartRequest};

/// What is in force when a request is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The most people that are imported.
    pub max_results: u32,
    /// More was asked for than the plan allows.
    pub is_capped_by_plan: bool,
    /// The most credits that the job can cost.
    pub reservation: i64,
}

impl Terms {
    /// What was asked, capped by the plan; a `url_upload` brings its own number and knows no cap.
    pub(super) fn of(request: &StartRequest, plan: Plan) -> Self {
        let cap = plan.max_results_cap();
        let (max_results, is_capped_by_plan) = match (&request.source, request.max_results) {
            (Source::UrlUpload { urls }, _) => {
                (u32::try_from(urls.len()).unwrap_or(u32::MAX), false)
            }
            (_, None) => (cap, false),
            (_, Some(asked)) => match u32::try_from(asked) {
                Ok(asked) if asked <= cap => (asked, false),
                _ => (cap, true),
            },
        };
        Self {
            max_results,
            is_capped_by_plan,
            reservation: credits::reservation(max_results, request.search_emails),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(body: &str, plan: Plan) -> (u32, bool, i64) {
        let request = StartRequest::parse(body.as_bytes(), true).unwrap();
        let terms = request.terms(plan);
        (
            terms.max_results,
            terms.is_capped_by_plan,
            terms.reservation,
        )
    }

    #[test]
    fn the_plan_caps_what_is_asked_for_and_the_price_follows() {
        let saved = |rest: &str| {
            format!(r#"{{"source": "sales_navigator", "savedSearchId": "1", {rest}}}"#)
        };
        for (rest, plan, expected) in [
            (r#""maxResults": null"#, Plan::Tester, (100, false, 100)),
            (r#""maxResults": 100"#, Plan::Tester, (100, false, 100)),
            (r#""maxResults": 101"#, Plan::Tester, (100, true, 100)),
            (r#""maxResults": 101"#, Plan::Starter, (101, false, 101)),
            (
                r#""maxResults": 9007199254740991, "searchEmails": true"#,
                Plan::Scale,
                (2_000, true, 4_000),
            ),
        ] {
            assert_eq!(terms(&saved(rest), plan), expected, "{rest}");
        }
    }

    #[test]
    fn a_url_upload_counts_its_distinct_profiles_and_knows_no_cap() {
        let urls: Vec<String> = (0..150)
            .map(|index| format!("\"linkedin.com/in/a{}\"", index % 120))
            .collect();
        let body = format!(
            r#"{{"source": "url_upload", "urls": [{}], "maxResults": 1}}"#,
            urls.join(",")
        );
        assert_eq!(terms(&body, Plan::Tester), (120, false, 120));
    }
}
