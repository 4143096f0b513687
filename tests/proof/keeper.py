"""A smarthost that keeps book, in a process of its own:

    keeper.py CERTIFICATE KEY JOURNAL ADDRESS PORT

It offers STARTTLS, wants it, and writes every mail that it takes into its journal before it says
250: one JSON object a line, which survives its own death. The first line of its output is its port.
It obeys orders on its input, a JSON object a line, and answers each with a line:

    {"rules": [{"point": POINT, "do": DEED, "chance": 1.0, "times": N, "reply": TEXT,
                "seconds": S}]}
    {"later": true}   recipients `later` are refused for now
    {"bdat": false}   it no longer offers CHUNKING

POINT is greeting, ehlo, starttls, sealed (the EHLO in TLS), mail, rcpt, data, body (in the midst of
mail data), end (all has come, nothing was kept), taken (it was kept, nothing was said), quit. DEED
is refuse (with `reply`), late (by `seconds`), hang (until the peer goes), lose (FIN), reset (RST),
die.
It ends with its input.
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import ssl
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any

from mails import inspect

PATIENCE = 300.0  # seconds for a peer to say something
PIECE = 65_536
BODY_MIDST = 200  # octets of mail data that are its midst
MAX_LINE = 8192
CLEAR = ("PIPELINING", "SIZE 52428800", "8BITMIME", "STARTTLS")
SEALED = ("PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")


class Over(Exception):
    """The connection has ended."""


@dataclass
class Rule:
    point: str
    do: str
    chance: float = 1.0
    times: int = 1_000_000_000
    reply: str = "451 4.3.0 Not now"
    seconds: float = 0.2


class Keeper:
    """What its connections share."""

    def __init__(self, tls: ssl.SSLContext, journal: str) -> None:
        self.tls = tls
        self.journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.lock = threading.Lock()
        self.rules: list[Rule] = []
        self.chance = random.Random(1)
        self.is_later = False
        self.offers_bdat = True

    def obey(self, order: dict[str, Any]) -> None:
        with self.lock:
            if "rules" in order:
                self.rules = [Rule(**rule) for rule in order["rules"]]
            self.is_later = order.get("later", self.is_later)
            self.offers_bdat = order.get("bdat", self.offers_bdat)

    def rule_at(self, point: str) -> Rule | None:
        with self.lock:
            for rule in self.rules:
                if rule.point == point and rule.times > 0 and self.chance.random() < rule.chance:
                    rule.times -= 1
                    return rule
        return None

    def keep(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        with self.lock:
            os.write(self.journal, line)


class Connection:
    def __init__(self, keeper: Keeper, sock: socket.socket) -> None:
        self.keeper = keeper
        self.sock = sock
        self.is_sealed = False
        self.buffer = b""
        self.reset()

    def reset(self) -> None:
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.chunks = bytearray()

    def run(self) -> None:
        self.sock.settimeout(PATIENCE)
        with suppress(Over, OSError, ssl.SSLError, ValueError):
            self.say("greeting", "220 smarthost.test ESMTP")
            while True:
                self.obey(self.line())
        with suppress(OSError):
            self.sock.close()

    def fill(self) -> None:
        piece = self.sock.recv(PIECE)
        if not piece:
            raise Over
        self.buffer += piece

    def line(self) -> str:
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > MAX_LINE:
                raise Over
            self.fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    def say(self, point: str, reply: str) -> bool:
        """Says it, unless a rule wants something else. True: it was said."""
        rule = self.keeper.rule_at(point)
        if rule and rule.do == "late":
            time.sleep(rule.seconds)
        elif rule and rule.do == "refuse":
            self.sock.sendall(rule.reply.encode() + b"\r\n")
            return False
        elif rule:
            self.leave(rule.do)
        self.sock.sendall(reply.encode() + b"\r\n")
        return True

    def leave(self, how: str) -> None:
        if how == "die":
            os._exit(9)
        if how == "hang":
            while self.sock.recv(PIECE):
                pass
        if how == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Over

    def obey(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO":
            self.hello()
        elif line.upper() == "STARTTLS":
            self.start_tls()
        elif not self.is_sealed and verb != "QUIT":
            self.sock.sendall(b"530 5.7.0 Must issue a STARTTLS command first\r\n")
        elif verb == "MAIL":
            self.reset()
            if self.say("mail", "250 2.1.0 Ok"):
                self.sender = address_in(line)
        elif verb == "RCPT":
            self.recipient(line)
        elif verb == "DATA":
            self.data()
        elif verb == "BDAT":
            self.chunk(line)
        elif verb == "QUIT":
            self.say("quit", "221 2.0.0 Bye")
            raise Over
        elif verb in ("RSET", "NOOP"):
            if verb == "RSET":
                self.reset()
            self.sock.sendall(b"250 2.0.0 Ok\r\n")
        else:
            self.sock.sendall(b"500 5.5.1 What?\r\n")

    def hello(self) -> None:
        self.reset()
        words = list(SEALED if self.is_sealed else CLEAR)
        if self.is_sealed and self.keeper.offers_bdat:
            words.append("CHUNKING")
        lines = ["250-smarthost.test", *(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}"]
        self.say("sealed" if self.is_sealed else "ehlo", "\r\n".join(lines))

    def start_tls(self) -> None:
        if self.say("starttls", "220 2.0.0 Go ahead"):
            if self.buffer:
                raise Over  # RFC 3207 6: what stands behind STARTTLS is an attack
            self.sock = self.keeper.tls.wrap_socket(self.sock, server_side=True)
            self.is_sealed = True
            self.reset()

    def recipient(self, line: str) -> None:
        address = address_in(line)
        if self.sender is None:
            self.sock.sendall(b"503 5.5.1 No sender\r\n")
        elif address.startswith("no"):
            self.sock.sendall(b"550 5.1.1 No such user\r\n")
        elif address.startswith("later") and self.keeper.is_later:
            self.sock.sendall(b"450 4.2.1 Mailbox busy\r\n")
        elif self.say("rcpt", "250 2.1.5 Ok"):
            self.recipients.append(address)

    def data(self) -> None:
        if not self.recipients:
            self.sock.sendall(b"554 5.5.1 No valid recipients\r\n")
            return
        if not self.say("data", "354 Go ahead"):
            return
        data = bytearray(b"\r\n")  # of the line before: a dot may be the first octet
        searched, has_been_midst = 0, False
        while True:
            data += self.buffer
            self.buffer = b""
            end = data.find(b"\r\n.\r\n", searched)
            if end >= 0:
                break
            searched = max(0, len(data) - 4)
            if len(data) >= BODY_MIDST and not has_been_midst:
                has_been_midst = True
                self.in_midst()
            self.fill()
        self.buffer = bytes(data[end + 5 :])
        self.take(bytes(data[: end + 2]).replace(b"\r\n..", b"\r\n.")[2:])

    def in_midst(self) -> None:
        if rule := self.keeper.rule_at("body"):
            if rule.do == "late":
                time.sleep(rule.seconds)
            else:
                self.leave(rule.do)

    def chunk(self, line: str) -> None:
        size = int(line.split()[1])
        self.in_midst()
        pieces, got = [self.buffer], len(self.buffer)
        while got < size:
            pieces.append(self.sock.recv(PIECE))
            if not pieces[-1]:
                raise Over
            got += len(pieces[-1])
        everything = b"".join(pieces)
        self.chunks += everything[:size]
        self.buffer = everything[size:]
        if not self.recipients:
            self.sock.sendall(b"503 5.5.1 No valid recipients\r\n")
        elif line.upper().endswith("LAST"):
            self.take(bytes(self.chunks))
        else:
            self.sock.sendall(b"250 2.0.0 Ok\r\n")

    def take(self, data: bytes) -> None:
        rule = self.keeper.rule_at("end")
        if rule and rule.do == "refuse":
            self.sock.sendall(rule.reply.encode() + b"\r\n")
        elif rule and rule.do != "late":
            self.leave(rule.do)
        else:
            if rule:
                time.sleep(rule.seconds)
            self.keeper.keep(self.entry(data))
            self.say("taken", "250 2.0.0 Ok: kept")
        self.reset()

    def entry(self, data: bytes) -> dict[str, Any]:
        """What the journal says of a mail."""
        found = inspect(data)
        common = {
            "time": time.time(),
            "sender": self.sender,
            "recipients": self.recipients,
            "sealed": self.is_sealed,
            "size": len(data),
        }
        if not self.sender and b"message/delivery-status" in data:
            return {"kind": "notice", **common, **notice_in(data)}
        return {"kind": "mail", **common, "token": found.token, "fault": found.fault}


def address_in(line: str) -> str:
    found = re.search(r"<([^>]*)>", line)
    return found[1] if found else ""


def notice_in(data: bytes) -> dict[str, Any]:
    """Whom a delivery status notification is about, and what it says of them (RFC 3464)."""
    about, action = [], ""
    for part in message_from_bytes(data).walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for fields in part.get_payload():
            if recipient := fields.get("Final-Recipient"):
                about.append(recipient.split(";")[-1].strip())
                action = fields.get("Action", "").strip()
    return {"about": about, "action": action}


def read_orders(keeper: Keeper) -> None:
    for line in sys.stdin:
        keeper.obey(json.loads(line))
        print("{}", flush=True)
    os._exit(0)


def main() -> None:
    certificate, key, journal, address, port = sys.argv[1:]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    keeper = Keeper(tls, journal)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, int(port)))
    listener.listen(200)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    threading.Thread(target=read_orders, args=(keeper,), daemon=True).start()
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=Connection(keeper, sock).run, daemon=True).start()


if __name__ == "__main__":
    main()
