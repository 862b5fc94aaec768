//! An answer of the platform before it becomes HTTP, and the dialects in which answers are given.

use std::{fmt::Display, time::Duration};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use super::{Generation, deployment::Deployment, platform::Moment, scenario::Spoil, wire::Fault};

/// What a fault makes of an answer that should have been JSON.
const PAGE: &str = "<!doctype html><html><head><title>One moment, please</title></head><body><h1>One moment, please</h1>\
     <p>This site is being maintained.</p></body></html>";

/// What is sent in the body.
pub(super) enum Content {
    Nothing,
    Json(Value),
    Html(String),
}

/// An answer, with what is to go wrong on its way.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Content,
    /// The answer is held back for so long.
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
}

impl Reply {
    /// A JSON answer.
    pub(super) fn json(status: u16, value: Value) -> Self {
        Self { content: Content::Json(value), ..Self::empty(status) }
    }

    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Nothing, delay: Duration::ZERO, fault: None }
    }

    /// No answer at all: this happens to the connection instead.
    pub(super) fn fault(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::empty(200) }
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: &dyn Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Repeats the requested URL in every text of the body.
    pub(super) fn echo(mut self, url: &str) -> Self {
        if let Content::Json(Value::Object(fields)) = &mut self.content {
            for value in fields.values_mut() {
                if let Value::String(text) = value {
                    text.push_str(" Requested: ");
                    text.push_str(url);
                }
            }
        }
        self
    }

    /// Makes the answer useless. What is no success, or has no body, stays as it is.
    pub(super) fn spoil(mut self, spoil: Spoil, dialect: Dialect) -> Self {
        let Content::Json(value) = &mut self.content else {
            return self;
        };
        if self.status >= 300 {
            return self;
        }
        match spoil {
            Spoil::Truncate => self.fault = Some(Fault::CutBody(value.to_string().len() / 2)),
            Spoil::Html => {
                self.status = 200;
                self.content = Content::Html(PAGE.to_owned());
            }
            Spoil::Absurd => *value = dialect.absurd(),
            Spoil::Huge => {
                let padding = Value::from("x".repeat(1_250_000));
                match value {
                    Value::Object(fields) => drop(fields.insert("padding".to_owned(), padding)),
                    other => *other = json!([other.take(), padding]),
                }
            }
        }
        self
    }

    /// The status a client sees: 0 when it sees none.
    pub(super) fn visible_status(&self) -> u16 {
        match self.fault {
            Some(Fault::Close | Fault::Reset) => 0,
            _ => self.status,
        }
    }

    /// The answer as HTTP.
    pub(super) fn into_response(self) -> Response {
        let (kind, body) = match self.content {
            Content::Nothing => (None, String::new()),
            Content::Json(value) => (Some("application/json"), value.to_string()),
            Content::Html(page) => (Some("text/html; charset=utf-8"), page),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            // A value that cannot be a header is left out; there is none, all are made of ids, numbers and paths.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

/// Who is being spoken to: each surface has words of its own for the same facts.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Dialect {
    /// The hook of the draft.
    Draft,
    /// The live hook.
    Live,
    /// The public API.
    Api,
}

impl From<Generation> for Dialect {
    fn from(generation: Generation) -> Self {
        match generation {
            Generation::Draft => Self::Draft,
            Generation::Live => Self::Live,
        }
    }
}

impl Dialect {
    /// An error.
    pub(super) fn error(self, status: u16, text: &str) -> Reply {
        let key = if self == Self::Api { "detail" } else { "error" };
        Reply::json(status, json!({ key: text }))
    }

    /// What stands between `dp` and the rest of a deployment's id.
    pub(super) fn separator(self) -> char {
        if self == Self::Draft { '_' } else { '-' }
    }

    /// A deployment in this state (upper case).
    pub(super) fn deployment(self, deployment: &Deployment, state: &str) -> Value {
        match self {
            Self::Draft => json!({ "deployment": {
                "id": deployment.id,
                "state": state,
                "createdAt": milliseconds(deployment.created),
            }}),
            Self::Live => json!({ "data": { "publicId": deployment.id } }),
            Self::Api => json!({
                "publicId": deployment.id,
                "environment": deployment.environment,
                "branch": "main",
                "commitHash": deployment.commit,
                "status": state.to_lowercase(),
                "committedAt": rfc3339(deployment.created.saturating_sub(Duration::from_mins(3))),
            }),
        }
    }

    /// Valid JSON with the right names and values nobody can want.
    fn absurd(self) -> Value {
        match self {
            Self::Draft => json!({ "deployment": { "id": ["dp_"], "state": 42, "createdAt": 1e300 } }),
            Self::Live => json!({ "data": { "publicId": ["dp-"] } }),
            Self::Api => json!({ "publicId": ["dp-"], "status": 42, "committedAt": 1e300 }),
        }
    }
}

/// Milliseconds since the Unix epoch, as the draft gives `createdAt`.
pub(super) fn milliseconds(moment: Moment) -> u64 {
    u64::try_from(moment.as_millis()).unwrap_or(u64::MAX)
}

/// RFC 3339 in whole seconds, UTC.
pub(super) fn rfc3339(moment: Moment) -> String {
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + moment).to_string()
}
