"""The way from the Action's image to a hook: names, certificates, proxies, IPv6, and a container that may do little. Each case is a job
with the runner of runner.py in a private network, whose far side (far.py) puts TLS in front of the embedded platform.

main.py runs them. They take a third image: PARTS_IMAGE, the stage of the Dockerfile that the certificate roots come from.
"""

import base64
import contextlib
import io
import json
import re
import secrets
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from cases import ACTION, SHELL, TOKEN, Sandbox, docker, expect, judged
from runner import Fault, Job

PARTS = sys.argv[3]
FAR = Path(__file__).resolve().with_name("far.py")
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# The name that the network's own resolver knows, and those that the DNS server there knows. `.test` is nobody's, so a name that
# got out by mistake would be found nowhere else.
NEAR = "near.deploy.test"
FOUR, SIX, BOTH, LAME, HOSTS, BEHIND = (f"{name}.deploy.test" for name in ("four", "six", "both", "lame", "hosts", "behind-the-proxy"))
UNKNOWN, SILENT = "unknown.deploy.test", "silent.deploy.test"
# In a URL the password has to be percent-encoded; the proxy is told the plain one.
PROXY_USER, PROXY_PASSWORD, PROXY_ENCODED = "proxyuser", "p4ss:Wörd@/+ Z9qk", "p4ss%3AW%C3%B6rd%40%2F%2B%20Z9qk"
CREDENTIALS = f"{PROXY_USER}:{PROXY_PASSWORD}"
# Seconds that one attempt to connect may take, DNS included, and a whole run whose resolver never answers: one look at what is
# there before the trigger, three attempts with one and two seconds between them, and what the engine needs.
CONNECT_LIMIT, SILENT_LIMIT = 10, 45


def openssl(folder, *arguments):
    """Runs openssl in a folder."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificates(folder, addresses):
    """Two certificate authorities, `ca` and `other`, and a server of the first one's for the names and addresses of the far side."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("ca", "other"):
        openssl(folder, "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN=Authority {name}", "-days", "2")
    openssl(folder, "req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=far")
    names = ",".join(["DNS:*.deploy.test", *(f"IP:{address}" for address in addresses)])
    Path(folder, "extensions").write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n", encoding="utf-8")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "2", "-extfile", "extensions")
    openssl(folder, "x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")


def python_of_this_machine():
    """What an image without Python needs to run this machine's: mounts, and the program's path. So no other image has to be had."""
    # The program of a virtual environment is nothing without the installation it was made from.
    program = Path(sys._base_executable).resolve()
    folders = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", str(Path(sys.base_prefix).resolve()), str(program.parent)]
    folders = [folder for folder in dict.fromkeys(folders) if Path(folder).exists()]
    mounts = []
    for folder in folders:
        if not any(other != folder and Path(folder).is_relative_to(other) for other in folders):
            mounts += ["--volume", f"{folder}:{folder}:ro"]
    return mounts, str(program)


class Inside(Sandbox):
    """The embedded platform on the loopback of the far side's container."""

    def __init__(self, container):
        self.container = container
        super().__init__(scenario="instant", network=f"container:{container}")
        # The proxy's password, as a URL and a header have it, must not be seen either.
        self.secrets += [PROXY_PASSWORD, PROXY_ENCODED, CREDENTIALS]

    def overview(self):
        """The management answers on loopback alone."""
        return docker("exec", self.container, "/bin/busybox", "wget", "-qO-", f"{self.manage}/sandbox")


