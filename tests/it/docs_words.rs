//! Sources and documents use standard terms: words of the first version's private vocabulary stay out.
#![cfg(test)]

use std::path::{Path, PathBuf};

/// Names that only this project used. Words that also have a normal use, such as `play`, are not listed.
const PRIVATE: [&str; 17] = [
    "aside", "clerk", "course", "desk", "dialect", "folds", "house", "hub", "keeper", "lab", "manner",
    "mend", "pen", "spoke", "standing", "told", "voice",
];

/// Where the words are searched.
const PLACES: [&str; 6] = ["src", "docs", "README.md", "CONTRIBUTING.md", "templates", "action.yml"];

#[test]
fn the_private_vocabulary_is_gone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for place in PLACES {
        for file in files(&root.join(place)) {
            let path = file.strip_prefix(root).unwrap();
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            // An element of HTML is called so.
            let text = text.replace("<aside>", "").replace("</aside>", "").replace("section, aside {", "");
            for (n, line) in text.lines().enumerate() {
                found.extend(private(line).map(|word| format!("{}:{}: {word}", path.display(), n + 1)));
            }
        }
    }
    assert!(found.is_empty(), "use a standard term:\n{}", found.join("\n"));
}

#[test]
fn whole_words_are_found_in_text_and_in_identifiers() {
    for line in ["the Clerk", "fn desk_of()", "takes a look.", "`hub`,", "a look at it"] {
        assert!(private(line).is_some(), "{line}");
    }
    for line in
        ["GitHub, github", "label", "open", "a look-up", "looks at the terminal", "documented", "desktop"]
    {
        assert_eq!(private(line), None, "{line}");
    }
}

/// The first private word of a line, or `a look`.
fn private(line: &str) -> Option<String> {
    let line = line.to_lowercase();
    let words: Vec<&str> =
        line.split(|c: char| !c.is_alphanumeric() && c != '-').filter(|word| !word.is_empty()).collect();
    let look = words.windows(2).any(|pair| pair == ["a", "look"]).then(|| "a look".to_owned());
    words.iter().find(|word| PRIVATE.contains(*word)).map(ToString::to_string).or(look)
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|entry| files(&entry)).collect()
}
