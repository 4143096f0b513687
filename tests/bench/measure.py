"""How mail is sent through a peer, and what comes of it.

Every measurement has a smarthost and a peer of its own, freshly started, and ends both. None waits
without a limit.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from box import Box, Trouble
from peers import Peer, Place
from smarthosts import (
    START_TIMEOUT,
    Figures,
    Identity,
    PostfixSmarthost,
    Sink,
    Smarthost,
    free_port,
    is_listening,
)

GRACE = 20  # seconds for messages under way when no more are begun
KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Cell:
    """One line of a scenario: the same measurement for every peer."""

    label: str
    concurrency: int = 1
    messages: int = 100_000
    seconds: int = 4  # no message is begun after that
    per_connection: int = 1
    size: int = 4 * KIB
    warm_up: int = 0  # messages before the measured ones
    # The smarthost.
    is_postfix: bool = False
    delay_ms: int = 0
    tls_max: str = ""
    arrival_timeout: float = 60.0  # after the last client has its answer
    # The peer.
    workers: int = 1
    max_connections: int = 0
    more_than: int = 0  # who holds no more clients takes no part: a smaller cell had them all


@dataclass(frozen=True)
class Bench:
    """Where everything is."""

    sink: Path
    load: Path
    folder: Path  # with ca.pem, cert.pem and key.pem

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def identity(self) -> Identity:
        return Identity(self.folder / "cert.pem", self.folder / "key.pem")


@dataclass(frozen=True)
class Stage:
    """A smarthost, a peer in front of it, and the port that clients connect to."""

    smarthost: Smarthost
    box: Box | None
    port: int

    def cpu_seconds(self) -> float:
        return self.box.cpu_seconds() if self.box else 0.0


@contextlib.contextmanager
def new_folder(bench: Bench) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=bench.folder, ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)  # Postfix's processes are other users
        yield Path(name)


def start_smarthost(bench: Bench, peer: Peer, cell: Cell, folder: Path) -> Smarthost:
    if cell.is_postfix:
        return PostfixSmarthost(folder, bench.identity, not peer.is_plaintext)
    return Sink(bench.sink, folder, bench.identity, cell.delay_ms, cell.tls_max)


@contextlib.contextmanager
def set_up(bench: Bench, peer: Peer, cell: Cell) -> Iterator[Stage]:
    with new_folder(bench) as folder, start_smarthost(bench, peer, cell, folder) as smarthost:
        if not peer.is_box:
            yield Stage(smarthost, None, smarthost.port)
            return
        place = Place(
            folder, free_port(), smarthost.port, bench.ca_file, cell.workers, cell.max_connections
        )
        command = peer.command(place)
        with Box(command, folder / "peer.log", peer.environment(place)) as box:
            yield Stage(smarthost, box, place.port)


def wait_for_listener(stage: Stage) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not is_listening(stage.port):
        if time.monotonic() > deadline or (stage.box and not stage.box.is_alive()):
            raise Trouble(f"it does not listen: {stage.box.last_words() if stage.box else 'sink'}")
        time.sleep(0.01)


def wait_for_greeting(stage: Stage) -> float:
    """Seconds from the start of the peer's process until a client has its first 220."""
    assert stage.box is not None
    deadline = stage.box.started_at + START_TIMEOUT
    while time.monotonic() < deadline and stage.box.is_alive():
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", stage.port), START_TIMEOUT) as client:
                if client.recv(4) == b"220 ":
                    took = time.monotonic() - stage.box.started_at
                    client.sendall(b"QUIT\r\n")
                    client.recv(1000)
                    return took
        time.sleep(0.0003)
    raise Trouble(f"it does not come up: {stage.box.last_words()}")


def load_command(bench: Bench, peer: Peer, port: int, cell: Cell, first_id: int) -> list[str]:
    options = {
        "--port": port,
        "--concurrency": cell.concurrency,
        "--messages": cell.messages,
        "--seconds": cell.seconds,
        "--per-connection": cell.per_connection,
        "--size": cell.size,
        "--first-id": first_id,
        "--timeout": cell.seconds + GRACE,
    }
    command = [str(bench.load), *peer.load_arguments(bench.ca_file)]
    for option, value in options.items():
        command += [option, str(value)]
    return command


def read_load(peer: Peer, output: str) -> Figures:
    """What the load generator saw, from what it printed last."""
    try:
        figures: Figures = json.loads(output)
    except ValueError as error:
        raise Trouble(f"the load: {output or 'it said nothing'}") from error
    if figures["failed"]:
        print(f"{peer.name}: not accepted: {figures['why']}", file=sys.stderr)
    return figures


def run_load(bench: Bench, peer: Peer, stage: Stage, cell: Cell, first_id: int) -> Figures:
    """Sends mail as the cell says."""
    done = subprocess.run(
        load_command(bench, peer, stage.port, cell, first_id),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=cell.seconds + 2 * GRACE,
        start_new_session=True,
    )
    return read_load(peer, done.stdout)


def warm_up(bench: Bench, peer: Peer, stage: Stage, cell: Cell) -> Figures:
    """One message through a peer that has carried none, then more of them, as the cell will."""
    first = replace(cell, concurrency=1, messages=1)
    alone = run_load(bench, peer, stage, first, 90_000_000)
    crowd = replace(cell, messages=cell.warm_up)
    others = run_load(bench, peer, stage, crowd, 90_000_001)
    figures = {"cold_ms": alone["p50_ms"]} if alone["accepted"] else {}
    figures["accepted"] = alone["accepted"] + others["accepted"]
    figures["refused"] = alone["failed"] + others["failed"]
    return figures


def measure_sending(bench: Bench, peer: Peer, cell: Cell) -> Figures:
    cell = replace(cell, messages=min(cell.messages, peer.most_messages))
    with set_up(bench, peer, cell) as stage:
        wait_for_listener(stage)
        cpu = stage.cpu_seconds()
        before = stage.smarthost.counters()
        warm: Figures = {}
        if cell.warm_up:
            warm = warm_up(bench, peer, stage, cell)
            expected = warm.pop("accepted")
            before = stage.smarthost.wait_for_messages(expected, cell.arrival_timeout)
            cpu = stage.cpu_seconds()
        seen = run_load(bench, peer, stage, cell, 0)
        expected = before["messages"] + seen["accepted"]
        after = stage.smarthost.wait_for_messages(expected, cell.arrival_timeout)
        cpu = stage.cpu_seconds() - cpu
    count = {name: after[name] - before[name] for name in after}
    arrived = count["messages"]
    seconds = max((after["last_ns"] - seen["start_ns"]) / 1e9, 1e-9)
    figures = warm | {
        "rate": arrived / seconds,
        "mb_per_s": arrived * cell.size / seconds / 1e6,
        "p50_ms": seen["p50_ms"],
        "p99_ms": seen["p99_ms"],
        "connections": count["connections"],
        "handshakes": count["full_handshakes"],
        "messages": arrived,
        "refused": seen["failed"] + warm.get("refused", 0),
        "lost": max(seen["accepted"] - (arrived - count["duplicates"]), 0),
        "doubled": count["duplicates"],
        "plaintext": 0 if peer.is_plaintext else after["plaintext_messages"],
    }
    if stage.box and arrived:
        figures["cpu_ms"] = cpu * 1000 / arrived
    return figures
