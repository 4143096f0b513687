#!/usr/bin/env python3
"""The spool's store killed and failed at its calls, briefly: store_test.py SPOOL_LIFE LIBRARY."""

from __future__ import annotations

import random
import tempfile
import unittest
from pathlib import Path

import gtest_lines
from place import fast_folder
from proof_case import paths_given, within
from store_crash import StoreProof

DEATHS = 150
LIVES = 100
FAILURES = 40
SECONDS = 9.0  # a test


def some_calls(seed: object, count: int) -> list[int]:
    """In an order that leaves no part of the life out when time is short."""
    return random.Random(str(seed)).sample(range(1, 230), count)


class StoreTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="proof-", dir=fast_folder())
        self.addCleanup(folder.cleanup)
        program, library = paths_given()[:2]
        self.proof = StoreProof(program, library, Path(folder.name))

    def test_death_at_any_call_loses_and_doubles_nothing(self) -> None:
        self.proof.kill_at(1, within(SECONDS, some_calls(1, DEATHS)))
        self.assertGreater(self.proof.deaths, 0)
        print(f"{self.proof.deaths} deaths, {self.proof.checked} mails looked at")

    def test_death_after_death_loses_and_doubles_nothing(self) -> None:
        self.proof.kill_at_random(1, within(SECONDS, range(LIVES)))
        print(f"{self.proof.deaths} deaths, {self.proof.checked} mails looked at")

    def test_failing_call_breaks_no_promise(self) -> None:
        for error in ("EIO", "ENOSPC", "EMFILE"):
            self.proof.fail_at(2, within(SECONDS / 3, some_calls(error, FAILURES)), error)
        print(f"{self.proof.checked} mails looked at")


if __name__ == "__main__":
    gtest_lines.main()
