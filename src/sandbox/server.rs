//! The HTTP server: has each request answered by the part that it is for, and records it.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{ConnectInfo, State},
    handler::Handler,
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use tokio::net::TcpListener;

use super::reply::{Content, Reply};
use super::request::Incoming;
use super::shared::{Shared, Shutdown, dropped, lock};
use super::store::{ReceivedRequest, Store};
use super::wire::{FaultSwitch, FaultyListener};
use super::{endpoints, manage, site, stream};

/// What a listener serves, until the other end of `stop` is dropped; connections that idle are closed then.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) store: Shared,
    pub(super) stop: Shutdown,
    /// The environment whose site it is; none for the platform.
    pub(super) site: Option<String>,
}

pub(super) async fn serve(listener: TcpListener, served: Served) {
    let stopped = dropped(served.stop.clone());
    let service = handle.with_state(served).into_make_service_with_connect_info::<FaultSwitch>();
    let _ended = axum::serve(FaultyListener(listener), service).with_graceful_shutdown(stopped).await;
}

/// Serves the sites that nobody serves yet.
pub(super) fn serve_sites(store: &Shared, stop: &Shutdown) {
    for (environment, listener) in std::mem::take(&mut lock(store).new_sites) {
        // A port that the runtime does not take has no server.
        let Ok(listener) = TcpListener::from_std(listener) else { continue };
        let (store, stop) = (Arc::clone(store), stop.clone());
        tokio::spawn(serve(listener, Served { store, stop, site: Some(environment) }));
    }
}

/// The answer, once its time has come.
async fn held_back(reply: Reply) -> Reply {
    if !reply.delay.is_zero() {
        #[expect(
            clippy::disallowed_methods,
            reason = "the sandbox imitates a slow platform; nothing is waited for"
        )]
        tokio::time::sleep(reply.delay).await;
    }
    reply
}

/// One handler for all paths. The answers are made without awaiting anything.
async fn handle(
    State(Served { store, stop, site }): State<Served>,
    ConnectInfo(switch): ConnectInfo<FaultSwitch>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reply = match site {
        Some(environment) => {
            let request = Incoming::new(method.as_str(), &uri, &headers, &body);
            site::answer(&mut lock(&store), &environment, &request)
        }
        None => answer(&mut lock(&store), &method, &uri, &headers, &body),
    };
    serve_sites(&store, &stop);
    let reply = held_back(reply).await;
    if let Some(fault) = reply.fault {
        switch.set(fault);
    }
    match reply.content {
        Content::Events(permit) => stream::response(store, stop, permit),
        _ => reply.into_response(),
    }
}

/// The platform's answer.
fn answer(store: &mut Store, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Reply {
    let request = Incoming::new(method.as_str(), uri, headers, body);
    let reply = manage::answer(store, &request).unwrap_or_else(|| endpoints::answer(store, &request));
    store.remember(ReceivedRequest {
        method: method.to_string(),
        path: uri.to_string(),
        user_agent: request.header("user-agent").map(str::to_owned),
        has_token: headers
            .values()
            .any(|value| value.to_str().is_ok_and(|value| value.contains(&store.token))),
        status: reply.visible_status(),
    });
    reply
}
