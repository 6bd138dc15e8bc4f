//! What a start accepts and what it says about the rest.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SEARCH: &str = "https://www.linkedin.com/search/results/people/?keywords=cto";
const POST: &str = "https://www.linkedin.com/feed/update/urn:li:activity:7300000000000000001/";

fn parse(body: &Value) -> Result<StartRequest, Violations> {
    StartRequest::parse(body.to_string().as_bytes(), true)
}

/// A search with further fields, for what is the same in every source.
fn search_with(fields: &Value) -> Value {
    let mut body = json!({"source": "linkedin_search", "searchUrl": SEARCH});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// `field: code` of each violation; also holds every message to its form.
fn faults_of_text(body: &[u8], email_finder_configured: bool) -> Vec<String> {
    let violations = StartRequest::parse(body, email_finder_configured).unwrap_err();
    let mut faults = Vec::new();
    for violation in violations.listed() {
        assert!(
            violation.message.starts_with(&violation.field),
            "{violation:?}"
        );
        assert!(violation.message.ends_with('.'), "{violation:?}");
        faults.push(format!("{}: {}", violation.field, violation.code));
    }
    faults
}

fn faults(body: &Value) -> Vec<String> {
    faults_of_text(body.to_string().as_bytes(), true)
}

#[test]
fn each_source_takes_its_one_value() {
    for (body, source) in [
        (
            json!({"source": "linkedin_search", "searchUrl": SEARCH}),
            Source::LinkedinSearch {
                search_url: PeopleSearchUrl::parse(SEARCH).unwrap(),
            },
        ),
        (
            json!({"source": "sales_navigator", "savedSearchId": " 50123456 "}),
            Source::SavedSearch {
                id: SavedSearchId::parse("50123456").unwrap(),
            },
        ),
        (
            json!({"source": "sales_navigator", "leadListId": "71", "savedSearchId": null}),
            Source::LeadList {
                id: LeadListId::parse("71").unwrap(),
            },
        ),
        (
            json!({"source": "post_commenters", "postUrl": POST, "urls": null, "metadata": null}),
            Source::PostCommenters {
                post: PostUrl::parse(POST).unwrap(),
            },
        ),
    ] {
        let request = parse(&body).unwrap();
        assert_eq!(request.source, source);
        assert_eq!(request.max_results, Some(100));
        assert!(!request.search_emails);
        assert_eq!(request.duplicates, Duplicates::Count);
        assert!(request.metadata.is_empty());
        let stored = serde_json::to_string(&request.source).unwrap();
        assert_eq!(serde_json::from_str::<Source>(&stored).unwrap(), source);
    }
}

#[test]
fn the_optional_fields_are_read() {
    let request = parse(&search_with(&json!({
        "maxResults": 5000, "searchEmails": true, "duplicates": "skip",
        "metadata": {"campaign": "é".repeat(500), "k".repeat(40): ""},
    })))
    .unwrap();
    assert_eq!(request.max_results, Some(5000));
    assert!(request.search_emails);
    assert_eq!(request.duplicates, Duplicates::Skip);
    assert_eq!(request.metadata.len(), 2);
}

#[test]
fn uploaded_urls_count_once_in_the_order_and_spelling_of_their_first_appearance() {
    let urls = [
        " linkedin.com/in/Bea ",
        "https://www.linkedin.com/in/ada",
        "https://fr.linkedin.com/in/bea/",
    ];
    let request = parse(&json!({"source": "url_upload", "urls": urls, "maxResults": 0})).unwrap();
    let Source::UrlUpload { urls } = &request.source else {
        panic!("another source");
    };
    let read: Vec<_> = urls
        .iter()
        .map(|url| (url.input.as_str(), url.profile.as_str()))
        .collect();
    assert_eq!(
        read,
        [
            ("linkedin.com/in/Bea", "https://www.linkedin.com/in/bea"),
            (
                "https://www.linkedin.com/in/ada",
                "https://www.linkedin.com/in/ada"
            ),
        ]
    );
    assert_eq!(request.max_results, None);
}

#[test]
fn an_upload_has_1_to_1000_urls_counted_before_doublets_are_dropped() {
    let upload =
        |count| json!({"source": "url_upload", "urls": vec!["linkedin.com/in/ada"; count]});
    assert!(parse(&upload(1)).is_ok());
    assert!(parse(&upload(1_000)).is_ok());
    assert_eq!(faults(&upload(0)), ["urls: out_of_range"]);
    assert_eq!(faults(&upload(1_001)), ["urls: out_of_range"]);
}

#[test]
fn every_fault_is_reported_together() {
    let body = json!({
        "source": "url_upload", "postUrl": 7, "searchUrl": null, "typo": 1,
        "urls": ["linkedin.com/in/ada", "linkedin.com/company/x", 7, null, "linkedin.com/in/a\0"],
        "maxResults": "10", "searchEmails": "yes", "duplicates": "drop", "metadata": [],
    });
    assert_eq!(
        faults_of_text(body.to_string().as_bytes(), false),
        [
            "typo: unknown_field",
            "postUrl: not_allowed_for_source",
            "urls[1]: invalid_url",
            "urls[2]: wrong_type",
            "urls[3]: wrong_type",
            "urls[4]: invalid_url",
            "maxResults: wrong_type",
            "searchEmails: wrong_type",
            "duplicates: unknown_value",
            "metadata: wrong_type",
        ]
    );
}

#[test]
fn a_source_is_one_of_four_and_needs_its_own_value() {
    for (body, expected) in [
        (json!({}), vec!["source: required"]),
        (json!({"source": null}), vec!["source: required"]),
        (json!({"source": 1}), vec!["source: wrong_type"]),
        (
            json!({"source": "Url_Upload"}),
            vec!["source: unknown_value"],
        ),
        (
            json!({"postUrl": "x", "urls": 1}),
            vec![
                "source: required",
                "postUrl: invalid_url",
                "urls: wrong_type",
            ],
        ),
        (
            json!({"source": "linkedin_search"}),
            vec!["searchUrl: required"],
        ),
        (
            json!({"source": "post_commenters", "postUrl": null}),
            vec!["postUrl: required"],
        ),
        (json!({"source": "url_upload"}), vec!["urls: required"]),
        (
            json!({"source": "url_upload", "urls": "x"}),
            vec!["urls: wrong_type"],
        ),
        (
            json!({"source": "sales_navigator"}),
            vec!["savedSearchId: required"],
        ),
        (
            json!({"source": "sales_navigator", "savedSearchId": 50123456}),
            vec!["savedSearchId: wrong_type"],
        ),
        (
            json!({"source": "sales_navigator", "leadListId": "x"}),
            vec!["leadListId: invalid_id"],
        ),
        (
            json!({"source": "sales_navigator", "savedSearchId": "1", "leadListId": "2"}),
            vec!["leadListId: exactly_one_of"],
        ),
        (
            json!({"source": "sales_navigator", "leadListId": "1", "searchUrl": SEARCH}),
            vec!["searchUrl: not_allowed_for_source"],
        ),
    ] {
        assert_eq!(faults(&body), expected, "{body}");
    }
}

#[test]
fn a_sales_navigator_search_url_is_told_which_fields_to_use() {
    let url = "https://www.linkedin.com/sales/search/people?savedSearchId=50123456";
    let body = json!({"source": "linkedin_search", "searchUrl": url});
    let sentence = parse(&body).unwrap_err().to_string();
    assert!(sentence.starts_with("searchUrl "), "{sentence}");
    assert!(sentence.contains("savedSearchId") && sentence.contains("leadListId"));
}

#[test]
fn max_results_is_a_whole_number_however_it_is_written() {
    let body = |number: &str| {
        format!(r#"{{"source":"linkedin_search","searchUrl":"{SEARCH}","maxResults":{number}}}"#)
    };
    for (number, expected) in [
        ("1", 1),
        ("1e3", 1_000),
        ("5.0", 5),
        ("9007199254740991", 9_007_199_254_740_991),
    ] {
        let request = StartRequest::parse(body(number).as_bytes(), true).unwrap();
        assert_eq!(request.max_results, Some(expected), "{number}");
    }
    for (number, code) in [
        ("0", "out_of_range"),
        ("-0", "out_of_range"),
        ("-1", "out_of_range"),
        ("-1e300", "out_of_range"),
        ("9007199254740992", "out_of_range"),
        ("9007199254740993.0", "out_of_range"),
        ("18446744073709551616", "out_of_range"),
        ("1e300", "out_of_range"),
        ("1.5", "wrong_type"),
        ("\"10\"", "wrong_type"),
        ("true", "wrong_type"),
        ("[1]", "wrong_type"),
    ] {
        let expected = format!("maxResults: {code}");
        assert_eq!(
            faults_of_text(body(number).as_bytes(), true),
            [expected],
            "{number}"
        );
    }
}

#[test]
fn emails_are_searched_only_where_a_finder_is_configured() {
    let body = search_with(&json!({"searchEmails": true})).to_string();
    assert!(StartRequest::parse(body.as_bytes(), true).is_ok());
    assert_eq!(
        faults_of_text(body.as_bytes(), false),
        ["searchEmails: email_finder_not_configured"]
    );
}

#[test]
fn metadata_is_limited_and_storable() {
    let numbered =
        |count: usize| -> Value { (0..count).map(|n| (n.to_string(), json!("x"))).collect() };
    assert!(parse(&search_with(&json!({"metadata": numbered(16)}))).is_ok());
    for (metadata, expected) in [
        (numbered(17), "metadata: out_of_range"),
        (json!({"": "x"}), "metadata: out_of_range"),
        (json!({"k".repeat(41): "x"}), "metadata: out_of_range"),
        (json!({"a": "x".repeat(501)}), "metadata.a: out_of_range"),
        (json!({"a": 1}), "metadata.a: wrong_type"),
        (json!({"a": null}), "metadata.a: wrong_type"),
        (json!({"a": "\0"}), "metadata.a: invalid_character"),
        (json!({"a\0": "x"}), "metadata.a\u{fffd}: invalid_character"),
        (json!("x"), "metadata: wrong_type"),
    ] {
        assert_eq!(
            faults(&search_with(&json!({"metadata": metadata}))),
            [expected]
        );
    }
}

#[test]
fn repeated_keys_are_named() {
    let body = format!(
        r#"{{"source":"linkedin_search","searchUrl":"{SEARCH}","maxResults":1,"maxResults":1,
            "metadata":{{"a":"1","\u0061":"2"}}}}"#
    );
    assert_eq!(
        faults_of_text(body.as_bytes(), true),
        ["maxResults: repeated_key", "metadata.a: repeated_key"]
    );
}

