"""The pipelines of examples/gitlab and the component, played by gitlab-ci-local, each in a project of its own, against a sandbox and a
GitLab on this machine's loopback. tests/container/gitlab calls it.

Not shown by gitlab-ci-local: `retry:`, `timeout:`, `interruptible:`, `resource_group:`, the protection of variables, GIT_STRATEGY, tags,
KUBERNETES_…, the regex of an input (tests/ci/test_component.py), annotations, the link of an `environment:`, several environments of one
`parallel:matrix` at once, a job that runs `when: always` after one that did not run.
"""

import collections
import contextlib
import json
import os
import re
import tempfile
from pathlib import Path

import pytest
from gitlab_runner import COMMENT_TOKEN, MAIN, REPORTS, assert_reports
from harness import git, read, run, serve_api, write
from support import ACTION, BASE, DOCKER_ENV, PLATFORMS, RENDER_HOOK, SHELL, VERSION
from support import docker, each, forget, replace, repository, sandbox, unplayed

COMPONENT = {"templates/deploy-hook.yml": read("templates/deploy-hook.yml")}
INCLUDED = f".gitlab-ci-local/includes/gitlab.example.com/GROUP/deploy-hook/{VERSION}/"
# gitlab-ci-local copies artifacts with an image that has bash and rsync.
HELPER = "deploy-hook-test:rsync"
# Seconds that one pipeline may take.
LIMIT = 90
# What the examples say instead of images that are here.
IMAGES = {
    f"ghcr.io/OWNER/deploy-hook:{VERSION}-shell": SHELL,
    f"ghcr.io/OWNER/deploy-hook:{VERSION}": ACTION,
    "buildpack-deps:bookworm": os.environ.get("GITLAB_IMAGE", BASE),
    # With a stub for the command, and no engine.
    "docker:28-cli\n  services: [docker:28-dind]": BASE,
}
# What gitlab-ci-local says of a job that failed, and of one that failed in a way it may.
FAIL, WARN = " FAIL {} ", " WARN {} "
STAGING = "https://staging.example.com/"
FAILING_TESTS = {"Makefile": "test:\n\tfalse\n"}


class Ran(collections.namedtuple("Ran", "code log files")):
    def ended(self, code, **wanted):
        """It ended with this code, and has the three files, with these outputs."""
        assert self.code == code, self.log
        assert_reports(self.files, **wanted)


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
        line = ["timeout", "--signal=INT", "--kill-after=20", LIMIT, "gitlab-ci-local", "--network", "host", "--helper-image", HELPER]
        line += ["--volume", f"{self.folder.parent / 'docker'}:/usr/local/bin/docker:ro", "--no-artifacts-to-source", "--no-cleanup", *options]
        line += each("--variable", [f"{name}={value}" for name, value in predefined.items()])
        try:
            self.log = run(*line, code=code, cwd=self.folder, env=DOCKER_ENV | {"HOME": str(self.folder.parent)})
        finally:
            jobs = self.harvest()
        print(self.log, *(f"--- {name}\n{one.log}" for name, one in jobs.items()))
        self.platform.holds_no_secret(self.log, *(text for one in jobs.values() for text in (one.log, *one.files.values())))
        return jobs

    def harvest(self):
        """What the containers of the jobs that were left behind did and wrote. Then they are gone."""
        volumes = docker("volume", "ls", "--quiet", "--filter", "name=^gcl-").split()
        filters = each("--filter", [f"volume={volume}" for volume in volumes])
        ids = docker("ps", "--all", "--quiet", "--no-trunc", *filters).split() if volumes else []
        jobs = {}
        for found in json.loads(docker("inspect", *ids)) if ids else []:
            env = dict(pair.split("=", 1) for pair in found["Config"]["Env"] or [])
            # The others are those that copy.
            if found["Config"]["Image"] != HELPER:
                with tempfile.TemporaryDirectory() as folder:
                    docker("cp", f"{found['Id']}:{env['CI_PROJECT_DIR']}/.", folder)
                    files = {path.name: path.read_text(encoding="utf-8") for name in (*REPORTS, "tested") for path in Path(folder).glob(name)}
                jobs[env["CI_JOB_NAME"]] = Ran(found["State"]["ExitCode"], run("docker", "logs", found["Id"]), files)
        forget("rm", "--force", *ids)
        forget("volume", "rm", *volumes)
        return jobs

    def deployed_to(self, *environments):
        return [len(self.platform.deployments(one)) for one in environments]


