"""What smtpseal is to reach, and how far it is from it: one line each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smarthosts import Figures

ITSELF, STUNNEL, SPLICE = "itself", "stunnel", "haproxy"
UNITS = {
    "rate": "msg/s",
    "mb_per_s": "MB/s",
    "p50_ms": "p50 ms",
    "cold_ms": "cold ms",
    "cpu_ms": "CPU ms",
    "kb_a_client": "kB each",
    "connections": "conns",
    "start_ms": "start ms",
    "idle_mb": "idle MB",
    "size_mb": "files MB",
    "handshakes": "full hs",
}
# The medians of one scenario, by the cell's label and the peer's name.
Medians = Mapping[tuple[str, str], Figures]


@dataclass(frozen=True)
class Target:
    """A bound for a figure of smtpseal's: `factor` times a peer's, or `factor` itself."""

    scenario: str
    label: str
    figure: str
    is_less_better: bool
    factor: float
    peer: str = ""
    who: str = "smtpseal"

    def bound(self, medians: Medians) -> float | None:
        """None: the peer was not measured."""
        if not self.peer:
            return self.factor
        theirs = medians.get((self.label, self.peer), {}).get(self.figure)
        return None if theirs is None else self.factor * theirs

    def wanted(self) -> str:
        sign = "<=" if self.is_less_better else ">="
        if not self.peer:
            return f"{sign} {self.factor:g}"
        return f"{sign} {f'{self.factor:g} x ' if self.factor != 1 else ''}{self.peer}"


def at_least(
    scenario: str,
    label: str,
    figure: str,
    factor: float,
    peer: str = "",
    who: str = "smtpseal",
) -> Target:
    return Target(scenario, label, figure, False, factor, peer, who)


def at_most(scenario: str, label: str, figure: str, factor: float, peer: str = "") -> Target:
    return Target(scenario, label, figure, True, factor, peer)


TARGETS = [
    at_least("S1", "1", "rate", 3, ITSELF),
    at_least("S1", "1", "rate", 1, SPLICE),
    at_least("S1", "10", "rate", 5, STUNNEL),
    at_least("S1", "10", "rate", 1, SPLICE),
    at_least("S1", "50", "rate", 8, STUNNEL),
    at_least("S1", "50", "rate", 1, SPLICE),
    at_most("S1", "10", "cpu_ms", 0.30),
    at_least("S1p", "1", "rate", 5, ITSELF),
    at_least("S1q", "50", "rate", 2, "postfix", "queue"),
    at_least("S1f", "10", "rate", 0.9, "smtpseal", "fallback"),
    at_least("S3f", "10", "rate", 0.9, "smtpseal", "fallback"),
    at_least("S4f", "1", "mb_per_s", 0.9, "smtpseal", "fallback"),
    at_most("S2", "1", "p50_ms", 43),
    at_most("S2", "1", "cold_ms", 1, ITSELF),
    at_most("S2", "10", "p50_ms", 45),
    at_least("S3", "10", "rate", 2.2, STUNNEL),
    at_least("S3", "10", "rate", 1, SPLICE),
    at_most("S3w", "1", "p50_ms", 43),
    at_least("S4", "1", "mb_per_s", 1, STUNNEL),
    at_least("S4", "4", "mb_per_s", 1, STUNNEL),
    at_most("S5", "5000", "kb_a_client", 4),
    at_most("S5", "5000", "connections", 0),
    at_most("S6", "-", "start_ms", 10),
    at_most("S6", "-", "idle_mb", 4),
    at_most("S6", "-", "size_mb", 5),
    at_most("HS", "10", "handshakes", 10),
]


def verdict(target: Target, value: float, bound: float) -> str:
    """Met, or missed by how much of the bound."""
    is_met = value <= bound if target.is_less_better else value >= bound
    if bound == 0:
        return "met" if is_met else "missed"
    if is_met:
        better = bound / value if target.is_less_better and value > 0 else value / bound
        return f"met {better:.2f} times" if value > 0 else "met"
    return f"missed by {abs(value / bound - 1) * 100:.0f} %"


def judge(medians: Mapping[str, Medians]) -> list[tuple[str, str, str, float, float, str]]:
    """Scenario, concurrency, what is wanted of which figure, the figure, its bound, the verdict;
    of each target for which all was measured."""
    lines = []
    for target in TARGETS:
        measured = medians.get(target.scenario, {})
        value = measured.get((target.label, target.who), {}).get(target.figure)
        bound = target.bound(measured)
        if value is None or bound is None:
            continue
        text = f"{UNITS[target.figure]} {target.wanted()}"
        line = (target.scenario, target.label, text, value, bound, verdict(target, value, bound))
        lines.append(line)
    return lines
