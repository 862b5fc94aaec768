"""The way from the Action's image to a hook: names, certificates, IPv6, and a container that may do little. Each test is a job
in a private network, whose far side puts TLS in front of the embedded platform.
"""

import contextlib
import json
import os
import re
import secrets
import ssl
import tempfile
from pathlib import Path

import pytest
from harness import Sandbox, run, until, write
from support import ACTION, FAR, PARTS, SHELL, certificates, copy_out, docker, each, forget

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# The name that the network's own resolver knows, and those that the DNS server there knows. `.test` is nobody's, so a name that
# got out by mistake would be found nowhere else.
NEAR = "near.deploy.test"
FOUR, SIX, BOTH, LAME, HOSTS = (f"{name}.deploy.test" for name in ("four", "six", "both", "lame", "hosts"))
UNKNOWN, SILENT = "unknown.deploy.test", "silent.deploy.test"
# Seconds that one attempt to connect may take, DNS included, and that musl waits for a resolver.
CONNECT_LIMIT, RESOLVER_LIMIT = 10, 5
NOT_TRUSTED = ["Could not establish a trusted TLS connection to the hook", "not signed by a known authority", "Nothing was triggered"]
# TLS in front of the platform, for both versions of IP where there are both; at ::1 without; and, once these listen, a DNS server whose
# log is `asked`. One name is left to a server that never answers.
FAR_SIDE = """
relay() { socat "$1",fork,reuseaddr TCP4:127.0.0.1:"${PLATFORM##*:}" & }
tls=cert=/far/server.pem,verify=0
relay "OPENSSL-LISTEN:443,pf=ip4,$tls"
if [ -n "$SIX" ]; then relay "OPENSSL-LISTEN:443,pf=ip6,ipv6only,$tls"; relay TCP6-LISTEN:8080,bind=[::1]; fi
for table in tcp ${SIX:+tcp6}; do until grep -q ':01BB ' "/proc/net/$table"; do sleep 0.1; done; done
socat -u UDP4-RECVFROM:5353,fork,bind=127.0.0.1 /dev/null &
exec dnsmasq --keep-in-foreground --user=root --no-resolv --no-hosts --log-queries --log-facility=/far/asked --local=/test/ \
  --server=/silent.deploy.test/127.0.0.1#5353 "$@"
"""


