"""What a run of the image costs, against an image that does nothing. Called by benches/image."""

import gzip
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests/container"))
from support import created, docker, forget

NAME, PAIRS = sys.argv[1], int(sys.argv[2])
ACTION, NOTHING = f"{NAME}:action", f"{NAME}:nothing"
NETWORK = ("--network", "host", "-e", "DEPLOY_HOOK_URL", "-e", "DEPLOY_HOOK_API_URL")


def wall(*arguments):
    """Milliseconds that `docker run` takes."""
    begin = time.perf_counter()
    docker("run", "--rm", *arguments)
    return (time.perf_counter() - begin) * 1000


def interval(values, draws=2000):
    """The median and the 95 % interval of the median, by bootstrap with a fixed seed."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(draws))
    return statistics.median(values), medians[draws // 40], medians[-draws // 40]


def first_byte(*start):
    """Milliseconds from the start of this command, which gets the program's arguments, to the first byte at the hook."""
    listener = socket.create_server(("127.0.0.1", 0))
    arrived = []

    def serve():
        stream, _ = listener.accept()
        with stream:
            stream.recv(1)
            arrived.append(time.perf_counter())
            stream.recv(65536)
            body = b'{"deployment":{"id":"dp_abc123","state":"PENDING","createdAt":1676567890000}}'
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    hook = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/deploy-hook/LONGSTRING"
    begin = time.perf_counter()
    subprocess.run([*start, "deploy", "--wait", "never"], check=True, capture_output=True, env=os.environ | {"DEPLOY_HOOK_URL": hook})
    thread.join(10)
    return (arrived[0] - begin) * 1000


def following(seconds):
    """Memory in MiB and CPU seconds a poll, of a follow in the image that polls every second for so long."""
    containers = [docker("run", "-d", "--network", "host", ACTION, "sandbox", "--scenario", "stuck", "--speed", "1")]
    try:
        while not (hook := re.search(r"^hook-url=((.*)/v1/.*)$", docker("logs", containers[0]), re.M)):
            time.sleep(0.05)
        environment = os.environ | {"DEPLOY_HOOK_URL": hook[1], "DEPLOY_HOOK_API_URL": hook[2]}
        containers.append(docker("run", "-d", *NETWORK, ACTION, "deploy", "--poll-interval", "1s", "--timeout", "10m", env=environment))
        process = Path("/proc", docker("inspect", "--format", "{{.State.Pid}}", containers[1]))

        def cpu():
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        time.sleep(3)
        before, begin = cpu(), time.monotonic()
        time.sleep(seconds)
        used, passed = cpu() - before, time.monotonic() - begin
        memory = re.findall(r"(VmHWM|VmRSS):\s+(\d+) kB", (process / "status").read_text())
        return {name: int(kib) / 1024 for name, kib in memory}, used / passed
    finally:
        forget("rm", "-f", *containers)


print(f"Docker {docker('version', '--format', '{{.Server.Version}}')}, load {os.getloadavg()[0]:.1f}\n")
print("| image | on disk | with gzip |\n|:--|---:|---:|")
for target in ("action", "shell", "nothing"):
    size = int(docker("image", "inspect", "--format", "{{.Size}}", f"{NAME}:{target}"))
    print(f"| {target} | {size / 1e6:.2f} MB | {len(gzip.compress(docker('save', f'{NAME}:{target}', text=False), 6)) / 1e6:.2f} MB |")
ours, nothing = [], []
for _ in range(PAIRS + 3):
    for values, arguments in random.sample([(ours, (ACTION, "--version")), (nothing, (NOTHING,))], 2):
        values.append(wall(*arguments))
ours, nothing = ours[3:], nothing[3:]  # the first ones warm up
ratio, low, high = interval([a / b for a, b in zip(ours, nothing)])
print(f"\n`docker run`, {PAIRS} pairs: {statistics.median(ours):.0f} ms, an image that does nothing")
print(f"{statistics.median(nothing):.0f} ms, ratio {ratio:.2f} ({low:.2f}–{high:.2f})")
took = [first_byte("docker", "run", "--rm", *NETWORK, ACTION) for _ in range(PAIRS)]
print(f"\n`docker run` to the hook's first byte, {PAIRS} runs: {statistics.median(took):.0f} ms")
with tempfile.TemporaryDirectory() as folder, created(ACTION) as container:
    docker("cp", f"{container}:/deploy-hook", f"{folder}/deploy-hook")
    took = [first_byte(f"{folder}/deploy-hook") for _ in range(PAIRS)]
print(f"the process's start to it: {statistics.median(took):.1f} ms, at most {max(took):.1f}")
memory, share = following(60)
print(f"\nFollowing, a poll each second for a minute: {memory['VmRSS']:.1f} MiB resident, at most {memory['VmHWM']:.1f};")
print(f"{share * 1000:.2f} ms of CPU a poll, or {share * 120:.2f} s an hour at the usual 120 polls")
