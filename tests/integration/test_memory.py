"""Memory that runs out: every allocation of a request fails once, and then all from there on; and a limit of the system's.

Whatever happens: the program lives, every request has an answer or a closed connection, and the answer is true.
"""

import collections
import hashlib
import json
import pathlib
import re
import resource
import threading
import time
import unittest

import fastcgi
from fault_injection import Faults, descriptors
from harness import BenchTest, multipart, wait_until

URLENCODED = "application/x-www-form-urlencoded"
ALLOW = 'allow: {recipients: ["*"], senders: ["*"]}\n'
KEY = "k" * 40
STEP = 37  # of the allocations that are tried where there are thousands


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


def numbered(content):
    """The number that stands in a mail's subject."""
    return int(re.search(rb"id[ _](\d+)", content)[1])


def normal(message):
    """A mail without what differs from mail to mail."""
    content = message["content"]
    boundaries = re.findall(rb'boundary="?([^"\r\n;]+)', content)
    content = re.sub(rb"id([ _])\d+", rb"id\g<1>N", content)
    content = re.sub(rb"(?m)^(Date|Message-ID): .*", rb"", content)
    for number, boundary in enumerate(boundaries):
        content = content.replace(boundary, b"B%d" % number)
    return sorted(message["rcpt_tos"]), content


class MemoryTest(BenchTest):
    def setUp(self):
        super().setUp()
        self.faults = Faults(self.bench)
        self.number = 0
        self.said = {}  # number: what was said of the mail
        self.names = {}  # number: the kind of request
        self.statuses = collections.Counter()

    def start(self, server, more="", **options):
        options.setdefault("env", self.faults.environment())
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        self.bench.start_program(
            f"server: {server}\n{ALLOW}pages: [metrics, status, compose]\n"
            f"keys: [{{name: k, sha256: {digest}, allow: {{recipients: ['*'], senders: ['*']}}}}]\n"
            f"forms: {{contact: {{to: f@example.com, from: f@example.com, subject: '{{{{subject}}}}'}}}}\n"
            f"limits: {{memory_per_request: 64KiB}}\n{more}", **options)

    def ask(self, name, make):
        """One request, numbered."""
        self.number += 1
        self.names[self.number] = name
        reply = fastcgi.ask(self.bench.socket, make(self.number))
        self.assertTrue(self.bench.program.alive(), f"request {self.number} ended the program:\n{self.bench.program.output()[-3000:]}")
        self.said[self.number] = self.delivery(reply)
        return reply

    def delivery(self, reply):
        """What an answer says of its mail: sent, none or unknown; of Mailgun's and the pages only sent is clear."""
        if reply.status in (200, 303):
            return "sent"
        return "none" if b'"delivery":"none"' in reply.body else "unknown"

    def fail_each(self, name, make, and_on, step, first=2):
        """Fails the allocations first, first + step, ... of a request until it has no more of them. The very first is that of
        the connection, which is closed then."""
        at = first
        while True:
            wait_until(lambda: descriptors(self.bench.program.pid) <= self.idle, "the last request to be over")
            self.faults.arm(at, and_on)
            reply = self.ask(name, make)
            self.faults.disarm()
            self.assertTrue(reply.ended, f"{name}: allocation {at}")
            self.assertIn(reply.status, (200, 303, 500) + self.failures, f"{name}: allocation {at}: {reply}")
            self.statuses[reply.status] += 1
            if self.faults["failed"] == 0:
                return at
            at += step

    def check_mails(self, server):
        """What arrived is whole, the same whatever had failed, and is what was said of it."""
        arrived = collections.defaultdict(list)
        usual = {}
        for message in server.messages():
            number = numbered(message["content"])
            arrived[number] += message["rcpt_tos"]
            recipients, content = normal(message)
            first = usual.setdefault((self.names[number], *recipients), content)
            self.assertEqual(content, first, f"mail {number}, a {self.names[number]}")
        for number, recipients in arrived.items():
            self.assertEqual(len(recipients), len(set(recipients)), f"mail {number} came twice")
            self.assertNotEqual(self.said[number], "none", f"mail {number} was answered none and came")
        for number, said in self.said.items():
            if said == "sent" and self.names[number] != "pages":
                self.assertIn(number, arrived, f"mail {number} was answered as sent")

    def sweep(self, server, config, step, more="", failures=(), names=None):
        self.failures = failures
        self.start(config, more)
        chosen = [(name, make) for name, make in requests() if names is None or name in names]
        for name, make in chosen:  # what is made once is made now
            self.assertIn(self.ask(name, make).status, (200, 303))
        begun = time.monotonic()
        counts = set()  # a session may be on its way into the pool, and a connection on its way out
        wait_until(lambda: counts.add(descriptors(self.bench.program.pid)) or time.monotonic() > begun + 0.5, "it to be idle")
        self.idle = min(counts)
        figures = []
        for name, make in chosen:
            for and_on in (False, True):
                figures.append(f"{name}{'+' if and_on else ''} {self.fail_each(name, make, and_on, step)}")
                reply = self.ask(name, make)
                self.assertIn(reply.status, (200, 303), reply)
        print(f"allocations: {', '.join(figures)}; answers: {dict(self.statuses)}")
        wait_until(lambda: descriptors(self.bench.program.pid) <= self.idle, "all descriptors to come back")
        self.check_mails(server)


