"""What the workflows promise beyond what zizmor and actionlint look at, release.yml above all; and that every example is run."""

import re

import pytest
from harness import BINARIES, ROOT, load, read

WORKFLOW = load(read(".github/workflows/release.yml"))
JOBS = WORKFLOW["jobs"]
WRITES = {"push": {"packages", "id-token", "attestations", "artifact-metadata"}, "attest": {"id-token", "attestations"}}
WRITES |= {"publish": {"contents"}, "tags": {"contents", "packages"}, "crate": {"id-token"}}
COMPILES = r"cargo (build|install|auditable|test|run|clippy)|docker build|release/build|sbom --install|\.ci/run|rustup"


def before(name):
    """The jobs that are over when this one begins."""
    needs = JOBS[name].get("needs", [])
    needs = [needs] if isinstance(needs, str) else needs
    return {*needs, *(one for need in needs for one in before(need))}


def test_permissions():
    """Each job may write only what it needs; what may write compiles nothing but packages the crate. zizmor says the rest."""
    found = {name: {scope for scope, level in job.get("permissions", {}).items() if level == "write"} for name, job in JOBS.items()}
    assert {name: scopes for name, scopes in found.items() if scopes} == WRITES
    environments = dict.fromkeys(WRITES, "publish") | {"push": "release", "attest": "release"}
    assert {name: JOBS[name].get("environment") for name in WRITES} == environments
    scripts = {name: "\n".join(step.get("run", "") for step in JOBS[name]["steps"]) for name in WRITES}
    assert "cargo publish --locked --no-verify" in scripts["crate"]
    scripts["crate"] = scripts["crate"].replace("rustup toolchain install\n", "")
    assert [name for name, text in scripts.items() if re.search(COMPILES, text)] == []


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
    runs_on = {name: JOBS[name]["strategy"]["matrix"] for name in ("build", "attest", "rehearse", "verify")}
    assert [one["asset"] for one in runs_on["build"]["include"]] == runs_on["attest"]["asset"] == BINARIES
    assert {one["runner"] for one in runs_on["build"]["include"]} == {*runs_on["rehearse"]["runner"]} == {*runs_on["verify"]["runner"]}


def test_what_was_put_together():
    """What may write holds what it downloads, by the artifact's id, against the hash of the whole before anything else is done."""
    check = 'echo "$WHOLE  release.tar" | sha256sum --check --strict && tar --extract --file release.tar'
    for name in ("rehearse", "push", "attest", "publish"):
        steps = JOBS[name]["steps"]
        uses = [step.get("uses", "").partition("@")[0] for step in steps]
        at = uses.index("actions/download-artifact")
        assert steps[at]["with"] == {"artifact-ids": "${{ needs.assemble.outputs.artifact }}"}
        if name in WRITES:
            assert uses[:at] in ([], ["actions/checkout"]) and steps[at + 1]["run"] == check
            assert JOBS[name]["env"]["WHOLE"] == "${{ needs.assemble.outputs.whole }}"
    assert not any("download-artifact" in str(JOBS[name]) for name in ("tags", "crate", "verify", "public"))


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_every_workflow(path):
    """No checkout leaves credentials (zizmor takes an explicit `true`), every job has a time limit."""
    for name, job in load(path.read_text())["jobs"].items():
        assert "timeout-minutes" in job, name
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts), name


@pytest.mark.parametrize(("folder", "tests"), [("github", "test_examples.py"), ("gitlab", "test_gitlab.py")])
def test_every_example_is_run(folder, tests):
    """The tests with containers name each example, or its platform."""
    text = read(f"tests/container/{tests}") + read("tests/container/support.py")
    assert [path.name for path in (ROOT / "examples" / folder).iterdir() if not re.search(rf'"{path.stem}([.]yml)?"', text)] == []
