//! Where inputs are read: each from its sources in their order, and every problem collected.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::cli::Inputs;
use crate::encoding;
use crate::env::Env;
use crate::error::{Problem, Problems};
use crate::secrets::{Redactor, Token, could_be_secret, is_safe, strip, unwrap_pasted};
use crate::text::outputs;

/// A secret file larger than this is not one.
const LARGEST_SECRET: usize = 64 * 1024;

/// Shortest and longest `timeout` and `verify-timeout`.
pub(super) const TIMEOUT: (&str, &str) = ("1s", "24h");

/// Linux has no longer paths.
const LONGEST_PATH: usize = 4096;

/// How long a secret is waited for that comes from a FIFO or a device.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Outputs that have the name of an input.
const INPUTS_TOO: [&str; 2] = ["environment-url", "platform"];

/// A value and the name a user knows its source by.
pub(super) struct Found {
    pub(super) value: String,
    pub(super) input: String,
}

/// The sources of the inputs.
pub(super) struct Sources<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) env: &'a Env,
    problems: Vec<Problem>,
    /// What was read from standard input, which gives it once.
    from_stdin: Option<String>,
}

/// What a secret is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// One line.
    One,
    /// Several, each with a part of it.
    Several,
}

impl<'a> Sources<'a> {
    pub(super) fn new(inputs: &'a Inputs, env: &'a Env) -> Self {
        Self { inputs, env, problems: Vec::new(), from_stdin: None }
    }

