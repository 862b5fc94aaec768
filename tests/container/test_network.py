"""The way from the Action's image to a hook: names, certificates, IPv6, and a container that may do little. Each test is a job
in a private network, whose far side (far.py) puts TLS in front of the embedded platform.
"""

import contextlib
import json
import re
import secrets
import ssl
import sys
import tempfile
from pathlib import Path

import dnslib
import pytest
from github_runner import Job
from harness import Sandbox, until, write
from support import ACTION, PARTS, SHELL, certificates, copy_out, docker, each, forget

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# The name that the network's own resolver knows, and those that the DNS server there knows. `.test` is nobody's, so a name that
# got out by mistake would be found nowhere else.
NEAR = "near.deploy.test"
FOUR, SIX, BOTH, LAME, HOSTS = (f"{name}.deploy.test" for name in ("four", "six", "both", "lame", "hosts"))
UNKNOWN, SILENT = "unknown.deploy.test", "silent.deploy.test"
# Seconds that one attempt to connect may take, DNS included, that musl waits for a resolver, and a whole run whose resolver never
# answers: one look at what is there before the trigger, three attempts with one and two seconds between them, and what the engine needs.
CONNECT_LIMIT, RESOLVER_LIMIT, SILENT_LIMIT = 10, 5, 45
DNS_SAYS, TLS_SAYS = "The hook's host name could not be resolved", "Could not establish a trusted TLS connection to the hook's host"


def python_of_this_machine():
    """What an image without Python needs to run this machine's: options, and the program's path. So no other image has to be had."""
    # The program of a virtual environment is nothing without the installation it was made from.
    program = Path(sys._base_executable).resolve()
    folders = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", str(Path(sys.base_prefix).resolve()), str(program.parent)]
    folders = [folder for folder in dict.fromkeys(folders) if Path(folder).exists()]
    outer = [one for one in folders if not any(other != one and Path(one).is_relative_to(other) for other in folders)]
    mounts = [f"{one}:{one}:ro" for one in outer] + [f"{Path(dnslib.__file__).parent}:/modules/dnslib:ro"]
    return [*each("--volume", mounts), "--env", "PYTHONPATH=/modules", "--env", "PYTHONDONTWRITEBYTECODE=1", "--entrypoint", program]


class Inside(Sandbox):
    """The embedded platform on the loopback of the far side's container, which only that container reaches."""

    def __init__(self, container):
        self.container = container
        super().__init__(scenario="instant", launcher=("docker", "run", "--rm", "--network", f"container:{container}", ACTION))

    def fetch(self, path="", body=None):
        return json.loads(docker("exec", self.container, "/bin/busybox", "wget", "-qO-", f"{self.manage}/sandbox{path}"))


class Network:
    """A private network with the far side in it."""

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
        stack.callback(forget, "rm", "--force", self.name)
        mounts = [f"{self.folder}:{self.folder}", f"{Path(__file__).with_name('far.py')}:/far.py:ro"]
        line = ["--detach", "--name", self.name, "--network", self.name, "--network-alias", NEAR, *each("--volume", mounts)]
        docker("run", *line, *python_of_this_machine(), SHELL, "/far.py", self.folder)
        self.sandbox = stack.enter_context(Inside(self.name))
        found = json.loads(docker("inspect", self.name))[0]["NetworkSettings"]["Networks"][self.name]
        self.four, self.six = found["IPAddress"], found["GlobalIPv6Address"]
        certificates(self.folder, "*.deploy.test", *(one for one in (self.four, self.six) if one))
        copy_out(ACTION, BUNDLE, self.folder / "roots.pem")
        self.whole = "".join((self.folder / name).read_text(encoding="ascii") for name in ("roots.pem", "ca.pem"))
        # Nobody has the last address of a network that has two hosts.
        names = {FOUR: [self.four], SIX: [self.six], BOTH: [self.four, self.six], LAME: [self.four, range_of_six.replace("/64", "dead")]}
        config = {
            "names": {name: [one for one in addresses if one] for name, addresses in names.items()},
            "platform": int(self.sandbox.manage.rpartition(":")[2]),
            "ipv6": bool(self.six),
        }
        # Under its name it is there whole or not at all.
        write(self.folder, {"config.part": json.dumps(config)})
        (self.folder / "config.part").rename(self.folder / "config.json")
        until(self.records)
        # In the place of the engine's own resolver, which passes questions on and has time limits of its own.
        self.straight = self.file("straight", f"nameserver {self.four}\n", "/etc/resolv.conf")
        self.trusting = self.file("ca.pem", None, BUNDLE)

    def file(self, name, text, at):
        if text is not None:
            write(self.folder, {name: text})
        return ("--volume", f"{self.folder / name}:{at}:ro")

    def records(self):
        file = self.folder / "records.jsonl"
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


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


