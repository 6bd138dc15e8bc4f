//! The e-mail finder.

use serde_json::{Value, json};

use crate::upstream::sandbox::population::{self, Row};
use crate::upstream::sandbox::router;
use crate::upstream::sandbox::tests::{post, request, send};

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