class Each(MemoryTest):
    def test_each_allocation(self):
        server = self.bench.start_mail_server()
        self.sweep(server, f"{{host: 127.0.0.1, port: {server.port}, tls: none, pool: {{size: 0}}}}", 1)

    def test_each_allocation_on_a_warm_session(self):
        server = self.bench.start_mail_server()
        self.sweep(server, f"{{host: localhost, port: {server.port}, tls: none}}", 1, names=("send", "mailgun"))

    def test_allocations_of_tls_and_auth(self):
        ca = self.bench.certificates()
        server = self.bench.start_mail_server("--tls", "starttls", "--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key",
                                              "--user", "u", "--password", "p")
        # A handshake makes thousands of allocations; a prime step meets each place sooner or later.
        self.sweep(server, f"{{host: localhost, port: {server.port}, tls: starttls, ca_file: {ca}/ca.pem, user: u, password: p, "
                   "pool: {size: 0}}", STEP, failures=(502,), names=("send",))

    def test_no_request_at_all(self):
        """The connection's own memory: it is closed, and the next one is taken."""
        self.start("{host: 127.0.0.1, port: 2525, tls: none}")
        health = fastcgi.request("GET", "/healthz")
        self.assertEqual(fastcgi.ask(self.bench.socket, health).status, 200)
        self.faults.arm(1, False)
        self.assertFalse(fastcgi.ask(self.bench.socket, health).ended)
        self.assertEqual(fastcgi.ask(self.bench.socket, health).status, 200)
        # And without an exchange there is a line in the log all the same.
        self.faults.arm(2, False)
        reply = fastcgi.ask(self.bench.socket, fastcgi.request("GET", "/healthz", REQUEST_ID="this-one"))
        self.faults.disarm()
        self.assertEqual(reply.status, 500)
        line = wait_until(lambda: re.search("^.* request_id=this-one .*$", self.bench.program.output(), re.M), "the request's line")
        self.assertRegex(line[0], "level=error .* status=500 outcome=failed problem=internal .*hint=")


class Limit(MemoryTest):
    """The system gives no more memory: RLIMIT_AS. Not every allocation fails then, but each large one does."""

    def start_with(self, octets):
        resource.setrlimit(resource.RLIMIT_AS, (octets, resource.RLIM_INFINITY))  # inherited by the program
        try:
            self.start(f"{{host: 127.0.0.1, port: {self.server.port}, tls: none, pool: {{size: 0}}}}", "workers: 8\n",
                       env={"MALLOC_ARENA_MAX": "1"})  # how many there are otherwise is chance, and they are large
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def test_address_space(self):
        self.server = self.bench.start_mail_server()
        kinds = [kind for kind in requests() if kind[0] != "pages"]
        self.start_with(1 << 40)
        for name, make in kinds:
            self.assertIn(self.ask(name, make).status, (200, 303))
        status = pathlib.Path(f"/proc/{self.bench.program.pid}/status").read_text()
        in_use = int(re.search(r"VmSize:\s+(\d+)", status)[1]) * 1024
        self.bench.program.stop()
        for more in (4, 5, 6, 8, 10, 100):  # MiB: hardly anything, and up to enough for most
            self.statuses.clear()
            self.start_with(in_use + more * 1024 * 1024)
            self.load(kinds)
            self.assertEqual(self.bench.program.stop(), 0)
            print(f"{more} MiB: {dict(self.statuses)}")
            self.assertLessEqual(set(self.statuses), {200, 303, 500, 502, 503, None})
            if more < 6:
                self.assertIn("there is no memory left for a request", self.bench.program.output())
        self.check_mails(self.server)

    def load(self, kinds):
        """16 clients with 10 requests each."""
        lock = threading.Lock()

        def client(index):
            for turn in range(10):
                name, make = kinds[(index + turn) % len(kinds)]
                with lock:
                    self.number += 1
                    number = self.number
                    self.names[number] = name
                reply = fastcgi.ask(self.bench.socket, make(number))
                with lock:
                    self.said[number] = self.delivery(reply)
                    self.statuses[reply.status] += 1
        threads = [threading.Thread(target=client, args=(index,)) for index in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(self.bench.program.alive(), self.bench.program.output()[-3000:])


if __name__ == "__main__":
    unittest.main()
