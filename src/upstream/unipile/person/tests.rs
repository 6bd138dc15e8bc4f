//! Rows, comments and profiles with all their oddities.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::upstream::unipile::tests::is_storable;

fn row(row: &Value) -> Person {
    match search_row(row) {
        PageItem::Person(person) => *person,
        PageItem::Invalid { reason } => panic!("{reason}"),
    }
}

fn identifier(text: &str) -> PublicIdentifier {
    PublicIdentifier::parse(text).unwrap()
}

#[test]
fn a_classic_row_gives_what_it_states_and_no_more() {
    let person = row(&json!({
        "object": "PeopleSearchResult", "product": "classic", "id": "ACoAAAdemo001",
        "member_id": "900000001", "display_name": "Ada Maria Testova",
        "public_identifier": "ada-testova-1", "headline": "Plant manager at Demo SA",
        "profile_url": "https://www.linkedin.com/in/other", "location": " Lyon, France ",
    }));
    assert_eq!(
        person,
        Person {
            provider_id: Some("ACoAAAdemo001".into()),
            member_id: Some("900000001".into()),
            public_identifier: Some(identifier("ada-testova-1")),
            linkedin_url: Some("https://www.linkedin.com/in/ada-testova-1".into()),
            first_name: Some("Ada".into()),
            last_name: Some("Maria Testova".into()),
            name: Some("Ada Maria Testova".into()),
            headline: Some("Plant manager at Demo SA".into()),
            title: None,
            company_name: None,
            location: Some("Lyon, France".into()),
        }
    );
}

#[test]
fn the_current_position_gives_title_and_company() {
    let past = json!({"job_title": "Buyer", "company": {"id": null, "name": "Old SA"}, "ended_on": "01/01/2020"});
    let now = json!({"job_title": "Plant manager", "company": {"id": null, "name": "Demo SA"}, "ended_on": null});
    for (experience, title, company) in [
        (json!([past, now]), Some("Plant manager"), Some("Demo SA")),
        (json!([past]), Some("Buyer"), Some("Old SA")),
        (json!([{"company": {"id": null}}]), None, None),
        (
            json!([{"job_title": 7, "company": "Demo SA"}]),
            Some("7"),
            None,
        ),
        (json!([null]), None, None),
        (json!([]), None, None),
        (json!("none"), None, None),
    ] {
        let person = row(&json!({"id": "ACwAAAdemo001", "work_experience": experience}));
        assert_eq!(person.title.as_deref(), title, "{experience}");
        assert_eq!(person.company_name.as_deref(), company, "{experience}");
    }
}

#[test]
fn the_account_of_a_saved_lead_stands_in_for_an_unstated_company() {
    let account = json!({"id": "700002", "name": "Sample BV"});
    let lead = json!({"object": "SavedLead", "id": "ACwAAAdemo002", "work_experience": [],
        "associated_account": account});
    assert_eq!(row(&lead).company_name.as_deref(), Some("Sample BV"));
    assert_eq!(row(&lead).title, None);
    let lead = json!({"object": "SavedLead", "id": "ACwAAAdemo002", "associated_account": account,
        "work_experience": [{"job_title": "Buyer", "company": {"id": null, "name": "Demo SA"}}]});
    assert_eq!(row(&lead).company_name.as_deref(), Some("Demo SA"));
}

#[test]
fn a_placeholder_for_a_hidden_member_is_no_person() {
    let mut hidden = json!({"object": "PeopleSearchResult", "id": "ACoAAAdemo001",
        "display_name": "LinkedIn member", "network_distance": "OUT_OF_NETWORK"});
    assert_eq!(
        search_row(&hidden),
        PageItem::Invalid {
            reason: HIDDEN_MEMBER
        }
    );
    hidden["display_name"] = json!("Ada Testova");
    assert!(matches!(search_row(&hidden), PageItem::Person(_)));
}

