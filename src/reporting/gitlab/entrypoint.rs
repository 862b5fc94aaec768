//! The scratch image as a GitLab job's image: the Docker executor starts the image's own ENTRYPOINT, puts a shell call
//! behind it as arguments and the job's script on its standard input, and starts it once more for `after_script`.
//!
//! Source: gitlab-runner's `executors/docker`. There is no shell in the image; the arguments only show where it was started.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::reporting::regular_file::{self, EVERYBODY};

/// The arguments without the runner's shell call, where there is one.
pub(crate) fn without_script<'a>(args: &'a [OsString], env: &Env) -> Option<&'a [OsString]> {
    let [own @ .., shell, flag, _] = args else { return None };
    (env.in_gitlab() && shell == "sh" && flag == "-c" && !own.is_empty()).then_some(own)
}

/// Changes to the job's folder, as a script would, and reads and discards the script: the runner waits until it has
/// been read.
pub(crate) fn prepare_job(env: &Env) {
    if let Some(dir) = env.get("CI_PROJECT_DIR") {
        let _ = std::env::set_current_dir(dir); // the files that cannot be found say so themselves
    }
    std::thread::spawn(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
}

/// Which start of the image in its job this is.
pub(crate) enum JobStart {
    /// The first: it deploys, and its exit code is written to the mark.
    First(StartMark),
    /// Another one, after the first ended with this code; without one it did not come to its end.
    Again(Option<u8>),
    /// One after the script, as the runner itself says.
    After,
}

/// What the first start of a job leaves for the next.
pub(crate) struct StartMark(PathBuf);

impl StartMark {
    /// Remembers how the first start ended.
    pub(crate) fn ended(&self, code: u8) {
        let _ = regular_file::replace(&self.0, &code.to_string(), EVERYBODY);
    }
}

/// Finds out which start this is, by a mark: the job's folder outlives a container that is made anew, a container's own
/// files one that is started again. `Err` where none can be left.
pub(crate) fn start(env: &Env) -> Result<JobStart, std::io::Error> {
    // A container that is started again has the variables of its first start, so `running` says nothing.
    if env.get("CI_JOB_STATUS").is_some_and(|status| status != "running") {
        return Ok(JobStart::After);
    }
    let number = env.get("CI_JOB_ID").filter(|id| id.chars().all(|c| c.is_ascii_alphanumeric()));
    let number = number.ok_or_else(|| std::io::Error::new(ErrorKind::NotFound, "CI_JOB_ID is not set"))?;
    let name = format!(".deploy-hook-job-{number}");
    let in_project = env.get("CI_PROJECT_DIR").map(|dir| mark(Path::new(dir).join(&name)));
    match in_project {
        Some(Ok(start)) => Ok(start),
        _ => mark(Path::new("/").join(name)),
    }
}

/// Leaves the mark, or finds it.
fn mark(path: PathBuf) -> Result<JobStart, std::io::Error> {
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(_) => Ok(JobStart::First(StartMark(path))),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = regular_file::read(&path, 16).unwrap_or_default();
            Ok(JobStart::Again(String::from_utf8_lossy(&text).trim().parse().ok()))
        }
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
