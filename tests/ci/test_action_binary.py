"""The Action without Docker (action/binary): that it is the Action at the root, and its script against a web server with faults."""

import collections
import hashlib
import os
import re
import shutil
import signal
import subprocess
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug/deploy-hook")
LINUX, WINDOWS = "deploy-hook-linux-x86_64", "deploy-hook-windows-x86_64.exe"
SECRET = "TOKEN-LONGSTRING"
# How often each folder of the web server answers 503 before it gives what it was asked for.
BUSY = {"flaky": 2, "again": 1}


def test_is_the_action_at_the_root():
    """Inputs and outputs are the same, every input reaches the program, every output comes from it, and no script holds an expression."""
    root, binary = (YAML(typ="safe").load((ROOT / name).read_text()) for name in ("action.yml", "action/binary/action.yml"))
    [step] = binary["runs"]["steps"]
    values = {name: fields.pop("value") for name, fields in binary["outputs"].items()}
    for section in ("inputs", "outputs"):
        assert list(root[section].items()) == list(binary[section].items())
    assert binary["runs"]["using"] == "composite" and "${{" not in step["run"]
    assert values == {name: f"${{{{ steps.{step['id']}.outputs.{name} }}}}" for name in root["outputs"]}
    assert step["env"] == {f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in root["inputs"]}