    /// The result, where nothing was wrong.
    pub(super) fn finish<T>(self, result: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(result) } else { Err(Problems(self.problems)) }
    }

    /// The first source that has a value: option, `DEPLOY_HOOK_*`, `INPUT_*`, the customary names.
    pub(super) fn find(&self, name: &str, customary: &[&str]) -> Option<Found> {
        if let Some(value) = self.option(name) {
            return Some(Found { value, input: format!("--{name}") });
        }
        let upper = name.to_ascii_uppercase();
        let plain = upper.replace('-', "_");
        // GitHub's runner keeps the hyphen; others that follow its contract do not.
        let names = [format!("DEPLOY_HOOK_{plain}"), format!("INPUT_{upper}"), format!("INPUT_{plain}")];
        let names: Vec<&str> = names.iter().map(String::as_str).chain(customary.iter().copied()).collect();
        self.first_of(name, &names)
    }

    /// Whether the variable of this input may be the output of an earlier job of GitLab's: its dotenv report sets the
    /// others as well. Then it is no input of this run.
    pub(super) fn is_inherited(&self, name: &str) -> bool {
        let is_set = |output: &&str| {
            let variable = format!("DEPLOY_HOOK_{}", output.to_ascii_uppercase().replace('-', "_"));
            !INPUTS_TOO.contains(output) && self.env.get(&variable).is_some()
        };
        self.env.in_gitlab() && self.option(name).is_none() && outputs::NAMES.iter().any(is_set)
    }

    /// The first of these variables that has a value.
    pub(super) fn first_of(&self, name: &str, variables: &[&str]) -> Option<Found> {
        variables.iter().find_map(|variable| {
            let value = self.env.get(variable)?.to_owned();
            let of_action = variable.starts_with("INPUT_");
            let input = if of_action { name.to_owned() } else { format!("{name} ({variable})") };
            Some(Found { value, input })
        })
    }

    pub(super) fn option(&self, name: &str) -> Option<String> {
        self.inputs.get(name).filter(|value| !value.trim().is_empty()).map(str::to_owned)
    }

    pub(super) fn problem(&mut self, found: &Found, wrong: impl Into<String>, fix: impl Into<String>) {
        let (input, value) = (found.input.clone(), Some(shown(&found.value)));
        self.problems.push(Problem { input, value, wrong: wrong.into(), fix: fix.into() });
    }

    /// A problem with a path, which is shown whole.
    pub(super) fn path_problem(&mut self, found: &Found, wrong: impl Into<String>, fix: impl Into<String>) {
        let (input, value) = (found.input.clone(), Some(shown_path(&found.value)));
        self.problems.push(Problem { input, value, wrong: wrong.into(), fix: fix.into() });
    }

    /// A problem whose value is not shown.
    pub(super) fn secret_problem(&mut self, input: &str, wrong: &str, fix: &str) {
        let (wrong, fix) = (wrong.to_owned(), fix.to_owned());
        self.problems.push(Problem { input: input.to_owned(), value: None, wrong, fix });
    }

    /// Which of these words was chosen; the first is the default.
    pub(super) fn choice(&mut self, name: &str, words: &[&str]) -> usize {
        let Some(found) = self.find(name, &[]) else { return 0 };
        let given = found.value.trim().to_ascii_lowercase();
        let chosen = words.iter().position(|word| *word == given);
        if chosen.is_none() {
            self.problem(&found, "is not one of its values", allowed(&given, words));
        }
        chosen.unwrap_or(0)
    }

    /// Yes or no; `default` where no source has it.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        let Some(found) = self.find(name, &[]) else { return default };
        match found.value.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => true,
            "false" | "no" | "off" | "0" => false,
            _ => {
                self.problem(&found, "is neither yes nor no", "Allowed: true, false.");
                false
            }
        }
    }

    /// A duration in its range; `None` where it is unset, `auto` or wrong.
    pub(super) fn duration(&mut self, name: &str, range: (&str, &str), auto: bool) -> Option<Duration> {
        let found = self.find(name, &[])?;
        let text = found.value.trim();
        if auto && text.eq_ignore_ascii_case("auto") {
            return None;
        }
        let or = if auto { "auto, or " } else { "" };
        let allowed = format!("Allowed: {or}{} to {}, with a unit: 90s, 20m, 1h.", range.0, range.1);
        let bound = |text| humantime::parse_duration(text).unwrap_or_default();
        match humantime::parse_duration(text) {
            Ok(duration) if (bound(range.0)..=bound(range.1)).contains(&duration) => return Some(duration),
            Ok(_) => self.problem(&found, "is out of range", allowed),
            Err(_) if text.parse::<u64>().is_ok() => {
                self.problem(&found, "has no unit", format!("Did you mean {text}s? {allowed}"));
            }
            Err(_) => self.problem(&found, "is not a duration", allowed),
        }
        None
    }

    /// An id or a slug, which becomes a part of an address.
    pub(super) fn id(&mut self, name: &str, customary: &[&str]) -> Option<String> {
        let found = self.find(name, customary)?;
        let text = unwrap_pasted(&found.value);
        let of_id = |c: char| c.is_ascii_alphanumeric() || "-_.~:@+".contains(c);
        if text.chars().count() > 200 || !text.chars().all(of_id) || matches!(text, "." | "..") {
            let fix = "Allowed: one word of at most 200 letters, digits and - _ . ~ : @ +, as the platform's dashboard shows it.";
            self.problem(&found, "is not an id or a name that is part of an address", fix);
        }
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }

    /// One line of plain text.
    pub(super) fn label(&mut self, name: &str) -> Option<String> {
        let found = self.find(name, &[])?;
        let text = found.value.trim();
        if text.chars().count() > 200 || strip(text) != text {
            self.problem(&found, "is not a plain name", "Allowed: one line of at most 200 characters.");
        }
        Some(text.to_owned())
    }

    /// A web address; one that secrets are sent to must be safe.
    pub(super) fn url(&mut self, name: &str, secrets_go_there: bool) -> Option<Url> {
        let found = self.find(name, &[])?;
        let url = Url::parse(unwrap_pasted(&found.value)).ok().filter(Url::has_host);
        let Some(url) = url else {
            self.problem(&found, "is not a URL", "Give the whole of it, as in https://example.com/.");
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.secret_problem(&found.input, "holds a user name or password", "Take it out.");
        } else if !matches!(url.scheme(), "http" | "https") {
            self.problem(&found, "is not a web address", "Allowed: https://…, http://….");
        } else if secrets_go_there && !is_safe(&url) {
            let fix = "A token goes there. Plain http is for localhost and 127.0.0.1.";
            self.problem(&found, "is not https", fix);
        } else {
            return Some(url);
        }
        None
    }

    /// A token from `--x`, `--x-file`, `DEPLOY_HOOK_X`, `DEPLOY_HOOK_X_FILE`, `INPUT_X` or the customary names.
    pub(super) fn token(&mut self, name: &str, customary: &[&str]) -> Option<Token> {
        let variable = format!("DEPLOY_HOOK_{}", name.to_ascii_uppercase().replace('-', "_"));
        let found = match self.option(name) {
            Some(value) => Some(Found { value, input: format!("--{name}") }),
            None => self.secret(name, &variable, Lines::One).ok()?.or_else(|| self.find(name, customary)),
        };
        let found = found.filter(|found| !found.value.trim().is_empty())?;
        if is_file(&found.value) {
            self.secret_problem(&found.input, IS_FILE.0, IS_FILE.1);
            return None;
        }
        let token = Token::parse(&found.value);
        if token.is_none() {
            let fix = "Store it again: the token alone, on one line.";
            self.secret_problem(&found.input, "holds a space, *** or a character no token has", fix);
        }
        token
    }

    /// A secret from `--x-file`, `VARIABLE` or `VARIABLE_FILE`, in this order; `Err` where a file cannot be read. A
    /// file that was named and is empty is an answer: no other source is asked, as it may belong elsewhere.
    pub(super) fn secret(&mut self, name: &str, variable: &str, lines: Lines) -> Result<Option<Found>, ()> {
        let file_option = self.option(&format!("{name}-file")).map(|path| (path, format!("--{name}-file")));
        if file_option.is_none()
            && let Some(found) = self.first_of(name, &[variable])
        {
            return Ok(Some(found));
        }
        let file_variable = format!("{variable}_FILE");
        let from_env = || self.env.get(&file_variable).map(|path| (path.to_owned(), file_variable.clone()));
        let Some((path, input)) = file_option.or_else(from_env) else { return Ok(None) };
        let read = match (path.trim(), &self.from_stdin) {
            ("-", Some(other)) => Err(format!("is standard input, which {other} has read already")),
            (path, _) => read_secret(path, lines),
        };
        if path.trim() == "-" {
            self.from_stdin = Some(input.clone());
        }
        match read {
            Ok(value) => Ok(Some(Found { value, input })),
            Err(wrong) => {
                let fix = match lines {
                    Lines::One => "Give the path of a file that holds the secret alone, on one line.",
                    Lines::Several => "Give the path of a text file that holds the secret alone.",
                };
                self.path_problem(&Found { value: path, input }, wrong, fix);
                Err(())
            }
        }
    }
}

