//! The run's records at GitHub, and at forges that speak its language: which request makes or changes each.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Api, Verb};
use super::bodies;
use crate::ci::records::clerk::{Filing, Left, Made, Registry};
use crate::ci::records::pen::{Pen, id};
use crate::ci::records::standing::{Standing, Trouble, mark};
use crate::ci::records::text;
use crate::deploy::state::Outcome;
use crate::render::{Forge, Kind};

/// So many of a pull request's comments are searched for ours.
const COMMENTS: usize = 500;

/// How many are asked for at once; fewer where their texts are too long for one answer.
const PAGES: [usize; 2] = [100, 10];

/// The longest page that is carried to the post step: it gets it as a variable of its environment.
const CARRIED: usize = 16 * 1024;

/// What the records are about.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Subject {
    /// Context of the status, name of the check.
    pub(super) name: String,
    /// The commit.
    pub(super) sha: String,
    /// The run's page; empty where it is not known.
    pub(super) page: String,
    /// The environment of a GitHub Deployment.
    pub(super) environment: String,
    /// The deployed site.
    pub(super) site: Option<String>,
    /// The pull request of the comment.
    pub(super) pull: Option<u64>,
    /// By what a record is found again that was asked for without an answer: this run's alone.
    pub(super) mark: String,
}

/// What is open, as the post step must know it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Open {
    /// What the records are about.
    pub(super) subject: Subject,
    /// Each record that is not closed.
    pub(super) records: Left,
}

/// How the run ended, as the post step must know it: it is saved before any record says so.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct End {
    outcome: String,
    passed: bool,
    text: String,
    page: String,
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
        made: Made,
        standing: &Standing,
    ) -> Result<Filing, Trouble> {
        let id = match (kind, made) {
            (Kind::Summary, _) => 0, // a file, not a record
            (Kind::Status, _) => self.status(pen, standing).await?,
            (Kind::Check, Made::As(id)) => self.check_again(pen, standing, id).await?,
            (Kind::Check, made) => self.check(pen, standing, made).await?,
            (Kind::Deployment, Made::As(id)) => self.deployment_again(pen, standing, id).await?,
            (Kind::Deployment, made) => return self.deployment(pen, made).await.map(Filing::Begun),
            (Kind::Comment, Made::As(id)) => match self.comment_again(pen, standing, id).await {
                Err(gone) if gone.is_gone() => self.comment(pen, standing).await?, // somebody deleted it
                other => other?,
            },
            (Kind::Comment, _) => self.comment(pen, standing).await?,
        };
        Ok(Filing::Done(id))
    }
}

impl Register {
    /// A repeated status is one more line of the same: the last one counts.
    async fn status(&self, pen: &mut Pen, standing: &Standing) -> Result<u64, Trouble> {
        let body = bodies::status(standing, &self.subject.name, &self.subject.page);
        let path = format!("/statuses/{}", self.subject.sha);
        pen.write(self.api.call(Verb::Post, &path, &body)).await.map(|_| 0)
    }

    async fn check(&self, pen: &mut Pen, standing: &Standing, made: Made) -> Result<u64, Trouble> {
        let Subject { name, sha, mark, .. } = &self.subject;
        let body = bodies::check(standing, &self.subject);
        let name = utf8_percent_encode(&bodies::name(name), NON_ALPHANUMERIC).to_string();
        let path = format!("/commits/{sha}/check-runs?check_name={name}&filter=all&per_page=100");
        let ours = |check: &Value| check["external_id"] == **mark;
        if made == Made::Perhaps
            && let Some(id) = self.find(pen, &path, |found| found["check_runs"].as_array(), ours).await?
        {
            return self.check_again(pen, standing, id).await;
        }
        id(&pen.write(self.api.call(Verb::Post, "/check-runs", &body)).await?)
    }

    async fn check_again(&self, pen: &mut Pen, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::check_update(standing, &self.subject.page);
        pen.write(self.api.call(Verb::Patch, &format!("/check-runs/{id}"), &body)).await.map(|_| id)
    }

    /// Makes a GitHub Deployment. It has no status yet, without which GitHub shows nothing of it.
    async fn deployment(&self, pen: &mut Pen, made: Made) -> Result<u64, Trouble> {
        let Subject { sha, mark, .. } = &self.subject;
        let body = bodies::deployment(&self.subject);
        let path = format!("/deployments?sha={sha}&task=deploy&per_page=100");
        let ours = |deployment: &Value| deployment["payload"].to_string().contains(mark.as_str());
        if made == Made::Perhaps
            && let Some(id) = self.find(pen, &path, Value::as_array, ours).await?
        {
            return Ok(id);
        }
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
        let [size, small] = PAGES;
        match self.find_comment_by(pen, pull, size).await {
            Err(Trouble::TooLarge) => self.find_comment_by(pen, pull, small).await,
            found => found,
        }
    }

