"""A disk that is full, broken for a moment, or not to be written to: clients hear 4yz, never 250,
the program lives, and works again once the disk does."""

from __future__ import annotations

import contextlib
import random
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from clients import Client
from faults import ALWAYS, CHANGES, FILES
from ledger import Attempt, Outcome
from mails import make_mail
from place import Place
from scenarios import (
    BUSY,
    SMALL,
    Accept,
    AcceptAndDeliver,
    Bounce,
    Deliver,
    Fallback,
    InDoubt,
    Partial,
    Stage,
    Story,
)
from seal import Seal, Trouble

STORIES: tuple[Callable[[], Story], ...] = (
    Accept,
    AcceptAndDeliver,
    Fallback,
    Deliver,
    Partial,
    Bounce,
    InDoubt,
)
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EMFILE", "EROFS", "EACCES")
WORKS_AGAIN = 30.0  # seconds, at most, from the disk's recovery to the next 250

REFUSING = {"point": "mail", "do": "refuse"}

# Calls without which nothing can be promised. Others are hints, or are tried again.
PROMISES = ("write ", "fsync ", "fdatasync ", "rename ", "renameat ")


@dataclass(frozen=True)
class Sweep:
    story: Callable[[], Story]
    error: str
    lasts: bool  # the disk stays broken until the story is over

    @property
    def name(self) -> str:
        return f"{self.story().name}, {self.error}{' for long' if self.lasts else ''}"


def all_sweeps() -> list[Sweep]:
    return [
        Sweep(story, error, lasts)
        for error in ERRORS
        for lasts in (False, True)
        for story in STORIES
    ]


def run_once(place: Place, sweep: Sweep, at: int, seed: int) -> bool:
    """The story with the `at`-th call failing. False: it ended before that."""
    story = sweep.story()
    folder = place.round_folder()
    faults = place.faults(folder)
    seal = place.seal(folder, place.setting(deliveries=(story.delivery,)), faults)
    place.keeper.order(rules=[], later=False)
    stage = Stage(place, seal, faults, random.Random(f"{seed}/{sweep.name}/{at}"))
    what = f"{sweep.name}: call {at}"
    try:
        story.before(stage)
        faults.plan("none", kinds=FILES)
        seal.start()
        started = faults.count  # a program that cannot have its spool at start may give up
        faults.plan("fail", at=at, to=ALWAYS if sweep.lasts else at, error=sweep.error)
        story.act(stage)
        was_reached, last = faults.acted > 0, faults.last
        faults.plan("none")
        place.keeper.order(rules=[], later=False)
        must_work_again(stage, f"{what} ({last}) of {started} and more")
        seal.stop()
        # What could not be brought to an end is found at the next start.
        seal.start()
        place.settle(seal, may_put_aside=True)
        seal.stop()
        place.close_round(seal, f"{what}, {last}")
    finally:
        seal.end()
    return was_reached


def must_work_again(stage: Stage, what: str) -> None:
    """A client is served before long, by the same process."""
    deadline = time.monotonic() + WORKS_AGAIN
    while time.monotonic() < deadline:
        if not stage.seal.is_alive:
            raise Trouble(f"{what}: it died: {stage.seal.last_words()}")
        attempt = stage.send(SMALL)
        if attempt and attempt.outcome is Outcome.acknowledged:
            return
        time.sleep(0.02)
    raise Trouble(f"{what}: it does not work again: {attempt}\n{stage.seal.last_words()}")


def sweep_all(place: Place, sweep: Sweep, seed: int, most: int = 3000) -> int:
    for at in range(1, most):
        if not run_once(place, sweep, at, seed):
            return at - 1
    return most


def sweep_some(place: Place, sweep: Sweep, at: Iterable[int], seed: int) -> int:
    return sum(run_once(place, sweep, each, seed) for each in at)


def never_promise_what_is_not_written(place: Place, error: str) -> int:
    """One mail, one failing call, again and again: no 250 where a write, a sync or a rename of the
    way to it failed. The books alone would not tell: the file may be there all the same."""
    place.keeper.rules(BUSY)
    folder = place.round_folder()
    faults = place.faults(folder)
    seal = place.seal(folder, place.setting(deliveries=("queue",)), faults)
    chance = random.Random(error)
    at = 0
    try:
        seal.start()
        while True:
            at += 1
            faults.plan(
                "fail", at=at, to=at, error=error, kinds=("open", "write", "sync", "rename")
            )
            attempt = Client(chance).send(seal.ports[0], make_mail(chance, SMALL), place.ledger)
            if faults.acted == 0:
                break
            if attempt.outcome is Outcome.acknowledged and is_promise(faults.last, attempt.reply):
                raise Trouble(f"{error} at {faults.last}, and {attempt}")
            must_be_temporary(attempt, error)
        faults.plan("none")
        place.keeper.rules()
        seal.stop()
        seal.start()
        place.settle(seal)
        seal.stop()
        place.close_round(seal, f"{error} before 250")
    finally:
        seal.end()
    return at - 1


