#!/usr/bin/env python3
"""Proves the promises under fire:

    proof.py PROGRAM LIBRARY PART [--minutes N] [--seed N] [--json FILE]

contrib/prove builds what it needs and calls it; tests/README.md says what each part does. Ends with
a JSON object of counts, and with 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import clock
import crash
import damage
import disk
import line
from keepers import Keeper, make_certificates
from kills import kill_under_load
from network import send_through_trouble
from place import Place, fast_folder
from seal import Trouble
from soak import soak
from store_crash import EVERY_CALL, StoreProof

# Listeners of one configuration.
MODES = (("relay",), ("fallback",), ("queue",), ("relay", "fallback", "queue"))
ALL_MODES = MODES[-1]


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def prove_kills(place: Place, minutes: float, seed: int) -> None:
    """SIGKILL at random under load, in every mode, with one worker and with two, in turn."""
    deadline = time.monotonic() + minutes * 60
    while time.monotonic() < deadline:
        for deliveries in MODES:
            for workers in (1, 2):
                left = max(1.0, deadline - time.monotonic())
                kill_under_load(place, 200, seed, deliveries, workers, left)
                say(f"{deliveries}, {workers} workers: {place.kills} kills so far")
        seed += 1


def prove_store(place: Place, minutes: float, seed: int) -> None:
    """The store alone: every call of life after life, deaths and errors in turn."""
    deadline = time.monotonic() + minutes * 60
    proof = StoreProof(place.library.parent / "spool_life", place.library, place.round_folder())
    while time.monotonic() < deadline:
        proof.kill_at(seed, EVERY_CALL)
        for error in disk.ERRORS:
            proof.fail_at(seed, EVERY_CALL, error)
        proof.start_anew()
        proof.kill_at_random(seed, range(1000))
        say(f"seed {seed}: {proof.deaths} deaths, {proof.checked} mails looked at")
        seed += 1
    place.figures.update(store_deaths=proof.deaths, store_mails_looked_at=proof.checked)


def prove_crash(place: Place, minutes: float, seed: int) -> None:
    """Every call of every story; then at random under load for the rest of the time."""
    deadline = time.monotonic() + minutes * 60
    for sweep in crash.all_sweeps():
        began = time.monotonic()
        calls = crash.sweep_all(place, sweep, seed)
        say(f"{sweep.name}: {calls} calls, {time.monotonic() - began:.0f} s")
    place.figures["kills_at_calls"] = place.kills
    prove_kills(place, max(0.1, (deadline - time.monotonic()) / 60), seed)


def prove_disk(place: Place, minutes: float, seed: int) -> None:
    """Every call of every story failing, with every error; a full disk; clocks; damage. Until all
    was done once, however long that takes."""
    del minutes
    failures = 0
    for error in disk.ERRORS:
        failures += disk.never_promise_what_is_not_written(place, error)
    for sweep in disk.all_sweeps():
        began = time.monotonic()
        calls = disk.sweep_all(place, sweep, seed)
        failures += calls
        say(f"{sweep.name}: {calls} calls, {time.monotonic() - began:.0f} s")
    place.figures["failures"] = failures
    for name, jump in clock.JUMPS.items():
        clock.jump_while_it_runs(place, jump)
        if abs(jump) <= clock.DAY or jump < 0:
            clock.jump_while_it_is_down(place, jump)
        say(f"the clock goes {name}")
    clock.expires_in_time(place)
    aside = sum(
        damage.damage_one(place, each, seed + n) for each in damage.DAMAGES for n in range(10)
    )
    damage.strangers(place)
    place.figures["damaged_and_put_aside"] = aside
    for delivery in ("queue", "fallback"):
        say(f"a disk not to be written to, {delivery}: {disk.forbid(place, delivery)}")
    if line.is_in_namespace():
        for delivery in ("queue", "fallback"):
            say(f"a full disk, {delivery}: {disk.fill_up(place, delivery)}")


def prove_network(place: Place, minutes: float, seed: int) -> None:
    """Everything that a smarthost and a network do to mail, again and again."""
    deadline = time.monotonic() + minutes * 60
    with line_if_any() as cable:
        happened: Counter[str] = Counter()
        while time.monotonic() < deadline:
            for deliveries in MODES:
                for workers in (1, 2):
                    left = max(5.0, min(30.0, deadline - time.monotonic()))
                    happened += send_through_trouble(place, cable, left, seed, deliveries, workers)
                    say(f"{deliveries}, {workers} workers: {dict(happened)}")
            seed += 1
        place.figures["troubles"] = dict(happened)


def prove_soak(place: Place, minutes: float, seed: int) -> None:
    """One long life in which nothing may grow."""
    with line_if_any() as cable:
        say(json.dumps(soak(place, cable, minutes * 60, seed, ALL_MODES)))


@contextlib.contextmanager
def line_if_any() -> Iterator[line.Cable | None]:
    if line.is_in_namespace():
        with line.Cable() as cable:
            yield cable
    else:
        say(f"without a line that loses packets: {line.why_no_namespace()}")
        yield None


PARTS: dict[str, Callable[[Place, float, int], None]] = {
    "store": prove_store,
    "kills": prove_kills,
    "crash": prove_crash,
    "disk": prove_disk,
    "network": prove_network,
    "soak": prove_soak,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.part in ("disk", "network", "soak") and not line.why_no_namespace():
        line.run_in_namespace()
    with tempfile.TemporaryDirectory(prefix="proof-", dir=fast_folder()) as name:
        folder = Path(name)
        make_certificates(folder)
        address = "0.0.0.0" if line.is_in_namespace() else "127.0.0.1"
        with Keeper(folder, address=address) as keeper:
            place = Place(given.program.absolute(), given.library.absolute(), folder, keeper)
            problems = []
            try:
                PARTS[given.part](place, given.minutes, given.seed)
            except Trouble as trouble:
                problems = [str(trouble)]
            verdict = place.verdict()
    counts = {"part": given.part, "kills": place.kills, **verdict.counts, **place.figures}
    counts["problems"] = len(problems) + len(verdict.problems)
    for problem in problems + verdict.problems[:20]:
        say(problem)
    print(json.dumps(counts))
    if given.json:
        given.json.write_text(json.dumps(counts) + "\n", encoding="utf-8")
    return 1 if counts["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
