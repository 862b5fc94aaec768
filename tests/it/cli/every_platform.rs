//! The program against every platform's sandbox, in every scenario: one trigger, and no leaked secret.

use deploy_hook::platforms::StateSource;
use deploy_hook::sandbox::{Sandbox, scenarios};
use serde_json::Value;

use super::run::{Run, ended, run, signal, step};
use super::{runner, together};
use crate::common::{pause, sandbox_of};
use crate::platforms::{Subject, TOKEN, list, named, subjects, text, url};
use crate::secrets::Secrets;
use crate::server::{Reply, Server, reply};

/// Whether the contract has a route that reads hooks of this form.
fn is_readable(contract: &Value, form: &str) -> bool {
    let mut routes = list(&contract["hook"]["routes"]).iter();
    routes.any(|route| route["does"] == "newest" && (route["hook"].is_null() || route["hook"] == form))
}

/// Whether a path begins as one of the contract's routes does, or as a redirect. A port that was another server's may
/// still get requests that were meant for that one.
fn is_own(contract: &Value, path: &str) -> bool {
    let routes = ["hook", "api"].into_iter().flat_map(|api| list(&contract[api]["routes"]));
    let mut paths = routes.flat_map(|route| list(&route["paths"])).map(text);
    let begins = |pattern: String| path.starts_with(pattern.split(['{', '?']).next().unwrap_or_default());
    path.starts_with("/redirected") || paths.any(begins)
}

/// The outcomes that a scenario may have. A success is one only where the deployment succeeds; a platform that cannot be
/// read says nothing beyond the trigger. What a platform alone has is judged elsewhere.
fn ends(scenario: &str, is_read: bool) -> &'static [&'static str] {
    match scenario {
        "success" | "instant" | "slow" | "unknown-state" | "early-404" | "reads-503"
        | "reads-rate-limited" | "rate-limited" | "answer-delayed" => {
            if is_read {
                &["succeeded"]
            } else {
                &["triggered"]
            }
        }
        "build-fails" | "post-deploy-fails" | "echo" | "hostile-log" => &["failed"],
        "canceled" => &["canceled"],
        // Where both appear before the list is read first, neither is guessed.
        "superseded" => &["superseded", "lost"],
        // Lost where a busy machine has not read it once before the deadline.
        "stuck" => &["timed-out", "lost"],
        // Accepted, and the answer says nothing: found where the platform can be read, else not known. A busy machine may
        // come to the deadline before the end.
        "answer-lost" => {
            if is_read {
                &["succeeded", "uncertain", "timed-out"]
            } else {
                &["uncertain"]
            }
        }
        "truncated" | "not-json" | "absurd" | "huge" => {
            if is_read {
                &["succeeded", "uncertain", "lost", "timed-out"]
            } else {
                &["uncertain", "triggered"]
            }
        }
        "vanishes" | "truncated-reads" | "not-json-reads" | "absurd-reads" | "huge-reads" | "reads-dead" => {
            &["lost", "timed-out", "uncertain"]
        }
        "answer-lost-nothing-started" | "reset" | "trigger-503" => &["uncertain"],
        "always-rate-limited" | "queue-full" | "redirect" | "forbidden" | "unprocessable" => &["refused"],
        _ => &[],
    }
}

/// One run to make.
struct Case {
    contract: Value,
    form: String,
    scenario: &'static str,
    format: &'static str,
    /// The outcomes that it may have.
    ends: &'static [&'static str],
}

impl Case {
    fn new(contract: &Value, form: String, scenario: &'static str, format: &'static str) -> Self {
        let is_read = contract.get("api").is_some() || is_readable(contract, &form);
        Self { contract: contract.clone(), ends: ends(scenario, is_read), form, scenario, format }
    }

    /// Whether the run ends by itself, not at its deadline.
    fn has_end(&self) -> bool {
        let is_verdict = |end: &&str| !matches!(*end, "lost" | "uncertain" | "timed-out");
        !self.ends.is_empty() && self.ends.iter().all(is_verdict)
    }
}

