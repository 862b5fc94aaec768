"""GitLab's runner as far as a job on its Docker executor meets it: makes the container as the runner does, writes the generated script
into it, cancels it, and starts it again for `after_script`.

Source: gitlab-org/gitlab-runner (shells/bash.go, executors/docker/docker_command.go, executors/docker/internal/exec and wait).
The strict readers of the log and the files are in tests/it/gitlab.
"""

import contextlib
import os
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

from support import OUTPUTS, Attached, docker, each, forget, sandbox

PROJECT = "/builds/octo/site"
MAIN = "https://www.example.com/"
COMMENT_TOKEN = "glpat-16C7e42F292c6912E77a"
REPORTS = ["deploy-hook-annotations.json", "deploy-hook-summary.md", "deploy-hook.env"]
# What the runner asks every image for: a shell. An image with an ENTRYPOINT gets these words as its arguments.
SHELLS = [f"{folder}/{name}" for name in ("bash", "sh") for folder in ("/usr/local/bin", "/usr/bin", "/bin")] + ["/busybox/sh"]
DETECT = "el".join(f"if [ -x {shell} ]; then\n\texec {shell} \n" for shell in SHELLS) + "else\n\techo shell not found\n\texit 1\nfi\n\n"
# What a cancel runs in the container: SIGTERM to everybody but the first process, the youngest first, and waits for each.
TERMINATE = (
    "PROCS=$(cd /proc && ls -rvd [0-9]*) &&\nfor P in $PROCS; do\n\tif [ $$ -ne $P ] && [ $P -ne 1 ]; then\n"
    "\t\tkill -TERM $P 2>/dev/null &&\n\t\tATTEMPTS=6 &&\n\t\twhile [ -e /proc/$P ] && [ $ATTEMPTS -gt 0 ]; do\n"
    "\t\t\tsleep 1 && ATTEMPTS=$((ATTEMPTS-1));\n\t\tdone;\n\tfi;\ndone\n"
)
# Seconds that it may take, and that the container then has between SIGTERM and SIGKILL.
TERMINATE_LIMIT, STOP_LIMIT = 10, 10
# Of the predefined variables those that the program reads.
VARIABLES = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_API_V4_URL": "https://127.0.0.1:1/api/v4",
    "CI_COMMIT_REF_NAME": "main",
    "CI_COMMIT_SHA": "3f786850e387550fdab836ed7e6dc881de23001b",
    "CI_ENVIRONMENT_NAME": "production",
    "CI_ENVIRONMENT_URL": "https://www.example.com",
    "CI_JOB_ID": "77",
    "CI_JOB_TIMEOUT": "3600",
    "CI_JOB_URL": "https://gitlab.example.com/octo/site/-/jobs/77",
    "CI_PIPELINE_ID": "7",
    "CI_PIPELINE_SOURCE": "push",
    "CI_PROJECT_DIR": PROJECT,
    "CI_PROJECT_ID": "1217",
    "CI_PROJECT_PATH": "octo/site",
}


def generated(script, exports):
    """The script that the runner writes into the container for these lines of a job's."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exports.items()] + [f"cd {shlex.quote(PROJECT)}"]
    lines += [text for line in script for text in (f"echo {shlex.quote(chr(27) + '[32;1m$ ' + line + chr(27) + '[0;m')}", line)]
    quoted = "\n".join(lines).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace(chr(27), "\\x1b")
    return (
        "#!/usr/bin/env bash\n\ntrap exit 1 TERM\n\n"
        "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\n"
        f"set +o noclobber\n: | eval $'{quoted}'\nexit 0\n"
    )


def assert_reports(files, *names, **wanted):
    """The files of a run, whatever its end, and some of its outputs. Without any wanted, it was bad input."""
    assert set(names) <= set(files)
    found = dict(line.split("=", 1) for line in files["deploy-hook.env"].splitlines())
    outputs = OUTPUTS if wanted else ["message", "platform", "succeeded"]
    assert sorted(found) == sorted(f"DEPLOY_HOOK_{name.upper().replace('-', '_')}" for name in outputs)
    assert {name: found[f"DEPLOY_HOOK_{name.upper()}"] for name in wanted} == wanted


class Job:
    """A job: its folder for builds, its variables, and the container as long as there is one."""

    def __init__(self, image, folder, platform, variables):
        self.image, self.folder, self.platform, self.container = image, folder, platform, None
        self.project = folder / "octo/site"
        self.project.mkdir(parents=True)
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.variables = VARIABLES | {"CI_JOB_STARTED_AT": started} | platform.variables | variables

    def start(self, *script):
        """A stage begins: in the container of the stage before, if it is still there."""
        if not self.container:
            line = ["create", "--interactive", "--network", "host", "--volume", f"{self.folder}:/builds", *each("--env", self.variables)]
            # The values on no command line.
            self.container = docker(*line, self.image, "sh", "-c", DETECT, env=os.environ | self.variables)
        return Attached(["docker", "start", "--attach", "--interactive", self.container], stdin=generated(script, self.variables))

    def cancel(self, stage):
        """A cancel, from the script that sends SIGTERM to the container's removal: exit code."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Without a shell in the image this fails, and nobody minds.
            line = ["docker", "exec", self.container, "sh", "-c", TERMINATE]
            subprocess.run(line, check=False, capture_output=True, timeout=TERMINATE_LIMIT)
        docker("stop", "--time", STOP_LIMIT, self.container)
        ended = stage.end()
        self.remove()
        return ended

    def finish(self, *script):
        """A stage from its start to its end: exit code and log."""
        stage = self.start(*script)
        return stage.end(), self.shown(stage)

    def shown(self, stage):
        """The log. No secret is in it."""
        self.platform.holds_no_secret(stage.log)
        return stage.log

    def files(self):
        return {path.name: path.read_text(encoding="utf-8") for path in self.project.iterdir() if path.is_file()}

    def remove(self):
        if self.container:
            forget("rm", "--force", "--volumes", self.container)
        self.container = None


@contextlib.contextmanager
def job(image, *, variables=None, **how):
    with tempfile.TemporaryDirectory(prefix="dh-gitlab-", ignore_cleanup_errors=True) as folder, sandbox(**how) as platform:
        one = Job(image, Path(folder), platform, variables or {})
        yield platform, one
        one.remove()
