//! Puts the contracts and the platforms' names into the program, and the commit and the date that it was built from, for
//! `--version`: what `SOURCE_COMMIT` and `SOURCE_DATE_EPOCH` say, which the release and the images set; else what git says
//! of this checkout, or cargo of a published crate. The time of the build is not used, so that a build can be reproduced.

#![expect(clippy::disallowed_methods, reason = "no part of the program")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};
use std::{env, fs, io};

use serde_json::Value;

/// The platforms that the sandbox imitates, the default first.
const PLATFORMS: [&str; 12] = [
    "fortrabbit",
    "render",
    "vercel",
    "netlify",
    "cloudflare-workers",
    "cloudflare-pages",
    "coolify",
    "dokploy",
    "forge",
    "laravel-cloud",
    "sevalla",
    "other",
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=contracts");
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
    if let Some(date) = seconds.and_then(|seconds| date(seconds.parse().ok()?)) {
        println!("cargo::rustc-env=BUILD_DATE={date}");
    }
    // `other` is the name of no platform, so a hook's secret may be that word.
    let of_platforms = PLATFORMS.iter().filter(|platform| **platform != "other");
    let words: Vec<&str> = of_platforms.flat_map(|platform| platform.split('-')).collect();
    println!("cargo::rustc-env=PLATFORM_WORDS={}", words.join(" "));
    let named = |platform| {
        contract(platform).map_err(|error| io::Error::other(format!("contracts/{platform}.json: {error}")))
    };
    let contracts: Vec<Value> = PLATFORMS.into_iter().map(named).collect::<io::Result<_>>()?;
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(folder.join("contracts.json"), serde_json::to_vec(&contracts)?)
}

/// A platform's contract, without what is for the tests alone.
fn contract(platform: &str) -> io::Result<Value> {
    let mut contract: Value = serde_json::from_slice(&fs::read(format!("contracts/{platform}.json"))?)?;
    for for_tests in ["sources", "examples", "exchanges"] {
        contract.as_object_mut().map(|fields| fields.remove(for_tests));
    }
    Ok(contract)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The first line that git prints.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.lines().next()?.to_owned())
}

/// The commit that a published crate was packaged from.
fn of_crate() -> Option<String> {
    let info = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    info.split("\"sha1\"").nth(1)?.split('"').nth(1).map(str::to_owned)
}

/// As long as it is unambiguous for a long time.
fn short(commit: &str) -> Option<&str> {
    commit.get(..9).filter(|_| commit.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The day in UTC, as in `2026-11-26`, of a time in seconds since 1970.
fn date(seconds: u32) -> Option<String> {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.into()))?;
    Some(humantime::format_rfc3339_seconds(time).to_string().get(..10)?.to_owned())
}
