"""send.py PORT JOBS LINE_END: sends mails with smtplib, all over one connection.

LINE_END is crlf, or lf: what becomes of a file that is read and sent as bytes without a thought.
"""
import smtplib
import sys

port, jobs, line_end = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with smtplib.SMTP("127.0.0.1", port, timeout=30) as server:
    for job in open(jobs, encoding="utf-8"):
        path, recipients = job.rstrip("\n").split("\t")
        with open(path, "rb") as file:
            mail = file.read()
        if line_end == "crlf":
            mail = mail.replace(b"\n", b"\r\n")
        options = [] if mail.isascii() else ["BODY=8BITMIME"]
        refused = server.sendmail("app@client.test", recipients.split(","), mail, options)
        assert refused == {}, refused
