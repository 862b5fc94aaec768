//! What fortrabbit's answers mean: to a trigger, and to a look.

use serde_json::Value;

use super::body::{self, Described};
use crate::deploy::ports::{Look, Seen};
use crate::deploy::schedule::Pace;
use crate::deploy::trigger::{Answer, NoAnswer, NotSent, Refusal, Refused, Unclear, Unreachable};
use crate::http::{self, Failure, Stage};
use crate::provider::pace;
use crate::secret::Redactor;

/// The deployment that an answer to a trigger names, or what else it means.
pub(super) fn of_trigger(
    answer: Result<http::Answer, Failure>,
    redactor: &Redactor,
) -> Result<Described, Answer> {
    let answer = accepted(answer, redactor)?;
    let unreadable =
        |said: String| Answer::Unclear(Unclear { why: NoAnswer::Unreadable(answer.status), said });
    let bytes = answer.body.as_ref().map_err(|fault| unreadable(fault.to_string()))?;
    let body: Value =
        serde_json::from_slice(bytes).map_err(|_| unreadable("the answer is not JSON".to_owned()))?;
    let mut found = body::deployments(&body, redactor);
    match (found.pop(), found.is_empty()) {
        (Some(deployment), true) => Ok(deployment),
        (Some(_), false) => Err(unreadable("the answer names more than one deployment".to_owned())),
        (None, _) => Err(unreadable(match body::said(bytes, redactor) {
            said if said.is_empty() => "the answer names no deployment".to_owned(),
            said => said,
        })),
    }
}

/// What the answer of a hook that no platform here owns means: any success is one, unless its body says no.
pub(super) fn of_unknown(answer: Result<http::Answer, Failure>, redactor: &Redactor) -> Answer {
    let answer = match accepted(answer, redactor) {
        Ok(answer) => answer,
        Err(other) => return other,
    };
    let bytes = answer.body.as_deref().unwrap_or_default();
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    if body::says_no(&body) {
        let said = body::said(bytes, redactor);
        return Answer::Unclear(Unclear { why: NoAnswer::SaysNo(answer.status), said });
    }
    Answer::Accepted(None)
}

/// The answer, where its status is a success; else what it means. A success never proves that nothing was triggered,
/// whatever its body says.
fn accepted(answer: Result<http::Answer, Failure>, redactor: &Redactor) -> Result<http::Answer, Answer> {
    let answer = answer.map_err(no_answer)?;
    let status = answer.status;
    let said = body::said(answer.body.as_deref().unwrap_or_default(), redactor);
    let refused = |why| {
        let (said, retry_after) = (said.clone(), answer.retry_after);
        Err(Answer::Refused(Refusal { why, status, said, retry_after }))
    };
    match status {
        200..300 => Ok(answer),
        300..=399 => refused(Refused::Redirected),
        401 | 403 => refused(Refused::Forbidden),
        404 => refused(Refused::NotFound),
        410 => refused(Refused::Gone),
        422 => refused(Refused::Unprocessable),
        429 => refused(Refused::RateLimited),
        408 | 500.. => Err(Answer::Unclear(Unclear { why: NoAnswer::ServerError(status), said })),
        _ => refused(Refused::Other),
    }
}

fn no_answer(failure: Failure) -> Answer {
    let unclear = |why, said| Answer::Unclear(Unclear { why, said });
    match failure {
        Failure::NotSent { stage, said } => {
            let why = match stage {
                Stage::Dns => Unreachable::Dns,
                Stage::Connect => Unreachable::Connect,
                Stage::Tls => Unreachable::Tls,
                Stage::Proxy => Unreachable::Proxy,
            };
            Answer::NotSent(NotSent { why, said })
        }
        Failure::TimedOut(_) => unclear(NoAnswer::TimedOut, failure.to_string()),
        Failure::Broken(said) => unclear(NoAnswer::Broken, said),
    }
}

/// What an answer to a reading means; `seen` reads the body of a good one.
pub(super) fn look(
    answer: Result<http::Answer, Failure>,
    redactor: &Redactor,
    seen: impl FnOnce(&Value) -> Seen,
) -> Look {
    let trouble = |said: String, pace| Look { seen: Seen::Trouble { said }, pace };
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return trouble(failure.to_string(), Pace::default()),
    };
    let pace = pace(&answer);
    let bytes = answer.body.as_deref();
    let seen = match (answer.status, bytes) {
        (200..300, Ok(bytes)) => match serde_json::from_slice::<Value>(bytes) {
            Ok(body) => seen(&body),
            Err(_) => return trouble("the answer is not JSON".to_owned(), pace),
        },
        (200..300, Err(fault)) => return trouble(fault.to_string(), pace),
        (408 | 409 | 423 | 425 | 429 | 300..400 | 500.., _) => {
            return trouble(format!("the platform answered {}", answer.status), pace);
        }
        (status, bytes) => match refusal(bytes.unwrap_or_default(), redactor) {
            Some(_) if status == 404 => Seen::NotThere,
            Some(said) => Seen::Denied { status, said },
            None => {
                return trouble(format!("something answered {status}, not in the platform's own form"), pace);
            }
        },
    };
    Look { seen, pace }
}

/// The platform's own words in an answer that is an error in its own form; `None` for anything else, as a page of
/// a proxy or a challenge, which is not its word.
pub(super) fn refusal(body: &[u8], redactor: &Redactor) -> Option<String> {
    let error: Value = serde_json::from_slice(body).ok()?;
    body::is_error(&error).then(|| body::said(body, redactor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Result<Described, Answer> {
        let (body, date) = (Ok(body.as_bytes().to_vec()), None);
        let answer = http::Answer { status, body, retry_after: None, remaining: None, reset_in: None, date };
        of_trigger(Ok(answer), &Redactor::default())
    }

    fn unclear(body: &str) -> bool {
        matches!(answered(200, body), Err(Answer::Unclear(_)))
    }

    #[test]
    fn exactly_one_deployment_named_by_a_success_is_ours() {
        assert!(answered(200, r#"{"data":{"publicId":"dp-abc123"}}"#).is_ok());
        assert!(answered(201, r#"[{"id":"dp_abc123","state":"PENDING"}]"#).is_ok());
        assert!(unclear(r#"[{"id":"theirs","state":"PENDING"},{"id":"older","state":"READY"}]"#));
        assert!(unclear("{}") && unclear("") && unclear("<html>") && unclear(r#"{"deployment":{"id":[]}}"#));
    }

    #[test]
    fn every_status_has_its_meaning_and_none_but_2xx_is_an_acceptance() {
        let body = r#"{"data":{"publicId":"dp-abc123"}}"#;
        for status in 300..600 {
            let meaning = answered(status, body);
            let wanted = match status {
                408 | 500.. => matches!(meaning, Err(Answer::Unclear(_))),
                _ => matches!(meaning, Err(Answer::Refused(_))),
            };
            assert!(wanted, "{status}");
        }
    }
}
