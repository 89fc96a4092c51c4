"""AUTH without TLS to a server that is not this machine by its address: in a network namespace of our own."""

import os
import sys
import unittest

from harness import BenchTest

ADDRESS = "192.0.2.1"  # RFC 5737: nobody's
FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]
HELLO = "S: 220 mail ESMTP\nC: EHLO *\nS: 250-mail\nS: 250 AUTH {}\n"
DELIVER = ("S: 235 ok\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 queued\n"
           "C: QUIT\nWAIT-EOF\n")


class Cleartext(BenchTest):
    def send(self, auth, scenario, more=""):
        script = self.bench.start_script(scenario, "--listen", ADDRESS)
        self.bench.start_program(
            f"server: {{host: {ADDRESS}, port: {script.port}, tls: none, user: user, password: password, auth: {auth}, "
            f"pool: {{size: 0}}{more}}}\nallow: {{recipients: [\"*\"], senders: [\"*\"]}}\n")
        self.bench.start_nginx()
        answer = self.bench.send(*FIELDS)
        self.bench.stop_program()
        script.stop()
        return answer

    def test_refused(self):
        """What shows the secret is refused by us, before a word of it has left."""
        for auth in ("plain", "login", "xoauth2", "oauthbearer", "auto"):
            with self.subTest(auth=auth):
                answer = self.send(auth, HELLO.format("PLAIN LOGIN XOAUTH2 OAUTHBEARER") + "C: QUIT\nWAIT-EOF\n")
                self.assertProblem(answer, 502, "smtp-auth-failed")
                self.assertIn("connected without TLS", answer.json["detail"])

    def test_proofs(self):
        """What only proves that we know it is not; and CRAM-MD5 comes before PLAIN here."""
        answer = self.send("auto", HELLO.format("PLAIN LOGIN CRAM-MD5") +
                           "C: AUTH CRAM-MD5\nS: 334 PDEyMz4=\nC: *\n" + DELIVER)
        self.assertEqual(answer.status, 200, answer)
        answer = self.send("auto", HELLO.format("PLAIN CRAM-MD5 SCRAM-SHA-256") +
                           "C: AUTH SCRAM-SHA-256 biws*\nS: 535 5.7.8 no\nC: QUIT\nWAIT-EOF\n")
        self.assertProblem(answer, 502, "smtp-auth-failed")

    def test_allowed(self):
        answer = self.send("auto", HELLO.format("PLAIN") + "C: AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\n" + DELIVER,
                           ", allow_cleartext_auth: true")
        self.assertEqual(answer.status, 200, answer)


if __name__ == "__main__":
    if "FCGI_SMTP_NAMESPACE" not in os.environ:
        if os.getuid() != 0:
            print("a network namespace needs root")
            sys.exit(77)
        os.environ["FCGI_SMTP_NAMESPACE"] = "1"
        script = f'ip link set lo up && ip address add {ADDRESS}/32 dev lo && exec "$0" -B "$@"'
        os.execvp("unshare", ["unshare", "--net", "sh", "-c", script, sys.executable, *sys.argv])
    unittest.main()
