"""Hours of ordinary life: all kinds of clients, all modes at once, a smarthost that comes and goes.
What was accepted is delivered, and neither memory nor descriptors grow."""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass
from typing import Any

import clients
from crowd import Crowd, Mix
from kills import finish
from line import Cable
from network import Disturbance, far_setting
from place import Place
from seal import Seal, Trouble

CLIENTS = 8
MIX = Mix(
    kinds=(*clients.KINDS, *clients.KINDS),
    sizes=(400, 1000, 1000, 1000, 5000, 5000, 70_000, 70_000, 400_000, 2_000_000),
    recipients=(("ok",), ("ok",), ("ok",), ("ok",) * 3, ("ok", "no"), ("ok",) * 40),
    pause=1.0,
)
# Of a program that has one: what is leaked is told at the end, and what was freed is given back soon.
SANITIZER = {
    "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=16"
}
WARM_UP = 0.25  # of the samples are not looked at
# What a sample may differ by for other reasons than growth: a big mail, a burst of clients.
MEMORY_SLACK_KB = 6144
DESCRIPTOR_SLACK = 12


@dataclass(frozen=True)
class Sample:
    seconds: float
    memory_kb: int
    descriptors: int


class Sampler:
    """Looks at the program every so often, from a thread."""

    def __init__(self, seal: Seal, every: float) -> None:
        self.seal = seal
        self.every = every
        self.samples: list[Sample] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self) -> Sampler:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.thread.join()

    def run(self) -> None:
        began = time.monotonic()
        while not self.is_over.wait(self.every):
            try:
                sample = Sample(
                    time.monotonic() - began, self.seal.resident_kb(), self.seal.descriptors()
                )
            except OSError:
                return  # it has died, which others notice
            self.samples.append(sample)

    def settled(self) -> list[Sample]:
        return self.samples[int(len(self.samples) * WARM_UP) :]


def growth(points: list[tuple[float, float]]) -> float:
    """How much the line through these has risen from the first to the last (least squares)."""
    if len(points) < 3:
        return 0.0
    slope, _ = statistics.linear_regression(*zip(*points))
    return slope * (points[-1][0] - points[0][0])


def figures_of(samples: list[Sample]) -> dict[str, Any]:
    memory = [sample.memory_kb for sample in samples] or [0]
    descriptors = [sample.descriptors for sample in samples] or [0]
    return {
        "samples": len(samples),
        "memory_kb": [min(memory), int(statistics.median(memory)), max(memory)],
        "memory_growth_kb": round(growth([(s.seconds, s.memory_kb) for s in samples])),
        "descriptors": [min(descriptors), int(statistics.median(descriptors)), max(descriptors)],
        "descriptor_growth": round(growth([(s.seconds, s.descriptors) for s in samples]), 1),
    }


def soak(
    place: Place,
    cable: Cable | None,
    seconds: float,
    seed: int,
    deliveries: tuple[str, ...],
    every: float = 10.0,
) -> dict[str, Any]:
    """Trouble when a promise is broken or something grows."""
    folder = place.round_folder()
    setting = far_setting(place, cable, deliveries=deliveries, workers=2)
    seal = place.seal(folder, setting, environment=SANITIZER)
    try:
        seal.start()
        with Sampler(seal, every) as sampler:
            with Disturbance(place.keeper, cable, seed, pause=4.0) as disturbance:
                with Crowd(CLIENTS, seed, MIX, place.ledger, lambda: seal.ports) as crowd:
                    wait_alive(seal, crowd, seconds)
        finish(place, seal, f"soak, seed {seed}, {deliveries}")
    finally:
        seal.end()
    figures: dict[str, Any] = {
        "seconds": round(seconds),
        **figures_of(sampler.settled()),
        "troubles": dict(disturbance.done),
    }
    place.figures.update(figures)
    if figures["memory_growth_kb"] > MEMORY_SLACK_KB:
        raise Trouble(f"memory grows: {figures}")
    if figures["descriptor_growth"] > DESCRIPTOR_SLACK:
        raise Trouble(f"descriptors grow: {figures}")
    return figures


def wait_alive(seal: Seal, crowd: Crowd, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not seal.is_alive:
            raise Trouble(f"it died: {seal.last_words()}")
        crowd.is_over.wait(min(1.0, seconds))
