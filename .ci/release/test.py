#!/usr/bin/env python3
"""Tests the scripts of this folder and the Action without Docker (action/binary), on copies and against servers on this machine: a
bare repository instead of the forge, Debian's `docker-registry` instead of the image registry, a small web server for the downloads.

usage: test.py [CASE...]

Needs Linux, git, jq, curl and a program to release: DEPLOY_HOOK_BINARY, else target/debug/deploy-hook, which is built if need be. What
needs a registry is skipped where there is no `docker-registry` or no `skopeo`; in CI (CI=true) that is a failure.
"""

import collections
import contextlib
import copy
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
WORK = Path(tempfile.mkdtemp(prefix="deploy-hook-release-"))
LINUX = "deploy-hook-linux-x86_64"
BINARIES = [
    LINUX,
    "deploy-hook-linux-aarch64",
    "deploy-hook-macos-x86_64",
    "deploy-hook-macos-aarch64",
    "deploy-hook-windows-x86_64.exe",
]
DIGEST = "sha256:" + "5" * 64
IMAGE = f"registry.example.com/owner/deploy-hook@{DIGEST}"
HOOK_SECRET = "LONGSTRING"
# Nothing of the machine's own configuration, and nothing of a CI's.
ENV = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
ENV |= {"HOME": str(WORK), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "TMPDIR": str(WORK)}


def run(*args, cwd=None, env=None, fails=None, **more):
    """Standard output. With `fails` it has to end with an error that says this."""
    command = [str(arg) for arg in args]
    done = subprocess.run(command, cwd=cwd, env=ENV | (env or {}), capture_output=True, text=True, timeout=300, check=False, **more)
    said = done.stdout + done.stderr
    if fails is None:
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{said}"
    else:
        assert done.returncode != 0, f"{command} should have failed:\n{said}"
        assert fails in said, f"{command} failed for another reason than {fails!r}:\n{said}"
    return done.stdout


def git(folder, *args, **more):
    return run("git", "-C", folder, "-c", "user.name=test", "-c", "user.email=test@example.com", *args, **more).strip()


def edit(path, old, new):
    text = path.read_text()
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1))


def project(name, version="0.1.0"):
    """A copy of this project in a repository of its own, with everything in order for the release of this version."""
    folder = WORK / name
    names = run("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for one in filter(None, names):
        if (ROOT / one).is_file():
            (folder / one).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / one, folder / one)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    set_version(folder, version)
    return folder


def set_version(folder, version):
    """As the commit that prepares a release does."""
    for name, pattern in [
        ("Cargo.toml", r'(?m)(?<=^version = ")[^"]+'),
        ("Cargo.lock", r'(?<=\nname = "deploy-hook"\nversion = ")[^"]+'),
        ("CHANGELOG.md", r"(?m)^## \[\d.*"),
    ]:
        new = version if name != "CHANGELOG.md" else f"## [{version}] - 2030-01-31"
        text, count = re.subn(pattern, new, (folder / name).read_text(), count=1)
        assert count == 1, f"{name} names no version"
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", f"chore: prepare {version}")


def assets(name):
    """The files of a release: this machine's binary is real, the others are stand-ins."""
    folder = WORK / name
    folder.mkdir()
    for one in BINARIES:
        (folder / one).write_text(f"not really {one}\n")
    shutil.copy2(program(), folder / LINUX)
    (folder / "deploy-hook-linux-x86_64.cdx.json").write_text("{}\n")
    return folder


def program():
    path = Path(os.environ.get("DEPLOY_HOOK_BINARY", ROOT / "target/debug/deploy-hook"))
    if not path.exists():
        subprocess.run(["cargo", "build", "--locked", "--quiet"], cwd=ROOT, check=True)
    return path


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# --- the two Actions ---


def read_action(path):
    return YAML(typ="safe").load(path.read_text())


def compare(root, binary):
    """Says how the Action without Docker differs from the one at the root."""
    for section in ("inputs", "outputs"):
        other = {name: {key: value for key, value in fields.items() if key != "value"} for name, fields in binary[section].items()}
        assert list(root[section]) == list(other), f"the {section} have other names or another order"
        for name, fields in root[section].items():
            assert fields == other[name], f"{section}: {name} is {other[name]}, at the root {fields}"
    assert binary["runs"]["using"] == "composite"
    [step] = binary["runs"]["steps"]
    for name, fields in binary["outputs"].items():
        assert fields["value"] == f"${{{{ steps.{step['id']}.outputs.{name} }}}}", f"the value of {name}"
    given = {f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in root["inputs"]}
    assert step["env"] == given, f"the environment is not every input: {set(step['env'].items()) ^ set(given.items())}"
    assert "${{" not in step["run"], "an expression in a script"


def case_actions():
    root, binary = read_action(ROOT / "action.yml"), read_action(ROOT / "action/binary/action.yml")
    compare(root, binary)

    def broken(change, word):
        other = copy.deepcopy(binary)
        change(other)
        try:
            compare(root, other)
        except AssertionError as found:
            assert word in str(found), f"found for another reason than {word!r}: {found}"
        else:
            raise AssertionError(f"not found: {word}")

    broken(lambda it: it["inputs"]["timeout"].update(default="10m"), "timeout")
    broken(lambda it: it["inputs"].pop("sha"), "other names")
    broken(lambda it: it["outputs"]["state"].update(value="${{ steps.run.outputs.stat }}"), "state")
    broken(lambda it: it["runs"]["steps"][0]["env"].pop("INPUT_DRY_RUN"), "INPUT_DRY_RUN")
    broken(lambda it: it["runs"]["steps"][0].update(run="${{ inputs.name }}"), "expression")
    run("check-jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action/binary/action.yml")


