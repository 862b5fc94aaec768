"""The scripts that make a release, on copies: a bare repository instead of the forge."""

import hashlib
import re
import time

import pytest
from harness import BINARIES, load, read, write
from release import DIGEST, IMAGE, edit, git, project, run, set_version

URL = "https://example.com/owner/deploy-hook/releases/download/v0.1.0"


@pytest.fixture
def sums(tmp_path):
    """The checksums of a release's files."""
    lines = [f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n" for name in sorted([*BINARIES, "deploy-hook-share.tar.gz"])]
    write(tmp_path, {"SHA256SUMS": "".join(lines)})
    return tmp_path / "SHA256SUMS"


ASKED = ("refs/heads/release/0.1.0", "main")


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
        ("action/binary/checksums.txt", None, "\n", "only a release commit has"),
    ],
)
def test_version_disagrees(project, name, old, new, text):
    """What names another version, or belongs to a release already, stops it."""
    if old is None:
        (project / name).write_text(new)
    else:
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
    for part in (f"uses: owner/deploy-hook@{'c' * 40} # v0.1.0", f"oci://{IMAGE} --repo owner/deploy-hook \\\n", "--source-ref refs/heads/release/0.1.0\n"):
        assert part in text
    run(notes, "0.1.0", *pins[:2], "registry.example.com/owner/deploy-hook:0.1.0", *pins[3:], fails="notes VERSION")


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
    (tmp_path / "short").write_text(sums.read_text().replace(BINARIES[0], f"{BINARIES[0]}.cdx.json"))
    run(scripts / "commit", "0.1.0", IMAGE, URL, tmp_path / "short", fails=f"does not name {BINARIES[0]}")
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
    for version, names in [
        ("0.1.0", ["0.1", "0", "latest"]),
        ("0.9.0", ["0.9", "0", "latest"]),
        ("0.10.0", ["0.10", "0", "latest"]),
        ("0.9.1", ["0.9"]),
        ("1.0.0-rc.1", []),
        ("1.0.0", ["1.0", "1", "latest"]),
        ("0.11.0", ["0.11", "0"]),
    ]:
        if version != "0.1.0":
            git(project, "push", "--quiet", "origin", f"{git(project, 'commit-tree', 'HEAD^{tree}', '-m', version)}:refs/tags/v{version}")
        assert run(scripts / "move-tags", version, "origin", "--push").split() == names
        last |= {f"refs/tags/v{name}": refs()[f"refs/tags/v{version}"] for name in names if name.isdigit()}
        assert {name: commit for name, commit in refs().items() if re.fullmatch(r"refs/tags/v\d", name)} == last
    run(scripts / "move-tags", "0.11.0", "origin", "--dry-run", fails="move-tags VERSION")
