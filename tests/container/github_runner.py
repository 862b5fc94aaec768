"""GitHub's runner as far as a container action meets it: the runner's own `docker run` line, its files, and how it cancels.

Source: actions/runner 2.336 (ContainerActionHandler.cs, DockerCommandManager.cs, ProcessInvoker.cs, HostContext.cs).
The strict reader of the log's commands and of the files is in tests/it/cli/runner.rs.
"""

import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from harness import TOKEN, serve_api, write
from support import ACTION, DOCKER_ENV, METADATA, OUTPUTS, Attached, each, sandbox

SHA = "3f786850e387550fdab836ed7e6dc881de23001b"
# Under which variables the step finds its files.
FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")
# Of the runner's variables those that the program reads, and some that it must leave alone.
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "octocat",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_EVENT_PATH": "/github/workflow/event.json",
    "GITHUB_REF_NAME": "main",
    "GITHUB_REPOSITORY": "octo/site",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_NUMBER": "7",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_SHA": SHA,
    "GITHUB_WORKSPACE": "/github/workspace",
    "HOME": "/github/home",
    "RUNNER_DEBUG": "1",
    "RUNNER_TEMP": "/github/runner_temp",
    "ACTIONS_RUNTIME_URL": "https://127.0.0.1:1/",
    "ACTIONS_RUNTIME_TOKEN": "eyJhbGciOiJSUzI1NiJ9.cnVudGltZQ.c2lnbmF0dXJl",
    "CI": "true",
}

Result = collections.namedtuple("Result", "log outputs state summary masks")


def pairs(path):
    """A file of outputs or state: every value between delimiters."""
    found = re.findall(r"^([\w-]+)<<(\S+)\n(.*?)\n?\2\n", path.read_text(encoding="utf-8"), re.M | re.S)
    return {name: value for name, _, value in found}


class Job:
    """A job against a sandbox: the folders that its steps share, and what they are given. Nothing may be left in them."""

    def __init__(self, platform, inputs=None, api="https://127.0.0.1:1"):
        self.platform, self.folder = platform, Path(tempfile.mkdtemp(prefix="dh-"))
        self.home, self.files, self.workspace = (self.folder / name for name in ("_temp/home", "_temp/files", "site"))
        for folder in (self.home, self.files, self.workspace):
            folder.mkdir(parents=True)
        event = {"ref": "refs/heads/main", "repository": {"full_name": "octo/site"}, "sender": {"login": "octocat"}}
        write(self.folder, {"_temp/workflow/event.json": json.dumps(event)})
        given = {name: str(fields.get("default", "")) for name, fields in METADATA["inputs"].items()}
        given |= {"hook-url": platform.hook, "api-token": platform.token, "api-url": platform.manage, "environment": "production"}
        given |= {"github-token": TOKEN, "report": "summary", **(inputs or {})}
        self.env = {f"INPUT_{name.upper()}": value for name, value in given.items()} | GITHUB | {"GITHUB_API_URL": api}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        left = [str(path) for folder in (self.workspace, self.home) for path in folder.rglob("*")]
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not left, f"files left in the workspace or home: {left}"

    def step(self, **how):
        return Step(self, **how)


class Step(Attached):
    """One `docker run` of the runner's."""

    def __init__(self, job, entrypoint=None, state=None, network="host", options=(), mode=0o644, readonly_files=False):
        self.job, key = job, uuid.uuid4()
        self.files = {variable: job.files / f"{variable}_{key}" for variable in FILES}
        for path in self.files.values():
            path.touch()
            path.chmod(mode)
            if os.geteuid() == 0:
                os.chown(path, 1001, 1001)
        given = job.env | {f"STATE_{name}": value for name, value in (state or {}).items()}
        given |= {variable: f"/github/file_commands/{path.name}" for variable, path in self.files.items()}
        mounts = {
            job.folder / "_temp": "/github/runner_temp",
            job.home: "/github/home",
            job.folder / "_temp/workflow": "/github/workflow",
            job.files: "/github/file_commands" + (":ro" if readonly_files else ""),
            job.workspace: "/github/workspace",
        }
        self.name = f"deployhooktest_{key.hex[:6]}"
        line = ["docker", "run", "--name", self.name, "--label", "deployhooktest", "--rm", "--network", network]
        line += ["--workdir", "/github/workspace", *(["--entrypoint", entrypoint] if entrypoint else [])]
        line += [*each("-e", given), *each("-v", [f"{here}:{there}" for here, there in mounts.items()])]
        super().__init__([*line, *options, ACTION], env=DOCKER_ENV | given)

    def result(self, code, **outputs):
        """Waits for the end and reads what there is. What must hold for every run is checked here."""
        found = self.end()
        assert found == code, f"exit code {found}, expected {code}:\n{self.log}"
        there = subprocess.run(["docker", "container", "inspect", self.name], check=False, capture_output=True)
        assert there.returncode, "the container is still there"
        given, state = pairs(self.files["GITHUB_OUTPUT"]), pairs(self.files["GITHUB_STATE"])
        summary = self.files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        assert not any(self.files[name].stat().st_size for name in ("GITHUB_ENV", "GITHUB_PATH")), "later steps are changed"
        assert set(given) <= set(OUTPUTS) and {name: given.get(name) for name in outputs} == outputs, self.log
        lines = self.log.splitlines()
        masks = [line.removeprefix("::add-mask::").replace("%25", "%") for line in lines if line.startswith("::add-mask::")]
        log = "\n".join(line for line in lines if not line.startswith("::add-mask::"))
        self.job.platform.holds_no_secret(log, summary, json.dumps(state), json.dumps(given))
        return Result(log, given, state, summary, masks)


def statuses(github):
    """The states that the commit was given, in their order. Nothing else was sent."""
    asked = {(call.method, call.path, call.token) for call in github.calls}
    assert asked == {("POST", f"/repos/octo/site/statuses/{SHA}", TOKEN)}
    return [call.json["state"] for call in github.calls]


@contextlib.contextmanager
def stage(*, inputs=None, **how):
    with sandbox(**how) as platform, serve_api() as github, Job(platform, inputs, api=github.url) as job:
        yield platform, job, github
