//! Every recorded exchange means what the contract says.

use deploy_hook::core::state::{DeploymentId, Phase, Snapshot, Verdict};
use deploy_hook::platforms::{Acceptance, Deployment};
use deploy_hook::secrets::Redactor;
use serde_json::{Value, json};

use super::{Subject, TOKEN, list, named, phase, requests, subjects, text, url};
use crate::cli::run::{run, step};
use crate::cli::together;
use crate::secrets::Secrets;
use crate::server::{Reply, Server, reply};

/// A body as it is sent: JSON, or a text that is none.
fn sent(body: &Value) -> String {
    body.as_str().map_or_else(|| body.to_string(), str::to_owned)
}

/// A deployment of which only the id is known.
fn snapshot(id: &str) -> Snapshot {
    Snapshot {
        id: DeploymentId::new(id).expect("an id"),
        word: String::new(),
        phase: Phase::Waiting,
        created_at: None,
        dashboard_url: None,
        message: String::new(),
        site: None,
    }
}

/// Every recorded request with one of its answers.
fn of_kind(subject: &Subject, is_trigger: bool) -> Vec<Value> {
    let exchanges = list(&subject.contract["exchanges"]).iter();
    let of_kind = exchanges.filter(|exchange| (exchange["does"] == "trigger") == is_trigger);
    let with_answers =
        of_kind.flat_map(|exchange| list(&exchange["answers"]).iter().map(move |answer| (exchange, answer)));
    with_answers
        .map(|(exchange, answer)| {
            let mut one = exchange.clone();
            one["answers"].take();
            one["platform"] = subject.name().into();
            one["needs_token"] = subject.platform.facts().trigger_needs_token.into();
            for field in ["status", "body", "means"] {
                one[field] = answer[field].clone();
            }
            one
        })
        .collect()
}

/// Runs the program on a server that gives each recorded answer.
#[tokio::test]
async fn a_recorded_answer_to_a_trigger_ends_the_run_as_it_should() {
    let subjects = subjects();
    let cases = subjects.iter().flat_map(|subject| of_kind(subject, true));
    together(cases.map(|exchange| async move {
        let status = u16::try_from(exchange["status"].as_u64().expect("a status")).expect("a status");
        let mut answer = reply(status, &sent(&exchange["body"]));
        if let (429, Reply::Whole(text)) = (status, &mut answer) {
            // Else the pause before the next trigger would be the longest wait of all tests.
            *text = text.replacen("\r\n", "\r\nRetry-After: 1\r\n", 1);
        }
        let server = Server::plain(answer).await;
        let recorded = text(&exchange["request"]);
        let target = url(recorded.strip_prefix("POST ").expect("a POST"));
        let path = &target[url::Position::BeforePath..];
        let hook = format!("http://{}{path}", server.address);
        let program = run("deploy --wait never").env("DEPLOY_HOOK_URL", &hook);
        let program = named(program, &text(&exchange["platform"]), &hook);
        let program = if exchange["needs_token"] == true {
            program.env("DEPLOY_HOOK_API_TOKEN", TOKEN)
        } else {
            program
        };
        let done = step(program, &Secrets::of(&hook, &[])).await;
        let (meaning, detail) =
            exchange["means"].as_object().and_then(|means| means.iter().next()).expect("a meaning");
        let (end, message) = match meaning.as_str() {
            "accepted" => ((0, "triggered"), ""),
            "refused" => ((3, "refused"), detail.as_str().expect("a text")),
            "unclear" => ((5, "uncertain"), detail.as_str().expect("a text")),
            other => panic!("{other} is no meaning of a trigger"),
        };
        assert_eq!(done.end(), end, "{exchange}\n{}", done.log);
        assert!(done.log.contains(message.trim_end_matches('.')), "{exchange}\n{}", done.log);
        assert_eq!(done.output("deployment-id"), detail["id"].as_str().unwrap_or_default(), "{exchange}");
        let mut requests = server.requests();
        // The platform says that it did nothing, so it may be asked again.
        if done.log.contains("because of its rate limit") {
            assert!(requests.len() <= 3, "{requests:?}");
            requests.dedup();
        }
        // The platform may append a mark.
        let is_one =
            requests.len() == 1 && requests.iter().all(|one| one.starts_with(&format!("POST {path}")));
        assert!(is_one, "{exchange}: {requests:?}");
    }))
    .await;
}

#[test]
fn a_recorded_acceptance_is_read_by_its_platform() {
    for subject in subjects() {
        let accepted =
            of_kind(&subject, true).into_iter().filter(|exchange| !exchange["means"]["accepted"].is_null());
        for exchange in accepted {
            let status = u16::try_from(exchange["status"].as_u64().expect("a status")).expect("a status");
            let body = sent(&exchange["body"]);
            let found = match subject.platform.acceptance(status, body.as_bytes(), &Redactor::default()) {
                Acceptance::Named(deployment) => Some(deployment.snapshot.id.as_str().to_owned()),
                Acceptance::Unnamed { .. } | Acceptance::Queued | Acceptance::Untracked => None,
                other => panic!("{exchange}: {other:?}"),
            };
            assert_eq!(found.as_deref(), exchange["means"]["accepted"]["id"].as_str(), "{exchange}");
        }
    }
}

