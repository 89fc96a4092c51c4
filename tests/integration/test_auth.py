"""AUTH against Postfix with Dovecot's SASL, over STARTTLS and implicit TLS: every mechanism that they offer."""

import sys
import unittest

import postfix
from harness import BenchTest, wait_until

FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]
TOKENS = ("XOAUTH2", "OAUTHBEARER")


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Auth(BenchTest):
    def setUp(self):
        super().setUp()
        self.server = postfix.Postfix(self.bench)
        self.addCleanup(self.server.close)

    def entry(self, name, tls, auth, password, user=postfix.USER, key="password"):
        value = quote(password) if key == "password" else password
        return (f"  {name}: {{host: localhost, port: {self.server.ports[tls]}, tls: {tls}, "
                f"ca_file: {self.bench.certificates()}/ca.pem, user: {quote(user)}, {key}: {value}, auth: {auth}}}\n")

    def start(self, entries):
        """One program with an entry for each case, so that it is started once."""
        names = [entry.split(":")[0].strip() for entry in entries]
        self.bench.start_program(f"server: {names[0]}\nservers:\n" + "".join(entries) +
                                 'allow: {recipients: ["*"], senders: ["*"], servers: [' + ", ".join(names) + "]}\n")
        self.bench.start_nginx()

    def send(self, server):
        return self.bench.send(*FIELDS, ("server", server))

    def assertLogin(self, answer, mechanism):
        self.assertEqual(answer.status, 200, f"{answer}\n{self.server.explain()}")
        wait_until(lambda: len(self.server.logins()) > self.seen, "Postfix' log")
        self.assertEqual(self.server.logins()[-1], (mechanism, postfix.USER))
        self.seen = len(self.server.logins())

    def assertRefused(self, answer, mechanism):
        self.assertProblem(answer, 502, "smtp-auth-failed")
        self.assertEqual(answer.json["smtp"]["code"], 535, answer)
        self.assertIn(f"refused AUTH {mechanism}: 535", answer.json["detail"])

    def assertNoSecret(self, *secrets):
        output = self.bench.program.output()
        for secret in secrets:
            self.assertNotIn(secret, output)

    def check_mechanisms(self, tls):
        right = {name: postfix.token() if name in TOKENS else postfix.PASSWORD for name in postfix.MECHANISMS}
        wrong = {name: postfix.token(key=b"another") if name in TOKENS else "wrong-password"
                 for name in postfix.MECHANISMS}
        entries = [self.entry("auto", tls, "auto", postfix.PASSWORD), self.entry("auto-wrong", tls, "auto", "wrong-one")]
        for name in postfix.MECHANISMS:
            auth = name.lower()
            entries.append(self.entry(auth, tls, auth, right[name]))
            entries.append(self.entry(f"{auth}-wrong", tls, auth, wrong[name]))
            entries.append(self.entry(f"{auth}-nobody", tls, auth, right[name], user="nobody@example.com"))
        self.seen = 0
        self.start(entries)
        self.assertLogin(self.send("auto"), "SCRAM-SHA-256")
        self.assertRefused(self.send("auto-wrong"), "SCRAM-SHA-256")
        for name in postfix.MECHANISMS:
            with self.subTest(tls=tls, mechanism=name):
                auth = name.lower()
                self.assertLogin(self.send(auth), name)
                refused = self.send(f"{auth}-wrong")
                self.assertRefused(refused, name)
                if name in TOKENS:
                    self.assertIn('it explained: {"status":', refused.json["detail"])
                self.assertRefused(self.send(f"{auth}-nobody"), name)
        self.assertNoSecret(*right.values(), *wrong.values())

    def test_starttls(self):
        self.check_mechanisms("starttls")

    def test_implicit(self):
        self.check_mechanisms("implicit")

    def test_long_tokens(self):
        """RFC 4954 4: too long for the command's line, not for a response's."""
        tokens = [postfix.token(padding=length) for length in (300, 3000, 6000)]
        self.assertGreater(len(tokens[-1]), 8192)
        entries = []
        for number, token in enumerate(tokens):
            file = self.bench.dir / f"token{number}"
            file.write_text(token)
            entries += [self.entry(f"{auth}-{number}", "starttls", auth, str(file), key="password_file")
                        for auth in ("xoauth2", "oauthbearer")]
        self.start(entries)
        self.seen = 0
        for auth in ("xoauth2", "oauthbearer"):
            for number in range(len(tokens)):
                with self.subTest(auth=auth, length=len(tokens[number])):
                    self.assertLogin(self.send(f"{auth}-{number}"), auth.upper())

    def test_password_sources(self):
        """A file, and a program that is run again after a 535."""
        secret = self.bench.dir / "secret"
        secret.write_text(postfix.token(expires=2) + "\n")
        runs = self.bench.dir / "runs"
        runs.write_text("")
        runs.chmod(0o666)
        program = self.bench.dir / "token"
        program.write_text(f'#!/bin/sh\necho run >> {runs}\ncat {secret}\n')
        program.chmod(0o755)
        password = self.bench.dir / "password"
        password.write_text(postfix.PASSWORD + "\n")
        self.start([self.entry("program", "starttls", "xoauth2", f"[{program}]", key="password_command"),
                    self.entry("file", "starttls", "auto", str(password), key="password_file")])
        self.seen = 0
        self.assertLogin(self.send("file"), "SCRAM-SHA-256")
        # An expired token, and the program knows no other.
        self.assertRefused(self.send("program"), "XOAUTH2")
        self.assertEqual(runs.read_text().count("run"), 2)
        # It is kept, refused again, and now there is a new one.
        secret.write_text(postfix.token() + "\n")
        self.assertLogin(self.send("program"), "XOAUTH2")
        self.assertEqual(runs.read_text().count("run"), 3)
        program.write_text("#!/bin/sh\nexit 7\n")
        self.assertEqual(self.send("program").status, 200)
        self.assertNoSecret(postfix.token(), postfix.PASSWORD)

    def test_not_offered(self):
        """Asked for by name and not offered: nothing weaker is taken in its place."""
        self.start([self.entry("plus", "implicit", "scram-sha-256-plus", postfix.PASSWORD)])
        answer = self.send("plus")
        self.assertProblem(answer, 502, "smtp-auth-failed")
        self.assertIn("does not offer AUTH SCRAM-SHA-256-PLUS", answer.json["detail"])
        self.assertIn("SCRAM-SHA-256", answer.json["detail"])
        self.assertEqual(self.server.logins(), [])


if __name__ == "__main__":
    if postfix.missing():
        print(postfix.missing())
        sys.exit(77)
    unittest.main()
