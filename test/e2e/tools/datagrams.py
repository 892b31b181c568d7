#!/usr/bin/env python3
"""A stranger's UDP socket.

datagrams.py HOST PORT [SOURCE-PORT]

Prints `ready`, sends every line of standard input (hex) as one datagram to HOST:PORT, and prints every datagram that comes
to the socket, from wherever, as a JSON line: {"from": [host, port], "datagram": hex}. Goes on listening when the input has ended.
"""

import json
import socket
import sys
import threading

LARGEST = 65_535


def main(host, port, source_port=0):
    family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    stranger = socket.socket(family, socket.SOCK_DGRAM)
    stranger.bind(("", source_port))
    listener = threading.Thread(target=report, args=[stranger], daemon=True)
    listener.start()
    print("ready", flush=True)
    for line in sys.stdin:
        stranger.sendto(bytes.fromhex(line), target)
    listener.join()


def report(stranger):
    while True:
        datagram, sender = stranger.recvfrom(LARGEST)
        print(json.dumps({"from": sender[:2], "datagram": datagram.hex()}), flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:4]))
    except KeyboardInterrupt:
        pass
