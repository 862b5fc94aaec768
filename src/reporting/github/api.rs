//! GitHub's REST API, for one repository: one request at a time, each once, on the program's HTTP client. The updater retries.

use std::time::Duration;

use octocrab::Octocrab;
use reqwest::header::ACCEPT;
use serde_json::Value;
use tokio::time::timeout;

use super::event::is_repository;
use crate::http::{self, BodyFault, Http};
use crate::reporting::updater::report_state::WriteError;
use crate::reporting::updater::{api_text, refusal};
use crate::secrets::{Redactor, Token};
use crate::text::{CodeHost, Fix};

/// How long one request may take; there may be less time left.
const LIMIT: Duration = Duration::from_secs(10);

/// How long to leave GitHub alone where it asks for fewer requests and names no time, as its guidance has it.
const ALONE: Duration = Duration::from_mins(1);

/// The API of one repository.
pub(super) struct GitHubApi {
    octocrab: Octocrab,
    redactor: Redactor,
    code_host: CodeHost,
    base: String,
    root: String,
}

/// A request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Patch,
}

impl GitHubApi {
    /// The API at this base (`https://api.github.com`, `https://HOST/api/v3`). Octocrab itself names the API's version,
    /// `2022-11-28`, and would send a second such header beside its own.
    pub(super) fn new(
        http: &Http,
        code_host: CodeHost,
        base: &str,
        repository: &str,
        token: &Token,
    ) -> Result<Self, WriteError> {
        let unfit = || WriteError::Unreachable("GITHUB_API_URL is not the https base of an API".to_owned());
        let base = api_text::api_base(base).ok_or_else(unfit)?;
        let octocrab = Octocrab::builder()
            .base_uri(base.as_str())
            .map(|builder| {
                builder
                    .personal_token(token.expose().to_owned())
                    .add_header(ACCEPT, "application/vnd.github+json".to_owned())
            })
            .and_then(|builder| builder.build_with_reqwest(http.client().clone()));
        let octocrab =
            octocrab.map_err(|error| WriteError::Unreachable(plain(&error, code_host, http.redactor())))?;
        let (redactor, repository) = (http.redactor().clone(), repository.to_owned());
        Ok(Self { octocrab, redactor, code_host, base, root: format!("/repos/{repository}") })
    }

    /// Whose API it is.
    pub(super) fn code_host(&self) -> CodeHost {
        self.code_host
    }

    // Raw routes, because octocrab's typed calls cannot express these requests (checked for 0.54.9):
    // - all of them read a body of any size into memory (`FromResponse`, `map_github_error`), and treat the redirect of a
    //   repository that moved as an error; together they make the binary 1.9 MB larger;
    // - check runs: the model has neither `external_id` nor `status`, by which ours is found and known to be final, and the
    //   handler takes no repository id, which a redirect names;
    // - statuses: the model demands `state`, which Forgejo and Gitea call `status`;
    // - comments: the model demands `node_id`, which Forgejo and Gitea do not send.
    // Deployments fit, but for the first reason.
    /// Sends one request below `/repos/OWNER/NAME` and reads its answer. A repository that moved answers with a
    /// redirect: it is followed once, and only to the same place of the repository under its new name.
    pub(super) async fn call(&self, verb: Method, path: &str, body: &Value) -> Result<Value, WriteError> {
        let late = |_| Err(WriteError::Late(LIMIT));
        timeout(LIMIT, self.call_on(verb, path, body)).await.unwrap_or_else(late)
    }

    async fn call_on(&self, verb: Method, path: &str, body: &Value) -> Result<Value, WriteError> {
        match self.send(verb, &self.root, path, body).await? {
            ApiResponse::Done(value) => Ok(value),
            ApiResponse::Moved(root) => match self.send(verb, &root, path, body).await? {
                ApiResponse::Done(value) => Ok(value),
                ApiResponse::Moved(_) => {
                    Err(WriteError::Unreachable(format!("{} redirects in circles", self.code_host.name())))
                }
            },
        }
    }

    async fn send(
        &self,
        verb: Method,
        root: &str,
        path: &str,
        body: &Value,
    ) -> Result<ApiResponse, WriteError> {
        let broken =
            |error: octocrab::Error| WriteError::Unreachable(plain(&error, self.code_host, &self.redactor));
        let route = format!("{root}{path}");
        let sent = match verb {
            Method::Get => self.octocrab._get(route).await,
            Method::Post => self.octocrab._post(route, Some(body)).await,
            Method::Patch => self.octocrab._patch(route, Some(body)).await,
        };
        let response = sent.map_err(broken)?;
        let status = response.status().as_u16();
        if (300..400).contains(&status) {
            let to = response.headers().get("location").and_then(|to| to.to_str().ok());
            return to
                .and_then(|to| self.moved(to, path))
                .map(ApiResponse::Moved)
                .ok_or(WriteError::away(status));
        }
        // Octocrab would read a body that never ends until the memory does.
        let answer = http::read(response.map(reqwest::Body::wrap).into()).await;
        let value = answer.body.as_ref().map(|body| serde_json::from_slice::<Value>(body).ok());
        if (200..300).contains(&status) {
            return match value {
                Ok(Some(value @ (Value::Object(_) | Value::Array(_)))) => Ok(ApiResponse::Done(value)),
                Err(BodyFault::TooLarge) => Err(WriteError::TooLarge),
                Err(fault) => Err(WriteError::unread(self.code_host, &fault)),
                Ok(_) => Err(WriteError::unread(self.code_host, &"it is not JSON")),
            };
        }
        let value = value.ok().flatten().unwrap_or_default();
        let refused = WriteError::refused(self.code_host, status, &value, &self.redactor);
        // Both of its limits answer 403 or 429; without a header only the message shows whether it is a limit or a permission.
        let named = refusal::is_limit(status, &refusal::message(&value));
        match (status, answer.blocked()) {
            (403 | 429, pause) if named => Err(WriteError::Limited(pause.unwrap_or(ALONE))),
            (403, Some(pause)) if refused.fix() == Fix::None => Err(WriteError::Limited(pause)),
            _ => Err(refused),
        }
    }

    /// Where the repository is now, by a redirect of a request for `path` in it. Nothing else of the API is asked, as the
    /// request may write.
    fn moved(&self, to: &str, path: &str) -> Option<String> {
        let inside = to.strip_prefix(&self.base)?;
        let without_query = path.split('?').next().unwrap_or_default();
        let root = inside.strip_suffix(path).or_else(|| inside.strip_suffix(without_query))?;
        let number = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let is_one = root.strip_prefix("/repositories/").is_some_and(number)
            || root.strip_prefix("/repos/").is_some_and(is_repository);
        is_one.then(|| root.to_owned())
    }
}

enum ApiResponse {
    Done(Value),
    /// The repository's new root.
    Moved(String),
}

/// What is at the bottom of an error of octocrab's: the layers above name libraries, a URL or a backtrace.
fn plain(error: &octocrab::Error, code_host: CodeHost, redactor: &Redactor) -> String {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    let message = bottom.to_string();
    format!(
        "{} cannot be reached: {}",
        code_host.name(),
        redactor.clean(message.lines().next().unwrap_or_default(), 200)
    )
}
