//! Every platform's variables are set at once: only the platform's own are read and sent.

use deploy_hook::platforms::{self, Platform};

use super::{named, subjects};
use crate::cli::run::{Run, run, step};
use crate::cli::together;
use crate::common::sandbox_of;
use crate::secrets::Secrets;
use crate::server::{Reply, Server};

/// A token that is another platform's.
fn foreign(platform: &str) -> String {
    format!("token-of-{platform}-0123456789abcdef")
}

/// The variables of every platform but this one, with tokens and names that are not its own.
fn with_foreign(program: Run, own: &dyn Platform) -> Run {
    let own_variables = |name: &&str| {
        [own.facts().token_variables, own.facts().account_variables, own.facts().project_variables]
            .concat()
            .contains(name)
    };
    let others = platforms::all().iter().filter(|platform| platform.name() != own.name());
    others.fold(program, |program, platform| {
        let tokens = platform.facts().token_variables.iter().map(|name| (*name, foreign(platform.name())));
        let ids = platform.facts().account_variables.iter().chain(platform.facts().project_variables);
        let ids = ids.map(|name| (*name, format!("id-of-{}", platform.name())));
        tokens
            .chain(ids)
            .filter(|(name, _)| !own_variables(name))
            .fold(program, |program, (name, value)| program.env(name, value))
    })
}

#[tokio::test]
async fn only_the_platforms_own_variables_are_used() {
    let subjects = subjects();
    let with_token = subjects.iter().filter(|subject| !subject.platform.facts().token_variables.is_empty());
    together(with_token.map(|subject| subject.platform).collect::<Vec<_>>().into_iter().map(
        |own| async move {
            let sandbox = sandbox_of(own.name(), None, "success", 400.0).await;
            let program = with_foreign(run("deploy --timeout 60s").on(&sandbox), own);
            let program = named(program, own.name(), &sandbox.hook_url());
            let program = program.env(own.facts().token_variables[0], sandbox.api_token());
            let ids =
                [("account", own.facts().account_variables), ("project", own.facts().project_variables)];
            let program =
                ids.into_iter().fold(program, |program, (name, variables)| match sandbox.value(name) {
                    Some(value) => {
                        let input = format!("DEPLOY_HOOK_{}", name.to_uppercase());
                        program.env(variables.first().copied().unwrap_or(&input), value)
                    }
                    None => program,
                });
            let done = step(program, &Secrets::on(&sandbox)).await;
            assert_eq!(done.end(), (0, "succeeded"), "{}\n{}", own.name(), done.log);
        },
    ))
    .await;
}

/// A server in the platform's place sees no token but the platform's own, and without one none at all.
#[tokio::test]
async fn no_foreign_token_is_sent() {
    let subjects = subjects();
    let hooks = subjects.iter().map(|subject| (subject.platform, subject.examples()[0].1.clone()));
    together(hooks.collect::<Vec<_>>().into_iter().map(|(own, hook)| async move {
        let server = Server::plain(Reply::Whole(
            "HTTP/1.1 200 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_owned(),
        ))
        .await;
        let path = hook.split_once("://").and_then(|(_, rest)| rest.split_once('/')).expect("a path").1;
        let local = format!("http://{}/{path}", server.address);
        let program = with_foreign(run("deploy --timeout 5s").env("DEPLOY_HOOK_URL", &local), own);
        let program = program.env("DEPLOY_HOOK_API_URL", format!("http://{}", server.address));
        let program = named(program, own.name(), &local);
        let done = program.done().await;
        for head in server.heads() {
            assert!(!head.contains("token-of-") && !head.contains("id-of-"), "{}: {head}", own.name());
        }
        assert!(!done.all().contains("token-of-"), "{}", done.all());
    }))
    .await;
}
