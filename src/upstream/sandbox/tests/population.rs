//! Who is found where.

use std::collections::HashSet;

use crate::upstream::sandbox::person::SandboxPerson;
use crate::upstream::sandbox::population::{
    Row, profile, rows_of_lead_list, rows_of_post, rows_of_saved_search, rows_of_search,
};

fn people(rows: &[Row]) -> Vec<&SandboxPerson> {
    let people = rows.iter().filter_map(|row| match row {
        Row::Person(person) => Some(&**person),
        Row::Company(_) => None,
    });
    people.collect()
}

/// Asserts that so many people differ in every id, and that the last one is new.
fn assert_distinct(rows: &[Row], expected: usize) {
    let everybody = people(rows);
    let ids: [fn(&SandboxPerson) -> Option<&str>; 3] = [
        |person| Some(&person.member_id),
        |person| Some(&person.classic_id),
        |person| Some(&person.sales_navigator_id),
    ];
    for id in ids {
        let different: HashSet<_> = everybody.iter().filter_map(|person| id(person)).collect();
        assert_eq!(different.len(), expected);
    }
    let slugs: HashSet<_> = everybody.iter().filter_map(|p| p.slug.as_deref()).collect();
    let with_slug: HashSet<_> = everybody
        .iter()
        .filter(|p| p.slug.is_some())
        .map(|p| &p.member_id)
        .collect();
    assert_eq!(slugs.len(), with_slug.len());
    if let Some((last, before)) = everybody.split_last() {
        assert!(matches!(rows.last(), Some(Row::Person(_))));
        assert!(
            before
                .iter()
                .all(|person| person.member_id != last.member_id)
        );
    }
}

#[test]
fn a_source_has_exactly_as_many_people_as_it_says_and_ends_with_a_new_one() {
    for number in [
        0, 1, 2, 3, 4, 6, 7, 8, 19, 20, 21, 40, 41, 60, 250, 2000, 5000,
    ] {
        let rows = rows_of_search(&format!("count results-{number}"));
        assert_distinct(&rows, number);
        assert_eq!(rows.len(), number + number.saturating_sub(1) / 20);
        let id = format!("73{number:04}");
        assert_distinct(&rows_of_post(&id), number);
        assert_distinct(&rows_of_saved_search(&id), number);
        assert_distinct(&rows_of_lead_list(&id), number);
    }
    assert_distinct(&rows_of_search("default"), 60);
}

#[test]
fn some_repeats_cross_the_border_of_a_page() {
    for limit in [20, 25, 100] {
        let rows = rows_of_search("pages results-500");
        let everybody = people(&rows);
        let pages: Vec<HashSet<_>> = everybody
            .chunks(limit)
            .map(|page| page.iter().map(|p| &p.member_id).collect())
            .collect();
        assert!(
            pages.windows(2).any(|two| !two[0].is_disjoint(&two[1])),
            "{limit}"
        );
    }
}

#[test]
fn posts_have_companies_and_repeated_commenters_on_top() {
    let rows = rows_of_post("7300000000000000100");
    // In each of five blocks: a repeated commenter and a repeated replier, a company that comments and
    // one that replies, but for the last block, where the last person replies instead. One exchange.
    let persons = people(&rows).len();
    assert_eq!((persons, rows.len() - persons), (100 + 5 + 5 + 12, 5 + 5));
    assert!(rows_of_post("40400").is_empty());
}

#[test]
fn sources_overlap_a_little() {
    let sources = [
        rows_of_search("a"),
        rows_of_search("b"),
        rows_of_saved_search("52310060"),
        rows_of_lead_list("7130000000000000060"),
        rows_of_post("7300000000000000060"),
    ];
    let slugs = sources.map(|rows| {
        people(&rows)
            .iter()
            .filter_map(|p| p.slug.clone())
            .collect::<HashSet<_>>()
    });
    for (place, one) in slugs.iter().enumerate() {
        for other in &slugs[place + 1..] {
            let common = one.intersection(other).count();
            assert!((1..=6).contains(&common), "{common} in common");
        }
    }
}

#[test]
fn a_slug_leads_back_to_its_person() {
    for row in rows_of_search("back results-2000") {
        let Row::Person(person) = row else { continue };
        for id in [&person.classic_id, &person.sales_navigator_id] {
            assert_eq!(profile(id).as_ref(), Some(&*person));
        }
        if let Some(slug) = &person.slug {
            assert_eq!(profile(slug).as_ref(), Some(&*person));
            assert_eq!(profile(&slug.to_ascii_uppercase()).as_ref(), Some(&*person));
        }
    }
}

#[test]
fn somebody_unknown_gets_the_slug_that_was_asked_for() {
    let person = profile("Ada-Testova-1").unwrap();
    assert_eq!(person.slug.as_deref(), Some("ada-testova-1"));
    assert_eq!(person.name(), "Ada Testova");
    assert_eq!(profile("ada-testova-1"), Some(person));
    assert_eq!(profile("missing-1"), None);
    assert_eq!(
        profile("ACoAAAdemo001").unwrap().classic_id,
        "ACoAAAdemo001"
    );
    assert_ne!(
        profile("x").unwrap().member_id,
        profile("y").unwrap().member_id
    );
}
