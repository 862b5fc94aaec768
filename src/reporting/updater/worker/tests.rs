//! Tests of `worker.rs`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::super::requests::ApiRequest;
use super::*;
use crate::core::state::{Outcome, Phase};
use crate::text::Fix;

/// How the code host answers one request.
#[derive(Clone)]
enum Answer {
    Success,
    Failure(WriteError),
    /// A good answer that takes so long.
    Slow(Duration),
    /// No answer, ever.
    Never,
}

const KINDS: [ReportKind; 4] =
    [ReportKind::Status, ReportKind::Check, ReportKind::Deployment, ReportKind::Comment];

/// What was written when, and what was known of the report then.
type Written = Vec<(f64, ReportKind, Creation, bool)>;

/// A code host that answers by a plan, a list for each kind, and with success when that has run out.
struct FakeCodeHost {
    plans: Mutex<Vec<(ReportKind, VecDeque<Answer>)>>,
    written: Arc<Mutex<Written>>,
    left: Arc<Mutex<Vec<OpenReports>>>,
    began: Instant,
}

impl ReportRequests for FakeCodeHost {
    fn code_host(&self) -> CodeHost {
        CodeHost::GitHub
    }

    fn name(&self) -> &'static str {
        "Deploy"
    }

    /// Asked first of each write: here it stands for all of it.
    async fn closed(
        &self,
        limiter: &mut RateLimiter,
        Due { kind, creation, state }: Due<'_>,
    ) -> ApiResult<Option<u64>> {
        let at = self.began.elapsed().as_secs_f64();
        self.written.lock().unwrap().push((at, kind, creation, state.is_final()));
        let answer = {
            let mut plans = self.plans.lock().unwrap();
            let plan = plans.iter_mut().find(|(of, _)| *of == kind);
            plan.and_then(|(_, plan)| plan.pop_front()).unwrap_or(Answer::Success)
        };
        let request = async {
            match answer {
                Answer::Success => Ok(json!(null)),
                Answer::Failure(error) => Err(error),
                Answer::Slow(pause) => {
                    let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
                    Ok(json!(null))
                }
                Answer::Never => std::future::pending().await,
            }
        };
        limiter.write(request).await.map(|_| Some(7))
    }

    fn save_open(&self, reports: OpenReports) {
        self.left.lock().unwrap().push(reports);
    }

    fn write(&self, _: ReportKind, _: Option<u64>, _: &ReportState) -> ApiResult<Option<ApiRequest>> {
        unreachable!()
    }

    fn comments(&self, _: usize, _: usize) -> ApiResult<ApiRequest> {
        unreachable!()
    }

    async fn send(&self, _: ReportKind, _: ApiRequest) -> ApiResult {
        unreachable!()
    }

    async fn find(&self, _: &mut RateLimiter, _: ReportKind) -> ApiResult<Vec<Value>> {
        unreachable!()
    }
}

struct Run {
    report_result: Vec<ReportResult>,
    written: Written,
    left: Vec<OpenReports>,
    took: f64,
}

impl Run {
    fn of(&self, kind: ReportKind) -> Vec<(f64, Creation, bool)> {
        self.written.iter().filter(|one| one.1 == kind).map(|one| (one.0, one.2, one.3)).collect()
    }
}

fn in_progress(phase: Phase) -> ReportState {
    ReportState::in_progress(phase, format!("{phase:?}"))
}

fn end() -> ReportState {
    ReportState::finished(Outcome::Succeeded, true, "It succeeded.".to_owned(), "### Succeeded".to_owned())
}

fn refused(status: u16, fix: Fix) -> Answer {
    Answer::Failure(WriteError::Refused { status, message: String::new(), fix })
}

/// Runs an updater through two states a minute apart, where `progress`, and to the end.
async fn run(plans: Vec<(ReportKind, Vec<Answer>)>, progress: bool, interrupted: bool) -> Run {
    run_with(plans, progress, interrupted, None).await
}

