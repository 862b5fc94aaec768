"""What a run of the image costs, against an image that does nothing. Called by benches/image."""

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The images that the script has built, under the names that the tests give them.
sys.path += [str(Path(__file__).resolve().parents[1] / folder) for folder in ("tests", "tests/container")]
from harness import run, serve
from support import ACTION, copy_out, docker, following

NOTHING, PAIRS = ACTION.replace("action", "nothing"), int(sys.argv[1])


def milliseconds(*command):
    """How long a command takes."""
    begin = time.perf_counter()
    run(*command)
    return (time.perf_counter() - begin) * 1000


def interval(values, draws=2000):
    """The median and the 95 % interval of the median, by bootstrap with a fixed seed."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(draws))
    return statistics.median(values), medians[draws // 40], medians[-draws // 40]


def request_at_hook(*start):
    """Milliseconds from the start of this command, which gets the program's arguments, to the request at the hook."""
    arrived = []

    def answer(_):
        arrived.append(time.perf_counter())
        return 200, {}, b'{"deployment":{"id":"dp_abc123","state":"PENDING","createdAt":1676567890000}}'

    with serve(answer) as server:
        begin = time.perf_counter()
        hook = f"{server.url}/v1/deploy-hook/LONGSTRING"
        run(*start, "deploy", "--wait", "never", env=os.environ | {"DEPLOY_HOOK_URL": hook})
    return (arrived[0] - begin) * 1000


print(f"Docker {docker('version', '--format', '{{.Server.Version}}')}, load {os.getloadavg()[0]:.1f}\n")
print("| image | on disk | with gzip |\n|:--|---:|---:|")
for target in ("action", "shell", "nothing"):
    image = ACTION.replace("action", target)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", image))
    packed = int(subprocess.check_output(f"docker save {image} | gzip -6 | wc -c", shell=True))
    print(f"| {target} | {size / 1e6:.2f} MB | {packed / 1e6:.2f} MB |")
ours, nothing = [], []
for _ in range(PAIRS + 3):
    for values, arguments in random.sample([(ours, (ACTION, "--version")), (nothing, (NOTHING,))], 2):
        values.append(milliseconds("docker", "run", "--rm", *arguments))
ours, nothing = ours[3:], nothing[3:]  # the first ones warm up
ratio, low, high = interval([a / b for a, b in zip(ours, nothing)])
print(f"\n`docker run`, {PAIRS} pairs: {statistics.median(ours):.0f} ms, an image that does nothing")
print(f"{statistics.median(nothing):.0f} ms, ratio {ratio:.2f} ({low:.2f}–{high:.2f})")
took = [request_at_hook("docker", "run", "--rm", "--network", "host", "-e", "DEPLOY_HOOK_URL", ACTION) for _ in range(PAIRS)]
print(f"\n`docker run` to the request at the hook, {PAIRS} runs: {statistics.median(took):.0f} ms")
with tempfile.TemporaryDirectory() as folder:
    copy_out(ACTION, "/deploy-hook", f"{folder}/deploy-hook")
    took = [request_at_hook(f"{folder}/deploy-hook") for _ in range(PAIRS)]
print(f"the process's start to it: {statistics.median(took):.1f} ms, at most {max(took):.1f}")
peak, resident, poll = following(60)
print(f"\nFollowing, a poll each second for a minute: {resident / 1024:.1f} MiB resident, at most {peak / 1024:.1f};")
print(f"{poll * 1000:.2f} ms of CPU a poll, or {poll * 120:.2f} s an hour at the usual 120 polls")
