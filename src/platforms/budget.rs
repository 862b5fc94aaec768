//! The rate limits of this process: one budget for each platform and token, whoever uses it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::platform::PlatformAccess;
use crate::core::rate::{Budget, RateLimit};
use crate::secrets::Token;

/// The budgets by a hash of what they belong to: a token is kept nowhere twice.
static BUDGETS: LazyLock<Mutex<HashMap<u64, Budget>>> = LazyLock::new(Mutex::default);

/// The budget of this limit. Its users may be in several runs at the same time.
pub(super) fn of(access: &PlatformAccess, limit: RateLimit) -> Budget {
    let mut hasher = DefaultHasher::new();
    let api = access.api.as_ref().map(url::Url::as_str);
    (access.platform.name(), api, access.token.as_ref().map(Token::expose), limit.requests, limit.per)
        .hash(&mut hasher);
    let mut budgets = BUDGETS.lock().unwrap_or_else(PoisonError::into_inner);
    budgets.entry(hasher.finish()).or_insert_with(|| Budget::new(limit)).clone()
}
