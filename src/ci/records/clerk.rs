//! The clerk: works through a run's records in the background, one request at a time, while the deployment is
//! followed. It knows the latest note alone; what was not written in time is skipped, not queued.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Stop;
use super::desk::{Desk, Note};
use super::standing::{Standing, Trouble};
use crate::render::{Filed, Forge, Kind, Missed};

/// Between two notes of progress: a record is for the beginning and the end, not a log.
const PROGRESS: Duration = Duration::from_secs(20);

/// A forge's records of one run: what is written where, and in which words.
pub(in crate::ci) trait Registry: Send + 'static {
    /// Between two writing requests, as the forge asks.
    const SPACING: Duration;

    /// Whose it is.
    fn forge(&self) -> Forge;

    /// Brings one record to where things stand: makes it where it has no id yet.
    fn file(
        &self,
        pen: &mut Pen,
        kind: Kind,
        id: Option<u64>,
        standing: &Standing,
    ) -> impl Future<Output = Result<Filing, Trouble>> + Send;
}

/// How far a record was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ci) enum Filing {
    /// It says how things stand; the forge's id of it, 0 for one that has none.
    Done(u64),
    /// It was made and does not say so yet: it must be filed once more, and closed whatever happens.
    Begun(u64),
}

/// The clerk at work, seen from outside.
#[derive(Debug)]
pub(in crate::ci) struct Records {
    notes: mpsc::UnboundedSender<Note>,
    work: JoinHandle<Vec<Filed>>,
}

