#!/usr/bin/env python3
"""Sends datagrams as fast as it can, or so many a second.

flood.py TARGET PORT [--joined] [--sources PREFIX] [--rate N]

Reads the datagrams from standard input, one a line (hex), prints `ready`, and sends them over and over until it's told to
end (SIGTERM). Then prints JSON: {"datagrams": how many the system took, "seconds": in how long}.

--joined       hands over up to 63 datagrams of one length as one message that the kernel cuts (UDP_SEGMENT)
--sources P    from addresses that aren't its own: random ones that begin with P (hex digits, such as 20010db8ffff), one
               for each datagram; the target is an IPv6 address then
--rate N       at most N datagrams a second
"""

import argparse
import ctypes
import json
import os
import signal
import socket
import struct
import sys
import time

# Of Linux: include/uapi/linux/udp.h.
UDP_SEGMENT = 103
MOST_JOINED = 63
LARGEST_MESSAGE = 65_000
# Messages of one system call, and datagrams that are made ready at least: with random sources, as many sources.
BATCH = 256
PREPARED = 4_096
IPV6_UDP = 17

libc = ctypes.CDLL(None, use_errno=True)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.POINTER(Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint),
    ]


class Messages:
    """Messages for one socket, laid out once as sendmmsg(2) wants them."""

    def __init__(self, flood, messages, counts, address):
        self.socket = flood
        self.counts = counts
        self.buffers = [ctypes.create_string_buffer(message, len(message)) for message in messages]
        self.vectors = (Vector * len(messages))()
        self.headers = (Header * len(messages))()
        self.name = ctypes.create_string_buffer(address, len(address))
        for at, buffer in enumerate(self.buffers):
            self.vectors[at] = Vector(ctypes.addressof(buffer), len(messages[at]))
            self.headers[at].name = ctypes.addressof(self.name)
            self.headers[at].name_length = len(address)
            self.headers[at].vectors = ctypes.pointer(self.vectors[at])
            self.headers[at].vector_count = 1
        self.at = 0

    def send(self):
        """Sends a batch, as far as the system takes it; how many datagrams that were."""
        count = min(BATCH, len(self.counts) - self.at)
        first = ctypes.byref(self.headers, self.at * ctypes.sizeof(Header))
        sent = libc.sendmmsg(self.socket.fileno(), first, count, 0)
        taken = self.counts[self.at : self.at + max(sent, 0)]
        # What the system refuses is left out: its buffer is full, or an ICMP message came.
        self.at = (self.at + max(sent, 1)) % len(self.counts)
        return sum(taken)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("target")
    arguments.add_argument("port", type=int)
    arguments.add_argument("--joined", action="store_true")
    arguments.add_argument("--sources")
    arguments.add_argument("--rate", type=int)
    options = arguments.parse_args()
    datagrams = [bytes.fromhex(line) for line in sys.stdin if line.strip()]
    family = socket.AF_INET6 if ":" in options.target else socket.AF_INET
    if options.sources is not None:
        floods = [spoofed(datagrams, options)]
    elif options.joined:
        floods = joined(datagrams, options, family)
    else:
        ready = repeated(datagrams)
        flood = socket.socket(family, socket.SOCK_DGRAM)
        floods = [Messages(flood, ready, [1] * len(ready), address(family, options.target, options.port))]
    print("ready", flush=True)
    run(floods, options.rate)


def run(floods, rate):
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    began = time.monotonic()
    sent = 0
    while not ended:
        for flood in floods:
            sent += flood.send()
        if rate is not None:
            time.sleep(max(0.0, sent / rate - (time.monotonic() - began)))
    print(json.dumps({"datagrams": sent, "seconds": time.monotonic() - began}), flush=True)


def repeated(datagrams):
    return datagrams * -(-PREPARED // len(datagrams))


def joined(datagrams, options, family):
    """A socket for each length: all datagrams of a message have the same."""
    floods = []
    for length in sorted({len(datagram) for datagram in datagrams}):
        alike = repeated([datagram for datagram in datagrams if len(datagram) == length])
        most = min(MOST_JOINED, LARGEST_MESSAGE // length)
        rows = [alike[at : at + most] for at in range(0, len(alike), most)]
        flood = socket.socket(family, socket.SOCK_DGRAM)
        flood.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, length)
        to = address(family, options.target, options.port)
        floods.append(Messages(flood, [b"".join(row) for row in rows], [len(row) for row in rows], to))
    return floods


def spoofed(datagrams, options):
    """Whole IPv6 packets (IPPROTO_RAW of raw(7) hands them to the wire as they are)."""
    target = socket.inet_pton(socket.AF_INET6, options.target)
    prefix = bytes.fromhex(options.sources)
    packets = []
    for datagram in repeated(datagrams):
        source = prefix + os.urandom(16 - len(prefix))
        length = 8 + len(datagram)
        ports = (struct.unpack("!H", os.urandom(2))[0] | 1, options.port)
        pseudo = source + target + struct.pack("!IxxxB", length, IPV6_UDP)
        checksum = ones_complement(pseudo + struct.pack("!HHHH", *ports, length, 0) + datagram)
        header = struct.pack("!IHBB", 6 << 28, length, IPV6_UDP, 64) + source + target
        packets.append(header + struct.pack("!HHHH", *ports, length, checksum) + datagram)
    flood = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    return Messages(flood, packets, [1] * len(packets), address(socket.AF_INET6, options.target, 0))


def ones_complement(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF) or 0xFFFF


def address(family, host, port):
    """A sockaddr_in or sockaddr_in6."""
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_pton(family, host) + bytes(8)
    return struct.pack("=H", family) + struct.pack("!HI", port, 0) + socket.inet_pton(family, host) + bytes(4)


if __name__ == "__main__":
    main()
