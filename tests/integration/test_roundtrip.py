"""Random mails go through nginx, the program and a real SMTP server; Python's email and npm's mailparser read back what was
sent: subject, names, addresses, texts, file names, octets.

FCGI_SMTP_ROUNDTRIPS=N and FCGI_SMTP_ROUNDTRIP_SEED=S choose how many and which; a failure names the seed of its mail.
"""

import datetime
import email.utils
import os
import re
import sys
import unittest

import readers
from harness import BenchTest, SANITIZED
from submissions import Group, flatten, submission

COUNT = int(os.environ.get("FCGI_SMTP_ROUNDTRIPS", 40 if SANITIZED else 150))
FIRST = int(os.environ.get("FCGI_SMTP_ROUNDTRIP_SEED", 1))
SHOWN = int(os.environ.get("FCGI_SMTP_ROUNDTRIP_SHOWN", 20))  # failures
CONFIG = 'allow: {recipients: ["*"], senders: ["*"]}\nlimits: {recipients: 500}\n'


def ascii_domain(domain):
    return domain.encode("idna").decode().lower() if not domain.isascii() else domain.lower()


def address(mailbox):
    """Local part and domain as they are compared."""
    return mailbox[-2], ascii_domain(mailbox[-1])


def one_space(value):
    if isinstance(value, str):
        return re.sub(r"\s+", " ", value)
    return {name: one_space(text) for name, text in value.items()} if isinstance(value, dict) else value


class Comparison:
    """One mail as it was read against what was sent; differences are collected."""

    def __init__(self, reader, sent, mail):
        self.reader, self.sent, self.mail = reader, sent, mail
        self.differences = []

    def same(self, what, got, expected):
        if got != expected:
            self.differences.append(f"{self.reader}, {what}:\n  got      {got!r}\n  expected {expected!r}")

    def names(self, what, got, expected):
        self.same(what, got, expected)

    def mailboxes(self, what, got, expected):
        shape = [len(one) == 2 for one in got], [isinstance(one, Group) for one in expected]
        if shape[0] != shape[1]:
            self.same(f"{what}, mailboxes and groups", got, expected)
            return
        for one, other in zip(got, expected):
            if isinstance(other, Group):
                self.names(f"{what}, a group's name", one[0], other.name)
                self.mailboxes(f"{what}, {other.name}", one[1], other.mailboxes)
            else:
                self.names(f"{what}, a name", one[0], other[0])
                self.same(f"{what}, an address", address(one), address(other))

    def text(self, what, got, expected):
        """A text that is alone is ended by a line end: nothing else follows that could have one of its own."""
        alone = self.mail.inlines == [] and self.mail.attachments == [] and None in (self.sent.text, self.sent.html)
        if not (alone and got and got == f"{expected}\n"):
            self.same(what, got, expected)

    def file_name(self, name):
        return name

    def files(self):
        sent, mail = self.sent, self.mail
        self.same("inline files", [(name, cid, kind) for name, cid, kind, _ in mail.inlines],
                  [(file.name, f"<{file.name}>", file.type) for file in sent.inlines])
        self.same("attachments", [(name, kind) for name, kind, _ in mail.attachments],
                  [(self.file_name(file.name), file.type) for file in sent.attachments])
        for got, file in zip(mail.inlines + mail.attachments, sent.inlines + sent.attachments):
            if got[-1] != file.content:
                self.differences.append(f"{self.reader}: the octets of {file.name!r} differ: "
                                        f"{got[-1][:100]!r}... for {file.content[:100]!r}...")

    def run(self, message_id):
        sent, mail = self.sent, self.mail
        self.same("subject", mail.subject, sent.subject)
        self.mailboxes("from", mail.froms, sent.froms)
        self.mailboxes("sender", mail.sender, [sent.sender] if sent.sender else [])
        self.mailboxes("reply_to", mail.reply_to, sent.reply_to)
        self.mailboxes("to", mail.to, sent.to if sent.to or sent.cc else [Group("undisclosed-recipients", [])])
        self.mailboxes("cc", mail.cc, sent.cc)
        self.same("bcc", mail.bcc, [])
        self.same("message id", mail.message_id, message_id)
        self.same("in_reply_to", mail.in_reply_to, sent.in_reply_to)
        self.same("references", mail.references, sent.references)
        if sent.date:
            self.same("date", mail.date, email.utils.parsedate_to_datetime(sent.date))
        else:
            age = abs((datetime.datetime.now(datetime.timezone.utc) - mail.date).total_seconds())
            self.same("a date of now", age < 7200, True)
        self.same("headers", mail.headers, {name.lower(): value for name, value in sent.headers.items()})
        self.text("text", mail.text, self.expected_text())
        self.text("html", mail.html, sent.html)
        self.files()
        return self.differences

    def expected_text(self):
        """A mail of nothing else is an empty text."""
        sent = self.sent
        empty = sent.text is None and sent.html is None and not sent.attachments
        return "" if empty else sent.text


