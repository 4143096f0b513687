"""The hand on fault.cc: what is to happen to a program's files and clock, and how far it got."""

from __future__ import annotations

import errno
import mmap
import struct
import subprocess
from pathlib import Path

HEAD = struct.Struct("<IIIIQQQQqq192sQ")  # Control in fault.cc
TRACE_SIZE = 65_536
ALWAYS = 2**63

DEEDS = ("none", "kill-before", "kill-after", "kill-torn", "fail", "shorten")
KINDS = {
    "open": 1,
    "write": 2,
    "sync": 4,
    "rename": 8,
    "remove": 16,
    "read": 32,
    "list": 64,
    "look": 128,
    "close": 256,
    "folder": 512,
    "talk": 1024,
}
FILES = tuple(name for name in KINDS if name != "talk")
CHANGES = ("open", "write", "sync", "rename", "remove", "folder")  # what a disk may refuse


class Faults:
    """One control file: the program may be started again and again with it."""

    def __init__(self, library: Path, control: Path, folder: Path) -> None:
        self.library = library
        self.file = control
        self.folder = folder
        control.write_bytes(bytes(HEAD.size + TRACE_SIZE))
        with open(control, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), HEAD.size + TRACE_SIZE)
        self.stop()

    def plan(
        self,
        deed: str,
        *,
        at: int = 1,
        to: int = ALWAYS,
        every: int = 1,
        error: str = "EIO",
        kinds: tuple[str, ...] = FILES,
    ) -> None:
        """Counts calls of these kinds anew, and does `deed` at those from `at` to `to`."""
        chosen = sum(KINDS[kind] for kind in kinds)
        shifts = self.shifts()
        # Nothing happens while it is half written.
        struct.pack_into("<I", self.memory, 0, 0)
        HEAD.pack_into(
            self.memory, 0, 0, getattr(errno, error), chosen, every, at, to, 0, 0, *shifts, b"", 0
        )
        struct.pack_into("<I", self.memory, 0, DEEDS.index(deed))

    def stop(self) -> None:
        """Nothing happens any more; calls are counted on."""
        struct.pack_into("<I", self.memory, 0, 0)
        if not self.fields()[2]:
            self.plan("none")

    def fields(self) -> tuple[int, ...]:
        return HEAD.unpack_from(self.memory, 0)

    @property
    def count(self) -> int:
        return self.fields()[6]

    @property
    def acted(self) -> int:
        return self.fields()[7]

    @property
    def last(self) -> str:
        """The call that was acted on last."""
        name: bytes = self.fields()[10]  # type: ignore[assignment]
        return name.split(b"\0")[0].decode("utf-8", "replace")

    def shifts(self) -> tuple[int, int]:
        return struct.unpack_from("<qq", self.memory, 48)  # type: ignore[return-value]

    def shift(self, wall_seconds: float = 0.0, monotonic_seconds: float = 0.0) -> None:
        """Where the clocks stand beside the true ones."""
        values = int(wall_seconds * 1e9), int(monotonic_seconds * 1e9)
        struct.pack_into("<qq", self.memory, 48, *values)

    def trace(self) -> list[str]:
        """The calls since plan(), as `CALL PATH`."""
        size = min(self.fields()[11], TRACE_SIZE)
        text = self.memory[HEAD.size : HEAD.size + size].rpartition(b"\n")[0]
        lines = text.decode("utf-8", "replace").split("\n")
        return [line.partition(" ")[2] for line in lines if line]

    def environment(self, program: Path) -> dict[str, str]:
        """What a program has to be started with."""
        return {
            "LD_PRELOAD": " ".join([*sanitizer_of(program), str(self.library)]),
            "SEAL_FAULT_CONTROL": str(self.file),
            "SEAL_FAULT_FOLDER": str(self.folder),
        }


def sanitizer_of(program: Path) -> list[str]:
    """The address sanitizer's library wants to be loaded before any other."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [line.split()[2] for line in listed.splitlines() if "libasan" in line]