#[test]
fn a_body_that_is_no_json_object_is_one_fault_with_its_place() {
    let deep = "[".repeat(10_000);
    for body in [
        &b""[..],
        b"{",
        b"{\"source\": \"url_upload\",}",
        b"{} {}",
        b"{\"source\": \"\xff\"}",
        b"\xff\xfe{}",
        b"{\"source\": \"\\ud800\"}",
        b"{\"maxResults\": 1e400}",
        deep.as_bytes(),
    ] {
        assert_eq!(faults_of_text(body, true), ["body: malformed_json"]);
        let sentence = StartRequest::parse(body, true).unwrap_err().to_string();
        assert!(sentence.contains("at line 1 column "), "{sentence}");
    }
    for body in ["null", "[]", "\"x\"", "1"] {
        assert_eq!(faults_of_text(body.as_bytes(), true), ["body: wrong_type"]);
    }
}

#[test]
fn a_flood_of_faults_is_cut_off_and_long_names_are_cut_short() {
    let unknown: serde_json::Map<_, _> = (0..20_000)
        .map(|n| (format!("{n}{}", "x".repeat(60)), json!(0)))
        .collect();
    let violations = parse(&Value::Object(unknown)).unwrap_err();
    assert!(violations.to_string().ends_with("And 1080 more."));
    assert!(
        violations
            .listed()
            .iter()
            .all(|violation| violation.field.len() == 43)
    );
}

