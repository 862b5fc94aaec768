"""What the images must do in a CI job: each case is one job with the runner of runner.py, against a sandbox on this machine's loopback.

main.py runs them.
"""

import base64
import contextlib
import gzip
import http.server
import io
import json
import os
import re
import shlex
import signal
import stat
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import traceback
import urllib.request
from pathlib import Path

import runner
from runner import Fault, Job

ACTION, SHELL = sys.argv[1:3]
TOKEN = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
# Bytes of the image for the Action: its files, and what goes over the network.
DISK_LIMIT = 5_000_000
NETWORK_LIMIT = 2_500_000
# What a follow may take: resident memory, and CPU for as many looks as a deployment of a quarter of an hour gets.
MEMORY_LIMIT, CPU_LIMIT, LOOKS = 8 * 1024, 0.1, 70
# Its lines belong between those of the script that called it.
sys.stdout.reconfigure(line_buffering=True)


def docker(*arguments, **how):
    """Runs a docker command and gives back what it printed."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, **how).stdout


def expect(what, wanted, got):
    """Fails where two things differ."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        # Only where they differ, and not all of it.
        names = sorted(name for name in {*wanted, *got} if wanted.get(name) != got.get(name))[:20]
        wanted, got = ({name: one.get(name) for name in names} for one in (wanted, got))
    if wanted != got:
        raise Fault(f"{what}: expected {wanted!r}, got {got!r}")


def names_of_outputs():
    """The outputs that action.yml names."""
    text = runner.ACTION.read_text(encoding="utf-8")
    block = text.split("\noutputs:\n", 1)[1].split("\nruns:\n", 1)[0]
    return re.findall(r"^  ([a-z-]+):$", block, re.M)


class Sandbox:
    """The embedded platform, from the image under test, on this machine's loopback, or on that of another container."""

    def __init__(self, scenario="success", speed=40, generation="draft", network="host"):
        play = ["--scenario", scenario, "--speed", str(speed), "--generation", generation]
        self.id = docker("run", "--detach", "--rm", "--network", network, ACTION, "sandbox", *play).strip()
        try:
            for _ in range(200):
                log = docker("logs", self.id)
                found = dict(line.split("=", 1) for line in log.splitlines() if re.match(r"[a-z-]+=", line))
                if "manage" in found:
                    break
                time.sleep(0.05)
            self.hook, self.token, self.manage = found["hook-url"], found["api-token"], found["manage"]
        except BaseException:
            self.close()
            raise
        # The runner passes every secret the same way, whatever the generation.
        self.inputs = {"hook-url": self.hook, "api-token": self.token, "api-url": self.manage, "environment": "production"}
        self.secrets = [*runner.secrets_of(self.hook, self.token), TOKEN]

    def overview(self):
        """What the platform's management tells."""
        with urllib.request.urlopen(f"{self.manage}/sandbox", timeout=5) as answer:
            return answer.read()

    def deployments(self):
        """Every deployment of the platform."""
        return [one for environment in json.loads(self.overview())["environments"] for one in environment["deployments"]]

    def close(self):
        """Ends it."""
        subprocess.run(["docker", "kill", self.id], check=False, capture_output=True)


class GitHub:
    """A stand-in for GitHub's API and for a hook: says yes, and remembers what it was asked."""

    def __init__(self):
        self.calls = calls = []

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers every request with a number."""

            def answer(self):
                """Takes a request down."""
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                calls.append((self.command, self.path, self.headers.get("authorization"), json.loads(body or b"null")))
                reply = json.dumps({"id": len(calls)}).encode()
                self.send_response(201)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer

            def log_message(self, *_):
                """Says nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def statuses(self):
        """The states that the commit was given, in their order."""
        states = []
        for method, path, authorization, body in self.calls:
            expect("a request to GitHub", ("POST", f"/repos/octo/site/statuses/{runner.SHA}"), (method, path))
            if TOKEN not in (authorization or ""):
                raise Fault(f"a request without the token: {authorization!r}")
            states.append(body["state"])
        return states

    def close(self):
        """Ends it."""
        self.server.shutdown()
        self.server.server_close()


