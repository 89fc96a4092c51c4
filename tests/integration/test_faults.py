"""What a machine does to a program: descriptors and disk space run out, files vanish, clocks jump, clients leave."""

import email
import email.utils
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
import unittest
import urllib.parse

import fastcgi
from fault_injection import Faults, descriptors
from harness import NOBODY, PROGRAM, SANITIZED, BenchTest, multipart, wait_until

OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FORM = "application/x-www-form-urlencoded"
MAIL = fastcgi.request("POST", "/send", b"from=a%40example.com&to=b%40example.com&subject=s&text=t", FORM)
KEY = "the key of these tests"
KEYS = f'keys: [{{name: k, sha256: {hashlib.sha256(KEY.encode()).hexdigest()}, allow: {{recipients: ["*"], senders: ["*"]}}}}]\n'
HEALTH = fastcgi.request("GET", "/healthz")


def upload(octets):
    body, kind = multipart([("from", "a@example.com"), ("to", "b@example.com"), ("text", "t"),
                            ("attachment", "f", "application/octet-stream", os.urandom(octets))])
    return fastcgi.request("POST", "/send", body, kind)


def personal(places):
    """A call of Mailgun's API whose one mail has so many values of 8,000 octets."""
    fields = [("from", "a@example.com"), ("to", "b@example.com"), ("text", "%recipient.x%" * places),
              ("recipient-variables", json.dumps({"b@example.com": {"x": "v" * 8000}}))]
    return fastcgi.request("POST", "/v3/example.com/messages", urllib.parse.urlencode(fields).encode(), FORM,
                           HTTP_AUTHORIZATION=f"Bearer {KEY}")


class Faulty(BenchTest):
    def start(self, port, settings="", more="", **options):
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {port}, tls: none, pool: {{size: 0}}{settings}}}\n{OPEN}{more}", **options)

    def ask(self, octets):
        return fastcgi.ask(self.bench.socket, octets)

    def idle(self):
        """Descriptors when nothing is going on: their smallest number within a moment."""
        counts = []
        for _ in range(10):
            counts.append(descriptors(self.bench.program.pid))
            time.sleep(0.02)
        return min(counts)

    def await_idle(self, before):
        wait_until(lambda: descriptors(self.bench.program.pid) <= before, f"{before} descriptors")

    def await_line(self, pattern):
        return wait_until(lambda: re.search(f"^.*{pattern}.*$", self.bench.program.output(), re.M), pattern)[0]


