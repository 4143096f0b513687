"""Keepers as processes: started, ordered about, killed, frozen. And why they are believed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from seal import SMARTHOST_NAME, Trouble

HERE = Path(__file__).parent


def make_certificates(folder: Path) -> None:
    """An authority and the smarthost's certificate, in ca.pem, cert.pem and key.pem. Valid for so
    long that no clock of a test leaves it."""
    (folder / "extensions").write_text(f"subjectAltName = DNS:{SMARTHOST_NAME}\n")
    (folder / "ca.extensions").write_text("basicConstraints = critical, CA:TRUE\n")
    (folder / "index").write_text("")
    (folder / "ca.conf").write_text(
        f"""[ca]
default_ca = own
[own]
database = {folder}/index
new_certs_dir = {folder}
default_md = sha256
policy = any
rand_serial = yes
[any]
commonName = supplied
"""
    )
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout"
    dates = "-startdate 20000101000000Z -enddate 20991231235959Z -notext -batch -config ca.conf"
    for command in (
        f"req {key} ca.key -out ca.request -subj /CN=proof",
        f"req {key} key.pem -out request.pem -subj /CN={SMARTHOST_NAME}",
        f"ca -selfsign -keyfile ca.key -in ca.request -out ca.pem {dates} -extfile ca.extensions",
        f"ca -cert ca.pem -keyfile ca.key -in request.pem -out cert.pem {dates}"
        " -extfile extensions",
    ):
        done = subprocess.run(
            ["openssl", *command.split()], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Trouble(f"openssl {command}: {done.stderr}")


class Keeper:
    """On a port of its own that stays the same through all its lives, and with one journal."""

    def __init__(self, folder: Path, name: str = "keeper", address: str = "127.0.0.1") -> None:
        self.folder = folder
        self.journal = folder / f"{name}.journal"
        self.address = address
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Keeper:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        command = [
            sys.executable,
            str(HERE / "keeper.py"),
            str(self.folder / "cert.pem"),
            str(self.folder / "key.pem"),
            str(self.journal),
            self.address,
            str(self.port),
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.read()["port"])

    def read(self) -> dict[str, Any]:
        assert self.process and self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise Trouble("the keeper ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def order(self, **orders: Any) -> None:
        """Returns when it will be obeyed."""
        assert self.process and self.process.stdin
        self.process.stdin.write(json.dumps(orders) + "\n")
        self.process.stdin.flush()
        self.read()

    def rules(self, *rules: dict[str, Any]) -> None:
        """Instead of those before. None: it is well."""
        self.order(rules=list(rules))

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process = None

    def freeze(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGCONT)
