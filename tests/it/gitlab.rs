//! The run in a GitLab job: the real binary against the embedded platform and a GitLab on loopback that checks every
//! request against GitLab's own description of its API; the report files, the log, and the image as a job's entrypoint.
#![cfg(test)]

mod cancel;
mod comments;
mod contract;
mod defaults;
mod elsewhere;
mod entrypoint;
mod fake_gitlab;
mod files;
mod hosts;
mod job;
mod life;
mod log;
mod secrecy;
mod time_limit;
mod tokens;
mod trace;
mod trouble;

use crate::common::{all, pause, platform, signal, start_sandbox};

/// The kinds of report at GitLab.
const ALL: &str = "status,deployment,comment";
