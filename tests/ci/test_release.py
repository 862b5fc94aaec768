"""The scripts that make a release, and the steps of release.yml that need no GitHub, as they stand there: on copies, with a bare repository
instead of GitHub and Debian's `docker-registry` instead of the image registry.
"""

import functools
import hashlib
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import harness
import pytest
from harness import BINARIES, ENV, ROOT, git, load, read, until, write

DIGEST = "sha256:" + "5" * 64
IMAGE = f"registry.example.com/owner/deploy-hook@{DIGEST}"
URL = "https://example.com/owner/deploy-hook/releases/download/v0.1.0"
ASKED = ("refs/heads/release/0.1.0", "main")
JOBS = load(read(".github/workflows/release.yml"))["jobs"]
LABELS = {"org.opencontainers.image.title": "deploy-hook", "org.opencontainers.image.version": "of the image"}
run = functools.partial(harness.run, env=ENV, stderr=subprocess.PIPE)
has_registry = shutil.which("docker-registry") and shutil.which("skopeo")
needs_registry = pytest.mark.skipif(not has_registry, reason="there is no docker-registry or no skopeo")


def edit(path, pattern, new):
    """Replaces the one place that is such."""
    text, count = re.subn(pattern, new, path.read_text(), count=1, flags=re.M)
    assert count, f"{path} has no {pattern}"
    path.write_text(text)


def set_version(folder, version):
    """As the commit that prepares a release does."""
    run(folder / ".ci/release/version", "set", version)
    edit(folder / "CHANGELOG.md", r"^## \[\d.*", f"## [{version}] - 2030-01-31")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", f"chore: prepare {version}")


@pytest.fixture
def project(tmp_path):
    """A copy of this project in a repository of its own, with everything in order for the release of 0.1.0."""
    shutil.copytree(ROOT, tmp_path / "project", symlinks=True, ignore=shutil.ignore_patterns(".git", "target", "node_modules"))
    git(tmp_path / "project", "init", "--quiet", "--initial-branch", "main")
    set_version(tmp_path / "project", "0.1.0")
    return tmp_path / "project"


@pytest.fixture
def remote(project, tmp_path):
    """Where the copy is pushed to. Gives back what each name there points at."""
    run("git", "init", "--quiet", "--bare", "--initial-branch", "main", tmp_path / "remote.git")
    git(project, "remote", "add", "origin", tmp_path / "remote.git")
    git(project, "push", "--quiet", "origin", "main", "main:release/0.1.0")
    return lambda: dict(reversed(line.split("\t")) for line in git(project, "ls-remote", "origin").splitlines())


def test_version(project):
    """Who asks for a release, and from where."""
    check = (project / ".ci/release/version", "check")
    assert run(*check, *ASKED) == "0.1.0"
    for branch in ("refs/tags/release/0.1.0", "refs/heads/release/0.2.0"):
        run(*check, branch, "main", fails=f"the branch is '{branch}'")
    git(project, "checkout", "--quiet", "-b", "elsewhere")
    git(project, "commit", "--quiet", "--allow-empty", "--message", "not on main")
    run(*check, *ASKED, fails="not in the history of main")
    git(project, "tag", "v0.1.0", "main")
    run(*check, ASKED[0], "elsewhere", fails="released already")
    git(project, "tag", "--force", "v0.1.0", git(project, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "as a release commit is"))
    run(*check, ASKED[0], "elsewhere")


@pytest.mark.parametrize(
    ("name", "old", "new", "text"),
    [
        ("Cargo.toml", '(?<=^version = ")0.1.0', "0.1.1", "Cargo.lock '0.1.0'"),
        ("Cargo.toml", '(?<=^version = ")0.1.0', "0.1", "no version that can be released"),
        ("README.md", "(?<=deploy-hook@v)0.1.0", "0.1.9", "README.md:deploy-hook@v0.1.9"),
        ("examples/gitlab/plain.yml", "(?<=deploy-hook:)0.1.0-shell", "0.0.1-shell", "examples/gitlab/plain.yml:/deploy-hook:0.0.1-shell"),
        ("examples/gitlab/component.yml", "(?<=deploy-hook@)0.1.0", "0.1.0-rc.1", "component.yml:/deploy-hook@0.1.0-rc.1"),
        ("CHANGELOG.md", "2030-01-31", "Unreleased", "but '## [0.1.0] - Unreleased'"),
        ("CHANGELOG.md", r"^## \[0.1.0\]", "## [0.1.9]", "no heading"),
        ("CHANGELOG.md", r"^## \[0.1.0\].*", r"\g<0>\n\n## [0.0.9]", "says nothing about 0.1.0"),
        ("action.yml", "^  image: Dockerfile", f"  image: docker://{IMAGE}", "does not build from the Dockerfile"),
        ("action/binary/checksums.txt", "", "\n", "only a release commit has"),
    ],
)
def test_version_disagrees(project, name, old, new, text):
    """What names another version, or belongs to a release already, stops it."""
    (project / name).touch()
    edit(project / name, old, new)
    run(project / ".ci/release/version", "check", *ASKED, fails=text)
    if new == "Unreleased":
        run(project / ".ci/release/version", "check", "--unreleased")


