"""Hostile servers: every fault at every step of a dialogue with STARTTLS and AUTH, as the HTTP client sees it.

For each row: the answer's status, token and delivery; that no credential left before TLS; and that not more than one copy of
the mail left, over one connection alone.
"""

import base64
import unittest

from harness import BenchTest

FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]
PASSWORD = "top-secret-word"
SECRETS = [PASSWORD, base64.b64encode(PASSWORD.encode()).decode().rstrip("="),
           base64.b64encode(f"\0u\0{PASSWORD}".encode()).decode().rstrip("=")]

# What is awaited, and the answer that a sound server gives.
STEPS = [
    ("greeting", "", "S: 220 mail.test ESMTP"),
    ("EHLO", "C: EHLO *", "S: 250-mail.test\nS: 250 STARTTLS"),
    ("STARTTLS", "C: STARTTLS", "S: 220 go ahead\nTLS"),
    ("EHLO", "C: EHLO *", "S: 250-mail.test\nS: 250 AUTH PLAIN"),
    ("AUTH", "C: AUTH PLAIN *", "S: 235 2.7.0 welcome"),
    ("MAIL", "C: MAIL FROM:<a@example.com>*", "S: 250 2.1.0 Ok"),
    ("RCPT", "C: RCPT TO:<b@example.com>*", "S: 250 2.1.5 Ok"),
    ("DATA", "C: DATA", "S: 354 go ahead"),
    ("end of data", "DATA", "S: 250 2.0.0 queued"),
]

LOST = {(502, "smtp-unavailable")}
BROKEN = {(502, "smtp-protocol-error")}
LATE = {(504, "smtp-timeout")}
TLS = {(502, "smtp-tls-failed")}
BUSY = {(503, "smtp-temporary")}

# name, what the server does instead of answering, the answers that may come of it. In the place of STARTTLS' 220 the failure may
# be called one of TLS.
FAULTS = [
    ("closes", "CLOSE", LOST),
    ("resets", "RESET", LOST),
    ("half a reply", "PART: 25\nCLOSE", LOST),
    ("421", "S: 421 4.3.2 shutting down\nREAD-UNTIL-EOF", BUSY),
    ("no reply at all", "S: what?\nREAD-UNTIL-EOF", BROKEN),
    ("a NUL", 'RAW "250 a\\0b\\r\\n"\nREAD-UNTIL-EOF', BROKEN),
    ("mixed codes", 'RAW "250-a\\r\\n251 b\\r\\n"\nREAD-UNTIL-EOF', BROKEN),
    ("100,000 lines", "LINES 100000 250-line\nREAD-UNTIL-EOF", BROKEN),
    ("1 MiB without an end", "OCTETS 1048576\nREAD-UNTIL-EOF", BROKEN),
    ("an octet now and then, for ever", 'DRIP 100 "250-' + "x" * 200 + '"\nSTALL', LATE),
]


def scenario(at, fault):
    """The dialogue up to the step `at`, where the fault comes instead of the answer."""
    lines = []
    for number, (_, awaited, answer) in enumerate(STEPS):
        lines.append(awaited)
        if number == at:
            lines.append(fault)
            break
        lines.append(answer)
    return "\n".join(lines) + "\n"


