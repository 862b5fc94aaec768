//! What an answer's status means, for every platform. What its body means, the platform's file says.

use serde_json::Value;

use super::platform::{Acceptance, Platform, StateSource};
use crate::core::rate::RateHint;
use crate::core::state::ReadDenied;
use crate::core::traits::{Poll, PollResult};
use crate::core::trigger::{Refusal, RefusalReason, ResponseError, TriggerResult, Unclear};
use crate::http::{self, RequestError};
use crate::secrets::Redactor;

/// What the answer to a trigger means: an acceptance, or why there is none.
///
/// A success status proves that nothing was triggered only where the body is the platform's own refusal.
pub(super) fn of_trigger(
    platform: &dyn Platform,
    response: Result<http::Response, RequestError>,
    redactor: &Redactor,
) -> Result<Acceptance, Box<TriggerResult>> {
    let response = response.map_err(|failure| Box::new(no_answer(failure)))?;
    let status = response.status;
    let unclear = |why, message| Err(Box::new(TriggerResult::Unclear(Unclear { why, message })));
    let bytes = response.bytes();
    let message = || platform.error(bytes, redactor).unwrap_or_default();
    let refused = |why, message: String| {
        let advice = platform.advice(status, &message);
        let retry_after = response.retry_after;
        Err(Box::new(TriggerResult::Refused(Refusal { why, status, message, retry_after, advice })))
    };
    let why = match status {
        200..300 => {
            return match platform.acceptance(status, bytes, redactor) {
                Acceptance::Refused(why, message) => refused(why, message),
                Acceptance::Unclear(Unclear { why, message }) => {
                    let fault = response.body.as_ref().err().map(ToString::to_string);
                    unclear(why, fault.unwrap_or(message))
                }
                accepted => Ok(accepted),
            };
        }
        408 | 500.. => return unclear(ResponseError::ServerError(status), message()),
        300..=399 => RefusalReason::Redirected,
        401 | 403 => RefusalReason::Forbidden,
        404 => RefusalReason::NotFound,
        405 => RefusalReason::MethodNotAllowed,
        410 => RefusalReason::Gone,
        422 => RefusalReason::Unprocessable,
        429 => RefusalReason::RateLimited,
        _ => RefusalReason::Other,
    };
    refused(platform.refusal(status, bytes).unwrap_or(why), message())
}

fn no_answer(failure: RequestError) -> TriggerResult {
    let unclear = |why, message| TriggerResult::Unclear(Unclear { why, message });
    match failure {
        RequestError::NotSent(not_sent) => TriggerResult::NotSent(not_sent),
        RequestError::TimedOut(_) => unclear(ResponseError::TimedOut, failure.to_string()),
        RequestError::Broken(message) => unclear(ResponseError::Broken, message),
    }
}

/// What an answer to a read means; `read` reads the body of a success. Only an error in the platform's own format counts
/// as its answer. Anything else comes from a proxy or gateway, whatever its status, and is a failed poll.
pub(super) fn of_reading(
    platform: &dyn Platform,
    source: StateSource,
    response: Result<http::Response, RequestError>,
    redactor: &Redactor,
    result: impl FnOnce(&Value) -> PollResult,
) -> Poll {
    let error = |message: String| PollResult::Failed { message };
    let response = match response {
        Ok(response) => response,
        Err(failure) => return Poll { result: error(failure.to_string()), rate_hint: RateHint::default() },
    };
    let result = match (response.status, &response.body) {
        (200..300, Ok(bytes)) => match serde_json::from_slice(bytes) {
            Ok(body) => result(&body),
            Err(_) => error("the answer is not JSON".to_owned()),
        },
        (200..300, Err(fault)) => error(fault.to_string()),
        (status @ (408 | 409 | 423 | 425 | 429 | 300..400 | 500..), _) => {
            error(format!("the platform answered {status}"))
        }
        (status, _) => {
            let bytes = response.bytes();
            let kind = platform.refusal(status, bytes);
            match (platform.error(bytes, redactor), kind) {
                (None, _) => {
                    error(format!("HTTP {status}, not in the platform's format, perhaps from a proxy"))
                }
                (Some(message), Some(RefusalReason::RateLimited)) => error(message),
                (Some(_), Some(RefusalReason::NotFound)) => PollResult::NotThere,
                (Some(_), None) if status == 404 => PollResult::NotThere,
                (Some(message), _) => {
                    let with_token = source == StateSource::Api;
                    PollResult::Denied(ReadDenied { status, message, with_token })
                }
            }
        }
    };
    Poll { result, rate_hint: rate_hint(&response) }
}

/// The pause that an answer's headers ask for.
pub(super) fn rate_hint(response: &http::Response) -> RateHint {
    let good = (200..300).contains(&response.status);
    RateHint {
        refused: response.status == 429,
        retry_after: response.retry_after.filter(|_| !good),
        suggested: response.retry_after.filter(|_| good),
        remaining: response.remaining,
        reset_in: response.reset_in,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::platforms::cloudflare::{Pages, Workers};
    use crate::platforms::{fortrabbit::Fortrabbit, other::Other};

    fn response(status: u16, body: &str) -> http::Response {
        let (body, date) = (Ok(body.as_bytes().to_vec()), None);
        http::Response { status, body, retry_after: None, remaining: None, reset_in: None, date }
    }

    #[test]
    fn every_status_has_its_meaning_and_only_a_success_is_an_acceptance() {
        let body = r#"{"data":{"publicId":"dp-abc123"}}"#;
        for platform in [&Fortrabbit as &dyn Platform, &Other] {
            for status in 200..600 {
                let meaning = of_trigger(platform, Ok(response(status, body)), &Redactor::default());
                let wanted = match status {
                    200..300 => meaning.is_ok(),
                    408 | 500.. => meaning.is_err_and(|no| matches!(*no, TriggerResult::Unclear(_))),
                    _ => meaning.is_err_and(|no| matches!(*no, TriggerResult::Refused(_))),
                };
                assert!(wanted, "{}: {status}", platform.name());
            }
        }
    }

    #[test]
    fn a_pause_is_asked_for_by_a_refusal_and_suggested_by_a_good_answer() {
        let hour = Some(Duration::from_hours(1));
        for status in [200, 202, 204, 404, 429, 503] {
            let rate_hint = rate_hint(&http::Response { retry_after: hour, ..response(status, "") });
            let wanted = if status < 300 { (None, hour) } else { (hour, None) };
            assert_eq!((rate_hint.retry_after, rate_hint.suggested), wanted, "{status}");
        }
    }

    #[test]
    fn where_the_body_says_the_kind_of_an_error_it_decides_and_not_the_status() {
        for platform in [&Workers as &dyn Platform, &Pages] {
            for status in [400, 401, 403, 404] {
                let poll = |code: u32| {
                    let body = format!(r#"{{"success":false,"errors":[{{"code":{code},"message":"No"}}]}}"#);
                    let answer = Ok(response(status, &body));
                    let redactor = Redactor::default();
                    of_reading(platform, StateSource::Api, answer, &redactor, |_| PollResult::NotThere).result
                };
                let name = platform.name();
                assert!(matches!(poll(12051), PollResult::Failed { .. }), "{name}: {status}");
                assert!(matches!(poll(12000), PollResult::NotThere), "{name}: {status}");
                assert!(matches!(poll(12005), PollResult::Denied(_)), "{name}: {status}");
            }
        }
    }
}
