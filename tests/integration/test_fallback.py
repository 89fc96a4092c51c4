"""A list of servers behind nginx: who gets the mail, what the log and the answer say, and what a dead server costs."""

import re
import time
import unittest

from harness import WAIT, BenchTest, free_ports, wait_until

FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]
OPEN = 'allow: {recipients: ["*"], senders: ["*"], servers: [main, backup]}\n'
HELLO = "S: 220 mail.test ESMTP\nC: EHLO *\nS: 250 mail.test\n"
END = "REPEAT 2\nC?: RSET\nC?: QUIT\nEND\nREAD-UNTIL-EOF\n"
SILENT = "== *\nSTALL\n"


class Fallback(BenchTest):
    def start(self, main, backup, more="", log=""):
        self.bench.start_program(
            f"server: [main, backup]\n{log}servers:\n"
            f"  main: {{host: 127.0.0.1, port: {main}, tls: none{more}}}\n"
            f"  backup: {{host: 127.0.0.1, port: {backup}, tls: none{more}}}\n{OPEN}")
        self.bench.start_nginx()

    def send(self):
        begun = time.monotonic()
        answer = self.bench.send(*FIELDS)
        return answer, time.monotonic() - begun

    def log_lines(self, count):
        """The last lines of requests, as dictionaries of their plain fields."""
        def lines():
            found = [line for line in self.bench.program.output().splitlines() if " outcome=" in line]
            return found if len(found) >= count else None
        return [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)) for line in wait_until(lines, "the log")]

    def test_nobody_listens_at_the_first(self):
        (dead,) = free_ports(1)
        backup = self.bench.start_mail_server()
        self.start(dead, backup.port)
        answer, _ = self.send()
        self.assertEqual((answer.status, answer.json["server"]), (200, "backup"), answer)
        self.assertEqual(len(backup.messages()), 1)
        (line,) = self.log_lines(1)
        self.assertEqual((line["outcome"], line["server"], line["level"]), ("sent", "backup", "warning"))
        self.assertIn(f"main: cannot connect to 127.0.0.1:{dead}", line["earlier"])

    def test_a_silent_server_costs_the_first_mail_its_time(self):
        main = self.bench.start_script(SILENT)
        backup = self.bench.start_mail_server()
        self.start(main.port, backup.port, ", timeouts: {greeting: 3s}, retry_after: 10m")
        answer, took = self.send()
        self.assertEqual((answer.status, answer.json["server"]), (200, "backup"), answer)
        self.assertGreaterEqual(took, 3)
        for _ in range(5):
            answer, took = self.send()
            self.assertEqual((answer.status, answer.json["server"]), (200, "backup"), answer)
            self.assertLess(took, 3)
        self.assertEqual(len(backup.messages()), 6)

    def test_the_first_comes_back(self):
        (port,) = free_ports(1)
        backup = self.bench.start_mail_server()
        self.start(port, backup.port, ", retry_after: 1s")
        self.assertEqual(self.send()[0].json["server"], "backup")
        main = self.bench.start_script(
            "== *\n" + HELLO + "REPEAT *\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 ok\n"
            "C?: RSET\nC?: QUIT\nEND\n", "--port", str(port), "--grace", "1")
        wait_until(lambda: self.send()[0].json["server"] == "main", "the first server to be tried again", WAIT)
        self.assertEqual(self.send()[0].json["server"], "main")
        self.bench.program.stop()
        main.process.stop()

    def test_a_refusal_stays(self):
        main = self.bench.start_script(HELLO + "C: MAIL *\nS: 550 5.7.1 not you\n" + END)
        backup = self.bench.start_mail_server()
        self.start(main.port, backup.port)
        answer, _ = self.send()
        self.assertProblem(answer, 422, "message-refused")
        self.assertEqual(answer.json["smtp"]["server"], "main")
        self.assertEqual(backup.messages(), [])

    def test_the_unknown_stays(self):
        main = self.bench.start_script(
            HELLO + "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nCLOSE\n")
        backup = self.bench.start_mail_server()
        self.start(main.port, backup.port)
        answer, _ = self.send()
        self.assertProblem(answer, 502, "smtp-unavailable", "unknown")
        self.assertEqual(answer.json["smtp"]["server"], "main")
        self.assertEqual(backup.messages(), [])

    def test_both_fail(self):
        (dead,) = free_ports(1)
        backup = self.bench.start_script(HELLO + "C: MAIL *\nS: 451 4.3.0 later\n" + END)
        self.start(dead, backup.port)
        answer, _ = self.send()
        self.assertProblem(answer, 503, "smtp-temporary")
        self.assertIn("Retry-After", answer.headers)
        self.assertEqual((answer.json["smtp"]["server"], answer.json["smtp"]["code"]), ("backup", 451))
        self.assertIn("451 4.3.0 later", answer.json["detail"])
        self.assertIn(f"main: cannot connect to 127.0.0.1:{dead}", answer.json["detail"])

    def test_a_named_server_stands_alone(self):
        (dead,) = free_ports(1)
        backup = self.bench.start_mail_server()
        self.start(dead, backup.port)
        answer = self.bench.send(*FIELDS, ("server", "main"))
        self.assertProblem(answer, 502, "smtp-unavailable")
        self.assertEqual(answer.json["smtp"]["server"], "main")
        self.assertEqual(backup.messages(), [])


if __name__ == "__main__":
    unittest.main()