class Run:
    """What one job did, and what the far side was asked meanwhile."""

    def __init__(self, network, host, code=0, *, options=(), environment=None, inputs=None, files=(), image=ACTION, on=None, mode=0o644):
        # The far side stands before the platform under every name; a whole origin is for what has none.
        origin = host if "://" in host else f"https://{host}"
        platform = network.sandbox
        given = {"api-url": origin, "hook-url": origin + platform.hook.removeprefix(platform.manage), **(inputs or {})}
        before, since = len(platform.deployments()), len(network.records())
        with Job(platform, given, image=image) as job:
            job.env.update(environment or {})
            with contextlib.ExitStack() as stack:
                for name in files:
                    # Of the checkout. What the run itself leaves there is found all the same.
                    (job.workspace / name).write_bytes((network.folder / name).read_bytes())
                    stack.callback((job.workspace / name).unlink)
                step = job.step(network=on or network.name, options=options, mode=mode)
                self.result = step.result(code, **({"outcome": "succeeded"} if code == 0 else {}))
        assert len(platform.deployments()) == before + (code == 0)
        self.log, self.seen = self.result.log, network.records()[since:]

    def asked(self, who):
        """What the far side was asked of this kind."""
        return [one for one in self.seen if one["who"] == who]

    def names(self):
        """The names that the DNS server was asked for."""
        return {one["name"] for one in self.asked("dns")}

    def tls(self):
        """The connections that came about: the name that was asked for, and the version of IP."""
        return {(one["name"], one["family"]) for one in self.asked("tls") if not one["error"]}

    def second_of(self, text):
        """When the log says this, in seconds from the run's begin."""
        return float(re.search(rf"([0-9.]+)s +{text}", self.log)[1])


def never_left(network, host, *why, **how):
    """A run that cannot reach the hook's host: the log and the summary say why, and the secret is shown nowhere."""
    run = Run(network, host, 4, **how)
    assert run.result.outputs["outcome"] == "unreachable" and run.tls() == set()
    for text in ("Nothing was triggered", *why):
        assert text in run.log and text in run.result.summary
    return run


# --- names ---


