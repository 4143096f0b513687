#!/usr/bin/env python3
"""That the tools of these proofs notice what they are there to notice: selftest.py LIBRARY."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import gtest_lines
from clients import stuff
from faults import Faults
from keeper import notice_in
from ledger import Arrivals, Attempt, Journal, Ledger, Outcome
from mails import Mail, inspect, make_mail


class LedgerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.ledger = Ledger()
        self.arrivals = Arrivals()
        self.mail = make_mail(random.Random(1), kinds=("ok", "ok"))

    def sent(self, outcome: Outcome, accepted: tuple[str, ...] | None = None) -> None:
        self.ledger.begin(self.mail)
        recipients = tuple(self.mail.recipients) if accepted is None else accepted
        self.ledger.end(Attempt(self.mail.token, recipients, outcome, "250 Ok"))

    def arrives(self, mail: Mail | None = None, fault: str = "", sealed: bool = True) -> None:
        mail = mail or self.mail
        self.arrivals.add(
            {
                "kind": "mail",
                "token": mail.token,
                "recipients": mail.recipients,
                "fault": fault,
                "sealed": sealed,
            }
        )

    def notice(self, recipient: str, action: str = "failed") -> None:
        self.arrivals.add({"kind": "notice", "about": [recipient], "action": action})

    def problems(self, *doubted: str) -> int:
        return len(self.ledger.judge(self.arrivals, set(doubted)).problems)

    def test_all_is_well_when_what_was_acknowledged_arrives_once(self) -> None:
        self.sent(Outcome.acknowledged)
        self.arrives()
        self.assertEqual(self.problems(), 0)
        self.assertEqual(self.ledger.owed(self.arrivals), [])

    def test_lost_mail_is_noticed_for_each_recipient(self) -> None:
        self.sent(Outcome.acknowledged)
        self.assertEqual(self.problems(), 2)
        self.assertEqual(self.ledger.owed(self.arrivals), self.mail.recipients)

    def test_mail_that_one_recipient_lacks_is_noticed(self) -> None:
        self.sent(Outcome.acknowledged)
        self.arrivals.mails[self.mail.token][self.mail.recipients[0]] = 1
        self.assertEqual(self.problems(), 1)

    def test_notice_settles_what_it_names(self) -> None:
        self.sent(Outcome.acknowledged)
        for recipient in self.mail.recipients:
            self.notice(recipient)
        self.assertEqual(self.problems(), 0)

    def test_warning_of_delay_settles_nothing(self) -> None:
        self.sent(Outcome.acknowledged)
        self.notice(self.mail.recipients[0], "delayed")
        self.assertEqual(self.problems(), 2)

    def test_notice_of_what_arrived_is_noticed(self) -> None:
        self.sent(Outcome.acknowledged)
        self.arrives()
        self.notice(self.mail.recipients[0])
        self.assertEqual(self.problems(), 1)

    def test_doubled_mail_is_noticed_unless_the_log_owned_up(self) -> None:
        self.sent(Outcome.acknowledged)
        self.arrives()
        self.arrives()
        self.assertEqual(self.problems(), 2)
        self.assertEqual(self.problems(self.mail.token), 0)

    def test_refused_mail_that_arrived_is_noticed_unless_in_doubt(self) -> None:
        self.sent(Outcome.refused)
        self.arrives()
        self.assertEqual(self.problems(), 1)
        self.assertEqual(self.problems(self.mail.token), 0)

    def test_mail_whose_end_was_not_sent_must_not_arrive(self) -> None:
        self.sent(Outcome.given_up)
        self.arrives()
        self.assertEqual(self.problems(self.mail.token), 1)

    def test_unanswered_mail_may_arrive_once(self) -> None:
        self.sent(Outcome.unknown)
        self.assertEqual(self.problems(), 0)
        self.arrives()
        self.assertEqual(self.problems(), 0)
        self.arrives()
        self.assertEqual(self.problems(), 2)

    def test_mail_for_who_was_not_accepted_is_noticed(self) -> None:
        self.sent(Outcome.acknowledged, tuple(self.mail.recipients[:1]))
        self.arrives()
        self.assertEqual(self.problems(), 1)

    def test_altered_plaintext_and_unknown_mail_is_noticed(self) -> None:
        self.sent(Outcome.acknowledged)
        self.arrives(fault="altered")
        self.assertEqual(self.problems(), 1)
        self.arrivals.faults.clear()
        self.arrives(make_mail(random.Random(2)), sealed=False)
        self.assertEqual(self.problems(), 2)

    def test_judges_the_mails_of_a_turn_alone_when_asked(self) -> None:
        self.sent(Outcome.acknowledged)
        self.ledger.turn()
        self.assertEqual(self.ledger.owed(self.arrivals), [])
        self.assertEqual(self.ledger.judge(self.arrivals, set(), is_all=False).problems, [])
        self.assertEqual(self.problems(), 2)

    def test_journal_is_read_to_its_last_whole_line(self) -> None:
        entry: dict[str, Any] = {
            "kind": "mail",
            "token": "t",
            "recipients": ["r"],
            "fault": "",
            "sealed": True,
        }
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "journal")
            journal = Journal(file)
            file.write_text(json.dumps(entry) + "\n" + json.dumps(entry)[:20], encoding="utf-8")
            self.assertEqual(journal.read().mails["t"]["r"], 1)
            file.write_text((json.dumps(entry) + "\n") * 2, encoding="utf-8")
            self.assertEqual(journal.read().mails["t"]["r"], 2)


class MailTest(unittest.TestCase):
    def setUp(self) -> None:
        self.mail = make_mail(random.Random(3), 4000)

    def test_whole_mail_is_found_whole(self) -> None:
        for before in (b"", b"Received: from a\r\n by b; now\r\n"):
            found = inspect(before + self.mail.content)
            self.assertEqual((found.token, found.fault), (self.mail.token, ""))

    def test_truncated_altered_and_lengthened_mail_is_noticed(self) -> None:
        content = self.mail.content
        flipped = bytearray(content)
        flipped[-10] ^= 1
        for bad in (content[:-2], bytes(flipped), content + b"\r\n", b"X: y\r\n" + content, b""):
            self.assertTrue(inspect(bad).fault)

    def test_dots_are_stuffed(self) -> None:
        self.assertEqual(stuff(b".\r\na.\r\n..\r\n"), b"..\r\na.\r\n...\r\n.\r\n")

    def test_notice_tells_whom_it_is_about(self) -> None:
        text = b"""Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; a\r
