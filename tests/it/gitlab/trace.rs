//! A job's log as GitLab reads it: sections, colours, lines.
//!
//! Source: `build_trace_section_regex` in `lib/gitlab/regex.rb`, which finds a section's marker anywhere in a line; stricter
//! than it where a log would look broken.

use std::time::{SystemTime, UNIX_EPOCH};

/// The sequence that clears a line before a section's marker, and ends the marker.
const CLEAR: &str = "\u{1b}[0K";

/// A section that was opened and closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) collapsed: bool,
    pub(super) header: String,
    /// The lines in it, without colours.
    pub(super) lines: Vec<String>,
    began: u64,
}

/// A log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// All its lines, headers included, without colours and markers.
    pub(super) text: String,
    pub(super) coloured: bool,
    pub(super) sections: Vec<Section>,
}

impl Trace {
    /// The warnings, each once for each time it was printed.
    pub(super) fn warnings(&self) -> Vec<&str> {
        self.text.lines().filter(|line| line.starts_with("warning:")).collect()
    }

    /// The lines that hold this.
    pub(super) fn lines(&self, part: &str) -> Vec<&str> {
        self.text.lines().filter(|line| line.contains(part)).collect()
    }
}

/// A marker at the beginning of a text: whether it opens, its time, name and options, and what comes after it.
fn mark(text: &str) -> Option<(bool, u64, &str, &str, &str)> {
    let rest = text.strip_prefix("section_")?;
    let (opens, rest) = match rest.strip_prefix("start:") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix("end:")?),
    };
    let (time, rest) = rest.split_once(':')?;
    let end = rest.find('\r')?;
    let (name, after) = (&rest[..end], rest[end + 1..].strip_prefix(CLEAR)?);
    let (name, options) = name.find('[').map_or((name, ""), |at| name.split_at(at));
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let well_formed = !name.is_empty() && name.chars().all(plain);
    Some((opens, time.parse().ok()?, name, options, after)).filter(|_| well_formed)
}

/// The text without colours; every other escape sequence is an error.
fn without_colours(text: &str) -> Result<String, String> {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part
            .strip_prefix('[')
            .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
        let rest = rest.and_then(|rest| rest.strip_prefix('m'));
        plain += rest.ok_or_else(|| format!("an escape that is no colour: {text:?}"))?;
    }
    Ok(plain)
}

/// Reads a log, or says what is wrong with it.
pub(super) fn read(log: &str) -> Result<Trace, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let mut trace = Trace::default();
    let mut open: Vec<Section> = Vec::new();
    if !log.is_empty() && !log.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    for line in log.split_terminator('\n') {
        let mut rest = line;
        let mut header = false;
        while let Some((opens, time, name, options, after)) = rest.strip_prefix(CLEAR).and_then(mark) {
            if time.abs_diff(now) > 86_400 {
                return Err(format!("not the time: {line:?}"));
            }
            header = opens;
            if opens {
                let collapsed = options == "[collapsed=true]";
                if !collapsed && !options.is_empty() {
                    return Err(format!("no option GitLab knows: {line:?}"));
                }
                if open.iter().any(|section| section.name == name) {
                    return Err(format!("opened twice: {line:?}"));
                }
                open.push(Section { name: name.to_owned(), collapsed, began: time, ..Section::default() });
            } else {
                let section = open.pop().filter(|section| section.name == name && section.began <= time);
                trace.sections.push(section.ok_or_else(|| format!("not the one that is open: {line:?}"))?);
            }
            rest = after;
        }
        if rest.match_indices("section_").any(|(at, _)| mark(&rest[at..]).is_some()) {
            return Err(format!("a mark in the middle of a line, or behind one that is none: {line:?}"));
        }
        trace.coloured |= rest.contains('\u{1b}');
        let plain = without_colours(rest)?;
        if plain.contains('\r') {
            return Err(format!("a line that overwrites another: {line:?}"));
        }
        if plain.trim_start().starts_with("::") {
            return Err(format!("a workflow command, which nobody here swallows: {line:?}"));
        }
        let alone = rest.len() < line.len() && plain.is_empty(); // a marker and nothing else
        match open.last_mut().filter(|_| header) {
            Some(section) if plain.trim().is_empty() => return Err(format!("no header: {}", section.name)),
            Some(section) => section.header.clone_from(&plain),
            None if alone => {}
            None => open.iter_mut().for_each(|section| section.lines.push(plain.clone())),
        }
        if !alone {
            trace.text += &plain;
            trace.text.push('\n');
        }
    }
    if open.is_empty() { Ok(trace) } else { Err(format!("left open: {open:?}")) }
}

#[test]
fn the_reader_finds_sections_where_gitlab_does() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let start = |name: &str| format!("{CLEAR}section_start:{now}:{name}\r{CLEAR}");
    let end = |name: &str| format!("{CLEAR}section_end:{now}:{name}\r{CLEAR}");
    let log = format!(
        "a\n{}\u{1b}[1mOuter\u{1b}[0m\nb\n{}Inner\nc\n{}\n{}\nd\n",
        start("o"),
        start("i[collapsed=true]"),
        end("i"),
        end("o")
    );
    let read_log = read(&log).unwrap();
    assert_eq!((read_log.text.as_str(), read_log.coloured), ("a\nOuter\nb\nInner\nc\nd\n", true));
    let shown: Vec<_> =
        read_log.sections.iter().map(|s| (s.name.as_str(), s.header.as_str(), s.collapsed)).collect();
    assert_eq!(shown, [("i", "Inner", true), ("o", "Outer", false)]);
    assert_eq!(read_log.sections[1].lines, ["b", "c"]);
    let harmless = "| section_start:1700000000:forged[collapsed=true] Forged\nsection_end:1:a b\n\n";
    assert_eq!(read(harmless).unwrap().text, harmless);
    let bad = [
        format!("{}A\n", start("a")),
        format!("{}\n", end("a")),
        format!("{}A\n{}B\n{}\n{}\n", start("a"), start("b"), end("a"), end("b")),
        format!("{}\n{}\n", start("a"), end("a")),
        format!("x {}A\n{}\n", start("a"), end("a")),
        format!("section_start:{now}:a\r{CLEAR}A\n{}\n", end("a")),
        format!("{CLEAR}section_start:1700000000:a\r{CLEAR}A\n{}\n", end("a")),
        format!("{}A\n{}\n", start("a[open=true]"), end("a")),
        format!("{}A\n{}\n", start("a b"), end("a b")),
        "\u{1b}[2J\n".to_owned(),
        "10%\r20%\n".to_owned(),
        "  ::add-mask::x\n".to_owned(),
        "no end".to_owned(),
    ];
    for bad in bad {
        assert!(read(&bad).is_err(), "{bad:?}");
    }
}