class TestNetwork:
    """Everything that one network is enough for."""

    def test_name_of_the_engine(self, network):
        """A name that only the engine's own resolver knows."""
        assert {name for name, _ in Run(network, NEAR, options=network.trusting).tls()} == {NEAR}

    def test_private_resolver(self, network):
        """Names that only a DNS server in the network knows, through the engine's resolver and straight, with both kinds of address."""
        run = Run(network, FOUR, options=(*network.trusting, "--dns", network.four))
        assert (run.names(), run.tls()) == ({FOUR}, {(FOUR, 4)})
        assert {one["kind"] for one in run.asked("dns")} == {"A", "AAAA"}
        run = Run(network, BOTH, options=(*network.trusting, *network.straight))
        # Whichever of the two addresses was the quicker.
        assert (run.names(), {name for name, _ in run.tls()}) == ({BOTH}, {BOTH})
        # As in a cluster: every name is tried in other domains first.
        searching = network.file("searching", f"nameserver {network.four}\nsearch a.test b.test\noptions ndots:5\n", "/etc/resolv.conf")
        assert Run(network, FOUR, options=(*network.trusting, *searching)).names() == {f"{FOUR}.a.test", f"{FOUR}.b.test", FOUR}

    def test_address_of_nobody(self, six):
        """An address of IPv6 that nobody has and one of IPv4 that works: no deployment waits the kernel's three seconds for the first."""
        run = Run(six, LAME, options=(*six.trusting, *six.straight))
        assert run.tls() == {(LAME, 4)} and run.second_of("Triggered") <= 2

    def test_unknown_name(self, network):
        """A name that does not exist: unreachable, DNS is named, and it is tried three times, since nothing left."""
        run = never_left(network, UNKNOWN, DNS_SAYS, options=(*network.trusting, *network.straight))
        assert run.names() == {UNKNOWN}
        assert "Attempt 2: " in run.log and "Attempt 3: " not in run.log

    def test_name_in_hosts(self, network):
        """A name that only /etc/hosts knows; no resolver is asked."""
        run = Run(network, HOSTS, options=(*network.trusting, *network.straight, "--add-host", f"{HOSTS}:{network.four}"))
        assert (run.names(), run.tls()) == (set(), {(HOSTS, 4)})

    def test_ipv6_alone(self, six):
        """A name that has addresses of IPv6 alone, such an address in the URL, and ::1."""
        straight = (*six.straight, *six.trusting)
        assert Run(six, SIX, options=straight).tls() == {(SIX, 6)}
        assert Run(six, f"https://[{six.six}]", options=straight).tls() == {(None, 6)}
        run = Run(six, "http://[::1]:8080", on=f"container:{six.name}")
        assert run.asked("relay") and not run.tls()

    def test_roots_that_count(self, network):
        """The bundle in the image decides who is trusted: not this server; with its authority added, as a derived image has it, it is."""
        run = never_left(network, FOUR, TLS_SAYS, "not signed by a known authority", options=network.straight)
        assert run.asked("tls") and all("UNKNOWN_CA" in one["error"] for one in run.asked("tls"))
        never_left(network, FOUR, TLS_SAYS, "not signed by a known authority", options=(*network.straight, *network.file("other.pem", None, BUNDLE)))
        # Of a folder of its own: what the other one holds is no business of the engine's.
        with tempfile.TemporaryDirectory() as context:
            Path(context, "whole.pem").write_text(network.whole, encoding="ascii")
            Path(context, "Dockerfile").write_text(f"FROM {ACTION}\nCOPY whole.pem {BUNDLE}\n", encoding="utf-8")
            docker("build", "--quiet", "--tag", network.name, context)
        try:
            Run(network, FOUR, options=network.straight, image=network.name)
        finally:
            forget("rmi", network.name)
        run = Run(network, FOUR, 2, options=(*network.straight, *network.file("nothing.pem", "", BUNDLE)))
        assert "no certificate authorities" in run.log and not run.asked("tls")

    def test_additional_authority(self, network):
        """An authority in the workspace, by `ca-file` and by SSL_CERT_FILE; another one's certificate is not enough."""
        of = "/github/workspace/{}.pem".format
        Run(network, FOUR, options=network.straight, inputs={"ca-file": of("ca")}, files=["ca.pem"])
        Run(network, FOUR, options=network.straight, environment={"SSL_CERT_FILE": of("ca")}, files=["ca.pem"])
        never_left(network, FOUR, TLS_SAYS, options=network.straight, inputs={"ca-file": of("other")}, files=["other.pem"])
        # What the image trusts by itself it still does.
        Run(network, FOUR, options=(*network.straight, *network.trusting), inputs={"ca-file": of("other")}, files=["other.pem"])

    @pytest.mark.parametrize("how", ["nobody", "small", "no resolver", "no name"])
    def test_confined(self, network, how):
        """The way is the same for who may do little: not root, read-only, no capabilities; 32 MiB and few processes; no resolver."""
        nobody = ("--user", "1001:1001", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
        no_resolver = network.file("empty", "", "/etc/resolv.conf")
        host, options = {
            "nobody": (FOUR, (*nobody, *network.straight)),
            "small": (FOUR, ("--memory", "32m", "--memory-swap", "32m", "--pids-limit", "8", *network.straight)),
            "no resolver": (HOSTS, (*no_resolver, "--add-host", f"{HOSTS}:{network.four}")),
            "no name": (f"https://{network.four}", no_resolver),
        }[how]
        whole = network.file("whole.pem", network.whole, BUNDLE)
        assert Run(network, host, options=(*options, *whole), mode=0o666).result.summary


def test_silent_resolver():
    """A resolver that never answers: every attempt ends with the limit for connecting, and the run as unreachable."""
    # In a network of its own, where nothing else is counted meanwhile, and beside the others, since it takes most of a minute.
    with contextlib.ExitStack() as stack:
        network = Network(stack)
        run = never_left(network, SILENT, options=(*network.trusting, *network.straight))
        assert run.names() == {SILENT}
        # Between the two there is a pause of a second. musl's resolver gives up before the limit for connecting.
        attempt, whole = run.second_of("! Attempt 2:") - run.second_of("! Attempt 1:") - 1, run.result.seconds
        print(f"an attempt took {attempt:.1f} s, the run {whole:.1f} s")
        assert RESOLVER_LIMIT - 1 <= attempt <= CONNECT_LIMIT + 1 and whole <= SILENT_LIMIT


def certificates_in(text):
    """The certificates in a PEM file, decoded."""
    return {ssl.PEM_cert_to_DER_cert(found) for found in re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)}


def test_roots_in_the_images(tmp_path):
    """The bundle of certificate roots is Debian's, whole and nothing else, and every one of them can be used."""
    for name, image in (("action", ACTION), ("shell", SHELL)):
        copy_out(image, BUNDLE, tmp_path / name)
    text = (tmp_path / "action").read_text(encoding="ascii")
    there = certificates_in(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    assert context.cert_store_stats() == {"crl": 0, "x509": len(there), "x509_ca": len(there)} and len(there) > 100
    assert not there ^ certificates_in((tmp_path / "shell").read_text(encoding="ascii"))
    # Debian's package keeps every one of them in a file; what the base image trusts besides has no place in the images.
    found = docker("run", "--rm", PARTS, "sh", "-c", "cat /usr/share/ca-certificates/mozilla/*.crt")
    assert not there ^ certificates_in(found)
