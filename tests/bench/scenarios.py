"""What is measured, and how one measurement is made.

Every measurement has a sink and a peer of its own, freshly started, and ends both. None waits
without a limit.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from box import Box, Trouble
from peers import Peer, Place

START_TIMEOUT = 10.0
ARRIVAL_TIMEOUT = 60.0
GRACE = 20  # seconds for messages under way when no more are begun
FAR_MS = 20
KIB, MIB = 1024, 1024 * 1024

Figures = dict[str, float]


@dataclass(frozen=True)
class Cell:
    """One line of a scenario: the same measurement for every peer."""

    label: str
    concurrency: int = 1
    messages: int = 100_000
    seconds: int = 4  # no message is begun after that
    per_connection: int = 1
    size: int = 4 * KIB
    delay_ms: int = 0
    warm_up: int = 0  # messages before the measured ones
    workers: int = 1


@dataclass(frozen=True)
class Bench:
    """Where everything is."""

    sink: Path
    load: Path
    folder: Path  # with ca.pem, cert.pem and key.pem

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"


class Sink(Box):
    """A running sink and what it has counted."""

    def __init__(self, bench: Bench, folder: Path, delay_ms: int) -> None:
        certificate, key = bench.folder / "cert.pem", bench.folder / "key.pem"
        command = [str(bench.sink), "--certificate", str(certificate), "--key", str(key)]
        command += ["--delay-ms", str(delay_ms), "--lifetime", "900"]
        super().__init__(command, folder / "sink.log")
        self.port = 0

    def __enter__(self) -> Sink:
        try:
            self.port = int(self.line(0)["port"])
        except BaseException:
            super().__exit__(None, None, None)
            raise
        return self

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

    def wait_for_messages(self, count: float) -> Figures:
        """What was counted once so many have arrived, or when it makes no sense to wait longer."""
        deadline = time.monotonic() + ARRIVAL_TIMEOUT
        counters = self.counters()
        while counters["messages"] < count and time.monotonic() < deadline:
            time.sleep(0.05)
            counters = self.counters()
        return counters


@dataclass(frozen=True)
class Stage:
    """A sink, a peer in front of it, and the port that clients connect to."""

    sink: Sink
    box: Box | None
    port: int

    def cpu_seconds(self) -> float:
        return self.box.cpu_seconds() if self.box else 0.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def new_folder(bench: Bench) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=bench.folder, ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)  # Postfix's processes are other users
        yield Path(name)


@contextlib.contextmanager
def set_up(bench: Bench, peer: Peer, cell: Cell) -> Iterator[Stage]:
    with new_folder(bench) as folder, Sink(bench, folder, cell.delay_ms) as sink:
        if not peer.is_box:
            yield Stage(sink, None, sink.port)
            return
        place = Place(folder, free_port(), sink.port, bench.ca_file, cell.workers)
        command = peer.command(place)
        with Box(command, folder / "peer.log") as box:
            yield Stage(sink, box, place.port)


def wait_for_listener(stage: Stage) -> None:
    """Without connecting: a peer's first client is to be the first that is measured."""
    listening = re.compile(rf"^ *\d+: [0-9A-F]+:{stage.port:04X} [0-9A-F:]+ 0A ", re.MULTILINE)
    deadline = time.monotonic() + START_TIMEOUT
    while not listening.search(Path("/proc/net/tcp").read_text(encoding="ascii")):
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


def run_load(bench: Bench, peer: Peer, stage: Stage, cell: Cell, first_id: int) -> Figures:
    """Sends mail as the cell says and returns what the load generator saw."""
    options = {
        "--port": stage.port,
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
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=cell.seconds + 2 * GRACE,
        start_new_session=True,
    )
    try:
        figures: Figures = json.loads(done.stdout)
    except ValueError as error:
        raise Trouble(f"the load: {done.stderr}{done.stdout}") from error
    if figures["failed"]:
        print(f"{peer.name}: not accepted: {figures['why']}", file=sys.stderr)
    return figures


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
    with set_up(bench, peer, cell) as stage:
        wait_for_listener(stage)
        cpu = stage.cpu_seconds()
        before = stage.sink.counters()
        warm: Figures = {}
        if cell.warm_up:
            warm = warm_up(bench, peer, stage, cell)
            before = stage.sink.wait_for_messages(warm.pop("accepted"))
            cpu = stage.cpu_seconds()
        seen = run_load(bench, peer, stage, cell, 0)
        after = stage.sink.wait_for_messages(before["messages"] + seen["accepted"])
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
        "lost": max(seen["accepted"] - arrived, 0),
        "doubled": count["duplicates"],
        "plaintext": 0 if peer.is_plaintext else after["plaintext_messages"],
    }
    if stage.box and arrived:
        figures["cpu_ms"] = cpu * 1000 / arrived
    return figures


