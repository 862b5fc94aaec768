//! SIGINT and SIGTERM: the first ends the run in order, the second at once.

use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use crate::error::Signal;

/// Hears the signals from the moment it is made.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    first: Arc<OnceLock<Signal>>,
    heard: Arc<Notify>,
}

impl Signals {
    /// Starts to listen. As the first process of a container nobody else would: without a handler the kernel drops
    /// these signals there.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let signals = Self::default();
        let mut stream = Stream::new()?;
        let shared = signals.clone();
        tokio::spawn(async move {
            loop {
                let signal = stream.next().await;
                if shared.first.set(signal).is_err() {
                    exit(signal);
                }
                shared.heard.notify_one();
            }
        });
        Ok(signals)
    }

    /// Comes back once the first signal has.
    pub(crate) async fn wait(&self) {
        if self.first().is_none() {
            self.heard.notified().await;
        }
    }

    /// The first signal that came, if any.
    #[must_use]
    pub(crate) fn first(&self) -> Option<Signal> {
        self.first.get().copied()
    }
}

#[expect(clippy::exit, clippy::disallowed_methods, reason = "whoever signals twice wants out now")]
fn exit(signal: Signal) {
    std::process::exit(signal.exit_code().into());
}

#[cfg(unix)]
struct Stream {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stream {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(windows)]
struct Stream(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Stream {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Interrupt
    }
}
