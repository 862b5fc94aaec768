//! From HTTP to the platform and back: which surface answers a request, and what is remembered of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    body::Bytes,
    extract::{ConnectInfo, State},
    handler::Handler,
    http::{HeaderMap, Method, Uri, header},
    response::Response,
};
use tokio::{net::TcpListener, sync::oneshot};

use super::{
    Generation, Request, api,
    hook::{self, Address},
    manage,
    platform::Platform,
    reply::{Dialect, Reply},
    wire::{Control, Wire},
};

/// The platform, shared by the server and its owner's handle.
pub(super) type Shared = Arc<Mutex<Platform>>;

/// Access to the platform. A panic elsewhere leaves nothing half-done that a reader could not bear.
pub(super) fn lock(platform: &Shared) -> MutexGuard<'_, Platform> {
    platform.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request, as the surfaces see it.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// The path without the query, and without `/redirected` in front.
    pub(super) path: &'a str,
    /// The path's segments.
    pub(super) segments: &'a [&'a str],
    /// Whether a redirect of the `redirect` scenario led here.
    pub(super) redirected: bool,
    pub(super) host: Option<&'a str>,
    pub(super) origin: Option<&'a str>,
    pub(super) user_agent: Option<&'a str>,
    pub(super) authorization: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// Serves until the other end of `stop` is dropped; connections that idle are closed then.
pub(super) async fn serve(listener: TcpListener, platform: Shared, stop: oneshot::Receiver<()>) {
    let service = handle.with_state(platform).into_make_service_with_connect_info::<Control>();
    let stopped = async {
        let _dropped = stop.await;
    };
    let _ended = axum::serve(Wire(listener), service).with_graceful_shutdown(stopped).await;
}

/// One handler for all: the table of paths is [`route`], and the answers are made without awaiting anything.
async fn handle(
    State(platform): State<Shared>,
    ConnectInfo(control): ConnectInfo<Control>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reply = answer(&mut lock(&platform), &method, &uri, &headers, &body);
    if !reply.delay.is_zero() {
        #[expect(clippy::disallowed_methods, reason = "a slow platform is played, nothing is waited for")]
        tokio::time::sleep(reply.delay).await;
    }
    if let Some(fault) = reply.fault {
        control.inflict(fault);
    }
    reply.into_response()
}

fn answer(platform: &mut Platform, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Reply {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let (path, redirected) = match uri.path().strip_prefix("/redirected/") {
        Some(rest) => (&uri.path()[uri.path().len() - rest.len() - 1..], true),
        None => (uri.path(), false),
    };
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let call = Call {
        method: method.as_str(),
        path,
        segments: &segments,
        redirected,
        host: text(header::HOST),
        origin: text(header::ORIGIN),
        user_agent: text(header::USER_AGENT),
        authorization: text(header::AUTHORIZATION),
        body,
    };
    let reply = route(platform, &call);
    platform.remember(Request {
        method: method.to_string(),
        path: uri.to_string(),
        user_agent: call.user_agent.map(str::to_owned),
        status: reply.visible_status(),
    });
    reply
}

/// Which surface a path belongs to.
fn route(platform: &mut Platform, call: &Call<'_>) -> Reply {
    if let Some(reply) = manage::answer(platform, call) {
        return reply;
    }
    // The doubled slash in front of the secret is an empty segment.
    let (secret, before) = match call.segments {
        [before @ .., "", secret] | [before @ .., secret] => (*secret, before),
        [] => ("", call.segments),
    };
    let hook = match before {
        ["v1", "deploy-hook"] => Some((Generation::Draft, None)),
        ["v1", "deploy", environment, "deploy-hook"] => Some((Generation::Draft, Some(*environment))),
        ["v1", "webhooks", "environments", environment, "deploy"] => {
            Some((Generation::Draft, Some(*environment)))
        }
        ["webhooks", "environments", environment, "deploy"] => Some((Generation::Live, Some(*environment))),
        _ => None,
    };
    let reply = match (hook, call.segments) {
        (Some((generation, environment)), segments) => {
            let doubled = segments.len() > before.len() + 1;
            hook::answer(platform, call, &Address { generation, environment, secret, doubled })
        }
        (None, ["v1", "deployments" | "environments", ..]) => {
            api::answer(platform, call, &call.segments[1..])
        }
        _ => Dialect::Live.error(404, "Not found."),
    };
    if platform.scenario.echoes && reply.status >= 400 {
        return reply.echo(&format!("{}{}", platform.url, call.path));
    }
    reply
}
