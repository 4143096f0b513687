"""What clients were told, what arrived, what the daemon's log owns up to: and whether that fits.

- Acknowledged: each recipient has it at least once, or its sender a notice that names the
  recipient.
- Twice: only what the log named as possibly doubled.
- Refused, given up: it did not arrive, unless the log named it as in doubt.
- No answer (the daemon was killed): it arrived once or not at all.
- Whatever arrives is octet for octet what was sent.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from mails import Mail, token_of


class Outcome(Enum):
    """What a client knows of its mail."""

    acknowledged = "acknowledged"
    refused = "refused"  # a reply said no
    unknown = "unknown"  # all was sent, no reply came
    given_up = "given up"  # the end of data was never sent


@dataclass(frozen=True)
class Attempt:
    token: str
    recipients: tuple[str, ...]  # that were accepted
    outcome: Outcome
    reply: str = ""
    is_notice: bool = False
    milliseconds: float = 0.0


@dataclass
class Verdict:
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


Counts = defaultdict[str, Counter[str]]  # by token, then by recipient


@dataclass
class Arrivals:
    """What a keeper's journal says."""

    mails: Counts = field(default_factory=lambda: defaultdict(Counter))
    notices: Counts = field(default_factory=lambda: defaultdict(Counter))  # that it failed
    warnings: Counts = field(default_factory=lambda: defaultdict(Counter))  # that it is late
    faults: list[str] = field(default_factory=list)

    def add(self, entry: dict[str, Any]) -> None:
        if entry["kind"] == "notice":
            target = self.warnings if entry["action"] == "delayed" else self.notices
            for recipient in entry["about"]:
                target[token_of(recipient)][recipient] += 1
            return
        token = entry["token"]
        if entry["fault"]:
            self.faults.append(f"{token or 'a mail'}: {entry['fault']}")
        if not entry["sealed"]:
            self.faults.append(f"{token}: in plaintext")
        self.mails[token].update(entry["recipients"])


class Journal:
    """A keeper's, read as it grows."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.read_to = 0
        self.arrivals = Arrivals()

    def read(self) -> Arrivals:
        if self.file.exists():
            with open(self.file, "rb") as journal:
                journal.seek(self.read_to)
                # The last line may be cut off where the keeper was killed: nobody heard 250.
                text, end, _ = journal.read().rpartition(b"\n")
            self.read_to += len(text) + len(end)
            for line in text.splitlines():
                self.arrivals.add(json.loads(line))
        return self.arrivals


class Ledger:
    """Clients write to it from their threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.attempts: dict[str, Attempt] = {}
        self.open: set[str] = set()  # tokens since turn()

    def turn(self) -> None:
        """What came so far is settled."""
        with self.lock:
            self.open.clear()

    def begin(self, mail: Mail) -> None:
        """Before anything is sent: even of a client that dies it is known that there was one."""
        attempt = Attempt(mail.token, (), Outcome.given_up, is_notice=mail.is_notice)
        with self.lock:
            self.attempts[mail.token] = attempt
            self.open.add(mail.token)

    def end(self, attempt: Attempt) -> None:
        with self.lock:
            self.attempts[attempt.token] = attempt

    def owed(self, arrivals: Arrivals) -> list[str]:
        """Recipients of acknowledged mails since turn() that have neither the mail nor a notice."""
        with self.lock:
            attempts = [self.attempts[token] for token in self.open]
        return [
            recipient
            for attempt in attempts
            if attempt.outcome is Outcome.acknowledged
            for recipient in attempt.recipients
            if not is_settled(attempt, recipient, arrivals)
        ]

    def judge(
        self,
        arrivals: Arrivals,
        doubted: set[str],
        dropped: set[str] | None = None,
        is_all: bool = True,
    ) -> Verdict:
        """`doubted`: tokens that the log named as possibly doubled; `dropped`: given up on by hand,
        or kept where a person finds them. Not `is_all`: mails since turn() alone."""
        tokens = self.attempts.keys() if is_all else self.open
        attempts = [self.attempts[token] for token in tokens - (dropped or set())]
        verdict = Verdict(problems=list(arrivals.faults))
        for attempt in attempts:
            verdict.problems += problems_of(attempt, arrivals, attempt.token in doubted)
        for token in arrivals.mails.keys() - self.attempts.keys():
            verdict.problems.append(f"{token}: arrived, sent by nobody")
        outcomes = Counter(attempt.outcome.value for attempt in attempts)
        arrived = [arrivals.mails[token] for token in tokens if token in arrivals.mails]
        verdict.counts = {
            "mails": len(tokens),
            **{outcome.value: outcomes[outcome.value] for outcome in Outcome},
            "arrived": len(arrived),
            "notices": sum(token in arrivals.notices for token in tokens),
            "doubted": len(doubted & tokens),
            "doubled": sum(max(counts.values()) > 1 for counts in arrived),
            # Two notices of one failure: the program died between sending one and writing that down.
            "notices_doubled": sum(
                max(arrivals.notices[token].values()) > 1
                for token in tokens
                if token in arrivals.notices
            ),
            "problems": len(verdict.problems),
        }
        return verdict


def is_settled(attempt: Attempt, recipient: str, arrivals: Arrivals) -> bool:
    everything = (arrivals.mails, arrivals.notices)
    if any(attempt.token in each and each[attempt.token][recipient] for each in everything):
        return True
    # Nobody is told of a notice that could not be delivered (RFC 5321 6.1).
    return attempt.is_notice and recipient.startswith("no")


def problems_of(attempt: Attempt, arrivals: Arrivals, is_doubted: bool) -> list[str]:
    """What is wrong with one mail."""
    problems = []
    arrived = arrivals.mails.get(attempt.token, Counter[str]())
    notices = arrivals.notices.get(attempt.token, Counter[str]())
    what = f"{attempt.token} ({attempt.outcome.value}, {attempt.reply})"
    if attempt.outcome is Outcome.acknowledged:
        for recipient in attempt.recipients:
            if not is_settled(attempt, recipient, arrivals):
                problems.append(f"{what}: lost for {recipient}")
            if arrived[recipient] and notices[recipient]:
                problems.append(f"{what}: arrived at {recipient}, and a notice says it did not")
        for recipient in arrived.keys() - set(attempt.recipients):
            problems.append(f"{what}: arrived at {recipient}, who was not accepted")
    elif arrived and attempt.outcome is Outcome.given_up:
        problems.append(f"{what}: arrived, though its end was never sent")
    elif arrived and attempt.outcome is Outcome.refused and not is_doubted:
        problems.append(f"{what}: arrived, though refused")
    for recipient, count in arrived.items():
        if count > 1 and not is_doubted:
            problems.append(f"{what}: arrived {count} times at {recipient}")
    return problems
