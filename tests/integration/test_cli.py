"""--test-server and --send, with a real SMTP server (STARTTLS and AUTH) and with the scripted one."""

import base64
import email
import email.policy
import json
import os
import re
import subprocess
import unittest

from harness import PROGRAM, WAIT, BenchTest

USER = "app@example.com"
PASSWORD = "s3cret pass-word"
WRONG = "another pass-word"


def encoded(text):
    """What of the text must stand in its base64, wherever the text begins in a group of three octets."""
    octets = text.encode()
    for before in range(3):
        code = base64.b64encode(b"\0" * before + octets)
        yield code[4 if before else 0:len(code) - 4].decode()


class Cli(BenchTest):
    def run_program(self, config, *arguments, stdin=b""):
        path = self.bench.write_config(f"spill_dir: {self.bench.dir}\n{config}", "cli.yaml")
        path.chmod(0o600)
        result = subprocess.run([PROGRAM, "--config", path, *arguments], input=stdin, capture_output=True,
                                timeout=WAIT * 2, env=dict(os.environ), check=False)
        result.out, result.err = result.stdout.decode(), result.stderr.decode()
        self.assertNotRegex(result.err, "Sanitizer|runtime error")
        for secret in (PASSWORD, WRONG, *encoded(PASSWORD), *encoded(WRONG)):
            self.assertNotIn(secret, result.out + result.err)
        return result

    def secure_server(self, certificate="valid"):
        ca = self.bench.certificates()
        return self.bench.start_mail_server(
            "--tls", "starttls", "--cert", f"{ca}/{certificate}.pem", "--key", f"{ca}/{certificate}.key",
            "--user", USER, "--password", PASSWORD)

    def entry(self, server, more="", password=PASSWORD):
        ca = self.bench.certificates()
        return (f"{{host: localhost, port: {server.port}, ca_file: {ca}/ca.pem, tls: starttls, user: {USER}, "
                f'password: "{password}"{more}}}')

    def assertSteps(self, output, *expected):
        """The output's steps, in order: a name and a pattern for the text behind its time."""
        rest = output
        for name, pattern in expected:
            match = re.search(rf"^{re.escape(name)} +\d+\.\d ms  ({pattern})$", rest, re.MULTILINE)
            self.assertTrue(match, f"no step {name} with {pattern} in:\n{rest}\n--- of ---\n{output}")
            rest = rest[match.end():]

    # -- --test-server

    def test_good_server(self):
        for auth in ("plain", "login"):
            with self.subTest(auth=auth):
                server = self.secure_server()
                result = self.run_program(f"server: {self.entry(server, f', auth: {auth}')}\n", "--test-server")
                self.assertEqual((result.returncode, result.err), (0, ""), result.out)
                self.assertSteps(
                    result.out, ("addresses", ".*127.0.0.1.*"), ("connect", "127.0.0.1"),
                    ("greeting", "220 mail.test .*"), ("EHLO", ".*SIZE 67108864, .*STARTTLS.*"),
                    ("STARTTLS", "220 .*"), ("TLS", "TLSv1.3, TLS_.*"), ("EHLO", ".*AUTH LOGIN PLAIN.*"),
                    (f"AUTH {auth.upper()}", "235 2.7.0 .*"))
                for text in ("certificate  ", "issued by CN=Test CA", "for localhost, 127.0.0.1, ::1", "valid 20",
                             "fingerprint sha256:", "verification  ", "chain and name are good"):
                    self.assertIn(text, result.out)
                self.assertNotIn("STARTTLS", result.out.split("verification")[1])
                self.assertTrue(result.out.endswith("\nok\n"), result.out)
                self.assertEqual(server.messages(), [])

    def test_names(self):
        """A server is chosen by its name; without one it is the configuration's choice."""
        good, expired = self.secure_server(), self.secure_server("expired")
        config = f"server: good\nservers:\n  good: {self.entry(good)}\n  old: {self.entry(expired)}\n"
        self.assertEqual(self.run_program(config, "--test-server").returncode, 0)
        self.assertEqual(self.run_program(config, "--test-server", "good").returncode, 0)
        result = self.run_program(config, "--test-server=old")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.out, r"(?m)^verification +the certificate has expired$")
        self.assertRegex(result.out.splitlines()[-1],
                         "^failed at TLS: TLS with localhost:.* failed: the certificate has expired; correct the cert")
        self.assertNotIn("AUTH", result.out.split("verification")[1])
        result = self.run_program(config, "--test-server", "nobody")
        self.assertEqual((result.returncode, result.out), (1, ""))
        self.assertIn('no server "nobody"; its servers are good, old', result.err)

    def test_wrong_password(self):
        server = self.secure_server()
        result = self.run_program(f"server: {self.entry(server, password=WRONG)}\n", "--test-server", "-v")
        self.assertEqual(result.returncode, 1)
        self.assertSteps(result.out, ("AUTH PLAIN", "535 .*"))
        self.assertRegex(result.out, r"(?m)^ +\d+\.\d ms  > AUTH PLAIN \*\*\*$")
        self.assertRegex(result.out.splitlines()[-1], "^failed at AUTH: .* 535 .*; check user, password and auth")

    def test_failures(self):
        """What a scripted server plays, and the beginning of the last line with a word of its advice."""
        cases = [
            ("S: 554 5.3.2 not you\nC?: QUIT\n", "tls: none", "failed at greeting: .*: 554 5.3.2 not you; .*operator"),
            ("S: 220 x\nC: EHLO *\nS: 250 x\nC?: QUIT\n", "tls: starttls",
             "failed at STARTTLS: .* does not offer STARTTLS; .*587"),
            ("S: 220 x\nC: EHLO *\nS: 250 x\nC?: QUIT\n", "tls: implicit", "failed at TLS: .*; .*tls: starttls"),
            ("S: HTTP/1.1 400 Bad Request\nREAD-UNTIL-EOF\n", "tls: none", "failed at greeting: .*HTTP.*; .*SMTP server"),
            ("S: 421 4.3.2 busy\n", "tls: none", "failed at greeting: .*421 4.3.2 busy; .*later"),
            ("STALL\n", "tls: none, timeouts: {greeting: 300ms}", "failed at greeting: .*; .*implicit"),
            ('RAW "220 \\x1b[31mred\\r\\n"\nC: EHLO *\nS: 500 no\nC: HELO *\nS: 500 no\nC?: QUIT\n', "tls: none",
             "failed at EHLO: .*; .*"),
        ]
        for scenario, settings, last in cases:
            with self.subTest(last=last):
                server = self.bench.start_script(scenario)
                result = self.run_program(f"server: {{host: 127.0.0.1, port: {server.port}, {settings}}}\n",
                                          "--test-server")
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.out.splitlines()[-1], f"^{last}")
                self.assertNotIn("\x1b", result.out)

    def test_nobody_there(self):
        result = self.run_program("server: {host: 127.0.0.1, port: 1, tls: none}\n", "--test-server")
        self.assertEqual(result.returncode, 1)
        self.assertSteps(result.out, ("addresses", "127.0.0.1"))
        self.assertRegex(result.out.splitlines()[-1], "^failed at connect: .*refused; check host and port")

    def test_says_quit_and_nothing_more(self):
        server = self.bench.start_script("S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 PIPELINING\nC: QUIT\nWAIT-EOF\n")
        result = self.run_program(f"server: {{host: 127.0.0.1, port: {server.port}, tls: none}}\n", "--test-server", "-v")
        self.assertEqual(result.returncode, 0, result.out)
        self.assertRegex(result.out, "(?m)  > QUIT$")
        self.assertIn("no user, so no AUTH", result.out)
        server.stop()

    # -- --send

    def test_send(self):
        """One mail with attachments, compared at the receiver; everybody may get it though allow is closed."""
        server = self.secure_server()
        big = os.urandom(3 * 1024 * 1024)
        files = {"bericht ü.bin": big, "empty.txt": b"", "page.html": "<p>grün</p>".encode()}
        for name, content in files.items():
            (self.bench.dir / name).write_bytes(content)
        config = f"server: {self.entry(server)}\ndefaults: {{from: Site <site@example.com>, headers: {{X-Site: web}}}}\n"
        result = self.run_program(
            config, "--send", "to=Bob <bob@example.com>, c@example.com", "bcc=hidden@example.net", "subject=Grüße = \"x\"",
            "text=@-", f"html=@{self.bench.dir}/page.html", f"attachment=@{self.bench.dir}/bericht ü.bin",
            f"attachment=@{self.bench.dir}/empty.txt", "h:X-At=@home", stdin="line ä\n.\nend\n".encode())
        self.assertEqual((result.returncode, result.err), (0, ""), result.out)
        answer = json.loads(result.out)
        self.assertEqual((answer["status"], answer["server"], answer["rejected"]), ("sent", "default", []))
        self.assertEqual(answer["accepted"], ["bob@example.com", "c@example.com", "hidden@example.net"])
        self.assertEqual(answer["reply"]["code"], 250)
        (message,) = server.messages()
        self.assertEqual((message["mail_from"], message["user"], message["tls"]), ("site@example.com", USER, True))
        self.assertEqual(message["rcpt_tos"], answer["accepted"])
        parsed = email.message_from_bytes(message["content"], policy=email.policy.default)
        self.assertEqual(parsed["Message-ID"], answer["id"])
        self.assertEqual((parsed["Subject"], parsed["X-Site"], parsed["X-At"], parsed["Bcc"]),
                         ('Grüße = "x"', "web", "@home", None))
        self.assertEqual(parsed.get_body(("plain",)).get_content().replace("\r\n", "\n"), "line ä\n.\nend\n")
        self.assertIn("<p>grün</p>", parsed.get_body(("html",)).get_content())
        attachments = {part.get_filename(): part.get_payload(decode=True) for part in parsed.iter_attachments()}
        self.assertEqual(attachments, {"bericht ü.bin": big, "empty.txt": b""})

    def test_dialogue(self):
        server = self.secure_server()
        for auth in ("plain", "login"):
            with self.subTest(auth=auth):
                result = self.run_program(f"server: {self.entry(server, f', auth: {auth}')}\n", "-v", "--send",
                                          "from=a@example.com", "to=b@example.com", "text=a line of text")
                self.assertEqual(result.returncode, 0, result.err)
                self.assertEqual(json.loads(result.out)["status"], "sent")
                lines = [re.sub(r"^ *\d+\.\d ms  ", "", line) for line in result.err.splitlines()]
                self.assertEqual(len([line for line in lines if line[:2] in ("* ", "> ", "< ")]), len(lines), lines)
                for line in ("* connected to 127.0.0.1", "> STARTTLS", "* verified: chain and name are good",
                             f"> AUTH {auth.upper()}{' ***' if auth == 'plain' else ''}", "> QUIT"):
                    self.assertIn(line, lines)
                self.assertEqual(lines.count("> ***"), 2 if auth == "login" else 0)
                size = len(server.messages()[-1]["content"])
                self.assertIn(f"> [{size} octets of data]", lines)
                self.assertNotIn("a line of text", result.err)

    def test_dry_run(self):
        """Nothing is connected to: the port is nobody's."""
        config = "server: {host: 127.0.0.1, port: 1, tls: none}\n"
        result = self.run_program(config, "--send", "from=a@example.com", "to=b@example.com", "text=t", "dry_run=1")
        self.assertEqual((result.returncode, result.err), (0, ""))
        answer = json.loads(result.out)
        self.assertEqual((answer["status"], answer["envelope"]), ("dry-run", {"from": "a@example.com", "to": ["b@example.com"]}))

    def test_servers(self):
        """Every server of the configuration may be chosen; another host only as allow.override says."""
        server = self.bench.start_mail_server()
        config = (f"server: dead\nservers:\n  dead: {{host: 127.0.0.1, port: 1, tls: none}}\n"
                  f"  live: {{host: 127.0.0.1, port: {server.port}, tls: none}}\n")
        fields = ("from=a@example.com", "to=b@example.com", "text=t")
        result = self.run_program(config, "--send", *fields, "server=live")
        self.assertEqual((result.returncode, json.loads(result.out)["server"]), (0, "live"), result.out)
        result = self.run_program(config, "--send", *fields)
        self.assertEqual((result.returncode, json.loads(result.out)["type"]), (1, "urn:fcgi-smtp:smtp-unavailable"))
        result = self.run_program(config, "--send", *fields, "server=localhost")
        self.assertEqual((result.returncode, json.loads(result.out)["type"]), (1, "urn:fcgi-smtp:override-not-allowed"))
        self.assertEqual(len(server.messages()), 1)

    def test_partial(self):
        server = self.bench.start_script(
            "S: 220 x\nC: EHLO *\nS: 250 x\nC: MAIL *\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 ok\n"
            "C: RCPT TO:<c@example.com>\nS: 550 5.1.1 nobody\nC: DATA\nS: 354 go\nDATA\nS: 250 ok\nC?: QUIT\n")
        result = self.run_program(f"server: {{host: 127.0.0.1, port: {server.port}, tls: none}}\n", "--send",
                                  "from=a@example.com", "to=b@example.com, c@example.com", "text=t")
        answer = json.loads(result.out)
        self.assertEqual((result.returncode, answer["status"], answer["rejected"][0]["code"]), (1, "partial", 550))

    def test_refused(self):
        """The same problems as over HTTP, as JSON, with exit status 1 and no connection."""
        config = "server: {host: 127.0.0.1, port: 1, tls: none}\nlimits: {fields: 5, text: 256B}\n"
        missing = self.bench.dir / "missing"
        cases = [
            (["form=a@example.com"], "unknown-field", "form"),
            (["from=nonsense", "to=b@example.com"], "invalid-field", "from"),
            (["from=a@example.com"], "missing-field", "to"),
            (["attachment=plain"], "invalid-field", "attachment"),
            (["subject=a\r\nBcc: x@example.com", "from=a@example.com", "to=b@example.com"], "invalid-field", "subject"),
            ([f"attachment=@{missing}"], "malformed-form", "attachment"),
            ([f"attachment=@{self.bench.dir}"], "malformed-form", "attachment"),
            (["text=" + "too long " * 30], "request-too-large", "text"),
            (["cc=b@example.com"] * 6, "too-many-fields", None),
        ]
        for fields, token, field in cases:
            with self.subTest(fields=fields):
                result = self.run_program(config, "--send", *fields)
                self.assertEqual((result.returncode, result.err), (1, ""), result.out)
                answer = json.loads(result.out)
                self.assertEqual((answer["type"], answer.get("field")), (f"urn:fcgi-smtp:{token}", field), answer)
                self.assertEqual(answer["delivery"], "none")

    # -- usage

    def test_usage(self):
        config = "server: {host: 127.0.0.1, port: 1, tls: none}\n"
        for arguments, status, text in [
                (["--send"], 64, "needs fields"),
                (["--send", "hello"], 64, "KEY=VALUE"),
                (["--test-server", "a", "b"], 64, "unexpected argument"),
                (["-v"], 64, "--verbose is for"),
                (["--send", "--test-server"], 64, "one command"),
        ]:
            with self.subTest(arguments=arguments):
                result = self.run_program(config, *arguments)
                self.assertEqual((result.returncode, result.out), (status, ""))
                self.assertIn(text, result.err)
        result = self.run_program("server: {host: 127.0.0.1, port: 1, tls: what}\n", "--test-server")
        self.assertEqual((result.returncode, result.out), (78, ""))
        result = self.run_program(f"server: {{host: 127.0.0.1, ca_file: {self.bench.dir}/none.pem}}\n", "--send", "to=b")
        self.assertEqual((result.returncode, result.out), (78, ""))


if __name__ == "__main__":
    unittest.main()
