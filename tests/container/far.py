"""The far side of test_network.py: TLS in front of the embedded platform, and a DNS server, in a container of a private network.

usage: far.py FOLDER, which holds config.json and the certificates, and gets a line of records.jsonl for everything that was asked
"""

import contextlib
import json
import select
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

import dnslib

FOLDER = Path(sys.argv[1])
RECORDS = (FOLDER / "records.jsonl").open("a", encoding="utf-8", buffering=1)


def record(who, **what):
    """Takes down what was asked, before it is answered."""
    RECORDS.write(json.dumps({"who": who, **what}) + "\n")


def background(work, *arguments):
    """Starts something that ends with the process."""
    threading.Thread(target=work, args=arguments, daemon=True).start()


def listen(port, serve, address="::"):
    """Gives each connection to `serve`. `::` is every address, of IPv4 too."""
    listener = socket.create_server((address, port), family=socket.AF_INET6, dualstack_ipv6=address == "::")

    def guarded(connection, peer):
        # That the other end is gone is nobody's fault.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            serve(connection, peer)

    def accept():
        while True:
            background(guarded, *listener.accept())

    background(accept)


def join(one, port):
    """Passes on what comes from either side, until one of them ends. In one thread: TLS is not read and written at once."""
    with socket.create_connection(("127.0.0.1", port)) as other:
        peers = {one: other, other: one}
        while True:
            held = [source for source in peers if isinstance(source, ssl.SSLSocket) and source.pending()]
            for source in held or select.select(list(peers), [], [], 30)[0]:
                if not (data := source.recv(65536)):
                    return
                peers[source].sendall(data)


def terminator(port):
    """TLS in front of the platform. The name that is asked for decides nothing: there is one certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "server.pem")
    asked = threading.local()
    context.sni_callback = lambda _, name, __: setattr(asked, "name", name)

    def serve(connection, peer):
        asked.name = None
        family = 4 if peer[0].startswith("::ffff:") else 6
        try:
            inner = context.wrap_socket(connection, server_side=True)
        except OSError as error:
            record("tls", name=asked.name, family=family, error=str(error))
            return
        with inner:
            record("tls", name=asked.name, family=family, error=None)
            join(inner, port)

    return serve


def relay(port):
    """A server without TLS in front of the platform."""

    def serve(connection, _):
        record("relay")
        join(connection, port)

    return serve


def dns(names):
    """A DNS server that knows these names alone. It never answers for one that begins with `silent`."""
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", 53))
    while True:
        data, peer = server.recvfrom(4096)
        asked = dnslib.DNSRecord.parse(data)
        name, kind = str(asked.q.qname).rstrip(".").lower(), dnslib.QTYPE[asked.q.qtype]
        record("dns", name=name, kind=kind)
        if name.startswith("silent"):
            continue
        reply = asked.reply()
        if name not in names:
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        for address in names.get(name, ()):
            if kind == ("AAAA" if ":" in address else "A"):
                reply.add_answer(*dnslib.RR.fromZone(f"{name} 60 {kind} {address}"))
        server.sendto(reply.pack(), peer)


if __name__ == "__main__":
    while not (FOLDER / "config.json").exists():
        time.sleep(0.02)
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    background(dns, config["names"])
    listen(443, terminator(config["platform"]))
    if config["ipv6"]:
        listen(8080, relay(config["platform"]), address="::1")
    record("far", ready=True)
    threading.Event().wait()
