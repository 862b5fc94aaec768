"""The scripts that make a release, on copies and against servers on this machine: a bare repository instead of the forge, Debian's
`docker-registry` instead of the image registry.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import time

import harness
import pytest
from harness import BINARIES, ROOT, load, read, until, write

SCRIPTS = ROOT / ".ci/release"
DIGEST = "sha256:" + "5" * 64
IMAGE = f"registry.example.com/owner/deploy-hook@{DIGEST}"
URL = "https://example.com/owner/deploy-hook/releases/download/v0.1.0"
# Nothing of the machine's own configuration, and nothing of a CI's.
ENV = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def run(*args, fails=None):
    """Standard output. With `fails` it has to end with an error that says this."""
    if fails is None:
        return harness.run(*args, env=ENV, stderr=subprocess.PIPE).strip()
    text = harness.run(*args, env=ENV, code=None)
    assert fails in text, text
    return text


def git(folder, *args):
    return harness.git(folder, *args, env=ENV, stderr=subprocess.PIPE)


def edit(path, pattern, new):
    """Replaces the one place that is such."""
    text, count = re.subn(pattern, new, path.read_text(), count=1, flags=re.M)
    assert count, f"{path} has no {pattern}"
    path.write_text(text)


def set_version(folder, version):
    """As the commit that prepares a release does."""
    run(folder / ".ci/release/set-version", version)
    edit(folder / "CHANGELOG.md", r"^## \[\d.*", f"## [{version}] - 2030-01-31")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", f"chore: prepare {version}")


@pytest.fixture
def project(tmp_path):
    """A copy of this project in a repository of its own, with everything in order for the release of 0.1.0."""
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if (ROOT / name).is_file():
            (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / "project" / name)
    git(tmp_path / "project", "init", "--quiet", "--initial-branch", "main")
    set_version(tmp_path / "project", "0.1.0")
    return tmp_path / "project"


@pytest.fixture
def sums(tmp_path):
    """Stand-ins for the files of a release, and the checksums that its commit holds."""
    assets = tmp_path / "release/assets"
    write(assets, {name: f"not really {name}\n" for name in BINARIES})
    run(SCRIPTS / "checksums", "write", assets)
    write(tmp_path, {"release/checksums.txt": run(SCRIPTS / "checksums", "binaries", assets) + "\n"})
    return tmp_path / "release/checksums.txt"


# --- the scripts ---


ASKED = ("refs/heads/release/0.1.0", "main")


def test_version(project):
    """Who asks for a release, and from where."""
    check = project / ".ci/release/check-version"
    assert run(check, *ASKED) == "0.1.0"
    for branch in ("refs/tags/release/0.1.0", "refs/heads/release/0.2.0"):
        run(check, branch, "main", fails=f"the branch is '{branch}'")
    git(project, "checkout", "--quiet", "-b", "elsewhere")
    git(project, "commit", "--quiet", "--allow-empty", "--message", "not on main")
    run(check, *ASKED, fails="not in the history of main")
    git(project, "tag", "v0.1.0", "main")
    run(check, ASKED[0], "elsewhere", fails="released already")
    git(project, "tag", "--force", "v0.1.0", git(project, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "as a release commit is"))
    run(check, ASKED[0], "elsewhere")


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
        ("action/binary/checksums.txt", None, "\n", "only a release commit has"),
    ],
)
def test_version_disagrees(project, name, old, new, text):
    """What names another version, or belongs to a release already, stops it."""
    if old is None:
        (project / name).write_text(new)
    else:
        edit(project / name, old, new)
    run(project / ".ci/release/check-version", *ASKED, fails=text)
    if new == "Unreleased":
        run(project / ".ci/release/check-version", "--unreleased")


def test_set_version(project):
    """One command sets the version in everything that names it, and back again; what users copy names no other."""
    command, before = project / ".ci/release/set-version", git(project, "rev-parse", "HEAD^{tree}")
    examples = {"examples/github/push.yml", "examples/gitlab/plain.yml", "examples/jenkins/Jenkinsfile"}
    for version in ("0.2.0-rc.1", "10.20.30"):
        run(command, version)
        changed = {*git(project, "diff", "--name-only").split()}
        assert {"Cargo.toml", "Cargo.lock", "README.md", "docs/platforms.md"} | examples <= changed
        for name in changed - {"Cargo.toml", "Cargo.lock"}:
            found = re.findall(r"deploy-hook(?:/action/binary)?[@:]v?(\d[\w.-]*)", (project / name).read_text())
            assert found and {one.removesuffix("-shell").rstrip(".") for one in found} == {version}, name
    run(command, "1.0", fails="no version")
    run(command, "0.1.0")
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
    for part in (f"uses: owner/deploy-hook@{'c' * 40} # v0.1.0", f"oci://{IMAGE} --repo owner/deploy-hook \\\n", "--source-ref refs/heads/release/0.1.0\n"):
        assert part in text
    run(notes, "0.1.0", *pins[:2], "registry.example.com/owner/deploy-hook:0.1.0", *pins[3:], fails="notes VERSION")


def test_checksums(sums):
    """Every binary has to be there; one hash covers everything: contents, names, and what is in folders."""
    checksums, release, assets = SCRIPTS / "checksums", sums.parent, sums.parent / "assets"
    assert [line.split()[1] for line in sums.read_text().splitlines()] == BINARIES
    whole = run(checksums, "whole", release)
    assert run(checksums, "whole", release, whole) == whole
    run(checksums, "whole", release, "", fails="is not what was put together")
    before = (assets / BINARIES[0]).read_text()
    # One binary, with every list that is beside it.
    (assets / BINARIES[0]).write_text("somebody else's program\n")
    run(checksums, "write", assets)
    run(checksums, "whole", release, whole, fails="is not what was put together")
    (assets / BINARIES[0]).write_text(before)
    run(checksums, "write", assets)
    for name in ("more", "below/more"):
        write(release, {name: "more\n"})
        run(checksums, "whole", release, whole, fails="is not what was put together")
        (release / name).unlink()
    assert run(checksums, "whole", release) == whole
    (release / "link").symlink_to("notes.md")
    run(checksums, "whole", release, fails="neither a file nor a folder")
    (assets / BINARIES[4]).unlink()
    run(checksums, "write", assets, fails=f"{BINARIES[4]} is missing")


def test_release(project, sums, tmp_path):
    """The release commit, its tag, and the names that move: the same arguments give the same commit, and nothing is overwritten."""
    scripts, remote = project / ".ci/release", tmp_path / "remote.git"
    run("git", "init", "--quiet", "--bare", "--initial-branch", "main", remote)
    git(project, "remote", "add", "origin", remote)
    git(project, "push", "--quiet", "origin", "main", "main:release/0.1.0")
    head = git(project, "rev-parse", "HEAD")

    def refs():
        return dict(reversed(line.split("\t")) for line in git(project, "ls-remote", "origin").splitlines())

    for wrong in (IMAGE.replace("@sha256:", ":"), IMAGE[:-1], IMAGE.replace("owner", "Owner")):
        run(scripts / "commit", "0.1.0", wrong, URL, sums, fails="not an image by its digest")
    run(scripts / "commit", "0.1.0", IMAGE, "example.com", sums, fails="not a URL")
    run(scripts / "commit", "0.1.0", IMAGE, URL, project / "README.md", fails="no checksums")
    (tmp_path / "short").write_text("".join(sums.read_text().splitlines(True)[1:]))
    run(scripts / "commit", "0.1.0", IMAGE, URL, tmp_path / "short", fails="does not name the binaries")
    made, before = [scripts / "commit", "0.1.0", IMAGE, URL, sums], refs()
    commit = run(*made)
    assert run(*made, "--push", "origin", "--dry-run") == commit
    assert refs() == before and git(project, "status", "--porcelain") == "" and git(project, "rev-parse", "HEAD") == head
    run(scripts / "move-tags", "0.1.0", "origin", "--push", fails="there is no v0.1.0")
    time.sleep(1.1)
    for _ in range(2):
        assert run(*made, "--push", "origin") == commit, "another second, or a repetition"
        assert refs() == before | {"refs/heads/release/0.1.0": commit, "refs/tags/v0.1.0": commit}
    run(scripts / "commit", "0.1.0", IMAGE, URL + "s", sums, "--push", "origin", fails="already, and not")
    assert git(project, "diff", "--name-only", head, commit).split() == ["action.yml", "action/binary/checksums.txt", "action/binary/url.txt"]
    assert git(project, "rev-parse", f"{commit}^") == head
    # More than the image has not changed, the file is an Action, and the checksums are those of the assets.
    pinned, action = git(project, "show", f"{commit}:action.yml"), load(read("action.yml"))
    action["runs"]["image"] = f"docker://{IMAGE}"
    assert load(pinned) == action
    write(tmp_path, {"action.yml": pinned})
    run("check-jsonschema", "--builtin-schema", "vendor.github-actions", tmp_path / "action.yml")
    assert git(project, "show", f"{commit}:action/binary/checksums.txt") == sums.read_text().strip()

    # Somebody pushes to the branch while the release runs: it stops before there is a tag.
    set_version(project, "0.2.0")
    other = git(project, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "in between")
    git(project, "push", "--quiet", "origin", f"{other}:refs/heads/release/0.2.0")
    run(scripts / "commit", "0.2.0", IMAGE, URL, sums, "--push", "origin", fails="rejected")
    assert "refs/tags/v0.2.0" not in refs()

    # Which names move, and which version is the newest of all: 10 is more than 9, the fix of an old version and a pre-release move none.
    run(scripts / "move-tags", "0.1.0", "origin", "--push", "--dry-run")
    assert "refs/tags/v0" not in refs()
    last = {}
    for version, names, latest in [
        ("0.1.0", ["0.1", "0"], "true"),
        ("0.9.0", ["0.9", "0"], "true"),
        ("0.10.0", ["0.10", "0"], "true"),
        ("0.9.1", ["0.9"], "false"),
        ("1.0.0-rc.1", [], "false"),
        ("1.0.0", ["1.0", "1"], "true"),
        ("0.11.0", ["0.11", "0"], "false"),
    ]:
        if version != "0.1.0":
            git(project, "push", "--quiet", "origin", f"{git(project, 'commit-tree', 'HEAD^{tree}', '-m', version)}:refs/tags/v{version}")
        assert run(scripts / "move-tags", version, "origin", "--push").split() == names
        assert run(scripts / "move-tags", version, "origin", "--latest") == latest
        last |= {f"refs/tags/v{name}": refs()[f"refs/tags/v{version}"] for name in names if "." not in name}
        assert {name: commit for name, commit in refs().items() if re.fullmatch(r"refs/tags/v\d", name)} == last
    run(scripts / "move-tags", "0.11.0", "origin", "--latest", "--push", fails="move-tags VERSION")


# --- images ---


LABELS = {"org.opencontainers.image.title": "deploy-hook", "org.opencontainers.image.version": "of the image"}


def archive(folder, architecture):
    """What `docker save` writes, of an image with one small file."""

    def tar(name, *files):
        run("tar", "--create", "--directory", folder, "--file", folder / name, *files)
        return folder / name

    write(folder, {"deploy-hook": architecture})
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
    with (tmp_path / "log").open("w") as log, subprocess.Popen(["docker-registry", "serve", tmp_path / "config.yml"], stdout=log, stderr=log) as process:
        until(lambda: "listening on" in (tmp_path / "log").read_text())
        yield f"127.0.0.1:{port}"
        process.terminate()


@pytest.mark.skipif(not (shutil.which("docker-registry") and shutil.which("skopeo")), reason="there is no docker-registry or no skopeo")
def test_image(registry, tmp_path):
    """An image for both architectures: its digest is known beforehand, nothing else is pushed, and it has no name until it is given one."""
    image, name = SCRIPTS / "image", f"{registry}/owner/deploy-hook"
    pair = [f"{one}={archive(tmp_path / one, one)}" for one in ("amd64", "arm64")]
    layout = tmp_path / "layout"
    notes = ["org.opencontainers.image.version=0.1.0", "org.opencontainers.image.description=What it's \"for\" = this"]
    digest = run(image, "index", layout, *pair, *notes)
    assert run(image, "index", tmp_path / "again", *pair, *notes) == digest, "the same images have another digest"
    assert run(image, "index", tmp_path / "plain", *pair) != digest
    annotations = json.loads((layout / "blobs/sha256" / digest[7:]).read_text())["annotations"]
    assert annotations == LABELS | {"org.opencontainers.image.version": "0.1.0", "org.opencontainers.image.description": "What it's \"for\" = this"}
    run(image, "index", tmp_path / "swapped", f"arm64={tmp_path / 'amd64/image.tar'}", fails="not for linux/arm64")
    run(image, "index", layout, pair[0], fails="there already")
    one = run(image, "manifest", layout, "arm64")
    assert re.fullmatch("sha256:[0-9a-f]{64}", one) and one != run(image, "manifest", layout, "amd64")
    target = f"{name}@{digest}"
    assert "copy" in run(image, "push", layout, target, "--dry-run")
    run(image, "push", layout, f"{name}@{DIGEST}", fails="nothing was pushed")
    run(image, "push", layout, name, fails="not an image by its digest")
    run(image, "public", target, fails="cannot be pulled without a login")
    for _ in range(2):
        assert run(image, "push", layout, target) == target
    run(image, "public", target)
    run(image, "public", f"{name}@{one}", fails="is not for amd64 and arm64")

    list_tags = ("skopeo", "list-tags", "--tls-verify=false", f"docker://{name}")
    run(*list_tags, fails="fetching tags list")
    run(image, "tag", target, "0.1.0", "0.1", "--dry-run")
    run(*list_tags, fails="fetching tags list")
    run(image, "tag", target, "0.1.0", "0.1", "0")
    run(image, "tag", target, "no tag", fails="no tag")
    assert sorted(json.loads(run(*list_tags))["Tags"]) == ["0", "0.1", "0.1.0"]
    tagged = run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{name}:0.1")
    assert tagged == digest, "the tag is not on the pushed image"
