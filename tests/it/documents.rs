//! The pages for people must lead somewhere, to each other and to what is really there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` whose name ends in `ending`.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![];
    for folder in ["docs", "migrations"] {
        files(&root().join(folder), ".md", &mut pages);
    }
    for page in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        pages.push(root().join(page));
    }
    pages
}

/// The lines of a page that are prose, without blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Where the links of a line lead.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1);
    targets.map(|rest| rest.split(')').next().unwrap())
}

/// The anchors of a page's headings, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_between_pages_leads_to_a_file_and_a_heading() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in prose(&text).flat_map(links) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link} is not there", page.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                assert!(
                    anchors(&text).contains(anchor),
                    "{}: {link} has no such heading",
                    page.display()
                );
            }
            count += 1;
        }
    }
    assert!(count > 40, "the links are found: {count}");
}

#[test]
fn the_readme_is_short_and_leads_to_every_page() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let lines = readme.lines().count();
    assert!(lines < 200, "{lines} lines");
    let linked: BTreeSet<&str> = prose(&readme).flat_map(links).collect();
    let mut pages = vec![];
    files(&root().join("docs"), ".md", &mut pages);
    assert!(!pages.is_empty());
    for page in pages {
        let name = page.strip_prefix(root()).unwrap().to_str().unwrap();
        assert!(linked.contains(name), "README.md has no link to {name}");
    }
}

/// What a table holds is one block of lines: a blank line ends it, and what follows is no table.
#[test]
fn every_table_has_its_head() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let lines: Vec<&str> = prose(&text).collect();
        for (number, line) in lines.iter().enumerate() {
            let begins =
                line.starts_with('|') && (number == 0 || !lines[number - 1].starts_with('|'));
            if begins {
                let rule = lines.get(number + 1).copied().unwrap_or_default();
                assert!(
                    rule.starts_with("|---"),
                    "{}: a table begins with {line}",
                    page.display()
                );
                count += 1;
            }
        }
    }
    assert!(count > 20, "the tables are found: {count}");
}

/// What ARCHITECTURE.md calls by its name in the code, such as `Run::commit_page`.
#[test]
fn the_architecture_names_what_is_there() {
    let mut sources = vec![];
    for (folder, ending) in [("src", ".rs"), ("migrations", ".sql"), ("tests", ".rs")] {
        files(&root().join(folder), ending, &mut sources);
    }
    let mut known = BTreeSet::new();
    for path in &sources {
        // A module is named by its file.
        let path_words = path.strip_prefix(root()).unwrap().to_str().unwrap();
        known.extend(words(path_words).map(str::to_owned));
        known.extend(words(&fs::read_to_string(path).unwrap()).map(str::to_owned));
    }
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut count = 0;
    for line in prose(&text) {
        for marked in line.split('`').skip(1).step_by(2) {
            let is_name = |word: &str| word.contains('_') || marked.contains("::");
            for word in words(marked).filter(|word| is_name(word)) {
                assert!(known.contains(word), "`{marked}`: there is no {word}");
                count += 1;
            }
        }
    }
    assert!(count > 100, "the names are found: {count}");
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}
