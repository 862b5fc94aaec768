//! Messages about verifying the page: what it answered, and what the end of it means.

use std::time::Duration;

use super::message::{CHECK_HISTORY, Message};
use super::unknown_result;
use crate::core::report::{Cause, Report};
use crate::core::site::{SiteAnswer, SiteFault, SiteReport};
use crate::core::state::{Outcome, Phase, Verdict};
use crate::text::RunContext;
use crate::text::format::{count, duration};

/// What the page answered, in a few words.
pub fn site_answer(answer: &SiteAnswer) -> String {
    let status = answer.status.map(|status| format!("HTTP {status}")).unwrap_or_default();
    let text = match &answer.fault {
        None | Some(SiteFault::Status) => status,
        Some(SiteFault::NoText) => format!("{status} without the text"),
        Some(SiteFault::Unreadable(why) | SiteFault::Redirect(why)) => format!("{status}, {why}"),
        Some(SiteFault::NoAnswer(why)) if why.starts_with("no answer") => why.clone(),
        Some(SiteFault::NoAnswer(why)) => format!("no answer: {why}"),
        Some(SiteFault::NoAddress) => "the platform did not name the address of the site".to_owned(),
    };
    match &answer.redirected_to {
        Some(address) => format!("{text} (redirected to {address})"),
        None => text,
    }
}

/// How to make the page answer as expected; `None` where it does.
pub fn site_fix(answer: &SiteAnswer) -> Option<&'static str> {
    Some(match (answer.fault.as_ref()?, answer.status) {
        (SiteFault::Status, Some(401 | 403)) => {
            "If the page is behind a password or an access gateway, set `verify-headers`."
        }
        (SiteFault::Status, Some(404 | 410)) => "Check the path in `verify-url`.",
        (SiteFault::Status, Some(429)) => {
            "The page limits requests. Choose one that does not, or allow this client."
        }
        (SiteFault::Status, Some(500..)) => {
            "Read the application's log. If the site only needs longer to start, increase `verify-timeout`."
        }
        (SiteFault::Status, _) => "Check `verify-url` in a browser.",
        (SiteFault::NoText, _) => {
            "Check that `verify-text` is in the page's source exactly so, and that no cache in front of it keeps an old copy. If the new version only needs longer, increase `verify-timeout`."
        }
        (SiteFault::Unreadable(_), _) => "Choose a small page, such as one that only shows the version.",
        (SiteFault::Redirect(_), _) => "Set `verify-url` to the address that the redirects should end at.",
        (SiteFault::NoAnswer(_), _) => {
            "Check `verify-url`, and that this machine can reach it: DNS, firewall, proxy, `ca-file`."
        }
        (SiteFault::NoAddress, _) => {
            "Set `environment-url`, or give the whole URL of the page as `verify-url`."
        }
    })
}

/// The line of the event.
pub(super) fn verifying(report: &SiteReport, context: &RunContext) -> String {
    let page = page(context);
    match &report.answer {
        None => format!("Verifying {page}"),
        Some(answer) if answer.fault.is_none() => {
            format!("{page} answered as expected ({}); requesting it once more", site_answer(answer))
        }
        Some(answer) => format!("{page} does not answer as expected yet: {}", site_answer(answer)),
    }
}

/// The platform's success, and what was seen of it.
pub(super) fn succeeded(report: &Report, context: &RunContext, subject: &str) -> Message {
    let took = duration(report.duration);
    let Some(site) = &report.site else {
        return Message::new(format!("{subject} succeeded after {took}."), "The new code is live.", "");
    };
    let page = page(context);
    let seen = match site.took().filter(|_| site.changed).map(duration) {
        Some(took) => format!("{page} answered as expected {took} after the platform reported success"),
        None => format!("{page} answered as expected at once"),
    };
    let happened = format!("{subject} succeeded after {took}, and the page answered as expected.");
    Message::new(happened, format!("The new code is live: {seen}."), "")
}

