"""examples/systemd and examples/cron: their own parsers read them, and their commands are run. Not shown here: what systemd does itself."""

import fcntl
import re

import pytest
from harness import PROGRAM, ROOT, read, run, sandbox_at, write

CRONTAB = read("examples/cron/crontab")
# What cron does with it: the lines with `=` make the environment, and sh gets what is behind the five fields.
SETTINGS = dict(re.findall(r"^([A-Z]+)=(.*)$", CRONTAB, re.M))
[LINE] = re.findall(r"^(?!#|[A-Z]+=).+$", CRONTAB, re.M)
COMMAND = LINE.split(maxsplit=5)[5]


# With the program where it is on this machine, which systemd wants to see.
UNITS = {path.name: path.read_text().replace("/usr/local/bin/deploy-hook", str(PROGRAM)) for path in (ROOT / "examples/systemd").iterdir()}


def test_units(tmp_path):
    """systemd has nothing to say of the units, though it ends with 0 for a key it does not know; and it reads the calendar."""
    write(tmp_path, UNITS)
    assert str(tmp_path) not in run("systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in UNITS))
    [calendar] = re.findall(r"^OnCalendar=(.*)$", UNITS["deploy-hook.timer"], re.M)
    run("systemd-analyze", "calendar", calendar)


# A live hook cannot be read, so the command succeeds there only if it gives the token, too.
@pytest.mark.parametrize(
    ("generation", "scenario", "code", "text"),
    [("live", "success", 0, " succeeded after "), ("draft", "build-fails", 1, " failed after ")],
)
def test_unit_command(generation, scenario, code, text, tmp_path):
    """The unit's command: its words need no quotes, and systemd puts in the variable as the shell does."""
    [command] = re.findall(r"^ExecStart=((?:.*\\\n)*.*)$", UNITS["deploy-hook.service"], re.M)
    with sandbox_at(tmp_path, generation=generation, scenario=scenario) as platform:
        env = {"CREDENTIALS_DIRECTORY": str(tmp_path / ".deploy-hook"), "DEPLOY_HOOK_API_URL": platform.manage}
        assert text in run("sh", "-c", f"exec {command}", code=code, env=env)


def test_crontab():
    """cron reads the file. Debian's way to ask means something else elsewhere."""
    ways = run("sh", "-c", "crontab --help 2>&1 || true")
    run("crontab", "-n" if "dry run" in ways else "-T", ROOT / "examples/cron/crontab")


@pytest.mark.parametrize(("scenario", "says"), [("success", ""), ("build-fails", "deploy-hook: exit code 1")])
def test_cron(scenario, says, tmp_path):
    """Mailed is nothing, or a failure's exit code; without --quiet what the deployment came to. One run at a time."""
    with sandbox_at(tmp_path, scenario=scenario, generation="live") as platform:
        env = SETTINGS | {"PATH": f"{PROGRAM.parent}:{SETTINGS['PATH']}", "HOME": str(tmp_path), "DEPLOY_HOOK_API_URL": platform.manage}
        mail = run("/bin/sh", "-c", COMMAND, env=env)
        assert says in mail and bool(says) == bool(mail)
        assert " after " in run("/bin/sh", "-c", COMMAND.replace(" --quiet", ""), env=env)
        with (tmp_path / ".deploy-hook/lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert "deploy-hook: exit code 75" in run("/bin/sh", "-c", COMMAND, env=env)