/// One run of a scenario, checked by [`step`] as well; the assertions here hold for all of them.
async fn holds(case: Case) {
    // What has an end must come to it before the deadline, on a busy machine too.
    let timeout = if case.has_end() { "60s" } else { "10s" };
    let Case { contract, form, scenario, format, ends } = case;
    let place = format!("{} {form} {scenario} {format}", contract["platform"]);
    let platform = contract["platform"].as_str().expect("a name");
    let sandbox = sandbox_of(platform, Some(&form), scenario, 400.0).await;
    let program = run("deploy --timeout").arg(timeout).args(format).on(&sandbox);
    let program = named(program, &text(&contract["platform"]), &sandbox.hook_url());
    let program =
        ["account", "project"].into_iter().fold(program, |program, name| match sandbox.value(name) {
            Some(value) => program.env(&format!("DEPLOY_HOOK_{}", name.to_uppercase()), value),
            None => program,
        });
    let program =
        if sandbox.has_api() { program.env("DEPLOY_HOOK_API_TOKEN", sandbox.api_token()) } else { program };
    let done = step(program, &Secrets::on(&sandbox)).await;
    let outcome = done.output("outcome");
    assert!(ends.is_empty() || ends.contains(&outcome), "{place}: {outcome}, not {ends:?}\n{}", done.log);
    let allowed = match scenario {
        "rate-limited" => 2,
        "always-rate-limited" | "queue-full" => 3,
        _ => 1,
    };
    let hook = url(&sandbox.hook_url());
    let target = &hook[url::Position::BeforePath..];
    let secret = crate::secrets::secret(&sandbox.hook_url()).to_owned();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let mut posts = sandbox.requests();
    posts.retain(|request| {
        let is_ours = request.path.contains(&secret) || request.path.starts_with(target);
        request.method == "POST" && is_ours
    });
    assert_eq!(posts.len(), allowed, "{place}: {posts:?}\n{}", done.log);
    for request in sandbox.requests().into_iter().filter(|request| is_own(&contract, &request.path)) {
        let asked = format!("{place}: {} {}", request.method, request.path);
        assert!(request.user_agent.is_some_and(|agent| agent.starts_with("deploy-hook/")), "{asked}");
        assert!(!request.path.starts_with("/redirected"), "a redirect was followed: {asked}");
        let is_hook = request.path.split('?').next() == Some(&path);
        assert!(!is_hook || request.method == "POST" || is_readable(&contract, &form), "{asked}");
        let wants_token = !is_hook || !contract["hook"]["auth"].is_null();
        assert_eq!(request.has_token, wants_token, "{asked}");
    }
    let masks = runner::masks(&done.log);
    let mut secrets = vec![sandbox.hook_url(), crate::secrets::secret(&sandbox.hook_url()).to_owned()];
    secrets.extend(sandbox.has_api().then(|| sandbox.api_token()));
    assert!(secrets.iter().all(|secret| masks.contains(secret)), "{place}: all of {secrets:?} are masked");
    let id = done.output("deployment-id").to_owned();
    for public in [sandbox.environment(), sandbox.url(), "127.0.0.1".to_owned(), id] {
        let is_masked = !public.is_empty() && masks.iter().any(|mask| public.contains(mask.as_str()));
        assert!(!is_masked, "{place}: {public} is no secret; a masked output is dropped");
    }
}

/// A sandbox of this platform, and the program with everything that following on it needs.
async fn on_sandbox(subject: &Subject, scenario: &str, speed: f64) -> (Sandbox, Run) {
    let sandbox = sandbox_of(subject.name(), None, scenario, speed).await;
    let program = named(run("deploy").on(&sandbox), subject.name(), &sandbox.hook_url());
    let ids = ["account", "project"].into_iter().filter_map(|name| Some((name, sandbox.value(name)?)));
    let program = ids.fold(program, |program, (name, value)| {
        program.env(&format!("DEPLOY_HOOK_{}", name.to_uppercase()), value)
    });
    (sandbox, program)
}

