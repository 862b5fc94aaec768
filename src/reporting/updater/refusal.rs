//! Why a code host refused a request: its message, with the reasons it lists, and what would help.

use serde_json::Value;

use crate::text::{CodeHost, Fix};

/// How many of the listed reasons are shown.
const REASONS: usize = 5;

/// The message of an error, and the reasons it lists.
///
/// GitHub, Forgejo and Gitea have a `message`, GitHub with `errors`: a list of texts, or of objects that name a field.
/// GitLab's `message` may be lists of texts by field; its token checks have `error` and `error_description`.
pub(super) fn message(answer: &Value) -> String {
    let message = ["message", "error_description", "error"].iter().find_map(|name| {
        let texts = reasons(&answer[*name], "");
        (!texts.is_empty()).then(|| texts.join("; "))
    });
    let listed: Vec<String> = reasons(&answer["errors"], "").into_iter().take(REASONS).collect();
    match (message, listed.join("; ")) {
        (message, listed) if listed.is_empty() => message.unwrap_or_default(),
        (None, listed) => listed,
        (Some(message), listed) => format!("{} ({listed})", message.trim_end_matches('.')),
    }
}

/// The texts in a value, each with the field it is about.
fn reasons(value: &Value, field: &str) -> Vec<String> {
    let about = |text: &str| {
        let text = text.trim();
        if field.is_empty() || text.starts_with(field) { text.to_owned() } else { format!("{field} {text}") }
    };
    match value {
        Value::String(text) if !text.trim().is_empty() => vec![about(text)],
        Value::Array(list) => list.iter().flat_map(|value| reasons(value, field)).collect(),
        Value::Object(parts) => {
            let part = |name: &str| parts.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            let of = part("field").or_else(|| part("resource")).unwrap_or(field);
            match (part("message"), part("code")) {
                (Some(message), _) => reasons(&Value::from(message), of),
                (None, Some(code)) => vec![format!("{of}: {}", code.replace('_', " ")).trim().to_owned()],
                (None, None) => parts.iter().flat_map(|(name, value)| reasons(value, name)).collect(),
            }
        }
        _ => Vec::new(),
    }
}

/// What GitHub says where it asks for fewer requests.
const LIMITS: &[&str] = &["rate limit", "abuse detection", "wait a few minutes", "login attempts"];

/// What would help, by what the message says: the first that fits.
const FIXES: [(&[&str], Fix); 12] = [
    (&["ip allow list", "ip address", "ip_address"], Fix::AllowList),
    (&["saml", "single sign-on", " sso"], Fix::SingleSignOn),
    (&["two-factor", "two factor", "2fa"], Fix::TwoFactor),
    (&["archived"], Fix::Unarchive),
    (&["username, password or token"], Fix::Token),
    (&["terms of service", "password"], Fix::SignIn),
    (&["suspended", "blocked", "billing", "payment", "your account", "email"], Fix::Account),
    (&["migration", "migrating", "read-only", "read only", "readonly", "maintenance"], Fix::ReadOnly),
    (&["locked"], Fix::Unlock),
    (
        &["forbids access", "lifetime", "access restrictions", "(classic)", "access tokens are"],
        Fix::TokenPolicy,
    ),
    (&["via a github app"], Fix::App),
    (&["bad credentials", "requires authentication", "revoked", "expired", "invalid_token"], Fix::Token),
];

fn says(message: &str, texts: &[&str]) -> bool {
    let message = message.to_lowercase();
    texts.iter().any(|text| message.contains(text))
}

/// Whether this message asks for fewer requests: GitHub's limits answer with 403 as well as with 429.
pub(super) fn is_limit(status: u16, message: &str) -> bool {
    status == 429 || (status == 403 && says(message, LIMITS))
}

