//! The scenarios: how a deployment goes, and what goes wrong between platform and client.

use super::contract::{Contract, Effect};
use super::log::{self, Lines};

/// A name that a user can choose, with everything it changes. Times are seconds at speed 1.
#[derive(Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// One line for help texts.
    pub(super) about: &'static str,
    pub(super) stages: StagePlan,
    /// The build log, in parts that follow each other.
    pub(super) log: &'static [Lines],
    /// Whether the scenario is about its log alone.
    needs_log: bool,
    /// Reads of the deployment answer 404 until this age.
    pub(super) hidden_until: f64,
    /// Reads of the deployment answer 404 from this age on.
    pub(super) hidden_from: f64,
    /// Whether somebody else triggers the same environment meanwhile.
    pub(super) has_rival: bool,
    /// Errors repeat the requested URL, secret included, as careless servers do.
    pub(super) echoes: bool,
    pub(super) on_trigger: TriggerFault,
    pub(super) on_read: ReadFault,
}

/// Which stages a deployment goes through.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum StagePlan {
    /// Those that the contract has under this name.
    Of(&'static str),
    /// Those of a success, in no time.
    Instant,
    /// Those of a success, in 25 minutes.
    Slow,
    /// Those of a success, as far as the longest one.
    Stuck,
    /// Those of a success, the longest one under another name.
    UnknownState,
}

/// What happens to a request that asks for a deployment.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum TriggerFault {
    /// Accepted and answered.
    None,
    /// Accepted; the answer comes twenty seconds later.
    Delayed,
    /// Accepted; the answer cannot be used.
    BadBody(BadBody),
    /// Accepted; the connection closes without an answer.
    AnswerLost,
    /// Nothing starts; the connection closes without an answer.
    NothingStarted,
    /// Nothing starts; the connection is reset.
    Reset,
    /// Every other trigger is refused for its rate, beginning with the first.
    LimitFirst,
    /// Every trigger is refused for its rate.
    Limit,
    /// Nothing starts; this error is answered.
    Refuse(&'static str),
    /// Answered with a redirect to a path that would count as a trigger.
    Redirect,
}

/// What happens to a request that reads.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum ReadFault {
    /// Answered.
    None,
    /// Answered; the answer cannot be used.
    BadBody(BadBody),
    /// Every third read is refused for its rate.
    LimitThird,
    /// Reads three to six are answered 503.
    Burst,
    /// Every read is answered 503.
    Dead,
}

/// How an answer becomes useless.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum BadBody {
    /// The connection ends in the middle of the body.
    Truncated,
    /// A page of HTML with status 200.
    Html,
    /// JSON whose values have the wrong types.
    Absurd,
    /// Good JSON, but more than a mebibyte of it.
    Huge,
}

const SUCCESS: Scenario = Scenario {
    name: "success",
    about: "A deployment that takes about 70 seconds and succeeds (the default)",
    stages: StagePlan::Of("success"),
    log: &[log::START, log::BUILD, log::BUILT, log::DONE],
    needs_log: false,
    hidden_until: 0.0,
    hidden_from: f64::INFINITY,
    has_rival: false,
    echoes: false,
    on_trigger: TriggerFault::None,
    on_read: ReadFault::None,
};

const BUILD_FAILS: Scenario = Scenario {
    name: "build-fails",
    about: "The build fails; the old code stays live",
    stages: StagePlan::Of("build-fails"),
    log: &[log::START, log::BUILD, log::BUILD_FAILED],
    ..SUCCESS
};

/// Deployments that differ in their stages.
const fn stages(name: &'static str, about: &'static str, stages: StagePlan) -> Scenario {
    Scenario { name, about, stages, ..SUCCESS }
}

/// A platform that behaves, but for its answer to the trigger.
const fn trigger(name: &'static str, about: &'static str, on_trigger: TriggerFault) -> Scenario {
    Scenario { name, about, on_trigger, ..SUCCESS }
}

