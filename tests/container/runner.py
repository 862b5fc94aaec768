"""GitHub's runner as far as a container action meets it: starts the image with the runner's own `docker run` line, cancels
it as the runner does, and judges strictly what it printed and wrote.

Source: actions/runner 2.336 (ContainerActionHandler.cs, DockerCommandManager.cs, ProcessInvoker.cs, FileCommandManager.cs,
ActionCommand.cs, HostContext.cs). Where the runner would merely warn or drop something, this fails.
"""

import base64
import collections
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import uuid
from pathlib import Path

ACTION = Path(__file__).resolve().parents[2] / "action.yml"

# Pauses of the runner between SIGINT, SIGTERM and SIGKILL to the docker command; the container itself it never touches.
SIGINT_TIMEOUT, SIGTERM_TIMEOUT = 7.5, 2.5

SUMMARY_LIMIT = 1024 * 1024
OUTPUT_LIMIT = 1024 * 1024
ANNOTATIONS_LIMIT = 10
MESSAGE_LIMIT = 4096

# Where the runner keeps each file, and under which variable the step finds it.
FILES = {
    "GITHUB_OUTPUT": "set_output",
    "GITHUB_STATE": "save_state",
    "GITHUB_STEP_SUMMARY": "step_summary",
    "GITHUB_ENV": "set_env",
    "GITHUB_PATH": "add_path",
}

SHA = "3f786850e387550fdab836ed7e6dc881de23001b"


class Fault(Exception):
    """Something the image did and must not do."""


# --- what the runner reads ---


def key_values(data):
    """A file of outputs or state, as `EnvFileKeyValuePairs` reads it. The first line it cannot read is a Fault."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault(f"the file is not UTF-8: {error}") from error
    if text.startswith("\ufeff"):
        raise Fault("the file begins with a byte order mark")
    pairs, at = {}, 0

    def line():
        """The next line and whether a line break ended it."""
        nonlocal at
        end = text.find("\n", at)
        found, ended = (text[at:], False) if end < 0 else (text[at:end], True)
        at = len(text) if end < 0 else end + 1
        return found, ended

    while at < len(text):
        head, _ = line()
        if not head:
            continue
        equals, heredoc = head.find("="), head.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            raise Fault(f"not between delimiters, so its value decides what the next line is: {head!r}")
        if heredoc < 0:
            raise Fault(f"invalid format: {head!r}")
        name, delimiter = head[:heredoc], head[heredoc + 2 :]
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
            raise Fault(f"not a name: {name!r}")
        if not re.fullmatch(r"ghadelimiter_[0-9a-f]{32}", delimiter):
            raise Fault(f"a delimiter that can be guessed: {delimiter!r}")
        value = []
        while True:
            if at >= len(text):
                raise Fault(f"matching delimiter not found for {name}")
            found, ended = line()
            if found == delimiter:
                break
            if not ended:
                raise Fault(f"the last line of {name} has no line break")
            value.append(found)
        pairs[name] = "\n".join(value)
        if "\r" in pairs[name] or "\0" in pairs[name]:
            raise Fault(f"a carriage return or NUL in {name}: {pairs[name]!r}")
    return pairs


def commands(line):
    """The workflow commands the runner would find in a line: name, properties, data."""
    found = []
    trimmed = line.lstrip()
    new = re.match(r"::([^\s:]+)(?:\s+(.*?))?::(.*)$", trimmed, re.S)
    if new:
        properties = dict(pair.split("=", 1) for pair in (new[2] or "").split(",") if "=" in pair)
        data = new[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
        found.append((new[1].lower(), properties, data))
    elif trimmed.startswith("::"):
        raise Fault(f"begins like a command and is none: {line!r}")
    if "##[" in line:
        raise Fault(f"a command of the old kind: {line!r}")
    return found


def derived(secret):
    """The secret and the forms of it that must not be seen: the runner derives some of them, a log may show all."""
    raw = secret.encode()
    quoted = urllib.parse.quote(secret, safe="")
    forms = {
        secret,
        urllib.parse.unquote(secret),
        quoted,
        re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quoted),
        json.dumps(secret)[1:-1],
        secret.replace("/", "\\/"),
        secret.replace("&", "&amp;"),
        raw.hex(),
        raw.hex().upper(),
        secret[::-1],
    }
    # In base64 the letters depend on how many bytes stand before; whole groups of three bytes are the same wherever they end.
    for skip in range(3):
        part = raw[skip:]
        part = part[: len(part) // 3 * 3]
        forms |= {base64.b64encode(part).decode(), base64.urlsafe_b64encode(part).decode()}
    return {form for form in forms if len(form) >= 8}


def secrets_of(hook_url, *tokens):
    """What must not be seen: the hook's URL, its secret part alone, the tokens."""
    texts = [hook_url, hook_url.rstrip("/").rsplit("/", 1)[-1], *tokens] if hook_url else list(tokens)
    return [text for text in texts if text]


