"""The pipelines of examples/gitlab and the component, run by gitlab-ci-local. tests/container/gitlab calls it.

Not shown by gitlab-ci-local: `retry:`, `timeout:`, `interruptible:`, `resource_group:`, the protection of variables, GIT_STRATEGY, tags,
KUBERNETES_…, the regex of an input (tests/ci/test_component.py), annotations, the link of an `environment:`, several environments of one
`parallel:matrix` at once, a job that runs `when: always` after one that did not run.
"""

import base64
import collections
import contextlib
import json
import os
import re
import tempfile
from pathlib import Path

import pytest
from harness import git, read, run, serve_api, write
from support import ACTION, BASE, COMMENT_TOKEN, DOCKER_ENV, MAIN, PLATFORMS, RENDER_HOOK, REPORTS, RSYNC, SHELL, TIMEOUT, VERSION
from support import assert_reports, each, replace, repository, sandbox

COMPONENT = {"templates/deploy-hook.yml": read("templates/deploy-hook.yml")}
INCLUDED = f".gitlab-ci-local/includes/gitlab.example.com/GROUP/deploy-hook/{VERSION}/"
# What the examples say instead of images that are here.
IMAGES = {
    f"ghcr.io/OWNER/deploy-hook:{VERSION}-shell": SHELL,
    f"ghcr.io/OWNER/deploy-hook:{VERSION}": ACTION,
    "buildpack-deps:bookworm": os.environ.get("GITLAB_IMAGE", BASE),
    # With a stub for the command, and no engine.
    "docker:28-cli\n  services: [docker:28-dind]": BASE,
}
STAGING = "https://staging.example.com/"
# The component with few inputs, from the project's own folder.
INCLUDE = f"include:\n  - local: templates/deploy-hook.yml\n    inputs:\n      image: ghcr.io/OWNER/deploy-hook:{VERSION}-shell\n"


class Ran(collections.namedtuple("Ran", "code log files")):
    def ended(self, code, **wanted):
        """It ended with this code, and has the report files that are artifacts, with these outputs."""
        assert self.code == code, self.log
        assert_reports(self.files, *REPORTS[1:], **wanted)


