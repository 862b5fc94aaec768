//! Faults below HTTP: a listener whose connections a handler can close, reset or cut.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

/// What is to happen to a connection instead of the answer.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// It closes; no byte of the answer leaves.
    Close,
    /// It is reset (RST); no byte of the answer leaves.
    Reset,
    /// It closes after the head and this many bytes of the body.
    CutBody(usize),
    /// It closes after this many bytes.
    Cut(usize),
}

/// Lets a handler break the connection that its request came by.
#[derive(Clone, Default)]
pub(super) struct FaultSwitch(Arc<Mutex<Option<Fault>>>);

impl FaultSwitch {
    /// From here on this happens to the connection.
    pub(super) fn set(&self, fault: Fault) {
        *self.planned() = Some(fault);
    }

    fn planned(&self) -> MutexGuard<'_, Option<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, FaultyListener>> for FaultSwitch {
    fn connect_info(stream: IncomingStream<'_, FaultyListener>) -> Self {
        stream.io().switch.clone()
    }
}

/// Accepts connections whose answers can be cut off.
pub(super) struct FaultyListener(pub(super) TcpListener);

impl Listener for FaultyListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        (Connection { stream, switch: FaultSwitch::default() }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection that fails as its [`FaultSwitch`] says when something is written to it.
pub(super) struct Connection {
    stream: TcpStream,
    switch: FaultSwitch,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    /// An error makes the server drop the connection, which is what closes or resets it.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, switch } = self.get_mut();
        let mut planned = switch.planned();
        if let Some(Fault::CutBody(kept)) = *planned
            && let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n")
        {
            *planned = Some(Fault::Cut(head + 4 + kept));
        }
        match &mut *planned {
            None | Some(Fault::CutBody(_)) => Pin::new(stream).poll_write(context, bytes),
            Some(Fault::Cut(left)) if *left > 0 => {
                let written = Pin::new(stream).poll_write(context, &bytes[..bytes.len().min(*left)]);
                if let Poll::Ready(Ok(count)) = written {
                    *left -= count;
                }
                written
            }
            Some(Fault::Reset) => {
                stream.set_zero_linger()?;
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            Some(Fault::Close | Fault::Cut(_)) => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