\r
Final-Recipient: rfc822; no0.0123456789abcdef@far.test\r
Action: failed\r
Status: 5.1.1\r
\r
--b--\r
"""
        self.assertEqual(notice_in(text)["about"], ["no0.0123456789abcdef@far.test"])
        self.assertEqual(notice_in(text)["action"], "failed")


# Makes a file, writes, syncs and renames it, says the time and what went wrong.
VICTIM = """
import os, sys, time
os.chdir('/')
folder = sys.argv[1]
try:
    fd = os.open(folder + '/a', os.O_WRONLY | os.O_CREAT)
    written = os.write(fd, b'0123456789')
    os.fsync(fd)
    os.close(fd)
    os.rename(folder + '/a', folder + '/b')
    print(written, end=' ')
except OSError as error:
    print(error.errno, end=' ')
print(time.time())
"""


class FaultTest(unittest.TestCase):
    library = Path()

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.spool = Path(folder.name, "spool")
        self.spool.mkdir()
        self.faults = Faults(self.library, Path(folder.name, "control"), self.spool)

    def run_victim(self) -> subprocess.CompletedProcess[str]:
        for name in os.listdir(self.spool):
            (self.spool / name).unlink()
        environment = {**os.environ, **self.faults.environment(Path(sys.executable))}
        command = [sys.executable, "-S", "-E", "-c", VICTIM, str(self.spool)]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=30
        )

    def test_counts_the_calls_that_touch_the_folder(self) -> None:
        self.faults.plan("none")
        self.assertEqual(self.run_victim().returncode, 0)
        calls = [line.split()[0].removesuffix("64") for line in self.faults.trace()]
        with contextlib.suppress(ValueError):
            calls.remove("fstat")  # some versions of Python look whether it is a folder
        self.assertEqual(calls, ["open", "write", "fsync", "close", "rename"])

    def test_kills_before_after_and_amid_the_chosen_call(self) -> None:
        write = ("write",)
        for deed, size in (("kill-before", 0), ("kill-torn", 5), ("kill-after", 10)):
            self.faults.plan(deed, kinds=write)
            self.assertEqual(self.run_victim().returncode, -signal.SIGKILL)
            self.assertEqual((self.spool / "a").stat().st_size, size, deed)
            self.assertEqual(self.faults.last, f"write {self.spool}/a")

    def test_fails_the_chosen_calls_with_the_chosen_error(self) -> None:
        for kind in ("open", "write", "sync", "close", "rename"):
            self.faults.plan("fail", error="ENOSPC", kinds=(kind,))
            self.assertEqual(self.run_victim().stdout.split()[0], "28", kind)

    def test_writes_less_than_asked(self) -> None:
        self.faults.plan("shorten", kinds=("write",))
        self.assertEqual(self.run_victim().stdout.split()[0], "5")

    def test_shifts_the_clock(self) -> None:
        self.faults.shift(wall_seconds=-86_400.5)
        shifted = float(self.run_victim().stdout.split()[1])
        self.assertAlmostEqual(shifted, time.time() - 86_400.5, delta=30)


if __name__ == "__main__":
    FaultTest.library = Path(sys.argv[1])
    gtest_lines.main()