class PythonComparison(Comparison):
    def names(self, what, got, expected):
        """Python 3.11 puts a space between two encoded words of a phrase: such names are compared without spaces."""
        if not expected.isascii() and got != expected:
            got, expected = got.replace(" ", ""), expected.replace(" ", "")
        self.same(what, got, expected)


class MailparserComparison(Comparison):
    def same(self, what, got, expected):
        """mailparser makes one space of all white space in header fields where a line is folded."""
        if what not in ("text", "html"):
            got, expected = one_space(got), one_space(expected)
        super().same(what, got, expected)

    def mailboxes(self, what, got, expected):
        """It takes quoted local parts apart, and within a group quoted names: such fields are left to Python."""
        plain = re.compile(r"[^\s\"(),:;<>@\[\]\\]+")
        groups = [group for group in expected if isinstance(group, Group)]
        names = [name.replace(" ", "x") for group in groups for name, _, _ in group.mailboxes if name]
        if all(plain.fullmatch(text) for text in names + [local for local, _ in flatten(expected)]):
            super().mailboxes(what, got, expected)

    def file_name(self, name):
        """It decodes what looks like an encoded word, though RFC 2231's form says that it is none."""
        return re.sub(r"=\?utf-8\?q\?(\w+)\?=", r"\1", name)

    def text(self, what, got, expected):
        """No text and an empty one are the same to it."""
        super().text(what, got or None, expected or None)


class Roundtrip(BenchTest):
    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n{CONFIG}")
        self.bench.start_nginx()

    def post_all(self, seeds):
        """(seed, what was sent, the mail's id) of all that were taken; the others go to failures."""
        taken = []
        for seed in seeds:
            sent = submission(seed)
            answer = self.bench.request("POST", "/send", sent.body, {"Content-Type": sent.type})
            if answer.status == 200:
                taken.append((seed, sent, answer.json["id"]))
            else:
                self.failures.append(f"seed {seed}: {answer}\n{sent.type}\n{sent.body[:1000]!r}")
        return taken

    def envelope(self, sent, message):
        """Differences of the envelope, which no reader of the mail sees."""
        comparison = Comparison("envelope", sent, None)
        comparison.same("return path", address(readers.split_address(message["mail_from"])), address(sent.return_path))
        comparison.same("recipients", [address(readers.split_address(one)) for one in message["rcpt_tos"]],
                        [address(one) for one in sent.recipients])
        return comparison.differences

    def raw(self, sent, content):
        try:
            readers.check_raw(content, not sent.whole)
        except AssertionError as error:
            return [str(error)]
        for local, domain in sent.forbidden:
            if f"{local}@{ascii_domain(domain)}".encode() in content:
                return [f"{local}@{domain} is in the mail"]
        return []

    def compare(self, sent, message_id, message, mailparser):
        differences = self.raw(sent, message["content"]) + self.envelope(sent, message)
        try:
            python = readers.read_with_python(message["content"])
            differences += PythonComparison("Python", sent, python).run(message_id)
        except Exception as error:  # whatever Python's parser says of it
            differences.append(f"Python: {error!r}")
        return differences + MailparserComparison("mailparser", sent, mailparser).run(message_id)

    def test_roundtrip(self):
        self.failures = []
        taken = self.post_all(range(FIRST, FIRST + COUNT))
        arrived = self.mail.messages()
        self.assertEqual(len(arrived), len(taken))
        mailparser = readers.read_with_mailparser([self.mail.dir / f"{number + 1}.eml" for number in range(len(taken))])
        for (seed, sent, message_id), message, read in zip(taken, arrived, mailparser):
            differences = self.compare(sent, message_id, message, read)
            if differences:
                self.failures.append(f"seed {seed}:\n" + "\n".join(differences))
        print(f"{COUNT} mails, seeds {FIRST} to {FIRST + COUNT - 1}", file=sys.stderr)
        shown = "\n".join(self.failures[:SHOWN])
        self.assertEqual(len(self.failures), 0, f"{len(self.failures)} of {COUNT} mails:\n{shown}")


if __name__ == "__main__":
    unittest.main()