#[test]
fn a_recorded_answer_to_a_reading_is_read_by_its_platform() {
    for subject in subjects() {
        for exchange in of_kind(&subject, false) {
            let means = &exchange["means"];
            let (platform, body) = (subject.platform, sent(&exchange["body"]));
            let redactor = Redactor::default();
            if let Some(wanted) = means["deployments"].as_array() {
                let found = platform.deployments(&exchange["body"], &redactor).unwrap_or_default();
                assert_eq!(found.len(), wanted.len(), "{exchange}");
                for (found, wanted) in found.iter().map(|one| &one.snapshot).zip(wanted) {
                    assert_eq!(
                        (found.id.as_str(), found.word.as_str()),
                        (&*text(&wanted["id"]), &*text(&wanted["state"]))
                    );
                    assert_eq!(found.phase, phase(&text(&wanted["phase"])), "{exchange}");
                    let created =
                        found.created_at.map(|time| humantime::format_rfc3339_seconds(time).to_string());
                    assert_eq!(created.as_deref(), wanted["created"].as_str(), "{exchange}");
                }
            } else if let Some(wanted) = means["about"].as_object() {
                let hook = &subject.examples()[0].1;
                let (access, snapshot, about) =
                    (subject.access(hook), snapshot("dep-1"), Some(&exchange["body"]));
                let page = platform.dashboard_url(&access, about, &snapshot);
                assert_eq!(page.as_deref(), wanted["page"].as_str(), "{exchange}");
                assert_eq!(platform.site(about, &snapshot).as_deref(), wanted["site"].as_str(), "{exchange}");
            } else if let Some(wanted) = means["log"].as_array() {
                let lines = platform.log_lines(body.as_bytes(), &redactor, 200);
                assert_eq!(lines, wanted.iter().map(text).collect::<Vec<_>>(), "{exchange}");
            } else {
                let error = platform.error(body.as_bytes(), &redactor);
                assert_eq!(error.as_deref(), means["error"].as_str(), "{exchange}");
            }
        }
    }
}

/// What is recorded is what the program asks for, and the token goes with it only where there is one.
#[test]
fn a_recorded_reading_is_one_that_the_platform_asks_for() {
    for subject in subjects() {
        for exchange in of_kind(&subject, false) {
            let (does, recorded) = (text(&exchange["does"]), text(&exchange["request"]));
            let wanted = url(recorded.strip_prefix("GET ").expect("a GET"));
            let named = exchange["means"]["deployments"][0]["id"].as_str();
            let id = exchange["id"].as_str().or(named);
            let hooks = subject.examples().into_iter().map(|(_, hook, _)| hook);
            let asked: Vec<_> = hooks
                .flat_map(|hook| requests(&subject, &subject.access(&hook), &does, id))
                .filter(|request| request.url == wanted)
                .collect();
            assert!(!asked.is_empty(), "{} does not ask for {wanted}", subject.name());
            let is_hook = does == "newest";
            assert!(asked.iter().all(|request| request.with_token != is_hook), "{wanted}");
            assert!(!wanted.as_str().contains(TOKEN));
        }
    }
}

/// Every value of a JSON text replaced by one of another type, one at a time.
fn mutations(body: &Value) -> Vec<Value> {
    let mut all: Vec<Value> =
        [json!(null), json!(-1), json!(1e300), json!("\u{7}x"), json!([]), json!({}), json!(true)].into();
    match body {
        Value::Array(list) => all.extend((0..list.len()).flat_map(|at| {
            mutations(&list[at]).into_iter().map(move |value| {
                let mut changed = body.clone();
                changed[at] = value;
                changed
            })
        })),
        Value::Object(fields) => all.extend(fields.iter().flat_map(|(name, field)| {
            mutations(field).into_iter().map(move |value| {
                let mut changed = body.clone();
                changed[name.as_str()] = value;
                changed
            })
        })),
        _ => {}
    }
    all
}

/// A field of a wrong type never causes a success or a crash.
#[test]
fn a_field_of_another_type_makes_no_success() {
    let succeeded = |found: Option<Vec<Deployment>>| {
        let is_success = |one: &Deployment| one.snapshot.phase == Phase::Ended(Verdict::Succeeded);
        found.unwrap_or_default().iter().filter(|one| is_success(one)).count()
    };
    for subject in subjects() {
        let (platform, redactor) = (subject.platform, Redactor::default());
        let access = subject.access(&subject.examples()[0].1);
        for exchange in of_kind(&subject, false).into_iter().chain(of_kind(&subject, true)) {
            let read = platform.deployments(&exchange["body"], &redactor);
            // Of an answer about something else, a field may be what named it.
            let is_read = read.as_ref().is_some_and(|found| !found.is_empty());
            let before = succeeded(read);
            for body in mutations(&exchange["body"]) {
                let text = body.to_string();
                let found = platform.deployments(&body, &redactor);
                assert!(!is_read || succeeded(found) <= before, "{}: {body}", subject.name());
                for status in [200, 202, 404] {
                    let acceptance = platform.acceptance(status, text.as_bytes(), &redactor);
                    if let Acceptance::Named(deployment) = acceptance {
                        let _ = platform.may_be_ours(&access, &deployment);
                        let _ = platform.dashboard_url(&access, Some(&body), &deployment.snapshot);
                    }
                }
                let _ = (
                    platform.log_lines(text.as_bytes(), &redactor, 200),
                    platform.error(text.as_bytes(), &redactor),
                );
                let _ =
                    (platform.refusal(404, text.as_bytes()), platform.site(Some(&body), &snapshot("dep-1")));
            }
        }
    }
}