class Step:
    """A released copy of the Action on a Linux runner, and the web server it downloads from."""

    def __init__(self, folder):
        self.folder, self.asked, self.refused = folder, [], collections.Counter()
        for name in ("assets", "action", "temp", "tools"):
            (folder / name).mkdir()
        shutil.copy2(PROGRAM, folder / "assets" / LINUX)
        (folder / "assets" / WINDOWS).write_text(f'#!/bin/sh\necho "$MSYS2_ENV_CONV_EXCL $MSYS2_ARG_CONV_EXCL $INPUT_NAME" >{folder}/rewritten\n')
        self.script = shutil.copy2(ROOT / "action/binary/run.sh", folder / "action")
        self.sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "assets").iterdir()}
        (folder / "action/checksums.txt").write_text("".join(f"{digest}  {name}\n" for name, digest in self.sums.items()))
        (folder / "action/url.txt").write_text("https://example.invalid/releases/download/v0.1.0\n")
        step = self

        class Downloads(SimpleHTTPRequestHandler):
            def do_GET(self):
                _, mode, name = self.path.split("/")
                step.asked.append(f"{self.requestline}\n{self.headers}")
                path = folder / "assets" / name
                if mode == "missing" or step.refused[mode] < BUSY.get(mode, 0):
                    step.refused[mode] += 1
                    return self.send_error(404 if mode == "missing" else 503)
                data = path.read_bytes()
                self.send_response(302 if mode == "moved" else 200)
                if mode == "moved":
                    self.send_header("Location", f"/ok/{name}")
                self.send_header("Content-Length", "0" if mode == "moved" else str(len(data)))
                self.end_headers()
                if mode != "moved":
                    self.wfile.write(data[: len(data) // 2] if mode == "truncated" else data[:-1] + b"\1" if mode == "wrong" else data)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Downloads)
        Thread(target=self.server.serve_forever, daemon=True).start()
        files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE")}
        runner = {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_TEMP": str(folder / "temp"), "TMPDIR": str(folder)}
        path = f"{folder / 'tools'}:{os.environ['PATH']}"
        self.env = {"PATH": path, "CI": "true", "GITHUB_ACTIONS": "true", "INPUT_API_TOKEN": SECRET, "NO_PROXY": "127.0.0.1", **files, **runner}

    def tool(self, name, script):
        """A program in front of the machine's own."""
        (self.folder / "tools" / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / "tools" / name).chmod(0o755)

    def start(self, *args, at="ok", **env):
        """The step as the runner starts it."""
        at = at if "://" in at else f"http://127.0.0.1:{self.server.server_port}/{at}"
        env = self.env | {"DEPLOY_HOOK_RELEASE_URL": at} | env
        # A shell starts what it puts into the background deaf to SIGINT, and a script cannot undo that.
        hears = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        command = [shutil.which("bash"), self.script, *args]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=hears)

    def run(self, *args, code=0, texts=(), **how):
        """Its log."""
        process = self.start(*args, **how)
        log, _ = process.communicate(timeout=120)
        assert process.returncode == code and all(text in log for text in texts), log
        return log

    def output(self):
        """The file of outputs."""
        return (self.folder / "GITHUB_OUTPUT").read_text()


@pytest.fixture
def step(tmp_path):
    """A step."""
    one = Step(tmp_path)
    yield one
    one.server.shutdown()


@pytest.fixture
def hook():
    """The hook of an embedded platform."""
    with subprocess.Popen([PROGRAM, "sandbox", "--speed", "20"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield next(line for line in process.stdout if line.startswith("hook-url=")).split("=", 1)[1].strip()
        process.terminate()


def test_deploys(step, hook):
    """Inputs become outputs; what downloads knows no secret; nothing but the program is left; a second step downloads nothing."""
    step.tool("curl", f'env >{step.folder}/knew\nexec {shutil.which("curl")} "$@"')
    inputs = {"INPUT_HOOK_URL": hook, "INPUT_ENVIRONMENT": "staging", "INPUT_REPORT": "summary", "INPUT_GITHUB_TOKEN": ""}
    step.run(at="moved", **inputs, texts=["Downloading http://", "succeeded"])
    assert re.search(r"^outcome<<(\S+)\nsucceeded\n\1$", step.output(), re.M) and "dp_" in step.output()
    assert "staging" in (step.folder / "GITHUB_STEP_SUMMARY").read_text()
    knew = (step.folder / "knew").read_text() + "".join(step.asked)
    assert "RUNNER_TEMP" in knew and hook.rpartition("/")[2] not in knew and SECRET not in knew and "uthorization" not in knew
    [program] = [path for path in (step.folder / "temp").rglob("*") if path.is_file()]
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
def test_not_the_program(step, at, code, texts):
    """What is not this release's program, or cannot be had, is not run, and nothing of it is left."""
    step.run(at=at, code=code, texts=texts)
    message, succeeded = step.output().splitlines()
    assert succeeded == "succeeded=false" and message.startswith("message=") and texts[0] in message
    assert not [path for path in (step.folder / "temp").rglob("*") if path.is_file()]


def test_tries_again(step):
    """A server that is busy is asked again."""
    step.run("--version", at="flaky", texts=["HTTP status 503", "Trying again in 2s", "Trying again in 5s", "deploy-hook 0."])


@pytest.mark.parametrize("runner", [("Linux", "ARM"), ("Windows", "ARM64"), ("", "")])
def test_no_binary(step, runner):
    """Runners there is no binary for, and a commit that belongs to no release."""
    step.run(RUNNER_OS=runner[0], RUNNER_ARCH=runner[1], code=2, texts=["There is no binary for this runner"])
    (step.folder / "action/checksums.txt").unlink()
    step.run(code=2, texts=["::error title=Deploy Hook::", "belongs to no release"])


def test_machine(step):
    """What checks the program is looked for before anything is downloaded; without the job's own folder a private one is made."""
    for name in ("awk", "bash", "curl", "cut", "dirname", "tr"):
        (step.folder / "action" / name).symlink_to(shutil.which(name))
    log = step.run(PATH=str(step.folder / "action"), code=2, texts=["There is neither sha256sum nor shasum"])
    assert "Downloading" not in log
    step.run("--version", RUNNER_TEMP="", texts=["deploy-hook 0."])
    [made] = step.folder.glob("tmp.*/deploy-hook-*/deploy-hook")
    assert made.parents[1].stat().st_mode & 0o777 == 0o700


def test_windows(step):
    """Windows' bash, as far as this machine can show it: what looks like a path is not rewritten."""
    step.tool("cygpath", 'echo "$2"')
    step.run(RUNNER_OS="Windows", INPUT_NAME="/x")
    assert (step.folder / "rewritten").read_text() == "* * /x\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_canceled(step, hook, number, code):
    """A job that is canceled in between starts nothing; later the signal reaches the program, though a shell was started."""
    for at, text in (("again", "Trying again"), ("ok", "Triggered")):
        process = step.start(at=at, INPUT_HOOK_URL=hook, INPUT_REPORT="none")
        assert any(text in line for line in process.stdout)
        process.send_signal(number)
        process.communicate(timeout=20)
        assert process.returncode == code
        if at == "again":
            assert step.output() == "message=Interrupted before the program was there. Nothing was triggered.\nsucceeded=false\n"
            assert not [one for one in (step.folder / "temp").rglob("*") if one.is_file()]
    assert "interrupted" in step.output()
