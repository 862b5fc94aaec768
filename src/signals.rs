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
        let mut stream = SignalStream::new()?;
        let (first, received) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let signal = stream.next().await;
                if first.borrow().is_some() {
                    exit(signal);
                }
                first.send_replace(Some(signal));
            }
        });
        Ok(Self(received))
    }

    /// Comes back once the first signal has.
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

#[cfg(unix)]
struct SignalStream {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None`: the process was started with it ignored, as `nohup` does.
    hangup: Option<tokio::signal::unix::Signal>,
    quit: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl SignalStream {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        let unless_ignored = |kind: SignalKind| {
            let is_ignored = u32::try_from(kind.as_raw_value() - 1).is_ok_and(|bit| ignored >> bit & 1 == 1);
            if is_ignored { Ok(None) } else { signal(kind).map(Some) }
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: unless_ignored(SignalKind::hangup())?,
            quit: unless_ignored(SignalKind::quit())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            () = comes(self.hangup.as_mut()) => Signal::Terminate,
            () = comes(self.quit.as_mut()) => Signal::Terminate,
        }
    }
}

#[cfg(unix)]
async fn comes(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// The signals that the process was started to ignore, a bit each, as Linux lists them; none elsewhere.
#[cfg(unix)]
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(windows)]
struct SignalStream(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl SignalStream {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Interrupt
    }
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
