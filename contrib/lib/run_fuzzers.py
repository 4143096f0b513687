#!/usr/bin/env python3
"""Runs libFuzzer programs for a time: run_fuzzers.py [--minutes N] [--jobs N] ROOT BUILD TARGET...

What counts is the CPU time of the program itself, so that a busy machine shortens no run. See
contrib/fuzz, which calls it, for what is kept where. Exits 1 if anything was found.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

SLICE = 120  # seconds of wall clock after which the CPU time is looked at
LONGEST_INPUT = 4096  # octets
SLOWEST = 20  # seconds for one input: more is a finding
MOST_MEMORY = 2048  # MiB: more is a finding

COVERAGE = re.compile(r"^#\d+\s+(\w+)\s+cov: (\d+)", re.MULTILINE)
EXECUTIONS = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)


class Run:
    """One target: what it was given and what came of it."""

    def __init__(self, target, root, build):
        self.target = target
        self.program = build / "tests/fuzz" / f"fuzz_{target}"
        self.seeds = root / "tests/fuzz/corpus" / target
        self.dictionary = root / "tests/fuzz/smtp.dict"
        self.corpus = build / "corpus" / target
        self.findings = build / "findings" / target
        self.log = build / f"{target}.log"
        self.seconds = 0.0
        self.executions = 0
        self.first_coverage = 0
        self.last_coverage = 0
        for folder in (self.corpus, self.findings):
            folder.mkdir(parents=True, exist_ok=True)
        self.found_before = self.count_findings()

    def count_findings(self):
        return sum(1 for _ in self.findings.iterdir())

    def found(self):
        return self.count_findings() - self.found_before

    def run(self, minutes):
        """Slice after slice until the CPU time is used up or something was found."""
        while self.seconds < minutes * 60 and not self.found():
            left = max(1, min(SLICE, int(minutes * 60 - self.seconds)))
            status = self.run_slice(left)
            if status != 0:
                break
        return self

    def run_slice(self, seconds):
        command = [
            str(self.program),
            str(self.corpus),
            str(self.seeds),
            f"-dict={self.dictionary}",
            f"-artifact_prefix={self.findings}/",
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST_INPUT}",
            f"-timeout={SLOWEST}",
            f"-rss_limit_mb={MOST_MEMORY}",
            "-print_final_stats=1",
            "-reload=0",
        ]
        with open(self.log, "w+", encoding="utf-8", errors="replace") as log:
            child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.seconds += usage.ru_utime + usage.ru_stime
            log.seek(0)
            self.read(log.read())
        if child.returncode != 0 and not self.found():
            (self.findings / f"status-{int(time.time())}").write_text(
                f"ended with status {child.returncode}, see {self.log}\n", encoding="utf-8"
            )
        return child.returncode

    def read(self, log):
        for word, edges in COVERAGE.findall(log):
            if word == "INITED" and not self.first_coverage:
                self.first_coverage = int(edges)
            self.last_coverage = max(self.last_coverage, int(edges))
        for count in EXECUTIONS.findall(log):
            self.executions += int(count)

    def row(self):
        rate = self.executions / self.seconds if self.seconds else 0
        return (
            f"{self.target:<16} {self.seconds / 60:>8.1f} {self.executions:>12} {rate:>9.0f} "
            f"{self.first_coverage:>8} {self.last_coverage:>8} {self.found():>9}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("targets", nargs="+")
    arguments = parser.parse_args()

    # An input that reads memory which is not its own ends the program, in every run.
    os.environ["ASAN_OPTIONS"] = "detect_leaks=1:detect_stack_use_after_return=1"
    os.environ["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
    runs = [Run(target, arguments.root, arguments.build) for target in arguments.targets]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for run in pool.map(lambda each: each.run(arguments.minutes), runs):
            print(run.row(), flush=True)
    print(
        f"\n{'target':<16} {'CPU min':>8} {'executions':>12} {'exec/s':>9} "
        f"{'edges at':>8} {'at end':>8} {'findings':>9}"
    )
    for run in runs:
        print(run.row())
    return 1 if any(run.found() for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
