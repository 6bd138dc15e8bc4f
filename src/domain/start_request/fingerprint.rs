//! Tells whether two requests ask for the same. Kept with the job, so the form may never change
//! without a new version at its head.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::start_request::{Source, StartRequest};

pub(super) fn fingerprint(request: &StartRequest) -> [u8; 32] {
    Sha256::digest(canonical_form(request)).into()
}

/// A JSON array: its order is fixed and its quoting keeps neighbours apart.
fn canonical_form(request: &StartRequest) -> String {
    let metadata: Vec<_> = request.metadata.iter().collect();
    json!([
        "v1",
        source(&request.source),
        request.max_results,
        request.search_emails,
        request.duplicates.as_str(),
        metadata,
    ])
    .to_string()
}

fn source(source: &Source) -> Value {
    let kind = source.kind().as_str();
    match source {
        Source::LinkedinSearch { search_url } => json!([kind, "searchUrl", search_url.as_str()]),
        Source::SavedSearch { id } => json!([kind, "savedSearchId", id.as_str()]),
        Source::LeadList { id } => json!([kind, "leadListId", id.as_str()]),
        Source::PostCommenters { post } => json!([kind, "postUrl", post.as_str()]),
        Source::UrlUpload { urls } => {
            let mut profiles: Vec<_> = urls.iter().map(|url| url.profile.as_str()).collect();
            profiles.sort_unstable();
            json!([kind, "urls", profiles])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &Value) -> StartRequest {
        StartRequest::parse(body.to_string().as_bytes(), true).unwrap()
    }

    #[test]
    fn the_canonical_form_of_version_1_never_changes() {
        let request = parse(&json!({
            "source": "url_upload",
            "urls": ["linkedin.com/in/Zo%C3%AB", "linkedin.com/in/ada", "m.linkedin.com/in/ada"],
            "metadata": {"b": "2", "a": "\"1"},
        }));
        assert_eq!(
            canonical_form(&request),
            r#"["v1",["url_upload","urls",["https://www.linkedin.com/in/ada","https://www.linkedin.com/in/zo%C3%AB"]],null,false,"count",[["a","\"1"],["b","2"]]]"#
        );
        let hex: String = request
            .fingerprint()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "715dbd875480ea46b53018ad18aaef94c4785cdaf6f1b14da1847591eb96d2e3"
        );
    }

    #[test]
    fn other_spellings_of_a_request_have_its_fingerprint() {
        for (one, other) in [
            (
                json!({"source": "linkedin_search", "searchUrl": "https://www.linkedin.com/search/results/people/?keywords=x"}),
                json!({"metadata": {}, "duplicates": "count", "searchEmails": false, "maxResults": 1e2,
                    "urls": null, "searchUrl": " linkedin.com/search/results/people?keywords=x#y",
                    "source": "linkedin_search"}),
            ),
            (
                json!({"source": "sales_navigator", "leadListId": "71", "metadata": {"a": "1", "b": "2"}}),
                json!({"source": "sales_navigator", "leadListId": " 71 ", "savedSearchId": null,
                    "maxResults": 100.0, "metadata": {"b": "2", "a": "1"}}),
            ),
            (
                json!({"source": "post_commenters", "postUrl": "https://www.linkedin.com/posts/a-activity-7300000000000000001-x"}),
                json!({"source": "post_commenters", "postUrl": "https://fr.linkedin.com/feed/update/urn%3Ali%3Aactivity%3A7300000000000000001"}),
            ),
            (
                json!({"source": "url_upload", "urls": ["linkedin.com/in/ada", "linkedin.com/in/bea"], "maxResults": 7}),
                json!({"source": "url_upload", "urls": ["linkedin.com/in/BEA", "linkedin.com/in/ada/", "linkedin.com/in/bea"]}),
            ),
        ] {
            assert_eq!(
                parse(&one).fingerprint(),
                parse(&other).fingerprint(),
                "{one}"
            );
        }
    }

    #[test]
    fn every_difference_in_meaning_gives_another_fingerprint() {
        let search = "https://www.linkedin.com/search/results/people/?keywords=";
        let post = "https://www.linkedin.com/feed/update/urn:li";
        let requests = [
            json!({"source": "linkedin_search", "searchUrl": format!("{search}x")}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}X")}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}%78")}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}x"), "maxResults": 99}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}x"), "searchEmails": true}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}x"), "duplicates": "skip"}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}x"), "metadata": {"a": "b"}}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}x"), "metadata": {"a": "b", "c": ""}}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}x"), "metadata": {"a": "", "c": "b"}}),
            json!({"source": "linkedin_search", "searchUrl": format!("{search}x"), "metadata": {"a": "b\",\"c\":\""}}),
            json!({"source": "sales_navigator", "leadListId": "71"}),
            json!({"source": "sales_navigator", "savedSearchId": "71"}),
            json!({"source": "sales_navigator", "savedSearchId": "071"}),
            json!({"source": "post_commenters", "postUrl": format!("{post}:activity:7300000001")}),
            json!({"source": "post_commenters", "postUrl": format!("{post}:share:7300000001")}),
            json!({"source": "url_upload", "urls": ["linkedin.com/in/ada"]}),
            json!({"source": "url_upload", "urls": ["linkedin.com/in/ada", "linkedin.com/in/bea"]}),
            json!({"source": "url_upload", "urls": ["linkedin.com/in/ada.bea"]}),
        ];
        let distinct: std::collections::HashSet<_> = requests
            .iter()
            .map(|body| parse(body).fingerprint())
            .collect();
        assert_eq!(distinct.len(), requests.len());
    }
}
