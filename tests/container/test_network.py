"""The way from the Action's image to a hook: names, certificates, IPv6, and a container that may do little. Each test is a job
in a private network, whose far side (far.py) puts TLS in front of the embedded platform.
"""

import contextlib
import json
import re
import secrets
import ssl
import tempfile
from pathlib import Path

import pytest
from github_runner import Job
from harness import Sandbox, until, write
from support import ACTION, FAR, PARTS, SHELL, certificates, copy_out, docker, each, forget

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# The name that the network's own resolver knows, and those that the DNS server there knows. `.test` is nobody's, so a name that
# got out by mistake would be found nowhere else.
NEAR = "near.deploy.test"
FOUR, SIX, BOTH, LAME, HOSTS = (f"{name}.deploy.test" for name in ("four", "six", "both", "lame", "hosts"))
UNKNOWN, SILENT = "unknown.deploy.test", "silent.deploy.test"
# Seconds that one attempt to connect may take, DNS included, and that musl waits for a resolver.
CONNECT_LIMIT, RESOLVER_LIMIT = 10, 5
DNS_SAYS = "The hook's host name could not be resolved"
TLS_SAYS = "Could not establish a trusted TLS connection to the hook's host"


class Network(Sandbox):
    """A private network with the far side in it: the embedded platform, which no other reaches, and far.py."""

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
        known = json.dumps({name: list(filter(None, addresses)) for name, addresses in names.items()})
        mounts = [f"{self.folder}:{self.folder}", f"{Path(__file__).with_name('far.py')}:/far.py:ro"]
        line = ["--detach", "--network", f"container:{self.name}", *each("--volume", mounts), FAR, "python3", "/far.py"]
        far = docker("run", *line, self.folder, self.manage.rpartition(":")[2], known)
        stack.callback(forget, "rm", "--force", far)
        until(self.records)

        def resolver(name, text):
            return self.file(name, "/etc/resolv.conf", text)

        self.ways = {
            "engine's resolver": ("--dns", self.four),
            # In the place of the engine's own resolver, which passes questions on and has time limits of its own.
            "straight": resolver("straight", f"nameserver {self.four}\n"),
            "searching": resolver("searching", f"nameserver {self.four}\nsearch a.test b.test\noptions ndots:5\n"),
            "no resolver": resolver("empty", ""),
            "in hosts": ("--add-host", f"{HOSTS}:{self.four}"),
            "trusted": self.file("ca.pem", BUNDLE),
            "trusted too": self.file("whole.pem", BUNDLE, whole),
            "another trusted": self.file("other.pem", BUNDLE),
            "nobody trusted": self.file("nothing.pem", BUNDLE, ""),
            "another ca-file": (*self.file("other.pem", "/named.pem"), "--env", "INPUT_CA-FILE=/named.pem"),
            "nobody": ("--user", "1001:1001"),
            "locked down": ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            "small": ("--memory", "32m", "--memory-swap", "32m", "--pids-limit", "8"),
        }

    def file(self, name, at, text=None):
        if text is not None:
            write(self.folder, {name: text})
        return ("--volume", f"{self.folder / name}:{at}:ro")

    def fetch(self, path="", body=None):
        return json.loads(docker("exec", self.name, "/bin/busybox", "wget", "-qO-", f"{self.manage}/sandbox{path}"))

    def records(self):
        file = self.folder / "records.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []

    def run(self, host, *ways, code=0, on=None):
        """A job: what it did, the names that the DNS server was asked for, and the connections that came about."""
        # The far side stands before the platform under every name; a whole origin is for what has none.
        origin = host if "://" in host else f"https://{host}"
        inputs = {"api-url": origin, "hook-url": origin + self.hook.removeprefix(self.manage)}
        options = [option for way in ways for option in self.ways[way]]
        before, since = len(self.deployments()), len(self.records())
        with Job(self, inputs) as job:
            step = job.step(network=on or self.name, options=options, mode=0o666)
            result = step.result(code, **({"outcome": "succeeded"} if code == 0 else {}))
        assert len(self.deployments()) == before + (code == 0)
        seen = self.records()[since:]
        names = {one["name"] for one in seen if one["who"] == "dns"}
        return result, names, [one for one in seen if one["who"] != "dns"]

    def unreachable(self, host, *ways, says):
        """A run that cannot reach the hook's host: the log and the summary say why. Gives back the names too."""
        result, names, connections = self.run(host, *ways, code=4)
        assert result.outputs["outcome"] == "unreachable" and connections == []
        assert all(text in place for text in ("Nothing was triggered", *says) for place in (result.log, result.summary))
        return result, names


