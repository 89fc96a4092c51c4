"""Inline files and whole messages: what a real SMTP server gets is what was given, but for what must not leave."""

import email
import email.policy
import json
import os
import subprocess
import unittest

from harness import BenchTest, SANITIZED, wait_until

OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
CLOSED = ('allow: {recipients: ["*@example.com"], senders: ["*@example.com"]}\n'
          'defaults: {from: default@example.org, to: default@example.org, subject: default, headers: {X-Default: y}}\n')
DATE = "Date: Mon, 23 Nov 2026 09:48:00 +0000\r\n"
ID = "Message-ID: <own@id.example>\r\n"


def whole(*lines, body="body\r\n"):
    """A message with the fields and all that would be added otherwise."""
    return ("".join(f"{line}\r\n" for line in lines) + DATE + ID + "\r\n" + body).encode()


def parse(content):
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    for part in parsed.walk():
        assert not part.defects, part.defects
    return parsed


class Message(BenchTest):
    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()

    def start(self, more=OPEN):
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n{more}")
        self.bench.start_nginx()

    def send(self, message, *fields):
        """Posts the message as a file; gives the answer and what has arrived for it."""
        before = len(self.mail.messages())
        answer = self.bench.send(("message", "m.eml", "message/rfc822", message), *fields)
        return answer, self.mail.messages()[before:]

    def assertSent(self, message, *fields):
        answer, arrived = self.send(message, *fields)
        self.assertEqual((answer.status, len(arrived)), (200, 1), answer)
        return answer, arrived[0]


