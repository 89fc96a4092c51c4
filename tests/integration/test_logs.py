"""The one line of each request: what it holds, what it must not hold, and that it tells an operator what to do."""

import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import unittest

import test_failures
from harness import PROGRAM, BenchTest, free_ports, wait_until
from test_failures import AUTH, DATA, END, FIELDS, GREETING, MAIL, OPEN, RCPT, SENT, USER

RECIPIENT = r"\bb@example\.com"  # and not the end of a Message-ID
JSON = "log: {format: json}\n"
TLS = ", tls: starttls, ca_file: %s/ca.pem"
STARTTLS = "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n"
PLAIN = ("S: 220 mail.test ESMTP\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 235 ok\n"
         "C: MAIL FROM:<a@example.com>*\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 2.0.0 queued for b@example.com\n" + END)

# name, scenario, settings, parts of the hint (%: the server's settings)
ROWS = [
    ("5yz greeting", "S: 554 5.3.2 not today\n" + END, "", ["turns this machine away", "%.host"]),
    ("4yz greeting", "S: 421 4.3.2 too busy\n" + END, "", ["lower workers and %.pool.size"]),
    ("closed before the greeting", "CLOSE\n", "", ["%.port and %.tls"]),
    ("no greeting in time", "STALL\n", ", timeouts: {greeting: 300ms}", ["%.port and %.tls", "%.timeouts.greeting"]),
    ("EHLO and HELO refused", "S: 220 x\nC: EHLO *\nS: 550 no\nC: HELO *\nS: 550 no\n" + END, "", ["%.domain"]),
    ("no SMTP there", "S: SSH-2.0-OpenSSH\nREAD-UNTIL-EOF\n", "", ["%.port and %.protocol"]),
    ("no STARTTLS", GREETING + END, ", tls: starttls", ["%.port and %.tls", "in between"]),
    ("wrong name", STARTTLS + "TLS fail cert=wrong-name\n", TLS, ["%.host must be one of the names"]),
    ("expired", STARTTLS + "TLS fail cert=expired\n", TLS, ["certificate has to be renewed", "clock"]),
    ("unknown authority", STARTTLS + "TLS fail cert=unknown-issuer\n", TLS, ["%.ca_file"]),
    ("self-signed", STARTTLS + "TLS fail cert=self-signed\n", TLS, ["%.ca_file"]),
    ("another key", STARTTLS + "TLS fail cert=valid\n", TLS + ', fingerprint: "sha256:' + "A" * 43 + '="', ["%.fingerprint"]),
    ("old TLS", STARTTLS + "TLS fail cert=valid max=1.1\n", TLS, ["%.tls_min"]),
    ("clear text in the place of TLS", "S: 220 x\nREAD-UNTIL-EOF\n", TLS.replace("starttls", "implicit"), ["%.tls and %.port"]),
    ("wrong password", AUTH + "S: 535 5.7.8 bad credentials\n" + END, USER, ["%.user and %.password"]),
    ("another login wanted", AUTH + "S: 534 5.7.9 weak\n" + END, USER, ["%.auth"]),
    ("no common mechanism", "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 AUTH GSSAPI\n" + END, USER, ["%.auth and %.port"]),
    ("a login is wanted", GREETING + "C: MAIL *\nS: 530 5.7.0 authenticate first\n" + END, "", ["%.user and %.tls"]),
    ("passwords cannot be checked", AUTH + "S: 454 4.7.0 later\n" + END, USER, ["cannot check passwords"]),
    ("sender refused", GREETING + "C: MAIL *\nS: 550 5.1.8 bad sender\n" + END, "", ["defaults.sender", "%.user"]),
    ("no such mailbox", MAIL + "C: RCPT *\nS: 550 5.1.1 no such user\n" + END, "", ["check the address"]),
    ("relay denied", MAIL + "C: RCPT *\nS: 554 5.7.1 Relay access denied\n" + END, "", ["does not relay", "%.user", "mynetworks"]),
    ("greylisting", MAIL + "C: RCPT *\nS: 450 4.2.0 greylisted\n" + END, "", ["greylisting", "send it again"]),
    ("mailbox full", MAIL + "C: RCPT *\nS: 552 5.2.2 over quota\n" + END, "", ["mailbox is full"]),
    ("mailbox full for now", MAIL + "C: RCPT *\nS: 452 4.2.2 over quota\n" + END, "", ["mailbox is full"]),
    ("too big by SIZE", "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 SIZE 100\n" + END, "", ["limits.request"]),
    ("too big by its reply", SENT + "S: 552 5.3.4 too big\n" + END, "", ["limits.request"]),
    ("spam", SENT + "S: 554 5.7.1 spam\n" + END, "", ["its reply and its log say why"]),
    ("server full", SENT + "S: 452 4.3.1 disk full\n" + END, "", ["no room at the moment", "send it again"]),
    ("closed after MAIL", GREETING + "C: MAIL *\nCLOSE\n", "", ["may be sent again"]),
    ("MAIL stalls", GREETING + "C: MAIL *\nSTALL\n", ", timeouts: {command: 300ms}", ["%.timeouts.command"]),
    ("closed after the data", SENT + "CLOSE\n", "", ["may have been delivered", "message_id"]),
    ("the data's reply stalls", SENT + "STALL\n", ", timeouts: {data: 300ms}", ["may have been delivered"]),
    ("REQUIRETLS", STARTTLS + "TLS cert=valid\nC: EHLO *\nS: 250 x\n" + END, TLS + ", require_tls: true", ["%.require_tls: false"]),
]


