//! GitHub's runner, by its own rules: what it reads out of a log and out of a step's files.
//!
//! Sources: the runner's `ActionCommand.cs` and `FileCommandManager.cs`; stricter than these where a user would be
//! misled without the step failing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempfile::TempDir;

/// The files a step is given.
pub(crate) struct GitHub(TempDir);

impl GitHub {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for name in ["output", "summary"] {
            std::fs::write(dir.path().join(name), "").expect("an empty file");
        }
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The outputs as they are now.
    pub(crate) fn outputs(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.path("output")).expect("the file is there");
        outputs(&text).expect("the runner can read it")
    }
}

/// The outputs in a step's file; a line that is no assignment fails the step.
pub(crate) fn outputs(text: &str) -> Result<BTreeMap<String, String>, String> {
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    let mut found = BTreeMap::new();
    let mut lines = text.split_terminator('\n');
    while let Some(line) = lines.next() {
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        let (name, value) = match (equals, heredoc) {
            (equals, Some(at)) if equals.is_none_or(|equals| at < equals) => {
                let (name, delimiter) = (&line[..at], &line[at + 2..]);
                if delimiter.is_empty() {
                    return Err(format!("no delimiter: {line:?}"));
                }
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some(end) if end == delimiter => break,
                        Some(line) => value.push(line),
                        None => return Err(format!("the delimiter never came: {line:?}")),
                    }
                }
                (name, value.join("\n"))
            }
            (Some(at), _) => (&line[..at], line[at + 1..].to_owned()),
            _ if line.is_empty() => continue,
            _ => return Err(format!("no assignment: {line:?}")),
        };
        if name.is_empty() {
            return Err(format!("no name: {line:?}"));
        }
        found.insert(name.to_owned(), value);
    }
    Ok(found)
}

/// A log's lines as the runner splits them: at line feeds and at lone carriage returns.
pub(crate) fn lines(log: &str) -> Vec<String> {
    log.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::to_owned).collect()
}

/// Every command in a log, registered or not: its name and its data.
pub(crate) fn commands(log: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in lines(log) {
        let current = line.trim_start().strip_prefix("::").and_then(|rest| rest.split_once("::"));
        let older = line.split_once("##[").and_then(|(_, rest)| rest.split_once(']'));
        if let Some((head, data)) = current.or(older) {
            let name = head.split(' ').next().unwrap_or_default();
            let data = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
            found.push((name.to_owned(), data));
        }
    }
    found
}

/// The log without the `add-mask` commands.
pub(crate) fn without_masks(log: &str) -> String {
    let shown = lines(log).into_iter().filter(|line| !line.starts_with("::add-mask::"));
    shown.collect::<Vec<_>>().join("\n")
}

/// The masked texts.
pub(crate) fn masks(log: &str) -> Vec<String> {
    let masks = commands(log).into_iter().filter(|(name, _)| name == "add-mask");
    masks.map(|(_, data)| data).collect()
}

/// All workflow commands are the program's own: masks come first, then groups, warnings and errors.
pub(crate) fn assert_own_commands(log: &str) {
    let shown = without_masks(log);
    let first = shown.lines().next().unwrap_or_default();
    assert!(masks(&shown).is_empty(), "a mask that is not alone on its line\n{log}");
    let (masks, rest) = log.split_at(log.find(first).unwrap_or_default());
    assert_eq!(without_masks(masks).trim(), "", "something before the masks\n{log}");
    assert!(self::masks(rest).is_empty(), "a mask after something else was printed\n{log}");
    let (mut opened, mut closed) = (0, 0);
    for line in lines(rest) {
        assert!(!line.contains("##["), "an older command: {line:?}");
        if !line.trim_start().starts_with("::") {
            continue;
        }
        let titled = ["error", "warning", "notice"].map(|level| format!("::{level} title=Deploy hook::"));
        match line.as_str() {
            "::endgroup::" => closed += 1,
            group
                if group.starts_with("::group::The deployment's log (")
                    || group.starts_with("::group::The end of the deployment's log (") =>
            {
                opened += 1;
            }
            other => assert!(titled.iter().any(|own| other.starts_with(own)), "not ours: {other:?}\n{log}"),
        }
    }
    assert!(opened == closed && opened <= 1, "{opened} groups opened, {closed} closed\n{log}");
}

#[test]
fn the_reader_is_as_strict_as_the_runner() {
    let read = |text: &str| outputs(text).map(|found| found.into_iter().collect::<Vec<_>>());
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(read("a<<E\nx\ny=1\nE\nb=c<<d\n\n"), Ok(vec![pair("a", "x\ny=1"), pair("b", "c<<d")]));
    for bad in ["words\n", "<<E\nx\nE\n", "a<<\nx\n", "a<<E\nx\n", "=x\n", "a=1"] {
        assert!(read(bad).is_err(), "{bad:?}");
    }
    let log = "ok\rok ##[error]x\n  ::warning::y\nstd::env::var\n::x::%250A";
    let names: Vec<_> = commands(log);
    assert_eq!(names, [pair("error", "x"), pair("warning", "y"), pair("x", "%0A")]);
}
