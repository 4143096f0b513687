"""A middle box that does something to every third message: faulty_box.py FAULT PORT SMARTHOST_PORT.

lose: accepts it and throws it away; double: sends it twice; refuse: with 451; none: all is well. In
plaintext. It is there so that selftest.py sees that such faults are noticed.
"""

from __future__ import annotations

import itertools
import socket
import socketserver
import sys
from io import BufferedRWPair
from typing import BinaryIO

EVERY = 3


def read_reply(smarthost: BufferedRWPair) -> bytes:
    lines = [smarthost.readline()]
    while lines[-1][3:4] == b"-":
        lines.append(smarthost.readline())
    return b"".join(lines)


def ask(smarthost: BufferedRWPair, command: bytes) -> bytes:
    smarthost.write(command)
    smarthost.flush()
    return read_reply(smarthost)


def read_message(client: BinaryIO) -> bytes:
    lines = [client.readline()]
    while lines[-1] not in (b".\r\n", b""):
        lines.append(client.readline())
    return b"".join(lines)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, fault: str, port: int, smarthost_port: int) -> None:
        super().__init__(("127.0.0.1", port), Conversation)
        self.fault = fault
        self.smarthost = ("127.0.0.1", smarthost_port)
        self.numbers = itertools.count(1)

    def next_fault(self) -> str:
        """What happens to the next message."""
        return self.fault if next(self.numbers) % EVERY == 0 else "none"


class Conversation(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        with socket.create_connection(self.server.smarthost) as connection:
            with connection.makefile("rwb") as smarthost:
                self.wfile.write(read_reply(smarthost))
                self.converse(smarthost)

    def converse(self, smarthost: BufferedRWPair) -> None:
        envelope: list[bytes] = []
        while command := self.rfile.readline():
            if command == b"DATA\r\n":
                self.wfile.write(b"354 Go ahead\r\n")
                message = read_message(self.rfile)
                self.wfile.write(self.deliver(smarthost, envelope, message))
                envelope = []
                continue
            if command.startswith((b"MAIL", b"RCPT")):
                envelope.append(command)
            self.wfile.write(ask(smarthost, command))

    def deliver(self, smarthost: BufferedRWPair, envelope: list[bytes], message: bytes) -> bytes:
        fault = self.server.next_fault()
        if fault in ("lose", "refuse"):
            accepted = ask(smarthost, b"RSET\r\n")
            return accepted if fault == "lose" else b"451 4.3.0 Not now\r\n"
        ask(smarthost, b"DATA\r\n")
        reply = ask(smarthost, message)
        if fault == "double":
            for command in (*envelope, b"DATA\r\n", message):
                ask(smarthost, command)
        return reply


def main() -> None:
    fault, port, smarthost_port = sys.argv[1:]
    with Server(fault, int(port), int(smarthost_port)) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