def measure_idle(bench: Bench, peer: Peer, cell: Cell) -> Figures:
    """Memory with and without clients that have said EHLO and then nothing."""
    with set_up(bench, peer, cell) as stage:
        assert stage.box is not None
        wait_for_greeting(stage)
        time.sleep(0.3)
        empty = stage.box.memory_kb()
        before = stage.sink.counters()
        clients = min(cell.concurrency, peer.most_idle_clients)
        with idle_clients(bench, stage.port, clients):
            time.sleep(0.3)
            full = stage.box.memory_kb()
            after = stage.sink.counters()
    return {
        "clients": clients,
        "kb_a_client": (full - empty) / clients,
        "empty_mb": empty / KIB,
        "connections": after["connections"] - before["connections"],
    }


@contextlib.contextmanager
def idle_clients(bench: Bench, port: int, count: int) -> Iterator[None]:
    timeout = 60
    command = [bench.load, "--port", str(port), "--idle", str(count), "--timeout", str(timeout)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as load:
        assert load.stdout and load.stdin
        try:
            ready, _, _ = select.select([load.stdout], [], [], timeout)
            if not ready or not load.stdout.readline():
                raise Trouble(f"not all of {count} clients had an answer")
            yield
        finally:
            load.stdin.close()
            try:
                load.wait(5)
            except subprocess.TimeoutExpired:
                load.kill()


def measure_start(bench: Bench, peer: Peer, cell: Cell) -> Figures:
    with set_up(bench, peer, cell) as stage:
        assert stage.box is not None
        took = wait_for_greeting(stage)
        time.sleep(1.0)
        return {
            "start_ms": took * 1000,
            "idle_mb": stage.box.memory_kb() / KIB,
            "size_mb": stage.box.mapped_bytes() / 1e6,
        }


@dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    cells: list[Cell]
    key: str  # the figure that ratios are made of
    is_less_better: bool
    needs_box: bool
    measure: Callable[[Bench, Peer, Cell], Figures]


def sending(
    name: str, about: str, cells: list[Cell], key: str = "rate", is_less_better: bool = False
) -> Scenario:
    return Scenario(name, about, cells, key, is_less_better, False, measure_sending)


def sending_cells(
    seconds: int, concurrencies: list[int], delay_ms: int = 0, per_connection: int = 1
) -> list[Cell]:
    return [
        Cell(
            f"{concurrency}",
            concurrency,
            seconds=seconds,
            per_connection=per_connection,
            delay_ms=delay_ms,
            warm_up=4 * concurrency,
        )
        for concurrency in concurrencies
    ]


def bulk_cell(concurrency: int, rounds: int, workers: int) -> Cell:
    return Cell(
        f"{concurrency}",
        concurrency,
        messages=rounds * concurrency,
        seconds=30,
        size=25 * MIB,
        warm_up=concurrency,
        workers=workers,
    )


def all_scenarios(is_quick: bool) -> list[Scenario]:
    seconds, rounds = (1, 2) if is_quick else (4, 6)
    idle_cells = [Cell("-", 500 if is_quick else 5000)]
    crowd = Cell("10", 10, messages=500 if is_quick else 10_000, seconds=120)
    one, many = "one 4 KiB message a connection", "100 messages of 4 KiB a connection"
    far = f"the smarthost {FAR_MS} ms away"
    near_cells = sending_cells(seconds, [1, 10, 50])
    far_cells = sending_cells(seconds, [1, 10], FAR_MS)
    many_cells = sending_cells(seconds, [10], 0, 100)
    many_far_cells = sending_cells(seconds, [1], FAR_MS, 100)
    bulk_cells = [bulk_cell(1, rounds, workers=1), bulk_cell(4, rounds, workers=2)]
    return [
        sending("S1", one, near_cells),
        sending("S2", f"{one}, {far}", far_cells, "p50_ms", True),
        sending("S3", many, many_cells),
        sending("S3w", f"{many}, {far}", many_far_cells, "p50_ms", True),
        sending("S4", "messages of 25 MiB (with 2 workers for 4)", bulk_cells, "mb_per_s"),
        Scenario("S5", "idle clients", idle_cells, "kb_a_client", True, True, measure_idle),
        Scenario("S6", "starting, then idle", [Cell("-")], "start_ms", True, True, measure_start),
        sending("HS", f"{crowd.messages} clients with a message each", [crowd], "handshakes", True),
    ]
