//! What GitLab is told: the bodies of its requests, and which of its states an outcome is. Pure.
//!
//! Source: GitLab's REST API description, `v4`. A commit status's name, link and description have at most 255
//! characters each.

use serde_json::{Value, json};

use super::job::Job;
use crate::ci::records::standing::{Stand, Standing, mark};
use crate::deploy::state::Outcome;
use crate::render::text::cut;

/// The longest text of a commit status.
const TEXT: usize = 255;

/// The longest page of a note; GitLab takes a million characters.
const PAGE: usize = 60_000;

/// `POST /projects/{id}/statuses/{sha}`: `running`, and once over whether the job passes.
///
/// GitLab looks for the pipeline by all that is sent, so its reference is left out where only GitLab knows it.
pub(super) fn status(standing: &Standing, name: &str, job: &Job) -> Value {
    let state = match standing.stand {
        Stand::Waiting | Stand::Running => "running",
        Stand::Over { passed: true, .. } => "success",
        Stand::Over { outcome: Outcome::Canceled | Outcome::Superseded | Outcome::Interrupted, .. } => {
            "canceled"
        }
        Stand::Over { .. } => "failed",
    };
    let mut body =
        json!({ "state": state, "name": cut(name, TEXT), "description": cut(&standing.text, TEXT) });
    if let Some(pipeline) = job.pipeline {
        body["pipeline_id"] = json!(pipeline);
        body["ref"] = json!(job.pipeline_reference);
    } else if !job.reference.is_empty() {
        body["ref"] = json!(job.reference);
    }
    if (1..=TEXT).contains(&job.page.chars().count()) {
        body["target_url"] = json!(job.page);
    }
    if let Some(body) = body.as_object_mut() {
        body.retain(|_, value| !value.is_null());
    }
    body
}

/// `POST /projects/{id}/deployments`.
pub(super) fn deployment(standing: &Standing, environment: &str, job: &Job) -> Value {
    json!({
        "environment": cut(environment, TEXT),
        "sha": job.head,
        "ref": job.reference,
        "tag": job.tag,
        "status": state(standing.stand),
    })
}

/// `PUT /projects/{id}/deployments/{deployment_id}`.
pub(super) fn deployment_update(standing: &Standing) -> Value {
    json!({ "status": state(standing.stand) })
}

/// A deployment's state. GitLab has none for an end that was not seen, and would take `success` for live.
fn state(stand: Stand) -> &'static str {
    match stand {
        Stand::Waiting | Stand::Running => "running",
        Stand::Over { outcome: Outcome::Succeeded, .. } => "success",
        Stand::Over { outcome: Outcome::Failed | Outcome::Refused | Outcome::Unreachable, .. } => "failed",
        Stand::Over { .. } => "canceled",
    }
}

/// `POST` and `PUT …/merge_requests/{iid}/notes`. A line of a note that begins with a slash would be an order to
/// GitLab, given in the token's name; not every version leaves a log's lines out of that.
pub(super) fn note(standing: &Standing, name: &str, job: &Job) -> Value {
    let link = if job.page.is_empty() { String::new() } else { format!("\n\n[The job]({})", job.page) };
    let text = format!("{}\n{}{link}", mark(name), cut(&standing.page, PAGE));
    let harmless = |line: &str| {
        if line.trim_start().starts_with('/') { format!("·{line}") } else { line.to_owned() }
    };
    let lines: Vec<String> = text.replace('\r', "").split('\n').map(harmless).collect();
    json!({ "body": lines.join("\n") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job {
            project: "42".to_owned(),
            sha: "beef".to_owned(),
            head: "beef".to_owned(),
            reference: "main".to_owned(),
            tag: false,
            pipeline: Some(7001),
            pipeline_reference: Some("main".to_owned()),
            page: "https://gitlab.example.com/acme/site/-/jobs/1".to_owned(),
            request: None,
            cause: String::new(),
        }
    }

    fn over(outcome: Outcome, passed: bool) -> Standing {
        Standing::over(outcome, passed, "text".to_owned(), "page".to_owned())
    }

    #[test]
    fn nothing_that_is_over_is_left_open_and_only_a_success_is_live() {
        for outcome in Outcome::ALL {
            for passed in [true, false] {
                let standing = over(outcome, passed);
                let status = &status(&standing, "Deploy", &job())["state"];
                assert_eq!(status == "success", passed, "{outcome}");
                assert_ne!(status, "running");
                let state = state(standing.stand);
                assert_ne!(state, "running");
                assert_eq!(state == "success", outcome == Outcome::Succeeded, "{outcome}");
            }
        }
    }

    #[test]
    fn a_status_names_what_finds_its_pipeline_and_nothing_that_hides_it() {
        let body = status(&over(Outcome::Failed, false), "Deploy", &job());
        assert_eq!((&body["pipeline_id"], &body["ref"]), (&json!(7001), &json!("main")));
        let of_request = Job { pipeline_reference: None, ..job() };
        let body = status(&over(Outcome::Failed, false), "Deploy", &of_request);
        assert_eq!((&body["pipeline_id"], body.get("ref")), (&json!(7001), None));
        let long = Job { page: "x".repeat(300), pipeline: None, ..job() };
        let body = status(&over(Outcome::Failed, false), &"n".repeat(300), &long);
        assert_eq!((body.get("target_url"), &body["ref"]), (None, &json!("main")));
        assert_eq!(body["name"].as_str().map(|name| name.chars().count()), Some(255));
    }

    #[test]
    fn no_line_of_a_note_is_an_order() {
        let page = "x\n/close\n  /merge\n```\n\r/approve\n````\n/label ~x";
        let standing = Standing::over(Outcome::Failed, false, String::new(), page.to_owned());
        let body = note(&standing, "Deploy", &job());
        let text = body["body"].as_str().unwrap();
        assert!(text.lines().all(|line| !line.trim_start().starts_with('/')), "{text}");
        assert!(text.contains("\n·/close\n·  /merge\n```\n·/approve\n````\n·/label"), "{text}");
    }
}
