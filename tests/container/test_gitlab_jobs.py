"""Jobs on GitLab's Docker executor, as its runner makes, cancels and ends them. tests/container/gitlab calls it.

Source: gitlab-org/gitlab-runner (shells/bash.go, executors/docker/docker_command.go, executors/docker/internal/exec and wait).
What the program does in each case is in tests/it/gitlab; here stands what only a container can show.
"""

import contextlib
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import serve_api, until
from support import ACTION, COMMENT_TOKEN, MAIN, REPORTS, SHELL, Attached, assert_reports, docker, each, forget, sandbox

PROJECT = "/builds/octo/site"
# What the runner asks every image for: a shell. An image with an ENTRYPOINT gets these words as its arguments.
SHELLS = [f"{folder}/{name}" for name in ("bash", "sh") for folder in ("/usr/local/bin", "/usr/bin", "/bin")] + ["/busybox/sh"]
DETECT = "el".join(f"if [ -x {shell} ]; then\n\texec {shell} \n" for shell in SHELLS) + "else\n\techo shell not found\n\texit 1\nfi\n\n"
# What a cancel runs in the container: SIGTERM to everybody but the first process, the youngest first, and waits for each.
TERMINATE = """PROCS=$(cd /proc && ls -rvd [0-9]*) &&
for P in $PROCS; do if [ $$ -ne $P ] && [ $P -ne 1 ]; then kill -TERM $P 2>/dev/null && ATTEMPTS=6 &&
while [ -e /proc/$P ] && [ $ATTEMPTS -gt 0 ]; do sleep 1 && ATTEMPTS=$((ATTEMPTS-1)); done; fi; done"""
# Seconds that it may take, and that the container then has between SIGTERM and SIGKILL: twice the runner's, for a busy machine.
TERMINATE_LIMIT, STOP_LIMIT = 20, 20
VARIABLES = {"CI": "true", "GITLAB_CI": "true", "CI_JOB_ID": "77", "CI_PIPELINE_ID": "7", "CI_PROJECT_ID": "7", "CI_PROJECT_DIR": PROJECT}
VARIABLES |= {"CI_COMMIT_SHA": "3f786850e387550fdab836ed7e6dc881de23001b", "CI_ENVIRONMENT_NAME": "production", "CI_ENVIRONMENT_URL": MAIN}
# The image with the program alone ignores what is run in it.
DEPLOY, NEVER = "exec deploy-hook deploy", "echo never run"


class Job:
    """A job: its folder for builds, its variables, and the container as long as there is one."""

    def __init__(self, image, folder, platform, gitlab):
        self.image, self.folder, self.platform, self.container = image, folder, platform, None
        self.project = folder / "octo/site"
        self.project.mkdir(parents=True)
        self.variables = VARIABLES | platform.variables | {"GITLAB_TOKEN": COMMENT_TOKEN, "CI_API_V4_URL": f"{gitlab.url}/api/v4"}
        platform.secrets.append(COMMENT_TOKEN)

    def start(self, script):
        """A stage begins: in the container of the stage before, if it is still there."""
        if not self.container:
            line = ["create", "--interactive", "--network", "host", "--volume", f"{self.folder}:/builds", *each("--env", self.variables)]
            # The values on no command line.
            self.container = docker(*line, self.image, "sh", "-c", DETECT, env=os.environ | self.variables)
        script = shlex.quote(f"cd {PROJECT}\n{script}")
        generated = f"trap exit 1 TERM\n\nset -o errexit\nset +o noclobber\n: | eval {script}\nexit 0\n"
        return Attached(["docker", "start", "--attach", "--interactive", self.container], stdin=generated)

    def finish(self, stage):
        """The exit code and the log of a stage, in which is no secret."""
        code = stage.end()
        self.platform.holds_no_secret(stage.log)
        return code, stage.log

    def cancel(self, stage):
        """A cancel, from the script that sends SIGTERM to the container's removal: exit code and log."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Without a shell in the image this fails, and nobody minds.
            line = ["docker", "exec", self.container, "sh", "-c", TERMINATE]
            subprocess.run(line, check=False, capture_output=True, timeout=TERMINATE_LIMIT)
        docker("stop", "--time", STOP_LIMIT, self.container)
        ended = self.finish(stage)
        self.remove()
        return ended

    def files(self):
        return {path.name: path.read_text(encoding="utf-8") for path in self.project.iterdir() if path.is_file()}

    def remove(self):
        if self.container:
            forget("rm", "--force", "--volumes", self.container)
        self.container = None


@contextlib.contextmanager
def job(image, scenario):
    with tempfile.TemporaryDirectory(prefix="dh-gitlab-", ignore_cleanup_errors=True) as folder:
        with sandbox(scenario=scenario) as platform, serve_api(listed=b"[]") as gitlab:
            one = Job(image, Path(folder), platform, gitlab)
            yield platform, gitlab, one
            one.remove()


@pytest.mark.parametrize(("image", "script"), [(SHELL, DEPLOY), (ACTION, NEVER)])
@pytest.mark.parametrize(("scenario", "code", "outcome"), [("success", 0, "succeeded"), ("build-fails", 1, "failed")])
def test_job(image, script, scenario, code, outcome):
    """Exit code and files of a job; its `after_script`, a second start of the container, triggers nothing and changes no file."""
    with job(image, scenario) as (platform, _, one):
        found, log = one.finish(one.start(script))
        assert found == code and outcome in log, log
        written = one.files()
        assert_reports(written, *REPORTS, outcome=outcome, environment_url=MAIN)
        # The program's second start ends as its first did; a shell goes by its own script.
        after, log = one.finish(one.start("echo after the job"))
        assert (after, "after the job" in log) == ((0, True) if image == SHELL else (code, False))
        assert (one.files(), len(platform.deployments())) == (written, 1)


# The shell around the program is sent the signal too, and may have its own idea of an exit code.
@pytest.mark.parametrize(("image", "script", "code"), [(SHELL, DEPLOY, 143), (ACTION, NEVER, 143), (SHELL, "deploy-hook deploy", None)])
def test_job_canceled(image, script, code):
    """A cancel: closed and written before the runner kills it, and the `after_script` in a new one does nothing."""
    with job(image, "stuck") as (platform, gitlab, one):
        stage = one.start(script)
        stage.wait_for("building")
        until(lambda: any(call.method == "POST" for call in gitlab.calls))
        found, log = one.cancel(stage)
        assert code in (found, None) and "nterrupted" in log
        written, calls, [deployment] = one.files(), list(gitlab.calls), platform.deployments()
        assert_reports(written, *REPORTS, outcome="interrupted", succeeded="false", deployment_id=deployment["id"])
        assert {call.token for call in calls} == {COMMENT_TOKEN}
        states = [f"{call.path} {call.body}" for call in calls if call.method == "POST"]
        assert "running" in states[0] and "canceled" in states[-1]
        # The container is a new one, whose variables know how the job ended.
        one.variables["CI_JOB_STATUS"] = "canceled"
        assert one.finish(one.start("echo after"))[0] == 0
        assert (one.files(), len(platform.deployments()), gitlab.calls) == (written, 1, calls)
