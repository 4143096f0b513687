"""What tests of the real program share: its place, made anew for each class."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

from keepers import Keeper, make_certificates
from place import Place


def paths_given() -> list[Path]:
    """PROGRAM and LIBRARY of the command line."""
    return [Path(each).absolute() for each in sys.argv[1:] if "/" in each]


class ProofCase(unittest.TestCase):
    """A keeper and an empty ledger for each test."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="proof-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        make_certificates(self.folder)
        keeper = Keeper(self.folder)
        self.addCleanup(keeper.kill)
        keeper.start()
        program, library = paths_given()[:2]
        self.place = Place(program, library, self.folder, keeper)
