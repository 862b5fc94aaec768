"""Runs the workflows of examples/github with act, each in a repository of its own, against a sandbox and a GitHub on this machine's
loopback, and holds what these two saw against what the example promises.

usage: examples.py ACTION_IMAGE JOB_IMAGE ACT [EXAMPLE...]
"""

import collections
import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

# It takes the image under test from the same first argument.
from cases import ACTION, TOKEN, GitHub, Sandbox, docker, expect, no_secret, passes
from runner import ACTION as ACTION_FILE
from runner import Fault

JOB, ACT = sys.argv[2:4]
FOLDER = ACTION_FILE.parent / "examples" / "github"
# What the examples say instead of an owner and a commit.
USES = "OWNER/deploy-hook@" + "0" * 40
REPOSITORY = "octo/site"
HEAD = "c0ffee00" * 5
# Seconds that one event may take.
LIMIT = 90

# What of the examples act leaves out; GitHub alone can show it.
LEFT_OUT = {
    "environment:": "act knows no environments: the run is given the secrets of one; no rules, no url",
    "permissions:": "act narrows no token: the token is this script's, and the GitHub here lets it write everything",
    "concurrency:": "one run at a time is all that is run here",
    "branches:, types:, cron:, timezone:": "act is told which event to play, and plays it",
    "actions/checkout": "act skips it and uses the repository as it stands, so `sparse-checkout` and the like do nothing",
    "https://preview.example.com": "is a server on loopback, the one address that is replaced in an example",
    "max-parallel:": "the jobs of the matrix run one by one, each with its environment's secrets",
}