# --- the scripts ---


def case_version():
    folder = project("version")
    check = folder / ".ci/release/check-version"
    assert run(check, "--branch", "refs/heads/release/0.1.0", "--on", "main") == "0.1.0\n"
    run(check, "--branch", "refs/tags/release/0.1.0", fails="the branch is 'refs/tags/release/0.1.0'")
    run(check, "--branch", "refs/heads/release/0.2.0", fails="the branch is 'refs/heads/release/0.2.0'")
    git(folder, "checkout", "--quiet", "-b", "elsewhere")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "not on main")
    run(check, "--on", "main", "--on", "no-such-branch", fails="not in the history of main no-such-branch")
    git(folder, "tag", "v0.1.0", "main")
    run(check, fails="released already")
    git(folder, "tag", "--force", "v0.1.0", git(folder, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "as a release commit is"))
    run(check)
    git(folder, "tag", "--delete", "v0.1.0")

    def broken(name, old, new, word):
        before = (folder / name).read_text()
        edit(folder / name, old, new)
        run(check, fails=word)
        (folder / name).write_text(before)

    broken("Cargo.toml", 'version = "0.1.0"', 'version = "0.1.1"', "Cargo.lock '0.1.0'")
    broken("Cargo.toml", 'version = "0.1.0"', 'version = "0.1"', "no version that can be released")
    broken("CHANGELOG.md", "## [0.1.0] - 2030-01-31", "## [0.1.0] - Unreleased", "but '## [0.1.0] - Unreleased'")
    broken("CHANGELOG.md", "## [0.1.0] - 2030-01-31", "## [0.1.9] - 2030-01-31", "no heading")
    broken("action.yml", "  image: Dockerfile", f"  image: docker://{IMAGE}", "does not build from the Dockerfile")
    (folder / "action/binary/checksums.txt").write_text("\n")
    run(check, fails="only a release commit has")
    (folder / "action/binary/checksums.txt").unlink()
    edit(folder / "CHANGELOG.md", "2030-01-31", "Unreleased")
    run(check, "--unreleased")


def case_notes():
    folder = project("notes")
    notes = folder / ".ci/release/notes"
    text = run(notes, "0.1.0")
    assert text.startswith("### Added") and "deploy-hook deploy" in text and "## [" not in text, text
    run(notes, "9.9.9", fails="says nothing about 9.9.9")
    run(notes, "0.1", fails="says nothing about 0.1")
    edit(folder / "CHANGELOG.md", "## [0.1.0]", "## [0.2.0] - 2030-02-28\n\n## [0.1.0]")
    run(notes, "0.2.0", fails="says nothing about 0.2.0")
    pins = ["--repository", "owner/deploy-hook", "--commit", "c" * 40, "--action", IMAGE, "--shell", IMAGE.replace("55", "66"), "--builder", "rust:1@" + DIGEST]
    text = run(notes, "0.1.0", *pins)
    for word in [f"uses: owner/deploy-hook@{'c' * 40} # v0.1.0", f"oci://{IMAGE} --repo owner/deploy-hook \\\n", "--source-ref refs/heads/release/0.1.0\n", "### Added"]:
        assert word in text, f"no {word!r} in:\n{text}"
    pins[5] = "registry.example.com/owner/deploy-hook:0.1.0"
    run(notes, "0.1.0", *pins, fails="notes VERSION")


def case_checksums():
    folder, checksums = assets("checksums"), ROOT / ".ci/release/checksums"
    assert LINUX in run(checksums, "write", folder, "--dry-run") and not (folder / "SHA256SUMS").exists()
    run(checksums, "verify", folder, fails="no SHA256SUMS")
    run(checksums, "write", folder)
    run(checksums, "verify", folder)
    assert [line.split()[1] for line in run(checksums, "binaries", folder).splitlines()] == BINARIES
    with (folder / BINARIES[3]).open("a") as file:
        file.write("changed")
    run(checksums, "verify", folder, fails=f"{BINARIES[3]}: FAILED")
    run(checksums, "write", folder)
    (folder / "more").write_text("more\n")
    run(checksums, "verify", folder, fails="does not name exactly")
    (folder / "more").unlink()
    (folder / BINARIES[4]).unlink()
    run(checksums, "verify", folder, fails=BINARIES[4])
    run(checksums, "write", folder, fails=f"{BINARIES[4]} is missing")

    # The hash of everything: contents, names, and what is in folders.
    whole = run(checksums, "whole", folder).strip()
    assert re.fullmatch("[0-9a-f]{64}", whole)
    assert run(checksums, "whole", folder, whole).strip() == whole
    run(checksums, "whole", folder, "", fails="is not what was put together")
    (folder / "below").mkdir()
    (folder / "below/more").write_text("more\n")
    run(checksums, "whole", folder, whole, fails="is not what was put together")
    (folder / "below/more").rename(folder / "more")
    moved = run(checksums, "whole", folder).strip()
    assert moved != whole
    (folder / "more").rename(folder / "other")
    run(checksums, "whole", folder, moved, fails="is not what was put together")
    (folder / "other").unlink()
    assert run(checksums, "whole", folder).strip() == whole, "what is the same has another hash"
    (folder / "link").symlink_to(LINUX)
    run(checksums, "whole", folder, fails="neither a file nor a folder: ./link")
    run(checksums, "whole", folder / "below", fails="there is nothing in")


