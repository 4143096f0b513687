"""A clock that jumps: nothing expires early, nothing is stuck."""

from __future__ import annotations

import random
import time

from clients import Client
from ledger import Outcome
from mails import make_mail
from place import Place
from scenarios import BUSY, SMALL
from seal import Seal, Trouble

DAY = 86_400.0
JUMPS = {
    "a day back": -DAY,
    "a day on": DAY,
    "ten years back": -3650 * DAY,
    "ten years on": 3650 * DAY,
}
OBSERVED = 3.0  # seconds after a jump in which nothing must be given up


def send(place: Place, seal: Seal, chance: random.Random) -> str:
    """Returns the token of a mail that was acknowledged."""
    attempt = Client(chance).send(seal.ports[0], make_mail(chance, SMALL), place.ledger)
    if attempt.outcome is not Outcome.acknowledged:
        raise Trouble(f"a client hears {attempt.reply}\n{seal.last_words()}")
    return attempt.token


def jump_while_it_runs(place: Place, seconds: float) -> None:
    """Mails wait, the clock jumps, more mails come; once the smarthost is well all are delivered,
    and nobody was told otherwise."""
    folder = place.round_folder()
    faults = place.faults(folder)
    chance = random.Random(seconds)
    seal = place.seal(folder, place.setting(deliveries=("queue",)), faults)
    place.keeper.rules(BUSY)
    try:
        seal.start()
        tokens = [send(place, seal, chance) for _ in range(3)]
        faults.shift(wall_seconds=seconds)
        tokens.append(send(place, seal, chance))
        seal.flush()
        time.sleep(OBSERVED)
        nobody_was_told(place, tokens)
        place.keeper.rules()
        seal.flush()
        place.settle(seal)
        nobody_was_told(place, tokens)
        seal.stop()
        place.close_round(seal, f"the clock jumped by {seconds} s")
    finally:
        seal.end()


def jump_while_it_is_down(place: Place, seconds: float) -> None:
    """Mails wait, the program ends, and begins at another time."""
    folder = place.round_folder()
    faults = place.faults(folder)
    chance = random.Random(seconds)
    seal = place.seal(folder, place.setting(deliveries=("queue",)), faults)
    place.keeper.rules(BUSY)
    try:
        seal.start()
        tokens = [send(place, seal, chance) for _ in range(3)]
        seal.stop()
        faults.shift(wall_seconds=seconds)
        place.keeper.rules()
        seal.start()
        tokens.append(send(place, seal, chance))
        place.settle(seal)
        nobody_was_told(place, tokens)
        seal.stop()
        place.close_round(seal, f"a start {seconds} s off")
    finally:
        seal.end()


def nobody_was_told(place: Place, tokens: list[str]) -> None:
    arrivals = place.journal.read()
    told = [token for token in tokens if token in arrivals.notices]
    if told:
        raise Trouble(f"given up early: {told}")


def expires_in_time(place: Place) -> None:
    """When all clocks say that five days have gone by, the sender is told."""
    folder = place.round_folder()
    faults = place.faults(folder)
    chance = random.Random(5)
    seal = place.seal(folder, place.setting(deliveries=("queue",)), faults)
    place.keeper.rules({"point": "rcpt", "do": "refuse", "reply": "450 4.2.1 Busy", "times": 1})
    try:
        seal.start()
        send(place, seal, chance)
        wait_for_attempt(seal)
        place.keeper.rules({"point": "rcpt", "do": "refuse", "reply": "450 4.2.1 Busy", "times": 1})
        faults.shift(wall_seconds=6 * DAY, monotonic_seconds=6 * DAY)
        seal.flush()
        place.settle(seal)
        seal.stop()
        place.close_round(seal, "after six days")
    finally:
        seal.end()
    if not place.verdict().counts["notices"]:
        raise Trouble("after six days it was delivered, not given up")


def wait_for_attempt(seal: Seal) -> None:
    """Until the smarthost has refused the mail once."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if b"450 4.2.1" in seal.log.read_bytes():
            return
        time.sleep(0.01)
    raise Trouble(f"no attempt to deliver: {seal.last_words()}")
