//! The rules of the code that no lint knows: which module imports which, where the one sleep is, how a file begins.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use syn::visit::{self, Visit};

/// What each part of the crate may use of the others. `docs/architecture.md` has the same table.
const MAY_IMPORT: [(&str, &[&str]); 14] = [
    ("core", &[]),
    ("env", &[]),
    ("encoding", &[]),
    ("secrets", &[]),
    ("sandbox", &[]),
    ("cli", &["platforms", "sandbox", "text"]),
    ("http", &["core", "encoding", "secrets"]),
    ("error", &["core"]),
    ("signals", &["error"]),
    ("text", &["core", "secrets"]),
    ("platforms", &["core", "http", "secrets"]),
    ("reporting", &["core", "encoding", "env", "error", "http", "secrets", "text"]),
    ("config", &["cli", "core", "encoding", "env", "error", "http", "platforms", "secrets", "text"]),
    (
        "commands",
        &[
            "cli",
            "config",
            "core",
            "env",
            "error",
            "http",
            "platforms",
            "reporting",
            "sandbox",
            "secrets",
            "signals",
            "text",
        ],
    ),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file below `src` but those of tests alone, with its part of the crate and its text.
fn sources() -> Vec<(PathBuf, String, String)> {
    let mut folders = vec![src()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                let inside = path.strip_prefix(src()).unwrap().to_owned();
                let part = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((inside, part, text));
            }
        }
    }
    assert!(found.len() > 30, "the sources were not found");
    found
}

/// Every path of a file's own code, without its tests and without visibilities.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.0.extend(leaves(&item.tree));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

/// The whole paths of a `use`.
fn leaves(tree: &syn::UseTree) -> Vec<Vec<String>> {
    match tree {
        syn::UseTree::Path(path) => {
            let before = |mut rest: Vec<String>| {
                rest.insert(0, path.ident.to_string());
                rest
            };
            leaves(&path.tree).into_iter().map(before).collect()
        }
        syn::UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
        syn::UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        syn::UseTree::Rename(name) => vec![vec![name.ident.to_string()]],
        syn::UseTree::Glob(_) => vec![Vec::new()],
    }
}

/// A file's module path: `http/tls.rs` is `["http", "tls"]`, `http/mod.rs` is `["http"]`.
fn module(file: &Path) -> Vec<String> {
    let names = file.with_extension("");
    names.iter().map(|name| name.to_string_lossy().into_owned()).filter(|name| name != "mod").collect()
}

/// The module of the crate that a path in `inside` names, if any.
fn named(path: &[String], inside: &[String], modules: &BTreeSet<Module>) -> Option<Vec<String>> {
    let above = path.iter().take_while(|name| *name == "super").count();
    let (from, rest) = match path.first()?.as_str() {
        "crate" => (&inside[..0], &path[1..]),
        "self" => (inside, &path[1..]),
        "super" => (&inside[..inside.len().saturating_sub(above)], &path[above..]),
        _ => (inside, path),
    };
    let whole = [from, rest].concat();
    (1..=whole.len()).rev().map(|length| whole[..length].to_vec()).find(|part| modules.contains(part))
}

/// The names of a module, from the top: `http::tls` is `["http", "tls"]`.
type Module = Vec<String>;

/// Each file's module and those it imports. The files are parsed once for all tests about them.
fn imports() -> &'static [(Module, BTreeSet<Module>)] {
    static IMPORTS: OnceLock<Vec<(Module, BTreeSet<Module>)>> = OnceLock::new();
    IMPORTS.get_or_init(|| {
        let is_part = |part: &str| part != "lib" && part != "main";
        let files: Vec<_> = sources().into_iter().filter(|(_, part, _)| is_part(part)).collect();
        let modules: BTreeSet<Module> = files.iter().map(|(path, ..)| module(path)).collect();
        let of_file = |(path, _, text): &(PathBuf, String, String)| {
            let (own, mut paths) = (module(path), Paths::default());
            paths.visit_file(&syn::parse_file(text).unwrap());
            let others = paths.0.iter().filter_map(|path| named(path, &own, &modules));
            let others = others.filter(|other| *other != own).collect();
            (own, others)
        };
        files.iter().map(of_file).collect()
    })
}

