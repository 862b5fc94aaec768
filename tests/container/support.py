"""What the tests of the images share: docker, the embedded platform, recording HTTP servers, and what must hold for every run.

The images are built by the scripts beside this file. The strict readers of logs and of the runners' files are in tests/it; here
stands what only a container can show.
"""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
ACTION, SHELL, PARTS = (f"deploy-hook-test:{target}" for target in ("action", "shell", "parts"))
# What the examples name.
VERSION = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]
BASE = re.search(r"^ARG RUST_IMAGE=(.*)$", (ROOT / "Dockerfile").read_text(), re.M)[1]
TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
# What the docker command itself needs to find its engine.
DOCKER_ENV = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("DOCKER_")}


def load(path):
    """A YAML file."""
    return YAML(typ="safe").load(Path(path).read_text(encoding="utf-8"))


METADATA = load(ROOT / "action.yml")
OUTPUTS = sorted(METADATA["outputs"])

# The platforms that have examples of their own, and their words for a success and a failure.
PLATFORMS = {"render": ("live", "build_failed"), "vercel": ("READY", "ERROR"), "netlify": ("ready", "error"), "coolify": ("finished", "failed")}
# In the place of Docker's command in a job.
DOCKER_STUB = '#!/bin/sh\nif [ "$1" = login ]; then cat >/dev/null; fi\necho "stub: $*"\n'


def docker(*arguments, text=True, **how):
    """What a docker command prints."""
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=text, **how)
    return done.stdout.strip() if text else done.stdout


def forget(*arguments):
    """A docker command for tidying up, which may fail."""
    subprocess.run(["docker", *arguments], check=False, capture_output=True)


@contextlib.contextmanager
def created(image):
    """A container of the image that is not started, to look into."""
    container = docker("create", image, "/none")
    try:
        yield container
    finally:
        forget("rm", container)


def git(folder, *arguments):
    """Runs git in a folder as somebody."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    return subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def write(folder, files):
    """Writes files, with their folders."""
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def certificates(folder, names):
    """A certificate authority `ca.pem`, another one, `other.pem`, and `server.pem`, the first one's for these names."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for name in ("ca", "other"):
        openssl("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=Authority {name}")
    openssl("req", *key[:-2], "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
    Path(folder, "extensions").write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n", encoding="utf-8")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "2", "-extfile", "extensions")
    openssl("x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")


class Sandbox:
    """The embedded platform, from the image under test, on this machine's loopback or on that of another container."""

    def __init__(self, scenario="success", speed=60, generation="draft", network="host", platform=None):
        options = ("--generation", generation) if platform is None else ("--platform", platform)
        options += ("--scenario", scenario, "--speed", str(speed))
        self.id = docker("run", "--detach", "--rm", "--network", network, ACTION, "sandbox", *options)
        for _ in range(200):
            found = dict(re.findall(r"^([a-z-]+)=(.*)$", docker("logs", self.id), re.M))
            if "manage" in found:
                break
            time.sleep(0.05)
        self.hook, self.token, self.manage = found["hook-url"], found["api-token"], found["manage"]
        # Vercel's API has a use for an account, and none is needed here.
        self.inputs = {"account": found.get("account", "team_4nQ0bV6Yx2"), "project": found.get("project", "")}
        self.variables = {"DEPLOY_HOOK_URL": self.hook, "FRBIT_TOKEN": self.token, "DEPLOY_HOOK_API_URL": self.manage}
        # The end of the path, or the value of `key`. Coolify's URL has no secret in it.
        self.secrets = [self.hook, *re.findall(r"(?:/|[?]key=)([^/?&]+)$", self.hook), self.token, TOKEN]

    def fetch(self, path="", body=None):
        """An answer of the platform's management."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.manage}/sandbox{path}", data, timeout=5) as answer:
            return json.load(answer)

    def environment(self, generation="draft"):
        """Another environment: its id, and its hook's URL."""
        made = self.fetch("/environments", {})["publicId"]
        url = self.fetch(f"/environments/{made}/hook", {"generation": generation})["url"]
        self.secrets += [url, url.rsplit("/", 1)[1]]
        return made, url

    def given(self, kind, example):
        """The values of the `secrets` or `vars` of an example for GitHub, by the names that it gives them."""
        values = {"hook-url": self.hook, "api-token": self.token} | self.inputs
        found = re.findall(rf'\b({"|".join(values)}): "?[$]{{{{ {kind}[.](\w+) }}}}', example)
        return {name: values[of_input] for of_input, name in found}

    def deployments(self, environment=None):
        """Every deployment, or those of one environment."""
        chosen = [one for one in self.fetch()["environments"] if environment in (None, one["publicId"])]
        return [deployment for one in chosen for deployment in one["deployments"]]

    def deployed(self, *states):
        """The ids of the deployments: one in each of these states, each triggered by its hook, and no others."""
        found = self.deployments()
        assert sorted((one["state"], one["trigger"]) for one in found) == sorted((state, "hook") for state in states)
        return [one["id"] for one in found]

    def holds_no_secret(self, *texts):
        """None of the texts shows a secret, as it is or in base64."""
        for secret in self.secrets:
            for form in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]):
                assert not any(form.lower() in text.lower() for text in texts), f"a secret is shown: {form[:12]}…"

    def close(self):
        """Ends it."""
        forget("kill", self.id)


@contextlib.contextmanager
def sandbox(**how):
    """A sandbox for the length of a block."""
    with contextlib.closing(Sandbox(**how)) as one:
        yield one


class Recorder:
    """An HTTP server that says yes to everything and keeps what it was asked: method, path, token, body."""

    def __init__(self, read=b'{"id": 1}', tls=None):
        self.calls = calls = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                token = self.headers.get("private-token") or (self.headers.get("authorization") or "").rpartition(" ")[2]
                calls.append((self.command, self.path, token, json.loads(body or b"null")))
                reply = read if self.command == "GET" else json.dumps({"id": len(calls)}).encode()
                self.send_response(200 if self.command == "GET" else 201)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Attached:
    """A docker command that is attached to a container, and its log as it comes."""

    def __init__(self, command, env=None, stdin=b""):
        self.raw, self.changed, self.began = b"", threading.Condition(), time.monotonic()
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        threading.Thread(target=self.write, args=(stdin,), daemon=True).start()

    def write(self, data):
        """Writes to the container, which need not read it."""
        with contextlib.suppress(OSError):
            self.process.stdin.write(data)
            self.process.stdin.close()

    def read(self):
        """Takes in the log."""
        for line in self.process.stdout:
            with self.changed:
                self.raw += line
                self.changed.notify_all()

    @property
    def log(self):
        """The log so far, without colours."""
        return ESCAPE.sub("", self.raw.decode())

    def wait_for(self, text, limit=30):
        """Waits until the log holds this text, in capitals or not."""
        with self.changed:
            assert self.changed.wait_for(lambda: text.lower() in self.log.lower(), limit), f"never {text!r}:\n{self.log}"

    def signal(self, *signals):
        """Sends a signal to the docker command, and the next one after its pause. Gives back the one that ended it."""
        self.began = time.monotonic()
        for number, pause in signals:
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(pause)
                return number
        raise AssertionError(f"the docker command cannot be ended:\n{self.log}")

    def end(self, limit=60):
        """The exit code, and the seconds since the start or the last signal."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired as error:
            self.process.send_signal(signal.SIGKILL)
            raise AssertionError(f"not at its end after {limit} s:\n{self.log}") from error
        seconds = time.monotonic() - self.began
        self.reader.join(10)
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202e\ufeff]", self.log.replace("\x1b[0K", "")), self.log
        return code, seconds
