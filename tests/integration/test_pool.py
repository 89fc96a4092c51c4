"""Warm sessions, seen from HTTP: what the client is answered, and how often the mail left."""

import concurrent.futures
import unittest

from harness import BenchTest, wait_until

FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
HELLO = "S: 220 mail.test ESMTP\nC: EHLO *\nS: 250 mail.test\n"
MAIL = "C: MAIL FROM:<a@example.com>*\nS: 250 2.1.0 Ok\n"
RCPT = "C: RCPT TO:<b@example.com>*\nS: 250 2.1.5 Ok\n"
DATA = "C: DATA\nS: 354 go ahead\n"
ONE = MAIL + RCPT + DATA + "DATA\nS: 250 2.0.0 queued\n"
QUIT = "C: QUIT\nWAIT-EOF\n"

# What the second mail meets on the warm session, where it is then given to a new one.
STALE = [
    ("421 while idle", "S: 421 4.4.2 idle\nWAIT-EOF\n"),
    ("closed while idle", "CLOSE\n"),
    ("421 for MAIL", "C: MAIL *\nS: 421 4.4.2 idle\nCLOSE\n"),
    ("451 for MAIL and EOF", "C: MAIL *\nS: 451 4.4.2 idle\nCLOSE\n"),
    ("EOF for MAIL", "C: MAIL *\nCLOSE\n"),
    ("reset for RCPT", MAIL + "C: RCPT *\nRESET\n"),
    ("EOF for DATA", MAIL + RCPT + "C: DATA\nCLOSE\n"),
]

# The same where it is not. name, steps, status, token, delivery, messages that left
FINAL = [
    ("550 for MAIL", "C: MAIL *\nS: 550 5.7.1 no\n" + QUIT, 422, "message-refused", "none", 1),
    ("451 for MAIL", "C: MAIL *\nS: 451 4.7.1 later\nC: RSET\nS: 250 ok\n" + QUIT, 503, "smtp-temporary", "none", 1),
    ("421 for DATA", MAIL + RCPT + "C: DATA\nS: 421 bye\nCLOSE\n", 503, "smtp-temporary", "none", 1),
    ("garbage for MAIL", "C: MAIL *\nS: hello\nWAIT-EOF\n", 502, "smtp-protocol-error", "none", 1),
    ("250 for DATA", MAIL + RCPT + "C: DATA\nS: 250 ok\nWAIT-EOF\n", 502, "smtp-protocol-error", "none", 1),
    ("554 for the message", MAIL + RCPT + DATA + "DATA\nS: 554 5.6.0 no\nC: RSET\nS: 250 ok\n" + QUIT, 422,
     "message-refused", "none", 2),
    ("EOF for the message", MAIL + RCPT + DATA + "DATA\nCLOSE\n", 502, "smtp-unavailable", "unknown", 2),
    ("reset for the message", MAIL + RCPT + DATA + "DATA\nRESET\n", 502, "smtp-unavailable", "unknown", 2),
    ("garbage for the message", MAIL + RCPT + DATA + "DATA\nS: hello\nWAIT-EOF\n", 502, "smtp-protocol-error", "unknown", 2),
]


class Pool(BenchTest):
    def start(self, scenario, pool="{}"):
        self.script = self.bench.start_script(scenario)
        self.serve(self.script.port, pool)

    def serve(self, port, pool, workers=1):
        """A session returns to the pool behind the answer: one worker cannot be overtaken by the next request."""
        self.bench.start_program(
            f"server: {{host: 127.0.0.1, port: {port}, tls: none, pool: {pool}}}\nworkers: {workers}\n{OPEN}")
        self.bench.start_nginx()

    def send(self):
        answer = self.bench.send(*FIELDS)
        self.assertEqual((answer.status, answer.json["status"]), (200, "sent"), answer)
        self.assertEqual(answer.json["accepted"], ["b@example.com"])

    def stop(self):
        """The transcript once the program has closed its pool."""
        self.bench.stop_program()
        return self.script.stop()

    def test_many_mails_one_session(self):
        self.start("== 1\n" + HELLO + ONE * 5 + QUIT)
        for _ in range(5):
            self.send()
        transcript = self.stop()
        self.assertEqual(transcript.count("S: 250 2.0.0 queued"), 5)
        self.assertEqual(transcript.count("C: QUIT"), 1)  # when the program ends

    def test_no_pool(self):
        self.start("== 1\n" + HELLO + ONE + QUIT + "== 2\n" + HELLO + ONE + QUIT, "{size: 0}")
        self.send()
        self.send()
        self.stop()

    def test_overrides_never_use_it(self):
        self.script = self.bench.start_script("== 1\n" + HELLO + ONE * 2 + QUIT + "== *\n" + HELLO + ONE + QUIT)
        self.bench.start_program(
            f"server: {{host: 127.0.0.1, port: {self.script.port}, tls: none}}\nworkers: 1\nallow: {{recipients: [\"*\"], "
            f"senders: [\"*\"], override: [server, port, tls], hosts: [127.0.0.1], ports: [{self.script.port}]}}\n")
        self.bench.start_nginx()
        self.send()
        port = ("port", str(self.script.port))
        for fields in ([port], [("tls", "none")], [("server", "127.0.0.1"), port, ("tls", "none")]):
            answer = self.bench.send(*FIELDS, *fields)
            self.assertEqual(answer.status, 200, answer)
        self.send()
        self.assertEqual(self.stop().count("S: 250 2.0.0 queued"), 5)

    def test_max_messages(self):
        self.start("== 1\n" + HELLO + ONE * 2 + QUIT + "== 2\n" + HELLO + ONE + QUIT, "{max_messages: 2}")
        for _ in range(3):
            self.send()
        self.stop()

    def test_idle(self):
        self.start("== 1\n" + HELLO + ONE + QUIT, "{idle: 200ms}")
        self.send()
        # No second mail comes, and yet the session is closed.
        wait_until(lambda: "C: QUIT" in self.script.transcript_file.read_text(), "QUIT")
        self.stop()

    def test_stale_sessions_are_not_noticed(self):
        for name, steps in STALE:
            with self.subTest(name):
                self.start("== 1\n" + HELLO + ONE + steps + "== 2\n" + HELLO + ONE + QUIT)
                self.send()
                self.send()
                transcript = self.stop()
                self.assertEqual(transcript.count("* data"), 2)

    def test_failures_are_final(self):
        for name, steps, status, token, delivery, messages in FINAL:
            with self.subTest(name):
                self.start("== 1\n" + HELLO + ONE + steps)  # a second connection would be a failure
                self.send()
                self.assertProblem(self.bench.send(*FIELDS), status, token, delivery)
                transcript = self.stop()
                self.assertEqual(transcript.count("* data"), messages)

    def test_many_at_once(self):
        mail = self.bench.start_mail_server()
        self.serve(mail.port, "{size: 2, idle: 50ms, max_messages: 3}", workers=8)
        with concurrent.futures.ThreadPoolExecutor(8) as executor:
            answers = list(executor.map(lambda _: self.bench.send(*FIELDS), range(80)))
        self.assertEqual([answer.status for answer in answers], [200] * 80)
        self.assertEqual(len(mail.messages()), 80)


if __name__ == "__main__":
    unittest.main()