#[test]
fn imports_are_those_of_the_table() {
    for (own, others) in imports() {
        let (_, allowed) =
            MAY_IMPORT.iter().find(|(name, _)| *name == own[0]).unwrap_or_else(|| panic!("{own:?}: no rule"));
        for other in others.iter().filter(|other| other[0] != own[0]) {
            assert!(allowed.contains(&other[0].as_str()), "{} imports {}", own.join("::"), other.join("::"));
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut imports = imports().to_vec();
    assert!(imports.iter().any(|(_, others)| others.len() > 3), "the imports were not found");
    // What imports nothing that is left, or is imported by nothing that is left, is in no circle.
    let outside = |imports: &Vec<(Module, BTreeSet<Module>)>| {
        imports.iter().position(|(own, others)| {
            others.is_empty() || !imports.iter().any(|(_, others)| others.contains(own))
        })
    };
    while let Some(at) = outside(&imports) {
        let (done, _) = imports.remove(at);
        for (_, others) in &mut imports {
            others.remove(&done);
        }
    }
    assert!(imports.is_empty(), "in a circle: {imports:?}");
}

#[test]
fn every_rule_is_used() {
    for (part, allowed) in MAY_IMPORT {
        let own: Vec<_> = imports().iter().filter(|(own, _)| own[0] == part).collect();
        assert!(!own.is_empty(), "there is no {part}");
        for name in allowed {
            assert!(
                own.iter().any(|(_, others)| others.iter().any(|other| other[0] == *name)),
                "{part}: {name}"
            );
        }
    }
}

/// The names of a file's own types, without those of its tests.
#[derive(Default)]
struct Types(Vec<String>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.0.push(item.ident.to_string());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.0.push(item.ident.to_string());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.0.push(item.ident.to_string());
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.0.push(item.ident.to_string());
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }
}

#[test]
fn no_two_types_have_one_name() {
    let mut types = Types::default();
    for (_, _, text) in sources() {
        types.visit_file(&syn::parse_file(&text).unwrap());
    }
    let all: BTreeSet<&String> = types.0.iter().collect();
    assert!(all.len() > 100, "the types were not found");
    let is_twice = |name: &&String| types.0.iter().filter(|other| other == name).count() > 1;
    let twice: Vec<_> = all.into_iter().filter(is_twice).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn the_core_knows_no_sockets_files_or_environment() {
    for (path, _, text) in sources().into_iter().filter(|(_, part, _)| part == "core") {
        for outside in
            ["std::net", "std::fs", "std::env", "std::io", "tokio::net", "reqwest", "axum", "anstyle"]
        {
            assert!(!text.contains(outside), "{} knows {outside}", path.display());
        }
    }
}

/// Only `platforms/` knows the platforms, and `cli/` the sandbox's default.
#[test]
fn no_other_part_names_a_platform() {
    // These are common words too, so they count only in quotes.
    let is_word = |word: &str| ["render", "forge", "cloud", "pages", "workers"].contains(&word);
    let names = deploy_hook::platforms::all().iter().flat_map(|platform| platform.name().split('-'));
    let names = names.filter(|name| *name != "other").flat_map(|name| {
        if is_word(name) { vec![format!("\"{name}\""), format!("`{name}`")] } else { vec![name.to_owned()] }
    });
    let names: Vec<String> = names.collect();
    for (path, part, text) in sources() {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_lowercase();
        for name in names.iter().filter(|_| part != "platforms" && part != "cli") {
            assert!(!code.contains(name.as_str()), "{} names {name}", path.display());
        }
    }
}

#[test]
fn the_program_sleeps_in_one_place_and_between_two_writes_to_github() {
    let mut sleeping: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|(_, part, text)| part != "sandbox" && text.contains("time::sleep"))
        .map(|(path, _, _)| path)
        .collect();
    sleeping.sort();
    assert_eq!(sleeping, [Path::new("core/mod.rs"), Path::new("reporting/updater/rate_limiter.rs")]);
}

#[test]
fn a_file_says_first_what_it_is_for_and_is_not_too_long() {
    for (path, _, text) in sources() {
        assert!(text.starts_with("//! "), "{} does not say what it is for", path.display());
        let lines = text.lines().count();
        assert!(lines <= 350, "{} has {lines} lines: its tests may be a file of their own", path.display());
    }
}
