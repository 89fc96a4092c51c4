"""POST /send with application/json, through nginx to a real SMTP server."""

import base64
import email
import email.policy
import json
import unittest

from harness import BenchTest

OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
LEAST = {"from": "a@example.com", "to": "b@example.com", "text": "t"}


def file(content, name=None, kind=None):
    value = {"content": base64.b64encode(content).decode()}
    return {**value, **({"filename": name} if name else {}), **({"type": kind} if kind else {})}


class Json(BenchTest):
    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        self.start()

    def start(self, **options):
        self.bench.start_program(
            f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n{OPEN}"
            "limits: {json: 200KiB, request: 1MiB, field: 4KiB, header_value: 1KiB, recipients: 4, fields: 20}\n")
        self.bench.start_nginx(**options)

    def post(self, value, kind="application/json", **headers):
        body = value if isinstance(value, (str, bytes)) else json.dumps(value)
        return self.bench.request("POST", "/send", body, {"Content-Type": kind, **headers})

    def arrived(self):
        (message,) = self.mail.messages()
        parsed = email.message_from_bytes(message["content"], policy=email.policy.default)
        return message, parsed

    def test_every_kind_of_field(self):
        report = bytes(range(256)) * 300
        logo = b"\x89PNG\r\n"
        answer = self.post({
            "from": "Zoë <a@example.com>", "reply_to": ["r1@example.com", "r2@example.com"],
            "to": ["t1@example.com", "t2@example.com"], "cc": "c@example.com", "bcc": None, "subject": "Grüße ☃",
            "text": "plain ü\n", "html": "<img src=\"cid:logo.png\">", "h:X-Own": ["own ü", "again"],
            "message_id": "<own@id.example>", "attachment": [file(report, "Bericht ü.pdf", "application/pdf"),
                                                            file(b"", "empty.txt", "text/plain")],
            "inline": file(logo, "logo.png", "image/png")})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual((answer.json["status"], answer.json["id"]), ("sent", "<own@id.example>"))
        message, parsed = self.arrived()
        self.assertEqual(message["rcpt_tos"], ["t1@example.com", "t2@example.com", "c@example.com"])
        self.assertEqual(parsed["from"].addresses[0].display_name, "Zoë")
        self.assertEqual(len(parsed["reply-to"].addresses), 2)
        self.assertEqual(parsed["subject"], "Grüße ☃")
        self.assertEqual(parsed.get_all("x-own"), ["own ü", "again"])
        self.assertEqual(parsed.get_body(("plain",)).get_content().strip(), "plain ü")
        first, second = parsed.iter_attachments()
        self.assertEqual((first.get_filename(), first.get_content_type(), first.get_content()),
                         ("Bericht ü.pdf", "application/pdf", report))
        self.assertEqual((second.get_filename(), second.get_content()), ("empty.txt", ""))
        images = [part for part in parsed.walk() if part.get_content_type() == "image/png"]
        self.assertEqual([image.get_content() for image in images], [logo])

    def test_texts_as_files(self):
        answer = self.post({**LEAST, "text": file("Grüße\n".encode("latin1"), "t.txt", "text/plain; charset=iso-8859-1"),
                            "_charset_": "koi8-r", "subject": "ü"})
        self.assertEqual(answer.status, 200, answer)
        _, parsed = self.arrived()
        self.assertEqual(parsed.get_body().get_content().strip(), "Grüße")
        self.assertEqual(parsed["subject"], "ü")

    def test_a_whole_message(self):
        whole = b"From: a@example.com\r\nTo: b@example.com\r\nSubject: whole\r\n\r\nbody\r\n"
        for value in (whole.decode(), file(whole), file(whole, "m.eml", "message/rfc822")):
            answer = self.post({"message": value})
            self.assertEqual(answer.status, 200, answer)
        self.assertEqual(len(self.mail.messages()), 3)

    def test_numbers_and_booleans(self):
        answer = self.post({**LEAST, "dry_run": True, "subject": 42})
        self.assertEqual((answer.status, answer.json["status"]), (200, "dry-run"), answer)
        self.assertIn("Subject: 42\r\n", answer.json["headers"])
        self.assertEqual(self.post({**LEAST, "dry_run": 1}).json["status"], "dry-run")
        self.assertEqual(self.post({**LEAST, "dry_run": "1"}).json["status"], "dry-run")
        self.assertEqual(self.mail.messages(), [])
        self.assertEqual(self.post({**LEAST, "dry_run": False}).json["status"], "sent")
        answer = self.post({**LEAST, "port": 587})
        self.assertProblem(answer, 403, "override-not-allowed")
        self.assertEqual(answer.json["field"], "$.port")
        answer = self.post({**LEAST, "port": 99999})
        self.assertProblem(answer, 400, "invalid-field")
        self.assertEqual(answer.json["field"], "$.port")
        answer = self.post({**LEAST, "port": 587.5})
        self.assertProblem(answer, 400, "malformed-form")
        self.assertEqual(answer.json["field"], "$.port")

    def test_errors_name_the_path(self):
        answer = self.post({"from": "nobody", "to": ["a@example.com", "a@b@c"], "subjcet": "x", "dry_run": "maybe",
                            "text": ["1", "2"], "attachment": "no file", "cc": file(b"c@example.com", "f"),
                            "message_id": "x", "h:Bcc": ["x@example.com"], "sender": "x@example.com, y@example.com"})
        self.assertProblem(answer, 400, "invalid-field")
        self.assertEqual({error["field"] for error in answer.json["errors"]},
                         {"$.from", "$.to[1]", "$.subjcet", "$.dry_run", "$.text[1]", "$.attachment", "$.cc",
                          "$.message_id", "$['h:Bcc'][0]", "$.sender"})
        details = {error["field"]: error["detail"] for error in answer.json["errors"]}
        self.assertIn("base64", details["$.attachment"])
        self.assertIn('"subject"', details["$.subjcet"])
        for value, path in (({**LEAST, "to": ["a@example.com", {}]}, "$.to[1].content"),
                            ({**LEAST, "attachment": [file(b"x", "f"), {"content": "!"}]}, "$.attachment[1].content"),
                            ({**LEAST, "attachment": {"name": "x", "content": ""}}, "$.attachment.name"),
                            ({**LEAST, "to": [["x"]]}, "$.to[0]"), ({**LEAST, "to": [None]}, "$.to[0]")):
            with self.subTest(path=path):
                answer = self.post(value)
                self.assertProblem(answer, 400, "malformed-form")
                self.assertEqual(answer.json["field"], path)
                self.assertIn(path, answer.json["detail"])
        answer = self.post({**LEAST, "form": "x"})
        self.assertProblem(answer, 400, "unknown-field")
        self.assertEqual(answer.json["field"], "$.form")
        answer = self.post({"to": "b@example.com", "text": "t"})
        self.assertProblem(answer, 422, "missing-field")
        self.assertEqual(answer.json["field"], "$.from")
        answer = self.post({**LEAST, "h:X-A": "a\r\nBcc: evil@example.net"})
        self.assertProblem(answer, 400, "invalid-field")

    def test_malformed(self):
        for body in ("", "{", "[]", '"x"', "null", '{"to":"a","to":"b"}', '{"to":"a"}{}', b'{"to":"\xff"}', '{"to":"\\u0000"}',
                     '{"to":"\\ud800"}', "{'to':'a'}", '{"a":' + "[" * 50 + "]" * 50 + "}", "[" * 100000):
            with self.subTest(body=body[:40]):
                self.assertProblem(self.post(body), 400, "malformed-form")

    def test_limits(self):
        answer = self.post({**LEAST, "attachment": file(b"x" * 200000, "f")})
        self.assertProblem(answer, 413, "request-too-large")
        self.assertIn("multipart/form-data", answer.json["detail"])
        answer = self.post({**LEAST, "cc": "x" * 4097})
        self.assertProblem(answer, 413, "request-too-large")
        self.assertEqual(answer.json["field"], "$.cc")
        answer = self.post({**LEAST, "cc": ["c@example.com", "x" * 4097]})
        self.assertEqual(answer.json["field"], "$.cc[1]")
        self.assertProblem(self.post({**LEAST, "h:X-A": ["x"] * 20}), 413, "too-many-fields")
        self.assertProblem(self.post("[" + "1," * 90000 + "1]"), 413, "too-many-fields")
        self.assertProblem(self.post({**LEAST, "cc": [f"c{i}@example.com" for i in range(5)]}), 413, "too-many-recipients")

    def test_a_length_that_is_not_announced(self):
        self.bench.stop_program()
        self.start(buffering="off")
        for size, status in ((1000, 200), (210000, 413)):
            chunks = iter([b'{"from":"a@example.com","to":"b@example.com","text":"', b"x" * size, b'"}'])
            answer = self.bench.request("POST", "/send", chunks, {"Content-Type": "application/json"})
            self.assertEqual(answer.status, status, answer)
        self.assertProblem(answer, 413, "request-too-large")
        self.assertIn("multipart/form-data", answer.json["detail"])

    def test_media_types(self):
        self.assertEqual(self.post(LEAST, "application/json; charset=utf-8").status, 200)
        answer = self.post(LEAST, "text/json")
        self.assertProblem(answer, 415, "unsupported-media-type")
        self.assertIn("application/json", answer.json["detail"])
        self.assertProblem(self.post(LEAST, **{"Content-Encoding": "gzip"}), 415, "unsupported-media-type")
        self.assertProblem(self.post(LEAST, **{"Sec-Fetch-Site": "cross-site"}), 403, "cross-site")

    def test_passwords_are_not_told(self):
        self.assertProblem(self.post({**LEAST, "user": "u", "password": "s3cret-w0rd"}), 403, "override-not-allowed")
        self.assertProblem(self.post('{"password":"s3cret-w0rd" "s3cret-w0rd"}'), 400, "malformed-form")
        self.bench.program.stop()
        self.assertNotIn("s3cret", self.bench.program.output())


if __name__ == "__main__":
    unittest.main()
