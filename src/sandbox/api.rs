//! The public API: deployments, their logs, and a deployment without a hook.

use serde_json::{Value, json};

use super::{
    deployment::{Deployment, Source},
    hook,
    limit::{self, LIMIT, WINDOW},
    log,
    platform::{Moment, Platform},
    reply::{Dialect, Reply, rfc3339},
    server::Call,
};

/// How long after a deployment's end its log appears, in seconds at speed 1.
const LOGS_AFTER: f64 = 2.0;

/// Answers a call below `/v1/deployments` or `/v1/environments`; `segments` is what follows `/v1`.
pub(super) fn answer(platform: &mut Platform, call: &Call<'_>, segments: &[&str]) -> Reply {
    let known =
        call.authorization.and_then(|value| value.strip_prefix("Bearer ")) == Some(platform.token.as_str());
    let (now, window) = (platform.now(), platform.scaled(WINDOW));
    let limit = if known { &mut platform.limit } else { &mut platform.failed_limit };
    let allowance = limit.take(now, window);
    let reply = if allowance.exceeded {
        let wait = allowance.resets.saturating_sub(now);
        Dialect::Api
            .error(429, "Too many requests.")
            .header("x-ratelimit-reset", &limit::whole_seconds(allowance.resets))
            .header("retry-after", &limit::whole_seconds(wait))
    } else if known {
        authorized(platform, call, segments, now)
    } else {
        Dialect::Api.error(401, "Authentication required.").header("www-authenticate", &"Bearer")
    };
    reply.header("x-ratelimit-limit", &LIMIT).header("x-ratelimit-remaining", &allowance.remaining)
}

fn authorized(platform: &mut Platform, call: &Call<'_>, segments: &[&str], now: Moment) -> Reply {
    let dialect = Dialect::Api;
    let reply = match (call.method, segments) {
        ("GET", ["deployments"]) => {
            let all = platform.deployments(now);
            let readable = all.into_iter().filter(|one| platform.can_be_read(one, now));
            let list = readable.map(|one| dialect.deployment(one, platform.course(one, now).state()));
            Reply::json(200, list.collect())
        }
        ("GET", ["deployments", id, rest @ ..]) if rest.is_empty() || rest == ["logs"] => {
            if !well_formed(id, &["dp-", "de-", "dp_"]) {
                return dialect.error(422, "This is not the public id of a deployment.");
            }
            match platform.deployment(id, now).filter(|one| platform.can_be_read(one, now)) {
                None => dialect.error(404, "Deployment not found."),
                Some(one) if rest.is_empty() => {
                    Reply::json(200, dialect.deployment(one, platform.course(one, now).state()))
                }
                Some(one) => Reply::json(200, json!({ "logs": logs(platform, one, now) })),
            }
        }
        ("POST", ["environments", id, "deployments"]) => {
            if !well_formed(id, &["en-"]) {
                return dialect.error(422, "This is not the public id of an environment.");
            }
            if !platform.has_environment(id) {
                return dialect.error(404, "Environment not found.");
            }
            return hook::trigger(platform, call, id, Source::Api, dialect);
        }
        (_, ["deployments"] | ["deployments", _] | ["deployments", _, "logs"]) => {
            return dialect.error(405, "Method not allowed.").header("allow", &"GET");
        }
        (_, ["environments", _, "deployments"]) => {
            return dialect.error(405, "Method not allowed.").header("allow", &"POST");
        }
        _ => return dialect.error(404, "Not found."),
    };
    hook::read(platform, dialect, reply)
}

fn well_formed(id: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| {
        id.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
    })
}

/// The log's entries; none before the deployment has been at its end for a moment.
fn logs(platform: &Platform, deployment: &Deployment, now: Moment) -> Vec<Value> {
    let Some(ended) = platform.course(deployment, now).ended else {
        return Vec::new();
    };
    if now < ended + platform.scaled(LOGS_AFTER) {
        return Vec::new();
    }
    let url = match &deployment.source {
        Source::Hook(url) => url,
        Source::Api | Source::Git => &platform.url,
    };
    let lines = deployment.scenario.log.iter().copied().flatten();
    let timed = lines.map(|(second, line)| (deployment.created + platform.scaled(*second), line));
    let written = timed.filter(|(at, _)| *at <= ended);
    let entry = |(at, line): (Moment, &&str)| {
        let line = line.replace(log::HOOK, url).replace(log::LONG, &"x".repeat(5_000));
        json!({ "time": rfc3339(at), "log": line })
    };
    written.map(entry).collect()
}