/// What would help. Refusals differ only in their messages: nearly all of GitHub's have the status 403.
pub(super) fn fix(code_host: CodeHost, status: u16, message: &str) -> Fix {
    if !matches!(status, 401..=404 | 410 | 423 | 451) {
        return Fix::None;
    }
    if let Some((_, fix)) = FIXES.iter().find(|(texts, _)| says(message, texts)) {
        return *fix;
    }
    let is_permission = says(message, &["not accessible by", "must have", "permission"]);
    // GitLab answers 401 to a token that may not be used there at all. All of them answer 404 where the token may not see
    // what is there. A 404 without a message comes from a proxy.
    match (code_host, status) {
        (CodeHost::GitHub, 403) if !is_permission => Fix::None,
        (_, 403 | 404) if message.is_empty() => Fix::None,
        (CodeHost::GitLab, 401) | (_, 403 | 404) => Fix::Permission,
        (_, 401) => Fix::Token,
        _ => Fix::None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_an_error_is_read() {
        for (answer, expected) in [
            (json!({ "message": "Not Found" }), "Not Found"),
            (
                json!({ "message": "Validation Failed", "errors": [
                    { "resource": "Status", "code": "custom", "field": "description", "message": "description doesn't accept 4-byte Unicode" },
                    { "resource": "CheckRun", "code": "invalid", "field": "head_sha" },
                    { "resource": "Deployment", "code": "missing_field" },
                ] }),
                "Validation Failed (description doesn't accept 4-byte Unicode; head_sha: invalid; Deployment: missing field)",
            ),
            (
                json!({ "message": "Validation Failed.", "errors": ["No commit found for SHA: 1"] }),
                "Validation Failed (No commit found for SHA: 1)",
            ),
            (json!({ "message": "Conflict", "errors": "a text" }), "Conflict (a text)"),
            (json!({ "errors": [{ "message": "alone" }] }), "alone"),
            (
                json!({ "message": { "name": ["is too long", "is invalid"], "ref": ["can't be blank"] } }),
                "name is too long; name is invalid; ref can't be blank",
            ),
            (json!({ "message": ["one", "two"] }), "one; two"),
            (
                json!({ "error": "insufficient_scope", "error_description": "higher privileges needed" }),
                "higher privileges needed",
            ),
            (json!({ "error": "404 Not Found" }), "404 Not Found"),
            (json!({ "message": "", "error": "x", "errors": [] }), "x"),
            (json!({ "message": null, "errors": [null, 5, {}] }), ""),
            (json!(["not", "an", "object"]), ""),
            (Value::Null, ""),
        ] {
            assert_eq!(message(&answer), expected, "{answer}");
        }
        let many: Vec<Value> = (0..50).map(|n| json!(format!("reason {n}"))).collect();
        assert_eq!(message(&json!({ "errors": many })).matches("reason").count(), REASONS);
    }

    #[test]
    fn a_refusal_by_github_gets_the_advice_that_fits() {
        for (status, message, expected) in [
            (403, "Resource not accessible by integration", Fix::Permission),
            (403, "Resource not accessible by personal access token", Fix::Permission),
            (403, "Must have admin rights to Repository.", Fix::Permission),
            (404, "Not Found", Fix::Permission),
            (403, "Unable to create comment because issue is locked.", Fix::Unlock),
            (
                403,
                "Although you appear to have the correct authorization credentials, the `acme` organization has an IP \
                 allow list enabled, and your IP address is not permitted to access this resource.",
                Fix::AllowList,
            ),
            (
                403,
                "Resource protected by organization SAML enforcement. You must grant your token access.",
                Fix::SingleSignOn,
            ),
            (403, "Repository was archived so is read-only.", Fix::Unarchive),
            (403, "Sorry. Your account was suspended.", Fix::Account),
            (451, "Repository access blocked", Fix::Account),
            (403, "`acme` forbids access via a personal access token (classic).", Fix::TokenPolicy),
            (403, "You must authenticate via a GitHub App.", Fix::App),
            (401, "Bad credentials", Fix::Token),
            (401, "", Fix::Token),
            (403, "", Fix::None),
            (403, "Request forbidden by administrative rules.", Fix::None),
            (404, "", Fix::None),
            (403, "Repository has been locked for migration.", Fix::ReadOnly),
            (403, "This repository has been locked due to a billing issue.", Fix::Account),
            (403, "You must have two-factor authentication enabled to access this resource.", Fix::TwoFactor),
            (403, "The repository is in read-only mode for maintenance.", Fix::ReadOnly),
            (
                403,
                "`acme` forbids access via a fine-grained personal access token if its lifetime is greater than 366 days.",
                Fix::TokenPolicy,
            ),
            (401, "Must specify two-factor authentication OTP code.", Fix::TwoFactor),
            (402, "Payment required.", Fix::Account),
            (403, "`acme` forbids access via a fine-grained personal access token.", Fix::TokenPolicy),
            (403, "Personal access tokens (classic) may not access this organization.", Fix::TokenPolicy),
            (403, "The organization has enabled OAuth App access restrictions.", Fix::TokenPolicy),
            (403, "Repository is read-only.", Fix::ReadOnly),
            (422, "Validation Failed (context: permission)", Fix::None),
            (500, "Resource not accessible by integration", Fix::None),
        ] {
            assert_eq!(fix(CodeHost::GitHub, status, message), expected, "{status} {message}");
        }
    }

    #[test]
    fn the_other_code_hosts_have_messages_of_their_own() {
        for (code_host, status, message, expected) in [
            (CodeHost::GitLab, 401, "401 Unauthorized", Fix::Permission),
            (CodeHost::GitLab, 401, "Token was revoked. You have to re-authorize from the user.", Fix::Token),
            (CodeHost::GitLab, 403, "403 Forbidden", Fix::Permission),
            (CodeHost::GitLab, 403, "Your account has been blocked.", Fix::Account),
            (CodeHost::GitLab, 403, "You must accept the Terms of Service.", Fix::SignIn),
            (CodeHost::GitLab, 403, "Your password expired. Please update it in a browser.", Fix::SignIn),
            (CodeHost::GitLab, 403, "The repository is temporarily read-only.", Fix::ReadOnly),
            (CodeHost::GitLab, 403, "Your account has been deactivated.", Fix::Account),
            (CodeHost::GitLab, 403, "Your primary email address is not confirmed.", Fix::Account),
            (
                CodeHost::GitLab,
                403,
                "You cannot perform write operations on a read-only instance",
                Fix::ReadOnly,
            ),
            (CodeHost::GitLab, 404, "", Fix::None),
            (
                CodeHost::Forgejo,
                403,
                "token does not have at least one of required scope(s)",
                Fix::Permission,
            ),
            (CodeHost::Gitea, 403, "You cannot comment on a locked issue.", Fix::Unlock),
            (CodeHost::Gitea, 423, "octo/site is archived", Fix::Unarchive),
            (CodeHost::Forgejo, 401, "invalid username, password or token", Fix::Token),
        ] {
            assert_eq!(fix(code_host, status, message), expected, "{code_host:?} {status} {message}");
        }
    }

    #[test]
    fn every_limit_of_github_is_known_by_its_message() {
        for message in [
            "API rate limit exceeded for installation ID 1.",
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            "You have triggered an abuse detection mechanism.",
            "Maximum number of login attempts exceeded. Please try again later.",
        ] {
            assert!(is_limit(403, message), "{message}");
        }
        assert!(is_limit(429, "") && !is_limit(403, "Resource not accessible by integration"));
        assert!(!is_limit(422, "rate limit"));
    }
}
