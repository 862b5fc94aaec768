"""What the images must hold, and what they must do in a CI job: each test is one job against a sandbox on this machine's loopback."""

import gzip
import json
import os
import re
import shlex
import signal
import stat
import statistics
import tarfile
import time

import pytest
from github_runner import CANCEL, stage, statuses
from harness import load, read, run, until
from support import ACTION, DOCKER_ENV, METADATA, OUTPUTS, SHELL, VERSION, Attached, docker, each, following, replace, sandbox

# Bytes of the image for the Action: its files, and what goes over the network. `.ci/release/build` reads them here.
DISK_LIMIT = 5_000_000
NETWORK_LIMIT = 2_500_000
# What a follow may take: resident KiB, and CPU seconds for as many polls as a deployment of a quarter of an hour gets.
MEMORY_LIMIT, CPU_LIMIT, POLLS = 8 * 1024, 0.1, 70

POST = METADATA["runs"]["post-entrypoint"]
REPORT = {"report": "auto"}
# What the engine puts into every container by itself.
OF_THE_ENGINE = re.compile(r"(\.dockerenv|(dev|proc|sys)(/.*)?|etc/(hostname|hosts|mtab|resolv\.conf))$")


def files_of(image, tmp_path):
    """The files of an image, each with its mode, owner and the target of a link, and their bytes in all."""
    container = docker("create", image, "/none")
    docker("export", "--output", tmp_path / "image.tar", container)
    docker("rm", container)
    with tarfile.open(tmp_path / "image.tar") as archive:
        members = [member for member in archive if not OF_THE_ENGINE.match(member.name)]
    kind = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK}
    what = {one.name: (stat.filemode(one.mode | kind.get(one.type, stat.S_IFREG)), one.uid, one.gid, one.linkname) for one in members}
    return what, sum(member.size for member in members)


def test_contents(tmp_path):
    """The images hold what they should and nothing else, and the Action's is small."""
    folder, plain, program = ("drwxr-xr-x", 0, 0, ""), ("-rw-r--r--", 0, 0, ""), ("-rwxr-xr-x", 0, 0, "")

    def link(to):
        return ("lrwxrwxrwx", 0, 0, to)

    roots = dict.fromkeys(("etc", "etc/ssl", "etc/ssl/certs"), folder) | {"etc/ssl/certs/ca-certificates.crt": plain}
    found, disk = files_of(ACTION, tmp_path)
    assert found == roots | {"deploy-hook": program, "deploy-hook-post": link("deploy-hook")}
    docker("save", "--output", tmp_path / "saved.tar", ACTION)
    network = len(gzip.compress((tmp_path / "saved.tar").read_bytes(), 9))
    print(f"the Action's image: {disk} bytes on disk, {network} compressed")
    assert disk <= DISK_LIMIT and network <= NETWORK_LIMIT
    applets = "sh awk base64 cat chmod date env find grep kill ls mkdir rm sleep tail touch".split()
    found, disk = files_of(SHELL, tmp_path)
    assert found == roots | {f"bin/{name}": link("busybox") for name in applets} | dict.fromkeys(("bin", "usr", "usr/bin"), folder) | {
        "bin/busybox": program,
        "tmp": ("drwxrwxrwt", 0, 0, ""),
        "usr/bin/deploy-hook": program,
        "usr/bin/deploy-hook-post": link("deploy-hook"),
        "usr/bin/env": link("../../bin/busybox"),
    }
    print(f"the image with a shell: {disk} bytes on disk")


@pytest.mark.parametrize(("image", "entrypoint", "command"), [(ACTION, ["/deploy-hook"], None), (SHELL, None, ["/bin/sh"])])
def test_configuration(image, entrypoint, command):
    """Entrypoint, user and labels. Who is not root could not write the runner's files."""
    config = json.loads(docker("image", "inspect", image))[0]["Config"]
    assert (config.get("Entrypoint") or None, config.get("Cmd") or None, config.get("User") or "") == (entrypoint, command, "")
    assert not any(config.get(name) for name in ("ExposedPorts", "Volumes", "OnBuild", "Healthcheck"))
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}
    assert (labels["title"], labels["licenses"]) == ("deploy-hook", "MIT OR Apache-2.0")


