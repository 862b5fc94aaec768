"""Runs the pipelines of examples/gitlab and the component with gitlab-ci-local, each in a project of its own, against a sandbox and a
GitLab on this machine's loopback, and plays jobs on the Docker executor (executor.py); holds what these saw against what is promised.

usage: gitlab.py ACTION_IMAGE SHELL_IMAGE JOB_IMAGE HELPER_IMAGE GITLAB_CI_LOCAL [CASE...]
"""

import collections
import concurrent.futures
import contextlib
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import executor

# It takes the images under test from the same first arguments.
from cases import ACTION, SHELL, Sandbox, expect, names_of_outputs, no_secret, passes
from executor import REPORTS, Executor, docker
from runner import ACTION as ACTION_FILE
from runner import Fault

JOB, HELPER, GITLAB_CI_LOCAL = sys.argv[3:6]
ROOT = ACTION_FILE.parent
FOLDER = ROOT / "examples" / "gitlab"
COMPONENT = ROOT / "templates" / "deploy-hook.yml"
NOTES_TOKEN = "glpat-16C7e42F292c6912E77a"
# Seconds that one pipeline may take, and that a job may take from a cancel to its end.
LIMIT, CANCEL_LIMIT = 90, 5
# What the examples say instead of images that are here.
IMAGES = {
    "registry.example.com/deploy-hook:shell": SHELL,
    "registry.example.com/deploy-hook:action": ACTION,
    "buildpack-deps:bookworm": JOB,
}

# What of the examples gitlab-ci-local leaves out; GitLab alone can show it.
LEFT_OUT = {
    "retry:": "it repeats no job",
    "timeout:, interruptible:, resource_group:": "it stops no job, and runs one pipeline at a time here",
    "visibility, protection and expansion of variables": "its variables have a type and an environment scope",
    "GIT_STRATEGY, tags:, KUBERNETES_…": "every job gets the files of the project, in a container on this machine",
    "regex: of an input": "it takes any value; `.ci/run schemas` holds the defaults against them",
    "artifacts:reports:annotations": "it does not read them; they are read here",
    "environment:": "it scopes variables by it, and shows no link",
    "parallel:matrix": "it gives every job the first one's environment: here they run one by one",
    "when: always": "it runs such a job only if every job before it has run",
}

# What it says of a job that failed, and of one that failed in a way it may. Where a job may fail in some way, the pipeline is green
# whatever becomes of the job.
FAIL, WARN = " FAIL {} ", " WARN {} "

Ran = collections.namedtuple("Ran", "code log files")


class GitLab:
    """A stand-in for GitLab's API: says yes, and remembers what it was asked and by which token."""

    def __init__(self):
        self.calls = calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            """Has nothing, and makes everything."""

            def answer(self):
                """Takes a request down."""
                body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                token = self.headers.get("private-token") or (self.headers.get("authorization") or "").removeprefix("Bearer ")
                calls.append((self.command, self.path, token, body))
                reply = json.dumps([] if self.command == "GET" else {"id": len(calls)}).encode()
                self.send_response(200 if self.command == "GET" else 201)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """Ends it."""
        self.server.shutdown()
        self.server.server_close()


def with_images(text):
    """The pipeline with images that are here."""
    for old, new in IMAGES.items():
        text = text.replace(old, new)
    return text


