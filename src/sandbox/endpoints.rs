//! Answers the requests that the contract describes: those of the hook's URLs and those of the platform's API.

use serde_json::{Value, json};

use super::contract::{list, text};
use super::facts;
use super::limit::whole_seconds;
use super::reply::Reply;
use super::request::{Incoming, placeholder};
use super::routes::{self, Match};
use super::store::Store;

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
    let credential = store.credential(endpoints);
    let authorized = credential.is_none_or(|(name, value)| request.header(name) == Some(&value));
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

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use super::*;
    use crate::sandbox::contract::Contract;
    use crate::sandbox::reply::Content;
    use crate::sandbox::scenario;

    /// A platform that differs from the others in whatever the format allows.
    fn contract() -> &'static Contract {
        let contract = json!({
            "platform": "test",
            "ids": { "environment": ["srv-[0-9a-z]{4}"], "deployment": ["[0-9a-f]{8}"], "secret": ["[a-z]{8}"], "token": ["[a-z]{9}"], "account": ["acc-[0-9]{4}"] },
            "states": { "running": ["build/active"], "succeeded": ["deploy/success"] },
            "deployments": { "success": [["queued", 0], ["build/active", 60], ["deploy/success", null]] },
            "hooks": [{ "name": "only", "path": "/deploy/{environment}?key={secret}" }],
            "deployment": { "uid": "{id}", "stage": "{state.1}", "status": "{state.2}", "ended": "{ended}" },
            "hook": {
                "routes": [{ "does": "trigger", "method": "POST", "paths": ["/deploy/{environment}?key={secret}"], "needs": ["x-event"], "instead": { "instant": { "status": 202 } } }],
                "error": { "errors": [{ "message": "{message}" }] }
            },
            "api": {
                "auth": "x-api-key",
                "routes": [
                    { "does": "list", "method": "GET", "paths": ["/{account}/deploys?site={environment}"], "answer": { "body": { "all": "{deployments}" } }, "item": { "title": "{query.title}", "deploy": "{deployment}" } },
                    { "does": "answer", "method": "GET", "paths": ["/sites/{environment}"], "answer": { "headers": { "x-account": "{account}" }, "body": { "url": "https://{environment}.example" } } }
                ],
                "error": null
            },
            "errors": { "unknown_hook": { "status": 302, "headers": { "location": "/login" } }, "missing_header": { "status": 301, "message": "Branch Not Match" } }
        });
        Box::leak(Box::new(Contract(contract)))
    }

    fn ask(store: &mut Store, method: &str, target: &str, header: (&'static str, &str)) -> Reply {
        let uri = target.parse().unwrap();
        let headers: HeaderMap =
            [(header.0.parse().unwrap(), HeaderValue::from_str(header.1).unwrap())].into_iter().collect();
        answer(store, &Incoming::new(method, &uri, &headers, &[]))
    }

    fn body(reply: Reply) -> Value {
        match reply.content {
            Content::Json(body) => body,
            Content::Nothing | Content::Events(_) => Value::Null,
            Content::Text(_, text) => panic!("{text}"),
        }
    }

    #[test]
    fn a_contract_can_have_secrets_in_the_query_headers_as_tokens_and_states_of_two_parts() {
        let contract = contract();
        let mut store = Store::new(contract, "http://x".to_owned(), 1.0, &scenario::shared()[0]);
        let environment = store.create_environment();
        let hook = store.enable(&environment, &contract.hooks()[0]).unwrap().replace("http://x", "");
        let event = ("x-event", "push");
        assert_eq!(ask(&mut store, "POST", &hook, ("x-other", "")).status, 301);
        let wrong = ask(&mut store, "POST", &format!("{hook}x"), event);
        assert_eq!((wrong.status, &wrong.headers[0].1), (302, &"/login".to_owned()));
        let accepted = ask(&mut store, "POST", &format!("{hook}&title=a%20b"), event);
        assert_eq!((accepted.status, body(accepted)), (200, Value::Null));
        store.choose(&scenario::shared()[1]);
        assert_eq!(ask(&mut store, "POST", &hook, event).status, 202);

        let (token, account) = (store.token.clone(), store.value("account").unwrap().to_owned());
        let list = format!("/{account}/deploys?limit=9&site={environment}");
        assert_eq!(
            ask(&mut store, "GET", &list, ("authorization", &token)).status,
            401,
            "none is documented"
        );
        let found = body(ask(&mut store, "GET", &list, ("x-api-key", &token)));
        let first = &found["all"][1];
        assert_eq!(first["title"], "a b");
        assert_eq!(
            (&first["deploy"]["stage"], &first["deploy"]["status"]),
            (&json!("build"), &json!("active"))
        );
        assert_eq!((&first["deploy"]["ended"], found["all"][2].is_null()), (&Value::Null, true));
        let newest = &found["all"][0]["deploy"];
        assert!(newest["status"] == "success" && newest["ended"].is_string(), "{newest}");
        let site = ask(&mut store, "GET", &format!("/sites/{environment}"), ("x-api-key", &token));
        assert_eq!(site.headers[0], ("x-account".to_owned(), account));
        assert_eq!(body(site)["url"], format!("https://{environment}.example"));
    }
}
