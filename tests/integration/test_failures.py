"""Every row of "what a failure becomes", against the scripted SMTP server: status, token, delivery, and who said what."""

import concurrent.futures
import time
import unittest

from harness import BenchTest, free_ports

FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
GREETING = "S: 220 mail.test ESMTP\nC: EHLO *\nS: 250 mail.test\n"
MAIL = GREETING + "C: MAIL FROM:<a@example.com>*\nS: 250 2.1.0 Ok\n"
RCPT = MAIL + "C: RCPT TO:<b@example.com>*\nS: 250 2.1.5 Ok\n"
DATA = RCPT + "C: DATA\nS: 354 go ahead\n"
SENT = DATA + "DATA\n"
END = "REPEAT 2\nC?: RSET\nC?: QUIT\nEND\nREAD-UNTIL-EOF\n"
AUTH = "S: 220 mail.test\nC: EHLO *\nS: 250-mail.test\nS: 250 AUTH PLAIN LOGIN\nC: AUTH PLAIN *\n"
USER = ", user: u, password: top-secret-word"

# name, scenario, settings, status, token, delivery, stage, parts of the detail
ROWS = [
    ("5yz greeting", "S: 554 5.3.2 not today\n" + END, "", 502, "smtp-unavailable", "none", "greeting", ["554", "not today"]),
    ("4yz greeting", "S: 421 4.3.2 too busy\n" + END, "", 503, "smtp-temporary", "none", "greeting", ["421", "too busy"]),
    ("EHLO and HELO refused", "S: 220 x\nC: EHLO *\nS: 502 no\nC: HELO *\nS: 550 neither\n" + END, "", 502,
     "smtp-unavailable", "none", "EHLO", ["550", "neither"]),
    ("closed before the greeting", "CLOSE\n", "", 502, "smtp-unavailable", "none", "greeting", []),
    ("closed in the greeting", "PART: 220 mai\nCLOSE\n", "", 502, "smtp-unavailable", "none", "greeting", []),
    ("reset after EHLO", "S: 220 x\nC: EHLO *\nRESET\n", "", 502, "smtp-unavailable", "none", "EHLO", []),
    ("closed after MAIL", GREETING + "C: MAIL *\nCLOSE\n", "", 502, "smtp-unavailable", "none", "MAIL", ["MAIL FROM"]),
    ("closed after RCPT", MAIL + "C: RCPT *\nCLOSE\n", "", 502, "smtp-unavailable", "none", "RCPT", ["RCPT TO"]),
    ("closed after DATA", RCPT + "C: DATA\nCLOSE\n", "", 502, "smtp-unavailable", "none", "DATA", []),
    ("STARTTLS missing", GREETING + END, ", tls: starttls", 502, "smtp-tls-failed", "none", "STARTTLS", ["STARTTLS"]),
    ("STARTTLS refused", "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 4.7.0 no TLS\n" + END,
     ", tls: starttls", 502, "smtp-tls-failed", "none", "STARTTLS", ["454", "no TLS"]),
    ("octets behind STARTTLS' 220", "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\n"
     'RAW "220 go\\r\\n250 injected\\r\\n"\nREAD-UNTIL-EOF\n', ", tls: starttls", 502, "smtp-tls-failed", "none", "STARTTLS", []),
    ("535", AUTH + "S: 535 5.7.8 bad credentials\n" + END, USER, 502, "smtp-auth-failed", "none", "AUTH",
     ["535", "bad credentials"]),
    ("454 to AUTH", AUTH + "S: 454 4.7.0 later\n" + END, USER, 503, "smtp-temporary", "none", "AUTH", ["454", "later"]),
    ("no mechanism", "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 AUTH GSSAPI\n" + END, USER, 502, "smtp-auth-failed", "none",
     "AUTH", ["GSSAPI"]),
    ("no AUTH at all", GREETING + END, USER, 502, "smtp-auth-failed", "none", "AUTH", []),
    ("530 to MAIL", GREETING + "C: MAIL *\nS: 530 5.7.0 authenticate first\n" + END, "", 502, "smtp-auth-failed", "none",
     "MAIL", ["530", "authenticate first", "MAIL FROM:<a@example.com>"]),
    ("550 to MAIL", GREETING + "C: MAIL *\nS: 550 5.1.8 bad sender\n" + END, "", 422, "message-refused", "none", "MAIL",
     ["550 5.1.8 bad sender", "MAIL FROM:<a@example.com>"]),
    ("451 to MAIL", GREETING + "C: MAIL *\nS: 451 4.3.0 later\n" + END, "", 503, "smtp-temporary", "none", "MAIL", ["451"]),
    ("550 to all RCPTs", MAIL + "C: RCPT *\nS: 550 5.1.1 no such user\n" + END, "", 422, "recipients-refused", "none",
     "RCPT", ["550 5.1.1 no such user", "RCPT TO:<b@example.com>"]),
    ("450 to all RCPTs", MAIL + "C: RCPT *\nS: 450 4.2.0 greylisted\n" + END, "", 503, "smtp-temporary", "none", "RCPT",
     ["450", "greylisted"]),
    ("554 to DATA", RCPT + "C: DATA\nS: 554 5.6.0 no data\n" + END, "", 422, "message-refused", "none", "DATA", ["554"]),
    ("451 to DATA", RCPT + "C: DATA\nS: 451 4.3.0 later\n" + END, "", 503, "smtp-temporary", "none", "DATA", ["451"]),
    ("250 to DATA", RCPT + "C: DATA\nS: 250 what\nREAD-UNTIL-EOF\n", "", 502, "smtp-protocol-error", "none", "DATA", ["250"]),
    ("554 to the data", SENT + "S: 554 5.7.1 spam\n" + END, "", 422, "message-refused", "none", "end of data",
     ["554 5.7.1 spam"]),
    ("452 to the data", SENT + "S: 452 4.3.1 disk full\n" + END, "", 503, "smtp-temporary", "none", "end of data", ["452"]),
    ("over SIZE", "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 SIZE 100\n" + END, "", 422, "message-refused", "none", "MAIL", ["100"]),
    ("garbage for a greeting", "S: hello there\nREAD-UNTIL-EOF\n", "", 502, "smtp-protocol-error", "none", "greeting",
     ["hello there"]),
    ("mixed codes", 'S: 220 x\nC: EHLO *\nRAW "250-x\\r\\n220 y\\r\\n"\nREAD-UNTIL-EOF\n', "", 502, "smtp-protocol-error",
     "none", "EHLO", []),
    ("a NUL in a reply", 'RAW "220 a\\0b\\r\\n"\nREAD-UNTIL-EOF\n', "", 502, "smtp-protocol-error", "none", "greeting", []),
    ("200 lines of a reply", "S: 220 x\nC: EHLO *\nLINES 200 250-line\nS: 250 x\nREAD-UNTIL-EOF\n", "", 502,
     "smtp-protocol-error", "none", "EHLO", []),
    ("1 MiB without an end", "OCTETS 1048576\nREAD-UNTIL-EOF\n", "", 502, "smtp-protocol-error", "none", "greeting", []),
    ("greeting stalls", "STALL\n", ", timeouts: {greeting: 300ms}", 504, "smtp-timeout", "none", "greeting", []),
    ("half a greeting stalls", "PART: 220\nSTALL\n", ", timeouts: {greeting: 300ms}", 504, "smtp-timeout", "none", "greeting", []),
    ("MAIL stalls", GREETING + "C: MAIL *\nSTALL\n", ", timeouts: {command: 300ms}", 504, "smtp-timeout", "none", "MAIL",
     ["MAIL FROM"]),
    ("a drip does not move the total deadline", 'DRIP 50 "220 ' + "x" * 400 + '"\nSTALL\n', ", timeouts: {total: 1s}", 504,
     "smtp-timeout", "none", "greeting", []),
    ("closed after the data", SENT + "CLOSE\n", "", 502, "smtp-unavailable", "unknown", "end of data", []),
    ("reset after the data", SENT + "RESET\n", "", 502, "smtp-unavailable", "unknown", "end of data", []),
    ("half a reply after the data", SENT + "PART: 25\nCLOSE\n", "", 502, "smtp-unavailable", "unknown", "end of data", []),
    ("garbage after the data", SENT + "S: fine\nREAD-UNTIL-EOF\n", "", 502, "smtp-protocol-error", "unknown", "end of data",
     ["fine"]),
    ("the data's reply stalls", SENT + "STALL\n", ", timeouts: {data: 300ms}", 504, "smtp-timeout", "unknown", "end of data", []),
]


