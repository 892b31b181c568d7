"""A long TCP transfer, whose ends are compared by hash.

    transfer.py take ADDRESS PORT    takes one connection; prints the SHA-256, the bytes and the longest pause (ms) of what came
    transfer.py give ADDRESS PORT    sends random bytes, some MB a second, until its standard input ends; prints SHA-256 and bytes

Both print `ready` when they're connected.
"""
import hashlib
import os
import select
import socket
import sys
import time

BLOCK = 32 * 1024
# Seconds between two blocks: enough to be a flow, little enough to leave the machine to others.
INTERVAL = 0.02


def take(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family)
    connection, _ = listener.accept()
    print("ready", flush=True)
    digest, total, last, pause = hashlib.sha256(), 0, time.monotonic(), 0.0
    while block := connection.recv(1 << 18):
        now = time.monotonic()
        pause, last = max(pause, now - last), now
        digest.update(block)
        total += len(block)
    print(digest.hexdigest(), total, round(pause * 1000), flush=True)


def give(address, port):
    end = time.monotonic() + 30
    while True:
        try:
            connection = socket.create_connection((address, port), timeout=30)
            break
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    connection.settimeout(None)
    print("ready", flush=True)
    digest, total = hashlib.sha256(), 0
    while not select.select([sys.stdin], [], [], INTERVAL)[0]:
        block = os.urandom(BLOCK)
        connection.sendall(block)
        digest.update(block)
        total += len(block)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(1):
        pass
    print(digest.hexdigest(), total, flush=True)


{"take": take, "give": give}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
