//! The scenarios, the pairs, and the table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use deploy_hook::env::Env;
use fastrand::Rng;

use crate::process::{self, Took};
use crate::server::Server;

/// The system's certificate authorities, where both programs find them on Debian.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// How much is measured.
struct Amount {
    warm_up: u32,
    /// Pairs for wall and CPU time.
    pairs: u32,
    /// Pairs for peak memory.
    traced: u32,
}

/// Compares the two programs in both scenarios.
pub(super) fn main() -> anyhow::Result<()> {
    let env = Env::snapshot();
    let quick = env.is_true("BENCH_QUICK");
    let amount = if quick {
        Amount { warm_up: 5, pairs: 30, traced: 5 }
    } else {
        Amount { warm_up: 20, pairs: 200, traced: 40 }
    };
    let ours = env.get("BENCH_BINARY").unwrap_or(env!("CARGO_BIN_EXE_deploy-hook"));
    let curl = find(&env, "curl").context("there is no curl to compare with")?;
    let valgrind = find(&env, "valgrind");
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    println!("deploy-hook: {ours}\ncurl: {}\nload at the start: {}", curl.display(), load());
    println!("peak memory, check: {}\n", process::self_check()?);

    let (system, alone) = (fs::read_to_string(SYSTEM).unwrap_or_default(), String::new());
    let scenarios = [
        ("http", Server::http()?, &alone),
        ("https", Server::https()?, &system),
        ("https, one CA in curl", Server::https()?, &alone),
    ];
    let mut rows = Vec::new();
    for (scenario, server, system) in scenarios {
        let mut theirs = scrubbed(&curl, home.path());
        theirs.args(["-sS", "-X", "POST"]).arg(&server.url);
        let mut ours = scrubbed(Path::new(ours), home.path());
        ours.args(["deploy", "--wait", "never"]).env("DEPLOY_HOOK_URL", &server.url);
        if let Some(authority) = &server.authority {
            let (one, all) = (home.path().join("one.pem"), home.path().join("all.pem"));
            fs::write(&one, authority)?;
            fs::write(&all, format!("{system}{authority}"))?;
            theirs.arg("--cacert").arg(all); // takes the place of the system's
            ours.arg("--ca-file").arg(one); // is taken in addition to them
        }
        rows.extend(compare(scenario, &server, &mut theirs, &mut ours, &amount)?);
        if let Some(valgrind) = &valgrind {
            let counts = [process::instructions(&theirs, valgrind)?, process::instructions(&ours, valgrind)?];
            rows.push(row(scenario, "instructions, thousand", &[counts.into()]));
        }
    }
    println!("\n| scenario | | curl | deploy-hook | ratio (95 %) |\n|---|---|---:|---:|---:|");
    println!("{}", rows.join("\n"));
    let Amount { pairs, traced, .. } = amount;
    println!(
        "\nMedians of {pairs} pairs (memory: {traced}) and the ratio of the medians, its spread by bootstrap."
    );
    if valgrind.is_none() {
        println!("Instructions are not counted: there is no valgrind.");
    }
    println!("load at the end: {}", load());
    Ok(())
}

/// A program in an environment of its own, the same for both: no settings, no output.
fn scrubbed(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn compare(
    scenario: &str,
    server: &Server,
    theirs: &mut Command,
    ours: &mut Command,
    amount: &Amount,
) -> anyhow::Result<Vec<String>> {
    in_pairs(amount.warm_up, theirs, ours, process::run)?;
    let took = in_pairs(amount.pairs, theirs, ours, process::run)?;
    let peaks = in_pairs(amount.traced, theirs, ours, |command| process::peak(command))?;
    let (runs, triggers) = (2 * (amount.warm_up + amount.pairs + amount.traced), server.triggers());
    ensure!(runs == triggers, "{scenario}: {runs} runs, and the server saw {triggers} triggers");
    println!("{scenario}: {runs} runs, and the server saw {triggers} triggers");
    let of = |part: fn(&Took) -> f64| took.iter().map(|(a, b)| (part(a), part(b))).collect::<Vec<_>>();
    Ok(vec![
        row(scenario, "wall, ms", &of(|took| took.wall)),
        row(scenario, "CPU, ms", &of(|took| took.cpu)),
        row(scenario, "peak memory, KiB", &peaks),
    ])
}

/// Runs both programs this often, in the order A B, B A, A B, …
fn in_pairs<T>(
    pairs: u32,
    theirs: &mut Command,
    ours: &mut Command,
    run: impl Fn(&mut Command) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<(T, T)>> {
    let mut done = Vec::new();
    for pair in 0..pairs {
        done.push(if pair % 2 == 0 {
            (run(theirs)?, run(ours)?)
        } else {
            let second = run(ours)?;
            (run(theirs)?, second)
        });
    }
    Ok(done)
}

fn row(scenario: &str, what: &str, pairs: &[(f64, f64)]) -> String {
    let (curl, ours, ratio) = medians(pairs);
    let mut rng = Rng::with_seed(1);
    let mut ratios: Vec<f64> = (0..4000)
        .map(|_| {
            let drawn: Vec<_> = pairs.iter().map(|_| pairs[rng.usize(..pairs.len())]).collect();
            medians(&drawn).2
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let digits = if curl < 1000.0 { 2 } else { 0 };
    let (low, high) = (ratios[100], ratios[3899]);
    format!("| {scenario} | {what} | {curl:.digits$} | {ours:.digits$} | {ratio:.2} ({low:.2}–{high:.2}) |")
}

/// The median of either side, and their ratio.
fn medians(pairs: &[(f64, f64)]) -> (f64, f64, f64) {
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
    };
    let (curl, ours) = pairs.iter().copied().unzip();
    let (curl, ours) = (median(curl), median(ours));
    (curl, ours, ours / curl)
}

/// The program itself, so that neither run has to search for it.
fn find(env: &Env, name: &str) -> Option<PathBuf> {
    env.get("PATH")?.split(':').map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

/// The machine's load in the last minute.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
