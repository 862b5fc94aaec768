//! GitLab's REST API: one request at a time, each once, on the program's HTTP client. The updater retries.

use std::path::PathBuf;

use url::Url;

use crate::core::trigger::NotSent;
use crate::env::Env;
use crate::http::{Credential, Http, Network, RequestError};
use crate::reporting::updater::answer::{self, LIMIT};
use crate::reporting::updater::report_state::{ApiResult, WriteError};
use crate::reporting::updater::requests::ApiRequest;
use crate::reporting::updater::{ReportOptions, api_text};
use crate::secrets::Token;
use crate::text::{CodeHost, ReportKind};

/// GitLab's REST API for one project, with the tokens that are there.
pub(super) struct GitLabApi {
    http: Http,
    base: String,
    token: Option<Token>,
    job_token: Option<Token>,
}

impl GitLabApi {
    /// The API at `CI_API_V4_URL`; `None` where no token may be sent there.
    pub(super) fn new(
        env: &Env,
        http: &Http,
        network: &Network,
        options: &ReportOptions<'_>,
    ) -> Option<Self> {
        let base = env.get("CI_API_V4_URL").and_then(api_text::api_base)?;
        let (token, job_token) = (options.gitlab_token.cloned(), options.job_token.cloned());
        Some(Self { http: client(env, http, network), base, token, job_token })
    }

    /// Sends one request about a report of this kind and reads its answer. The job's own token may write deployments and
    /// nothing else; where there is none, the user's is used.
    pub(super) async fn call(&self, kind: ReportKind, request: &ApiRequest) -> ApiResult {
        let ApiRequest { method, path, body } = request;
        let url = Url::parse(&format!("{}{path}", self.base));
        let url = url.map_err(|_| WriteError::Unreachable("CI_API_V4_URL is not a URL".to_owned()))?;
        let of_job = self.job_token.as_ref().filter(|_| kind == ReportKind::Deployment);
        let of_job = of_job.map(|token| Credential::Header("job-token", token));
        let credential = of_job.or_else(|| self.token.as_ref().map(Credential::Bearer));
        let sent = self.http.send(method.clone(), &url, credential, body.as_ref(), LIMIT).await;
        let answer = sent.map_err(|failure| match failure {
            RequestError::TimedOut(limit) => WriteError::Late(limit),
            RequestError::NotSent(NotSent { message, .. }) | RequestError::Broken(message) => {
                WriteError::Unreachable(format!("GitLab cannot be reached: {message}"))
            }
        })?;
        answer::json(CodeHost::GitLab, &answer, self.http.redactor())
    }
}

/// The client for this GitLab. The runner names the authority of its certificate where it is a private one; it is
/// trusted for GitLab and for nothing else.
fn client(env: &Env, http: &Http, network: &Network) -> Http {
    let file = env.get("CI_SERVER_TLS_CA_FILE").map(PathBuf::from).filter(|path| path.is_file());
    let of_gitlab = file.and_then(|file| {
        let mut network = network.clone();
        network.authorities.push(file);
        Http::new(&network, true, http.redactor().clone()).ok()
    });
    of_gitlab.unwrap_or_else(|| http.clone())
}