def judged(result, sandbox, code, **outputs):
    """Judges a run, and its exit code and outputs."""
    try:
        public = ["production", "127.0.0.1", "succeeded", "octo/site", "deploy", *[one["id"] for one in sandbox.deployments()]]
        log, masks = runner.judge(result, sandbox.secrets, names_of_outputs(), public)
        expect("exit code", code, result.code)
        for name, wanted in outputs.items():
            name = name.replace("_", "-")
            expect(f"output {name}", wanted, result.outputs.get(name))
        return log, masks
    except Fault:
        print(result.log.decode(errors="replace"))
        raise


def masks_all(masks, secrets):
    """Every secret is masked itself, not only as a part of another one."""
    for secret in secrets:
        if secret not in masks:
            raise Fault(f"not masked: {secret[:10]}…")


@contextlib.contextmanager
def stage(*, inputs=None, github=False, owner=1001, image=None, **play):
    """A sandbox, a job against it and, where wanted, GitHub."""
    with contextlib.ExitStack() as stack:
        sandbox = stack.enter_context(contextlib.closing(Sandbox(**play)))
        host = stack.enter_context(contextlib.closing(GitHub())) if github else None
        api = {"api": host.url} if host else {}
        given = {**sandbox.inputs, **({} if github else {"report": "summary"}), **(inputs or {})}
        job = stack.enter_context(contextlib.closing(Job(image or ACTION, given, token=TOKEN, owner=owner, **api)))
        yield (sandbox, job, host) if github else (sandbox, job)


# --- the cases ---


# What the engine puts into every container by itself.
OF_THE_ENGINE = re.compile(r"(\.dockerenv|(dev|proc|sys)(/.*)?|etc/(hostname|hosts|mtab|resolv\.conf))$")


KINDS = {tarfile.REGTYPE: "-", tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "h"}


def files_of(image):
    """The files of an image, each with its mode, owner and the target of a link, and their bytes in all."""
    container = docker("create", image, "/none").strip()
    try:
        data = subprocess.run(["docker", "export", container], check=True, capture_output=True).stdout
    finally:
        docker("rm", container)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [member for member in archive if not OF_THE_ENGINE.match(member.name)]
    what = {
        member.name: (KINDS[member.type] + stat.filemode(member.mode)[1:], f"{member.uid}:{member.gid}", member.linkname)
        for member in members
    }
    return what, sum(member.size for member in members)


def contents():
    """the images hold what they should and nothing else"""
    directory, plain, program = ("drwxr-xr-x", "0:0", ""), ("-rw-r--r--", "0:0", ""), ("-rwxr-xr-x", "0:0", "")
    post = ("lrwxrwxrwx", "0:0", "deploy-hook")
    wanted = {
        "deploy-hook": program,
        "deploy-hook-post": post,
        "etc": directory,
        "etc/ssl": directory,
        "etc/ssl/certs": directory,
        "etc/ssl/certs/ca-certificates.crt": plain,
    }
    found, disk = files_of(ACTION)
    expect("files of the Action's image", wanted, found)
    image = subprocess.run(["docker", "save", ACTION], check=True, capture_output=True).stdout
    network = len(gzip.compress(image, 9))
    print(f"    the Action's image: {disk} bytes on disk, {network} compressed; at most {DISK_LIMIT} and {NETWORK_LIMIT}")
    if disk > DISK_LIMIT or network > NETWORK_LIMIT:
        raise Fault("the image has become too large")
    found, disk = files_of(SHELL)
    print(f"    the image with a shell: {disk} bytes on disk")
    applets = "sh awk base64 cat chmod date env find grep kill ls mkdir rm sleep tail touch".split()
    wanted.update({f"bin/{name}": ("lrwxrwxrwx", "0:0", "busybox") for name in applets})
    wanted.update({f"usr/bin/{name}": wanted.pop(name) for name in ("deploy-hook", "deploy-hook-post")})
    wanted.update({name: directory for name in ("bin", "usr", "usr/bin")})
    wanted.update({"bin/busybox": program, "tmp": ("drwxrwxrwt", "0:0", ""), "usr/bin/env": ("lrwxrwxrwx", "0:0", "../../bin/busybox")})
    expect("files of the image with a shell", wanted, found)