def test_set_version(project):
    """One command sets the version in everything that names it, and back again; what users copy names no other."""
    command, before = (project / ".ci/release/version", "set"), git(project, "rev-parse", "HEAD^{tree}")
    examples = {"examples/github/push.yml", "examples/gitlab/plain.yml", "examples/jenkins/Jenkinsfile"}
    for version in ("0.2.0-rc.1", "10.20.30"):
        run(*command, version)
        changed = {*git(project, "diff", "--name-only").split()}
        assert {"Cargo.toml", "Cargo.lock", "README.md", "docs/platforms.md"} | examples <= changed
        for name in changed - {"Cargo.toml", "Cargo.lock"}:
            found = re.findall(r"deploy-hook(?:/action/binary)?[@:]v?(\d[\w.-]*)", (project / name).read_text())
            assert found and {one.removesuffix("-shell").rstrip(".") for one in found} == {version}, name
    run(*command, "1.0", fails="no version")
    run(*command, "0.1.0")
    git(project, "add", "--all")
    assert git(project, "write-tree") == before


def test_binstall():
    """What `cargo binstall` downloads is a binary of a release."""
    manifest = read("Cargo.toml")
    urls = re.findall(r'^[\w-]+\.pkg-url = "\{ repo \}/releases/download/v\{ version \}/(.*)"$', manifest, re.M)
    assert {*urls} == {*BINARIES} and 'pkg-fmt = "bin"' in manifest
    assert re.search(r'^repository = "https://github.com/[\w-]+/deploy-hook"$', manifest, re.M)


def test_notes(project):
    """The changelog's section, what to pin, and how to verify it."""
    notes = project / ".ci/release/notes"
    text = run(notes, "0.1.0")
    assert text.startswith("### ") and "## [" not in text
    run(notes, "0.1", fails="says nothing about 0.1")
    pins = ["owner/deploy-hook", "c" * 40, IMAGE, IMAGE, f"rust:1@{DIGEST}"]
    text = run(notes, "0.1.0", *pins)
    assert f"uses: owner/deploy-hook@{'c' * 40} # v0.1.0" in text
    assert f"oci://{IMAGE} --repo owner/deploy-hook \\\n" in text and "--source-ref refs/heads/release/0.1.0\n" in text
    run(notes, "0.1.0", *pins[:2], "registry.example.com/owner/deploy-hook:0.1.0", *pins[3:], fails="notes VERSION")


def test_release_commit(project, remote, tmp_path):
    """The release commit and its tag: the same arguments give the same commit, and nothing is overwritten."""
    command, sums, head = (project / ".ci/release/commit", "0.1.0"), tmp_path / "SHA256SUMS", git(project, "rev-parse", "HEAD")
    text = "".join(f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in [*BINARIES, "deploy-hook-share.tar.gz"])
    write(tmp_path, {"SHA256SUMS": text, "short": text.replace(BINARIES[0], f"{BINARIES[0]}.cdx.json")})
    for wrong in (IMAGE.replace("@sha256:", ":"), IMAGE[:-1], IMAGE.replace("owner", "Owner")):
        run(*command, wrong, URL, sums, fails="not an image by its digest")
    run(*command, IMAGE, "example.com", sums, fails="not a URL")
    run(*command, IMAGE, URL, project / "README.md", fails="no checksums")
    run(*command, IMAGE, URL, tmp_path / "short", fails=f"does not name {BINARIES[0]}")
    made, before = [*command, IMAGE, URL, sums], remote()
    commit = run(*made)
    assert run(*made, "--push", "origin", "--dry-run") == commit
    assert remote() == before and git(project, "status", "--porcelain") == "" and git(project, "rev-parse", "HEAD") == head
    time.sleep(1.1)
    for _ in range(2):
        assert run(*made, "--push", "origin") == commit, "another second, or a repetition"
        assert remote() == before | {"refs/heads/release/0.1.0": commit, "refs/tags/v0.1.0": commit}
    run(*command, IMAGE, URL + "s", sums, "--push", "origin", fails="already, and not")
    changed = git(project, "diff", "--name-only", head, commit).split()
    assert changed == ["action.yml", "action/binary/checksums.txt", "action/binary/url.txt"]
    assert git(project, "rev-parse", f"{commit}^") == head
    # More than the image has not changed, and the checksums are those of the assets.
    action = load(read("action.yml"))
    action["runs"]["image"] = f"docker://{IMAGE}"
    assert load(git(project, "show", f"{commit}:action.yml")) == action
    assert git(project, "show", f"{commit}:action/binary/checksums.txt") == text.strip()

    # Somebody pushes to the branch while the release runs: it stops before there is a tag.
    set_version(project, "0.2.0")
    other = git(project, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "in between")
    git(project, "push", "--quiet", "origin", f"{other}:refs/heads/release/0.2.0")
    run(command[0], "0.2.0", IMAGE, URL, sums, "--push", "origin", fails="rejected")
    assert "refs/tags/v0.2.0" not in remote()


