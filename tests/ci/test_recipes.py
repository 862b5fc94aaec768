"""The recipes of docs/recipes.md, run as they are written: with the real program, curl and jq, against servers on this machine."""

import contextlib
import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/recipes.md").read_text(encoding="utf-8")
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/deploy-hook"
RUN = "https://ci.example.com/runs/7?a=1&b=2"
# What a platform, or somebody who names a branch, may put into a message.
MESSAGES = [
    "✓ Deployment dp_abc123 succeeded after 41.2s. The new code is live.",
    "\"; touch pwned; ' $(touch pwned) `touch pwned` ${HOME} %s \\ \\n \\",
    "first line\nsecond line\r\n\ttabbed",
    "<!channel> <@U123> <https://evil.example.com|click> &amp; &lt;",
    "@everyone <@1> **bold** [click](https://evil.example.com) `code` ```block``` ||spoiler|| # heading - item > quote ~~gone~~",
    '", "text": "another", "attachments": [], "x": "',
    "</at>emoji 🚀 zero\u200bwidth \u202e \x07",
    "-",
    "-n",
    "",
    "long " * 3000,
]


def blocks(language):
    """The code of this language in the document."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)


def recipe(mark):
    """The one block of shell that begins with this comment."""
    [found] = [text for text in blocks("sh") if f"# {mark}\n" in text]
    return found


def step(mark):
    """A step of a workflow, by its name."""
    [found] = [text for text in blocks("yaml") if text.lstrip().startswith(f"- name: {mark}\n")]
    return YAML(typ="safe").load(found)[0]


def job(name):
    """A job of GitLab's, by its name."""
    [found] = [text for text in blocks("yaml") if text.startswith(f"{name}:\n")]
    return YAML(typ="safe").load(found)[name]


@contextlib.contextmanager
def server(status=200):
    """A chat or a ping service, and what it was sent: method, path, content type, body."""
    calls = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            calls.append((self.command, self.path, self.headers.get("content-type"), body))
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        do_GET = do_POST = answer

        def log_message(self, *_):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}", calls
    made.shutdown()
    made.server_close()


