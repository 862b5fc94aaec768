//! fortrabbit: both generations of its deploy hook, and its public API.
//!
//! The draft hook is read by `GET` on its own URL; the deployment of a live hook is read through the API, with a
//! token. Which generation a hook is, the body of its answer says, not its URL. A `GET` is only ever sent to a path
//! that the documents show being read, or to a hook that has just answered in the draft's form: on other platforms
//! a `GET` triggers.

mod answer;
mod body;

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use url::Url;

use self::body::{Described, Generation};
use super::{Access, pace};
use crate::deploy::ports::{Before, Log, Look, Provider, Seen, Settled, Unreadable};
use crate::deploy::schedule::{Pace, RateLimit};
use crate::deploy::state::{DeploymentId, Phase, Snapshot};
use crate::deploy::trigger::{Answer, NoAnswer, NotSent, Unclear, Unreachable};
use crate::http::{self, Failure, Http, Method};
use crate::secret::{HookUrl, Token, is_loopback};

/// The platform's host, for hooks and API alike.
const HOST: &str = "api.fortrabbit.com";

/// The public API's documented limit, per token and shared with whatever else uses the token.
const LIMIT: RateLimit = RateLimit { requests: 20, per: Duration::from_mins(1) };

/// How long a trigger may take. An answer after that would still be an answer, so this is generous.
const TRIGGER: Duration = Duration::from_secs(30);

/// How long reading may take, as in the vendor's own client.
const READ: Duration = Duration::from_secs(15);

/// How long the reading before a trigger may take: it only prepares for a bad day, and must not cause one.
const GLANCE: Duration = Duration::from_secs(5);

/// Lines of a failed deployment's log that are kept.
const LOG_LINES: usize = 200;

/// A server's `Date` counts whole seconds, and the request took a while to get there.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// One hook, or one token, of fortrabbit's.
pub struct Fortrabbit {
    access: Access,
    http: Http,
    limit: RateLimit,
    generation: Option<Generation>,
    /// Whether the hook has just answered with the draft's whole body, and so may be read whatever its path.
    spoke_draft: bool,
    /// Deployments that were there before the trigger, and whether each had ended; empty where the platform did not
    /// name any, as then nothing is known.
    before: HashMap<DeploymentId, bool>,
    /// When the trigger was sent.
    asked: Instant,
    /// When our deployment was made, by the platform's clock.
    created: Option<SystemTime>,
    /// Whether a reading has shown our deployment.
    seen: bool,
}

/// How a deployment is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    Hook,
    Api,
}

/// Whether a hook is this platform's: at its host whatever the path, and by its path at the origin that `api-url` names
/// or on this machine.
pub(super) fn is_home(hook: &HookUrl, api: &Url) -> bool {
    let named = api.origin() == hook.expose().origin() || is_loopback(hook.expose());
    hook.host() == HOST || (named && (is_readable_path(hook) || is_live_path(hook)))
}

impl Fortrabbit {
    /// A platform that has not been asked anything yet.
    #[must_use]
    pub fn new(access: Access, http: Http) -> Self {
        Self {
            access,
            http,
            limit: LIMIT,
            generation: None,
            spoke_draft: false,
            before: HashMap::new(),
            asked: Instant::now(),
            created: None,
            seen: false,
        }
    }

    /// The same platform, `speed` times as fast: its rate limit counts in its own time.
    #[must_use]
    pub fn at_speed(self, speed: f64) -> Self {
        let limit = RateLimit { per: LIMIT.per.div_f64(speed), ..LIMIT };
        Self { limit, ..self }
    }

    /// Reads the newest deployment there is, for `status` and `doctor`.
    pub async fn newest(&mut self) -> Look {
        let url = self.via_before().and_then(|via| Some((via, self.list_url(via)?)));
        let Some((via, url)) = url else { return unreadable() };
        let answer = self.read(url, via, READ).await;
        answer::look(answer, self.http.redactor(), |body| {
            let found = body::deployments(body, self.http.redactor());
            let any = self.access.hook.is_none();
            let newest = found.into_iter().find(|found| any || self.is_of_our_environment(found, via));
            newest.map_or(Seen::NotThere, |deployment| Seen::Ours(self.with_page(deployment.snapshot)))
        })
    }

    /// Whether this deployment, or without an id the newest one, can be read with what there is.
    #[must_use]
    pub fn can_read(&self, id: Option<&DeploymentId>) -> bool {
        id.map_or_else(|| self.via_before(), |id| self.via(Some(id))).is_some()
    }

    /// Whether this hook's deployments can be followed, as far as is known before the trigger.
    pub fn can_follow(&self) -> Result<(), Unreadable> {
        self.via_before().map(|_| ()).ok_or_else(|| self.why_unreadable())
    }

