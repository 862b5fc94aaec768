//! Answers the requests that the contract describes: those of the hook's URLs and those of the platform's API.

use serde_json::{Value, json};

use super::contract::{list, text};
use super::facts;
use super::limit::whole_seconds;
use super::reply::Reply;
use super::request::{Incoming, placeholder};
use super::routes::{self, Match};
use super::store::Store;

/// Answers a request.
pub(super) fn answer(store: &mut Store, request: &Incoming<'_>) -> Reply {
    let contract = store.contract;
    let of_hook = matching(contract.of_hook(), request);
    let reply = match contract.of_api() {
        Some(api) if of_hook.is_empty() && is_below(api, request) => {
            limited(store, api, &matching(api, request), request)
        }
        _ => limited(store, contract.of_hook(), &of_hook, request),
    };
    if store.scenario["echoes"] == true && reply.status >= 400 {
        return reply.echo(&format!("{}{}", store.url, request.target()));
    }
    reply
}

/// The routes whose path the request has, whatever its method.
fn matching(endpoints: &'static Value, request: &Incoming<'_>) -> Vec<Match> {
    let of_route = |route: &'static Value| {
        let captures = list(route, "paths").iter().find_map(|pattern| request.captures(pattern.as_str()?))?;
        Some(Match { endpoints, route, captures })
    };
    list(endpoints, "routes").iter().filter_map(of_route).collect()
}

/// Whether a path begins as one of these routes does.
fn is_below(endpoints: &Value, request: &Incoming<'_>) -> bool {
    list(endpoints, "routes").iter().flat_map(|route| list(route, "paths")).any(|pattern| {
        let path = pattern.as_str().unwrap_or_default().split('?').next().unwrap_or_default();
        let fixed: Vec<_> = path.split('/').skip(1).take_while(|one| placeholder(one).is_none()).collect();
        request.segments().starts_with(&fixed)
    })
}

/// Checks token and rate before the request is answered.
fn limited(store: &mut Store, endpoints: &'static Value, matches: &[Match], request: &Incoming<'_>) -> Reply {
    let token = store.token.as_str();
    let authorized = match endpoints["auth"].as_str() {
        None => true,
        Some("bearer") => {
            request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) == Some(token)
        }
        Some(header) => request.header(header) == Some(token),
    };
    let rule = &endpoints["rate_limit"];
    let (Some(requests), Some(seconds)) = (rule["requests"].as_u64(), rule["seconds"].as_f64()) else {
        return routed(store, endpoints, matches, request, authorized);
    };
    let now = store.now();
    let window = store.scaled(seconds);
    let limit = if authorized { &mut store.limit } else { &mut store.failed_limit };
    let allowance = limit.take(requests, window, now);
    let lookup = |name: &str| match name {
        "limit" => Some(json!(requests)),
        "remaining" => Some(json!(allowance.remaining)),
        "reset" => Some(json!(whole_seconds(allowance.resets))),
        "retry_after" => Some(json!(whole_seconds(allowance.resets.saturating_sub(now)))),
        _ => None,
    };
    let reply = if allowance.exceeded {
        facts::with_headers(
            facts::error(store, endpoints, "rate_limited", &lookup),
            &rule["refused"],
            &lookup,
        )
    } else {
        routed(store, endpoints, matches, request, authorized)
    };
    facts::with_headers(reply, &rule["headers"], &lookup)
}

/// Answers by the route of the request's method.
fn routed(
    store: &mut Store,
    endpoints: &'static Value,
    matches: &[Match],
    request: &Incoming<'_>,
    authorized: bool,
) -> Reply {
    if !authorized {
        return facts::plain_error(store, endpoints, "unauthorized");
    }
    if matches.is_empty() {
        return facts::plain_error(store, endpoints, "not_found");
    }
    let Some(fitting) = matches.iter().find(|one| text(one.route, "method") == request.method) else {
        let allowed: Vec<&str> = matches.iter().map(|one| text(one.route, "method")).collect();
        return facts::plain_error(store, endpoints, "wrong_method").header("allow", allowed.join(", "));
    };
    if list(fitting.route, "needs")
        .iter()
        .filter_map(Value::as_str)
        .any(|name| request.header(name).is_none())
    {
        return facts::plain_error(store, endpoints, "missing_header");
    }
    if text(fitting.route, "does") == "refuse" {
        return facts::plain_error(store, endpoints, text(fitting.route, "error"));
    }
    match routes::environment(store, fitting) {
        Err(error) => facts::plain_error(store, endpoints, error),
        Ok(environment) => routes::perform(store, fitting, environment.as_deref(), request),
    }
}
