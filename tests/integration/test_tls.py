"""TLS to a real SMTP server, STARTTLS and implicit: what is verified, and what the answer says when it is not."""

import re
import subprocess
import unittest

from harness import PROGRAM, WAIT, BenchTest, wait_until

FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]
OPEN = 'allow: {recipients: ["*"], senders: ["*"], override: [server], hosts: ["*"]}\n'

# certificate, host, the reason that the answer must give; None: it must be delivered
CASES = [
    ("valid", "localhost", None),
    ("valid", "127.0.0.1", None),
    ("ip-only", "127.0.0.1", None),
    ("dns-only", "localhost", None),
    ("intermediate", "localhost", None),
    ("ip-only", "localhost", "127.0.0.1"),
    ("dns-only", "127.0.0.1", "localhost"),
    ("expired", "localhost", "expired"),
    ("not-yet-valid", "localhost", "not yet valid"),
    ("self-signed", "localhost", "self-signed"),
    ("unknown-issuer", "localhost", "unknown issuer"),
    ("no-chain", "localhost", "unknown issuer"),
    ("wrong-name", "localhost", "elsewhere.test"),
    ("common-name", "localhost", "name"),
    ("wildcard", "localhost", "*.example.test"),
]


class Tls(BenchTest):
    def config(self, host, port, tls, more=""):
        ca = self.bench.certificates()
        return f"server: {{host: {host}, port: {port}, tls: {tls}, ca_file: {ca}/ca.pem{more}}}\n{OPEN}"

    def server(self, tls, certificate="valid", *options):
        ca = self.bench.certificates()
        return self.bench.start_mail_server("--tls", tls, "--cert", f"{ca}/{certificate}.pem", "--key",
                                            f"{ca}/{certificate}.key", *options)

    def check_cases(self, tls):
        """One program with an entry for each case, so that it is started once."""
        ca = self.bench.certificates()
        servers = {}
        entries = []
        for number, (certificate, host, _) in enumerate(CASES):
            servers.setdefault(certificate, None)
            servers[certificate] = servers[certificate] or self.server(tls, certificate)
            entries.append(f"  case{number}: {{host: {host}, port: {servers[certificate].port}, tls: {tls}, "
                           f"ca_file: {ca}/ca.pem}}\n")
        self.bench.start_program("server: case0\nservers:\n" + "".join(entries) +
                                 'allow: {recipients: ["*"], senders: ["*"], servers: [' +
                                 ", ".join(f"case{number}" for number in range(len(CASES))) + "]}\n")
        self.bench.start_nginx()
        for number, (certificate, host, reason) in enumerate(CASES):
            with self.subTest(certificate=certificate, host=host):
                before = len(servers[certificate].messages())
                answer = self.bench.send(*FIELDS, ("server", f"case{number}"))
                if reason is None:
                    self.assertEqual(answer.status, 200, answer)
                    self.assertTrue(servers[certificate].messages()[-1]["tls"])
                else:
                    self.assertProblem(answer, 502, "smtp-tls-failed")
                    self.assertIn(reason, answer.json["detail"])
                    self.assertIn(host, answer.json["detail"])
                    self.assertEqual(len(servers[certificate].messages()), before)

    def test_starttls_certificates(self):
        self.check_cases("starttls")

    def test_implicit_certificates(self):
        self.check_cases("implicit")

    def test_wildcard(self):
        """No name resolves to *.example.test here, so the name is said with an address behind it by the hosts file's rules:
        a wildcard covers one label of its own domain and never localhost (see CASES)."""
        server = self.server("implicit", "wildcard")
        self.bench.start_program(self.config("localhost", server.port, "implicit", ", verify: none"))
        self.bench.start_nginx()
        self.assertEqual(self.bench.send(*FIELDS).status, 200)

    def test_old_versions(self):
        for tls in ("starttls", "implicit"):
            with self.subTest(tls=tls):
                server = self.server(tls, "valid", "--tls-max", "1.1")
                self.bench.start_program(self.config("localhost", server.port, tls))
                self.bench.start_nginx()
                answer = self.bench.send(*FIELDS)
                self.bench.stop_program()
                self.assertProblem(answer, 502, "smtp-tls-failed")
                self.assertRegex(answer.json["detail"], "(?i)version")

    def test_starttls_missing(self):
        server = self.bench.start_mail_server()
        self.bench.start_program(self.config("localhost", server.port, "starttls"))
        self.bench.start_nginx()
        answer = self.bench.send(*FIELDS)
        self.assertProblem(answer, 502, "smtp-tls-failed")
        self.assertIn("STARTTLS", answer.json["detail"])
        self.assertEqual(server.messages(), [])

    def test_plain_server_for_implicit(self):
        server = self.bench.start_mail_server()
        self.bench.start_program(self.config("localhost", server.port, "implicit"))
        self.bench.start_nginx()
        answer = self.bench.send(*FIELDS)
        self.assertProblem(answer, 502, "smtp-tls-failed")
        self.assertEqual(server.messages(), [])

    def test_pins(self):
        """The error of a wrong pin shows the right one, which then works, be the certificate good or not."""
        wrong = "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        for certificate, verify in (("valid", "full"), ("self-signed", "none")):
            with self.subTest(certificate=certificate):
                server = self.server("starttls", certificate)
                self.bench.start_program(self.config(
                    "localhost", server.port, "starttls", f', verify: {verify}, fingerprint: "{wrong}"'))
                self.bench.start_nginx()
                answer = self.bench.send(*FIELDS)
                self.bench.stop_program()
                self.assertProblem(answer, 502, "smtp-tls-failed")
                self.assertIn("pin", answer.json["detail"])
                right = re.search(r"sha256:[A-Za-z0-9+/]{43}=", answer.json["detail"]).group()
                self.bench.start_program(self.config(
                    "localhost", server.port, "starttls", f', verify: {verify}, fingerprint: "{right}"'))
                self.bench.start_nginx()
                self.assertEqual(self.bench.send(*FIELDS).status, 200)
                self.bench.stop_program()

    def test_client_certificate(self):
        ca = self.bench.certificates()
        scenario = ("TLS ask=ca\nS: 220 x\nC: EHLO *\nS: 250 x\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\n"
                    "S: 354 go\nDATA\nS: 250 ok\nC?: QUIT\nREAD-UNTIL-EOF\n")
        server = self.bench.start_script(scenario, "--cert-dir", str(ca))
        self.bench.start_program(
            self.config("localhost", server.port, "implicit",
                        f", client_cert: {ca}/client.pem, client_key: {ca}/client.key, pool: {{size: 0}}") +
            "log: {level: debug}\n")
        self.bench.start_nginx()
        self.assertEqual(self.bench.send(*FIELDS).status, 200)
        self.assertIn("* tls TLSv1.3 sni=localhost client", server.stop())
        wait_until(lambda: " verified=yes" in self.bench.program.output(), "the log")
        self.assertRegex(self.bench.program.output(), r" tls=TLSv1\.3 cipher=TLS_\S+ verified=yes resumed=no ")

    def test_client_certificate_missing(self):
        ca = self.bench.certificates()
        server = self.bench.start_script("TLS fail ask=ca\n", "--cert-dir", str(ca))
        self.bench.start_program(self.config("localhost", server.port, "implicit"))
        self.bench.start_nginx()
        answer = self.bench.send(*FIELDS)
        self.assertProblem(answer, 502, "smtp-tls-failed")
        self.assertIn("client_cert", answer.json["detail"])
        server.stop()

    def test_a_key_with_a_passphrase(self):
        ca = self.bench.certificates()
        locked = ca / "locked.key"
        subprocess.run(["openssl", "ec", "-in", ca / "client.key", "-aes128", "-passout", "pass:x", "-out", locked],
                       check=True, stderr=subprocess.DEVNULL)
        config = self.bench.write_config("listen: unix:/tmp/x.sock\n" + self.config(
            "localhost", 25, "starttls", f", client_cert: {ca}/client.pem, client_key: {locked}"))
        result = subprocess.run([PROGRAM, "--config", config], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=WAIT)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"client_key: {locked} has a passphrase", result.stderr)

    def test_auth(self):
        for tls in ("starttls", "implicit"):
            server = self.server(tls, "valid", "--user", "app", "--password", "s3cret ü")
            for auth in ("auto", "plain", "login"):
                for password, status in (("s3cret ü", 200), ("wrong-one", 502)):
                    with self.subTest(tls=tls, auth=auth, password=password):
                        self.bench.start_program(self.config(
                            "localhost", server.port, tls, f', user: app, password: "{password}", auth: {auth}'))
                        self.bench.start_nginx()
                        answer = self.bench.send(*FIELDS)
                        self.bench.stop_program()
                        self.assertEqual(answer.status, status, answer)
                        if status == 200:
                            self.assertEqual(server.messages()[-1]["user"], "app")
                        else:
                            self.assertProblem(answer, 502, "smtp-auth-failed")
                            self.assertEqual(answer.json["smtp"]["code"], 535)
                        self.assertNotIn(password, self.bench.program.output() + str(answer.body))


if __name__ == "__main__":
    unittest.main()
