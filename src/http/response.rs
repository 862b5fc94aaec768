//! An answer, read whole within its limits, and what its headers say about rate limits.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::body::{self, BodyFault};

/// The longest pause that a header can ask for, in seconds: no run lasts that long, and sums of it cannot overflow.
const LONGEST_PAUSE: u64 = u32::MAX as u64;

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body, or why there is none.
    pub body: Result<Vec<u8>, BodyFault>,
    /// The pause that the server asks for (`Retry-After`, seconds or a date).
    pub retry_after: Option<Duration>,
    /// Requests left (`X-RateLimit-Remaining` or `RateLimit-Remaining`).
    pub remaining: Option<u32>,
    /// Until they are counted anew (`X-RateLimit-Reset` or `RateLimit-Reset`, seconds from now or since the epoch).
    pub reset_in: Option<Duration>,
    /// The server's clock (`Date`).
    pub date: Option<SystemTime>,
}

impl Response {
    /// The body; empty where it cannot be used.
    pub fn bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// How long it asks for no further request: what `Retry-After` says, else until the reset where none is left.
    pub fn blocked(&self) -> Option<Duration> {
        self.retry_after.or(self.reset_in.filter(|_| self.remaining == Some(0)))
    }
}

pub(crate) async fn read(mut response: reqwest::Response) -> Response {
    let head = response.headers().clone();
    let date = date(&head);
    let body = body::read(&mut response).await;
    let now = date.unwrap_or_else(SystemTime::now);
    Response {
        status: response.status().as_u16(),
        body,
        retry_after: retry_after_of(&head),
        remaining: rate(&head, "ratelimit-remaining").and_then(|value| value.parse().ok()),
        reset_in: rate(&head, "ratelimit-reset").and_then(|value| reset_in(value, now)),
        date,
    }
}

/// The pause that these headers of an answer ask for.
pub(super) fn retry_after_of(head: &HeaderMap) -> Option<Duration> {
    retry_after(text(head, RETRY_AFTER.as_str())?, date(head).unwrap_or_else(SystemTime::now))
}

fn date(head: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(head, DATE.as_str())?).ok()
}

fn text<'a>(head: &'a HeaderMap, name: &str) -> Option<&'a str> {
    head.get(name)?.to_str().ok().map(str::trim)
}

/// A header about the rate limit, with `X-` in front or, as some platforms have it, without.
fn rate<'a>(head: &'a HeaderMap, name: &str) -> Option<&'a str> {
    text(head, &format!("x-{name}")).or_else(|| text(head, name))
}

/// RFC 9110, 10.2.3: seconds, or a date; a fraction of a second counts as a whole one. A number too large to count is
/// the longest pause there is. What cannot be read is as if it were not there.
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if !whole.is_empty() && digits(whole) && digits(fraction) {
        let seconds = whole.parse().unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        let more = u64::from(fraction.bytes().any(|digit| digit != b'0'));
        return Some(Duration::from_secs(seconds + more));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let pause = at.duration_since(now).unwrap_or_default();
    Some(pause.min(Duration::from_secs(LONGEST_PAUSE)))
}

/// There is no standard for this one: a small number is seconds from now, a large one seconds since the epoch, a very
/// large one milliseconds.
fn reset_in(value: &str, now: SystemTime) -> Option<Duration> {
    const LARGEST_SPAN: u64 = 1_000_000_000;
    const LARGEST_TIME: u64 = 100_000_000_000;
    let seconds = match value.parse().ok()? {
        span @ ..LARGEST_SPAN => return Some(Duration::from_secs(span)),
        time @ ..LARGEST_TIME => Duration::from_secs(time),
        millis => Duration::from_millis(millis),
    };
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some(seconds.saturating_sub(now).min(Duration::from_secs(LONGEST_PAUSE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_about_pace_are_read_in_every_form_and_nonsense_is_as_if_not_there() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 12:00:00 GMT").unwrap();
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(retry_after("120", now), seconds(120));
        assert_eq!(retry_after("Mon, 23 Nov 2026 12:00:30 GMT", now), seconds(30));
        assert_eq!(retry_after("Mon, 23 Nov 2026 11:00:00 GMT", now), seconds(0), "a date that is past");
        assert_eq!([retry_after("1.5", now), retry_after("7.0", now)], [seconds(2), seconds(7)]);
        for huge in ["4294967296", "99999999999", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(retry_after(huge, now), seconds(LONGEST_PAUSE), "{huge}");
        }
        for nonsense in ["", "-5", "soon", "1e9", ".5", "1.5.2", "+5"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
        let epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(reset_in("45", now), seconds(45));
        assert_eq!(reset_in(&(epoch + 45).to_string(), now), seconds(45));
        assert_eq!(reset_in(&(epoch - 45).to_string(), now), seconds(0));
        assert_eq!(reset_in(&((epoch + 45) * 1000).to_string(), now), seconds(45));
        assert_eq!(reset_in("x", now), None);
    }
}
