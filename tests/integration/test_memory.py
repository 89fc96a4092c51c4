"""Memory that runs out: every allocation of a request fails once, and then all from there on; and a limit of the system's.

Whatever happens: the program lives, every request has an answer or a closed connection, and the answer is true.
"""

import json
import resource
import unittest

import fastcgi
from fault_injection import Faults, descriptors
from harness import BenchTest, multipart, wait_until

URLENCODED = "application/x-www-form-urlencoded"
ALLOW = 'allow: {recipients: ["*"], senders: ["*"]}\n'
KEY = "k" * 40


def mail(number, *more):
    return multipart([("from", "a@example.com"), ("to", "b@example.com, c@example.com"), ("subject", f"id {number} \u00e4"),
                      ("text", "text \u00e4\n" * 20), *more])


def requests():
    """Name, and what makes one with a number in it."""
    def send(number):
        body, kind = mail(number, ("html", "<p>\u00e4</p>"), ("attachment", "\u00e4.bin", "application/octet-stream", b"\x00\xff" * 40000))
        return fastcgi.request("POST", "/send", body, kind)

    def as_json(number):
        body = json.dumps({"from": "a@example.com", "to": ["b@example.com"], "subject": f"id {number}", "text": "t",
                           "attachment": [{"filename": "f", "type": "text/plain", "content": "eA=="}]})
        return fastcgi.request("POST", "/send", body.encode(), "application/json", HTTP_IDEMPOTENCY_KEY=f"key-{number}")

    def form(number):
        body = f"name=N&email=v%40example.com&message=m&subject=id+{number}"
        return fastcgi.request("POST", "/form/contact", body.encode(), URLENCODED)

    def mailgun(number):
        body, kind = multipart([("from", "a@example.com"), ("to", "b@example.com"), ("to", "c@example.com"), ("subject", f"id {number}"),
                                ("text", "%recipient.x%"), ("recipient-variables", '{"b@example.com": {"x": 1}}')])
        return fastcgi.request("POST", "/v3/example.com/messages", body, kind, HTTP_AUTHORIZATION=f"Bearer {KEY}")

    def whole(number):
        text = f"From: a@example.com\r\nTo: b@example.com\r\nSubject: id {number}\r\n\r\nx\r\n"
        body, kind = multipart([("message", text)])
        return fastcgi.request("POST", "/send", body, kind)

    def pages(number):
        return fastcgi.request("GET", ("/metrics", "/status", "/", "/readyz")[number % 4])

    return [("send", send), ("json", as_json), ("form", form), ("mailgun", mailgun), ("whole", whole), ("pages", pages)]


class Memory(BenchTest):
    def setUp(self):
        super().setUp()
        self.faults = Faults(self.bench)
        self.number = 0

    def start(self, server, more=""):
        import hashlib
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        self.bench.start_program(
            f"server: {server}\n{ALLOW}pages: [metrics, status, compose]\n"
            f"keys: [{{name: k, sha256: {digest}, allow: {{recipients: ['*'], senders: ['*']}}}}]\n"
            f"forms: {{contact: {{to: f@example.com, from: f@example.com, subject: '{{{{subject}}}}'}}}}\n"
            f"limits: {{memory_per_request: 64KiB}}\n{more}", env=self.faults.environment())

    def ask(self, make):
        """One request, numbered; gives its number and what came back."""
        self.number += 1
        reply = fastcgi.ask(self.bench.socket, make(self.number))
        self.assertTrue(self.bench.program.alive(), f"request {self.number} ended the program:\n{self.bench.program.output()[-3000:]}")
        return self.number, reply

    def delivery(self, reply):
        """What an answer says of its mail: sent, none or unknown."""
        if reply.status in (200, 303):
            return "sent"
        if not reply.ended or b'"delivery":"unknown"' in reply.body or b'"message":' in reply.body or not reply.body:
            return "unknown"
        return "none" if b'"delivery":"none"' in reply.body else "unknown"

    def fail_each(self, make, and_on, step, seen):
        """Fails the allocations 1, 1 + step, ... of a request until one has no more of them."""
        at = 1
        while True:
            self.faults.arm(at, and_on)
            number, reply = self.ask(make)
            self.faults.disarm()
            seen[number] = self.delivery(reply)
            self.statuses.setdefault(reply.status, 0)
            self.statuses[reply.status] += 1
            if self.faults["failed"] == 0:
                return at
            at += step

    def check_mails(self, server, seen):
        """What arrived is whole, and is what was said of it."""
        arrived = {}
        for message in server.messages():
            number = int(message["content"].split(b"id ", 1)[1].split(b"?")[0].split(b"_")[0].split()[0]) \
                if b"id " in message["content"] else int(message["content"].split(b"Subject: =?utf-8?Q?id_", 1)[1].split(b"_")[0])
            arrived.setdefault(number, []).extend(message["rcpt_tos"])
        for number, recipients in arrived.items():
            self.assertEqual(len(recipients), len(set(recipients)), f"mail {number} came twice")
            self.assertNotEqual(seen.get(number), "none", f"mail {number} was answered none and came")
        for number, said in seen.items():
            if said == "sent":
                self.assertIn(number, arrived)

    def sweep(self, names, server, config, step):
        self.start(config)
        self.statuses = {}
        seen = {}
        for _, make in requests():  # a warm-up
            number, _ = self.ask(make)
            seen[number] = "unknown"
        wait_until(lambda: descriptors(self.bench.program.pid) <= 40, "idle")
        figures = []
        for name, make in requests():
            if name not in names:
                continue
            for and_on in (False, True):
                figures.append(f"{name}{'+' if and_on else ''} {self.fail_each(make, and_on, step, seen if name != 'pages' else {})}")
                number, reply = self.ask(make)
                self.assertIn(reply.status, (200, 303), reply)
                if name != "pages":
                    seen[number] = "sent"
        print(f"allocations: {', '.join(figures)}; answers: {self.statuses}")
        self.check_mails(server, seen)

    def test_each_allocation(self):
        server = self.bench.start_mail_server()
        self.sweep({"send", "json", "form", "mailgun", "whole", "pages"}, server,
                   f"{{host: 127.0.0.1, port: {server.port}, tls: none, pool: {{size: 0}}}}", 1)


if __name__ == "__main__":
    unittest.main()
