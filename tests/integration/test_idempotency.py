"""Idempotency-Key on /send, through nginx: nothing is delivered twice, and the first answer is told again."""

import json
import subprocess
import threading
import unittest

from harness import PROGRAM, WAIT, BenchTest, multipart, wait_until

OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("text", "t")]
HELLO = "S: 220 x\nC: EHLO *\nS: 250 x\n"
RCPT = HELLO + "C: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\n"
END = "C?: RSET\nC?: QUIT\nREAD-UNTIL-EOF\n"


class Idempotency(BenchTest):
    def start(self, port, more="", server=""):
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {port}, tls: none, pool: {{size: 0}}{server}}}\n{OPEN}{more}")
        self.bench.start_nginx()

    def start_with_mail(self, more=""):
        self.mail = self.bench.start_mail_server()
        self.start(self.mail.port, more)

    def send(self, key, *fields, headers=None):
        return self.bench.send(*(fields or FIELDS), headers={"Idempotency-Key": key, **(headers or {})})

    def assertReplay(self, answer, first):
        self.assertEqual((answer.status, answer.body), (first.status, first.body))
        self.assertEqual(answer.headers.get("Idempotent-Replayed"), "true")
        self.assertEqual(answer.headers.get("Content-Type"), first.headers.get("Content-Type"))
        self.assertNotEqual(answer.headers["X-Request-Id"], first.headers["X-Request-Id"])

    def test_the_first_answer_again(self):
        self.start_with_mail()
        first = self.send("one")
        self.assertEqual(first.status, 200, first)
        self.assertNotIn("Idempotent-Replayed", first.headers)
        for _ in range(3):
            self.assertReplay(self.send("one"), first)  # multipart() takes another boundary each time
        self.assertEqual(len(self.mail.messages()), 1)
        other = self.send("two")
        self.assertEqual(other.status, 200, other)
        self.assertNotEqual(other.json["id"], first.json["id"])
        self.assertEqual(len(self.mail.messages()), 2)
        # without the header nothing is remembered
        self.assertNotEqual(self.bench.send(*FIELDS).json["id"], self.bench.send(*FIELDS).json["id"])
        self.bench.program.stop()
        log = [line for line in self.bench.program.output().splitlines() if "route=/send" in line]
        self.assertEqual(sum("outcome=replayed" in line for line in log), 3, log)

    def test_other_content(self):
        self.start_with_mail()
        fields = [*FIELDS, ("attachment", "f.txt", "text/plain", b"one")]
        self.assertEqual(self.send("k", *fields).status, 200)
        for other in ([*FIELDS, ("attachment", "f.txt", "text/plain", b"two")],
                      [*FIELDS, ("attachment", "g.txt", "text/plain", b"one")],
                      [*FIELDS, ("attachment", "f.txt", "text/html", b"one")],
                      FIELDS, [*fields, ("cc", "c@example.com")], list(reversed(fields))):
            answer = self.send("k", *other)
            self.assertProblem(answer, 422, "idempotency-key-reused")
        self.assertEqual(len(self.mail.messages()), 1)

    def test_the_same_in_another_encoding(self):
        self.start_with_mail()
        first = self.send("k")
        answer = self.bench.request("POST", "/send", json.dumps(dict(FIELDS)),
                                    {"Content-Type": "application/json", "Idempotency-Key": "k"})
        self.assertReplay(answer, first)
        answer = self.bench.request("POST", "/send", "from=a%40example.com&to=b@example.com&text=%74",
                                    {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "k"})
        self.assertReplay(answer, first)

    def test_a_spilled_file(self):
        self.start_with_mail("limits: {memory_per_request: 16KiB}\n")
        large = bytes(range(256)) * 2000
        fields = [*FIELDS, ("attachment", "f.bin", "application/octet-stream", large)]
        first = self.send("k", *fields)
        self.assertEqual(first.status, 200, first)
        self.assertReplay(self.send("k", *fields), first)
        fields[-1] = (*fields[-1][:3], large[:-1] + b"x")
        self.assertProblem(self.send("k", *fields), 422, "idempotency-key-reused")

    def test_malformed_keys(self):
        self.start_with_mail()
        for key in ("", "a b", "ü".encode(), "x" * 256):
            answer = self.send(key)
            self.assertProblem(answer, 400, "invalid-field")
            self.assertEqual(answer.json["field"], "Idempotency-Key")
        for key in ("x" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "!~"):
            self.assertEqual(self.send(key).status, 200)
        self.assertEqual(len(self.mail.messages()), 3)

    def test_a_refused_request_frees_its_key(self):
        self.start_with_mail()
        self.assertProblem(self.send("k", ("form", "x")), 400, "unknown-field")
        self.assertProblem(self.send("k", ("text", "t")), 422, "missing-field")
        first = self.send("k")
        self.assertEqual(first.status, 200, first)
        self.assertProblem(self.send("k", ("form", "x")), 422, "idempotency-key-reused")

    def test_dry_runs_are_told_again(self):
        self.start_with_mail()
        first = self.send("k", *FIELDS, ("dry_run", "1"))
        self.assertEqual(first.json["status"], "dry-run")
        self.assertReplay(self.send("k", *FIELDS, ("dry_run", "1")), first)
        self.assertProblem(self.send("k"), 422, "idempotency-key-reused")
        self.assertEqual(self.mail.messages(), [])

    def test_scoped_to_the_api_key(self):
        run = subprocess.run([PROGRAM, "--new-key", "shop"], capture_output=True, timeout=WAIT, check=True)
        key, _, lines = run.stdout.decode().partition("\n")
        self.start_with_mail(lines.replace("recipients: []", 'recipients: ["*"]').replace("senders: []", 'senders: ["*"]'))
        authorization = {"Authorization": f"Bearer {key}"}
        first = self.send("k")
        second = self.send("k", headers=authorization)
        self.assertEqual((first.status, second.status), (200, 200), second)
        self.assertNotEqual(first.json["id"], second.json["id"])
        self.assertReplay(self.send("k", headers=authorization), second)
        self.assertReplay(self.send("k"), first)

    def test_none_frees_the_key(self):
        script = self.bench.start_script(
            "== 1\n" + RCPT.replace("C: RCPT *\nS: 250 ok\n", "C: RCPT *\nS: 451 4.3.0 later\n") + END
            + "== 2\n" + RCPT + "C: DATA\nS: 354 go\nDATA\nS: 250 queued\n" + END)
        self.start(script.port)
        self.assertProblem(self.send("k"), 503, "smtp-temporary")
        first = self.send("k")
        self.assertEqual((first.status, first.headers.get("Idempotent-Replayed")), (200, None), first)
        self.assertReplay(self.send("k"), first)
        script.stop()

    def test_partial_is_remembered(self):
        script = self.bench.start_script(
            RCPT + "C: RCPT *\nS: 550 5.1.1 no such user\nC: DATA\nS: 354 go\nDATA\nS: 250 queued\n" + END)
        self.start(script.port)
        fields = [FIELDS[0], ("to", "b@example.com, c@example.com"), FIELDS[2]]
        first = self.send("k", *fields)
        self.assertEqual((first.status, first.json["status"]), (200, "partial"), first)
        self.assertReplay(self.send("k", *fields), first)
        script.stop()

    def test_unknown_is_remembered(self):
        script = self.bench.start_script(RCPT + "C: DATA\nS: 354 go\nDATA\nCLOSE\n")
        self.start(script.port)
        first = self.send("k")
        self.assertProblem(first, 502, "smtp-unavailable", "unknown")
        self.assertReplay(self.send("k"), first)
        script.stop()

    def test_while_the_first_is_in_work(self):
        script = self.bench.start_script(RCPT + "C: DATA\nS: 354 go\nDATA\nWAIT 1500\nS: 250 queued\n" + END)
        self.start(script.port)
        answers = []
        first = threading.Thread(target=lambda: answers.append(self.send("k")))
        first.start()
        wait_until(lambda: "DATA" in script.transcript_file.read_text(errors="replace"), "the first request's data")
        second = self.send("k")
        other = self.send("k", *FIELDS, ("cc", "c@example.com"))
        first.join()
        self.assertProblem(second, 409, "idempotency-in-progress")
        self.assertProblem(other, 422, "idempotency-key-reused")
        self.assertEqual(answers[0].status, 200, answers)
        self.assertReplay(self.send("k"), answers[0])
        script.stop()

    def test_many_at_once(self):
        self.start_with_mail()
        answers = []
        body, kind = multipart(FIELDS)
        headers = {"Content-Type": kind, "Idempotency-Key": "k"}

        def post():
            answers.append(self.bench.request("POST", "/send", body, headers))

        threads = [threading.Thread(target=post) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.mail.messages()), 1)
        statuses = [answer.status for answer in answers]
        self.assertTrue(set(statuses) <= {200, 409}, statuses)
        self.assertIn(200, statuses)
        self.assertEqual(len({answer.body for answer in answers if answer.status == 200}), 1)

    def test_a_full_table(self):
        self.start_with_mail("idempotency: {entries: 2, keep: 1s}\n")
        first = self.send("1")
        self.assertEqual((first.status, self.send("2").status), (200, 200))
        answer = self.send("3")
        self.assertProblem(answer, 503, "overloaded")
        self.assertTrue(answer.headers.get("Retry-After"))
        self.assertEqual(self.bench.send(*FIELDS).status, 200)  # without a key there is nothing to remember
        # until the first one's time is over
        wait_until(lambda: self.send("3").status == 200, "a free entry")
        again = self.send("1")
        self.assertIn(again.status, (200, 503))
        self.assertNotIn("Idempotent-Replayed", again.headers)


if __name__ == "__main__":
    unittest.main()
