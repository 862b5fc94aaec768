//! The run's records at GitLab: which request makes or changes each.

use std::time::{Duration, SystemTime};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::api::{Api, Whose};
use super::bodies;
use super::job::{self, Job};
use crate::ci::records::clerk::{Filing, Made, Registry};
use crate::ci::records::pen::{Pen, id};
use crate::ci::records::standing::{Standing, Trouble, mark};
use crate::http::Method;
use crate::render::{Forge, Kind};

/// So many of a merge request's notes are searched for ours.
const NOTES: usize = 500;

/// How many are asked for at once; fewer where their texts are too long for one answer.
const PAGES: [usize; 2] = [100, 10];

/// So much may GitLab's clock be behind this machine's.
const SKEW: Duration = Duration::from_mins(1);

/// So many notes with our mark are tried; more are somebody's joke.
const CANDIDATES: usize = 3;

/// What the records are about.
pub(super) struct Subject {
    /// Name of the status, and what the note is found again by.
    pub(super) name: String,
    /// The environment of the deployment.
    pub(super) environment: String,
    /// The job.
    pub(super) job: Job,
    /// When this run began.
    pub(super) began: SystemTime,
}

/// The records of one run.
pub(super) struct Register {
    pub(super) api: Api,
    pub(super) subject: Subject,
}

impl Registry for Register {
    /// GitLab asks for no pause.
    const SPACING: Duration = Duration::ZERO;

    fn forge(&self) -> Forge {
        Forge::GitLab
    }

    async fn file(
        &self,
        pen: &mut Pen,
        kind: Kind,
        made: Made,
        standing: &Standing,
    ) -> Result<Filing, Trouble> {
        let id = match (kind, made) {
            // GitLab refuses to be told the same state twice, and has none between the beginning and the end.
            (Kind::Status | Kind::Deployment, Made::As(id)) if !standing.is_final() => id,
            (Kind::Status, _) => self.status(pen, standing).await?,
            (Kind::Deployment, Made::As(id)) => self.deployment_again(pen, standing, id).await?,
            (Kind::Deployment, made) => self.deployment(pen, standing, made).await?,
            (Kind::Comment, Made::As(id)) => match self.note_again(pen, standing, id).await {
                Err(gone) if gone.is_gone() => self.note(pen, standing).await?, // somebody deleted it
                other => other?,
            },
            (Kind::Comment, _) => self.note(pen, standing).await?,
            (Kind::Summary | Kind::Check, _) => 0, // a file; and what GitLab does not have
        };
        Ok(Filing::Done(id))
    }
}

impl Register {
    async fn status(&self, pen: &mut Pen, standing: &Standing) -> Result<u64, Trouble> {
        let Subject { name, job, .. } = &self.subject;
        let body = bodies::status(standing, name, job);
        let path = format!("/projects/{}/statuses/{}", job.project, job.sha);
        let written = pen.write(self.api.call(Method::POST, &path, Some(&body), Whose::User)).await;
        let said_already = format!("from :{} ", bodies::status_state(standing.stand));
        match written {
            // A run that was killed left it so, or an answer was lost: then it says so already.
            Err(Trouble::Refused { status: 400, message, .. })
                if message.starts_with("Cannot transition status") && message.contains(&said_already) => {}
            other => drop(other?),
        }
        Ok(0)
    }

    async fn deployment(&self, pen: &mut Pen, standing: &Standing, made: Made) -> Result<u64, Trouble> {
        let Subject { environment, job, .. } = &self.subject;
        if made == Made::Perhaps
            && let Some((id, state)) = self.find_deployment(pen).await?
        {
            let says_so = state == bodies::state(standing.stand);
            return if says_so { Ok(id) } else { self.deployment_again(pen, standing, id).await };
        }
        let body = bodies::deployment(standing, environment, job);
        let path = format!("/projects/{}/deployments", job.project);
        id(&pen.write(self.api.call(Method::POST, &path, Some(&body), Whose::Job)).await?)
    }

