"""A Postfix of our own: its files in one folder, its processes started in the foreground."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from programs import find_program

SERVICES = """127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
discard unix - - n - - discard
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def why_not() -> str | None:
    if not find_program("postfix"):
        return "not installed"
    return "only root can start it" if os.geteuid() != 0 else None


def log_of(folder: Path) -> Path:
    return folder / "maillog"


def configure(folder: Path, port: int, settings: Mapping[str, str]) -> list[str]:
    """Writes the configuration and says how to start it. The folder must be open to others."""
    for name in ("etc", "queue", "data"):
        (folder / name).mkdir()
    user = pwd.getpwnam("postfix")
    os.chown(folder / "data", user.pw_uid, user.pw_gid)
    (folder / "etc/master.cf").write_text(SERVICES.format(port=port), encoding="utf-8")
    everything = {
        "compatibility_level": "3.6",
        "queue_directory": f"{folder}/queue",
        "data_directory": f"{folder}/data",
        "maillog_file": str(log_of(folder)),
        "maillog_file_prefixes": str(folder),
        "mydestination": "",
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "disable_dns_lookups": "yes",
        "smtp_host_lookup": "native",
        "alias_maps": "",
        "local_recipient_maps": "",
        "message_size_limit": "104857600",
        "mailbox_size_limit": "0",
        "smtpd_client_connection_count_limit": "0",
        **settings,
    }
    lines = "".join(f"{name} = {value}\n" for name, value in everything.items())
    (folder / "etc/main.cf").write_text(lines, encoding="utf-8")
    return [find_program("postfix") or "", "-c", str(folder / "etc"), "start-fg"]