def configuration():
    """entrypoint, user and labels"""
    for image, entrypoint, command in ((ACTION, ["/deploy-hook"], None), (SHELL, None, ["/bin/sh"])):
        config = json.loads(docker("image", "inspect", image))[0]["Config"]
        expect("entrypoint", entrypoint, config.get("Entrypoint") or None)
        expect("command", command, config.get("Cmd") or None)
        # The runner's files belong to the host's user; who is not root could not write them.
        expect("user", "", config.get("User") or "")
        for nothing in ("ExposedPorts", "Volumes", "OnBuild", "Healthcheck"):
            expect(nothing, None, config.get(nothing) or None)
        labels = {name.rsplit(".", 1)[-1]: value for name, value in (config.get("Labels") or {}).items()}
        expect("title", "deploy-hook", labels.get("title"))
        expect("licence", "MIT OR Apache-2.0", labels.get("licenses"))


def succeeds():
    """a deployment succeeds; the commit's status is closed; the post step has nothing to do"""
    with stage(github=True) as (sandbox, job, github):
        result = job.step().result()
        log, masks = judged(result, sandbox, 0, outcome="succeeded", succeeded="true", state="SUCCEEDED")
        masks_all(masks, sandbox.secrets)
        deployments = sandbox.deployments()
        expect("deployments", [result.outputs["deployment-id"]], [one["id"] for one in deployments])
        expect("every output", sorted(names_of_outputs()), sorted(result.outputs))
        if "### ✅ Succeeded" not in result.summary.decode():
            raise Fault(f"the summary has no verdict:\n{result.summary.decode()}")
        states = github.statuses()
        expect("the status at the end", "success", states[-1])
        after = job.step(entrypoint=runner.post_entrypoint(), state=result.state).result()
        log, _ = judged(after, sandbox, 0)
        expect("outputs of the post step", {}, after.outputs)
        expect("statuses after the post step", states, github.statuses())
        expect("deployments after the post step", 1, len(sandbox.deployments()))
        if "closed by the run itself" not in log:
            raise Fault(f"the post step says: {log}")


def hostile_log():
    """a build fails with a log that attacks whoever prints it"""
    with stage(scenario="hostile-log", generation="live", speed=60) as (sandbox, job):
        log, _ = judged(job.step().result(), sandbox, 1, outcome="failed", succeeded="false")
        for harmless in ("::set-output name=x::y", "# #[error]a forged error", "</details><script>"):
            if harmless not in log:
                raise Fault(f"the log was not shown, or not made harmless; {harmless!r} is missing:\n{log}")


def echoed_secret():
    """a platform whose answers and logs repeat the hook's URL"""
    with stage(scenario="echo", generation="live", speed=60) as (sandbox, job):
        log, _ = judged(job.step().result(), sandbox, 1, outcome="failed")
        if "DEPLOY_HOOK_URL=***" not in log:
            raise Fault(f"the log that repeats the secret was not shown:\n{log}")


def bad_input():
    """bad input ends before anything is sent, and says all that is wrong"""
    with stage(inputs={"timeout": "15", "wait": "always!"}) as (sandbox, job):
        result = job.step().result()
        log, _ = judged(result, sandbox, 2)
        expect("deployments", [], sandbox.deployments())
        for wanted in ("timeout", "Did you mean 15s?", "Did you mean always?", "Nothing was sent"):
            if wanted not in log:
                raise Fault(f"{wanted!r} is not said:\n{log}")
        if result.outputs.get("succeeded") == "true":
            raise Fault("succeeded is true")
        if result.seconds > 10:
            raise Fault(f"took {result.seconds:.1f} s")