/// The triggers that arrived.
fn triggers(sandbox: &Sandbox) -> usize {
    let hook = url(&sandbox.hook_url());
    let is_trigger = |path: &str| path.split('?').next() == Some(hook.path());
    sandbox.requests().iter().filter(|request| request.method == "POST" && is_trigger(&request.path)).count()
}

/// Where the list is read before the trigger, nothing is sent; elsewhere the deployment is lost, and never a success.
#[tokio::test]
async fn a_wrong_token_is_bad_input_or_the_deployment_is_lost() {
    let subjects = subjects();
    let with_api = subjects.iter().filter(|subject| subject.contract.get("api").is_some());
    for subject in with_api.filter(|subject| subject.name() != "fortrabbit") {
        let (sandbox, program) = on_sandbox(subject, "success", 400.0).await;
        let access = subject.access(&subject.examples()[0].1);
        let is_listed = subject.platform.list(&access, StateSource::Api).is_some();
        let done = program
            .args("--timeout 20s")
            .env("DEPLOY_HOOK_API_TOKEN", "a-token-that-nobody-gave-out")
            .done()
            .await;
        let wanted = if is_listed { (2, 0) } else { (7, 1) };
        assert_eq!((done.code, triggers(&sandbox)), wanted, "{}: {}", subject.name(), done.all());
    }
}

/// An account or a project that the platform does not know is found before the trigger, where there is a list to read.
#[tokio::test]
async fn an_unknown_project_is_bad_input() {
    let subjects = subjects();
    let mut tried = 0;
    for subject in &subjects {
        let (sandbox, program) = on_sandbox(subject, "success", 400.0).await;
        let wrong = ["account", "project"].into_iter().find(|name| sandbox.value(name).is_some());
        let access = subject.access(&subject.examples()[0].1);
        let is_listed = subject.platform.list(&access, StateSource::Api).is_some();
        let Some(wrong) = wrong.filter(|_| is_listed && subject.name() != "vercel") else { continue };
        let program = program.env("DEPLOY_HOOK_API_TOKEN", sandbox.api_token());
        let program = program.env(&format!("DEPLOY_HOOK_{}", wrong.to_uppercase()), "nobodys");
        let done = program.args("--timeout 20s").done().await;
        assert_eq!((done.code, triggers(&sandbox)), (2, 0), "{}: {}", subject.name(), done.all());
        assert!(done.all().contains("was not found at the platform (HTTP 404"), "{}", done.all());
        tried += 1;
    }
    assert!(tried > 2, "{tried}");
}

/// A signal while a deployment goes on leaves it to the platform.
#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_the_run_and_triggers_nothing_more() {
    let subjects = subjects();
    for subject in subjects.iter().filter(|subject| subject.contract.get("api").is_some()) {
        let (sandbox, program) = on_sandbox(subject, "stuck", 400.0).await;
        let child = program.env("DEPLOY_HOOK_API_TOKEN", sandbox.api_token()).start();
        while sandbox.deployments() == 0 {
            pause(20).await;
        }
        signal(&child, "TERM").await;
        let done = ended(child).await;
        assert_eq!((done.code, triggers(&sandbox)), (143, 1), "{}: {}", subject.name(), done.all());
        assert!(done.all().contains("Interrupted"), "{}: {}", subject.name(), done.all());
    }
}

/// Every scenario at every platform with every form of its hook, in turn as a verbose log and as events: each platform
/// and each scenario has both.
#[tokio::test]
async fn no_scenario_leaks_or_triggers_twice() {
    let mut cases = Vec::new();
    for (nth, subject) in subjects().iter().enumerate() {
        for (form, hook) in list(&subject.contract["hooks"]).iter().enumerate() {
            let all = scenarios(Some(subject.name())).expect("a platform").into_iter().map(|(name, _)| name);
            // Those of the deployed site are a success here: nobody asks for its page.
            for (turn, scenario) in all.filter(|name| !name.starts_with("site-")).enumerate() {
                let format = ["-v", "--format json"][(nth + form + turn) % 2];
                cases.push(Case::new(&subject.contract, text(&hook["name"]), scenario, format));
            }
        }
    }
    // The others work while these wait for their deadlines.
    cases.sort_by_key(Case::has_end);
    together(cases.into_iter().map(holds)).await;
}

