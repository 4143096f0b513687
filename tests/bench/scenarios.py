"""What is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import postfix
from crowds import measure_fairness, measure_sessions
from holding import measure_idle, measure_in_data, measure_start
from measure import KIB, MIB, Bench, Cell, measure_sending
from peers import Peer
from smarthosts import Figures

FAR_MS = 20
TLS12 = "1.2"
IDLE_LEVELS = (100, 1000, 5000)
# smtpseal's other ways of delivery have scenarios of their own.
MODES = ("queue", "fallback")
QUEUES = ("queue", "postfix", "opensmtpd")
KEEPS = ("smtpseal", "fallback")


@dataclass(frozen=True)
class Scenario:
    name: str
    about: str
    cells: list[Cell]
    key: str  # the figure that ratios are made of
    is_less_better: bool = False
    needs_box: bool = False
    only: tuple[str, ...] = ()  # the peers it is about, where not all take part
    measure: Callable[[Bench, Peer, Cell], Figures] = measure_sending

    def why_not(self) -> str | None:
        needs_postfix = any(cell.is_postfix for cell in self.cells)
        reason = postfix.why_not() if needs_postfix else None
        return f"Postfix, the smarthost: {reason}" if reason else None

    def has_part_for(self, peer: Peer, cell: Cell) -> bool:
        if self.only:
            return peer.name in self.only
        if peer.name in MODES:
            return False
        return (peer.is_box or not self.needs_box) and peer.most_clients_held > cell.more_than


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


def bulk_cell(concurrency: int, rounds: int, workers: int = 1, delay_ms: int = 0) -> Cell:
    return Cell(
        f"{concurrency}",
        concurrency,
        messages=rounds * concurrency,
        seconds=30,
        size=25 * MIB,
        warm_up=concurrency,
        delay_ms=delay_ms,
        workers=workers,
    )


def with_tls12(cells: list[Cell]) -> list[Cell]:
    return [replace(cell, tls_max=TLS12) for cell in cells]


def idle_cells(levels: tuple[int, ...]) -> list[Cell]:
    below = (0, *levels)
    return [Cell(f"{level}", level, more_than=below[i]) for i, level in enumerate(levels)]


def in_data_cell(clients: int, max_connections: int) -> Cell:
    return Cell(f"{clients}", clients, seconds=60, size=128 * KIB, max_connections=max_connections)


def all_scenarios(is_quick: bool) -> list[Scenario]:
    scenarios = sending_scenarios(is_quick) + holding_scenarios(is_quick)
    order = "S1 S1t12 S1p S1q S1f S2 S3 S3w S3f S4 S4w S4t12 S4f S5 S5d S5q S5k S6 F HS".split()
    return sorted(scenarios, key=lambda scenario: order.index(scenario.name))


def sending_scenarios(is_quick: bool) -> list[Scenario]:
    seconds, rounds = (1, 2) if is_quick else (4, 6)
    crowd = Cell("10", 10, messages=500 if is_quick else 10_000, seconds=120)
    one, many = "one 4 KiB message a connection", "100 messages of 4 KiB a connection"
    bulk = "messages of 25 MiB"
    far, tls12 = f"the smarthost {FAR_MS} ms away", f"TLS {TLS12} at most"
    near_cells = sending_cells(seconds, [1, 10, 50])
    far_cells = sending_cells(seconds, [1, 10], FAR_MS)
    real_cells = [replace(cell, is_postfix=True) for cell in near_cells[:2]]
    queue_cells = sending_cells(seconds, [10, 50, 100])
    many_cells = sending_cells(seconds, [10], 0, 100)
    many_far_cells = sending_cells(seconds, [1], FAR_MS, 100)
    bulk_cells = [bulk_cell(1, rounds), bulk_cell(4, rounds, workers=2)]
    bulk_far_cells = [bulk_cell(1, rounds, delay_ms=FAR_MS)]
    return [
        Scenario("S1", one, near_cells, "rate"),
        Scenario("S1t12", f"{one}, {tls12}", with_tls12(near_cells[:2]), "rate"),
        Scenario("S1p", f"{one}, the smarthost is a Postfix", real_cells, "rate"),
        Scenario("S1q", f"{one}, on disk before it is answered", queue_cells, "rate", only=QUEUES),
        Scenario("S1f", f"{one}, kept until it is delivered", near_cells, "rate", only=KEEPS),
        Scenario("S2", f"{one}, {far}", far_cells, "p50_ms", True),
        Scenario("S3", many, many_cells, "rate"),
        Scenario("S3w", f"{many}, {far}", many_far_cells, "p50_ms", True),
        Scenario("S3f", f"{many}, kept until delivered", many_cells, "rate", only=KEEPS),
        Scenario("S4", f"{bulk} (with 2 workers for 4)", bulk_cells, "mb_per_s"),
        Scenario("S4w", f"{bulk}, {far}", bulk_far_cells, "mb_per_s"),
        Scenario("S4t12", f"{bulk}, {tls12}", with_tls12(bulk_cells[:1]), "mb_per_s"),
        Scenario("S4f", f"{bulk}, kept until delivered", bulk_cells, "mb_per_s", only=KEEPS),
        Scenario(
            "HS", f"{crowd.messages} clients with a message each", [crowd], "handshakes", True
        ),
    ]


def holding_scenarios(is_quick: bool) -> list[Scenario]:
    levels = (100, 500) if is_quick else IDLE_LEVELS
    clients = 100 if is_quick else 1000
    paused = "clients that stop 64 KiB into a message, then go on"
    # A connection each for who pools them, so that all of them can be in the middle of a message.
    crowded = in_data_cell(clients, max_connections=clients)
    queued = in_data_cell(clients, max_connections=0)
    return [
        Scenario(
            "S5", "idle clients", idle_cells(levels), "kb_a_client", True, True, (), measure_idle
        ),
        Scenario("S5d", paused, [crowded], "kb_a_client", True, True, (), measure_in_data),
        Scenario(
            "S5q",
            "the same, with the connections that smtpseal makes by default: the others wait",
            [queued],
            "kb_a_client",
            True,
            True,
            ("smtpseal",),
            measure_in_data,
        ),
        Scenario(
            "S5k",
            "idle clients, one in eleven 64 KiB into a message, and one that sends mail meanwhile",
            [in_data_cell(1000 if is_quick else 10_000, max_connections=1000)],
            "kb_a_client",
            True,
            True,
            ("smtpseal",),
            measure_sessions,
        ),
        Scenario(
            "F",
            f"one client, while another host has 500 sessions; the smarthost {FAR_MS} ms away",
            [Cell("-", seconds=6 if is_quick else 20, delay_ms=FAR_MS)],
            "p50_ms",
            True,
            True,
            ("smtpseal",),
            measure_fairness,
        ),
        Scenario(
            "S6", "starting, then idle", [Cell("-")], "start_ms", True, True, (), measure_start
        ),
    ]
