//! A request to a code host's API, as a value.

use serde_json::Value;

use crate::http::Method;

/// One request below the API's base.
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The path, with its query.
    pub(crate) path: String,
    /// What is sent as JSON.
    pub(crate) body: Option<Value>,
}

impl ApiRequest {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }
}
