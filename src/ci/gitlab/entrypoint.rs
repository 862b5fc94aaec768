//! The scratch image as a GitLab job's image: the Docker executor starts the image's own ENTRYPOINT, puts a shell call
//! behind it as arguments and the job's script on its standard input, and starts it once more for `after_script`.
//!
//! Source: gitlab-runner's `executors/docker`. There is no shell in the image; the arguments only tell where we are.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::env::Env;

/// The arguments without the runner's shell call, where there is one.
#[must_use]
pub fn without_script<'a>(args: &'a [OsString], env: &Env) -> Option<&'a [OsString]> {
    let [own @ .., shell, flag, _] = args else { return None };
    let is_call = ["sh", "bash", "pwsh"].iter().any(|name| shell == *name) && flag == "-c";
    (env.in_gitlab() && is_call && !own.is_empty()).then_some(own)
}

/// Makes the job's folder the present one, as it is for a script, and takes the script off the runner's hands: it waits
/// until somebody has read it.
pub fn settle(env: &Env) {
    if let Some(dir) = env.get("CI_PROJECT_DIR") {
        let _ = std::env::set_current_dir(dir); // the files that cannot be found say so themselves
    }
    std::thread::spawn(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
}

/// Whether this is the job's first start of the image, by a mark that it leaves: the job's folder outlives a container
/// that is made anew, a container's own files one that is started again. `Err` where none can be left.
pub fn is_first(env: &Env) -> Result<bool, std::io::Error> {
    if env.get("CI_JOB_STATUS").is_some_and(|status| status != "running") {
        return Ok(false); // the runner has seen the script's end; a container that is started again does not say so
    }
    let number = env.get("CI_JOB_ID").filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric()));
    let number = number.ok_or_else(|| std::io::Error::new(ErrorKind::NotFound, "CI_JOB_ID is not set"))?;
    let name = format!(".deploy-hook-job-{number}");
    let folders = [env.get("CI_PROJECT_DIR").map(PathBuf::from), Some(PathBuf::from("/"))];
    let mut last = Err(std::io::Error::from(ErrorKind::NotFound));
    for folder in folders.into_iter().flatten() {
        last = leave(&folder.join(&name));
        if let Ok(false) = last {
            return last;
        }
        if last.is_ok() {
            break;
        }
    }
    last
}

/// Leaves the mark; whether it was not there before.
fn leave(mark: &Path) -> Result<bool, std::io::Error> {
    match OpenOptions::new().write(true).create_new(true).open(mark) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_runners_shell_call_is_taken_off_and_nothing_else_is() {
        let gitlab: Env = [("GITLAB_CI".to_owned(), "true".to_owned())].into_iter().collect();
        let call = ["/deploy-hook", "sh", "-c", "if [ -x /usr/local/bin/bash ]; then …"];
        assert_eq!(without_script(&args(&call), &gitlab), Some(&args(&call[..1])[..]));
        let status = ["/deploy-hook", "status", "sh", "-c", "if …"];
        assert_eq!(without_script(&args(&status), &gitlab), Some(&args(&status[..2])[..]));
        for other in [&["deploy-hook", "deploy"][..], &["sh", "-c", "x"], &["deploy-hook", "sh", "-c"]] {
            assert_eq!(without_script(&args(other), &gitlab), None, "{other:?}");
        }
        assert_eq!(without_script(&args(&call), &Env::default()), None);
    }
}
