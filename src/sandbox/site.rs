//! The deployed site of each environment: an old version, and the new one once a deployment is live.

use serde_json::json;

use super::contract::text;
use super::deployment::{SandboxDeployment, UnixTime};
use super::reply::Reply;
use super::request::Incoming;
use super::store::Store;

/// How much later than the platform says a late site shows the new version, in seconds.
const LATE: f64 = 20.0;

/// More than a client should read of a page.
const HUGE: usize = 12 * 1024 * 1024;

/// `Authorization` of the user `preview` with the password `preview`.
const PASSWORD: &str = "Basic cHJldmlldzpwcmV2aWV3";

/// What the site of this environment answers.
pub(super) fn answer(store: &mut Store, environment: &str, request: &Incoming<'_>) -> Reply {
    if text(store.scenario, "site") == "password" && request.header("authorization") != Some(PASSWORD) {
        return Reply::html(401, "<h1>Who are you?</h1>")
            .header("www-authenticate", "Basic realm=\"preview\"");
    }
    store.site_requests = store.site_requests.wrapping_add(1);
    let is_second = store.site_requests.is_multiple_of(2);
    let now = store.now();
    let here = store.deployments(now).into_iter().filter(|one| one.environment == environment);
    let mut live = here.filter(|one| is_live(store, one, now));
    let newest = live.next();
    let shown = match newest.map(|one| text(one.scenario, "site")).unwrap_or_default() {
        "flapping" if is_second => live.next(),
        "error" => return Reply::html(500, "<h1>500</h1><p>The application could not start.</p>"),
        "hangs" => return Reply { delay: std::time::Duration::from_hours(1), ..Reply::empty(200) },
        "redirects" => return Reply::empty(302).header("location", request.target()),
        "huge" => return Reply::html(200, "x".repeat(HUGE)),
        _ => newest,
    };
    page(store, shown, request)
}

/// Whether the site could show this deployment.
fn is_live(store: &Store, deployment: &SandboxDeployment, now: UnixTime) -> bool {
    let history = store.history(deployment, now);
    let delay = match text(deployment.scenario, "site") {
        "never" => return false,
        "late" => deployment.scaled(LATE),
        _ => std::time::Duration::ZERO,
    };
    let has_succeeded = store.contract.meaning(history.state()) == "succeeded";
    has_succeeded && history.ended.is_some_and(|ended| ended + delay <= now)
}

/// A page of the version that this deployment made live; of none where nothing was ever deployed.
fn page(store: &Store, deployment: Option<&SandboxDeployment>, request: &Incoming<'_>) -> Reply {
    let Some(deployment) = deployment else {
        return Reply::html(404, "<h1>Nothing is deployed here yet</h1>");
    };
    let (version, commit) = (format!("1.{}.0", deployment.number), &deployment.commit);
    let is_new = !matches!(deployment.by, super::deployment::TriggeredBy::Git);
    let more = store.site_text.as_deref().filter(|_| is_new).unwrap_or_default();
    if request.path == "/health" {
        let mut health = json!({ "status": "ok", "version": version, "commit": commit });
        if !more.is_empty() {
            health["text"] = json!(more);
        }
        return Reply::json(200, health);
    }
    let page = format!(
        "<!doctype html><html><head><title>A site</title><meta name=\"version\" content=\"{version}\"></head>\
         <body><p>Version {version}, commit {commit}</p>\n{more}\n</body></html>"
    );
    Reply::html(200, page)
}
