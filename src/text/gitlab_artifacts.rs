//! The report files for a CI that reads them from artifacts, in GitLab's formats: dotenv and annotations.
//!
//! Source: GitLab's `parse_dotenv_artifact_service.rb`, `ci_job_annotation_data.json`.

use serde_json::{Value, json};

use super::RunContext;
use crate::core::state::Snapshot;

/// GitLab rejects dotenv files that are not smaller than this.
const MAX_DOTENV: usize = 5 * 1024;

/// The name of the list of links.
const LINK_LIST: &str = "Deploy hook";

/// The outputs as dotenv. The values must be clean already: one line each.
///
/// GitLab splits every line at the first `=`, and does not support quotes, comments or blank lines. In later jobs
/// it expands `$NAME` in a value, so untrusted text could read a job's secrets. Therefore `$` is encoded.
pub(crate) fn dotenv(outputs: &[(&str, String)]) -> String {
    let mut lines: Vec<String> = outputs.iter().map(|(name, value)| line(name, value)).collect();
    // Only a URL can make the file too large; its name is kept with an empty value.
    while lines.iter().map(String::len).sum::<usize>() >= MAX_DOTENV {
        let Some(longest) = lines.iter_mut().max_by_key(|line| line.len()) else { break };
        let name = longest.split('=').next().unwrap_or_default();
        *longest = format!("{name}=\n");
    }
    lines.concat()
}

fn line(name: &str, value: &str) -> String {
    let name = name.to_ascii_uppercase().replace('-', "_");
    format!("DEPLOY_HOOK_{name}={}\n", value.replace('$', "%24"))
}

/// The links on the job page: the deployed site and the platform's page, if known.
pub(crate) fn annotations(context: &RunContext, snapshot: Option<&Snapshot>) -> String {
    let site = context.environment_url.as_deref().map(|url| ("Deployed site", url));
    let page = snapshot
        .and_then(|seen| seen.dashboard_url.as_deref())
        .map(|url| ("Deployment at the platform", url));
    let is_http = |(_, url): &(&str, &str)| url.starts_with("https://") || url.starts_with("http://");
    let links: Vec<Value> = site
        .into_iter()
        .chain(page)
        .filter(is_http)
        .map(|(label, url)| json!({ "external_link": { "label": label, "url": url } }))
        .collect();
    format!("{}\n", json!({ LINK_LIST: links }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_is_never_too_large_and_loses_the_longest_values_alone() {
        let url = |n: usize| format!("https://example.com/{}", "x".repeat(n));
        let outputs =
            [("outcome", "failed".to_owned()), ("environment-url", url(4000)), ("deployment-url", url(3000))];
        let text = dotenv(&outputs);
        assert!(text.len() < MAX_DOTENV);
        assert!(text.starts_with("DEPLOY_HOOK_OUTCOME=failed\nDEPLOY_HOOK_ENVIRONMENT_URL=\n"), "{text}");
        assert!(text.ends_with(&format!("DEPLOY_HOOK_DEPLOYMENT_URL={}\n", url(3000))));
    }

    #[test]
    fn a_later_job_cannot_be_made_to_expand_a_value() {
        let text = dotenv(&[("state", "${CI_JOB_TOKEN} $X".to_owned())]);
        assert_eq!(text, "DEPLOY_HOOK_STATE=%24{CI_JOB_TOKEN} %24X\n");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_none() {
        let context =
            RunContext { environment_url: Some("javascript:alert(1)".to_owned()), ..RunContext::default() };
        assert_eq!(annotations(&context, None), "{\"Deploy hook\":[]}\n");
        let context =
            RunContext { environment_url: Some("https://example.com/".to_owned()), ..RunContext::default() };
        let link = r#"{"external_link":{"label":"Deployed site","url":"https://example.com/"}}"#;
        assert_eq!(annotations(&context, None), format!("{{\"Deploy hook\":[{link}]}}\n"));
    }
}
