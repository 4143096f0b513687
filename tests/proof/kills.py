"""SIGKILL at random under load, with whatever goes wrong at the smarthost meanwhile."""

from __future__ import annotations

import random
import time
from typing import Any

from crowd import Crowd, Mix
from place import Place
from seal import Seal

CLIENTS = 10
LIVES = (0.005, 0.25)  # seconds from ready to SIGKILL, at least and at most
SLOWNESS = 3.0  # so many times what it takes to start longer: a sanitizer slows down everything

# Now and then each; between them it is well.
TROUBLES: tuple[dict[str, Any], ...] = (
    {"point": "taken", "do": "late", "chance": 0.1, "seconds": 0.05},
    {"point": "taken", "do": "lose", "chance": 0.03},
    {"point": "end", "do": "reset", "chance": 0.03},
    {"point": "end", "do": "refuse", "chance": 0.03},
    {"point": "body", "do": "lose", "chance": 0.03},
    {"point": "rcpt", "do": "lose", "chance": 0.02},
    {"point": "mail", "do": "refuse", "chance": 0.02},
    {"point": "greeting", "do": "refuse", "chance": 0.02, "reply": "421 4.3.2 Not now"},
)


def kill_under_load(
    place: Place,
    count: int,
    seed: int,
    deliveries: tuple[str, ...],
    workers: int,
    seconds: float = 3600.0,
    mix: Mix | None = None,
) -> int:
    """Kills and restarts it `count` times, or for `seconds`, then lets it deliver what it owes.
    Returns how often it was killed."""
    chance = random.Random(seed)
    folder = place.round_folder()
    setting = place.setting(deliveries=deliveries, workers=workers)
    seal = place.seal(folder, setting)
    ports: list[int] = []
    deadline = time.monotonic() + seconds
    place.keeper.rules(*TROUBLES)
    try:
        with Crowd(CLIENTS, seed, mix or Mix(), place.ledger, lambda: list(ports)):
            while seal.kills < count and time.monotonic() < deadline:
                began = time.monotonic()
                seal.start()
                ports[:] = seal.ports
                slowness = SLOWNESS * (time.monotonic() - began)
                time.sleep(chance.uniform(LIVES[0], LIVES[1] + slowness))
                ports.clear()
                seal.kill()
            place.keeper.rules()
            seal.start()
            ports[:] = seal.ports
        finish(place, seal, f"killed {seal.kills} times, seed {seed}, {deliveries}, {workers}")
    finally:
        seal.end()
    return seal.kills


def finish(place: Place, seal: Seal, what: str) -> None:
    """The smarthost is well: everything is delivered, the program stops, the books agree."""
    place.keeper.rules()
    if seal.has_spool:
        seal.flush()
    place.settle(seal)
    seal.stop()
    place.close_round(seal, what)