#[test]
fn odd_values_cost_their_field_only() {
    let person = row(&json!({
        "object": "SavedLead", "id": 42, "member_id": 900000001.0, "display_name": "Cher",
        "network_distance": "FOURTH_DEGREE", "headline": null, "location": "", "brand_new": [1],
        "has_been_saved": "yes", "contact_info": 3, "public_identifier": {"a": 1},
    }));
    assert_eq!(person.provider_id.as_deref(), Some("42"));
    assert_eq!(person.member_id.as_deref(), Some("900000001"));
    assert_eq!(person.first_name.as_deref(), Some("Cher"));
    assert_eq!(person.last_name, None);
    assert_eq!((person.headline, person.location), (None, None));
    assert_eq!(
        (person.public_identifier, person.linkedin_url),
        (None, None)
    );
}

#[test]
fn texts_are_fit_for_storage() {
    let person = row(&json!({
        "id": "ACoAAAdemo001", "display_name": "\u{0} Ada\n Testova\u{85}", "headline": "é".repeat(700),
    }));
    assert_eq!(person.name.as_deref(), Some("Ada  Testova"));
    assert_eq!(person.last_name.as_deref(), Some("Testova"));
    assert_eq!(person.headline.map(|text| text.chars().count()), Some(500));
    for id in [
        json!("x".repeat(201)),
        json!("a\u{0}b"),
        json!("a b"),
        json!(" "),
        // Rounded: another member's id may read the same.
        json!(3.021_554_120_330_221e22),
    ] {
        let item = search_row(&json!({"id": id, "display_name": "Ada Testova"}));
        assert!(matches!(item, PageItem::Invalid { .. }), "{id}");
    }
}

#[test]
fn an_internal_id_is_no_public_identifier() {
    let person = row(&json!({"public_identifier": "ACwAAAdemo001", "display_name": "Ada Testova"}));
    assert_eq!(person.provider_id.as_deref(), Some("ACwAAAdemo001"));
    assert_eq!(
        (person.public_identifier, person.linkedin_url),
        (None, None)
    );
}

#[test]
fn a_page_address_stands_in_for_a_missing_public_identifier() {
    let url = "https://www.linkedin.com/in/ben-sampleton";
    let person = row(&json!({"id": "ACoAAAdemo002", "profile_url": url}));
    let from_url = ProfileUrl::parse(url).unwrap().identifier();
    assert_eq!(person.linkedin_url, Some(from_url.url()));
    assert_eq!(person.public_identifier, Some(from_url));
}

#[test]
fn names_that_are_given_are_not_split() {
    let person = row(&json!({"id": "ACoA", "first_name": "Ana", "last_name": "de la Cruz"}));
    assert_eq!(person.name.as_deref(), Some("Ana de la Cruz"));
    let person = row(&json!({"id": "ACoA", "first_name": "Ana", "display_name": "Ana Cruz"}));
    assert_eq!(
        (person.last_name, person.name.as_deref()),
        (None, Some("Ana Cruz"))
    );
}

#[test]
fn what_is_no_person_says_so() {
    for (item, expected) in [
        (
            json!({"object": "CompanySearchResult", "id": "7", "name": "Demo SA"}),
            COMPANY,
        ),
        (json!({"object": "SavedAccount", "id": "7"}), COMPANY),
        (
            json!({"object": "JobSearchResult", "id": "7"}),
            NOT_A_PERSON,
        ),
        (
            json!({"object": "PeopleSearchResult", "display_name": "LinkedIn Member"}),
            UNIDENTIFIABLE,
        ),
        (json!(null), UNIDENTIFIABLE),
        (json!([1, 2]), UNIDENTIFIABLE),
    ] {
        assert_eq!(
            search_row(&item),
            PageItem::Invalid { reason: expected },
            "{item}"
        );
    }
}

#[test]
fn an_organization_that_comments_is_no_person() {
    let comment = json!({"object": "Comment", "author": {
        "id": "700001", "type": "organization", "display_name": "Demo SA", "public_identifier": "demo-sa"}});
    assert_eq!(commenter(&comment), PageItem::Invalid { reason: COMPANY });
    assert_eq!(
        commenter(&json!({"object": "Comment"})),
        PageItem::Invalid {
            reason: UNIDENTIFIABLE
        }
    );
}

#[test]
fn only_the_types_that_are_no_person_are_left_out() {
    for (kind, expected) in [
        (json!("individual"), None),
        (json!("brand_new"), None),
        (json!(null), None),
        (json!("organization"), Some(COMPANY)),
        (json!("other"), Some(NOT_A_PERSON)),
    ] {
        let comment = json!({"author": {"id": "ACoAAAdemo004", "type": kind}});
        let reason = match commenter(&comment) {
            PageItem::Person(_) => None,
            PageItem::Invalid { reason } => Some(reason),
        };
        assert_eq!(reason, expected, "{kind}");
    }
}

