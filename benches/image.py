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

TICKS = os.sysconf("SC_CLK_TCK")


def docker(*arguments):
    """What a docker command prints."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def compressed(image):
    """The image as a registry would send it, nearly: its archive, with gzip."""
    archive = subprocess.run(["docker", "save", image], check=True, capture_output=True).stdout
    return len(gzip.compress(archive, 6))


def wall(*arguments):
    """Milliseconds that `docker run` takes."""
    begin = time.perf_counter()
    subprocess.run(["docker", "run", "--rm", *arguments], check=True, capture_output=True)
    return (time.perf_counter() - begin) * 1000


def interval(values, draws=2000):
    """The median and the 95 % interval of the median, by bootstrap with a fixed seed."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(draws))
    return statistics.median(values), medians[draws // 40], medians[-draws // 40]


def program_of(image, folder):
    """The image's program, taken out of it."""
    container = docker("create", image)
    try:
        docker("cp", f"{container}:/deploy-hook", f"{folder}/deploy-hook")
    finally:
        docker("rm", container)
    return f"{folder}/deploy-hook"


def first_byte(*start):
    """Milliseconds from the start of this command, which gets the program's arguments, to the first byte at the hook."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard = {}

    def serve():
        stream, _ = listener.accept()
        stream.recv(1)
        heard["at"] = time.perf_counter()
        stream.recv(65536)
        body = b'{"deployment":{"id":"dp_abc123","state":"PENDING","createdAt":1676567890000}}'
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        stream.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    hook = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/deploy-hook/LONGSTRING"
    begin = time.perf_counter()
    command = [*start, "deploy", "--wait", "never"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "DEPLOY_HOOK_URL": hook})
    thread.join(10)
    return (heard["at"] - begin) * 1000


def following(image, seconds):
    """Memory in MiB and CPU seconds a look, of a follow in the image that looks every second for so long."""
    # `-d` with a name, so that the process can be found; it is ended by its own time limit.
    sandbox = docker(
        "run", "-d", "--network", "host", image, "sandbox", "--scenario", "stuck", "--speed", "1"
    )
    follow = None
    try:
        for _ in range(200):
            hook = re.search(r"http://127\.0\.0\.1:\d+/v1/deploy-hook/\S+", docker("logs", sandbox))
            if hook:
                break
            time.sleep(0.05)
        base = hook[0].split("/v1/")[0]
        environment = {**os.environ, "DEPLOY_HOOK_URL": hook[0], "DEPLOY_HOOK_API_URL": base}
        command = [
            "docker", "run", "-d", "--network", "host", "-e", "DEPLOY_HOOK_URL", "-e", "DEPLOY_HOOK_API_URL",
            image, "deploy", "--poll-interval", "1s", "--timeout", "10m",
        ]  # fmt: skip
        started = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        follow = started.stdout.strip()
        pid = docker("inspect", "--format", "{{.State.Pid}}", follow)

        def cpu():
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / TICKS

        time.sleep(3)
        before, begin = cpu(), time.monotonic()
        time.sleep(seconds)
        used, passed = cpu() - before, time.monotonic() - begin
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        memory = {name: int(kib) / 1024 for name, kib in re.findall(r"(VmHWM|VmRSS):\s+(\d+) kB", status)}
        return memory, used / passed
    finally:
        for container in filter(None, [follow, sandbox]):
            subprocess.run(["docker", "rm", "-f", container], check=False, capture_output=True)


def main():
    """Prints the figures as Markdown."""
    name, pairs = sys.argv[1], int(sys.argv[2])
    action = f"{name}:action"
    print(f"Docker {docker('version', '--format', '{{.Server.Version}}')}, load {os.getloadavg()[0]:.1f}\n")
    print("| image | on disk | with gzip |\n|:--|---:|---:|")
    for target in ["action", "shell", "nothing"]:
        size = int(docker("image", "inspect", "--format", "{{.Size}}", f"{name}:{target}"))
        print(f"| {target} | {size / 1e6:.2f} MB | {compressed(f'{name}:{target}') / 1e6:.2f} MB |")
    ours, nothing = [], []
    for _ in range(pairs + 3):
        runs = [(ours, (action, "--version")), (nothing, (f"{name}:nothing",))]
        for values, arguments in random.sample(runs, 2):
            values.append(wall(*arguments))
    ours, nothing = ours[3:], nothing[3:]  # the first ones warm up
    ratio, low, high = interval([a / b for a, b in zip(ours, nothing)])
    print(f"\n`docker run`, {pairs} pairs: {statistics.median(ours):.0f} ms, an image that does nothing")
    print(f"{statistics.median(nothing):.0f} ms, ratio {ratio:.2f} ({low:.2f}–{high:.2f})")
    container = ["docker", "run", "--rm", "--network", "host", "-e", "DEPLOY_HOOK_URL", action]
    bytes_at = [first_byte(*container) for _ in range(pairs)]
    print(f"\n`docker run` to the hook's first byte, {pairs} runs: {statistics.median(bytes_at):.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        program = program_of(action, folder)
        bytes_at = [first_byte(program) for _ in range(pairs)]
    print(f"the process's start to it: {statistics.median(bytes_at):.1f} ms, at most {max(bytes_at):.1f}")
    memory, share = following(action, 60)
    print(f"\nFollowing, a look each second for a minute: {memory['VmRSS']:.1f} MiB resident, at most {memory['VmHWM']:.1f};")
    print(f"{share * 1000:.2f} ms of CPU a look, or {share * 120:.2f} s an hour at the usual 120 looks")


if __name__ == "__main__":
    main()
