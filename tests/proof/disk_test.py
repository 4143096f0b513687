#!/usr/bin/env python3
"""A disk and a clock that go wrong, and damaged files, briefly: disk_test.py PROGRAM LIBRARY."""

from __future__ import annotations

import random
import unittest

import clock
import damage
import disk
import gtest_lines
import line
from proof_case import ProofCase, within

SECONDS = 15.0
CALLS = 120


class DiskTest(ProofCase):
    def test_failing_call_makes_no_promise_and_no_end(self) -> None:
        chance = random.Random(1)
        sweeps = disk.all_sweeps()
        chance.shuffle(sweeps)
        reached = 0
        for sweep in within(SECONDS, sweeps):
            reached += disk.run_once(self.place, sweep, chance.randrange(1, CALLS), 1)
        self.assertGreater(reached, 0)
        print(f"{reached} failures: {self.place.verdict().counts}")

    def test_what_is_not_written_is_not_promised(self) -> None:
        for error in within(SECONDS, ("EIO", "ENOSPC")):
            self.assertGreater(disk.never_promise_what_is_not_written(self.place, error), 5)

    def test_full_disk_refuses_and_recovers(self) -> None:
        if not line.is_in_namespace():
            raise unittest.SkipTest(f"nothing can be mounted: {line.why_no_namespace()}")
        print(disk.fill_up(self.place, "queue"), disk.fill_up(self.place, "fallback"))

    def test_disk_not_to_be_written_to_refuses_and_recovers(self) -> None:
        print(disk.forbid(self.place, "queue"))


class ClockTest(ProofCase):
    def test_jump_gives_up_no_mail_and_keeps_none(self) -> None:
        for name, jump in clock.JUMPS.items():
            with self.subTest(name):
                clock.jump_while_it_runs(self.place, jump)

    def test_start_at_another_time_gives_up_no_mail(self) -> None:
        for name, jump in clock.JUMPS.items():
            with self.subTest(name):
                clock.jump_while_it_is_down(self.place, jump)

    def test_mail_expires_when_its_time_has_gone_by(self) -> None:
        clock.expires_in_time(self.place)


class DamageTest(ProofCase):
    def test_damaged_file_is_put_aside_and_nothing_else_suffers(self) -> None:
        everything = [(each, seed) for seed in range(3) for each in damage.DAMAGES]
        aside = [
            damage.damage_one(self.place, each, seed) for each, seed in within(SECONDS, everything)
        ]
        self.assertGreater(sum(aside), len(aside) // 2)

    def test_files_of_others_stay(self) -> None:
        damage.strangers(self.place)


if __name__ == "__main__":
    if not line.why_no_namespace():
        line.run_in_namespace()
    gtest_lines.main()
