"""POST /send from curl and Python through nginx to a real SMTP server: what arrives is what was sent."""

import email
import email.policy
import json
import subprocess
import urllib.parse

from harness import BenchTest, multipart

OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'


def parse(message):
    parsed = email.message_from_bytes(message["content"], policy=email.policy.default)
    for part in parsed.walk():
        assert not part.defects, part.defects
    return parsed


class Send(BenchTest):
    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        self.start()

    def start(self, more=OPEN):
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n{more}")
        self.bench.start_nginx()

    def arrived(self):
        (message,) = self.mail.messages()
        return message, parse(message)

    def test_the_main_job_by_curl(self):
        body = self.bench.dir / "body.txt"
        body.write_text("Grüße aus Köln\nzweite Zeile\n")
        report = self.bench.dir / "report.pdf"
        report.write_bytes(bytes(range(256)) * 40)
        run = subprocess.run(
            ["curl", "-sS", "-F", "from=app@example.com", "-F", "to=you@example.com", "-F", "subject=Grüße", "-F",
             f"text=@{body}", "-F", f"attachment=@{report}", f"http://127.0.0.1:{self.bench.port}/send"],
            check=True, stdout=subprocess.PIPE)
        answer = json.loads(run.stdout)
        self.assertEqual(answer["status"], "sent")
        self.assertEqual(answer["accepted"], ["you@example.com"])
        self.assertEqual(answer["rejected"], [])
        self.assertEqual(answer["server"], "default")
        self.assertEqual((answer["reply"]["code"], answer["reply"]["enhanced"]), (250, "2.0.0"))
        message, parsed = self.arrived()
        self.assertEqual((message["mail_from"], message["rcpt_tos"]), ("app@example.com", ["you@example.com"]))
        self.assertEqual(parsed["subject"], "Grüße")
        self.assertEqual(parsed["message-id"], answer["id"])
        self.assertEqual(parsed.get_body().get_content(), "Grüße aus Köln\r\nzweite Zeile\r\n")
        (attachment,) = parsed.iter_attachments()
        self.assertEqual(attachment.get_content_type(), "application/pdf")
        self.assertEqual((attachment.get_filename(), attachment.get_content()), ("report.pdf", report.read_bytes()))

    def test_urlencoded(self):
        form = urllib.parse.urlencode({"from": "Ä Ö <app@example.com>", "to": "a@example.com, b@example.com",
                                       "cc": "c@example.com", "bcc": "dave@example.com", "subject": "x y+z", "text": "hi"})
        answer = self.bench.request("POST", "/send", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status, 200, answer)
        message, parsed = self.arrived()
        self.assertEqual(message["rcpt_tos"], [f"{name}@example.com" for name in ("a", "b", "c", "dave")])
        self.assertEqual(parsed["from"].addresses[0].display_name, "Ä Ö")
        self.assertEqual(str(parsed["to"]), "a@example.com, b@example.com")
        self.assertEqual(parsed["subject"], "x y+z")
        self.assertIsNone(parsed["bcc"])
        self.assertNotIn(b"dave", message["content"])

    def test_every_field(self):
        answer = self.bench.send(
            ("from", "A <a@example.com>, B <b@example.com>"), ("sender", "a@example.com"),
            ("reply_to", "r1@example.com"), ("reply_to", "Zoë <r2@example.com>"),
            ("to", "t1@example.com"), ("to", "t2@example.com, t1@example.com"),
            ("subject", "subject.txt", "text/plain", "from a file"), ("text", "plain"), ("html", "<p>html</p>"),
            ("h:X-Own", "own ü"), ("h:X-Own", "again"), ("message_id", "<own@id.example>"),
            ("in_reply_to", "<one@id.example>"), ("references", "<one@id.example> <two@id.example>"),
            ("date", "Fri, 21 Nov 1997 09:55:06 -0600"), ("dsn", "success, failure"), ("ret", "headers"))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["id"], "<own@id.example>")
        message, parsed = self.arrived()
        self.assertEqual(message["rcpt_tos"], ["t1@example.com", "t2@example.com"])
        self.assertEqual(message["mail_from"], "a@example.com")
        self.assertEqual([str(address) for address in parsed["from"].addresses], ["A <a@example.com>", "B <b@example.com>"])
        self.assertEqual(str(parsed["sender"]), "a@example.com")
        self.assertEqual(parsed["reply-to"].addresses[1].display_name, "Zoë")
        self.assertEqual(parsed["subject"], "from a file")
        self.assertEqual(parsed.get_content_type(), "multipart/alternative")
        self.assertEqual([part.get_content().strip() for part in parsed.iter_parts()], ["plain", "<p>html</p>"])
        self.assertEqual(parsed.get_all("x-own"), ["own ü", "again"])
        self.assertEqual(parsed["in-reply-to"].strip(), "<one@id.example>")
        self.assertEqual(parsed["references"].strip(), "<one@id.example> <two@id.example>")
        self.assertEqual(parsed["date"].datetime.isoformat(), "1997-11-21T09:55:06-06:00")

    def test_domains_are_a_labels(self):
        answer = self.bench.send(("from", "a@bücher.example"), ("to", "b@straße.example"), ("cc", "Ü <c@BÜCHER.example>"),
                                 ("text", "t"))
        self.assertEqual(answer.status, 200, answer)
        (message,) = self.mail.messages()
        self.assertEqual(message["mail_from"], "a@xn--bcher-kva.example")
        self.assertEqual(message["rcpt_tos"], ["b@xn--strae-oqa.example", "c@xn--bcher-kva.example"])
        header = message["content"].split(b"\r\n\r\n")[0]
        self.assertIn(b"From: a@xn--bcher-kva.example\r\n", header)
        self.assertIn(b"To: b@xn--strae-oqa.example\r\n", header)
        self.assertIn(b"<c@xn--bcher-kva.example>\r\n", header)

    def test_rcpt_replaces_the_envelope(self):
        answer = self.bench.send(("from", "a@example.com"), ("to", "Group: shown@example.com;"), ("rcpt", "real@example.com"),
                                 ("text", "x"))
        self.assertEqual(answer.status, 200, answer)
        message, parsed = self.arrived()
        self.assertEqual(message["rcpt_tos"], ["real@example.com"])
        self.assertEqual(parsed["to"].groups[0].display_name, "Group")

    def test_no_visible_recipient(self):
        answer = self.bench.send(("from", "a@example.com"), ("bcc", "hidden@example.com"), ("text", "x"))
        self.assertEqual(answer.status, 200, answer)
        message, parsed = self.arrived()
        self.assertEqual(message["rcpt_tos"], ["hidden@example.com"])
        self.assertEqual(str(parsed["to"]), "undisclosed-recipients:;")

    def test_null_path(self):
        answer = self.bench.send(("from", "a@example.com"), ("sender", "<>"), ("to", "b@example.com"), ("text", "x"))
        self.assertEqual(answer.status, 200, answer)
        self.assertIn(self.mail.messages()[0]["mail_from"], ("", "<>"))

    def test_an_empty_text_alone(self):
        answer = self.bench.send(("from", "a@example.com"), ("to", "b@example.com"), ("text", ""))
        self.assertEqual(answer.status, 200, answer)
        _, parsed = self.arrived()
        self.assertEqual((parsed.get_content_type(), parsed.get_content().strip()), ("text/plain", ""))

    def test_html_with_an_empty_text(self):
        answer = self.bench.send(("from", "a@example.com"), ("to", "b@example.com"), ("text", ""), ("html", "<p>x"))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.arrived()[1].get_content_type(), "text/html")

    def test_an_empty_file_input_is_ignored(self):
        answer = self.bench.send(("from", "a@example.com"), ("to", "b@example.com"), ("text", "x"),
                                 ("attachment", "", "application/octet-stream", b""))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.arrived()[1].get_content_type(), "text/plain")

    def test_another_charset(self):
        form = "from=a%40example.com&to=b%40example.com&subject=Gr%FC%DFe&text=%A4&_charset_=iso-8859-15"
        answer = self.bench.request("POST", "/send", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status, 200, answer)
        _, parsed = self.arrived()
        self.assertEqual((parsed["subject"], parsed.get_content().strip()), ("Grüße", "€"))

    def test_line_ends_and_dots(self):
        text = ".\n..\nfrom here\r\n.\rlast."
        answer = self.bench.send(("from", "a@example.com"), ("to", "b@example.com"), ("text", text))
        self.assertEqual(answer.status, 200, answer)
        message, parsed = self.arrived()
        self.assertEqual(parsed.get_content().replace("\r\n", "\n").rstrip("\n"), ".\n..\nfrom here\n.\nlast.")
        self.assertNotIn(b"\r", message["content"].replace(b"\r\n", b""))
        self.assertNotIn(b"\n", message["content"].replace(b"\r\n", b""))

    def test_dry_run(self):
        answer = self.bench.send(("from", "a@example.com"), ("to", "b@example.com"), ("subject", "trial"), ("text", "x"),
                                 ("dry_run", "1"))
        self.assertEqual((answer.status, answer.json["status"]), (200, "dry-run"), answer)
        self.assertIn("Subject: trial\r\n", answer.json["headers"])
        self.assertGreater(answer.json["size"], len(answer.json["headers"]))
        self.assertEqual(self.mail.messages(), [])

    def test_request_id_and_health(self):
        answer = self.bench.get("/healthz")
        self.assertEqual((answer.status, answer.json["status"]), (200, "ok"))
        self.assertRegex(answer.headers["X-Request-Id"], "^[0-9a-f]{32}$")
        head = self.bench.request("HEAD", "/healthz/")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(self.bench.request("GET", "/healthz?x=1").status, 200)


