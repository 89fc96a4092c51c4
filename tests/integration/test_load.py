"""Many mails at once into smtp-sink: none lost, none doubled, also when the program is told to stop in between."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.parse

from harness import SANITIZED, BenchTest, accepts, free_ports, wait_until

CLIENTS = 64
MAILS = 1000 if SANITIZED else 10000
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'


class Sink:
    """Postfix's smtp-sink, which keeps each message in a file."""

    def __init__(self, bench, *options, host="127.0.0.1"):
        (self.port,) = free_ports(1)
        self.dir = bench.dir / "sink"
        self.dir.mkdir()
        self.dir.chmod(0o777)
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
        bench.start([program, *user, *options, "-d", f"{self.dir}/mail.", f"{host}:{self.port}", "512"], "smtp-sink")
        wait_until(lambda: accepts(self.port, host), "smtp-sink")

    def ids(self):
        """The subjects of all messages that were taken whole."""
        found = []
        for path in self.dir.iterdir():
            match = re.search(rb"\nSubject: id (\d+)\r?\n", path.read_bytes())
            if match:
                found.append(int(match.group(1)))
        return found


class Load:
    """Clients that post numbered mails until all are answered or refused."""

    def __init__(self, port, count, clients=CLIENTS):
        self.port = port
        self.lock = threading.Lock()
        self.numbers = iter(range(count))
        self.answers = {}  # number -> (status, JSON text)
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = None
        while True:
            with self.lock:
                number = next(self.numbers, None)
            if number is None:
                break
            form = urllib.parse.urlencode({"from": "a@example.com", "to": "b@example.com", "subject": f"id {number}",
                                           "text": "x" * 1000})
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
                connection.request("POST", "/send", form, {"Content-Type": "application/x-www-form-urlencoded"})
                response = connection.getresponse()
                answer = (response.status, response.read().decode())
                if response.will_close:
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                connection = None
                answer = (0, str(error))
            with self.lock:
                self.answers[number] = answer
        if connection:
            connection.close()

    def wait(self):
        for thread in self.threads:
            thread.join()
        return self.answers

    def done(self):
        with self.lock:
            return len(self.answers)


class ManyMails(BenchTest):
    def start(self, more="", *sink_options):
        self.sink = Sink(self.bench, *sink_options)
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {self.sink.port}, tls: none}}\nworkers: 32\n"
                                 f"queue_wait: 60s\nlog: {{level: warning}}\n{more}{OPEN}")
        self.bench.start_nginx()

    def test_none_lost_none_doubled(self):
        self.start()
        begun = time.monotonic()
        answers = Load(self.bench.port, MAILS).wait()
        print(f"{MAILS / (time.monotonic() - begun):.0f} mails/s with {CLIENTS} clients")
        self.assertEqual({status for status, _ in answers.values()}, {200}, list(answers.values())[:3])
        self.assertEqual(sorted(self.sink.ids()), list(range(MAILS)))

    def stop_in_between(self, after):
        load = Load(self.bench.port, MAILS)
        wait_until(lambda: load.done() >= after, "the load to run", 120)
        self.assertEqual(self.bench.program.stop(signal.SIGTERM, 60), 0, self.bench.program.output())
        answers = load.wait()
        taken = self.sink.ids()
        sent = {number for number, (status, _) in answers.items() if status == 200}
        unknown = {number for number, (status, text) in answers.items()
                   if status in (502, 504) and '"delivery":"unknown"' in text}
        self.assertEqual(len(taken), len(set(taken)), "a mail was doubled")
        self.assertEqual(sent - set(taken), set(), "a mail that was answered 200 is not there")
        self.assertEqual(set(taken) - sent - unknown, set(), "a mail came that was not answered 200 or unknown")
        return sent, unknown, answers

    def test_sigterm_with_time_to_drain(self):
        self.start()
        sent, unknown, answers = self.stop_in_between(MAILS // 10)
        self.assertEqual(unknown, set())
        self.assertLess(len(sent), len(answers))

    def test_sigterm_without_time_to_drain(self):
        # Each end of data takes the sink 2 s, and the drain has 300 ms.
        self.start("shutdown_timeout: 300ms\n", "-W", ".:2")
        sent, unknown, answers = self.stop_in_between(32)
        self.assertTrue(unknown, {answer for answer in answers.values() if answer[0] not in (200, 502)})


class Stalled(BenchTest):
    def test_health_while_every_delivery_stalls(self):
        script = self.bench.start_script("== *\nSTALL\n")
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {script.port}, tls: none, timeouts: {{greeting: 6s}}}}\n"
                                 f"workers: 2\nqueue_wait: 1s\n{OPEN}")
        self.bench.start_nginx()
        answers = []
        fields = [("from", "a@example.com"), ("to", "b@example.com"), ("text", "x")]
        threads = [threading.Thread(target=lambda: answers.append(self.bench.send(*fields))) for _ in range(40)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) >= 38, "the requests that wait for a worker to be refused", 5)
        for _ in range(20):
            begun = time.monotonic()
            self.assertEqual(self.bench.get("/healthz").status, 200)
            self.assertLess(time.monotonic() - begun, 1)
        for answer in answers[:38]:
            self.assertProblem(answer, 503, "overloaded")
            self.assertIn("Retry-After", answer.headers)
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answer.status for answer in answers), [503] * 38 + [504] * 2)


class Clients(BenchTest):
    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n{OPEN}")

    def post_part(self, length, body):
        connection = socket.create_connection(("127.0.0.1", self.bench.port))
        connection.sendall(b"POST /send HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (length, body))
        return connection

    BODY = b"from=a%40example.com&to=b%40example.com&text=hello"

    def test_truncated_bodies_never_become_mail(self):
        for buffering in ("on", "off"):
            with self.subTest(buffering=buffering):
                self.bench.start_nginx(buffering=buffering)
                for cut in (1, 10, len(self.BODY) - 1):
                    self.post_part(len(self.BODY), self.BODY[:cut]).close()
                self.assertEqual(self.bench.get("/healthz").status, 200)
                self.assertEqual(self.mail.messages(), [])
                self.bench.nginx.stop()
                (self.bench.dir / "nginx").rename(self.bench.dir / f"nginx-{buffering}")

    def test_a_client_that_goes_away_after_its_body(self):
        self.bench.start_nginx()
        self.post_part(len(self.BODY), self.BODY).close()
        wait_until(self.mail.messages, "the mail to arrive all the same")
        wait_until(lambda: " outcome=sent" in self.bench.program.output(), "the log to say so")

    def test_chunked_uploads(self):
        self.bench.start_nginx(buffering="off")
        run = subprocess.run(
            ["curl", "-sS", "-H", "Transfer-Encoding: chunked", "--data-binary", "@-",
             f"http://127.0.0.1:{self.bench.port}/send", "-o", self.bench.dir / "answer", "-w", "%{http_code}"],
            input=self.BODY, stdout=subprocess.PIPE, check=True)
        self.assertEqual(run.stdout, b"200", pathlib.Path(self.bench.dir / "answer").read_text())
        self.assertEqual(len(self.mail.messages()), 1)

    def test_keep_alive_and_not(self):
        for keepalive in (8, 0):
            self.bench.start_nginx(keepalive=keepalive)
            for _ in range(50):
                self.assertEqual(self.bench.get("/healthz").status, 200)
            self.bench.nginx.stop()
            (self.bench.dir / "nginx").rename(self.bench.dir / f"nginx-{keepalive}")


if __name__ == "__main__":
    unittest.main()
