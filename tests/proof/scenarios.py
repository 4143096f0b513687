"""What a program with a spool does while it is killed, or while its disk fails: one story each.

A story is told on a stage: a fresh spool, a keeper that is well, nothing else under way. What
before() does happens undisturbed, what act() does is disturbed. Afterwards the keeper is made well,
the program is started if it died, and every mail must be accounted for.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clients import Client, Pipelining
from faults import Faults
from ledger import Attempt, Outcome
from mails import Mail, make_mail
from place import Place
from seal import Seal

BUSY = {"point": "greeting", "do": "refuse", "reply": "421 4.3.2 Busy"}
SMALL, BIG = 700, 150_000  # one is kept in memory while it is received, the other goes to a file
PATIENCE = 20.0


@dataclass
class Stage:
    place: Place
    seal: Seal
    faults: Faults
    chance: random.Random

    def send(
        self,
        size: int = SMALL,
        kinds: tuple[str, ...] = ("ok",),
        listener: int = 0,
        is_notice: bool = False,
    ) -> Attempt | None:
        """None: the program is not there any more."""
        if not self.seal.is_alive:
            return None
        mail: Mail = make_mail(self.chance, size, kinds, is_notice)
        client = self.chance.choice((Client, Pipelining))(self.chance)
        return client.send(self.seal.ports[listener], mail, self.place.ledger)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Or until the program is dead, or a failing disk has kept it from getting there."""
        deadline = time.monotonic() + (PATIENCE if self.faults.acted == 0 else 0.5)
        while self.seal.is_alive and not holds() and time.monotonic() < deadline:
            time.sleep(0.001)

    def wait_delivered(self) -> None:
        self.wait_until(lambda: not self.seal.spooled())

    def spool(self, *kinds: tuple[str, ...]) -> list[str]:
        """Mails that wait in the spool of a program that has stopped. Returns their tokens."""
        self.place.keeper.rules(BUSY)
        self.seal.start()
        attempts = [self.send(kinds=each) for each in kinds]
        assert all(each and each.outcome is Outcome.acknowledged for each in attempts), attempts
        self.seal.stop()
        self.place.keeper.rules()
        return [each.token for each in attempts if each]


class Story:
    name = ""
    delivery = "queue"

    def before(self, stage: Stage) -> None:
        """The program is stopped before and after."""

    def act(self, stage: Stage) -> None:
        """The program runs, unless it has died."""

    def after(self, stage: Stage) -> None:
        """The program runs and all is well: what has to be done for everything to be delivered."""


class Relay(Story):
    """No spool: what is said and heard is all there is."""

    name = "relay"
    delivery = "relay"

    def act(self, stage: Stage) -> None:
        stage.send(SMALL, ("ok", "no"))
        stage.place.keeper.rules({"point": "taken", "do": "lose", "times": 1})
        stage.send(SMALL)
        stage.place.keeper.rules()
        stage.send(BIG)


class Accept(Story):
    """Mails come in; nothing can be delivered."""

    name = "accept"

    def before(self, stage: Stage) -> None:
        stage.place.keeper.rules(BUSY)

    def act(self, stage: Stage) -> None:
        stage.send(SMALL)
        stage.send(BIG, ("ok", "ok"))


class AcceptAndDeliver(Story):
    """Mails come in and go out at once."""

    name = "accept-and-deliver"

    def act(self, stage: Stage) -> None:
        stage.send(SMALL)
        stage.send(BIG)
        stage.wait_delivered()


class Fallback(Story):
    """The smarthost fails: before the mail, at its beginning, at its end, and in doubt."""

    name = "fallback"
    delivery = "fallback"

    def act(self, stage: Stage) -> None:
        troubles: tuple[dict[str, Any], ...] = (
            BUSY,
            {"point": "mail", "do": "refuse", "times": 1, "reply": "451 4.3.0 Not now"},
            {"point": "body", "do": "lose", "times": 1},
            {"point": "end", "do": "refuse", "times": 1},
            {"point": "taken", "do": "lose", "times": 1},
        )
        for rule in troubles:
            stage.place.keeper.rules(rule)
            stage.send(SMALL)
        stage.place.keeper.rules()
        stage.send(BIG)


class Deliver(Story):
    """What waits is delivered after a start."""

    name = "deliver"

    def before(self, stage: Stage) -> None:
        stage.spool(("ok",), ("ok", "ok"), ("ok",))

    def act(self, stage: Stage) -> None:
        stage.wait_delivered()


class Partial(Story):
    """Of three recipients one is served, one is to be tried again, one is refused for good."""

    name = "partial"

    def before(self, stage: Stage) -> None:
        stage.place.keeper.order(later=True)
        tokens = stage.spool(("ok", "later", "no"))
        self.token = tokens[0]

    def act(self, stage: Stage) -> None:
        def is_told() -> bool:
            arrivals = stage.place.journal.read()
            return self.token in arrivals.mails and self.token in arrivals.notices

        stage.wait_until(is_told)


class Bounce(Story):
    """Nobody can be served: the sender is told; what cannot be told to anybody is put away."""

    name = "bounce"

    def act(self, stage: Stage) -> None:
        stage.send(SMALL, ("no", "no"))
        stage.send(SMALL, ("no",), is_notice=True)
        stage.wait_delivered()


class InDoubt(Story):
    """The smarthost takes the mail and is gone before it says so."""

    name = "in-doubt"

    def before(self, stage: Stage) -> None:
        stage.spool(("ok",), ("ok",))
        stage.place.keeper.rules({"point": "taken", "do": "lose", "times": 2})

    def act(self, stage: Stage) -> None:
        began = len(stage.place.journal.read().mails)
        stage.wait_until(lambda: len(stage.place.journal.read().mails) >= began + 2)


class Recover(Story):
    """A start on what an earlier death left, in the midst of anything."""

    name = "recover"

    def before(self, stage: Stage) -> None:
        stage.place.keeper.rules({"point": "taken", "do": "lose", "chance": 0.3})
        stage.faults.plan("kill-before", at=stage.chance.randrange(10, 70))
        if stage.seal.start(may_die=True):
            for _ in range(3):
                stage.send(
                    stage.chance.choice((SMALL, BIG)), stage.chance.choice((("ok",), ("ok", "no")))
                )
            stage.seal.kill()
        stage.place.keeper.rules()

    def act(self, stage: Stage) -> None:
        stage.wait_delivered()


class ByHand(Story):
    """`smtpseal queue` holds, drops and retries what waits."""

    name = "by-hand"

    def before(self, stage: Stage) -> None:
        self.tokens = stage.spool(("ok",), ("ok",), ("ok",))
        self.ids = sorted({name.split(".")[0] for name in stage.seal.spooled()})
        stage.place.keeper.rules(BUSY)

    def act(self, stage: Stage) -> None:
        # Whether it was dropped in the end or not: nobody misses it.
        stage.place.dropped.add(self.tokens[1])
        for words in (
            ("hold", self.ids[0]),
            ("drop", self.ids[1]),
            ("retry",),
            ("retry", self.ids[0]),
        ):
            if not stage.seal.is_alive:
                return
            stage.seal.queue(*words)

    def after(self, stage: Stage) -> None:
        # Who was put on hold stays so through every death.
        stage.seal.queue("retry", self.ids[0])


STORIES: tuple[Callable[[], Story], ...] = (
    Relay,
    Accept,
    AcceptAndDeliver,
    Fallback,
    Deliver,
    Partial,
    Bounce,
    InDoubt,
    Recover,
    ByHand,
)