@contextlib.contextmanager
def site(text, replaced=None, files=None, **how):
    text = replace(read(f"examples/gitlab/{text}") if text.endswith(".yml") else text, replaced or {})
    # What root wrote in a job's container may not be ours to remove.
    with tempfile.TemporaryDirectory(prefix="dh-gitlab-", ignore_cleanup_errors=True) as top, sandbox(**how) as played:
        yield Site(Path(top, "site"), played, text, files)


class TestPipelines:
    """What gitlab-ci-local leaves behind has no owner, so its pipelines run one by one."""

    def test_every_example_is_played(self):
        """Each example has a test here."""
        assert unplayed("examples/gitlab", __file__) == []

    @pytest.mark.parametrize(("scenario", "code", "outcome"), [("success", 0, "succeeded"), ("build-fails", 1, "failed")])
    def test_plain(self, scenario, code, outcome):
        """It tests, deploys, and hands the outputs to a later job; a build that fails fails the job."""
        with site("plain.yml", scenario=scenario) as here:
            jobs = here.run(code=code)
            [deployment] = here.platform.deployed(outcome.upper())
            jobs["deploy"].ended(code, outcome=outcome, deployment_id=deployment, environment_url=MAIN)
            assert "tested" in jobs["test"].files
            assert f"Deployment {deployment}, outcome {outcome}" in jobs["announce"].log

    def test_plain_untested(self):
        """Tests that fail, and nothing is deployed."""
        with site("plain.yml", files=FAILING_TESTS) as here:
            assert list(here.run(code=1)) == ["test"]
            here.platform.deployed()

    def test_scheduled(self):
        """It deploys by the clock alone, and one that gave way to a newer one passes."""
        with site("scheduled.yml", scenario="canceled") as here:
            assert here.run() == {} and here.platform.deployments() == []
            jobs = here.run(source="schedule")
            here.platform.deployed("CANCELED")
            jobs["deploy"].ended(0, outcome="canceled", succeeded="false")

    def test_manual(self):
        """Staging at once, production when somebody says so, each by its own hook."""
        with site("manual.yml") as here:
            (staging, first), (production, second) = here.platform.environment(), here.platform.environment()
            here.variables["DEPLOY_HOOK_URL"] = {"staging": first, "production": second}
            assert list(here.run()) == ["deploy-staging"]
            assert here.deployed_to(staging, production) == [1, 0]
            jobs = here.run("--manual", "deploy-production")
            assert here.deployed_to(staging, production) == [2, 1]
            here.platform.deployed(*["SUCCEEDED"] * 3)
            jobs["deploy-production"].ended(0, outcome="succeeded", environment_url=MAIN)
            jobs["deploy-staging"].ended(0, outcome="succeeded", environment_url=STAGING)

    def test_trigger(self):
        """It deploys when it is triggered alone; canceled, it is a warning; a variable sends the token nowhere else."""
        replaced = {"--api-url https://api.fortrabbit.com": "--api-url $PLATFORM"}
        with serve_api() as stranger, site("trigger.yml", scenario="canceled", replaced=replaced) as here:
            here.variables["PLATFORM"] = here.platform.manage
            assert here.run() == {} and here.platform.deployments() == []
            jobs = here.run(source="trigger", DEPLOY_HOOK_API_URL=stranger.url)
            here.platform.deployed("CANCELED")
            jobs["deploy"].ended(8, outcome="canceled", succeeded="false")
            assert WARN.format(8) in here.log and stranger.calls == []

    def test_matrix(self):
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
            here.platform.deployed(*["SUCCEEDED"] * 3)
            assert here.deployed_to(*(one for one, _ in made.values())) == [1, 1, 1]

    def test_kubernetes(self):
        """It deploys with the secrets in files."""
        with site("kubernetes.yml") as here:
            files = {"DEPLOY_HOOK_URL_FILE": here.platform.hook, "DEPLOY_HOOK_API_TOKEN_FILE": here.platform.token}
            here.variables = {name: {"type": "file", "production": f"{value}\n"} for name, value in files.items()}
            ran = here.run()["deploy"]
            [deployment] = here.platform.deployed("SUCCEEDED")
            ran.ended(0, outcome="succeeded", deployment_id=deployment)

    @pytest.mark.parametrize(
        ("scenario", "code", "outcome", "verdict", "after"),
        [
            ("success", 0, "succeeded", " PASS ", False),
            ("build-fails", 1, "failed", FAIL.format(1), False),
            ("canceled", 8, "canceled", WARN.format(8), False),
            ("success", 0, "succeeded", " PASS ", True),
            ("build-fails", 1, "failed", FAIL.format(1), True),
        ],
    )
    def test_scratch(self, scenario, code, outcome, verdict, after):
        """It deploys without a shell; the second start for an `after_script` triggers nothing and changes none of the files."""
        added = {"  artifacts:\n": '  after_script:\n    - echo "never run"\n  artifacts:\n'} if after else {}
        with site("scratch.yml", scenario=scenario, replaced=added) as here:
            # The pipeline is green whatever becomes of a job that may fail in some way.
            ran = here.run()["deploy"]
            [deployment] = here.platform.deployed(outcome.upper())
            ran.ended(code, outcome=outcome, deployment_id=deployment, environment_url=MAIN)
            assert verdict in here.log and ("Running after script..." in here.log) == after

    def test_scratch_bad_input(self):
        """Bad input triggers nothing, and the job has all three files."""
        with site("scratch.yml", replaced={"DEPLOY_HOOK_TIMEOUT: 15m": 'DEPLOY_HOOK_TIMEOUT: "15"'}) as here:
            ran = here.run()["deploy"]
            assert here.platform.deployments() == []
            ran.ended(2)
            assert "Did you mean 15m or 15s?" in ran.log and FAIL.format(2) in here.log

    def test_merge_request(self):
        """It deploys, and writes one comment; without variables it passes as skipped."""
        with serve_api(listed=b"[]") as gitlab, site("merge-request.yml") as here:
            here.platform.secrets.append(COMMENT_TOKEN)
            here.variables = {"DEPLOY_HOOK_URL": {"preview": here.platform.hook}, "GITLAB_TOKEN": {"preview": COMMENT_TOKEN}}
            request = {"CI_API_V4_URL": f"{gitlab.url}/api/v4", "CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_PROJECT_ID": "1217"}
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
    def test_platform(self, platform, succeeds):
        """Every event of the example deploys on its platform, followed to its end, by an account, a project and a token of its own."""
        with site(f"{platform}.yml", platform=platform, scenario="success" if succeeds else "build-fails") as here:
            # The same names as in the example for GitHub.
            text = read(f"examples/github/{platform}.yml")
            given = here.platform.given("secrets", text) | here.platform.given("vars", text)
            here.variables = {name: {"production": value} for name, value in given.items()}
            sources = re.findall(r'CI_PIPELINE_SOURCE == "(\w+)"', here.text)
            state, outcome = PLATFORMS[platform][0 if succeeds else 1], "succeeded" if succeeds else "failed"
            if sources:
                assert here.run() == {} and here.platform.deployments() == []
            for number, source in enumerate(sources or ["push"], 1):
                jobs = here.run(source=source, code=0 if succeeds else 1)
                ids = here.platform.deployed(*[state] * number)
                jobs["deploy"].ended(0 if succeeds else 1, outcome=outcome, state=state, environment_url=MAIN)
                assert any(one in jobs["deploy"].log for one in ids)
            assert ("docker push" in here.text) == ("push-image" in jobs and ":latest\n" in jobs["push-image"].log.partition("stub: push ")[2])

    def test_render_commit(self):
        """The hook is asked for the pushed commit."""
        with serve_api() as render, site("render.yml", platform="render") as here:
            here.variables = {"RENDER_DEPLOY_HOOK_URL": render.url + RENDER_HOOK, "RENDER_API_KEY": here.platform.token}
            assert here.run(code=1)["deploy"].code == 5
            sha = git(here.folder, "rev-parse", "HEAD")
            assert [(call.method, call.path) for call in render.calls] == [("POST", f"{RENDER_HOOK}&ref={sha}")]

    def test_platform_without_image(self):
        """An image that cannot be pushed is not deployed."""
        with site("coolify.yml", platform="coolify", replaced={"docker push": "false"}) as here:
            assert list(here.run(code=1)) == ["push-image"] and here.platform.deployments() == []

    # --- the component ---

    def test_component(self):
        """Staging and then production, each by the hook its input names."""
        with site("component.yml") as here:
            (staging, first), (production, second) = here.platform.environment(), here.platform.environment()
            here.variables.update(STAGING_HOOK_URL=first, PRODUCTION_HOOK_URL={"type": "file", "*": f"{second}\n"})
            jobs = here.run()
            here.platform.deployed("SUCCEEDED", "SUCCEEDED")
            assert here.deployed_to(staging, production) == [1, 1]
            assert sorted(jobs) == ["deploy-production", "deploy-staging", "test"]
            jobs["deploy-staging"].ended(0, outcome="succeeded", environment_url=STAGING)
            # The stage before has handed on its variables, one of which is called like an input.
            jobs["deploy-production"].ended(0, outcome="succeeded", environment_url=MAIN)
            assert "production" in jobs["deploy-production"].log

    def test_component_untested(self):
        """Tests that fail stop both."""
        with site("component.yml", files=FAILING_TESTS) as here:
            here.variables.update(STAGING_HOOK_URL=here.platform.hook, PRODUCTION_HOOK_URL=here.platform.hook)
            assert list(here.run(code=1)) == ["test"] and here.platform.deployments() == []

    def test_component_canceled(self):
        """Canceled passes where the input says so, and is a warning where the job's own addition does."""
        with site("component.yml", scenario="canceled") as here:
            here.variables.update(STAGING_HOOK_URL=here.platform.hook, PRODUCTION_HOOK_URL=here.platform.hook)
            jobs = here.run()
            here.platform.deployed("CANCELED", "CANCELED")
            assert [jobs[f"deploy-{name}"].code for name in ("staging", "production")] == [0, 8] and WARN.format(8) in here.log

    def test_component_missing(self):
        """Where the named variable is empty, no other hook takes its place."""
        with site("component.yml") as here:
            # DEPLOY_HOOK_URL is there, another environment's; so is a file of that name.
            here.variables.update(DEPLOY_HOOK_URL_FILE=here.platform.hook, FORTRABBIT_DEPLOY_HOOK_URL=here.platform.hook)
            jobs = here.run(code=1)
            assert here.platform.deployments() == []
            assert sorted(jobs) == ["deploy-staging", "test"]
            jobs["deploy-staging"].ended(2)

    def test_component_defaults(self):
        """The usual variables, on the default branch alone; what inputs say counts before variables."""
        with site(INCLUDE, files=COMPONENT) as here:
            # Of the project, and called like the program's: the inputs of the component count.
            here.variables.update(DEPLOY_HOOK_WAIT="never", DEPLOY_HOOK_DRY_RUN="true", DEPLOY_HOOK_ENVIRONMENT_URL="https://site.example.com")
            jobs = here.run()
            [deployment] = here.platform.deployed("SUCCEEDED")
            jobs["deploy"].ended(0, outcome="succeeded", deployment_id=deployment, environment_url="https://site.example.com/")
            assert here.run(CI_COMMIT_BRANCH="change") == {}
            here.variables = {"DEPLOY_HOOK_URL_FILE": here.platform.hook, "DEPLOY_HOOK_API_TOKEN_FILE": here.platform.token}
            here.run()["deploy"].ended(0, outcome="succeeded")
            here.platform.deployed("SUCCEEDED", "SUCCEEDED")

    def test_component_inputs(self):
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


# The component with few inputs, from the project's own folder.
INCLUDE = f"include:\n  - local: templates/deploy-hook.yml\n    inputs:\n      image: ghcr.io/OWNER/deploy-hook:{VERSION}-shell\n"
