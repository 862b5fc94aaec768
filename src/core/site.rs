//! The page that is verified after a deployment: what it answered, and when it is requested again.

use std::time::Duration;

use super::schedule::Timing;

/// The most requests in the first minute.
const MOST_IN_FIRST_MINUTE: u32 = 10;

/// What the page answered, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteAnswer {
    /// The HTTP status of the last response; none where there was no response.
    pub status: Option<u16>,
    /// What was wrong; `None`: it answered as expected.
    pub fault: Option<SiteFault>,
    /// The address that redirects led to, as it may be shown.
    pub redirected_to: Option<String>,
    /// The pause that the page asks for.
    pub retry_after: Option<Duration>,
}

impl SiteAnswer {
    /// No request was made, for this reason.
    pub fn without(fault: SiteFault) -> Self {
        Self { status: None, fault: Some(fault), redirected_to: None, retry_after: None }
    }

    /// Whether it is a refusal for the rate of the requests.
    fn is_limited(&self) -> bool {
        self.status == Some(429)
    }
}

/// Why an answer is not the one that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteFault {
    /// The status is not 2xx.
    Status,
    /// The page does not hold the text.
    NoText,
    /// The page's body could not be read to the text or to its end.
    Unreadable(String),
    /// A redirect that is not followed.
    Redirect(String),
    /// There was no response.
    NoAnswer(String),
    /// The address is a path on the deployed site, whose address the platform did not name.
    NoAddress,
}

/// What became of verifying the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteReport {
    /// When it began, since the trigger.
    pub began: Duration,
    /// How often the page was requested.
    pub requests: u32,
    /// The last answer; none before the first.
    pub answer: Option<SiteAnswer>,
    /// Whether it first answered otherwise, so that its change was seen.
    pub changed: bool,
    /// Whether it has answered as expected, once at least.
    pub was_right: bool,
    /// Since when it answered as expected, twice in a row; counted from the trigger.
    pub right_since: Option<Duration>,
    /// Until when it may be requested, counted from the trigger.
    pub until: Duration,
}

impl SiteReport {
    /// Before the first request. Both times count from the trigger.
    pub(super) fn new(began: Duration, until: Duration) -> Self {
        Self { began, requests: 0, answer: None, changed: false, was_right: false, right_since: None, until }
    }

    /// How long the page took to answer as expected.
    pub fn took(&self) -> Option<Duration> {
        self.right_since.map(|since| since.saturating_sub(self.began))
    }

    /// The pause that the page asked for with its last answer, where that ruled out another request before the time was
    /// up: the answer came so long after the trigger.
    pub fn asked_beyond(&self, now: Duration) -> Option<Duration> {
        let answer = self.answer.as_ref().filter(|answer| now < self.until && answer.is_limited())?;
        answer.retry_after.filter(|pause| now.saturating_add(*pause) > self.until)
    }

