"""Mailgun's messages API through nginx: by plain HTTP, and by mailgun.js from npm, of which only `url` is changed."""

import base64
import email
import email.policy
import hashlib
import json
import socket
import subprocess
import types
import unittest
import urllib.parse

import npm
from harness import SOURCE, WAIT, BenchTest, free_ports

KEY = "8c7d2f0a-a-key-of-a-test"
DOMAIN = "mg.example.com"
MESSAGES = f"/v3/{DOMAIN}/messages"
MIME = f"{MESSAGES}.mime"
SIMPLE = (("from", "app@example.com"), ("to", "you@example.com"), ("subject", "s"), ("text", "t"))

HELLO = "S: 220 mail.test ESMTP\nC: EHLO *\nS: 250 mail.test\n"
MAIL = "C: MAIL *\nS: 250 ok\n"
RCPT = "C: RCPT TO:<{}@example.com>\nS: 250 ok\n"
REFUSED = "C: RCPT TO:<{}@example.com>\nS: 550 5.1.1 No such user\n"
DATA = "C: DATA\nS: 354 go\nDATA\nS: 250 ok\n"
RESET = "C: RSET\nS: 250 ok\n"  # behind a refusal
END = "REPEAT 2\nC?: RSET\nC?: QUIT\nEND\nREAD-UNTIL-EOF\n"


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()


def basic(key=KEY, user="api"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()}


def parse(message):
    parsed = email.message_from_bytes(message["content"], policy=email.policy.default)
    for part in parsed.walk():
        assert not part.defects, part.defects
    return parsed


class MailgunTest(BenchTest):
    allow = '{recipients: ["*@example.com"], senders: ["*@example.com"]}'
    server = "tls: none"
    more = ""

    def setUp(self):
        super().setUp()
        self.mail = self.start_server()
        self.start()

    def start_server(self):
        return self.bench.start_mail_server()

    def start(self, more="", **nginx):
        self.bench.start_program(
            f"server: {{host: 127.0.0.1, port: {self.mail.port}, {self.server}}}\n{self.more}{more}"
            f"keys: [{{name: app, sha256: {sha256(KEY)}, allow: {self.allow}}}]\n")
        self.bench.start_nginx(**nginx)

    def post(self, *fields, path=MESSAGES, headers=None):
        return self.bench.send(*fields, path=path, headers=basic() if headers is None else headers)

    def with_changes(self, *changed):
        names = {field[0] for field in changed}
        return [field for field in SIMPLE if field[0] not in names] + list(changed)

    def assertQueued(self, answer, rejected=None):
        self.assertEqual((answer.status, answer.headers.get("Content-Type")), (200, "application/json"), answer)
        members = ["id", "message"] + (["rejected"] if rejected else [])
        self.assertEqual(list(answer.json), members, answer)
        self.assertEqual(answer.json["message"], "Queued. Thank you.")
        self.assertEqual([entry["address"] for entry in answer.json.get("rejected", [])], rejected or [])
        self.assertEqual(answer.headers.get("Cache-Control"), "no-store")

    def assertMessage(self, answer, status, *texts):
        self.assertEqual((answer.status, answer.headers.get("Content-Type")), (status, "application/json"), answer)
        self.assertEqual(list(answer.json), ["message"])
        for text in texts:
            self.assertIn(text, answer.json["message"])

    def arrived(self):
        (message,) = self.mail.messages()
        return message, parse(message)


