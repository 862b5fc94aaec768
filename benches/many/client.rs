//! The process that is measured: it follows them all on one thread, and prints what that took.

use std::fs;
use std::future::pending;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use deploy_hook::core::report::{Report, Task};
use deploy_hook::core::state::Outcome;
use deploy_hook::core::{self, Plan};
use deploy_hook::http::{Http, Network};
use deploy_hook::platforms::{self, Client, PlatformAccess};
use deploy_hook::secrets::{HookUrl, Redactor, Token};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use url::Url;

use crate::plan::{Silent, plan};

/// Deployments at once.
pub(super) const FOLLOWS: u32 = 1000;

/// Polls of each.
pub(super) const POLLS: u32 = 30;

/// So many times as fast is the platform: 18 polls a minute and token become 1,080 a second.
const SPEED: f64 = 3600.0;

/// Between the starts of two follows.
const BETWEEN_STARTS: Duration = Duration::from_millis(10);

/// Follows them all at this platform.
pub(super) fn main(url: &str, authority: Option<&str>) -> anyhow::Result<()> {
    let began = Instant::now();
    let base = Url::parse(url)?;
    let authorities = authority.map(PathBuf::from).into_iter().collect();
    let network = Network { authorities, ..Network::default() };
    let http = Http::new(&network, base.scheme() == "https", Redactor::default())?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    #[expect(clippy::disallowed_methods, reason = "runs of a service do not all start at once")]
    let between_starts = || tokio::time::interval(BETWEEN_STARTS);
    LocalSet::new().block_on(&runtime, async {
        let mut follows = Vec::new();
        let mut starts = between_starts();
        for nth in 0..FOLLOWS {
            starts.tick().await;
            follows.push(spawn_local(follow(client(nth, &base, &http)?, nth)));
        }
        for follow in follows {
            let report = follow.await?;
            ensure!((report.outcome, report.polls) == (Outcome::Succeeded, POLLS), "{report:?}");
        }
        anyhow::Ok(())
    })?;
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let cpu = f64::from(i32::try_from(micros)?) / 1e6;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let peak = peak.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0;
    println!(
        "| {} | {cpu:.2} s | {:.0} µs | {peak:.1} MiB | {} | {:.0} s |",
        base.scheme(),
        cpu * 1e6 / f64::from(FOLLOWS * POLLS),
        if cpu <= 5.0 && peak <= 64.0 { "met" } else { "MISSED" },
        began.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// A client with a hook and a secret of its own, and the token of all.
fn client(nth: u32, base: &Url, http: &Http) -> anyhow::Result<Client> {
    let platform = platforms::by_name("fortrabbit").context("fortrabbit")?;
    let secret = format!("bench-not-a-secret-{:021}", u64::from(nth) * 7919);
    let url = base.join(&format!("webhooks/environments/en-{nth}/deploy/{secret}"))?;
    let hook = HookUrl::parse(url.as_str()).and_then(|hook| platforms::documented(platform, hook));
    let hook = hook.ok().context("it is no hook")?;
    let token = Token::parse(&format!("frbit-at-{:064}", 1)).context("no token")?;
    let http = http.with_redactor(Redactor::new(Some(&hook), [&token]));
    let access = PlatformAccess {
        hook: Some(hook),
        token: Some(token),
        api: Some(base.clone()),
        ..PlatformAccess::new(platform)
    };
    Ok(Client::new(access, http).at_speed(SPEED))
}

async fn follow(mut client: Client, nth: u32) -> Report {
    let plan = Plan { interval: Some(Duration::from_millis(500)), ..plan(nth.into()) };
    let report =
        core::run(Task::Deploy, &mut client, None::<&mut Silent>, &mut Silent, plan, pending()).await;
    report.unwrap_or_else(|denied| unreachable!("nothing is denied: {denied:?}"))
}
