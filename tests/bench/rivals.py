"""What else can seal mail, or pass it on, on this machine.

Who is not found in the search path is looked for where an environment variable says, named like
the program: EMAILRELAY, MSMTPD, SMTPRELAY and so on; see programs.py. OpenSMTPD, which cannot be
installed beside Postfix, is looked for in the root directory that OPENSMTPD_CHROOT names.
"""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import postfix
from peers import SMARTHOST_NAME, Peer, Place
from programs import find_program


class Rival(Peer):
    """One that is left out unless all its programs are found; each by any of its names."""

    programs: tuple[tuple[str, ...], ...] = ()

    def why_not(self) -> str | None:
        missing = [names[0] for names in self.programs if not find_program(*names)]
        return f"{' and '.join(missing)} not installed" if missing else None

    def program(self, number: int = 0) -> str:
        return find_program(*self.programs[number]) or ""


class Stunnel(Rival):
    name = "stunnel"
    about = "TLS tunnel that speaks STARTTLS as a client"
    programs = (("stunnel", "stunnel4"),)

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
connect = 127.0.0.1:{place.smarthost_port}
verifyChain = yes
CAfile = {place.ca_file}
checkHost = {SMARTHOST_NAME}
""",
            encoding="utf-8",
        )
        return [self.program(), str(file)]


class Haproxy(Rival):
    name = "haproxy"
    about = "passes bytes on in plaintext, no TLS: one hop more than the limit"
    is_plaintext = True
    programs = (("haproxy",),)

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
  server smarthost 127.0.0.1:{place.smarthost_port}
""",
            encoding="utf-8",
        )
        return [self.program(), "-db", "-f", str(file)]


class Socat(Rival):
    name = "socat"
    about = "the same, with a process for each client"
    is_plaintext = True
    most_clients_held = 1000
    programs = (("socat",),)

    def command(self, place: Place) -> list[str]:
        listen = f"TCP-LISTEN:{place.port},bind=127.0.0.1,reuseaddr,fork,backlog=4096"
        return [self.program(), listen, f"TCP:127.0.0.1:{place.smarthost_port}"]


class Emailrelay(Rival):
    name = "emailrelay"
    about = "E-MailRelay as proxy: the client waits for the smarthost"
    programs = (("emailrelay",),)

    def command(self, place: Place) -> list[str]:
        (place.folder / "spool").mkdir()
        options = {
            "--log-file": place.folder / "log",
            "--pid-file": place.folder / "pid",
            "--user": pwd.getpwuid(os.geteuid()).pw_name,
            "--interface": "127.0.0.1",
            "--port": place.port,
            "--domain": "relay.test",
            "--spool-dir": place.folder / "spool",
            "--forward-to": f"127.0.0.1:{place.smarthost_port}",
            "--client-tls-verify": place.ca_file,
            "--client-tls-verify-name": SMARTHOST_NAME,
        }
        command = [self.program(), "--no-daemon", "--log", "--no-syslog", "--immediate"]
        command += ["--client-tls", "--client-tls-required"]
        for option, value in options.items():
            command += [option, str(value)]
        return command


class Msmtpd(Rival):
    name = "msmtpd"
    about = "with an msmtp for each message, while the client waits"
    most_clients_held = 16  # it serves no more at the same time
    programs = (("msmtpd",), ("msmtp",))

    def command(self, place: Place) -> list[str]:
        file = place.folder / "msmtprc"
        file.write_text(
            f"""account default
host 127.0.0.1
port {place.smarthost_port}
auth off
tls on
tls_starttls on
tls_trust_file {place.ca_file}
tls_host_override {SMARTHOST_NAME}
""",
            encoding="utf-8",
        )
        file.chmod(0o600)
        send = f"{self.program(1)} -C {file} -f %F --"
        return [
            self.program(),
            "--interface=127.0.0.1",
            f"--port={place.port}",
            f"--command={send}",
        ]


class Smtprelay(Rival):
    name = "smtprelay"
    about = "a relay in Go: takes a message, then sends it while the client waits"
    programs = (("smtprelay",),)

    def command(self, place: Place) -> list[str]:
        # It verifies the name it connects to.
        remote = f"starttls://localhost:{place.smarthost_port}"
        options = {
            "-listen": f"127.0.0.1:{place.port}",
            "-hostname": "relay.test",
            "-remotes": remote,
            "-max_connections": "-1",
            "-max_message_size": "104857600",
            "-logfile": str(place.folder / "log"),
        }
        return [self.program(), *(word for option in options.items() for word in option)]

    def environment(self, place: Place) -> dict[str, str]:
        return {"SSL_CERT_FILE": str(place.ca_file), "SSL_CERT_DIR": str(place.folder)}


class Postfix(Peer):
    name = "postfix"
    about = "null client: queues on disk, then sends; answers before that"
    answers_early = True
    most_clients_held = 200  # a process each

    def why_not(self) -> str | None:
        return postfix.why_not()

    def command(self, place: Place) -> list[str]:
        settings = {
            "myhostname": "relay.test",
            "relayhost": f"[127.0.0.1]:{place.smarthost_port}",
            "smtp_tls_security_level": "secure",
            "smtp_tls_secure_cert_match": SMARTHOST_NAME,
            "smtp_tls_CAfile": str(place.ca_file),
            "smtp_tls_session_cache_database": f"btree:{place.folder}/data/sessions",
            "default_process_limit": str(self.most_clients_held + 50),
        }
        return postfix.configure(place.folder, place.port, settings)


class Opensmtpd(Peer):
    """Its paths are compiled in, so it runs in a root directory of its own, with all it needs."""

    name = "opensmtpd"
    about = "queues on disk, then sends; answers before that"
    answers_early = True
    most_clients_held = 50
    most_messages = 100  # it sends slowly what it took fast

    def why_not(self) -> str | None:
        root = self.root()
        if root is None or root == Path("/"):
            return "OPENSMTPD_CHROOT does not name its root directory"
        if not (root / "usr/sbin/smtpd").exists():
            return f"not in {root}"
        return "only root can start it" if os.geteuid() != 0 else None

    @staticmethod
    def root() -> Path | None:
        name = os.environ.get("OPENSMTPD_CHROOT")
        return Path(name).resolve() if name else None

    def command(self, place: Place) -> list[str]:
        root = self.root()
        assert root is not None
        shutil.copy(place.ca_file, root / "etc/ssl/certs/ca-certificates.crt")
        (root / "etc/hosts").write_text(
            f"127.0.0.1 localhost\n127.0.0.1 {SMARTHOST_NAME}\n", encoding="utf-8"
        )
        for left_over in (root / "var/spool/smtpd").glob("*"):
            shutil.rmtree(left_over)
        file = "etc/smtpd.bench.conf"
        smarthost = f"smtp+tls://{SMARTHOST_NAME}:{place.smarthost_port}"
        (root / file).write_text(
            f"""smtp max-message-size 104857600
listen on 127.0.0.1 port {place.port} hostname relay.test
action "out" relay host {smarthost} tls helo relay.test
match from any for any action "out"
""",
            encoding="utf-8",
        )
        return [find_program("chroot") or "", str(root), "/usr/sbin/smtpd", "-d", "-f", f"/{file}"]


def all_rivals() -> list[Peer]:
    return [
        Stunnel(),
        Haproxy(),
        Socat(),
        Emailrelay(),
        Msmtpd(),
        Smtprelay(),
        Postfix(),
        Opensmtpd(),
    ]
