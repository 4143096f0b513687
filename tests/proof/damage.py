"""Spool files damaged by hand, by a disk, or by somebody who put something else there: what is
damaged is put aside and named, nothing else suffers, and never is altered mail delivered."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mails import TOKEN_IN_ADDRESS
from place import Place
from scenarios import BUSY
from seal import Seal, Trouble
from clock import send

GIB = 1 << 30


@dataclass(frozen=True)
class Damage:
    """Done to a file of one mail; `is_told`: the log must name it."""

    name: str
    suffix: str  # of the file
    do: Callable[[Path, random.Random], None]


def flip(file: Path, chance: random.Random) -> None:
    octets = bytearray(file.read_bytes())
    octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
    file.write_bytes(bytes(octets))


def truncate(file: Path, chance: random.Random) -> None:
    os.truncate(file, chance.randrange(file.stat().st_size))


def empty(file: Path, _: random.Random) -> None:
    os.truncate(file, 0)


def lengthen(file: Path, _: random.Random) -> None:
    with open(file, "ab") as tail:
        tail.write(b"more\r\n")


def make_sparse(file: Path, _: random.Random) -> None:
    os.truncate(file, GIB)


def zero(file: Path, _: random.Random) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def remove(file: Path, _: random.Random) -> None:
    file.unlink()


def make_folder(file: Path, _: random.Random) -> None:
    file.unlink()
    file.mkdir()


def make_pipe(file: Path, _: random.Random) -> None:
    file.unlink()
    os.mkfifo(file)


def make_link(file: Path, _: random.Random) -> None:
    moved = file.parent.parent.parent / "elsewhere"
    file.rename(moved)
    file.symlink_to(moved)


DEEDS = (
    flip,
    truncate,
    empty,
    lengthen,
    make_sparse,
    zero,
    remove,
    make_folder,
    make_pipe,
    make_link,
)
# A mail without an envelope is one that was never accepted (store.h): nobody misses it.
DAMAGES = [
    Damage(f"{deed.__name__} {suffix}", suffix, deed)
    for deed in DEEDS
    for suffix in (".mail", ".envelope")
    if (deed, suffix) != (remove, ".envelope")
]

STRANGERS: dict[str, Callable[[Path], object]] = {
    "README": lambda path: path.write_text("not a mail"),
    "0123456789abcdef.mail.orig": lambda path: path.write_text("x"),
    "0123456789ABCDEF.envelope": lambda path: path.write_text("x"),
    "folder": lambda path: path.mkdir(),
    "0123456789abcdef.folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "\udcff\n$(id)": lambda path: path.write_text("x"),
}


def is_delivered(place: Place, token: str) -> bool:
    return token in place.journal.read().mails


def damage_one(place: Place, damage: Damage, seed: int) -> bool:
    """Of three mails that wait one is damaged. Returns whether it was put aside (a file can be such
    that the mail is as it was: then it may be delivered)."""
    folder = place.round_folder()
    chance = random.Random(f"{damage.name}/{seed}")
    seal = place.seal(folder, place.setting(deliveries=("queue",)))
    place.keeper.rules(BUSY)
    what = f"{damage.name}, seed {seed}"
    try:
        seal.start()
        tokens = [send(place, seal, chance) for _ in range(3)]
        seal.stop()
        envelopes = sorted((seal.spool / "queue").glob("*.envelope"))
        victim = chance.choice(envelopes)
        token = TOKEN_IN_ADDRESS.findall(victim.read_text(encoding="utf-8"))[0]
        damage.do(victim.with_suffix(damage.suffix), chance)
        place.keeper.rules()
        place.dropped.add(token)
        seal.start()
        place.settle(seal)
        seal.stop()
        others = [each for each in tokens if each != token]
        if not all(is_delivered(place, each) for each in others):
            raise Trouble(f"{what}: others suffered\n{seal.last_words()}")
        was_delivered = is_delivered(place, token)
        if not was_delivered:
            must_be_told(seal, victim.stem, what)
        place.close_round(seal, what)
    finally:
        seal.end()
    return not was_delivered


def must_be_told(seal: Seal, mail: str, what: str) -> None:
    """The log names it, and whatever was left of it is in failed/."""
    told = [
        event
        for event in seal.events()
        if mail in str(event) and event["level"] in ("warn", "error")
    ]
    if not told:
        raise Trouble(f"{what}: the log does not name {mail}\n{seal.last_words()}")
    if not [name for name in os.listdir(seal.spool / "failed") if mail in name]:
        raise Trouble(f"{what}: nothing of {mail} is in failed/\n{seal.last_words()}")


def strangers(place: Place) -> None:
    """Files that are not ours stay where they are; mail goes on."""
    folder = place.round_folder()
    chance = random.Random(7)
    seal = place.seal(folder, place.setting(deliveries=("queue",)))
    place.keeper.rules(BUSY)
    try:
        seal.start()
        tokens = [send(place, seal, chance) for _ in range(2)]
        seal.stop()
        for where in ("queue", "failed"):
            for name, make in STRANGERS.items():
                make(seal.spool / where / name)
        place.keeper.rules()
        seal.start()
        tokens.append(send(place, seal, chance))
        wait_for(place, tokens, seal)
        seal.stop()
        for where in ("queue", "failed"):
            left = set(os.listdir(seal.spool / where))
            if missing := STRANGERS.keys() - left:
                raise Trouble(f"{where}/ lacks {missing}, which was not ours")
        place.close_round(seal, "strangers")
    finally:
        seal.end()


def wait_for(place: Place, tokens: list[str], seal: Seal) -> None:
    deadline = time.monotonic() + 30
    while not all(is_delivered(place, token) for token in tokens):
        if time.monotonic() > deadline:
            raise Trouble(f"not delivered beside strangers\n{seal.last_words()}")
        time.sleep(0.01)