/// The same, with a signal that may come meanwhile.
async fn run_with(
    plans: Vec<(ReportKind, Vec<Answer>)>,
    progress: bool,
    interrupted: bool,
    stop: Option<Stop>,
) -> Run {
    let reports = plans.iter().map(|(kind, _)| (*kind, Creation::No)).collect();
    let plans = plans.into_iter().map(|(kind, plan)| (kind, plan.into())).collect();
    let (written, left, began) = (Arc::default(), Arc::default(), Instant::now());
    let plans = Mutex::new(plans);
    let paper = FakeCodeHost { plans, written: Arc::clone(&written), left: Arc::clone(&left), began };
    let reports = UpdaterHandle::start(paper, reports);
    if progress {
        for phase in [Phase::Waiting, Phase::Running] {
            reports.update(in_progress(phase));
            let _ = tokio::time::timeout(Duration::from_mins(1), std::future::pending::<()>()).await;
        }
    }
    let ended = Instant::now();
    let report_result = reports.close(end(), interrupted, stop).await;
    let took = ended.elapsed().as_secs_f64();
    let written = written.lock().unwrap().clone();
    let left = left.lock().unwrap().clone();
    Run { report_result, written, left, took }
}

#[tokio::test(start_paused = true)]
async fn the_last_write_is_repeated_after_whatever_passes_and_the_pause_grows() {
    let passing = [
        WriteError::Refused { status: 502, message: String::new(), fix: Fix::None },
        WriteError::Refused { status: 409, message: String::new(), fix: Fix::None },
        WriteError::Unreachable("the connection broke".to_owned()),
        WriteError::Limited(Duration::from_secs(1)),
        WriteError::Late(Duration::from_secs(1)),
        WriteError::TooLarge,
    ];
    for error in passing {
        let plan = vec![Answer::Failure(error.clone()), Answer::Failure(error.clone())];
        let run = run(vec![(ReportKind::Status, plan)], false, false).await;
        assert_eq!(run.report_result[0].error, None, "{error:?}");
        let times: Vec<f64> = run.of(ReportKind::Status).iter().map(|one| one.0).collect();
        assert_eq!(times.len(), 3, "{error:?}");
        assert!(times[1] - times[0] >= 0.5 && times[2] - times[1] >= 1.0, "{error:?}: {times:?}");
        assert_eq!(run.left.last(), Some(&Vec::new()), "{error:?}: nothing is left for the post step");
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_host_that_stays_down_delays_the_end_by_no_more_than_it_may_and_all_is_left_to_the_post_step()
{
    for (answer, interrupted, most) in [
        (refused(502, Fix::None), false, 10.0),
        (refused(502, Fix::None), true, 4.0),
        (Answer::Never, false, 10.0),
        (Answer::Never, true, 4.0),
    ] {
        let plans = KINDS.map(|kind| (kind, vec![answer.clone(); 50])).to_vec();
        let run = run(plans, false, interrupted).await;
        assert!(run.took <= most + 0.01, "{} of {most}", run.took);
        assert!(run.report_result.iter().all(|report_result| report_result.error.is_some()));
        assert!(KINDS.iter().all(|kind| !run.of(*kind).is_empty()), "the end of each was tried");
        assert_eq!(run.left.last().unwrap().len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_while_the_reports_are_closed_is_a_hurry() {
    let (signal, stop) = watch::channel(None);
    tokio::spawn(async move {
        let _ = tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await;
        signal.send_replace(Some(Signal::Terminate));
        std::future::pending::<()>().await;
    });
    let plans = KINDS.map(|kind| (kind, vec![Answer::Never; 50])).to_vec();
    let run = run_with(plans, false, false, Some(stop)).await;
    assert!(run.took > 1.0 && run.took <= 5.01, "{}", run.took);
}

#[tokio::test(start_paused = true)]
async fn one_request_that_hangs_leaves_time_to_try_again() {
    for interrupted in [false, true] {
        let alone = run(vec![(ReportKind::Status, vec![Answer::Never])], false, interrupted).await;
        assert_eq!((alone.report_result[0].error.clone(), alone.written.len()), (None, 2));
        let plans = vec![
            (ReportKind::Status, vec![Answer::Never]),
            (ReportKind::Check, vec![]),
            (ReportKind::Comment, vec![]),
        ];
        let among = run(plans, false, interrupted).await;
        assert!(
            among.report_result.iter().all(|report_result| report_result.error.is_none()),
            "{:?}",
            among.report_result
        );
        assert_eq!(among.written[1].1, ReportKind::Check, "the others do not wait for it");
    }
}

#[tokio::test(start_paused = true)]
async fn two_writes_are_a_second_apart_while_there_is_time() {
    let run = run(KINDS.map(|kind| (kind, Vec::new())).to_vec(), false, false).await;
    assert!((3.0..3.1).contains(&run.took), "four writes took {} s", run.took);
}

#[tokio::test(start_paused = true)]
async fn a_slow_code_host_gets_every_end_though_there_is_no_time_for_pauses() {
    for (millis, interrupted) in [(1500, false), (1800, false), (2300, false), (700, true), (950, true)] {
        let answer = Answer::Slow(Duration::from_millis(millis));
        let run = run(KINDS.map(|kind| (kind, vec![answer.clone(); 9])).to_vec(), false, interrupted).await;
        let errors: Vec<_> = run.report_result.iter().filter_map(|result| result.error.as_ref()).collect();
        assert!(errors.is_empty() && run.written.len() == 4, "{millis}: {errors:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_of_the_end_gets_less_than_a_second() {
    for (kinds, interrupted) in (1..=4).flat_map(|kinds| [(kinds, false), (kinds, true)]) {
        let plans = KINDS[..kinds].iter().map(|kind| (*kind, vec![Answer::Never; 50])).collect();
        let run = run(plans, false, interrupted).await;
        let begun = run.written.iter().map(|one| one.0);
        let ended = begun.clone().skip(1).chain([run.took]);
        let times: Vec<f64> = begun.zip(ended).map(|(begun, ended)| ended - begun).collect();
        assert!(times.iter().all(|time| *time >= 0.99), "{kinds} {interrupted}: {times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_ran_into_a_timeout_is_looked_for_before_it_is_repeated() {
    for (status, creation) in [
        (408, Creation::Maybe),
        (500, Creation::Maybe),
        (502, Creation::Maybe),
        (503, Creation::Maybe),
        (504, Creation::Maybe),
        (409, Creation::No),
        (425, Creation::No),
        (429, Creation::No),
    ] {
        let run = run(vec![(ReportKind::Deployment, vec![refused(status, Fix::None)])], false, false).await;
        let seen: Vec<Creation> = run.of(ReportKind::Deployment).iter().map(|one| one.1).collect();
        assert_eq!(seen, [Creation::No, creation], "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_update_does_not_stop_the_last_one() {
    for answer in [refused(422, Fix::None), refused(400, Fix::None), refused(403, Fix::Unlock)] {
        for plan in [vec![answer.clone()], vec![Answer::Success, answer.clone()], vec![answer.clone(); 2]] {
            let run = run(vec![(ReportKind::Status, plan)], true, false).await;
            assert_eq!((run.report_result[0].error.clone(), run.of(ReportKind::Status).len()), (None, 3));
            assert!(run.written.last().unwrap().3);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_ends_the_news_of_progress_and_the_end_is_tried_once() {
    let plan = vec![refused(403, Fix::Permission); 9];
    let run = run(vec![(ReportKind::Status, plan)], true, false).await;
    let finals: Vec<bool> = run.of(ReportKind::Status).iter().map(|one| one.2).collect();
    assert_eq!(finals, [false, true]);
    let error = run.report_result[0].error.clone().unwrap();
    assert_eq!(error.fix, Fix::Permission);
    assert!(run.left.is_empty(), "the post step may no more");
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_without_an_answer_is_looked_for_and_left_to_the_post_step() {
    let lost = Answer::Failure(WriteError::Unreachable("the connection broke".to_owned()));
    let run = run(vec![(ReportKind::Deployment, vec![lost])], true, false).await;
    let creation: Vec<Creation> = run.of(ReportKind::Deployment).iter().map(|one| one.1).collect();
    assert_eq!(
        creation,
        [Creation::No, Creation::Maybe, Creation::Id(7), Creation::Id(7)],
        "behind, so tried after a while"
    );
    assert_eq!(run.left[0], [(ReportKind::Deployment, Creation::Maybe)]);
    let refused = self::run(vec![(ReportKind::Check, vec![refused(422, Fix::None)])], true, false).await;
    assert_eq!(refused.of(ReportKind::Check)[1].1, Creation::No, "a refusal made nothing");
}

#[tokio::test(start_paused = true)]
async fn once_the_end_is_known_what_has_yet_to_say_so_is_left() {
    let run = run(vec![(ReportKind::Status, vec![]), (ReportKind::Check, vec![])], false, false).await;
    let [status, check] = [ReportKind::Status, ReportKind::Check].map(|kind| (kind, Creation::No));
    assert_eq!(run.left[0], [status, check]);
    assert_eq!(run.left.last(), Some(&Vec::new()));
}
