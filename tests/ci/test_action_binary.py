"""The Action without Docker (action/binary): that it is the Action at the root, and its script against a web server with faults."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
from types import SimpleNamespace

import pytest
from harness import BINARIES, PROGRAM, ROOT, Sandbox, load, read, serve, write

LINUX, WINDOWS = BINARIES[0], BINARIES[-1]
SECRET = "TOKEN-LONGSTRING"
# How often each folder of the web server answers 503 before it gives what it was asked for.
BUSY = {"flaky": 2, "again": 1}


def test_is_the_action_at_the_root():
    """Inputs and outputs are the same, every input reaches the program, and every output comes from it."""
    root, binary = (load(read(name)) for name in ("action.yml", "action/binary/action.yml"))
    [step] = binary["runs"]["steps"]
    values = {name: fields.pop("value") for name, fields in binary["outputs"].items()}
    for section in ("inputs", "outputs"):
        assert list(root[section].items()) == list(binary[section].items())
    assert binary["runs"]["using"] == "composite"
    assert values == {name: f"${{{{ steps.{step['id']}.outputs.{name} }}}}" for name in root["outputs"]}
    assert step["env"] == {f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in root["inputs"]}


@pytest.fixture
def folder(tmp_path):
    """A released copy of the Action on a Linux runner."""
    for name in ("assets", "action", "temp", "tools"):
        (tmp_path / name).mkdir()
    shutil.copy2(PROGRAM, tmp_path / "assets" / LINUX)
    says = f'echo "$MSYS2_ENV_CONV_EXCL $MSYS2_ARG_CONV_EXCL $INPUT_NAME" >{tmp_path}/rewritten'
    write(tmp_path / "assets", {WINDOWS: f"#!/bin/sh\n{says}\n"})
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (tmp_path / "assets").iterdir()]
    write(tmp_path / "action", {"checksums.txt": "".join(sums), "url.txt": "https://example.invalid/releases/download/v0.1.0\n"})
    shutil.copy2(ROOT / "action/binary/run.sh", tmp_path / "action")
    return tmp_path


@pytest.fixture
def downloads(folder):
    """What it downloads from. The folder in the URL says with which fault."""

    def answer(call):
        _, mode, name = call.path.split("/")
        data = (folder / "assets" / name).read_bytes()
        earlier = sum(one.path == call.path for one in server.calls) - 1
        faults = {
            "missing": (404, {}, b""),
            "moved": (302, {"location": f"/ok/{name}"}, b""),
            "truncated": (200, {"content-length": len(data)}, data[: len(data) // 2]),
            "wrong": (200, {}, data[:-1] + b"\1"),
        }
        return (503, {}, b"") if earlier < BUSY.get(mode, 0) else faults.get(mode, (200, {}, data))

    with serve(answer) as server:
        yield server


@pytest.fixture
def step(folder, downloads):
    """The step as the runner starts it: `start` and `run`, and the file of its outputs."""
    files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")}
    runner = {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_TEMP": str(folder / "temp"), "TMPDIR": str(folder)}
    common = {"PATH": f"{folder / 'tools'}:{os.environ['PATH']}", "CI": "true", "GITHUB_ACTIONS": "true", "NO_PROXY": "127.0.0.1"}
    common |= {"INPUT_API_TOKEN": SECRET, **files, **runner}

    def start(*args, at="ok", **env):
        at = at if "://" in at else f"{downloads.url}/{at}"
        env = common | {"DEPLOY_HOOK_RELEASE_URL": at} | env
        # A shell starts what it puts into the background deaf to SIGINT, and a script cannot undo that.
        hears = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        command = [shutil.which("bash"), folder / "action/run.sh", *args]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=hears)

    def run(*args, code=0, texts=(), **how):
        process = start(*args, **how)
        log, _ = process.communicate(timeout=120)
        assert process.returncode == code and all(text in log for text in texts), log
        return log

    return SimpleNamespace(start=start, run=run, output=(folder / "GITHUB_OUTPUT").read_text)


def tool(folder, name, script):
    """A program in front of the machine's own."""
    (folder / "tools" / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / "tools" / name).chmod(0o755)


def downloaded(folder):
    return [path for path in (folder / "temp").rglob("*") if path.is_file()]


