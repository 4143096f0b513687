#!/usr/bin/env python3
"""Counts the single tests in Meson's test logs: count_tests.py TESTLOG.json...

A GoogleTest program is one test to Meson and many to us; its output says how each ended. A program
that ended badly with no failed test in its output (a leak, a crash at the end) is a failed test of
its own, and so is a test that was started and never ended. Any other program is one test.

Lists what failed and what was skipped, then prints `N passed, N failed` as the last line. Exits 1
if anything failed, if a log is missing, or if nothing passed.
"""

import json
import pathlib
import re
import sys

ENDED = re.compile(r"\[ +(OK|FAILED|SKIPPED) +\] (.*?)(?:, where .*)? \(\d+ ms\)")
STARTED = re.compile(r"\[ RUN      \] (\S+)")


def count_program(run, folder):
    """The names of one program's tests by how they ended: passed, failed, skipped."""
    program, result = f"{folder} {run['name'].rsplit(' ', 1)[-1]}", run["result"]
    output = run.get("stdout") or ""
    ended = {"OK": [], "FAILED": [], "SKIPPED": []}
    for how, name in ENDED.findall(output):
        ended[how].append(f"{program}: {name}")
    passed, failed, skipped = ended["OK"], ended["FAILED"], ended["SKIPPED"]

    started = STARTED.findall(output)
    if not started:
        alone = {"OK": (1, 0, 0), "SKIP": (0, 0, 1)}.get(result, (0, 1, 0))
        return tuple([f"{program} ({result})"] * count for count in alone)

    unfinished = len(started) - len(passed) - len(failed) - len(skipped)
    if unfinished > 0:
        failed.append(f"{program}: {started[-1]} did not end ({result})")
    if result not in ("OK", "SKIP") and not failed:
        failed.append(f"{program}: the program ended badly after its tests ({result})")
    return passed, failed, skipped


def main(logs):
    passed, failed, skipped = [], [], []
    for log in logs:
        try:
            with open(log, encoding="utf-8") as lines:
                runs = [json.loads(line) for line in lines if line.strip()]
        except OSError as error:
            failed.append(f"no test log: {error}")
            continue
        folder = pathlib.Path(log).absolute().parent.parent.name  # of FOLDER/meson-logs/LOG
        for run in runs:
            for total, part in zip((passed, failed, skipped), count_program(run, folder)):
                total.extend(part)
    for name in skipped:
        print(f"skipped: {name}")
    for name in failed:
        print(f"failed: {name}")
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
