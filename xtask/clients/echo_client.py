"""Many clients of an echo server at once, through nothing but Python's socket module.

usage: echo_client.py HOST PORT CONNECTIONS LINES

All connections are open at the same time. Each sends its lines in windows and reads every window back before
the next one; the bytes must be the same, in the same order. Ends with status 0 and one line of sums, or
with status 1 and one line for each connection that saw something else.
"""

import socket
import sys
import threading

WINDOW = 50


def talk(host, port, number, lines, everybody, troubles):
    try:
        connection = socket.create_connection((host, port), timeout=60)
        with connection:
            everybody.wait()
            for start in range(0, lines, WINDOW):
                window = b"".join(
                    b"%d %d\n" % (number, line)
                    for line in range(start, min(start + WINDOW, lines))
                )
                connection.sendall(window)
                back = bytearray()
                while len(back) < len(window):
                    piece = connection.recv(65536)
                    if not piece:
                        raise EOFError("closed by the server after %d bytes" % len(back))
                    back += piece
                if bytes(back) != window:
                    raise ValueError("lines from %d on came back changed" % start)
            connection.shutdown(socket.SHUT_WR)
            rest = connection.recv(65536)
            if rest:
                raise ValueError("%d bytes more than were sent" % len(rest))
    except Exception as trouble:  # every kind is reported in the same way
        everybody.abort()
        troubles.append("connection %d: %s: %s" % (number, type(trouble).__name__, trouble))


def main():
    host, port, connections, lines = sys.argv[1], *map(int, sys.argv[2:5])
    everybody = threading.Barrier(connections)
    troubles = []
    threads = [
        threading.Thread(target=talk, args=(host, port, number, lines, everybody, troubles))
        for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for trouble in troubles[:10]:
        print(trouble, file=sys.stderr)
    if troubles:
        return 1
    print("%d connections, %d lines each, all back in order" % (connections, lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
