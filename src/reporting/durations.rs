//! The state file: how long the last deployments of each hook took, for the command line and cron.
//!
//! `$XDG_STATE_HOME/deploy-hook/durations`, else `~/.local/state/deploy-hook/durations`. A line for each hook: 64 bits of a
//! hash of its URL, from which the URL cannot be found, and milliseconds, the newest first. Nothing of this can fail a
//! run: what cannot be read is not there, and what cannot be written is not kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::digest::{SHA256, digest};

use super::regular_file::{self, OWNER};
use crate::core::history::History;
use crate::env::Env;
use crate::secrets::HookUrl;

/// How many durations of a hook are kept.
const DURATIONS: usize = 10;

/// How many hooks are kept: the last ones that were deployed.
const HOOKS: usize = 100;

/// A larger file is not ours.
const LARGEST: u64 = 64 * 1024;

/// Variables that are set in CI, where a state file would not be there the next time.
const CI: [&str; 6] = ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD"];

/// The durations of one hook's last deployments, in the state file.
#[derive(Clone, Debug)]
pub(crate) struct Durations {
    path: PathBuf,
    key: String,
}

impl Durations {
    /// Those of this hook; none in CI, or where the environment names no folder for them.
    pub(crate) fn of(hook: &HookUrl, env: &Env) -> Option<Self> {
        let is_ci = |name: &str| env.get(name).is_some_and(|value| !value.eq_ignore_ascii_case("false"));
        if CI.iter().any(|name| is_ci(name)) {
            return None;
        }
        let absolute = |name| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
        let hash = digest(&SHA256, format!("deploy-hook durations {}", hook.expose()).as_bytes());
        let key = u64::from_be_bytes(*hash.as_ref().first_chunk()?);
        Some(Self { path: state.join("deploy-hook/durations"), key: format!("{key:016x}") })
    }

    /// How long the last deployments took.
    pub(crate) fn read(&self) -> History {
        let lines = self.lines();
        let own = lines.iter().find_map(|(key, took)| (*key == self.key).then_some(took));
        History::new(own.into_iter().flatten().map(|millis| Duration::from_millis(*millis)))
    }

    /// Adds the newest deployment. Of two runs that end in the same moment, the last one counts.
    pub(crate) fn add(&self, took: Duration) {
        let mut lines = self.lines();
        let own = lines.iter().position(|(key, _)| *key == self.key).map(|at| lines.remove(at));
        let mut all = own.map(|(_, all)| all).unwrap_or_default();
        all.insert(0, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        lines.insert(0, (self.key.clone(), all));
        let line = |(key, all): &(String, Vec<u64>)| {
            all.iter().take(DURATIONS).fold(key.clone(), |line, millis| format!("{line} {millis}")) + "\n"
        };
        let text: String = lines.iter().take(HOOKS).map(line).collect();
        // It is a convenience: a home that cannot be written to is no reason to say anything.
        let _ = self.path.parent().map_or(Ok(()), make_folder);
        let _ = regular_file::replace(&self.path, &text, OWNER);
    }

    /// Each hook's key and milliseconds. Lines that are none of ours are left out.
    fn lines(&self) -> Vec<(String, Vec<u64>)> {
        let bytes = regular_file::read(&self.path, LARGEST).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let read = |line: &str| {
            let mut words = line.split(' ');
            let key = words.next().filter(|key| {
                key.len() == 16
                    && key.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            })?;
            Some((key.to_owned(), words.map_while(|word| word.parse().ok()).take(DURATIONS).collect()))
        };
        text.lines().take(HOOKS).filter_map(read).collect()
    }
}

#[cfg(unix)]
fn make_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const HOOK: &str = "https://api.fortrabbit.com/v1/deploy-hook/LONGSTRING";