def empty_hook():
    """a fork's pull request, which gets no secret: `fail` says why, `skip` passes"""
    with stage(inputs={"hook-url": ""}) as (sandbox, job):
        log, _ = judged(job.step().result(), sandbox, 2)
        if "if-missing: skip" not in log:
            raise Fault(f"no way out is shown:\n{log}")
    with stage(inputs={"hook-url": "", "if-missing": "skip"}) as (sandbox, job):
        judged(job.step().result(), sandbox, 0, outcome="skipped", succeeded="false")
        expect("deployments", [], sandbox.deployments())


def canceled_run():
    """the runner cancels: 130 within five seconds, everything is written, the status is closed, the container is gone"""
    with stage(github=True, scenario="stuck") as (sandbox, job, github):
        step = job.step()
        step.wait_for("BUILDING")
        ended_by = step.cancel()
        result = step.result()
        log, _ = judged(result, sandbox, 130, outcome="interrupted", succeeded="false")
        expect("the signal that ended it", "SIGINT", ended_by)
        if result.seconds > 5:
            raise Fault(f"took {result.seconds:.1f} s")
        if "Interrupted" not in result.summary.decode():
            raise Fault("the summary does not say that the run was interrupted")
        expect("the status at the end", "error", github.statuses()[-1])
        expect("deployments", 1, len(sandbox.deployments()))
        print(f"    canceled in {result.seconds:.2f} s")


def terminated_run():
    """SIGTERM alone ends it as well"""
    with stage(scenario="stuck") as (sandbox, job):
        step = job.step()
        step.wait_for("BUILDING")
        step.signal(signal.SIGTERM)
        result = step.result(limit=20)
        judged(result, sandbox, 143, outcome="interrupted")
        if result.seconds > 5:
            raise Fault(f"took {result.seconds:.1f} s")
        print(f"    terminated in {result.seconds:.2f} s")


def killed_run():
    """a run that is killed leaves its status open; the post step closes it and triggers nothing"""
    with stage(github=True, scenario="stuck") as (sandbox, job, github):
        step = job.step()
        step.wait_for("BUILDING")
        for _ in range(100):
            if step.files["GITHUB_STATE"].stat().st_size:
                break
            time.sleep(0.05)
        step.kill()
        result = step.result()
        expect("exit code", 137, result.code)
        runner.judge(result, sandbox.secrets, names_of_outputs())
        expect("deployment-id, known before the end", sandbox.deployments()[0]["id"], result.outputs.get("deployment-id"))
        expect("the status that stays", "pending", github.statuses()[-1])
        after = job.step(entrypoint=runner.post_entrypoint(), state=result.state).result()
        log, _ = judged(after, sandbox, 0)
        expect("the status at the end", "error", github.statuses()[-1])
        expect("deployments", 1, len(sandbox.deployments()))
        if "commit status" not in log:
            raise Fault(f"the post step says: {log}")


def post_step_sends_nothing_to_the_hook():
    """the post step never speaks to the hook, whatever the state it is given"""
    with contextlib.closing(GitHub()) as nobody, stage(inputs={"hook-url": f"{nobody.url}/v1/deploy-hook/LONGSTRINGOFTHEHOOK"}) as (
        sandbox,
        job,
    ):
        for state in ({}, {"deploy_hook_records": ""}, {"deploy_hook_records": "{}"}, {"deploy_hook_records": "no JSON"}):
            result = job.step(entrypoint=runner.post_entrypoint(), state=state).result()
            runner.judge(result, sandbox.secrets, names_of_outputs())
            expect(f"exit code with {state}", 0, result.code)
            expect("requests", [], nobody.calls)


