#!/usr/bin/env python3
"""Bulk traffic whose content is compared by hash.

traffic.py tcp-serve HOST PORT                  takes one connection; prints `ready`, then the SHA-256 of what came
traffic.py tcp-send HOST PORT BYTES             sends that many random bytes; prints their SHA-256
traffic.py udp-serve HOST PORT COUNT            prints `ready`, then the SHA-256 of COUNT datagrams, sorted, and their number
traffic.py udp-send HOST PORT COUNT BYTES SEGMENT
    sends COUNT messages of BYTES random bytes, each cut into datagrams of SEGMENT bytes by the kernel (0: not cut);
    prints the SHA-256 of the datagrams, sorted, and their number
"""

import hashlib
import os
import socket
import sys
import time

UDP_SEGMENT = 103
PIECE = 1 << 16
PATIENCE = 60


def opened(kind, host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    it = socket.socket(family, kind)
    it.settimeout(PATIENCE)
    return it, (host, port)


def tcp_serve(host, port):
    listener, address = opened(socket.SOCK_STREAM, host, port)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    connection, _ = listener.accept()
    connection.settimeout(PATIENCE)
    digest = hashlib.sha256()
    while piece := connection.recv(PIECE):
        digest.update(piece)
    connection.close()
    print(digest.hexdigest())


def tcp_send(host, port, length):
    connection, address = opened(socket.SOCK_STREAM, host, port)
    connection.connect(address)
    content = os.urandom(length)
    connection.sendall(content)
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)  # the end comes when the other side has read everything
    print(hashlib.sha256(content).hexdigest())


def summary(datagrams):
    digest = hashlib.sha256()
    for datagram in sorted(datagrams):
        digest.update(len(datagram).to_bytes(4, "big") + datagram)
    print(digest.hexdigest(), len(datagrams))


def udp_serve(host, port, count):
    receiver, address = opened(socket.SOCK_DGRAM, host, port)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    receiver.bind(address)
    print("ready", flush=True)
    receiver.settimeout(5)
    datagrams = []
    try:
        while len(datagrams) < count:
            datagrams.append(receiver.recv(PIECE))
    except TimeoutError:
        pass
    summary(datagrams)


def udp_send(host, port, count, length, segment):
    sender, address = opened(socket.SOCK_DGRAM, host, port)
    if segment:
        sender.setsockopt(socket.SOL_UDP if hasattr(socket, "SOL_UDP") else 17, UDP_SEGMENT, segment)
    datagrams = []
    for _ in range(count):
        content = os.urandom(length)
        step = segment or length
        datagrams += [content[at : at + step] for at in range(0, length, step)]
        sender.sendto(content, address)
        time.sleep(0.002)  # no faster than a receiver with a default buffer can take it
    summary(datagrams)


if __name__ == "__main__":
    what = {"tcp-serve": tcp_serve, "tcp-send": tcp_send, "udp-serve": udp_serve, "udp-send": udp_send}[sys.argv[1]]
    what(sys.argv[2], *map(int, sys.argv[3:]))
