"""What the images must hold, and what they must do in a CI job: each test is one job against a sandbox on this machine's loopback."""

import contextlib
import gzip
import json
import os
import re
import shlex
import signal
import stat
import tarfile

import pytest
from harness import TOKEN, load, read, run, serve_api, write
from support import ACTION, DOCKER_ENV, REPORTS, SHELL, VERSION, Attached, docker, each, following, replace, sandbox

# Bytes of the image for the Action: its files, and what goes over the network. `.ci/release/build` reads them here.
DISK_LIMIT = 5_000_000
NETWORK_LIMIT = 2_500_000
# What a follow may take: resident KiB, and CPU seconds for as many polls as a deployment of a quarter of an hour gets.
MEMORY_LIMIT, CPU_LIMIT, POLLS = 8 * 1024, 0.1, 70

SHA = "3f786850e387550fdab836ed7e6dc881de23001b"
# What the engine puts into every container by itself.
OF_THE_ENGINE = re.compile(r"(\.dockerenv|(dev|proc|sys)(/.*)?|etc/(hostname|hosts|mtab|resolv\.conf))$")
FOLDER, PLAIN, PROGRAM = ("drwxr-xr-x", 0, 0, ""), ("-rw-r--r--", 0, 0, ""), ("-rwxr-xr-x", 0, 0, "")


def link(to):
    return ("lrwxrwxrwx", 0, 0, to)


ROOTS = dict.fromkeys(("etc", "etc/ssl", "etc/ssl/certs"), FOLDER) | {"etc/ssl/certs/ca-certificates.crt": PLAIN}
IN_ACTION = ROOTS | {"deploy-hook": PROGRAM, "deploy-hook-post": link("deploy-hook")}
APPLETS = "sh awk base64 cat chmod date env find grep kill ls mkdir rm sleep tail touch".split()
IN_SHELL = ROOTS | dict.fromkeys(("bin", "usr", "usr/bin"), FOLDER) | {f"bin/{name}": link("busybox") for name in APPLETS}
IN_SHELL |= {"bin/busybox": PROGRAM, "usr/bin/env": link("../../bin/busybox"), "tmp": ("drwxrwxrwt", 0, 0, "")}
IN_SHELL |= {"usr/bin/deploy-hook": PROGRAM, "usr/bin/deploy-hook-post": link("deploy-hook")}


@pytest.mark.parametrize(
    ("image", "entrypoint", "command", "files"), [(ACTION, ["/deploy-hook"], None, IN_ACTION), (SHELL, None, ["/bin/sh"], IN_SHELL)]
)
def test_contents(image, entrypoint, command, files, tmp_path):
    """The images hold what they should and nothing else. Who is not root could not write the runner's files."""
    container = docker("create", image, "/none")
    docker("export", "--output", tmp_path / "image.tar", container)
    docker("rm", container)
    with tarfile.open(tmp_path / "image.tar") as archive:
        members = [member for member in archive if not OF_THE_ENGINE.match(member.name)]
    kind = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK}
    modes = {one.name: stat.filemode(one.mode | kind.get(one.type, stat.S_IFREG)) for one in members}
    assert {one.name: (modes[one.name], one.uid, one.gid, one.linkname) for one in members} == files

    config = json.loads(docker("image", "inspect", image))[0]["Config"]
    assert [config.get(name) or None for name in ("Entrypoint", "Cmd", "User")] == [entrypoint, command, None]
    assert not any(config.get(name) for name in ("ExposedPorts", "Volumes", "OnBuild", "Healthcheck"))
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}
    assert (labels["title"], labels["licenses"]) == ("deploy-hook", "MIT OR Apache-2.0")


def test_size(tmp_path):
    """The Action's image is small."""
    docker("save", "--output", tmp_path / "saved.tar", ACTION)
    disk = int(docker("image", "inspect", "--format", "{{.Size}}", ACTION))
    network = len(gzip.compress((tmp_path / "saved.tar").read_bytes(), 9))
    print(f"{disk} bytes on disk, {network} compressed")
    assert disk <= DISK_LIMIT and network <= NETWORK_LIMIT


