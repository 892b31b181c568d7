#!/usr/bin/env python3
"""Raw Ethernet frames, without any program between the test and the device.

frames.py send DEVICE       sends the frames given on standard input, one a line, in hex
frames.py capture DEVICE    prints `ready`, then every frame as a JSON line: {"out": sent from here, "frame": hex}

The kernel takes a VLAN tag out of a received frame and hands it over beside it (PACKET_AUXDATA, packet(7)); capture puts
it back where it was on the wire.
"""

import json
import socket
import struct
import sys

ETH_P_ALL = 0x0003
SOL_PACKET = 263
SO_RCVBUFFORCE = 33
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
# struct tpacket_auxdata: status, length, captured length, MAC offset, network offset, TCI, TPID
AUXDATA = struct.Struct("=IIIHHHH")
VLAN_VALID = 1 << 4
TPID_VALID = 1 << 6
LARGEST = 128 * 1024


def open_socket(device, protocol):
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    packets.bind((device, protocol))
    return packets


def send(device):
    # Protocol 0: receives nothing.
    packets = open_socket(device, 0)
    for line in sys.stdin:
        if line.strip():
            packets.send(bytes.fromhex(line))


def capture(device):
    packets = open_socket(device, ETH_P_ALL)
    packets.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 * 1024 * 1024)
    print("ready", flush=True)
    while True:
        frame, extras, _, sender = packets.recvmsg(LARGEST, socket.CMSG_SPACE(AUXDATA.size))
        print(json.dumps({"out": sender[2] == PACKET_OUTGOING, "frame": on_the_wire(frame, extras).hex()}), flush=True)


def on_the_wire(frame, extras):
    for level, kind, data in extras:
        if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
            continue
        status, _, _, _, _, tci, tpid = AUXDATA.unpack(data[: AUXDATA.size])
        if status & VLAN_VALID:
            tag = struct.pack("!HH", tpid if status & TPID_VALID else 0x8100, tci)
            return frame[:12] + tag + frame[12:]
    return frame


if __name__ == "__main__":
    try:
        {"send": send, "capture": capture}[sys.argv[1]](sys.argv[2])
    except KeyboardInterrupt:
        pass
