//! The run's records at GitLab: which request makes or changes each.

use std::time::Duration;

use serde_json::Value;

use super::api::{Api, Whose};
use super::bodies;
use super::job::Job;
use crate::ci::records::clerk::{Filing, Pen, Registry, id};
use crate::ci::records::standing::{Standing, Trouble, mark};
use crate::http::Method;
use crate::render::{Forge, Kind};

/// Pages of a merge request's notes that are searched for ours.
const NOTE_PAGES: u32 = 5;

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
        id: Option<u64>,
        standing: &Standing,
    ) -> Result<Filing, Trouble> {
        let id = match (kind, id) {
            // GitLab refuses to be told the same state twice, and has none between the beginning and the end.
            (Kind::Status | Kind::Deployment, Some(id)) if !standing.is_final() => id,
            (Kind::Status, _) => self.status(pen, standing).await?,
            (Kind::Deployment, None) => self.deployment(pen, standing).await?,
            (Kind::Deployment, Some(id)) => self.deployment_again(pen, standing, id).await?,
            (Kind::Comment, None) => self.note(pen, standing).await?,
            (Kind::Comment, Some(id)) => self.note_again(pen, standing, id).await?,
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
        match written {
            // A run that was killed left it running: then it says so already.
            Err(Trouble::Refused { status: 400, message })
                if !standing.is_final() && message.starts_with("Cannot transition status") => {}
            other => drop(other?),
        }
        Ok(0)
    }

    async fn deployment(&self, pen: &mut Pen, standing: &Standing) -> Result<u64, Trouble> {
        let Subject { environment, job, .. } = &self.subject;
        let body = bodies::deployment(standing, environment, job);
        let path = format!("/projects/{}/deployments", job.project);
        id(&pen.write(self.api.call(Method::POST, &path, Some(&body), Whose::Job)).await?)
    }

    async fn deployment_again(&self, pen: &mut Pen, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::deployment_update(standing);
        let path = format!("/projects/{}/deployments/{id}", self.subject.job.project);
        pen.write(self.api.call(Method::PUT, &path, Some(&body), Whose::Job)).await.map(|_| id)
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
        let mark = mark(&self.subject.name);
        let ours = |note: &&Value| {
            note["system"] != true && note["body"].as_str().is_some_and(|body| body.starts_with(&mark))
        };
        let mut found = Vec::new();
        for page in 1..=NOTE_PAGES {
            let path = format!("{notes}?activity_filter=only_comments&sort=asc&per_page=100&page={page}");
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