@contextlib.contextmanager
def step(folder, options=(), mode=0o644, files="", **how):
    """A step of GitHub's runner (2.336, ContainerActionHandler.cs): its `docker run`, whose files are in the folder."""
    with sandbox(**how) as platform, serve_api() as github:
        env = {"INPUT_HOOK-URL": platform.hook, "INPUT_API-TOKEN": platform.token, "INPUT_API-URL": platform.manage}
        env |= {"INPUT_GITHUB-TOKEN": TOKEN, "GITHUB_API_URL": github.url, "GITHUB_SERVER_URL": "https://github.com"}
        env |= {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_RUN_ID": "7"}
        env |= {"GITHUB_REPOSITORY": "octo/site", "GITHUB_SHA": SHA, "HOME": "/github/home"}
        for name in ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"):
            env[name] = f"/github/files/{name}"
            write(folder, {f"files/{name}": ""})
            (folder / "files" / name).chmod(mode)
            if os.geteuid() == 0:
                os.chown(folder / "files" / name, 1001, 1001)
        mounts = [f"{folder}/home:/github/home", f"{folder}/workspace:/github/workspace", f"{folder}/files:/github/files{files}"]
        line = ["docker", "run", "--rm", "--network", "host", "--workdir", "/github/workspace", *each("-v", mounts), *each("-e", env)]
        yield Attached([*line, *options, ACTION], env=DOCKER_ENV | env), platform, github
        assert [*folder.glob("home/*"), *folder.glob("workspace/*")] == []


# The runner sends SIGINT to the docker command, and SIGTERM 7.5 seconds later; the container itself it never touches.
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_canceled(number, code, tmp_path):
    """The runner cancels: the first signal ends it, everything is written, the status is closed."""
    with step(tmp_path, scenario="stuck", speed=40) as (one, platform, github):
        one.wait_for("BUILDING")
        one.process.send_signal(number)
        assert one.end() == code, one.log
        output, summary = ((tmp_path / "files" / name).read_text() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"))
        assert re.search(r"^outcome<<(\S+)\ninterrupted\n\1$", output, re.M) and "Interrupted" in summary
        assert {(call.method, call.path, call.token) for call in github.calls} == {("POST", f"/repos/octo/site/statuses/{SHA}", TOKEN)}
        assert github.calls[-1].json["state"] == "error" and len(platform.deployments()) == 1
        platform.holds_no_secret(re.sub("^::add-mask::.*", "", one.log, flags=re.M), output, summary)


@pytest.mark.parametrize("how", [{"options": ("--cap-drop", "ALL"), "mode": 0o444}, {"files": ":ro"}])
def test_files_of_another_user(how, tmp_path):
    """Files that root may not write, and a folder that is read-only: the verdict stands, and the missing files are reported."""
    with step(tmp_path, scenario="instant", **how) as (one, _, _):
        assert one.end() == 0 and "could not be written" in one.log, one.log
        assert (tmp_path / "files/GITHUB_OUTPUT").read_text() == ""


WOODPECKER = load(read("examples/woodpecker/deploy.yml"))["steps"][0]["entrypoint"]
[DRONE] = load(read("examples/drone/.drone.yml"))["steps"][0]["commands"]
[BITBUCKET] = load(read("examples/bitbucket/bitbucket-pipelines.yml"))["pipelines"]["branches"]["main"][0]["step"]["script"]
CIRCLECI = load(read("examples/circleci/config.yml"))["jobs"]["deploy"]
[JENKINS] = re.findall(r"^ +sh '''\n(.*?)\n +'''$", read("examples/jenkins/Jenkinsfile"), re.M | re.S)
# On the agent itself: with the image that is here, and the way to the platform.
JENKINS_HERE = {f"ghcr.io/OWNER/deploy-hook:{VERSION}": ACTION, "--rm": "--rm --network host --env DEPLOY_HOOK_API_URL"}
# How each starts its step (None: on the agent, without a container of its own), and whether it keeps the report files.
STEPS = {
    "drone": ("/bin/sh", ["-c", f"echo {shlex.quote(DRONE)} | /bin/sh"], False),
    "woodpecker": (WOODPECKER[0], WOODPECKER[1:], False),
    "bitbucket": ("", ["/bin/sh", "-ec", BITBUCKET], True),
    "circleci": ("", [*CIRCLECI["shell"].split(), "-c", CIRCLECI["steps"][0]["run"]["command"]], True),
    "jenkins": (None, ["sh", "-xe", "-c", replace(JENKINS, JENKINS_HERE)], True),
}


@pytest.mark.parametrize("system", STEPS)
@pytest.mark.parametrize(("scenario", "code", "outcome"), [("success", 0, "succeeded"), ("build-fails", 1, "failed")])
def test_example(system, scenario, code, outcome, tmp_path):
    """The commands of the examples for other CI systems deploy, end with the verdict's code, and leave what they promise."""
    entrypoint, command, files = STEPS[system]
    assert system != "woodpecker" or entrypoint == "/usr/bin/deploy-hook", "a cancel goes to the container's first process"
    with sandbox(scenario=scenario, speed=200) as platform:
        env = platform.variables | {"CI": "true"}
        line = ["docker", "run", "--rm", "--network", "host", "--volume", f"{tmp_path}:/work", "--workdir", "/work", *each("--env", env)]
        line += [*(["--entrypoint", entrypoint] if entrypoint else []), SHELL]
        log = run(*([] if entrypoint is None else line), *command, code=code, env=os.environ | env, cwd=tmp_path)
        assert f" {outcome} after " in log, log
        platform.holds_no_secret(log)
        found = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("report/*")}
        assert sorted(found) == (REPORTS if files else [])
        assert not files or f"DEPLOY_HOOK_OUTCOME={outcome}\n" in found["deploy-hook.env"]


def test_costs_little():
    """Memory and CPU of a follow that polls once a second."""
    peak, _, poll = following(10)
    print(f"at most {peak / 1024:.1f} MiB resident, {poll * 1000:.1f} ms of CPU a poll")
    assert peak <= MEMORY_LIMIT and 0 < poll * POLLS <= CPU_LIMIT