class Messages(MailgunTest):
    def test_urlencoded(self):
        form = urllib.parse.urlencode({"from": "A <app@example.com>", "to": "you@example.com", "subject": "Grüße", "text": "hi"})
        answer = self.bench.request("POST", MESSAGES, form, {"Content-Type": "application/x-www-form-urlencoded", **basic()})
        self.assertQueued(answer)
        message, parsed = self.arrived()
        self.assertEqual((message["mail_from"], message["rcpt_tos"]), ("app@example.com", ["you@example.com"]))
        self.assertEqual((parsed["subject"], parsed["message-id"]), ("Grüße", answer.json["id"]))
        self.assertTrue(answer.json["id"].endswith(f"@{DOMAIN}>"), answer)

    def test_every_field(self):
        answer = self.post(
            ("from", "A <a@example.com>"), ("from", "b@example.com"), ("h:sender", "S <s@example.com>"),
            ("to", "t1@example.com"), ("to", "T <t2@example.com>, t1@EXAMPLE.com"), ("cc", "c@example.com"),
            ("bcc", "b1@example.com, t1@example.com"), ("subject", "subject"), ("text", "plain"), ("html", "<p>html"),
            ("amp-html", "<p>amp"), ("attachment", "a.bin", "", b"\0\1"), ("attachment", "just octets"),
            ("inline", "i.png", "image/png", b"png"), ("h:Reply-To", "r1@example.com"), ("h:X-Own", "own ü"),
            ("h:Message-Id", "<own@id.example>"), ("h:Date", "Fri, 21 Nov 1997 09:55:06 -0600"),
            ("h:In-Reply-To", "<one@id.example>"), ("h:References", "<one@id.example> <two@id.example>"),
            ("v:first", "Ä  b"), ("v:second", '{"a": 1}'), ("o:tag", "t1"), ("o:tag", "t2"), ("o:dkim", "no"),
            ("o:tracking", "yes"), ("o:tracking-clicks", "htmlonly"), ("o:skip-verification", "yes"), ("o:testmode", "no"))
        self.assertQueued(answer)
        self.assertEqual(answer.json["id"], "<own@id.example>")
        message, parsed = self.arrived()
        self.assertEqual(message["mail_from"], "s@example.com")
        self.assertEqual(message["rcpt_tos"], [f"{name}@example.com" for name in ("t1", "t2", "c", "b1")])
        self.assertNotIn(b"b1@", message["content"])
        self.assertEqual([address.addr_spec for address in parsed["from"].addresses], ["a@example.com", "b@example.com"])
        self.assertEqual(str(parsed["sender"]), "S <s@example.com>")
        self.assertEqual(parsed["reply-to"].strip(), "r1@example.com")
        self.assertEqual(parsed["x-own"], "own ü")
        self.assertEqual(parsed["date"].datetime.isoformat(), "1997-11-21T09:55:06-06:00")
        self.assertEqual(parsed["in-reply-to"].strip(), "<one@id.example>")
        self.assertEqual(parsed["references"].strip(), "<one@id.example> <two@id.example>")
        self.assertEqual(json.loads(parsed["x-mailgun-variables"]), {"first": "Ä  b", "second": '{"a": 1}'})
        self.assertEqual(parsed.get_all("x-mailgun-tag"), ["t1", "t2"])
        self.assertEqual([part.get_content_type() for part in parsed.walk()],
                         ["multipart/mixed", "multipart/related", "multipart/alternative", "text/plain", "text/x-amp-html",
                          "text/html", "image/png", "application/octet-stream", "application/octet-stream"])
        parts = list(parsed.walk())
        self.assertEqual(parts[6]["content-id"], "<i.png>")
        self.assertEqual([(part.get_filename(), part.get_content()) for part in parts[-2:]],
                         [("a.bin", b"\0\1"), ("attachment", b"just octets")])

    def test_sender_is_shown_with_one_from(self):
        self.assertQueued(self.post(*SIMPLE, ("h:Sender", "robot@example.com")))
        message, parsed = self.arrived()
        self.assertEqual((str(parsed["from"]), str(parsed["sender"])), ("app@example.com", "robot@example.com"))
        self.assertEqual(message["mail_from"], "robot@example.com")

    def test_amp_alone(self):
        self.assertQueued(self.post(*SIMPLE[:3], ("amp-html", "<p>amp")))
        self.assertEqual(self.arrived()[1].get_content_type(), "text/x-amp-html")

    def test_long_variables(self):
        value = " ".join(f"word{i}" for i in range(900))
        self.assertQueued(self.post(*SIMPLE, ("v:long", value), ("v:tricky", "=?utf-8?q?x?= \"\\\t\U0001f600")))
        message, parsed = self.arrived()
        self.assertTrue(all(len(line) <= 998 for line in message["content"].split(b"\r\n")))
        self.assertEqual(json.loads(parsed["x-mailgun-variables"]),
                         {"long": value, "tricky": "=?utf-8?q?x?= \"\\\t\U0001f600"})

    def test_test_mode(self):
        for value in ("yes", "true", "True"):
            self.assertQueued(self.post(*SIMPLE, ("o:testmode", value)))
        self.assertMessage(self.post(*SIMPLE, ("o:testmode", "maybe")), 400, "o:testmode", "yes or no")
        self.assertEqual(self.mail.messages(), [])

    def test_what_is_refused(self):
        cases = [
            (("h:To", "x@example.com"), "To"), (("h:Content-Type", "text/html"), "Content-Type"),
            (("h:Received", "x"), "Received"), (("h:X-A", "a\r\nBcc: x@example.com"), "line end"),
            (("h:Message-Id", "x"), "message id"), (("h:Date", "today"), "date"), (("h:Sender", "x"), "x"),
            (("template", "x"), "template", "no stored templates"), (("t:version", "2"), "t:version", "no stored templates"),
            (("t:variables", "{}"), "t:variables"), (("o:deliverytime", "x"), "o:deliverytime", "no queue"),
            (("o:deliverytime-optimize-period", "24h"), "no queue"), (("o:time-zone-localize", "x"), "o:time-zone-localize"),
            (("o:require-tls", "yes"), "verified TLS"), (("message", "x"), "/messages.mime"),
            (("sujbect", "x"), "sujbect", "subject"), (("rcpt", "x@example.com"), "rcpt"), (("server", "main"), "server"),
            (("password", "x"), "password"), (("v:", "x"), "v:KEY"), (("subject", "second"), "more than once"),
            (("v:word", "x" * 1000), "v:word"), (("to", "nobody"), "nobody"), (("h:X-F", "f.txt", "text/plain", "x"), "file"),
        ]
        for field, *texts in cases:
            with self.subTest(field=field[0]):
                self.assertMessage(self.post(*SIMPLE, field), 400, *texts)
        answer = self.post(*SIMPLE, ("template", "x"), ("o:foo", "x"), ("cc", "@"))
        self.assertMessage(answer, 400, "template", "o:foo", "@")
        self.assertMessage(self.post(*SIMPLE, ("v:a", "1"), ("v:b", "2"), ("v:a", "3")), 400, "v:a", "more than once")
        self.assertEqual(self.mail.messages(), [])

    def test_what_is_missing(self):
        for name in ("from", "to", "text"):
            with self.subTest(name=name):
                fields = [field for field in SIMPLE if field[0] != name]
                self.assertMessage(self.post(*fields), 422, name)
        self.assertMessage(self.post(*self.with_changes(("to", "nobody:;"))), 422, "no recipient")
        answer = self.post(("from", "a@example.com,b@example.com"), *SIMPLE[1:])
        self.assertMessage(answer, 422, "h:Sender")

    def test_an_empty_text(self):
        self.assertQueued(self.post(*self.with_changes(("text", ""))))
        self.assertEqual(self.arrived()[1].get_content().strip(), "")

    def test_policy_is_the_keys(self):
        self.assertMessage(self.post(*self.with_changes(("to", "you@elsewhere.example"))), 403, "you@elsewhere.example")
        self.assertMessage(self.post(*self.with_changes(("from", "me@elsewhere.example"))), 403, "me@elsewhere.example")
        self.assertMessage(self.post(*SIMPLE, ("h:Sender", "me@elsewhere.example")), 403, "me@elsewhere.example")

    def test_keys(self):
        for headers in ({}, basic("wrong"), {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}):
            answer = self.post(*SIMPLE, headers=headers)
            self.assertEqual((answer.status, answer.json), (401, {"message": "Forbidden"}))
            self.assertIn("WWW-Authenticate", answer.headers)
        self.assertQueued(self.post(*SIMPLE, headers=basic(user="anybody")))
        self.assertQueued(self.post(*SIMPLE, headers={"Authorization": f"Bearer {KEY}"}))

    def test_other_refusals_before_the_form(self):
        self.assertMessage(self.bench.request("GET", MESSAGES, headers=basic()), 405)
        self.assertMessage(self.bench.request("POST", MESSAGES, "{}", {"Content-Type": "application/json", **basic()}), 415)
        self.assertMessage(self.bench.request("POST", MESSAGES, "x", {"Content-Type": "multipart/form-data", **basic()}), 400)
        self.assertMessage(self.post(*SIMPLE, headers={**basic(), "Sec-Fetch-Site": "cross-site"}), 403)
        self.assertMessage(self.post(*SIMPLE, path="/v3/localhost/messages"), 404, "localhost")
        self.assertMessage(self.post(*SIMPLE, path="/v3/a%20b.example/messages"), 404)
        self.assertEqual(self.post(*SIMPLE, path=f"/v3/{DOMAIN}/other").status, 404)
        self.assertEqual(self.post(*SIMPLE, path=f"/v3/x/{DOMAIN}/messages").status, 404)

    def test_the_domain_is_decoded_once(self):
        for path, domain in (("/v3/mg%2Eexample.com/messages", DOMAIN), ("/v3/b%C3%BCcher.example/messages/", "xn--bcher-kva.example"),
                             ("/v3/MG.Example.com/messages", DOMAIN)):
            answer = self.post(*SIMPLE, path=path)
            self.assertQueued(answer)
            self.assertTrue(answer.json["id"].endswith(f"@{domain}>"), answer)
        self.assertMessage(self.post(*SIMPLE, path="/v3/mg%252Eexample.com/messages"), 404)

    def test_idempotency_key(self):
        headers = {**basic(), "Idempotency-Key": "once"}
        first = self.post(*SIMPLE, headers=headers)
        again = self.post(*SIMPLE, headers=headers)
        self.assertEqual(first.json, again.json)
        self.assertEqual(again.headers.get("Idempotent-Replayed"), "true")
        self.assertMessage(self.post(*self.with_changes(("text", "other")), headers=headers), 422, "Idempotency-Key")
        self.assertEqual(len(self.mail.messages()), 1)

    def test_a_whole_message(self):
        whole = "From: A <a@example.com>\nTo: shown@example.com\nBcc: hidden@example.com\nSubject: s\n\n.dot\n"
        for field in (("message", whole), ("message", "message.mime", "message/rfc822", whole), ("message", "", "", whole)):
            answer = self.post(("to", "one@example.com"), ("to", "Two <two@example.com>, one@example.com"), field,
                               ("o:tracking", "no"), path=MIME)
            self.assertQueued(answer)
            self.assertTrue(answer.json["id"].endswith(f"@{DOMAIN}>"), answer)
        for message in self.mail.messages():
            self.assertEqual((message["mail_from"], message["rcpt_tos"]), ("a@example.com", ["one@example.com", "two@example.com"]))
            self.assertNotIn(b"hidden", message["content"])
            self.assertEqual(parse(message).get_content().strip(), ".dot")

    def test_what_a_whole_message_refuses(self):
        whole = ("message", "From: a@example.com\n\nx")
        self.assertMessage(self.post(whole, path=MIME), 422, "to")
        self.assertMessage(self.post(("to", "one@example.com"), path=MIME), 422, "message")
        for field in (("from", "x"), ("cc", "x"), ("text", "x"), ("h:X-A", "x"), ("v:a", "x"), ("o:tag", "x"),
                      ("recipient-variables", "{}"), ("attachment", "x")):
            answer = self.post(("to", "one@example.com"), whole, field, path=MIME)
            self.assertMessage(answer, 400, field[0], "whole message")
        self.assertMessage(self.post(("to", "one@example.com"), ("message", "no header\n\nx"), path=MIME), 400, "header")
        self.assertMessage(self.post(("to", "a@elsewhere.example"), whole, path=MIME), 403)
        answer = self.post(("to", "one@example.com"), ("message", "From: a@elsewhere.example\n\nx"), path=MIME)
        self.assertMessage(answer, 403, "a@elsewhere.example")
        self.assertQueued(self.post(("to", "one@example.com"), whole, ("o:testmode", "yes"), path=MIME))
        self.assertEqual(self.mail.messages(), [])