class Network(Sandbox):
    """A private network with the far side in it: the embedded platform, which no other reaches, and what is in front of it."""

    def __init__(self, stack):
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dh-net-", ignore_cleanup_errors=True)))
        self.name = f"deployhooktest-{secrets.token_hex(4)}"
        # A range of its own for every run, as RFC 4193 has it; older engines do not choose one.
        range_of_six = f"fd{secrets.token_hex(1)}:{secrets.token_hex(2)}:{secrets.token_hex(2)}::/64"
        try:
            docker("network", "create", "--ipv6", "--subnet", range_of_six, self.name)
        except AssertionError:
            docker("network", "create", self.name)
        stack.callback(forget, "network", "rm", self.name)
        line = ["docker", "run", "--rm", "--name", self.name, "--network", self.name, "--network-alias", NEAR]
        super().__init__(scenario="instant", launcher=(*line, SHELL, "deploy-hook"))
        stack.enter_context(self)
        found = json.loads(docker("inspect", self.name))[0]["NetworkSettings"]["Networks"][self.name]
        self.four, self.six = found["IPAddress"], found["GlobalIPv6Address"]
        certificates(self.folder, "*.deploy.test", *filter(None, (self.four, self.six)))
        copy_out(ACTION, BUNDLE, self.folder / "roots.pem")
        whole = "".join((self.folder / name).read_text(encoding="ascii") for name in ("roots.pem", "ca.pem"))
        # Nobody has the last address of a network that has two hosts.
        names = {FOUR: [self.four], SIX: [self.six], BOTH: [self.four, self.six], LAME: [self.four, range_of_six.replace("/64", "dead")]}
        records = ["--host-record=" + ",".join([name, *filter(None, addresses)]) for name, addresses in names.items() if any(addresses)]
        line = ["--detach", "--network", f"container:{self.name}", "--volume", f"{self.folder}:/far", "--env", f"SIX={self.six}"]
        line += ["--env", f"PLATFORM={self.manage}", FAR, "sh", "-c", FAR_SIDE, "far"]
        stack.callback(forget, "rm", "--force", docker("run", *line, *records))
        until(lambda: (self.folder / "asked").exists() and "started" in (self.folder / "asked").read_text(encoding="utf-8"))
        server = f"nameserver {self.four}\n"
        files = {"straight": server, "searching": f"{server}search a.test b.test\noptions ndots:5\n", "empty": "", "whole.pem": whole}
        write(self.folder, files)

        def file(name, at):
            return ("--volume", f"{self.folder / name}:{at}:ro")

        self.ways = {
            "engine's resolver": ("--dns", self.four),
            # In the place of the engine's own resolver, which passes questions on and has time limits of its own.
            "straight": file("straight", "/etc/resolv.conf"),
            "searching": file("searching", "/etc/resolv.conf"),
            "no resolver": file("empty", "/etc/resolv.conf"),
            "in hosts": ("--add-host", f"{HOSTS}:{self.four}"),
            "trusted": file("ca.pem", BUNDLE),
            "trusted too": file("whole.pem", BUNDLE),
            "another trusted": file("other.pem", BUNDLE),
            "nobody trusted": file("empty", BUNDLE),
            "another ca-file": (*file("other.pem", "/named.pem"), "--env", "DEPLOY_HOOK_CA_FILE=/named.pem"),
            "nobody": ("--user", "1001:1001"),
            "locked down": ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            "small": ("--memory", "32m", "--memory-swap", "32m", "--pids-limit", "8"),
        }

    def fetch(self, path="", body=None):
        return json.loads(docker("exec", self.name, "/bin/busybox", "wget", "-qO-", f"{self.manage}/sandbox{path}"))

    def asked(self):
        return re.findall(r"query\[A+\] (\S+) from", (self.folder / "asked").read_text(encoding="utf-8"))

    def run(self, host, *ways, code=0, on=None):
        """A run: its log, and the names that the DNS server was asked for."""
        # The far side stands before the platform under every name; a whole origin is for what has none.
        origin = host if "://" in host else f"https://{host}"
        env = {"DEPLOY_HOOK_URL": origin + self.hook.removeprefix(self.manage), "DEPLOY_HOOK_API_URL": origin, "FRBIT_TOKEN": self.token}
        options = [*each("--env", ["CI=true", *env]), *(option for way in ways for option in self.ways[way])]
        before, since = len(self.deployments()), len(self.asked())
        log = run("docker", "run", "--rm", "--network", on or self.name, *options, ACTION, "deploy", code=code, env=os.environ | env)
        self.holds_no_secret(log)
        assert len(self.deployments()) == before + (code == 0)
        return log, {*self.asked()[since:]}


@pytest.fixture(scope="session")
def network():
    with contextlib.ExitStack() as stack:
        yield Network(stack)


def second_of(text, log):
    """When the log says this, in seconds from the run's begin."""
    return float(re.search(rf"([0-9.]+)s +{text}", log)[1])