def case_pin():
    folder, files = project("pin"), assets("pin-assets")
    pin = folder / ".ci/release/pin-action"
    run(ROOT / ".ci/release/checksums", "write", files)
    sums = WORK / "pin-sums"
    sums.write_text(run(ROOT / ".ci/release/checksums", "binaries", files))
    url = "https://example.com/owner/deploy-hook/releases/download/v0.1.0"
    for bad, word in [
        ((IMAGE.replace("@sha256:", ":"), url, sums), "not an image by its digest"),
        ((IMAGE[:-1], url, sums), "not an image by its digest"),
        ((IMAGE.replace("owner", "Owner"), url, sums), "not an image by its digest"),
        ((IMAGE, "example.com", sums), "not a URL"),
        ((IMAGE, url, folder / "README.md"), "no checksums"),
    ]:
        run(pin, *bad, fails=word)
    (WORK / "pin-short").write_text("".join(sums.read_text().splitlines(True)[1:]))
    run(pin, IMAGE, url, WORK / "pin-short", fails="does not name the binaries")
    assert f"+  image: docker://{IMAGE}" in run(pin, IMAGE, url, sums, "--dry-run")
    assert git(folder, "status", "--porcelain") == "", "a dry run changed something"

    before = read_action(folder / "action.yml")
    run(pin, IMAGE, url, sums)
    after = read_action(folder / "action.yml")
    assert after["runs"].pop("image") == f"docker://{IMAGE}" and before["runs"].pop("image") == "Dockerfile"
    assert after == before, "more than the image has changed"
    run("check-jsonschema", "--builtin-schema", "vendor.github-actions", folder / "action.yml")
    run(pin, IMAGE, url, sums, fails="no line")


# --- images ---


def archive(path, architecture, text):
    """What `docker save` writes, of an image with one small file."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        info = tarfile.TarInfo("deploy-hook")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    layer = layer.getvalue()
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/deploy-hook"]},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(layer)]},
        }
    ).encode()
    name = sha256(config) + ".json"
    manifest = json.dumps([{"Config": name, "RepoTags": None, "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for file, data in [(name, config), ("layer.tar", layer), ("manifest.json", manifest)]:
            info = tarfile.TarInfo(file)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def registry():
    """Debian's registry on loopback; None where there is none."""
    missing = [name for name in ("docker-registry", "skopeo") if not shutil.which(name)]
    if missing:
        assert os.environ.get("CI") != "true", f"there is no {' and no '.join(missing)}"
        print(f"   SKIPPED what needs a registry: there is no {' and no '.join(missing)}")
        yield None
        return
    port, folder = free_port(), Path(tempfile.mkdtemp(dir=WORK))
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    # Files, not pipes: nobody reads them while it runs.
    with (folder / "log").open("w") as log, subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], env=ENV, stdout=log, stderr=log) as process:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1).close()
                    break
                time.sleep(0.1)
            else:
                raise AssertionError((folder / "log").read_text())
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