class Inline(Message):
    def test_related(self):
        self.start()
        logo, report = os.urandom(3000), os.urandom(2000)
        answer = self.bench.send(
            ("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "text"),
            ("html", '<img src="cid:logo.png">'), ("inline", "images/logo.png", "", logo),
            ("inline", "other.bin", "image/x-other", b""), ("attachment", "report.pdf", "", report))
        self.assertEqual(answer.status, 200, answer)
        (message,) = self.mail.messages()
        parsed = parse(message["content"])
        self.assertEqual(parsed.get_content_type(), "multipart/mixed")
        related, attachment = parsed.iter_parts()
        self.assertEqual((attachment.get_filename(), attachment.get_content()), ("report.pdf", report))
        self.assertEqual((related.get_content_type(), related.get_param("type")), ("multipart/related", "multipart/alternative"))
        alternative, image, other = related.iter_parts()
        self.assertEqual([part.get_content_type() for part in alternative.iter_parts()], ["text/plain", "text/html"])
        self.assertEqual(parsed.get_body(("html",)).get_content(), '<img src="cid:logo.png">')
        self.assertEqual((image["content-id"], image.get_content_disposition(), image.get_filename()),
                         ("<logo.png>", "inline", "logo.png"))
        self.assertEqual((image.get_content_type(), image.get_content()), ("image/png", logo))
        self.assertEqual((other.get_content_type(), other["content-id"]), ("image/x-other", "<other.bin>"))

    def test_without_html_inline_files_come_behind_the_text(self):
        self.start()
        answer = self.bench.send(("from", "a@example.com"), ("to", "b@example.com"), ("text", "text"),
                                 ("inline", "a.png", "", b"x"))
        self.assertEqual(answer.status, 200, answer)
        parsed = parse(self.mail.messages()[0]["content"])
        self.assertEqual([part.get_content_type() for part in parsed.iter_parts()], ["text/plain", "image/png"])

    def test_names(self):
        self.start()
        people = [("from", "a@example.com"), ("to", "b@example.com"), ("html", "h")]
        for files in ([("inline", "a.png", "", b"1"), ("inline", "x/a.png", "", b"2")], [("inline", "my logo.png", "", b"1")]):
            answer = self.bench.send(*people, *files)
            self.assertProblem(answer, 400, "invalid-field")
            self.assertEqual(answer.json["field"], "inline")
        answer = self.bench.send(*people, ("inline", "no file"))
        self.assertProblem(answer, 400, "invalid-field")
        self.assertEqual(self.mail.messages(), [])


class Whole(Message):
    def test_octet_for_octet(self):
        self.start()
        octets = bytes(c for c in range(1, 256) if c not in b"\r\n")
        for name, body in {
                "nothing": "", "text": "hello\r\n", "dots": ".\r\n..\r\n.a\r\n\r\n.\r\n", "white space": " \t \r\n\r\n\r\n",
                "long lines": ("x" * 998 + "\r\n") * 3, "not a field": "From: x\r\nBcc: y\r\n"}.items():
            with self.subTest(name):
                message = whole("From: a@example.com", "To:  b@example.com ", "X-Odd:\ttwo  spaces ", "Subject: =?utf-8?q?a?=\r\n b",
                                body=body)
                answer, arrived = self.assertSent(message)
                self.assertEqual(arrived["content"], message)
                self.assertEqual(answer.json["id"], "<own@id.example>")
        message = whole("From: a@example.com", "To: b@example.com") + octets + b"\r\n"
        self.assertEqual(self.assertSent(message)[1]["content"], message)

    def test_as_a_plain_field_and_from_curl(self):
        self.start()
        message = whole("From: a@example.com", "To: b@example.com")
        answer = self.bench.send(("message", message.decode()))
        self.assertEqual(answer.status, 200, answer)
        file = self.bench.dir / "m.eml"
        file.write_bytes(message.replace(b"\r\n", b"\n"))
        run = subprocess.run(["curl", "-sS", "-F", f"message=@{file}", f"http://127.0.0.1:{self.bench.port}/send"],
                             check=True, stdout=subprocess.PIPE)
        self.assertEqual(json.loads(run.stdout)["status"], "sent")
        self.assertEqual([arrived["content"] for arrived in self.mail.messages()], [message, message])

    def test_line_ends(self):
        self.start()
        message = whole("From: a@example.com", "To: b@example.com", "Bcc: c@example.com,\r\n d@example.com", "X: y\r\n z",
                        body="one\r\n.\r\n\r\ntwo\r\n")
        expected = message.replace(b"Bcc: c@example.com,\r\n d@example.com\r\n", b"")
        for end in (b"\r\n", b"\n", b"\r"):
            with self.subTest(end):
                _, arrived = self.assertSent(message.replace(b"\r\n", end))
                self.assertEqual(arrived["content"], expected)
                self.assertEqual(arrived["rcpt_tos"], [f"{name}@example.com" for name in "bcd"])
        # A smuggled end of data and what would follow it stay text.
        body = "a\n.\nMAIL FROM:<x@example.com>\r.\rRCPT TO:<y@example.com>\r\n"
        _, arrived = self.assertSent(whole("From: a@example.com", "To: b@example.com", body=body))
        self.assertTrue(arrived["content"].endswith(
            b"\r\na\r\n.\r\nMAIL FROM:<x@example.com>\r\n.\r\nRCPT TO:<y@example.com>\r\n"), arrived)

    def test_bcc_is_for_the_envelope_alone(self):
        self.start()
        message = whole("Bcc: =?utf-8?q?J=C3=BC?= <h1@example.com>,", "\th2@example.com", "From: a@example.com",
                        "BCC: Team: h3@example.com, h1@example.com;", "Resent-Bcc: h4@example.com", "Cc: c@example.com",
                        "Return-Path: <old@example.com>")
        answer, arrived = self.assertSent(message)
        self.assertEqual(arrived["rcpt_tos"], [f"{name}@example.com" for name in ("h1", "h2", "h3", "c")])
        self.assertEqual(answer.json["accepted"], arrived["rcpt_tos"])
        self.assertEqual(arrived["content"], whole("From: a@example.com", "Cc: c@example.com"))

    def test_envelope(self):
        self.start(OPEN)
        message = whole("From: a@example.com", "Sender: s@example.com", "To: b@example.com")
        _, arrived = self.assertSent(message)
        self.assertEqual((arrived["mail_from"], arrived["rcpt_tos"]), ("s@example.com", ["b@example.com"]))
        _, arrived = self.assertSent(message, ("sender", "p@example.com"), ("rcpt", "r@example.com"))
        self.assertEqual((arrived["mail_from"], arrived["rcpt_tos"]), ("p@example.com", ["r@example.com"]))
        self.assertEqual(arrived["content"], message)

    def test_added_fields(self):
        self.start()
        answer, arrived = self.assertSent(b"From: a@example.com\nTo: b@example.com\n\nhi")
        parsed = parse(arrived["content"])
        self.assertEqual(parsed["message-id"], answer.json["id"])
        self.assertIsNotNone(parsed["date"].datetime)
        self.assertEqual([name.lower() for name in parsed.keys()][:2], ["from", "to"])
        self.assertEqual(parsed.get_content(), "hi\r\n")

    def test_eight_bit(self):
        self.start()
        message = whole("From: a@example.com", "To: b@example.com", "MIME-Version: 1.0",
                        "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", body="Grüße\r\n")
        self.assertEqual(self.assertSent(message)[1]["content"], message)
        message = whole("From: Jürgen <jü@example.com>", "To: b@example.com", "Subject: Grüße")
        self.assertEqual(self.assertSent(message)[1]["content"], message)

    def test_header_fields_in_utf_8_need_smtputf8(self):
        script = self.bench.start_script("S: 220 mail.test\nC: EHLO *\nS: 250-mail.test\nS: 250 8BITMIME\n"
                                         "C?: QUIT\nREAD-UNTIL-EOF\n")
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {script.port}, tls: none}}\n{OPEN}")
        self.bench.start_nginx()
        answer = self.bench.send(("message", "m", "", whole("From: a@example.com", "To: b@example.com", "Subject: ü")))
        self.assertProblem(answer, 422, "message-refused")
        self.assertIn("message", answer.json["detail"])
        self.bench.stop_program()  # which ends the session that it keeps
        script.stop()

    def test_large(self):
        self.start("limits: {request: 60MiB, memory_per_request: 64KiB}\n" + OPEN)
        lines = (5 if SANITIZED else 25) << 20
        body = "".join(f"{number:076d}\r\n" for number in range(lines // 78))
        message = whole("From: a@example.com", "To: b@example.com", body=body)
        self.assertTrue(self.assertSent(message)[1]["content"] == message)
        self.assertTrue(self.assertSent(message.replace(b"\r\n", b"\n"))[1]["content"] == message)

    def test_dry_run(self):
        self.start()
        answer, arrived = self.send(b"Bcc: h@example.com\nFrom: a@example.com\nDate: d\nMessage-ID: <x@y>\n\nhi", ("dry_run", "1"))
        self.assertEqual((answer.status, arrived), (200, []), answer)
        self.assertEqual(answer.json["status"], "dry-run")
        self.assertEqual(answer.json["envelope"], {"from": "a@example.com", "to": ["h@example.com"]})
        self.assertEqual(answer.json["headers"], "From: a@example.com\r\nDate: d\r\nMessage-ID: <x@y>\r\n\r\n")
        self.assertEqual(answer.json["size"], len(answer.json["headers"]) + 4)

    def test_policy(self):
        self.start(CLOSED)
        good = ("From: a@example.com", "To: b@example.com")
        _, arrived = self.assertSent(whole(*good))
        self.assertEqual(arrived["content"], whole(*good))  # the defaults add nothing
        for message, fields, token, field in [
                (whole("From: a@example.com", "To: b@example.net"), [], "recipient-not-allowed", "message"),
                (whole(*good, "Bcc: b@example.com,", " b@example.net"), [], "recipient-not-allowed", "message"),
                (whole(*good), [("rcpt", "b@example.net")], "recipient-not-allowed", "rcpt"),
                (whole("From: a@example.net", "To: b@example.com"), [], "sender-not-allowed", "message"),
                (whole("From: a@example.net", "To: b@example.com"), [("sender", "a@example.com")], "sender-not-allowed", "message"),
                (whole(*good, "Sender: a@example.net"), [], "sender-not-allowed", "message"),
                (whole("From: a@example.com, a@example.net", "Sender: a@example.com", "To: b@example.com"), [],
                 "sender-not-allowed", "message"),
                (whole(*good), [("sender", "a@example.net")], "sender-not-allowed", "sender"),
                (whole(*good), [("server", "other")], "override-not-allowed", "server")]:
            with self.subTest(message=message, fields=fields):
                answer, arrived = self.send(message, *fields)
                self.assertProblem(answer, 403, token)
                self.assertEqual((answer.json["field"], arrived), (field, []))

    def test_refused(self):
        self.start()
        good = whole("From: a@example.com", "To: b@example.com")
        for message, fields, detail in [
                (whole("To: b@example.com"), [], "no From field"),
                (whole("From: a@example.com", "From: a@example.com", "To: b@example.com"), [], "second time"),
                (whole("From : a@example.com", "To: b@example.com"), [], "line 1"),
                (whole("From: a@example.com", "Bcc : c@example.com", "To: b@example.com"), [], "line 2"),
                (whole("From: a@example.com", "To: b@example.com", body="x" * 999), [], "line 6 is over 998"),
                (whole("From: a@example.com", "To: b@example.com", body="\0"), [], "NUL"),
                (b"no header\n\n" + good, [], "line 1"),
                (b"", [], "no From field"),
                (whole("From: a@example.com", "To: everybody"), [], "line 2"),
                (good, [("rcpt", "everybody")], "everybody"),
                (good, [("subject", "s")], "subject has no meaning beside it"),
                (good, [("h:X-A", "s")], "h:X-A has no meaning beside it"),
                (good, [("attachment", "a", "", b"x")], "attachment has no meaning beside it"),
                (good, [("from", "a@example.com"), ("to", "b@example.com")], "from has no meaning beside it")]:
            with self.subTest(message=message, fields=fields):
                answer, arrived = self.send(message, *fields)
                self.assertProblem(answer, 400, "invalid-field")
                self.assertEqual(len(answer.json["errors"]), max(1, len(fields)))
                self.assertIn(detail, answer.json["errors"][0]["detail"])
                self.assertEqual(arrived, [])
        answer, _ = self.send(whole("From: a@example.com"))
        self.assertProblem(answer, 422, "missing-field")
        self.assertEqual(answer.json["field"], "rcpt")


class Subjects(Message):
    def lines(self):
        return [line for line in self.bench.program.output().splitlines() if "subject=" in line]

    def post(self):
        for fields in ([("message", whole("From: a@example.com", "To: b@example.com", "Subject: =?iso-8859-1?q?Gr=FC=DFe?=",
                                          " =?utf-8?b?IGF1cyBLw7Zsbg==?=").decode())],
                       [("from", "=?iso-8859-1?q?J=FCrgen?= <a@example.com>"), ("to", "b@example.com"),
                        ("subject", "=?iso-8859-1?q?Gr=FC=DFe?= aus =?utf-8?b?S8O2bG4=?=")]):
            self.assertEqual(self.bench.send(*fields).status, 200)

    def test_encoded_words_are_not_encoded_twice(self):
        self.start()
        self.post()
        content = self.mail.messages()[1]["content"]
        parsed = parse(content)
        self.assertEqual(parsed["subject"], "Grüße aus Köln")
        self.assertEqual(parsed["from"].addresses[0].display_name, "Jürgen")
        self.assertEqual(content.count(b"iso-8859-1"), 0)
        wait_until(lambda: self.bench.program.output().count(" message_id=") == 2, "the log lines")
        self.assertEqual(self.lines(), [])  # a subject is for the debug level

    def test_readable_in_the_debug_log(self):
        self.start("log: {level: debug}\n" + OPEN)
        self.post()
        wait_until(lambda: len(self.lines()) == 2, "the log lines, which follow the answers")
        self.assertEqual([line.count('subject="Grüße aus Köln"') for line in self.lines()], [1, 1])


if __name__ == "__main__":
    unittest.main()