class Hostile(BenchTest):
    def start(self, scenarios):
        """One entry of servers: for each scenario."""
        ca = self.bench.certificates()
        scripts = [self.bench.start_script(text, "--cert-dir", ca) for text in scenarios]
        entries = "".join(
            f"  row{number}: {{host: localhost, port: {script.port}, tls: starttls, ca_file: {ca}/ca.pem, user: u, "
            f"password: {PASSWORD}, timeouts: {{total: 2s}}, pool: {{size: 0}}}}\n" for number, script in enumerate(scripts))
        names = ", ".join(f"row{number}" for number in range(len(scripts)))
        self.bench.start_program(f"server: row0\nservers:\n{entries}"
                                 f'allow: {{recipients: ["*"], senders: ["*"], servers: [{names}]}}\n')
        self.bench.start_nginx()
        return scripts

    def check_script(self, script):
        """What left: at most one mail, no secret in clear, nothing that the scenario did not await."""
        transcript = script.stop()
        before_tls = transcript.split("* tls ")[0]
        for secret in SECRETS:
            self.assertNotIn(secret, before_tls)
        self.assertLessEqual(len(list(script.dir.glob("message-*.eml"))), 1)

    def check_answer(self, answer, allowed, delivery):
        self.assertIn((answer.status, answer.token), allowed, answer)
        self.assertEqual(answer.json["delivery"], delivery, answer)
        for secret in SECRETS:
            self.assertNotIn(secret, str(answer.body))

    def check_rows(self, rows):
        """rows: name, scenario, allowed answers, delivery."""
        scripts = self.start([row[1] for row in rows])
        for number, (name, _, allowed, delivery) in enumerate(rows):
            with self.subTest(name):
                answer = self.bench.send(*FIELDS, ("server", f"row{number}"))
                self.check_answer(answer, allowed, delivery)
                self.check_script(scripts[number])
        for secret in SECRETS:
            self.assertNotIn(secret, self.bench.program.output())

    def test_every_fault_at_every_step(self):
        for fault, action, allowed in FAULTS:
            rows = []
            for at, (step, _, _) in enumerate(STEPS):
                expected = set(allowed)
                if step == "STARTTLS":
                    expected |= TLS
                if step == "EHLO" and fault == "421":
                    expected |= LOST
                well_formed = fault == "421"
                unknown = step == "end of data" and not well_formed
                rows.append((f"{fault}, at {step} ({at})", scenario(at, action), expected, "unknown" if unknown else "none"))
            with self.subTest(fault):
                self.check_rows(rows)
            self.bench.stop_program()

    def test_other_tricks(self):
        starttls = 2
        to_data = scenario(7, "")
        rows = [
            ("octets behind STARTTLS' 220", scenario(starttls, 'RAW "220 go\\r\\n250 injected\\r\\n"\nREAD-UNTIL-EOF'), TLS, "none"),
            ("STARTTLS stripped from EHLO", "S: 220 x\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH PLAIN\nREAD-UNTIL-EOF\n", TLS,
             "none"),
            ("AUTH offered before TLS alone", scenario(3, "S: 250 mail.test\nREAD-UNTIL-EOF").replace(
                "S: 250 STARTTLS", "S: 250-AUTH PLAIN LOGIN\nS: 250 STARTTLS"), {(502, "smtp-auth-failed")}, "none"),
            ("control characters", scenario(5, 'RAW "550 5.7.1 \\x1b[2Jevil\\x07\\r\\n"\nREAD-UNTIL-EOF'),
             {(422, "message-refused")}, "none"),
            ("354 missing", scenario(7, "S: 250 2.0.0 sure\nREAD-UNTIL-EOF"), BROKEN, "none"),
            ("a reply too many behind RCPT", scenario(6, 'RAW "250 2.1.5 Ok\\r\\n250 2.0.0 extra\\r\\n"\nREAD-UNTIL-EOF'), BROKEN,
             "none"),
            ("a reply before its command", scenario(4, 'RAW "235 2.7.0 welcome\\r\\n250 2.1.0 Ok\\r\\n"\nREAD-UNTIL-EOF'), BROKEN, "none"),
            ("a reply to the data before its end", to_data + 'RAW "354 go\\r\\n250 2.0.0 queued\\r\\n"\nREAD-UNTIL-EOF\n',
             BROKEN, None),
        ]
        scripts = self.start([row[1] for row in rows])
        for number, (name, _, allowed, delivery) in enumerate(rows):
            with self.subTest(name):
                answer = self.bench.send(*FIELDS, ("server", f"row{number}"))
                self.check_answer(answer, allowed, delivery or answer.json["delivery"])
                self.assertNotIn("\x1b", answer.json["detail"])
                self.check_script(scripts[number])
        self.assertNotIn("\x1b", self.bench.program.output())


if __name__ == "__main__":
    unittest.main()
