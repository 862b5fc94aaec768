//! Where inputs are read: each from its sources in their order, and every problem collected.

use std::collections::BTreeMap;

use url::Url;

use super::secret_file::{self, Lines, is_file};
use super::shown::{shown, shown_path};
use crate::cli::Inputs;
use crate::cli::values::Choices;
use crate::env::Env;
use crate::error::{Problem, Problems};
use crate::platforms::{self, Platform};
use crate::secrets::{
    Token, TokenFault, has_user, is_safe, is_sendable, is_too_long, is_web, strip, unwrap_pasted,
};
use crate::text::{outputs, problems};

/// Shortest and longest `timeout` and `verify-timeout`.
pub(super) const TIMEOUT_RANGE: (&str, &str) = ("1s", "24h");

/// Outputs that have the name of an input.
const INPUTS_TOO: [&str; 2] = ["environment-url", "platform"];

/// A value and the name a user knows its source by.
pub(super) struct InputValue {
    pub(super) value: String,
    pub(super) input: String,
    /// The path of the file that it was read from.
    pub(super) file: Option<String>,
}

impl InputValue {
    fn new(value: String, input: String) -> Self {
        Self { value, input, file: None }
    }
}

/// Where inputs come from, and the problems that were found with them.
pub(super) struct Sources<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) env: &'a Env,
    /// The variables of each input, in their order.
    variables: BTreeMap<String, Vec<&'a str>>,
    problems: Vec<Problem>,
    /// What was read from standard input, which gives it once.
    from_stdin: Option<String>,
    /// `if-missing: skip`: an empty secret is no problem.
    pub(super) may_be_missing: bool,
}

impl<'a> Sources<'a> {
    pub(super) fn new(inputs: &'a Inputs, env: &'a Env) -> Self {
        let mut variables: BTreeMap<_, Vec<_>> = BTreeMap::new();
        // `DEPLOY_HOOK_X_Y` comes before `INPUT_X-Y`, and that before `INPUT_X_Y`, in the alphabet as well.
        for name in env.names() {
            if let Some(input) = input_of(name) {
                variables.entry(input).or_default().push(name);
            }
        }
        Self { inputs, env, variables, problems: Vec::new(), from_stdin: None, may_be_missing: false }
    }

