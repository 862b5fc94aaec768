//! The API of GitLab on loopback: what it stores and by which rules: statuses with their state machine, deployments, notes.
//!
//! Sources: GitLab's `create_commit_status_service.rb`, `deployments.rb`, `notes.rb`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::contract;
use super::job::{MERGE_REQUEST, PIPELINE, SHA};
use crate::contract::Contract;
use crate::fake_api::{Api, ApiRequest, FakeApi};
use crate::wire::Request;

/// A project access token.
pub(super) const TOKEN: &str = "glpat-0123456789abcdefghij";

/// The token that GitLab gives every job: a JSON Web Token behind a prefix, longer than other tokens are.
pub(super) const JOB_TOKEN: &str = concat!(
    "glcbt-eyJraWQiOiJub3QtYS1yZWFsLWtleSIsInR5cCI6IkpXVCIsImFsZyI6IlJTMjU2In0.",
    "eyJ2ZXJzaW9uIjoiMC4xLjAiLCJvIjoiMSIsInUiOiIxIiwicCI6IjQyIiwiZyI6IjEiLCJqdGkiOiJub3QtYS1yZWFsLXRva2VuIiwiaXNz",
    "IjoiaHR0cHM6Ly9naXRsYWIuZXhhbXBsZSIsInN1YiI6IjUwMDUiLCJhdWQiOiJnaXRsYWItYXV0aHotdG9rZW4ifQ.",
    "bm90LWEtcmVhbC1zaWduYXR1cmUtYnV0LWFzLWxvbmctYXMtb25lLTAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg",
);

/// A running GitLab.
pub(super) type FakeGitLab = FakeApi<GitLabStore>;

/// How a request is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// `Authorization: Bearer`, with the access token.
    Access,
    /// `JOB-TOKEN`.
    Job,
}

/// The token of a request, one and the right one. The job token is for deployments, and to read the job itself.
fn credential(headers: &BTreeMap<String, String>, operation: &str) -> Result<Credential, String> {
    let header = |name: &str| headers.get(name).map(String::as_str);
    let bearer = format!("Bearer {TOKEN}");
    let of_job = operation.contains("Deployments") || operation == "getApiV4Job";
    match [header("authorization"), header("job-token"), header("private-token")] {
        [Some(given), None, None] if given == bearer => Ok(Credential::Access),
        [None, Some(JOB_TOKEN), None] if of_job => Ok(Credential::Job),
        [None, Some(JOB_TOKEN), None] => Err("the job token may not do this".to_owned()),
        other => Err(format!("not one token, or not the right one: {other:?}")),
    }
}

/// The tokens of all requests so far.
pub(super) fn credentials(gitlab: &FakeGitLab) -> Vec<Credential> {
    let requests = gitlab.requests();
    requests.iter().filter_map(|request| credential(&request.headers, &request.operation).ok()).collect()
}

/// The pipeline of the job.
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

/// What GitLab stores.
#[derive(Clone, Debug, Default)]
pub(super) struct GitLabStore {
    pub(super) pipeline: Pipeline,
    /// The oldest first.
    pub(super) statuses: Vec<Status>,
    /// Each deployment's bodies, the creating one first.
    pub(super) deployments: BTreeMap<u64, Vec<Value>>,
    pub(super) notes: BTreeMap<u64, Note>,
    /// State transitions that GitLab does not allow.
    pub(super) refused_transitions: Vec<String>,
}

/// A status and a body.
type Answer = (u16, Value);

fn refusal(status: u16, message: &str) -> Answer {
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
    /// Its current state.
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

impl Api for GitLabStore {
    const BASE: &'static str = "/api/v4";
    const RATE_LIMITED: &'static str = "429 Too Many Requests";
    const TOKENS: &'static [&'static str] = &[TOKEN, JOB_TOKEN];

    fn contract() -> &'static Contract {
        &contract::CONTRACT
    }

    fn violations(request: &Request, operation: &str) -> Vec<String> {
        let mut violations: Vec<String> = credential(&request.headers, operation).err().into_iter().collect();
        let kind = request.headers.get("content-type");
        if request.method != "GET" && kind.is_none_or(|kind| !kind.starts_with("application/json")) {
            violations.push(format!("the body is not sent as JSON: {kind:?}"));
        }
        violations
    }

    fn answer(&mut self, request: &ApiRequest) -> Answer {
        let number = |place: usize| request.number(place);
        // /api/v4/projects/{4}/statuses/{6}, /api/v4/projects/{4}/merge_requests/{6}/notes/{8}
        match request.operation.as_str() {
            "postApiV4ProjectsIdStatusesSha" => self.write_status(request),
            "postApiV4ProjectsIdDeployments" => self.create_deployment(request),
            "putApiV4ProjectsIdDeploymentsDeploymentId" => self.update_deployment(number(6), request),
            "getApiV4ProjectsIdMergeRequestsNoteableIdNotes" => (200, self.page_of_notes(request)),
            "postApiV4ProjectsIdMergeRequestsNoteableIdNotes" => {
                self.create_note((number(4), number(6)), request)
            }
            "putApiV4ProjectsIdMergeRequestsNoteableIdNotesNoteId" => self.update_note(number(8), request),
            "getApiV4ProjectsIdDeployments" => (200, self.listed()),
            "getApiV4Job" | "getApiV4ProjectsId" => (200, contract::example(&request.operation)),
            _ => refusal(404, "404 Not Found"),
        }
    }
}

