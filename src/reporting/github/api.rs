//! GitHub's REST API, for one repository: one request at a time, each once, on the program's HTTP client. The updater retries.

use octocrab::Octocrab;
use reqwest::header::{ACCEPT, LOCATION};
use tokio::time::timeout;

use super::event::{WorkflowRun, is_repository};
use crate::http::{self, Http, Method};
use crate::reporting::updater::answer::{self, LIMIT};
use crate::reporting::updater::api_text;
use crate::reporting::updater::report_state::{ApiResult, WriteError};
use crate::reporting::updater::requests::ApiRequest;
use crate::secrets::{Redactor, Token};
use crate::text::CodeHost;

/// GitHub's REST API for one repository, as its runner names it, with a token.
pub(super) struct GitHubApi {
    octocrab: Octocrab,
    redactor: Redactor,
    pub(super) code_host: CodeHost,
    base: String,
    root: String,
}

impl GitHubApi {
    /// The API at this base (`https://api.github.com`, `https://HOST/api/v3`). Octocrab itself names the API's version,
    /// `2022-11-28`, and would send a second such header beside its own.
    pub(super) fn new(http: &Http, run: &WorkflowRun, token: &Token) -> ApiResult<Self> {
        let unfit = || WriteError::Unreachable("GITHUB_API_URL is not the https base of an API".to_owned());
        let base = api_text::api_base(&run.api).ok_or_else(unfit)?;
        let octocrab = Octocrab::builder()
            .base_uri(base.as_str())
            .map(|builder| {
                builder
                    .personal_token(token.expose().to_owned())
                    .add_header(ACCEPT, "application/vnd.github+json".to_owned())
            })
            .and_then(|builder| builder.build_with_reqwest(http.client().clone()));
        let (code_host, redactor) = (run.code_host, http.redactor().clone());
        let octocrab = octocrab.map_err(|error| unreachable(&error, code_host, &redactor))?;
        Ok(Self { octocrab, redactor, code_host, base, root: format!("/repos/{}", run.repository) })
    }

    // The states that are sent are octocrab's (`bodies.rs`). The routes are raw, as its typed calls lose what reports need
    // (`tests/it/github/octocrab.rs` shows it for the version in use):
    // - all of them: a report that was written counts as failed, and is written again, where the answer is not the whole
    //   model. A proxy's error page becomes GitHub's message, so that a proxy's 404 reads as "the report is gone".
    // - statuses and comments: Forgejo and Gitea answer with `status` for `state`, and without `node_id`.
    // - check runs: the list takes no name, and the model has neither `external_id` nor `status`, by which ours is found
    //   and known to be completed.
    // - comments: the update is a `POST`, where GitHub documents `PATCH`.
    // Deployments have only the first reason. Besides, they read a body of any size into memory, do not follow a repository
    // that moved, and make the binary half a megabyte larger.
    /// Sends one request below `/repos/OWNER/NAME` and reads its answer. A repository that moved answers with a
    /// redirect: it is followed once, and only to the same place of the repository under its new name.
    pub(super) async fn call(&self, request: &ApiRequest) -> ApiResult {
        let call = async {
            let mut response = self.send(&self.root, request).await?;
            if let Some(root) = self.moved(&response, &request.path) {
                response = self.send(&root, request).await?;
            }
            answer::json(self.code_host, &http::read(response).await, &self.redactor)
        };
        timeout(LIMIT, call).await.unwrap_or(Err(WriteError::Late(LIMIT)))
    }

    async fn send(&self, root: &str, request: &ApiRequest) -> ApiResult<reqwest::Response> {
        let (route, body) = (format!("{root}{}", request.path), request.body.as_ref());
        let sent = match request.method {
            Method::POST => self.octocrab._post(route, body).await,
            Method::PATCH => self.octocrab._patch(route, body).await,
            _ => self.octocrab._get(route).await,
        };
        sent.map(|response| response.map(reqwest::Body::wrap).into())
            .map_err(|error| unreachable(&error, self.code_host, &self.redactor))
    }

    /// Where the repository is now, by a redirect of a request for `path` in it. Nothing else of the API is asked, as the
    /// request may write.
    fn moved(&self, response: &reqwest::Response, path: &str) -> Option<String> {
        let to = response.headers().get(LOCATION).filter(|_| response.status().is_redirection())?;
        let inside = to.to_str().ok()?.strip_prefix(&self.base)?;
        let without_query = path.split('?').next().unwrap_or_default();
        let root = inside.strip_suffix(path).or_else(|| inside.strip_suffix(without_query))?;
        let number = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let is_one = root.strip_prefix("/repositories/").is_some_and(number)
            || root.strip_prefix("/repos/").is_some_and(is_repository);
        is_one.then(|| root.to_owned())
    }
}

/// What is at the bottom of an error of octocrab's: the layers above name libraries, a URL or a backtrace.
fn unreachable(error: &octocrab::Error, code_host: CodeHost, redactor: &Redactor) -> WriteError {
    let mut bottom: &dyn std::error::Error = error;
    while let Some(source) = bottom.source() {
        bottom = source;
    }
    let message = bottom.to_string();
    let message = redactor.clean(message.lines().next().unwrap_or_default(), 200);
    WriteError::Unreachable(format!("{} cannot be reached: {message}", code_host.name()))
}
