//! The bodies of requests to GitLab, and which of its states an outcome is. Pure.
//!
//! Source: GitLab's REST API description, `v4`. A commit status's name, link and description have at most 255
//! characters each.

use serde_json::{Value, json};

use super::job::Job;
use crate::core::state::Outcome;
use crate::reporting::updater::api_text;
use crate::reporting::updater::report_state::{ReportStage, ReportState};

/// The longest text of a commit status.
const TEXT: usize = 255;

/// `POST /projects/{id}/statuses/{sha}`: `running`, and once over whether the job passes.
///
/// GitLab finds the pipeline by all that is sent, so its reference is left out where only GitLab knows it.
pub(super) fn status(state: &ReportState, name: &str, job: &Job) -> Value {
    let of_pipeline = job.pipeline.is_some();
    let reference = if of_pipeline { job.pipeline_reference.as_ref() } else { Some(&job.reference) };
    api_text::without_nulls(json!({
        "state": status_state(state.stage),
        "name": api_text::line(name, TEXT, "Deploy"),
        "description": api_text::line(&state.text, TEXT, "Deploy"),
        "pipeline_id": job.pipeline,
        "ref": reference.filter(|name| !name.is_empty()),
        "target_url": api_text::link(&job.url).filter(|page| page.chars().count() <= TEXT),
    }))
}

pub(super) fn status_state(stage: ReportStage) -> &'static str {
    match stage {
        ReportStage::Waiting | ReportStage::Running => "running",
        ReportStage::Over { passed: true, .. } => "success",
        ReportStage::Over {
            outcome: Outcome::Canceled | Outcome::Superseded | Outcome::Interrupted, ..
        } => "canceled",
        ReportStage::Over { .. } => "failed",
    }
}

/// An environment's name, of GitLab's own characters alone.
pub(super) fn environment(name: &str) -> String {
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.' | ' ' | '$' | '{' | '}');
    let line = api_text::line(name, TEXT, "production");
    let plain: String = line.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let plain = plain.trim_matches(['/', ' ']);
    let is_name = plain.contains(|c: char| c.is_ascii_alphanumeric());
    if is_name { plain.to_owned() } else { "production".to_owned() }
}

/// `POST /projects/{id}/deployments`.
pub(super) fn deployment(state: &ReportState, name: &str, job: &Job) -> Value {
    json!({
        "environment": environment(name),
        "sha": job.head,
        "ref": job.reference,
        "tag": job.tag,
        "status": deployment_status(state.stage),
    })
}

/// `PUT /projects/{id}/deployments/{deployment_id}`.
pub(super) fn deployment_update(state: &ReportState) -> Value {
    json!({ "status": deployment_status(state.stage) })
}

/// A deployment's state. GitLab has none for an end that was not seen, and would take `success` for live.
pub(super) fn deployment_status(stage: ReportStage) -> &'static str {
    match stage {
        ReportStage::Waiting | ReportStage::Running => "running",
        ReportStage::Over { outcome: Outcome::Succeeded, .. } => "success",
        ReportStage::Over {
            outcome: Outcome::Failed | Outcome::Unverified | Outcome::Refused | Outcome::Unreachable,
            ..
        } => "failed",
        ReportStage::Over { .. } => "canceled",
    }
}

/// `POST` and `PUT …/merge_requests/{iid}/notes`. A line of a comment that begins with a slash would be a command to
/// GitLab, given in the token's name; not every version leaves a log's lines out of that.
pub(super) fn comment(state: &ReportState, name: &str, job: &Job) -> Value {
    let text = api_text::comment(name, &state.markdown, ("The job", &job.url));
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
            url: "https://gitlab.example.com/acme/site/-/jobs/1".to_owned(),
            request: None,
            cause: String::new(),
        }
    }

    fn over(outcome: Outcome, passed: bool) -> ReportState {
        ReportState::finished(outcome, passed, "text".to_owned(), "page".to_owned())
    }

    #[test]
    fn nothing_that_is_over_is_left_open_and_only_a_success_is_live() {
        for outcome in Outcome::ALL {
            for passed in [true, false] {
                let state = over(outcome, passed);
                let status = &status(&state, "Deploy", &job())["state"];
                assert_eq!(status == "success", passed, "{outcome}");
                assert_ne!(status, "running");
                let status = deployment_status(state.stage);
                assert_ne!(status, "running");
                assert_eq!(status == "success", outcome == Outcome::Succeeded, "{outcome}");
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
        let long = Job { url: "x".repeat(300), pipeline: None, ..job() };
        let body = status(&over(Outcome::Failed, false), &"n".repeat(300), &long);
        assert_eq!((body.get("target_url"), &body["ref"]), (None, &json!("main")));
        assert_eq!(body["name"].as_str().map(|name| name.chars().count()), Some(255));
    }

    #[test]
    fn whatever_a_platform_or_a_user_says_is_made_into_what_gitlab_takes() {
        for (name, expected) in [
            ("production", "production"),
            ("review/ünit #1", "review/-nit -1"),
            ("/eu/", "eu"),
            ("🚀", "production"),
            ("", "production"),
            ("a\u{0}b", "ab"),
        ] {
            assert_eq!(environment(name), expected);
        }
        for text in ["", "\u{0}", "🚀 \u{0}LIVE\n", &"🚀 ".repeat(900)] {
            let state = ReportState::finished(Outcome::Failed, false, text.to_owned(), text.repeat(400));
            let odd = Job { url: "javascript:x".to_owned(), ..job() };
            let status = status(&state, text, &odd);
            for field in ["name", "description"] {
                let text = status[field].as_str().unwrap();
                assert!(
                    (1..=255).contains(&text.chars().count()) && !text.contains(char::is_control),
                    "{text}"
                );
            }
            assert_eq!(status.get("target_url"), None);
            let comment = comment(&state, text, &odd);
            let comment = comment["body"].as_str().unwrap();
            assert!(
                comment.chars().count() < 1_000_000
                    && !comment.contains('\0')
                    && !comment.contains("javascript")
            );
        }
    }

    #[test]
    fn no_line_of_a_note_is_an_order() {
        let page = "x\n/close\n  /merge\n```\n\r/approve\n````\n/label ~x";
        let state = ReportState::finished(Outcome::Failed, false, String::new(), page.to_owned());
        let body = comment(&state, "Deploy", &job());
        let text = body["body"].as_str().unwrap();
        assert!(text.lines().all(|line| !line.trim_start().starts_with('/')), "{text}");
        assert!(text.contains("\n·/close\n·  /merge\n```\n·/approve\n````\n·/label"), "{text}");
    }
}
