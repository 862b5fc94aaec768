//! Tests of `fortrabbit.rs`.

use serde_json::json;

use super::*;
use crate::platforms;
use crate::secrets::{HookUrl, Token};

fn hook(url: &str) -> Result<HookUrl, UrlFault> {
    platforms::documented(&Fortrabbit, HookUrl::parse(url)?)
}

fn one(body: &Value) -> Option<Deployment> {
    Fortrabbit.deployments(body, &Redactor::default())?.into_iter().next()
}

#[test]
fn every_documented_shape_names_its_deployment_and_its_generation() {
    let draft = json!({ "id": "dp_abc123", "state": "PENDING", "createdAt": 1_676_567_890_000_u64 });
    for body in [
        json!({ "deployment": draft }),
        json!({ "data": draft }),
        draft.clone(),
        json!([draft]),
        json!({ "data": [draft] }),
    ] {
        let found = one(&body).unwrap();
        assert_eq!(found.snapshot.id.as_str(), "dp_abc123");
        assert_eq!((found.snapshot.word.as_str(), found.snapshot.phase), ("PENDING", Phase::Waiting));
        assert_eq!(
            humantime::format_rfc3339(found.snapshot.created_at.unwrap()).to_string(),
            "2023-02-16T17:18:10Z"
        );
        assert_eq!(found.source, StateSource::Hook);
    }
    let live = one(&json!({ "data": { "publicId": "dp-abc123" } })).unwrap();
    assert_eq!((live.source, live.snapshot.word.as_str()), (StateSource::Api, ""));
    let api = json!({ "hydra:member": [{ "publicId": "dp-abc123", "status": "pending", "environment": "en-wjl0ai" }] });
    let api = one(&api).unwrap();
    assert_eq!((api.environment.as_deref(), api.snapshot.phase), (Some("en-wjl0ai"), Phase::Waiting));
    assert_eq!(
        one(&json!({ "publicId": "dp-a", "environment": { "publicId": "en-b" } }))
            .unwrap()
            .environment
            .unwrap(),
        "en-b"
    );
}

#[test]
fn absurd_answers_name_no_deployment_and_absurd_fields_are_as_if_not_there() {
    for body in [
        json!(null),
        json!("dp_abc123"),
        json!([]),
        json!({}),
        json!({ "deployment": null }),
        json!({ "deployment": { "id": [] } }),
        json!({ "deployment": { "id": "../../users" } }),
        json!({ "deployment": { "id": "" } }),
        json!({ "data": { "publicId": { "a": 1 } } }),
        json!({ "deployment": { "id": -1 } }),
    ] {
        assert_eq!(one(&body), None, "{body}");
    }
    for time in [json!(1e300), json!(-5), json!("soon"), json!([1]), json!(u64::MAX)] {
        let found = one(&json!({ "deployment": { "id": 7, "state": 5, "createdAt": time } })).unwrap();
        assert_eq!((found.snapshot.id.as_str(), found.snapshot.word.as_str()), ("7", ""));
        assert!(found.unreadable_time, "{time}");
        assert_eq!(found.snapshot.created_at, None, "{time}");
    }
}

