"""What the tests with containers share: docker, and processes in containers. The scripts beside this file build the images."""

import contextlib
import os
import re
import ssl
import subprocess
import tempfile
import time
import tomllib
from pathlib import Path

import trustme
from harness import Sandbox, git, load, read, run, until, write

# The project's, and what the tests need beside them.
ACTION, SHELL, PARTS, FAR, RSYNC = (f"deploy-hook-test:{name}" for name in ("action", "shell", "parts", "far", "rsync"))
# What the examples name.
VERSION = tomllib.loads(read("Cargo.toml"))["package"]["version"]
BASE = re.search(r"^ARG RUST_IMAGE=(.*)$", read("Dockerfile"), re.M)[1]
# What the docker command itself needs to find its engine.
DOCKER_ENV = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("DOCKER_")}
OUTPUTS = sorted(load(read("action.yml"))["outputs"])

# For what may hang. At this signal act and gitlab-ci-local end their containers too.
TIMEOUT = ("timeout", "--signal=INT", "--kill-after=20", "600")
# The platforms that have examples of their own, and their words for a success and a failure.
PLATFORMS = {"render": ("live", "build_failed"), "vercel": ("READY", "ERROR"), "netlify": ("ready", "error")}
PLATFORMS |= {"coolify": ("finished", "failed")}
# Of nobody, and no answer of Render's.
RENDER_HOOK = "/deploy/srv-d0a1b2c3d4e5f6g7h8i9?key=Qk7_zXw3vYt"
# GitLab's: the site of `production`, a token, and the files of a run.
MAIN = "https://www.example.com/"
COMMENT_TOKEN = "glpat-16C7e42F292c6912E77a"
REPORTS = ["deploy-hook-annotations.json", "deploy-hook-summary.md", "deploy-hook.env"]


def docker(*arguments, **how):
    """What a docker command prints."""
    return run("docker", *arguments, stderr=subprocess.PIPE, **how)


def forget(*arguments):
    """A docker command for tidying up, which may fail."""
    subprocess.run(["docker", *arguments], check=False, capture_output=True)


def copy_out(image, path, to):
    """Copies a file out of an image, and gives back where it is."""
    container = docker("create", image, "/none")
    docker("cp", f"{container}:{path}", to)
    forget("rm", container)
    return to


def each(option, words):
    """The option before each of these words."""
    return [part for word in words for part in (option, word)]


def replace(text, replaced):
    """The text with other parts; each has to be there."""
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return text


def repository(folder, url, files):
    """A user's repository, whose tests pass, and beside it what a job has instead of Docker's command."""
    stub = '#!/bin/sh\nif [ "$1" = login ]; then cat >/dev/null; fi\necho "stub: $*"\n'
    write(folder, {"Makefile": "test:\n\techo tested >tested\n", "../docker": stub, **files})
    (folder.parent / "docker").chmod(0o755)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "remote", "add", "origin", url)
    git(folder, "add", "--all", "--force", ":!.gitlab-ci-local")
    git(folder, "commit", "--quiet", "--message", "site")


def assert_reports(files, *names, **wanted):
    """The files of a run, whatever its end, and some of its outputs. Without any wanted, it was bad input."""
    assert set(names) <= set(files)
    found = dict(line.split("=", 1) for line in files["deploy-hook.env"].splitlines())
    outputs = OUTPUTS if wanted else ["message", "platform", "succeeded"]
    assert sorted(found) == sorted(f"DEPLOY_HOOK_{name.upper().replace('-', '_')}" for name in outputs)
    assert {name: found[f"DEPLOY_HOOK_{name.upper()}"] for name in wanted} == wanted


def sandbox(network="host", **how):
    return Sandbox(launcher=("docker", "run", "--rm", "--network", network, ACTION), **how)


def following(seconds):
    """What a follow in the image takes that polls each second, for so long: KiB at most, KiB at the end, and CPU seconds a poll."""
    with sandbox(scenario="stuck", speed=1) as platform:
        names = each("--env", ["DEPLOY_HOOK_URL", "DEPLOY_HOOK_API_URL"])
        options = ("--poll-interval", "1s", "--timeout", "10m")
        container = docker("run", "--detach", "--network", "host", *names, ACTION, "deploy", *options, env=os.environ | platform.variables)
        process = Path("/proc", docker("inspect", "--format", "{{.State.Pid}}", container))

        try:
            until(platform.deployments)
            used = 0
            for pause in (3, seconds):
                time.sleep(pause)
                # In nanoseconds: the ticks of `stat` are as long as several polls.
                used = int((process / "schedstat").read_text().split()[0]) / 1e9 - used
            memory = dict(re.findall(r"(VmHWM|VmRSS):\s+(\d+) kB", (process / "status").read_text()))
        finally:
            forget("rm", "--force", container)
    return int(memory["VmHWM"]), int(memory["VmRSS"]), used / seconds


def certificates(folder, *names):
    """An authority `ca.pem`, another one, `other.pem`, and `server.pem`, the first one's for these names, also as a server's TLS."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other.pem")
    ca.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    context.load_cert_chain(folder / "server.pem")
    return context


class Attached:
    """A docker command that is attached to a container, and its log as it comes."""

    def __init__(self, command, env=None, stdin=""):
        self.file = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=self.file, stderr=subprocess.STDOUT, text=True)
        # Less than a pipe holds; and a container need not read it.
        with contextlib.suppress(BrokenPipeError), self.process.stdin:
            self.process.stdin.write(stdin)

    @property
    def log(self):
        """The log so far, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", Path(self.file.name).read_text(encoding="utf-8", errors="replace"))

    def wait_for(self, text):
        """Waits until the log holds this text, in capitals or not."""
        until(lambda: text.lower() in self.log.lower())

    def end(self, limit=300):
        """The exit code."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            raise AssertionError(f"not at its end after {limit} s:\n{self.log}") from error
