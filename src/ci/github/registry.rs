//! The run's records at GitHub, and at forges that speak its language: which request makes or changes each.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, Verb};
use super::bodies;
use crate::ci::records::clerk::{Filing, Pen, Registry, id};
use crate::ci::records::standing::{Standing, Trouble, mark};
use crate::render::{Forge, Kind};

/// Pages of a pull request's comments that are searched for ours.
const COMMENT_PAGES: u32 = 5;

/// What the records are about.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Subject {
    /// Context of the status, name of the check.
    pub(super) name: String,
    /// The commit.
    pub(super) sha: String,
    /// The run's page.
    pub(super) page: String,
    /// The environment of a GitHub Deployment.
    pub(super) environment: String,
    /// The deployed site.
    pub(super) site: Option<String>,
    /// The pull request of the comment.
    pub(super) pull: Option<u64>,
}

/// What is open, as the post step must know it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Open {
    /// What the records are about.
    pub(super) subject: Subject,
    /// Each open record: its kind and GitHub's id for it, 0 for a status, which has none.
    pub(super) records: Vec<(Kind, u64)>,
}

/// The records of one run.
pub(super) struct Register {
    pub(super) api: Api,
    pub(super) subject: Subject,
}

impl Registry for Register {
    /// GitHub's guidance for whoever writes.
    const SPACING: Duration = Duration::from_secs(1);

    fn forge(&self) -> Forge {
        self.api.forge()
    }

    async fn file(
        &self,
        pen: &mut Pen,
        kind: Kind,
        id: Option<u64>,
        standing: &Standing,
    ) -> Result<Filing, Trouble> {
        let id = match (kind, id) {
            (Kind::Summary, _) => 0, // a file, not a record
            (Kind::Status, _) => self.status(pen, standing).await?,
            (Kind::Check, None) => self.check(pen, standing).await?,
            (Kind::Check, Some(id)) => self.check_again(pen, standing, id).await?,
            (Kind::Deployment, None) => return self.deployment(pen).await.map(Filing::Begun),
            (Kind::Deployment, Some(id)) => self.deployment_again(pen, standing, id).await?,
            (Kind::Comment, None) => self.comment(pen, standing).await?,
            (Kind::Comment, Some(id)) => self.comment_again(pen, standing, id).await?,
        };
        Ok(Filing::Done(id))
    }
}

impl Register {
    async fn status(&self, pen: &mut Pen, standing: &Standing) -> Result<u64, Trouble> {
        let body = bodies::status(standing, &self.subject.name, &self.subject.page);
        let path = format!("/statuses/{}", self.subject.sha);
        pen.write(self.api.call(Verb::Post, &path, &body)).await.map(|_| 0)
    }

    async fn check(&self, pen: &mut Pen, standing: &Standing) -> Result<u64, Trouble> {
        let Subject { name, sha, page, .. } = &self.subject;
        let body = bodies::check(standing, name, sha, page);
        id(&pen.write(self.api.call(Verb::Post, "/check-runs", &body)).await?)
    }

    async fn check_again(&self, pen: &mut Pen, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::check_update(standing, &self.subject.page);
        pen.write(self.api.call(Verb::Patch, &format!("/check-runs/{id}"), &body)).await.map(|_| id)
    }

    /// Makes a GitHub Deployment. It has no status yet, without which GitHub shows nothing of it.
    async fn deployment(&self, pen: &mut Pen) -> Result<u64, Trouble> {
        let Subject { sha, environment, name, .. } = &self.subject;
        let body = bodies::deployment(sha, environment, name);
        id(&pen.write(self.api.call(Verb::Post, "/deployments", &body)).await?)
    }

    async fn deployment_again(&self, pen: &mut Pen, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::deployment_status(standing, &self.subject.page, self.subject.site.as_deref());
        let path = format!("/deployments/{id}/statuses");
        pen.write(self.api.call(Verb::Post, &path, &body)).await.map(|_| id)
    }

    async fn comment(&self, pen: &mut Pen, standing: &Standing) -> Result<u64, Trouble> {
        let Some(pull) = self.subject.pull else {
            return Err(Trouble::Unreachable("this run belongs to no pull request".to_owned()));
        };
        if let Some(id) = self.find_comment(pen, pull).await? {
            return self.comment_again(pen, standing, id).await;
        }
        let body = bodies::comment(standing, &self.subject.name, &self.subject.page);
        id(&pen.write(self.api.call(Verb::Post, &format!("/issues/{pull}/comments"), &body)).await?)
    }

    async fn comment_again(&self, pen: &mut Pen, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::comment(standing, &self.subject.name, &self.subject.page);
        pen.write(self.api.call(Verb::Patch, &format!("/issues/comments/{id}"), &body)).await.map(|_| id)
    }

    /// The comment an earlier run left, by its mark.
    async fn find_comment(&self, pen: &mut Pen, pull: u64) -> Result<Option<u64>, Trouble> {
        let mark = mark(&self.subject.name);
        for page in 1..=COMMENT_PAGES {
            let path = format!("/issues/{pull}/comments?per_page=100&page={page}");
            let found = pen.ask(self.api.call(Verb::Get, &path, &Value::Null)).await?;
            let comments = found.as_array().map(Vec::as_slice).unwrap_or_default();
            let ours =
                |comment: &&Value| comment["body"].as_str().is_some_and(|body| body.starts_with(&mark));
            if let Some(comment) = comments.iter().find(ours) {
                return Ok(comment["id"].as_u64());
            }
            // Forgejo and Gitea know no pages here and would answer with the same one for ever.
            if comments.len() < 100 || self.forge() != Forge::GitHub {
                break;
            }
        }
        Ok(None)
    }
}

/// The state as it is carried to the post step.
pub(super) fn to_state(open: &Open) -> String {
    json!(open).to_string()
}

/// The state as the post step finds it.
pub(super) fn from_state(text: &str) -> Option<Open> {
    serde_json::from_str(text).ok().filter(|open: &Open| !open.records.is_empty())
}
