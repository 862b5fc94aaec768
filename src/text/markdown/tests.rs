//! Tests of `markdown.rs`.

use std::time::Duration;

use super::*;
use crate::core::report::{Cause, Task, TriggerState};
use crate::core::state::{DeploymentId, Snapshot, Verdict};
use crate::core::trigger::{Refusal, RefusalReason};
use crate::text::{CodeHost, Fix, ReportError, ReportKind};

fn snapshot(text: &str) -> Snapshot {
    Snapshot {
        id: DeploymentId::new("dp-abc123").unwrap(),
        word: text.to_owned(),
        phase: Phase::Running,
        created_at: None,
        dashboard_url: Some(text.to_owned()),
        message: String::new(),
        site: None,
    }
}

/// A run with this text in every untrusted field.
fn run(outcome: Outcome, text: &str) -> (Report, RunContext, Vec<ReportResult>) {
    let stage = |phase, at| StateSpan { word: text.to_owned(), phase, at: Duration::from_secs(at) };
    let report = Report {
        task: Task::Deploy,
        outcome,
        sent: TriggerState::Yes,
        cause: Some(Cause::Refused(Refusal {
            status: 403,
            why: RefusalReason::Other,
            message: text.to_owned(),
            retry_after: None,
            advice: None,
        })),
        started: SystemTime::UNIX_EPOCH,
        duration: Duration::from_secs(9),
        usual_duration: None,
        last_read: Some(Duration::from_secs(9)),
        snapshot: Some(snapshot(text)),
        stages: vec![stage(Phase::Running, 0), stage(Phase::Ended(Verdict::Failed), 9)],
        site: None,
        triggers: 1,
        polls: 3,
        log: vec![text.to_owned()],
    };
    let context = RunContext {
        environment: Some(text.to_owned()),
        environment_url: Some(format!("https://example.com/{text}")),
        hook: text.to_owned(),
        cause: Some(text.to_owned()),
        ..RunContext::default()
    };
    let error = |kind| ReportResult {
        kind,
        code_host: CodeHost::GitHub,
        error: Some(ReportError { why: text.to_owned(), fix: Fix::Permission, read_only: false }),
    };
    (report, context, ReportKind::ALL.map(error).to_vec())
}

#[test]
fn foreign_text_is_never_markup() {
    assert_eq!(escape("<script>[x](https://e)|*a*"), "&lt;script&gt;\\[x\\](https:&#8203;//e)\\|\\*a\\*");
    assert_eq!(escape("@a #1\n"), "@&#8203;a #&#8203;1 ");
    assert_eq!(code("a`b|c"), "``a`b\\|c``");
    assert_eq!(code("`"), "`` ` ``");
}

#[test]
fn what_a_sentence_of_ours_quotes_is_code_and_what_is_not_closed_is_text() {
    assert_eq!(prose("Raise `timeout`, *now*."), "Raise `timeout`, \\*now\\*.");
    assert_eq!(prose("a `b <i>"), "a \\`b &lt;i&gt;");
    assert_eq!(prose("a `` b"), "a \\`\\` b");
    assert_eq!(prose("`a|b`"), "`a|b`");
}

#[test]
fn an_address_is_a_link_where_it_leads_to_the_web() {
    let plain = link("https://example.com/a_b?c=d&e");
    assert_eq!(plain, "[example.com/a\\_b?c=d&amp;&#8203;e](<https://example.com/a_b?c=d&amp;e>)");
    assert_eq!(href("https://e/> |\\\"<x>\n`").unwrap(), "<https://e/%3E%20%7C%5C%22%3Cx%3E%0A%60>");
    assert_eq!(link("javascript:alert(1)"), "`javascript:alert(1)`");
    assert!(link(&format!("https://e/{}", "x".repeat(5000))).len() < 1000);
}

#[test]
fn a_log_cannot_leave_its_fence_nor_outgrow_its_share() {
    let hostile = ["```".to_owned(), "</details><script>".to_owned(), "````".to_owned()];
    assert!(log(&hostile).contains("\n`````text\n```\n</details><script>\n````\n`````\n"));
    let long = vec!["x".repeat(500); 1000];
    let text = log(&long);
    assert!(text.len() < MAX_LOG + 200, "{}", text.len());
    assert!(text.len() > MAX_LOG - 1000, "{}", text.len());
    assert!(log(&["x".repeat(1 << 20)]).contains("(1 line)"));
    assert_eq!(log(&[]), "");
}

#[test]
fn the_end_of_the_log_is_what_is_kept_of_it() {
    let lines: Vec<String> = (0..2000).map(|n| format!("line {n} {}", "x".repeat(100))).collect();
    let text = log(&lines);
    assert!(text.contains("line 1999 ") && text.contains("line 1800 ") && !text.contains("line 1799 "));
}

#[test]
fn a_list_of_bad_input_has_a_limit() {
    assert!(bad_input(&vec!["@".repeat(1 << 20); 500]).len() < 1 << 20);
}

#[test]
fn no_input_makes_a_page_too_long_nor_takes_its_heading() {
    for hostile in ["x", "@", "`", "&", "\\|", "😀", "` ", "\n", "</details><script>"] {
        for outcome in [Outcome::Failed, Outcome::Refused] {
            let text = hostile.repeat((1 << 20) / hostile.len());
            let (mut report, context, results) = run(outcome, &text);
            report.stages = vec![report.stages[0].clone(); 40];
            for (n, stage) in (0..).zip(&mut report.stages) {
                stage.at = Duration::from_secs(100 * n.min(2) + n);
            }
            report.log = vec![text.clone(); 3];
            let page = summary(&report, &context, &results);
            assert!(page.len() < MAX_PAGE + 10, "{outcome} {hostile:?}: {}", page.len());
            assert!(page.starts_with("### ") && page.ends_with("\n\n---\n\n"), "{outcome} {hostile:?}");
            assert_eq!(page.matches("| Outcome | ").count(), 1, "{outcome} {hostile:?}");
            assert_eq!(page.matches("```mermaid").count(), 1, "{outcome} {hostile:?}");
        }
    }
}
