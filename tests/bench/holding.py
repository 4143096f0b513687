"""What clients cost while they stay: idle ones, and those in the middle of a message; and what a
start costs."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

from box import Box, Trouble
from measure import (
    GRACE,
    KIB,
    Bench,
    Cell,
    Stage,
    load_command,
    read_load,
    set_up,
    wait_for_greeting,
)
from peers import Peer
from smarthosts import Figures, count_established

HOLD_TIMEOUT = 60.0
SETTLE = 0.3  # seconds in which memory comes to rest
TIDY = 2.0  # seconds in which a peer may give back what a crowd left
LEAVE_TIMEOUT = 10.0
PAUSE_AFTER = 64 * KIB  # of a message


class Crowd:
    """Clients that stay where they were told to, until they may go on."""

    def __init__(self, load: subprocess.Popen[str], box: Box) -> None:
        self.load = load
        self.box = box
        self.held = 0
        self.waiting = 0
        self.peak_kb = 0

    def gather(self) -> None:
        """Returns when they are there, or no more come."""
        figures: Figures = json.loads(self.next_line() or "{}")
        if not figures:
            raise Trouble("the load ended before its clients were there")
        self.held, self.waiting = int(figures["held"]), int(figures["waiting"])

    def let_go(self) -> str:
        """They go on and end. Returns what the load says of it."""
        assert self.load.stdin
        self.load.stdin.close()
        said = self.next_line()
        self.load.wait(GRACE)
        return said

    def next_line(self) -> str:
        """Looks at the memory while it waits."""
        assert self.load.stdout
        deadline = time.monotonic() + HOLD_TIMEOUT
        while not select.select([self.load.stdout], [], [], 0.1)[0]:
            self.peak_kb = max(self.peak_kb, self.box.memory_kb())
            if time.monotonic() > deadline:
                raise Trouble("the clients came to nothing")
        return self.load.stdout.readline()


@contextlib.contextmanager
def crowd_of(command: list[str], box: Box) -> Iterator[Crowd]:
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as load:
        try:
            yield Crowd(load, box)
        finally:
            if load.poll() is None:
                load.kill()


def wait_until_left(stage: Stage) -> None:
    deadline = time.monotonic() + LEAVE_TIMEOUT
    while count_established(stage.port) > 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(TIDY)


def measure_idle(bench: Bench, peer: Peer, cell: Cell) -> Figures:
    """Memory before, with and after clients that have said EHLO and then nothing."""
    clients = min(cell.concurrency, peer.most_clients_held)
    with set_up(bench, peer, cell) as stage:
        assert stage.box is not None
        wait_for_greeting(stage)
        time.sleep(SETTLE)
        empty = stage.box.memory_kb()
        before = stage.smarthost.counters()
        command = [str(bench.load), "--port", str(stage.port), "--idle", str(clients)]
        command += ["--timeout", str(int(2 * HOLD_TIMEOUT))]
        with crowd_of(command, stage.box) as crowd:
            crowd.gather()
            time.sleep(SETTLE)
            full = stage.box.memory_kb()
            after = stage.smarthost.counters()
            if crowd.held < clients:
                raise Trouble(f"only {crowd.held} of {clients} clients had an answer")
            crowd.let_go()
            if crowd.load.returncode != 0:
                raise Trouble("not all clients could stay")
        wait_until_left(stage)
        left = stage.box.memory_kb()
    return {
        "clients": clients,
        "kb_a_client": (full - empty) / clients,
        "empty_mb": empty / KIB,
        "full_mb": full / KIB,
        "left_mb": left / KIB,
        "connections": after["connections"] - before["connections"],
    }


def measure_in_data(bench: Bench, peer: Peer, cell: Cell) -> Figures:
    """Memory with clients that have sent a part of a message; then all send the rest."""
    clients = min(cell.concurrency, peer.most_clients_held)
    cell = replace(cell, concurrency=clients, messages=clients)
    with set_up(bench, peer, cell) as stage:
        assert stage.box is not None
        wait_for_greeting(stage)
        time.sleep(SETTLE)
        empty = stage.box.memory_kb()
        before = stage.smarthost.counters()
        command = load_command(bench, peer, stage.port, cell, 0)
        with crowd_of([*command, "--pause-after", str(PAUSE_AFTER)], stage.box) as crowd:
            crowd.gather()
            time.sleep(SETTLE)
            full = stage.box.memory_kb()
            connections = count_established(stage.smarthost.port)
            seen = read_load(peer, crowd.let_go())
        expected = before["messages"] + seen["accepted"]
        after = stage.smarthost.wait_for_messages(expected, cell.arrival_timeout)
    count = {name: after[name] - before[name] for name in after}
    return {
        "clients": clients,
        "in_data": crowd.held,
        "kb_a_client": (full - empty) / clients,
        "empty_mb": empty / KIB,
        "full_mb": full / KIB,
        "peak_mb": max(full, crowd.peak_kb) / KIB,
        "connections": connections,
        "messages": count["messages"],
        "accepted": seen["accepted"],
        "refused": seen["failed"],
        "lost": max(seen["accepted"] - (count["messages"] - count["duplicates"]), 0),
        "doubled": count["duplicates"],
        "plaintext": 0 if peer.is_plaintext else count["plaintext_messages"],
    }


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
