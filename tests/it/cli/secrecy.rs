//! The hook's URL and the tokens are passwords: whatever the platform does, they are written nowhere.

use crate::common::Generation;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::run::{run, step};
use super::{platform, runner, together};
use crate::secrets::Secrets;
use crate::server::{SECRET, Server, reply};

/// Without a runner no mask is printed, in either stream.
#[tokio::test]
async fn off_a_runner_nothing_is_printed_that_only_a_runner_would_hide() {
    let cases = ["echo", "hostile-log", "absurd", "redirect", "success"];
    together(cases.map(|name| async move {
        let sandbox = platform(name, Generation::Live).await;
        let done =
            run("deploy --timeout 5s -v --color always").on(&sandbox).with_token(&sandbox).done().await;
        Secrets::on(&sandbox).assert_absent(&done.all(), name);
        assert!(!done.all().contains("add-mask"), "{}", done.all());
        assert_eq!(done.out, "", "talk goes to standard error");
    }))
    .await;
}

/// Platforms that repeat a secret: in an error, in an id, in a state.
#[tokio::test]
async fn a_secret_that_comes_back_in_an_answer_goes_no_further() {
    let url = format!("https:\\/\\/x.example\\/{SECRET}");
    let answers = [
        reply(403, &format!("{{\"error\":\"No: {SECRET}\"}}")),
        reply(403, &format!("{{\"error\":\"No: {url} or {}\"}}", SECRET.to_lowercase())),
        reply(404, &format!("{{\"error\":{{\"detail\":[\"{}\"]}}}}", STANDARD_NO_PAD.encode(SECRET))),
        reply(200, &format!("{{\"data\":{{\"publicId\":\"dp-{SECRET}\"}}}}")),
        reply(200, &format!("{{\"deployment\":{{\"id\":\"dp_1\",\"state\":\"{SECRET}\"}}}}")),
        reply(500, SECRET),
    ];
    together(answers.map(|answer| async move {
        let server = Server::plain(answer).await;
        let run = run("deploy --wait never -v").env("DEPLOY_HOOK_URL", server.hook());
        step(run, &Secrets::of(&server.hook(), &[])).await;
        assert_eq!(server.requests(), [format!("POST {}", crate::server::hook_path())]);
    }))
    .await;
}

/// Other platforms have the secret anywhere in the path. No part of an undocumented path is printed.
#[tokio::test]
async fn a_secret_is_hidden_wherever_a_foreign_hook_has_it() {
    let paths = [
        format!("/git/{SECRET}/trigger"),
        format!("/hook/{SECRET}/deploy.json"),
        format!("/hooks/{SECRET}.json"),
        format!("/hooks/{SECRET}/"),
        format!("/hooks//{SECRET}//run"),
        format!("/?{SECRET}"),
        format!("/deploy?{SECRET}=1"),
        format!("/deploy?x={SECRET}&branch=production"),
        format!("/deploy;{SECRET}"),
        format!("/deploy/{SECRET};v=1"),
        format!("/deploy;v=1;key={SECRET}/now"),
        format!("/deploy:{SECRET}"),
        format!("/webhooks/environments/{SECRET}/deploy/production"),
        format!("/v2/deploy/{SECRET}/deploy-hook/production"),
        "/deploy?key=k9q7".to_owned(),
        "/deploy?token=k9q7&branch=production".to_owned(),
        "/deploy;token=k9q7/run".to_owned(),
        "/hooks/k9q7".to_owned(),
    ];
    together(paths.map(|path| async move {
        let secret = if path.contains(SECRET) { SECRET } else { "k9q7" };
        let echo = |text: &str| {
            format!("POST {path} on production: {text}, {}", STANDARD_NO_PAD.encode(format!("u:{text}")))
        };
        let refused = format!("{{\"error\":\"{}\"}}", echo(secret));
        for answer in [
            reply(403, &refused),
            reply(403, &refused.to_uppercase().replace("ERROR", "error")),
            reply(500, ""),
        ] {
            let server = Server::plain(answer).await;
            let hook = format!("http://{}{path}", server.address);
            let result =
                step(run("deploy -v").env("DEPLOY_HOOK_URL", &hook), &Secrets::only(&[secret, &hook])).await;
            assert_eq!(server.requests(), [format!("POST {path}")]);
            assert!(result.code == 3 || result.code == 5, "{path}: {}", result.log);
            let origin = format!("http://{}/***", server.address);
            assert!(result.log.contains(&origin), "{path}: {}", result.log);
            let word = result.code != 3 || result.log.to_lowercase().contains("on production");
            assert!(word, "a word is no secret: {}", result.log);
        }
        let doctor =
            run("doctor").env("DEPLOY_HOOK_URL", format!("https://hooks.invalid{path}")).done().await;
        Secrets::only(&[secret]).assert_absent(&doctor.all(), "the diagnosis");
        assert!(doctor.out.contains("https://hooks.invalid/***"), "{}", doctor.out);
    }))
    .await;
}

/// A branch, a commit or a title is no secret.
#[tokio::test]
async fn values_that_are_no_secret_stay_in_the_log() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let text = format!("branch production of service srv-d0c8k2h2dbo4: {commit}, Release-2026-11-26");
    let server = Server::plain(reply(403, &format!("{{\"error\":\"{text}\"}}"))).await;
    let query = format!(
        "branch=production&serviceId=srv-d0c8k2h2dbo4&commit={commit}&trigger_title=Release-2026-11-26&clearCache=true&key={SECRET}"
    );
    let hook = format!("http://{}/api/deploy?{query}", server.address);
    let result = step(run("deploy").env("DEPLOY_HOOK_URL", &hook), &Secrets::only(&[SECRET, &hook])).await;
    assert!(result.log.contains(&text), "{}", result.log);
    for public in ["production", "srv-d0c8k2h2dbo4", commit, "Release-2026-11-26", "true"] {
        assert!(!runner::masks(&result.log).iter().any(|mask| mask == public), "{public}");
    }
}
