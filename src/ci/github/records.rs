//! The run's records at GitHub: commit status, check run, deployment and comment; opened, kept up, and always closed.
//!
//! A clerk works through them in the background, one request at a time and at least a second apart, as GitHub asks
//! of whoever writes; the deployment is followed meanwhile. What cannot be written is told once and changes nothing.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::api::{Api, Trouble, Verb};
use super::bodies::{self, Standing};
use crate::render::{Filed, Kind, Missed};

/// Between two writing requests, as GitHub's guidance has it.
const SPACING: Duration = Duration::from_secs(1);

/// Between two notes of progress: a record is for the beginning and the end, not a log.
const PROGRESS: Duration = Duration::from_secs(20);

/// How long a request may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How long one may take when the runner is about to kill this process.
const HURRIED: Duration = Duration::from_millis(1200);

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

/// What is open at GitHub, as the post step must know it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Open {
    /// What the records are about.
    pub(super) subject: Subject,
    /// Each open record: its kind and GitHub's id for it, 0 for a status, which has none.
    pub(super) records: Vec<(Kind, u64)>,
}

/// The clerk's desk, seen from outside.
#[derive(Debug)]
pub(super) struct Records {
    notes: mpsc::UnboundedSender<Note>,
    work: JoinHandle<Vec<Filed>>,
}

#[derive(Debug)]
struct Note {
    standing: Standing,
    hurried: bool,
}

impl Records {
    /// Puts a clerk to work. `saved` is called with what is open, whenever that changes.
    pub(super) fn open(
        api: Api,
        subject: Subject,
        kinds: Vec<Kind>,
        saved: impl Fn(&Open) + Send + Sync + 'static,
    ) -> Self {
        let (notes, inbox) = mpsc::unbounded_channel();
        let open = Open { subject, records: Vec::new() };
        let clerk =
            Clerk { api, open, inbox, latest: None, hurried: false, written: None, saved: Box::new(saved) };
        Self { notes, work: tokio::spawn(clerk.work(kinds)) }
    }

    /// Notes how things stand.
    pub(super) fn note(&self, standing: Standing) {
        let _ = self.notes.send(Note { standing, hurried: false });
    }

    /// Notes how things ended, and waits until every record says so. `hurried`: within five seconds at most.
    pub(super) async fn close(self, standing: Standing, hurried: bool) -> Vec<Filed> {
        let _ = self.notes.send(Note { standing, hurried });
        drop(self.notes);
        let limit = if hurried { HURRIED * 4 } else { LIMIT * 4 };
        match timeout(limit, self.work).await {
            Ok(Ok(filed)) => filed,
            Ok(Err(_)) | Err(_) => Vec::new(), // the post step closes what is still open
        }
    }
}

/// Closes what a run that was killed left open, from the post step.
pub(super) async fn close_left(api: Api, open: Open, standing: Standing) -> Vec<Filed> {
    let (_, inbox) = mpsc::unbounded_channel();
    let mut clerk = Clerk {
        api,
        open,
        inbox,
        latest: Some(standing),
        hurried: false,
        written: None,
        saved: Box::new(|_| ()),
    };
    let mut filed = Vec::new();
    for (kind, id) in clerk.open.records.clone() {
        filed.push(clerk.file(kind, Some(id)).await);
    }
    filed
}

struct Clerk {
    api: Api,
    open: Open,
    inbox: mpsc::UnboundedReceiver<Note>,
    latest: Option<Standing>,
    hurried: bool,
    written: Option<Instant>,
    saved: Box<dyn Fn(&Open) + Send + Sync>,
}

impl Clerk {
    async fn work(mut self, kinds: Vec<Kind>) -> Vec<Filed> {
        let Some(note) = self.inbox.recv().await else { return Vec::new() };
        self.take(note);
        // The first round opens, or, where all is over already, files the end at once.
        let mut filed = Vec::new();
        for kind in kinds {
            let first = self.file(kind, None).await;
            filed.push((kind, first));
        }
        let mut progress = Instant::now();
        while !self.is_over() {
            match self.inbox.recv().await {
                Some(note) => self.take(note),
                None => break,
            }
            if !self.is_over() && progress.elapsed() >= PROGRESS {
                self.round(&mut filed).await;
                progress = Instant::now();
            }
        }
        self.round(&mut filed).await;
        filed.into_iter().map(|(_, filed)| filed).collect()
    }

    /// Brings every open record up to date.
    async fn round(&mut self, filed: &mut [(Kind, Filed)]) {
        for (kind, id) in self.open.records.clone() {
            let result = self.file(kind, Some(id)).await;
            if let Some((_, last)) = filed.iter_mut().find(|(filed, _)| *filed == kind) {
                *last = result;
            }
        }
    }

    /// Writes one record as things stand: makes it where it has no id yet.
    async fn file(&mut self, kind: Kind, id: Option<u64>) -> Filed {
        self.breathe().await;
        let Some(standing) = self.latest.clone() else {
            return Filed { kind, trouble: None };
        };
        let result = match (kind, id) {
            (Kind::Status, _) => self.status(&standing).await,
            (Kind::Check, None) => self.check(&standing).await,
            (Kind::Check, Some(id)) => self.check_again(&standing, id).await,
            (Kind::Deployment, None) => self.deployment(&standing).await,
            (Kind::Deployment, Some(id)) => self.deployment_again(&standing, id).await,
            (Kind::Comment, None) => self.comment(&standing).await,
            (Kind::Comment, Some(id)) => self.comment_again(&standing, id).await,
            (Kind::Summary, _) => return Filed { kind, trouble: None }, // a file, not a record
        };
        match result {
            Ok(id) => {
                self.open.records.retain(|(open, _)| *open != kind);
                if !standing.is_final() {
                    self.open.records.push((kind, id));
                }
                (self.saved)(&self.open);
                Filed { kind, trouble: None }
            }
            Err(trouble) => {
                let (why, forbidden) = (trouble.to_string(), trouble.is_permission());
                Filed { kind, trouble: Some(Missed { why, forbidden }) }
            }
        }
    }