/// The documented forms of the hook, each at a careless platform that repeats the whole URL.
#[tokio::test]
async fn no_part_of_an_example_that_is_secret_is_ever_printed() {
    let subjects = subjects();
    let examples = subjects
        .iter()
        .flat_map(|subject| subject.examples().into_iter().map(|example| (subject.platform, example)));
    let cases = examples.enumerate().flat_map(|(nth, (platform, (_, hook, secret)))| {
        [-1, 200, 403, 503].into_iter().enumerate().map(move |(turn, status)| {
            let format = ["-v", "--format json"][(nth + turn) % 2];
            (platform, hook.clone(), secret.clone(), status, format)
        })
    });
    together(cases.map(|(platform, hook, secret, status, format)| async move {
        let example = url(&hook);
        let path = example[url::Position::BeforePath..].to_owned();
        let body = format!("{{\"error\":\"No: {hook} {path} {}\"}}", secret.join(" "));
        let answer = u16::try_from(status).map_or(Reply::Close, |status| reply(status, &body));
        let server = Server::plain(answer).await;
        let local = format!("http://{}{path}", server.address);
        let texts: Vec<&str> = secret.iter().map(String::as_str).chain([local.as_str()]).collect();
        let program = run("deploy --timeout 30s").args(format).env("DEPLOY_HOOK_URL", &local);
        let program = named(program, platform.name(), &local);
        let program = if platform.facts().trigger_needs_token {
            program.env("DEPLOY_HOOK_API_TOKEN", TOKEN).env("DEPLOY_HOOK_WAIT", "never")
        } else {
            program
        };
        step(program, &Secrets::only(&texts)).await;
        assert_eq!(server.triggers(), 1, "{:?}", server.requests());
    }))
    .await;
}

/// The API answers with a redirect to another server, which must get no request.
#[tokio::test]
async fn a_token_goes_to_the_api_alone_and_never_with_a_redirect() {
    let subjects = subjects();
    let with_api = subjects.iter().filter(|subject| subject.contract.get("api").is_some());
    let cases = with_api
        .flat_map(|subject| subject.examples().into_iter().map(|example| (subject.platform, example)))
        .filter(|(_, (example, ..))| example["only_by_host"] != true);
    together(cases.map(|(platform, (_, hook, _))| (platform, hook)).map(|(of, hook)| async move {
        let elsewhere = Server::plain(reply(200, "{}")).await;
        let redirect = format!(
            "HTTP/1.1 302 X\r\nLocation: http://{}/v1/deployments\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            elsewhere.address
        );
        let api = Server::plain(Reply::Whole(redirect.clone())).await;
        let platform = Server::plain(Reply::Whole(redirect)).await;
        let hook = format!("http://{}{}", platform.address, &url(&hook)[url::Position::BeforePath..]);
        let program = run("deploy --timeout 30s").env("DEPLOY_HOOK_URL", &hook).env("DEPLOY_HOOK_API_TOKEN", TOKEN);
        let program = program.env("DEPLOY_HOOK_API_URL", format!("http://{}", api.address));
        let program = named(program, of.name(), &hook);
        let program = program.env("DEPLOY_HOOK_ACCOUNT", "account-1").env("DEPLOY_HOOK_PROJECT", "project-1");
        let done = step(program, &Secrets::of(&hook, &[TOKEN])).await;
        assert_eq!(done.end(), (3, "refused"), "{hook}\n{}", done.log);
        assert_eq!(elsewhere.connections(), 0, "{hook}");
        let wants_token = of.facts().trigger_needs_token;
        assert!(platform.heads().iter().all(|head| head.contains(TOKEN) == wants_token), "{:?}", platform.heads());
        assert!(api.heads().iter().all(|head| head.contains(TOKEN)), "{:?}", api.heads());
    }))
    .await;
}