    fn why_unreadable(&self) -> Unreadable {
        if self.is_home() { Unreadable::NeedsToken } else { Unreadable::UnknownPlatform }
    }

    /// Whether the hook itself may be read: it is at home, and documented so or just heard to speak the draft.
    #[must_use]
    pub fn hook_is_readable(&self) -> bool {
        let readable = |hook| self.spoke_draft || is_readable_path(hook);
        self.is_home() && self.access.hook.as_ref().is_some_and(readable)
    }

    /// Whether there is no hook, or one of this platform.
    fn is_home(&self) -> bool {
        self.access.hook.as_ref().is_none_or(|hook| is_home(hook, &self.access.api))
    }

    /// The API's token, unless the hook is somebody else's: then the API knows nothing of its deployments.
    fn token(&self) -> Option<&Token> {
        self.access.token.as_ref().filter(|_| self.is_home())
    }

    /// The id of the hook's environment, where its URL holds one.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        let segments: Vec<&str> = self.access.hook.as_ref()?.public_segments().collect();
        let named = segments.windows(2).find_map(|pair| match pair {
            ["environments" | "deploy", id] => Some(*id),
            _ => None,
        })?;
        named.chars().all(|c| c.is_ascii_alphanumeric() || c == '-').then_some(named)
    }

    /// The way to read before anything is known of the hook's generation.
    fn via_before(&self) -> Option<Via> {
        if self.hook_is_readable() { Some(Via::Hook) } else { self.token().map(|_| Via::Api) }
    }

    /// The way to read a deployment: as the hook's generation has it, or, for one we did not trigger, as its id and
    /// the access allow.
    fn via(&self, id: Option<&DeploymentId>) -> Option<Via> {
        let draft_id = id.is_some_and(|id| id.as_str().starts_with("dp_"));
        match self.generation {
            Some(Generation::Draft) => self.hook_is_readable().then_some(Via::Hook),
            Some(Generation::Live) => self.token().map(|_| Via::Api),
            None if self.hook_is_readable() && (draft_id || self.token().is_none()) => Some(Via::Hook),
            None => self.token().map(|_| Via::Api),
        }
    }

    fn list_url(&self, via: Via) -> Option<Url> {
        match via {
            Via::Hook => self.access.hook.as_ref().map(|hook| hook.expose().clone()),
            Via::Api => Some(self.api_url(&["deployments"])),
        }
    }

    fn api_url(&self, path: &[&str]) -> Url {
        let mut url = self.access.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    async fn read(&self, url: Url, via: Via, limit: Duration) -> Result<http::Answer, Failure> {
        let token = if via == Via::Api { self.token() } else { None };
        self.http.send(Method::GET, &url, token, limit).await
    }

    /// Whether a deployment is one of our hook's environment. The hook itself shows no other; the API's list does.
    fn is_of_our_environment(&self, deployment: &Described, via: Via) -> bool {
        via == Via::Hook
            || self.environment().is_some_and(|ours| deployment.environment.as_deref() == Some(ours))
    }

    /// Adds the dashboard's page, where the hook is the real platform's.
    fn with_page(&self, mut snapshot: Snapshot) -> Snapshot {
        let real = self.access.hook.as_ref().is_some_and(|hook| hook.host() == HOST);
        snapshot.page = self
            .environment()
            .filter(|_| real)
            .map(|id| format!("https://dash.fortrabbit.com/environments/{id}/deployment"));
        snapshot
    }

    fn accept(&mut self, deployment: Described) -> Snapshot {
        self.generation = Some(deployment.generation);
        self.spoke_draft = deployment.generation == Generation::Draft && !deployment.snapshot.word.is_empty();
        self.created = deployment.snapshot.created_at;
        self.with_page(deployment.snapshot)
    }

    /// Whether a deployment found after an unclear answer is the one we asked for: it was not there before, and where
    /// the platform gives its time, it was made since, by the platform's own clock (`clock`, the answer's `Date`).
    fn is_new(&self, snapshot: &Snapshot, clock: Option<SystemTime>) -> bool {
        let unseen = !self.before.is_empty() && !self.before.contains_key(&snapshot.id);
        let since = snapshot.created_at.is_none_or(|created| {
            let asked = clock.and_then(|now| now.checked_sub(self.asked.elapsed() + CLOCK_SLACK));
            // One made later than now: that is not the clock by which its time was taken.
            let by_this_clock =
                clock.and_then(|now| now.checked_add(CLOCK_SLACK)).is_some_and(|now| created <= now);
            by_this_clock && asked.is_some_and(|asked| created >= asked)
        });
        unseen && since
    }

    /// What another deployment in the place of ours means: a newer one, or one that was there before. Where neither
    /// the times nor the reading before the trigger tell, it is newer if ours stood there in between.
    fn other(&self, other: Snapshot) -> Seen {
        let newer = match self.created.zip(other.created_at) {
            Some((ours, its)) => its >= ours,
            None => self.seen || !self.before.is_empty(),
        };
        if newer && !self.before.contains_key(&other.id) { Seen::Newer(other) } else { Seen::NotThere }
    }
}