def is_promise(call: str, reply: str) -> bool:
    """Whether the mail that this reply names has files or a name because of the call. What failed may
    have been for another mail that waits."""
    return call.startswith(PROMISES) and reply.split()[-1] in call


def must_be_temporary(attempt: Attempt, error: str) -> None:
    """452 of a full disk, 451 of a broken one."""
    if attempt.outcome is Outcome.acknowledged:
        return
    wanted = "452" if error in ("ENOSPC", "EDQUOT") else "45"
    if not attempt.reply.startswith(wanted):
        raise Trouble(f"{error}: a client heard {attempt.reply}")


class SmallDisk:
    """A file system for the spool, hardly bigger than what has to stay free, where this user may
    mount one."""

    def __init__(self, folder: Path, size: str = "72m") -> None:
        self.folder = folder
        self.size = size

    def __enter__(self) -> SmallDisk:
        self.folder.mkdir(mode=0o700)
        words = ["mount", "-t", "tmpfs", "-o", f"size={self.size},mode=0700", "spool"]
        subprocess.run([*words, str(self.folder)], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=False)


def fill_up(place: Place, delivery: str) -> dict[str, int]:
    """Mails until the disk is nearly full; then there is room again, and mail goes on. Then somebody
    else fills it to the last octet, and makes room again."""
    folder = place.round_folder()
    chance = random.Random(delivery)
    place.keeper.rules(BUSY)
    with SmallDisk(folder / "spool"):
        seal = place.seal(folder, place.setting(deliveries=(delivery,)))
        try:
            seal.start()
            taken, refused = 0, 0
            while refused < 5 and taken < 500:
                if send_to_full(place, seal, chance, delivery == "fallback"):
                    taken += 1
                else:
                    refused += 1
            if not taken or refused < 5:
                raise Trouble(f"{taken} were taken, {refused} refused by a disk that is full")
            place.keeper.rules()
            seal.flush()
            place.settle(seal, 90.0)
            must_serve(place, seal, chance)
            place.keeper.rules(BUSY, REFUSING)  # it has warm connections, too
            filler = folder / "spool" / "filler"
            fill(filler)
            for _ in range(5):
                if send_to_full(place, seal, chance, delivery == "fallback"):
                    raise Trouble("a disk without a free octet has taken a mail")
            filler.unlink()
            place.keeper.rules()
            must_serve(place, seal, chance)
            seal.flush()
            place.settle(seal, 90.0)
            seal.stop()
            place.close_round(seal, "a full disk")
        finally:
            seal.end()
    return {"taken": taken, "refused": refused + 5}


def send_to_full(place: Place, seal: Seal, chance: random.Random, is_fallback: bool) -> bool:
    """Whether it was taken. Trouble when a client hears something else than that it is full."""
    attempt = Client(chance).send(seal.ports[0], make_mail(chance, 300_000), place.ledger)
    # Where the smarthost is asked first, its own words may be the last.
    must_be_temporary(attempt, "EIO" if is_fallback else "ENOSPC")
    return attempt.outcome is Outcome.acknowledged


def fill(file: Path) -> None:
    octets = bytes(1 << 20)
    with open(file, "wb", buffering=0) as filler:
        try:
            while octets:
                octets = octets[: filler.write(octets)]
        except OSError:
            while octets := octets[: len(octets) // 2]:
                with contextlib.suppress(OSError):
                    filler.write(octets)


def must_serve(place: Place, seal: Seal, chance: random.Random) -> None:
    """Before long."""
    deadline = time.monotonic() + WORKS_AGAIN
    while time.monotonic() < deadline:
        attempt = Client(chance).send(seal.ports[0], make_mail(chance, SMALL), place.ledger)
        if attempt.outcome is Outcome.acknowledged:
            return
        time.sleep(0.05)
    raise Trouble(f"the disk is well, and a client hears {attempt.reply}\n{seal.last_words()}")


def forbid(place: Place, delivery: str) -> dict[str, int]:
    """The disk becomes one that is not to be written to, with mail on it, and well again."""
    folder = place.round_folder()
    faults = place.faults(folder)
    chance = random.Random(f"read-only {delivery}")
    place.keeper.rules(BUSY)
    seal = place.seal(folder, place.setting(deliveries=(delivery,)), faults)
    try:
        seal.start()
        must_serve(place, seal, chance)
        faults.plan("fail", error="EROFS", kinds=CHANGES)
        for _ in range(5):
            attempt = Client(chance).send(seal.ports[0], make_mail(chance, SMALL), place.ledger)
            if attempt.outcome is Outcome.acknowledged:
                raise Trouble(f"{attempt} on a disk that is not to be written to")
            must_be_temporary(attempt, "EROFS")
        faults.plan("none")
        place.keeper.rules()
        must_serve(place, seal, chance)
        seal.flush()
        place.settle(seal, 90.0)
        seal.stop()
        place.close_round(seal, "a disk not to be written to")
    finally:
        seal.end()
    return {"refused": 5}
