//! The run's records at GitHub: commit status, check run, deployment and comment; opened, kept up, and always closed.
//!
//! A clerk works through them in the background, one request at a time and at least a second apart, as GitHub asks
//! of whoever writes; the deployment is followed meanwhile. What cannot be written is told once and changes nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Stop;
use super::api::{Api, Trouble, Verb};
use super::bodies::{self, Standing};
use super::desk::{Desk, Note};
use crate::render::text::duration;
use crate::render::{Filed, Kind, Missed};

/// Between two writing requests, as GitHub's guidance has it.
const SPACING: Duration = Duration::from_secs(1);

/// Between two notes of progress: a record is for the beginning and the end, not a log.
const PROGRESS: Duration = Duration::from_secs(20);

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

/// The clerk at work, seen from outside.
#[derive(Debug)]
pub(super) struct Records {
    notes: mpsc::UnboundedSender<Note>,
    work: JoinHandle<Vec<Filed>>,
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
        let records = kinds.into_iter().map(|kind| (kind, None)).collect();
        let clerk = Clerk::new(api, subject, records, inbox, Box::new(saved));
        Self { notes, work: tokio::spawn(clerk.work()) }
    }

    /// Notes how things stand.
    pub(super) fn note(&self, standing: Standing) {
        let _ = self.notes.send(Note { standing, hurried: false });
    }

    /// Notes how things ended, and waits until every record says so or the time for it is up. `hurried`: the runner
    /// is about to kill this process.
    /// A signal that comes meanwhile is a hurry.
    pub(super) async fn close(mut self, standing: Standing, hurried: bool, stop: Option<Stop>) -> Vec<Filed> {
        let _ = self.notes.send(Note { standing: standing.clone(), hurried });
        let signal = async {
            match stop {
                Some(mut stop) if !hurried => drop(stop.wait_for(Option::is_some).await),
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            filed = &mut self.work => return filed.unwrap_or_default(),
            () = signal => {}
        }
        let _ = self.notes.send(Note { standing, hurried: true });
        self.work.await.unwrap_or_default()
    }
}

/// Closes what a run that was killed left open, from the post step.
pub(super) async fn close_left(api: Api, open: Open, standing: Standing) -> Vec<Filed> {
    let (notes, inbox) = mpsc::unbounded_channel();
    let records = open.records.into_iter().map(|(kind, id)| (kind, Some(id))).collect();
    let clerk = Clerk::new(api, open.subject, records, inbox, Box::new(|_| ()));
    let _ = notes.send(Note { standing, hurried: false });
    clerk.work().await
}

struct Clerk {
    api: Api,
    subject: Subject,
    records: Vec<Record>,
    desk: Desk,
    /// When the last writing request was answered.
    written: Option<Instant>,
    /// Until when GitHub wants no request.
    barred: Option<Instant>,
    saved: Box<dyn Fn(&Open) + Send + Sync>,
}

struct Record {
    kind: Kind,
    /// GitHub's id of it while it is open, 0 for a status.
    id: Option<u64>,
    /// Whether this round has yet to write it.
    due: bool,
    /// Closed, or given up.
    done: bool,
    /// Whether its end was tried once.
    tried: bool,
    trouble: Option<Trouble>,
}

impl Clerk {
    fn new(
        api: Api,
        subject: Subject,
        records: Vec<(Kind, Option<u64>)>,
        inbox: mpsc::UnboundedReceiver<Note>,
        saved: Box<dyn Fn(&Open) + Send + Sync>,
    ) -> Self {
        let record = |(kind, id)| Record { kind, id, due: false, done: false, tried: false, trouble: None };
        let records = records.into_iter().map(record).collect();
        Self { api, subject, records, desk: Desk::new(inbox), written: None, barred: None, saved }
    }

