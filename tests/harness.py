"""What the Python tests share: the project's files and its program, processes, git, web servers, and the embedded platform."""

import base64
import collections
import contextlib
import json
import os
import re
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "debug/deploy-hook")
# The binaries of a release, by the names of their assets.
BINARIES = [f"deploy-hook-{name}" for name in ("linux-x86_64", "linux-aarch64", "macos-x86_64", "macos-aarch64", "windows-x86_64.exe")]
TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
# Nothing of the machine's own configuration, and nothing of a CI's.
ENV = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def load(text):
    return YAML(typ="safe", pure=True).load(text)


def write(folder, files):
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def until(condition, limit=120):
    """Waits until this is so, and returns it."""
    end = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < end, f"not so after {limit} s"
        time.sleep(0.05)
    return found


def run(*command, code=0, fails=None, stderr=subprocess.STDOUT, **how):
    """What a command prints. It has to end with this exit code or, with `fails`, with any error and this text."""
    command = [str(word) for word in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False, **how)
    text = done.stdout + (done.stderr or "")
    assert done.returncode == code if fails is None else done.returncode and fails in text, f"exit code {done.returncode}:\n{text}"
    return done.stdout.strip()


def git(folder, *arguments):
    line = ["git", "-C", folder, "-c", "user.name=test", "-c", "user.email=test@example.com", *arguments]
    return run(*line, env=ENV, stderr=subprocess.PIPE)


class Call(collections.namedtuple("Call", "method path headers body")):
    """A request that a server got."""

    @property
    def token(self):
        return self.headers.get("private-token") or self.headers.get("authorization", "").rpartition(" ")[2]

    @property
    def json(self):
        return json.loads(self.body or b"null")


class Handler(BaseHTTPRequestHandler):
    """Keeps each request, then answers it as the server's function says: status, headers, body."""

    def answer(self):
        call = Call(self.command, self.path, self.headers, self.rfile.read(int(self.headers.get("content-length", 0))))
        self.server.calls.append(call)
        status, headers, body = self.server.answer(call)
        self.send_response(status)
        for name, value in {"content-length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(answer=lambda call: (200, {}, b"ok"), tls=None):
    """A web server on loopback: its `url`, and the `calls` it got."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.answer, server.calls = answer, []
        server.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def serve_api(listed=b'{"id": 1}', tls=None):
    """The API of GitHub or GitLab, as a server that allows everything. Reading gets what is `listed`."""
    kind = {"content-type": "application/json"}
    return serve(lambda call: (200, kind, listed) if call.method == "GET" else (201, kind, b'{"id": 1}'), tls)


class Sandbox:
    """The embedded platform, on loopback, as long as the block lasts. `launcher` is the program, or what starts it in a container."""

    def __init__(self, scenario="success", speed=60, generation="draft", platform=None, launcher=(PROGRAM,)):
        options = ("--generation", generation) if platform is None else ("--platform", platform)
        line = [*launcher, "sandbox", *options, "--scenario", scenario, "--speed", str(speed)]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        found = {}
        while "manage" not in found:
            name, _, value = self.process.stdout.readline().strip().partition("=")
            assert name, "the sandbox has not started"
            found[name] = value
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.hook, self.token, self.manage = found["hook-url"], found["api-token"], found["manage"]
        # Vercel's API has a use for an account, and none is needed here.
        self.inputs = {"account": found.get("account", "team_4nQ0bV6Yx2"), "project": found.get("project", "")}
        self.variables = {"DEPLOY_HOOK_URL": self.hook, "FRBIT_TOKEN": self.token, "DEPLOY_HOOK_API_URL": self.manage}
        # The end of the path, or the value of `key`. Coolify's URL has no secret in it.
        self.secrets = [self.hook, *re.findall(r"(?:/|[?]key=)([^/?&]+)$", self.hook), self.token, TOKEN]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def fetch(self, path="", body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.manage}/sandbox{path}", data, timeout=60) as answer:
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


@contextlib.contextmanager
def sandbox_at(home, **how):
    """A quick one, and its secrets in the files that the documents and examples name, in a home directory."""
    with Sandbox(speed=200, **how) as platform:
        write(home / ".deploy-hook", {"url": platform.hook, "token": platform.token})
        yield platform