def locked_down():
    """a read-only root, no capabilities, no new privileges"""
    options = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    # Without capabilities root may write only what everybody may.
    with stage() as (sandbox, job):
        result = job.step(options=options, mode=0o666).result()
        judged(result, sandbox, 0, outcome="succeeded")
        if not result.summary:
            raise Fault("no summary")


def files_of_another_user():
    """files that root may not write, and a folder mounted read-only: the verdict stands, and it is told what is missing"""
    for how in ({"options": ("--cap-drop", "ALL"), "mode": 0o444}, {"readonly_files": True}):
        with stage(scenario="instant") as (sandbox, job):
            result = job.step(**how).result()
            log, _ = judged(result, sandbox, 0)
            expect("outputs", {}, result.outputs)
            if "could not be written" not in log:
                raise Fault(f"nobody was told:\n{log}")


def no_secret(sandbox, log):
    """Nothing of the secrets is in this log."""
    for secret in sandbox.secrets:
        for form in runner.derived(secret):
            if form.lower() in log.lower():
                raise Fault(f"a secret, or a form of one, in the log: {form[:12]}…")


def the_checker_itself():
    """what the runner would choke on, and what gives a secret away, is found by the checker"""
    delimiter = "ghadelimiter_" + "0" * 32
    fine = f"a<<{delimiter}\n1\n{delimiter}\n\nb<<{delimiter}\n\n{delimiter}"
    expect("outputs", {"a": "1", "b": ""}, runner.key_values(fine.encode()))
    files = [
        b"a=1\n",
        b"a\n",
        b"\xef\xbb\xbf" + fine.encode(),
        b"a<<EOF\n1\nEOF\n",
        f"a<<{delimiter}\n1\n".encode(),
        f"a<<{delimiter}\n1\n {delimiter}\n".encode(),
        f"<<{delimiter}\n1\n{delimiter}\n".encode(),
        f"a<<{delimiter}\n1\r\n{delimiter}\n".encode(),
        fine.encode() + b"\nstray",
    ]
    for data in files:
        with contextlib.suppress(Fault):
            runner.key_values(data)
            raise AssertionError(f"these outputs were taken: {data!r}")
    secret = "http://127.0.0.1:1/v1/deploy-hook/Zx9-kk_LONG%2FSTRING"
    last = secret.rsplit("/", 1)[-1]
    mask = f"::add-mask::{secret.replace('%', '%25')}\n"
    logs = [
        f"x {last}\n",
        f"x {last.lower()}\n",
        "x Zx9-kk_LONG/STRING\n",
        f"x {base64.b64encode(('a' + secret).encode()).decode()}\n",
        f"x {secret.encode().hex()}\n",
        f"x {last[::-1]}\n",
        f"begun\n{mask}",
        f" {mask}",
        "::set-output name=a::b\n",
        "  ::warning::x\n",
        "::error title=Deploy hook::" + "x" * 4097 + "\n",
        "::error title=Deploy hook::x\n" * 11,
        "x ##[error]y\n",
        "::group::x\n",
        "::endgroup::\n",
        "x\r::stop-commands::y\n",
        "\x1b[2Jx\n",
        "no end",
        "::add-mask::succeeded\n",
        "::add-mask::a\n",
    ]
    good = runner.Result(0, mask.encode() + b"\x1b[1mfine\x1b[0m std::env\n", {"outcome": "succeeded"}, {}, b"", 0, b"")
    secrets = runner.secrets_of(secret)
    runner.judge(good, secrets, ["outcome"])
    bad = [good._replace(log=log.encode()) for log in logs]
    bad += [
        good._replace(summary=b"x" * 1048577),
        good._replace(summary=last.encode()),
        good._replace(state={"x": secret}),
        good._replace(outputs={"state": last}),
        good._replace(outputs={"strange": ""}),
        good._replace(env=b"A=1\n"),
        good._replace(log=b"\xff\n"),
    ]
    for result in bad:
        with contextlib.suppress(Fault):
            runner.judge(result, secrets, ["outcome", "state"])
            raise AssertionError(f"this was let pass: {result!r}"[:500])


