"""The steps of release.yml that need no GitHub, as they stand there: a bare repository instead of the forge, Debian's `docker-registry`
instead of the image registry.
"""

import hashlib
import json
import shutil
import socket
import subprocess
import urllib.request

import pytest
from harness import BINARIES, load, read, until, write
from release import DIGEST, ENV, git, project, run

JOBS = load(read(".github/workflows/release.yml"))["jobs"]
needs_registry = pytest.mark.skipif(not (shutil.which("docker-registry") and shutil.which("skopeo")), reason="there is no docker-registry or no skopeo")
LABELS = {"org.opencontainers.image.title": "deploy-hook", "org.opencontainers.image.version": "of the image"}


def archive(folder, architecture, content):
    """What `docker save` writes, of an image with one small file."""

    def tar(name, *files):
        run("tar", "--create", "--directory", folder, "--file", folder / name, *files)
        return folder / name

    write(folder, {"deploy-hook": content})
    layer = "sha256:" + hashlib.sha256(tar("layer.tar", "deploy-hook").read_bytes()).hexdigest()
    config = {"architecture": architecture, "os": "linux", "config": {"Labels": LABELS}, "rootfs": {"type": "layers", "diff_ids": [layer]}}
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]
    write(folder, {"config.json": json.dumps(config), "manifest.json": json.dumps(manifest)})
    return tar("image.tar", "config.json", "layer.tar", "manifest.json")


