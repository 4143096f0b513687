"""Runs unittest's tests and says how each ended in GoogleTest's words, which
contrib/lib/count_tests.py counts."""

from __future__ import annotations

import sys
import time
import unittest
from typing import Any


class Lines(unittest.TextTestResult):
    began = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.began = time.monotonic()
        print(f"[ RUN      ] {name_of(test)}", flush=True)

    def say(self, how: str, test: unittest.TestCase) -> None:
        print(
            f"[{how}] {name_of(test)} ({(time.monotonic() - self.began) * 1000:.0f} ms)", flush=True
        )

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.say("       OK ", test)

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self.say("  FAILED  ", test)

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self.say("  FAILED  ", test)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        print(reason)
        self.say("  SKIPPED ", test)


def name_of(test: unittest.TestCase) -> str:
    *_, suite, name = test.id().split(".")
    return f"{suite}.{name}"


def main() -> None:
    """Of the module that is run. Arguments that begin with no dash are names of tests, as
    unittest's own main has them."""
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Lines)
    unittest.main(argv=[sys.argv[0], *chosen()], testRunner=runner)


def chosen() -> list[str]:
    return [each for each in sys.argv[1:] if not each.startswith("-") and "/" not in each]
