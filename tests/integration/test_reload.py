"""SIGHUP: another configuration for a running program, all of it or nothing, with mails under way and without."""

import json
import os
import pathlib
import re
import signal
import socket
import socketserver
import subprocess
import threading
import unittest

from harness import NOBODY, PROGRAM, SANITIZED, WAIT, BenchTest, listens, wait_until

FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("text", "t")]
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
HELLO = "S: 220 mail.test ESMTP\nC: EHLO *\nS: 250 mail.test\n"
ONE = ("C: MAIL *\nS: 250 2.1.0 Ok\nC: RCPT *\nS: 250 2.1.5 Ok\nC: DATA\nS: 354 go ahead\nDATA\nS: 250 2.0.0 queued\n")
QUIT = "C: QUIT\nWAIT-EOF\n"
TAKEN = "configuration reloaded"
REFUSED = "the running configuration stays as it is"


class Session(socketserver.StreamRequestHandler):
    """Just enough SMTP to take mails, but that the reply to the data can be held back."""

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())

    def take_data(self):
        self.say("354 go on")
        while self.rfile.readline() not in (b".\r\n", b""):
            pass
        with self.server.lock:
            self.server.holding += 1
        self.server.go_on.wait()
        with self.server.lock:
            self.server.holding -= 1
            self.server.mails += 1
        self.say("250 queued")

    def handle(self):
        with self.server.lock:
            self.server.connections += 1
        self.say("220 test ESMTP")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.take_data()
            else:
                self.say("221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                with self.server.lock:
                    self.server.quits += 1
                break


class Server(socketserver.ThreadingTCPServer):
    """An SMTP server in this process."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.lock = threading.Lock()
        self.go_on = threading.Event()
        self.go_on.set()
        self.connections = self.quits = self.mails = self.holding = 0
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a connection that was reset is not of interest

    def close(self):
        self.go_on.set()
        self.shutdown()
        self.server_close()


class ReloadTest(BenchTest):
    def start(self, config, **options):
        self.bench.start_program(config, **options)
        self.path = self.bench.dir / "fcgi-smtp.yaml"
        self.head = self.path.read_text().removesuffix(config)
        self.bench.start_nginx()

    def server(self):
        server = Server()
        self.addCleanup(server.close)
        return server

    def script(self, scenario):
        return self.bench.start_script(scenario)

    def log(self, text):
        return self.bench.program.output().count(text)

    def log_from(self, position):
        with open(self.bench.program.log, "rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")

    def reload(self, config, expect=TAKEN, head=None):
        """Writes the file and sends SIGHUP; waits until the log says what came of it."""
        seen = self.bench.program.log.stat().st_size
        new = self.path.with_suffix(".new")
        new.write_text((self.head if head is None else head) + config)
        new.chmod(0o644)
        new.rename(self.path)
        self.bench.program.process.send_signal(signal.SIGHUP)
        wait_until(lambda: expect in self.log_from(seen) or not self.bench.program.alive(), f"'{expect}' in the log")
        self.assertTrue(self.bench.program.alive(), self.bench.program.output())

    def last_line(self, text):
        return [line for line in self.bench.program.output().splitlines() if text in line][-1]

    def metric(self, name):
        answer = self.bench.get("/metrics")
        self.assertEqual(answer.status, 200, answer)
        return float(re.search(rf"^{re.escape(name)} (\S+)$", answer.body.decode(), re.M).group(1))

    def assertSent(self, answer):
        self.assertEqual((answer.status, answer.json["status"]), (200, "sent"), answer)


class WhatApplies(ReloadTest):
    def new_key(self, name):
        run = subprocess.run([PROGRAM, "--new-key", name], capture_output=True, timeout=WAIT, check=True)
        key, _, lines = run.stdout.decode().partition("\n")
        (digest,) = [line.split('"')[1] for line in lines.splitlines() if "sha256:" in line]
        return key, f"  - {{name: {name}, sha256: {digest}, allow: {{recipients: ['*'], senders: ['*']}}}}\n"

    def test_keys(self):
        mail = self.bench.start_mail_server()
        (old, old_entry), (new, new_entry) = self.new_key("old"), self.new_key("new")
        server = f"server: {{host: 127.0.0.1, port: {mail.port}, tls: none}}\n"
        self.start(server + "keys:\n" + old_entry)

        def status(key):
            return self.bench.send(*FIELDS, headers={"Authorization": f"Bearer {key}"}).status
        self.assertEqual((status(old), status(new)), (200, 401))
        self.reload(server + "keys:\n" + old_entry + new_entry)
        self.assertEqual((status(old), status(new)), (200, 200))
        self.reload(server + "keys:\n" + new_entry)
        self.assertEqual((status(old), status(new)), (401, 200))
        self.assertEqual(len(mail.messages()), 4)
        self.assertRegex(self.last_line(TAKEN), r"level=info .* servers_kept=1 .* keys=1 ")

    def test_paths_pages_forms_and_limits(self):
        server = "server: {host: 127.0.0.1, port: 1, tls: none}\n"
        self.start(server)
        self.assertEqual(self.bench.get("/healthz").status, 200)
        self.assertEqual(self.bench.get("/metrics").status, 404)
        self.reload(server + "base_path: /mail\npages: [metrics]\nlimits: {request: 1KiB}\n"
                    "forms: {contact: {to: b@example.com, from: a@example.com}}\n")
        self.assertEqual(self.bench.get("/healthz").status, 404)
        self.assertEqual(self.bench.get("/mail/healthz").status, 200)
        self.assertEqual(self.bench.get("/mail/metrics").status, 200)
        self.assertEqual(self.bench.get("/mail/form/contact").status, 405)
        self.assertEqual(self.bench.send(("text", "x" * 2000), path="/mail/send").status, 413)

    def test_the_log(self):
        server = "server: {host: 127.0.0.1, port: 1, tls: none}\n"
        self.start(server)
        self.reload(server + "log: {format: json}\n")
        self.assertEqual(json.loads(self.last_line(TAKEN))["servers_kept"], 1)
        self.reload(server + "log: {level: warning}\nbase_path: bad\n", REFUSED)
        before = self.log(TAKEN)
        self.reload(server)  # back to logfmt
        self.assertEqual(self.log(TAKEN), before + 1)
        self.assertNotIn("{", self.last_line(TAKEN))

    def test_a_repeated_request_is_still_known(self):
        mail = self.server()
        config = f"server: {{host: 127.0.0.1, port: {mail.port}, tls: none}}\n{OPEN}"
        self.start(config)
        headers = {"Idempotency-Key": "once"}
        first = self.bench.send(*FIELDS, headers=headers)
        self.assertSent(first)
        self.reload(config + "idempotency: {entries: 100000}\n")
        again = self.bench.send(*FIELDS, headers=headers)
        self.assertEqual(again.body, first.body)
        self.assertEqual(mail.mails, 1)

    def test_connections_and_times(self):
        config = "server: {host: 127.0.0.1, port: 1, tls: none}\n"
        self.start(config)
        with socket.socket(socket.AF_UNIX) as idle:
            idle.connect(str(self.bench.socket))
            idle.settimeout(WAIT)
            self.reload(config + "idle: 1s\n")
            self.assertEqual(idle.recv(1), b"")  # after a second, and not after the minute that it began with
        self.assertEqual(self.bench.get("/healthz").status, 200)


class Servers(ReloadTest):
    def test_the_same_server_keeps_its_session(self):
        script = self.script("== 1\n" + HELLO + ONE + ONE + QUIT)
        config = f"server: {{host: 127.0.0.1, port: {script.port}, tls: none}}\nworkers: 1\n{OPEN}"
        self.start(config)
        self.assertSent(self.bench.send(*FIELDS))
        self.reload(config + "defaults: {subject: new}\n")
        self.assertRegex(self.last_line(TAKEN), "servers_kept=1 servers_opened=0 servers_closed=0")
        self.assertSent(self.bench.send(*FIELDS))
        self.bench.stop_program()
        script.stop()

    def test_another_server(self):
        old = self.script("== 1\n" + HELLO + ONE + QUIT)
        new = self.script("== 1\n" + HELLO + ONE + QUIT)
        self.start(f"server: {{host: 127.0.0.1, port: {old.port}, tls: none}}\npages: [metrics]\n{OPEN}")
        self.assertSent(self.bench.send(*FIELDS))
        self.assertEqual(self.metric('fcgi_smtp_deliveries_total{server="default",outcome="sent"}'), 1)
        self.reload(f"server: {{host: 127.0.0.1, port: {new.port}, tls: none}}\npages: [metrics]\n{OPEN}")
        wait_until(lambda: "C: QUIT" in old.transcript_file.read_text(), "QUIT at the old server")
        self.assertSent(self.bench.send(*FIELDS))
        self.assertEqual(self.metric('fcgi_smtp_deliveries_total{server="default",outcome="sent"}'), 2)
        self.assertEqual(self.metric('fcgi_smtp_reloads_total{result="ok"}'), 1)
        self.bench.stop_program()
        old.stop()
        new.stop()

    def test_a_mail_under_way_keeps_its_server(self):
        old, new = self.server(), self.server()
        self.start(f"server: {{host: 127.0.0.1, port: {old.port}, tls: none}}\nworkers: 2\n{OPEN}")
        old.go_on.clear()
        answers = []
        sender = threading.Thread(target=lambda: answers.append(self.bench.send(*FIELDS)))
        sender.start()
        wait_until(lambda: old.holding == 1, "the mail to be held")
        # The sender may no longer do that.
        self.reload(f"server: {{host: 127.0.0.1, port: {new.port}, tls: none}}\nworkers: 2\n"
                    "allow: {recipients: [b@example.com], senders: [other@example.com]}\n")
        self.assertEqual(self.bench.send(*FIELDS).status, 403)
        self.assertSent(self.bench.send(("from", "other@example.com"), *FIELDS[1:]))
        self.assertEqual((new.mails, old.mails, answers), (1, 0, []))
        old.go_on.set()
        sender.join(WAIT)
        self.assertSent(answers[0])
        self.assertEqual(old.mails, 1)
        wait_until(lambda: old.quits == 1, "the old server's session to end")

    def test_a_new_password(self):
        password = self.bench.dir / "password"
        password.write_text("first\n")
        password.chmod(0o644)
        server = self.server()
        config = (f"server: {{host: 127.0.0.1, port: {server.port}, tls: none, user: u, password_file: {password}, "
                  f"allow_cleartext_auth: true}}\n{OPEN}")
        self.start(config)
        self.reload(config)
        self.assertIn("servers_kept=1", self.last_line(TAKEN))
        password.write_text("second\n")
        self.reload(config)
        self.assertIn("servers_kept=0", self.last_line(TAKEN))
        self.assertNotIn("second", self.bench.program.output())


class WhatIsRefused(ReloadTest):
    CONFIG = "server: {host: 127.0.0.1, port: 1, tls: none}\npages: [metrics]\n"

    def assertUnchanged(self):
        self.assertEqual(self.bench.get("/healthz").status, 200)
        self.assertEqual(self.bench.get("/x/healthz").status, 404)
        self.assertEqual(self.metric('fcgi_smtp_reloads_total{result="ok"}'), 0)

    def test_a_broken_file(self):
        self.start(self.CONFIG)
        loaded_at = self.metric("fcgi_smtp_config_loaded_timestamp_seconds")
        first = self.head.count("\n") + 1
        self.reload("server: {host: 127.0.0.1, port: 1, tls: none}\npages: [metrics]\nbase_path: /x\nworkres: 3\n"
                    "defaults: {from: a@b@c}\n", REFUSED)
        errors = [line for line in self.bench.program.output().splitlines() if "level=error" in line]
        self.assertEqual(len(errors), 3, errors)
        self.assertIn(f'{self.path}:{first + 3}:1: workres: is an unknown key', errors[0])
        self.assertIn(f'{self.path}:{first + 4}:18: defaults.from: ', errors[1])
        self.assertIn(f'{self.path} was not taken: {REFUSED}', errors[2])
        self.assertUnchanged()
        self.assertEqual(self.metric('fcgi_smtp_reloads_total{result="refused"}'), 1)
        self.assertEqual(self.metric("fcgi_smtp_config_loaded_timestamp_seconds"), loaded_at)

    def test_a_file_that_is_gone(self):
        self.start(self.CONFIG)
        self.path.unlink()
        self.bench.program.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log(REFUSED) == 1, "the refusal")
        self.assertIn(f"{self.path}: cannot be read: No such file or directory", self.bench.program.output())
        self.assertUnchanged()

    def test_a_trust_store_that_is_none(self):
        self.start(self.CONFIG)
        store = self.bench.dir / "ca.pem"
        store.write_text("none\n")
        store.chmod(0o644)
        self.reload(f"server: {{host: 127.0.0.1, port: 1, ca_file: {store}}}\npages: [metrics]\nbase_path: /x\n", REFUSED)
        self.assertIn(f"server.ca_file: {store} holds no certificate", self.bench.program.output())
        self.assertUnchanged()

    def test_what_needs_a_restart(self):
        self.start(self.CONFIG)
        lines = self.head.count("\n")
        self.reload("server: {host: 127.0.0.1, port: 1, tls: none, user: u, password_command: [/bin/echo, x], "
                    "allow_cleartext_auth: true}\npages: [metrics]\nworkers: 7\nbase_path: /x\n", REFUSED)
        self.assertRegex(self.bench.program.output(),
                         rf'level=error msg="{self.path}:{lines + 1}:\d+: server.password_command\[0\]: .*restart')
        self.assertRegex(self.bench.program.output(), rf'level=error msg="{self.path}:{lines + 3}:10: workers: .*restart')
        self.assertUnchanged()
        other = self.head.replace(f"unix:{self.bench.socket}", "127.0.0.1:9999").replace("0666", "0600")
        self.assertNotEqual(other, self.head)
        self.reload(self.CONFIG + "base_path: /x\n", REFUSED, head=other)
        self.assertRegex(self.bench.program.output(), rf'{self.path}:1:9: listen: .*restart')
        self.assertRegex(self.bench.program.output(), rf'{self.path}:2:14: listen_mode: .*restart')
        self.assertUnchanged()
        self.assertEqual(self.metric('fcgi_smtp_reloads_total{result="refused"}'), 2)


class HowItWasStarted(ReloadTest):
    CONFIG = "server: {host: 127.0.0.1, port: 1, tls: none}\n"

    def test_with_a_socket_that_was_handed_over(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.bench.socket))
            self.bench.socket.chmod(0o666)
            listener.listen(64)
            self.path = self.bench.write_config(self.CONFIG)
            self.head = ""
            self.bench.program = self.bench.start([PROGRAM, "--config", self.path], "fcgi-smtp", stdin=listener,
                                                  user=NOBODY)
            wait_until(lambda: self.log("serves at") == 1, "the program to serve")
        self.bench.start_nginx()
        # Without that socket it would have to be listened elsewhere.
        self.reload("listen: unix:/nonexistent/s\nbase_path: /x\n" + self.CONFIG)
        self.assertEqual(self.bench.get("/x/healthz").status, 200)

    def test_with_a_relative_path(self):
        config = f"listen: unix:{self.bench.socket}\nlisten_mode: '0666'\n{self.CONFIG}"
        self.path = self.bench.write_config(config)
        self.head = config
        self.bench.program = self.bench.start(
            ["/bin/sh", "-c", f"cd {self.bench.dir} && exec {PROGRAM} --config fcgi-smtp.yaml"], "fcgi-smtp", user=NOBODY)
        wait_until(lambda: listens(f"unix:{self.bench.socket}"), "fcgi-smtp to listen")
        self.bench.start_nginx()
        self.reload("base_path: /x\n")
        self.assertEqual(self.bench.get("/x/healthz").status, 200)

    def test_the_end_after_a_reload(self):
        self.start(self.CONFIG)
        self.reload(self.CONFIG)
        self.assertEqual(self.bench.program.stop(), 0)
        self.assertIn("all requests are answered", self.bench.program.output())
        self.assertFalse(self.bench.socket.exists())


class UnderLoad(ReloadTest):
    SENDERS = 8
    RELOADS = 60 if SANITIZED else int(os.environ.get("FCGI_SMTP_RELOADS", "240"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.bench.program.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.bench.program.pid}/task"))

    def memory(self):
        """KiB that are resident."""
        status = pathlib.Path(f"/proc/{self.bench.program.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))

    def send_until(self, stop, answers):
        while not stop.is_set():
            answers.append(self.bench.send(*FIELDS).status)

    def settled(self):
        """Descriptors and threads once nothing is under way."""
        last = []

        def same():
            last.append((self.descriptors(), self.threads()))
            return len(last) > 10 and len(set(last[-10:])) == 1 and last[-1]
        return wait_until(same, "descriptors to stay the same")

    def reload_all(self, configs, count):
        stop = threading.Event()
        answers = []
        senders = [threading.Thread(target=self.send_until, args=(stop, answers)) for _ in range(self.SENDERS)]
        for sender in senders:
            sender.start()
        try:
            for number in range(count):
                self.reload(configs[number % len(configs)])
        finally:
            stop.set()
            for sender in senders:
                sender.join()
        self.reload(self.quiet)
        return answers

    def test_hundreds_of_reloads(self):
        a, b = self.server(), self.server()
        common = f"log: {{level: info}}\nidle: 24h\npages: [metrics]\n{OPEN}"
        configs = [
            f"server: {{host: 127.0.0.1, port: {a.port}, tls: none}}\n{common}",
            f"server: {{host: 127.0.0.1, port: {b.port}, tls: none}}\n{common}",
            f"server: {{host: 127.0.0.1, port: {b.port}, tls: none}}\nbase_path: /\nconnections: 100\n{common}",
            f"server: [b, a]\nservers:\n  a: {{host: 127.0.0.1, port: {a.port}, tls: none}}\n"
            f"  b: {{host: 127.0.0.1, port: {b.port}, tls: none, pool: {{size: 1}}}}\n{common}",
        ]
        self.quiet = f"server: {{host: 127.0.0.1, port: {a.port}, tls: none, pool: {{size: 0}}}}\n{common}"
        self.start(configs[0])
        answers = self.reload_all(configs, self.RELOADS // 3)
        before, memory = self.settled(), self.memory()
        answers += self.reload_all(configs, self.RELOADS)
        self.assertEqual(set(answers), {200})
        self.assertGreater(len(answers), self.RELOADS / 4)
        # nginx may keep some more connections, or fewer.
        after = self.settled()
        self.assertLessEqual(abs(after[0] - before[0]), 16, (before, after))
        self.assertLessEqual(after[1], before[1])
        if not SANITIZED:
            self.assertLess(self.memory() - memory, 2048)
        self.assertEqual(a.mails + b.mails, len(answers))
        self.assertEqual(self.metric('fcgi_smtp_results_total{result="failed"}'), 0)
        wait_until(lambda: a.quits + b.quits == a.connections + b.connections, "QUIT on every connection")
        print(f"{self.RELOADS} reloads beside {len(answers)} mails: descriptors {before[0]} -> {after[0]}, "
              f"memory {memory} -> {self.memory()} KiB")


if __name__ == "__main__":
    unittest.main()
