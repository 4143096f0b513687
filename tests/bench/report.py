"""Tables of medians and ratios, and how far the targets are; at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import targets
from measure import Cell
from peers import Peer
from scenarios import Scenario
from smarthosts import Figures

# The runs of each cell's label and each peer's name.
Results = dict[tuple[str, str], list[Figures]]

# (heading, figure), for each way of measuring.
SENDING = [
    ("msg/s", "rate"),
    ("p50 ms", "p50_ms"),
    ("p99 ms", "p99_ms"),
    ("cold ms", "cold_ms"),
    ("CPU ms", "cpu_ms"),
    ("conns", "connections"),
    ("full hs", "handshakes"),
]
BULK = [("MB/s", "mb_per_s"), *SENDING[1:]]
COLUMNS = {
    "S4": BULK,
    "S4w": BULK,
    "S4t12": BULK,
    "S4f": BULK,
    "S5": [
        ("clients", "clients"),
        ("kB each", "kb_a_client"),
        ("MB empty", "empty_mb"),
        ("MB full", "full_mb"),
        ("MB left", "left_mb"),
        ("conns", "connections"),
    ],
    "S5d": [
        ("clients", "clients"),
        ("in DATA", "in_data"),
        ("kB each", "kb_a_client"),
        ("MB empty", "empty_mb"),
        ("MB peak", "peak_mb"),
        ("conns", "connections"),
        ("taken", "accepted"),
    ],
    "S5k": [
        ("in DATA", "in_data"),
        ("kB each", "kb_a_client"),
        ("MB full", "full_mb"),
        ("MB left", "left_mb"),
        ("p50 ms", "p50_ms"),
        ("p99 ms", "p99_ms"),
        ("taken", "accepted"),
    ],
    "F": [
        ("alone ms", "alone_ms"),
        ("p50 ms", "p50_ms"),
        ("p99 ms", "p99_ms"),
        ("flood ms", "flood_p50_ms"),
        ("flood/s", "rate"),
    ],
    "S6": [("start ms", "start_ms"), ("idle MB", "idle_mb"), ("files MB", "size_mb")],
    "HS": [("messages", "messages"), *SENDING[:3], *SENDING[4:]],
}
COLUMNS["S5q"] = COLUMNS["S5d"]
# What must never happen, said under the table.
FAULTS = ["refused", "lost", "doubled", "plaintext"]
LEGEND = """msg/s: what arrived at the smarthost until the last message did. p50, p99: what a client
waits, from connecting (or MAIL, when connected) to its last reply; cold: the first client's wait.
CPU ms: of all processes between client and smarthost, a message. conns, full hs: connections and
full TLS handshakes at the smarthost. kB each: what a client adds to the memory of all these
processes (PSS); MB left: when all have gone. in DATA: clients that could send a part of their
message while none completed one; taken: messages accepted in the end. In F: what the one client
waits without the flood and with it, and what those of the flood wait. x itself, x smtpseal:
how many times as good as that, by the first column, or where the smarthost is far by p50, by
handshakes (HS) or by memory (S5). *: the client has its answer before the smarthost has it."""


def medians(runs: Sequence[Figures]) -> Figures:
    names = {name for run in runs for name in run}
    return {name: median([run[name] for run in runs if name in run]) for name in names}


def number(value: float | None) -> str:
    """Three digits that count, and whole numbers whole."""
    if value is None:
        return "-"
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(scenario: Scenario, peer: Peer, figures: Figures, other: Figures | None) -> str:
    if other is None or scenario.key not in figures or scenario.key not in other:
        return "-"
    if peer.answers_early and scenario.key == "p50_ms":
        return "-"
    mine, theirs = figures[scenario.key], other[scenario.key]
    if scenario.is_less_better:
        mine, theirs = theirs, mine
    return f"{mine / theirs:.2f}" if theirs > 0 and mine > 0 else "-"


def print_cell(
    scenario: Scenario, cell: Cell, results: dict[str, Figures], peers: Sequence[Peer]
) -> None:
    """One block of lines: every peer, at one concurrency."""
    columns = COLUMNS.get(scenario.name, SENDING)
    for peer in peers:
        figures = results.get(peer.name)
        if figures is None:
            continue
        values = [number(figures.get(name)) for _, name in columns]
        others = [results.get(name) for name in ("itself", "smtpseal")]
        ratios = [ratio(scenario, peer, figures, other) for other in others]
        name = peer.name + ("*" if peer.answers_early else "")
        print(line(cell.label, name, values, ratios))


def line(label: str, peer: str, values: Sequence[str], ratios: Sequence[str]) -> str:
    cells = "".join(f"{value:>9}" for value in values)
    return f"{label:>4} {peer:<11}{cells}{ratios[0]:>9}{ratios[1]:>11}"


def print_scenario(scenario: Scenario, results: Results, peers: Sequence[Peer]) -> None:
    print(f"\n{scenario.name}: {scenario.about}")
    columns = COLUMNS.get(scenario.name, SENDING)
    print(line("c", "peer", [heading for heading, _ in columns], ["x itself", "x smtpseal"]))
    for cell in scenario.cells:
        here = {peer: runs for (label, peer), runs in results.items() if label == cell.label}
        found = {peer: medians(runs) for peer, runs in here.items()}
        print_cell(scenario, cell, found, peers)
    for (label, peer), runs in results.items():
        faults = {name: sum(run.get(name, 0) for run in runs) for name in FAULTS}
        text = ", ".join(f"{count:.0f} {name}" for name, count in faults.items() if count)
        if text:
            print(f"!   {peer}, c={label}: {text}")


def print_targets(everything: Mapping[str, Results]) -> None:
    """A line for each target whose scenario and peers were measured."""
    judged = targets.judge(
        {
            scenario: {key: medians(runs) for key, runs in results.items()}
            for scenario, results in everything.items()
        }
    )
    if not judged:
        return
    print(f"\n{'target':<10}{'c':>4}  {'wanted of smtpseal':<28}{'measured':>10}{'bound':>10}")
    for scenario, label, text, value, bound, verdict in judged:
        figures = f"{number(value):>10}{number(bound):>10}"
        print(f"{scenario:<10}{label:>4}  {text:<28}{figures}  {verdict}")
