#!/usr/bin/env python3
"""What is on the disk before 250 is said, as strace sees it: order_test.py PROGRAM LIBRARY."""

from __future__ import annotations

import random
import re
import shutil
import stat
import subprocess
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

import gtest_lines
from clients import Client
from ledger import Attempt, Outcome
from mails import make_mail
from proof_case import ProofCase
from scenarios import BUSY
from seal import Seal

CALLS = "fsync,fdatasync,rename,renameat,renameat2,write,writev,sendmsg,sendto"
LINE = re.compile(r"^\d+ +(?P<call>\w+)\((?P<rest>.*)$")
RESUMED = re.compile(r"^(?P<thread>\d+) +<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)$")
UNFINISHED = "<unfinished ...>"


@dataclass
class Call:
    """The lines of the trace in which it began and ended."""

    text: str
    began: int
    ended: int


def calls_in(trace: str) -> list[Call]:
    calls: list[Call] = []
    under_way: dict[str, Call] = {}
    for number, line in enumerate(trace.splitlines()):
        thread = line.split(" ", 1)[0]
        if resumed := RESUMED.match(line):
            if call := under_way.pop(thread, None):
                call.text += resumed["rest"]
                call.ended = number
        elif found := LINE.match(line):
            calls.append(Call(f"{found['call']}({found['rest']}", number, number))
            if line.endswith(UNFINISHED):
                under_way[thread] = calls[-1]
    return calls


def whole(trace: Path) -> str:
    """The trace of a program that has ended: its tracer ends a little later."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        text = trace.read_text(encoding="utf-8", errors="replace")
        if text.rstrip().endswith("+++ exited with 0 +++"):
            return text
        time.sleep(0.01)
    raise OSError(f"the trace has no end: {text[-300:]}")


def why_no_strace() -> str:
    if not shutil.which("strace"):
        return "strace is not here"
    done = subprocess.run(["strace", "-f", "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"strace: {done.stderr.strip()[-200:]}"


class OrderTest(ProofCase):
    def trace_mail(self, delivery: str, size: int) -> tuple[Attempt, list[Call], Seal]:
        if reason := why_no_strace():
            raise unittest.SkipTest(reason)
        folder = self.place.round_folder()
        trace = folder / "trace"
        seal = self.place.seal(folder, self.place.setting(deliveries=(delivery,)))
        seal.wrapper = (
            "strace",
            "-D",
            "-f",
            "-y",
            "-s",
            "96",
            "-o",
            str(trace),
            "-e",
            f"trace={CALLS}",
        )
        self.place.keeper.rules(BUSY)
        self.addCleanup(seal.end)
        seal.start()
        chance = random.Random(1)
        attempt = Client(chance).send(seal.ports[0], make_mail(chance, size), self.place.ledger)
        self.place.keeper.rules()
        seal.stop()
        return attempt, calls_in(whole(trace)), seal

    def first(self, calls: list[Call], *words: str) -> Call:
        found = next((call for call in calls if all(word in call.text for word in words)), None)
        if not found:
            self.fail(f"no call with {words} in\n" + "\n".join(call.text for call in calls))
        return found

    def keeps_order(self, delivery: str, size: int) -> None:
        attempt, calls, seal = self.trace_mail(delivery, size)
        self.assertIs(attempt.outcome, Outcome.acknowledged, attempt)
        mail = re.search(r"[0-9a-f]{16}", attempt.reply)
        assert mail, attempt
        name, spool = mail[0], str(seal.spool)
        steps = [
            self.first(calls, "sync(", f"{spool}/tmp/{name}.mail>"),
            self.first(calls, "rename", f"{spool}/queue/{name}.mail"),
            self.first(calls, "rename", f"{spool}/queue/{name}.envelope"),
            self.first(calls, "sync(", f"{spool}/queue>"),
            self.first(calls, "250 ", name),
        ]
        envelope = self.first(calls, "sync(", f"{spool}/tmp/{name}.envelope>")
        for before, after in [*zip(steps, steps[1:]), (envelope, steps[2])]:
            self.assertLess(before.ended, after.began, f"{before.text}\n{after.text}")
        for synced in (steps[0], steps[3], envelope):
            self.assertRegex(synced.text, r"= 0$")

    def test_queue_says_250_when_mail_and_name_are_on_the_disk(self) -> None:
        self.keeps_order("queue", 700)

    def test_queue_says_250_when_a_big_mail_is_on_the_disk(self) -> None:
        self.keeps_order("queue", 300_000)

    def test_fallback_says_250_when_mail_and_name_are_on_the_disk(self) -> None:
        self.keeps_order("fallback", 700)

    def test_files_are_for_this_user_alone(self) -> None:
        _, _, seal = self.trace_mail("queue", 700)
        files = [path for path in seal.spool.rglob("*") if "queue" in path.parts]
        self.assertTrue(files)
        for path in [seal.spool, *seal.spool.iterdir(), *files]:
            self.assert_private(path)

    def assert_private(self, path: Path) -> None:
        self.assertEqual(stat.S_IMODE(path.lstat().st_mode) & 0o077, 0, path)


if __name__ == "__main__":
    gtest_lines.main()
