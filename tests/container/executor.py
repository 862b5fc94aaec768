"""GitLab's runner as far as a job on its Docker executor meets it: makes the container as the runner does, writes the generated script
into it, cancels it, and starts it again for `after_script`; and reads what a job leaves behind as GitLab's server does, strictly.

Sources: gitlab-org/gitlab-runner (shells/bash.go, executors/docker/docker_command.go, executors/docker/internal/exec and wait) and
gitlab-org/gitlab (parse_dotenv_artifact_service.rb, parse_annotations_artifact_service.rb, ci_job_annotation_data.json,
ci_job_external_link_data.json). Where GitLab would merely drop a report or show it wrong, this fails.
"""

import collections
import io
import json
import os
import re
import shlex
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
from pathlib import Path

from runner import Fault

PROJECT = "/builds/octo/site"
# Limits of an instance nobody has changed; annotations: bytes, lists, links in one list.
DOTENV_BYTES, DOTENV_VARIABLES = 5120, 20
ANNOTATION_BYTES, ANNOTATION_LISTS, ANNOTATION_LINKS = 80 * 1024, 20, 1000
REPORTS = ("deploy-hook.env", "deploy-hook-summary.md", "deploy-hook-annotations.json")

# What the runner asks every image for: a shell. An image with an ENTRYPOINT gets these words as its arguments.
SHELLS = [f"{folder}/{name}" for name in ("bash", "sh") for folder in ("/usr/local/bin", "/usr/bin", "/bin")] + ["/busybox/sh"]
DETECT = "el".join(f"if [ -x {shell} ]; then\n\texec {shell} \n" for shell in SHELLS) + "else\n\techo shell not found\n\texit 1\nfi\n\n"

# What a cancel runs in the container: SIGTERM to everybody but the first process, the youngest first, and waits for each.
TERMINATE = (
    "PROCS=$(cd /proc && ls -rvd [0-9]*) &&\nfor P in $PROCS; do\n\tif [ $$ -ne $P ] && [ $P -ne 1 ]; then\n"
    "\t\tkill -TERM $P 2>/dev/null &&\n\t\tATTEMPTS=6 &&\n\t\twhile [ -e /proc/$P ] && [ $ATTEMPTS -gt 0 ]; do\n"
    "\t\t\tsleep 1 && ATTEMPTS=$((ATTEMPTS-1));\n\t\tdone;\n\tfi;\ndone\n"
)
# Seconds that it may take, and that the container then has between SIGTERM and SIGKILL.
TERMINATE_LIMIT, STOP_LIMIT = 10, 10


# --- what the server reads ---


def dotenv(data):
    """A dotenv report, as GitLab parses it: one line it cannot read, and all of them are lost."""
    if len(data) >= DOTENV_BYTES:
        raise Fault(f"a dotenv report of {len(data)} bytes is refused")
    text = utf8("the dotenv report", data)
    pairs = {}
    for line in text.splitlines(keepends=True):
        found = re.fullmatch(r"([A-Za-z0-9_]{1,255})=(.*)\n", line)
        if not found:
            raise Fault(f"no line of a dotenv report: {line!r}")
        name, value = found.groups()
        if name in pairs:
            raise Fault(f"twice in the dotenv report: {name}")
        # Values are variables like others: what looks like one in them is replaced by its value.
        if value != value.strip() or re.search(r"[$\x00-\x20\x7f-\x9f\u2028\u2029]", value):
            raise Fault(f"a value that does not arrive as it is: {line!r}")
        pairs[name] = value
    if not pairs or len(pairs) > DOTENV_VARIABLES:
        raise Fault(f"a dotenv report of {len(pairs)} variables")
    return pairs