    async fn deployment_again(&self, pen: &mut Pen, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::deployment_update(standing);
        let path = format!("/projects/{}/deployments/{id}", self.subject.job.project);
        match pen.write(self.api.call(Method::PUT, &path, Some(&body), Whose::Job)).await {
            // It is over already: an answer was lost.
            Err(Trouble::Refused { status: 400, message, .. }) if message.contains("transition") => Ok(id),
            written => written.map(|_| id),
        }
    }

    /// The deployment that was asked for without an answer, and its state. GitLab takes no mark of ours, but a deployment
    /// that no job has is one that the API made: one of this commit that was made since this run began is ours, and one
    /// that is still open is ours or nobody's.
    async fn find_deployment(&self, pen: &mut Pen) -> Result<Option<(u64, String)>, Trouble> {
        let Subject { environment, job, began, .. } = &self.subject;
        let name = bodies::environment(environment);
        let path = format!(
            "/projects/{}/deployments?environment={}&order_by=id&sort=desc&per_page=20",
            job.project,
            utf8_percent_encode(&name, NON_ALPHANUMERIC)
        );
        let found = pen.ask(self.api.call(Method::GET, &path, None, Whose::Job)).await?;
        let is_open = |one: &Value| matches!(one["status"].as_str(), Some("created" | "running"));
        let is_new = |one: &Value| {
            let made = one["created_at"].as_str().and_then(job::time);
            made.is_some_and(|made| made + SKEW >= *began)
        };
        let ours = |one: &&Value| {
            let of_commit = one["sha"] == *job.head && one["ref"] == *job.reference;
            of_commit && one["deployable"].is_null() && (is_open(one) || is_new(one))
        };
        let one = found.as_array().and_then(|list| list.iter().find(ours));
        Ok(one.and_then(|one| Some((one["id"].as_u64()?, one["status"].as_str()?.to_owned()))))
    }

    async fn note(&self, pen: &mut Pen, standing: &Standing) -> Result<u64, Trouble> {
        let notes = self.notes()?;
        for id in self.find_notes(pen, &notes).await? {
            match self.note_again(pen, standing, id).await {
                // Somebody else's, who copied the mark.
                Err(Trouble::Refused { status: 403 | 404, .. }) => {}
                other => return other,
            }
        }
        let body = bodies::note(standing, &self.subject.name, &self.subject.job);
        id(&pen.write(self.api.call(Method::POST, &notes, Some(&body), Whose::User)).await?)
    }

    async fn note_again(&self, pen: &mut Pen, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::note(standing, &self.subject.name, &self.subject.job);
        let path = format!("{}/{id}", self.notes()?);
        pen.write(self.api.call(Method::PUT, &path, Some(&body), Whose::User)).await.map(|_| id)
    }

    /// The notes that have our mark: the one an earlier run left is among them.
    async fn find_notes(&self, pen: &mut Pen, notes: &str) -> Result<Vec<u64>, Trouble> {
        let [size, small] = PAGES;
        match self.find_notes_by(pen, notes, size).await {
            Err(Trouble::TooLarge) => self.find_notes_by(pen, notes, small).await,
            found => found,
        }
    }

    async fn find_notes_by(&self, pen: &mut Pen, notes: &str, size: usize) -> Result<Vec<u64>, Trouble> {
        let mark = mark(&self.subject.name);
        let ours = |note: &&Value| {
            note["system"] != true && note["body"].as_str().is_some_and(|body| body.starts_with(&mark))
        };
        let mut found = Vec::new();
        for page in 1..=NOTES / size {
            let path = format!("{notes}?activity_filter=only_comments&sort=asc&per_page={size}&page={page}");
            let answer = pen.ask(self.api.call(Method::GET, &path, None, Whose::User)).await?;
            let on_page = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            found.extend(on_page.iter().filter(ours).filter_map(|note| note["id"].as_u64()));
            // Notes that the token may not read are missing from their page, so a short page need not be the last.
            if on_page.is_empty() || !found.is_empty() {
                break;
            }
        }
        found.truncate(CANDIDATES);
        Ok(found)
    }

    fn notes(&self) -> Result<String, Trouble> {
        let request = self.subject.job.request.as_ref();
        let none = || Trouble::Unreachable("this job belongs to no merge request".to_owned());
        let (project, number) = request.ok_or_else(none)?;
        Ok(format!("/projects/{project}/merge_requests/{number}/notes"))
    }
}
