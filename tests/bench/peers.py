"""What mail can go through: nothing at all, and smtpseal. Its rivals are in rivals.py.

Each is started with a configuration of its own in a folder of its own, as its documentation would
have it for this task: verified TLS to the smarthost, plaintext for clients on this machine.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SMARTHOST_NAME = "sink.test"  # in its certificate, beside localhost


@dataclass(frozen=True)
class Place:
    """Where a peer runs: an empty folder, its port, the smarthost's, and what it may use."""

    folder: Path
    port: int
    smarthost_port: int
    ca_file: Path
    workers: int = 1
    max_connections: int = 0  # to the smarthost; 0: what the peer has by default


class Peer:
    name = ""
    about = ""
    is_box = True  # a process between client and smarthost
    is_plaintext = False  # toward the smarthost
    answers_early = False  # the client has its reply before the smarthost has the message
    most_clients_held = 5000
    most_messages = 100_000

    def why_not(self) -> str | None:
        """Why it cannot take part, or None."""
        return None

    def command(self, place: Place) -> list[str]:
        """Writes its configuration and says how to start it in the foreground."""
        raise NotImplementedError

    def environment(self, place: Place) -> dict[str, str]:
        """Variables it needs."""
        del place
        return {}

    def load_arguments(self, ca_file: Path) -> list[str]:
        """What the client does beyond plain SMTP."""
        del ca_file
        return []


class Direct(Peer):
    name = "direct"
    about = "plaintext straight to the smarthost: the limit"
    is_box = False
    is_plaintext = True


class Itself(Peer):
    name = "itself"
    about = "the client speaks STARTTLS and verifies"
    is_box = False

    def load_arguments(self, ca_file: Path) -> list[str]:
        return ["--ca-file", str(ca_file), "--name", SMARTHOST_NAME]


class Clever(Itself):
    name = "clever"
    about = "the same, resuming TLS sessions and pipelining"

    def load_arguments(self, ca_file: Path) -> list[str]:
        return [*super().load_arguments(ca_file), "--resume", "--pipelining"]


class Smtpseal(Peer):
    name = "smtpseal"
    about = "this program"
    delivery = "relay"  # of its listener

    def __init__(self, program: Path) -> None:
        self.program = program

    def command(self, place: Place) -> list[str]:
        file = place.folder / "smtpseal.conf"
        workers = place.workers if self.can_share(place) else 1
        file.write_text(self.configuration(place, workers), encoding="utf-8")
        return [str(self.program), "-c", str(file)]

    def configuration(self, place: Place, workers: int) -> str:
        keeps = self.delivery != "relay"
        return f"""[smtpseal]
hostname = seal.test
{"user = root" if os.geteuid() == 0 else ""}
{f"workers = {workers}" if workers > 1 else ""}
{f"spool_dir = {place.folder}/spool" if keeps else ""}
[listener]
listen = 127.0.0.1:{place.port}
max_sessions = 20000
{f"delivery = {self.delivery}" if keeps else ""}
[smarthost]
host = 127.0.0.1
port = {place.smarthost_port}
verify_name = {SMARTHOST_NAME}
ca_file = {place.ca_file}
{f"max_connections = {place.max_connections}" if place.max_connections else ""}
"""

    def can_share(self, place: Place) -> bool:
        """Whether this build takes more workers than one: it ends at once when not."""
        if place.workers < 2:
            return False
        file = place.folder / "workers.conf"
        file.write_text(self.configuration(place, place.workers), encoding="utf-8")
        try:
            subprocess.run(
                [self.program, "-c", file], capture_output=True, timeout=0.5, check=False
            )
        except subprocess.TimeoutExpired:
            return True
        return False


class Queueing(Smtpseal):
    """It takes mail as the rivals that queue do: on disk before the client has its reply."""

    name = "queue"
    about = "this program with delivery = queue"
    delivery = "queue"
    answers_early = True


class FallingBack(Smtpseal):
    name = "fallback"
    about = "this program with delivery = fallback"
    delivery = "fallback"
