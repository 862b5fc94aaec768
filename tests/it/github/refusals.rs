//! A refusal by GitHub is reported with its own message, the reasons it lists, and advice that fits.

use super::fake_github::FakeGitHub;
use super::runner::Job;
use super::{all, platform};
use crate::fake_api::Fault;

/// The one warning of a run whose comment is answered like this.
async fn warning(fault: Fault) -> String {
    let (github, sandbox) = (FakeGitHub::start().await, platform("forbidden", 20.0).await);
    github.fail("", fault, usize::MAX);
    let done = Job::of_pull(&github, &sandbox, "comment").run().await;
    let warnings = done.annotations("warning");
    assert_eq!((done.code, warnings.len()), (Some(3), 1), "{fault:?}: {}", done.log);
    warnings[0].to_owned()
}

#[tokio::test]
async fn a_403_is_reported_by_its_cause() {
    let cases = [
        ("Resource not accessible by integration", "Add `pull-requests: write`"),
        ("Resource not accessible by personal access token", "Add `pull-requests: write`"),
        ("Must have admin rights to Repository.", "Add `pull-requests: write`"),
        ("Unable to create comment because issue is locked.", "Unlock the conversation"),
        (
            "Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow \
             list enabled, and your IP address is not permitted to access this resource.",
            "IP address to the allow list",
        ),
        (
            "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to \
             this organization.",
            "single sign-on",
        ),
        ("Repository was archived so is read-only.", "Unarchive it"),
        ("Sorry. Your account was suspended.", "account"),
        ("Repository has been locked for migration.", "read-only for now"),
        ("You must have two-factor authentication enabled.", "set up two-factor"),
        ("`acme` forbids access via a personal access token (classic).", "does not allow this type of token"),
        ("You must authenticate via a GitHub App.", "Personal access tokens cannot"),
        ("API rate limit exceeded for installation ID 1.", "rate limit"),
        ("You have triggered an abuse detection mechanism.", "rate limit"),
        (
            "Request forbidden by administrative rules.",
            "administrative rules. This does not change the outcome.",
        ),
        ("Something nobody has seen yet.", "seen yet. This does not change the outcome."),
    ];
    all(cases.map(|(message, advice)| async move {
        let context = warning(Fault::Message(403, message)).await;
        assert!(context.contains(advice), "{advice}: {context}");
        let is_limit = advice == "rate limit";
        assert!(is_limit || context.contains(message.trim_end_matches('.')), "{context}");
        assert_eq!(context.contains("`permissions:`"), advice.starts_with("Add `"), "{context}");
    }))
    .await;
}

#[tokio::test]
async fn the_reasons_of_an_error_are_shown() {
    let cases = [
        (
            r#"{"message":"Validation Failed","errors":[{"resource":"Status","code":"custom","field":"description","message":"description doesn't accept 4-byte Unicode"}],"documentation_url":"https://docs.github.com"}"#,
            "GitHub answered 422: Validation Failed (description doesn't accept 4-byte Unicode).",
        ),
        (
            r#"{"message":"Validation Failed","errors":[{"resource":"CheckRun","code":"invalid","field":"head_sha"},{"resource":"CheckRun","code":"missing_field","field":"name"}]}"#,
            "Validation Failed (head_sha: invalid; name: missing field).",
        ),
        (
            r#"{"message":"Validation Failed","errors":["No commit found for SHA: 2222"]}"#,
            "Validation Failed (No commit found for SHA: 2222).",
        ),
        (
            r#"{"message":"Invalid request.\n\nNo subschema matched.","errors":"and more"}"#,
            "No subschema matched (and more).",
        ),
        (r#"{"errors":[{"message":"alone"}]}"#, "GitHub answered 422: alone."),
        ("[]", "GitHub answered 422."),
        ("<html>", "GitHub answered 422."),
    ];
    all(cases.map(|(body, reason)| async move {
        let warning = warning(Fault::Body(422, body)).await;
        assert!(warning.contains(reason), "{reason}: {warning}");
    }))
    .await;
}

#[tokio::test]
async fn a_hostile_refusal_is_shown_on_one_clean_line() {
    let body = r#"{"message":"x\n::error::forged\u001b[31m","errors":["::add-mask::y\r\n##[error]z"]}"#;
    let line = warning(Fault::Body(422, body)).await;
    assert!(!line.contains('\u{1b}') && !line.contains("##["), "{line}");
}
