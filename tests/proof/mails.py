"""Mails that can be told apart and that know their own content.

The first line of a mail, `X-Proof: TOKEN SIZE SHA256`, is about all octets behind it. Whoever gets
the mail can so tell, without asking, whether it is whole; and what stands before that line can only
be what was put there on the way.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
from dataclasses import dataclass, field

NUMBERS = itertools.count(1)  # no two mails of a process have one token, whatever chance says
CLIENT_DOMAIN = "client.test"
FAR_DOMAIN = "far.test"
MARK = re.compile(rb"X-Proof: ([0-9a-f]{16}) ([0-9]+) ([0-9a-f]{64})\r\n")
TOKEN_IN_ADDRESS = re.compile(r"\.([0-9a-f]{16})@")

# Lines that are easily got wrong: dots (RFC 5321 4.5.2), nothing, spaces, 998 octets, 8 bit.
ODD_LINES = (
    b".",
    b"..",
    b".x",
    b"",
    b" ",
    b"\t",
    b"x" * 998,
    b"From me",
    b"QUIT",
    "grüße".encode(),
    b"=3D",
    b".\t",
    b"MAIL FROM:<>",
)


@dataclass(frozen=True)
class Mail:
    """What a client sends. The kind of a recipient says what the smarthost says of it:
    `ok` is taken, `no` is refused for good, `later` is refused as long as the smarthost is told to.
    """

    token: str
    content: bytes = field(repr=False)
    kinds: tuple[str, ...] = ("ok",)
    is_notice: bool = False  # from <>

    @property
    def sender(self) -> str:
        return "" if self.is_notice else f"s.{self.token}@{CLIENT_DOMAIN}"

    @property
    def recipients(self) -> list[str]:
        return [f"{kind}{n}.{self.token}@{FAR_DOMAIN}" for n, kind in enumerate(self.kinds)]


def token_of(address: str) -> str:
    """The token in one of our addresses, "" when there is none."""
    found = TOKEN_IN_ADDRESS.search(address)
    return found[1] if found else ""


def make_mail(
    chance: random.Random,
    size: int = 1000,
    kinds: tuple[str, ...] = ("ok",),
    is_notice: bool = False,
) -> Mail:
    """A mail of about `size` octets."""
    token = f"{next(NUMBERS):06x}{chance.getrandbits(40):010x}"
    lines = [f"Subject: proof {token}".encode(), f"From: <s.{token}@{CLIENT_DOMAIN}>".encode(), b""]
    rest = size - 300
    while rest > 0:
        if chance.random() < 0.2:
            line = chance.choice(ODD_LINES)
        else:
            line = chance.randbytes(30).hex().encode() * (12 if rest > 10_000 else 1)
        lines.append(line)
        rest -= len(line) + 2
    body = b"\r\n".join(lines) + b"\r\n"
    mark = f"X-Proof: {token} {len(body)} {hashlib.sha256(body).hexdigest()}\r\n".encode()
    return Mail(token, mark + body, kinds, is_notice)


@dataclass(frozen=True)
class Finding:
    """What is to be said of mail data that arrived."""

    token: str  # "": it is none of our mails
    before: str = ""  # what was put before the mail
    fault: str = ""  # "": every octet is as it was sent


def inspect(data: bytes) -> Finding:
    """Looks at mail data without its transparency dots and end."""
    found = MARK.search(data)
    if not found:
        return Finding("", "", "no mark")
    token = found[1].decode()
    before = data[: found.start()].decode("utf-8", "replace")
    body = data[found.end() :]
    if len(body) != int(found[2]):
        return Finding(token, before, f"{len(body)} octets of {found[2].decode()}")
    if hashlib.sha256(body).hexdigest() != found[3].decode():
        return Finding(token, before, "altered")
    if not is_trace(before):
        return Finding(token, before, "something else than Received stands before it")
    return Finding(token, before)


def is_trace(text: str) -> bool:
    """Whether it is one Received field, or nothing (RFC 5321 4.4)."""
    if not text:
        return True
    first, *folded = text.removesuffix("\r\n").split("\r\n")
    return first.startswith("Received: ") and all(line[:1] in (" ", "\t") for line in folded)
