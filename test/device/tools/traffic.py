#!/usr/bin/env python3
"""Bulk traffic whose content is compared by hash.

traffic.py tcp-serve HOST PORT                  takes one connection; prints `ready`, then the SHA-256 of what came
traffic.py tcp-send HOST PORT BYTES             sends that many random bytes; prints their SHA-256
traffic.py udp-serve HOST PORT COUNT            prints `ready`, then the SHA-256 of COUNT datagrams, sorted, and their number
traffic.py udp-send HOST PORT COUNT BYTES SEGMENT
    sends COUNT messages of BYTES random bytes, each cut into datagrams of SEGMENT bytes by the kernel (0: not cut);
    prints the SHA-256 of the datagrams, sorted, and their number
traffic.py order-serve HOST PORT FLOWS
    takes numbered datagrams on FLOWS ports until there are none for a second; prints `ready`, then how many came in each
    flow and how many of them after a later one of their flow
traffic.py order-send HOST PORT FLOWS COUNT
    sends COUNT numbered datagrams of one size to each of FLOWS ports in turn, a socket of its own for each; prints `sent`
"""

import hashlib
import os
import select
import socket
import sys
import time

UDP_SEGMENT = 103
SO_RCVBUFFORCE = 33
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
    receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
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


def order_serve(host, port, flows):
    receivers = {}
    for flow in range(flows):
        receiver, (host, at) = opened(socket.SOCK_DGRAM, host, port + flow)
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        receiver.bind((host, at))
        receivers[receiver] = flow
    print("ready", flush=True)
    came, late, highest = [0] * flows, [0] * flows, [-1] * flows
    patience = PATIENCE
    while ready := select.select(list(receivers), [], [], patience)[0]:
        patience = 1
        for receiver in ready:
            flow = receivers[receiver]
            number = int.from_bytes(receiver.recv(PIECE)[:8], "big")
            came[flow] += 1
            late[flow] += number < highest[flow]
            highest[flow] = max(highest[flow], number)
    print(*came, "late", *late)


def order_send(host, port, flows, count):
    senders = []
    for flow in range(flows):
        sender, (host, at) = opened(socket.SOCK_DGRAM, host, port + flow)
        sender.connect((host, at))
        senders.append(sender)
    filling = bytes(192)
    for number in range(count):
        for sender in senders:
            sender.send(number.to_bytes(8, "big") + filling)
        if number % 64 == 63:
            time.sleep(0.001)  # bursts, and room to take them
    print("sent")


if __name__ == "__main__":
    what = {
        "tcp-serve": tcp_serve,
        "tcp-send": tcp_send,
        "udp-serve": udp_serve,
        "udp-send": udp_send,
        "order-serve": order_serve,
        "order-send": order_send,
    }
    what[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:]))
