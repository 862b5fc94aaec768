"""The recipes of docs/recipes.md, run as they are written: with the real program, curl and jq, against servers on this machine."""

import html
import os
import re
import shutil

import pytest
from harness import PROGRAM, load, read, run, sandbox_at, serve, write

TEXT = read("docs/recipes.md")
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


def block(language, start):
    """The one piece of code that begins with this line."""
    [found] = [text for text in blocks(language) if text.lstrip().startswith(f"{start}\n")]
    return found


def shell(text, folder, program="bash", **how):
    """Runs it as a CI runner does, with nothing else in the environment; gives back what it printed."""
    variables = {name: how.pop(name) for name in list(how) if name.isupper()}
    env = {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(folder), **variables}
    return run(program, *(["-e"] if program == "bash" else []), "-c", text, env=env, cwd=folder, timeout=120, **how)


def slack(message):
    return {"text": html.escape(f"{message}\n{RUN}", quote=False), "mrkdwn": False}


def teams(message):
    text = {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": message}]}
    link = {"type": "Action.OpenUrl", "title": "Open the run", "url": RUN}
    card = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4"}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card | {"body": [text], "actions": [link]}}
    return {"type": "message", "attachments": [attachment]}


def discord(message):
    """A backslash before a sign is not shown, and the sign does nothing. It takes 2,000 characters."""
    text = re.sub(r"([\\*_~`|<>\[\]()#-])", r"\\\1", message[:900])
    return {"content": f"{text}\n<{RUN}>", "allowed_mentions": {"parse": []}}


CHATS = {"Slack": slack, "Teams": teams, "Discord": discord}


@pytest.mark.parametrize("message", MESSAGES, ids=range(len(MESSAGES)))
@pytest.mark.parametrize("chat", CHATS)
def test_chat(chat, message, tmp_path):
    """Every message arrives as it is, in the chat's own form, and does nothing on its way; from a CI's job too."""
    [github], gitlab = load(block("yaml", "- name: Tell Slack")), load(block("yaml", "tell-slack:"))["tell-slack"]
    assert github["if"] == "${{ !cancelled() }}" and gitlab["when"] == "always"
    assert "${{" not in github["run"], "an expression in a command"
    texts = [block("sh", f"# {chat}"), *([github["run"], "\n".join(gitlab["script"])] if chat == "Slack" else [])]
    with serve() as server:
        names = dict.fromkeys(("URL", "SLACK_WEBHOOK_URL"), server.url) | dict.fromkeys(("MESSAGE", "DEPLOY_HOOK_MESSAGE"), message)
        for text in texts:
            shell(text, tmp_path, program="sh" if "SLACK_WEBHOOK_URL" in text else "bash", RUN=RUN, **names)
    assert len(server.calls) == len(texts)
    for call in server.calls:
        assert (call.method, call.path, call.headers["content-type"]) == ("POST", "/", "application/json")
        assert call.json == CHATS[chat](message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("chat", CHATS)
def test_chat_refuses(chat, tmp_path):
    """A webhook that was revoked fails the step."""
    with serve(lambda _: (404, {}, b"")) as server:
        shell(f"set -o pipefail\n{block('sh', f'# {chat}')}", tmp_path, fails="404", URL=server.url, MESSAGE="m", RUN=RUN)


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [("--sandbox", 0, "succeeded"), ("--sandbox --scenario build-fails", 1, "failed"), ("--timeout x", 2, "timeout")],
)
def test_message_anywhere(options, code, text, tmp_path):
    """The message and the exit code of a deployment, and of one that did not begin."""
    command = block("sh", "# Anywhere").replace("deploy --format", f"deploy {options} --format")
    last = shell(f'{command}\necho "$code $MESSAGE"', tmp_path, program="sh").splitlines()[-1]
    assert last.startswith(f"{code} ") and text in last


@pytest.mark.parametrize(("scenario", "code"), [("success", 0), ("build-fails", 1), ("forbidden", 3)])
def test_ping_from_cron(scenario, code, tmp_path):
    """A ping at the start, and one with the exit code."""
    write(tmp_path, {"deploy-nightly": block("sh", "#!/bin/sh")})
    with serve() as server, sandbox_at(tmp_path, scenario=scenario) as platform:
        log = shell("sh ./deploy-nightly", tmp_path, code=code, PING_URL=f"{server.url}/check", DEPLOY_HOOK_API_URL=platform.manage)
    assert [call.path for call in server.calls] == ["/check/start", f"/check/{code}"]
    assert (log == "") == (code == 0), log


@pytest.mark.parametrize(("succeeded", "code"), [("true", 0), ("false", 1), ("", 1)])
def test_ping_from_github(succeeded, code, tmp_path):
    """Success alone is a good ping."""
    [ping] = load(block("yaml", "- name: Ping"))
    assert ping["env"]["SUCCEEDED"] == "${{ steps.deploy.outputs.succeeded }}" and ping["if"] == "${{ !cancelled() }}"
    with serve() as server:
        shell(ping["run"], tmp_path, PING_URL=server.url, SUCCEEDED=succeeded)
    assert [call.path for call in server.calls] == [f"/{code}"]


def test_burst():
    """The job that waits can be canceled, the one that deploys cannot, and waits for it; act runs it in tests/container."""
    jobs = load(block("yaml", "name: Deploy after publishing"))["jobs"]
    gather, deploy = jobs["gather"], jobs["deploy"]
    assert gather["concurrency"]["cancel-in-progress"] is True and deploy["concurrency"]["cancel-in-progress"] is False
    assert deploy["needs"] == "gather" and gather["concurrency"]["group"] != deploy["concurrency"]["group"]
    pause = int(re.fullmatch(r"sleep (\d+)", gather["steps"][0]["run"])[1])
    assert 0 < pause < 60 * gather["timeout-minutes"] and f"at the earliest {pause} seconds" in TEXT


@pytest.mark.parametrize(("program", "aliases"), [("bash", "shopt -s expand_aliases"), ("zsh", "setopt aliases")])
def test_alias(program, aliases, tmp_path):
    """The file that only its owner reads, the alias, and the function."""
    if not shutil.which(program):
        pytest.skip(f"there is no {program}")
    store, alias, function = (text for text in blocks("sh") if text.startswith(("mkdir -p", "alias ", "deploy-to()")))
    with sandbox_at(tmp_path) as platform:
        # Line by line and as in a terminal, where aliases work.
        lines = [aliases, store.replace("\n(", f"\necho '{platform.hook}' | ("), alias, "eval 'deploy --dry-run'", "eval deploy", function]
        lines += ["cp ~/.config/deploy-hook/production ~/.config/deploy-hook/staging", "deploy-to staging --wait never"]
        log = shell("\n".join(lines), tmp_path, program=program, DEPLOY_HOOK_API_URL=platform.manage)
    secret = tmp_path / ".config/deploy-hook/production"
    assert secret.stat().st_mode & 0o777 == 0o600 and secret.parent.stat().st_mode & 0o777 == 0o700
    assert log.count("succeeded after") == 1 and "Deploying production" in log and "Deploying staging" in log and platform.hook not in log


@pytest.mark.parametrize(("scenario", "code", "texts"), [("success", 0, []), ("build-fails", 1, ["Triggered", "failed after", "Next: "])])
def test_silent_cron(scenario, code, texts, tmp_path):
    """Nothing is printed on success, everything on failure."""
    [line] = re.findall(r"^17 4 \* \* \* (.*deploy-hook deploy --quiet.*)$", "\n".join(blocks("text")), re.M)
    with sandbox_at(tmp_path, scenario=scenario) as platform:
        log = shell(line, tmp_path, program="sh", code=code, DEPLOY_HOOK_API_URL=platform.manage)
    assert all(text in log for text in texts) and bool(log) == bool(texts)


def test_every_recipe_is_run():
    """A block that no test knows is not in the document."""
    known = ["# Slack", "# Teams", "# Discord", "# Anywhere", "#!/bin/sh", "mkdir -p", "alias ", "deploy-to()"]
    assert [text for text in blocks("sh") if not text.startswith(tuple(known))] == [] and len(blocks("sh")) == len(known)
    assert len(blocks("yaml")) == 4 and len(blocks("text")) == 2
