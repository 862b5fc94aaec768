//! The table of scenarios, by name.

use super::{
    log,
    scenario::{OnRead, OnTrigger, Scenario, Spoil},
};

const NORMAL: &[(&str, f64)] = &[
    ("PENDING", 4.0),
    ("ALLOCATING", 3.0),
    ("SYNCING", 5.0),
    ("BUILDING", 40.0),
    ("DEPLOYING", 12.0),
    ("POST_DEPLOY", 6.0),
];

const SLOW: &[(&str, f64)] = &[
    ("PENDING", 60.0),
    ("ALLOCATING", 30.0),
    ("SYNCING", 60.0),
    ("BUILDING", 1080.0),
    ("DEPLOYING", 210.0),
    ("POST_DEPLOY", 60.0),
];

/// Ends within the build.
const CUT_SHORT: &[(&str, f64)] =
    &[("PENDING", 4.0), ("ALLOCATING", 3.0), ("SYNCING", 5.0), ("BUILDING", 25.0)];

const UNHEARD_OF: &[(&str, f64)] = &[
    ("PENDING", 4.0),
    ("ALLOCATING", 3.0),
    ("SYNCING", 5.0),
    ("QUANTUM_FLUX", 40.0),
    ("DEPLOYING", 12.0),
    ("POST_DEPLOY", 6.0),
];

const SUCCESS: Scenario = Scenario {
    name: "success",
    about: "A deployment that takes about 70 seconds and succeeds (the default)",
    stages: NORMAL,
    end: Some("SUCCEEDED"),
    log: &[log::START, log::BUILD, log::BUILT, log::DONE],
    hidden_until: 0.0,
    hidden_from: f64::INFINITY,
    rival_at: None,
    echoes: false,
    on_trigger: OnTrigger::Answer,
    on_read: OnRead::Answer,
};

/// A platform that behaves, but for its answer to the trigger.
const fn trigger(name: &'static str, about: &'static str, on_trigger: OnTrigger) -> Scenario {
    Scenario { name, about, on_trigger, ..SUCCESS }
}

/// A platform that behaves, but for its answers to reads.
const fn reads(name: &'static str, about: &'static str, on_read: OnRead) -> Scenario {
    Scenario { name, about, on_read, ..SUCCESS }
}

