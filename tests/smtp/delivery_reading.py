#!/usr/bin/env python3
"""Reads delivery status notifications with Python's email package, which has no part in making them.

Usage: delivery_reading.py PROGRAM, where PROGRAM prints samples (delivery_samples.cc).
Exits 1 when one is read otherwise than it was meant.
"""

import email
import email.policy
import subprocess
import sys


def samples(program):
    """Yields (text, number of recipients)."""
    output = subprocess.run([program], check=True, capture_output=True).stdout
    while output:
        line, _, rest = output.partition(b"\n")
        size, recipients = map(int, line.split())
        yield rest[:size], recipients
        output = rest[size:]


def faults(text, recipients):
    """Yields what is wrong with one notification."""
    mail = email.message_from_bytes(text, policy=email.policy.default)
    for part in mail.walk():
        if part.defects:
            yield f"defects: {part.defects}"
    if mail.get_content_type() != "multipart/report":
        yield f"is a {mail.get_content_type()}"
    parts = list(mail.iter_parts())
    if len(parts) != 3:
        yield f"has {len(parts)} parts"
        return
    if parts[0].get_content_type() != "text/plain":
        yield f"begins with {parts[0].get_content_type()}"
    if parts[1].get_content_type() == "message/delivery-status":
        groups = parts[1].get_payload()
        if len(groups) != recipients + 1:
            yield f"has {len(groups)} groups for {recipients} recipients"
        if groups[1]["Action"] not in ("failed", "delayed"):
            yield f"has the action {groups[1]['Action']}"
    for name in ("Bcc", "X-Injected"):
        if any(name in part for part in mail.walk()):
            yield f"has a field {name}"


def main():
    count = 0
    found = []
    for text, recipients in samples(sys.argv[1]):
        found += [f"notification {count}: {fault}" for fault in faults(text, recipients)]
        count += 1
    print("\n".join(found) or f"{count} notifications are as they should be")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main())