class Site:
    """A user's project with one pipeline in it, and a sandbox."""

    def __init__(self, text, scenario="success", generation="draft", replaced=None, files=None):
        self.stack = contextlib.ExitStack()
        try:
            self.sandbox = self.stack.enter_context(contextlib.closing(Sandbox(scenario=scenario, speed=60, generation=generation)))
            self.runs = []
            # What root wrote in a job's container may not be ours to remove.
            top = tempfile.TemporaryDirectory(prefix="dh-gitlab-", ignore_cleanup_errors=True)
            self.home = Path(self.stack.enter_context(top))
            self.folder = self.home / "site"
            if text.endswith(".yml"):
                text = (FOLDER / text).read_text(encoding="utf-8")
            for old, new in (replaced or {}).items():
                if old not in text:
                    raise Fault(f"the pipeline has no {old!r}")
                text = text.replace(old, new)
            self.variables = {"DEPLOY_HOOK_URL": {"production": self.sandbox.hook}, "FRBIT_TOKEN": {"production": self.sandbox.token}}
            self.write({".gitlab-ci.yml": with_images(text), "Makefile": "test:\n\techo tested >tested\n", **(files or {})})
            # From the project's own repository, as if it had been fetched.
            component = self.folder / ".gitlab-ci-local/includes/gitlab.example.com/GROUP/deploy-hook/1.0.0/templates/deploy-hook.yml"
            self.write({component.relative_to(self.folder): COMPONENT.read_text(encoding="utf-8")})
            self.git("init", "--quiet", "--initial-branch", "main")
            self.git("remote", "add", "origin", "https://gitlab.example.com/octo/site.git")
            self.git("add", "--all", ":!.gitlab-ci-local")
            self.git("-c", "user.name=gcl", "-c", "user.email=gcl@example.com", "commit", "--quiet", "--message", "gcl")
        except BaseException:
            self.close()
            raise

    def write(self, files):
        """Writes files of the project."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")

    def git(self, *arguments):
        """Runs git in the project."""
        subprocess.run(["git", "-C", self.folder, *arguments], check=True, capture_output=True)

    def environment(self, generation="draft"):
        """Another environment at the platform: its id, and its hook's URL."""

        def post(path, body):
            data = json.dumps(body).encode()
            request = urllib.request.Request(f"{self.sandbox.manage}/sandbox/environments{path}", data=data, method="POST")
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)

        made = post("", {})["publicId"]
        url = post(f"/{made}/hook", {"generation": generation})["url"]
        self.sandbox.secrets.append(url)
        return made, url

    def run(self, *options, code=0, source="push", pipeline=None, **predefined):
        """Runs a pipeline, and gives back what its jobs did, by their names. Whatever is thought of it there, `code` is how it ends."""
        if pipeline:
            self.write({".gitlab-ci.yml": with_images(pipeline)})
        scoped = {**self.variables, "DEPLOY_HOOK_API_URL": self.sandbox.manage}
        content = {}
        for name, value in scoped.items():
            kind = "file" if name.endswith("_FILE") else "variable"
            # Values by environment scope, and of which type they are.
            scopes = dict(value) if isinstance(value, dict) else {"*": value}
            content[name] = {"type": scopes.pop("type", kind), "values": scopes}
        # JSON is YAML too. The secrets are on no command line.
        self.write({".gitlab-ci-local-variables.yml": json.dumps(content)})
        line = ["timeout", "--signal=INT", "--kill-after=20", str(LIMIT)]
        line += [GITLAB_CI_LOCAL, "--network", "host", "--helper-image", HELPER, "--no-artifacts-to-source", "--no-cleanup"]
        # It says `false` to this one, so that scripts can tell it from GitLab.
        given = {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": source, **predefined}
        for name, value in given.items():
            line += ["--variable", f"{name}={value}"]
        kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("DOCKER_")}
        how = {"cwd": self.folder, "env": {**kept, "HOME": str(self.home)}, "stdin": subprocess.DEVNULL}
        done = subprocess.run([*line, *options], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)
        log = done.stdout.decode(errors="replace")
        self.runs.append(log)
        jobs = self.harvest()
        no_secret(self.sandbox, log)
        for job in jobs.values():
            executor.log_sections(job.log.encode())
            no_secret(self.sandbox, job.log + b"".join(job.files.values()).decode())
        expect("the pipeline's exit code", code, done.returncode)
        return jobs

    def harvest(self):
        """What the containers of the jobs that were left behind did and wrote. Then they are gone."""
        volumes = docker("volume", "ls", "--quiet", "--filter", "name=^gcl-").stdout.decode().split()
        filters = [word for volume in volumes for word in ("--filter", f"volume={volume}")]
        ids = docker("ps", "--all", "--quiet", "--no-trunc", *filters).stdout.decode().split() if volumes else []
        jobs = {}
        for inspected in json.loads(docker("inspect", *ids).stdout) if ids else []:
            environment = dict(pair.split("=", 1) for pair in inspected["Config"]["Env"] or [])
            # The others are those that copy.
            if inspected["Config"]["Image"] == HELPER:
                continue
            folder = docker("cp", f"{inspected['Id']}:{environment['CI_PROJECT_DIR']}/.", "-").stdout
            files = {name.removeprefix("./"): content for name, content in executor.unpacked(folder).items()}
            logs = subprocess.run(["docker", "logs", inspected["Id"]], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            reports = {name: content for name, content in files.items() if name in (*REPORTS, "tested")}
            jobs[environment["CI_JOB_NAME"]] = Ran(inspected["State"]["ExitCode"], logs.stdout.decode(), reports)
        if ids:
            docker("rm", "--force", *ids)
        if volumes:
            docker("volume", "rm", *volumes)
        return jobs

    def deployed(self, *states):
        """The ids of the deployments: one in each of these states, each by a POST to a hook, and no others."""
        found = self.sandbox.deployments()
        expect("deployments at the platform", sorted((state, "hook") for state in states), sorted((one["state"], one["trigger"]) for one in found))
        return [one["id"] for one in found]

    def deployments_of(self, *ids):
        """How many deployments each of these environments has."""
        with urllib.request.urlopen(f"{self.sandbox.manage}/sandbox", timeout=5) as answer:
            found = {one["publicId"]: len(one["deployments"]) for one in json.load(answer)["environments"]}
        return [found[one] for one in ids]

    def close(self):
        """Ends what was started."""
        self.stack.close()


@contextlib.contextmanager
def site(text, **how):
    """A project, whose logs are shown where something is wrong."""
    with contextlib.closing(Site(text, **how)) as one:
        try:
            yield one
        except Exception:
            print("".join(one.runs))
            raise


@contextlib.contextmanager
def job(image, *, scenario="success", variables=None, generation="draft"):
    """A job on the Docker executor, and a sandbox."""
    with contextlib.closing(Sandbox(scenario=scenario, speed=60, generation=generation)) as sandbox:
        given = {"DEPLOY_HOOK_URL": sandbox.hook, "FRBIT_TOKEN": sandbox.token, "DEPLOY_HOOK_API_URL": sandbox.manage, **(variables or {})}
        with contextlib.closing(Executor(image, given)) as one:
            yield sandbox, one


def judged(files, **wanted):
    """Judges the three files of a run, whatever its end, and some of its outputs; gives back all of them. Without any wanted, it was
    bad input, which has no outputs but one."""
    expect("report files", sorted(REPORTS), sorted(name for name in files if name in REPORTS))
    found = executor.dotenv(files["deploy-hook.env"])
    links = executor.annotations(files["deploy-hook-annotations.json"])
    if not wanted:
        expect("outputs", {output("succeeded"): "false"}, found)
        return found
    expect("variables", sorted(output(name) for name in names_of_outputs()), sorted(found))
    for name, value in wanted.items():
        expect(f"output {name}", value, found[output(name)])
    for name in ("deployment-url", "environment-url"):
        if found[output(name)] and found[output(name)] not in links.values():
            raise Fault(f"no link to the {name} {found[output(name)]}: {links}")
    expect("verdicts in the summary", 1, files["deploy-hook-summary.md"].decode().count("### "))
    return found


def output(name):
    """An output's variable."""
    return "DEPLOY_HOOK_" + name.upper().replace("-", "_")


def has(log, *texts):
    """The log holds these."""
    for text in texts:
        if text not in log:
            raise Fault(f"the log does not say {text!r}:\n{log}")


# --- the examples ---


def plain():
    """plain.yml: tests, deploys, and hands the outputs to a later job"""
    with site("plain.yml") as here:
        jobs = here.run()
        [deployment] = here.deployed("SUCCEEDED")
        judged(jobs["deploy"].files, outcome="succeeded", succeeded="true", deployment_id=deployment, environment_url="https://www.example.com/")
        expect("exit code", 0, jobs["deploy"].code)
        has(jobs["announce"].log, f"Deployment {deployment}, outcome succeeded")
        if "tested" not in jobs["test"].files:
            raise Fault("the tests have not run")


def plain_fails():
    """plain.yml: a build that fails fails the job with 1, and that is said"""
    with site("plain.yml", scenario="build-fails") as here:
        jobs = here.run(code=1)
        [deployment] = here.deployed("FAILED")
        judged(jobs["deploy"].files, outcome="failed", succeeded="false", deployment_id=deployment)
        expect("exit code", 1, jobs["deploy"].code)
        has(jobs["announce"].log, f"Deployment {deployment}, outcome failed")


def plain_untested():
    """plain.yml: tests that fail, and nothing is deployed"""
    with site("plain.yml", files={"Makefile": "test:\n\tfalse\n"}) as here:
        expect("jobs", ["test"], sorted(here.run(code=1)))
        here.deployed()


def scheduled():
    """scheduled.yml: deploys by the clock alone, and one that gave way to a newer one passes"""
    with site("scheduled.yml", scenario="canceled") as here:
        expect("jobs of a push", {}, here.run())
        here.deployed()
        jobs = here.run(source="schedule")
        here.deployed("CANCELED")
        judged(jobs["deploy"].files, outcome="canceled", succeeded="false")
        expect("exit code", 0, jobs["deploy"].code)


def manual():
    """manual.yml: staging at once, production when somebody says so, each by its own hook"""
    with site("manual.yml") as here:
        (staging, first), (production, second) = here.environment(), here.environment()
        here.variables["DEPLOY_HOOK_URL"] = {"staging": first, "production": second}
        expect("jobs", ["deploy-staging"], sorted(here.run()))
        expect("deployments of each", [1, 0], here.deployments_of(staging, production))
        jobs = here.run("--manual", "deploy-production")
        expect("jobs", ["deploy-production", "deploy-staging"], sorted(jobs))
        expect("deployments of each", [2, 1], here.deployments_of(staging, production))
        here.deployed(*["SUCCEEDED"] * 3)
        judged(jobs["deploy-production"].files, outcome="succeeded", environment_url="https://www.example.com/")
        judged(jobs["deploy-staging"].files, outcome="succeeded", environment_url="https://staging.example.com/")


def trigger():
    """trigger.yml: deploys when it is triggered alone; canceled, it is a warning; a variable sends the token nowhere else"""
    with contextlib.closing(GitLab()) as stranger, site("trigger.yml", scenario="canceled", replaced={"--api-url https://api.fortrabbit.com": "--api-url $PLATFORM"}) as here:
        here.variables["PLATFORM"] = here.sandbox.manage
        expect("jobs of a push", {}, here.run())
        here.deployed()
        jobs = here.run(source="trigger", DEPLOY_HOOK_API_URL=stranger.url)
        here.deployed("CANCELED")
        judged(jobs["deploy"].files, outcome="canceled", succeeded="false")
        expect("exit code", 8, jobs["deploy"].code)
        has(here.runs[-1], WARN.format(8))
        expect("what the stranger was sent", [], stranger.calls)


def matrix():
    """matrix.yml: three environments, three hooks, three deployments"""
    text = (FOLDER / "matrix.yml").read_text(encoding="utf-8")
    entries = re.findall(r"      - ENVIRONMENT: (\S+)\n        SITE: (\S+)\n", text)
    expect("entries", 3, len(entries))
    with site("matrix.yml") as here:
        made = {name: here.environment() for name, _ in entries}
        here.variables["DEPLOY_HOOK_URL"] = {name: url for name, (_, url) in made.items()}
        for number, (name, address) in enumerate(entries, 1):
            alone = re.sub(rf"      - ENVIRONMENT: (?!{name}\n)\S+\n        SITE: \S+\n", "", text)
            jobs = here.run(pipeline=alone)
            expect("jobs", [f"deploy: [{name},{address}]"], list(jobs))
            judged(*[one.files for one in jobs.values()], outcome="succeeded", environment_url=f"{address}/")
            here.deployed(*["SUCCEEDED"] * number)
        expect("deployments of each", [1, 1, 1], here.deployments_of(*(one for one, _ in made.values())))


def kubernetes():
    """kubernetes.yml: deploys with the secrets in files"""
    with site("kubernetes.yml") as here:
        files = {"DEPLOY_HOOK_URL_FILE": here.sandbox.hook, "DEPLOY_HOOK_API_TOKEN_FILE": here.sandbox.token}
        here.variables = {name: {"type": "file", "production": f"{value}\n"} for name, value in files.items()}
        jobs = here.run()
        [deployment] = here.deployed("SUCCEEDED")
        judged(jobs["deploy"].files, outcome="succeeded", deployment_id=deployment)


def scratch():
    """scratch.yml: deploys without a shell; what fails fails with 1, what is canceled is a warning, bad input triggers nothing"""
    for scenario, state, code, outcome, verdict in (
        ("success", "SUCCEEDED", 0, "succeeded", " PASS "),
        ("build-fails", "FAILED", 1, "failed", FAIL.format(1)),
        ("canceled", "CANCELED", 8, "canceled", WARN.format(8)),
    ):
        with site("scratch.yml", scenario=scenario) as here:
            jobs = here.run()
            [deployment] = here.deployed(state)
            judged(jobs["deploy"].files, outcome=outcome, deployment_id=deployment, environment_url="https://www.example.com/")
            expect("exit code", code, jobs["deploy"].code)
            has(here.runs[-1], verdict)
    with site("scratch.yml", replaced={"DEPLOY_HOOK_TIMEOUT: 15m": 'DEPLOY_HOOK_TIMEOUT: "15"'}) as here:
        jobs = here.run()
        here.deployed()
        expect("exit code", 2, jobs["deploy"].code)
        has(jobs["deploy"].log, "Did you mean 15s?")
        has(here.runs[-1], FAIL.format(2))
        judged(jobs["deploy"].files)


def scratch_after_script():
    """scratch.yml with an `after_script`: the second start triggers nothing, and changes none of the first one's files"""
    added = {"  artifacts:\n": '  after_script:\n    - echo "never run"\n  artifacts:\n'}
    for scenario, state, verdict in (("success", "SUCCEEDED", " PASS "), ("build-fails", "FAILED", FAIL.format(1))):
        with site("scratch.yml", scenario=scenario, replaced=added) as here:
            jobs = here.run()
            [deployment] = here.deployed(state)
            has(here.runs[-1], "Running after script...", verdict)
            judged(jobs["deploy"].files, outcome=state.lower(), deployment_id=deployment)
            expect("exit code of the second start, that of the first", 0 if state == "SUCCEEDED" else 1, jobs["deploy"].code)


def merge_request():
    """merge-request.yml: deploys, and writes one note; without variables it passes as skipped"""
    with contextlib.closing(GitLab()) as gitlab, site("merge-request.yml") as here:
        here.sandbox.secrets.append(NOTES_TOKEN)
        here.variables = {"DEPLOY_HOOK_URL": {"preview": here.sandbox.hook}, "GITLAB_TOKEN": {"preview": NOTES_TOKEN}}
        request = {
            "source": "merge_request_event",
            "CI_API_V4_URL": f"{gitlab.url}/api/v4",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_PROJECT_ID": "1217",
        }
        expect("jobs of a push", {}, here.run())
        jobs = here.run(**request)
        [deployment] = here.deployed("SUCCEEDED")
        judged(jobs["preview"].files, outcome="succeeded", deployment_id=deployment)
        notes = [(method, path.split("?")[0]) for method, path, _, _ in gitlab.calls if method in ("POST", "PUT")]
        root = "/api/v4/projects/1217/merge_requests/7/notes"
        expect("notes made", 1, notes.count(("POST", root)))
        expect("other requests", [], [one for one in notes[1:] if not re.fullmatch(rf"PUT {root}/\d+", " ".join(one))])
        expect("tokens", {NOTES_TOKEN}, {token for _, _, token, _ in gitlab.calls})
        has(gitlab.calls[-1][3], "Succeeded")
        no_secret(here.sandbox, json.dumps([(path, body) for _, path, _, body in gitlab.calls]))
        gitlab.calls.clear()
        here.variables = {}
        jobs = here.run(**request)
        here.deployed("SUCCEEDED")
        judged(jobs["preview"].files, outcome="skipped", succeeded="false")
        expect("exit code", 0, jobs["preview"].code)
        expect("requests", [], gitlab.calls)


# --- the component ---


def component():
    """component.yml: staging and then production, each by the hook its input names; tests that fail stop both"""
    with site("component.yml") as here:
        (staging, first), (production, second) = here.environment(), here.environment()
        here.variables.update(STAGING_HOOK_URL=first, PRODUCTION_HOOK_URL={"type": "file", "*": f"{second}\n"})
        jobs = here.run()
        here.deployed("SUCCEEDED", "SUCCEEDED")
        expect("deployments of each", [1, 1], here.deployments_of(staging, production))
        expect("jobs", ["deploy-production", "deploy-staging", "test"], sorted(jobs))
        judged(jobs["deploy-staging"].files, outcome="succeeded", environment_url="https://staging.example.com/")
        # The stage before has handed on its variables, one of which is called like an input.
        judged(jobs["deploy-production"].files, outcome="succeeded", environment_url="https://www.example.com/")
        has(jobs["deploy-production"].log, "production")
    with site("component.yml", files={"Makefile": "test:\n\tfalse\n"}) as here:
        here.variables.update(STAGING_HOOK_URL=here.sandbox.hook, PRODUCTION_HOOK_URL=here.sandbox.hook)
        expect("jobs", ["test"], sorted(here.run(code=1)))
        here.deployed()


def component_canceled():
    """component.yml: canceled passes where the input says so, and is a warning where the job's own addition does"""
    with site("component.yml", scenario="canceled") as here:
        here.variables.update(STAGING_HOOK_URL=here.sandbox.hook, PRODUCTION_HOOK_URL=here.sandbox.hook)
        jobs = here.run()
        here.deployed("CANCELED", "CANCELED")
        expect("exit codes", [0, 8], [jobs[f"deploy-{name}"].code for name in ("staging", "production")])
        has(here.runs[-1], WARN.format(8))


def component_missing():
    """component.yml: where the named variable is empty, no other hook takes its place"""
    with site("component.yml") as here:
        # DEPLOY_HOOK_URL is there, another environment's; so is a file of that name.
        here.variables.update(DEPLOY_HOOK_URL_FILE=here.sandbox.hook, FORTRABBIT_DEPLOY_HOOK_URL=here.sandbox.hook)
        jobs = here.run(code=1)
        here.deployed()
        expect("jobs", ["deploy-staging", "test"], sorted(jobs))
        expect("exit code", 2, jobs["deploy-staging"].code)
        judged(jobs["deploy-staging"].files)


# The component with few inputs, from the project's own folder.
INCLUDE = "include:\n  - local: templates/deploy-hook.yml\n    inputs:\n      image: registry.example.com/deploy-hook:shell\n"


def component_defaults():
    """the component's defaults: the usual variables, on the default branch alone; what inputs say counts before variables"""
    own = {"templates/deploy-hook.yml": COMPONENT.read_text(encoding="utf-8")}
    with site(INCLUDE, files=own) as here:
        # Of the project, and called like the program's: what the component was told counts.
        here.variables.update(DEPLOY_HOOK_WAIT="never", DEPLOY_HOOK_DRY_RUN="true", DEPLOY_HOOK_ENVIRONMENT_URL="https://site.example.com")
        jobs = here.run()
        [deployment] = here.deployed("SUCCEEDED")
        judged(jobs["deploy"].files, outcome="succeeded", deployment_id=deployment, environment_url="https://site.example.com/")
        expect("jobs on another branch", {}, here.run(CI_COMMIT_BRANCH="change"))
        here.variables = {"DEPLOY_HOOK_URL_FILE": here.sandbox.hook, "DEPLOY_HOOK_API_TOKEN_FILE": here.sandbox.token}
        judged(here.run()["deploy"].files, outcome="succeeded")
        here.deployed("SUCCEEDED", "SUCCEEDED")


def component_inputs():
    """the component's other inputs: a dry run triggers nothing, a missing hook is skipped, rules are the user's"""
    own = {"templates/deploy-hook.yml": COMPONENT.read_text(encoding="utf-8")}
    inputs = "      dry-run: true\n      job-name: rehearse\n      rules: [{if: $CI_PIPELINE_SOURCE == 'web'}]\n"
    with site(INCLUDE + inputs, files=own) as here:
        expect("jobs of a push", {}, here.run())
        jobs = here.run(source="web")
        here.deployed()
        judged(jobs["rehearse"].files, outcome="skipped", succeeded="false")
    inputs = "      if-missing: skip\n      wait: never\n"
    with site(INCLUDE + inputs, files=own) as here:
        judged(here.run()["deploy"].files, outcome="triggered", succeeded="false")
        expect("deployments", 1, len(here.sandbox.deployments()))
        here.variables = {}
        judged(here.run()["deploy"].files, outcome="skipped", succeeded="false")
        expect("deployments", 1, len(here.sandbox.deployments()))


# --- jobs on the Docker executor ---

DEPLOY = "exec deploy-hook deploy"
# What is run in each image: the image with the program alone ignores it.
BOTH = ((SHELL, DEPLOY), (ACTION, "echo never run"))


def shown(sandbox, ended, *texts):
    """Judges a log, and gives it back without its marks."""
    no_secret(sandbox, ended.log.decode())
    names, log = executor.log_sections(ended.log)
    has(log, *texts)
    return names, log


def executor_succeeds():
    """a job succeeds: log, sections, colour, files; its `after_script` triggers nothing"""
    for image, script in BOTH:
        with job(image) as (sandbox, one):
            ended = one.start(script).end()
            names, _ = shown(sandbox, ended, "succeeded")
            expect("exit code", 0, ended.code)
            [deployment] = [each["id"] for each in sandbox.deployments()]
            judged(one.files(), outcome="succeeded", succeeded="true", deployment_id=deployment, environment_url="https://www.example.com/")
            written = one.files()
            if b"\x1b[" not in b"".join(line for line in ended.log.splitlines(keepends=True) if b"succeeded" in line):
                raise Fault("no colour")
            print(f"    {ended.seconds:.1f} s, sections: {names}")
            after = one.start("echo after the job").end(20)
            expect("exit code of `after_script`", 0, after.code)
            expect("files of the second start", written, one.files())
            expect("deployments", 1, len(sandbox.deployments()))
            shown(sandbox, after, *(["after the job"] if image == SHELL else []))


def executor_fails():
    """a build fails: exit code 1, its log in a section, and nothing of the `after_script` triggers"""
    for image, script in BOTH:
        # The other generation's log cannot be read.
        with job(image, scenario="build-fails", generation="live") as (sandbox, one):
            ended = one.start(script).end()
            names, _ = shown(sandbox, ended, "vite", "failed")
            expect("exit code", 1, ended.code)
            judged(one.files(), outcome="failed", succeeded="false")
            if not names:
                raise Fault("the log is in no section")
            # The program's second start ends as its first did; a shell goes by its own script.
            expect("exit code of `after_script`", 0 if image == SHELL else 1, one.start("echo after").end(20).code)
            judged(one.files(), outcome="failed", succeeded="false")
            expect("deployments", 1, len(sandbox.deployments()))


def executor_attacked():
    """a platform whose log commands whoever prints it, and repeats the secret: no section is forged, no line is read as a command"""
    for scenario in ("hostile-log", "echo"):
        for image, script in BOTH:
            with job(image, scenario=scenario, generation="live") as (sandbox, one):
                ended = one.start(script).end()
                shown(sandbox, ended)
                expect("exit code", 1, ended.code)
                judged(one.files(), outcome="failed")
                no_secret(sandbox, b"".join(one.files().values()).decode())


def executor_canceled():
    """a cancel: closed and written within five seconds, and the `after_script` in a container of its own triggers nothing"""
    for image, script, code in ((SHELL, DEPLOY, 143), (ACTION, "echo never run", 143), (SHELL, "deploy-hook deploy", None)):
        with contextlib.ExitStack() as stack:
            gitlab = stack.enter_context(contextlib.closing(GitLab()))
            given = {"GITLAB_TOKEN": NOTES_TOKEN, "CI_API_V4_URL": f"{gitlab.url}/api/v4"}
            sandbox, one = stack.enter_context(job(image, scenario="stuck", variables=given))
            sandbox.secrets.append(NOTES_TOKEN)
            stage = one.start(script)
            stage.wait_for("building")
            ended = one.cancel(stage)
            shown(sandbox, ended, "nterrupted")
            # The shell around the program is sent the signal too, and may have its own idea of an exit code.
            if code is not None:
                expect("exit code", code, ended.code)
            if ended.seconds > CANCEL_LIMIT:
                raise Fault(f"took {ended.seconds:.1f} s")
            print(f"    {script}: {ended.code} after {ended.seconds:.2f} s")
            [deployment] = [each["id"] for each in sandbox.deployments()]
            judged(one.files(), outcome="interrupted", succeeded="false", deployment_id=deployment)
            told = list(gitlab.calls)
            expect("tokens", {NOTES_TOKEN}, {token for _, _, token, _ in told})
            states = re.findall(r"\bstate\W+(\w+)", " ".join(f"{path} {body}" for method, path, _, body in told if method == "POST"))
            expect("states of the commit", ["running", "canceled"], [states[0], states[-1]] if states else states)
            written = one.files()
            # The container is a new one, whose variables know how the job ended.
            one.variables["CI_JOB_STATUS"] = "canceled"
            expect("exit code of `after_script`", 0, one.start("echo after").end(20).code)
            expect("files of the second start", written, one.files())
            expect("deployments", 1, len(sandbox.deployments()))
            expect("requests of the second start", told, gitlab.calls)


def executor_killed():
    """the machine goes away: no report of an older job is left to be taken for this one's"""
    for image, script in BOTH:
        with job(image, scenario="stuck") as (sandbox, one):
            # With GIT_STRATEGY none the folder is as the last job on this machine left it.
            for name in REPORTS:
                (one.project / name).write_text("an older job's", encoding="utf-8")
            stage = one.start(script)
            stage.wait_for("building")
            one.kill(stage)
            expect("files of the older job", [], [name for name, content in one.files().items() if content == b"an older job's"])
            found = executor.dotenv(one.files()["deploy-hook.env"])
            expect("the deployment, known before the end", sandbox.deployments()[0]["id"], found["DEPLOY_HOOK_DEPLOYMENT_ID"])
            if image != SHELL:
                # A runner that has lost the container may start the script once more: that is no success.
                expect("exit code of another start", 5, one.start("echo again").end(20).code)
                expect("deployments", 1, len(sandbox.deployments()))


def executor_bad_input():
    """bad input: exit code 2, all three files, nothing triggered, not even by the `after_script`"""
    for image, script in BOTH:
        with job(image, variables={"DEPLOY_HOOK_TIMEOUT": "15", "DEPLOY_HOOK_WAIT": "always!"}) as (sandbox, one):
            ended = one.start(script).end()
            shown(sandbox, ended, "Did you mean 15s?", "Did you mean always?", "Nothing was sent")
            expect("exit code", 2, ended.code)
            judged(one.files())
            expect("exit code of `after_script`", 0 if image == SHELL else 2, one.start("echo after").end(20).code)
            expect("deployments", [], sandbox.deployments())


def executor_files():
    """variables of type File, and a folder whose files are root's"""
    for image, script in BOTH:
        with job(image, variables={"DEPLOY_HOOK_URL": "", "FRBIT_TOKEN": ""}) as (sandbox, one):
            one.file_variable("DEPLOY_HOOK_URL_FILE", f"{sandbox.hook}\n")
            one.file_variable("DEPLOY_HOOK_API_TOKEN_FILE", f"{sandbox.token}\n")
            ended = one.start(script).end()
            shown(sandbox, ended, "succeeded")
            judged(one.files(), outcome="succeeded")


def executor_inherited():
    """a job that inherits the dotenv variables of another deployment: they are not taken for what it is told"""
    inherited = {
        "DEPLOY_HOOK_OUTCOME": "failed",
        "DEPLOY_HOOK_SUCCEEDED": "false",
        "DEPLOY_HOOK_STATE": "FAILED",
        "DEPLOY_HOOK_DEPLOYMENT_ID": "dp-aaaaaa",
        "DEPLOY_HOOK_DEPLOYMENT_URL": "https://dashboard.example.com/other",
        "DEPLOY_HOOK_ENVIRONMENT_URL": "https://other.example.com/",
        "DEPLOY_HOOK_CREATED_AT": "2026-01-01T00:00:00Z",
        "DEPLOY_HOOK_DURATION": "99",
    }
    for image, script in BOTH:
        with job(image, variables=inherited) as (sandbox, one):
            ended = one.start(script).end()
            shown(sandbox, ended, "succeeded")
            [deployment] = [each["id"] for each in sandbox.deployments()]
            found = judged(one.files(), outcome="succeeded", deployment_id=deployment, environment_url="https://www.example.com/")
            for name, value in inherited.items():
                if found.get(name) == value:
                    raise Fault(f"inherited: {name}={value}")


def executor_script_unread():
    """a script larger than a pipe holds, which the image without a shell does not have to read"""
    with job(ACTION) as (sandbox, one):
        ended = one.start(stdin="x" * 1_000_000).end()
        shown(sandbox, ended, "succeeded")
        expect("exit code", 0, ended.code)
        expect("deployments", 1, len(sandbox.deployments()))


def executor_timeout():
    """the follow ends before the job's own timeout would, with everything written"""
    left = 75
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600 + left))
    with job(ACTION, scenario="stuck", variables={"CI_JOB_TIMEOUT": "3600", "CI_JOB_STARTED_AT": started}) as (sandbox, one):
        ended = one.start().end(left)
        shown(sandbox, ended)
        expect("exit code", 6, ended.code)
        judged(one.files(), outcome="timed-out")
        print(f"    ended {left - ended.seconds:.0f} s before the job's timeout")


