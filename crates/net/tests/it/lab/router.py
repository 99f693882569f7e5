"""A bad line between two interfaces: `router.py A B`. Every packet is late, some come out of order, some never, and
nothing of IPv6 arrives. `router.py plain A` instead makes A send packets as they go over a wire, whole and with their
checksums, which virtual interfaces leave to hardware that is not there.

In Linux this is tc's netem; not every kernel has that."""

import array
import fcntl
import heapq
import random
import select
import socket
import struct
import sys
import time

DELAY = 0.005
LOST = 0.02
OVERTAKES = 0.10
EVERY_PROTOCOL = 3
IPV6 = b"\x86\xdd"
SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO
OFFLOADS = (0x17, 0x1F, 0x24)


def plain(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in OFFLOADS:
            off = array.array("B", struct.pack("II", command, 0))
            request = struct.pack("16sP", name.encode(), off.buffer_info()[0])
            fcntl.ioctl(sock, SIOCETHTOOL, request + bytes(16))


def end(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    sock.bind((name, 0))
    sock.setblocking(False)
    return sock


def route(one, other):
    chance = random.Random(1)
    peers = {one: other, other: one}
    late, number = [], 0
    while True:
        now = time.monotonic()
        while late and late[0][0] <= now:
            _, _, to, packet = heapq.heappop(late)
            try:
                to.send(packet)
            except OSError:
                pass  # the interface is down: the packet is gone
        wait = max(0, late[0][0] - now) if late else None
        for sock in select.select(list(peers), [], [], wait)[0]:
            try:
                packet, address = sock.recvfrom(65536)
            except OSError:
                continue
            ours = address[2] == socket.PACKET_OUTGOING
            if ours or packet[12:14] == IPV6 or chance.random() < LOST:
                continue
            delay = 0 if chance.random() < OVERTAKES else DELAY
            number += 1
            heapq.heappush(late, (time.monotonic() + delay, number, peers[sock], packet))


if sys.argv[1] == "plain":
    plain(sys.argv[2])
else:
    route(end(sys.argv[1]), end(sys.argv[2]))