class Notifications(BenchTest):
    """RFC 3461: what dsn and ret become in the dialogue."""

    CASES = [
        ([("dsn", "success, failure"), ("ret", "headers")], " RET=HDRS ENVID=<1+2B2@id.example>", " NOTIFY=SUCCESS,FAILURE"),
        ([("dsn", "never")], " ENVID=<1+2B2@id.example>", " NOTIFY=NEVER"),
        ([("dsn", "delay")], " ENVID=<1+2B2@id.example>", " NOTIFY=DELAY"),
        ([("ret", "full")], " RET=FULL ENVID=<1+2B2@id.example>", ""),
        ([], "", ""),
    ]

    def check(self, capability, cases):
        for fields, mail, rcpt in cases:
            with self.subTest(fields=fields, capability=capability):
                script = self.bench.start_script(
                    f"S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 {capability}\nC: MAIL FROM:<a@example.com>{mail}\nS: 250 ok\n"
                    f"C: RCPT TO:<b@example.com>{rcpt}\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\nS: 250 ok\nC: QUIT\nWAIT-EOF\n")
                self.bench.start_program(
                    f"server: {{host: 127.0.0.1, port: {script.port}, tls: none, pool: {{size: 0}}}}\n{OPEN}")
                self.bench.start_nginx()
                answer = self.bench.send(("from", "a@example.com"), ("to", "b@example.com"), ("text", "t"),
                                         ("message_id", "<1+2@id.example>"), *fields)
                self.bench.stop_program()
                self.assertEqual(answer.status, 200, answer)
                script.stop()

    def test_offered(self):
        self.check("DSN", self.CASES)

    def test_not_offered(self):
        self.check("HELP", [(fields, "", "") for fields, _, _ in self.CASES[:2]])