@pytest.fixture
def registry(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "data")}}
    write(tmp_path, {"config.yml": json.dumps({"version": "0.1", "storage": storage, "http": {"addr": f"127.0.0.1:{port}"}})})
    write(tmp_path, {".config/containers/registries.conf": f'[[registry]]\nlocation = "127.0.0.1:{port}"\ninsecure = true\n'})
    with (tmp_path / "log").open("w") as log, subprocess.Popen(["docker-registry", "serve", tmp_path / "config.yml"], stdout=log, stderr=log) as process:
        until(lambda: "listening on" in (tmp_path / "log").read_text())
        yield f"127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def step(tmp_path):
    """Runs a step of release.yml as the runner does, with `docker` and `gh` for show; returns the step's outputs."""
    for name in ("docker", "gh"):
        write(tmp_path, {f"tools/{name}": f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/calls\n'})
        (tmp_path / "tools" / name).chmod(0o755)
    common = ENV | {"PATH": f"{tmp_path}/tools:{ENV['PATH']}", "HOME": str(tmp_path)}
    common |= {"GITHUB_SERVER_URL": "https://example.com", "GITHUB_REPOSITORY": "owner/deploy-hook", "GITHUB_ACTOR": "octocat", "VERSION": "0.1.0"}
    common |= {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}

    def start(folder, job, part, fails=None, **env):
        [script] = [one["run"] for one in JOBS[job]["steps"] if part in one.get("run", "")]
        write(tmp_path, {"output": "", "step": script})
        run("bash", "--noprofile", "--norc", "-eo", "pipefail", tmp_path / "step", env=common | env, cwd=folder, fails=fails)
        return dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())

    return start


@pytest.fixture
def assemble(project, registry, step):
    """Puts a release together from stand-ins of what was built; returns the job's outputs."""
    built = [*BINARIES, *(f"{one}.cdx.json" for one in BINARIES), "deploy-hook-share.tar.gz", "image-action-x86_64.cdx.json"]
    write(project / "built", {one: f"not really {one}\n" for one in built})
    for target in ("action", "shell"):
        for machine, architecture in (("x86_64", "amd64"), ("aarch64", "arm64")):
            shutil.copy(archive(project / "target" / target / machine, architecture, target), project / f"built/{target}-{machine}.tar")

    def start(**how):
        return step(project, "assemble", "release/assemble", IMAGE=f"{registry}/owner/deploy-hook", BUILDER=f"rust:1@{DIGEST}", **how)

    return start


@needs_registry
def test_assemble(project, step, assemble, tmp_path):
    """Everything has its digest beforehand, and the same one again; whoever may write takes what was put together, and nothing else."""
    made = assemble()
    sums = (project / "release/assets/SHA256SUMS").read_text().splitlines()
    assert [line.split()[1] for line in sums] == sorted([*BINARIES, *(f"{one}.cdx.json" for one in BINARIES), "deploy-hook-share.tar.gz"])
    assemble(fails="File exists")
    shutil.rmtree(project / "release")
    shutil.move(project / "release.tar", tmp_path)
    assert assemble() | {"whole": ""} == made | {"whole": ""}, "the same files have other digests"
    shutil.rmtree(project / "release")
    shutil.copy(project / "built/action-aarch64.tar", project / "built/action-x86_64.tar")
    assemble(fails="not one image for amd64 and one for arm64")
    shutil.rmtree(project / "release")
    write(project / "built", {BINARIES[0]: ""})
    assemble(fails=f"empty: release/assets/{BINARIES[0]}")

    for job in ("push", "attest", "publish"):
        step(tmp_path, job, "sha256sum", WHOLE=made["whole"])
        shutil.rmtree(tmp_path / "release")
    step(tmp_path, "push", "sha256sum", WHOLE="", fails="no properly formatted")
    with (tmp_path / "release.tar").open("ab") as file:
        file.write(b"more")
    step(tmp_path, "push", "sha256sum", WHOLE=made["whole"], fails="FAILED")
    assert not (tmp_path / "release").exists()


@needs_registry
def test_publish(project, registry, step, assemble, tmp_path):
    """Images are pushed by their digests, the commit is the one that was put together, and nothing has a name until the end."""
    name, remote, made = f"{registry}/owner/deploy-hook", tmp_path / "remote.git", assemble()
    run("git", "init", "--quiet", "--bare", "--initial-branch", "main", remote)
    git(project, "remote", "add", "origin", remote)
    git(project, "push", "--quiet", "origin", "main:release/0.1.0")

    def tags():
        with urllib.request.urlopen(f"http://{registry}/v2/_catalog", timeout=5) as answer:
            there = json.load(answer)["repositories"]
        if not there:
            return None
        text = run("skopeo", "list-tags", "--tls-verify=false", f"docker://{name}")
        return sorted(json.loads(text)["Tags"])

    for target in ("action", "shell"):
        push = {"folder": project, "job": "push", "part": "skopeo", "TARGET": target, "TOKEN": ""}
        step(**push, PINNED=f"{name}@{DIGEST}", fails="")
        assert target == "shell" or tags() is None, "another digest, and something was pushed"
        for _ in range(2):
            pushed = step(**push, PINNED=made[target])
        assert pushed.pop("digest") == made[target].partition("@")[2]
        index = json.loads(run("skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{made[target]}"))
        assert index["annotations"] == LABELS
        assert {one["platform"]["architecture"]: one["digest"] for one in index["manifests"]} == pushed and {*pushed} == {"amd64", "arm64"}

    public = {"folder": project, "job": "public", "part": "--src-no-creds", "ACTION": made["action"]}
    step(**public, SHELL_IMAGE=f"{name}@{DIGEST}", fails="manifest unknown")
    step(**public, SHELL_IMAGE=made["shell"])
    assert f"docker run --rm {made['action']} deploy --sandbox\n" in (tmp_path / "calls").read_text()
    publish = {"folder": project, "job": "publish", "part": "--push origin", "ACTION": made["action"]}
    step(**publish, COMMIT="0" * 40, fails="")
    assert "v0.1.0" not in git(project, "ls-remote", "origin")
    step(**publish, COMMIT=made["commit"])
    names = {"folder": project, "job": "tags", "part": "move-tags", "IMAGE": name, "ACTION": made["action"], "SHELL_IMAGE": made["shell"], "GH_TOKEN": ""}
    for _ in range(2):
        step(**names)
    assert tags() == sorted(one + end for one in ("0", "0.1", "0.1.0") for end in ("", "-shell"))
    for tag, target in (("0.1", "action"), ("0-shell", "shell")):
        assert made[target].endswith(run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{name}:{tag}"))
    assert {git(project, "ls-remote", "origin", f"refs/tags/{tag}").split()[0] for tag in ("v0.1.0", "v0")} == {made["commit"]}
    assert "gh release edit v0.1.0 --latest\n" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize(
    ("there", "calls"),
    [
        ("", ["create"]),
        ("true", ["delete", "create"]),
        ("false", []),
        ("true\ntrue", None),
        (None, None),
    ],
)
def test_draft(step, tmp_path, there, calls):
    """One draft with the files; a published release stays as it is, and a fault of GitHub's is no release that is not there."""
    write(tmp_path, {"release/assets/SHA256SUMS": "", "there": there or ""})
    answer = "exit 1" if there is None else f"cat {tmp_path}/there"
    (tmp_path / "tools/gh").write_text(f'#!/bin/sh\nif [ "$1" = api ]; then {answer}; else echo "$2" "$@" >>{tmp_path}/calls; fi\n')
    step(tmp_path, "publish", "release create", VERSION="0.1.0-rc.1", GH_TOKEN="", fails=None if calls is not None else "")
    made = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    assert [one.split()[0] for one in made] == (calls or [])
    assert all("--draft --prerelease=true" in one and one.endswith("release/assets/SHA256SUMS") for one in made if one.startswith("create"))
