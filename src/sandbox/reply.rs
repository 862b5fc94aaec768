//! An answer before it becomes HTTP.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::deployment::UnixTime;
use super::wire::Fault;

/// What a fault makes of an answer that should have been JSON.
const PAGE: &str = "<!doctype html><html><head><title>One moment, please</title></head><body><h1>One moment, please</h1>\
     <p>This site is being maintained.</p></body></html>";

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// The body of an answer.
pub(super) enum Content {
    Nothing,
    Json(Value),
    /// A text of this media type.
    Text(&'static str, String),
    /// The events of the dashboard, for as long as the client holds this permit.
    Events(OwnedSemaphorePermit),
}

/// An answer, with what is to go wrong on its way.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Content,
    /// The answer is held back for so long.
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
}

impl Reply {
    pub(super) fn json(status: u16, value: Value) -> Self {
        Self { content: Content::Json(value), ..Self::empty(status) }
    }

    pub(super) fn html(status: u16, page: impl Into<String>) -> Self {
        Self { content: Content::Text(HTML, page.into()), ..Self::empty(status) }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Nothing, delay: Duration::ZERO, fault: None }
    }

    /// No answer at all: this happens to the connection instead.
    pub(super) fn fault(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::empty(200) }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Repeats the requested URL in every text of the body.
    pub(super) fn echo(mut self, url: &str) -> Self {
        if let Content::Json(value) = &mut self.content {
            append(value, &format!(" Requested: {url}"));
        }
        self
    }

    /// Makes the answer useless: `truncated`, `html` (a page), `absurd` (this JSON of wrong types) or `huge` (more than
    /// a mebibyte). An error stays as it is.
    pub(super) fn damaged(mut self, how: &str, absurd: &Value) -> Self {
        if self.status >= 300 {
            return self;
        }
        match (how, &mut self.content) {
            ("html", _) => {
                self.status = 200;
                self.content = Content::Text(HTML, PAGE.to_owned());
            }
            ("truncated", Content::Json(value)) => {
                self.fault = Some(Fault::CutBody(value.to_string().len() / 2));
            }
            ("absurd", Content::Json(value)) => *value = absurd.clone(),
            ("huge", Content::Json(value)) => {
                self.content = Content::Text(JSON, value.to_string() + &" ".repeat(1_250_000));
            }
            _ => {}
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

    pub(super) fn into_response(self) -> Response {
        let (kind, body) = match self.content {
            Content::Nothing | Content::Events(_) => (None, String::new()),
            Content::Json(value) => (Some(JSON), value.to_string()),
            Content::Text(kind, text) => (Some(kind), text),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            // What cannot be a header is left out; there is none, all are made of ids, numbers and paths.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

/// Appends a text to every text in a value.
fn append(value: &mut Value, more: &str) {
    match value {
        Value::String(text) => text.push_str(more),
        Value::Array(list) => list.iter_mut().for_each(|item| append(item, more)),
        Value::Object(fields) => fields.values_mut().for_each(|field| append(field, more)),
        _ => {}
    }
}

pub(super) fn milliseconds(time: UnixTime) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// RFC 3339 in whole seconds, UTC.
pub(super) fn rfc3339(time: UnixTime) -> String {
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + time).to_string()
}
