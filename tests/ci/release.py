"""What the tests of a release share: a copy of this project, ready for the release of 0.1.0, and how its scripts are run."""

import os
import re
import shutil
import subprocess

import harness
import pytest
from harness import ROOT

DIGEST = "sha256:" + "5" * 64
IMAGE = f"registry.example.com/owner/deploy-hook@{DIGEST}"
# Nothing of the machine's own configuration, and nothing of a CI's.
ENV = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def run(*args, fails=None, env=ENV, **how):
    """Standard output. With `fails` it has to end with an error that says this."""
    if fails is None:
        return harness.run(*args, env=env, stderr=subprocess.PIPE, **how).strip()
    text = harness.run(*args, env=env, code=None, **how)
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
    run(folder / ".ci/release/version", "set", version)
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