class Stand:
    """A private network with the far side in it. What is in `names` the DNS server there knows."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        try:
            self.build()
        except BaseException:
            self.close()
            raise

    def build(self):
        """Network, far side, platform, certificates, in this order: each needs the one before."""
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="dh-net-", ignore_cleanup_errors=True)))
        self.name = f"deployhooktest-{secrets.token_hex(4)}"
        # A range of its own for every run, as RFC 4193 has it; older engines do not choose one.
        range_of_six = f"fd{secrets.token_hex(1)}:{secrets.token_hex(2)}:{secrets.token_hex(2)}::/64"
        try:
            docker("network", "create", "--ipv6", "--subnet", range_of_six, self.name)
        except subprocess.CalledProcessError as error:
            print(f"    the engine makes no network with IPv6: {error.stderr.strip()}")
            docker("network", "create", self.name)
        self.stack.callback(self.remove, "network", "rm", self.name)
        mounts, python = python_of_this_machine()
        line = ["run", "--detach", "--name", self.name, "--network", self.name, "--network-alias", NEAR]
        line += [*mounts, "--volume", f"{self.folder}:{self.folder}", "--volume", f"{FAR}:/far.py:ro"]
        line += ["--env", "PYTHONDONTWRITEBYTECODE=1", "--entrypoint", python, SHELL, "/far.py", str(self.folder)]
        self.stack.callback(self.remove, "rm", "--force", self.name)
        docker(*line)
        self.sandbox = self.stack.enter_context(contextlib.closing(Inside(self.name)))
        found = json.loads(docker("inspect", self.name))[0]["NetworkSettings"]["Networks"][self.name]
        self.four, self.six = found["IPAddress"], found["GlobalIPv6Address"]
        certificates(self.folder, [address for address in (self.four, self.six) if address])
        # Nobody has the last address of a network that has two hosts.
        nobody = range_of_six.replace("/64", "dead")
        names = {FOUR: [self.four], SIX: [self.six], BOTH: [self.four, self.six], LAME: [self.four, nobody]}
        config = {
            "names": {name: [address for address in addresses if address] for name, addresses in names.items()},
            "platform": int(self.sandbox.manage.rsplit(":", 1)[1]),
            "credentials": CREDENTIALS,
            "ipv6": bool(self.six),
        }
        # Under its name it is there whole or not at all.
        Path(self.folder, "config.part").write_text(json.dumps(config), encoding="utf-8")
        Path(self.folder, "config.part").rename(self.folder / "config.json")
        self.wait()
        # In the place of the engine's own resolver, which passes questions on and has time limits of its own.
        self.straight = self.resolver("straight", f"nameserver {self.four}\n")
        self.trusting = self.roots("ca.pem")

    def resolver(self, name, text):
        """The options of a container with this for a resolv.conf."""
        Path(self.folder, name).write_text(text, encoding="utf-8")
        return ("--volume", f"{self.folder / name}:/etc/resolv.conf:ro")

    def roots(self, name):
        """The options of a container with this file for the bundle of certificate roots."""
        return ("--volume", f"{self.folder / name}:{BUNDLE}:ro")

    def proxy(self, password=PROXY_ENCODED, at=None):
        """The variables that GitHub's runner gives a container where it has a proxy itself."""
        url = f"http://{PROXY_USER}:{password}@{at or f'{self.four}:3128'}"
        return {name: url for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")}

    def wait(self):
        """Waits until the far side listens."""
        for _ in range(200):
            if self.records("far"):
                return
            time.sleep(0.05)
        said = subprocess.run(["docker", "logs", self.name], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        raise Fault(f"the far side never began:\n{said}")

    @staticmethod
    def remove(*arguments):
        """Tidies up, whatever there is."""
        subprocess.run(["docker", *arguments], check=False, capture_output=True)

    def records(self, who, since=0):
        """What the far side was asked of this kind."""
        file = self.folder / "records.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines()[since:] if file.exists() else []
        return [one for one in map(json.loads, lines) if one["who"] == who]

    def count(self):
        """How much the far side was asked so far."""
        return len((self.folder / "records.jsonl").read_text(encoding="utf-8").splitlines())

    def close(self):
        """Ends all of it."""
        self.stack.close()


STAND = None


def stand():
    """The one network of all cases, made when a case first asks for it."""
    global STAND
    STAND = STAND or Stand()
    return STAND


def clear():
    """Removes it."""
    if STAND:
        STAND.close()


class Run:
    """What one job did: its result, its log, and what the far side was asked meanwhile."""

    def __init__(self, there, host, code=0, *, options=(), environment=None, inputs=None, files=(), image=ACTION, network=None, mode=0o644):
        self.there = there
        # The far side stands before the platform under every name; a whole origin is for what has none.
        origin = host if "://" in host else f"https://{host}"
        given = {**there.sandbox.inputs, "report": "summary", "api-url": origin}
        given["hook-url"] = origin + there.sandbox.hook.removeprefix(there.sandbox.manage)
        before, self.since = len(there.sandbox.deployments()), there.count()
        with contextlib.closing(Job(image, {**given, **(inputs or {})}, token=TOKEN, owner=1001)) as job:
            job.github.update(environment or {})
            with contextlib.ExitStack() as stack:
                for name in files:
                    # Of the checkout. What the run itself leaves there is found all the same.
                    (job.workspace / name).write_bytes((there.folder / name).read_bytes())
                    stack.callback((job.workspace / name).unlink)
                self.result = job.step(network=network or there.name, options=options, mode=mode).result()
        log, _ = judged(self.result, there.sandbox, code, **({"outcome": "succeeded"} if code == 0 else {}))
        self.log = re.sub(r"\x1b\[[0-9;]*m", "", log)
        expect("deployments", before + (code == 0), len(there.sandbox.deployments()))

    def asked(self, who):
        """What the far side was asked of this kind."""
        return self.there.records(who, self.since)

    def names(self):
        """The names that the DNS server was asked for."""
        return {one["name"] for one in self.asked("dns")}

    def tls(self):
        """The connections that came about: the name that was asked for, and the version of IP."""
        return {(one["name"], one["family"]) for one in self.asked("tls") if not one["error"]}

    def second_of(self, text):
        """When the log says this, in seconds from the run's begin."""
        return float(re.search(rf"([0-9.]+)s +{text}", self.log)[1])

    def says(self, *texts):
        """Fails where the log or the summary lacks one of these."""
        for text in texts:
            for place in (self.log, self.result.summary.decode()):
                if text not in place:
                    raise Fault(f"{text!r} is not said:\n{place}")


def never_left(there, host, *why, **how):
    """A run that cannot reach the hook's host: it says why, and nobody is told the secret."""
    run = Run(there, host, 4, **how)
    expect("outcome", "unreachable", run.result.outputs.get("outcome"))
    run.says("Nothing was triggered", *why)
    expect("connections", set(), run.tls())
    return run


DNS_SAYS = "The hook's host name could not be resolved"
TLS_SAYS = "No trusted connection to the hook's host"
PROXY_SAYS = "The proxy did not let the request through"


def without_ipv6(there):
    """Whether a case has to be left out, which it then says."""
    if not there.six:
        print("    SKIPPED: the engine makes no network with IPv6")
    return not there.six


# --- the cases ---


def name_of_the_engine():
    """a name that only the engine's own resolver knows"""
    there = stand()
    run = Run(there, NEAR, options=there.trusting)
    expect("names", {NEAR}, {name for name, _ in run.tls()})


def names_of_a_private_resolver():
    """names that only a DNS server in the network knows, through the engine's resolver and straight, with addresses of both kinds"""
    there = stand()
    run = Run(there, FOUR, options=(*there.trusting, "--dns", there.four))
    expect("through the engine", ({FOUR}, {(FOUR, 4)}), (run.names(), run.tls()))
    expect("kinds of address", {"A", "AAAA"}, {one["kind"] for one in run.asked("dns")})
    run = Run(there, BOTH, options=(*there.trusting, *there.straight))
    # Whichever of the two addresses was the quicker.
    expect("straight", ({BOTH}, {BOTH}), (run.names(), {name for name, _ in run.tls()}))
    # As in a cluster: every name is tried in other domains first.
    searching = there.resolver("searching", f"nameserver {there.four}\nsearch a.test b.test\noptions ndots:5\n")
    run = Run(there, FOUR, options=(*there.trusting, *searching))
    expect("names searched for", {f"{FOUR}.a.test", f"{FOUR}.b.test", FOUR}, run.names())


def address_of_nobody():
    """a name with an address of IPv6 that nobody has and one of IPv4 that works: no deployment waits for the first"""
    there = stand()
    if without_ipv6(there):
        return
    run = Run(there, LAME, options=(*there.trusting, *there.straight))
    expect("connections", {(LAME, 4)}, run.tls())
    # That an address is nobody's, the kernel finds out in three seconds.
    if (took := run.second_of("Triggered")) > 2:
        raise Fault(f"triggered after {took} s")


def unknown_name():
    """a name that does not exist: unreachable, DNS is named, and it is tried again, since nothing left"""
    there = stand()
    run = never_left(there, UNKNOWN, DNS_SAYS, options=(*there.trusting, *there.straight))
    expect("names asked for", {UNKNOWN}, run.names())
    if "Attempt 2: " not in run.log or "Attempt 3: " in run.log:
        raise Fault(f"not three attempts:\n{run.log}")


def resolver_that_never_answers():
    """a resolver that never answers: every attempt ends with the limit for connecting, and the run as unreachable"""
    # In a network of its own, where nothing else is counted meanwhile.
    with contextlib.closing(Stand()) as there:
        run = never_left(there, SILENT, options=(*there.trusting, *there.straight))
        expect("names asked for", {SILENT}, run.names())
        # Between the two there is a pause of a second. glibc's own patience is as long, so an attempt may end a little sooner, too.
        attempt, whole = run.second_of("! Attempt 2:") - run.second_of("! Attempt 1:") - 1, run.result.seconds
        print(f"    an attempt took {attempt:.1f} s, the run {whole:.1f} s")
        if not (CONNECT_LIMIT - 1 <= attempt <= CONNECT_LIMIT + 1 and whole <= SILENT_LIMIT):
            raise Fault("not the limit")


def name_in_hosts():
    """a name that only /etc/hosts knows; no resolver is asked"""
    there = stand()
    run = Run(there, HOSTS, options=(*there.trusting, *there.straight, "--add-host", f"{HOSTS}:{there.four}"))
    expect("names asked for, connections", (set(), {(HOSTS, 4)}), (run.names(), run.tls()))


def bundle_of(image):
    """The file of certificate roots in an image."""
    container = docker("create", image, "/none").strip()
    try:
        data = subprocess.run(["docker", "cp", f"{container}:{BUNDLE}", "-"], check=True, capture_output=True).stdout
    finally:
        docker("rm", container)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.extractfile(archive.next()).read().decode("ascii")


def whole_bundle(there):
    """The image's roots, and the far side's."""
    return bundle_of(ACTION) + (there.folder / "ca.pem").read_text(encoding="ascii")


def certificates_in(text):
    """The certificates in a PEM file, decoded."""
    return {ssl.PEM_cert_to_DER_cert(found) for found in re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)}


def roots_in_the_images():
    """the bundle of certificate roots is Debian's, whole and nothing else, and every one of them can be used"""
    text = bundle_of(ACTION)
    there = certificates_in(text)
    expect("authorities of one of the images alone", 0, len(there ^ certificates_in(bundle_of(SHELL))))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    expect("authorities that can be read", {"crl": 0, "x509": len(there), "x509_ca": len(there)}, context.cert_store_stats())
    if len(there) <= 100:
        raise Fault(f"{len(there)} authorities are too few")
    # Debian's package keeps every one of them in a file; what the base image trusts besides has no place in the images.
    found = docker("run", "--rm", PARTS, "sh", "-c", "cat /usr/share/ca-certificates/mozilla/*.crt")
    expect("authorities that are not Debian's, or missing", 0, len(there ^ certificates_in(found)))
    print(f"    {len(there)} authorities")


def roots_that_count():
    """the bundle in the image decides who is trusted: not this server; with its authority added, as a derived image has it, it is"""
    there = stand()
    run = never_left(there, FOUR, TLS_SAYS, "UnknownIssuer", options=there.straight)
    if not all("UNKNOWN_CA" in one["error"] for one in run.asked("tls")) or not run.asked("tls"):
        raise Fault(f"another end than an unknown authority: {run.asked('tls')}")
    never_left(there, FOUR, TLS_SAYS, "UnknownIssuer", options=(*there.straight, *there.roots("other.pem")))
    # Of a folder of its own: what the other one holds is no business of the engine's.
    with tempfile.TemporaryDirectory() as context:
        Path(context, "whole.pem").write_text(whole_bundle(there), encoding="ascii")
        Path(context, "Dockerfile").write_text(f"FROM {ACTION}\nCOPY whole.pem {BUNDLE}\n", encoding="utf-8")
        docker("build", "--quiet", "--tag", there.name, context)
    try:
        Run(there, FOUR, options=there.straight, image=there.name)
    finally:
        docker("rmi", there.name)
    (there.folder / "nothing.pem").write_text("", encoding="ascii")
    run = Run(there, FOUR, 2, options=(*there.straight, *there.roots("nothing.pem")))
    run.says("no certificate authorities")
    expect("connections", [], run.asked("tls"))


def additional_authority():
    """an authority in the workspace, by `ca-file` and by SSL_CERT_FILE; another one's certificate is not enough"""
    there = stand()
    of = "/github/workspace/{}.pem".format
    Run(there, FOUR, options=there.straight, inputs={"ca-file": of("ca")}, files=["ca.pem"])
    Run(there, FOUR, options=there.straight, environment={"SSL_CERT_FILE": of("ca")}, files=["ca.pem"])
    never_left(there, FOUR, TLS_SAYS, options=there.straight, inputs={"ca-file": of("other")}, files=["other.pem"])
    # What the image trusts by itself it still does.
    Run(there, FOUR, options=(*there.straight, *there.trusting), inputs={"ca-file": of("other")}, files=["other.pem"])


def through_a_proxy():
    """a proxy with user and password is all that is spoken to; it resolves the name, and nobody sees the password"""
    there = stand()
    run = Run(there, BEHIND, options=(*there.straight, *there.trusting), environment=there.proxy())
    wanted = "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()
    asked = {(one["line"], one["authorization"]) for one in run.asked("proxy")}
    expect("what the proxy was asked", {(f"CONNECT {BEHIND}:443 HTTP/1.1", wanted)}, asked)
    expect("names asked for, names in TLS", (set(), {BEHIND}), (run.names(), {name for name, _ in run.tls()}))


def past_a_proxy():
    """NO_PROXY keeps it out"""
    there = stand()
    environment = {**there.proxy(), "NO_PROXY": "other.example,.deploy.test", "no_proxy": "other.example,.deploy.test"}
    run = Run(there, FOUR, options=(*there.straight, *there.trusting), environment=environment)
    expect("what the proxy was asked", [], run.asked("proxy"))
    expect("connections", {(FOUR, 4)}, run.tls())


def proxies_that_do_not_help():
    """a proxy that wants another password, one that is down, one whose name is unknown: unreachable, the proxy is named"""
    there = stand()
    how = {"options": (*there.straight, *there.trusting)}
    # The hook's own name could be resolved and reached: nobody may go past the proxy.
    run = never_left(there, FOUR, PROXY_SAYS, "proxy authorization required", environment=there.proxy(password="wrong"), **how)
    expect("granted", {False}, {one["granted"] for one in run.asked("proxy")})
    for at in (f"{there.four}:3129", f"{UNKNOWN}:3128"):
        run = never_left(there, FOUR, PROXY_SAYS, environment=there.proxy(at=at), **how)
        expect("the hook's name asked for", False, FOUR in run.names())


def confined():
    """the way is the same for who may do little: not root, read-only, no capabilities; 32 MiB and few processes; no resolver at all"""
    there = stand()
    if (limits := docker("info", "--format", "{{.MemoryLimit}} {{.PidsLimit}}").strip()) != "true true":
        print(f"    the engine does not enforce every limit (of memory, of processes: {limits})")
    (there.folder / "whole.pem").write_text(whole_bundle(there), encoding="ascii")
    nobody = ("--user", "1001:1001", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    ways = {
        "nobody": (FOUR, (*nobody, *there.straight)),
        "small": (FOUR, ("--memory", "32m", "--memory-swap", "32m", "--pids-limit", "8", *there.straight)),
        "no resolver": (HOSTS, (*there.resolver("empty", ""), "--add-host", f"{HOSTS}:{there.four}")),
        "no name": (f"https://{there.four}", there.resolver("empty", "")),
    }
    for name, (host, options) in ways.items():
        try:
            run = Run(there, host, options=(*options, *there.roots("whole.pem")), mode=0o666)
        except Fault as fault:
            raise Fault(f"{name}: {fault}") from fault
        if not run.result.summary:
            raise Fault(f"{name}: no summary")


def ipv6_alone():
    """a name that has addresses of IPv6 alone, such an address in the URL, and ::1"""
    there = stand()
    if without_ipv6(there):
        return
    run = Run(there, SIX, options=(*there.straight, *there.trusting))
    expect("connections", {(SIX, 6)}, run.tls())
    run = Run(there, f"https://[{there.six}]", options=(*there.straight, *there.trusting))
    expect("connections", {(None, 6)}, run.tls())
    run = Run(there, "http://[::1]:8080", network=f"container:{there.name}")
    expect("by ::1, with TLS", (True, set()), (bool(run.asked("relay")), run.tls()))


# Waited for beside the others: it takes most of a minute.
BESIDE = [resolver_that_never_answers]
CASES = [
    *BESIDE,
    name_of_the_engine,
    names_of_a_private_resolver,
    address_of_nobody,
    unknown_name,
    name_in_hosts,
    roots_in_the_images,
    roots_that_count,
    additional_authority,
    through_a_proxy,
    past_a_proxy,
    proxies_that_do_not_help,
    confined,
    ipv6_alone,
]
