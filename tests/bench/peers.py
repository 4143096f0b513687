"""What mail can go through: smtpseal, its rivals, and nothing at all.

Each is started with a configuration of its own in a folder of its own, as its documentation would
have it for this task: verified TLS to the smarthost, plaintext for clients on this machine.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SINK_NAME = "sink.test"
SEARCH_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"


def find_program(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name, path=SEARCH_PATH))), None)


@dataclass(frozen=True)
class Place:
    """Where a peer runs: an empty folder, its port, and the smarthost's."""

    folder: Path
    port: int
    sink_port: int
    ca_file: Path
    workers: int


class Peer:
    name = ""
    about = ""
    is_box = True  # a process between client and smarthost
    is_plaintext = False  # toward the smarthost
    answers_early = False  # the client has its reply before the smarthost has the message
    most_idle_clients = 5000

    def why_not(self) -> str | None:
        """Why it cannot take part, or None."""
        return None

    def command(self, place: Place) -> list[str]:
        """Writes its configuration and says how to start it in the foreground."""
        raise NotImplementedError

    def load_arguments(self, ca_file: Path) -> list[str]:
        """What the client does beyond plain SMTP."""
        del ca_file
        return []


class Direct(Peer):
    name = "direct"
    about = "plaintext straight to the smarthost: the limit"
    is_box = False
    is_plaintext = True


class Itself(Peer):
    name = "itself"
    about = "the client speaks STARTTLS and verifies"
    is_box = False

    def load_arguments(self, ca_file: Path) -> list[str]:
        return ["--ca-file", str(ca_file), "--name", SINK_NAME]


class Clever(Itself):
    name = "clever"
    about = "the same, resuming TLS sessions and pipelining"

    def load_arguments(self, ca_file: Path) -> list[str]:
        return [*super().load_arguments(ca_file), "--resume", "--pipelining"]


class Smtpseal(Peer):
    name = "smtpseal"
    about = "this program"

    def __init__(self, program: Path) -> None:
        self.program = program

    def command(self, place: Place) -> list[str]:
        file = place.folder / "smtpseal.conf"
        workers = place.workers if self.can_share(place) else 1
        file.write_text(self.configuration(place, workers), encoding="utf-8")
        return [str(self.program), "-c", str(file)]

    @staticmethod
    def configuration(place: Place, workers: int) -> str:
        return f"""[smtpseal]
hostname = seal.test
{f"workers = {workers}" if workers > 1 else ""}
[listener]
listen = 127.0.0.1:{place.port}
max_sessions = 10000
[smarthost]
host = 127.0.0.1
port = {place.sink_port}
verify_name = {SINK_NAME}
ca_file = {place.ca_file}
"""

    def can_share(self, place: Place) -> bool:
        """Whether this build takes more workers than one: it ends at once when not."""
        if place.workers < 2:
            return False
        file = place.folder / "workers.conf"
        file.write_text(self.configuration(place, place.workers), encoding="utf-8")
        try:
            subprocess.run(
                [self.program, "-c", file], capture_output=True, timeout=0.5, check=False
            )
        except subprocess.TimeoutExpired:
            return True
        return False


class Stunnel(Peer):
    name = "stunnel"
    about = "TLS tunnel that speaks STARTTLS as a client"

    def why_not(self) -> str | None:
        return None if find_program("stunnel", "stunnel4") else "not installed"

    def command(self, place: Place) -> list[str]:
        file = place.folder / "stunnel.conf"
        file.write_text(
            f"""foreground = yes
pid =
syslog = no
[mail]
client = yes
protocol = smtp
accept = 127.0.0.1:{place.port}
connect = 127.0.0.1:{place.sink_port}
verifyChain = yes
CAfile = {place.ca_file}
checkHost = {SINK_NAME}
""",
            encoding="utf-8",
        )
        return [find_program("stunnel", "stunnel4") or "", str(file)]


class Haproxy(Peer):
    name = "haproxy"
    about = "passes bytes on in plaintext, no TLS: one hop more than the limit"
    is_plaintext = True

    def why_not(self) -> str | None:
        return None if find_program("haproxy") else "not installed"

    def command(self, place: Place) -> list[str]:
        file = place.folder / "haproxy.cfg"
        file.write_text(
            f"""global
  maxconn 6000
  nbthread {place.workers}
defaults
  mode tcp
  timeout connect 10s
  timeout client 5m
  timeout server 5m
  option splice-auto
listen mail
  bind 127.0.0.1:{place.port}
  server smarthost 127.0.0.1:{place.sink_port}
""",
            encoding="utf-8",
        )
        return [find_program("haproxy") or "", "-db", "-f", str(file)]


class Postfix(Peer):
    name = "postfix"
    about = "null client: queues on disk, then sends; answers before that"
    answers_early = True
    most_idle_clients = 200  # a process each

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
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

    def why_not(self) -> str | None:
        if not find_program("postfix"):
            return "not installed"
        return "only root can start it" if os.geteuid() != 0 else None

    def command(self, place: Place) -> list[str]:
        folder = place.folder
        for name in ("etc", "queue", "data"):
            (folder / name).mkdir()
        user = pwd.getpwnam("postfix")
        os.chown(folder / "data", user.pw_uid, user.pw_gid)
        (folder / "etc/master.cf").write_text(
            self.SERVICES.format(port=place.port), encoding="utf-8"
        )
        (folder / "etc/main.cf").write_text(
            f"""compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
myhostname = relay.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtp_host_lookup = native
relayhost = [127.0.0.1]:{place.sink_port}
alias_maps =
local_recipient_maps =
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = {SINK_NAME}
smtp_tls_CAfile = {place.ca_file}
smtp_tls_session_cache_database = btree:{folder}/data/sessions
message_size_limit = 104857600
mailbox_size_limit = 0
smtpd_client_connection_count_limit = 0
default_process_limit = {self.most_idle_clients + 50}
""",
            encoding="utf-8",
        )
        return [find_program("postfix") or "", "-c", str(folder / "etc"), "start-fg"]


def all_peers(program: Path) -> list[Peer]:
    return [Direct(), Itself(), Clever(), Smtpseal(program), Stunnel(), Haproxy(), Postfix()]
