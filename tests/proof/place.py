"""Where a proof happens: a folder, the program, a keeper; and the end of every proof."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faults import Faults
from keepers import Keeper
from ledger import Journal, Ledger, Verdict
from mails import inspect, token_of
from seal import Seal, Setting, Trouble


def fast_folder() -> str | None:
    """Where files cost little: a process that is killed loses nothing that it wrote there."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class Place:
    """Certificates and a keeper are made once; each round has a spool and a log of its own."""

    def __init__(self, program: Path, library: Path, folder: Path, keeper: Keeper) -> None:
        self.program = program
        self.library = library
        self.folder = folder
        self.keeper = keeper
        self.journal = Journal(keeper.journal)
        self.ledger = Ledger()
        self.doubted: set[str] = set()
        self.dropped: set[str] = set()
        self.kills = 0
        self.figures: dict[str, Any] = {}  # beside what the ledger counts

    def setting(self, **rest: Any) -> Setting:
        return Setting(self.keeper.port, self.folder / "ca.pem", **rest)

    def round_folder(self) -> Path:
        """A fresh one; what was in it before is gone."""
        folder = self.folder / "round"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    def faults(self, folder: Path) -> Faults:
        return Faults(self.library, folder / "control", folder / "spool")

    def seal(
        self,
        folder: Path,
        setting: Setting,
        faults: Faults | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Seal:
        more = faults.environment(self.program) if faults else {}
        return Seal(self.program, folder, setting, {**more, **(environment or {})})

    def settle(self, seal: Seal, patience: float = 60.0, may_put_aside: bool = False) -> None:
        """Waits until whatever was acknowledged has arrived and the spool is empty. A mail that the
        disk did not let it read may have been put aside, and named."""
        deadline = time.monotonic() + patience
        pause = 0.002
        while seal.spooled() or self.owed():
            if time.monotonic() > deadline:
                owed = self.owed()
                raise Trouble(
                    f"not delivered after {patience:.0f} s: {owed[:5]}, in the spool"
                    f" {seal.spooled()[:6]}\n{seal.last_words()}"
                )
            if not seal.is_alive:
                raise Trouble(f"it died while it delivered: {seal.last_words()}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)
            if may_put_aside:
                self.dropped |= put_aside(seal)

    def owed(self) -> list[str]:
        return [
            recipient
            for recipient in self.ledger.owed(self.journal.read())
            if token_of(recipient) not in self.dropped
        ]

    def close_round(self, seal: Seal, what: str) -> None:
        """Trouble, with what helps to find the reason, unless every mail of the round is accounted
        for. The program was stopped."""
        self.doubted |= seal.doubted()
        self.kills += seal.kills
        verdict = self.ledger.judge(self.journal.read(), self.doubted, self.dropped, is_all=False)
        if verdict.problems:
            listed = "\n  ".join(verdict.problems[:20])
            raise Trouble(f"{what}:\n  {listed}\nthe log ends:\n{seal.last_words()}")
        self.ledger.turn()

    def verdict(self) -> Verdict:
        """On all rounds."""
        return self.ledger.judge(self.journal.read(), self.doubted, self.dropped)


def put_aside(seal: Seal) -> set[str]:
    """Tokens of mails in failed/ that the log names as damaged."""
    events = (event for event in seal.events() if event["event"] == "spool-damage")
    names = {event["id"] for event in events}
    failed = seal.spool / "failed"
    mails = (failed / f"{name}.mail" for name in names)
    return {inspect(mail.read_bytes()).token for mail in mails if mail.is_file()} - {""}