impl GitLabStore {
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

    /// The reports that look unfinished.
    pub(super) fn open(&self) -> Vec<String> {
        let statuses = self.statuses.iter().filter(|status| status.is_open());
        let mut open: Vec<String> = statuses.map(|status| format!("status: {}", status.name)).collect();
        let deployments = self.deployments.values().filter_map(|bodies| bodies.last());
        let going = deployments.filter(|body| word(body, "status") == "running");
        open.extend(going.map(|body| format!("deployment: {body}")));
        open
    }

    /// The states of each deployment, in order.
    pub(super) fn deployment_states(&self) -> Vec<Vec<&str>> {
        self.deployments.values().map(|bodies| words(bodies, "status")).collect()
    }

    /// The states of each status, in order.
    pub(super) fn status_states(&self) -> Vec<Vec<&str>> {
        self.statuses.iter().map(Status::states).collect()
    }

    /// The texts of our notes, each from its first to its last.
    pub(super) fn own_notes(&self) -> Vec<&[String]> {
        self.notes.values().filter(|note| note.own).map(|note| note.texts.as_slice()).collect()
    }

    /// A status is found again while it is open, by commit, ref and name; one that has finished makes room for a new one.
    fn write_status(&mut self, request: &ApiRequest) -> Answer {
        let sha = request.path.rsplit('/').next().unwrap_or_default();
        let body = &request.body;
        let named = body["ref"].as_str();
        let ours = sha == self.pipeline.sha && named.is_none_or(|named| named == self.pipeline.reference);
        match body["pipeline_id"].as_u64() {
            Some(id) if id != PIPELINE || !ours => {
                return refusal(404, "404 Pipeline for pipeline_id, sha and ref Not Found");
            }
            None if sha == self.pipeline.sha => return refusal(409, "it would be a pipeline of its own"),
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
            self.refused_transitions.push(message.clone());
            return refusal(400, &message);
        }
        let (sha, reference, name) = (sha.to_owned(), reference.to_owned(), name.to_owned());
        match open {
            Some(status) => status.bodies.push(body.clone()),
            None => self.statuses.push(Status { sha, reference, name, bodies: vec![body.clone()] }),
        }
        (201, contract::example(&request.operation))
    }

    fn create_deployment(&mut self, request: &ApiRequest) -> Answer {
        let id = 900 + u64::try_from(self.deployments.len()).expect("few");
        self.deployments.insert(id, vec![request.body.clone()]);
        let mut answer = contract::example(&request.operation);
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

    fn update_deployment(&mut self, id: u64, request: &ApiRequest) -> Answer {
        let Some(bodies) = self.deployments.get_mut(&id) else { return refusal(404, "404 Not found") };
        if bodies.last().is_none_or(|last| word(last, "status") != "running") {
            self.refused_transitions.push(format!("deployment {id}: {}", request.body));
            return (400, json!({ "message": { "status": ["cannot transition"] } }));
        }
        bodies.push(request.body.clone());
        (200, contract::example(&request.operation))
    }

    /// A page of a merge request's notes, the newest first unless it is asked for otherwise.
    fn page_of_notes(&self, request: &ApiRequest) -> Value {
        let count = |name: &str, default| request.query_number(name).unwrap_or(default);
        let (size, page) = (count("per_page", 20).min(100), count("page", 1).max(1));
        let comments = request.query_value("activity_filter").is_some_and(|filter| filter == "only_comments");
        let merge_request = (request.number(4), request.number(6));
        let of_this = |note: &&Note| note.of == merge_request && !(comments && note.system);
        let mut found: Vec<(&u64, &Note)> = self.notes.iter().filter(|(_, note)| of_this(note)).collect();
        if request.query_value("sort").is_none_or(|sort| sort == "desc") {
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

    fn create_note(&mut self, of: (u64, u64), request: &ApiRequest) -> Answer {
        let id = self.notes.keys().next_back().map_or(300, |last| last + 1);
        let texts = vec![word(&request.body, "body").to_owned()];
        self.notes.insert(id, Note { of, system: false, own: true, texts });
        let mut answer = contract::example(&request.operation);
        answer["id"] = json!(id);
        (201, answer)
    }

    fn update_note(&mut self, id: u64, request: &ApiRequest) -> Answer {
        match self.notes.get_mut(&id) {
            Some(note) if note.own && !note.system => {
                note.texts.push(word(&request.body, "body").to_owned());
                let mut answer = contract::example(&request.operation);
                answer["id"] = json!(id);
                (200, answer)
            }
            Some(_) => refusal(403, "403 Forbidden"),
            None => refusal(404, "404 Not found"),
        }
    }
}
