"""The far end of a measurement: our sink, or a real Postfix. Both count what arrives."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from pathlib import Path
from typing import NamedTuple

import postfix
from box import Box, Trouble

START_TIMEOUT = 10.0
LIFETIME = 900  # seconds; a sink ends after that in any case

Figures = dict[str, float]


class Identity(NamedTuple):
    """What a smarthost needs to be believed, as files."""

    certificate: Path
    key: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Without connecting: a process's first client is to be the first that is measured."""
    return bool(sockets_on(port, "0A"))


def count_established(port: int) -> int:
    """Connections that a port of this machine has accepted, or will."""
    return len(sockets_on(port, "01"))


def sockets_on(port: int, state: str) -> list[str]:
    line = re.compile(rf"^ *\d+: [0-9A-F]+:{port:04X} [0-9A-F:]+ {state} ", re.MULTILINE)
    return line.findall(Path("/proc/net/tcp").read_text(encoding="ascii"))


class Smarthost(Box):
    """A running smarthost, and the port where it is."""

    port = 0

    def __enter__(self) -> Smarthost:
        try:
            self.wait_for_start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def wait_for_start(self) -> None:
        """Returns once it listens on its port."""
        raise NotImplementedError

    def counters(self) -> Figures:
        """What was counted since the start; the names are those that the sink prints."""
        raise NotImplementedError

    def wait_for_messages(self, count: float, timeout: float) -> Figures:
        """What was counted once so many have arrived, or when it makes no sense to wait longer."""
        deadline = time.monotonic() + timeout
        counters = self.counters()
        while counters["messages"] < count and time.monotonic() < deadline:
            time.sleep(0.02)
            counters = self.counters()
        return counters


class Sink(Smarthost):
    """Ours: fast, with a distance if wanted."""

    def __init__(
        self, program: Path, folder: Path, identity: Identity, delay_ms: int, tls_max: str
    ) -> None:
        command = [str(program), "--certificate", str(identity.certificate)]
        command += ["--key", str(identity.key), "--delay-ms", str(delay_ms)]
        command += ["--lifetime", str(LIFETIME)]
        if tls_max:
            command += ["--tls-max", tls_max]
        super().__init__(command, folder / "smarthost.log")

    def wait_for_start(self) -> None:
        self.port = int(self.line(0)["port"])

    def line(self, number: int) -> Figures:
        """The line of this number of what it says, once it is there."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.is_alive():
            lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)
            if len(lines) > number and lines[number].endswith("\n"):
                figures: Figures = json.loads(lines[number])
                return figures
            time.sleep(0.002)
        raise Trouble(f"the sink: {self.last_words()}")

    def counters(self) -> Figures:
        so_far = len(self.log.read_text(encoding="utf-8").splitlines())
        self.process.send_signal(signal.SIGUSR1)
        return self.line(so_far)


class PostfixSmarthost(Smarthost):
    """A real one, as Debian has it but for the certificate. It queues every message on disk, then
    throws it away. What it counts is in its log: a message counts once it is queued."""

    WANTED = re.compile(
        r"(?P<messages>: message-id=<(?P<id>\d+)@)|(?P<connections>\]: connect from )"
        r"|(?P<handshakes> TLS connection established )"
        r"|(?P<resumed_handshakes>: Reusing old session )"
    )

    def __init__(self, folder: Path, identity: Identity, needs_tls: bool) -> None:
        here = folder / "smarthost"
        here.mkdir(mode=0o755)
        self.port = free_port()
        self.maillog = postfix.log_of(here)
        self.read_to = 0
        self.ids: set[str] = set()
        names = [*self.WANTED.groupindex, "duplicates", "plaintext_messages", "last_ns"]
        self.counted: Figures = {name: 0 for name in names if name != "id"}
        settings = {
            "myhostname": "smarthost.test",
            "default_transport": "discard:",
            "smtpd_tls_chain_files": f"{identity.key}, {identity.certificate}",
            # Who must not send in plaintext, cannot.
            "smtpd_tls_security_level": "encrypt" if needs_tls else "may",
            "smtpd_tls_loglevel": "summary, cache",  # names for parts of the numbered levels
        }
        super().__init__(postfix.configure(here, self.port, settings), folder / "smarthost.log")

    def wait_for_start(self) -> None:
        deadline = self.started_at + START_TIMEOUT
        while not is_listening(self.port):
            if time.monotonic() > deadline or not self.is_alive():
                raise Trouble(f"the smarthost: {self.last_words()}")
            time.sleep(0.02)

    def counters(self) -> Figures:
        if not self.maillog.exists():
            return self.figures()
        with open(self.maillog, "rb") as log:
            log.seek(self.read_to)
            text, line_end, _ = log.read().rpartition(b"\n")
        self.read_to += len(text) + len(line_end)
        now = time.monotonic_ns()
        for found in self.WANTED.finditer(text.decode("utf-8", "replace")):
            if identity := found["id"]:
                self.counted["messages"] += 1
                self.counted["last_ns"] = now
                self.counted["duplicates"] += identity in self.ids
                self.ids.add(identity)
            else:
                self.counted[found.lastgroup or ""] += 1
        return self.figures()

    def figures(self) -> Figures:
        full = self.counted["handshakes"] - self.counted["resumed_handshakes"]
        return {**self.counted, "full_handshakes": full}