/// A deployment that is not followed, whose page answered as expected: only what was seen is reported.
pub(super) fn triggered(report: &Report, context: &RunContext, subject: &str, site: &SiteReport) -> Message {
    let page = page(context);
    let seen = match site.took().filter(|_| site.changed).map(duration) {
        Some(took) => format!("{page} did not answer as expected at first, and did {took} after the trigger"),
        None => format!(
            "{page} answered as expected from the first request on, so it may still be the previous version"
        ),
    };
    let happened = format!("{subject} was triggered, and the page answered as expected.");
    let next = unknown_result::triggered(report, subject).next;
    Message::new(happened, format!("{seen}. {}", not_followed(report)), next)
}

/// Why nothing is known of the deployment but what the page shows.
fn not_followed(report: &Report) -> &'static str {
    match &report.cause {
        Some(Cause::WaitNever) => "The deployment itself was not followed, because `wait` is `never`.",
        _ => "The deployment itself could not be followed, so the platform's result is unknown.",
    }
}

/// The page did not answer as expected in time.
pub(super) fn unverified(report: &Report, context: &RunContext, subject: &str) -> Message {
    let seen = "The platform reports success, but the new version was not seen.";
    let (platform, meaning) = if has_succeeded(report) {
        ("succeeded at the platform", seen.to_owned())
    } else {
        ("was triggered", format!("The new version was not seen. {}", not_followed(report)))
    };
    let site = report.site.as_ref();
    let Some((site, answer)) = site.and_then(|site| Some((site, site.answer.as_ref()?))) else {
        let happened = format!("{subject} {platform}, but the page was not verified.");
        return Message::new(happened, meaning, CHECK_HISTORY);
    };
    let (answer_text, fix) = (site_answer(answer), site_fix(answer).unwrap_or(CHECK_HISTORY));
    if site.requests == 0 {
        let happened = format!("{subject} {platform}, but the page could not be verified: {answer_text}.");
        return Message::new(happened, meaning, fix);
    }
    let between =
        if site.was_right { " It answered as expected in between, but not twice in a row." } else { "" };
    let waited = duration(report.duration.saturating_sub(site.began));
    let (waited, asked) = match site.asked_beyond(report.duration).map(duration) {
        Some(pause) => {
            (String::new(), format!(" It asked for a pause of {pause}, longer than the time left."))
        }
        None => (format!(" within {waited}"), String::new()),
    };
    let limit = match (site.until + Duration::from_secs(1) >= context.timeout, context.cut_short) {
        (false, _) => "",
        (true, true) => " The CI job's time limit left no more time: increase the job's `timeout:`.",
        (true, false) => " `timeout` left no more time: increase it.",
    };
    let (page, requests) = (page(context), count(site.requests, "time"));
    Message::new(
        format!("{subject} {platform}, but the page did not answer as expected{waited}: {answer_text}."),
        format!("{meaning} {page} was requested {requests}.{between}{asked}"),
        format!("{fix}{limit}"),
    )
}

/// A signal came while the page was verified.
pub(super) fn interrupted(report: &Report, context: &RunContext, subject: &str) -> Message {
    let platform = if has_succeeded(report) {
        format!("{subject} succeeded at the platform.")
    } else {
        format!("{subject} was triggered and continues at the platform. Its result is unknown.")
    };
    Message::new(
        format!("Interrupted after {} while the page was verified.", duration(report.duration)),
        format!("{platform} The page was not verified."),
        format!("Check whether {} shows the new version.", page(context)),
    )
}

fn has_succeeded(report: &Report) -> bool {
    let phase = report.snapshot.as_ref().map(|seen| seen.phase);
    phase == Some(Phase::Ended(Verdict::Succeeded))
        && report.outcome != Outcome::Triggered
        && report.polls > 0
}

fn page(context: &RunContext) -> String {
    context.page_url().unwrap_or_else(|| "The page".to_owned())
}