    async fn status(&mut self, standing: &Standing) -> Result<u64, Trouble> {
        let subject = &self.open.subject;
        let body = bodies::status(standing, &subject.name, &subject.page);
        let path = format!("/statuses/{}", subject.sha);
        self.write(Verb::Post, &path, &body).await.map(|_| 0)
    }

    async fn check(&mut self, standing: &Standing) -> Result<u64, Trouble> {
        let subject = &self.open.subject;
        let body = bodies::check(standing, &subject.name, &subject.sha, &subject.page);
        id(&self.write(Verb::Post, "/check-runs", &body).await?)
    }

    async fn check_again(&mut self, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::check_update(standing, &self.open.subject.page);
        self.write(Verb::Patch, &format!("/check-runs/{id}"), &body).await.map(|_| id)
    }

    async fn deployment(&mut self, standing: &Standing) -> Result<u64, Trouble> {
        let subject = &self.open.subject;
        let body = bodies::deployment(&subject.sha, &subject.environment, &subject.name);
        let id = id(&self.write(Verb::Post, "/deployments", &body).await?)?;
        // Without a status GitHub shows nothing of it; from here on it must be closed whatever happens.
        self.open.records.push((Kind::Deployment, id));
        (self.saved)(&self.open);
        self.breathe().await;
        let standing = self.latest.clone().unwrap_or_else(|| standing.clone());
        self.deployment_again(&standing, id).await
    }

    async fn deployment_again(&mut self, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let subject = &self.open.subject;
        let body = bodies::deployment_status(standing, &subject.page, subject.site.as_deref());
        self.write(Verb::Post, &format!("/deployments/{id}/statuses"), &body).await.map(|_| id)
    }

    async fn comment(&mut self, standing: &Standing) -> Result<u64, Trouble> {
        let Some(pull) = self.open.subject.pull else {
            return Err(Trouble::Unreachable("this run belongs to no pull request".to_owned()));
        };
        if let Some(id) = self.find_comment(pull).await? {
            return self.comment_again(standing, id).await;
        }
        let body = bodies::comment(standing, &self.open.subject.name, &self.open.subject.page);
        id(&self.write(Verb::Post, &format!("/issues/{pull}/comments"), &body).await?)
    }

    async fn comment_again(&mut self, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::comment(standing, &self.open.subject.name, &self.open.subject.page);
        self.write(Verb::Patch, &format!("/issues/comments/{id}"), &body).await.map(|_| id)
    }

    /// The comment an earlier run left, by its mark.
    async fn find_comment(&self, pull: u64) -> Result<Option<u64>, Trouble> {
        let mark = bodies::comment_mark(&self.open.subject.name);
        for page in 1..=COMMENT_PAGES {
            let path = format!("/issues/{pull}/comments?per_page=100&page={page}");
            let found = self.api.call(Verb::Get, &path, &Value::Null, self.limit()).await?;
            let comments = found.as_array().map(Vec::as_slice).unwrap_or_default();
            let ours =
                |comment: &&Value| comment["body"].as_str().is_some_and(|body| body.starts_with(&mark));
            if let Some(comment) = comments.iter().find(ours) {
                return Ok(comment["id"].as_u64());
            }
            if comments.len() < 100 {
                break;
            }
        }
        Ok(None)
    }

    async fn write(&mut self, verb: Verb, path: &str, body: &Value) -> Result<Value, Trouble> {
        let result = self.api.call(verb, path, body, self.limit()).await;
        self.written = Some(Instant::now());
        result
    }

    fn limit(&self) -> Duration {
        if self.hurried { HURRIED } else { LIMIT }
    }

    fn is_over(&self) -> bool {
        self.latest.as_ref().is_some_and(Standing::is_final)
    }

    fn take(&mut self, note: Note) {
        self.hurried |= note.hurried;
        self.latest = Some(note.standing);
    }

    /// Lets a second pass since the last writing, listening meanwhile; in a hurry it takes in what there is and goes on.
    async fn breathe(&mut self) {
        while let Ok(note) = self.inbox.try_recv() {
            self.take(note);
        }
        while let Some(left) = self.written.and_then(|at| SPACING.checked_sub(at.elapsed())) {
            if self.hurried {
                return;
            }
            match timeout(left, self.inbox.recv()).await {
                Ok(Some(note)) => self.take(note),
                // The other end is gone: nothing more will be said, the pause is kept all the same.
                Ok(None) => {
                    let _ = timeout(left, std::future::pending::<()>()).await;
                    return;
                }
                Err(_) => return,
            }
        }
    }
}

fn id(answer: &Value) -> Result<u64, Trouble> {
    let message = answer["message"].as_str().unwrap_or("its answer has no id").to_owned();
    answer["id"].as_u64().ok_or(Trouble::Unreachable(message))
}

/// The state as it is carried to the post step.
pub(super) fn to_state(open: &Open) -> String {
    json!(open).to_string()
}

/// The state as the post step finds it.
pub(super) fn from_state(text: &str) -> Option<Open> {
    serde_json::from_str(text).ok().filter(|open: &Open| !open.records.is_empty())
}
