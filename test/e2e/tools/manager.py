"""A service manager's end of sd_notify(3): prints each message that comes to the unix datagram socket PATH on a line of its own.

usage: manager.py PATH
"""

import socket
import sys

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(manager.recv(4096).decode().replace("\n", " "), flush=True)
