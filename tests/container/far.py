"""The far side of test_network.py: TLS in front of the embedded platform, and a DNS server, in the container's network.

usage: far.py FOLDER PORT NAMES: a folder with server.pem, which gets a line of records.jsonl for everything that was
asked, the platform's port, and the addresses of the names that the DNS server knows, as JSON. It never answers for one
that begins with `silent`.
"""

import asyncio
import json
import ssl
import sys
from pathlib import Path

import dnslib

FOLDER, PORT, NAMES = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
RECORDS = (FOLDER / "records.jsonl").open("a", encoding="utf-8", buffering=1)


def record(who, **what):
    """Takes down what was asked, before it is answered."""
    RECORDS.write(json.dumps({"who": who, **what}) + "\n")


async def copy(reader, writer):
    """Passes on what comes, until the other end has no more."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def relay(reader, writer):
    """Connects to the platform. The name that is asked for decides nothing: there is one certificate."""
    tls, peer = writer.get_extra_info("ssl_object"), writer.get_extra_info("peername")[0]
    record("tls" if tls else "plain", name=getattr(tls, "asked_for", None), family=6 if ":" in peer else 4)
    there, here = await asyncio.open_connection("127.0.0.1", PORT)
    # That an end is gone is nobody's fault.
    await asyncio.gather(copy(reader, here), copy(there, writer), return_exceptions=True)


class Dns(asyncio.DatagramProtocol):
    """A DNS server."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        asked = dnslib.DNSRecord.parse(data)
        name, kind = str(asked.q.qname).rstrip(".").lower(), dnslib.QTYPE[asked.q.qtype]
        record("dns", name=name, kind=kind)
        reply = asked.reply()
        if name not in NAMES:
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        for address in NAMES.get(name, ()):
            if kind == ("AAAA" if ":" in address else "A"):
                reply.add_answer(*dnslib.RR.fromZone(f"{name} 60 {kind} {address}"))
        if not name.startswith("silent"):
            self.transport.sendto(reply.pack(), peer)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "server.pem")
    context.sni_callback = lambda tls, name, _: setattr(tls, "asked_for", name)
    await asyncio.get_running_loop().create_datagram_endpoint(Dns, ("0.0.0.0", 53))
    # Without a host: of both versions of IP, where there are both.
    await asyncio.start_server(relay, None, 443, ssl=context)
    if any(":" in address for addresses in NAMES.values() for address in addresses):
        await asyncio.start_server(relay, "::1", 8080)
    record("far", ready=True)
    await asyncio.Event().wait()


asyncio.run(main())
