//! GitLab CI: the run's records at GitLab, the job's time limit, and the image's own entrypoint.
//!
//! Outputs, summary and links are report files there (`files.rs`), sections are the log's (`terminal.rs`).

mod api;
mod bodies;
pub mod entrypoint;
mod job;
mod registry;
pub mod section;

use std::time::{Duration, SystemTime};

use self::api::{Api, Whose};
use self::job::Job;
use self::registry::{Register, Subject};
use super::out::Out;
use super::records::clerk::Records;
use super::records::standing::Trouble;
use super::records::{Aside, Keeper, Permit, Wanted};
use crate::deploy::report::Event;
use crate::env::Env;
use crate::http::{Http, Method, Network};
use crate::render::{Filed, Forge, Kind, Missed, Place, Remedy, words};
use crate::secret::Token;

/// Why no token is sent.
const NOT_SAFE: &str = "CI_API_V4_URL is not the https base of an API";

/// A job of GitLab's.
#[derive(Debug)]
pub struct GitLab {
    keeper: Keeper,
    cause: String,
}

impl GitLab {
    /// The job, where this process runs in one. `job_token`: the job's own token, which may do little.
    #[must_use]
    pub fn detect(
        env: &Env,
        out: &Out,
        (http, network): (&Http, &Network),
        wanted: &Wanted<'_>,
        job_token: Option<&Token>,
        place: &Place,
    ) -> Option<Self> {
        if !env.in_gitlab() {
            return None;
        }
        let job = Job::detect(env, wanted.sha);
        let mut keeper = Keeper::new(out, Forge::GitLab, wanted, false);
        let mut kinds = Vec::new();
        for kind in wanted.kinds.iter().copied().filter(|kind| *kind != Kind::Summary) {
            let of_user = wanted.token.is_some();
            match kind {
                _ if !Forge::GitLab.has(kind) => keeper.note_absence(&words::absent(kind, Forge::GitLab)),
                Kind::Comment if job.as_ref().is_some_and(|job| job.request.is_none()) => {
                    keeper.note_absence(words::nowhere_to_comment(Forge::GitLab));
                }
                Kind::Deployment if of_user || job_token.is_some() => kinds.push(kind),
                Kind::Status | Kind::Comment if of_user => kinds.push(kind),
                // What a job's own token may not do is not tried with it.
                _ => keeper.lack(&[kind], &missed("there is no gitlab-token", Remedy::Permission), false),
            }
        }
        let cause = job.as_ref().map(|job| job.cause.clone()).unwrap_or_default();
        if !kinds.is_empty() {
            let api = Api::new(env, http, network, wanted.token, job_token);
            match (job, api) {
                (Some(job), Some(api)) => {
                    let subject = Subject {
                        name: wanted.name.to_owned(),
                        environment: place.environment.clone().unwrap_or_else(|| "production".to_owned()),
                        job,
                        began: SystemTime::now(),
                    };
                    let records = Records::open(Register { api, subject }, kinds, |_| ());
                    keeper.employ(records, |_| ());
                }
                (None, _) => {
                    keeper.lack(
                        &kinds,
                        &missed("the environment names no project and commit", Remedy::None),
                        true,
                    );
                }
                (_, None) => {
                    keeper.lack(&kinds, &missed(NOT_SAFE, Remedy::None), true);
                }
            }
        }
        Some(Self { keeper, cause: http.redactor().clean(&cause, 200) })
    }

    /// What began this run, for the summary.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// Takes note of an event; what became of the records comes back at the end.
    pub async fn tell(&mut self, event: &Event, place: &Place) -> (Vec<Aside>, Vec<Filed>) {
        self.keeper.note(event);
        let Event::Finished { report } = event else { return (Vec::new(), Vec::new()) };
        let filed = self.keeper.close(report, place).await;
        (self.keeper.asides(&filed, report), filed)
    }
}

/// What the tokens are, as far as reading tells: the job's own, and the one that was given.
pub async fn examine(
    env: &Env,
    (http, network): (&Http, &Network),
    wanted: &Wanted<'_>,
    job_token: Option<&Token>,
) -> Vec<Permit> {
    let forge = Forge::GitLab;
    let mut permits = Vec::new();
    let records = wanted.kinds.iter().copied().filter(|kind| *kind != Kind::Summary && forge.has(*kind));
    let (of_job, of_user): (Vec<Kind>, Vec<Kind>) =
        records.partition(|kind| *kind == Kind::Deployment && job_token.is_some());
    let (true, Some(job)) = (env.in_gitlab(), Job::detect(env, wanted.sha)) else { return permits };
    let Some(api) = Api::new(env, http, network, wanted.token, job_token) else {
        let (found, remedy) =
            (NOT_SAFE.to_owned(), "No token is sent there, and no record written.".to_owned());
        return vec![Permit { token: "CI_API_V4_URL", good: false, found, remedy }];
    };
    if !of_job.is_empty() {
        let answer = api.call(Method::GET, "/job", None, Whose::Job).await;
        permits.push(permit("CI_JOB_TOKEN", answer.map(|_| "is this job's".to_owned()), &of_job));
    }
    if wanted.token.is_some() {
        let answer = api.call(Method::GET, &format!("/projects/{}", job.project), None, Whose::User).await;
        let found = answer.map(|project| match job::access_level(&project) {
            Some(level) => format!("reads this project with access level {level} (Developer is 30)"),
            None => "reads this project".to_owned(),
        });
        permits.push(permit("gitlab-token", found, &of_user));
    } else if wanted.named && !of_user.is_empty() {
        let remedy = words::permits(&of_user, forge);
        permits.push(Permit {
            token: "gitlab-token",
            good: false,
            found: "none was given".to_owned(),
            remedy,
        });
    }
    permits
}

fn permit(token: &'static str, found: Result<String, Trouble>, kinds: &[Kind]) -> Permit {
    let forge = Forge::GitLab;
    match found {
        Ok(found) => Permit { token, good: true, found, remedy: words::may_need(kinds, forge) },
        Err(trouble) => {
            let remedy = match trouble {
                Trouble::Refused { remedy: Remedy::Permission, .. } => words::permits(kinds, forge),
                Trouble::Refused { remedy, .. } => words::advice(remedy, forge).to_owned(),
                _ => "Check CI_API_V4_URL, and whether this machine may reach it.".to_owned(),
            };
            Permit { token, good: false, found: trouble.said(forge), remedy }
        }
    }
}

fn missed(why: &str, remedy: Remedy) -> Missed {
    Missed { why: why.to_owned(), remedy, read_only: false }
}

/// How long the job may still go on, with time set aside to end in order; `None` where it is not said.
#[must_use]
pub fn time_left(env: &Env, now: SystemTime) -> Option<Duration> {
    if env.in_gitlab() { job::time_left(env, now) } else { None }
}