    fn of(hook: &str, home: &Path, more: &[(&str, &str)]) -> Option<Durations> {
        let home = [("XDG_STATE_HOME", home.to_str().unwrap())];
        let variables =
            home.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Durations::of(&HookUrl::parse(hook).unwrap(), &variables.collect())
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_was_added_is_read_again_and_nothing_shows_the_hook() {
        let home = tempfile::tempdir().unwrap();
        let ours = of(HOOK, home.path(), &[]).unwrap();
        assert!(ours.read().is_empty());
        for took in 1..=12 {
            ours.add(seconds(took));
        }
        let other = of("https://api.fortrabbit.com/v1/deploy-hook/OTHERSTRING", home.path(), &[]).unwrap();
        other.add(seconds(99));
        assert_eq!(ours.read(), History::new((3..=12).rev().map(seconds)), "the last ten");
        assert_eq!(other.read(), History::new([seconds(99)]));
        let file = home.path().join("deploy-hook/durations");
        let text = std::fs::read_to_string(&file).unwrap();
        for part in ["LONG", "STRING", "fortrabbit", "http", "deploy"] {
            assert!(!text.contains(part), "{text}");
        }
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn the_file_is_bounded_and_keeps_the_hooks_that_were_deployed_last() {
        let home = tempfile::tempdir().unwrap();
        let hook = |n: u32| of(&format!("{HOOK}{n}"), home.path(), &[]).unwrap();
        for n in 0..150 {
            hook(n).add(Duration::MAX);
        }
        let text = std::fs::read_to_string(home.path().join("deploy-hook/durations")).unwrap();
        assert_eq!(text.lines().count(), 100);
        let lines = |n| hook(n).lines().iter().any(|(key, _)| *key == hook(n).key);
        assert!(lines(149) && lines(50) && !lines(49));
    }

    #[test]
    fn whatever_is_in_its_place_a_run_goes_on() {
        let home = tempfile::tempdir().unwrap();
        let ours = of(HOOK, home.path(), &[]).unwrap();
        let (folder, file) = (home.path().join("deploy-hook"), home.path().join("deploy-hook/durations"));
        std::fs::create_dir(&folder).unwrap();
        let key = &ours.key;
        let huge = format!("{key} {}", "1000 ".repeat(20_000));
        for (text, read) in [
            (String::new(), 0),
            ("\0\u{fffd}\n\n  \n".to_owned(), 0),
            (format!("{key}\n"), 0),
            (format!("{key} 5000"), 1),
            (format!("{key} 5000 -1 7000\n"), 1),
            (format!("x\n{key} 5000 7000 99999999999999999999999999\r\n"), 2),
            (format!("{key} 0 1 18446744073709551615 5000\n"), 1),
            (format!("{key} 1000 2000\n{key} 3000\n"), 2),
            (huge, 0),
        ] {
            std::fs::write(&file, &text).unwrap();
            assert_eq!(ours.read().len(), read, "{:?}", text.get(..80));
            ours.add(seconds(9));
            assert_eq!(ours.read().len(), read + 1, "{:?}", text.get(..80));
        }
        std::fs::write(&file, [0xff, 0xfe, 0]).unwrap();
        assert!(ours.read().is_empty());
        // A link is replaced, and what it led to is left alone.
        let theirs = home.path().join("theirs");
        std::fs::write(&theirs, "theirs\n").unwrap();
        std::fs::remove_file(&file).unwrap();
        symlink(&theirs, &file).unwrap();
        ours.add(seconds(9));
        assert_eq!((ours.read().len(), std::fs::read_to_string(&theirs).unwrap().as_str()), (1, "theirs\n"));
        // A folder or a FIFO stays.
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        ours.add(seconds(9));
        assert!(ours.read().is_empty() && file.is_dir());
        std::fs::remove_dir(&file).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        ours.add(seconds(9));
        assert!(ours.read().is_empty());
        std::fs::remove_file(&file).unwrap();
        std::fs::remove_dir(&folder).unwrap();
        std::fs::write(&folder, "a file in the folder's place").unwrap();
        ours.add(seconds(9));
        assert!(ours.read().is_empty());
    }

    #[test]
    fn runs_that_end_at_the_same_time_leave_a_whole_file() {
        let home = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for n in 0..8 {
                let ours = of(&format!("{HOOK}{n}"), home.path(), &[]).unwrap();
                scope.spawn(move || {
                    for _ in 0..20 {
                        ours.add(seconds(5));
                        let read = ours.read();
                        assert!(read.is_empty() || read.usual() == Some(seconds(5)));
                    }
                });
            }
        });
        assert_eq!(std::fs::read_dir(home.path().join("deploy-hook")).unwrap().count(), 1);
    }

    #[test]
    fn there_is_none_in_ci_and_none_without_a_folder_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        for variable in CI {
            assert!(of(HOOK, home.path(), &[(variable, "true")]).is_none(), "{variable}");
        }
        assert!(of(HOOK, home.path(), &[("CI", "false")]).is_some());
        let path = |variables: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            Durations::of(&HookUrl::parse(HOOK).unwrap(), &variables.iter().map(owned).collect())
                .map(|found| found.path)
        };
        let in_home = Some(PathBuf::from("/h/.local/state/deploy-hook/durations"));
        assert_eq!(path(&[("HOME", "/h")]), in_home);
        assert_eq!(path(&[("HOME", "/h"), ("XDG_STATE_HOME", "relative")]), in_home);
        assert_eq!(path(&[("HOME", "x")]), None);
        assert_eq!(path(&[]), None);
    }
}
