"""The store alone, killed at every call and at random, life after life on the same folder."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from faults import Faults
from seal import Trouble, sanitizer_options

STEPS = 12
CALLS_A_MAIL = 25  # at a start, about
EVERY_CALL = range(1, 3000)  # no life has so many


@dataclass
class Fate:
    """Of one mail, as far as the store said."""

    is_accepted: bool = False
    may_be_gone: bool = False  # its removal has begun
    is_gone: bool = False
    places: set[str] = field(default_factory=lambda: {"queue"})
    attempts: tuple[int, int] = (0, 0)  # at least, at most
    doubts: set[str] = field(default_factory=lambda: {"sure"})


class Model:
    """What must be found at the next start."""

    def __init__(self) -> None:
        self.fates: dict[str, Fate] = {}

    def tell(self, line: str) -> None:
        words = line.split()
        if words[0] in ("begin", "done"):
            self.learn(words[0] == "done", words[1], words[2], int(words[3]) if words[3:] else 0)

    def learn(self, is_done: bool, operation: str, mail: str, number: int) -> None:
        fate = self.fates.setdefault(mail, Fate())
        if operation == "accept":
            fate.is_accepted = is_done
        elif operation == "update":
            fate.attempts = (number if is_done else fate.attempts[0], number)
        elif operation == "sending":
            fate.doubts = {"doubt"} if is_done else fate.doubts | {"doubt"}
        elif operation == "refused":
            # What was in doubt at a start stays so.
            fate.doubts = fate.doubts | {"sure"} if not is_done else {"sure", "doubt"}
        elif operation == "remove":
            fate.may_be_gone, fate.is_gone = True, is_done
        elif operation == "fail":
            fate.places = {"failed"} if is_done else {"queue", "failed"}
            fate.doubts = {"sure", "doubt"}
        elif operation == "restore":
            fate.places = {"queue"} if is_done else {"queue", "failed"}
            fate.attempts = (0, fate.attempts[1])
            fate.doubts = {"sure", "doubt"}

    def compare(self, lines: list[str]) -> list[str]:
        """What is wrong with what a start has found. Afterwards the model believes that start."""
        problems = [line for line in lines if line.split()[0] in ("damaged", "foreign")]
        found: dict[str, Fate] = {}
        for line in lines:
            if not line.startswith("found "):
                continue
            _, place, mail, attempts, doubt, content = line.split()
            if mail in found:
                problems.append(f"{mail} is there twice")
            fate = self.fates.get(mail, Fate(is_gone=True))
            problems += [
                f"{mail}: {each}" for each in faults_of(fate, place, int(attempts), doubt, content)
            ]
            found[mail] = Fate(True, False, False, {place}, (int(attempts),) * 2, {doubt})
        for mail, fate in self.fates.items():
            if fate.is_accepted and not fate.may_be_gone and mail not in found:
                problems.append(f"{mail} is lost")
        self.fates = found
        return problems


def faults_of(fate: Fate, place: str, attempts: int, doubt: str, content: str) -> list[str]:
    faults = []
    if fate.is_gone:
        faults.append("was removed, or never heard of, and is back")
    if place not in fate.places:
        faults.append(f"is in {place}, not in {fate.places}")
    if not fate.attempts[0] <= attempts <= fate.attempts[1]:
        faults.append(f"has {attempts} attempts, not {fate.attempts}")
    if place == "queue" and doubt not in fate.doubts:
        faults.append(f"is {doubt}, not {fate.doubts}")
    if content != "whole":
        faults.append(f"is {content}")
    return faults


class StoreProof:
    """`program` is spool_life."""

    def __init__(self, program: Path, library: Path, folder: Path) -> None:
        self.program = program
        self.spool = folder / "spool"
        self.output = folder / "output"
        self.faults = Faults(library, folder / "control", self.spool)
        preloaded = self.faults.environment(program)
        self.environment = {**os.environ, **sanitizer_options(), **preloaded}
        self.model = Model()
        self.checked = 0  # mails, each at each start
        self.deaths = 0

    def start_anew(self) -> None:
        shutil.rmtree(self.spool, ignore_errors=True)
        self.model = Model()

    def live(self, seed: int, steps: int, what: str, may_fail: bool = False) -> bool:
        """One life, compared with all before it. False: it was killed, or gave up as it may."""
        with open(self.output, "wb") as output:
            done = subprocess.run(
                [self.program, self.spool, str(seed), str(steps)],
                stdout=output,
                env=self.environment,
                check=False,
                timeout=60,
            )
        lines = self.output.read_text(encoding="utf-8").splitlines()
        problems = []
        if "open" in lines:
            self.checked += len(self.model.fates)
            problems = self.model.compare(lines)
            for line in lines:
                self.model.tell(line)
        if done.returncode == -signal.SIGKILL:
            self.deaths += 1
        elif done.returncode != 0 and not (may_fail and done.returncode == 1):
            problems.append(f"ended with {done.returncode}: {lines[-1:]}")
        if problems:
            raise Trouble(f"{what}:\n  " + "\n  ".join(problems))
        return done.returncode == 0

    def kill_at(self, seed: int, calls: Iterable[int]) -> None:
        """The same life, killed at each of these calls; it stops at one that does not come."""
        for at in calls:
            deed = ("kill-before", "kill-torn")[at % 2]
            if not self.disturb(seed, f"seed {seed}, {deed} call {at}", deed, at):
                return

    def fail_at(self, seed: int, calls: Iterable[int], error: str) -> None:
        """The same life, each of these calls failing; it gives up when told of it."""
        for at in calls:
            if not self.disturb(seed, f"seed {seed}, {error} at call {at}", "fail", at, error):
                return

    def disturb(self, seed: int, what: str, deed: str, at: int, error: str = "EIO") -> bool:
        """A life from the beginning, and what it leaves. False: it has no such call."""
        self.start_anew()
        self.faults.plan(deed, at=at, to=at, error=error)
        self.live(seed, STEPS, what, may_fail=deed == "fail")
        was_reached, last = self.faults.acted > 0, self.faults.last
        self.faults.plan("none")
        self.live(0, 0, f"{what}, {last}")
        return was_reached

    def kill_at_random(self, seed: int, lives: Iterable[int]) -> None:
        """Life after life on one folder, recovery killed as well."""
        chance = random.Random(seed)
        for life in lives:
            # A start looks at every mail that is there; then comes what is new.
            start = 40 + CALLS_A_MAIL * len(self.model.fates)
            at = (
                chance.randrange(1, start)
                if chance.random() < 0.3
                else start + chance.randrange(300)
            )
            self.faults.plan(
                chance.choice(("kill-before", "kill-torn", "kill-after")), at=at, to=at
            )
            self.live(chance.getrandbits(30), STEPS, f"seed {seed}, life {life}, call {at}")
        self.faults.plan("none")
        self.live(0, 0, f"seed {seed}, the end")
