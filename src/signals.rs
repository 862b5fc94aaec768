//! Signals: the first one ends a run with its reports, the second one at once. SIGXFSZ is caught.

use tokio::sync::watch;

use crate::error::Signal;

/// Receives the signals from the moment it is created.
#[derive(Clone)]
pub(crate) struct Signals(watch::Receiver<Option<Signal>>);

impl Signals {
    /// Starts to listen. The first process of a container must do it itself: without a handler the kernel drops
    /// these signals there.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let (first, received) = watch::channel(None);
        for (mut stream, signal) in streams()? {
            let first = first.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if first.send_replace(Some(signal)).is_some() {
                        exit(signal);
                    }
                }
            });
        }
        Ok(Self(received))
    }

    /// Waits for the first signal.
    pub(crate) async fn wait(&self) {
        let _ = self.0.clone().wait_for(Option::is_some).await;
    }

    /// The first signal that came, if any.
    pub(crate) fn first(&self) -> Option<Signal> {
        *self.0.borrow()
    }

    /// The same, for a task that waits by itself.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Signal>> {
        self.0.clone()
    }
}

#[expect(clippy::exit, clippy::disallowed_methods, reason = "whoever signals twice wants out now")]
fn exit(signal: Signal) {
    std::process::exit(signal.exit_code().into());
}

/// Makes a file that may not grow further (`RLIMIT_FSIZE`) an error of the write, which is reported, where without a handler
/// the system would end the process.
pub(crate) fn survive_file_size_limit() {
    #[cfg(unix)]
    let _ = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(libc::SIGXFSZ));
}

/// The signals that are listened to, each with what it is taken for, but for those that the process was started to ignore,
/// as `nohup` does.
#[cfg(unix)]
fn streams() -> std::io::Result<Vec<(tokio::signal::unix::Signal, Signal)>> {
    use tokio::signal::unix::{SignalKind, signal};
    let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
    let is_ignored =
        |kind: SignalKind| u32::try_from(kind.as_raw_value() - 1).is_ok_and(|bit| ignored >> bit & 1 == 1);
    let always = [(SignalKind::interrupt(), Signal::Interrupt), (SignalKind::terminate(), Signal::Terminate)];
    let others = [SignalKind::hangup(), SignalKind::quit()].into_iter().filter(|kind| !is_ignored(*kind));
    let all = always.into_iter().chain(others.map(|kind| (kind, Signal::Terminate)));
    all.map(|(kind, meaning)| Ok((signal(kind)?, meaning))).collect()
}

#[cfg(windows)]
fn streams() -> std::io::Result<Vec<(tokio::signal::windows::CtrlC, Signal)>> {
    Ok(vec![(tokio::signal::windows::ctrl_c()?, Signal::Interrupt)])
}

/// The signals that the process was started to ignore, a bit each, as Linux lists them; none elsewhere.
#[cfg(unix)]
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_process_was_started_to_ignore_is_read_off_its_status() {
        assert_eq!(ignored("Name:\tx\nSigBlk:\t00000000000000ff\nSigIgn:\t0000000000001005\n"), 0x1005);
        assert_eq!((ignored(""), ignored("SigIgn:\tx\n")), (0, 0));
    }
}
