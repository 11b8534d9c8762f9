"""Sends `vlaq serve` messages that are no msgpack, for a while: nonsense.py http|websocket PORT RATE SECONDS

http: over one connection, RATE a second. websocket: the server closes after each, so each has a connection of its own.
Prints how many were sent, and how many were answered as they should be. A program of its own, so that it takes no time from who measures.
"""

import socket
import sys
import time

BODY = b"\x81\xa5image\xc1"  # a map whose value is of no kind
POST = (b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Session: nonsense\r\nContent-Type: application/msgpack\r\n"
        b"Content-Length: " + str(len(BODY)).encode() + b"\r\n\r\n" + BODY)
UPGRADE = (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
FRAME = b"\x82" + bytes([0x80 | len(BODY)]) + bytes(4) + BODY
TIMEOUT_S = 10


def receive(connection, end):
    """What comes up to `end`; None if the server closes before."""
    got = b""
    while end not in got:
        piece = connection.recv(4096)
        if not piece:
            return None
        got += piece
    return got


def over_http(connection):
    connection.sendall(POST)
    answer = receive(connection, b"}\n")  # the end of the error
    return answer is not None and answer.startswith(b"HTTP/1.1 400")


def over_websocket(port):
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.sendall(UPGRADE)
        if receive(connection, b"policy") is None:  # what the server says first
            return False
        connection.sendall(FRAME)
        answer = receive(connection, b"\x03\xf3")  # 1011
        return answer is not None and b"0xc1" in answer


def main(kind, port, rate, seconds):
    sent = good = 0
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        while (now := time.monotonic()) < begin + seconds:
            due = begin + sent / rate
            if due > now:
                time.sleep(due - now)
            sent += 1
            good += over_http(connection) if kind == "http" else over_websocket(port)
    print(sent, good, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
