#!/usr/bin/env python3
"""Runs a program with the system calls that a systemd unit leaves it: under_filter.py UNIT PROGRAM ARG...

SystemCallFilter= of the unit is read as systemd.exec(5) has it, its groups are what
`systemd-analyze syscall-filter` says, and what is not in it fails with EPERM, as with
SystemCallErrorNumber=EPERM. x86-64 only. Exits 77 where it cannot be done.

Unlike systemd, which lets the program be executed before, execve stays allowed.
"""

import ctypes
import os
import pathlib
import platform
import re
import struct
import subprocess
import sys

SKIPPED = 77
HEADERS = ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"]

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # 1 is EPERM
ARCHITECTURE = 0xC000003E  # AUDIT_ARCH_X86_64
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06


def skip(why: str) -> None:
    print(f"under_filter.py: {why}", file=sys.stderr)
    sys.exit(SKIPPED)


def numbers() -> dict[str, int]:
    for header in HEADERS:
        if os.path.exists(header):
            text = pathlib.Path(header).read_text(encoding="ascii")
            found = re.findall(r"^#define __NR_(\w+)\s+(\d+)$", text, re.MULTILINE)
            return {name: int(number) for name, number in found}
    skip("no header says the numbers of system calls")
    return {}


def members(name: str) -> set[str]:
    """The calls of a group, and of the groups in it."""
    if not name.startswith("@"):
        return {name}
    asked = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        skip(f"systemd-analyze does not know {name}")
    found: set[str] = set()
    for line in asked.stdout.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            found |= members(word)
    return found


def allowed_by(unit: str) -> set[str]:
    allowed: set[str] = set()
    for line in pathlib.Path(unit).read_text(encoding="utf-8").splitlines():
        if not line.startswith("SystemCallFilter="):
            continue
        words = line.partition("=")[2]
        calls: set[str] = set()
        for word in words.lstrip("~").split():
            calls |= members(word)
        allowed = allowed - calls if words.startswith("~") else allowed | calls
    # systemd adds what a program needs to begin and to end.
    return allowed | members("@default") | {"execve", "exit", "exit_group", "rt_sigreturn"}


def program_of(calls: list[int]) -> bytes:
    """Classic BPF over struct seccomp_data: the architecture at 4, the number of the call at 0."""
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, ARCHITECTURE), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    for number in calls:
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    steps.append((RETURN, 0, 0, REFUSE))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def main() -> None:
    if platform.machine() != "x86_64":
        skip("for x86-64 only")
    unit, *command = sys.argv[1:]
    known = numbers()
    calls = sorted({known[name] for name in allowed_by(unit) if name in known})
    text = program_of(calls)
    program = Program(len(text) // 8, text)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        skip("this kernel has no PR_SET_NO_NEW_PRIVS")
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program)) != 0:
        skip(f"seccomp: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


main()
