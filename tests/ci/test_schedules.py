"""The examples that a clock starts, examples/systemd and examples/cron: systemd's and cron's own parsers read them, and their commands are
run against the embedded platform. What only systemd itself can show is not in here: the credentials, the sandboxing, the restart.
"""

import fcntl
import re

import pytest
from harness import PROGRAM, ROOT, read, run, sandbox_at, write

CRONTAB = read("examples/cron/crontab")
# What cron does with it: the lines with `=` make the environment, and sh gets what is behind the five fields.
SETTINGS = dict(re.findall(r"^([A-Z]+)=(.*)$", CRONTAB, re.M))
[LINE] = re.findall(r"^(?!#|[A-Z]+=).+$", CRONTAB, re.M)
COMMAND = LINE.split(maxsplit=5)[5]


def here(unit):
    """A unit with the program where it is on this machine, which systemd wants to see."""
    return read(f"examples/systemd/{unit}").replace("/usr/local/bin/deploy-hook", str(PROGRAM))


def test_units(tmp_path):
    """systemd has nothing to say of the units, though it ends with 0 for a key it does not know; and it reads the calendar."""
    names = [path.name for path in (ROOT / "examples/systemd").iterdir()]
    write(tmp_path, {name: here(name) for name in names})
    assert str(tmp_path) not in run("systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in names))
    [calendar] = re.findall(r"^OnCalendar=(.*)$", here("deploy-hook.timer"), re.M)
    run("systemd-analyze", "calendar", calendar)


# A live hook cannot be read, so the command succeeds there only if it gives the token, too.
@pytest.mark.parametrize(
    ("generation", "scenario", "code", "text"),
    [("live", "success", 0, " succeeded after "), ("draft", "build-fails", 1, " failed after ")],
)
def test_unit_command(generation, scenario, code, text, tmp_path):
    """The unit's command: its words need no quotes, and systemd puts in the variable as the shell does."""
    [command] = re.findall(r"^ExecStart=((?:.*\\\n)*.*)$", here("deploy-hook.service"), re.M)
    with sandbox_at(tmp_path, generation=generation, scenario=scenario) as platform:
        env = {"CREDENTIALS_DIRECTORY": str(tmp_path / ".deploy-hook"), "DEPLOY_HOOK_API_URL": platform.manage}
        assert text in run("sh", "-c", f"exec {command}", code=code, env=env)


def test_crontab():
    """cron reads the file. Debian's way to ask means something else elsewhere."""
    ways = run("sh", "-c", "crontab --help 2>&1 || true")
    run("crontab", "-n" if "dry run" in ways else "-T", ROOT / "examples/cron/crontab")


def cron(home, platform, command=COMMAND):
    """What cron would mail."""
    path = f"{PROGRAM.parent}:{SETTINGS['PATH']}"
    env = SETTINGS | {"PATH": path, "HOME": str(home), "SHELL": "/bin/sh", "DEPLOY_HOOK_API_URL": platform.manage}
    return run("/bin/sh", "-c", command, env=env)


def test_cron_succeeds(tmp_path):
    """Nothing is printed, so nothing is mailed; without --quiet it says that it has followed the deployment; one run at a time."""
    with sandbox_at(tmp_path, generation="live") as platform:
        assert cron(tmp_path, platform) == ""
        assert " succeeded after " in cron(tmp_path, platform, COMMAND.replace(" --quiet", ""))
        with (tmp_path / ".deploy-hook/lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert "deploy-hook: exit code 75" in cron(tmp_path, platform)


def test_cron_fails(tmp_path):
    """A failure is reported with its exit code."""
    with sandbox_at(tmp_path, scenario="build-fails") as platform:
        assert "deploy-hook: exit code 1" in cron(tmp_path, platform)
