//! Code, comments and documents use standard terms: words that only this project used stay out.
#![cfg(test)]

use std::path::{Path, PathBuf};

/// Words that had a meaning of their own here, each with what to use instead. They are found as whole words, in
/// identifiers too (`fn desk_of()`, `KeeperState`).
const PRIVATE: [(&str, &str); 29] = [
    ("aside", "notice"),
    ("behaviours", "faults"),
    ("clerk", "updater"),
    ("course", "state machine"),
    ("desk", "sources"),
    ("dialect", "platform"),
    ("dice", "random number generator"),
    ("filed", "written"),
    ("filing", "report, write result"),
    ("folds", "log groups"),
    ("forgive", "recover"),
    ("heard", "received, recorded"),
    ("house", "project, architecture"),
    ("hub", "GitHub"),
    ("keeper", "report tracker"),
    ("lab", "GitLab"),
    ("manner", "format, options"),
    ("mend", "fix"),
    ("obeyed", "executed"),
    ("obeys", "executes"),
    ("pen", "rate limiter"),
    ("plays", "imitates, runs"),
    ("settle", "find"),
    ("settled", "found"),
    ("speaks", "uses, supports"),
    ("spoke", "answered"),
    ("standing", "state of a report"),
    ("told", "reported"),
    ("voice", "message, reporter"),
];

/// Where the words are searched for.
const PLACES: [&str; 15] = [
    ".ci",
    ".github",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "Dockerfile",
    "README.md",
    "SECURITY.md",
    "action",
    "action.yml",
    "benches",
    "docs",
    "examples",
    "src",
    "templates",
    "tests",
];

/// What is not this project's own text, or names the words: vendors' descriptions, installed packages, this file.
const ELSEWHERE: [&str; 4] =
    ["tests/contract", ".ci/node_modules", ".ci/package-lock.json", "tests/it/words.rs"];

/// Standard uses of a word.
const STANDARD: [&str; 4] = ["<aside>", "</aside>", "section, aside {", "docker hub"];

#[test]
fn only_standard_terms_are_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for file in PLACES.iter().flat_map(|place| files(&root.join(place))) {
        let path = file.strip_prefix(root).unwrap().display().to_string();
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if ELSEWHERE.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        for (n, line) in text.lines().enumerate() {
            let words = private(line).into_iter();
            found.extend(words.map(|(word, term)| format!("{path}:{}: {word}: {term}", n + 1)));
        }
    }
    assert!(found.is_empty(), "use a standard term:\n{}", found.join("\n"));
}

#[test]
fn whole_words_are_found_in_text_and_in_identifiers() {
    for line in
        ["the Clerk", "fn desk_of()", "takes a look.", "`hub`,", "a look at it", "struct RateKeeper {"]
    {
        assert!(!private(line).is_empty(), "{line}");
    }
    for line in
        ["GitHub, github", "label", "open", "a look-up", "documented", "desktop", "FakeGitLab::start()"]
    {
        assert_eq!(private(line), [], "{line}");
    }
}

/// The private words of a line, each with what to use instead.
fn private(line: &str) -> Vec<(&str, &str)> {
    let mut text = line.to_lowercase();
    for standard in STANDARD {
        text = text.replace(standard, "");
    }
    // `KeeperState` is two words, `GitHub` and `GitLab` are one.
    let apart = line.replace("GitHub", "Github").replace("GitLab", "Gitlab");
    let apart: String =
        apart.chars().flat_map(|c| [c.is_uppercase().then_some(' '), Some(c)]).flatten().collect();
    let words = |text: &str| {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '-').map(str::to_lowercase);
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    let (whole, apart) = (words(&text), words(&apart));
    let mut found: Vec<_> = PRIVATE
        .into_iter()
        .filter(|(word, _)| {
            whole.iter().any(|other| other == word)
                || (apart.iter().any(|other| other == word) && text.contains(word))
        })
        .collect();
    if whole.windows(2).any(|pair| pair == ["a", "look"]) {
        found.push(("a look", "a poll, a read"));
    }
    found
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|entry| files(&entry)).collect()
}