/// What is wrong with a secret that is a path, and the remedy: GitLab's variables of type File hold one.
pub(super) const IS_FILE: (&str, &str) = (
    "is the path of a file, not the secret itself",
    "Name a variable that holds a path with _FILE at its end: DEPLOY_HOOK_URL_FILE, DEPLOY_HOOK_API_TOKEN_FILE, DEPLOY_HOOK_GITLAB_TOKEN_FILE, DEPLOY_HOOK_HEADERS_FILE, DEPLOY_HOOK_VERIFY_HEADERS_FILE.",
);

/// Whether this is the path of a file that is there, which no secret is.
pub(super) fn is_file(value: &str) -> bool {
    let path = Path::new(value.trim());
    path.is_absolute() && path.is_file()
}

/// Reads the text that a file holds, or says what is wrong with it.
fn read_secret(path: &str, lines: Lines) -> Result<String, String> {
    if path.contains("://") {
        return Err("is a URL, not the path of a file".to_owned());
    }
    let bytes = read_bytes(Path::new(path)).map_err(|error| format!("cannot be read ({error})"))?;
    if bytes.len() > LARGEST_SECRET {
        return Err("is larger than 64 KiB".to_owned());
    }
    let text = encoding::text(&bytes).map_err(|fault| format!("is {fault}"))?;
    if lines == Lines::One && text.trim().lines().count() > 1 {
        return Err("holds more than one line".to_owned());
    }
    Ok(text)
}

fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // The shell's `<(command)` and standard input wait for as long as the command or the person at the keyboard takes.
    let waits = ["/dev/stdin", "/dev/fd", "/proc/self/fd"].iter().any(|stream| path.starts_with(stream));
    if path.as_os_str() == "-" {
        bytes_of(std::io::stdin().lock())
    } else if waits || path.metadata()?.is_file() {
        bytes_of(std::fs::File::open(path)?)
    } else {
        read_within(path.to_owned(), LONGEST_WAIT)
    }
}

/// Reads what is no regular file, such as a FIFO, which may never be written to.
fn read_within(path: PathBuf, limit: Duration) -> std::io::Result<Vec<u8>> {
    let (done, bytes) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(std::fs::File::open(path).and_then(bytes_of)));
    bytes.recv_timeout(limit).unwrap_or_else(|_| {
        let message =
            format!("it is not a regular file, and nothing came from it within {} s", limit.as_secs());
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, message))
    })
}