class TestNetwork:
    """Everything that one network is enough for."""

    @pytest.mark.parametrize(
        ("host", "names", "ways"),
        [
            # A name that only the engine's own resolver knows.
            (NEAR, [], ["trusted"]),
            # Names that only a DNS server in the network knows.
            (FOUR, [FOUR], ["trusted", "engine's resolver"]),
            (BOTH, [BOTH], ["trusted", "straight"]),
            # As in a cluster: every name is tried in other domains first.
            (FOUR, [f"{FOUR}.a.test", f"{FOUR}.b.test", FOUR], ["trusted", "searching"]),
            # A name that only /etc/hosts knows; no resolver is asked, and none is needed.
            (HOSTS, [], ["trusted", "straight", "in hosts"]),
            (HOSTS, [], ["trusted", "no resolver", "in hosts"]),
            # An authority beside those of the image, as a derived image has it; another `ca-file` takes nothing away.
            (FOUR, [FOUR], ["trusted too", "another ca-file", "straight"]),
            # Who may do little: read-only, no capabilities, not root; 32 MiB and few processes.
            (FOUR, [FOUR], ["trusted too", "straight", "locked down"]),
            (FOUR, [FOUR], ["trusted too", "straight", "locked down", "nobody"]),
            (FOUR, [FOUR], ["trusted too", "straight", "small"]),
        ],
    )
    def test_reached(self, network, host, names, ways):
        """The hook is reached by its name."""
        _, asked = network.run(host, *ways)
        assert asked == set(names)

    @pytest.mark.parametrize(
        ("host", "code", "says", "ways"),
        [
            (UNKNOWN, 4, ["The hook's host name could not be resolved", "Nothing was triggered"], ["trusted", "straight"]),
            (FOUR, 4, NOT_TRUSTED, ["straight"]),
            (FOUR, 4, NOT_TRUSTED, ["another trusted", "straight"]),
            # Without authorities no connection is made.
            (FOUR, 2, ["no certificate authorities"], ["nobody trusted", "straight"]),
        ],
    )
    def test_unreachable(self, network, host, code, says, ways):
        """A name that does not exist, which may be there soon, and a server that the bundle in the image does not trust."""
        log, names = network.run(host, *ways, code=code)
        assert names == ({host} if code == 4 else set()) and all(text in log for text in says), log
        assert [f"Attempt {number}: " in log for number in (2, 3)] == [host == UNKNOWN, False]

    def test_addresses(self, network):
        """An address in the URL, a name that has addresses of IPv6 alone, and ::1; and no run waits for an address of nobody's."""
        network.run(f"https://{network.four}", "trusted", "no resolver")
        if not network.six:
            pytest.skip("the engine makes no network with IPv6")
        for host in (SIX, f"https://[{network.six}]"):
            network.run(host, "trusted", "straight")
        network.run("http://[::1]:8080", on=f"container:{network.name}")
        # The kernel would wait for three seconds. A busy machine may delay some of the runs.
        assert any(second_of("Triggered", network.run(LAME, "trusted", "straight")[0]) < 3 for _ in range(10))


def test_silent_resolver():
    """A resolver that never answers: every attempt ends with the limit for connecting, and the run as unreachable."""
    # In a network of its own, where nothing else is counted meanwhile, and beside the others, since it takes most of a minute.
    with contextlib.ExitStack() as stack:
        log, names = Network(stack).run(SILENT, "trusted", "straight", code=4)
    assert names == {SILENT} and "Nothing was triggered" in log
    # Between the two there is a pause of a second. musl's resolver gives up before the limit for connecting.
    attempt = second_of("! Attempt 2:", log) - second_of("! Attempt 1:", log) - 1
    print(f"an attempt took {attempt:.1f} s")
    # With as much again for a busy machine.
    assert RESOLVER_LIMIT - 1 <= attempt <= CONNECT_LIMIT * 2


def authorities(text):
    """The authorities in a PEM file, each of which can be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    found = {*context.get_ca_certs(binary_form=True)}
    assert len(found) == text.count("-----BEGIN CERTIFICATE-----") > 100
    return found


def test_roots_in_the_images(tmp_path):
    """The bundle of certificate roots is Debian's, whole and nothing else, and every one of them can be used."""
    # Debian's package keeps every one of them in a file; what the base image trusts besides has no place in the images.
    debian = docker("run", "--rm", PARTS, "sh", "-c", "cat /usr/share/ca-certificates/mozilla/*.crt")
    for image in (ACTION, SHELL):
        assert authorities(copy_out(image, BUNDLE, tmp_path / "roots").read_text(encoding="ascii")) == authorities(debian)