def test_succeeds():
    """A deployment succeeds; the commit's status is closed; the post step has nothing to do."""
    with stage(inputs=REPORT) as (platform, job, github):
        result = job.step().result(0, outcome="succeeded", succeeded="true", state="SUCCEEDED")
        assert set(platform.secrets) <= set(result.masks), "every secret is masked itself, not only as a part of another one"
        assert platform.deployed("SUCCEEDED") == [result.outputs["deployment-id"]]
        assert sorted(result.outputs) == OUTPUTS
        assert "### ✅ Succeeded" in result.summary
        states = statuses(github)
        assert states[-1] == "success"
        after = job.step(entrypoint=POST, state=result.state).result(0)
        assert (after.outputs, statuses(github), len(platform.deployments())) == ({}, states, 1)
        assert "The run closed all its reports" in after.log


@pytest.mark.parametrize(("cancel", "code"), [(CANCEL, 130), ([(signal.SIGTERM, 20)], 143)])
def test_canceled(cancel, code):
    """The runner cancels: the first signal ends it within five seconds, everything is written, the container is gone."""
    with stage(inputs=REPORT, scenario="stuck", speed=40) as (platform, job, github):
        step = job.step()
        step.wait_for("BUILDING")
        assert step.signal(*cancel) == cancel[0][0]
        result = step.result(code, outcome="interrupted", succeeded="false")
        print(f"canceled in {result.seconds:.2f} s")
        assert result.seconds <= 5 and "Interrupted" in result.summary
        assert statuses(github)[-1] == "error" and len(platform.deployments()) == 1


def test_killed():
    """A run that is killed leaves its status open; the post step closes it and triggers nothing."""
    with stage(inputs=REPORT, scenario="stuck", speed=40) as (platform, job, github):
        step = job.step()
        step.wait_for("BUILDING")
        until(lambda: step.files["GITHUB_STATE"].stat().st_size)
        step.kill()
        result = step.result(137)
        assert result.outputs["deployment-id"] == platform.deployments()[0]["id"], "known before the end"
        assert statuses(github)[-1] == "pending"
        after = job.step(entrypoint=POST, state=result.state).result(0)
        assert statuses(github)[-1] == "error" and "commit status" in after.log
        assert len(platform.deployments()) == 1


@pytest.mark.parametrize("state", [{}, {"deploy_hook_records": "{}"}, {"deploy_hook_records": "no JSON"}])
def test_post_step_sends_nothing(state):
    """The post step sends nothing, whatever the state it gets."""
    with stage() as (platform, job, github):
        job.step(entrypoint=POST, state=state).result(0)
        assert (platform.deployments(), github.calls) == ([], [])


def test_locked_down():
    """A read-only root, no capabilities, no new privileges. Without capabilities root may write only what everybody may."""
    options = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    with stage() as (_, job, _):
        result = job.step(options=options, mode=0o666).result(0, outcome="succeeded")
        assert result.summary


@pytest.mark.parametrize("how", [{"options": ("--cap-drop", "ALL"), "mode": 0o444}, {"readonly_files": True}])
def test_files_of_another_user(how):
    """Files that root may not write, and a folder mounted read-only: the verdict stands, and the missing files are reported."""
    with stage(scenario="instant") as (_, job, _):
        result = job.step(**how).result(0)
        assert result.outputs == {} and "could not be written" in result.log


# --- the examples for other CI systems, started as these do ---


WOODPECKER = load(read("examples/woodpecker/deploy.yml"))["steps"][0]["entrypoint"]
[DRONE] = load(read("examples/drone/.drone.yml"))["steps"][0]["commands"]
[BITBUCKET] = load(read("examples/bitbucket/bitbucket-pipelines.yml"))["pipelines"]["branches"]["main"][0]["step"]["script"]
CIRCLECI = load(read("examples/circleci/config.yml"))["jobs"]["deploy"]
[JENKINS] = re.findall(r"^ +sh '''\n(.*?)\n +'''$", read("examples/jenkins/Jenkinsfile"), re.M | re.S)
# On the agent itself: with the image that is here, and the way to the platform.
JENKINS = replace(JENKINS, {f"ghcr.io/OWNER/deploy-hook:{VERSION}": ACTION, "--rm": "--rm --network host --env DEPLOY_HOOK_API_URL"})