impl Provider for Fortrabbit {
    async fn before(&mut self, limit: Duration) -> Before {
        let Some((via, url)) = self.via_before().and_then(|via| Some((via, self.list_url(via)?))) else {
            return Before::Unknown;
        };
        let Ok(answer) = self.read(url, via, GLANCE.min(limit)).await else {
            return Before::Unknown;
        };
        let bytes = answer.body.as_deref().unwrap_or_default();
        if let (401 | 403, Via::Api) = (answer.status, via)
            && let Some(said) = answer::refusal(bytes, self.http.redactor())
        {
            return Before::Denied { status: answer.status, said };
        }
        // An answer without deployments may be anybody's, and says nothing of what is there.
        if let (200..300, Ok(body)) = (answer.status, serde_json::from_slice::<Value>(bytes)) {
            let found = body::deployments(&body, self.http.redactor()).into_iter();
            let ended = |snapshot: Snapshot| (snapshot.id, matches!(snapshot.phase, Phase::Ended(_)));
            self.before = found.map(|deployment| ended(deployment.snapshot)).collect();
        }
        if self.before.is_empty() { Before::Unknown } else { Before::Known }
    }

    async fn trigger(&mut self, limit: Duration) -> Answer {
        let Some(hook) = &self.access.hook else {
            let said = "there is no hook to trigger".to_owned();
            return Answer::NotSent(NotSent { why: Unreachable::Connect, said });
        };
        self.asked = Instant::now();
        let answer = self.http.send_alone(Method::POST, hook.expose(), TRIGGER.min(limit)).await;
        if !self.is_home() {
            return answer::of_unknown(answer, self.http.redactor());
        }
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        match answer::of_trigger(answer, self.http.redactor()) {
            Ok(old) if self.before.get(&old.snapshot.id) == Some(&true) => {
                let said = format!("it names {}", old.snapshot.id);
                Answer::Unclear(Unclear { why: NoAnswer::AlreadyEnded(status), said })
            }
            Ok(deployment) => Answer::Accepted(Some(self.accept(deployment))),
            Err(answer) => answer,
        }
    }

    async fn settle(&mut self, limit: Duration) -> Settled {
        let Some((via, url)) = self.via_before().and_then(|via| Some((via, self.list_url(via)?))) else {
            return Settled::Never;
        };
        let Ok(answer) = self.read(url, via, READ.min(limit)).await else {
            return Settled::NotYet(Pace::default());
        };
        let pace = pace(&answer);
        let (200..300, Ok(bytes)) = (answer.status, &answer.body) else {
            let bytes = answer.body.as_deref().unwrap_or_default();
            let denied = matches!(answer.status, 401 | 403 | 405 | 410)
                && answer::refusal(bytes, self.http.redactor()).is_some();
            return if denied { Settled::Never } else { Settled::NotYet(pace) };
        };
        let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let mut found = body::deployments(&body, self.http.redactor());
        found.retain(|deployment| {
            self.is_of_our_environment(deployment, via) && self.is_new(&deployment.snapshot, answer.date)
        });
        match (found.pop(), found.is_empty()) {
            (Some(ours), true) => {
                self.seen = true;
                Settled::Ours(self.accept(ours))
            }
            (Some(_), false) => Settled::Never, // more than one is new: nobody can tell which is ours
            (None, _) => Settled::NotYet(pace),
        }
    }

    fn readable(&self) -> Result<(), Unreadable> {
        self.via(None).map(|_| ()).ok_or_else(|| self.why_unreadable())
    }

    async fn look(&mut self, id: &DeploymentId, limit: Duration) -> Look {
        let url = self.via(Some(id)).and_then(|via| match via {
            Via::Hook => Some((via, self.list_url(via)?)),
            Via::Api => Some((via, self.api_url(&["deployments", id.as_str()]))),
        });
        let Some((via, url)) = url else { return unreadable() };
        let answer = self.read(url, via, READ.min(limit)).await;
        let look = answer::look(answer, self.http.redactor(), |body| {
            let found = body::deployments(body, self.http.redactor());
            let newest = found.first().map(|deployment| deployment.snapshot.clone());
            let ours =
                found.into_iter().map(|deployment| deployment.snapshot).find(|snapshot| snapshot.id == *id);
            match (ours, newest) {
                (Some(ours), _) => Seen::Ours(self.with_page(ours)),
                (None, Some(_)) if via == Via::Api => {
                    Seen::Trouble { said: "the answer is about another deployment".to_owned() }
                }
                (None, Some(other)) => self.other(other),
                (None, None) => Seen::Trouble { said: "the answer names no deployment".to_owned() },
            }
        });
        self.seen |= matches!(look.seen, Seen::Ours(_));
        look
    }

