"""Runs the cases of cases.py and network.py.

usage: main.py ACTION_IMAGE SHELL_IMAGE PARTS_IMAGE [CASE...]
"""

import concurrent.futures
import signal
import sys

# They take the images under test from the same first arguments.
import cases
import network


def main():
    """Runs the cases, all of them whatever became of the one before."""
    every, wanted = [*cases.CASES, *network.CASES], sys.argv[4:]
    strange = set(wanted) - {case.__name__ for case in every}
    if strange:
        sys.exit(f"no such case: {' '.join(sorted(strange))}")
    chosen = [case for case in every if not wanted or case.__name__ in wanted]
    # Who ends this wants its networks and containers gone as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with concurrent.futures.ThreadPoolExecutor() as beside:
        waited_for = {case: beside.submit(cases.passes, case) for case in chosen if case in network.BESIDE}
        try:
            passed = {case: cases.passes(case) for case in chosen if case not in waited_for}
        finally:
            network.clear()
        passed.update({case: run.result() for case, run in waited_for.items()})
    failed = [case.__name__ for case in chosen if not passed[case]]
    print(f"{len(failed)} cases failed: {' '.join(failed)}" if failed else "every case passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
