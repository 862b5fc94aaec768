//! What a GitLab keeps, and by which rules: statuses with their state machine, deployments, notes.
//!
//! Sources: GitLab's `create_commit_status_service.rb`, `deployments.rb`, `notes.rb`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::contract;
use super::fake_gitlab::Seen;
use super::job::{MERGE_REQUEST, PIPELINE, SHA};

/// The pipeline of the job, which alone its id finds.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    sha: String,
    /// A branch, a tag, or `refs/merge-requests/12/head`.
    pub(super) reference: String,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self { sha: SHA.to_owned(), reference: "main".to_owned() }
    }
}

/// A commit status: commit, ref and name, then what was accepted for it.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) sha: String,
    reference: String,
    name: String,
    pub(super) bodies: Vec<Value>,
}

/// A note on a merge request.
#[derive(Clone, Debug)]
pub(super) struct Note {
    /// The project and the number of the merge request.
    pub(super) of: (u64, u64),
    /// Written by GitLab itself.
    pub(super) system: bool,
    /// Whether the token's user wrote it.
    pub(super) own: bool,
    pub(super) texts: Vec<String>,
}

/// What GitLab keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) pipeline: Pipeline,
    /// The oldest first.
    pub(super) statuses: Vec<Status>,
    /// Each deployment's bodies, the creating one first.
    pub(super) deployments: BTreeMap<u64, Vec<Value>>,
    pub(super) notes: BTreeMap<u64, Note>,
    /// Transitions that GitLab does not know.
    pub(super) repeated: Vec<String>,
}

/// A status and a body.
type Answer = (u16, Value);

fn no(status: u16, message: &str) -> Answer {
    (status, json!({ "message": message }))
}

fn now() -> String {
    humantime::format_rfc3339_millis(std::time::SystemTime::now()).to_string()
}

fn word<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

fn words<'a>(bodies: &'a [Value], name: &str) -> Vec<&'a str> {
    bodies.iter().map(|body| word(body, name)).collect()
}

impl Status {
    /// Its present state.
    pub(super) fn state(&self) -> &str {
        self.bodies.last().map_or("created", |body| word(body, "state"))
    }

    /// Every state it went through.
    pub(super) fn states(&self) -> Vec<&str> {
        words(&self.bodies, "state")
    }

    fn is_open(&self) -> bool {
        matches!(self.state(), "pending" | "running")
    }
}

impl Kept {
    /// Somebody's note on the merge request of every test.
    pub(super) fn add_note(&mut self, id: u64, own: bool, system: bool, text: &str) {
        let note = Note { of: MERGE_REQUEST, system, own, texts: vec![text.to_owned()] };
        self.notes.insert(id, note);
    }

    /// A status that an earlier run left in this state.
    pub(super) fn add_status(&mut self, name: &str, state: &str) {
        let bodies = vec![json!({ "state": state })];
        let (sha, reference) = (self.pipeline.sha.clone(), self.pipeline.reference.clone());
        self.statuses.push(Status { sha, reference, name: name.to_owned(), bodies });
    }

    /// A deployment that an earlier run made and closed.
    pub(super) fn add_deployment(&mut self, id: u64, status: &str) {
        let body = json!({
            "sha": SHA, "ref": self.pipeline.reference, "environment": "production", "status": status,
            "created_at": "2026-01-01T00:00:00.000+01:00",
        });
        self.deployments.insert(id, vec![body]);
    }

    /// What a reader would still take for going on.
    pub(super) fn open(&self) -> Vec<String> {
        let statuses = self.statuses.iter().filter(|status| status.is_open());
        let mut open: Vec<String> = statuses.map(|status| format!("status: {}", status.name)).collect();
        let deployments = self.deployments.values().filter_map(|bodies| bodies.last());
        let going = deployments.filter(|body| word(body, "status") == "running");
        open.extend(going.map(|body| format!("deployment: {body}")));
        open
    }

    /// What each deployment said, in order.
    pub(super) fn deployed(&self) -> Vec<Vec<&str>> {
        self.deployments.values().map(|bodies| words(bodies, "status")).collect()
    }

    /// What each status said, in order.
    pub(super) fn said(&self) -> Vec<Vec<&str>> {
        self.statuses.iter().map(Status::states).collect()
    }

    /// The texts of our notes, each from its first to its last.
    pub(super) fn told(&self) -> Vec<&[String]> {
        self.notes.values().filter(|note| note.own).map(|note| note.texts.as_slice()).collect()
    }

    /// Does what a request asks for, and answers as GitLab does.
    pub(super) fn answer(&mut self, seen: &Seen) -> Answer {
        let parts: Vec<&str> = seen.path.split('/').collect();
        let number =
            |place: usize| parts.get(place).and_then(|part| part.parse::<u64>().ok()).unwrap_or_default();
        // /api/v4/projects/{4}/statuses/{6}, /api/v4/projects/{4}/merge_requests/{6}/notes/{8}
        match seen.operation.as_str() {
            "postApiV4ProjectsIdStatusesSha" => self.status(parts.get(6).copied().unwrap_or_default(), seen),
            "postApiV4ProjectsIdDeployments" => self.deployment(seen),
            "putApiV4ProjectsIdDeploymentsDeploymentId" => self.deployment_again(number(6), seen),
            "getApiV4ProjectsIdMergeRequestsNoteableIdNotes" => {
                (200, self.page(number(4), number(6), &seen.query))
            }
            "postApiV4ProjectsIdMergeRequestsNoteableIdNotes" => self.note((number(4), number(6)), seen),
            "putApiV4ProjectsIdMergeRequestsNoteableIdNotesNoteId" => self.note_again(number(8), seen),
            "getApiV4ProjectsIdDeployments" => (200, self.listed()),
            "getApiV4Job" | "getApiV4ProjectsId" => (200, contract::example(&seen.operation)),
            _ => no(404, "404 Not Found"),
        }
    }

