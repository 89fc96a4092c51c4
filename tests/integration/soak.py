"""Everything at once, for a long time: all routes, random faults of SMTP servers, clients that leave, reloads, too few workers.

Afterwards, when all is quiet again: descriptors, threads and memory are back where they were after a short warm-up; the
counters, the log's lines and what the clients saw add up; and every mail did what was said of it.

    FCGI_SMTP_SOAK=600 FCGI_SMTP_SEED=1 python3 soak.py     (seconds, and the seed, which is printed)
"""

import collections
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import threading
import time
import unittest
import urllib.parse

import fastcgi
from fault_injection import descriptors
from harness import SANITIZED, BenchTest, multipart, wait_until
from soak_server import FaultyServer

SECONDS = float(os.environ.get("FCGI_SMTP_SOAK", "60"))
SEED = int(os.environ.get("FCGI_SMTP_SEED", str(random.SystemRandom().randrange(1 << 32))))
WARM_UP = min(15.0, SECONDS / 4)
CLIENTS = 16
RELOADS = True
KEY = "k" * 40
URLENCODED = "application/x-www-form-urlencoded"
RESOLVER_THREADS = 4  # at most, of the one server whose name is looked up; the first has begun in the warm-up
KEY_MEMORY = 1  # KiB, about: an Idempotency-Key with its answer
MEMORY_TOLERANCE = 8 * 1024  # KiB of resident memory above that after the warm-up

# Dialogues that never end in an accepted mail, for the scripted server: what a random one does not think of.
BROKEN = [
    "CLOSE", "RESET", "STALL", "PART: 220 half\nCLOSE", "RAW \"\\0\\0\\0\\r\\n\"\nREAD-UNTIL-EOF", "OCTETS 100000\nREAD-UNTIL-EOF",
    "DRIP 20 \"220 slow\\r\\n\"\nCLOSE", "S: 220 x\nC: EHLO *\nLINES 200 250-line\nCLOSE", "S: 220 x\nC: EHLO *\nRESET",
    "S: 220 x\nC: EHLO *\nS: 250 x\nC: MAIL *\nSTALL", "S: 220 x\nC: EHLO *\nS: 250 x\nC: MAIL *\nPART: 25\nRESET",
]


def script(dice):
    """A scenario in which each connection breaks in another way."""
    sections = [f"==? {number}\n{dice.choice(BROKEN)}\n" for number in range(1, 400)]
    return "".join(sections) + "== *\nCLOSE\n"


