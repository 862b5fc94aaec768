//! From HTTP to the store and back: who answers a request, and what is remembered of it.

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
use super::shared::{Shared, Stop, dropped, lock};
use super::store::{ReceivedRequest, Store};
use super::wire::{FaultSwitch, FaultyListener};
use super::{endpoints, manage, site, stream};

/// Serves the platform until the other end of `stop` is dropped; connections that idle are closed then.
pub(super) async fn serve(listener: TcpListener, store: Shared, stop: Stop) {
    let service = handle.with_state((store, stop.clone()));
    let service = service.into_make_service_with_connect_info::<FaultSwitch>();
    let _ended = axum::serve(FaultyListener(listener), service).with_graceful_shutdown(dropped(stop)).await;
}

/// Serves the sites that nobody serves yet.
pub(super) fn serve_sites(store: &Shared, stop: &Stop) {
    for (environment, listener) in std::mem::take(&mut lock(store).new_sites) {
        // A port that the runtime does not take has no server.
        let Ok(listener) = TcpListener::from_std(listener) else { continue };
        let service = handle_site.with_state((Arc::clone(store), environment)).into_make_service();
        let stopped = dropped(stop.clone());
        tokio::spawn(async { axum::serve(listener, service).with_graceful_shutdown(stopped).await });
    }
}

/// One handler for all paths of a site.
async fn handle_site(
    State((store, environment)): State<(Shared, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let request = Incoming::new(method.as_str(), &uri, &headers, &[]);
    let reply = site::answer(&mut lock(&store), &environment, &request);
    held_back(reply).await.into_response()
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
    State((store, stop)): State<(Shared, Stop)>,
    ConnectInfo(switch): ConnectInfo<FaultSwitch>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reply = answer(&mut lock(&store), &method, &uri, &headers, &body);
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