class Verified(MailgunTest):
    """A server that is used with verified TLS."""

    def start_server(self):
        ca = self.bench.certificates()
        self.server = f"tls: starttls, ca_file: {ca}/ca.pem"
        return self.bench.start_mail_server("--tls", "starttls", "--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key")

    def test_require_tls(self):
        self.assertQueued(self.post(*SIMPLE, ("o:require-tls", "yes")))
        self.assertQueued(self.post(*SIMPLE, ("o:require-tls", "no")))


class Unverified(MailgunTest):
    """A server whose certificate cannot be verified."""

    def start_server(self):
        ca = self.bench.certificates()
        self.server = f"tls: starttls, ca_file: {ca}/ca.pem"
        return self.bench.start_mail_server("--tls", "starttls", "--cert", f"{ca}/expired.pem", "--key", f"{ca}/expired.key")

    def test_skip_verification_loosens_nothing(self):
        self.assertMessage(self.post(*SIMPLE, ("o:skip-verification", "yes")), 502, "expired")
        self.assertEqual(self.mail.messages(), [])


class Batch(MailgunTest):
    more = "limits: {recipients: 5, text: 2KiB}\n"

    def batch(self, variables, *fields, to=("a@example.com", "B <b@example.com>")):
        variables = variables if isinstance(variables, str) else json.dumps(variables)
        return self.post(("from", "app@example.com"), *(("to", one) for one in to), *fields, ("recipient-variables", variables))

    def test_one_mail_each(self):
        variables = {"a@example.com": {"name": "Ä", "id": 1, "list": [1, 2.5], "yes": True, "no": None},
                     "b@EXAMPLE.com": {"name": "B"}}
        answer = self.batch(
            variables, ("subject", "for %recipient.name%"), ("text", "%recipient.name%%recipient.id% 100% %recipient.list%"),
            ("html", "<p>%recipient.name% %recipient.yes%[%recipient.no%]"), ("amp-html", "<p>%recipient.name%"),
            ("h:Reply-To", "reply+%recipient.name%@example.com"), ("h:X-Own", "own %recipient.name%"), ("v:who", "%recipient.name%"),
            ("attachment", "%recipient.name%.txt", "text/plain", "%recipient.name%"),
            to=("a@example.com, B <b@example.com>", "a@example.com"))
        self.assertQueued(answer)
        first, second = (parse(message) for message in self.mail.messages())
        self.assertEqual([message["rcpt_tos"] for message in self.mail.messages()], [["a@example.com"], ["b@example.com"]])
        self.assertEqual([str(first["to"]), str(second["to"])], ["a@example.com", "B <b@example.com>"])
        self.assertEqual([first["subject"], second["subject"]], ["for Ä", "for B"])
        self.assertEqual([first["x-own"], second["x-own"]], ["own Ä", "own B"])
        self.assertEqual(json.loads(first["x-mailgun-variables"]), {"who": "Ä"})
        texts = [[part.get_content().strip() for part in one.walk() if not part.is_multipart()] for one in (first, second)]
        self.assertEqual(texts[0], ["Ä1 100% [1,2.5]", "<p>Ä", "<p>Ä true[]", "%recipient.name%"])
        self.assertEqual(texts[1], ["B%recipient.id% 100% %recipient.list%", "<p>B", "<p>B %recipient.yes%[%recipient.no%]",
                                    "%recipient.name%"])
        self.assertEqual((first["message-id"], second["message-id"]), (answer.json["id"], answer.json["id"]))
        self.assertNotIn(b"b@example.com", self.mail.messages()[0]["content"])
        self.assertNotIn(b"a@example.com", self.mail.messages()[1]["content"])

    def test_no_variables_hide_the_others(self):
        self.assertQueued(self.batch("{}", ("text", "t")))
        self.assertEqual([str(parse(message)["to"]) for message in self.mail.messages()], ["a@example.com", "B <b@example.com>"])

    def test_another_charset(self):
        form = urllib.parse.urlencode({"from": "app@example.com", "to": "a@example.com", "text": "ä %recipient.x%",
                                       "recipient-variables": '{"a@example.com":{"x":"y"}}'}, encoding="iso-8859-1")
        answer = self.bench.request("POST", MESSAGES, form,
                                    {"Content-Type": "application/x-www-form-urlencoded; charset=iso-8859-1", **basic()})
        self.assertQueued(answer)
        self.assertEqual(self.arrived()[1].get_content().strip(), "ä y")

    def test_what_is_refused(self):
        text = ("text", "t")
        for variables in ("", "{", "[]", '"x"', '{"a@example.com": 1}', '{"nobody": {}}', '{"a@example.com": {}, "a@example.com": {}}',
                          "[" * 100):
            with self.subTest(variables=variables):
                self.assertMessage(self.batch(variables, text), 400, "recipient-variables")
        self.assertMessage(self.batch("{}", text, ("cc", "c@example.com")), 400, "cc and bcc")
        self.assertMessage(self.batch("{}", text, ("bcc", "c@example.com")), 400, "cc and bcc")
        self.assertMessage(self.batch("{}", text, to=[f"u{i}@example.com" for i in range(6)]), 413)
        self.assertMessage(self.batch("{}", text, to=["nobody"]), 400, "nobody")
        self.assertMessage(self.batch("{}"), 422, "text")
        self.assertMessage(self.batch("{}", text, to=[]), 422, "to")
        self.assertMessage(self.batch("{}", text, to=["nobody:;"]), 422, "no recipient")
        self.assertMessage(self.batch("{}", text, to=["a@example.com", "x@elsewhere.example"]), 403, "x@elsewhere.example")
        # Nothing is sent if the last mail cannot be made.
        wrong = {"a@example.com": {"x": "fine", "s": "s@example.com", "n": "1"},
                 "b@example.com": {"x": "a\r\nBcc: c@example.com", "s": "s@elsewhere.example", "n": "y" * 1800}}
        self.assertMessage(self.batch(wrong, text, ("subject", "%recipient.x%")), 400, "line end")
        self.assertMessage(self.batch(wrong, text, ("h:X-A", "%recipient.x%")), 400, "line end")
        self.assertMessage(self.batch(wrong, text, ("h:Sender", "%recipient.s%")), 403, "s@elsewhere.example")
        self.assertMessage(self.batch(wrong, ("text", "%recipient.n%%recipient.n%")), 413, "text")
        self.assertEqual(self.mail.messages(), [])