def test_move_tags(project, remote):
    """Which names move, and which version is the newest of all: 10 is more than 9; an old version's fix and a pre-release move none."""
    command, last = project / ".ci/release/move-tags", {}
    run(command, "0.1.0", "origin", "--push", fails="there is no v0.1.0")
    for version, names in [
        ("0.1.0", ["0.1", "0", "latest"]),
        ("0.9.0", ["0.9", "0", "latest"]),
        ("0.10.0", ["0.10", "0", "latest"]),
        ("0.9.1", ["0.9"]),
        ("1.0.0-rc.1", []),
        ("1.0.0", ["1.0", "1", "latest"]),
        ("0.11.0", ["0.11", "0"]),
    ]:
        git(project, "push", "--quiet", "origin", f"{git(project, 'commit-tree', 'HEAD^{tree}', '-m', version)}:refs/tags/v{version}")
        for options in (["--push", "--dry-run"], ["--push"]):
            assert run(command, version, "origin", *options).split() == names
            moved = [name for name in names if name.isdigit() and "--dry-run" not in options]
            last |= {f"refs/tags/v{name}": remote()[f"refs/tags/v{version}"] for name in moved}
            assert {name: commit for name, commit in remote().items() if re.fullmatch(r"refs/tags/v\d", name)} == last
    run(command, "0.11.0", "origin", "--dry-run", fails="move-tags VERSION")


def archive(folder, architecture, content):
    """What `docker save` writes, of an image with one small file."""
    tar = ("tar", "--create", "--directory", folder, "--file")
    write(folder, {"deploy-hook": content})
    run(*tar, folder / "layer.tar", "deploy-hook")
    layers = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256((folder / "layer.tar").read_bytes()).hexdigest()]}
    config = {"architecture": architecture, "os": "linux", "config": {"Labels": LABELS}, "rootfs": layers}
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]
    write(folder, {"config.json": json.dumps(config), "manifest.json": json.dumps(manifest)})
    run(*tar, folder / "image.tar", "config.json", "layer.tar", "manifest.json")
    return folder / "image.tar"


@pytest.fixture
def registry(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "data")}}
    config = json.dumps({"version": "0.1", "storage": storage, "http": {"addr": f"127.0.0.1:{port}"}})
    insecure = f'[[registry]]\nlocation = "127.0.0.1:{port}"\ninsecure = true\n'
    write(tmp_path, {"config.yml": config, ".config/containers/registries.conf": insecure})
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", tmp_path / "config.yml"], stdout=log, stderr=log)
    try:
        until(lambda: "listening on" in (tmp_path / "log").read_text())
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def step(tmp_path):
    """Runs a step of release.yml as the runner does, with `docker` and `gh` for show; returns the step's outputs."""
    for name in ("docker", "gh"):
        write(tmp_path, {f"tools/{name}": f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/calls\n'})
        (tmp_path / "tools" / name).chmod(0o755)
    common = ENV | {"PATH": f"{tmp_path}/tools:{ENV['PATH']}", "HOME": str(tmp_path), "VERSION": "0.1.0", "GITHUB_ACTOR": "octocat"}
    common |= {"GITHUB_SERVER_URL": "https://example.com", "GITHUB_REPOSITORY": "owner/deploy-hook"}
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
def test_publish(project, registry, remote, step, assemble, tmp_path):
    """Images are pushed by their digests, the commit is the one that was put together, and nothing has a name until the end."""
    name, made = f"{registry}/owner/deploy-hook", assemble()

    def ask(path):
        with urllib.request.urlopen(f"http://{registry}/v2/{path}", timeout=60) as answer:
            return json.load(answer)

    for target in ("action", "shell"):
        push = {"folder": project, "job": "push", "part": "skopeo", "TARGET": target, "TOKEN": ""}
        step(**push, PINNED=f"{name}@{DIGEST}", fails="")
        assert target == "shell" or ask("_catalog") == {"repositories": []}, "another digest, and something was pushed"
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
    assert "refs/tags/v0.1.0" not in remote()
    step(**publish, COMMIT=made["commit"])
    for _ in range(2):
        step(project, "tags", "move-tags", IMAGE=name, ACTION=made["action"], SHELL_IMAGE=made["shell"], GH_TOKEN="")
    tags = [tag + end for tag in ("0", "0.1", "0.1.0") for end in ("", "-shell")]
    assert sorted(ask("owner/deploy-hook/tags/list")["tags"]) == sorted(tags)
    for tag, target in (("0.1", "action"), ("0-shell", "shell")):
        assert made[target].endswith(run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{name}:{tag}"))
    assert remote()["refs/tags/v0.1.0"] == remote()["refs/tags/v0"] == made["commit"]
    assert "gh release edit v0.1.0 --latest\n" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize(
    ("there", "calls"), [("", ["create"]), ("true", ["delete", "create"]), ("false", []), ("true\ntrue", None), (None, None)]
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
