//! The dashboard: one HTML page without scripts or anything from elsewhere, which reloads itself.

use std::fmt::Write;

use super::contract::text;
use super::deployment::UnixTime;
use super::reply::rfc3339;
use super::store::Store;

const TEMPLATE: &str = include_str!("page.html");

/// The page. Nothing in it needs escaping: names and ids are the sandbox's own, and requests leave no text here.
pub(super) fn render(store: &Store, now: UnixTime) -> String {
    let mut environments = String::new();
    for environment in &store.environments {
        let id = &environment.id;
        let hook = match store.hook(id) {
            None => "not enabled".to_owned(),
            Some(hook) => {
                format!("{}, enabled since {}", text(hook.form, "name"), rfc3339(hook.enabled))
            }
        };
        let mut rows = String::new();
        for one in store.deployments(now).into_iter().filter(|one| one.environment == *id) {
            let history = store.history(one, now);
            let seconds = history.ended.unwrap_or(now).saturating_sub(one.created).as_secs_f64();
            let by = history.superseded_by.map(|id| format!(" by {id}")).unwrap_or_default();
            let _infallible = write!(
                rows,
                "<tr><td><code>{}</code></td><td><b class=\"{meaning}\">{state}</b>{by}</td><td>{}</td><td>{}</td>\
                 <td>{}</td><td>{seconds:.1} s</td></tr>",
                one.id,
                one.by.name(),
                text(one.scenario, "name"),
                rfc3339(one.created),
                state = history.state(),
                meaning = store.contract.meaning(history.state()),
            );
        }
        if rows.is_empty() {
            rows.push_str("<tr><td colspan=\"6\">No deployment yet.</td></tr>");
        }
        let _infallible = write!(
            environments,
            "<section><h2><code>{id}</code></h2><p>Deploy hook: {hook}</p><table><tr><th>Deployment</th><th>State\
             </th><th>Trigger</th><th>Scenario</th><th>Created</th><th>Time</th></tr>{rows}</table></section>"
        );
    }
    let mut scenarios = String::new();
    for one in store.contract.scenarios() {
        let _infallible = write!(scenarios, "<dt>{}</dt><dd>{}</dd>", text(one, "name"), text(one, "about"));
    }
    TEMPLATE
        .replace("{{url}}", &store.url)
        .replace("{{platform}}", store.contract.platform())
        .replace("{{generation}}", store.contract.hooks().first().map_or("", |form| text(form, "name")))
        .replace("{{speed}}", &store.speed.to_string())
        .replace("{{scenario}}", text(store.scenario, "name"))
        .replace("{{about}}", text(store.scenario, "about"))
        .replace("{{environments}}", &environments)
        .replace("{{scenarios}}", &scenarios)
}