    /// The pause before the next request, so long after the trigger; `None`: none is made any more.
    ///
    /// Pauses grow with the number of requests: 1 s, 3 s, 5 s, so that the nth request comes n² seconds after the first.
    /// The last one comes when the time is up. A right answer is confirmed after a second, also where that is past the
    /// time. Of the requests of the first minute some are kept for these. A pause that the page asks for is kept; where it
    /// is beyond the time, only that of a 429 rules out the last request.
    pub(super) fn pause(&self, now: Duration, timing: &Timing) -> Option<Duration> {
        let unit = timing.site_pause;
        let minute = unit * 60;
        let answer = self.answer.as_ref()?;
        match answer.fault {
            None => return Some(unit),
            Some(SiteFault::NoAddress) => return None,
            Some(_) => {}
        }
        let (age, left) = (now.saturating_sub(self.began), self.until.saturating_sub(now));
        let asked_for = answer.retry_after.unwrap_or_default();
        let asked_for = if answer.is_limited() { asked_for } else { asked_for.min(left) };
        let fits = |pause: Duration, times: u32| {
            age + pause >= minute || self.requests.saturating_add(times) <= MOST_IN_FIRST_MINUTE
        };
        let grown = unit * self.requests.saturating_mul(2).saturating_sub(1).clamp(1, 15);
        let pause = grown.max(asked_for);
        let pause = if fits(pause, 3) { pause } else { minute.saturating_sub(age) };
        let last = left.max(unit).max(asked_for);
        match pause {
            pause if pause <= left => Some(pause),
            _ if last <= left && fits(last, 2) => Some(last),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    /// A page after so many requests of which the last was answered so.
    fn page(requests: u32, until: Duration, is_right: bool) -> SiteReport {
        let fault = (!is_right).then_some(SiteFault::Status);
        let answer = Some(SiteAnswer { fault, ..SiteAnswer::without(SiteFault::Status) });
        SiteReport { requests, answer, ..SiteReport::new(Duration::ZERO, until) }
    }

    /// The times of all requests, with an answer for each.
    fn times(until: Duration, right: impl Fn(usize) -> bool) -> Vec<u64> {
        let (mut age, mut times, mut was_right) = (Duration::ZERO, Vec::new(), false);
        loop {
            times.push(age.as_secs());
            let is_right = right(times.len() - 1);
            if is_right && was_right || times.len() > 40 {
                return times;
            }
            was_right = is_right;
            let requests = u32::try_from(times.len()).unwrap();
            let page = page(requests, until, is_right);
            let Some(pause) = page.pause(age, &Timing::default()) else { return times };
            age += pause;
        }
    }

    #[test]
    fn a_page_is_requested_ever_less_often_and_once_more_when_the_time_is_up() {
        assert_eq!(times(S * 120, |_| false), [0, 1, 4, 9, 16, 25, 36, 49, 64, 79, 94, 109, 120]);
        assert_eq!(times(S * 30, |_| false), [0, 1, 4, 9, 16, 25, 30]);
        assert_eq!(times(S * 2, |_| false), [0, 1, 2]);
        assert_eq!(times(Duration::ZERO, |_| false), [0], "once in any case");
    }

    #[test]
    fn a_right_answer_is_confirmed_after_a_second() {
        assert_eq!(times(S * 120, |_| true), [0, 1]);
        assert_eq!(times(S * 120, |n| n >= 4), [0, 1, 4, 9, 16, 17]);
        assert_eq!(times(Duration::ZERO, |_| true), [0, 1], "also past the time");
    }

    #[test]
    fn whatever_it_answers_there_are_ten_requests_in_the_first_minute_and_one_a_second() {
        for left in (0..=130).map(|seconds| S * seconds) {
            for pattern in 0_u32..128 {
                let times = times(left, |n| pattern >> (n % 7) & 1 == 1);
                assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{pattern:b} {left:?}: {times:?}");
                let early = u32::try_from(times.iter().filter(|at| **at < 60).count()).unwrap();
                assert!(early <= MOST_IN_FIRST_MINUTE, "{pattern:b} {left:?}: {times:?}");
            }
        }
    }

    #[test]
    fn a_pause_that_the_page_asks_for_is_kept() {
        let page = |status, until| {
            let answer = SiteAnswer::without(SiteFault::Status);
            let answer = SiteAnswer { status: Some(status), retry_after: Some(S * 40), ..answer };
            SiteReport { answer: Some(answer), ..page(2, until, false) }
        };
        let pause = |status, until| page(status, until).pause(S, &Timing::default());
        for status in [429, 503, 404, 200] {
            assert_eq!(pause(status, S * 101), Some(S * 40), "{status}");
        }
        assert_eq!(pause(429, S * 40), None, "longer than the time left");
        for status in [503, 404, 200] {
            assert_eq!(pause(status, S * 40), Some(S * 39), "once more when the time is up: {status}");
        }
        let asked_beyond = |status, until| page(status, until).asked_beyond(S);
        assert_eq!(asked_beyond(429, S * 40), Some(S * 40));
        assert_eq!([asked_beyond(429, S * 41), asked_beyond(503, S * 40)], [None, None]);
        assert_eq!(asked_beyond(429, S), None, "the last request was made");
    }
}