#[test]
fn a_commenter_may_have_no_public_identifier() {
    let comment = json!({"author": {"id": "ACoAAAdemo004", "type": "individual",
        "display_name": "Dee Example", "description": "Buyer at Demo SA"}});
    let PageItem::Person(person) = commenter(&comment) else {
        panic!("no person");
    };
    assert_eq!(person.provider_id.as_deref(), Some("ACoAAAdemo004"));
    assert_eq!(person.headline.as_deref(), Some("Buyer at Demo SA"));
    assert_eq!(
        (person.public_identifier, person.linkedin_url),
        (None, None)
    );
}

fn found(answer: &Value, asked: &str) -> Result<Person, &'static str> {
    match profile(answer, &identifier(asked)) {
        ProfileLookup::Found(person) => Ok(*person),
        ProfileLookup::Invalid { reason } => Err(reason),
        ProfileLookup::NotFound => Err("not found"),
    }
}

#[test]
fn a_profile_must_be_the_one_that_was_asked_for() {
    let answer = json!({"object": "UserProfile", "id": "ACoAAAdemo004", "type": "individual",
        "display_name": "Dee Example", "first_name": "Dee", "last_name": "Example",
        "public_identifier": "dee-example", "description": "Buyer at Demo SA",
        "specifics": {"member_id": "900000004", "throttled_sections": ["education"],
            "experience": [{"job_title": "Buyer", "company": {"id": "7", "name": "Demo SA"}}]}});
    let person = found(&answer, "Dee-Example").unwrap();
    assert_eq!(person.member_id.as_deref(), Some("900000004"));
    assert_eq!(person.title.as_deref(), Some("Buyer"));
    assert_eq!(person.company_name.as_deref(), Some("Demo SA"));
    assert_eq!(person.headline.as_deref(), Some("Buyer at Demo SA"));
    assert!(found(&answer, "ACoAAAdemo004").is_ok());
    assert_eq!(found(&answer, "dee-exampl"), Err(ANOTHER_MEMBER));
    assert_eq!(found(&answer, "ACoAAAdemo005"), Err(ANOTHER_MEMBER));
}

#[test]
fn another_object_is_no_profile() {
    for (answer, expected) in [
        (
            json!({"object": "Company", "id": "7", "public_identifier": "dee"}),
            NOT_A_PERSON,
        ),
        (json!({"public_identifier": "dee"}), NOT_A_PERSON),
        (
            json!({"object": "UserProfile", "type": "organization", "public_identifier": "dee"}),
            COMPANY,
        ),
        (
            json!({"object": "UserProfile", "display_name": "Dee"}),
            ANOTHER_MEMBER,
        ),
        (json!([]), NOT_A_PERSON),
    ] {
        assert_eq!(found(&answer, "dee"), Err(expected), "{answer}");
    }
}

/// Any JSON, with the keys that the mappers look for more often than chance would have it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "UserProfile",
            "SavedLead",
            "individual",
            "ACoA",
            "ACwA",
            "\0",
            "é",
            "https://www.linkedin.com/in/a",
        ])
        .prop_map(Value::from),
    ];
    let key = prop::sample::select(vec![
        "object",
        "type",
        "id",
        "member_id",
        "public_identifier",
        "profile_url",
        "display_name",
        "first_name",
        "last_name",
        "headline",
        "description",
        "location",
        "author",
        "specifics",
        "experience",
        "work_experience",
        "job_title",
        "company",
        "name",
        "ended_on",
    ]);
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|fields| {
                fields
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_comes_is_a_storable_person_or_invalid(json in any_json()) {
        for item in [search_row(&json), commenter(&json)] {
            if let PageItem::Person(person) = item {
                prop_assert!(is_storable(&person), "{person:?}");
            }
        }
        let lookup = profile(&json, &identifier("a"));
        if let ProfileLookup::Found(person) = lookup {
            prop_assert!(is_storable(&person), "{person:?}");
        }
    }
}
