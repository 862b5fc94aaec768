//! The clerk: works through a run's records in the background, one request at a time, while the deployment is
//! followed. It knows the latest note alone; what was not written in time is skipped, not queued.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Stop;
use super::desk::Note;
use super::pen::Pen;
use super::standing::{Standing, Trouble};
use crate::render::{Filed, Forge, Kind, Missed};

/// Between two notes of progress: a record is for the beginning and the end, not a log.
const PROGRESS: Duration = Duration::from_secs(20);

/// How often the end of a record is tried.
const TRIES: u32 = 5;

/// The pause before the end is tried again, which doubles from one to the next.
const AGAIN: Duration = Duration::from_millis(500);

/// A forge's records of one run: what is written where, and in which words.
pub(in crate::ci) trait Registry: Send + 'static {
    /// Between two writing requests, as the forge asks.
    const SPACING: Duration;

    /// Whose it is.
    fn forge(&self) -> Forge;

    /// Brings one record to where things stand: makes it where it is not there yet.
    fn file(
        &self,
        pen: &mut Pen,
        kind: Kind,
        made: Made,
        standing: &Standing,
    ) -> impl Future<Output = Result<Filing, Trouble>> + Send;
}

/// Whether a record is there.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::ci) enum Made {
    /// Nobody made it.
    No,
    /// It was asked for and no answer came: it has to be looked for before it is made again.
    Perhaps,
    /// It is, and this is the forge's id of it; 0 for one that has none.
    As(u64),
}

/// How far a record was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ci) enum Filing {
    /// It says how things stand; the forge's id of it, 0 for one that has none.
    Done(u64),
    /// It was made and does not say so yet: it must be filed once more, and closed whatever happens.
    Begun(u64),
}

/// What is open: the kind of each record, and whether it is there.
pub(in crate::ci) type Left = Vec<(Kind, Made)>;

/// The clerk at work, seen from outside.
#[derive(Debug)]
pub(in crate::ci) struct Records {
    notes: mpsc::UnboundedSender<Note>,
    work: JoinHandle<Vec<Filed>>,
}

impl Records {
    /// Puts a clerk to work. `saved` is called with what is open, whenever that changes.
    pub(in crate::ci) fn open<R: Registry>(
        registry: R,
        kinds: Vec<Kind>,
        saved: impl Fn(Left) + Send + 'static,
    ) -> Self {
        Self::employ(registry, kinds.into_iter().map(|kind| (kind, Made::No)).collect(), Box::new(saved))
    }

    /// Puts a clerk to work on what an earlier process left open.
    pub(in crate::ci) fn reopen<R: Registry>(registry: R, left: Left) -> Self {
        Self::employ(registry, left, Box::new(|_| ()))
    }

    fn employ<R: Registry>(registry: R, records: Left, saved: Saved) -> Self {
        let (notes, inbox) = mpsc::unbounded_channel();
        let clerk = Clerk::new(registry, records, inbox, saved);
        Self { notes, work: tokio::spawn(clerk.work()) }
    }

    /// Notes how things stand.
    pub(super) fn note(&self, standing: Standing) {
        let _ = self.notes.send(Note { standing, hurried: false });
    }

