"""Processes that are measured: started, looked at through /proc, and always ended, by their ids."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PATIENCE = 10.0  # seconds for a process to end when asked to


class Trouble(Exception):
    """Something that ends one measurement, with the reason."""


class ProcessId(NamedTuple):
    """A process for certain: its number may be another's later, its start time not."""

    pid: int
    started: int


class Facts(NamedTuple):
    """What /proc/PID/stat says."""

    id: ProcessId
    parent: int
    ticks: int  # user and system, with those of children that ended


def facts_of(pid: int) -> Facts | None:
    """None: there is no such process, or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    if fields[0] == "Z":
        return None
    ticks = sum(int(field) for field in fields[11:15])
    return Facts(ProcessId(pid, int(fields[19])), int(fields[1]), ticks)


def family_of(root: int) -> list[Facts]:
    """A process and all its descendants."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdecimal())
    everyone = [facts for facts in map(facts_of, pids) if facts]
    family = [facts for facts in everyone if facts.id.pid == root]
    for member in family:  # grows while it is walked
        family += [facts for facts in everyone if facts.parent == member.id.pid]
    return family


class Box:
    """A process and its descendants, as long as the `with` block lasts."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self.started_at = time.monotonic()
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # an interrupt from the terminal is ours to deal with
                env={**os.environ, **(environment or {})},
            )

    def __enter__(self) -> Box:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        end_process(self.process)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def cpu_seconds(self) -> float:
        return sum(facts.ticks for facts in family_of(self.process.pid)) / TICKS_PER_SECOND

    def memory_kb(self) -> int:
        """The memory of all its processes; what they share with others counts in part (PSS)."""
        return sum(pss_of(facts.id.pid) for facts in family_of(self.process.pid))

    def mapped_bytes(self) -> int:
        """The size of its programs and of the libraries they use, as files."""
        files: set[Path] = set()
        for facts in family_of(self.process.pid):
            files |= programs_mapped_by(facts.id.pid)
        return sum(file.stat().st_size for file in files)

    def last_words(self) -> str:
        """The end of its log, for messages."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1][:200] if lines else "it said nothing"


def pss_of(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
            return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def programs_mapped_by(pid: int) -> set[Path]:
    found: set[Path] = set()
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                fields = line.split(maxsplit=5)
                if len(fields) == 6 and "x" in fields[1] and fields[5].startswith("/"):
                    found.add(Path(fields[5].strip()))
    except OSError:
        pass
    return {file for file in found if file.exists()}


def end_process(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL to whatever of the family is left. Returns when all are gone."""
    family = [facts.id for facts in family_of(process.pid)]
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for member in family:
        facts = facts_of(member.pid)
        if facts and facts.id == member:
            os.kill(member.pid, signal.SIGKILL)