class Descriptors(Faulty):
    def limit(self, number):
        resource.prlimit(self.bench.program.pid, resource.RLIMIT_NOFILE, (number, self.most))

    def start(self, port, **options):
        super().start(port, user=None, **options)  # whose limits we may change
        self.most = resource.prlimit(self.bench.program.pid, resource.RLIMIT_NOFILE)[1]
        self.assertEqual(self.ask(MAIL).status, 200)
        self.before = self.idle()

    def cpu_time(self):
        """Seconds that the program has worked."""
        fields = pathlib.Path(f"/proc/{self.bench.program.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_none_for_the_smtp_connection(self):
        mail = self.bench.start_mail_server()
        self.start(mail.port)
        self.limit(self.before + 2)  # enough for the request itself
        reply = self.ask(MAIL)
        self.assertEqual(reply.status, 502, reply)
        self.assertIn(b"Too many open files", reply.body)
        self.assertIn(b'"delivery":"none"', reply.body)
        self.assertRegex(self.await_line("Too many open files"), "hint=.*out of descriptors.*LimitNOFILE")
        self.limit(self.most)
        self.assertEqual(self.ask(MAIL).status, 200)
        self.await_idle(self.before)

    def test_none_for_connections(self):
        mail = self.bench.start_mail_server()
        self.start(mail.port)
        self.limit(self.before + 5)
        replies = []
        with fastcgi.connect(self.bench.socket) as waiting:  # holds two for a while, without a request
            time.sleep(0.1)
            threads = [threading.Thread(target=lambda: replies.append(self.ask(MAIL))) for _ in range(32)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            # It backs off, and does not spin.
            used = self.cpu_time()
            time.sleep(0.5)
            self.assertLess(self.cpu_time() - used, 0.2)
        statuses = [reply.status for reply in replies]
        print(f"short of descriptors: { {status: statuses.count(status) for status in set(statuses)} }")
        self.assertLessEqual(set(statuses), {200, 502, 503, None})
        self.assertIn(200, statuses)
        self.assertIn("no descriptors for another FastCGI connection", self.bench.program.output())
        self.limit(self.most)
        self.assertEqual(self.ask(MAIL).status, 200)
        self.await_idle(self.before)
        self.assertEqual(len(mail.messages()), statuses.count(200) + 2)


class Spilling(Faulty):
    # Argument 1 is a directory that becomes a file system of 300 KiB in a mount namespace of our own, with
    # argument 2 as its option; the rest is the command, run as nobody.
    NAMESPACE = textwrap.dedent("""
        import ctypes, os, subprocess, sys
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=300k,mode=777,{sys.argv[2]}", "none", sys.argv[1]], check=True)
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        os.execv(sys.argv[3], sys.argv[3:])
        """)

    def start_in(self, options):
        self.mail = self.bench.start_mail_server()
        spill = self.bench.dir / "spill"
        spill.mkdir(exist_ok=True)
        spill.chmod(0o777)
        (self.bench.dir / "namespace.py").write_text(self.NAMESPACE)
        path = self.bench.write_config(
            f'listen: unix:{self.bench.socket}\nlisten_mode: "0666"\nspill_dir: {spill}\n'
            f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none, pool: {{size: 0}}}}\n{OPEN}{KEYS}")
        command = [PROGRAM, "--config", path]
        if options is not None:
            command = [sys.executable, self.bench.dir / "namespace.py", spill, options, *command]
        self.bench.program = self.bench.start(command, "fcgi-smtp", user=NOBODY if options is None else None)
        wait_until(lambda: "serves at" in self.bench.program.output() or not self.bench.program.alive(), "the program")
        self.assertEqual(self.ask(MAIL).status, 200, self.bench.program.output())
        return spill

    def check_refused(self, reason):
        before = self.idle()
        for _ in range(5):
            reply = self.ask(upload(2_000_000))
            self.assertEqual(reply.status, 500, reply)
            self.assertIn(b'"delivery":"none"', reply.body)
        self.assertRegex(self.await_line(reason), "level=error .*problem=internal .*hint=.*check spill_dir")
        self.await_idle(before)
        self.assertEqual(self.ask(MAIL).status, 200)  # what fits into memory goes on
        self.assertEqual(len(self.mail.messages()), 2)

    def test_no_space_left(self):
        self.start_in("rw")
        self.check_refused("No space left on device")
        self.assertEqual(self.ask(upload(280_000)).status, 200)  # and the space has come back

    def test_read_only(self):
        spill = self.start_in("rw")
        subprocess.run(["nsenter", "-t", str(self.bench.program.pid), "-m", "mount", "-o", "remount,ro", spill], check=True)
        self.check_refused("Read-only file system")

    def test_removed(self):
        spill = self.start_in(None)
        spill.rmdir()
        self.check_refused("No such file or directory")
        reply = self.ask(personal(50))  # small as it comes, and large with its variables in place
        self.assertEqual(reply.status, 500, reply)
        self.assertRegex(json.loads(reply.body)["message"], "spill.*No such file or directory")
        spill.mkdir()
        spill.chmod(0o777)
        # The sandbox granted the directory that there was.
        self.assertEqual(self.ask(upload(2_000_000)).status, 500)
        self.assertIn("cannot make a temporary file: Permission denied", self.bench.program.output())

    def test_many_at_once(self):
        """Some have room, some do not; each is told the truth, and the space comes back."""
        self.start_in("rw")
        before = self.idle()
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(self.ask(upload(250_000)))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = [reply.status for reply in replies]
        self.assertLessEqual(set(statuses), {200, 500})
        self.await_idle(before)
        self.assertEqual(len(self.mail.messages()), 1 + statuses.count(200))
        self.assertEqual(self.ask(upload(250_000)).status, 200)


class Clock(Faulty):
    def test_a_jump(self):
        """Deadlines are of the monotonic clock, so a day more or less changes nothing but what the Date says."""
        if SANITIZED:
            return  # the library that moves the clock is not built then
        faults = Faults(self.bench)
        mail = self.bench.start_mail_server()
        script = self.bench.start_script("== *\nSTALL\n", "--grace", "1")
        self.bench.start_program(
            f"server: main\nservers:\n  main: {{host: 127.0.0.1, port: {mail.port}, tls: none}}\n"
            f"  slow: {{host: 127.0.0.1, port: {script.port}, tls: none, timeouts: {{greeting: 1s}}}}\n"
            'allow: {recipients: ["*"], senders: ["*"], servers: [slow]}\nidempotency: {keep: 1h}\n', env=faults.environment())
        slow = fastcgi.request("POST", "/send", b"from=a%40example.com&to=b%40example.com&text=t&server=slow", FORM)
        keyed = fastcgi.request("POST", "/send", b"from=a%40example.com&to=b%40example.com&text=t", FORM, HTTP_IDEMPOTENCY_KEY="k")
        self.assertEqual(self.ask(keyed).status, 200)
        for jump in (86400, -86400):
            begun = time.monotonic()
            replies = []
            thread = threading.Thread(target=lambda: replies.append(self.ask(slow)))
            thread.start()
            wait_until(lambda: script.process.output() and "connect" not in script.transcript_file.read_text() and
                       time.monotonic() > begun + 0.3, "the delivery to be under way")
            faults["clock_jump"] = jump
            thread.join()
            took = time.monotonic() - begun
            self.assertEqual(replies[0].status, 504, replies)
            self.assertGreater(took, 0.9)
            self.assertLess(took, 10)
            self.assertEqual(self.ask(MAIL).status, 200)
            content = email.message_from_bytes(mail.messages()[-1]["content"])
            said = email.utils.parsedate_to_datetime(content["Date"]).timestamp()
            self.assertLess(abs(said - time.time() - jump), 60)
            self.assertIn("Idempotent-Replayed", self.ask(keyed).headers)
        sessions = re.findall(r"session=reused", self.bench.program.output())
        self.assertEqual(len(sessions), 2)  # neither of the jumps has ended the pool's


class BadStart(Faulty):
    """What is wrong at the start is said in a way that tells what to change."""

    def check(self, settings, status, *patterns, arguments=(), user=NOBODY, **options):
        path = self.bench.write_config(settings)
        as_user = {"user": user, "group": user, "extra_groups": []} if user and os.getuid() == 0 else {}
        result = subprocess.run([PROGRAM, "--config", path, *arguments], capture_output=True, text=True, timeout=60, check=False,
                                **as_user, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        for pattern in patterns:
            self.assertRegex(result.stderr, pattern)

    def test_the_socket(self):
        server = "server: {host: 127.0.0.1, port: 1, tls: none}\n"
        home = self.bench.dir / "closed"
        home.mkdir()
        home.chmod(0o555)
        self.check(f"listen: unix:{self.bench.dir}/none/socket\n{server}", 1, f"there is no directory {self.bench.dir}/none; make it")
        if os.getuid() == 0:
            self.check(f"listen: unix:{home}/socket\n{server}", 1, rf"\(uid {NOBODY}\) may not make files in {home}\b")
            old = self.bench.dir / "old.sock"
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(str(old))
            old.chmod(0o600)
            self.check(f"listen: unix:{old}\n{server}", 1, "there is a socket of another user")
        with socket.create_server(("127.0.0.1", 0)) as other:
            self.check(f"listen: 127.0.0.1:{other.getsockname()[1]}\n{server}", 1, "another process listens there")
        self.check(f"listen: 192.0.2.1:9000\nlisten_allowed: 192.0.2.2\n{server}", 1, "this host does not have that address")

    def test_certificates(self):
        ca = self.bench.certificates()
        junk = self.bench.dir / "junk.pem"
        junk.write_text("none\n")
        junk.chmod(0o644)
        for arguments in [(), ("--check",)]:
            self.check(f"server: {{host: x, ca_file: {junk}}}\n", 78, rf":1:28: server\.ca_file: {junk} holds no certificate",
                       arguments=arguments)
            self.check(f"servers: {{x: {{host: x, client_cert: {ca}/valid.pem, client_key: {ca}/expired.key}}}}\nserver: x\n", 78,
                       r"servers\.x\.client_key: .*expired\.key is not the key of the certificate", arguments=arguments, user=None)

    def test_a_relative_file(self):
        self.check("server: {host: x, user: u, password_file: none}\n", 78,
                   f"password_file: cannot be read: {self.bench.dir}/none: No such file")

    def test_few_descriptors(self):
        path = self.bench.write_config(f"listen: unix:{self.bench.socket}\nserver: {{host: 127.0.0.1, port: 1, tls: none}}\n")
        command = ["sh", "-c", 'ulimit -n 128; exec "$0" --config "$1"', PROGRAM, path]
        self.bench.program = self.bench.start(command, "fcgi-smtp", user=NOBODY)
        self.await_line("level=warning .*only 128 files may be open.*raise the limit")
        self.await_line("serves at")


class Vanished(Faulty):
    def test_the_ca_file(self):
        ca = self.bench.certificates()
        mail = self.bench.start_mail_server("--tls", "starttls", "--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key")
        file = self.bench.dir / "ca-copy.pem"
        shutil.copy(ca / "ca.pem", file)
        file.chmod(0o644)
        config = f"server: {{host: localhost, port: {mail.port}, tls: starttls, ca_file: {file}, pool: {{size: 0}}}}\n{OPEN}"
        self.bench.start_program(config)
        file.unlink()
        self.assertEqual(self.ask(MAIL).status, 200)  # it was loaded once
        self.assertEqual(self.bench.program.stop(), 0)
        result = subprocess.run([PROGRAM, "--config", self.bench.dir / "fcgi-smtp.yaml"], stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, r"fcgi-smtp\.yaml:\d+:\d+: server\.ca_file: cannot be read: No such file")

    def test_the_socket_s_directory(self):
        home = self.bench.dir / "run"
        home.mkdir()
        home.chmod(0o777)
        self.bench.socket = home / "fcgi-smtp.sock"
        mail = self.bench.start_mail_server()
        self.start(mail.port)
        with fastcgi.connect(self.bench.socket) as kept:
            shutil.rmtree(home)
            kept.sendall(MAIL)  # who is connected stays
            self.assertEqual(fastcgi.read(kept).status, 200)
        self.assertEqual(self.bench.program.stop(), 0)


class Aborts(Faulty):
    def test_a_client_that_leaves_at_any_point(self):
        mail = self.bench.start_mail_server()
        self.start(mail.port)
        whole = MAIL
        self.assertEqual(self.ask(whole).status, 200)
        before = self.idle()
        cuts = sorted({*range(0, 40), *range(40, len(whole), 7), len(whole) - 1})
        for cut in cuts:
            with fastcgi.connect(self.bench.socket) as connection:
                connection.sendall(whole[:cut])
        self.await_idle(before)
        self.assertEqual(len(mail.messages()), 1)
        self.assertEqual(self.ask(HEALTH).status, 200)
        # What is complete is delivered, whether somebody waits for the answer or not.
        for _ in range(20):
            with fastcgi.connect(self.bench.socket) as connection:
                connection.sendall(whole)
        wait_until(lambda: len(mail.messages()) == 21, "all complete mails")
        self.await_idle(before)
        lines = [line for line in self.bench.program.output().splitlines() if 'msg="request"' in line]
        outcomes = [re.search(r"outcome=(\S+)", line)[1] for line in lines]
        self.assertEqual(outcomes.count("sent"), 21)
        self.assertEqual(outcomes.count("sent") + outcomes.count("refused") + outcomes.count("ok"), len(lines))
        self.assertGreater(sum('client="gone before the answer"' in line for line in lines), 0)

    def test_a_client_that_leaves_during_a_large_upload(self):
        mail = self.bench.start_mail_server()
        self.start(mail.port)
        self.assertEqual(self.ask(MAIL).status, 200)
        before = self.idle()
        whole = upload(1_000_000)
        for part in range(1, 10):
            with fastcgi.connect(self.bench.socket) as connection:
                connection.sendall(whole[:len(whole) * part // 10])
        self.await_idle(before)
        self.assertEqual(len(mail.messages()), 1)


if __name__ == "__main__":
    unittest.main()