    async fn find_comment_by(&self, pen: &mut Pen, pull: u64, size: usize) -> Result<Option<u64>, Trouble> {
        let mark = mark(&self.subject.name);
        for page in 1..=COMMENTS / size {
            let path = format!("/issues/{pull}/comments?per_page={size}&page={page}");
            let found = pen.ask(self.api.call(Verb::Get, &path, &Value::Null)).await?;
            let comments = found.as_array().map(Vec::as_slice).unwrap_or_default();
            let ours =
                |comment: &&Value| comment["body"].as_str().is_some_and(|body| body.starts_with(&mark));
            if let Some(comment) = comments.iter().find(ours) {
                return Ok(comment["id"].as_u64());
            }
            // Forgejo and Gitea know no pages here and would answer with the same one for ever.
            if comments.len() < size || self.forge() != Forge::GitHub {
                break;
            }
        }
        Ok(None)
    }

    /// A record of this very run that was made without an answer.
    async fn find(
        &self,
        pen: &mut Pen,
        path: &str,
        list: impl Fn(&Value) -> Option<&Vec<Value>>,
        ours: impl Fn(&Value) -> bool,
    ) -> Result<Option<u64>, Trouble> {
        match pen.ask(self.api.call(Verb::Get, path, &Value::Null)).await {
            Ok(found) => Ok(list(&found).and_then(|list| list.iter().find(|one| ours(one))?["id"].as_u64())),
            Err(gone) if gone.is_gone() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }
}

/// The state as it is carried to the post step.
pub(super) fn to_state(open: &Open) -> String {
    json!(open).to_string()
}

/// The state as the post step finds it; what could steer a request elsewhere is none.
pub(super) fn from_state(state: &str) -> Option<Open> {
    let open: Open = serde_json::from_str(state).ok()?;
    Some(open).filter(|open| !open.records.is_empty() && text::commit(&open.subject.sha).is_some())
}

/// The end as it is carried to the post step; `None` for a run that goes on.
pub(super) fn to_end(standing: &Standing) -> Option<String> {
    let (outcome, passed) = standing.end()?;
    let (text, page) = (standing.text.clone(), text::page(&standing.page, CARRIED));
    Some(json!(End { outcome: outcome.to_string(), passed, text, page }).to_string())
}

/// The end as the post step finds it.
pub(super) fn from_end(state: &str) -> Option<Standing> {
    let End { outcome, passed, text, page } = serde_json::from_str(state).ok()?;
    let outcome = Outcome::ALL.into_iter().find(|known| known.to_string() == outcome)?;
    Some(Standing::over(outcome, passed, text, page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_could_steer_a_request_is_none() {
        let state = |sha: &str, records: Left| {
            let subject = Subject { sha: sha.to_owned(), ..Subject::default() };
            to_state(&Open { subject, records })
        };
        let (sha, records) = ("a".repeat(40), vec![(Kind::Check, Made::As(7))]);
        assert_eq!(from_state(&state(&sha, records.clone())).unwrap().records, records);
        assert!(from_state(&state("../../../user/keys", records)).is_none());
        assert!(from_state(&state(&sha, Vec::new())).is_none());
        let crooked = state(&sha, vec![(Kind::Check, Made::As(7))]).replace('7', "\"../7\"");
        assert!(from_state(&crooked).is_none() && from_state("{").is_none());
    }

    #[test]
    fn the_end_is_carried_whole_but_for_a_page_that_is_too_long() {
        for outcome in Outcome::ALL {
            let standing = Standing::over(outcome, true, "It ended.".to_owned(), "### Ended".to_owned());
            assert_eq!(from_end(&to_end(&standing).unwrap()), Some(standing));
        }
        let long = Standing::over(Outcome::Failed, false, String::new(), "\n".repeat(100_000));
        assert!(to_end(&long).unwrap().len() < 64 * 1024, "an environment has no room for more");
        for none in ["", "{}", r#"{"outcome":"live","passed":true,"text":"","page":""}"#] {
            assert_eq!(from_end(none), None);
        }
    }
}