def git(folder, *arguments):
    """Runs git in a folder."""
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def certificates(folder):
    """A certificate authority, and a server of its for 127.0.0.1."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=An authority of your own", "-days", "2")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    Path(folder, "extensions").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n", encoding="utf-8")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "2", "-extfile", "extensions")
    openssl("x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(folder, "server.pem"), Path(folder, "server.key"))
    return Path(folder, "ca.pem").read_text(encoding="utf-8"), context


class Enterprise(GitHub):
    """The same stand-in behind TLS."""

    def __init__(self, context):
        super().__init__()
        # The listening socket stays the one it is; who connects from now on speaks TLS.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:", 1)


class Site:
    """A user's repository with one example in it, a sandbox, and a GitHub."""

    def __init__(self, example, scenario="success", generation="live", files=None, replaced=None, server="github.com", tls=None):
        self.stack = contextlib.ExitStack()
        try:
            self.server, self.example, self.runs = server, example, []
            self.sandbox = self.stack.enter_context(contextlib.closing(Sandbox(scenario=scenario, speed=60, generation=generation)))
            self.github = self.stack.enter_context(contextlib.closing(Enterprise(tls) if tls else GitHub()))
            # What root wrote in the job's container may not be ours to remove.
            top = tempfile.TemporaryDirectory(prefix="dh-act-", ignore_cleanup_errors=True)
            self.folder = Path(self.stack.enter_context(top)) / "site"
            self.secrets = {"DEPLOY_HOOK_URL": self.sandbox.hook, "FORTRABBIT_API_TOKEN": self.sandbox.token, "GITHUB_TOKEN": TOKEN}
            text = (FOLDER / example).read_text(encoding="utf-8")
            for old, new in (replaced or {}).items():
                if old not in text:
                    raise Fault(f"{example} has no {old!r}")
                text = text.replace(old, new)
            expect(f"actions of ours in {example}", 1, text.count(f"uses: {USES} "))
            self.workflow = f".github/workflows/{example}"
            everything = {self.workflow: text, "Makefile": "test:\n\techo tested >tested\n", **(files or {})}
            for name, content in everything.items():
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
            # The Action as it is, but for the image, which is there already, and the platform's address.
            action = ACTION_FILE.read_text(encoding="utf-8")
            for old, new in (
                ("  image: Dockerfile\n", f"  image: docker://{ACTION}\n"),
                ("    default: https://api.fortrabbit.com\n", f"    default: {self.sandbox.manage}\n"),
            ):
                expect(f"lines of action.yml that say {old.strip()!r}", 1, action.count(old))
                action = action.replace(old, new)
            self.action = self.folder.parent / "action"
            self.action.mkdir()
            (self.action / "action.yml").write_text(action, encoding="utf-8")
            git(self.folder, "init", "--quiet", "--initial-branch", "main")
            git(self.folder, "remote", "add", "origin", f"https://{server}/{REPOSITORY}.git")
            git(self.folder, "add", "--all", "--force")
            git(self.folder, "-c", "user.name=act", "-c", "user.email=act@example.com", "commit", "--quiet", "--message", "act")
            self.sha = git(self.folder, "rev-parse", "HEAD")
        except BaseException:
            self.close()
            raise

    def environment(self, generation):
        """Another environment at the platform, and its hook's URL."""

        def post(path, body):
            data = json.dumps(body).encode()
            request = urllib.request.Request(f"{self.sandbox.manage}/sandbox/environments{path}", data=data, method="POST")
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)

        made = post("", {})["publicId"]
        url = post(f"/{made}/hook", {"generation": generation})["url"]
        self.sandbox.secrets.append(url)
        return made, url

    def act(self, event, payload, *options, code=0, secrets=None):
        """Plays one event, and gives back the log. Whatever act thinks of it, `code` is how it must end."""
        payload = {"repository": {"full_name": REPOSITORY, "default_branch": "main"}, "sender": {"login": "octocat"}, **payload}
        file = self.folder.parent / "event.json"
        file.write_text(json.dumps(payload), encoding="utf-8")
        secrets = self.secrets if secrets is None else secrets
        api = self.github.url + ("" if self.server == "github.com" else "/api/v3")
        # Told so, act ends its containers too.
        line = ["timeout", "--signal=INT", "--kill-after=20", str(LIMIT)]
        line += [ACT, event, "--workflows", self.workflow, "--eventpath", str(file), "--pull=false", "--bind", "--rm", *options]
        for label in ("ubuntu-24.04", "self-hosted"):
            line += ["--platform", f"{label}={JOB}"]
        line += ["--network", "host", "--local-repository", f"{USES}={self.action}", "--env", f"GITHUB_API_URL={api}"]
        line += ["--container-architecture", f"linux/{ARCHITECTURE}", "--container-daemon-socket", "-", "--no-cache-server"]
        line += ["--action-cache-path", str(self.folder.parent / "cache"), "--github-instance", self.server]
        for option in ("--env-file", "--secret-file", "--var-file", "--input-file"):
            line += [option, "/dev/null"]
        for name in secrets:
            line += ["--secret", name]
        # Nothing of a CI platform's around it, and the secrets on no command line.
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME") or name.startswith("DOCKER_")}
        how = {"cwd": self.folder, "env": {**kept, **secrets}, "stdin": subprocess.DEVNULL}
        done = subprocess.run(line, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)
        log = done.stdout.decode(errors="replace")
        self.runs.append(log)
        no_secret(self.sandbox, log)
        no_secret(self.sandbox, json.dumps([(path, body) for _, path, _, body in self.github.calls]))
        expect("act's exit code", code, done.returncode)
        return log

    def deployed(self, state="SUCCEEDED", number=1):
        """The ids of the deployments: so many, all in this state, each by a POST to the hook."""
        found = self.sandbox.deployments()
        expect("deployments at the platform", [(state, "hook")] * number, [(one["state"], one["trigger"]) for one in found])
        return [one["id"] for one in found]

    def told(self, *wanted, comments=0, rehearsed=False):
        """GitHub was told nothing else than this: (commit, context, state at the end), each once and after a `pending`."""
        root = f"/repos/{REPOSITORY}" if self.server == "github.com" else f"/api/v3/repos/{REPOSITORY}"
        statuses, talk = collections.defaultdict(list), []
        for method, path, authorization, body in self.github.calls:
            what = f"{method} {path.removeprefix(root)}"
            if TOKEN not in (authorization or ""):
                raise Fault(f"a request to GitHub without the token: {what}")
            if re.fullmatch(r"POST /statuses/[0-9a-f]{40}", what):
                statuses[what[-40:], body["context"]].append(body["state"])
                page = f"https://{self.server}/{REPOSITORY}/actions/runs/"
                if not body["target_url"].startswith(page):
                    raise Fault(f"the status leads to {body['target_url']}")
            elif comments and re.fullmatch(r"(GET|POST) /issues/7/comments(\?.*)?|PATCH /issues/comments/\d+", what):
                talk.append((method, (body or {}).get("body", "")))
            elif rehearsed and what == "GET ":
                pass  # a dry run finds out whether the token is good
            else:
                raise Fault(f"a request to GitHub that nobody asked for: {what}")
        expect("final statuses", sorted(wanted), sorted((*where, states[-1]) for where, states in statuses.items()))
        for where, states in statuses.items():
            expect(f"states of {where}", ("pending", 1), (states[0], len(states) - states.index(states[-1])))
        expect("comments", comments, sum(method == "POST" for method, _ in talk))
        return talk

    def close(self):
        """Ends what was started."""
        self.stack.close()