/// A platform that behaves, but for its answers to reads.
const fn reads(name: &'static str, about: &'static str, on_read: ReadFault) -> Scenario {
    Scenario { name, about, on_read, ..SUCCESS }
}

/// Every scenario, in the order of help texts: deployments first, then faults.
pub(super) static SCENARIOS: &[Scenario] = &[
    SUCCESS,
    stages("instant", "Has succeeded by the first poll", StagePlan::Instant),
    stages("slow", "Succeeds after about 25 minutes", StagePlan::Slow),
    Scenario { log: &[], ..stages("stuck", "Builds and never ends", StagePlan::Stuck) },
    BUILD_FAILS,
    Scenario {
        log: &[log::START, log::BUILD, log::BUILT, log::POST_DEPLOY_FAILED],
        ..stages(
            "post-deploy-fails",
            "A post-deploy command fails although the new code is live",
            StagePlan::Of("post-deploy-fails"),
        )
    },
    Scenario {
        log: &[log::START, log::BUILD, log::CANCELED],
        ..stages("canceled", "Somebody cancels the deployment during the build", StagePlan::Of("canceled"))
    },
    Scenario {
        name: "superseded",
        about: "Somebody else's trigger takes the deployment's place at 60% of its run",
        has_rival: true,
        ..SUCCESS
    },
    stages(
        "unknown-state",
        "Goes through a state nobody knows, QUANTUM_FLUX, then succeeds",
        StagePlan::UnknownState,
    ),
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
        TriggerFault::AnswerLost,
    ),
    trigger(
        "answer-lost-nothing-started",
        "The connection closes without an answer and nothing was started",
        TriggerFault::NothingStarted,
    ),
    trigger("answer-delayed", "The answer to the trigger comes 20 seconds late", TriggerFault::Delayed),
    trigger("reset", "The connection is reset before any answer; nothing starts", TriggerFault::Reset),
    trigger(
        "truncated",
        "The trigger is accepted, its answer ends in the middle",
        TriggerFault::BadBody(BadBody::Truncated),
    ),
    reads("truncated-reads", "Answers to reads end in the middle", ReadFault::BadBody(BadBody::Truncated)),
    trigger(
        "not-json",
        "The trigger is accepted and answered with an HTML page, status 200",
        TriggerFault::BadBody(BadBody::Html),
    ),
    reads(
        "not-json-reads",
        "Reads are answered with an HTML page, status 200",
        ReadFault::BadBody(BadBody::Html),
    ),
    trigger(
        "absurd",
        "The trigger is accepted and answered with JSON of absurd types",
        TriggerFault::BadBody(BadBody::Absurd),
    ),
    reads(
        "absurd-reads",
        "Reads are answered with JSON of absurd types",
        ReadFault::BadBody(BadBody::Absurd),
    ),
    trigger(
        "huge",
        "The trigger is accepted, its answer is larger than 1 MiB",
        TriggerFault::BadBody(BadBody::Huge),
    ),
    reads("huge-reads", "Answers to reads are larger than 1 MiB", ReadFault::BadBody(BadBody::Huge)),
    trigger(
        "rate-limited",
        "The first trigger is answered 429 with Retry-After 2, the second is accepted",
        TriggerFault::LimitFirst,
    ),
    trigger("always-rate-limited", "Every trigger is answered 429", TriggerFault::Limit),
    reads("reads-rate-limited", "Every third read is answered 429 with Retry-After 1", ReadFault::LimitThird),
    trigger(
        "trigger-503",
        "The trigger is answered 503; nothing starts",
        TriggerFault::Refuse("unavailable"),
    ),
    reads("reads-503", "Reads 3 to 6 are answered 503", ReadFault::Burst),
    reads("reads-dead", "Every read is answered 503", ReadFault::Dead),
    trigger(
        "redirect",
        "The trigger is answered 307 to a path that would trigger as well",
        TriggerFault::Redirect,
    ),
    trigger("forbidden", "The trigger is answered 403; nothing starts", TriggerFault::Refuse("forbidden")),
    trigger(
        "unprocessable",
        "The trigger is answered 422; nothing starts",
        TriggerFault::Refuse("unprocessable"),
    ),
    Scenario {
        name: "echo",
        about: "Errors repeat the requested URL, secret included, and so does the failing build's log",
        log: &[log::START, log::BUILD, log::ECHO, log::BUILD_FAILED],
        echoes: true,
        ..BUILD_FAILS
    },
    Scenario {
        name: "hostile-log",
        about: "A failing build whose log tries to command whoever prints it",
        log: &[log::START, log::HOSTILE, log::BUILD_FAILED],
        needs_log: true,
        ..BUILD_FAILS
    },
];

