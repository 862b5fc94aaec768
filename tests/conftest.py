"""For pytest: reports what was skipped to `.ci/run`."""

import os


def pytest_runtest_logreport(report):
    """Keeps the reason of a skipped test."""
    if report.skipped and os.environ.get("CI_SKIPPED") and not os.environ.get("PYTEST_XDIST_WORKER"):
        with open(os.environ["CI_SKIPPED"], "a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}: {report.longrepr[2]}\n")