    /// A status is found again while it is open, by commit, ref and name; one that is over makes room for a new one.
    fn status(&mut self, sha: &str, seen: &Seen) -> Answer {
        let body = &seen.body;
        let named = body["ref"].as_str();
        let ours = sha == self.pipeline.sha && named.is_none_or(|named| named == self.pipeline.reference);
        match body["pipeline_id"].as_u64() {
            Some(id) if id != PIPELINE || !ours => {
                return no(404, "404 Pipeline for pipeline_id, sha and ref Not Found");
            }
            None if sha == self.pipeline.sha => return no(409, "it would be a pipeline of its own"),
            _ => {}
        }
        let (state, name) = (word(body, "state"), word(body, "name"));
        let reference = named.unwrap_or(&self.pipeline.reference);
        let same = |status: &&mut Status| {
            (status.sha.as_str(), status.reference.as_str(), status.name.as_str()) == (sha, reference, name)
        };
        let open = self.statuses.iter_mut().find(|status| same(status) && status.is_open());
        let from = open.as_ref().map_or("created", |status| status.state()).to_owned();
        let event = match (state, from.as_str()) {
            ("pending", "pending" | "running") => Some("enqueue"),
            ("running", "running") => Some("run"),
            _ => None,
        };
        if let Some(event) = event {
            let reason = format!("(Reason(s): Status cannot transition via \"{event}\")");
            let message = format!("Cannot transition status via :{event} from :{from} {reason}");
            self.repeated.push(message.clone());
            return no(400, &message);
        }
        let (sha, reference, name) = (sha.to_owned(), reference.to_owned(), name.to_owned());
        match open {
            Some(status) => status.bodies.push(body.clone()),
            None => self.statuses.push(Status { sha, reference, name, bodies: vec![body.clone()] }),
        }
        (201, contract::example(&seen.operation))
    }

    fn deployment(&mut self, seen: &Seen) -> Answer {
        let id = 900 + u64::try_from(self.deployments.len()).expect("few");
        self.deployments.insert(id, vec![seen.body.clone()]);
        let mut answer = contract::example(&seen.operation);
        answer["id"] = json!(id);
        (201, answer)
    }

    /// The deployments, the newest first, as those that no job of GitLab's has.
    fn listed(&self) -> Value {
        let one = |(id, bodies): (&u64, &Vec<Value>)| {
            let (first, last) = (&bodies[0], &bodies[bodies.len() - 1]);
            json!({
                "id": id,
                "sha": first["sha"],
                "ref": first["ref"],
                "status": last["status"],
                "environment": { "name": first["environment"] },
                "deployable": null,
                "created_at": first["created_at"].as_str().map_or_else(now, str::to_owned),
            })
        };
        self.deployments.iter().rev().map(one).collect()
    }

    fn deployment_again(&mut self, id: u64, seen: &Seen) -> Answer {
        let Some(bodies) = self.deployments.get_mut(&id) else { return no(404, "404 Not found") };
        if bodies.last().is_none_or(|last| word(last, "status") != "running") {
            self.repeated.push(format!("deployment {id}: {}", seen.body));
            return (400, json!({ "message": { "status": ["cannot transition"] } }));
        }
        bodies.push(seen.body.clone());
        (200, contract::example(&seen.operation))
    }

    /// A page of a merge request's notes, the newest first unless it is asked for otherwise.
    fn page(&self, project: u64, number: u64, query: &str) -> Value {
        let query: BTreeMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let count = |name: &str| query.get(name).and_then(|value| value.parse::<usize>().ok());
        let (size, page) = (count("per_page").unwrap_or(20).min(100), count("page").unwrap_or(1).max(1));
        let comments = query.get("activity_filter").is_some_and(|filter| filter == "only_comments");
        let of_this = |note: &&Note| note.of == (project, number) && !(comments && note.system);
        let mut found: Vec<(&u64, &Note)> = self.notes.iter().filter(|(_, note)| of_this(note)).collect();
        if query.get("sort").is_none_or(|sort| sort == "desc") {
            found.reverse();
        }
        let example = contract::example("getApiV4ProjectsIdMergeRequestsNoteableIdNotes")[0].clone();
        let page = found.into_iter().skip(size * (page - 1)).take(size).map(|(id, note)| {
            let mut shown = example.clone();
            shown["id"] = json!(id);
            shown["system"] = json!(note.system);
            shown["body"] = json!(note.texts.last());
            shown
        });
        page.collect()
    }

    fn note(&mut self, of: (u64, u64), seen: &Seen) -> Answer {
        let id = self.notes.keys().next_back().map_or(300, |last| last + 1);
        let texts = vec![word(&seen.body, "body").to_owned()];
        self.notes.insert(id, Note { of, system: false, own: true, texts });
        let mut answer = contract::example(&seen.operation);
        answer["id"] = json!(id);
        (201, answer)
    }

    fn note_again(&mut self, id: u64, seen: &Seen) -> Answer {
        match self.notes.get_mut(&id) {
            Some(note) if note.own && !note.system => {
                note.texts.push(word(&seen.body, "body").to_owned());
                let mut answer = contract::example(&seen.operation);
                answer["id"] = json!(id);
                (200, answer)
            }
            Some(_) => no(403, "403 Forbidden"),
            None => no(404, "404 Not found"),
        }
    }
}