    /// The result, where nothing was wrong.
    pub(super) fn finish<T>(self, result: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(result) } else { Err(Problems(self.problems)) }
    }

    /// The first source that has a value: option, `DEPLOY_HOOK_*`, `INPUT_*`, the customary names.
    pub(super) fn find(&self, name: &str, customary: &[&str]) -> Option<InputValue> {
        if let Some(value) = self.option(name) {
            return Some(InputValue::new(value, format!("--{name}")));
        }
        let variables = self.variables.get(name).into_iter().flatten().chain(customary);
        self.first_of(name, variables.copied())
    }

    /// Whether the variable of this input may be the output of an earlier job of GitLab's: its dotenv report sets the
    /// others as well. Then it is no input of this run.
    pub(super) fn is_inherited(&self, name: &str) -> bool {
        let is_set =
            |output: &&str| !INPUTS_TOO.contains(output) && self.env.get(&variable_of(output)).is_some();
        self.env.in_gitlab() && self.option(name).is_none() && outputs::NAMES.iter().any(is_set)
    }

    /// The first of these variables that has a value.
    pub(super) fn first_of<'b>(
        &self,
        name: &str,
        mut variables: impl Iterator<Item = &'b str>,
    ) -> Option<InputValue> {
        variables.find_map(|variable| {
            let value = self.env.get(variable)?.to_owned();
            let of_action = variable.starts_with("INPUT_");
            let input = if of_action { name.to_owned() } else { format!("{name} ({variable})") };
            Some(InputValue::new(value, input))
        })
    }

    pub(super) fn option(&self, name: &str) -> Option<String> {
        self.inputs.get(name).filter(|value| !value.trim().is_empty()).map(str::to_owned)
    }

    pub(super) fn problem(&mut self, found: &InputValue, advice: (impl Into<String>, impl Into<String>)) {
        self.problems.push(Problem::new(&found.input, advice).with_value(shown(&found.value)));
    }

    /// A problem with a path, which is shown whole.
    pub(super) fn path_problem(
        &mut self,
        found: &InputValue,
        advice: (impl Into<String>, impl Into<String>),
    ) {
        self.problems.push(Problem::new(&found.input, advice).with_value(shown_path(&found.value)));
    }

    /// A problem whose value is not shown.
    pub(super) fn secret_problem(&mut self, input: &str, advice: (impl Into<String>, impl Into<String>)) {
        self.problems.push(Problem::new(input, advice));
    }

    /// Which of these words was chosen; the first is the default.
    pub(super) fn choice(&mut self, name: &str, choices: &Choices) -> &'static str {
        let words: Vec<&'static str> = choices.iter().map(|(word, _)| *word).collect();
        let Some(found) = self.find(name, &[]) else { return words[0] };
        let given = found.value.trim().to_ascii_lowercase();
        if let Some(chosen) = words.iter().find(|word| **word == given) {
            return chosen;
        }
        self.problem(&found, (problems::NOT_A_CHOICE, problems::choice(name, &given, &words)));
        words[0]
    }

    /// Yes or no; `default` where no source has it.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        let Some(found) = self.find(name, &[]) else { return default };
        match found.value.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => true,
            "false" | "no" | "off" | "0" => false,
            _ => {
                self.problem(&found, problems::NOT_A_FLAG);
                false
            }
        }
    }

    /// An id or a slug, which becomes a part of an address.
    pub(super) fn id(&mut self, name: &str, customary: &[&str]) -> Option<String> {
        let found = self.find(name, customary)?;
        let text = unwrap_pasted(&found.value);
        let of_id = |c: char| c.is_ascii_alphanumeric() || "-_.~:@+".contains(c);
        if text.chars().count() > 200 || !text.chars().all(of_id) || matches!(text, "." | "..") {
            self.problem(&found, problems::NOT_AN_ID);
        }
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }

    /// One line of plain text.
    pub(super) fn label(&mut self, name: &str) -> Option<String> {
        let found = self.find(name, &[])?;
        let text = found.value.trim();
        if text.chars().count() > 200 || strip(text) != text {
            self.problem(&found, problems::NOT_A_LABEL);
        }
        Some(text.to_owned())
    }

    /// A web address; that of an API is a base, and a token is sent there.
    pub(super) fn url(&mut self, name: &str, of_api: bool) -> Option<Url> {
        let found = self.find(name, &[])?;
        let url = Url::parse(unwrap_pasted(&found.value)).ok();
        let Some(url) = url.filter(|url| url.has_host() && is_sendable(url)) else {
            self.problem(&found, problems::NOT_A_URL);
            return None;
        };
        if is_too_long(&url) {
            self.problem(&found, problems::TOO_LONG);
        } else if has_user(&url) {
            self.secret_problem(&found.input, problems::HAS_A_USER);
        } else if !is_web(&url) {
            self.problem(&found, problems::NOT_A_WEB_ADDRESS);
        } else if of_api && !is_safe(&url) {
            self.problem(&found, problems::NOT_ENCRYPTED);
        } else if of_api && !is_base(&url) {
            self.problem(&found, problems::NOT_A_BASE);
        } else {
            return Some(url);
        }
        None
    }

    /// A token of `owner` from `--x`, `--x-file`, `DEPLOY_HOOK_X`, `DEPLOY_HOOK_X_FILE`, `INPUT_X` or the customary names.
    pub(super) fn token(&mut self, name: &str, customary: &[&str], owner: TokenOwner) -> Option<Token> {
        let others = |sources: &mut Self| Ok(sources.find(name, customary));
        let found = self.secret(name, &variable_of(name), Lines::One, others).ok()??;
        if let Some(fault) = TokenFault::of(&found.value) {
            self.secret_problem(&found.input, problems::token(fault));
        } else if let Some((other, wanted)) = owner.other(unwrap_pasted(&found.value)) {
            self.secret_problem(&found.input, problems::token_of_another(other, wanted));
        }
        Token::parse(&found.value)
    }

    /// A secret from `--x`, `--x-file`, `VARIABLE`, `VARIABLE_FILE` or `others`, in this order; `Err` where there is a problem
    /// with it, which is reported already.
    pub(super) fn secret(
        &mut self,
        name: &str,
        variable: &str,
        lines: Lines,
        others: impl FnOnce(&mut Self) -> Result<Option<InputValue>, ()>,
    ) -> Result<Option<InputValue>, ()> {
        let found = match self.own_secret(name, variable, lines)? {
            None => others(self)?,
            found => found,
        };
        let Some(found) = found else { return Ok(None) };
        let is_empty = match lines {
            Lines::One => unwrap_pasted(&found.value).is_empty(),
            Lines::Several => found.value.trim().is_empty(),
        };
        if is_empty {
            return if self.empty_file(&found, lines) { Err(()) } else { Ok(None) };
        }
        if is_file(&found.value) {
            self.secret_problem(&found.input, problems::IS_FILE);
            return Err(());
        }
        Ok(Some(found))
    }

    /// Reports a secret's file that was named and is empty. Whether there is such a problem.
    fn empty_file(&mut self, found: &InputValue, lines: Lines) -> bool {
        let Some(path) = found.file.clone().filter(|_| !self.may_be_missing) else { return false };
        let wrong = problems::empty_file(&path);
        self.path_problem(&InputValue::new(path, found.input.clone()), (wrong, give_file(lines)));
        true
    }

    /// A secret from `--x`, `--x-file`, `VARIABLE` or `VARIABLE_FILE`, in this order; `Err` where a file cannot be read. A
    /// file that was named and is empty is an answer: no other source is asked, as it may belong elsewhere.
    fn own_secret(&mut self, name: &str, variable: &str, lines: Lines) -> Result<Option<InputValue>, ()> {
        if let Some(value) = self.option(name) {
            return Ok(Some(InputValue::new(value, format!("--{name}"))));
        }
        let file_option = self.option(&format!("{name}-file")).map(|path| (path, format!("--{name}-file")));
        if file_option.is_none()
            && let Some(found) = self.first_of(name, [variable].into_iter())
        {
            return Ok(Some(found));
        }
        let file_variable = format!("{variable}_FILE");
        let from_env = || self.env.get(&file_variable).map(|path| (path.to_owned(), file_variable.clone()));
        let Some((path, input)) = file_option.or_else(from_env) else { return Ok(None) };
        let read = match (path.trim(), &self.from_stdin) {
            ("-", Some(other)) => Err(problems::stdin_twice(other)),
            (path, _) => secret_file::read(path, lines),
        };
        if path.trim() == "-" {
            self.from_stdin = Some(input.clone());
        }
        match read {
            Ok(value) => Ok(Some(InputValue { value, input, file: Some(path) })),
            Err(wrong) => {
                let fix = match lines {
                    _ if wrong == problems::URL_AS_PATH => problems::file_or_variable(variable),
                    lines => give_file(lines).to_owned(),
                };
                self.path_problem(&InputValue::new(path, input), (wrong, fix));
                Err(())
            }
        }
    }
}