def on_docker(sandbox, image, start, entrypoint=None, at="/work"):
    """The `docker run` of a CI system that starts its steps in containers: its words, its variables, and the folder it works in."""
    folder = tempfile.TemporaryDirectory(prefix="dh-elsewhere-")
    variables = {
        "CI": "true",
        "DEPLOY_HOOK_URL": sandbox.hook,
        "FRBIT_TOKEN": sandbox.token,
        "DEPLOY_HOOK_API_URL": sandbox.manage,
    }
    line = ["docker", "run", "--rm", "--network", "host", "--name", f"deployhooktest-{Path(folder.name).name}"]
    line += ["--volume", f"{folder.name}:{at}", "--workdir", at]
    for variable in variables:
        line += ["--env", variable]
    line += ["--entrypoint", entrypoint] if entrypoint else []
    return folder, [*line, image, *start], {**os.environ, **variables}


def example(file, pattern):
    """The one piece of an example that is such."""
    found = re.findall(pattern, (runner.ACTION.parent / "examples" / file).read_text(encoding="utf-8"), re.M | re.S)
    expect(f"{file}: pieces like {pattern}", 1, len(found))
    return found[0]


def examples_elsewhere():
    """the commands of the examples for Drone and Woodpecker, started as these do, Bitbucket and CircleCI, by a shell, and Jenkins"""
    drone = example("drone/.drone.yml", r"^    commands:\n      - (.*?)\n")
    woodpecker = json.loads(example("woodpecker/deploy.yml", r"^    entrypoint: (\[.*?\])$"))
    bitbucket = example("bitbucket/bitbucket-pipelines.yml", r"^          script:\n            - (.*?)\n")
    circleci = example("circleci/config.yml", r"^          command: (.*?)\n")
    shell = example("circleci/config.yml", r"^    shell: (.*?)(?: #.*?)?\n").split()
    jenkins = example("jenkins/Jenkinsfile", r"^ +sh '''\n(.*?)\n +'''$")
    jenkins = jenkins.replace("registry.example.com/deploy-hook:action", ACTION).replace("--rm", "--rm --network host --env DEPLOY_HOOK_API_URL")
    ways = {
        "drone": (["-c", f"echo {shlex.quote(drone)} | /bin/sh"], "/bin/sh", False),
        "woodpecker": (woodpecker[1:], woodpecker[0], False),
        "bitbucket": (["/bin/sh", "-ec", bitbucket], None, True),
        "circleci": ([*shell, "-c", circleci], None, True),
        "jenkins": (["sh", "-xe", "-c", jenkins], None, True),
    }
    for scenario, code, outcome in (("success", 0, "succeeded"), ("build-fails", 1, "failed")):
        for name, (start, entrypoint, files) in ways.items():
            with contextlib.closing(Sandbox(scenario=scenario, speed=200)) as sandbox:
                folder, line, environment = on_docker(sandbox, SHELL, start, entrypoint)
                with folder as work:
                    # Jenkins runs its script on the agent.
                    line = start if name == "jenkins" else line
                    result = subprocess.run(line, check=False, capture_output=True, text=True, env=environment, cwd=work, timeout=60)
                    expect(f"{name}, {scenario}: exit code", code, result.returncode)
                    if f" {outcome} after " not in result.stdout + result.stderr:
                        raise Fault(f"{name}: no verdict:\n{result.stdout}{result.stderr}")
                    no_secret(sandbox, result.stdout + result.stderr)
                    found = {path.name: path for path in Path(work).glob("report/*")}
                    expect(f"{name}: report files", ["deploy-hook-annotations.json", "deploy-hook-summary.md", "deploy-hook.env"] if files else [], sorted(found))
                    if files and f"DEPLOY_HOOK_OUTCOME={outcome}\n" not in found["deploy-hook.env"].read_text(encoding="utf-8"):
                        raise Fault(f"{name}: the outcome is not in the outputs")


