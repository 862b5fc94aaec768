"""The workflows of examples/github, the job `action` of ci.yml and the Action without Docker, run by act; judged by what the platform
and GitHub saw. tests/container/examples calls it.

Not shown by act: environments and their rules (a run is given the secrets of one), what `permissions:` narrows, `concurrency:`, which
events start a workflow (act gets one), what `actions/checkout` does (the repository is there as it stands), `max-parallel:`.
"""

import collections
import contextlib
import hashlib
import json
import os
import re
import secrets
import tempfile
from pathlib import Path

import pytest
from harness import ROOT, TOKEN, git, load, read, run, serve, serve_api, write
from support import ACTION, BASE, DOCKER_ENV, PLATFORMS, RENDER_HOOK, TIMEOUT, VERSION
from support import certificates, copy_out, docker, each, replace, repository, sandbox

JOB = os.environ.get("ACT_IMAGE", BASE)
# What the examples say, with a placeholder for the owner.
USES = f"OWNER/deploy-hook@v{VERSION}"
REPOSITORY, HEAD = "octo/site", "c0ffee00" * 5
ARCHITECTURE = docker("version", "--format", "{{.Server.Arch}}")


class Site:
    """A user's repository with one example in it."""

    def __init__(self, folder, platform, github, workflow, text, files=None, server="github.com"):
        self.folder, self.platform, self.github = folder / "site", platform, github
        self.workflow, self.text, self.server = workflow, text, server
        self.secrets, self.vars = {**platform.given("secrets", text), "GITHUB_TOKEN": TOKEN}, platform.given("vars", text)
        # The Action as it is, but for the image, which is there already, and the platform's address.
        image, api = "  image: Dockerfile\n", "  api-url:\n"
        action = replace(read("action.yml"), {image: f"  image: docker://{ACTION}\n", api: f"{api}    default: {platform.manage}\n"})
        write(folder, {"action/action.yml": action})
        repository(self.folder, f"https://{server}/{REPOSITORY}.git", {workflow: text, "action.yml": action, **(files or {})})
        self.sha = git(self.folder, "rev-parse", "HEAD")

    def act(self, event, payload, *options, code=0, secret=None):
        """Runs one event, and returns the log."""
        top, given = self.folder.parent, self.secrets if secret is None else secret
        payload = {"repository": {"full_name": REPOSITORY, "default_branch": "main"}, "sender": {"login": "octocat"}, **payload}
        # act names containers by their workflow, and removes those of the same name: each run has a name of its own.
        text = re.sub("^name: .*", rf"\g<0> {secrets.token_hex(4)}", self.text, count=1, flags=re.M)
        write(top, {"event.json": json.dumps(payload), f"site/{self.workflow}": text})
        api = self.github.url + ("" if self.server == "github.com" else "/api/v3")
        line = [*TIMEOUT, "act", event, "--workflows", self.workflow, *options]
        line += ["--eventpath", top / "event.json", "--pull=false", "--bind", "--rm", "--network", "host", "--no-cache-server"]
        line += ["--platform", f"ubuntu-24.04={JOB}", "--platform", f"self-hosted={JOB}", "--local-repository", f"{USES}={top / 'action'}"]
        line += ["--env", f"GITHUB_API_URL={api}", "--container-architecture", f"linux/{ARCHITECTURE}", "--container-daemon-socket", "-"]
        line += ["--action-cache-path", top / "cache", "--github-instance", self.server]
        line += ["--container-options", f"--volume={top / 'docker'}:/usr/local/bin/docker:ro"]
        line += [f"--{option}-file=/dev/null" for option in ("env", "secret", "var", "input")]
        line += [*each("--secret", given), *each("--var", [f"{name}={value}" for name, value in self.vars.items()])]
        # Nothing of a CI platform's around it, and the secrets on no command line.
        log = run(*line, code=code, cwd=self.folder, env=DOCKER_ENV | {"HOME": os.environ["HOME"]} | given)
        print("".join(line for line in log.splitlines(keepends=True) if not line.endswith("⚙  ***\n")))
        self.platform.holds_no_secret(log, *(f"{call.path}{call.body}" for call in self.github.calls))
        return log

    def reported(self, *wanted, comments=0, dry_run=False):
        """GitHub got nothing else than this: (commit, context, state at the end), each once. Before it there may be a `pending`."""
        root = f"/repos/{REPOSITORY}" if self.server == "github.com" else f"/api/v3/repos/{REPOSITORY}"
        statuses, bodies = collections.defaultdict(list), []
        for call in self.github.calls:
            what = f"{call.method} {call.path.removeprefix(root)}"
            assert call.token == TOKEN, what
            if re.fullmatch(r"POST /statuses/[0-9a-f]{40}", what):
                statuses[what[-40:], call.json["context"]].append(call.json["state"])
                assert call.json["target_url"].startswith(f"https://{self.server}/{REPOSITORY}/actions/runs/")
            elif comments and re.fullmatch(r"(GET|POST) /issues/7/comments(\?.*)?|PATCH /issues/comments/\d+", what):
                bodies += [(call.method, (call.json or {}).get("body", ""))]
            else:
                assert dry_run and what == "GET ", f"nobody asked for this: {what}"  # it finds out whether the token is good
        assert sorted((*where, states[-1]) for where, states in statuses.items()) == sorted(wanted)
        assert all(set(states[:-1]) <= {"pending"} for states in statuses.values())
        assert sum(method == "POST" for method, _ in bodies) == comments
        return bodies