class Answers(MailgunTest):
    """What the SMTP server says."""

    server = "tls: none, pool: {size: 0}"

    def setUp(self):
        BenchTest.setUp(self)

    def serve(self, scenario):
        self.mail = self.bench.start_script(scenario)
        self.start()

    def batch(self, *names):
        return self.post(("from", "app@example.com"), *(("to", f"{name}@example.com") for name in names), ("text", "t"),
                         ("recipient-variables", "{}"))

    def test_some_are_refused(self):
        self.serve(HELLO + MAIL + RCPT.format("a") + REFUSED.format("b") + DATA + END)
        answer = self.post(*self.with_changes(("to", "a@example.com,b@example.com")))
        self.assertQueued(answer, ["b@example.com"])
        self.assertEqual((answer.json["rejected"][0]["code"], answer.json["rejected"][0]["enhanced"]), (550, "5.1.1"))

    def test_all_are_refused(self):
        self.serve(HELLO + MAIL + REFUSED.format("you") + END)
        self.assertMessage(self.post(*SIMPLE), 422, "550 5.1.1 No such user")

    def test_later(self):
        self.serve(HELLO + "C: MAIL *\nS: 451 4.3.0 later\n" + END)
        answer = self.post(*SIMPLE)
        self.assertMessage(answer, 503, "451 4.3.0 later")
        self.assertIn("Retry-After", answer.headers)

    def test_unknown(self):
        self.serve(HELLO + MAIL + RCPT.format("you") + "C: DATA\nS: 354 go\nDATA\nCLOSE\n")
        answer = self.post(*SIMPLE)
        self.assertEqual(answer.status, 502, answer)
        self.assertMessage(answer, 502, "not known whether the mail was delivered")

    def test_a_batch_has_one_session(self):
        self.serve(HELLO + (MAIL + RCPT.format("a") + DATA) + (MAIL + REFUSED.format("b") + RESET) +
                   (MAIL + RCPT.format("c") + DATA) + END)
        self.assertQueued(self.batch("a", "b", "c"), ["b@example.com"])
        self.bench.program.stop()
        transcript = self.mail.stop()
        self.assertEqual(transcript.count("EHLO"), 1, transcript)
        self.assertEqual(transcript.count("MAIL FROM"), 3)

    def test_a_batch_of_which_nothing_is_accepted(self):
        self.serve(HELLO + (MAIL + REFUSED.format("a") + RESET) + (MAIL + REFUSED.format("b")) + END)
        self.assertMessage(self.batch("a", "b"), 422, "550 5.1.1 No such user")

    def test_a_batch_ends_with_its_connection(self):
        self.serve(HELLO + (MAIL + RCPT.format("a") + DATA) + MAIL + RCPT.format("b") +
                   "C: DATA\nS: 354 go\nDATA\nCLOSE\n")
        answer = self.batch("a", "b", "c")
        self.assertQueued(answer, ["b@example.com", "c@example.com"])
        self.assertEqual([entry["delivery"] for entry in answer.json["rejected"]], ["unknown", "none"])
        self.assertTrue(all(entry["text"] for entry in answer.json["rejected"]), answer)

    def test_a_batch_has_the_time_of_one_mail(self):
        self.server = "tls: none, timeouts: {total: 3s}"
        self.serve("== *\n" + HELLO + MAIL + "C: RCPT *\nS: 250 ok\n" + DATA + MAIL + "STALL\n")
        answer = self.batch("a", "b", "c")
        self.assertQueued(answer, ["b@example.com", "c@example.com"])

    def test_nobody_listens(self):
        (port,) = free_ports(1)
        self.mail = types.SimpleNamespace(port=port)
        self.start()
        self.assertMessage(self.post(*SIMPLE), 502, "cannot connect")
        self.assertMessage(self.batch("a", "b"), 502, "cannot connect")


