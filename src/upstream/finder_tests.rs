//! What the e-mail finders have in common: each against the sandbox, over a real socket; and what
//! their own tests share.

use tokio::task::JoinSet;

use crate::domain::person::EmailQuery;
use crate::upstream::email_finder::{BatchAnswers, EmailAnswer, EmailFinder};
use crate::upstream::error::UpstreamFault;
use crate::upstream::http::scripted::LONG;
use crate::upstream::hunter::Hunter;
use crate::upstream::prospeo::Prospeo;
use crate::upstream::sandbox::Sandbox;
use crate::upstream::sandbox::person::SandboxPerson;
use crate::upstream::sandbox::population::{self, Row};

/// Somebody of whom nothing is known.
pub(crate) fn nobody() -> EmailQuery {
    EmailQuery {
        linkedin_url: None,
        first_name: None,
        last_name: None,
        name: None,
        company_name: None,
    }
}

/// Somebody of whom the page is known.
pub(crate) fn with_url(slug: &str) -> EmailQuery {
    EmailQuery {
        linkedin_url: Some(format!("https://www.linkedin.com/in/{slug}")),
        ..nobody()
    }
}

/// In the order of the people: the address and its status, `not found`, or `-` for no answer.
pub(crate) fn shown(people: &[EmailQuery], answers: &BatchAnswers) -> Vec<String> {
    let mut shown = vec!["-".to_owned(); people.len()];
    for (place, answer) in &answers.answered {
        assert_eq!(shown[*place], "-", "one answer for one person");
        shown[*place] = match answer {
            EmailAnswer::Found { email, status } => format!("{email} {status:?}"),
            EmailAnswer::NotFound => "not found".to_owned(),
        };
    }
    let is_whole = answers.answered.len() == people.len();
    assert_eq!(answers.stopped_by.is_none(), is_whole);
    shown
}

/// Every finder, with this key, on a sandbox that serves as long as the set lives.
async fn finders(key: &str) -> (Vec<(&'static str, Box<dyn EmailFinder>)>, JoinSet<()>) {
    let sandbox = Sandbox::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", sandbox.local_addr());
    let mut serving = JoinSet::new();
    serving.spawn(async { sandbox.run(std::future::pending()).await.unwrap() });
    let (url, key) = (|| url.parse().unwrap(), || key.parse().unwrap());
    let finders: Vec<(_, Box<dyn EmailFinder>)> = vec![
        ("hunter", Box::new(Hunter::new(url(), key(), LONG).unwrap())),
        (
            "prospeo",
            Box::new(Prospeo::new(url(), key(), LONG).unwrap()),
        ),
    ];
    (finders, serving)
}

fn people_of(keywords: &str) -> Vec<SandboxPerson> {
    let rows = population::rows_of_search(keywords).into_iter();
    rows.filter_map(|row| match row {
        Row::Person(person) => Some(*person),
        Row::Company(_) => None,
    })
    .collect()
}

/// What a job knows of somebody whom it imported.
fn query(person: &SandboxPerson) -> EmailQuery {
    EmailQuery {
        linkedin_url: person.url(),
        first_name: Some(person.first_name.clone()),
        last_name: Some(person.last_name.clone()),
        name: Some(person.name()),
        company_name: Some(person.company.name.clone()),
    }
}

#[tokio::test]
async fn every_finder_finds_the_same_addresses_and_no_others() {
    let people = people_of("finders results-40");
    let (finders, _serving) = finders("any").await;
    for (name, finder) in finders {
        let size = usize::try_from(finder.batch_size()).unwrap();
        let (mut by_page, mut by_name, mut found) = (0, 0, 0);
        for batch in people.chunks(size) {
            let queries: Vec<EmailQuery> = batch.iter().map(query).collect();
            let answers = finder.find(&queries).await;
            assert!(answers.stopped_by.is_none(), "{name}");
            for (person, line) in batch.iter().zip(shown(&queries, &answers)) {
                let expected = population::email_of(person);
                let expected = expected.map_or("not found".to_owned(), |email| {
                    let status = if email.verified {
                        "Valid"
                    } else {
                        "Unverified"
                    };
                    format!("{} {status}", email.address)
                });
                assert_eq!(line, expected, "{name}");
                let count = match person.slug {
                    Some(_) => &mut by_page,
                    None => &mut by_name,
                };
                *count += 1;
                found += usize::from(line != "not found");
            }
        }
        assert!(by_page > 20 && by_name > 0 && found > 20, "{name}");
        assert!(found < people.len(), "{name}");
    }
}

#[tokio::test]
async fn nobody_by_that_name_is_not_found_by_any_finder() {
    let people = [with_url("missing-ada"), nobody(), with_url("missing-bea")];
    let (finders, _serving) = finders("any").await;
    for (name, finder) in finders {
        let answers = finder.find(&people).await;
        assert_eq!(shown(&people, &answers), ["not found"; 3], "{name}");
    }
}

#[tokio::test]
async fn every_finder_says_why_it_fails() {
    for (key, keywords, expected) in [
        ("any", "finder-down results-3", UpstreamFault::ServerError),
        ("any", "finder-quota results-3", UpstreamFault::OutOfQuota),
        ("refused-1", "finders results-3", UpstreamFault::KeyRefused),
    ] {
        let people = people_of(keywords);
        let queries: Vec<EmailQuery> = people
            .iter()
            .filter(|person| person.slug.is_some())
            .map(query)
            .collect();
        let (finders, _serving) = finders(key).await;
        for (name, finder) in finders {
            let answers = finder.find(&queries).await;
            assert!(answers.answered.is_empty(), "{name}");
            let error = answers.stopped_by.unwrap();
            assert_eq!((error.provider, error.fault), (name, expected));
        }
    }
}

#[tokio::test]
async fn every_finder_can_be_checked() {
    let (working, _serving) = finders("any").await;
    for (name, finder) in working {
        let account = finder.check().await.unwrap();
        let plan = account.plan.unwrap().to_lowercase();
        assert_eq!((plan.as_str(), account.is_used_up), ("sandbox", false));
        assert!(account.usage.unwrap().contains("100000"), "{name}");
    }
    let (refused, _serving) = finders("refused").await;
    for (name, finder) in refused {
        let error = finder.check().await.unwrap_err();
        let expected = (name, "check", UpstreamFault::KeyRefused);
        assert_eq!((error.provider, error.operation, error.fault), expected);
    }
}
