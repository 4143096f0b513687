"""smtpseal as it is started, killed and started again, on one spool and with one log."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mails import token_of

START_PATIENCE = 20.0  # seconds
STOP_PATIENCE = 60.0
SMARTHOST_NAME = "smarthost.test"


class Trouble(Exception):
    """The program did what it must never do: what, and the end of its log."""


@dataclass(frozen=True)
class Setting:
    """A configuration: [smtpseal] keys, and `delivery` and other keys of each listener."""

    smarthost_port: int
    ca_file: Path
    smarthost_host: str = "127.0.0.1"
    deliveries: tuple[str, ...] = ("relay",)  # one listener each
    workers: int = 1
    general: Mapping[str, str] = field(default_factory=dict)
    listener: Mapping[str, str] = field(default_factory=dict)
    smarthost: Mapping[str, str] = field(default_factory=dict)

    def text(self, spool: Path) -> str:
        general = {"hostname": "seal.test", "log_format": "json", "log_level": "info"}
        if self.workers > 1:
            general["workers"] = str(self.workers)
        if self.has_spool:
            general["spool_dir"] = str(spool)
        lines = section("smtpseal", {**general, **self.general})
        for number, delivery in enumerate(self.deliveries):
            keys = {"listen": "127.0.0.1:0"}
            if delivery != "relay":
                keys["delivery"] = delivery
            lines += section(f"listener {delivery}{number}", {**keys, **self.listener})
        smarthost = {
            "host": self.smarthost_host,
            "port": str(self.smarthost_port),
            "verify_name": SMARTHOST_NAME,
            "ca_file": str(self.ca_file),
        }
        return "\n".join(lines + section("smarthost", {**smarthost, **self.smarthost})) + "\n"

    @property
    def has_spool(self) -> bool:
        return any(delivery != "relay" for delivery in self.deliveries)


def section(name: str, keys: Mapping[str, str]) -> list[str]:
    return [f"[{name}]", *(f"{key} = {value}" for key, value in keys.items())]


class Seal:
    """In `folder`: seal.conf, log, spool/."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        setting: Setting,
        environment: Mapping[str, str] | None = None,
        wrapper: tuple[str, ...] = (),
    ) -> None:
        self.program = program
        self.log = folder / "log"
        self.spool = folder / "spool"
        self.config = folder / "seal.conf"
        self.config.write_text(setting.text(self.spool), encoding="utf-8")
        # Whoever proves as root means it.
        user = {"SMTPSEAL_SMTPSEAL_USER": "root"} if os.geteuid() == 0 else {}
        self.environment = {**os.environ, **user, **sanitizer_options(), **(environment or {})}
        self.wrapper = wrapper
        self.has_spool = setting.has_spool
        self.process: subprocess.Popen[bytes] | None = None
        self.ports: list[int] = []
        self.read_to = 0  # octets of the log
        self.kills = 0

    def start(self, may_die: bool = False) -> bool:
        """Returns once it is ready. False: it died before (which is Trouble unless it may)."""
        self.read_to = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, str(self.program), "-c", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            if ready := next((e for e in self.new_events() if e["event"] == "ready"), None):
                listen = re.findall(r":(\d+)(?:,|$)", ready["listen"])
                self.ports = [int(port) for port in listen]
                return True
            if self.process.poll() is not None:
                break
            time.sleep(0.001)
        if may_die and self.process.poll() == -signal.SIGKILL:
            self.kills += 1
            return False
        raise Trouble(f"it did not start: {self.last_words()}")

    def new_events(self) -> list[dict[str, Any]]:
        with open(self.log, "rb") as log:
            log.seek(self.read_to)
            text, end, _ = log.read().rpartition(b"\n")
        self.read_to += len(text) + len(end)
        return parse(text)

    def events(self) -> list[dict[str, Any]]:
        """Of all its lives."""
        return parse(self.log.read_bytes()) if self.log.exists() else []

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, unless it is dead already."""
        assert self.process
        self.process.kill()
        self.wait_for_death()

    def wait_for_death(self) -> None:
        """It is being killed: Trouble when it dies of anything else."""
        assert self.process
        status = self.process.wait(STOP_PATIENCE)
        self.kills += 1
        if status != -signal.SIGKILL:
            raise Trouble(f"it ended with {status}: {self.last_words()}")

    def stop(self, may_be_killed: bool = False) -> None:
        """As a service manager would. Trouble when that does not end well."""
        assert self.process
        self.process.terminate()
        try:
            status = self.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Trouble(f"it did not stop: {self.last_words()}") from None
        if status != 0 and not (may_be_killed and status == -signal.SIGKILL):
            raise Trouble(f"it ended with {status}: {self.last_words()}")

    def queue(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`smtpseal queue` in these words."""
        return subprocess.run(
            [str(self.program), "queue", *words, "-c", str(self.config)],
            capture_output=True,
            text=True,
            check=False,
            timeout=STOP_PATIENCE,
        )

    def flush(self) -> None:
        """What waits in the spool is tried now."""
        done = self.queue("retry")
        if done.returncode != 0:
            raise Trouble(f"queue retry: {done.stderr}\n{self.last_words()}")

    def end(self) -> None:
        """However it stands."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def last_words(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-30:])

    def doubted(self) -> set[str]:
        """Tokens of mails that the log named as possibly doubled, through all lives."""
        return {
            token_of(event.get("from", ""))
            for event in self.events()
            if event.get("in_doubt") is True or event["event"] == "possible-duplicate"
        } - {""}

    def descriptors(self) -> int:
        assert self.process
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_kb(self) -> int:
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) if found else 0

    def spooled(self) -> list[str]:
        """Names in queue/."""
        queue = self.spool / "queue"
        return sorted(os.listdir(queue)) if queue.is_dir() else []


def parse(text: bytes) -> list[dict[str, Any]]:
    events = []
    for line in text.splitlines():
        if not line.startswith(b"{"):
            continue  # a sanitizer's words; they end the program, which is noticed
        try:
            events.append(json.loads(line))
        except ValueError:
            continue  # the last line of one that was killed
    return events


def sanitizer_options() -> dict[str, str]:
    """The library of faults comes behind the sanitizer's. Leaks are others' business."""
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {"ASAN_OPTIONS": ":".join(filter(None, [asan, "detect_leaks=0"]))}