@contextlib.contextmanager
def site(example, scenario="success", generation="live", platform=None, replaced=None, tls=None, text=None, **how):
    """A site with this example, unchanged but for addresses, its sandbox and its GitHub."""
    text = replace(text or read(f"examples/github/{example}"), replaced or {})
    assert text.count(f"uses: {USES}\n") == 1
    # What root wrote in the job's container may not be ours to remove.
    with tempfile.TemporaryDirectory(prefix="dh-act-", ignore_cleanup_errors=True) as top:
        with sandbox(scenario=scenario, generation=generation, platform=platform) as embedded, serve_api(tls=tls) as github:
            yield Site(Path(top), embedded, github, f".github/workflows/{example}", text, **how)


def assert_succeeded(log, deployment):
    """The log shows the outputs, the job summary and the post step of a deployment that succeeded."""
    for pair in ("outcome=succeeded", "succeeded=true", f"deployment-id={deployment}"):
        assert f"::set-output:: {pair}\n" in log
    assert CLOSED in log and re.search(r"Summary - ### \S+ Succeeded", log)


CLOSED = "The run closed all its reports"
PUSH = {"ref": "refs/heads/main"}
CLOCK = {"schedule": "17 4 * * *"}
# The recipe that gathers a burst: it sleeps, then it deploys.
[BURST] = re.findall(r"^```yaml\n(name: Deploy after publishing\n.*?)^```$", read("docs/recipes.md"), re.M | re.S)


@pytest.mark.parametrize(
    ("example", "event", "payload", "environment"),
    [
        ("first.yml", "push", PUSH, "production"),
        ("push.yml", "push", PUSH, "production"),
        ("manual.yml", "workflow_dispatch", {**PUSH, "inputs": {"environment": "staging", "dry-run": "false"}}, "staging"),
        ("schedule.yml", "schedule", CLOCK, "production"),
        ("cms-publish.yml", "workflow_dispatch", PUSH, "production"),
        ("zapier.yml", "workflow_dispatch", PUSH, "production"),
        ("cms-burst.yml", "workflow_dispatch", PUSH, "production"),
    ],
)
def test_deploys(example, event, payload, environment):
    """The event deploys, and the commit's status says so."""
    recipe = {"text": BURST, "replaced": {"sleep 90": "sleep 1"}} if example == "cms-burst.yml" else {}
    with site(example, **recipe) as here:
        log = here.act(event, payload)
        assert_succeeded(log, *here.platform.deployed("SUCCEEDED"))
        here.reported((here.sha, f"Deploy / {environment}", "success"))
        assert not recipe or -1 < log.find("/Gather]") < log.find("Triggered")


