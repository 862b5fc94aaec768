"""The far side of network.py: TLS in front of the embedded platform, a DNS server, and proxies, in a container of a private network.

usage: far.py FOLDER, which holds config.json and the certificates, and gets a line of records.jsonl for everything that was asked
"""

import base64
import json
import select
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])
A, AAAA = 1, 28
RECORDS = (FOLDER / "records.jsonl").open("a", encoding="utf-8", buffering=1)


def record(who, **what):
    """Takes down what was asked, before it is answered."""
    RECORDS.write(json.dumps({"who": who, **what}) + "\n")


def background(work, *arguments):
    """Starts something that ends with the process."""
    threading.Thread(target=work, args=arguments, daemon=True).start()


def listen(port, serve, address="::"):
    """Gives each connection to `serve`, which has to close it. `::` is every address, of IPv4 too."""
    listener = socket.create_server((address, port), family=socket.AF_INET6, dualstack_ipv6=address == "::")

    def accept():
        while True:
            connection, peer = listener.accept()
            background(guarded, serve, connection, peer)

    background(accept)


def guarded(serve, connection, peer):
    """One connection. That the other end is gone is nobody's fault."""
    with connection:
        connection.settimeout(30)
        try:
            serve(connection, peer)
        except OSError:
            pass


def join(one, other):
    """Passes on what comes from either to the other, until one of them ends. In one thread: TLS is not read and written at once."""
    with other:
        peers = {one: other, other: one}
        while True:
            held = [source for source in peers if isinstance(source, ssl.SSLSocket) and source.pending()]
            for source in held or select.select(list(peers), [], [], 30)[0]:
                data = source.recv(65536)
                if not data:
                    return
                peers[source].sendall(data)


def relay(port):
    """A server that stands in front of the platform."""

    def serve(connection, _):
        record("relay")
        join(connection, socket.create_connection(("127.0.0.1", port)))

    return serve


def terminator(port):
    """The same behind TLS. The name that is asked for decides nothing: there is one certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "server.pem", FOLDER / "server.key")
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
            join(inner, socket.create_connection(("127.0.0.1", port)))

    return serve


def head(connection):
    """The head of a request."""
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(4096)):
        data += more
    return data.decode("latin-1")


def proxy(credentials, to):
    """A proxy that wants a user and a password, and connects everybody to the TLS in front of the platform."""
    wanted = "Basic " + base64.b64encode(credentials.encode()).decode()

    def serve(connection, _):
        first, *lines = head(connection).split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines if ": " in line)}
        given = headers.get("proxy-authorization")
        granted = given == wanted and first.startswith("CONNECT ")
        record("proxy", line=first, authorization=given, granted=granted)
        if granted:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            join(connection, socket.create_connection(("127.0.0.1", to)))
        else:
            # It says back what it was sent, as a badly made one might.
            body = f"{given} {credentials}".encode()
            answer = f"HTTP/1.1 407 Wanted {wanted}\r\nproxy-authenticate: Basic\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(answer.encode() + body)

    return serve


def labels(data, at):
    """The name at this place of a DNS question, and the place behind it. A question has no compressed names."""
    parts = []
    while length := data[at]:
        parts.append(data[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    return ".".join(parts).lower(), at + 1


def dns(names):
    """A DNS server that knows these names alone. It never answers for one that begins with `silent`."""
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", 53))

    def serve():
        while True:
            data, peer = server.recvfrom(4096)
            name, at = labels(data, 12)
            kind = struct.unpack("!H", data[at : at + 2])[0]
            record("dns", name=name, kind={A: "A", AAAA: "AAAA"}.get(kind, kind))
            if name.startswith("silent"):
                continue
            addresses = names.get(name)
            version = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(kind)
            found = [socket.inet_pton(version, one) for one in addresses or () if (":" in one) == (kind == AAAA)] if version else []
            # An answer with authority, recursion available; 3 is "no such name".
            flags = 0x8580 | (0 if addresses is not None else 3)
            answer = data[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + data[12 : at + 4]
            for one in found:
                answer += struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(one)) + one
            server.sendto(answer, peer)

    background(serve)


def main():
    """Starts everything once it is told what, and says so."""
    while not (FOLDER / "config.json").exists():
        time.sleep(0.02)
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    dns(config["names"])
    listen(443, terminator(config["platform"]))
    listen(3128, proxy(config["credentials"], 443))
    if config["ipv6"]:
        listen(8080, relay(config["platform"]), address="::1")
    record("far", ready=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
