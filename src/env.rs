//! One snapshot of the environment, taken once: everything that reads a variable reads it here.

use std::collections::BTreeMap;

/// The environment's variables. An empty or blank value means unset, as a runner's unset input arrives empty.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The process's own environment, now. Bytes that are not UTF-8 are replaced.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn snapshot() -> Self {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// A variable's value, or `None` where it is unset or blank. Nothing is trimmed off a value that has content.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// Whether a variable is `true`, in any case, or `1`.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// Whether this process runs under GitHub's runner, or one that follows its contract.
    pub fn in_github(&self) -> bool {
        self.is_true("GITHUB_ACTIONS")
    }

    /// Whether this is a job of GitLab's. A runner that follows GitHub's contract is GitHub's, whatever else it sets.
    pub fn in_gitlab(&self) -> bool {
        self.is_true("GITLAB_CI") && !self.in_github()
    }

    /// The base of the REST API of the code host whose CI this is.
    pub fn ci_api(&self) -> Option<&str> {
        match (self.in_github(), self.in_gitlab()) {
            (true, _) => self.get("GITHUB_API_URL"),
            (_, true) => self.get("CI_API_V4_URL"),
            _ => None,
        }
    }

    /// The names of all variables, blank ones included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        let mut env = Self::default();
        env.0.extend(variables); // collecting would sort first
        env
    }
}
