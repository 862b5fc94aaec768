"""What no schema of GitLab's knows: the component with inputs filled in as GitLab does, and what every job needs that deploys."""

import json
import os
import re

import pytest
from harness import ROOT, load, read, run, write

HEADER, BODY = (load(text) for text in read("templates/deploy-hook.yml").split("\n---\n"))
INPUTS = HEADER["spec"]["inputs"]
INPUT = re.compile(r"\$\[\[\s*inputs\.([a-z-]+)\s*\]\]")
TYPES = {"string": str, "array": list, "boolean": bool}
# Another value for each input, and one for those that have no default.
OTHERS = {
    "image": "registry.example.com/deploy-hook:shell",
    "job-name": "deploy to staging",
    "stage": "staging",
    "rules": [{"if": '$CI_PIPELINE_SOURCE == "schedule"', "when": "manual"}],
    "environment": "review/$CI_COMMIT_REF_SLUG",
    "environment-url": "https://$CI_COMMIT_REF_SLUG.example.com",
    **{f"{name}-variable": "ANOTHER_ONE" for name in ("hook-url", "api-token", "gitlab-token", "headers", "verify-headers")},
    "wait": "never",
    **dict.fromkeys(("timeout", "expected-duration", "verify-timeout"), "1h 30m"),
    "job-timeout": "100 minutes",
    "on-canceled": "pass",
    "if-missing": "skip",
    "report": "summary,comment",
    **dict.fromkeys(("dry-run", "verbose"), True),
    "platform": "cloudflare-pages",
    **dict.fromkeys(("account", "project"), "my-site.example"),
    "body": '{"ref": "refs/heads/$CI_COMMIT_BRANCH"}',
    "verify-url": "/version?of=$CI_COMMIT_REF_SLUG",
    "verify-text": '<meta content="$CI_COMMIT_SHA">',
}
DEFAULTS = {name: spec.get("default", OTHERS.get(name)) for name, spec in INPUTS.items()}
# What every job that deploys needs, each for its own reason; the files are the program's.
REPORTS = {"dotenv": "deploy-hook.env", "annotations": "deploy-hook-annotations.json"}
NEEDED = {"artifacts": {"when": "always", "paths": ["deploy-hook-summary.md"], "reports": REPORTS}}
NEEDED |= {"dependencies": [], "interruptible": False, "retry": {"max": 2, "exit_codes": [4]}}


def filled(**inputs):
    """The job with these inputs in it: in its own type where it is the whole value, else as text."""
    found = {name: inputs.get(name, DEFAULTS[name]) for name in INPUTS}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}
    whole = re.sub(f'"{INPUT.pattern}"', lambda place: json.dumps(found[place[1]]), json.dumps(BODY))
    return json.loads(INPUT.sub(lambda place: json.dumps(texts[place[1]])[1:-1], whole))


def deploying(jobs):
    """The jobs that deploy, each with what it needs."""
    jobs = {name: job for name, job in jobs.items() if isinstance(job, dict)}
    runs = {name: "\n".join([*job.get("script", []), str(job.get("image"))]) for name, job in jobs.items()}
    found = [job for name, job in jobs.items() if re.search(r"deploy-hook deploy|/deploy-hook:[\d.]+$", runs[name])]
    for job in found:
        assert {key: job.get(key) for key in NEEDED} == NEEDED and job.get("resource_group") and job.get("timeout")
    return found


def test_inputs():
    """Every input is used, described, not secret, and cannot end the quotes around it in the script."""
    assert set(INPUT.findall(json.dumps(BODY))) == set(INPUTS) == set(OTHERS)
    assert "$[[" not in INPUT.sub("", json.dumps(BODY)), "an interpolation that is not one"
    [(job_name, job)] = BODY.items()
    assert INPUT.fullmatch(job_name)
    for name, spec in INPUTS.items():
        assert spec.get("description"), name
        # An input is text in the configuration, for everybody to read.
        assert name.endswith("-variable") or not re.search("token|hook|secret", name), f"{name} would hold a secret"
        if any(f"inputs.{name} " in line for line in job["script"]) and spec.get("type") != "boolean":
            assert "options" in spec or "regex" in spec, f"{name} is in the script and may be anything"
        for value in (OTHERS[name], DEFAULTS[name]):
            assert isinstance(value, TYPES[spec.get("type", "string")]), name
            assert value in spec.get("options", [value]) and re.search(spec.get("regex", ""), str(value)), name


