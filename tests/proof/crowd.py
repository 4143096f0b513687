"""Many clients at once, for as long as wanted, against a program that may die meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import clients
from clients import Client
from ledger import Ledger
from mails import Mail, make_mail


@dataclass(frozen=True)
class Mix:
    """What clients do."""

    kinds: Sequence[Callable[[random.Random], Client]] = clients.KINDS
    sizes: Sequence[int] = (400, 1000, 1000, 5000, 70_000)
    recipients: Sequence[tuple[str, ...]] = (("ok",), ("ok",), ("ok",) * 3, ("ok", "no"))
    pause: float = 0.0  # seconds between two mails of a client, on average
    last_refusal: float = field(default=0.02)  # seconds to wait after a refusal

    def mail(self, chance: random.Random) -> Mail:
        return make_mail(chance, chance.choice(self.sizes), chance.choice(self.recipients))


class Crowd:
    """`ports` says where the program listens now; each client takes one of them by chance."""

    def __init__(
        self, count: int, seed: int, mix: Mix, ledger: Ledger, ports: Callable[[], Sequence[int]]
    ) -> None:
        self.mix = mix
        self.ledger = ledger
        self.ports = ports
        self.is_over = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(random.Random(f"{seed}/{number}"),))
            for number in range(count)
        ]

    def __enter__(self) -> Crowd:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Returns when every client has had its last reply."""
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def run(self, chance: random.Random) -> None:
        while not self.is_over.is_set():
            ports = self.ports()
            if not ports:
                time.sleep(0.002)
                continue
            client = chance.choice(self.mix.kinds)(chance)
            attempt = client.send(chance.choice(ports), self.mix.mail(chance), self.ledger)
            if not attempt.reply.startswith("2"):
                self.is_over.wait(self.mix.last_refusal)
            if self.mix.pause:
                self.is_over.wait(chance.expovariate(1 / self.mix.pause))
