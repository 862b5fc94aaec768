"""What the workflows promise beyond what zizmor and actionlint look at, release.yml above all."""

import re

import pytest
from harness import BINARIES, ROOT, load, read

WORKFLOW = load(read(".github/workflows/release.yml"))
JOBS = WORKFLOW["jobs"]
WRITES = {
    "push": {"packages", "id-token", "attestations", "artifact-metadata"},
    "attest": {"id-token", "attestations"},
    "publish": {"contents"},
    "tags": {"contents", "packages"},
    "crate": {"id-token"},
}
COMPILES = r"cargo (build|install|auditable|test|run|clippy)|docker build|release/build|sbom --install|\.ci/run|rustup"


def before(name):
    """The jobs that are over when this one begins."""
    needs = JOBS[name].get("needs", [])
    needs = [needs] if isinstance(needs, str) else needs
    return {*needs, *(one for need in needs for one in before(need))}


def scripts(name):
    return "\n".join(step.get("run", "") for step in JOBS[name]["steps"])


def test_permissions():
    """Each job may write only what it needs; what may write compiles nothing but packages the crate. zizmor says the rest."""
    found = {name: {scope for scope, level in job.get("permissions", {}).items() if level == "write"} for name, job in JOBS.items()}
    assert {name: scopes for name, scopes in found.items() if scopes} == WRITES
    assert {name: JOBS[name].get("environment") for name in WRITES} == dict.fromkeys(WRITES, "publish") | {"push": "release", "attest": "release"}
    for name in WRITES:
        text = scripts(name).replace("rustup toolchain install\n", "") if name == "crate" else scripts(name)
        assert not re.search(COMPILES, text), f"{name} compiles"
    assert "cargo publish --locked --no-verify" in scripts("crate")


def test_order():
    """Nothing leaves the run before everything is built, checked and tried; nothing has a name before it is public and verified."""
    built = {"version", "checks", "build", "bills", "assemble", "rehearse"}
    assert all(built <= before(name) for name in WRITES)
    assert {"push", "attest"} <= before("public") and "public" in before("publish")
    assert all({"publish", "verify"} <= before(name) for name in ("tags", "crate")) and "publish" in before("verify")
    assert "checks" in before("build")
    for name in JOBS.keys() - built:
        assert "publish == 'true'" in JOBS[name].get("if", "") or before(name) & {"push", "attest"}, f"{name} runs in a dry run"
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is False
    platforms = ["ubuntu-24.04", "ubuntu-24.04-arm", "macos-15", "macos-15-intel", "windows-2025"]
    assert all(JOBS[name]["strategy"]["matrix"]["runner"] == platforms for name in ("rehearse", "verify"))
    assert [one["asset"] for one in JOBS["build"]["strategy"]["matrix"]["include"]] == JOBS["attest"]["strategy"]["matrix"]["asset"] == BINARIES


def test_what_was_put_together():
    """What may write holds what it downloads, by the artifact's id, against the hash of the whole before anything else is done."""
    whole = "${{ needs.assemble.outputs.whole }}"
    for name, job in JOBS.items():
        uses = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
        if "actions/download-artifact" not in uses or not (name in WRITES or "assemble" in before(name)):
            continue
        at = uses.index("actions/download-artifact")
        assert job["steps"][at]["with"] == {"artifact-ids": "${{ needs.assemble.outputs.artifact }}"}
        if name in WRITES:
            assert uses[:at] in ([], ["actions/checkout"]) and job["env"]["WHOLE"] == whole
            assert job["steps"][at + 1]["run"] == 'echo "$WHOLE  release.tar" | sha256sum --check --strict && tar --extract --file release.tar'
    assert {"push", "attest", "publish"} == {name for name in WRITES if "download-artifact" in str(JOBS[name])}


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_every_workflow(path):
    """No checkout leaves credentials (zizmor takes an explicit `true`), every job has a time limit."""
    for name, job in load(path.read_text())["jobs"].items():
        assert "timeout-minutes" in job, name
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts), name