@contextlib.contextmanager
def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def guarded(upstream, gives_tokens, tampers=False):
    """A registry in front of another one that wants a token for everything, as public registries do."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/token?"):
                asked = urllib.parse.parse_qs(self.path.partition("?")[2])
                assert asked == {"service": ["registry"], "scope": ["repository:owner/deploy-hook:pull"]}, asked
                self.answer(*((200, b'{"token": "for-everybody"}') if gives_tokens else (403, b'{"errors": [{"code": "DENIED"}]}')))
            elif self.headers["Authorization"] != "Bearer for-everybody":
                realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="registry",scope="repository:owner/deploy-hook:pull"'
                self.answer(401, b"{}", {"WWW-Authenticate": realm})
            else:
                request = urllib.request.Request(f"http://{upstream}{self.path}", headers={"Accept": ", ".join(self.headers.get_all("Accept"))})
                with urllib.request.urlopen(request, timeout=10) as answer:
                    self.answer(200, answer.read() + b" " * tampers)

        def answer(self, code, body, headers=None):
            self.send_response(code)
            for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def layout(name, texts=(b"for amd64", b"for arm64")):
    if not shutil.which("skopeo"):
        return None, None
    files = [archive(WORK / f"{name}-{one}.tar", one, text) for one, text in zip(("amd64", "arm64"), texts, strict=True)]
    folder = WORK / f"{name}-layout"
    return folder, run(ROOT / ".ci/release/image", "index", folder, f"amd64={files[0]}", f"arm64={files[1]}").strip()


def case_image():
    image = ROOT / ".ci/release/image"
    with registry() as host:
        if not host:
            return
        folder, digest = layout("image")
        assert layout("again")[1] == digest, "the same images have another digest"
        run(image, "index", WORK / "swapped", f"arm64={WORK / 'image-amd64.tar'}", fails="not for linux/arm64")
        run(image, "index", folder, "amd64=x", fails="there already")
        one = run(image, "manifest", folder, "arm64").strip()
        assert one.startswith("sha256:") and one != run(image, "manifest", folder, "amd64").strip()

        name = f"{host}/owner/deploy-hook"
        tags = f"http://{name.replace('/', '/v2/', 1)}/tags/list"
        target = f"{name}@{digest}"
        assert "copy" in run(image, "push", folder, target, "--dry-run")
        run(image, "push", folder, f"{name}@{DIGEST}", fails="nothing was pushed")
        run(image, "push", folder, name, fails="not an image by its digest")
        run(image, "public", target, fails="cannot be pulled without a login")
        assert run(image, "push", folder, target).strip() == target
        assert run(image, "push", folder, target).strip() == target, "a repetition"
        run(image, "public", target)
        run(image, "public", f"{name}@{one}", fails="is not for amd64 and arm64")
        run(image, "public", f"{name}@{DIGEST}", fails="HTTP 404")
        try:
            urllib.request.urlopen(tags, timeout=10).close()
        except urllib.error.HTTPError as error:
            assert error.code == 404, "there are tags before anybody asked for them"
        run(image, "tag", target, "0.1.0", "0.1", "--dry-run")
        run(image, "tag", target, "0.1.0", "0.1", "0")
        with urllib.request.urlopen(tags, timeout=10) as answer:
            assert sorted(json.load(answer)["tags"]) == ["0", "0.1", "0.1.0"]
        accept = {"Accept": "application/vnd.oci.image.index.v1+json"}
        with urllib.request.urlopen(urllib.request.Request(tags.replace("tags/list", "manifests/0.1"), headers=accept), timeout=10) as answer:
            assert "sha256:" + sha256(answer.read()) == digest, "the tag is not on the pushed image"
        run(image, "tag", target, "no tag", fails="no tag")

        with serve(guarded(host, gives_tokens=True)) as front:
            run(image, "public", f"{front}/owner/deploy-hook@{digest}")
        with serve(guarded(host, gives_tokens=False)) as front:
            run(image, "public", f"{front}/owner/deploy-hook@{digest}", fails="cannot be pulled without a login")
        with serve(guarded(host, gives_tokens=True, tampers=True)) as front:
            run(image, "public", f"{front}/owner/deploy-hook@{digest}", fails="is something else")
        # As a runner gets it, where there is an engine that shares this loopback.
        if shutil.which("docker") and subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0:
            pulled = subprocess.run(["docker", "pull", "--quiet", target], capture_output=True, text=True, check=False)
            print(f"   docker pull by digest: {pulled.stdout.strip() or 'not possible here: ' + pulled.stderr.strip()}")
            subprocess.run(["docker", "image", "rm", target], capture_output=True, check=False)
        else:
            print("   SKIPPED docker pull by digest: there is no engine")


# --- the Action without Docker ---


class Downloads:
    """A web server for a folder of assets, with faults, and what it was asked."""

    def __init__(self, folder):
        self.folder, self.seen, self.faults = folder, [], collections.Counter()

    def handler(self):
        downloads = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                downloads.seen.append(f"{self.requestline}\n{self.headers}")
                _, mode, name = self.path.split("/", 2)
                path = downloads.folder / name
                if mode == "missing" or not path.is_file():
                    return self.answer(404, b"Not Found")
                if mode == "moved":
                    return self.answer(302, b"", {"Location": f"/ok/{name}"})
                if downloads.faults[mode] < {"flaky": 2, "again130": 1, "again143": 1}.get(mode, 0):
                    downloads.faults[mode] += 1
                    return self.answer(503, b"try again")
                data = path.read_bytes()
                if mode == "wrong":
                    data = data[:-1] + bytes([data[-1] ^ 1])
                return self.answer(200, data[: len(data) // 2] if mode == "truncated" else data, {"Content-Length": str(len(data))})

            def answer(self, code, body, headers=None):
                self.send_response(code)
                for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)
                self.close_connection = True

            def log_message(self, *_):
                pass

        return Handler


def runner(name, **more):
    """The environment of a step on a Linux runner, with folders of its own."""
    folder = WORK / f"runner-{name}"
    folder.mkdir()
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "RUNNER_OS": "Linux",
        "RUNNER_ARCH": "X64",
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "GITHUB_STATE": str(folder / "state"),
        "GITHUB_WORKSPACE": str(folder),
        "NO_PROXY": "127.0.0.1",
        **more,
    }


def step(path, env, *args, code=0, say=()):
    done = subprocess.run([shutil.which("bash"), "-c", 'exec bash "$0" "$@"', path, *args], env=ENV | env, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == code, f"ended with {done.returncode}, not {code}:\n{said}"
    for word in say:
        assert word in said, f"does not say {word!r}:\n{said}"
    return said


def outputs(env):
    """Of the step: name, heredoc's delimiter, value."""
    found, lines = {}, iter(Path(env["GITHUB_OUTPUT"]).read_text().splitlines())
    for line in lines:
        name, delimiter = line.split("<<", 1)
        value = []
        for more in lines:
            if more == delimiter:
                break
            value.append(more)
        found[name] = "\n".join(value)
    return found