class Failures(BenchTest):
    def test_rows(self):
        scripts = [self.bench.start_script(row[1]) for row in ROWS]
        entries = []
        for number, (row, script) in enumerate(zip(ROWS, scripts)):
            tls = "" if "tls:" in row[2] else ", tls: none"
            entries.append(f"  row{number}: {{host: 127.0.0.1, port: {script.port}{tls}{row[2]}, pool: {{size: 0}}}}\n")
        names = ", ".join(f"row{number}" for number in range(len(ROWS)))
        self.bench.start_program(f"server: row0\nservers:\n{''.join(entries)}"
                                 f'allow: {{recipients: ["*"], senders: ["*"], servers: [{names}]}}\n')
        self.bench.start_nginx()
        for number, (row, script) in enumerate(zip(ROWS, scripts)):
            name, _, _, status, token, delivery, stage, parts = row
            with self.subTest(name):
                answer = self.bench.send(*FIELDS, ("server", f"row{number}"))
                self.assertProblem(answer, status, token, delivery)
                self.assertEqual(answer.json["smtp"]["server"], f"row{number}")
                self.assertEqual(answer.json["smtp"]["stage"], stage)
                for part in [f"127.0.0.1:{script.port}", *parts]:
                    self.assertIn(part, answer.json["detail"])
                self.assertNotIn("top-secret-word", str(answer.body))
                self.assertEqual("Retry-After" in answer.headers, status == 503)
                script.stop()
        self.assertNotIn("top-secret-word", self.bench.program.output())

    def start(self, settings, port):
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {port}, tls: none{settings}, pool: {{size: 0}}}}\n{OPEN}")
        self.bench.start_nginx()

    def test_nobody_listens(self):
        (port,) = free_ports(1)
        self.start("", port)
        answer = self.bench.send(*FIELDS)
        self.assertProblem(answer, 502, "smtp-unavailable")
        self.assertEqual(answer.json["smtp"]["stage"], "connect")
        self.assertIn(f"127.0.0.1:{port}", answer.json["detail"])
        self.assertIn("refused", answer.json["detail"].lower())

    def test_no_such_host(self):
        self.bench.start_program("server: {host: no-such-host.invalid, tls: none}\n" + OPEN)
        self.bench.start_nginx()
        answer = self.bench.send(*FIELDS)
        self.assertProblem(answer, 502, "smtp-unavailable")
        self.assertIn("no-such-host.invalid", answer.json["detail"])

    def test_helo_when_ehlo_is_refused(self):
        script = self.bench.start_script(
            "S: 220 old server\nC: EHLO *\nS: 502 what\nC: HELO *\nS: 250 hello\nC: MAIL FROM:<a@example.com>\nS: 250 ok\n"
            "C: RCPT TO:<b@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 ok\nC?: QUIT\nREAD-UNTIL-EOF\n")
        self.start("", script.port)
        self.assertEqual(self.bench.send(*FIELDS).status, 200)
        script.stop()

    def test_the_total_counts_from_the_complete_request(self):
        """The second request waits for the only worker, and its time is over when it gets it."""
        script = self.bench.start_script("== *\nSTALL\n", "--grace", "1")
        self.bench.start_program("workers: 1\nserver: {host: 127.0.0.1, port: %d, tls: none, timeouts: {total: 3s}}\n%s"
                                 % (script.port, OPEN))
        self.bench.start_nginx()
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answers = [future.result() for future in [pool.submit(self.bench.send, *FIELDS) for _ in range(2)]]
        self.assertLess(time.monotonic() - begun, 5.5)
        for answer in answers:
            self.assertProblem(answer, 504, "smtp-timeout")
        self.bench.program.stop()
        script.stop()

    SOME = (MAIL + "C: RCPT TO:<b@example.com>*\nS: 550 5.1.1 no such user\nC: RCPT TO:<c@example.com>*\nS: 250 ok\n")

    def test_some_recipients_refused(self):
        script = self.bench.start_script(self.SOME + "C: DATA\nS: 354 go\nDATA\nS: 250 2.0.0 queued\nC?: QUIT\nREAD-UNTIL-EOF\n")
        self.start("", script.port)
        answer = self.bench.send(*FIELDS, ("cc", "c@example.com"))
        self.assertEqual((answer.status, answer.json["status"]), (200, "partial"), answer)
        self.assertEqual(answer.json["accepted"], ["c@example.com"])
        self.assertEqual(answer.json["rejected"], [{"address": "b@example.com", "code": 550, "enhanced": "5.1.1",
                                                    "text": "no such user", "delivery": "none"}])
        script.stop()

    def test_on_refused_abort(self):
        script = self.bench.start_script(self.SOME + END)
        self.start(", on_refused: abort", script.port)
        answer = self.bench.send(*FIELDS, ("cc", "c@example.com"))
        self.assertProblem(answer, 422, "recipients-refused")
        self.assertEqual([entry["address"] for entry in answer.json["rejected"] if entry.get("code") == 550],
                         ["b@example.com"])
        self.assertNotIn("DATA", script.stop())

    def test_dots_are_stuffed(self):
        script = self.bench.start_script(SENT + "S: 250 ok\nC?: QUIT\nREAD-UNTIL-EOF\n")
        self.start("", script.port)
        answer = self.bench.send(*FIELDS[:3], ("text", ".\r\n..\r\nx\r\n"))
        self.assertEqual(answer.status, 200, answer)
        script.stop()
        message = (script.dir / "message-1.eml").read_bytes()
        self.assertTrue(message.endswith(b"\r\n\r\n.\r\n..\r\nx\r\n"), message)

    def test_passwords_stay_off_clear_connections(self):
        """Without TLS to another host than this one PLAIN is refused by us; loopback is this one, so only the key shows."""
        script = self.bench.start_script(AUTH + "S: 235 ok\n" + MAIL.removeprefix(GREETING) +
                                         "C: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 ok\nC?: QUIT\nREAD-UNTIL-EOF\n")
        self.start(USER, script.port)
        self.assertEqual(self.bench.send(*FIELDS).status, 200)
        script.stop()

    def test_control_characters_are_escaped(self):
        script = self.bench.start_script(GREETING + 'C: MAIL *\nRAW "550 5.0.0 evil\\x1b[31m\\x07\\r\\n"\n' + END)
        self.start("", script.port)
        answer = self.bench.send(*FIELDS)
        self.assertProblem(answer, 422, "message-refused")
        self.assertNotIn("\x1b", answer.json["detail"] + answer.json["smtp"]["text"])
        self.assertNotIn("\x1b", self.bench.program.output())


if __name__ == "__main__":
    unittest.main()
