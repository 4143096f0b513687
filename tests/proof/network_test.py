#!/usr/bin/env python3
"""Trouble at the smarthost and on the way to it, briefly: network_test.py PROGRAM LIBRARY."""

from __future__ import annotations

import unittest

import gtest_lines
import line
from network import send_through_trouble
from proof_case import ProofCase

SECONDS = 8.0
MODES = ("relay", "fallback", "queue")


class NetworkTest(ProofCase):
    def survive(self, cable: line.Cable | None, workers: int) -> None:
        done = send_through_trouble(self.place, cable, SECONDS, 1, MODES, workers)
        counts = self.place.verdict().counts
        self.assertGreater(counts["acknowledged"], 0)
        self.assertGreater(sum(done.values()), 3)
        print(dict(done), counts)

    def test_restarted_frozen_and_flapping_smarthost_loses_nothing(self) -> None:
        self.survive(None, 1)

    def test_line_that_loses_packets_loses_no_mail(self) -> None:
        if reason := line.why_no_namespace():
            raise unittest.SkipTest(f"no line here: {reason}")
        with line.Cable() as cable:
            self.survive(cable, 2)


if __name__ == "__main__":
    if not line.why_no_namespace():
        line.run_in_namespace()
    gtest_lines.main()