def the_readers_themselves():
    """what GitLab would drop or show wrong is found by the readers"""
    executor.dotenv(b"DEPLOY_HOOK_OUTCOME=succeeded\nDEPLOY_HOOK_URL=https://example.com/?a=b\nEMPTY=\n")
    executor.annotations(b'{"Deployment": [{"external_link": {"label": "Site", "url": "https://example.com/"}}]}')
    executor.annotations(b"{}")
    section = b"\x1b[0Ksection_start:1700000000:a_b[collapsed=true]\r\x1b[0KHeader\nx\n\x1b[0Ksection_end:1700000000:a_b\r\x1b[0K\n"
    expect("sections", (["a_b"], "Header\nx\n\n"), executor.log_sections(section))
    link = '{"a": [{"external_link": %s}]}'
    bad = {
        executor.dotenv: [
            b"",
            b"A=1",
            b"A=1\n\nB=2\n",
            b"# a\n",
            b"A B=1\n",
            b"A=1 \n",
            b"A=1 2\n",
            b"A=$B\n",
            b"A=1\r\n",
            b"A=1\nA=2\n",
            b"A-B=1\n",
            b"\xef\xbb\xbfA=1\n",
            b"A=\xff\n",
            b"A=" + b"x" * 5120 + b"\n",
            b"".join(b"A%d=\n" % number for number in range(21)),
        ],
        executor.annotations: [
            b"",
            b"[]",
            b"{} x",
            b'{"a": {}}',
            b'{"": []}',
            b'{"a": [], "a": []}',
            b'{"a": [{"link": {}}]}',
            *((link % one).encode() for one in ('{"label": "a"}', '{"label": "a", "url": 1}', '{"label": "", "url": "https://a"}')),
            *((link % one).encode() for one in ('{"label": "a", "url": "javascript:1"}', '{"label": "a", "url": "https://a", "b": ""}')),
            json.dumps({f"a{number}": [] for number in range(21)}).encode(),
        ],
        executor.log_sections: [
            section[: section.index(b"\x1b[0Ksection_end")],
            section[section.index(b"\x1b[0Ksection_end") :],
            section.replace(b"\nx", b"\nx section_start:1700000000:b\r\x1b[0K"),
            section.replace(b"\r", b""),
            section.replace(b"\nx", b"\n\x1b[2Jx"),
            section.replace(b"\nx", b"\nx\ry"),
            section + section,
            b"\xff\n",
        ],
    }
    for reader, cases in bad.items():
        for data in cases:
            with contextlib.suppress(Fault):
                reader(data)
                raise AssertionError(f"{reader.__name__} took this: {data!r}"[:300])


