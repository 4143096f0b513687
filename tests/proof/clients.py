"""Applications that send a mail, each in its own way, and remember what they were told."""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from ledger import Attempt, Ledger, Outcome
from mails import Mail

PATIENCE = 60.0  # seconds for a reply
MAX_LINE = 8192


class Lost(Exception):
    """The connection ended, or a reply did not come."""


class Refused(Exception):
    """A reply said no."""


class Speaker:
    """A connection to an SMTP server."""

    def __init__(self, port: int, host: str = "127.0.0.1", patience: float = PATIENCE) -> None:
        self.buffer = b""
        try:
            self.sock = socket.create_connection((host, port), timeout=patience)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise Lost(str(error)) from error

    def send(self, octets: bytes) -> None:
        try:
            self.sock.sendall(octets)
        except OSError as error:
            raise Lost(str(error)) from error

    def reply(self) -> str:
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def line(self) -> str:
        while b"\r\n" not in self.buffer:
            try:
                piece = self.sock.recv(65_536)
            except OSError as error:
                raise Lost(str(error)) from error
            if not piece or len(self.buffer) > MAX_LINE:
                raise Lost("closed")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    def ask(self, command: str) -> str:
        self.send(command.encode() + b"\r\n")
        return self.reply()

    def expect(self, code: str, command: str | None = None) -> str:
        reply = self.reply() if command is None else self.ask(command)
        if not reply.startswith(code):
            raise Refused(reply)
        return reply

    def close(self, with_reset: bool = False) -> None:
        if with_reset:
            linger = struct.pack("ii", 1, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.sock.close()


def stuff(content: bytes) -> bytes:
    """With transparency dots and the end (RFC 5321 4.5.2)."""
    return (b"\r\n" + content).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


class Client:
    """One mail over one connection, command by command. Others differ in how they hand it in."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.accepted: list[str] = []
        self.is_end_sent = False

    def hand_in(self, speaker: Speaker, mail: Mail) -> str:
        """Returns the last reply."""
        self.begin(speaker, mail)
        speaker.expect("354", "DATA")
        speaker.send(stuff(mail.content)[:-3])
        self.is_end_sent = True
        speaker.send(b".\r\n")
        return speaker.expect("2")

    def begin(self, speaker: Speaker, mail: Mail) -> None:
        speaker.expect("250", f"MAIL FROM:<{mail.sender}>")
        last = ""
        for recipient in mail.recipients:
            last = speaker.ask(f"RCPT TO:<{recipient}>")
            if last.startswith("25"):
                self.accepted.append(recipient)
        if not self.accepted:
            raise Refused(last)

    def send(self, port: int, mail: Mail, ledger: Ledger) -> Attempt:
        """Never raises for what servers do."""
        ledger.begin(mail)
        began = time.monotonic()
        outcome, reply = self.try_to_send(port, mail)
        took = (time.monotonic() - began) * 1000
        attempt = Attempt(mail.token, tuple(self.accepted), outcome, reply, mail.is_notice, took)
        ledger.end(attempt)
        return attempt

    def try_to_send(self, port: int, mail: Mail) -> tuple[Outcome, str]:
        speaker = None
        try:
            speaker = Speaker(port)
            speaker.expect("220")
            speaker.expect("250", "EHLO client.test")
            reply = self.hand_in(speaker, mail)
            with suppress(Lost, OSError):
                speaker.ask("QUIT")
            return Outcome.acknowledged, reply
        except Refused as refusal:
            # A refusal before the end of data was sent says the same as giving up.
            return (Outcome.refused if self.is_end_sent else Outcome.given_up), str(refusal)
        except Lost as loss:
            return (Outcome.unknown if self.is_end_sent else Outcome.given_up), str(loss)
        finally:
            if speaker:
                speaker.close()


class Pipelining(Client):
    """MAIL, RCPTs and DATA in one write (RFC 2920)."""

    def hand_in(self, speaker: Speaker, mail: Mail) -> str:
        recipients = "".join(f"RCPT TO:<{each}>\r\n" for each in mail.recipients)
        speaker.send(f"MAIL FROM:<{mail.sender}>\r\n{recipients}DATA\r\n".encode())
        sender = speaker.reply()
        replies = [speaker.reply() for _ in mail.recipients]
        self.accepted = [r for r, reply in zip(mail.recipients, replies) if reply.startswith("25")]
        go_ahead = speaker.reply()
        if not go_ahead.startswith("354"):
            raise Refused(go_ahead if sender.startswith("25") else sender)
        if not self.accepted:
            # RFC 2920 3.1: a server that said 354 all the same gets nothing.
            speaker.send(b".\r\n")
            raise Refused(replies[-1])
        self.is_end_sent = True
        speaker.send(stuff(mail.content))
        return speaker.expect("2")


class Chunking(Client):
    """BDAT in pieces, if it is offered (RFC 3030)."""

    def hand_in(self, speaker: Speaker, mail: Mail) -> str:
        if "CHUNKING" not in speaker.expect("250", "EHLO client.test"):
            return super().hand_in(speaker, mail)
        self.begin(speaker, mail)
        rest = mail.content
        while len(rest) > 100 and self.chance.random() < 0.7:
            size = self.chance.randrange(1, len(rest))
            speaker.send(f"BDAT {size}\r\n".encode() + rest[:size])
            speaker.expect("2")
            rest = rest[size:]
        self.is_end_sent = True
        speaker.send(f"BDAT {len(rest)} LAST\r\n".encode() + rest)
        return speaker.expect("2")


class Slow(Client):
    """In pieces with rests between them."""

    def hand_in(self, speaker: Speaker, mail: Mail) -> str:
        self.begin(speaker, mail)
        time.sleep(self.chance.random() / 10)
        speaker.expect("354", "DATA")
        data = stuff(mail.content)[:-3]
        step = max(1, len(data) // 5)
        for at in range(0, len(data), step):
            speaker.send(data[at : at + step])
            time.sleep(self.chance.random() / 10)
        self.is_end_sent = True
        speaker.send(b".\r\n")
        return speaker.expect("2")


class Aborting(Client):
    """Goes away in the midst of its mail: politely, rudely, or by doing something else."""

    def hand_in(self, speaker: Speaker, mail: Mail) -> str:
        self.begin(speaker, mail)
        way = self.chance.randrange(4)
        if way == 0:
            speaker.expect("250", "RSET")
            raise Refused("reset")
        speaker.expect("354", "DATA")
        data = stuff(mail.content)[:-3]
        speaker.send(data[: self.chance.randrange(len(data))])
        if way == 1:
            time.sleep(self.chance.random() / 20)
        speaker.close(with_reset=way == 2)
        raise Lost("gone away")


class Impatient(Client):
    """Goes away when all is sent, without waiting for the reply."""

    def hand_in(self, speaker: Speaker, mail: Mail) -> str:
        self.begin(speaker, mail)
        speaker.expect("354", "DATA")
        self.is_end_sent = True
        speaker.send(stuff(mail.content))
        raise Lost("gone away")


KINDS: tuple[Callable[[random.Random], Client], ...] = (
    Client,
    Client,
    Pipelining,
    Chunking,
    Slow,
    Aborting,
    Impatient,
)