class Clients(MailgunTest):
    """mailgun.js."""

    more = "limits: {request: 100KiB}\n"

    @classmethod
    def setUpClass(cls):
        cls.node = npm.install()

    def call(self, name, key=KEY):
        url = f"http://127.0.0.1:{self.bench.port}"
        run = subprocess.run(["node", "mailgun.mjs", url, key, name], cwd=self.node, check=True, stdout=subprocess.PIPE, timeout=WAIT)
        return json.loads(run.stdout)

    def queued(self, name):
        result = self.call(name)
        self.assertEqual((result.get("status"), result.get("message")), (200, "Queued. Thank you."), result)
        return result["id"]

    def test_texts(self):
        for name in ("text", "fetch"):
            id = self.queued(name)
            parsed = parse(self.mail.messages()[-1])
            self.assertEqual((parsed["subject"], parsed.get_content().strip()), ("Grüße", "Grüße aus Köln"))
            self.assertEqual(parsed["message-id"], id)
            self.assertTrue(id.endswith(f"@{DOMAIN}>"))

    def test_attachments_and_inline(self):
        self.queued("attachments")
        message, parsed = self.arrived()
        self.assertEqual(message["rcpt_tos"], [f"{name}@example.com" for name in ("a", "b")] + ["A@example.com"] +
                         [f"{name}@example.com" for name in ("c", "d")])
        parts = [part for part in parsed.walk() if not part.is_multipart()]
        self.assertEqual([part.get_content_type() for part in parts[:4]], ["text/plain", "text/x-amp-html", "text/html", "image/png"])
        self.assertEqual(parts[3]["content-id"], "<logo.png>")
        self.assertEqual([part.get_filename() for part in parts[4:]], ["Übersicht.bin", "note.txt", "mailgun.mjs"])
        self.assertEqual(parts[4].get_content(), b"\0\1\2\xff")
        self.assertEqual(parts[6].get_payload(decode=True), (self.node / "mailgun.mjs").read_bytes())
        self.assertEqual(parsed["reply-to"], "Replies <replies@example.com>")
        self.assertEqual(parsed["x-own"], "own")
        self.assertEqual(json.loads(parsed["x-mailgun-variables"]), {"user": '{"id": 7}'})
        self.assertEqual(parsed.get_all("x-mailgun-tag"), ["one", "two"])

    def test_an_attachment_without_a_name(self):
        self.queued("unnamed")
        (attachment,) = self.arrived()[1].iter_attachments()
        self.assertEqual(attachment.get_payload(decode=True), b"octets")
        self.assertTrue(attachment.get_filename())

    def test_recipient_variables(self):
        id = self.queued("batch")
        alice, bob = (parse(message) for message in self.mail.messages())
        self.assertEqual([str(alice["to"]), str(bob["to"])], ["Alice <alice@example.com>", "bob@example.com"])
        self.assertEqual([alice["subject"], bob["subject"]], ["Hey Alice", "Hey Böb"])
        self.assertEqual(bob.get_body(("plain",)).get_content().strip(), "Your number is 2.")
        self.assertEqual(bob.get_body(("html",)).get_content().strip(), "<b>Böb</b>")
        self.assertEqual({alice["message-id"], bob["message-id"]}, {id})

    def test_mime(self):
        self.queued("mime")
        self.assertEqual(self.queued("mimeFile"), "<own@id.example>")
        first, second = self.mail.messages()
        self.assertEqual(first["rcpt_tos"], ["envelope@example.com", "second@example.com"])
        self.assertEqual(second["rcpt_tos"], ["envelope@example.com"])
        self.assertEqual(str(parse(first)["to"]), "shown@example.com")
        self.assertTrue(first["content"].endswith(b"whole text\r\n"))

    def test_test_mode(self):
        self.queued("testmode")
        self.assertEqual(self.mail.messages(), [])

    def test_errors(self):
        for name, status, text in (("wrongKey", 401, "Forbidden"), ("noText", 422, "text"), ("template", 400, "templates"),
                                   ("notAllowed", 403, "you@elsewhere.example"), ("tooLarge", 413, "larger")):
            with self.subTest(name=name):
                result = self.call(name)
                self.assertEqual((result.get("error"), result.get("status")), (True, status), result)
                self.assertIn(text, result["message"] + result["details"])
        self.assertEqual(self.mail.messages(), [])


