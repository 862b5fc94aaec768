//! The facts about a platform that hold for every hook: names, variables, what its API needs, and how its answers are read.

use std::time::Duration;

use super::body::normal;
use crate::core::state::{Phase, Verdict};

/// The facts about a platform that hold for every hook: the part of [`Platform`](super::Platform) that is a table.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a table of facts, each of its own")]
pub struct Facts {
    /// The platform's name, as in `deploy-hook platforms`.
    pub name: &'static str,
    /// What its hooks are known by, for `deploy-hook platforms`.
    pub known_by: &'static str,
    /// Host of its hooks, where all have the same.
    pub host: Option<&'static str>,
    /// Path of its hooks up to their secret, where all have the same: see [`Platform::owns`](super::Platform::owns).
    pub hook_path: &'static [&'static str],
    /// Hosts of its dashboard's pages, where they are not those of its hooks.
    pub dashboards: &'static [&'static str],
    /// Where a hook's URL is copied in the dashboard; empty where hooks come from anywhere.
    pub hook_place: &'static str,
    /// What its tokens begin with, as far as its documents show it.
    pub token_prefixes: &'static [&'static str],
    /// How its deployments are followed: `by id`, `by finding it` or `not`.
    pub followed: &'static str,
    /// Variables that customarily hold a hook's URL.
    pub hook_variables: &'static [&'static str],
    /// Variables that customarily hold a token of the API; the first one that is set counts.
    pub token_variables: &'static [&'static str],
    /// Variables that customarily hold the team, account or organisation.
    pub account_variables: &'static [&'static str],
    /// Variables that customarily hold the site, project or application.
    pub project_variables: &'static [&'static str],
    /// What reading deployments through the API needs besides the hook.
    pub needs: &'static [Need],
    /// The header that holds the API's token; `None` is `Authorization: Bearer`.
    pub token_header: Option<&'static str>,
    /// Host of the API, where it is the same for all and not that of the hooks.
    pub api_host: Option<&'static str>,
    /// Path and query of the list of deployments, as a template: see [`Request::of_api`](super::Request::of_api).
    pub list: Option<&'static str>,
    /// The template of the path that reads one deployment.
    pub poll: Option<&'static str>,
    /// The same of an ended deployment's log.
    pub log: Option<&'static str>,
    /// The same of what the hook deploys, such as the service: for the page and for the log.
    pub about: Option<&'static str>,
    /// Where an answer has a list of deployments.
    pub deployments: Pointers,
    /// Where an answer has one deployment, if it has no list.
    pub deployment: Pointers,
    /// Where a deployment has its id.
    pub id: Pointers,
    /// What the id begins with, where the ids of other things begin otherwise.
    pub id_prefix: &'static str,
    /// Where it has its state word.
    pub state: Pointers,
    /// When it was made.
    pub created: Pointers,
    /// When it ended.
    pub ended: Pointers,
    /// What the platform says of its state, such as why it failed.
    pub message: Pointers,
    /// What the platform says of how it was started.
    pub origin: Pointers,
    /// The id of its environment.
    pub environment: Pointers,
    /// Its page for people.
    pub page: Pointers,
    /// The address of the deployed site.
    pub site: Pointers,
    /// The state words of a deployment that has not begun, with spaces between them, each as [`normal`] writes it. No word
    /// at all means the same.
    pub waiting: &'static str,
    /// Those of one under way.
    pub running: &'static str,
    /// Those of `running` in which the code is built: after a failure there the previous code is still live.
    pub building: &'static str,
    /// Those of `running` in which the new code may be live already.
    pub post_deploy: &'static str,
    /// Those of one that is live.
    pub succeeded: &'static str,
    /// Those of one that ended and is not live.
    pub failed: &'static str,
    /// Those of one that somebody ended, or that was not needed.
    pub canceled: &'static str,
    /// Those of one that ended for a newer one.
    pub superseded: &'static str,
    /// The fields that hold a log's texts, however deep, with spaces between them.
    pub log_fields: &'static str,
    /// The documented rate limit of the API.
    pub requests_per_minute: Option<u32>,
    /// The fields that hold an error's text, the first one first.
    pub error_fields: &'static [&'static str],
    /// The platform's word for a deployment that was started by a deploy hook.
    pub hook_origin: Option<&'static str>,
    /// Whether the hook itself is triggered with the API's token.
    pub trigger_needs_token: bool,
    /// Whether the platform names the address of the deployed site, once a deployment that is followed has succeeded.
    pub names_site: bool,
    /// Whether this was ever tried against the live service.
    pub tried_live: bool,
    /// Whether the platform cancels a deployment when a newer one comes: then it was superseded.
    pub newer_cancels: bool,
    /// How long the platform may take to show a deployment after it accepted a trigger and named none.
    pub appears_within: Duration,
    /// Whether a success may be reported before the last commands ran.
    pub success_may_be_early: bool,
}

impl Facts {
    /// Nothing but a token is needed, and nothing else is known.
    pub const NONE: Self = Self {
        name: "",
        known_by: "",
        host: None,
        hook_path: &[],
        dashboards: &[],
        hook_place: "",
        token_prefixes: &[],
        followed: "not",
        hook_variables: &[],
        token_variables: &[],
        account_variables: &[],
        project_variables: &[],
        needs: &[Need::Token],
        token_header: None,
        api_host: None,
        list: None,
        poll: None,
        log: None,
        about: None,
        deployments: &[""],
        deployment: &[""],
        id: &["/id"],
        id_prefix: "",
        state: &["/status"],
        created: &["/createdAt", "/created_at"],
        ended: &["/finishedAt", "/finished_at"],
        message: &[],
        origin: &[],
        environment: &[],
        page: &[],
        site: &[],
        waiting: "",
        running: "",
        building: "",
        post_deploy: "",
        succeeded: "",
        failed: "",
        canceled: "canceled cancelled",
        superseded: "",
        log_fields: "",
        requests_per_minute: None,
        error_fields: &["error", "errors", "message", "detail", "description", "title"],
        hook_origin: None,
        trigger_needs_token: false,
        names_site: false,
        tried_live: false,
        newer_cancels: false,
        appears_within: Duration::from_mins(2),
        success_may_be_early: false,
    };

    /// What a state word means.
    pub fn phase(&self, word: &str) -> Phase {
        let word = normal(word);
        let meanings = [
            (self.waiting, Phase::Waiting),
            (self.running, Phase::Running),
            (self.succeeded, Phase::Ended(Verdict::Succeeded)),
            (self.failed, Phase::Ended(Verdict::Failed)),
            (self.canceled, Phase::Ended(Verdict::Canceled)),
            (self.superseded, Phase::Ended(Verdict::Superseded)),
        ];
        let has_word = |words: &str| words.split(' ').any(|known| known == word);
        let meaning = meanings.into_iter().find(|(words, _)| word.is_empty() || has_word(words));
        meaning.map_or(Phase::Unknown, |(_, phase)| phase)
    }
}

/// JSON pointers, of which the first one counts that leads to something usable.
pub type Pointers = &'static [&'static str];

/// An input that a platform's API needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// `api-token`
    Token,
    /// `account`
    Account,
    /// `project`
    Project,
}