/// A valid body with some fields replaced and, half of the time, one byte spoilt.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let valid = prop::sample::select(vec![
        search_with(&json!({"searchEmails": true, "metadata": {"a": "b"}})),
        json!({"source": "sales_navigator", "leadListId": "71"}),
        json!({"source": "post_commenters", "postUrl": POST, "duplicates": "skip"}),
        json!({"source": "url_upload", "urls": ["linkedin.com/in/ada"]}),
    ]);
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!([SEARCH, "linkedin.com/in/ada", 1])),
        Just(json!({"a": "b"})),
        any::<f64>().prop_map(|number| json!(number)),
        any::<i64>().prop_map(|number| json!(number)),
        ".{0,9}".prop_map(|text| json!(text)),
    ];
    let name = prop::sample::select(parse::FIELDS.map(|(name, _)| name).to_vec());
    let fields = prop::collection::hash_map(name, value, 0..3);
    let spoilt = (any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    (valid, fields, spoilt).prop_map(|(mut body, fields, (at, byte, is_spoilt))| {
        for (name, value) in fields {
            body[name] = value;
        }
        let mut body = body.to_string().into_bytes();
        if is_spoilt {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body
    })
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        prop_assert!(StartRequest::parse(&bytes, true).is_err());
    }

    #[test]
    fn any_body_is_parsed_or_refused_with_sentences(body in any_body(), finder in any::<bool>()) {
        match StartRequest::parse(&body, finder) {
            Ok(request) => {
                let uploads = request.source.kind() == SourceKind::UrlUpload;
                prop_assert_eq!(request.max_results.is_none(), uploads);
            }
            Err(_) => prop_assert!(!faults_of_text(&body, finder).is_empty()),
        }
    }

    #[test]
    fn the_order_and_spelling_of_urls_do_not_change_the_fingerprint(
        slugs in prop::collection::hash_set("[a-zé]{1,8}", 1..8),
        other in "[0-9]{1,4}",
        rotation in 0..8usize,
    ) {
        let mut one: Vec<String> = slugs.iter().map(|slug| format!("linkedin.com/in/{slug}")).collect();
        let mut spelt: Vec<String> = slugs
            .iter()
            .map(|slug| format!(" http://m.linkedin.com/mwlite/in/{}/?x=y", slug.to_uppercase()))
            .collect();
        spelt.rotate_left(rotation % slugs.len());
        spelt.push(one[0].clone());
        let fingerprint = |urls: &[String]| {
            parse(&json!({"source": "url_upload", "urls": urls})).unwrap().fingerprint()
        };
        prop_assert_eq!(fingerprint(&one), fingerprint(&spelt));
        one.push(format!("linkedin.com/in/{other}"));
        prop_assert_ne!(fingerprint(&one), fingerprint(&spelt));
    }
}