class Problems(BenchTest):
    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n"
                                 "limits: {request: 1MiB, fields: 20, field: 4KiB, header_value: 1KiB, text: 8KiB, recipients: 3}\n"
                                 + OPEN)
        self.bench.start_nginx()

    def tearDown(self):
        self.assertEqual(self.mail.messages(), [])

    FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]

    def test_routes(self):
        self.assertProblem(self.bench.get("/nothing"), 404, "no-such-route")
        self.assertProblem(self.bench.get("/sendx"), 404, "no-such-route")
        answer = self.bench.get("/send")
        self.assertProblem(answer, 405, "method-not-allowed")
        self.assertEqual(answer.headers["Allow"], "POST")
        answer = self.bench.request("POST", "/healthz", "x")
        self.assertProblem(answer, 405, "method-not-allowed")
        self.assertEqual(answer.headers["Allow"], "GET, HEAD")

    def test_media_types(self):
        for kind in ("text/plain", "application/xml", "", "multipart/mixed; boundary=x"):
            headers = {"Content-Type": kind} if kind else {}
            answer = self.bench.request("POST", "/send", b"to=b%40example.com", headers)
            self.assertProblem(answer, 415, "unsupported-media-type")
        answer = self.bench.request("POST", "/send", b"to=b%40example.com",
                                    {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"})
        self.assertProblem(answer, 415, "unsupported-media-type")

    def test_order_of_checks(self):
        """The media type, the coding, the announced length, the body: what is found first is what is said."""
        huge, gzip = {"Content-Length": str(64 * 1024 * 1024)}, {"Content-Encoding": "gzip"}
        no_boundary, text = {"Content-Type": "multipart/form-data"}, {"Content-Type": "text/plain"}
        for headers, status, token in (({**text, **gzip}, 415, "unsupported-media-type"),
                                       ({**no_boundary, **gzip}, 415, "unsupported-media-type"),
                                       (no_boundary, 400, "malformed-form")):
            self.assertProblem(self.bench.request("POST", "/send", b"x", headers), status, token)
        # nothing of the announced body is sent
        answer = self.bench.request("POST", "/send", b"", {**no_boundary, **huge})
        self.assertEqual(answer.status, 413, answer)
        # a value that is wrong comes before one that is not allowed
        answer = self.bench.send(*self.FIELDS, ("tls", "none"), ("port", "x"))
        self.assertProblem(answer, 400, "invalid-field")
        self.assertEqual([error["field"] for error in answer.json["errors"]], ["port"])

    def test_other_origins_in_a_browser(self):
        for site in ("cross-site", "same-site"):
            answer = self.bench.send(*self.FIELDS, headers={"Sec-Fetch-Site": site})
            self.assertProblem(answer, 403, "cross-site")

    def test_malformed_forms(self):
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        for body in (b"", b"--x\r\n", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--x\r\n",
                     b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nunterminated", b"nothing"):
            self.assertProblem(self.bench.request("POST", "/send", body, kind), 400, "malformed-form")
        self.assertProblem(self.bench.request("POST", "/send", b"x", {"Content-Type": "multipart/form-data"}), 400,
                           "malformed-form")

    def test_limits(self):
        cases = [
            (self.FIELDS + [("attachment", "f", "text/plain", b"x" * (1 << 20))], "request-too-large", None),
            (self.FIELDS[:3] + [("text", "x" * 8193)], "request-too-large", "text"),
            (self.FIELDS + [("subject", "x" * 1025)], "request-too-large", "subject"),
            (self.FIELDS + [("cc", "x" * 4097)], "request-too-large", "cc"),
            (self.FIELDS + [("h:X-A", "x")] * 20, "too-many-fields", None),
            (self.FIELDS + [("cc", "c@example.com,d@example.com"), ("bcc", "e@example.com")], "too-many-recipients", None),
            (self.FIELDS + [("cc", "c@x.example,d@x.example,e@x.example,f@x.example")], "too-many-recipients", "cc"),
        ]
        for fields, token, field in cases:
            with self.subTest(token=token, field=field):
                answer = self.bench.send(*fields)
                self.assertProblem(answer, 413, token)
                self.assertEqual(answer.json.get("field"), field)

    def test_all_bad_fields_at_once(self):
        answer = self.bench.send(("from", "nobody"), ("to", "a@b@c"), ("subjcet", "x"), ("dry_run", "maybe"), ("text", "1"),
                                 ("body", "2"), ("attachment", "no file"), ("cc", "f.txt", "text/plain", b"c@example.com"))
        self.assertProblem(answer, 400, "invalid-field")
        errors = {error["field"]: error["detail"] for error in answer.json["errors"]}
        self.assertEqual(set(errors), {"from", "to", "subjcet", "dry_run", "body", "attachment", "cc"})
        self.assertIn("subject", errors["subjcet"])
        self.assertIn("nobody", errors["from"])
        self.assertIn("a@b@c", errors["to"])

    def test_unknown_fields(self):
        answer = self.bench.send(*self.FIELDS, ("form", "x"))
        self.assertProblem(answer, 400, "unknown-field")
        self.assertEqual(answer.json["field"], "form")
        self.assertIn('"from"', answer.json["detail"])

    def test_bad_values(self):
        cases = [
            (("subject", "again"), "subject"),
            (("h:Bcc", "x@example.com"), "h:Bcc"),
            (("h:Content-Type", "text/html"), "h:Content-Type"),
            (("h:Received", "x"), "h:Received"),
            (("h:X Y", "x"), "h:X Y"),
            (("message_id", "nonsense"), "message_id"),
            (("in_reply_to", "<a@b> x"), "in_reply_to"),
            (("date", "yesterday"), "date"),
            (("dsn", "sometimes"), "dsn"),
            (("dsn", "never,success"), "dsn"),
            (("ret", "body"), "ret"),
            (("sender", "x@example.com, y@example.com"), "sender"),
            (("reply_to", b"\xff@example.com"), "reply_to"),
            (("h:X-A", b"a\x00b"), "h:X-A"),
            (("_charset_", "klingon"), "_charset_"),
        ]
        for field, blamed in cases:
            with self.subTest(field=field):
                answer = self.bench.send(*self.FIELDS, field)
                self.assertProblem(answer, 400, "invalid-field")
                self.assertEqual(answer.json["field"], blamed)

    def test_bad_texts(self):
        for content in (b"a\x00b", b"\xff\xfe"):
            answer = self.bench.send(*self.FIELDS[:3], ("text", content))
            self.assertProblem(answer, 400, "invalid-field")
            self.assertEqual(answer.json["field"], "text")

    def test_rcpt_with_bcc(self):
        answer = self.bench.send(*self.FIELDS, ("rcpt", "r@example.com"), ("bcc", "x@example.com"))
        self.assertProblem(answer, 400, "invalid-field")
        self.assertEqual(answer.json["field"], "bcc")

    def test_missing_fields(self):
        answer = self.bench.send(("to", "b@example.com"), ("text", "x"))
        self.assertProblem(answer, 422, "missing-field")
        self.assertEqual(answer.json["field"], "from")
        answer = self.bench.send(("from", "a@example.com"), ("text", "x"))
        self.assertProblem(answer, 422, "missing-field")
        self.assertEqual(answer.json["field"], "to")
        answer = self.bench.send(("from", "a@example.com, c@example.com"), ("to", "b@example.com"), ("text", "x"))
        self.assertProblem(answer, 422, "missing-field")
        self.assertEqual(answer.json["field"], "sender")

    def test_header_injection_in_every_field(self):
        evil = "x\r\nBcc: evil@example.net"
        places = ["subject", "h:X-A", "message_id", "in_reply_to", "references", "date", "from", "sender", "reply_to", "to",
                  "cc", "bcc", "rcpt"]
        for line_end in ("\r\n", "\n", "\r", "\x00"):
            for name in places:
                with self.subTest(field=name, line_end=line_end):
                    fields = [field for field in self.FIELDS if field[0] != name]
                    value = evil.replace("\r\n", line_end)
                    value = f"a@example.com{value}" if name in ("from", "sender", "reply_to", "to", "cc", "bcc", "rcpt") else value
                    answer = self.bench.send(*fields, (name, value))
                    self.assertProblem(answer, 400, "invalid-field")
                    self.assertEqual(answer.json["field"], name)

    def test_header_injection_in_names(self):
        for name in ("h:X-A%0D%0ABcc: x@example.net", "h:X-A: b%0D%0AX"):
            answer = self.bench.send(*self.FIELDS, (name, "v"))
            self.assertIn(answer.status, (400,), answer)
        body, kind = multipart(self.FIELDS + [("attachment", "a%0D%0ABcc: x@example.net", "text/plain", b"x")])
        answer = self.bench.request("POST", "/send", body, {"Content-Type": kind})
        self.assertEqual(answer.status, 400, answer)


class Policy(BenchTest):
    def start(self, more):
        self.mail = self.bench.start_mail_server()
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n{more}")
        self.bench.start_nginx()

    def test_closed_by_default(self):
        self.start('defaults: {from: "Site <site@example.com>", sender: bounce@example.com, to: [ops@example.com],'
                   ' subject: "none given", headers: {X-Site: one, X-Two: two}}\n')
        answer = self.bench.send(("text", "x"), ("h:x-two", "mine"))
        self.assertEqual(answer.status, 200, answer)
        (message,) = self.mail.messages()
        parsed = parse(message)
        self.assertEqual((message["mail_from"], message["rcpt_tos"]), ("bounce@example.com", ["ops@example.com"]))
        self.assertEqual((parsed["subject"], parsed["x-site"], parsed["x-two"]), ("none given", "one", "mine"))
        allowed = self.bench.send(("from", "SITE <site@EXAMPLE.com>"), ("cc", "ops@example.com"), ("text", "x"))
        self.assertEqual(allowed.status, 200, allowed)
        for field, token in ((("to", "x@example.com"), "recipient-not-allowed"),
                             (("cc", "x@example.com"), "recipient-not-allowed"),
                             (("bcc", "x@example.com"), "recipient-not-allowed"),
                             (("rcpt", "x@example.com"), "recipient-not-allowed"),
                             (("from", "x@example.com"), "sender-not-allowed"),
                             (("from", "bounce@example.com"), "sender-not-allowed"),
                             (("sender", "x@example.com"), "sender-not-allowed"),
                             (("sender", "<>"), "sender-not-allowed"),
                             (("server", "127.0.0.1"), "override-not-allowed"),
                             (("port", "25"), "override-not-allowed"),
                             (("tls", "none"), "override-not-allowed"),
                             (("user", "u"), "override-not-allowed"),
                             (("password", "p"), "override-not-allowed"),
                             (("domain", "x.example"), "override-not-allowed")):
            with self.subTest(field=field):
                answer = self.bench.send(field, ("text", "x"))
                self.assertProblem(answer, 403, token)
                self.assertEqual(answer.json["field"], field[0])
        self.assertEqual(len(self.mail.messages()), 2)

    def test_patterns(self):
        self.start('allow: {recipients: ["*@example.com", "one@*.example.net"], senders: ["App*@example.com"]}\n')
        for to, status in (("x@example.com", 200), ("X@EXAMPLE.COM", 200), ("one@a.example.net", 200),
                           ("two@a.example.net", 403), ("x@example.com.evil.example", 403),
                           ('"x@example.com "@evil.example', 403), ("x@evil.example (x@example.com)", 403)):
            with self.subTest(to=to):
                answer = self.bench.send(("from", "app1@example.com"), ("to", to), ("text", "x"))
                self.assertEqual(answer.status, status, answer)
        answer = self.bench.send(("from", "other@example.com"), ("to", "x@example.com"), ("text", "x"))
        self.assertProblem(answer, 403, "sender-not-allowed")


class Overrides(BenchTest):
    def setUp(self):
        super().setUp()
        self.main = self.bench.start_mail_server("--user", "app", "--password", "configured")
        self.other = self.bench.start_mail_server("--user", "app", "--password", "own")
        self.open = self.bench.start_mail_server()
        self.bench.start_program(
            "server: main\nservers:\n"
            f"  main: {{host: 127.0.0.1, port: {self.main.port}, tls: none, user: app, password: configured}}\n"
            f"  second: {{host: 127.0.0.1, port: {self.open.port}, tls: none}}\n"
            f"  third: {{host: 127.0.0.1, port: {self.open.port}, tls: none}}\n"
            'allow: {recipients: ["*"], senders: ["*"], servers: [second], override: [server, port, tls, credentials, domain],'
            f' hosts: [localhost, "*.example.com", "127.*"], ports: [{self.other.port}, {self.open.port}]}}\n')
        self.bench.start_nginx()

    FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("text", "t")]

    def test_a_named_server(self):
        answer = self.bench.send(*self.FIELDS, ("server", "second"))
        self.assertEqual((answer.status, answer.json["server"]), (200, "second"), answer)
        self.assertEqual(len(self.open.messages()), 1)
        self.assertProblem(self.bench.send(*self.FIELDS, ("server", "third")), 403, "override-not-allowed")
        self.assertEqual(self.bench.send(*self.FIELDS, ("server", "main")).status, 200)

    def test_configured_credentials_stay_at_home(self):
        answer = self.bench.send(*self.FIELDS, ("port", str(self.open.port)), ("tls", "none"))
        self.assertEqual(answer.status, 200, answer)
        self.assertIsNone(self.open.messages()[0]["user"])
        answer = self.bench.send(*self.FIELDS, ("port", str(self.other.port)), ("tls", "none"))
        self.assertEqual(answer.status, 502, answer)
        self.assertEqual(self.other.messages(), [])

    def test_own_credentials(self):
        answer = self.bench.send(*self.FIELDS, ("port", str(self.other.port)), ("tls", "none"), ("user", "app"),
                                 ("password", "own"), ("domain", "client.example.com"))
        self.assertEqual(answer.status, 200, answer)
        (message,) = self.other.messages()
        self.assertEqual((message["user"], message["helo"]), ("app", "client.example.com"))

    def test_hosts(self):
        answer = self.bench.send(*self.FIELDS, ("server", "localhost"), ("port", str(self.open.port)), ("tls", "none"))
        self.assertEqual(answer.status, 200, answer)
        for host in ("127.0.0.1",):  # matched by a wildcard only
            answer = self.bench.send(*self.FIELDS, ("server", host), ("port", str(self.open.port)), ("tls", "none"))
            self.assertProblem(answer, 403, "override-not-allowed")
        for host in ("evil.example", "unix:/run/x.sock"):
            answer = self.bench.send(*self.FIELDS, ("server", host))
            self.assertIn(answer.status, (400, 403), answer)
        self.assertProblem(self.bench.send(*self.FIELDS, ("port", "2525")), 403, "override-not-allowed")
        self.assertProblem(self.bench.send(*self.FIELDS, ("port", "99999")), 400, "invalid-field")
        self.assertProblem(self.bench.send(*self.FIELDS, ("tls", "maybe")), 400, "invalid-field")
        self.assertEqual(len(self.open.messages()), 1)


if __name__ == "__main__":
    import unittest

    unittest.main()
