#!/usr/bin/env python3
"""Whether the benchmark can be believed: selftest.py SINK LOAD. No rival and no smtpseal needed.

The counts of the load and of the sink agree, faults in between are noticed, clients stay where they
were told to, and the report says what was measured.
"""

from __future__ import annotations

import contextlib
import io
import smtplib
import ssl
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import bench
import holding
import report
import targets
from measure import KIB, Bench, Cell, measure_sending, run_load, set_up
from peers import Clever, Direct, Itself, Peer, Place, Smtpseal
from scenarios import all_scenarios

HERE = Path(__file__).parent
MESSAGES = 12
CELL = Cell("4", 4, messages=MESSAGES, arrival_timeout=0.3)


class Faulty(Peer):
    name = "faulty"
    is_plaintext = True

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def command(self, place: Place) -> list[str]:
        ports = [str(place.port), str(place.smarthost_port)]
        return [sys.executable, str(HERE / "faulty_box.py"), self.fault, *ports]


class Stranger(Itself):
    """Expects another's certificate."""

    def load_arguments(self, ca_file: Path) -> list[str]:
        return ["--ca-file", str(ca_file), "--name", "other.test"]


class WithTools(unittest.TestCase):
    tools: Bench


def setUpModule() -> None:
    folder = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
    unittest.addModuleCleanup(folder.cleanup)
    sink, load = map(Path, sys.argv[1:3])
    WithTools.tools = Bench(sink, load, Path(folder.name))
    bench.make_certificates(WithTools.tools.folder)


class CountsTest(WithTools):
    def test_agree_in_plaintext(self) -> None:
        figures = measure_sending(self.tools, Direct(), CELL)
        self.assertEqual(figures["messages"], MESSAGES)
        self.assertEqual(figures["connections"], MESSAGES)
        self.assertEqual(figures["handshakes"], 0)
        self.assertEqual([figures[name] for name in report.FAULTS], [0, 0, 0, 0])

    def test_agree_with_starttls(self) -> None:
        figures = measure_sending(self.tools, Itself(), replace(CELL, per_connection=3))
        self.assertEqual(figures["messages"], MESSAGES)
        self.assertEqual(figures["handshakes"], figures["connections"])
        self.assertEqual([figures[name] for name in report.FAULTS], [0, 0, 0, 0])

    def test_plaintext_is_noticed_where_tls_was_due(self) -> None:
        peer = Direct()
        peer.is_plaintext = False
        self.assertEqual(measure_sending(self.tools, peer, CELL)["plaintext"], MESSAGES)

    def test_resumed_sessions_are_no_full_handshakes(self) -> None:
        for tls_max in ("", "1.2"):
            cell = replace(CELL, concurrency=1, tls_max=tls_max)
            with self.subTest(tls_max=tls_max), set_up(self.tools, Clever(), cell) as stage:
                run_load(self.tools, Clever(), stage, cell, 0)
                counters = stage.smarthost.wait_for_messages(MESSAGES, cell.arrival_timeout)
                self.assertEqual(counters["full_handshakes"], 1)
                self.assertEqual(counters["resumed_handshakes"], MESSAGES - 1)

    def test_sink_speaks_no_newer_tls_than_told(self) -> None:
        trust = ssl.create_default_context(cafile=self.tools.ca_file)
        for tls_max, spoken in (("", "TLSv1.3"), ("1.2", "TLSv1.2")):
            cell = replace(CELL, tls_max=tls_max)
            with self.subTest(spoken), set_up(self.tools, Itself(), cell) as stage:
                with smtplib.SMTP("localhost", stage.port) as client:
                    client.starttls(context=trust)
                    assert isinstance(client.sock, ssl.SSLSocket)
                    self.assertEqual(client.sock.version(), spoken)

    def test_distance_delays_every_answer(self) -> None:
        # Greeting twice that much, EHLO, MAIL, RCPT, DATA, the message.
        cell = replace(CELL, messages=1, delay_ms=5)
        self.assertGreaterEqual(measure_sending(self.tools, Direct(), cell)["p50_ms"], 7 * 5)

    def test_tools_end_well(self) -> None:
        with set_up(self.tools, Itself(), CELL) as stage:
            run_load(self.tools, Itself(), stage, CELL, 0)
        self.assertEqual(stage.smarthost.process.returncode, 0)


