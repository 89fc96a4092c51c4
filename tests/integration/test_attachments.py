"""Attachments of all sizes arrive octet for octet, through memory and through the spill file."""

import email
import email.policy
import hashlib
import os
import unittest

from harness import BenchTest, SANITIZED

SIZES = [0, 1, 57, 1 << 20, 25 << 20]
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]


def attachments(message):
    parsed = email.message_from_bytes(message["content"], policy=email.policy.default)
    return {part.get_filename(): part.get_payload(decode=True) for part in parsed.iter_attachments()}


class Attachments(BenchTest):
    def start(self, tls="none"):
        options = ["--tls", tls]
        more = ""
        if tls != "none":
            ca = self.bench.certificates()
            options += ["--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key"]
            more = f", ca_file: {ca}/ca.pem"
        self.mail = self.bench.start_mail_server(*options)
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: {tls}{more}, "
                                 f"timeouts: {{data: 60s, total: 100s}}}}\n{OPEN}")
        self.bench.start_nginx()

    def check(self, *contents):
        fields = [("attachment", f"{number}.bin", "application/octet-stream", content)
                  for number, content in enumerate(contents)]
        before = len(self.mail.messages())
        answer = self.bench.send(*FIELDS, *fields, seconds=120)
        self.assertEqual(answer.status, 200, answer)
        found = attachments(self.mail.messages()[before])
        self.assertEqual({name: hashlib.sha256(content).hexdigest() for name, content in found.items()},
                         {f"{number}.bin": hashlib.sha256(content).hexdigest() for number, content in enumerate(contents)})

    def test_sizes(self):
        self.start()
        for size in SIZES:
            with self.subTest(size=size):
                self.check(os.urandom(size))

    def test_sizes_over_tls(self):
        for tls in ("starttls",) if SANITIZED else ("starttls", "implicit"):
            with self.subTest(tls=tls):
                self.start(tls)
                self.check(os.urandom(25 << 20))
                self.bench.stop_program()

    def test_several(self):
        self.start()
        self.check(os.urandom(300000), b"", b"x" * 100, os.urandom(300000), b"\r\n.\r\n" * 1000)

    def test_nothing_is_left_in_the_spill_directory(self):
        self.start()
        self.check(os.urandom(1 << 20))
        left = [path.name for path in self.bench.dir.iterdir() if path.name.startswith("fcgi-smtp-") and path.suffix != ".log"]
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main()