impl Scenario {
    /// The default.
    pub(super) const SUCCESS: Self = SUCCESS;

    /// Whether it makes sense on this platform: the contract has what it takes, and its effect can be seen there.
    fn fits(&self, contract: &Contract) -> bool {
        let has = |error: &str| contract.errors.contains_key(error);
        let needed = match self.stages {
            StagePlan::Of(name) => name,
            _ => "success",
        };
        let is_seen_by_reads = self.stages != SUCCESS.stages
            || self.on_read != ReadFault::None
            || self.hidden_until > 0.0
            || self.hidden_from.is_finite();
        let trigger = match self.on_trigger {
            TriggerFault::LimitFirst | TriggerFault::Limit => has("rate_limited"),
            TriggerFault::Refuse(error) => has(error),
            TriggerFault::BadBody(BadBody::Truncated | BadBody::Absurd | BadBody::Huge) => {
                contract.hook.routes.iter().any(|route| route.answer.body.is_some())
            }
            _ => true,
        };
        contract.deployments.contains_key(needed)
            && (!is_seen_by_reads || contract.routes().any(|route| route.does.reads()))
            && (!self.needs_log || contract.routes().any(|route| route.does == Effect::Log))
            && (!self.has_rival || contract.superseded.is_some())
            && trigger
    }
}

/// Every scenario of this platform, the default first.
pub(super) fn of(contract: &'static Contract) -> impl Iterator<Item = Scenario> {
    let own = contract.scenarios.iter().map(|(name, about)| Scenario {
        name,
        about,
        stages: StagePlan::Of(if contract.deployments.contains_key(name) { name } else { "success" }),
        ..SUCCESS
    });
    SCENARIOS.iter().copied().filter(|scenario| scenario.fits(contract)).chain(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::contract;

    #[test]
    fn names_are_unique_and_logs_in_order() {
        for contract in contract::all() {
            let names: Vec<&str> = of(contract).map(|scenario| scenario.name).collect();
            let unique = |(index, name)| !names[index + 1..].contains(name);
            assert!(names.iter().enumerate().all(unique), "{}: {names:?}", contract.platform);
        }
        for scenario in SCENARIOS {
            let times: Vec<f64> = scenario.log.iter().copied().flatten().map(|(at, _)| *at).collect();
            assert!(times.is_sorted(), "{}", scenario.name);
        }
    }

    #[test]
    fn a_platform_has_the_scenarios_that_make_sense_on_it() {
        let names = |platform: &str| {
            let contract = contract::all().iter().find(|one| one.platform == platform).unwrap();
            of(contract).map(|scenario| scenario.name).collect::<Vec<_>>()
        };
        assert_eq!(names("fortrabbit").len(), SCENARIOS.len());
        let other = names("other");
        for name in ["success", "answer-lost", "reset", "absurd", "not-json", "rate-limited", "redirect"] {
            assert!(other.contains(&name), "{name}");
        }
        for name in ["build-fails", "stuck", "early-404", "superseded", "reads-dead", "hostile-log", "echo"] {
            assert!(!other.contains(&name), "{name}");
        }
    }
}
