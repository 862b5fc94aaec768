//! Requests the page that is verified, on a client of its own: redirects are followed within limits, and the text is
//! searched in the body as it arrives.
//!
//! No secret of the hook or the platform goes there, and every request has a connection of its own: an idle one would
//! lead to the same instance behind a load balancer again.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use url::Url;

use super::search::{Search, SearchResult};
use super::{CONNECT, ClientError, Http, Method, RequestError, chain, response};
use crate::core::site::{SiteAnswer, SiteFault};
use crate::secrets::{has_user, is_safe};

/// How long a request may take with its redirects and its body.
const LIMIT: Duration = Duration::from_secs(10);

const MOST_REDIRECTS: u32 = 5;

/// The longest address that a redirect may lead to.
const LONGEST_ADDRESS: usize = 4096;

/// The client of the page.
#[derive(Clone, Debug)]
pub struct PageClient {
    http: Http,
    headers: Vec<(HeaderName, HeaderValue)>,
    text: Option<String>,
}

impl PageClient {
    /// A client for a page that must hold `text`, with headers that are sent to it alone. It shares the network and the
    /// trust of `http`, and none of its connections.
    pub fn new(
        http: &Http,
        headers: Vec<(HeaderName, HeaderValue)>,
        text: Option<String>,
    ) -> Result<Self, ClientError> {
        let http = http.alone(CONNECT).map_err(|error| ClientError::Library(chain(error)))?;
        Ok(Self { http, headers, text })
    }

    /// Requests the page and the pages it redirects to, within `limit` and ten seconds in all.
    pub async fn get(&self, page: &Url, limit: Duration) -> SiteAnswer {
        let (started, limit) = (Instant::now(), limit.min(LIMIT));
        let mut answer = SiteAnswer { status: None, fault: None, redirected_to: None, retry_after: None };
        let mut redirects = 0;
        let mut url = page.clone();
        // The user's headers are for the first origin. Once another one had a say in where to go, nobody gets them.
        let mut is_first_origin = is_safe(page);
        loop {
            let left = limit.saturating_sub(started.elapsed());
            let response = match self.request(&url, is_first_origin, left).send().await {
                Ok(response) => response,
                Err(error) => {
                    let error = match self.http.failure(error, &url, left, started).await {
                        RequestError::TimedOut(_) => RequestError::TimedOut(limit),
                        error => error,
                    };
                    (answer.status, answer.fault) = (None, Some(SiteFault::NoAnswer(error.to_string())));
                    return answer;
                }
            };
            answer.status = Some(response.status().as_u16());
            answer.retry_after = retry_after(&response);
            if !is_redirect(response.status()) {
                answer.fault = self.judge(response).await;
                return answer;
            }
            match next(&url, response.headers(), redirects) {
                Ok(next) => {
                    redirects += 1;
                    is_first_origin &= next.origin() == page.origin();
                    answer.redirected_to = Some(self.shown(next.clone()));
                    url = next;
                }
                Err(fault) => {
                    answer.fault = Some(SiteFault::Redirect(fault.to_owned()));
                    return answer;
                }
            }
        }
    }

    /// An address without its query, which may hold a secret, such as a one-time code.
    fn shown(&self, mut url: Url) -> String {
        const LONGEST: usize = 200;
        url.set_query(None);
        url.set_fragment(None);
        self.http.redactor.clean(url.as_str(), LONGEST)
    }

    fn request(&self, url: &Url, with_headers: bool, limit: Duration) -> reqwest::RequestBuilder {
        let own = [
            (ACCEPT, HeaderValue::from_static("*/*")),
            (ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        let theirs = self.headers.iter().filter(|_| with_headers).cloned();
        let headers: HeaderMap = own.into_iter().chain(theirs).collect();
        self.http.client.request(Method::GET, url.clone()).timeout(limit).headers(headers)
    }

    /// What is wrong with a response that is no redirect.
    async fn judge(&self, mut response: reqwest::Response) -> Option<SiteFault> {
        const SLOW: &str = "the text did not arrive in time, and the page had not ended";
        const TOO_LARGE: &str = "the text is not in its first 10 MiB, and no more is read";
        const COMPRESSED: &str = "the page is compressed in a way that cannot be read";
        const BROKEN: &str = "the page ended early, before the text";
        if !response.status().is_success() {
            return Some(SiteFault::Status);
        }
        let text = self.text.as_deref()?;
        let coding = response.headers().get(CONTENT_ENCODING);
        let coding = coding.map(|coding| String::from_utf8_lossy(coding.as_bytes()).to_ascii_lowercase());
        let mut search = Search::new(text, coding.as_deref().unwrap_or_default());
        let unreadable = |why: &str| Some(SiteFault::Unreadable(why.to_owned()));
        loop {
            let found = match response.chunk().await {
                Ok(Some(chunk)) => search.feed(&chunk),
                Ok(None) => search.end(),
                Err(error) if error.is_timeout() => return unreadable(SLOW),
                Err(_) if search.end() == SearchResult::Yes => SearchResult::Yes,
                Err(_) => return unreadable(BROKEN),
            };
            match found {
                SearchResult::Yes => return None,
                SearchResult::No => return Some(SiteFault::NoText),
                SearchResult::NotYet => {}
                SearchResult::TooLarge => return unreadable(TOO_LARGE),
                SearchResult::Unreadable => return unreadable(COMPRESSED),
            }
        }
    }
}

/// The redirects that are followed with a `GET`. 304 is an answer to a condition that was not sent.
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads, after so many that were followed.
fn next(from: &Url, headers: &HeaderMap, redirects: u32) -> Result<Url, &'static str> {
    const NO_ADDRESS: &str = "it redirects to what is not a web address";
    if redirects >= MOST_REDIRECTS {
        return Err("it redirects more than 5 times");
    }
    let location = headers.get(LOCATION).and_then(|location| std::str::from_utf8(location.as_bytes()).ok());
    let location = location.filter(|location| !location.is_empty() && location.len() <= LONGEST_ADDRESS);
    let next = location.and_then(|location| from.join(location).ok()).filter(Url::has_host);
    let next = next.ok_or(NO_ADDRESS)?;
    match (from.scheme(), next.scheme()) {
        _ if has_user(&next) => {
            Err("it redirects to an address with a user name or password, which is not followed")
        }
        ("https", "http") => Err("it redirects from https to http, which is not followed"),
        (_, "http" | "https") => Ok(next),
        _ => Err(NO_ADDRESS),
    }
}

/// The pause that the page asks for. A page for maintenance names a fixed one, however soon it is over.
fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    const OF_MAINTENANCE: Duration = Duration::from_secs(15);
    let asked_for = response::retry_after_of(response.headers())?;
    match response.status().as_u16() {
        429 => Some(asked_for),
        _ => Some(asked_for.min(OF_MAINTENANCE)),
    }
}