class Client(threading.Thread):
    """Sends one request after the other until told to stop; notes what came of each."""

    def __init__(self, soak, index):
        super().__init__()
        self.soak = soak
        self.dice = random.Random(f"{SEED} {index} {soak.phase}")
        self.connection = None

    def run(self):
        while not self.soak.stop.is_set():
            kinds = [(self.send, 30), (self.as_json, 10), (self.form, 10), (self.mailgun, 10), (self.twice, 5), (self.page, 8),
                     (self.refused, 6), (self.dry_run, 4), (self.large, 2), (self.leave, 6), (self.leave_fastcgi, 3), (self.burst, 1)]
            try:
                self.dice.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]()
            except Exception as error:  # pylint: disable=broad-except
                self.soak.errors.append(repr(error))
                self.soak.stop.set()
                raise
        if self.connection:
            self.connection.close()

    # -- requests

    def ask(self, method, path, body=None, headers=None, number=None):
        """One request through nginx; the answer, or None when there was none."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.soak.bench.port, timeout=60)
            self.connection.request(method, path, body, headers or {})
            response = self.connection.getresponse()
            content = response.read()
            if response.will_close:
                self.connection.close()
                self.connection = None
        except (OSError, http.client.HTTPException):
            self.connection = None
            self.soak.note(None, None, None, number)
            return None
        self.soak.note(response.status, response.headers, content, number)
        return response.status

    def server(self):
        name = self.dice.choices(["", "good", "tls", "faulty", "broken"], [40, 10, 15, 30, 5])[0]
        return [("server", name)] if name else []

    def fields(self, number):
        to = "b@example.com" if self.dice.random() < 0.8 else "b@example.com, c@example.com"
        return [("from", "a@example.com"), ("to", to), ("subject", f"id {number}"), ("text", "t\n" * self.dice.randrange(2000)), *self.server()]

    def send(self, *more, headers=None, number=None):
        number = number or self.soak.number()
        body, kind = multipart([*self.fields(number), *more])
        return self.ask("POST", "/send", body, {"Content-Type": kind, **(headers or {})}, number)

    def large(self):
        size = self.dice.randrange(100_000, 4_000_000)
        self.send(("attachment", "big.bin", "application/octet-stream", self.dice.randbytes(size)))

    def as_json(self):
        number = self.soak.number()
        fields = dict(self.fields(number))
        self.ask("POST", "/send", json.dumps(fields), {"Content-Type": "application/json"}, number)

    def form(self):
        number = self.soak.number()
        body = urllib.parse.urlencode({"name": "N", "email": "v@example.com", "message": "m" * self.dice.randrange(5000), "subject": f"id {number}"})
        accept = self.dice.choice(["application/json", "text/html"])
        self.ask("POST", "/form/contact", body, {"Content-Type": URLENCODED, "Accept": accept}, number)

    def mailgun(self):
        number = self.soak.number()
        body, kind = multipart([("from", "a@example.com"), ("to", "b@example.com"), ("subject", f"id {number}"), ("text", "t")])
        self.ask("POST", "/v3/example.com/messages", body, {"Content-Type": kind, "Authorization": f"Bearer {KEY}"}, number)

    def twice(self):
        """The same request with the same key again: one mail."""
        number = self.soak.number()
        body = urllib.parse.urlencode(self.fields(number))
        for _ in range(2):
            self.ask("POST", "/send", body, {"Content-Type": URLENCODED, "Idempotency-Key": f"key-{number}"}, number)

    def page(self):
        self.ask("GET", self.dice.choice(["/healthz", "/readyz", "/metrics", "/status", "/"]))

    def refused(self):
        number = self.soak.number()
        kind = self.dice.randrange(5)
        if kind == 0:
            self.ask("GET", "/nothing/here")
        elif kind == 1:
            self.ask("POST", "/send", "to=b%40example.com", {"Content-Type": URLENCODED, "Authorization": "Bearer wrong"}, number)
        elif kind == 2:
            self.ask("POST", "/send", f"subject=id+{number}&nonsense=1", {"Content-Type": URLENCODED}, number)
        elif kind == 3:
            self.ask("POST", "/send", b"--x\r\nbroken", {"Content-Type": "multipart/form-data; boundary=x"}, number)
        else:
            self.ask("PUT", "/send", b"", {}, number)

    def dry_run(self):
        self.send(("dry_run", "1"), number=self.soak.number(sends=False))

    def burst(self):
        """More at once than there are workers and places to wait."""
        def one(seed):
            number = self.soak.number()
            body = urllib.parse.urlencode({"from": "a@example.com", "to": "b@example.com", "subject": f"id {number}", "text": seed, "server": "slow"})
            client = Client(self.soak, seed)
            client.ask("POST", "/send", body, {"Content-Type": URLENCODED}, number)
            if client.connection:
                client.connection.close()
        threads = [threading.Thread(target=one, args=(f"burst {index}",)) for index in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # -- clients that leave

    def whole(self, number):
        return urllib.parse.urlencode({"from": "a@example.com", "to": "b@example.com", "subject": f"id {number}",
                                       "text": "t" * self.dice.choice([10, 50_000])}).encode()

    def cut(self, octets):
        return octets if self.dice.random() < 0.4 else octets[:self.dice.randrange(len(octets))]

    def leave(self):
        number = self.soak.number(aborted=True)
        body = self.whole(number)
        head = f"POST /send HTTP/1.1\r\nHost: x\r\nContent-Type: {URLENCODED}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", self.soak.bench.port)) as connection:
            connection.sendall(self.cut(head + body))

    def leave_fastcgi(self):
        number = self.soak.number(aborted=True)
        octets = fastcgi.request("POST", "/send", self.whole(number), URLENCODED)
        with fastcgi.connect(self.soak.bench.socket) as connection:
            try:
                connection.sendall(self.cut(octets))
            except OSError:
                pass


class Soak(BenchTest):
    def setUp(self):
        super().setUp()
        self.lock = threading.Lock()
        self.last = 0
        self.aborted = set()  # numbers of mails whose client did not wait
        self.silent = set()  # numbers of mails that must never come
        self.answers = collections.defaultdict(list)  # number: request ids
        self.seen = {}  # request id: status
        self.statuses = collections.Counter()
        self.errors = []
        self.unanswered = []
        self.stop = threading.Event()
        self.phase = "warm-up"

    # -- the clients' side

    def number(self, sends=True, aborted=False):
        with self.lock:
            self.last += 1
            if aborted:
                self.aborted.add(self.last)
            if not sends:
                self.silent.add(self.last)
            return self.last

    def note(self, status, headers, content, number):
        with self.lock:
            self.statuses[status] += 1
            identity = headers.get("X-Request-Id") if headers is not None else None
            if identity is None:
                self.unanswered.append((status, content, number))
                return
            self.seen[identity] = status
            if number is not None:
                self.answers[number].append(identity)

    def load(self, phase, seconds):
        self.phase = phase
        self.stop.clear()
        clients = [Client(self, index) for index in range(CLIENTS)]
        for client in clients:
            client.start()
        end = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < end and not self.stop.is_set():
            self.stop.wait(1)
            turn += 1
            if RELOADS and turn % 2 == 0:
                self.reload(turn)
        self.stop.set()
        for client in clients:
            client.join()
        self.assertEqual(self.errors, [])
        self.assertTrue(self.bench.program.alive(), self.bench.program.output()[-3000:])

    # -- the program's side

    def config(self, turn=0):
        """The configuration; with turn not 0 it differs in what a reload may change, and every fifth is broken."""
        servers = {"good": self.good.port, "tls": self.tls.port, "faulty": self.faulty.port, "broken": self.broken.port,
                   "slow": self.slow.port}
        if turn % 4 == 2:
            servers["more"] = self.good.port
        entries = ""
        for name, port in servers.items():
            tls = f"tls: starttls, ca_file: {self.bench.certificates()}/ca.pem, user: u, password: p" if name == "tls" else "tls: none"
            pool = "{size: 0}" if name == "slow" else "{idle: 2s, size: %d}" % (4 if turn % 6 else 3)
            host = "localhost" if name == "tls" else "127.0.0.1"
            entries += (f"  {name}: {{host: {host}, port: {port}, {tls}, pool: {pool}, "
                        "timeouts: {connect: 2s, greeting: 1s, command: 2s, data: 3s, total: 6s}}\n")
        nonsense = "nonsense: true\n" if turn % 5 == 4 else ""
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        return (f"{nonsense}log: {{format: json}}\nworkers: 8\nqueue_wait: 300ms\nidle: 2s\npages: [metrics, status, compose]\n"
                f"server: [faulty, good]\nservers:\n{entries}limits: {{memory_per_request: 256KiB}}\nidempotency: {{entries: 100000}}\n"
                'allow: {recipients: ["*"], senders: ["*"], servers: [good, tls, faulty, broken, slow]}\n'
                f'keys: [{{name: k, sha256: {digest}, allow: {{recipients: ["*"], senders: ["*"]}}}}]\n'
                "forms: {contact: {to: f@example.com, from: f@example.com, subject: '{{subject}}'}}\n")

    def reload(self, turn):
        path = self.bench.dir / "fcgi-smtp.yaml"
        head = f'listen: unix:{self.bench.socket}\nlisten_mode: "0666"\nspill_dir: {self.bench.dir}\n'
        temporary = path.with_suffix(".new")
        temporary.write_text(head + self.config(turn))
        temporary.chmod(0o644)
        temporary.rename(path)
        os.kill(self.bench.program.pid, signal.SIGHUP)

    def metrics(self):
        text = self.bench.get("/metrics").body.decode()
        values = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def threads(self):
        return len(os.listdir(f"/proc/{self.bench.program.pid}/task"))

    def memory(self):
        status = pathlib.Path(f"/proc/{self.bench.program.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def quiet(self):
        """When nothing goes on any more: the smallest numbers of descriptors and threads, and the memory."""
        if RELOADS:
            self.reload(0)
        pid = self.bench.program.pid
        counts = []
        end = time.monotonic() + 20
        while time.monotonic() < end:  # pools and idle connections have 2 s
            counts.append((descriptors(pid), self.threads()))
            if len(counts) > 40 and len(set(counts[-40:])) == 1:
                break
            time.sleep(0.1)
        return {"descriptors": counts[-1][0], "threads": counts[-1][1], "memory": self.memory()}

    # -- the accounts

    def lines(self):
        lines = {}
        with open(self.bench.program.log, encoding="utf-8", errors="replace") as file:
            for text in file:
                if not lines and not text.startswith("{"):
                    continue  # the configuration's warnings at the start
                line = json.loads(text)
                if line["msg"] == "request":
                    self.assertNotIn(line["request_id"], lines, "two lines for one request")
                    lines[line["request_id"]] = line
        return lines

    def check_counts(self, lines, metrics):
        results = {name: metrics[f'fcgi_smtp_results_total{{result="{name}"}}'] for name in ("accepted", "refused", "failed")}
        requests = sum(value for name, value in metrics.items() if name.startswith("fcgi_smtp_requests_total"))
        self.assertEqual(sum(results.values()), requests)
        self.assertEqual(requests, len(lines) - 1)  # the request for the metrics is not yet in them
        outcomes = collections.Counter(line["outcome"] for line in lines.values())
        failed = outcomes["failed"] + outcomes["unknown"]
        replayed = outcomes["replayed"]
        self.assertEqual(outcomes["refused"] + failed + replayed + sum(
            outcomes[name] for name in ("ok", "sent", "partial", "dry-run", "honeypot")), len(lines))
        self.assertLessEqual(abs(results["failed"] - failed), replayed)
        missing = [identity for identity in self.seen if identity not in lines]
        self.assertEqual(missing, [], "answers without a line")
        wrong = [(identity, status, lines[identity]["status"]) for identity, status in self.seen.items() if lines[identity]["status"] != status]
        self.assertEqual(wrong, [])
        self.assertLessEqual(len(lines) - len(self.seen), len(self.aborted) + len(self.unanswered) + 8)
        return results, outcomes

    def arrived(self):
        counts = self.faulty.taken() + self.slow.taken()
        for server in (self.good, self.tls):
            for path in server.dir.glob("*.eml"):
                match = re.search(rb"(?m)^Subject: .*?id[ _](\d+)", path.read_bytes())
                counts[int(match[1]) if match else -1] += 1
        return counts

    def check_mails(self, lines):
        arrived = self.arrived()
        said = collections.Counter()
        for number in range(1, self.last + 1):
            outcomes = {lines[identity]["outcome"] for identity in self.answers[number]}
            count = arrived[number]
            self.assertLessEqual(count, 1, f"mail {number} came {count} times: {outcomes}")
            if outcomes & {"sent", "partial"}:
                said["sent"] += 1
                self.assertEqual(count, 1, f"mail {number} was answered as sent: {outcomes}")
            elif "unknown" in outcomes or number in self.aborted or not outcomes:
                said["unknown" if "unknown" in outcomes else "nobody asked"] += 1
            else:
                said["none"] += 1
                self.assertEqual(count, 0, f"mail {number} was answered none: {outcomes}")
            if number in self.silent:
                self.assertEqual(count, 0, f"mail {number} was a dry run")
        self.assertEqual(arrived[-1], 0)
        return said, sum(arrived.values())

    def test_soak(self):
        print(f"seed {SEED}, {SECONDS:.0f} s")
        ca = self.bench.certificates()
        self.good = self.bench.start_mail_server()
        self.tls = self.bench.start_mail_server("--tls", "starttls", "--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key",
                                                "--user", "u", "--password", "p")
        self.faulty = FaultyServer(SEED)
        self.addCleanup(self.faulty.stop)
        self.slow = FaultyServer(SEED + 1, trouble=4)
        self.addCleanup(self.slow.stop)
        self.broken = self.bench.start_script(script(random.Random(SEED)), "--grace", "1")
        self.bench.start_program(self.config())
        self.bench.start_nginx()
        self.load("warm-up", WARM_UP)
        before = self.quiet()
        begun = time.monotonic()
        self.load("soak", SECONDS - WARM_UP)
        took = time.monotonic() - begun
        wait_until(lambda: self.metrics()["fcgi_smtp_workers_busy"] == 0, "idle workers")
        after = self.quiet()
        metrics = self.metrics()
        self.assertEqual(metrics["fcgi_smtp_requests_waiting"], 0)
        self.assertEqual(self.bench.program.stop(), 0)  # and with it the last line is written
        lines = self.lines()
        results, outcomes = self.check_counts(lines, metrics)
        said, arrived = self.check_mails(lines)
        print(f"requests {len(lines)} ({len(lines) / (took + WARM_UP):.0f}/s): {dict(results)}; outcomes {dict(outcomes)}")
        print(f"clients saw {dict(self.statuses)}; {len(self.aborted)} left, {len(self.unanswered)} had no answer of ours")
        print(f"mails: answered {dict(said)}; arrived {arrived}")
        print(f"before {before}; after {after}")
        reloads = self.bench.program.output().count('"configuration reloaded"')
        print(f"reloads: {reloads} taken, {self.bench.program.output().count('was not taken')} refused")
        overloaded = sum(line.get("problem") == "overloaded" for line in lines.values())
        print(f"found no worker: {overloaded}")
        self.assertGreater(overloaded, 0)
        self.assertEqual(self.unanswered, [])
        self.assertEqual(after["descriptors"], before["descriptors"])
        self.assertIn(after["threads"] - before["threads"], range(RESOLVER_THREADS))
        if not SANITIZED:  # which keep what was freed
            remembered = outcomes["replayed"] * KEY_MEMORY  # what Idempotency-Keys hold for a day is in use, and not lost
            self.assertLessEqual(after["memory"], before["memory"] + MEMORY_TOLERANCE + remembered)


if __name__ == "__main__":
    unittest.main()