@pytest.fixture(scope="session")
def network():
    with contextlib.ExitStack() as stack:
        yield Network(stack)


@pytest.fixture
def six(network):
    """The network, where it has IPv6."""
    if not network.six:
        pytest.skip("the engine makes no network with IPv6")
    return network


def second_of(text, result):
    """When the log says this, in seconds from the run's begin."""
    return float(re.search(rf"([0-9.]+)s +{text}", result.log)[1])


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
        """The hook is reached by its name, and by the right version of IP where there is no choice."""
        result, asked, connections = network.run(host, *ways)
        assert result.summary and (asked, {one["name"] for one in connections}) == (set(names), {host})
        assert host in (NEAR, BOTH) or {one["family"] for one in connections} == {4}

    @pytest.mark.parametrize(
        ("host", "says", "ways"),
        [
            (UNKNOWN, [DNS_SAYS], ["trusted", "straight"]),
            (FOUR, [TLS_SAYS, "not signed by a known authority"], ["straight"]),
            (FOUR, [TLS_SAYS, "not signed by a known authority"], ["another trusted", "straight"]),
        ],
    )
    def test_unreachable(self, network, host, says, ways):
        """A name that does not exist, and a server that the bundle in the image does not trust."""
        result, names = network.unreachable(host, *ways, says=says)
        # What is not there yet may be there soon; nothing left, so it is tried three times.
        assert names == {host} and "Attempt 3: " not in result.log
        assert ("Attempt 2: " in result.log) == (host == UNKNOWN)

    def test_nobody_trusted(self, network):
        """An image without authorities is bad input: no connection is made."""
        result, _, connections = network.run(FOUR, "straight", "nobody trusted", code=2)
        assert "no certificate authorities" in result.log and connections == []

    def test_address(self, network):
        """An address in the URL needs no resolver."""
        _, _, connections = network.run(f"https://{network.four}", "trusted", "no resolver")
        assert {(one["name"], one["family"]) for one in connections} == {(None, 4)}

    def test_ipv6_alone(self, six):
        """A name that has addresses of IPv6 alone, such an address in the URL, and ::1."""
        for host, name in ((SIX, SIX), (f"https://[{six.six}]", None)):
            _, _, connections = six.run(host, "trusted", "straight")
            assert {(one["name"], one["family"]) for one in connections} == {(name, 6)}
        _, _, connections = six.run("http://[::1]:8080", on=f"container:{six.name}")
        assert {one["who"] for one in connections} == {"plain"}

    def test_address_of_nobody(self, six):
        """One of two addresses is nobody's: no deployment waits the kernel's three seconds for it."""
        runs = [six.run(LAME, "trusted", "straight") for _ in range(3)]
        assert all((one["name"], one["family"]) == (LAME, 4) for _, _, connections in runs for one in connections)
        # A busy machine may delay one of them.
        assert min(second_of("Triggered", result) for result, _, _ in runs) <= 2


def test_silent_resolver():
    """A resolver that never answers: every attempt ends with the limit for connecting, and the run as unreachable."""
    # In a network of its own, where nothing else is counted meanwhile, and beside the others, since it takes most of a minute.
    with contextlib.ExitStack() as stack:
        result, names = Network(stack).unreachable(SILENT, "trusted", "straight", says=[])
    assert names == {SILENT}
    # Between the two there is a pause of a second. musl's resolver gives up before the limit for connecting.
    attempt = second_of("! Attempt 2:", result) - second_of("! Attempt 1:", result) - 1
    print(f"an attempt took {attempt:.1f} s")
    # With as much again for a busy machine.
    assert RESOLVER_LIMIT - 1 <= attempt <= CONNECT_LIMIT * 2


def certificates_in(text):
    """The certificates in a PEM file, decoded."""
    found = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)
    return {ssl.PEM_cert_to_DER_cert(one) for one in found}


def test_roots_in_the_images(tmp_path):
    """The bundle of certificate roots is Debian's, whole and nothing else, and every one of them can be used."""
    action, shell = (copy_out(one, BUNDLE, tmp_path / "roots").read_text(encoding="ascii") for one in (ACTION, SHELL))
    there, context = certificates_in(action), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=action)
    assert context.cert_store_stats() == {"crl": 0, "x509": len(there), "x509_ca": len(there)} and len(there) > 100
    # Debian's package keeps every one of them in a file; what the base image trusts besides has no place in the images.
    debian = docker("run", "--rm", PARTS, "sh", "-c", "cat /usr/share/ca-certificates/mozilla/*.crt")
    assert there == certificates_in(shell) == certificates_in(debian)
