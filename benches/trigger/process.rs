//! What one run of a program takes: wall time, CPU time, peak memory.
//!
//! A child's `ru_maxrss` cannot be used: it begins with the size of the process that started it, and that is this
//! benchmark. The kernel's own high-water mark of the child's memory (`VmHWM`) begins anew with the program; it is
//! read at the exit of the child, where ptrace stops it. [`self_check`] shows that it is right.

use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// What a run took.
pub(super) struct Took {
    /// From spawn to exit, in ms.
    pub(super) wall: f64,
    /// User and system, in ms.
    pub(super) cpu: f64,
}

/// Runs a program to its end.
pub(super) fn run(command: &mut Command) -> anyhow::Result<Took> {
    let (before, began) = (children_cpu()?, Instant::now());
    let status = command.status()?;
    let wall = began.elapsed().as_secs_f64() * 1e3;
    ensure!(status.success(), "{}: {status}", command.get_program().display());
    Ok(Took { wall, cpu: children_cpu()? - before })
}

/// How many thousand instructions a run executes, as valgrind counts them; a machine that is busy changes nothing of it.
pub(super) fn instructions(command: &Command, valgrind: &Path) -> anyhow::Result<f64> {
    let mut counted = Command::new(valgrind);
    counted.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(command.get_program());
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    counted.args(command.get_args()).env_clear().envs(variables);
    let output = counted.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<f64>().ok());
    ensure!(output.status.success(), "{}: {}", valgrind.display(), output.status);
    Ok(count.context("valgrind counted nothing")? / 1e3)
}

/// CPU time of all children that have ended, in ms. Nothing else is waited for here, so a difference is one run's.
fn children_cpu() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(f64::from(i32::try_from(micros)?) / 1e3)
}

/// The peak of a program's resident memory in KiB, its shared libraries' pages included.
///
/// A shell waits for a line, so that the tracer is there in time, and then becomes the program.
pub(super) fn peak(command: &Command) -> anyhow::Result<f64> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"read -r _ && exec "$@" </dev/null"#, "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    ptrace::seize(pid, Options::PTRACE_O_TRACEEXIT).context("a child cannot be traced here")?;
    child.stdin.take().context("no pipe")?.write_all(b"go\n")?;
    let mut peak = None;
    loop {
        match waitpid(pid, None)? {
            WaitStatus::PtraceEvent(_, _, event) => {
                if event == Event::PTRACE_EVENT_EXIT as i32 {
                    peak = Some(high_water(pid)?);
                }
                ptrace::cont(pid, None)?;
            }
            WaitStatus::Stopped(_, signal) => ptrace::cont(pid, signal)?,
            WaitStatus::Exited(_, 0) => return peak.context("it ended without the stop at its exit"),
            status => bail!("{}: {status:?}", command.get_program().display()),
        }
    }
}

fn high_water(pid: Pid) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Checks [`peak`], and returns the result as a sentence: its value for a program that does nothing, and its difference
/// for a known difference of memory, both while this process is larger than either.
pub(super) fn self_check() -> anyhow::Result<String> {
    let ballast = black_box(vec![1_u8; 64 << 20]);
    let floor = peak(&Command::new("true"))?;
    let dd = |size| {
        let mut dd = Command::new("dd");
        peak(dd.args(["if=/dev/zero", "of=/dev/null", "count=1"]).arg(format!("bs={size}M")))
    };
    let difference = dd(32)? - dd(8)?;
    let own = high_water(Pid::this())?;
    drop(ballast);
    ensure!(floor < 8192.0, "`true` reads as {floor} KiB");
    ensure!((difference / 1024.0 - 24.0).abs() < 0.5, "24 MiB more of dd's buffer read as {difference} KiB");
    Ok(format!(
        "`true` reads as {floor:.0} KiB, 24 MiB more of buffer in dd as {:.2} MiB, with {:.0} MiB in this process.",
        difference / 1024.0,
        own / 1024.0
    ))
}
