"""A smarthost that is restarted, frozen, flapping, or at the end of a line that loses packets."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence

from crowd import Crowd, Mix
from keepers import Keeper
from kills import TROUBLES, finish
from line import FAR, Cable
from place import Place
from seal import Setting


class Disturbance:
    """Does one bad thing after another to the smarthost and the line, from a thread, and makes
    both well again at the end."""

    def __init__(
        self,
        keeper: Keeper,
        cable: Cable | None,
        seed: int,
        pause: float = 0.3,
        deeds: Sequence[str] = (),
    ) -> None:
        self.keeper = keeper
        self.cable = cable
        self.chance = random.Random(seed)
        self.pause = pause
        everything = ["restart", "freeze", "flap", "misbehave"]
        if cable:
            everything += ["lose", "cut", "slow"]
        self.deeds = list(deeds) or everything
        self.done: Counter[str] = Counter()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.failure: BaseException | None = None

    def __enter__(self) -> Disturbance:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.thread.join()
        if self.failure:
            raise self.failure

    def run(self) -> None:
        try:
            while not self.is_over.wait(self.chance.expovariate(1 / self.pause)):
                deed = self.chance.choice(self.deeds)
                self.done[deed] += 1
                getattr(self, deed)()
            self.make_well()
        except BaseException as error:  # noqa: BLE001: it is raised again by who waits for us
            self.failure = error

    def wait(self, least: float, most: float) -> None:
        self.is_over.wait(self.chance.uniform(least, most))

    def make_well(self) -> None:
        if not self.keeper.is_alive:
            self.keeper.start()
        self.keeper.rules()
        if self.cable:
            self.cable.order(loss=0, delay_ms=0, jitter_ms=0, down=False)

    def restart(self) -> None:
        self.keeper.kill()
        self.wait(0.0, 0.5)
        self.keeper.start()

    def freeze(self) -> None:
        self.keeper.freeze()
        self.wait(0.1, 1.0)
        self.keeper.thaw()

    def flap(self) -> None:
        for _ in range(self.chance.randrange(2, 6)):
            self.keeper.kill()
            self.wait(0.05, 0.3)
            self.keeper.start()
            self.wait(0.05, 0.3)

    def misbehave(self) -> None:
        self.keeper.rules(*TROUBLES)
        self.wait(0.2, 1.0)
        self.keeper.rules()

    def lose(self) -> None:
        self.order_line(loss=self.chance.choice((0.02, 0.1, 0.3)), delay_ms=2, jitter_ms=5)

    def cut(self) -> None:
        self.order_line(down=True)

    def slow(self) -> None:
        self.order_line(delay_ms=self.chance.randrange(5, 80), jitter_ms=10)

    def order_line(self, **orders: float) -> None:
        assert self.cable
        self.cable.order(**orders)
        self.wait(0.2, 1.5)
        self.cable.order(loss=0, delay_ms=0, jitter_ms=0, down=False)


def far_setting(place: Place, cable: Cable | None, **rest: object) -> Setting:
    """Over the line, where there is one."""
    return place.setting(**rest, **({"smarthost_host": FAR} if cable else {}))


def send_through_trouble(
    place: Place,
    cable: Cable | None,
    seconds: float,
    seed: int,
    deliveries: tuple[str, ...],
    workers: int,
    clients: int = 6,
) -> Counter[str]:
    """Clients send for so long while everything happens; then everything must be delivered.
    Returns what happened, by name."""
    seal = place.seal(
        place.round_folder(), far_setting(place, cable, deliveries=deliveries, workers=workers)
    )
    try:
        seal.start()
        with Disturbance(place.keeper, cable, seed) as disturbance:
            with Crowd(clients, seed, Mix(pause=0.05), place.ledger, lambda: seal.ports) as crowd:
                crowd.is_over.wait(seconds)
        finish(place, seal, f"trouble, seed {seed}, {deliveries}, {workers} workers")
    finally:
        seal.end()
    return disturbance.done
