//! GitLab's REST API: one request at a time, on the program's own HTTP client, never a retry.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use crate::ci::records::standing::Trouble;
use crate::env::Env;
use crate::http::{Credential, Failure, Http, Method, Network};
use crate::secret::{Token, is_safe};

/// How long one request may take; the clerk may have less.
const LIMIT: Duration = Duration::from_secs(10);

/// How long to leave GitLab alone where it asks for fewer requests and names no time.
const ALONE: Duration = Duration::from_mins(1);

/// The API of one GitLab.
pub(super) struct Api {
    http: Http,
    base: String,
    token: Option<Token>,
    job_token: Option<Token>,
}

/// In whose name a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The job's, or where it has no token, the user's.
    Job,
    /// The user's.
    User,
}

impl Api {
    /// The API at `CI_API_V4_URL`; `None` where no token may be sent there.
    pub(super) fn new(
        env: &Env,
        http: &Http,
        network: &Network,
        token: Option<&Token>,
        job_token: Option<&Token>,
    ) -> Option<Self> {
        let base = env.get("CI_API_V4_URL")?.trim_end_matches('/').to_owned();
        if !Url::parse(&base).is_ok_and(|url| is_safe(&url)) {
            return None; // the token would go in clear
        }
        let http = client(env, http, network);
        Some(Self { http, base, token: token.cloned(), job_token: job_token.cloned() })
    }

    /// Sends one request and reads its answer.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        whose: Whose,
    ) -> Result<Value, Trouble> {
        let url = Url::parse(&format!("{}{path}", self.base));
        let url = url.map_err(|_| Trouble::Unreachable("CI_API_V4_URL is not a URL".to_owned()))?;
        let of_job = self.job_token.as_ref().filter(|_| whose == Whose::Job);
        let of_job = of_job.map(|token| Credential::Header("job-token", token));
        let credential = of_job.or_else(|| self.token.as_ref().map(Credential::Bearer));
        let sent = self.http.send_json(method, &url, credential, body, LIMIT).await;
        let answer = sent.map_err(|failure| match failure {
            Failure::TimedOut(limit) => Trouble::Late(limit),
            Failure::NotSent { said, .. } | Failure::Broken(said) => {
                Trouble::Unreachable(format!("GitLab cannot be reached: {said}"))
            }
        })?;
        let value: Value =
            answer.body.ok().and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
        match answer.status {
            200..300 => Ok(value),
            429 => Err(Trouble::Limited(answer.retry_after.or(answer.reset_in).unwrap_or(ALONE))),
            300..400 => {
                let message = "it redirects elsewhere".to_owned();
                Err(Trouble::Refused { status: answer.status, message })
            }
            status => {
                Err(Trouble::Refused { status, message: self.http.redactor().clean(&said(&value), 200) })
            }
        }
    }
}

/// GitLab's words for what is wrong: a text, or lists of texts by field.
fn said(value: &Value) -> String {
    let words = ["message", "error_description", "error"].iter().find_map(|name| value.get(name));
    match words {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
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