@contextlib.contextmanager
def sandbox(*args):
    """The embedded platform: its hook's URL."""
    with subprocess.Popen([program(), "sandbox", *args], env=ENV, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            for line in process.stdout:
                if line.startswith("hook-url="):
                    yield line.split("=", 1)[1].strip()
                    break
            else:
                raise AssertionError("the sandbox says no hook-url")
        finally:
            process.terminate()


def case_binary():
    files = assets("binary-assets")
    run(ROOT / ".ci/release/checksums", "write", files)
    action = WORK / "binary-action"
    shutil.copytree(ROOT / "action/binary", action)
    script = action / "run.sh"
    step(script, runner("no-release"), code=2, say=["::error title=Deploy Hook::", "belongs to no release"])
    (action / "checksums.txt").write_text(run(ROOT / ".ci/release/checksums", "binaries", files))
    (action / "url.txt").write_text("https://example.invalid/releases/download/v0.1.0\n")
    for os_, arch in [("Linux", "ARM"), ("Windows", "ARM64"), ("", "")]:
        step(script, runner(f"other{os_}{arch}", RUNNER_OS=os_, RUNNER_ARCH=arch), code=2, say=["There is no binary for this runner"])

    downloads = Downloads(files)
    with serve(downloads.handler()) as host, sandbox("--speed", "50") as hook:
        at = lambda mode: {"DEPLOY_HOOK_RELEASE_URL": f"http://{host}/{mode}"}  # noqa: E731
        secret = {"INPUT_HOOK_URL": hook, "INPUT_API_TOKEN": "TOKEN-" + HOOK_SECRET, "INPUT_GITHUB_TOKEN": "", "INPUT_TIMEOUT": "20s"}

        # What downloads leaves behind what it knew.
        tools, knew = WORK / "tools", WORK / "curl-knew"
        tools.mkdir()
        (tools / "curl").write_text(f'#!/bin/sh\nenv >{knew}\nexec {shutil.which("curl")} "$@"\n')
        (tools / "curl").chmod(0o755)
        path = {"PATH": f"{tools}:{ENV['PATH']}"}

        # A deployment, with the inputs of an Action and its outputs.
        env = path | runner("deploys", **at("moved"), **secret, INPUT_ENVIRONMENT="staging", INPUT_REPORT="summary")
        step(script, env, say=["Downloading http://", "succeeded"])
        assert outputs(env)["outcome"] == "succeeded" and outputs(env)["deployment-id"].startswith("dp_"), outputs(env)
        assert "staging" in Path(env["GITHUB_STEP_SUMMARY"]).read_text()
        left = [path.name for path in (Path(env["RUNNER_TEMP"])).rglob("*") if path.is_file()]
        assert sorted(left) == ["deploy-hook", "output", "summary"], left
        # Nothing that was asked for knew of a secret.
        asked = "".join(downloads.seen)
        assert hook.rsplit("/", 1)[1] not in asked and HOOK_SECRET not in asked and "uthorization" not in asked, asked
        assert "RUNNER_TEMP" in knew.read_text() and hook not in knew.read_text() and HOOK_SECRET not in knew.read_text()
        # A variable of the job weighs more than an input, as in the container.
        bad = step(script, env | at("missing") | {"DEPLOY_HOOK_TIMEOUT": "forever"}, code=2, say=["DEPLOY_HOOK_TIMEOUT"])
        # The second step of the job downloads nothing; what has been changed on the disk is replaced.
        assert "Downloading" not in bad
        with (Path(env["RUNNER_TEMP"]) / f"deploy-hook-{sha256((files / LINUX).read_bytes())[:16]}" / "deploy-hook").open("ab") as file:
            file.write(b"changed")
        step(script, env | at("ok"), "--version", say=["Downloading", "deploy-hook 0."])

        step(script, runner("wrong", **at("wrong"), **secret), code=2, say=["is not this release's binary, and was not run", "SHA-256"])
        step(script, runner("missing", **at("missing"), **secret), code=2, say=["HTTP 404"])
        began = time.monotonic()
        step(script, runner("flaky", **at("flaky")), "--version", say=["HTTP status 503", "Trying again in 2s", "Trying again in 5s", "deploy-hook 0."])
        assert time.monotonic() - began > 6
        step(script, runner("truncated", **at("truncated"), **secret), code=4, say=["could not be downloaded", "Nothing was triggered"])
        left = [path for path in WORK.glob("runner-*/deploy-hook-*/*") if path.name != "deploy-hook"]
        assert not left, f"half a download was left: {left}"
        for name in ("wrong", "missing", "truncated"):
            assert Path(WORK / f"runner-{name}/output").read_text() == "succeeded=false\n", f"{name}: something ran"
        # Plain http is for this machine alone.
        for name, other in {"plain": "http://198.51.100.1/ok", "user": f"http://127.0.0.1:80@{host}/ok"}.items():
            step(script, runner(name, DEPLOY_HOOK_RELEASE_URL=other), code=4, say=["curl ended with 1"])

        # What checks it is looked for before anything is downloaded.
        few = WORK / "few-tools"
        few.mkdir()
        for tool in ("awk", "bash", "curl", "cut", "dirname", "tr"):
            (few / tool).symlink_to(shutil.which(tool))
        said = step(script, runner("no-sums", PATH=str(few), **at("ok")), code=2, say=["::error title=Deploy Hook::There is neither sha256sum nor shasum"])
        assert "Downloading" not in said

        # Without a folder of the job's own, none whose name somebody else could know.
        env = runner("no-folder", RUNNER_TEMP="", **at("ok"))
        step(script, env, "--version", say=["deploy-hook 0."])
        [made] = WORK.glob("tmp.*/deploy-hook-*/deploy-hook")
        assert made.parents[1].stat().st_mode & 0o777 == 0o700

        # Windows' bash, as far as this machine can show it: what looks like a path is not rewritten.
        (tools / "cygpath").write_text('#!/bin/sh\necho "$2"\n')
        (tools / "cygpath").chmod(0o755)
        stand_in, rewritten = shutil.copytree(files, WORK / "windows-assets"), WORK / "rewritten"
        (stand_in / BINARIES[4]).write_text(f'#!/bin/sh\necho "$MSYS2_ENV_CONV_EXCL $MSYS2_ARG_CONV_EXCL $INPUT_NAME" >{rewritten}\n')
        run(ROOT / ".ci/release/checksums", "write", stand_in)
        windows = shutil.copytree(action, WORK / "windows-action")
        (windows / "checksums.txt").write_text(run(ROOT / ".ci/release/checksums", "binaries", stand_in))
        with serve(Downloads(stand_in).handler()) as other:
            env = path | runner("windows", RUNNER_OS="Windows", DEPLOY_HOOK_RELEASE_URL=f"http://{other}/ok", INPUT_NAME="/x")
            step(windows / "run.sh", env)
        assert rewritten.read_text() == "* * /x\n", rewritten.read_text()
        (tools / "cygpath").unlink()

        # A job that is canceled in between starts nothing.
        for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            env = runner(f"canceled-{code}", **at(f"again{code}"), **secret)
            with subprocess.Popen(["bash", script], env=ENV | env, stdout=subprocess.PIPE, text=True) as process:
                for line in process.stdout:
                    if "Trying again" in line:
                        break
                process.send_signal(number)
                said = process.stdout.read()
                assert process.wait(10) == code, f"{process.returncode}: {said}"
            assert Path(env["GITHUB_OUTPUT"]).read_text() == "succeeded=false\n" and not said, said
            assert not list(Path(env["RUNNER_TEMP"]).rglob("deploy-hook*/*")), "something was left"

    # A signal reaches the program, though a shell was started.
    with sandbox("--speed", "1") as hook, serve(downloads.handler()) as host:
        env = runner("signal", DEPLOY_HOOK_RELEASE_URL=f"http://{host}/ok", INPUT_HOOK_URL=hook, INPUT_REPORT="none")
        with subprocess.Popen(["bash", "-c", f'exec bash "{script}"'], env=ENV | env, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if "Triggered" in line:
                    break
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            assert process.wait(10) == 130, process.returncode
        assert outputs(env)["outcome"] == "interrupted"


# --- a whole release ---


def case_release():
    remote, folder = WORK / "remote.git", project("release")
    scripts = folder / ".ci/release"
    run("git", "init", "--quiet", "--bare", "--initial-branch", "main", remote)
    git(folder, "remote", "add", "origin", remote)
    git(folder, "push", "--quiet", "origin", "main", "main:release/0.1.0")
    refs = lambda: dict(reversed(line.split("\t")) for line in git(folder, "ls-remote", "origin").splitlines())  # noqa: E731
    head = git(folder, "rev-parse", "HEAD")
    git(folder, "fetch", "--quiet", "origin")
    assert run(scripts / "check-version", "--branch", "refs/heads/release/0.1.0", "--on", "origin/main") == "0.1.0\n"

    files = assets("release-assets")
    run(scripts / "checksums", "write", files)
    run(scripts / "checksums", "verify", files)
    sums = WORK / "release-sums"
    sums.write_text(run(scripts / "checksums", "binaries", files))
    downloads = Downloads(files)
    with registry() as host, serve(downloads.handler()) as web:
        image = IMAGE
        if host:
            put_together, digest = layout("release")
            image = run(scripts / "image", "push", put_together, f"{host}/owner/deploy-hook@{digest}").strip()
            run(scripts / "image", "public", image)
        url = f"http://{web}/ok"
        made = [scripts / "commit", "0.1.0", image, url, sums]
        before = refs()
        commit = run(*made).strip()
        assert run(*made, "--push", "origin", "--dry-run").strip() == commit
        assert refs() == before and git(folder, "status", "--porcelain") == "" and git(folder, "rev-parse", "HEAD") == head
        run(scripts / "move-tags", "0.1.0", "origin", "--push", fails="there is no v0.1.0")
        time.sleep(1.1)
        assert run(*made, "--push", "origin").strip() == commit, "another second, another commit"
        assert refs() == before | {"refs/heads/release/0.1.0": commit, "refs/tags/v0.1.0": commit}
        assert run(*made, "--push", "origin").strip() == commit, "a repetition of what was done"
        run(*[IMAGE if arg == image else url + "s" if arg == url else arg for arg in made], "--push", "origin", fails="already, and not")
        changed = git(folder, "diff", "--name-only", head, commit).split()
        assert changed == ["action.yml", "action/binary/checksums.txt", "action/binary/url.txt"], changed
        assert git(folder, "rev-parse", f"{commit}^") == head
        run(scripts / "check-version", "--branch", "refs/heads/release/0.1.0", "--on", "origin/main")

        assert run(scripts / "move-tags", "0.1.0", "origin").split() == ["0.1", "0"]
        run(scripts / "move-tags", "0.1.0", "origin", "--push", "--dry-run")
        assert "refs/tags/v0" not in refs()
        run(scripts / "move-tags", "0.1.0", "origin", "--push")
        assert refs()["refs/tags/v0"] == commit
        if host:
            run(scripts / "image", "tag", image, "0.1.0", "0.1", "0")
        text = run(scripts / "notes", "0.1.0", "--repository", "owner/deploy-hook", "--commit", commit, "--action", image, "--shell", image, "--builder", image)
        assert commit in text

        # What a workflow gets that names the commit: the image by its digest, and this very binary.
        pinned = WORK / "pinned"
        git(WORK, "clone", "--quiet", remote, pinned)
        git(pinned, "checkout", "--quiet", "v0.1.0")
        assert read_action(pinned / "action.yml")["runs"]["image"] == f"docker://{image}"
        compare(read_action(pinned / "action.yml"), read_action(pinned / "action/binary/action.yml"))
        step(pinned / "action/binary/run.sh", runner("release"), "--version", say=["deploy-hook 0."])
        (files / LINUX).write_text("#!/bin/sh\necho somebody else's program\n")
        step(pinned / "action/binary/run.sh", runner("exchanged"), "--version", code=2, say=["was not run"])

    # Somebody pushes to the branch while the release runs: it stops before there is a tag.
    set_version(folder, "0.2.0")
    git(folder, "push", "--quiet", "origin", "main", "main:release/0.2.0")
    other = git(folder, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "in between")
    git(folder, "push", "--quiet", "origin", f"{other}:refs/heads/release/0.2.0")
    run(scripts / "commit", "0.2.0", IMAGE, "https://example.com/v0.2.0", sums, "--push", "origin", fails="rejected")
    assert "refs/tags/v0.2.0" not in refs()

    # Which names move.
    def released(version, names):
        git(folder, "push", "--quiet", "origin", f"{git(folder, 'commit-tree', 'HEAD^{tree}', '-m', version)}:refs/tags/v{version}")
        assert run(scripts / "move-tags", version, "origin", "--push").split() == names, version
        latest = "true" if names and names[-1] == version.split(".")[0] else "false"
        assert run(scripts / "move-tags", version, "origin", "--latest").strip() == latest, version
        return refs()

    first = released("0.9.0", ["0.9", "0"])
    assert released("0.10.0", ["0.10", "0"])["refs/tags/v0"] != first["refs/tags/v0"], "10 is more than 9"
    newest = refs()["refs/tags/v0"]
    assert released("0.9.1", ["0.9"])["refs/tags/v0"] == newest, "the mend of an old version"
    assert released("1.0.0-rc.1", []).keys().isdisjoint({"refs/tags/v1"})
    released("1.0.0", ["1.0", "1"])
    assert refs()["refs/tags/v0"] == newest and "refs/tags/v1" in refs()
    # The newest of its major version is not the newest of all.
    assert run(scripts / "move-tags", "0.11.0", "origin").split() == ["0.11", "0"]
    assert run(scripts / "move-tags", "0.11.0", "origin", "--latest") == "false\n"
    run(scripts / "move-tags", "0.11.0", "origin", "--latest", "--push", fails="move-tags VERSION")


def play(job, folder, env):
    """Runs a job's scripts, from what follows its download on, in this folder. Gives back which step failed, else None."""
    names = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
    for step in job["steps"][names.index("actions/download-artifact") + 1 :]:
        if "uses" in step:
            Path(env["CALLED"]).open("a").write(f"{step['uses']}\n")
        elif subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=folder, env=ENV | env, capture_output=True, timeout=60, check=False).returncode:
            return step["name"]
    return None


def case_workflow():
    """What may write outside the run passes nothing on that was exchanged on its way there. These are the workflow's own steps, with
    stand-ins for what they call."""
    jobs = read_action(ROOT / ".github/workflows/release.yml")["jobs"]
    writes = {name: job for name, job in jobs.items() if "write" in job["permissions"].values()}
    assert {"push", "attest", "publish", "tags"} <= writes.keys(), writes.keys()
    for name, job in jobs.items():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/download-artifact@") and (name in writes or "artifact-ids" in step["with"]):
                assert step["with"] == {"artifact-ids": "${{ needs.assemble.outputs.artifact }}", "path": "release"}, f"{name}: {step['with']}"

    folder, checksums = project("workflow"), ROOT / ".ci/release/checksums"
    release, tools = folder / "release", WORK / "workflow-tools"
    release.mkdir()
    shutil.move(assets("workflow-assets"), release / "assets")
    (release / "sboms").mkdir()
    (release / "notes.md").write_text("notes\n")

    def listed():
        run(checksums, "write", release / "assets")
        (release / "checksums.txt").write_text(run(checksums, "binaries", release / "assets"))

    listed()
    put_together, digest = layout("workflow")
    if put_together:
        shutil.move(put_together, release / "action")
    whole = run(checksums, "whole", release).strip()
    url = "https://github.com/owner/deploy-hook/releases/download/v0.1.0"
    image = f"registry.example.com/owner/deploy-hook@{digest or DIGEST}"
    commit = run(folder / ".ci/release/commit", "0.1.0", image, url, release / "checksums.txt").strip()
    tools.mkdir()
    for name in ("gh", "docker", "skopeo"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"$CALLED"\n[ "$2" != view ] || {{ echo "$VIEW" >&2; exit 1; }}\n')
        (tools / name).chmod(0o755)
    env = {
        "PATH": f"{tools}:{ENV['PATH']}",
        "RUNNER_TEMP": str(tools),
        "CALLED": str(WORK / "called"),
        "GITHUB_OUTPUT": "/dev/null",
        "VIEW": "release not found",
        "GITHUB_ACTOR": "owner",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "owner/deploy-hook",
        "VERSION": "0.1.0",
        "IMAGE": image.partition("@")[0],
        "ACTION": image.partition("@")[2],
        "SHELL_IMAGE": DIGEST,
        "COMMIT": commit,
        "TARGET": "action",
        "WHOLE": whole,
        "TOKEN": "",
        "GH_TOKEN": "",
    }
    git(folder, "init", "--quiet", "--bare", WORK / "workflow.git")
    git(folder, "remote", "add", "origin", WORK / "workflow.git")

    def called(name, expected):
        Path(env["CALLED"]).write_text("")
        stopped = play(jobs[name], folder, env)
        assert (stopped is None) == expected, f"{name}: stopped at {stopped}"
        return Path(env["CALLED"]).read_text()

    tested = [name for name in ("attest", "publish", *(["push"] if put_together else []))]
    for name in tested:
        assert called(name, True), f"{name} does nothing"
    assert "gh release create v0.1.0 --draft" in called("publish", True)
    # A fault of GitHub's says nothing about whether the release is there.
    env["VIEW"] = "HTTP 502: Bad Gateway"
    assert called("publish", False) == "gh release view v0.1.0 --json isDraft --jq .isDraft\n"
    env["VIEW"] = "release not found"
    # One binary, with every list that is beside it.
    (release / "assets" / LINUX).write_text("#!/bin/sh\necho somebody else's program\n")
    listed()
    run(checksums, "verify", release / "assets")
    if put_together:
        shutil.rmtree(release / "action")
        shutil.move(layout("workflow-other", (b"somebody", b"else"))[0], release / "action")
    for name in tested:
        assert not called(name, False), f"{name} passes on what was exchanged: {Path(env['CALLED']).read_text()}"


def case_sbom():
    sbom, subject, tools = ROOT / ".ci/release/sbom", os.environ.get("DEPLOY_HOOK_AUDITABLE"), WORK / "sbom-tools"
    tools.mkdir()
    if not (subject and shutil.which("auditable2cdx")):
        # A stand-in for the tool, since few binaries have what the real one reads. What it prints is the real one's.
        print("   with a stand-in for auditable2cdx; DEPLOY_HOOK_AUDITABLE would name a binary for the real one")
        names = ["reqwest", "rustls", *(f"crate-{number}" for number in range(20))]
        own = {"type": "application", "name": "deploy-hook", "purl": "pkg:cargo/deploy-hook@0.1.0&download_url=redacted"}
        crates = [{"type": "library", "name": name, "purl": f"pkg:cargo/{name}@1.0.0"} for name in names]
        bom = {"bomFormat": "CycloneDX", "specVersion": "1.3", "metadata": {"component": own}, "components": crates}
        subject = WORK / "sbom-subject"
        subject.write_text(json.dumps(bom))
        (tools / "auditable2cdx").write_text('#!/bin/sh\nexec cat "$1"\n')
        (tools / "auditable2cdx").chmod(0o755)
    ENV["PATH"] = f"{tools}:{ENV['PATH']}"
    packages = WORK / "packages"
    packages.write_text("busybox-static 1:1.35.0-4+b3 amd64\nca-certificates 20230311+deb12u1 all\n")
    bom = json.loads(run(sbom, subject, "deploy-hook:0.1.0-shell", packages))
    # Without a serial number it would be no CycloneDX to GitHub's attestations.
    assert bom["bomFormat"] == "CycloneDX" and bom["specVersion"] and re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bom["serialNumber"])
    assert bom == json.loads(run(sbom, subject, "deploy-hook:0.1.0-shell", packages)), "the same binary, another bill"
    names = {component["name"] for component in bom["components"]}
    assert {"reqwest", "rustls", "busybox-static", "ca-certificates"} <= names and "tempfile" not in names, names
    assert any(c.get("purl") == "pkg:deb/debian/busybox-static@1%3A1.35.0-4%2Bb3?arch=amd64&distro=debian-12" for c in bom["components"])
    assert re.fullmatch(r"pkg:cargo/deploy-hook@\d+\.\d+\.\d+", bom["metadata"]["component"]["purl"]), bom["metadata"]
    packages.write_text("busybox-static\n")
    run(sbom, subject, "x", packages, fails="not a package")
    run(sbom, shutil.which("jq"), "x", fails="")  # whatever the tool says to what it cannot read


def main(wanted):
    cases = {name.removeprefix("case_"): case for name, case in globals().items() if name.startswith("case_")}
    unknown = set(wanted) - set(cases)
    if unknown:
        sys.exit(f"there are: {' '.join(cases)}")
    failed = []
    for name in wanted or cases:
        began = time.monotonic()
        try:
            cases[name]()
            word = "ok"
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed.append(name)
            word = f"FAILED: {error}"
        print(f"{name}: {word} ({time.monotonic() - began:.1f}s)", flush=True)
    shutil.rmtree(WORK, ignore_errors=True)
    if failed:
        sys.exit(f"failed: {' '.join(failed)}")


main(sys.argv[1:])