# --- what the runner gives ---


def action_inputs():
    """Names and defaults of the Action's inputs, in the order of action.yml."""
    inputs, name, inside = {}, None, False
    for line in ACTION.read_text(encoding="utf-8").splitlines():
        if re.match(r"\S", line):
            inside = line == "inputs:"
        elif inside and (found := re.match(r"  ([a-z-]+):$", line)):
            name = found[1]
            inputs[name] = ""
        elif inside and (found := re.match(r"    default: (.*)$", line)):
            inputs[name] = found[1].strip('"')
    if len(inputs) < 10:
        raise AssertionError("action.yml is not written as expected here")
    return inputs


def post_entrypoint():
    """The entrypoint of the post step."""
    return re.search(r"^  post-entrypoint: (\S+)$", ACTION.read_text(encoding="utf-8"), re.M)[1]


Result = collections.namedtuple("Result", "code log outputs state summary seconds env")


class Job:
    """A job: the folders that its steps share, and what they were given."""

    def __init__(self, image, inputs, token="ghs_16C7e42F292c6912E7710c838347Ae178B4a", api="https://127.0.0.1:1", owner=None):
        self.image, self.token = image, token
        # A socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="dh-", dir="/tmp"))
        self.temp = self.folder / "_temp"
        self.workspace = self.folder / "site"
        for name in ("_github_home", "_github_workflow", "_runner_file_commands"):
            (self.temp / name).mkdir(parents=True)
        self.workspace.mkdir()
        event = {"ref": "refs/heads/main", "repository": {"full_name": "octo/site"}, "sender": {"login": "octocat"}}
        (self.temp / "_github_workflow" / "event.json").write_text(json.dumps(event), encoding="utf-8")
        # Whoever connects to the host's Docker has the host.
        self.touched = False
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.folder / "docker.sock"))
        self.socket.listen()
        self.socket.setblocking(False)
        given = {**action_inputs(), **inputs}
        given = {name: value.replace("${{ github.token }}", token) for name, value in given.items()}
        self.inputs = {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in given.items()}
        self.github = {
            "GITHUB_API_URL": api,
            "GITHUB_ACTION": "deploy",
            "GITHUB_ACTION_REF": "main",
            "GITHUB_ACTION_REPOSITORY": "octo/deploy-hook",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_BASE_REF": "",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": "/github/workflow/event.json",
            "GITHUB_HEAD_REF": "",
            "GITHUB_JOB": "deploy",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REF_NAME": "main",
            "GITHUB_REF_PROTECTED": "False",
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_REPOSITORY": "octo/site",
            "GITHUB_REPOSITORY_OWNER": "octo",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "7",
            "GITHUB_RUN_NUMBER": "7",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": SHA,
            "GITHUB_TRIGGERING_ACTOR": "octocat",
            "GITHUB_WORKFLOW": "Deploy",
            "GITHUB_WORKSPACE": "/github/workspace",
            "HOME": "/github/home",
            "RUNNER_ARCH": "X64",
            "RUNNER_DEBUG": "1",
            "RUNNER_ENVIRONMENT": "github-hosted",
            "RUNNER_NAME": "GitHub Actions 1",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": "/github/runner_temp",
            "RUNNER_TOOL_CACHE": "/opt/hostedtoolcache",
            "ACTIONS_RUNTIME_URL": "https://127.0.0.1:1/",
            "ACTIONS_RUNTIME_TOKEN": "eyJhbGciOiJSUzI1NiJ9.cnVudGltZQ.c2lnbmF0dXJl",
            "ACTIONS_RESULTS_URL": "https://127.0.0.1:1/",
        }
        self.owner = owner

    def close(self):
        """Removes the folders, and says whether anything was left or touched that a step has no business with."""
        try:
            connection, _ = self.socket.accept()
            connection.close()
            raise Fault("somebody connected to the host's docker.sock")
        except BlockingIOError:
            pass
        finally:
            self.socket.close()
            left = sorted(str(path.relative_to(self.folder)) for path in self.workspace.rglob("*"))
            left += sorted(str(path) for path in (self.temp / "_github_home").rglob("*"))
            shutil.rmtree(self.folder, ignore_errors=True)
        if left:
            raise Fault(f"files left in the workspace or home: {left}")

    def step(self, **how):
        """A step of this job, started."""
        return Step(self, **how)


