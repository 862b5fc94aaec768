//! The inputs `account` and `project`, which people mix up.

use super::sources::Sources;
use crate::platforms::{Need, Platform};
use crate::text::problems;

/// Reads both. `follows`: whether there is a token to read with, so that a mistake has an effect.
pub(super) fn read(
    sources: &mut Sources<'_>,
    platform: &dyn Platform,
    follows: bool,
) -> (Option<String>, Option<String>) {
    let account = sources.id("account", platform.facts().account_variables);
    let project = sources.id("project", platform.facts().project_variables);
    let needs = |need| platform.facts().needs.contains(&need);
    let takes_account = needs(Need::Account) || !platform.facts().account_variables.is_empty();
    let takes_project = needs(Need::Project) || !platform.facts().project_variables.is_empty();
    let name = platform.name();
    match (&account, &project) {
        _ if !follows => {}
        (Some(account), Some(project)) if platform.is_account(project) && !platform.is_account(account) => {
            sources.secret_problem("account", problems::swapped(name));
        }
        (Some(_), None) if needs(Need::Project) && !takes_account => {
            sources.secret_problem("account", problems::unused(name, "account", "project"));
        }
        (None, Some(_)) if needs(Need::Account) && !takes_project => {
            sources.secret_problem("project", problems::unused(name, "project", "account"));
        }
        _ => {}
    }
    (account, project)
}
