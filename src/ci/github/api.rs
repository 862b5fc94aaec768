//! GitHub's REST API, for one repository: one request at a time, on the program's own HTTP client, never a retry.

use std::time::Duration;

use octocrab::Octocrab;
use reqwest::header::ACCEPT;
use serde_json::Value;
use url::Url;

use crate::ci::records::standing::Trouble;
use crate::http::{self, Http};
use crate::render::Forge;
use crate::secret::{Redactor, Token, is_safe};

/// How long to leave GitHub alone where it asks for fewer requests and names no time, as its guidance has it.
const ALONE: Duration = Duration::from_mins(1);

/// The API of one repository.
pub(super) struct Api {
    octocrab: Octocrab,
    redactor: Redactor,
    forge: Forge,
    base: String,
    root: String,
}

/// A request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Patch,
}

impl Api {
    /// The API at this base (`https://api.github.com`, `https://HOST/api/v3`). Octocrab itself names the API's version,
    /// `2022-11-28`, and would send a second such header beside its own.
    pub(super) fn new(
        http: &Http,
        forge: Forge,
        base: &str,
        repository: &str,
        token: &Token,
    ) -> Result<Self, Trouble> {
        let base = base.trim_end_matches('/').to_owned();
        if !Url::parse(&base).is_ok_and(|url| is_safe(&url)) {
            return Err(Trouble::Unreachable("GITHUB_API_URL is not https".to_owned())); // the token would go in clear
        }
        let octocrab = Octocrab::builder()
            .base_uri(base.as_str())
            .map(|builder| {
                builder
                    .personal_token(token.expose().to_owned())
                    .add_header(ACCEPT, "application/vnd.github+json".to_owned())
            })
            .and_then(|builder| builder.build_with_reqwest(http.client().clone()));
        let octocrab =
            octocrab.map_err(|error| Trouble::Unreachable(plain(&error, forge, http.redactor())))?;
        Ok(Self {
            octocrab,
            redactor: http.redactor().clone(),
            forge,
            base,
            root: format!("/repos/{repository}"),
        })
    }

    /// Whose API it is.
    pub(super) fn forge(&self) -> Forge {
        self.forge
    }

    /// Sends one request below `/repos/OWNER/NAME` and reads its answer. A repository that moved answers with a
    /// redirect: it is followed once, and only to the same API.
    pub(super) async fn call(&self, verb: Verb, path: &str, body: &Value) -> Result<Value, Trouble> {
        match self.send(verb, &format!("{}{path}", self.root), body).await? {
            Sent::Done(value) => Ok(value),
            Sent::Moved(to) => match self.send(verb, &to, body).await? {
                Sent::Done(value) => Ok(value),
                Sent::Moved(_) => {
                    Err(Trouble::Unreachable(format!("{} redirects in circles", self.forge.name())))
                }
            },
        }
    }

    async fn send(&self, verb: Verb, route: &str, body: &Value) -> Result<Sent, Trouble> {
        let broken = |error: octocrab::Error| Trouble::Unreachable(plain(&error, self.forge, &self.redactor));
        let sent = match verb {
            Verb::Get => self.octocrab._get(route).await,
            Verb::Post => self.octocrab._post(route, Some(body)).await,
            Verb::Patch => self.octocrab._patch(route, Some(body)).await,
        };
        let response = sent.map_err(broken)?;
        let status = response.status().as_u16();
        let location = response.headers().get("location").and_then(|to| to.to_str().ok());
        if let (301 | 302 | 307 | 308, Some(to)) = (status, location) {
            let inside = to.strip_prefix(&self.base).filter(|path| path.starts_with('/'));
            let message = "it redirects to another host".to_owned();
            return inside
                .map(|path| Sent::Moved(path.to_owned()))
                .ok_or(Trouble::Refused { status, message });
        }
        let pause = http::barred(response.headers());
        let text = self.octocrab.body_to_string(response).await.map_err(broken)?;
        let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(Sent::Done(value));
        }
        let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
        // Both of its limits answer 403 or 429; without a header the words tell a limit from a permission.
        let named = status == 429 || message.contains("rate limit");
        if let (403 | 429, Some(pause)) = (status, pause.or(named.then_some(ALONE))) {
            return Err(Trouble::Limited(pause));
        }
        Err(Trouble::Refused { status, message: self.redactor.clean(message, 200) })
    }
}

enum Sent {
    Done(Value),
    Moved(String),
}

/// What is at the bottom of an error of octocrab's: the layers above name libraries, a URL or a backtrace.
fn plain(error: &octocrab::Error, forge: Forge, redactor: &Redactor) -> String {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    let said = bottom.to_string();
    format!(
        "{} cannot be reached: {}",
        forge.name(),
        redactor.clean(said.lines().next().unwrap_or_default(), 200)
    )
}