def annotations(data):
    """An annotations report, as GitLab validates it; the addresses of its links by their labels."""
    if len(data) > ANNOTATION_BYTES:
        raise Fault(f"an annotations report of {len(data)} bytes is refused")

    def unique(pairs):
        if len(dict(pairs)) != len(pairs):
            raise Fault(f"twice in the annotations: {pairs}")
        return dict(pairs)

    try:
        lists = json.loads(utf8("the annotations report", data), object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise Fault(f"the annotations are no JSON: {error}") from error
    if not isinstance(lists, dict) or len(lists) > ANNOTATION_LISTS:
        raise Fault(f"no annotations: {lists!r}")
    links = {}
    for name, items in lists.items():
        if not name.strip() or len(name) > 255 or not isinstance(items, list) or len(items) > ANNOTATION_LINKS:
            raise Fault(f"no list of annotations: {name!r}")
        for item in items:
            if not isinstance(item, dict) or set(item) != {"external_link"}:
                raise Fault(f"an annotation of no kind: {item!r}")
            link = item["external_link"]
            if not isinstance(link, dict) or set(link) != {"label", "url"} or not all(isinstance(one, str) for one in link.values()):
                raise Fault(f"no link: {link!r}")
            if not link["label"].strip() or not re.match(r"https?://[^/\s]", link["url"]):
                raise Fault(f"a link that cannot be used: {link!r}")
            links[link["label"]] = link["url"]
    return links


def utf8(what, data):
    """The text of a file that must be UTF-8."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault(f"{what} is not UTF-8: {error}") from error
    if text.startswith("\ufeff") or "\r" in text:
        raise Fault(f"{what} has a byte order mark or a carriage return")
    return text


MARK = re.compile(r"(?:\x1b\[0K)?section_(start|end):([0-9]{9,11}):([A-Za-z0-9_.-]+)(\[[a-z_=,]+\])?\r\x1b\[0K")


def log_sections(data):
    """Judges a job's log as its page shows it, and gives back the names of its sections and the log without any marks."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault(f"the log is not UTF-8: {error}") from error
    begun, names, lines = [], [], []
    for line in text.split("\n"):
        at = 0
        for mark in MARK.finditer(line):
            # Marks stand at the beginning of a line, or the page shows them.
            if mark.start() != at:
                raise Fault(f"a section's mark within a line: {line!r}")
            at = mark.end()
            if mark[1] == "start":
                begun.append(mark[3])
                names.append(mark[3])
            elif not begun or begun.pop() != mark[3]:
                raise Fault(f"a section ends that has not begun: {line!r}")
        plain = re.sub(r"\x1b\[[0-9;]*m", "", line[at:])
        bad = [c for c in plain if (ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160 or c in "\u200b\u202e\u202c\ufeff"]
        # Without its carriage return a mark is text.
        if bad:
            raise Fault(f"control characters in the log, or a mark that is not one: {line!r}")
        lines.append(plain)
    if begun:
        raise Fault(f"sections without an end: {begun}")
    if len(set(names)) != len(names):
        raise Fault(f"sections of one name: {names}")
    return names, "\n".join(lines)


# --- what the runner does ---

Ended = collections.namedtuple("Ended", "code log seconds")


def generated(script, exports=()):
    """The script that the runner writes into the container for these lines of a job's."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exports]
    lines.append(f"cd {shlex.quote(PROJECT)}")
    for line in script:
        lines += [f"echo {shlex.quote(chr(27) + '[32;1m$ ' + line + chr(27) + '[0;m')}", line]
    quoted = "\n".join(lines).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace(chr(27), "\\x1b")
    return (
        "#!/usr/bin/env bash\n\ntrap exit 1 TERM\n\n"
        "if set -o | grep pipefail > /dev/null; then set -o pipefail; fi; set -o errexit\n"
        f"set +o noclobber\n: | eval $'{quoted}'\nexit 0\n"
    )


def docker(*arguments, check=True, **how):
    """Runs a docker command."""
    return subprocess.run(["docker", *arguments], check=check, capture_output=True, **how)


class Executor:
    """One job on the Docker executor: its folder for builds, its variables, and the container as long as there is one."""

    def __init__(self, image, variables):
        self.image = image
        self.top = tempfile.TemporaryDirectory(prefix="dh-gitlab-", ignore_cleanup_errors=True)
        self.builds = Path(self.top.name)
        self.project = self.builds / "octo" / "site"
        self.project.mkdir(parents=True)
        self.variables = {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": "https://127.0.0.1:1/api/v4",
            "CI_BUILDS_DIR": "/builds",
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_REF_NAME": "main",
            "CI_COMMIT_SHA": "3f786850e387550fdab836ed7e6dc881de23001b",
            "CI_DEFAULT_BRANCH": "main",
            "CI_ENVIRONMENT_NAME": "production",
            "CI_ENVIRONMENT_URL": "https://www.example.com",
            "CI_JOB_ID": "77",
            "CI_JOB_NAME": "deploy",
            "CI_JOB_STAGE": "deploy",
            "CI_JOB_STARTED_AT": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "CI_JOB_TIMEOUT": "3600",
            "CI_JOB_URL": "https://gitlab.example.com/octo/site/-/jobs/77",
            "CI_PIPELINE_ID": "7",
            "CI_PIPELINE_SOURCE": "push",
            "CI_PROJECT_DIR": PROJECT,
            "CI_PROJECT_ID": "1217",
            "CI_PROJECT_PATH": "octo/site",
            "CI_SERVER_URL": "https://gitlab.example.com",
            **variables,
        }
        self.container = None

    def file_variable(self, name, content):
        """A variable of type File: the runner writes it beside the project's folder."""
        folder = self.builds / "octo" / "site.tmp"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
        self.variables[name] = f"{PROJECT}.tmp/{name}"

    def start(self, *script, stdin=None):
        """A stage begins: in the container of the stage before, if it is still there."""
        if not self.container:
            line = ["create", "--interactive", "--network", "host", "--volume", f"{self.builds}:/builds"]
            for name in self.variables:
                line += ["--env", name]
            # The values on no command line.
            made = docker(*line, self.image, "sh", "-c", DETECT, env={**os.environ, **self.variables})
            self.container = made.stdout.decode().strip()
        return Stage(self.container, generated(script, self.variables.items()) if stdin is None else stdin)

    def cancel(self, stage):
        """A cancel, from the script that sends SIGTERM to the container's removal."""
        began = time.monotonic()
        try:
            # Without a shell in the image this fails, and nobody minds.
            docker("exec", self.container, "sh", "-c", TERMINATE, check=False, timeout=TERMINATE_LIMIT)
        except subprocess.TimeoutExpired:
            pass
        docker("stop", "--time", str(STOP_LIMIT), self.container)
        ended = stage.end(STOP_LIMIT, began)
        self.remove()
        return ended

    def kill(self, stage):
        """The machine goes away."""
        docker("kill", self.container)
        ended = stage.end(10)
        self.remove()
        return ended

    def remove(self):
        """The container is gone, the builds are not."""
        if self.container:
            docker("rm", "--force", "--volumes", self.container, check=False)
        self.container = None

    def files(self):
        """What is in the project's folder."""
        return {path.name: path.read_bytes() for path in self.project.iterdir() if path.is_file()}

    def close(self):
        """Ends it."""
        self.remove()
        self.top.cleanup()


class Stage:
    """One start of the container, attached to it."""

    def __init__(self, container, script):
        self.lines, self.heard, self.began = [], threading.Condition(), time.monotonic()
        line = ["docker", "start", "--attach", "--interactive", container]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.write, args=(script.encode(),), daemon=True).start()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def write(self, script):
        """Writes the script, which nobody has to read."""
        try:
            self.process.stdin.write(script)
            self.process.stdin.close()
        except OSError:
            pass

    def read(self):
        """Takes in the log as it comes."""
        for raw in self.process.stdout:
            with self.heard:
                self.lines.append(raw)
                self.heard.notify_all()

    def wait_for(self, text, limit=30):
        """Waits until the log holds this text, in capitals or not."""
        with self.heard:
            if not self.heard.wait_for(lambda: text.encode() in b"".join(self.lines).lower(), limit):
                raise Fault(f"the log never said {text!r}:\n" + b"".join(self.lines).decode(errors="replace"))

    def end(self, limit=60, began=None):
        """Waits for the end. `seconds` are counted from the start, or from `began`."""
        try:
            code = self.process.wait(limit)
        except subprocess.TimeoutExpired as error:
            self.process.send_signal(signal.SIGKILL)
            raise Fault(f"not at its end after {limit} s:\n" + b"".join(self.lines).decode(errors="replace")) from error
        seconds = time.monotonic() - (began or self.began)
        self.reader.join(10)
        return Ended(code, b"".join(self.lines), seconds)


def unpacked(data):
    """The files of an archive as `docker cp` gives it."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