def test_push_fails():
    """It tests, deploys, and says how it ended; a build that fails fails the job, and the status reports it."""
    with site("push.yml", scenario="build-fails") as here:
        log = here.act("push", PUSH, code=1)
        [deployment] = here.platform.deployed("FAILED")
        here.reported((here.sha, "Deploy / production", "failure"))
        assert f"Deployment {deployment}, outcome failed" in log and CLOSED in log
        assert "::set-output:: environment-url=https://www.example.com/" in log
        assert (here.folder / "tested").read_text() == "tested\n"


@pytest.mark.parametrize(("example", "replaced"), [("push.yml", {"make test": "exit 1"}), ("coolify.yml", {"docker push": "false"})])
def test_undeployed(example, replaced):
    """Tests that fail, or an image that cannot be pushed: nothing is deployed."""
    with site(example, replaced=replaced) as here:
        here.act("push", PUSH, code=1)
        here.platform.deployed()
        here.reported()


@pytest.mark.parametrize("who", ["own", "dependabot", "fork"])
def test_preview(who):
    """A pull request deploys, comments, and tests the preview; Dependabot's, without secrets, passes as skipped; a fork's runs no job."""
    head = {"ref": "change", "sha": HEAD, "repo": {"full_name": "stranger/site" if who == "fork" else REPOSITORY}}
    event = {"action": "synchronize", "number": 7, "pull_request": {"number": 7, "head": head, "base": {"ref": "main"}}}
    with serve(lambda _: (200, {}, b"a page")) as web:
        with site("pull-request-preview.yml", replaced={"https://preview.example.com": web.url}) as here:
            log = here.act("pull_request", event, secret={"GITHUB_TOKEN": TOKEN} if who == "dependabot" else None)
            if who == "own":
                assert_succeeded(log, *here.platform.deployed("SUCCEEDED"))
                bodies = here.reported((HEAD, "Deploy / preview", "success"), comments=1)
                assert "Succeeded" in bodies[-1][1] and web.url in bodies[-1][1]
                assert [(call.method, call.path) for call in web.calls] == [("GET", "/")]
                assert (here.folder / "preview.html").read_text() == "a page"
            else:
                here.platform.deployed()
                here.reported()
                assert web.calls == []
                assert ("::set-output:: outcome=skipped\n" in log) == (who == "dependabot")


def test_dry_run():
    """A dry run deploys nothing and tells GitHub nothing."""
    with site("manual.yml") as here:
        log = here.act("workflow_dispatch", {**PUSH, "inputs": {"environment": "production", "dry-run": "true"}})
        here.platform.deployed()
        here.reported(dry_run=True)
        assert all(text in log for text in ("Deploy to production", "✓ github-token reads", "::set-output:: outcome=skipped\n"))


def test_matrix():
    """Three environments: three hooks, three deployments, three statuses. One by one, each with its environment's secrets."""
    names, made = ["production-eu", "production-us", "production-asia"], []
    with site("matrix.yml") as here:
        for name in names:
            environment, url = here.platform.environment()
            made.append(environment)
            log = here.act("push", PUSH, "--matrix", f"environment:{name}", secret={**here.secrets, "DEPLOY_HOOK_URL": url})
            assert_succeeded(log, here.platform.deployed(*["SUCCEEDED"] * len(made))[-1])
        assert [len(here.platform.deployments(one)) for one in made] == [1, 1, 1]
        here.reported(*((here.sha, f"Deploy / {name}", "success") for name in names))


def test_ghes(tmp_path):
    """It deploys from a server of its own, whose certificate the file in `ca-file` vouches for."""
    tls = certificates(tmp_path, "127.0.0.1")
    with site("ghes.yml", files={".github/ca.pem": (tmp_path / "ca.pem").read_text()}, server="ghes.example.com", tls=tls) as here:
        assert_succeeded(here.act("push", PUSH), *here.platform.deployed("SUCCEEDED"))
        here.reported((here.sha, "Deploy / production", "success"))