fn bytes_of(source: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(LARGEST_SECRET).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    source.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A path as it may be shown in a message: whole, however long. Where it may not be one, but a secret that was given in
/// a path's place, what could be secret is hidden.
pub(crate) fn shown_path(path: &str) -> String {
    let text = path.trim();
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    // One long word without anything that parts it is more like a token than a file's name.
    if text.contains("://") || text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let mixed = has(u8::is_ascii_digit) || has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        let token = !text.contains("://") && text.len() >= 16 && mixed;
        return if token { "***".to_owned() } else { shown(text) };
    }
    // A pasted URL may have lost its beginning: its folders are not here.
    let mut folders = Path::new(text).ancestors().filter(|folder| folder.parent().is_some());
    let whole = match text.split_once('/') {
        Some(("", rest)) => !rest.starts_with('/') && folders.any(Path::is_dir),
        Some(("." | ".." | "~", rest)) => rest.trim_start_matches("../").contains('/'),
        _ => false,
    };
    let shown = |part: &str| if !whole && could_be_secret(part) { "***".to_owned() } else { part.to_owned() };
    let parts: Vec<String> = text.split('/').map(shown).collect();
    Redactor::default().clean(&parts.join("/"), LONGEST_PATH)
}

/// An argument that was not understood, as it may be shown: a path is.
pub(crate) fn shown_argument(argument: &str) -> String {
    let is_path = argument.contains('/') && !argument.contains("://");
    if is_path { shown_path(argument) } else { "***".to_owned() }
}

/// A value as it may be shown in a message: one short plain line. A secret may have been put into the wrong input,
/// so of a URL only the host is shown, and nothing that is as long as a token.
pub(crate) fn shown(value: &str) -> String {
    let shown = |word: &str| match Url::parse(word) {
        Ok(url) if url.host_str().is_some_and(|host| host.len() <= 30) => {
            format!("{}://{}/***", url.scheme(), url.host_str().unwrap_or_default())
        }
        _ if word.len() > 20 => "***".to_owned(),
        _ => word.to_owned(),
    };
    let words: Vec<String> = value.split_whitespace().map(shown).collect();
    Redactor::default().clean(&words.join(" "), 60)
}

/// The allowed words, and the one that may have been meant.
pub(super) fn allowed(given: &str, words: &[&str]) -> String {
    let likeness = |word: &&&str| strsim::jaro(given, word);
    let nearest = words.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let meant = nearest.filter(|word| likeness(word) > 0.7).map(|word| format!("Did you mean {word}? "));
    format!("{}Allowed: {}.", meant.unwrap_or_default(), words.join(", "))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_and_what_may_be_a_secret_is_not() {
        for path in [
            "/usr/store/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2-cacert/etc/ca.crt",
            "/tmp/zXc9Qw12RtYuIoPa/0/group/project.tmp/HOOK",
            "./0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2/hook",
            "~/keys/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "hook.txt",
            "hookfile",
            "certificates",
        ] {
            assert_eq!(shown_path(path), path);
        }
        for secret in [
            "Zx9kkLONGSTRINGq7W",
            "0123456789abcdef",
            "zxkkLONGSTRINGqqW",
            "./Zx9kkLONGSTRINGq7Wm2Tt5R",
            "../0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "/v1/deploy-hook/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "//ci.example/hooks/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "ci.example/hooks/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
            "https://ci.example/0c1hz6jvyfwq3xk2s9p8m7n6b5v4c3d2",
        ] {
            let shown = shown_path(secret);
            let end = &secret[secret.len() - 8..];
            assert!(shown.contains("***") && !shown.contains(end), "{secret}: {shown}");
        }
    }

    #[test]
    fn a_secret_is_not_waited_for_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let [silent, spoken] = ["silent", "spoken"].map(|name| dir.path().join(name));
        for path in [&silent, &spoken] {
            assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
        }
        let nobody = read_within(silent, Duration::from_millis(50)).unwrap_err();
        assert!(nobody.to_string().contains("not a regular file"), "{nobody}");
        let other = spoken.clone();
        let somebody = std::thread::spawn(move || std::fs::write(other, "secret\n"));
        assert_eq!(read_within(spoken, LONGEST_WAIT).unwrap(), b"secret\n");
        somebody.join().unwrap().unwrap();
    }
}