impl Records {
    /// Puts a clerk to work. `saved` is called with the kind and id of each open record, whenever that changes.
    pub(in crate::ci) fn open<R: Registry>(
        registry: R,
        kinds: Vec<Kind>,
        saved: impl Fn(Vec<(Kind, u64)>) + Send + 'static,
    ) -> Self {
        let (notes, inbox) = mpsc::unbounded_channel();
        let records = kinds.into_iter().map(|kind| (kind, None)).collect();
        let clerk = Clerk::new(registry, records, inbox, Box::new(saved));
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

/// Closes what an earlier process left open.
pub(in crate::ci) async fn close_left<R: Registry>(
    registry: R,
    records: Vec<(Kind, u64)>,
    standing: Standing,
) -> Vec<Filed> {
    let (notes, inbox) = mpsc::unbounded_channel();
    let records = records.into_iter().map(|(kind, id)| (kind, Some(id))).collect();
    let clerk = Clerk::new(registry, records, inbox, Box::new(|_| ()));
    let _ = notes.send(Note { standing, hurried: false });
    clerk.work().await
}

/// Who is told what is open, whenever that changes.
type Saved = Box<dyn Fn(Vec<(Kind, u64)>) + Send>;

struct Clerk<R> {
    registry: R,
    pen: Pen,
    records: Vec<Record>,
    saved: Saved,
}

struct Record {
    kind: Kind,
    /// The forge's id of it while it is open.
    id: Option<u64>,
    /// Whether this round has yet to write it.
    due: bool,
    /// Closed, or given up.
    done: bool,
    /// Whether its end was tried once.
    tried: bool,
    trouble: Option<Trouble>,
}

impl<R: Registry> Clerk<R> {
    fn new(
        registry: R,
        records: Vec<(Kind, Option<u64>)>,
        inbox: mpsc::UnboundedReceiver<Note>,
        saved: Saved,
    ) -> Self {
        let record = |(kind, id)| Record { kind, id, due: false, done: false, tried: false, trouble: None };
        let records = records.into_iter().map(record).collect();
        Self { registry, pen: Pen::new(inbox, R::SPACING), records, saved }
    }

    /// The first round opens, or, where all is over already, files the end at once.
    async fn work(mut self) -> Vec<Filed> {
        let (mut told, mut began): (Option<Standing>, _) = (None, Instant::now());
        while !self.pen.desk.is_over() {
            let due = match (&self.pen.desk.latest, &told) {
                (None, _) => None,
                (Some(latest), Some(told)) if latest == told => None,
                (Some(latest), Some(told)) if latest.is_like(told) => Some(began + PROGRESS),
                _ => Some(began),
            };
            let due = due.map(|due| self.pen.barred.map_or(due, |barred| due.max(barred)));
            if due.is_some_and(|due| due <= Instant::now()) {
                (told, began) = (self.pen.desk.latest.clone(), Instant::now());
                self.round().await;
                if self.pen.is_barred() {
                    told = None;
                }
            } else if !self.pen.desk.read(due).await {
                break;
            }
        }
        if self.pen.desk.is_over() {
            self.round().await;
        }
        let forge = self.registry.forge();
        self.records.into_iter().map(|record| filed(record, forge)).collect()
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
        let over = self.pen.desk.is_over();
        if !over && self.pen.is_barred() {
            return None;
        }
        let due = |record: &Record| !record.done && (over || record.due);
        let open = self.records.iter().position(|record| due(record) && record.id.is_some());
        open.or_else(|| self.records.iter().position(due))
    }

    /// Writes one record: makes it where it is not open yet.
    async fn file(&mut self, n: usize) {
        self.pen.left = self.records.iter().filter(|record| !record.done).count();
        let breathed = self.pen.breathe().await;
        let over = self.pen.desk.is_over(); // while it is written, that may change
        let result = match breathed {
            Ok(()) => self.write_as_things_stand(n).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(Trouble::Limited(pause)) = &result {
            self.pen.barred = Some(Instant::now() + *pause);
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
                // A deployment may have been made without an answer; a second one would be one too many.
                let unclear = record.kind == Kind::Deployment && record.id.is_none() && trouble.is_unclear();
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
        loop {
            let (Some(record), Some(standing)) = (self.records.get(n), self.pen.desk.latest.clone()) else {
                return Ok(true);
            };
            let filing = self.registry.file(&mut self.pen, record.kind, record.id, &standing).await?;
            let (Filing::Done(id) | Filing::Begun(id)) = filing;
            if let Some(record) = self.records.get_mut(n) {
                record.id = Some(id);
            }
            self.save();
            if filing == Filing::Done(id) {
                return Ok(standing.is_final());
            }
            self.pen.breathe().await?;
        }
    }

    fn save(&self) {
        (self.saved)(self.records.iter().filter_map(|record| Some((record.kind, record.id?))).collect());
    }
}

/// What requests are sent with: keeps the pauses between them, and takes notes meanwhile.
pub(in crate::ci) struct Pen {
    desk: Desk,
    spacing: Duration,
    /// When the last writing request was answered.
    written: Option<Instant>,
    /// Until when the forge wants no request.
    barred: Option<Instant>,
    /// How many records share the time that is left.
    left: usize,
}

impl Pen {
    fn new(inbox: mpsc::UnboundedReceiver<Note>, spacing: Duration) -> Self {
        Self { desk: Desk::new(inbox), spacing, written: None, barred: None, left: 1 }
    }

    /// Sends a request that writes.
    pub(in crate::ci) async fn write(
        &mut self,
        request: impl Future<Output = Result<Value, Trouble>>,
    ) -> Result<Value, Trouble> {
        let result = self.ask(request).await;
        self.written = Some(Instant::now());
        result
    }

    /// Sends one request, taking notes meanwhile: one that is under way must not use up the time for the end.
    pub(in crate::ci) async fn ask(
        &mut self,
        request: impl Future<Output = Result<Value, Trouble>>,
    ) -> Result<Value, Trouble> {
        let began = Instant::now();
        let answer = self.desk.listen(request, self.left).await;
        answer.unwrap_or_else(|| Err(Trouble::Late(began.elapsed())))
    }

    /// Lets a moment pass since the last writing, and at the end whatever time the forge asked for, if there is enough.
    async fn breathe(&mut self) -> Result<(), Trouble> {
        self.desk.take_all();
        while let Some(barred) = self.barred.filter(|_| self.desk.is_over() && self.is_barred()) {
            if !self.desk.has_until(barred) {
                return Err(Trouble::Limited(barred.saturating_duration_since(Instant::now())));
            }
            self.desk.next(barred).await;
        }
        if let Some(written) = self.written.filter(|_| !self.desk.is_hurried()) {
            self.desk.pause(written + self.spacing).await;
        }
        Ok(())
    }

    fn is_barred(&self) -> bool {
        self.barred.is_some_and(|barred| barred > Instant::now())
    }
}

fn filed(record: Record, forge: Forge) -> Filed {
    let missed = |trouble: Trouble| {
        let (why, forbidden) = (trouble.said(forge), trouble.is_permission(forge));
        Missed { why, forbidden, read_only: false }
    };
    Filed { kind: record.kind, forge, trouble: record.trouble.map(missed) }
}

/// The id in a forge's answer.
pub(in crate::ci) fn id(answer: &Value) -> Result<u64, Trouble> {
    let message = "its answer has no id".to_owned();
    answer["id"].as_u64().ok_or(Trouble::Unreachable(message))
}
