//! A request to a code host's API, as a value.

use serde_json::Value;

use crate::http::Method;

/// One request below the API's base.
#[derive(Debug)]
pub(in crate::reporting) struct ApiRequest {
    /// The method.
    pub(in crate::reporting) method: Method,
    /// The path, with its query.
    pub(in crate::reporting) path: String,
    /// What is sent as JSON.
    pub(in crate::reporting) body: Option<Value>,
}

impl ApiRequest {
    /// Reads.
    pub(in crate::reporting) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }
}