class Step:
    """One `docker run` of the runner's."""

    def __init__(self, job, entrypoint=None, state=None, network="host", options=(), mode=0o644, readonly_files=False):
        self.job, self.secret_state = job, state or {}
        # The runner makes them afresh for each step, empty.
        key = uuid.uuid4()
        folder = job.temp / "_runner_file_commands"
        self.files = {variable: folder / f"{name}_{key}" for variable, name in FILES.items()}
        for path in self.files.values():
            path.touch()
            path.chmod(mode)
            if job.owner is not None and os.geteuid() == 0:
                os.chown(path, job.owner, job.owner)
        given = {**job.inputs, **{f"STATE_{name}": value for name, value in self.secret_state.items()}, **job.github}
        given.update({variable: f"/github/file_commands/{path.name}" for variable, path in self.files.items()})
        self.name = f"deployhooktest_{uuid.uuid4().hex[:6]}"
        line = ["docker", "run", "--name", self.name, "--label", "deployhooktest", "--workdir", "/github/workspace", "--rm"]
        for name in given:
            line += ["-e", name]
        line += ["-e", "GITHUB_ACTIONS=true", "-e", "CI=true"]
        if entrypoint:
            line += ["--entrypoint", entrypoint]
        line += ["--network", network]
        mounts = {
            job.folder / "docker.sock": "/var/run/docker.sock",
            job.temp: "/github/runner_temp",
            job.temp / "_github_home": "/github/home",
            job.temp / "_github_workflow": "/github/workflow",
            folder: "/github/file_commands" + (":ro" if readonly_files else ""),
            job.workspace: "/github/workspace",
        }
        for here, there in mounts.items():
            line += ["-v", f"{here}:{there}"]
        line += [*options, job.image]
        self.lines, self.heard = [], threading.Condition()
        self.began = time.monotonic()
        # The docker command gets the step's environment too; what it needs itself to find the engine stays.
        kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("DOCKER_")}
        self.process = subprocess.Popen(
            line, env={**kept, **given}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.process.stdin.close()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        """Takes in the log as it comes."""
        for raw in self.process.stdout:
            with self.heard:
                self.lines.append(raw)
                self.heard.notify_all()

    def wait_for(self, text, limit=30):
        """Waits until the log holds this text."""
        with self.heard:
            if not self.heard.wait_for(lambda: text.encode() in b"".join(self.lines), limit):
                raise Fault(f"the log never said {text!r}:\n" + b"".join(self.lines).decode(errors="replace"))

    def cancel(self):
        """Cancels as the runner does, and gives back the name of the signal that ended the docker command."""
        self.began = time.monotonic()
        for sent, limit in ((signal.SIGINT, SIGINT_TIMEOUT), (signal.SIGTERM, SIGTERM_TIMEOUT), (signal.SIGKILL, 10)):
            self.process.send_signal(sent)
            try:
                self.process.wait(limit)
                return sent.name
            except subprocess.TimeoutExpired:
                continue
        raise Fault("the docker command cannot be ended")

    def signal(self, which):
        """Sends one signal to the docker command, which passes it on."""
        self.began = time.monotonic()
        self.process.send_signal(which)

    def kill(self):
        """Kills the container, as a machine that goes away does."""
        subprocess.run(["docker", "kill", self.name], check=True, stdout=subprocess.DEVNULL)

    def result(self, limit=60):
        """Waits for the end and reads what there is. `seconds` is counted from the start or the last signal."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired as error:
            subprocess.run(["docker", "rm", "--force", self.name], check=False, stdout=subprocess.DEVNULL)
            raise Fault(f"not at its end after {limit} s:\n" + b"".join(self.lines).decode(errors="replace")) from error
        seconds = time.monotonic() - self.began
        self.reader.join(10)
        there = subprocess.run(["docker", "container", "inspect", self.name], check=False, capture_output=True)
        if there.returncode == 0:
            raise Fault("the container is still there")
        data = {variable: path.read_bytes() for variable, path in self.files.items()}
        return Result(
            code,
            b"".join(self.lines),
            key_values(data["GITHUB_OUTPUT"]),
            key_values(data["GITHUB_STATE"]),
            data["GITHUB_STEP_SUMMARY"],
            seconds,
            data["GITHUB_ENV"] + data["GITHUB_PATH"],
        )


# --- what the runner would think of it ---


def judge(result, secrets, names, public=()):
    """Everything that every run must get right. Gives back the log as people see it.

    `secrets` must not be seen. `names` are the outputs that may be set. `public` are texts that no mask may hit.
    """
    try:
        text = result.log.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault(f"the log is not UTF-8: {error}") from error
    if "\r" in text:
        raise Fault("a carriage return in the log begins a line of its own")
    if text and not text.endswith("\n"):
        raise Fault("the log's last line has no end")
    masks, shown, counts, depth = [], [], collections.Counter(), 0
    for line in text.split("\n")[:-1]:
        for name, properties, data in commands(line):
            if line != line.lstrip():
                raise Fault(f"a command with space before it: {line!r}")
            if name == "add-mask":
                if shown:
                    raise Fault("a mask comes after something was printed")
                if not data.strip():
                    raise Fault("an empty mask")
                masks += [part.strip() for part in re.split(r"[\r\n]", data) if part.strip()]
            elif name in ("error", "warning"):
                if properties.get("title") != "Deploy hook":
                    raise Fault(f"an annotation that is not ours: {line!r}")
                if len(data) > MESSAGE_LIMIT:
                    raise Fault(f"an annotation that would be cut: {len(data)} characters")
                counts[name] += 1
            elif name in ("group", "endgroup"):
                depth += 1 if name == "group" else -1
                if depth not in (0, 1):
                    raise Fault("groups do not pair")
            else:
                raise Fault(f"a command that is not ours: {line!r}")
            if name != "add-mask":
                shown.append(line)
        if not commands(line):
            plain = re.sub(r"\x1b\[[0-9;]*m", "", line)
            bad = [c for c in plain if (ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160 or c in "\u200b\u202e\u202c\ufeff"]
            if bad:
                raise Fault(f"control or invisible characters in the log: {line!r}")
            shown.append(line)
    if depth:
        raise Fault("a group is left open")
    if any(count > ANNOTATIONS_LIMIT for count in counts.values()):
        raise Fault(f"more annotations than the runner keeps: {counts}")
    if len(result.summary) > SUMMARY_LIMIT:
        raise Fault(f"a summary of {len(result.summary)} bytes is dropped whole")
    try:
        summary = result.summary.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault(f"the summary is not UTF-8: {error}") from error
    if result.env:
        raise Fault("the environment or path of later steps was changed")
    if sum(2 * (len(name) + len(value)) for name, value in result.outputs.items()) > OUTPUT_LIMIT:
        raise Fault("more outputs than a job may have")
    strange = set(result.outputs) - set(names)
    if strange:
        raise Fault(f"outputs that action.yml does not name: {sorted(strange)}")
    visible = "\n".join(shown)
    places = {"log": visible, "summary": summary, "state": json.dumps(result.state)}
    places.update({f"output {name}": value for name, value in result.outputs.items()})
    for secret in secrets:
        # Nothing is masked before the first step that masks it: a secret that was sent somewhere must be masked here.
        for form in derived(secret):
            for place, content in places.items():
                if form.lower() in content.lower():
                    raise Fault(f"a secret, or a form of one, in the {place}: {form[:12]}…")
    for mask in masks:
        if len(mask) < 4:
            raise Fault(f"a mask of {len(mask)} characters blacks out ordinary words")
        hit = [text for text in (*public, *result.outputs.values()) if mask in text]
        if hit:
            raise Fault(f"a mask hits {hit}, which the runner would drop or black out")
    return visible, masks
