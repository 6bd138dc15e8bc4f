//! The e-mail finder.

use serde_json::{Value, json};

use crate::upstream::sandbox::population::{self, Row};
use crate::upstream::sandbox::router;
use crate::upstream::sandbox::tests::{get, post, request, send};

fn pages(people: &[(String, Option<String>)]) -> Value {
    let people = people
        .iter()
        .map(|(id, url)| json!({"identifier": id, "linkedin_url": url}));
    json!({"only_verified_email": false, "data": people.collect::<Vec<_>>()})
}

#[tokio::test]
async fn the_finder_answers_for_two_of_three_as_population_tells() {
    let router = router();
    let (mut found, mut unverified, mut masked) = (0, 0, 0);
    let people: Vec<_> = population::rows_of_search("finder results-600")
        .into_iter()
        .filter_map(|row| match row {
            Row::Person(person) if person.slug.is_some() => Some(person),
            _ => None,
        })
        .collect();
    for batch in people.chunks(50) {
        let asked: Vec<_> = batch
            .iter()
            .map(|p| (p.member_id.clone(), p.url()))
            .collect();
        let answer = post(&router, "/bulk-enrich-person", pages(&asked))
            .await
            .json();
        let matched = answer["matched"].as_array().unwrap();
        assert_eq!(answer["total_cost"], matched.len());
        assert_eq!(
            matched.len() + answer["not_matched"].as_array().unwrap().len(),
            batch.len()
        );
        for person in batch {
            let email = matched
                .iter()
                .find(|one| one["identifier"] == person.member_id);
            let email = email.map(|one| &one["person"]["email"]);
            let open = email.filter(|email| email["revealed"] == true);
            masked += usize::from(email.is_some() && open.is_none());
            let expected = population::email_of(person);
            let address = open.and_then(|email| email["email"].as_str());
            assert_eq!(
                address,
                expected.as_ref().map(|email| email.address.as_str())
            );
            assert!(address.is_none_or(|address| address.ends_with(".example")));
            found += usize::from(address.is_some());
            unverified += usize::from(expected.is_some_and(|email| !email.verified));
        }
    }
    let share = found * 100 / people.len();
    assert!((60..74).contains(&share), "{share} %");
    assert!(unverified > 0 && masked > 0);
}

#[tokio::test]
async fn the_finder_refuses_as_the_provider_does() {
    let router = router();
    for (word, status, code) in [
        ("finder-down", 503, "INTERNAL_ERROR"),
        ("finder-quota", 400, "INSUFFICIENT_CREDITS"),
    ] {
        let rows = population::rows_of_search(word);
        let Some(Row::Person(person)) = rows.last() else {
            panic!("nobody")
        };
        assert_eq!(
            population::profile(person.slug.as_deref().unwrap()).as_ref(),
            Some(&**person)
        );
        let asked = [("a".to_owned(), person.url())];
        let answer = post(&router, "/bulk-enrich-person", pages(&asked)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error_code"]),
            (status, &json!(code))
        );
        let single = json!({"data": {"linkedin_url": person.url()}});
        assert_eq!(post(&router, "/enrich-person", single).await.status, status);
    }
    let nobody = [
        (
            "a".to_owned(),
            Some("https://www.linkedin.com/in/missing-x".to_owned()),
        ),
        ("b".to_owned(), None),
    ];
    let answer = post(&router, "/bulk-enrich-person", pages(&nobody))
        .await
        .json();
    assert_eq!(
        (&answer["not_matched"], &answer["invalid_datapoints"]),
        (&json!(["a"]), &json!(["b"]))
    );
    let many = vec![("a".to_owned(), None); 51];
    let answer = post(&router, "/bulk-enrich-person", pages(&many)).await;
    assert_eq!(answer.json()["error_code"], "VALIDATION_ERROR");
    let single = json!({"data": {"linkedin_url": "https://www.linkedin.com/in/missing-x"}});
    let answer = post(&router, "/enrich-person", single).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error_code"]),
        (400, &json!("NO_MATCH"))
    );
    let mut keyless = request("POST", "/enrich-person", "{}");
    keyless.headers_mut().remove("x-key");
    let answer = send(&router, keyless).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error_code"]),
        (401, &json!("INVALID_API_KEY"))
    );
}

#[tokio::test]
async fn hunter_is_spoken_about_the_same_people() {
    let router = router();
    let person = population::rows_of_search("hunter results-200")
        .into_iter()
        .find_map(|row| match row {
            Row::Person(person) if person.slug.is_some() => {
                let email = population::email_of(&person);
                email.is_some_and(|email| email.verified).then_some(person)
            }
            _ => None,
        })
        .unwrap();
    let address = population::email_of(&person).unwrap().address;
    let slug = person.slug.clone().unwrap();
    let handle: String = url::form_urlencoded::byte_serialize(slug.as_bytes()).collect();
    let path = format!("/v2/email-finder?linkedin_handle={handle}");
    let answer = get(&router, &path).await.json();
    assert_eq!(answer["data"]["email"], address);
    assert_eq!(answer["data"]["verification"]["status"], "valid");
    assert_eq!(answer["meta"]["params"], json!({"linkedin_handle": slug}));

    let mut keyless = request("GET", &path, "");
    keyless.headers_mut().remove("x-api-key");
    assert_eq!(send(&router, keyless).await.status, 401);
    let mut in_query = request("GET", &format!("{path}&api_key=k"), "");
    in_query.headers_mut().remove("x-api-key");
    let answer = send(&router, in_query).await.json();
    assert_eq!(answer["data"]["email"], address);
    assert!(answer["meta"]["params"].get("api_key").is_none());
}

#[tokio::test]
async fn hunter_refuses_as_the_provider_does() {
    let router = router();
    for (query, status, id) in [
        ("linkedin_handle=missing-ada", 404, "not_found"),
        ("linkedin_handle=ada-finder-down", 503, "unavailable"),
        ("linkedin_handle=ada-finder-quota", 429, "usage_limit"),
        ("company=Demo", 400, "wrong_params"),
        (
            "company=Demo&first_name=Ada&last_name=+",
            400,
            "wrong_params",
        ),
        ("", 400, "wrong_params"),
    ] {
        let answer = get(&router, &format!("/v2/email-finder?{query}")).await;
        let error = &answer.json()["errors"][0];
        assert_eq!(answer.status, status, "{query}");
        assert_eq!((&error["id"], &error["code"]), (&json!(id), &json!(status)));
    }
}

#[tokio::test]
async fn a_key_that_begins_with_refused_opens_nothing() {
    let router = router();
    for (method, path) in [
        ("GET", "/v2/accounts"),
        ("GET", "/v2/acc_x/users/me"),
        ("GET", "/v2/account"),
        ("GET", "/v2/email-finder?linkedin_handle=ada"),
        ("GET", "/account-information"),
        ("POST", "/enrich-person"),
    ] {
        for (key, is_refused) in [("refused", true), ("refused-7", true), ("unrefused", false)] {
            let mut asked = request(method, path, r#"{"data":{}}"#);
            for header in ["x-key", "x-api-key"] {
                asked.headers_mut().insert(header, key.parse().unwrap());
            }
            let status = send(&router, asked).await.status.as_u16();
            assert_eq!(status == 401, is_refused, "{method} {path} {key}");
        }
    }
}
