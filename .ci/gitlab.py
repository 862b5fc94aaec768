"""Takes the CI/CD component apart for the linters: its header, its job with inputs filled in as GitLab does, and the job's script.
What no schema of GitLab's knows is checked here, of the examples too.

usage: gitlab.py TEMPLATE FOLDER EXAMPLE...
"""

import json
import re
import sys
from pathlib import Path

from ruamel.yaml import YAML

TYPES = {"string": str, "array": list, "boolean": bool, "number": (int, float)}
# Another value for each input, and one for those that have no default.
OTHERS = {
    "image": "registry.example.com/deploy-hook:shell",
    "job-name": "deploy to staging",
    "stage": "staging",
    "rules": [{"if": '$CI_PIPELINE_SOURCE == "schedule"', "when": "manual"}],
    "environment": "review/$CI_COMMIT_REF_SLUG",
    "environment-url": "https://$CI_COMMIT_REF_SLUG.example.com",
    "hook-url-variable": "STAGING_HOOK_URL",
    "api-token-variable": "STAGING_TOKEN",
    "gitlab-token-variable": "NOTES_TOKEN",
    "wait": "never",
    "timeout": "1h 30m",
    "job-timeout": "100 minutes",
    "on-canceled": "pass",
    "if-missing": "skip",
    "report": "summary,comment",
    "dry-run": True,
}
INPUT = re.compile(r"\$\[\[\s*inputs\.([a-z-]+)\s*\]\]")


def require(fine, what):
    """Ends it all where something is wrong."""
    if not fine:
        sys.exit(f"for GitLab: {what}")


def fits(name, spec, value):
    """Whether GitLab would take this value."""
    require(isinstance(value, TYPES[spec.get("type", "string")]), f"{name}: {value!r} is of another type")
    if "options" in spec:
        require(value in spec["options"], f"{name}: {value!r} is none of its options")
    if "regex" in spec:
        require(re.search(spec["regex"], value), f"{name}: {value!r} does not match its regex")


def filled(node, inputs):
    """The configuration with the inputs in it: in its own type where it is the whole value, else as text."""
    if isinstance(node, dict):
        return {filled(key, inputs): filled(value, inputs) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value, inputs) for value in node]
    if not isinstance(node, str):
        return node
    whole = INPUT.fullmatch(node)
    if whole:
        return inputs[whole[1]]

    def text(found):
        value = inputs[found[1]]
        return json.dumps(value) if isinstance(value, (bool, list)) else str(value)

    return INPUT.sub(text, node)


# What every job that deploys needs, each for its own reason; the files are the program's.
NEEDED = {
    "artifacts": {
        "when": "always",
        "paths": ["deploy-hook-summary.md"],
        "reports": {"dotenv": "deploy-hook.env", "annotations": "deploy-hook-annotations.json"},
    },
    "dependencies": [],
    "interruptible": False,
    "retry": {"max": 2, "exit_codes": [4]},
}


def complete(where, jobs):
    """Whether every job that deploys has what it needs; gives back how many there are."""
    deploying = 0
    for name, job in jobs.items():
        if not isinstance(job, dict):
            continue
        script = job.get("script", [])
        if not (str(job.get("image")).endswith(":action") or any("deploy-hook deploy" in line for line in script)):
            continue
        deploying += 1
        for key, value in NEEDED.items():
            require(job.get(key) == value, f"{where}: {name} has {key} {job.get(key)!r}")
        for key in ("resource_group", "timeout"):
            require(job.get(key), f"{where}: {name} has no {key}")
    return deploying


def main():
    """Reads the template, and writes its parts; reads the examples."""
    template, folder = Path(sys.argv[1]), Path(sys.argv[2])
    documents = list(YAML(typ="safe", pure=True).load_all(template.read_text(encoding="utf-8")))
    require(len(documents) == 2, "it needs a header and a body")
    header, body = documents
    (folder / "header.json").write_text(json.dumps(header), encoding="utf-8")
    inputs = header["spec"]["inputs"]
    used = set(INPUT.findall(json.dumps(body)))
    require(used == set(inputs), f"inputs that are not used, or used and not there: {sorted(used ^ set(inputs))}")
    require(set(OTHERS) == set(inputs), f"another value is missing here, or one too many: {sorted(set(OTHERS) ^ set(inputs))}")
    require("$[[" not in INPUT.sub("", json.dumps(body)), "an interpolation that is not one")
    require(len(body) == 1 and all(INPUT.fullmatch(key) for key in body), "something beside the one job, whose name is an input")
    for name, spec in inputs.items():
        require(spec.get("description"), f"{name} has no description")
        # An input is text in the configuration, for everybody to read.
        require(name.endswith("-variable") or not re.search("token|hook|secret", name), f"{name} would hold a secret")
        # What the shell gets must not be able to end the quotes around it.
        if any(f"inputs.{name} " in line for line in next(iter(body.values()))["script"]) and spec.get("type") != "boolean":
            require("options" in spec or "regex" in spec, f"{name} is in the script and may be anything")
        fits(name, spec, OTHERS[name])
        if "default" in spec:
            fits(name, spec, spec["default"])
    defaults = {name: spec.get("default", OTHERS[name]) for name, spec in inputs.items()}
    for label, values in (("defaults", defaults), ("others", OTHERS)):
        require(complete(template, filled(body, values)) == 1, "its job does not deploy")
        (folder / f"{label}.json").write_text(json.dumps(filled(body, values)), encoding="utf-8")
        lines = next(iter(filled(body, values).values()))["script"]
        (folder / f"{label}.sh").write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    for example in sys.argv[3:]:
        jobs = YAML(typ="safe", pure=True).load(Path(example).read_text(encoding="utf-8"))
        require(complete(example, jobs) or "include" in jobs, f"{example}: no job deploys")


if __name__ == "__main__":
    main()
