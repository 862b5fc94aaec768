//! The known differences from the vendors' descriptions, and their reasons.

use super::Kind;

/// A known difference. One that is no longer needed fails the test.
pub(super) struct Exception {
    pub(super) kinds: &'static [Kind],
    pub(super) platform: &'static str,
    /// A text in the faults.
    pub(super) faults: &'static [&'static str],
    pub(super) reason: &'static str,
}

pub(super) const EXCEPTIONS: &[Exception] = &[
    Exception {
        kinds: &[Kind::Request],
        platform: "forge",
        faults: &["trigger env is not in the query"],
        reason: "any parameter of the hook becomes a variable of the deploy script, and an example has one",
    },
    Exception {
        kinds: &[Kind::Request],
        platform: "sevalla",
        faults: &["trigger no operation is POST"],
        reason: "host and path of the hook are not published",
    },
    Exception {
        kinds: &[Kind::Recorded],
        platform: "cloudflare-pages",
        faults: &[
            "/result: \"is_skipped\" is a required",
            "/metadata: \"commit_dirty\" is a required",
            "/source/config: \"deployments_enabled\" is a required",
            "/source/config: \"owner_id\" is a required",
            "/source/config: \"path_excludes\" is a required",
            "/source/config: \"path_includes\" is a required",
            "/source/config: \"preview_branch_excludes\" is a required",
            "/source/config: \"preview_branch_includes\" is a required",
            "/source/config: \"preview_deployment_setting\" is a required",
            "/source/config: \"production_deployments_enabled\" is a required",
            "/source/config: \"repo_id\" is a required",
        ],
        reason: "recorded in 2022, when there were fewer fields than the types of 2026 have",
    },
    Exception {
        kinds: &[Kind::Recorded],
        platform: "netlify",
        faults: &[
            "/commit_ref: null is not",
            "/commit_url: null is not",
            "/error_message: null is not",
            "/locked: null is not",
            "/published_at: null is not",
            "/required_functions: null is not",
            "/review_id: null is not",
            "/review_url: null is not",
            "/skipped: null is not",
            "/title: null is not",
        ],
        reason: "captured: Netlify sends null where the description has a text, a number, a list or a boolean",
    },
    Exception {
        kinds: &[Kind::Recorded],
        platform: "vercel",
        faults: &["read : \"readyState\" is a required"],
        reason: "an excerpt: the first fields of a debug log",
    },
    Exception {
        kinds: &[Kind::Recorded, Kind::Sandbox],
        platform: "vercel",
        faults: &["trigger no answer has the status 201"],
        reason: "the number of the success is not documented; the description lists 200",
    },
    Exception {
        kinds: &[Kind::Recorded, Kind::Sandbox],
        platform: "vercel",
        faults: &["log : the value is not of type \"object\""],
        reason: "the description has one event of the stream; without following, they come in a list",
    },
    Exception {
        kinds: &[Kind::Sandbox],
        platform: "cloudflare-pages",
        faults: &["trigger /result: null is not"],
        reason: "the answer of the hook is not documented; one scenario has it without an id",
    },
    Exception {
        kinds: &[Kind::Sandbox],
        platform: "cloudflare-workers",
        faults: &["trigger /result: null is not"],
        reason: "a refusal with the status of a success: the vendor decides by the code of the error",
    },
    Exception {
        kinds: &[Kind::Sandbox],
        platform: "forge",
        faults: &["/ended_at: null is not"],
        reason: "the description does not say what a deployment that has not ended has there",
    },
    Exception {
        kinds: &[Kind::Sandbox],
        platform: "netlify",
        faults: &[
            "/commit_ref: null is not",
            "/error_message: null is not",
            "/published_at: null is not",
            "/skipped: null is not",
            "/title: null is not",
        ],
        reason: "null, as in the captured answers",
    },
    Exception {
        kinds: &[Kind::Sandbox],
        platform: "render",
        faults: &["/finishedAt: null is not"],
        reason: "the sandbox cannot leave out the end of a deployment that goes on",
    },
    Exception {
        kinds: &[Kind::Recorded, Kind::Sandbox],
        platform: "render",
        faults: &["about /serviceDetails: the value is valid under more than one"],
        reason: "what a web service has, the description allows a private service and a worker to have too",
    },
];
