//! The deploy hook's surface, in both generations: the trigger, and the draft's read.

use super::{
    Generation,
    deployment::Source,
    platform::Platform,
    reply::{Dialect, Reply},
    scenario::{OnRead, OnTrigger},
    server::Call,
    wire::Fault,
};

/// How a hook was addressed.
pub(super) struct Address<'a> {
    pub(super) generation: Generation,
    /// The environment, where the path names it.
    pub(super) environment: Option<&'a str>,
    pub(super) secret: &'a str,
    /// The draft writes its read with a doubled slash before the secret; only reads are served there.
    pub(super) doubled: bool,
}

/// Answers a call of a hook's URL.
pub(super) fn answer(platform: &mut Platform, call: &Call<'_>, address: &Address<'_>) -> Reply {
    let dialect = Dialect::from(address.generation);
    let readable = dialect == Dialect::Draft;
    match call.method {
        "POST" if address.doubled => return dialect.error(404, "Not found."),
        "GET" if !readable => {
            return dialect.error(405, "Method not allowed.").header("allow", &"POST");
        }
        "POST" | "GET" => {}
        _ => {
            let allowed = if readable { "GET, POST" } else { "POST" };
            return dialect.error(405, "Method not allowed.").header("allow", &allowed);
        }
    }
    if dialect == Dialect::Live && call.user_agent.is_none() {
        return dialect.error(400, "A User-Agent header is required.");
    }
    let Some(hook) = platform.hook_of(address.secret, address.generation, address.environment) else {
        return dialect.error(404, "Environment not found.");
    };
    if hook.revoked.is_some() {
        return dialect.error(410, "This deploy hook was revoked.");
    }
    let environment = hook.environment.clone();
    if call.method == "POST" {
        let source = Source::Hook(format!("{}{}", platform.url, call.path));
        return trigger(platform, call, &environment, source, dialect);
    }
    let now = platform.now();
    let newest = platform.newest(&environment, now).filter(|one| platform.can_be_read(one, now));
    let reply = match newest {
        Some(one) => Reply::json(200, dialect.deployment(one, platform.course(one, now).state())),
        None => dialect.error(404, "No deployment yet."),
    };
    read(platform, dialect, reply)
}

/// Triggers a deployment, as far as the scenario lets it.
pub(super) fn trigger(
    platform: &mut Platform,
    call: &Call<'_>,
    environment: &str,
    source: Source,
    dialect: Dialect,
) -> Reply {
    let fault = platform.scenario.on_trigger;
    platform.triggers = platform.triggers.saturating_add(1);
    if platform.limits_trigger() {
        return limited(platform, dialect, 2.0);
    }
    match fault {
        OnTrigger::Refuse(status, text) => return dialect.error(status, text),
        OnTrigger::LoseUnstarted => return Reply::fault(Fault::Close),
        OnTrigger::Reset => return Reply::fault(Fault::Reset),
        OnTrigger::Redirect if !call.redirected => {
            return Reply::empty(307).header("location", &format!("/redirected{}", call.path));
        }
        _ => {}
    }
    let deployment = platform.deploy(environment, source, dialect.separator());
    let status = if dialect == Dialect::Api { 201 } else { 200 };
    let reply = Reply::json(status, dialect.deployment(deployment, "PENDING"));
    match fault {
        OnTrigger::Lose => Reply::fault(Fault::Close),
        OnTrigger::Spoil(spoil) => reply.spoil(spoil, dialect),
        OnTrigger::Delay => Reply { delay: platform.scaled(20.0), ..reply },
        _ => reply,
    }
}

/// Counts a read and does to its answer what the scenario wants.
pub(super) fn read(platform: &mut Platform, dialect: Dialect, reply: Reply) -> Reply {
    platform.reads = platform.reads.saturating_add(1);
    match platform.scenario.on_read {
        OnRead::Spoil(spoil) => reply.spoil(spoil, dialect),
        OnRead::LimitThird if platform.reads.is_multiple_of(3) => limited(platform, dialect, 1.0),
        OnRead::Burst if (3..=6).contains(&platform.reads) => dialect.error(503, "Service unavailable."),
        OnRead::Dead => dialect.error(503, "Service unavailable."),
        OnRead::Answer | OnRead::LimitThird | OnRead::Burst => reply,
    }
}

/// A refusal for the rate. Whole seconds are all `Retry-After` can say, so that a quick platform says 0.
fn limited(platform: &Platform, dialect: Dialect, seconds: f64) -> Reply {
    dialect.error(429, "Too many requests.").header("retry-after", &platform.scaled(seconds).as_secs())
}