class Site:
    """A user's project with one pipeline in it."""

    def __init__(self, folder, platform, text, files=None):
        self.folder, self.platform, self.text, self.log = folder, platform, text, ""
        self.variables = {"DEPLOY_HOOK_URL": {"production": platform.hook}, "FRBIT_TOKEN": {"production": platform.token}}
        self.pipeline(text)
        # The component as if it had been fetched.
        fetched = {INCLUDED + name: component for name, component in COMPONENT.items()}
        repository(folder, "https://gitlab.example.com/octo/site.git", {**fetched, **(files or {})})

    def pipeline(self, text):
        """Writes the pipeline, with images that are here."""
        for old, new in IMAGES.items():
            text = text.replace(old, new)
        write(self.folder, {".gitlab-ci.yml": text})

    def run(self, *options, code=0, source="push", **predefined):
        """Runs a pipeline, and gives back what its jobs did, by their names."""
        content = {}
        for name, value in {**self.variables, "DEPLOY_HOOK_API_URL": self.platform.manage}.items():
            # Values by environment scope, and of which type they are.
            scopes = dict(value) if isinstance(value, dict) else {"*": value}
            content[name] = {"type": scopes.pop("type", "file" if name.endswith("_FILE") else "variable"), "values": scopes}
        # JSON is YAML too. The secrets are on no command line.
        write(self.folder, {".gitlab-ci-local-variables.yml": json.dumps(content)})
        # It says `false` to the first one, so that scripts can tell it from GitLab.
        predefined = {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": source, **predefined}
        line = [*TIMEOUT, "gitlab-ci-local", "--network", "host"]
        line += ["--helper-image", RSYNC, "--no-artifacts-to-source", *options]
        line += ["--volume", f"{self.folder.parent / 'docker'}:/usr/local/bin/docker:ro"]
        line += each("--variable", [f"{name}={value}" for name, value in predefined.items()])
        self.log = run(*line, code=code, cwd=self.folder, env=DOCKER_ENV | {"HOME": str(self.folder.parent)})
        jobs = {name: self.ran(name) for name in re.findall(r"^(.+?) +starting \S+ \(", self.log, re.M)}
        print(self.log, *(f"--- {name}\n{one.log}" for name, one in jobs.items()))
        self.platform.holds_no_secret(self.log, *(text for one in jobs.values() for text in (one.log, *one.files.values())))
        return jobs

    def ran(self, name):
        """What a job printed and left."""
        failed = re.search(rf"^{re.escape(name)} +finished in .* (?:WARN|FAIL) (\d+) $", self.log, re.M)
        # What a file's name may not have is in base64.
        as_file = re.sub(r"[^\w-]+", lambda found: base64.urlsafe_b64encode(found[0].encode()).decode().rstrip("="), name)
        state = self.folder / ".gitlab-ci-local"
        files = {path.name: path.read_text(encoding="utf-8") for path in (state / "artifacts" / as_file).rglob("*") if path.is_file()}
        return Ran(int(failed[1]) if failed else 0, (state / f"output/{as_file}.log").read_text(encoding="utf-8"), files)

    def deployed_to(self, *environments):
        return [len(self.platform.deployments(one)) for one in environments]


@contextlib.contextmanager
def site(text, replaced=None, files=None, **how):
    text = replace(read(f"examples/gitlab/{text}") if text.endswith(".yml") else text, replaced or {})
    # What root wrote in a job's container may not be ours to remove.
    with tempfile.TemporaryDirectory(prefix="dh-gitlab-", ignore_cleanup_errors=True) as top, sandbox(**how) as embedded:
        yield Site(Path(top, "site"), embedded, text, files)


@pytest.mark.parametrize(
    ("example", "source", "scenario", "code", "outcome", "verdict"),
    [
        ("plain.yml", "push", "success", 0, "succeeded", " PASS "),
        ("plain.yml", "push", "build-fails", 1, "failed", " FAIL 1 "),
        ("scratch.yml", "push", "success", 0, "succeeded", " PASS "),
        ("scratch.yml", "push", "build-fails", 1, "failed", " FAIL 1 "),
        ("scratch.yml", "push", "canceled", 8, "canceled", " WARN 8 "),
        ("scheduled.yml", "schedule", "canceled", 0, "canceled", " PASS "),
        ("trigger.yml", "trigger", "canceled", 8, "canceled", " WARN 8 "),
        ("kubernetes.yml", "push", "success", 0, "succeeded", " PASS "),
    ],
)
def test_deploys(example, source, scenario, code, outcome, verdict):
    """The event deploys, and no other: the verdict's code, the outputs, and how the example takes it."""
    replaced = {"--api-url https://api.fortrabbit.com": "--api-url $PLATFORM"} if example == "trigger.yml" else {}
    with serve_api() as stranger, site(example, replaced, scenario=scenario) as here:
        given = {}
        if example == "kubernetes.yml":
            files = {"DEPLOY_HOOK_URL_FILE": here.platform.hook, "DEPLOY_HOOK_API_TOKEN_FILE": here.platform.token}
            here.variables = {name: {"type": "file", "production": f"{value}\n"} for name, value in files.items()}
        if example == "trigger.yml":
            # A variable of whoever triggers it sends the token nowhere else.
            here.variables["PLATFORM"], given = here.platform.manage, {"DEPLOY_HOOK_API_URL": stranger.url}
        if source != "push":
            assert here.run() == {} and here.platform.deployments() == []
        # The pipeline is green whatever becomes of a job that may fail in some way.
        jobs = here.run(source=source, code=code if example == "plain.yml" else 0, **given)
        [deployment] = here.platform.deployed(outcome.upper())
        jobs["deploy"].ended(code, outcome=outcome, deployment_id=deployment, environment_url=MAIN)
        assert verdict in here.log and stranger.calls == []
        if example == "plain.yml":
            assert "tested" in jobs["test"].log
            assert f"Deployment {deployment}, outcome {outcome}" in jobs["announce"].log


@pytest.mark.parametrize(("example", "only"), [("plain.yml", "test"), ("component.yml", "test"), ("coolify.yml", "push-image")])
def test_undeployed(example, only):
    """Tests that fail, or an image that cannot be pushed: nothing is deployed."""
    with site(example, {"make test": "exit 1"} if only == "test" else {"docker push": "false"}) as here:
        assert list(here.run(code=1)) == [only] and here.platform.deployments() == []


def test_manual():
    """Staging at once, production when somebody says so, each by its own hook."""
    with site("manual.yml") as here:
        (staging, first), (production, second) = here.platform.environment(), here.platform.environment()
        here.variables["DEPLOY_HOOK_URL"] = {"staging": first, "production": second}
        assert list(here.run()) == ["deploy-staging"]
        assert here.deployed_to(staging, production) == [1, 0]
        jobs = here.run("--manual", "deploy-production")
        assert here.deployed_to(staging, production) == [2, 1]
        jobs["deploy-production"].ended(0, outcome="succeeded", environment_url=MAIN)
        jobs["deploy-staging"].ended(0, outcome="succeeded", environment_url=STAGING)


def test_matrix():
    """Three environments, three hooks, three deployments, one by one."""
    with site("matrix.yml") as here:
        entries = re.findall(r"      - ENVIRONMENT: (\S+)\n        SITE: (\S+)\n", here.text)
        made = {name: here.platform.environment() for name, _ in entries}
        here.variables["DEPLOY_HOOK_URL"] = {name: url for name, (_, url) in made.items()}
        for name, address in entries:
            here.pipeline(re.sub(rf"      - ENVIRONMENT: (?!{name}\n)\S+\n        SITE: \S+\n", "", here.text))
            [(job_name, ran)] = here.run().items()
            assert job_name == f"deploy: [{name},{address}]"
            ran.ended(0, outcome="succeeded", environment_url=f"{address}/")
        assert here.deployed_to(*(one for one, _ in made.values())) == [1, 1, 1]


def test_merge_request():
    """It deploys, and writes one comment; without variables it passes as skipped."""
    with serve_api(listed=b"[]") as gitlab, site("merge-request.yml") as here:
        here.platform.secrets.append(COMMENT_TOKEN)
        here.variables = {"DEPLOY_HOOK_URL": {"preview": here.platform.hook}, "GITLAB_TOKEN": {"preview": COMMENT_TOKEN}}
        request = {"CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_PROJECT_ID": "1217", "CI_API_V4_URL": f"{gitlab.url}/api/v4"}
        assert here.run() == {}
        jobs = here.run(source="merge_request_event", **request)
        [deployment] = here.platform.deployed("SUCCEEDED")
        jobs["preview"].ended(0, outcome="succeeded", deployment_id=deployment)
        writes = [f"{call.method} {call.path.split('?')[0]}" for call in gitlab.calls if call.method != "GET"]
        root = "/api/v4/projects/1217/merge_requests/7/notes"
        assert writes[0] == f"POST {root}" and all(re.fullmatch(rf"PUT {root}/\d+", one) for one in writes[1:])
        assert {call.token for call in gitlab.calls} == {COMMENT_TOKEN}
        here.platform.holds_no_secret(*(f"{call.path}{call.body}" for call in gitlab.calls))
        assert b"Succeeded" in gitlab.calls[-1].body
        gitlab.calls.clear()
        here.variables = {}
        jobs = here.run(source="merge_request_event", **request)
        here.platform.deployed("SUCCEEDED")
        jobs["preview"].ended(0, outcome="skipped", succeeded="false")
        assert gitlab.calls == []


@pytest.mark.parametrize("succeeds", [True, False])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_platform(platform, succeeds):
    """Every event of the example deploys on its platform, with an account, a project and a token, followed to its end."""
    with site(f"{platform}.yml", platform=platform, scenario="success" if succeeds else "build-fails") as here:
        # The same names as in the example for GitHub.
        text = read(f"examples/github/{platform}.yml")
        given = here.platform.given("secrets", text) | here.platform.given("vars", text)
        here.variables = {name: {"production": value} for name, value in given.items()}
        sources = re.findall(r'CI_PIPELINE_SOURCE == "(\w+)"', here.text)
        code, state, outcome = (0, PLATFORMS[platform][0], "succeeded") if succeeds else (1, PLATFORMS[platform][1], "failed")
        if sources:
            assert here.run() == {} and here.platform.deployments() == []
        for number, source in enumerate(sources or ["push"], 1):
            jobs = here.run(source=source, code=code)
            ids = here.platform.deployed(*[state] * number)
            jobs["deploy"].ended(code, outcome=outcome, state=state, environment_url=MAIN)
            assert any(one in jobs["deploy"].log for one in ids)
        pushes = "push-image" in jobs and ":latest\n" in jobs["push-image"].log.partition("stub: push ")[2]
        assert ("docker push" in here.text) == pushes


def test_render_commit():
    """The hook is asked for the pushed commit."""
    with serve_api() as render, site("render.yml", platform="render") as here:
        here.variables = {"RENDER_DEPLOY_HOOK_URL": render.url + RENDER_HOOK, "RENDER_API_KEY": here.platform.token}
        assert here.run(code=1)["deploy"].code == 5
        sha = git(here.folder, "rev-parse", "HEAD")
        assert [(call.method, call.path) for call in render.calls] == [("POST", f"{RENDER_HOOK}&ref={sha}")]


@pytest.mark.parametrize(("scenario", "outcome", "codes"), [("success", "succeeded", (0, 0)), ("canceled", "canceled", (0, 8))])
def test_component(scenario, outcome, codes):
    """Staging, then production, by the hooks the inputs name. Canceled passes by the input, or is a warning by the job's own addition."""
    with site("component.yml", scenario=scenario) as here:
        (staging, first), (production, second) = here.platform.environment(), here.platform.environment()
        here.variables.update(STAGING_HOOK_URL=first, PRODUCTION_HOOK_URL={"type": "file", "*": f"{second}\n"})
        jobs = here.run()
        assert here.deployed_to(staging, production) == [1, 1] and sorted(jobs) == ["deploy-production", "deploy-staging", "test"]
        # The stage before has handed on its variables, one of which is called like an input.
        for name, code, page in zip(("staging", "production"), codes, (STAGING, MAIN)):
            jobs[f"deploy-{name}"].ended(code, outcome=outcome, environment_url=page)
        assert "production" in jobs["deploy-production"].log and (" WARN 8 " in here.log) == (8 in codes)


def test_component_defaults():
    """The usual variables, on the default branch alone; what inputs say counts before variables."""
    with site(INCLUDE, files=COMPONENT) as here:
        # Of the project, and called like the program's: the inputs of the component count.
        page = "https://site.example.com/"
        here.variables.update(DEPLOY_HOOK_WAIT="never", DEPLOY_HOOK_DRY_RUN="true", DEPLOY_HOOK_ENVIRONMENT_URL=page)
        jobs = here.run()
        [deployment] = here.platform.deployed("SUCCEEDED")
        jobs["deploy"].ended(0, outcome="succeeded", deployment_id=deployment, environment_url=page)
        assert here.run(CI_COMMIT_BRANCH="change") == {}
        here.variables = {"DEPLOY_HOOK_URL_FILE": here.platform.hook, "DEPLOY_HOOK_API_TOKEN_FILE": here.platform.token}
        here.run()["deploy"].ended(0, outcome="succeeded")
        here.platform.deployed("SUCCEEDED", "SUCCEEDED")


def test_component_inputs():
    """A dry run triggers nothing, a missing hook is skipped, rules are the user's."""
    inputs = "      dry-run: true\n      job-name: rehearse\n      rules: [{if: $CI_PIPELINE_SOURCE == 'web'}]\n"
    with site(INCLUDE + inputs, files=COMPONENT) as here:
        assert here.run() == {}
        here.run(source="web")["rehearse"].ended(0, outcome="skipped", succeeded="false")
        assert here.platform.deployments() == []
    with site(INCLUDE + "      if-missing: skip\n      wait: never\n", files=COMPONENT) as here:
        here.run()["deploy"].ended(0, outcome="triggered", succeeded="false")
        here.variables = {}
        here.run()["deploy"].ended(0, outcome="skipped", succeeded="false")
        assert len(here.platform.deployments()) == 1