def test_deploys(folder, downloads, step):
    """Inputs become outputs; what downloads knows no secret; nothing but the program is left; a second step downloads nothing."""
    tool(folder, "curl", f'env >{folder}/knew\nexec {shutil.which("curl")} "$@"')
    inputs = {"INPUT_ENVIRONMENT": "staging", "INPUT_REPORT": "summary", "INPUT_GITHUB_TOKEN": ""}
    with Sandbox() as platform:
        inputs["INPUT_HOOK_URL"] = platform.hook
        step.run(at="moved", **inputs, texts=["Downloading http://", "succeeded"])
    assert re.search(r"^outcome<<(\S+)\nsucceeded\n\1$", step.output(), re.M) and "dp_" in step.output()
    assert "staging" in (folder / "GITHUB_STEP_SUMMARY").read_text()
    knew = (folder / "knew").read_text() + "".join(f"{call.path}\n{call.headers}" for call in downloads.calls)
    assert "RUNNER_TEMP" in knew and platform.hook.rpartition("/")[2] not in knew and SECRET not in knew and "uthorization" not in knew
    [program] = downloaded(folder)
    # A variable of the job weighs more than an input, as in the container.
    assert "Downloading" not in step.run(at="missing", **inputs, DEPLOY_HOOK_TIMEOUT="forever", code=2, texts=["DEPLOY_HOOK_TIMEOUT"])
    # What has been changed on the disk is replaced.
    program.write_bytes(program.read_bytes() + b"changed")
    step.run("--version", texts=["Downloading", "deploy-hook 0."])


@pytest.mark.parametrize(
    ("at", "code", "texts"),
    [
        ("wrong", 2, ["is not this release's binary, and was not run", "SHA-256"]),
        ("missing", 2, ["HTTP 404"]),
        ("truncated", 4, ["could not be downloaded", "Nothing was triggered", "Trying again in 2s", "Trying again in 5s"]),
        # Plain http is for this machine alone.
        ("http://198.51.100.1/ok", 4, ["curl ended with 1"]),
        ("http://127.0.0.1:80@example.com/ok", 4, ["curl ended with 1"]),
    ],
)
def test_not_the_program(folder, step, at, code, texts):
    """What is not this release's program, or cannot be had, is not run, and nothing of it is left."""
    step.run(at=at, code=code, texts=texts)
    message, succeeded = step.output().splitlines()
    assert succeeded == "succeeded=false" and message.startswith("message=") and texts[0] in message
    assert downloaded(folder) == []


def test_tries_again(step):
    """A server that is busy is asked again."""
    step.run("--version", at="flaky", texts=["HTTP status 503", "Trying again in 2s", "Trying again in 5s", "deploy-hook 0."])


@pytest.mark.parametrize(("system", "machine"), [("Linux", "ARM"), ("Windows", "ARM64"), ("", "")])
def test_no_binary(folder, step, system, machine):
    """Runners there is no binary for, and a commit that belongs to no release."""
    step.run(RUNNER_OS=system, RUNNER_ARCH=machine, code=2, texts=["There is no binary for this runner"])
    (folder / "action/checksums.txt").unlink()
    step.run(code=2, texts=["::error title=Deploy Hook::", "belongs to no release"])


def test_machine(folder, step):
    """What checks the program is looked for before anything is downloaded; without the job's own folder a private one is made."""
    for name in ("awk", "bash", "curl", "cut", "dirname", "tr"):
        (folder / "action" / name).symlink_to(shutil.which(name))
    log = step.run(PATH=str(folder / "action"), code=2, texts=["There is neither sha256sum nor shasum"])
    assert "Downloading" not in log
    step.run("--version", RUNNER_TEMP="", texts=["deploy-hook 0."])
    [made] = folder.glob("tmp.*/deploy-hook-*/deploy-hook")
    assert made.parents[1].stat().st_mode & 0o777 == 0o700


def test_windows(folder, step):
    """Windows' bash, as far as this machine can show it: what looks like a path is not rewritten."""
    tool(folder, "cygpath", 'echo "$2"')
    step.run(RUNNER_OS="Windows", INPUT_NAME="/x")
    assert (folder / "rewritten").read_text() == "* * /x\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(("at", "shown"), [("again", "Trying again"), ("ok", "Triggered")])
def test_canceled(folder, step, at, shown, number, code):
    """A job that is canceled in between starts nothing; later the signal reaches the program, though a shell was started."""
    with Sandbox(speed=20) as platform:
        process = step.start(at=at, INPUT_HOOK_URL=platform.hook, INPUT_REPORT="none")
        assert any(shown in line for line in process.stdout)
        process.send_signal(number)
        process.communicate(timeout=20)
    assert process.returncode == code
    if at == "ok":
        assert "interrupted" in step.output()
    else:
        assert step.output() == "message=Interrupted before the program was there. Nothing was triggered.\nsucceeded=false\n"
        assert downloaded(folder) == []