def shell(text, folder, fails=False, program="bash", **env):
    """Runs it as a CI runner does, with nothing else in the environment; gives back what it printed."""
    command = [program, *(["-e"] if program == "bash" else []), "-c", text]
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    done = subprocess.run(command, env={"PATH": path, "HOME": str(folder)} | env, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@contextlib.contextmanager
def sandbox(folder, scenario):
    """A platform, and its hook in the file that the recipes name."""
    process = subprocess.Popen([PROGRAM, "sandbox", "--speed", "200", "--scenario", scenario], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        found = {}
        while "manage" not in found:
            name, _, value = process.stdout.readline().strip().partition("=")
            found[name] = value
        (folder / ".deploy-hook").mkdir()
        (folder / ".deploy-hook/url").write_text(found["hook-url"])
        (folder / ".deploy-hook/token").write_text(found["api-token"])
        yield found
    finally:
        process.kill()
        process.wait()


# --- chats ---


def slack(body):
    """The text that Slack shows."""
    assert set(body) == {"text", "mrkdwn"} and body["mrkdwn"] is False and "<" not in body["text"] and ">" not in body["text"]
    return body["text"].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def teams(body):
    """The text that Teams shows, with the button's address behind it."""
    assert body["type"] == "message"
    [attachment] = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard" and card["version"] == "1.4" and card["$schema"].startswith("http://adaptivecards.io/")
    [block], [action] = card["body"], card["actions"]
    assert block["type"] == "RichTextBlock" and [one["type"] for one in block["inlines"]] == ["TextRun"] and action["type"] == "Action.OpenUrl"
    return f"{block['inlines'][0]['text']}\n{action['url']}"


def discord(body):
    """The text that Discord shows: a backslash before a sign is not shown, and the sign does nothing."""
    assert set(body) == {"content", "allowed_mentions"} and body["allowed_mentions"] == {"parse": []} and len(body["content"]) <= 2000
    message, run = body["content"].rsplit("\n", 1)
    assert not re.search(r"(?<!\\)(\\\\)*[*_~`|<>\[\]()#-]", re.sub(r"\\[^0-9A-Za-z\s]", "", message))
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", message) + "\n" + run[1:-1]


CHATS = {"Slack": slack, "Teams": teams, "Discord": discord}


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
@pytest.mark.parametrize("chat", CHATS)
def test_chat(chat, message, tmp_path):
    """Every message arrives as it is, in the chat's own form, and does nothing on its way."""
    with server() as (url, calls):
        shell(recipe(chat), tmp_path, URL=url + "/hook", MESSAGE=message, RUN=RUN)
    [(method, path, kind, body)] = calls
    assert (method, path, kind) == ("POST", "/hook", "application/json")
    shown = CHATS[chat](json.loads(body))
    assert shown == f"{message[:900] if chat == 'Discord' else message}\n{RUN}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("chat", CHATS)
def test_chat_refuses(chat, tmp_path):
    """A webhook that was revoked fails the step."""
    with server(status=404) as (url, _):
        shell(f"set -o pipefail\n{recipe(chat)}", tmp_path, fails=True, URL=url, MESSAGE="m", RUN=RUN)


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
def test_chat_from_ci(message, tmp_path):
    """The step for GitHub and the job for GitLab send what the command above them sends."""
    github, gitlab = step("Tell Slack"), job("tell-slack")
    assert github["if"] == "${{ !cancelled() }}" and gitlab["when"] == "always"
    assert not re.search(r"[$]\{\{", github["run"]), "an expression in a command"
    with server() as (url, calls):
        shell(recipe("Slack"), tmp_path, URL=url, MESSAGE=message, RUN=RUN)
        shell(github["run"], tmp_path, URL=url, MESSAGE=message, RUN=RUN)
        shell("\n".join(gitlab["script"]), tmp_path, program="sh", SLACK_WEBHOOK_URL=url, DEPLOY_HOOK_MESSAGE=message, RUN=RUN)
    assert len(calls) == 3 and calls[0] == calls[1] == calls[2]


@pytest.mark.parametrize(("options", "code", "text"), [("--sandbox", 0, "succeeded"), ("--sandbox --scenario build-fails", 1, "failed"), ("--timeout x", 2, "timeout")])
def test_message_anywhere(options, code, text, tmp_path):
    """The message and the exit code of a deployment, and of one that did not begin."""
    command = recipe("Anywhere").replace("deploy --format", f"deploy {options} --format") + '\nprintf "%s %s" "$code" "$MESSAGE"'
    lines = shell(command, tmp_path, program="sh").splitlines()
    assert lines[-1].startswith(f"{code} ") and text in lines[-1]


# --- pings ---


@pytest.mark.parametrize(("scenario", "code"), [("success", 0), ("build-fails", 1), ("forbidden", 3)])
def test_ping_from_cron(scenario, code, tmp_path):
    """A ping at the start, and one with the exit code."""
    with server() as (url, calls), sandbox(tmp_path, scenario) as platform:
        script = tmp_path / "deploy-nightly"
        [text] = [text for text in blocks("sh") if text.startswith("#!/bin/sh\n")]
        script.write_text(text)
        log = shell(f'code=0; sh "{script}" || code=$?; test $code = {code}', tmp_path, PING_URL=url + "/check", DEPLOY_HOOK_API_URL=platform["manage"])
    assert [call[1] for call in calls] == ["/check/start", f"/check/{code}"]
    assert (log == "") == (code == 0), log


@pytest.mark.parametrize(("succeeded", "code"), [("true", 0), ("false", 1), ("", 1)])
def test_ping_from_github(succeeded, code, tmp_path):
    """Success alone is a good ping."""
    ping = step("Ping")
    assert ping["env"]["SUCCEEDED"] == "${{ steps.deploy.outputs.succeeded }}" and ping["if"] == "${{ !cancelled() }}"
    with server() as (url, calls):
        shell(ping["run"], tmp_path, PING_URL=url, SUCCEEDED=succeeded)
    assert [call[1] for call in calls] == [f"/{code}"]


# --- the rest ---


def test_burst():
    """The job that waits can be canceled, the one that deploys cannot, and waits for it; act runs it in tests/container."""
    [text] = [text for text in blocks("yaml") if text.startswith("name: Deploy after publishing\n")]
    jobs = YAML(typ="safe").load(text)["jobs"]
    assert jobs["gather"]["concurrency"]["cancel-in-progress"] is True and jobs["deploy"]["concurrency"]["cancel-in-progress"] is False
    assert jobs["deploy"]["needs"] == "gather" and jobs["gather"]["concurrency"]["group"] != jobs["deploy"]["concurrency"]["group"]
    pause = int(re.fullmatch(r"sleep (\d+)", jobs["gather"]["steps"][0]["run"])[1])
    assert 0 < pause < 60 * jobs["gather"]["timeout-minutes"] and f"at the earliest {pause} seconds" in TEXT


@pytest.mark.parametrize("program", ["bash", "zsh"])
def test_alias(program, tmp_path):
    """The file that only its owner reads, the alias, and the function."""
    if subprocess.run(["which", program], capture_output=True, check=False).returncode:
        pytest.skip(f"there is no {program}")
    store, alias, function = (next(text for text in blocks("sh") if text.startswith(start)) for start in ("mkdir -p", "alias ", "deploy-to()"))
    with sandbox(tmp_path, "success") as platform:
        url = platform["hook-url"]
        # Line by line and as in a terminal, where aliases work.
        lines = ["shopt -s expand_aliases" if program == "bash" else "setopt aliases", store.replace("\n(", f"\necho '{url}' | ("), alias]
        lines += ["eval 'deploy --dry-run'", "eval deploy", function, "cp ~/.config/deploy-hook/production ~/.config/deploy-hook/staging", "deploy-to staging --wait never"]
        log = shell("\n".join(lines), tmp_path, program=program, DEPLOY_HOOK_API_URL=platform["manage"])
    secret = tmp_path / ".config/deploy-hook/production"
    assert secret.stat().st_mode & 0o777 == 0o600 and secret.parent.stat().st_mode & 0o777 == 0o700
    assert log.count("succeeded after") == 1 and "Deploying production" in log and "Deploying staging" in log and url not in log


@pytest.mark.parametrize("scenario", ["success", "build-fails"])
def test_silent_cron(scenario, tmp_path):
    """Nothing is printed on success, everything on failure."""
    [line] = [line.removeprefix("17 4 * * * ") for text in blocks("text") for line in text.splitlines() if "deploy-hook deploy --quiet" in line]
    with sandbox(tmp_path, scenario) as platform:
        log = shell(line, tmp_path, program="sh", fails=scenario != "success", DEPLOY_HOOK_API_URL=platform["manage"])
    if scenario == "success":
        assert log == ""
    else:
        assert "Triggered" in log and "failed after" in log and "Next: " in log


def test_every_recipe_is_run():
    """A block that no test knows is not in the document."""
    known = ["# Slack", "# Teams", "# Discord", "# Anywhere", "#!/bin/sh", "mkdir -p", "alias ", "deploy-to()"]
    assert [text for text in blocks("sh") if not text.startswith(tuple(known))] == [] and len(blocks("sh")) == len(known)
    assert len(blocks("yaml")) == 4 and len(blocks("text")) == 2
