"""The Action without Docker (action/binary): that it is the Action at the root, and its script against a web server with faults."""

import hashlib
import os
import re
import shutil
import signal
import subprocess

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


class Step:
    """The step of a released copy of the Action as a Linux runner starts it. A pause takes no time."""

    def __init__(self, folder):
        self.folder, self.calls = folder, []
        for name in ("assets", "action", "temp"):
            (folder / name).mkdir()
        shutil.copy2(PROGRAM, folder / "assets" / LINUX)
        write(folder / "assets", {WINDOWS: f'#!/bin/sh\necho "$MSYS2_ENV_CONV_EXCL $MSYS2_ARG_CONV_EXCL $INPUT_NAME" >{folder}/seen\n'})
        sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in (folder / "assets").iterdir()]
        write(folder / "action", {"checksums.txt": "".join(sums), "url.txt": "https://example.invalid/releases/download/v0.1.0\n"})
        shutil.copy2(ROOT / "action/binary/run.sh", folder / "action")
        self.tool("sleep", "")
        self.env = {"PATH": f"{folder / 'tools'}:{os.environ['PATH']}", "CI": "true", "GITHUB_ACTIONS": "true", "NO_PROXY": "127.0.0.1"}
        self.env |= {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")}
        self.env |= {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_TEMP": str(folder / "temp"), "TMPDIR": str(folder)}
        self.env |= {"INPUT_API_TOKEN": SECRET}

    def tool(self, name, script):
        """A program in front of the machine's own."""
        write(self.folder, {f"tools/{name}": f"#!/bin/sh\n{script}\n"})
        (self.folder / "tools" / name).chmod(0o755)

    def answer(self, call):
        """What it downloads. The folder in the URL says with which fault."""
        _, mode, name = call.path.split("/")
        data = (self.folder / "assets" / name).read_bytes()
        self.calls.append(call)
        faults = {
            "missing": (404, {}, b""),
            "moved": (302, {"location": f"/ok/{name}"}, b""),
            "truncated": (200, {"content-length": len(data)}, data[: len(data) // 2]),
            "wrong": (200, {}, data[:-1] + b"\1"),
        }
        busy = sum(one.path == call.path for one in self.calls) <= BUSY.get(mode, 0)
        return (503, {}, b"") if busy else faults.get(mode, (200, {}, data))

    def start(self, *args, at="ok", **env):
        env = self.env | {"DEPLOY_HOOK_RELEASE_URL": at if "://" in at else f"{self.url}/{at}"} | env
        # A shell starts what it puts into the background deaf to SIGINT, and a script cannot undo that.
        hears = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        command = [shutil.which("bash"), self.folder / "action/run.sh", *args]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=hears)

    def run(self, *args, code=0, texts=(), **how):
        process = self.start(*args, **how)
        log, _ = process.communicate(timeout=600)
        assert process.returncode == code and all(text in log for text in texts), log
        return log

    def output(self):
        return (self.folder / "GITHUB_OUTPUT").read_text()

    def downloaded(self):
        return [path for path in (self.folder / "temp").rglob("*") if path.is_file()]


@pytest.fixture
def step(tmp_path):
    one = Step(tmp_path)
    with serve(one.answer) as server:
        one.url = server.url
        yield one


def test_deploys(step):
    """Inputs become outputs; what downloads knows no secret; nothing but the program is left; a second step downloads nothing."""
    step.tool("curl", f'env >{step.folder}/knew\nexec {shutil.which("curl")} "$@"')
    inputs = {"INPUT_ENVIRONMENT": "staging", "INPUT_REPORT": "summary", "INPUT_GITHUB_TOKEN": ""}
    with Sandbox() as platform:
        inputs["INPUT_HOOK_URL"] = platform.hook
        step.run(at="moved", **inputs, texts=["Downloading http://", "succeeded"])
    assert re.search(r"^outcome<<(\S+)\nsucceeded\n\1$", step.output(), re.M) and "dp_" in step.output()
    assert "staging" in (step.folder / "GITHUB_STEP_SUMMARY").read_text()
    knew = (step.folder / "knew").read_text() + "".join(f"{call.path}\n{call.headers}" for call in step.calls)
    assert "RUNNER_TEMP" in knew and platform.hook.rpartition("/")[2] not in knew and SECRET not in knew and "uthorization" not in knew
    [program] = step.downloaded()
    # A variable of the job weighs more than an input, as in the container.
    assert "Downloading" not in step.run(at="missing", **inputs, DEPLOY_HOOK_TIMEOUT="forever", code=2, texts=["DEPLOY_HOOK_TIMEOUT"])
    # What has been changed on the disk is replaced, also where the server is busy at first.
    program.write_bytes(program.read_bytes() + b"changed")
    step.run("--version", at="flaky", texts=["HTTP status 503", "Trying again in 2s", "Trying again in 5s", "deploy-hook 0."])


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
def test_not_the_program(step, at, code, texts):
    """What is not this release's program, or cannot be had, is not run, and nothing of it is left."""
    step.run(at=at, code=code, texts=texts)
    message, succeeded = step.output().splitlines()
    assert succeeded == "succeeded=false" and message.startswith("message=") and texts[0] in message
    assert step.downloaded() == []


def test_no_binary(step):
    """Runners there is no binary for, and a commit that belongs to no release."""
    for system, machine in (("Linux", "ARM"), ("Windows", "ARM64"), ("", "")):
        step.run(RUNNER_OS=system, RUNNER_ARCH=machine, code=2, texts=["There is no binary for this runner"])
    (step.folder / "action/checksums.txt").unlink()
    step.run(code=2, texts=["::error title=Deploy Hook::", "belongs to no release"])


def test_machine(step):
    """What checks the program is looked for before anything is downloaded; without the job's own folder a private one is made."""
    for name in ("awk", "bash", "curl", "cut", "dirname", "tr"):
        (step.folder / "action" / name).symlink_to(shutil.which(name))
    step.run(PATH=str(step.folder / "action"), code=2, texts=["There is neither sha256sum nor shasum"])
    assert step.calls == []
    step.run("--version", RUNNER_TEMP="", texts=["deploy-hook 0."])
    [made] = step.folder.glob("tmp.*/deploy-hook-*/deploy-hook")
    assert made.parents[1].stat().st_mode & 0o777 == 0o700


def test_windows(step):
    """Windows' bash, as far as this machine can show it: what looks like a path is not rewritten."""
    step.tool("cygpath", 'echo "$2"')
    step.run(RUNNER_OS="Windows", INPUT_NAME="/x")
    assert (step.folder / "seen").read_text() == "* * /x\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(("at", "shown"), [("again", "Trying again"), ("ok", "Triggered")])
def test_canceled(step, at, shown, number, code):
    """A job that is canceled in between starts nothing; later the signal reaches the program, though a shell was started."""
    step.tool("sleep", f"until test -e {step.folder}/canceled; do {shutil.which('sleep')} 0.1; done")
    with Sandbox(scenario="stuck") as platform:
        process = step.start(at=at, INPUT_HOOK_URL=platform.hook, INPUT_REPORT="none")
        assert any(shown in line for line in process.stdout)
        process.send_signal(number)
        (step.folder / "canceled").touch()
        process.communicate(timeout=600)
    assert process.returncode == code
    if at == "ok":
        assert "interrupted" in step.output()
    else:
        assert step.output() == "message=Interrupted before the program was there. Nothing was triggered.\nsucceeded=false\n"
        assert step.downloaded() == []