EXAMPLES = {
    "plain.yml": [plain, plain_fails, plain_untested],
    "scheduled.yml": [scheduled],
    "manual.yml": [manual],
    "trigger.yml": [trigger],
    "matrix.yml": [matrix],
    "kubernetes.yml": [kubernetes],
    "scratch.yml": [scratch, scratch_after_script],
    "merge-request.yml": [merge_request],
    "component.yml": [component, component_canceled, component_missing],
}
CASES = [
    the_readers_themselves,
    *(case for cases in EXAMPLES.values() for case in cases),
    component_defaults,
    component_inputs,
    executor_succeeds,
    executor_fails,
    executor_attacked,
    executor_canceled,
    executor_killed,
    executor_bad_input,
    executor_files,
    executor_inherited,
    executor_script_unread,
    executor_timeout,
]


def main():
    """Runs the cases, all of them whatever became of the one before."""
    expect("examples", sorted(path.name for path in FOLDER.glob("*.yml")), sorted(EXAMPLES))
    wanted = sys.argv[6:]
    strange = set(wanted) - {case.__name__ for case in CASES}
    if strange:
        sys.exit(f"no such case: {' '.join(sorted(strange))}")
    chosen = [case for case in CASES if not wanted or case.__name__ in wanted]
    # Most of the time is waited for. What gitlab-ci-local leaves behind cannot be told apart, so its pipelines run one by one.
    played = [case for case in chosen if case.__name__.startswith("executor_")]
    with concurrent.futures.ThreadPoolExecutor(2) as two:
        results = two.map(lambda cases: [case.__name__ for case in cases if not passes(case)], ([c for c in chosen if c not in played], played))
        failed = [name for names in results for name in names]
    if not wanted:
        print("not shown by gitlab-ci-local:")
        for what, why in LEFT_OUT.items():
            print(f"  {what} {why}")
    print(f"{len(failed)} cases failed: {' '.join(failed)}" if failed else "every case passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
