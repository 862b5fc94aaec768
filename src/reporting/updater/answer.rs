//! What a code host's API answered: the JSON it was asked for, or why there is none.

use std::time::Duration;

use serde_json::Value;

use super::refusal;
use super::report_state::{ApiResult, WriteError};
use crate::http::{BodyFault, Response};
use crate::secrets::Redactor;
use crate::text::{CodeHost, Fix};

/// How long one request may take; there may be less time left.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// How long to send nothing where the code host asks for fewer requests and names no time, as GitHub's guidance has it.
const UNNAMED_PAUSE: Duration = Duration::from_mins(1);

pub(crate) fn json(code_host: CodeHost, answer: &Response, redactor: &Redactor) -> ApiResult {
    let value = answer.body.as_ref().map(|body| serde_json::from_slice::<Value>(body).ok());
    match (answer.status, value) {
        (200..300, Ok(Some(value @ (Value::Object(_) | Value::Array(_))))) => Ok(value),
        (200..300, Ok(_)) => Err(unread(code_host, &"it is not JSON")),
        (200..300, Err(BodyFault::TooLarge)) => Err(WriteError::TooLarge),
        (200..300, Err(fault)) => Err(unread(code_host, fault)),
        (300..400, _) => {
            let message = "it redirects elsewhere".to_owned(); // where no token goes
            Err(WriteError::Refused { status: answer.status, message, fix: Fix::None })
        }
        (_, value) => Err(refused(code_host, answer, &value.ok().flatten().unwrap_or_default(), redactor)),
    }
}

/// A refusal, or a limit of requests: GitHub's limits answer 403 or 429, and without a header only the message shows
/// whether it is a limit or a permission.
fn refused(code_host: CodeHost, answer: &Response, value: &Value, redactor: &Redactor) -> WriteError {
    let (status, words) = (answer.status, refusal::message(value));
    let fix = refusal::fix(code_host, status, &words);
    match answer.blocked() {
        pause if refusal::is_limit(status, &words) => WriteError::Limited(pause.unwrap_or(UNNAMED_PAUSE)),
        Some(pause) if status == 403 && fix == Fix::None => WriteError::Limited(pause),
        _ => WriteError::Refused { status, message: redactor.clean(&words, 300), fix },
    }
}

fn unread(code_host: CodeHost, why: &dyn std::fmt::Display) -> WriteError {
    WriteError::Unreachable(format!("{}'s answer cannot be read: {why}", code_host.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_requests_is_known_from_a_refusal_at_every_code_host() {
        let read = |code_host, status, body: &str, pause: Option<u64>| {
            let retry_after = pause.map(Duration::from_secs);
            let body = Ok(body.as_bytes().to_vec());
            let answer = Response { status, body, retry_after, remaining: None, reset_in: None, date: None };
            json(code_host, &answer, &Redactor::default())
        };
        let limited = |seconds| Err(WriteError::Limited(Duration::from_secs(seconds)));
        for code_host in [CodeHost::GitHub, CodeHost::GitLab, CodeHost::Forgejo, CodeHost::Gitea] {
            assert_eq!(read(code_host, 200, "[]", Some(5)), Ok(Value::Array(Vec::new())));
            assert_eq!(read(code_host, 429, "", Some(5)), limited(5));
            assert_eq!(read(code_host, 429, "Retry later", None), limited(60));
            let limit = r#"{"message":"API rate limit exceeded"}"#;
            assert_eq!(read(code_host, 403, limit, None), limited(60));
            let refused = read(code_host, 403, r#"{"message":"403 Forbidden: permission"}"#, Some(5));
            assert!(matches!(refused, Err(WriteError::Refused { status: 403, .. })), "{refused:?}");
        }
    }
}
