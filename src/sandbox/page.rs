//! The dashboard: one HTML page without scripts or anything from elsewhere, which reloads itself.

use std::fmt::Write;

use super::{
    manage,
    platform::{Moment, Platform},
    reply::rfc3339,
    table::SCENARIOS,
};

const TEMPLATE: &str = include_str!("page.html");

/// The page. Nothing in it needs escaping: names and ids are the platform's own, and requests leave no text here.
pub(super) fn render(platform: &Platform, now: Moment) -> String {
    let mut environments = String::new();
    for environment in &platform.environments {
        let id = &environment.id;
        let hook = match platform.hook(id) {
            None => "not enabled".to_owned(),
            Some(hook) => {
                format!("{}, enabled since {}", hook.generation.name(), rfc3339(hook.enabled))
            }
        };
        let mut rows = String::new();
        for one in platform.deployments(now).into_iter().filter(|one| one.environment == *id) {
            let course = platform.course(one, now);
            let seconds = course.ended.unwrap_or(now).saturating_sub(one.created).as_secs_f64();
            let by = course.superseded_by.map(|id| format!(" by {id}")).unwrap_or_default();
            let _infallible = write!(
                rows,
                "<tr><td><code>{}</code></td><td><b class=\"{state}\">{state}</b>{by}</td><td>{}</td><td>{}</td>\
                 <td>{}</td><td>{seconds:.1} s</td></tr>",
                one.id,
                manage::trigger_name(one),
                one.scenario.name,
                rfc3339(one.created),
                state = course.state(),
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
    for one in SCENARIOS {
        let _infallible = write!(scenarios, "<dt>{}</dt><dd>{}</dd>", one.name, one.about);
    }
    TEMPLATE
        .replace("{{url}}", &platform.url)
        .replace("{{speed}}", &platform.speed.to_string())
        .replace("{{scenario}}", platform.scenario.name)
        .replace("{{about}}", platform.scenario.about)
        .replace("{{environments}}", &environments)
        .replace("{{scenarios}}", &scenarios)
}