#[test]
fn an_error_is_reported_in_the_platforms_words_without_the_secret() {
    let hook = hook("https://api.fortrabbit.com/v1/deploy-hook/LONGSTRING").unwrap();
    let redactor = Redactor::new(Some(&hook), []);
    let message = |body: &Value| Fortrabbit.error(body.to_string().as_bytes(), &redactor).unwrap_or_default();
    assert_eq!(message(&json!({ "error": "Environment not found." })), "Environment not found.");
    assert_eq!(message(&json!({ "error": { "message": "No hook LONGSTRING here" } })), "No hook *** here");
    assert_eq!(message(&json!({ "hydra:description": "a\u{1b}[31mb" })), "ab");
    assert_eq!(message(&json!({ "errors": { "branch": ["is gone"] } })), "is gone");
    assert_eq!(message(&json!({ "violations": [{ "message": "too short" }] })), "too short");
    for foreign in ["<html>502 Bad Gateway</html>", "", "[]", "null", r#"{"ray":"8c"}"#, r#"{"error":null}"#]
    {
        assert_eq!(Fortrabbit.error(foreign.as_bytes(), &redactor), None, "{foreign}");
    }
}

#[test]
fn a_log_keeps_its_end_one_clean_line_each() {
    let entry = |n: u32| json!({ "time": "2026-01-01T10:20:30Z", "log": format!("line {n}\r\n\u{1b}[1mmore\u{1b}[0m") });
    let body = json!({ "logs": (0..5).map(entry).collect::<Vec<_>>() }).to_string();
    let log = |body: &str| Fortrabbit.log_lines(body.as_bytes(), &Redactor::default(), 3);
    let lines = log(&body);
    assert_eq!(lines, ["10:20:30 more", "10:20:30 line 4", "10:20:30 more"]);
    assert!(log("[1, 2]").is_empty() && log("no").is_empty());
}

fn access(hook: &str, token: bool) -> PlatformAccess {
    let token = if token { Token::parse("frbit-at-00ff00ff") } else { None };
    let api = Fortrabbit.api(None);
    PlatformAccess { hook: self::hook(hook).ok(), token, api, ..PlatformAccess::new(&Fortrabbit) }
}

const LIVE: &str = "https://api.fortrabbit.com/webhooks/environments/en-a/deploy/LONGSTRING";

#[test]
fn a_documented_hook_is_shown_up_to_its_secret_and_sent_with_single_slashes() {
    const URL: &str =
        "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/Zx9-kk_LONGSTRING%2Fq";
    for pasted in [URL.to_owned(), format!("{URL}/"), URL.replace("/en-wjl0ai/", "//en-wjl0ai//")] {
        let hook = hook(&pasted).unwrap();
        assert_eq!(hook.expose().as_str(), URL, "{pasted}");
        assert_eq!(hook.label(), "https://api.fortrabbit.com/webhooks/environments/en-wjl0ai/deploy/***");
    }
    for (url, label) in [
        (
            "https://api.fortrabbit.com/v1/deploy-hook//LONGSTRING?key=abc",
            "https://api.fortrabbit.com/v1/deploy-hook/***",
        ),
        (
            "http://127.0.0.1:80/v1/deploy/en-a/deploy-hook/LONG",
            "http://127.0.0.1/v1/deploy/en-a/deploy-hook/***",
        ),
        (
            "https://api.staging.example/v1/deploy-hook//LONG",
            "https://api.staging.example/v1/deploy-hook/***",
        ),
        ("https://api.fortrabbit.com/v9/Zx9kkLONG/deploy", "https://api.fortrabbit.com/***"),
        ("https://api.fortrabbit.com/v1/deploy/Zx9kkLONG/deploy-hook/on", "https://api.fortrabbit.com/***"),
    ] {
        assert_eq!(hook(url).unwrap().label(), label, "{url}");
    }
    let redactor =
        Redactor::new(Some(&hook("https://api.fortrabbit.com/v1/deploy-hook/LONG?key=Zx9k").unwrap()), []);
    assert_eq!(redactor.redact("LONG Zx9k deploy-hook v1"), "*** *** deploy-hook v1");
}

#[test]
fn a_hook_that_ends_before_its_secret_is_cut_off() {
    for path in [
        "v1/deploy-hook/",
        "v1/deploy/en-wjl0ai",
        "v1/deploy/en-wjl0ai/deploy-hook/",
        "webhooks/environments/",
        "webhooks/environments/en-wjl0ai",
        "webhooks/environments/production-abc123/",
        "webhooks/environments/production-abc123/deploy",
        "v1/webhooks/environments/en-wjl0ai",
    ] {
        let url = format!("https://api.fortrabbit.com/{path}").parse().unwrap();
        assert_eq!(Fortrabbit.hook(&url), Err(UrlFault::NoSecret), "{path}");
    }
}

#[test]
fn the_hooks_that_are_known_to_be_readable_are_read_and_no_other() {
    for path in ["v1/deploy-hook", "v1/deploy/en-a/deploy-hook", "v1/webhooks/environments/en-a/deploy"] {
        let access = access(&format!("https://api.fortrabbit.com/{path}/LONGSTRING"), true);
        assert_eq!(Fortrabbit.source(&access, ReadTarget::Any), Some(StateSource::Hook), "{path}");
    }
    assert_eq!(Fortrabbit.source(&access(LIVE, true), ReadTarget::Any), Some(StateSource::Api));
    assert_eq!(Fortrabbit.source(&access(LIVE, false), ReadTarget::Any), None);
}

#[test]
fn a_hook_that_has_just_answered_with_the_drafts_whole_body_is_readable_whatever_its_path() {
    let live = access(LIVE, false);
    let id_alone = one(&json!({ "id": "dp_abc123" })).unwrap();
    assert_eq!(Fortrabbit.source(&live, ReadTarget::Accepted(&id_alone)), None);
    let draft = one(&json!({ "id": "dp_abc123", "state": "PENDING" })).unwrap();
    assert_eq!(Fortrabbit.source(&live, ReadTarget::Accepted(&draft)), Some(StateSource::Hook));
    let named = one(&json!({ "publicId": "dp-abc123" })).unwrap();
    assert_eq!(Fortrabbit.source(&live, ReadTarget::Accepted(&named)), None);
    assert_eq!(Fortrabbit.source(&access(LIVE, true), ReadTarget::Accepted(&named)), Some(StateSource::Api));
}

#[test]
fn state_and_status_are_both_read_and_success_counts_last() {
    let word = |body: Value| one(&json!({ "deployment": body })).unwrap().snapshot.word;
    assert_eq!(word(json!({ "id": 1, "state": null, "status": "pending" })), "pending");
    assert_eq!(word(json!({ "id": 1, "state": "", "status": "failed" })), "failed");
    assert_eq!(word(json!({ "id": 1, "state": "BUILDING", "status": "success" })), "BUILDING");
    assert_eq!(word(json!({ "id": 1, "state": "SUCCEEDED", "status": "failed" })), "failed");
    assert_eq!(word(json!({ "id": 1, "state": "ENABLED", "status": "deployed" })), "deployed");
    assert_eq!(word(json!({ "id": 1 })), "");
}

#[test]
fn an_object_with_an_id_is_a_deployment_only_where_it_looks_like_one() {
    for notice in [
        json!({ "id": "req_1", "message": "maintenance" }),
        json!({ "error": "maintenance", "id": "abc123" }),
        json!({ "status": "maintenance", "id": "abc123" }),
        json!({ "status": "success", "id": "req_2", "message": "maintenance" }),
        json!({ "state": "maintenance", "id": "abc123" }),
        json!({ "data": { "id": 17, "text": "maintenance" } }),
        json!({ "data": { "id": "maintenance-1", "type": "banner" } }),
        json!({ "id": 42, "name": "login" }),
        json!([{ "id": 42, "name": "login" }]),
        json!({ "member": [{ "id": "dp_abc123", "error": "gone" }] }),
    ] {
        assert_eq!(one(&notice), None, "{notice}");
    }
    for deployment in [
        json!({ "deployment": { "id": "abc123" } }),
        json!({ "data": { "publicId": "x-1", "message": "a commit's" } }),
        json!({ "id": "dp_abc123" }),
        json!({ "id": "dp_abc123", "state": "POLISHING" }),
        json!({ "id": "abc123", "state": "PENDING" }),
        json!({ "id": "abc123", "createdAt": 1_676_567_890_000_u64 }),
        json!([{ "id": "de-abc123", "status": "pending" }]),
    ] {
        assert!(one(&deployment).is_some(), "{deployment}");
    }
}