    /// The first round opens, or, where all is over already, files the end at once.
    async fn work(mut self) -> Vec<Filed> {
        let (mut told, mut began): (Option<Standing>, _) = (None, Instant::now());
        while !self.desk.is_over() {
            let due = match (&self.desk.latest, &told) {
                (None, _) => None,
                (Some(latest), Some(told)) if latest == told => None,
                (Some(latest), Some(told)) if latest.is_like(told) => Some(began + PROGRESS),
                _ => Some(began),
            };
            let due = due.map(|due| self.barred.map_or(due, |barred| due.max(barred)));
            if due.is_some_and(|due| due <= Instant::now()) {
                (told, began) = (self.desk.latest.clone(), Instant::now());
                self.round().await;
                if self.is_barred() {
                    told = None;
                }
            } else if !self.desk.read(due).await {
                break;
            }
        }
        if self.desk.is_over() {
            self.round().await;
        }
        self.records.into_iter().map(filed).collect()
    }

    /// Writes every record as things stand.
    async fn round(&mut self) {
        self.records.iter_mut().for_each(|record| record.due = !record.done);
        while let Some(n) = self.next() {
            self.file(n).await;
        }
    }

    /// The next record to write, one that is open before one that is not.
    fn next(&self) -> Option<usize> {
        let over = self.desk.is_over();
        if !over && self.is_barred() {
            return None;
        }
        let due = |record: &Record| !record.done && (over || record.due);
        let open = self.records.iter().position(|record| due(record) && record.id.is_some());
        open.or_else(|| self.records.iter().position(due))
    }