@pytest.mark.parametrize("succeeds", [True, False])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_platform(platform, succeeds):
    """Every event of the example deploys on its platform, followed to its end, by an account, a project and a token of its own."""
    payloads = {"push": PUSH, "workflow_dispatch": PUSH, "schedule": CLOCK}
    with site(f"{platform}.yml", platform=platform, scenario="success" if succeeds else "build-fails") as here:
        state, outcome = (PLATFORMS[platform][0], "succeeded") if succeeds else (PLATFORMS[platform][1], "failed")
        ids = []
        for number, event in enumerate(load(here.text)["on"], 1):
            log = here.act(event, payloads[event], code=0 if succeeds else 1)
            [deployment] = set(here.platform.deployed(*[state] * number)) - set(ids)
            ids.append(deployment)
            here.reported((here.sha, "Deploy / production", "success" if succeeds else "failure"))
            here.github.calls.clear()
            if succeeds:
                assert_succeeded(log, deployment)
            assert f"{deployment} {outcome} after" in log
        pushed = log.find("stub: push ghcr.io/you/your-site:latest")
        assert ("docker push" in here.text) == (-1 < pushed < log.find("Triggered"))


def test_render_commit():
    """The hook is asked for the pushed commit."""
    with serve_api() as render, site("render.yml", platform="render") as here:
        here.act("push", PUSH, code=1, secret={**here.secrets, "RENDER_DEPLOY_HOOK_URL": render.url + RENDER_HOOK})
        assert [(call.method, call.path) for call in render.calls] == [("POST", f"{RENDER_HOOK}&ref={here.sha}")]


def test_own_action(tmp_path):
    """The job of ci.yml that uses the Action. It brings its own platform and needs no secret."""
    workflow = ".github/workflows/ci.yml"
    with sandbox() as platform, serve_api() as github:
        Site(tmp_path, platform, github, workflow, read(workflow)).act("push", PUSH, "--job", "action", secret={})
        assert github.calls == []


BINARY = """
name: Without Docker
on: push
jobs:
  binary:
    runs-on: ubuntu-24.04
    steps:
      - {uses: ./action/binary, id: deploy, with: {hook-url: "${{ secrets.DEPLOY_HOOK_URL }}", environment-url: "https://x.example/?$(id)"}}
      - {uses: ./action/binary, id: wrong, continue-on-error: true, with: {hook-url: "${{ secrets.DEPLOY_HOOK_URL }}-of-nobody"}}
      - {uses: ./action/binary, id: skip, with: {hook-url: "", if-missing: skip}}
      - run: printf '%s\\n' "$OUTPUTS" >outputs.json
        env:
          OUTPUTS: '[${{ toJSON(steps.deploy.outputs) }}, ${{ toJSON(steps.wrong) }}, ${{ toJSON(steps.skip.outputs) }}]'
"""


def test_action_without_docker(tmp_path):
    """The Action without Docker, as a release's commit has it: it downloads the program once, and its outputs are the platform's facts."""
    name = {"amd64": "deploy-hook-linux-x86_64", "arm64": "deploy-hook-linux-aarch64"}[ARCHITECTURE]
    copy_out(ACTION, "/deploy-hook", tmp_path / name)
    program = (tmp_path / name).read_bytes()
    files = {f"action/binary/{path.name}": path.read_text(encoding="utf-8") for path in (ROOT / "action/binary").iterdir()}
    with serve(lambda _: (200, {}, program)) as downloads, sandbox() as platform, serve_api() as github:
        files["action/binary/url.txt"] = f"{downloads.url}\n"
        files["action/binary/checksums.txt"] = f"{hashlib.sha256(program).hexdigest()}  {name}\n"
        here = Site(tmp_path, platform, github, ".github/workflows/binary.yml", BINARY, files)
        here.act("push", PUSH, "--env", f"DEPLOY_HOOK_API_URL={platform.manage}")
        deploy, wrong, skip = json.loads((here.folder / "outputs.json").read_text())
        assert deploy["outcome"] == "succeeded" and platform.deployed("SUCCEEDED") == [deploy["deployment-id"]]
        assert deploy["environment-url"] == "https://x.example/?$(id)"
        assert wrong["outcome"] == "failure" and wrong["outputs"]["outcome"] == "refused" and skip["outcome"] == "skipped"
        assert [call.path for call in downloads.calls] == [f"/{name}"]