class Nginx(MailgunTest):
    """nginx's own errors on these paths."""

    def start(self, more="", **nginx):
        snippet = (SOURCE / "etc" / "nginx" / "fcgi-smtp-mailgun.conf").read_text()
        snippet = snippet.replace("/usr/share/fcgi-smtp/nginx/fcgi-smtp.conf", f"{self.bench.dir}/nginx/snippet.conf")
        super().start(more, extra=snippet, **nginx)

    def test_requests_pass(self):
        self.assertQueued(self.post(*SIMPLE))
        self.assertQueued(self.post(("to", "one@example.com"), ("message", "From: a@example.com\n\nx"), path=MIME + "/"))
        self.assertMessage(self.post(*self.with_changes(("to", "x@elsewhere.example"))), 403, "x@elsewhere.example")
        self.assertEqual(self.bench.get("/healthz").status, 200)

    def test_its_errors_are_json(self):
        self.bench.program.stop()
        self.assertMessage(self.post(*SIMPLE), 502, "no answer")
        large = self.post(*SIMPLE, ("attachment", "large", "", b"x" * (33 << 20)))
        self.assertMessage(large, 413, "larger")

    def test_no_answer_in_time(self):
        with socket.socket(socket.AF_UNIX) as silent:
            path = self.bench.dir / "silent.sock"
            silent.bind(str(path))
            silent.listen()
            path.chmod(0o666)
            self.bench.stop_program()
            self.start(upstream=f"unix:{path}", read_timeout="1s")
            self.assertMessage(self.post(*SIMPLE), 504, "not known whether the mail was delivered")


if __name__ == "__main__":
    unittest.main()
