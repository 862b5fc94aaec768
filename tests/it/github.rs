//! The run's reports at GitHub: the real binary against the embedded platform and a GitHub on loopback that checks every
//! request against GitHub's own description of its API.
#![cfg(test)]

mod cancel;
mod comments;
mod commits;
mod contract;
mod earlier;
mod fake_github;
mod forgejo;
mod hosts;
mod last;
mod life;
mod limits;
mod octocrab;
mod post;
mod reach;
mod refusals;
mod runner;
mod trouble;

use crate::common::{all, pause, platform, signal};

/// The kinds of report that GitHub stores, as `report` names them.
const KINDS: [&str; 4] = ["status", "check", "deployment", "comment"];

/// All four.
const ALL: &str = "status,check,deployment,comment";
