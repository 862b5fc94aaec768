"""What a run of the image costs, against an image that does nothing. Called by benches/image."""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

# The images that the script has built, under the names that the tests give them.
sys.path += [str(Path(__file__).resolve().parents[1] / folder) for folder in ("tests", "tests/container")]
from harness import run, serve
from support import ACTION, copy_out, docker, following

PAIRS = int(sys.argv[1])
IMAGES = {name: ACTION.replace("action", name) for name in ("action", "shell", "nothing")}


def milliseconds(*command):
    """How long a command takes."""
    begin = time.perf_counter()
    run(*command)
    return (time.perf_counter() - begin) * 1000


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
for name, image in IMAGES.items():
    size, packed = docker("image", "inspect", "--format", "{{.Size}}", image), run("sh", "-c", f"docker save {image} | gzip -6 | wc -c")
    print(f"| {name} | {int(size) / 1e6:.2f} MB | {int(packed) / 1e6:.2f} MB |")
start = ("docker", "run", "--rm")
pairs = [(milliseconds(*start, ACTION, "--version"), milliseconds(*start, IMAGES["nothing"])) for _ in range(PAIRS + 3)][3:]  # to warm up
ours, nothing = (statistics.median(times) for times in zip(*pairs))
low, ratio, high = statistics.quantiles([one / other for one, other in pairs], n=4)
print(f"\n`docker run`, {PAIRS} pairs: {ours:.0f} ms, an image that does nothing")
print(f"{nothing:.0f} ms, ratio {ratio:.2f} (quartiles {low:.2f}, {high:.2f})")
took = [request_at_hook(*start, "--network", "host", "-e", "DEPLOY_HOOK_URL", ACTION) for _ in range(PAIRS)]
print(f"\n`docker run` to the request at the hook, {PAIRS} runs: {statistics.median(took):.0f} ms")
with tempfile.TemporaryDirectory() as folder:
    copy_out(ACTION, "/deploy-hook", f"{folder}/deploy-hook")
    took = [request_at_hook(f"{folder}/deploy-hook") for _ in range(PAIRS)]
print(f"the process's start to it: {statistics.median(took):.1f} ms, at most {max(took):.1f}")
peak, resident, poll = following(60)
print(f"\nFollowing, a poll each second for a minute: {resident / 1024:.1f} MiB resident, at most {peak / 1024:.1f};")
print(f"{poll * 1000:.2f} ms of CPU a poll, or {poll * 120:.2f} s an hour at the usual 120 polls")