    async fn log(&mut self, id: &DeploymentId, limit: Duration) -> Log {
        if self.via(Some(id)) != Some(Via::Api) {
            return Log::None;
        }
        let url = self.api_url(&["deployments", id.as_str(), "logs"]);
        let Ok(answer) = self.read(url, Via::Api, READ.min(limit)).await else {
            return Log::NotYet(Pace::default());
        };
        let lines = body::log(answer.body.as_deref().unwrap_or_default(), self.http.redactor(), LOG_LINES);
        match answer.status {
            200..300 if !lines.is_empty() => Log::Lines(lines),
            200..300 | 404 | 429 | 500.. => Log::NotYet(pace(&answer)),
            _ => Log::None,
        }
    }

    fn limit(&self) -> Option<RateLimit> {
        (self.via(None) == Some(Via::Api)).then_some(self.limit)
    }

    /// A success can be reported before the post-deploy commands ran.
    fn success_may_be_early(&self) -> bool {
        true
    }
}

/// A look that could not be made; whoever looks asks [`Fortrabbit::can_read`] first.
fn unreadable() -> Look {
    let said = "neither the hook nor, without a token, the API can be read".to_owned();
    Look { seen: Seen::Trouble { said }, pace: Pace::default() }
}

/// Whether the documents show this path being read with `GET`.
fn is_readable_path(hook: &HookUrl) -> bool {
    let segments: Vec<&str> = hook.public_segments().collect();
    matches!(
        segments.as_slice(),
        ["v1", "deploy-hook"]
            | ["v1", "deploy", _, "deploy-hook"]
            | ["v1", "webhooks", "environments", _, "deploy"]
    )
}

/// Whether this is the path of a live hook, which is only ever triggered.
fn is_live_path(hook: &HookUrl) -> bool {
    let segments: Vec<&str> = hook.public_segments().collect();
    matches!(segments.as_slice(), ["webhooks", "environments", _, "deploy"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::state::Phase;
    use crate::http::Network;
    use crate::secret::Redactor;

    fn platform(hook: &str, token: bool) -> Fortrabbit {
        let http = Http::new(&Network::default(), false, Redactor::default()).unwrap();
        let token = if token { Token::parse("frbit-at-00ff00ff") } else { None };
        let hook = Some(HookUrl::parse(hook).unwrap());
        Fortrabbit::new(Access { hook, token, api: "https://api.fortrabbit.com".parse().unwrap() }, http)
    }

    fn says(platform: &mut Fortrabbit, word: &str) {
        let snapshot = Snapshot {
            id: DeploymentId::new("dp_abc123").unwrap(),
            word: word.to_owned(),
            phase: Phase::Waiting,
            created_at: None,
            page: None,
        };
        platform.accept(Described { snapshot, generation: Generation::Draft, environment: None });
    }

    #[test]
    fn the_hooks_that_are_known_to_be_readable_are_read_and_no_other() {
        for path in ["v1/deploy-hook", "v1/deploy/en-a/deploy-hook", "v1/webhooks/environments/en-a/deploy"] {
            assert!(
                platform(&format!("https://api.fortrabbit.com/{path}/LONGSTRING"), false).hook_is_readable(),
                "{path}"
            );
            assert!(
                !platform(&format!("https://api.example.com/{path}/LONGSTRING"), false).hook_is_readable(),
                "{path}"
            );
        }
        assert!(
            !platform("https://api.fortrabbit.com/webhooks/environments/en-a/deploy/LONGSTRING", true)
                .hook_is_readable()
        );
    }

    #[test]
    fn a_hook_that_has_just_spoken_the_draft_is_readable_whatever_its_path() {
        let mut live =
            platform("https://api.fortrabbit.com/webhooks/environments/en-a/deploy/LONGSTRING", false);
        says(&mut live, "");
        assert_eq!(live.readable(), Err(Unreadable::NeedsToken), "an id alone is not the draft's body");
        says(&mut live, "PENDING");
        assert_eq!(live.readable(), Ok(()));
    }

    #[test]
    fn a_foreign_hook_is_neither_read_nor_followed_by_the_tokens_api() {
        let mut foreign = platform("https://api.example.com/build_hooks/LONGSTRING", true);
        assert!(!foreign.can_read(None));
        says(&mut foreign, "PENDING");
        assert_eq!(foreign.readable(), Err(Unreadable::UnknownPlatform));
    }
}