    /// Writes one record: makes it where it is not open yet.
    async fn file(&mut self, n: usize) {
        let breathed = self.breathe().await;
        let over = self.desk.is_over(); // while it is written, that may change
        let result = match breathed {
            Ok(()) => self.write_as_things_stand(n).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(Trouble::Limited(pause)) = &result {
            self.barred = Some(Instant::now() + *pause);
        }
        let Some(record) = self.records.get_mut(n) else { return };
        record.due = false;
        match result {
            Ok(closed) => {
                record.done = closed;
                record.id = record.id.filter(|_| !closed);
                record.trouble = None;
            }
            Err(trouble) => {
                // A GitHub Deployment may have been made without an answer; a second one would be one too many.
                let unclear = record.kind == Kind::Deployment && record.id.is_none();
                let unclear = unclear && matches!(trouble, Trouble::Unreachable(_));
                let again = matches!(trouble, Trouble::Limited(_)) && !record.tried;
                record.done = trouble.lasts() || unclear || (over && !again);
                record.tried = over;
                record.trouble = Some(trouble);
            }
        }
        self.save();
    }

    /// Writes one record; whether that closed it.
    async fn write_as_things_stand(&mut self, n: usize) -> Result<bool, Trouble> {
        let (Some(record), Some(standing)) = (self.records.get(n), self.desk.latest.clone()) else {
            return Ok(true);
        };
        let id = match (record.kind, record.id) {
            (Kind::Summary, _) => return Ok(true), // a file, not a record
            (Kind::Status, _) => self.status(&standing).await?,
            (Kind::Check, None) => self.check(&standing).await?,
            (Kind::Check, Some(id)) => self.check_again(&standing, id).await?,
            (Kind::Deployment, None) => return self.deployment(n).await,
            (Kind::Deployment, Some(id)) => self.deployment_again(&standing, id).await?,
            (Kind::Comment, None) => self.comment(&standing).await?,
            (Kind::Comment, Some(id)) => self.comment_again(&standing, id).await?,
        };
        self.opened(n, id);
        Ok(standing.is_final())
    }

    async fn status(&mut self, standing: &Standing) -> Result<u64, Trouble> {
        let body = bodies::status(standing, &self.subject.name, &self.subject.page);
        let path = format!("/statuses/{}", self.subject.sha);
        self.write(Verb::Post, &path, &body).await.map(|_| 0)
    }

    async fn check(&mut self, standing: &Standing) -> Result<u64, Trouble> {
        let Subject { name, sha, page, .. } = &self.subject;
        let body = bodies::check(standing, name, sha, page);
        id(&self.write(Verb::Post, "/check-runs", &body).await?)
    }

    async fn check_again(&mut self, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::check_update(standing, &self.subject.page);
        self.write(Verb::Patch, &format!("/check-runs/{id}"), &body).await.map(|_| id)
    }

    /// Makes a GitHub Deployment and gives it its first status, without which GitHub shows nothing of it.
    async fn deployment(&mut self, n: usize) -> Result<bool, Trouble> {
        let Subject { sha, environment, name, .. } = &self.subject;
        let body = bodies::deployment(sha, environment, name);
        let id = id(&self.write(Verb::Post, "/deployments", &body).await?)?;
        self.opened(n, id); // from here on it must be closed whatever happens
        self.breathe().await?;
        let Some(standing) = self.desk.latest.clone() else { return Ok(false) };
        self.deployment_again(&standing, id).await?;
        Ok(standing.is_final())
    }

    async fn deployment_again(&mut self, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::deployment_status(standing, &self.subject.page, self.subject.site.as_deref());
        self.write(Verb::Post, &format!("/deployments/{id}/statuses"), &body).await.map(|_| id)
    }

    async fn comment(&mut self, standing: &Standing) -> Result<u64, Trouble> {
        let Some(pull) = self.subject.pull else {
            return Err(Trouble::Unreachable("this run belongs to no pull request".to_owned()));
        };
        if let Some(id) = self.find_comment(pull).await? {
            return self.comment_again(standing, id).await;
        }
        let body = bodies::comment(standing, &self.subject.name, &self.subject.page);
        id(&self.write(Verb::Post, &format!("/issues/{pull}/comments"), &body).await?)
    }

    async fn comment_again(&mut self, standing: &Standing, id: u64) -> Result<u64, Trouble> {
        let body = bodies::comment(standing, &self.subject.name, &self.subject.page);
        self.write(Verb::Patch, &format!("/issues/comments/{id}"), &body).await.map(|_| id)
    }

    /// The comment an earlier run left, by its mark.
    async fn find_comment(&mut self, pull: u64) -> Result<Option<u64>, Trouble> {
        let mark = bodies::comment_mark(&self.subject.name);
        for page in 1..=COMMENT_PAGES {
            let path = format!("/issues/{pull}/comments?per_page=100&page={page}");
            let found = self.ask(Verb::Get, &path, &Value::Null).await?;
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
        let result = self.ask(verb, path, body).await;
        self.written = Some(Instant::now());
        result
    }

    /// Sends one request, taking notes meanwhile: one that is under way must not use up the time for the end.
    async fn ask(&mut self, verb: Verb, path: &str, body: &Value) -> Result<Value, Trouble> {
        let began = Instant::now();
        let left = self.records.iter().filter(|record| !record.done).count();
        let answer = self.desk.listen(self.api.call(verb, path, body), left).await;
        let late = || format!("GitHub did not answer within {}", duration(began.elapsed()));
        answer.unwrap_or_else(|| Err(Trouble::Unreachable(late())))
    }

    /// Lets a second pass since the last writing, and at the end whatever time GitHub asked for, if there is enough.
    async fn breathe(&mut self) -> Result<(), Trouble> {
        self.desk.take_all();
        while let Some(barred) = self.barred.filter(|_| self.desk.is_over() && self.is_barred()) {
            if !self.desk.has_until(barred) {
                return Err(Trouble::Limited(barred.saturating_duration_since(Instant::now())));
            }
            self.desk.next(barred).await;
        }
        if let Some(written) = self.written.filter(|_| !self.desk.is_hurried()) {
            self.desk.pause(written + SPACING).await;
        }
        Ok(())
    }

    fn opened(&mut self, n: usize, id: u64) {
        if let Some(record) = self.records.get_mut(n) {
            record.id = Some(id);
        }
        self.save();
    }

    fn save(&self) {
        let records = self.records.iter().filter_map(|record| Some((record.kind, record.id?))).collect();
        (self.saved)(&Open { subject: self.subject.clone(), records });
    }

    fn is_barred(&self) -> bool {
        self.barred.is_some_and(|barred| barred > Instant::now())
    }
}

fn filed(record: Record) -> Filed {
    let missed = |trouble: Trouble| {
        let (why, forbidden) = (trouble.to_string(), trouble.is_permission());
        Missed { why, forbidden, read_only: false }
    };
    Filed { kind: record.kind, trouble: record.trouble.map(missed) }
}

fn id(answer: &Value) -> Result<u64, Trouble> {
    let message = "its answer has no id".to_owned();
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
