"""What a crowd of clients costs the others: ten thousand sessions at once, and a host that floods."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

from box import Trouble
from holding import HOLD_TIMEOUT, PAUSE_AFTER, SETTLE, crowd_of, wait_until_left
from measure import (
    GRACE,
    KIB,
    Bench,
    Cell,
    Stage,
    load_command,
    read_load,
    run_load,
    set_up,
    wait_for_greeting,
    warm_up,
)
from peers import Peer
from smarthosts import Figures

IN_A_MESSAGE = 11  # one in so many sessions is
POLITE_MAILS = 100
FLOOD_SESSIONS = 500
FLOOD_HOST = 2  # 127.0.0.2; the polite client is 127.0.0.1
FIRST_FLOOD_ID = 10_000_000


def measure_sessions(bench: Bench, peer: Peer, cell: Cell) -> Figures:
    """Most clients idle, some in the middle of a message; one sends mail all the same."""
    sending = cell.concurrency // IN_A_MESSAGE
    idle = cell.concurrency - sending
    polite = replace(cell, concurrency=1, messages=POLITE_MAILS, size=4 * KIB)
    paused = replace(cell, concurrency=sending, messages=sending)
    with set_up(bench, peer, cell) as stage:
        assert stage.box is not None
        wait_for_greeting(stage)
        time.sleep(SETTLE)
        empty = stage.box.memory_kb()
        before = stage.smarthost.counters()
        idlers = [str(bench.load), "--port", str(stage.port), "--idle", str(idle)]
        idlers += ["--timeout", str(int(4 * HOLD_TIMEOUT)), "--host", "2"]
        senders = load_command(bench, peer, stage.port, paused, FIRST_FLOOD_ID)
        senders += ["--pause-after", str(PAUSE_AFTER)]
        with crowd_of(idlers, stage.box) as still, crowd_of(senders, stage.box) as busy:
            still.gather()
            busy.gather()
            if still.held < idle:
                raise Trouble(f"only {still.held} of {idle} clients had an answer")
            time.sleep(SETTLE)
            full = stage.box.memory_kb()
            flow = run_load(bench, peer, stage, polite, 0)
            seen = read_load(peer, busy.let_go())
            still.let_go()
            if still.load.returncode != 0:
                raise Trouble("not all clients could stay")
        expected = before["messages"] + seen["accepted"] + flow["accepted"]
        after = stage.smarthost.wait_for_messages(expected, cell.arrival_timeout)
        wait_until_left(stage)
        left = stage.box.memory_kb()
    return {
        "clients": cell.concurrency,
        "in_data": busy.held,
        "kb_a_client": (full - empty) / cell.concurrency,
        "full_mb": full / KIB,
        "left_mb": left / KIB,
        "p50_ms": flow["p50_ms"],
        "p99_ms": flow["p99_ms"],
        "accepted": seen["accepted"] + flow["accepted"],
        "refused": seen["failed"] + flow["failed"],
        "lost": max(expected - after["messages"], 0),
        "doubled": after["duplicates"] - before["duplicates"],
    }


@contextlib.contextmanager
def flood(bench: Bench, peer: Peer, stage: Stage, cell: Cell) -> Iterator[subprocess.Popen[str]]:
    """Another host sends as much as it can over many sessions, each mail after mail."""
    crowd = replace(
        cell, concurrency=FLOOD_SESSIONS, messages=1_000_000, per_connection=1_000_000
    )
    command = load_command(bench, peer, stage.port, crowd, FIRST_FLOOD_ID)
    with subprocess.Popen(
        [*command, "--host", str(FLOOD_HOST)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as load:
        try:
            yield load
        finally:
            if load.poll() is None:
                load.kill()


def measure_fairness(bench: Bench, peer: Peer, cell: Cell) -> Figures:
    """How long a client with one session waits while another host has hundreds."""
    polite = replace(cell, concurrency=1, messages=POLITE_MAILS)
    with set_up(bench, peer, cell) as stage:
        assert stage.box is not None
        wait_for_greeting(stage)
        warm_up(bench, peer, stage, replace(polite, warm_up=20))
        alone = run_load(bench, peer, stage, polite, 0)
        with flood(bench, peer, stage, cell) as load:
            time.sleep(2.0)  # until it is in full flow
            beside = run_load(bench, peer, stage, polite, POLITE_MAILS)
            said, _ = load.communicate(timeout=cell.seconds + 2 * GRACE)
        flooded = json.loads(said)
    return {
        "alone_ms": alone["p50_ms"],
        "p50_ms": beside["p50_ms"],
        "p99_ms": beside["p99_ms"],
        "flood_p50_ms": flooded["p50_ms"],
        "rate": flooded["accepted"] / cell.seconds,
        "refused": beside["failed"],
    }
