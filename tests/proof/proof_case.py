"""What tests of the real program share: its place, made anew for each class."""

from __future__ import annotations

import sys
import tempfile
import time
import unittest
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from keepers import Keeper, make_certificates
from line import is_in_namespace
from place import Place, fast_folder


def paths_given() -> list[Path]:
    """PROGRAM and LIBRARY of the command line."""
    return [Path(each).absolute() for each in sys.argv[1:] if "/" in each]


Item = TypeVar("Item")


def within(seconds: float, items: Iterable[Item]) -> Iterator[Item]:
    """As many of them as there is time for: a sanitizer makes everything ten times slower."""
    deadline = time.monotonic() + seconds
    for item in items:
        if time.monotonic() > deadline:
            return
        yield item


class ProofCase(unittest.TestCase):
    """A keeper and an empty ledger for each test."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="proof-", dir=fast_folder())
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        make_certificates(self.folder)
        # In a namespace of our own everything is: it has no other address but the line's.
        keeper = Keeper(self.folder, address="0.0.0.0" if is_in_namespace() else "127.0.0.1")
        self.addCleanup(keeper.kill)
        keeper.start()
        program, library = paths_given()[:2]
        self.place = Place(program, library, self.folder, keeper)
