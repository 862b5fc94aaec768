//! SIGINT and SIGTERM: the first ends the run in order, the second at once.

use tokio::sync::watch;

use crate::error::Signal;

/// Hears the signals from the moment it is made.
#[derive(Clone)]
pub(crate) struct Signals(watch::Receiver<Option<Signal>>);

impl Signals {
    /// Starts to listen. As the first process of a container nobody else would: without a handler the kernel drops
    /// these signals there.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let mut stream = Stream::new()?;
        let (first, heard) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let signal = stream.next().await;
                if first.borrow().is_some() {
                    exit(signal);
                }
                first.send_replace(Some(signal));
            }
        });
        Ok(Self(heard))
    }

    /// Comes back once the first signal has.
    pub(crate) async fn wait(&self) {
        let _ = self.0.clone().wait_for(Option::is_some).await;
    }

    /// The first signal that came, if any.
    #[must_use]
    pub(crate) fn first(&self) -> Option<Signal> {
        *self.0.borrow()
    }

    /// The same, for whoever waits on its own.
    #[must_use]
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Signal>> {
        self.0.clone()
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