def on_docker(folder, entrypoint, *command):
    """A step's `docker run`, and the folder it works in."""
    line = ["docker", "run", "--rm", "--network", "host", "--name", f"deployhooktest-{folder.name}", "--volume", f"{folder}:/work", "--workdir", "/work"]
    line += each("--env", ["CI", "DEPLOY_HOOK_URL", "FRBIT_TOKEN", "DEPLOY_HOOK_API_URL"])
    return [*line, *(["--entrypoint", entrypoint] if entrypoint else []), SHELL, *command]


# How each starts its step (None: on the agent, without a container of its own), and whether the example keeps the report files.
@pytest.mark.parametrize(
    ("entrypoint", "command", "files"),
    [
        pytest.param("/bin/sh", ["-c", f"echo {shlex.quote(DRONE)} | /bin/sh"], False, id="drone"),
        pytest.param(WOODPECKER[0], WOODPECKER[1:], False, id="woodpecker"),
        pytest.param("", ["/bin/sh", "-ec", BITBUCKET], True, id="bitbucket"),
        pytest.param("", [*CIRCLECI["shell"].split(), "-c", CIRCLECI["steps"][0]["run"]["command"]], True, id="circleci"),
        pytest.param(None, ["sh", "-xe", "-c", JENKINS], True, id="jenkins"),
    ],
)
@pytest.mark.parametrize(("scenario", "code", "outcome"), [("success", 0, "succeeded"), ("build-fails", 1, "failed")])
def test_example(entrypoint, command, files, scenario, code, outcome, tmp_path):
    """The commands of the examples for other CI systems deploy, end with the verdict's code, and leave what they promise."""
    with sandbox(scenario=scenario, speed=200) as platform:
        line = command if entrypoint is None else on_docker(tmp_path, entrypoint, *command)
        log = run(*line, code=code, env=os.environ | platform.variables | {"CI": "true"}, cwd=tmp_path, timeout=60)
        assert f" {outcome} after " in log, log
        platform.holds_no_secret(log)
        found = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("report/*")}
        assert sorted(found) == (["deploy-hook-annotations.json", "deploy-hook-summary.md", "deploy-hook.env"] if files else [])
        assert not files or f"DEPLOY_HOOK_OUTCOME={outcome}\n" in found["deploy-hook.env"]


def test_woodpecker_cancel(tmp_path):
    """Woodpecker's cancel: SIGTERM to the step's first process, which in the example is the program."""
    with sandbox(scenario="stuck", speed=40) as platform:
        step = Attached(on_docker(tmp_path, *WOODPECKER), DOCKER_ENV | platform.variables | {"CI": "true"})
        step.wait_for("BUILDING")
        docker("stop", "-t", "20", f"deployhooktest-{tmp_path.name}")
        assert step.end()[0] == 143 and "nterrupted" in step.log


# --- what it costs ---


def test_costs_little():
    """Memory and CPU of a follow that polls once a second."""
    peak, _, poll = following(10)
    print(f"at most {peak / 1024:.1f} MiB resident, {poll * 1000:.1f} ms of CPU a poll")
    assert peak <= MEMORY_LIMIT and 0 < poll * POLLS <= CPU_LIMIT


def test_starts():
    """It starts; how long an empty run takes is shown, the engine's part included, and judged by nobody."""
    took = []
    for _ in range(5):
        began = time.monotonic()
        assert docker("run", "--rm", ACTION, "--version").startswith("deploy-hook ")
        took.append(time.monotonic() - began)
    print(f"`docker run --rm` takes {statistics.median(took) * 1000:.0f} ms (median of {len(took)})")