@pytest.mark.parametrize("inputs", [DEFAULTS, OTHERS], ids=["defaults", "others"])
def test_job(inputs, tmp_path):
    """The header and the job fit GitLab's schema, and shellcheck has nothing to say of the script."""
    job = filled(**inputs)
    assert len(deploying(job)) == 1
    script = "\n".join(["#!/bin/sh", *next(iter(job.values()))["script"], ""])
    write(tmp_path, {"header.json": json.dumps(HEADER), "job.json": json.dumps(job), "job.sh": script})
    run("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", tmp_path / "header.json", tmp_path / "job.json")
    run("shellcheck", "--severity=style", tmp_path / "job.sh")


def taken(env, **inputs):
    """What the program would read after the job's script has chosen the variables."""
    [job] = filled(**{f"{name}-variable": value for name, value in inputs.items()}).values()
    printed = run("sh", "-euc", job["script"][0] + "\nenv", env={"PATH": os.environ["PATH"], **env})
    found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    return {name: value for name, value in found.items() if re.search("HOOK|TOKEN|API_KEY", name)}


def test_variables(tmp_path):
    """A variable that is named is the only one of its kind; the usual ones are for their own platform alone, in a file or not."""
    secret = tmp_path / "secret"
    secret.write_text("frbit-at-0011\n", encoding="utf-8")
    tokens = {"FRBIT_TOKEN": "frbit-at-0011", "RENDER_API_KEY": "rnd_0011"}
    assert taken(tokens) == tokens
    assert taken(tokens | {"FRBIT_TOKEN": str(secret)}) == tokens
    assert taken({"FRBIT_TOKEN": "a:/b"}) == {"FRBIT_TOKEN": "a:/b"}
    assert taken(tokens | {"MINE": "0011"}, **{"api-token": "MINE"}) == {"DEPLOY_HOOK_API_TOKEN": "0011"}
    assert taken(tokens | {"MINE": str(secret)}, **{"api-token": "MINE"}) == {"DEPLOY_HOOK_API_TOKEN_FILE": str(secret)}
    assert taken(tokens, **{"api-token": "MINE"}) == {}
    names = ("DEPLOY_HOOK_URL", "DEPLOY_HOOK_URL_FILE", "FORTRABBIT_DEPLOY_HOOK_URL", "RENDER_DEPLOY_HOOK_URL")
    hooks = dict.fromkeys(names, "https://a.example/x")
    assert taken(hooks) == hooks
    assert taken(hooks, **{"hook-url": "MINE"}) == {}
    assert taken({"DEPLOY_HOOK_URL": str(secret)}) == {"DEPLOY_HOOK_URL_FILE": str(secret)}
    headers = {"DEPLOY_HOOK_HEADERS": "X-Key: 0011"}
    assert taken(headers) == headers
    assert taken(headers | {"MINE": "X-Key: 0022"}, headers="MINE") == {"DEPLOY_HOOK_HEADERS": "X-Key: 0022"}
    assert taken(headers | {"MINE": str(secret)}, headers="MINE") == {"DEPLOY_HOOK_HEADERS_FILE": str(secret)}
    preview = {"DEPLOY_HOOK_VERIFY_HEADERS": "X-Key: 0033"}
    assert taken(preview) == {}, "there is no page"
    assert taken(preview | {"DH_VERIFY_URL": "/version"}) == preview
    page = {"DEPLOY_HOOK_VERIFY_URL": "/version"}
    assert taken(preview | page) == preview | page
    assert taken(page | {"MINE": str(secret)}, **{"verify-headers": "MINE"}) == page | {"DEPLOY_HOOK_VERIFY_HEADERS_FILE": str(secret)}


@pytest.mark.parametrize(("given", "variable", "wanted"), [(False, "", "false"), (True, "", "true"), (False, "1", "1"), (True, "no", "no")])
def test_verbose(given, variable, wanted):
    """What a variable says comes before the input: a pipeline can be started by hand with it."""
    [job] = filled(verbose=given).values()
    [line] = [line for line in job["script"] if "DEPLOY_HOOK_VERBOSE" in line]
    assert run("sh", "-euc", f'{line}\necho "$DEPLOY_HOOK_VERBOSE"', env={"DEPLOY_HOOK_VERBOSE": variable}) == wanted


@pytest.mark.parametrize("path", sorted((ROOT / "examples/gitlab").glob("*.yml")), ids=lambda path: path.name)
def test_example(path):
    """Every example deploys, or includes what does."""
    jobs = load(path.read_text(encoding="utf-8"))
    assert deploying(jobs) or "include" in jobs
