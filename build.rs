//! Tells the program the commit and the date that it was built from, for `--version`: what `SOURCE_COMMIT` and
//! `SOURCE_DATE_EPOCH` say, which the release and the images set; else what git says of this checkout, or cargo of a
//! published crate. Nothing is asked for the time of the build, so that a build can be reproduced.

#![expect(clippy::disallowed_methods, reason = "no part of the program")]

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_COMMIT");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    // Only this package's own repository: the folder may lie in another one.
    let is_repository = Path::new(".git").exists();
    if is_repository
        && let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}"); // grows with every commit and checkout
    }
    let of_git = |args| if is_repository { git(args) } else { None };
    let commit = variable("SOURCE_COMMIT").or_else(|| of_git(&["rev-parse", "HEAD"])).or_else(of_crate);
    if let Some(commit) = commit.as_deref().and_then(short) {
        println!("cargo::rustc-env=BUILD_COMMIT={commit}");
    }
    let seconds = variable("SOURCE_DATE_EPOCH").or_else(|| of_git(&["log", "-1", "--format=%ct"]));
    if let Some(seconds) = seconds.and_then(|seconds| seconds.parse().ok()) {
        println!("cargo::rustc-env=BUILD_DATE={}", date(seconds));
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The first line that git prints.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.lines().next()?.to_owned())
}

/// The commit that a published crate was packaged from.
fn of_crate() -> Option<String> {
    let info = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    info.split("\"sha1\"").nth(1)?.split('"').nth(1).map(str::to_owned)
}

/// As long as it is unambiguous for a long time.
fn short(commit: &str) -> Option<&str> {
    commit.get(..9).filter(|_| commit.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The day in UTC, as in `2026-11-26`, of a time in seconds since 1970: <https://howardhinnant.github.io/date_algorithms.html>.
fn date(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468; // since 1 March of the year 0
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153; // 0 is March
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
