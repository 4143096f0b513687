"""A line to the smarthost that loses packets and takes time: line.py, in a network namespace.

A TUN device takes what is sent to 10.77.0.2 and gives it back with both addresses exchanged, so
that a server on this machine seems to be at the other end of a line. On the way packets wait, get
lost and overtake each other. Orders come on the input, a JSON object a line, and are answered:

    {"loss": 0.05, "delay_ms": 20, "jitter_ms": 10, "down": false}

run_in_namespace() brings a program into a namespace where that is allowed. It ends with its input.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import random
import selectors
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NEAR, FAR = "10.77.0.1", "10.77.0.2"
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 1, 0x1000
HERE = Path(__file__)
MARK = "SEAL_PROOF_NAMESPACE"


def open_device() -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"line", IFF_TUN | IFF_NO_PI))
    for command in ("addr add 10.77.0.1/24 dev line", "link set line up"):
        subprocess.run(["ip", *command.split()], check=True)
    return device


def turn(packet: bytes) -> bytes:
    """With sender and receiver exchanged: no checksum changes by that."""
    return packet[:12] + packet[16:20] + packet[12:16] + packet[20:]


class Line:
    def __init__(self) -> None:
        self.device = open_device()
        self.under_way: list[tuple[float, int, bytes]] = []
        self.chance = random.Random(1)
        self.loss = 0.0
        self.delay = 0.0
        self.jitter = 0.0
        self.is_down = False
        self.number = 0
        self.is_over = False

    def obey(self, order: dict[str, Any]) -> None:
        self.loss = order.get("loss", self.loss)
        self.delay = order.get("delay_ms", self.delay * 1000) / 1000
        self.jitter = order.get("jitter_ms", self.jitter * 1000) / 1000
        self.is_down = order.get("down", self.is_down)

    def run(self) -> None:
        waiting = selectors.DefaultSelector()
        waiting.register(self.device, selectors.EVENT_READ, self.take)
        waiting.register(sys.stdin, selectors.EVENT_READ, self.listen)
        print("{}", flush=True)
        while not self.is_over:
            timeout = None
            if self.under_way:
                timeout = max(0.0, self.under_way[0][0] - time.monotonic())
            for key, _ in waiting.select(timeout):
                key.data()
            self.give()

    def listen(self) -> None:
        line = sys.stdin.readline()
        if line:
            self.obey(json.loads(line))
            print("{}", flush=True)
        else:
            self.is_over = True

    def take(self) -> None:
        try:
            packet = os.read(self.device, 65_536)
        except BlockingIOError:
            return
        is_v4 = packet[0] >> 4 == 4
        if self.is_down or not is_v4 or self.chance.random() < self.loss:
            return
        self.number += 1
        due = time.monotonic() + self.delay + self.chance.random() * self.jitter
        heapq.heappush(self.under_way, (due, self.number, turn(packet)))

    def give(self) -> None:
        while self.under_way and self.under_way[0][0] <= time.monotonic():
            _, _, packet = heapq.heappop(self.under_way)
            try:
                os.write(self.device, packet)
            except BlockingIOError:
                continue  # lost, then


class Cable:
    """A running line, from outside. `with Cable() as cable`."""

    def __enter__(self) -> Cable:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.read()
        return self

    def read(self) -> None:
        assert self.process.stdout
        if not self.process.stdout.readline():
            raise OSError("the line ended")

    def order(self, **orders: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(orders) + "\n")
        self.process.stdin.flush()
        self.read()

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


def is_in_namespace() -> bool:
    return MARK in os.environ


def why_no_namespace() -> str:
    """Why a line cannot be had on this machine; "" when it can."""
    if is_in_namespace():
        return ""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun cannot be used"
    try:
        done = subprocess.run(
            [*unshare(), "ip", "link", "set", "lo", "up"],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except OSError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


def unshare() -> list[str]:
    """A namespace of their own for network and mounts; with one for users where that takes it."""
    return ["unshare", "--net", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])


def run_in_namespace() -> None:
    """Starts this program anew where it may do as it likes with network and mounts. Returns there,
    and where it is there already."""
    if is_in_namespace():
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    os.environ[MARK] = "1"
    command = [*unshare(), sys.executable, *sys.argv]
    os.execvp(command[0], command)


if __name__ == "__main__":
    Line().run()