@contextlib.contextmanager
def site(example, **how):
    """A site, whose logs are shown where something is wrong."""
    with contextlib.closing(Site(example, **how)) as one:
        try:
            yield one
        except Exception:
            for log in one.runs:
                print("".join(line for line in log.splitlines(keepends=True) if not line.endswith("⚙  ***\n")))
            raise


def has(log, *texts):
    """The log holds these."""
    for text in texts:
        if text not in log:
            raise Fault(f"the log does not say {text!r}")


def succeeded(log, deployment):
    """The log shows the outputs, the job summary and the post step of a deployment that succeeded."""
    has(log, *(f"::set-output:: {pair}\n" for pair in ("outcome=succeeded", "succeeded=true", f"deployment-id={deployment}")))
    has(log, CLOSED)
    if not re.search(r"Summary - ### \S+ Succeeded", log):
        raise Fault("the job summary has no verdict")


CLOSED = "closed by the run itself"
PUSH = {"ref": "refs/heads/main"}

# --- the cases, by the example they belong to ---


def push():
    """tests, deploys, and says how it ended"""
    with site("push.yml", generation="draft") as here:
        log = here.act("push", PUSH)
        [deployment] = here.deployed()
        here.told((here.sha, "Deploy / production", "success"))
        succeeded(log, deployment)
        has(log, f"Deployment {deployment}, outcome succeeded", "::set-output:: environment-url=https://www.example.com/")
        expect("the tests have run", "tested\n", (here.folder / "tested").read_text(encoding="utf-8"))


def push_fails():
    """a build that fails fails the job, and that is said"""
    with site("push.yml", scenario="build-fails") as here:
        log = here.act("push", PUSH, code=1)
        [deployment] = here.deployed("FAILED")
        here.told((here.sha, "Deploy / production", "failure"))
        has(log, f"Deployment {deployment}, outcome failed", CLOSED)


def push_untested():
    """tests that fail: nothing is deployed"""
    with site("push.yml", files={"Makefile": "test:\n\tfalse\n"}) as here:
        here.act("push", PUSH, code=1)
        here.deployed(number=0)
        here.told()


# Where the example's preview lives; here that is this machine.
PREVIEW = "https://preview.example.com"


def pull_request(repository=REPOSITORY):
    """The event of a pull request."""
    head = {"ref": "change", "sha": HEAD, "repo": {"full_name": repository}}
    return {"action": "synchronize", "number": 7, "pull_request": {"number": 7, "head": head, "base": {"ref": "main"}}}


def preview():
    """deploys, comments on the pull request, and tests the preview"""
    with contextlib.closing(GitHub()) as web, site("pull-request-preview.yml", replaced={PREVIEW: web.url}) as here:
        log = here.act("pull_request", pull_request())
        succeeded(log, *here.deployed())
        talk = here.told((HEAD, "Deploy / preview", "success"), comments=1)
        has(talk[-1][1], "Succeeded", web.url)
        expect("requests to the preview", [("GET", "/")], [call[:2] for call in web.calls])
        expect("what the preview said", '{"id": 1}', (here.folder / "preview.html").read_text(encoding="utf-8"))


def preview_without_secrets():
    """Dependabot's pull request, without secrets: passes as skipped"""
    with contextlib.closing(GitHub()) as web, site("pull-request-preview.yml", replaced={PREVIEW: web.url}) as here:
        log = here.act("pull_request", pull_request(), secrets={"GITHUB_TOKEN": TOKEN})
        here.deployed(number=0)
        here.told()
        has(log, "::set-output:: outcome=skipped\n", "::set-output:: succeeded=false\n")
        expect("requests to the preview", [], web.calls)


