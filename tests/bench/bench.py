#!/usr/bin/env python3
"""The side-by-side benchmark: smtpseal, its rivals and no middle box at all, on this machine.

Every peer carries the same mail from the same clients to the same smarthost, in alternation, so
that what else the machine does hits all of them alike. Compare only figures of one call. Run it
with contrib/bench, which builds what it needs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import report
from box import Trouble
from measure import Bench
from peers import SMARTHOST_NAME, Clever, Direct, FallingBack, Itself, Peer, Queueing, Smtpseal
from rivals import all_rivals
from scenarios import Scenario, all_scenarios


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def stop(number: int, frame: FrameType | None) -> NoReturn:
    """A signal ends us as an exception does: every process we started is ended on the way out."""
    del frame
    raise SystemExit(128 + number)


def make_certificates(folder: Path) -> None:
    """An authority and the smarthost's certificate, in ca.pem, cert.pem and key.pem."""
    extensions = folder / "extensions"
    extensions.write_text(
        f"subjectAltName = DNS:{SMARTHOST_NAME}, DNS:localhost\nextendedKeyUsage = serverAuth\n"
    )
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout"
    for command in (
        f"req -x509 {key} ca.key -out ca.pem -days 2 -subj /CN=benchmark",
        f"req {key} key.pem -out request.pem -subj /CN={SMARTHOST_NAME}",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        " -extfile extensions -out cert.pem",
    ):
        done = subprocess.run(
            ["openssl", *command.split()], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Trouble(f"openssl {command}: {done.stderr}")


def as_installed(program: Path, folder: Path) -> Path:
    """The program without symbols, as packages have it: its size is compared."""
    target = folder / "smtpseal"
    strip = shutil.which("strip")
    if not strip or subprocess.run([strip, "-o", target, program], check=False).returncode != 0:
        shutil.copy(program, target)
    return target


def choose(everything: Sequence[str], wanted: str | None, what: str) -> list[str]:
    """The names in a list separated by commas; all of them when there is none."""
    names = wanted.split(",") if wanted else list(everything)
    for name in names:
        if name not in everything:
            raise Trouble(f"no {what} is called {name}; there are {', '.join(everything)}")
    return names


def all_peers(program: Path) -> list[Peer]:
    ours = [Smtpseal(program), Queueing(program), FallingBack(program)]
    return [Direct(), Itself(), Clever(), *ours, *all_rivals()]


def those_present(peers: Sequence[Peer]) -> list[Peer]:
    present = []
    for peer in peers:
        reason = peer.why_not()
        print(f"{peer.name:<11} {reason + ': left out' if reason else peer.about}")
        if not reason:
            present.append(peer)
    return present


def run_scenario(
    bench: Bench, scenario: Scenario, peers: Sequence[Peer], repetitions: int
) -> report.Results:
    """Every cell, every peer in turn, as often as asked; each turn begins with another peer."""
    results: report.Results = {}
    for cell in scenario.cells:
        took_part = [peer for peer in peers if scenario.has_part_for(peer, cell)]
        for repetition in range(repetitions):
            first = repetition % max(len(took_part), 1)
            for peer in took_part[first:] + took_part[:first]:
                began = time.monotonic()
                try:
                    figures = scenario.measure(bench, peer, cell)
                except (Trouble, subprocess.TimeoutExpired) as error:
                    say(f"{scenario.name} c={cell.label} {peer.name}: {error}")
                    continue
                results.setdefault((cell.label, peer.name), []).append(figures)
                key = report.number(figures.get(scenario.key))
                took = f"{time.monotonic() - began:.1f} s"
                say(f"{scenario.name} c={cell.label} {peer.name}: {scenario.key} {key} ({took})")
    return results


def run(arguments: argparse.Namespace, folder: Path) -> None:
    os.chmod(folder, 0o755)  # Postfix's processes are other users
    build = Path(arguments.build).resolve()
    program = as_installed(build / "src/smtpseal", folder)
    every_peer = {peer.name: peer for peer in all_peers(program)}
    every_scenario = {scenario.name: scenario for scenario in all_scenarios(arguments.quick)}
    names = choose(list(every_peer), arguments.peers, "peer")
    chosen = choose(list(every_scenario), arguments.scenarios, "scenario")
    make_certificates(folder)
    programs = build / "tests/bench"
    bench = Bench(programs / "bench_sink", programs / "bench_load", folder)
    repetitions = arguments.reps or (1 if arguments.quick else 3)
    print(f"medians of {repetitions}; {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.2f}")
    peers = those_present([every_peer[name] for name in names])
    everything: dict[str, report.Results] = {}
    for name in chosen:
        if reason := every_scenario[name].why_not():
            print(f"\n{name}: {reason}: left out")
            continue
        everything[name] = run_scenario(bench, every_scenario[name], peers, repetitions)
        report.print_scenario(every_scenario[name], everything[name], peers)
        sys.stdout.flush()
    print(f"\n{report.LEGEND}")
    report.print_targets(everything)
    if arguments.json:
        write_json(Path(arguments.json), everything)


def write_json(file: Path, everything: dict[str, report.Results]) -> None:
    named = {
        scenario: {" ".join(key).strip(): runs for key, runs in results.items()}
        for scenario, results in everything.items()
    }
    file.write_text(json.dumps(named, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="contrib/bench", description=__doc__)
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)  # contrib/bench knows
    parser.add_argument("--quick", action="store_true", help="short runs, each once: does it work?")
    parser.add_argument("--scenarios", help="for instance S1,S2 (default: all)")
    parser.add_argument("--peers", help="for instance itself,smtpseal (default: all that are here)")
    parser.add_argument("--reps", type=int, help="how often to measure (default: 3)")
    parser.add_argument("--json", help="file for every single figure")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # thousands of connections a peer
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            run(arguments, Path(folder))
    except Trouble as error:
        say(f"bench: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
