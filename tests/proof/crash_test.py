#!/usr/bin/env python3
"""The program killed at calls of every story, briefly: crash_test.py PROGRAM LIBRARY."""

from __future__ import annotations

import random

import crash
import gtest_lines
from proof_case import ProofCase, within

SECONDS = 30.0
CALLS = 120  # among which the one that kills is chosen; a story has about as many


class CrashTest(ProofCase):
    def test_death_at_calls_of_every_story_breaks_no_promise(self) -> None:
        chance = random.Random(1)
        sweeps = crash.all_sweeps()
        chance.shuffle(sweeps)
        reached = 0
        for sweep in within(SECONDS, sweeps * 5):
            reached += crash.run_once(self.place, sweep, chance.randrange(1, CALLS), 1)
        self.assertGreater(reached, 0)
        counts = self.place.verdict().counts
        print(f"{reached} deaths at calls, {self.place.kills} in all: {counts}")


if __name__ == "__main__":
    gtest_lines.main()