/// Which file to give for a secret of so many lines.
const fn give_file(lines: Lines) -> &'static str {
    match lines {
        Lines::One => problems::GIVE_SECRET_FILE,
        Lines::Several => problems::GIVE_SECRET_LINES,
    }
}

/// Whether it is an origin with a base path at most, which does not end in an API's version, such as `v1`.
fn is_base(url: &Url) -> bool {
    let last = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let version = last.strip_prefix('v').filter(|number| !number.is_empty());
    let has_version = version.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    url.query().is_none() && url.fragment().is_none() && !has_version
}

/// The program's own variable of an input or an output: `DEPLOY_HOOK_VERIFY_URL` of `verify-url`.
pub(super) fn variable_of(name: &str) -> String {
    format!("DEPLOY_HOOK_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// The input that a variable is read for: `verify-url` of `DEPLOY_HOOK_VERIFY_URL`, and of `INPUT_VERIFY-URL`, as GitHub's
/// runner spells it, and `INPUT_VERIFY_URL`, as others do that follow its contract.
fn input_of(variable: &str) -> Option<String> {
    let (name, may_have_hyphens) = match variable.strip_prefix("DEPLOY_HOOK_") {
        Some(name) => (name, false),
        None => (variable.strip_prefix("INPUT_")?, true),
    };
    let is_spelt = !name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !(name.contains('-') && (!may_have_hyphens || name.contains('_')));
    is_spelt.then(|| name.to_ascii_lowercase().replace('_', "-"))
}

/// Whose token an input holds.
#[derive(Clone, Copy)]
pub(super) enum TokenOwner {
    Platform(&'static dyn Platform),
    GitHub,
    GitLab,
}

impl TokenOwner {
    /// Who gave out this token, and who should have, where the token says that these are two.
    fn other(self, token: &str) -> Option<(&'static str, &'static str)> {
        let wanted = match self {
            Self::Platform(platform) if platforms::may_be_token_of(platform, token) => return None,
            Self::Platform(platform) => platform.name(),
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
        };
        let owner = of_code_host(token).or_else(|| platforms::with_token(token).map(Platform::name))?;
        (owner != wanted).then_some((owner, wanted))
    }
}

/// The code host that a token belongs to, by the beginning that its documents name.
pub(super) fn of_code_host(token: &str) -> Option<&'static str> {
    const TOKENS: [(&str, &[&str]); 2] = [
        ("GitHub", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"]),
        ("GitLab", &["glpat-", "gldt-", "glcbt-", "glptt-", "glrt-", "gloas-"]),
    ];
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| token.starts_with(prefix));
    TOKENS.iter().find(|(_, prefixes)| begins(prefixes)).map(|(owner, _)| *owner)
}
