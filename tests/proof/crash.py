"""SIGKILL at every call that touches the spool, one after another, in every story."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from faults import FILES
from place import Place
from scenarios import STORIES, Stage, Story

MOST_CALLS = 3000  # of one story: it goes on for ever if it has more

# Before each call on a file or a socket; and in the midst of each write.
WAYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kill-before", (*FILES, "talk")),
    ("kill-torn", ("write",)),
)


@dataclass(frozen=True)
class Sweep:
    story: Callable[[], Story]
    deed: str
    kinds: tuple[str, ...]
    workers: int

    @property
    def name(self) -> str:
        return f"{self.story().name}, {self.deed}, {self.workers} workers"


def all_sweeps() -> list[Sweep]:
    return [
        Sweep(story, deed, kinds, workers)
        for workers in (1, 2)
        for story in STORIES
        for deed, kinds in WAYS
    ]


def run_once(place: Place, sweep: Sweep, at: int, seed: int) -> bool:
    """The story with the `at`-th call as the last. False: it ended before that."""
    story = sweep.story()
    folder = place.round_folder()
    faults = place.faults(folder)
    setting = place.setting(deliveries=(story.delivery,), workers=sweep.workers)
    seal = place.seal(folder, setting, faults)
    place.keeper.order(rules=[], later=False)
    stage = Stage(place, seal, faults, random.Random(f"{seed}/{sweep.name}/{at}"))
    try:
        story.before(stage)
        faults.plan(sweep.deed, at=at, to=at, kinds=sweep.kinds)
        if seal.start(may_die=True):
            story.act(stage)
            if seal.is_alive and faults.acted == 0:
                seal.stop(may_be_killed=True)
            if faults.acted:
                seal.wait_for_death()
        was_reached, last = faults.acted > 0, faults.last
        faults.plan("none")
        place.keeper.order(rules=[], later=False)
        seal.start()
        story.after(stage)
        place.settle(seal)
        seal.stop()
        place.close_round(seal, f"{sweep.name}: call {at}, {last}")
    finally:
        seal.end()
    return was_reached


def sweep_all(place: Place, sweep: Sweep, seed: int) -> int:
    """Every call of the story, the first, the second and so on. Returns how many there were."""
    for at in range(1, MOST_CALLS):
        if not run_once(place, sweep, at, seed):
            return at - 1
    return MOST_CALLS


def sweep_some(place: Place, sweep: Sweep, at: Iterable[int], seed: int) -> int:
    """Some of the calls. Returns how many were reached."""
    return sum(run_once(place, sweep, each, seed) for each in at)