class FaultsTest(WithTools):
    def faults_of(self, peer: Peer) -> list[float]:
        with contextlib.redirect_stderr(io.StringIO()):  # what the load was refused for
            figures = measure_sending(self.tools, peer, CELL)
        return [figures[name] for name in report.FAULTS]

    def test_none_are_seen_where_none_are(self) -> None:
        self.assertEqual(self.faults_of(Faulty("none")), [0, 0, 0, 0])

    def test_refused_messages_are_noticed(self) -> None:
        self.assertEqual(self.faults_of(Faulty("refuse")), [4, 0, 0, 0])

    def test_lost_messages_are_noticed(self) -> None:
        self.assertEqual(self.faults_of(Faulty("lose")), [0, 4, 0, 0])

    def test_doubled_messages_are_noticed(self) -> None:
        self.assertEqual(self.faults_of(Faulty("double")), [0, 0, 4, 0])

    def test_certificate_of_another_is_refused(self) -> None:
        self.assertEqual(self.faults_of(Stranger()), [MESSAGES, 0, 0, 0])


class HoldingTest(WithTools):
    @classmethod
    def setUpClass(cls) -> None:
        cls.addClassCleanup(setattr, holding, "SETTLE", holding.SETTLE)
        holding.SETTLE = 0.0

    def test_idle_clients_stay_and_leave(self) -> None:
        figures = holding.measure_idle(self.tools, Faulty("none"), replace(CELL, concurrency=20))
        self.assertEqual(figures["clients"], 20)
        self.assertEqual(figures["connections"], 20)

    def test_clients_pause_in_their_message_and_finish_it(self) -> None:
        cell = replace(CELL, concurrency=20, size=128 * KIB)
        figures = holding.measure_in_data(self.tools, Faulty("none"), cell)
        self.assertEqual([figures["in_data"], figures["accepted"]], [20, 20])
        self.assertEqual(figures["connections"], 20)
        self.assertEqual([figures[name] for name in report.FAULTS], [0, 0, 0, 0])

    def test_message_lost_after_a_pause_is_noticed(self) -> None:
        cell = replace(CELL, concurrency=6, size=128 * KIB)
        figures = holding.measure_in_data(self.tools, Faulty("lose"), cell)
        self.assertEqual([figures["accepted"], figures["lost"]], [6, 2])


class ReportTest(unittest.TestCase):
    def test_target_is_met_or_missed_by_its_share(self) -> None:
        measured = {
            "S1": {
                ("1", "smtpseal"): {"rate": 330.0},
                ("1", "itself"): {"rate": 100.0},
                ("1", "haproxy"): {"rate": 660.0},
            },
            "S5": {("5000", "smtpseal"): {"kb_a_client": 5.0, "connections": 0.0}},
        }
        self.assertEqual(
            [
                (scenario, text, verdict)
                for scenario, _, text, _, _, verdict in targets.judge(measured)
            ],
            [
                ("S1", "msg/s >= 3 x itself", "met 1.10 times"),
                ("S1", "msg/s >= haproxy", "missed by 50 %"),
                ("S5", "kB each <= 4", "missed by 25 %"),
                ("S5", "conns <= 0", "met"),
            ],
        )

    def test_every_target_names_a_cell_and_a_figure_that_is_reported(self) -> None:
        scenarios = {scenario.name: scenario for scenario in all_scenarios(is_quick=False)}
        for target in targets.TARGETS:
            with self.subTest(target):
                scenario = scenarios[target.scenario]
                self.assertIn(target.label, [cell.label for cell in scenario.cells])
                columns = report.COLUMNS.get(scenario.name, report.SENDING)
                self.assertIn(target.figure, [figure for _, figure in columns])

    def test_fits_100_columns(self) -> None:
        peers = bench.all_peers(Path("smtpseal"))
        figures = {name: 12345.6 for columns in report.COLUMNS.values() for _, name in columns}
        figures |= {name: 12345.6 for _, name in report.SENDING}
        everything = {}
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            for scenario in all_scenarios(is_quick=False):
                results = {
                    (c.label, peer.name): [figures] for c in scenario.cells for peer in peers
                }
                report.print_scenario(scenario, results, peers)
                everything[scenario.name] = results
            print(report.LEGEND)
            report.print_targets(everything)
        lines = output.getvalue().splitlines()
        self.assertIn(Smtpseal.name, output.getvalue())
        self.assertLessEqual(max(map(len, lines)), 100)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