class Lines(BenchTest):
    def lines(self, message="request"):
        lines = []
        for text in self.bench.program.output().splitlines():
            if text.startswith("{"):  # the configuration's warnings come before the log
                lines.append(json.loads(text))
        return [line for line in lines if line["msg"] == message]

    def line(self, answer):
        """The one line of an answered request; it is written just after the answer."""
        wanted = answer.headers["X-Request-Id"]
        found = wait_until(lambda: [line for line in self.lines() if line["request_id"] == wanted], "the request's line")
        self.assertEqual(len(found), 1)
        return found[0]

    def start(self, settings, more=""):
        self.bench.start_program(f"{JSON}{more}server: {{host: 127.0.0.1, tls: none, {settings}}}\n{OPEN}")
        self.bench.start_nginx()

    def test_each_failure_tells_what_to_do(self):
        ca = self.bench.certificates()
        scripts = [self.bench.start_script(row[1], "--cert-dir", ca) for row in ROWS]
        entries = []
        for number, (row, script) in enumerate(zip(ROWS, scripts)):
            settings = (row[2] if "tls:" in row[2] else ", tls: none" + row[2]).replace("%s", str(ca))
            entries.append(f"  row{number}: {{host: 127.0.0.1, port: {script.port}{settings}, pool: {{size: 0}}}}\n")
        names = ", ".join(f"row{number}" for number in range(len(ROWS)))
        self.bench.start_program(f"{JSON}server: row0\nservers:\n{''.join(entries)}"
                                 f'allow: {{recipients: ["*"], senders: ["*"], servers: [{names}]}}\n')
        self.bench.start_nginx()
        for number, (row, script) in enumerate(zip(ROWS, scripts)):
            with self.subTest(row[0]):
                answer = self.bench.send(*FIELDS, ("server", f"row{number}"))
                self.assertGreaterEqual(answer.status, 400, answer)
                line = self.line(answer)
                for part in row[3]:
                    self.assertIn(part.replace("%", f"servers.row{number}"), line.get("hint", ""), line)
                self.assertNotIn("@", line["hint"])
                self.assertEqual((line["level"], line["status"], line["server"]), ("error", answer.status, f"row{number}"))
                self.assertEqual(line["outcome"], "unknown" if answer.json["delivery"] == "unknown" else "failed")
                self.assertNotRegex(json.dumps(line), RECIPIENT)
                script.stop()

    def test_nobody_listens_and_no_such_host(self):
        (port,) = free_ports(1)
        self.bench.start_program(f"{JSON}server: closed\nservers:\n  closed: {{host: 127.0.0.1, port: {port}, tls: none}}\n"
                                 "  nowhere: {host: no-such-host.invalid, tls: none}\n"
                                 'allow: {recipients: ["*"], senders: ["*"], servers: [closed, nowhere]}\n')
        self.bench.start_nginx()
        line = self.line(self.bench.send(*FIELDS))
        self.assertIn("check servers.closed.host and servers.closed.port", line["hint"])
        line = self.line(self.bench.send(*FIELDS, ("server", "nowhere")))
        self.assertIn("check servers.nowhere.host, and that names can be looked up", line["hint"])

    def test_what_a_message_needs_and_the_server_lacks(self):
        script = self.bench.start_script("== *\n" + GREETING + END)
        self.start(f"port: {script.port}, pool: {{size: 0}}")
        whole = "From: a@example.com\r\nTo: b@example.com\r\nSubject: s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\u00e4\r\n"
        line = self.line(self.bench.send(("message", whole)))
        self.assertIn("8BITMIME", line["hint"])
        line = self.line(self.bench.send(("from", "a@example.com"), ("to", "\u00e4@example.com"), ("text", "t")))
        self.assertIn("addresses that are ASCII before the @, or let server be a server with SMTPUTF8", line["hint"])

    def test_no_server_of_the_configuration(self):
        (port,) = free_ports(1)
        self.bench.start_program(f'{JSON}server: {{host: 127.0.0.1, port: 2525, tls: none}}\nallow: {{recipients: ["*"], senders: ["*"], '
                                 'override: [server, port, tls], hosts: [127.0.0.1], ports: [%d]}\n' % port)
        self.bench.start_nginx()
        line = self.line(self.bench.send(*FIELDS, ("server", "127.0.0.1"), ("port", str(port)), ("tls", "none")))
        self.assertIn("the request chose this server itself", line["hint"])

    def test_a_mail_that_was_sent(self):
        script = self.bench.start_script(PLAIN)
        self.bench.start_program(f"{JSON}server: {{host: 127.0.0.1, port: {script.port}, tls: none{USER}, pool: {{size: 0}}}}\n{OPEN}")
        self.bench.start_nginx()
        answer = self.bench.send(*FIELDS)
        self.assertEqual(answer.status, 200, answer)
        line = self.line(answer)
        expected = {"level": "info", "method": "POST", "route": "/send", "status": 200, "outcome": "sent", "recipients": 1,
                    "server": "default", "reply_code": 250, "reply": "2.0.0 queued for [address]", "remote": "127.0.0.1",
                    "message_id": answer.json["id"]}
        self.assertEqual({key: line.get(key) for key in expected}, expected)
        for key in ("ms", "bytes", "size", "wait_ms", "smtp_ms", "connect_ms", "auth_ms", "transaction_ms"):
            self.assertIsInstance(line[key], (int, float), key)
        self.assertNotIn("hint", line)
        self.assertNotRegex(self.bench.program.output(), RECIPIENT)
        self.assertIn("queued for b@example.com", answer.json["reply"]["text"])

    def test_recipients_are_named_at_debug(self):
        script = self.bench.start_script(MAIL + "C: RCPT *\nS: 550 5.1.1 no b@example.com here\n" + END)
        self.bench.start_program(f"log: {{format: json, level: debug}}\nserver: {{host: 127.0.0.1, port: {script.port}, tls: none}}\n{OPEN}")
        self.bench.start_nginx()
        answer = self.bench.send(*FIELDS)
        line = self.line(answer)
        self.assertEqual(line["reply"], "5.1.1 no b@example.com here")
        self.assertIn("RCPT TO:<b@example.com>", line["detail"])
        (recipient,) = self.lines("recipient")
        self.assertEqual((recipient["address"], recipient["request_id"]), ("b@example.com", line["request_id"]))

    def test_the_pool_speaks_at_debug(self):
        mail = self.bench.start_mail_server()
        self.bench.start_program(f"log: {{format: json, level: debug}}\nserver: {{host: 127.0.0.1, port: {mail.port}, tls: none, "
                                 f"pool: {{max_messages: 2}}}}\n{OPEN}")
        self.bench.start_nginx()
        for session in (None, "reused"):
            self.assertEqual(self.line(self.bench.send(*FIELDS)).get("session"), session)
        name = f"127.0.0.1:{mail.port}"
        for event in ("opened", "goes into the pool", "comes from the pool", "ended"):
            wait_until(lambda: self.lines(f"session with {name}: {event}"), event)

    def test_some_recipients_refused(self):
        script = self.bench.start_script(test_failures.Failures.SOME + "C: DATA\nS: 354 go\nDATA\nS: 250 ok\n" + END)
        self.start(f"port: {script.port}, pool: {{size: 0}}")
        line = self.line(self.bench.send(*FIELDS, ("cc", "c@example.com")))
        self.assertEqual((line["level"], line["outcome"]), ("warning", "partial"))
        self.assertIn("check the address", line["hint"])

    def test_refusals(self):
        (port,) = free_ports(1)
        self.bench.start_program(f"{JSON}server: {{host: 127.0.0.1, port: {port}, tls: none}}\n"
                                 "defaults: {from: a@example.com, to: b@example.com}\n")
        self.bench.start_nginx()
        line = self.line(self.bench.send(("to", "stranger@example.org"), ("text", "t")))
        self.assertEqual((line["outcome"], line["problem"], line["level"]), ("refused", "recipient-not-allowed", "info"))
        self.assertNotIn("stranger", json.dumps(line))
        line = self.line(self.bench.send(("stranger@example.org", "")))  # a body that is an address and no form
        self.assertEqual((line["outcome"], line["problem"], line["field"]), ("refused", "unknown-field", "[address]"))
        self.assertNotIn("stranger", json.dumps(line))
        line = self.line(self.bench.get("/%E2%80%AE%0A%1B[31m" + "x" * 3000))
        self.assertEqual((line["outcome"], line["status"]), ("refused", 404))
        self.assertTrue(line["route"].startswith("/\u202e\n\x1b[31mxxx"))
        output = self.bench.program.output()
        self.assertNotRegex(output, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]")
        self.assertIn("\\u202e\\n\\u001b[31m", output)

    def test_a_client_that_is_gone_leaves_its_line(self):
        script = self.bench.start_script(DATA + "DATA\nGATE end\nS: 250 ok\n" + END)
        self.start(f"port: {script.port}")
        body = b"from=a%40example.com&to=b%40example.com&text=x"
        with socket.create_connection(("127.0.0.1", self.bench.port)) as one:
            one.sendall(b"POST /send HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(body) + body)
            wait_until(lambda: "data " in script.transcript_file.read_text(), "the mail to be on its way")
        self.bench.nginx.stop()  # so that the FastCGI connection is gone as well
        os.kill(script.process.pid, 10)  # SIGUSR1: the gate
        (line,) = wait_until(self.lines, "the request's line")
        self.assertEqual((line["outcome"], line["client"]), ("sent", "gone before the answer"))


class Outputs(BenchTest):
    CONFIG = "server: {host: 127.0.0.1, port: 2525, tls: none}\n"

    def test_a_pipe_that_nobody_reads_stops_nothing(self):
        ends = os.pipe()
        path = self.bench.write_config(f'listen: unix:{self.bench.socket}\nlisten_mode: "0666"\n{self.CONFIG}')
        program = subprocess.Popen([PROGRAM, "--config", path], stdin=subprocess.DEVNULL, stderr=ends[1])
        try:
            os.close(ends[1])
            wait_until(self.bench.socket.exists, "the socket")
            self.bench.start_nginx()
            for _ in range(1000):  # about 200 KB of log; the pipe holds 64
                self.assertEqual(self.bench.get("/healthz").status, 200)
            text = os.read(ends[0], 1 << 20)
            self.assertEqual(text[-1:], b"\n")
            before = text.count(b"msg=\"request\"")
            self.assertLess(before, 1000)
            self.assertEqual(self.bench.get("/healthz").status, 200)
            wait_until(lambda: program.poll() is None, "it to live")
            text = b""
            while b"msg=\"request\"" not in text:
                text += os.read(ends[0], 1 << 20)
            lost = int(re.search(rb"lines of the log were lost.* lines=(\d+)\n", text)[1])
            self.assertEqual(before + lost, 1000)
            os.close(ends[0])  # and now nobody will ever read it
            for _ in range(10):
                self.assertEqual(self.bench.get("/healthz").status, 200)
        finally:
            program.terminate()
            self.assertEqual(program.wait(30), 0)

    def test_a_closed_standard_error(self):
        path = self.bench.write_config(f'listen: unix:{self.bench.socket}\nlisten_mode: "0666"\n{self.CONFIG}')
        program = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" --config "$1" 2>&-', PROGRAM, path], stdin=subprocess.DEVNULL)
        try:
            wait_until(self.bench.socket.exists, "the socket")
            self.bench.start_nginx()
            for _ in range(10):
                self.assertEqual(self.bench.get("/healthz").status, 200)
        finally:
            program.terminate()
            self.assertEqual(program.wait(30), 0)

    # Argument 1 is a directory that becomes /dev in a mount namespace of our own; the rest is the command, run as nobody.
    NAMESPACE = textwrap.dedent("""
        import ctypes, os, subprocess, sys
        libc = ctypes.CDLL(None, use_errno=True)
        def check(result):
            if result != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        check(libc.unshare(0x00020000))  # CLONE_NEWNS
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        for name in ("null", "zero", "random", "urandom"):
            open(f"{sys.argv[1]}/{name}", "w").close()
            subprocess.run(["mount", "--bind", f"/dev/{name}", f"{sys.argv[1]}/{name}"], check=True)
        subprocess.run(["mount", "--rbind", sys.argv[1], "/dev"], check=True)
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        os.execv(sys.argv[2], sys.argv[2:])
        """)

    def test_syslog(self):
        if os.getuid() != 0:
            self.skipTest("a mount namespace needs root")
        device = self.bench.dir / "dev"
        device.mkdir()
        device.chmod(0o777)
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(log.close)
        log.bind(str(device / "log"))
        (device / "log").chmod(0o666)
        log.settimeout(30)
        (self.bench.dir / "namespace.py").write_text(self.NAMESPACE)
        path = self.bench.write_config(f'listen: unix:{self.bench.socket}\nlisten_mode: "0666"\nlog: {{to: syslog}}\n{self.CONFIG}')
        program = self.bench.start([sys.executable, self.bench.dir / "namespace.py", device, PROGRAM, "--config", path], "fcgi-smtp")
        self.bench.program = program
        start = rf"<22>fcgi-smtp\[{program.pid}\]: level=info "  # 22: mail.info
        texts = []  # the sandbox has something to say before
        while not texts or "serves at" not in texts[-1]:
            texts.append(log.recv(65536).decode())
            self.assertRegex(texts[-1], start + "msg=")
        self.bench.start_nginx()
        self.assertEqual(self.bench.get("/%0A%3C0%3Efake").status, 404)
        self.assertRegex(log.recv(65536).decode(), start + r'msg="request" .* route="/\\n<0>fake" .*status=404')
        self.assertEqual(program.output(), "")
        # The daemon is started anew.
        log.close()
        (device / "log").unlink()
        self.bench.get("/healthz")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as again:
            again.settimeout(30)
            again.bind(str(device / "log"))
            (device / "log").chmod(0o666)
            self.bench.get("/healthz")
            self.assertRegex(again.recv(65536).decode(), r"lines of the log were lost.* lines=1$")
            self.assertRegex(again.recv(65536).decode(), start + 'msg="request" ')
        self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