def woodpecker_cancel():
    """Woodpecker's cancel: SIGTERM to the step's first process, which in the example is the program"""
    entrypoint = json.loads(example("woodpecker/deploy.yml", r"^    entrypoint: (\[.*?\])$"))
    with contextlib.closing(Sandbox(scenario="stuck")) as sandbox:
        folder, line, environment = on_docker(sandbox, SHELL, entrypoint[1:], entrypoint[0])
        with folder:
            process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            log = ""
            for raw in process.stdout:
                log += raw
                if "BUILDING" in raw:
                    break
            docker("stop", "-t", "20", line[line.index("--name") + 1])
            more, _ = process.communicate(timeout=60)
            expect("exit code", 143, process.returncode)
            if "nterrupted" not in more:
                raise Fault(f"the end was not told:\n{log}{more}")


def costs_little():
    """memory and CPU of a follow, looking once a second"""
    sandbox = Sandbox(scenario="stuck", speed=1)
    environment = {**os.environ, "DEPLOY_HOOK_URL": sandbox.hook, "DEPLOY_HOOK_API_URL": sandbox.manage}
    command = ["run", "--detach", "--network", "host", "--env", "DEPLOY_HOOK_URL", "--env", "DEPLOY_HOOK_API_URL"]
    follow = docker(*command, ACTION, "deploy", "--poll-interval", "1s", env=environment).strip()
    try:
        process = Path("/proc") / docker("inspect", "--format", "{{.State.Pid}}", follow).strip()

        def ticks():
            return sum(map(int, (process / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[11:13]))

        time.sleep(2)
        before = ticks()
        time.sleep(10)
        look = (ticks() - before) / os.sysconf("SC_CLK_TCK") / 10
        peak = int(re.search(r"VmHWM:\s+(\d+)", (process / "status").read_text(encoding="utf-8"))[1])
    finally:
        subprocess.run(["docker", "rm", "--force", follow], check=False, capture_output=True)
        sandbox.close()
    print(f"    at most {peak / 1024:.1f} MiB resident, {look * 1000:.1f} ms of CPU a look")
    if peak > MEMORY_LIMIT:
        raise Fault(f"{peak} KiB of memory, and {MEMORY_LIMIT} is the limit")
    if look * LOOKS > CPU_LIMIT:
        raise Fault(f"{look * LOOKS:.3f} s of CPU for {LOOKS} looks, and {CPU_LIMIT} is the limit")


def starts_quickly():
    """how long an empty run takes, the engine's part included"""
    took = []
    for _ in range(5):
        begin = time.monotonic()
        version = docker("run", "--rm", ACTION, "--version")
        took.append(time.monotonic() - begin)
    print(f"    {version.strip()}; `docker run --rm` with it takes {statistics.median(took) * 1000:.0f} ms (median of {len(took)})")


CASES = [
    the_checker_itself,
    contents,
    configuration,
    succeeds,
    hostile_log,
    echoed_secret,
    bad_input,
    empty_hook,
    canceled_run,
    terminated_run,
    killed_run,
    post_step_sends_nothing_to_the_hook,
    locked_down,
    files_of_another_user,
    examples_elsewhere,
    woodpecker_cancel,
    costs_little,
    starts_quickly,
]


def passes(case, label=""):
    """Runs a case, says what became of it, and whether it passed."""
    begin = time.monotonic()
    try:
        case()
        word = "ok"
    except Fault as fault:
        word = f"FAILED: {fault}"
    except Exception:
        word = f"FAILED: {traceback.format_exc()}"
    print(f"  {label}{case.__name__}: {case.__doc__}: {word}, {time.monotonic() - begin:.1f} s")
    return word == "ok"
