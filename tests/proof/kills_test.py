#!/usr/bin/env python3
"""The program killed at random under load, briefly: kills_test.py PROGRAM LIBRARY."""

from __future__ import annotations

import sys

import gtest_lines
from kills import kill_under_load
from proof_case import ProofCase

KILLS = 25
SECONDS = 9.0


class KillsTest(ProofCase):
    def survive(self, deliveries: tuple[str, ...], workers: int) -> None:
        kills = kill_under_load(self.place, KILLS, workers, deliveries, workers, SECONDS)
        self.assertGreater(kills, 3)
        counts = self.place.verdict().counts
        self.assertGreater(counts["acknowledged"], 0)
        print(kills, "kills:", counts)

    def test_relay_loses_and_doubles_nothing(self) -> None:
        self.survive(("relay",), 1)

    def test_fallback_loses_and_doubles_nothing(self) -> None:
        self.survive(("fallback",), 1)

    def test_all_modes_at_once_with_two_workers_lose_and_double_nothing(self) -> None:
        self.survive(("relay", "fallback", "queue"), 2)


if __name__ == "__main__":
    gtest_lines.main()