/// Every scenario, in the order of help texts: courses first, then faults.
pub(super) static SCENARIOS: &[Scenario] = &[
    SUCCESS,
    Scenario {
        name: "instant",
        about: "Has succeeded by the first look",
        stages: &[("PENDING", 0.0)],
        ..SUCCESS
    },
    Scenario { name: "slow", about: "Succeeds after about 25 minutes", stages: SLOW, ..SUCCESS },
    Scenario {
        name: "stuck",
        about: "Builds and never ends",
        stages: CUT_SHORT,
        end: None,
        log: &[],
        ..SUCCESS
    },
    Scenario {
        name: "build-fails",
        about: "The build fails; the old code stays live",
        stages: CUT_SHORT,
        end: Some("FAILED"),
        log: &[log::START, log::BUILD, log::BUILD_FAILED],
        ..SUCCESS
    },
    Scenario {
        name: "post-deploy-fails",
        about: "A post-deploy command fails although the new code is live",
        end: Some("FAILED"),
        log: &[log::START, log::BUILD, log::BUILT, log::POST_DEPLOY_FAILED],
        ..SUCCESS
    },
    Scenario {
        name: "canceled",
        about: "Somebody cancels the deployment during the build",
        stages: CUT_SHORT,
        end: Some("CANCELED"),
        log: &[log::START, log::BUILD, log::CANCELED],
        ..SUCCESS
    },
    Scenario {
        name: "superseded",
        about: "Somebody else's trigger takes the deployment's place at 60% of its run",
        rival_at: Some(42.0),
        ..SUCCESS
    },
    Scenario {
        name: "unknown-state",
        about: "Goes through a state nobody knows, QUANTUM_FLUX, then succeeds",
        stages: UNHEARD_OF,
        ..SUCCESS
    },
    Scenario {
        name: "early-404",
        about: "Reads answer 404 for the first 5 seconds",
        hidden_until: 5.0,
        ..SUCCESS
    },
    Scenario {
        name: "vanishes",
        about: "Reads answer 404 after the first 10 seconds",
        hidden_from: 10.0,
        ..SUCCESS
    },
    trigger(
        "answer-lost",
        "The trigger is accepted, then the connection closes without an answer",
        OnTrigger::Lose,
    ),
    trigger(
        "answer-lost-nothing-started",
        "The connection closes without an answer and nothing was started",
        OnTrigger::LoseUnstarted,
    ),
    trigger("answer-delayed", "The answer to the trigger comes 20 seconds late", OnTrigger::Delay),
    trigger("reset", "The connection is reset before any answer; nothing starts", OnTrigger::Reset),
    trigger(
        "truncated",
        "The trigger is accepted, its answer ends in the middle",
        OnTrigger::Spoil(Spoil::Truncate),
    ),
    reads("truncated-reads", "Answers to reads end in the middle", OnRead::Spoil(Spoil::Truncate)),
    trigger(
        "not-json",
        "The trigger is accepted and answered with an HTML page, status 200",
        OnTrigger::Spoil(Spoil::Html),
    ),
    reads("not-json-reads", "Reads are answered with an HTML page, status 200", OnRead::Spoil(Spoil::Html)),
    trigger(
        "absurd",
        "The trigger is accepted and answered with JSON of absurd types",
        OnTrigger::Spoil(Spoil::Absurd),
    ),
    reads("absurd-reads", "Reads are answered with JSON of absurd types", OnRead::Spoil(Spoil::Absurd)),
    trigger(
        "huge",
        "The trigger is accepted, its answer is larger than 1 MiB",
        OnTrigger::Spoil(Spoil::Huge),
    ),
    reads("huge-reads", "Answers to reads are larger than 1 MiB", OnRead::Spoil(Spoil::Huge)),
    trigger(
        "rate-limited",
        "The first trigger is answered 429 with Retry-After 2, the second is accepted",
        OnTrigger::LimitFirst,
    ),
    trigger("always-rate-limited", "Every trigger is answered 429", OnTrigger::Limit),
    reads("reads-rate-limited", "Every third read is answered 429 with Retry-After 1", OnRead::LimitThird),
    trigger(
        "trigger-503",
        "The trigger is answered 503; nothing starts",
        OnTrigger::Refuse(503, "Service unavailable."),
    ),
    reads("reads-503", "Reads 3 to 6 are answered 503", OnRead::Burst),
    reads("reads-dead", "Every read is answered 503", OnRead::Dead),
    trigger(
        "redirect",
        "The trigger is answered 307 to a path that would trigger as well",
        OnTrigger::Redirect,
    ),
    trigger(
        "forbidden",
        "The trigger is answered 403; nothing starts",
        OnTrigger::Refuse(403, "Access denied."),
    ),
    trigger(
        "unprocessable",
        "The trigger is answered 422; nothing starts",
        OnTrigger::Refuse(422, "The environment has no code to deploy."),
    ),
    Scenario {
        name: "echo",
        about: "Errors repeat the requested URL, secret included, and so does the failing build's log",
        stages: CUT_SHORT,
        end: Some("FAILED"),
        log: &[log::START, log::BUILD, log::ECHO, log::BUILD_FAILED],
        echoes: true,
        ..SUCCESS
    },
    Scenario {
        name: "hostile-log",
        about: "A failing build whose log tries to command whoever prints it",
        stages: CUT_SHORT,
        end: Some("FAILED"),
        log: &[log::START, log::HOSTILE, log::BUILD_FAILED],
        ..SUCCESS
    },
];