    /// Notes how things ended, and waits until every record says so or the time for it is up. `hurried`: the runner
    /// is about to kill this process.
    /// A signal that comes meanwhile is a hurry.
    pub(in crate::ci) async fn close(
        mut self,
        standing: Standing,
        hurried: bool,
        stop: Option<Stop>,
    ) -> Vec<Filed> {
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

/// Who is told what is open, whenever that changes.
type Saved = Box<dyn Fn(Left) + Send>;

struct Clerk<R> {
    registry: R,
    pen: Pen,
    records: Vec<Record>,
    saved: Saved,
    /// What was saved last.
    left: Left,
}

struct Record {
    kind: Kind,
    made: Made,
    /// Whether this round has yet to write it.
    due: bool,
    /// It takes no news of progress; its end is tried all the same.
    muted: bool,
    /// Closed, or given up.
    done: bool,
    /// How often its end was tried, and when it is to be tried next.
    tries: u32,
    again: Option<Instant>,
    trouble: Option<Trouble>,
}

impl Record {
    fn new((kind, made): (Kind, Made)) -> Self {
        Self { kind, made, due: false, muted: false, done: false, tries: 0, again: None, trouble: None }
    }

    /// Whether progress is worth another try though nothing is new.
    fn is_behind(&self) -> bool {
        !self.done && !self.muted && self.trouble.as_ref().is_some_and(Trouble::passes)
    }

    /// Whether somebody else would have to close it: it is or may be there, or its end is still to be written.
    fn is_left(&self, over: bool) -> bool {
        let hopeful = self.trouble.as_ref().is_none_or(Trouble::passes);
        let closed = self.done && self.trouble.is_none();
        !closed && (self.made != Made::No || (over && hopeful))
    }
}

impl<R: Registry> Clerk<R> {
    fn new(registry: R, records: Left, inbox: mpsc::UnboundedReceiver<Note>, saved: Saved) -> Self {
        let left = Vec::new();
        let records = records.into_iter().map(Record::new).collect();
        Self { registry, pen: Pen::new(inbox, R::SPACING), records, saved, left }
    }

    /// The first round opens, or, where all is over already, files the end at once.
    async fn work(mut self) -> Vec<Filed> {
        let (mut told, mut began): (Option<Standing>, _) = (None, Instant::now());
        while !self.pen.desk.is_over() {
            let behind = self.records.iter().any(Record::is_behind);
            let due = match (&self.pen.desk.latest, &told) {
                (None, _) => None,
                (Some(latest), Some(told)) if latest == told && !behind => None,
                (Some(latest), Some(told)) if latest.is_like(told) => Some(began + PROGRESS),
                _ => Some(began),
            };
            let due = due.map(|due| self.pen.barred.map_or(due, |barred| due.max(barred)));
            if due.is_some_and(|due| due <= Instant::now()) {
                let news = self.pen.desk.latest != told;
                (told, began) = (self.pen.desk.latest.clone(), Instant::now());
                self.round(news).await;
                if self.pen.is_barred() {
                    told = None;
                }
            } else if !self.pen.desk.read(due).await {
                break;
            }
        }
        if self.pen.desk.is_over() {
            self.save();
            self.round(true).await;
        }
        let forge = self.registry.forge();
        self.records.into_iter().map(|record| filed(record, forge)).collect()
    }

    /// Writes every record as things stand; without news, those that are behind.
    async fn round(&mut self, news: bool) {
        for record in &mut self.records {
            record.due = !record.done && !record.muted && (news || record.is_behind());
        }
        while let Some(n) = self.next() {
            self.file(n).await;
        }
    }

    /// The next record to write, one that is there before one that is not. At the end one that was not tried yet goes
    /// first, then the one whose turn comes first.
    fn next(&self) -> Option<usize> {
        let over = self.pen.desk.is_over();
        if !over && self.pen.is_barred() {
            return None;
        }
        let due = |record: &Record| !record.done && (over || record.due);
        let due = self.records.iter().enumerate().filter(|(_, record)| due(record));
        let turn = |record: &Record| (record.again, !matches!(record.made, Made::As(_)));
        due.min_by_key(|(n, record)| (turn(record), *n)).map(|(n, _)| n)
    }

    /// Writes one record: makes it where it is not there yet.
    async fn file(&mut self, n: usize) {
        self.pen.left = self.records.iter().filter(|record| !record.done).count();
        let again = self.records.get(n).and_then(|record| record.again);
        let breathed = self.pen.breathe(again).await;
        let over = self.pen.desk.is_over(); // while it is written, that may change
        self.save();
        let (in_time, result) = match breathed {
            Ok(()) => (true, self.write_as_things_stand(n).await),
            Err(trouble) => (false, Err(trouble)),
        };
        if let Err(Trouble::Limited(pause)) = &result {
            self.pen.barred = Some(Instant::now() + *pause);
        }
        let Some(record) = self.records.get_mut(n) else { return };
        record.due = false;
        match result {
            Ok(closed) => {
                record.done = closed;
                record.trouble = None;
            }
            Err(trouble) => {
                if record.made == Made::No && trouble.is_unclear() {
                    record.made = Made::Perhaps;
                }
                if over {
                    record.tries += 1;
                    record.again = Some(Instant::now() + AGAIN * (1 << (record.tries - 1)));
                    record.done = !in_time || !trouble.passes() || record.tries >= TRIES;
                } else {
                    record.muted |= trouble.mutes();
                }
                // The trouble that an earlier try met says more than that there was no time for another.
                if in_time || record.trouble.is_none() {
                    record.trouble = Some(trouble);
                }
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
            let filing = self.registry.file(&mut self.pen, record.kind, record.made, &standing).await?;
            let (Filing::Done(id) | Filing::Begun(id)) = filing;
            if let Some(record) = self.records.get_mut(n) {
                record.made = Made::As(id);
            }
            self.save();
            if filing == Filing::Done(id) {
                return Ok(standing.is_final());
            }
            self.pen.breathe(None).await?;
        }
    }

    /// Says what is open, where that has changed.
    fn save(&mut self) {
        let over = self.pen.desk.is_over();
        let left = self.records.iter().filter(|record| record.is_left(over));
        let left: Left = left.map(|record| (record.kind, record.made)).collect();
        if left != self.left {
            self.left.clone_from(&left);
            (self.saved)(left);
        }
    }
}

fn filed(record: Record, forge: Forge) -> Filed {
    let missed =
        |trouble: Trouble| Missed { why: trouble.said(forge), remedy: trouble.remedy(), read_only: false };
    Filed { kind: record.kind, forge, trouble: record.trouble.map(missed) }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;
    use crate::deploy::state::{Outcome, Phase};
    use crate::render::Remedy;

    /// How a forge answers one request.
    #[derive(Clone)]
    enum Answer {
        Well,
        No(Trouble),
        /// No answer, ever.
        Never,
    }

    /// When what was written, and what was known of the record then.
    type Written = Vec<(f64, Kind, Made, bool)>;

    /// A forge that answers by a plan, a list for each kind, and well when that has run out.
    struct Paper {
        plans: Mutex<Vec<(Kind, VecDeque<Answer>)>>,
        written: Arc<Mutex<Written>>,
        began: Instant,
    }

    impl Registry for Paper {
        const SPACING: Duration = Duration::from_secs(1);

        fn forge(&self) -> Forge {
            Forge::GitHub
        }

        async fn file(
            &self,
            pen: &mut Pen,
            kind: Kind,
            made: Made,
            standing: &Standing,
        ) -> Result<Filing, Trouble> {
            let at = self.began.elapsed().as_secs_f64();
            self.written.lock().unwrap().push((at, kind, made, standing.is_final()));
            let answer = {
                let mut plans = self.plans.lock().unwrap();
                let plan = plans.iter_mut().find(|(of, _)| *of == kind);
                plan.and_then(|(_, plan)| plan.pop_front()).unwrap_or(Answer::Well)
            };
            let request = async {
                match answer {
                    Answer::Well => Ok(json!(null)),
                    Answer::No(trouble) => Err(trouble),
                    Answer::Never => std::future::pending().await,
                }
            };
            pen.write(request).await.map(|_| Filing::Done(7))
        }
    }

    struct Run {
        filed: Vec<Filed>,
        written: Written,
        left: Vec<Left>,
        took: f64,
    }

    impl Run {
        fn of(&self, kind: Kind) -> Vec<(f64, Made, bool)> {
            self.written.iter().filter(|one| one.1 == kind).map(|one| (one.0, one.2, one.3)).collect()
        }
    }

    fn going(phase: Phase) -> Standing {
        Standing::going(phase, format!("{phase:?}"))
    }

    fn end() -> Standing {
        Standing::over(Outcome::Succeeded, true, "It succeeded.".to_owned(), "### Succeeded".to_owned())
    }

    fn refused(status: u16, remedy: Remedy) -> Answer {
        Answer::No(Trouble::Refused { status, message: String::new(), remedy })
    }

    /// Runs a clerk through two states a minute apart, if so wished, and to the end.
    async fn run(plans: Vec<(Kind, Vec<Answer>)>, progress: bool, hurried: bool) -> Run {
        let kinds: Vec<Kind> = plans.iter().map(|(kind, _)| *kind).collect();
        let plans = plans.into_iter().map(|(kind, plan)| (kind, plan.into())).collect();
        let (written, left) = (Arc::default(), Arc::new(Mutex::new(Vec::new())));
        let began = Instant::now();
        let paper = Paper { plans: Mutex::new(plans), written: Arc::clone(&written), began };
        let saved = Arc::clone(&left);
        let records = Records::open(paper, kinds, move |left| saved.lock().unwrap().push(left));
        if progress {
            for phase in [Phase::Waiting, Phase::Running] {
                records.note(going(phase));
                let _ = tokio::time::timeout(Duration::from_mins(1), std::future::pending::<()>()).await;
            }
        }
        let ended = Instant::now();
        let filed = records.close(end(), hurried, None).await;
        let took = ended.elapsed().as_secs_f64();
        let written = written.lock().unwrap().clone();
        let left = left.lock().unwrap().clone();
        Run { filed, written, left, took }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_write_is_repeated_after_whatever_passes_and_the_pause_grows() {
        let passing = [
            Trouble::Refused { status: 502, message: String::new(), remedy: Remedy::None },
            Trouble::Refused { status: 409, message: String::new(), remedy: Remedy::None },
            Trouble::Unreachable("the connection broke".to_owned()),
            Trouble::Limited(Duration::from_secs(1)),
            Trouble::Late(Duration::from_secs(1)),
            Trouble::TooLarge,
        ];
        for trouble in passing {
            let plan = vec![Answer::No(trouble.clone()), Answer::No(trouble.clone())];
            let run = run(vec![(Kind::Status, plan)], false, false).await;
            assert_eq!(run.filed[0].trouble, None, "{trouble:?}");
            let times: Vec<f64> = run.of(Kind::Status).iter().map(|one| one.0).collect();
            assert_eq!(times.len(), 3, "{trouble:?}");
            assert!(times[1] - times[0] >= 0.5 && times[2] - times[1] >= 1.0, "{trouble:?}: {times:?}");
            assert_eq!(run.left.last(), Some(&Vec::new()), "{trouble:?}: nothing is left for the post step");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_forge_that_stays_down_delays_the_end_by_no_more_than_it_may_and_all_is_left_to_the_post_step()
    {
        for (answer, hurried, most) in [
            (refused(502, Remedy::None), false, 10.0),
            (refused(502, Remedy::None), true, 3.5),
            (Answer::Never, false, 10.0),
            (Answer::Never, true, 3.5),
        ] {
            let kinds = [Kind::Status, Kind::Check, Kind::Deployment, Kind::Comment];
            let plans = kinds.map(|kind| (kind, vec![answer.clone(); 50])).to_vec();
            let run = run(plans, false, hurried).await;
            assert!(run.took <= most + 0.01, "{} of {most}", run.took);
            assert!(run.filed.iter().all(|filed| filed.trouble.is_some()));
            assert!(kinds.iter().all(|kind| !run.of(*kind).is_empty()), "the end of each was tried");
            assert_eq!(run.left.last().unwrap().len(), 4);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_that_hangs_leaves_time_to_try_again() {
        for hurried in [false, true] {
            let alone = run(vec![(Kind::Status, vec![Answer::Never])], false, hurried).await;
            assert_eq!((alone.filed[0].trouble.clone(), alone.written.len()), (None, 2));
            let plans =
                vec![(Kind::Status, vec![Answer::Never]), (Kind::Check, vec![]), (Kind::Comment, vec![])];
            let among = run(plans, false, hurried).await;
            assert!(among.filed.iter().all(|filed| filed.trouble.is_none()), "{:?}", among.filed);
            assert_eq!(among.written[1].1, Kind::Check, "the others do not wait for it");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_update_does_not_stop_the_last_one() {
        for answer in [refused(422, Remedy::None), refused(400, Remedy::None), refused(403, Remedy::Unlock)] {
            for plan in [vec![answer.clone()], vec![Answer::Well, answer.clone()], vec![answer.clone(); 2]] {
                let run = run(vec![(Kind::Status, plan)], true, false).await;
                assert_eq!((run.filed[0].trouble.clone(), run.of(Kind::Status).len()), (None, 3));
                assert!(run.written.last().unwrap().3);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_permission_ends_the_news_of_progress_and_the_end_is_tried_once() {
        let plan = vec![refused(403, Remedy::Permission); 9];
        let run = run(vec![(Kind::Status, plan)], true, false).await;
        let finals: Vec<bool> = run.of(Kind::Status).iter().map(|one| one.2).collect();
        assert_eq!(finals, [false, true]);
        let missed = run.filed[0].trouble.clone().unwrap();
        assert_eq!(missed.remedy, Remedy::Permission);
        assert!(run.left.is_empty(), "the post step may no more");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_for_without_an_answer_is_looked_for_and_left_to_the_post_step() {
        let lost = Answer::No(Trouble::Unreachable("the connection broke".to_owned()));
        let run = run(vec![(Kind::Deployment, vec![lost])], true, false).await;
        let made: Vec<Made> = run.of(Kind::Deployment).iter().map(|one| one.1).collect();
        assert_eq!(
            made,
            [Made::No, Made::Perhaps, Made::As(7), Made::As(7)],
            "behind, so tried after a while"
        );
        assert_eq!(run.left[0], [(Kind::Deployment, Made::Perhaps)]);
        let refused = self::run(vec![(Kind::Check, vec![refused(422, Remedy::None)])], true, false).await;
        assert_eq!(refused.of(Kind::Check)[1].1, Made::No, "a refusal made nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn once_the_end_is_known_what_has_yet_to_say_so_is_left() {
        let run = run(vec![(Kind::Status, vec![]), (Kind::Check, vec![])], false, false).await;
        let [status, check] = [Kind::Status, Kind::Check].map(|kind| (kind, Made::No));
        assert_eq!(run.left[0], [status, check]);
        assert_eq!(run.left.last(), Some(&Vec::new()));
    }
}
