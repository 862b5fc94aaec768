//! The stream of the dashboard: server-sent events, each the whole state, as soon as something in it has changed.
//!
//! An event is made when the client can take it, so that a slow or dead one holds one event and one permit, and never a queue.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::dashboard;
use super::reply::milliseconds;
use super::shared::{Shared, Shutdown, lock};

/// How often the state is compared with the one that was sent last.
const TICK: Duration = Duration::from_millis(100);

/// After how many of these without news something is sent, so that a client that is gone is noticed.
const QUIET_TICKS: u32 = 150;

struct Events {
    store: Shared,
    stop: Shutdown,
    sent: Value,
    quiet: u32,
    _permit: OwnedSemaphorePermit,
}

/// The answer to a client that listens, until it goes or the sandbox ends.
pub(super) fn response(store: Shared, stop: Shutdown, permit: OwnedSemaphorePermit) -> Response {
    let events = Events { store, stop, sent: Value::Null, quiet: 0, _permit: permit };
    let body = stream::unfold(events, |mut events| async {
        let event = events.next().await?;
        Some((Ok::<_, Infallible>(event), events))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Events {
    /// The next event; `None` once the sandbox ends.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(event) = self.news() {
                return Some(event);
            }
            self.quiet += 1;
            if self.quiet >= QUIET_TICKS {
                self.quiet = 0;
                return Some(":\n\n".to_owned());
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "the states follow from the time; nothing tells when the next one begins"
            )]
            let tick = tokio::time::sleep(TICK);
            tokio::select! {
                _ended = self.stop.changed() => return None,
                () = tick => {}
            }
        }
    }

    /// The state as an event, if it is not the one that was sent last. `now` alone is no news.
    fn news(&mut self) -> Option<String> {
        let store = lock(&self.store);
        let now = store.now();
        let state = dashboard::state(&store, now);
        drop(store);
        if state == self.sent {
            return None;
        }
        self.quiet = 0;
        let mut event = state.clone();
        self.sent = state;
        event["now"] = json!(milliseconds(now));
        Some(format!("retry: 1000\ndata: {event}\n\n"))
    }
}