def preview_of_a_fork():
    """a fork's pull request: the job is not run"""
    with site("pull-request-preview.yml") as here:
        here.act("pull_request", pull_request("stranger/site"))
        here.deployed(number=0)
        here.told()


def manual():
    """deploys where it is told to"""
    with site("manual.yml") as here:
        log = here.act("workflow_dispatch", {"ref": "refs/heads/main", "inputs": {"environment": "staging", "dry-run": "false"}})
        succeeded(log, *here.deployed())
        here.told((here.sha, "Deploy / staging", "success"))
        has(log, "Deploy to staging")


def manual_dry_run():
    """a dry run deploys nothing and tells GitHub nothing"""
    with site("manual.yml") as here:
        log = here.act("workflow_dispatch", {"ref": "refs/heads/main", "inputs": {"environment": "production", "dry-run": "true"}})
        here.deployed(number=0)
        here.told(rehearsed=True)
        has(log, "Deploy to production", "✓ github-token reads", "::set-output:: outcome=skipped\n")


def schedule():
    """deploys by the clock"""
    with site("schedule.yml") as here:
        log = here.act("schedule", {"schedule": "17 4 * * *"})
        succeeded(log, *here.deployed())
        here.told((here.sha, "Deploy / production", "success"))


def dispatched(example, kind):
    """An event that another program dispatched."""
    with site(example) as here:
        log = here.act("repository_dispatch", {"action": kind, "branch": "main", "client_payload": {}})
        succeeded(log, *here.deployed())
        here.told((here.sha, "Deploy / production", "success"))


def cms():
    """deploys after publishing"""
    dispatched("cms-publish.yml", "cms-publish")


def zapier():
    """deploys when a Zap says so"""
    dispatched("zapier.yml", "zapier")


def matrix():
    """three environments: three hooks, three deployments, three statuses"""
    names = ["production-eu", "production-us", "production-asia"]
    with site("matrix.yml") as here:
        made = {}
        for name in names:
            made[name], url = here.environment("draft")
            log = here.act("push", PUSH, "--matrix", f"environment:{name}", secrets={**here.secrets, "DEPLOY_HOOK_URL": url})
            has(log, f"Deploy {name}")
            succeeded(log, here.deployed(number=len(made))[-1])
        with urllib.request.urlopen(f"{here.sandbox.manage}/sandbox", timeout=5) as answer:
            found = {one["publicId"]: len(one["deployments"]) for one in json.load(answer)["environments"]}
        expect("deployments of each environment", dict.fromkeys(made.values(), 1), {one: found[one] for one in made.values()})
        here.told(*((here.sha, f"Deploy / {name}", "success") for name in names))


def ghes():
    """deploys from a server of its own, whose certificate the file in `ca-file` vouches for"""
    with tempfile.TemporaryDirectory(prefix="dh-ca-") as folder:
        authority, tls = certificates(folder)
        with site("ghes.yml", files={".github/ca.pem": authority}, server="ghes.example.com", tls=tls) as here:
            log = here.act("push", PUSH)
            succeeded(log, *here.deployed())
            here.told((here.sha, "Deploy / production", "success"))


CASES = {
    "push.yml": [push, push_fails, push_untested],
    "pull-request-preview.yml": [preview, preview_without_secrets, preview_of_a_fork],
    "manual.yml": [manual, manual_dry_run],
    "schedule.yml": [schedule],
    "cms-publish.yml": [cms],
    "zapier.yml": [zapier],
    "matrix.yml": [matrix],
    "ghes.yml": [ghes],
}
ARCHITECTURE = docker("version", "--format", "{{.Server.Arch}}").strip()


def main():
    """Runs the cases of the examples, all of them whatever became of the one before."""
    expect("examples", sorted(path.name for path in FOLDER.glob("*.yml")), sorted(CASES))
    strange = set(sys.argv[4:]) - set(CASES)
    if strange:
        sys.exit(f"no such example: {' '.join(sorted(strange))}")
    failed = []
    for example in sys.argv[4:] or CASES:
        for case in CASES[example]:
            if not passes(case, f"{example}: "):
                failed.append(case.__name__)
    print("not shown by act:")
    for what, why in LEFT_OUT.items():
        print(f"  {what} {why}")
    print(f"{len(failed)} cases failed: {' '.join(failed)}" if failed else "every example passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
