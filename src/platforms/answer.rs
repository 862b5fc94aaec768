//! What an answer means by its status, whatever the platform; what its body means, the platform says.

use serde_json::Value;

use super::platform::{Acceptance, Deployment, Platform, Source};
use crate::core::ports::{Poll, PollResult};
use crate::core::schedule::RateHint;
use crate::core::trigger::{Answer, NotSent, Refusal, Refused, ResponseError, Unclear, Unreachable};
use crate::http::{self, Failure, Stage};
use crate::secrets::Redactor;

/// What the answer to a trigger means: the deployment it names, if any, or what else came of the trigger.
///
/// A success never proves that nothing was triggered, whatever its body says.
pub(super) fn of_trigger(
    platform: &dyn Platform,
    answer: Result<http::Answer, Failure>,
    redactor: &Redactor,
) -> Result<Option<Deployment>, Answer> {
    let answer = answer.map_err(no_answer)?;
    let status = answer.status;
    let unclear = |why, said| Err(Answer::Unclear(Unclear { why, said }));
    let bytes = answer.body.as_deref().unwrap_or_default();
    let said = || platform.error(bytes, redactor).unwrap_or_default();
    let why = match status {
        200..300 => {
            return match platform.acceptance(status, bytes, redactor) {
                Acceptance::Named(deployment) => Ok(Some(deployment)),
                Acceptance::Unnamed => Ok(None),
                Acceptance::Unclear(Unclear { why, said }) => {
                    let fault = answer.body.as_ref().err().map(ToString::to_string);
                    unclear(why, fault.unwrap_or(said))
                }
            };
        }
        408 | 500.. => return unclear(ResponseError::ServerError(status), said()),
        300..=399 => Refused::Redirected,
        401 | 403 => Refused::Forbidden,
        404 => Refused::NotFound,
        410 => Refused::Gone,
        422 => Refused::Unprocessable,
        429 => Refused::RateLimited,
        _ => Refused::Other,
    };
    Err(Answer::Refused(Refusal { why, status, said: said(), retry_after: answer.retry_after }))
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
        Failure::TimedOut(_) => unclear(ResponseError::TimedOut, failure.to_string()),
        Failure::Broken(said) => unclear(ResponseError::Broken, said),
    }
}

/// What an answer to a reading means; `seen` reads the body of a good one. Only an error in the platform's own form is
/// its word; anything else comes from somebody in between, whatever its status.
pub(super) fn of_reading(
    platform: &dyn Platform,
    source: Source,
    answer: Result<http::Answer, Failure>,
    redactor: &Redactor,
    seen: impl FnOnce(&Value) -> PollResult,
) -> Poll {
    let error = |said: String| PollResult::Failed { said };
    let answer = match answer {
        Ok(answer) => answer,
        Err(failure) => return Poll { seen: error(failure.to_string()), pace: RateHint::default() },
    };
    let seen = match (answer.status, &answer.body) {
        (200..300, Ok(bytes)) => match serde_json::from_slice(bytes) {
            Ok(body) => seen(&body),
            Err(_) => error("the answer is not JSON".to_owned()),
        },
        (200..300, Err(fault)) => error(fault.to_string()),
        (status @ (408 | 409 | 423 | 425 | 429 | 300..400 | 500..), _) => {
            error(format!("the platform answered {status}"))
        }
        (status, body) => match platform.error(body.as_deref().unwrap_or_default(), redactor) {
            Some(_) if status == 404 => PollResult::NotThere,
            Some(said) => PollResult::Denied { status, said, with_token: source == Source::Api },
            None => error(format!("something answered {status}, not in the platform's own form")),
        },
    };
    Poll { seen, pace: pace(&answer) }
}

/// What an answer's headers say about how fast to go on.
pub(super) fn pace(answer: &http::Answer) -> RateHint {
    let good = (200..300).contains(&answer.status);
    RateHint {
        retry_after: answer.retry_after.filter(|_| !good),
        suggested: answer.retry_after.filter(|_| good),
        remaining: answer.remaining,
        reset_in: answer.reset_in,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::platforms::{fortrabbit::Fortrabbit, other::Other};

    fn answer(status: u16, body: &str) -> http::Answer {
        let (body, date) = (Ok(body.as_bytes().to_vec()), None);
        http::Answer { status, body, retry_after: None, remaining: None, reset_in: None, date }
    }

    #[test]
    fn every_status_has_its_meaning_and_only_a_success_is_an_acceptance() {
        let body = r#"{"data":{"publicId":"dp-abc123"}}"#;
        for platform in [&Fortrabbit as &dyn Platform, &Other] {
            for status in 200..600 {
                let meaning = of_trigger(platform, Ok(answer(status, body)), &Redactor::default());
                let wanted = match status {
                    200..300 => meaning.is_ok(),
                    408 | 500.. => matches!(meaning, Err(Answer::Unclear(_))),
                    _ => matches!(meaning, Err(Answer::Refused(_))),
                };
                assert!(wanted, "{}: {status}", platform.name());
            }
        }
    }

    #[test]
    fn a_pause_is_asked_for_by_a_refusal_and_suggested_by_a_good_answer() {
        let hour = Some(Duration::from_hours(1));
        for status in [200, 202, 204, 404, 429, 503] {
            let pace = pace(&http::Answer { retry_after: hour, ..answer(status, "") });
            let wanted = if status < 300 { (None, hour) } else { (hour, None) };
            assert_eq!((pace.retry_after, pace.suggested), wanted, "{status}");
        }
    }
}
