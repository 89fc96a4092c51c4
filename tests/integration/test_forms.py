"""Forms of web sites through nginx to a real SMTP server: what visitors get, and what arrives."""

import concurrent.futures
import contextlib
import email
import email.policy
import html.parser
import json
import re
import socket
import subprocess
import unittest

from harness import PROGRAM, WAIT, BenchTest, wait_until

JSON = {"Accept": "application/json"}
URLENCODED = "application/x-www-form-urlencoded"
FORMS = """
defaults: {from: "Site <site@example.com>", headers: {X-Mailer: forms}}
forms:
  contact:
    to: [sales@example.com]
    bcc: [archive@example.com]
    subject: "Contact from {{name}}"
    reply_to: "{{email}}"
    required: [name, email, message]
    honeypot: website
    origins: ["https://example.com", "http://other.example:8080"]
    redirect_origins: ["https://away.example"]
    attachments: {max: 2, types: ["image/*", application/pdf]}
  plain: {to: plain@example.com}
  templates:
    to: [t@example.com]
    from: Shop <shop@example.com>
    text: "Hi {{name}}, {{unknown}}!"
    html: "<p>{{name}}</p>"
    success: /thanks.html
    failure: /sorry.html
"""
GOOD = [("name", "Ada"), ("email", "ada@example.org"), ("message", "Hello\r\nthere")]


class Page(html.parser.HTMLParser):
    """What a browser would make of a page: its fields, ids and texts."""

    def __init__(self, body):
        super().__init__()
        self.tags, self.fields, self.texts = [], {}, []
        self.textarea = None
        self.feed(body.decode())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag == "input":
            self.fields.setdefault(attributes.get("name"), []).append(attributes.get("value"))
        if tag == "textarea":
            self.textarea = attributes["name"]
            self.fields.setdefault(self.textarea, []).append("")

    def handle_endtag(self, tag):
        if tag == "textarea":
            values = self.fields[self.textarea]
            values[-1] = re.sub("^\n", "", values[-1])
            self.textarea = None

    def handle_data(self, data):
        self.texts.append(data)
        if self.textarea:
            self.fields[self.textarea][-1] += data

    @property
    def text(self):
        return "".join(self.texts)

    def find(self, tag, **wanted):
        return [attributes for name, attributes in self.tags
                if name == tag and wanted.items() <= attributes.items()]


class FormTest(BenchTest):
    config = FORMS

    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        self.start(f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n{self.config}")

    def start(self, config):
        self.bench.start_program(config)
        self.bench.start_nginx()

    def post(self, name, *fields, headers=None):
        return self.bench.send(*fields, path=f"/form/{name}", headers=headers)

    def contact(self, *more, headers=None, without=()):
        fields = [field for field in GOOD if field[0] not in without]
        return self.post("contact", *fields, *more, headers=headers)

    def arrived(self):
        """The one mail that arrived: the envelope's recipients and the parsed message."""
        (message,) = self.mail.messages()
        parsed = email.message_from_bytes(message["content"], policy=email.policy.default)
        for part in parsed.walk():
            self.assertEqual(part.defects, [])
        return message, parsed

    def text(self, parsed):
        return parsed.get_body(("plain",)).get_content().replace("\r\n", "\n")

    def log(self, wanted, count=1):
        """The lines of the log with a text in them: so many, as soon as they are there."""
        def lines():
            found = [line for line in self.bench.program.output().splitlines() if wanted in line]
            return found if len(found) >= count else None
        found = wait_until(lines, f"{count} log lines with {wanted}")
        self.assertEqual(len(found), count)
        return found

    def assertNothingSent(self):
        self.assertEqual(self.mail.messages(), [])

    def assertPage(self, answer, status):
        """A page of ours with all its guards."""
        self.assertEqual(answer.status, status, answer)
        headers = answer.headers
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Referrer-Policy"], "same-origin")
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertTrue(headers["X-Request-Id"])
        policy = headers["Content-Security-Policy"]
        self.assertRegex(policy, r"^default-src 'none'; img-src data:; style-src 'sha256-[A-Za-z0-9+/]{43}='; "
                                 r"base-uri 'none'; frame-ancestors 'none'; form-action '(self|none)'")
        body = answer.body.decode()
        self.assertTrue(body.startswith("<!DOCTYPE html>\n<html lang=\"en\">"), body)
        self.assertNotIn("<script", body)
        page = Page(answer.body)
        self.assertEqual(len(page.find("title")), 1)
        self.assertEqual(len(page.find("h1")), 1)
        self.assertTrue(page.find("meta", charset="utf-8"))
        return page

    def assertRedirect(self, answer, location):
        self.assertEqual((answer.status, answer.headers.get("Location")), (303, location), answer)
        self.assertEqual(answer.body, b"")


class Mail(FormTest):
    def test_a_form_becomes_the_mail_that_it_describes(self):
        answer = self.contact(("cv", "Lebenslauf Ä.pdf", "application/pdf", b"%PDF"), ("website", ""))
        self.assertPage(answer, 200)
        message, parsed = self.arrived()
        self.assertEqual(message["mail_from"], "site@example.com")
        self.assertEqual(message["rcpt_tos"], ["sales@example.com", "archive@example.com"])
        self.assertEqual(str(parsed["from"]), "Site <site@example.com>")
        self.assertEqual(str(parsed["to"]), "sales@example.com")
        self.assertIsNone(parsed["bcc"])
        self.assertIsNone(parsed["sender"])
        self.assertEqual(str(parsed["reply-to"]), "ada@example.org")
        self.assertEqual(parsed["subject"], "Contact from Ada")
        self.assertEqual(parsed["x-mailer"], "forms")
        self.assertEqual(self.text(parsed), "name: Ada\nemail: ada@example.org\nmessage:\n    Hello\n    there\n")
        (file,) = parsed.iter_attachments()
        self.assertEqual((file.get_filename(), file.get_content_type(), file.get_content()),
                         ("Lebenslauf Ä.pdf", "application/pdf", b"%PDF"))

    def test_templates(self):
        answer = self.post("templates", ("name", "<Ada> & \"Co\" {{unknown}}"))
        self.assertRedirect(answer, "/thanks.html")
        message, parsed = self.arrived()
        self.assertEqual(str(parsed["from"]), "Shop <shop@example.com>")
        self.assertEqual(message["mail_from"], "shop@example.com")
        self.assertEqual(parsed.get_content_type(), "multipart/alternative")
        self.assertEqual(self.text(parsed).rstrip("\n"), "Hi <Ada> & \"Co\" {{unknown}}, !")
        self.assertEqual(parsed.get_body(("html",)).get_content().strip(),
                         "<p>&lt;Ada&gt; &amp; &quot;Co&quot; {{unknown}}</p>")

    def test_recipients_are_never_chosen_by_a_request_and_no_field_is_unknown(self):
        evil = "evil@example.net"
        answer = self.post("plain", *[(name, evil) for name in (
            "to", "cc", "bcc", "rcpt", "from", "sender", "reply_to", "_to", "_cc", "_bcc", "server", "h:Bcc", "h:X-Own",
            "message_id", "what ever")], ("dry_run", "1"), ("message", "To: evil@example.net\r\n\r\nx"))
        self.assertPage(answer, 200)
        message, parsed = self.arrived()
        self.assertEqual((message["mail_from"], message["rcpt_tos"]), ("site@example.com", ["plain@example.com"]))
        self.assertEqual(str(parsed["to"]), "plain@example.com")
        for name in ("cc", "bcc", "x-own", "reply-to"):
            self.assertIsNone(parsed[name])
        self.assertIn("what ever: evil@example.net\n", self.text(parsed))
        self.assertIn("dry_run: 1\n", self.text(parsed))
        self.assertIn("message:\n    To: evil@example.net\n\n    x\n", self.text(parsed))

    def test_control_fields_are_left_out_of_the_text(self):
        answer = self.contact(("_replyto", "bob@example.org"), ("_subject", "Grüße"), ("_next", "/next"), ("_gotcha", ""),
                              ("_honey", ""), ("botcheck", ""), ("website", ""), ("_charset_", "utf-8"), ("last", ""))
        self.assertRedirect(answer, "/next")
        _, parsed = self.arrived()
        self.assertEqual(str(parsed["reply-to"]), "bob@example.org")
        self.assertEqual(parsed["subject"], "Grüße")
        self.assertEqual(self.text(parsed),
                         "name: Ada\nemail: ada@example.org\nmessage:\n    Hello\n    there\nlast:\n")

    def test_reply_to(self):
        cases = [([("_reply_to", "b@example.org"), ("email", "a@example.org")], "b@example.org"),
                 ([("email", "a@example.org")], "a@example.org"),
                 ([("email", "a@example.org, b@example.org")], None),
                 ([("email", "nobody")], None), ([], None)]
        for number, (fields, expected) in enumerate(cases):
            with self.subTest(fields=fields):
                self.assertPage(self.post("plain", ("x", "y"), *fields), 200)
                content = self.mail.messages()[number]["content"]
                parsed = email.message_from_bytes(content, policy=email.policy.default)
                self.assertEqual(parsed["reply-to"] and str(parsed["reply-to"]), expected)
                self.assertEqual(parsed["subject"], "plain")  # none is configured: the form's name

    def test_charset(self):
        body = "name=J%FCrgen&email=j%40example.org&message=%80&_charset_=windows-1252"
        answer = self.bench.request("POST", "/form/contact", body, {"Content-Type": URLENCODED})
        self.assertPage(answer, 200)
        _, parsed = self.arrived()
        self.assertEqual(parsed["subject"], "Contact from Jürgen")
        self.assertIn("message: €\n", self.text(parsed))

    def test_needs_no_key(self):
        answer = self.contact(headers={"Authorization": "Basic c2l0ZTpwYXNzd29yZA=="})
        self.assertPage(answer, 200)
        self.assertEqual(len(self.mail.messages()), 1)


class Answers(FormTest):
    def test_json_or_page(self):
        browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        cases = [({}, "text/html; charset=utf-8"),
                 ({"Accept": "*/*"}, "text/html; charset=utf-8"),
                 ({"Accept": browser}, "text/html; charset=utf-8"),
                 ({"Accept": "text/html, application/json;q=0.9"}, "text/html; charset=utf-8"),
                 ({"Accept": "application/json"}, "application/json"),
                 ({"Accept": "application/json, text/plain, */*"}, "application/json"),
                 ({"Accept": "application/json, text/html;q=0.9"}, "application/json"),
                 ({"X-Requested-With": "XMLHttpRequest"}, "application/json"),
                 ({"Accept": browser, "X-Requested-With": "XMLHttpRequest"}, "application/json")]
        for headers, kind in cases:
            with self.subTest(headers=headers):
                answer = self.contact(headers=headers)
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, kind))
                self.assertEqual(answer.headers["Vary"], "Accept, Origin, X-Requested-With")

    def test_json_success_tells_no_addresses(self):
        answer = self.contact(headers=JSON)
        message, parsed = self.arrived()
        self.assertEqual(answer.json, {"id": parsed["message-id"], "status": "sent"})

    def test_success_goes_to_success_or_to_our_page(self):
        self.assertRedirect(self.post("templates", ("name", "x")), "/thanks.html")
        page = self.assertPage(self.contact(headers={"Referer": "https://example.com/contact.html?a=1&b=2"}), 200)
        self.assertIn("Your message has been sent.", page.text)
        self.assertEqual(page.find("a")[0]["href"], "https://example.com/contact.html?a=1&b=2")
        self.assertEqual(self.post("templates", ("name", "x"), headers=JSON).status, 200)

    def test_where_to_go_after(self):
        for target, location in [("/x?y=z#a", "/x?y=z#a"), ("/grüße dich", "/gr%C3%BC%C3%9Fe%20dich"),
                                 ("https://away.example/ok", "https://away.example/ok")]:
            for name in ("_next", "_redirect"):
                with self.subTest(target=target, name=name):
                    self.assertRedirect(self.contact((name, target)), location)
        self.assertRedirect(self.post("templates", ("_next", "/own")), "/own")
        self.assertRedirect(self.post("templates", ("_next", "")), "/thanks.html")

    def test_never_to_another_site(self):
        for target in ["//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/", "javascript:alert(1)",
                       "https://away.example@evil.example/", "https://away.example.evil.example/", "http://away.example/",
                       "/\t/evil.example", "/x\r\nSet-Cookie: a=b", "thanks.html"]:
            with self.subTest(target=target):
                answer = self.contact(("_next", target))
                page = self.assertPage(answer, 422)
                self.assertNotIn("Location", answer.headers)
                self.assertNotIn("Set-Cookie", answer.headers)
                self.assertEqual(len(page.find("p", **{"class": "problem"})), 1)
        self.assertNothingSent()

    def test_a_target_that_no_answer_has_room_for(self):
        """Found before the mail is sent: an answer that cannot be written after it would have the visitor send it again."""
        for target in ["/" + "a" * 2048, "/" + "ü" * 400]:
            self.assertPage(self.contact(("_next", target)), 422)
        self.assertNothingSent()
        longest = "/" + "a" * 2047
        self.assertRedirect(self.contact(("_next", longest)), longest)

    def test_all_problems_at_once_beside_what_the_visitor_wrote(self):
        answer = self.post("contact", ("name", "Ada\r\nBcc: evil@example.net"), ("email", "<b>\"ada\"</b>"), ("message", ""),
                           ("topic", "a & b"), ("_next", "/kept"), ("website", ""),
                           ("cv", "a<b>.exe", "application/x-msdownload", b"MZ"))
        page = self.assertPage(answer, 422)
        self.assertNothingSent()
        (summary,) = page.find("section", id="problems")
        self.assertEqual((summary["tabindex"], "autofocus" in summary), ("-1", True))
        targets = {link["href"].removeprefix("#") for link in page.find("a")}
        labels = {label["for"] for label in page.find("label")}
        inputs = {attributes["id"]: attributes for tag, attributes in page.tags
                  if tag in ("input", "textarea") and attributes.get("type") != "hidden"}
        self.assertEqual(labels, set(inputs))
        self.assertEqual({inputs[target]["name"] for target in targets}, {"name", "email", "message", "cv"}, answer)
        problems = {problem["id"] for problem in page.find("p", **{"class": "problem"})}
        for target in targets:
            self.assertEqual(inputs[target]["aria-invalid"], "true")
            self.assertIn(inputs[target]["aria-describedby"], problems)
        self.assertEqual(page.fields["name"], ["Ada\r\nBcc: evil@example.net"])
        self.assertEqual(page.fields["email"], ["<b>\"ada\"</b>"])
        self.assertEqual(page.fields["topic"], ["a & b"])
        self.assertEqual(page.fields["message"], [""])
        self.assertEqual(page.find("input", name="_next"), [{"type": "hidden", "name": "_next", "value": "/kept"}])
        self.assertIn("Please fill this in.", page.text)
        self.assertIn("Please write this in one line.", page.text)
        self.assertIn("Files have to be chosen again: a<b>.exe", page.text)
        self.assertNotIn(b"<b>", answer.body)
        (form,) = page.find("form")
        self.assertEqual(form, {"method": "post", "enctype": "multipart/form-data"})  # to where the page came from
        self.assertIn("form-action 'self' https://away.example", answer.headers["Content-Security-Policy"])

    def test_corrected_and_posted_again_from_that_page(self):
        page = self.assertPage(self.post("contact", ("name", "Ada"), ("message", "\r\none\r\n\r\ntwo <3\r\n"), ("other", "x")), 422)
        fields = [(name, value) for name, values in page.fields.items() for value in values]
        self.assertIn(("email", ""), fields)
        fields = [(name, "ada@example.org" if name == "email" else value) for name, value in fields]
        origin = f"http://127.0.0.1:{self.bench.port}"  # what a browser sends from the page
        self.assertPage(self.post("contact", *fields, headers={"Origin": origin}), 200)
        _, parsed = self.arrived()
        self.assertEqual(self.text(parsed), "name: Ada\nmessage:\n\n    one\n\n    two <3\nother: x\n"
                                            "email: ada@example.org\n")

    def test_problems_as_json(self):
        answer = self.post("contact", ("name", "Ada"), ("message", " "), headers=JSON)
        self.assertProblem(answer, 422, "missing-field")
        self.assertEqual(answer.json["errors"], [{"field": "email", "detail": "Please fill this in."},
                                                 {"field": "message", "detail": "Please fill this in."}])
        self.assertEqual(answer.json["field"], "email")
        answer = self.post("contact", ("name", "a\r\nb"), ("email", "x"), headers=JSON)
        self.assertProblem(answer, 400, "invalid-field")
        self.assertEqual([error["field"] for error in answer.json["errors"]], ["message", "name", "email"])
        self.assertNothingSent()

    def test_line_ends_in_a_header_are_wrong_input(self):
        for field in (("name", "a\rb"), ("name", "a\nb"), ("email", "a@example.org\r\nBcc: evil@example.net"),
                      ("_subject", "a\r\nBcc: evil@example.net"), ("_replyto", "a@example.org\r\nX: y")):
            with self.subTest(field=field):
                answer = self.contact(field, without=[field[0]], headers=JSON)
                self.assertProblem(answer, 400, "invalid-field")
                self.assertEqual(answer.json["field"], field[0])
        self.assertNothingSent()

    def test_files(self):
        png, pdf = ("f", "a.png", "image/png", b"x"), ("f", "b.pdf", "application/pdf", b"x")
        self.assertPage(self.contact(png, pdf), 200)
        self.assertPage(self.contact(("f", "", "application/octet-stream", b"")), 200)  # an empty file input
        for fields, what in [([png, pdf, png], "At most 2 files can be sent with this form."),
                             ([("f", "a.exe", "application/x-msdownload", b"x")], "only image/*, application/pdf can be sent."),
                             ([("f", "a.png", "", b"x")], "application/octet-stream")]:
            with self.subTest(what=what):
                answer = self.contact(*fields, headers=JSON)
                self.assertProblem(answer, 400, "invalid-field")
                self.assertIn(what, answer.json["detail"])
        answer = self.post("plain", ("x", "y"), png, headers=JSON)
        self.assertProblem(answer, 400, "invalid-field")
        self.assertIn("No files can be sent with this form.", answer.json["detail"])
        self.assertEqual(len(self.mail.messages()), 2)

    def test_honeypot_comes_first(self):
        for name in ("website", "_gotcha", "_honey", "botcheck"):
            with self.subTest(name=name):
                good = self.contact(headers=JSON)
                # neither what is missing nor where it comes from is looked at
                answer = self.post("contact", (name, "http://spam.example"), headers={**JSON, "Origin": "null"})
                self.assertEqual((answer.status, answer.headers["Content-Type"]), (good.status, "application/json"))
                self.assertEqual(answer.json["status"], "sent")
                self.assertEqual(set(answer.json), set(good.json))
                self.assertEqual(re.sub("[0-9a-f]", "0", answer.json["id"]), re.sub("[0-9a-f]", "0", good.json["id"]))
        good = self.contact()
        self.assertEqual(self.contact(("_gotcha", "x")).body, good.body)
        self.assertRedirect(self.post("templates", ("_gotcha", "x")), "/thanks.html")
        self.assertRedirect(self.contact(("_gotcha", "x"), ("_next", "/own")), "/own")
        self.assertPage(self.contact(("_gotcha", "x"), ("_next", "//evil.example")), 200)
        self.assertEqual(len(self.mail.messages()), 5)
        self.log("outcome=honeypot", 8)

    def test_no_such_form(self):
        for path in ("/form/nothing", "/form/Contact"):
            answer = self.bench.send(*GOOD, path=path, headers=JSON)
            self.assertProblem(answer, 404, "no-such-form")
            self.assertIn("There is no form", self.assertPage(self.bench.send(*GOOD, path=path), 404).text)
        for path in ("/form", "/form/", "/form/contact/more"):
            self.assertProblem(self.bench.send(*GOOD, path=path), 404, "no-such-route")
        self.assertProblem(self.bench.get("/form/nothing", JSON), 404, "no-such-form")  # before the method
        self.assertNothingSent()

    def test_methods(self):
        for method in ("GET", "PUT", "DELETE"):
            answer = self.bench.request(method, "/form/contact", headers=JSON)
            self.assertProblem(answer, 405, "method-not-allowed")
            self.assertEqual(answer.headers["Allow"], "POST, OPTIONS")
        answer = self.bench.get("/form/contact")
        self.assertPage(answer, 405)
        self.assertEqual(answer.headers["Allow"], "POST, OPTIONS")
        self.assertPage(self.bench.send(*GOOD, path="/form/contact/"), 200)  # one trailing slash is ignored

    def test_json_from_a_script(self):
        body = json.dumps({"name": "Ada", "email": "ada@example.org", "message": "Hi", "unknown": "x"})
        answer = self.bench.request("POST", "/form/contact", body,
                                    {"Content-Type": "application/json", "Origin": "https://example.com", **JSON})
        self.assertEqual((answer.status, answer.json["status"]), (200, "sent"), answer)
        self.assertIn("unknown: x\n", self.text(self.arrived()[1]))

    def test_other_refusals_are_pages_too(self):
        answer = self.bench.request("POST", "/form/contact", "{", {"Content-Type": "text/plain"})
        self.assertPage(answer, 415)
        answer = self.bench.request("POST", "/form/contact", "--x\r\n", {"Content-Type": "multipart/form-data; boundary=x"})
        self.assertPage(answer, 400)
        answer = self.contact(("long", "x" * 70000))
        self.assertIn("long", self.assertPage(answer, 413).text)
        answer = self.contact(("long", "x" * 70000), headers=JSON)
        self.assertProblem(answer, 413, "request-too-large")
        self.assertNothingSent()


class Origins(FormTest):
    def test_origin_else_referer(self):
        own = f"http://127.0.0.1:{self.bench.port}"
        for headers in ({}, {"Origin": "https://example.com"}, {"Origin": "http://other.example:8080"}, {"Origin": own},
                        {"Referer": "https://example.com/contact?x"}, {"Referer": f"{own}/contact.html"},
                        {"Origin": "https://example.com", "Referer": "https://evil.example/"}):
            with self.subTest(headers=headers):
                self.assertPage(self.contact(headers=headers), 200)
        sent = len(self.mail.messages())
        for headers in ({"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": "http://example.com"},
                        {"Origin": "https://example.com.evil.example"}, {"Origin": "http://other.example"},
                        {"Referer": "https://evil.example/https://example.com/"},
                        {"Origin": "https://evil.example", "Referer": "https://example.com/"}):
            with self.subTest(headers=headers):
                answer = self.contact(headers={**headers, **JSON})
                self.assertProblem(answer, 403, "origin-not-allowed")
                self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
                page = self.assertPage(self.contact(headers=headers), 403)
                self.assertEqual(page.find("a"), [])  # no link to whoever that is
        self.assertEqual(len(self.mail.messages()), sent)

    def test_without_origins_only_the_same_host(self):
        own = f"http://127.0.0.1:{self.bench.port}"
        self.assertPage(self.post("plain", ("x", "y"), headers={"Origin": own}), 200)
        self.assertPage(self.post("plain", ("x", "y")), 200)
        self.assertPage(self.post("plain", ("x", "y"), headers={"Origin": "https://example.com"}), 403)
        self.assertPage(self.post("plain", ("x", "y"), headers={"Origin": "null"}), 403)

    def test_scripts_of_the_site_may_read_the_answer(self):
        for fields, status in ((GOOD, 200), ([], 422), ([("name", "a\nb")], 400)):
            answer = self.post("contact", *fields, ("x", ""), headers={**JSON, "Origin": "https://example.com"})
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://example.com")
            self.assertEqual(answer.headers["Vary"], "Accept, Origin, X-Requested-With")
            self.assertEqual(answer.headers["Access-Control-Expose-Headers"], "Retry-After, X-Request-Id")
            self.assertNotIn("Access-Control-Allow-Credentials", answer.headers)
        self.assertNotIn("Access-Control-Allow-Origin", self.contact(headers=JSON).headers)

    def test_preflights(self):
        ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-requested-with"}
        answer = self.bench.request("OPTIONS", "/form/contact", headers={"Origin": "https://example.com", **ask})
        self.assertEqual((answer.status, answer.body), (204, b""), answer)
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://example.com")
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])
        self.assertIn("X-Requested-With", answer.headers["Access-Control-Allow-Headers"])
        self.assertIn("Content-Type", answer.headers["Access-Control-Allow-Headers"])
        self.assertEqual(answer.headers["Access-Control-Max-Age"], "3600")
        for origin in ("null", "https://evil.example"):
            answer = self.bench.request("OPTIONS", "/form/contact", headers={"Origin": origin, **ask, **JSON})
            self.assertProblem(answer, 403, "origin-not-allowed")
            self.assertNotIn("Access-Control-Allow-Methods", answer.headers)
        answer = self.bench.request("OPTIONS", "/form/contact")
        self.assertEqual((answer.status, answer.headers["Allow"]), (204, "POST, OPTIONS"))
        self.assertProblem(self.bench.request("OPTIONS", "/form/nothing", headers=JSON), 404, "no-such-form")


GREETING = "== *\nS: 220 mail.test ESMTP\nC: EHLO *\nS: 250 mail.test\n"
RCPT = GREETING + "C: MAIL *\nS: 250 Ok\nC: RCPT *\n"
DATA = RCPT + "S: 250 Ok\nC: DATA\nS: 354 go ahead\nDATA\n"
END = "REPEAT 2\nC?: RSET\nC?: QUIT\nEND\nREAD-UNTIL-EOF\n"
# name, scenario, status, token, delivery, what the log says
ROWS = [
    ("refused", RCPT + "S: 550 5.1.1 no such user\n" + END, 422, "recipients-refused", "none", "550 5.1.1 no such user"),
    ("spam", DATA + "S: 554 5.7.1 spam here\n" + END, 422, "message-refused", "none", "554 5.7.1 spam here"),
    ("later", RCPT + "S: 451 4.3.0 come back\n" + END, 503, "smtp-temporary", "none", "451 4.3.0 come back"),
    ("greeting", "== *\nS: 554 not today\n" + END, 502, "smtp-unavailable", "none", "554 not today"),
    ("protocol", "== *\nS: hello there\nREAD-UNTIL-EOF\n", 502, "smtp-protocol-error", "none", "hello there"),
    ("silent", GREETING.replace("S: 250 mail.test\n", "STALL\n"), 504, "smtp-timeout", "none", "EHLO"),
    ("lost", DATA + "CLOSE\n", 502, "smtp-unavailable", "unknown", "end of data"),
]
# nothing of the operator's matters: whose addresses and servers these are, and what the server said
SECRETS = ["plain@example.com", "t@example.com", "shop@example.com", "127.0.0.1:", "mail.test", "RCPT", "smtp_"]


class Failures(FormTest):
    def setUp(self):
        BenchTest.setUp(self)

    def check_failures(self, name, scenario, status, token, delivery, said):
        script = self.bench.start_script(scenario)
        self.start(f"server: {{host: 127.0.0.1, port: {script.port}, tls: none, pool: {{size: 0}}, "
                   f"timeouts: {{command: 1s}}}}\n{FORMS}")
        fields = [("name", "Ada"), ("message", "Hello\r\nthere"), ("_subject", "x")]

        answer = self.post("plain", *fields, headers=JSON)
        self.assertProblem(answer, status, token, delivery)
        self.assertEqual(set(answer.json), {"type", "title", "status", "detail", "delivery"})
        self.assertEqual("Retry-After" in answer.headers, status == 503)

        answer = self.post("plain", *fields)
        page = self.assertPage(answer, status)
        self.assertEqual("Retry-After" in answer.headers, status == 503)
        self.assertIn("not certain" if delivery == "unknown" else "was not sent", page.text)
        # what was written is not lost
        self.assertEqual(page.fields["message"], ["Hello\r\nthere"])
        self.assertEqual(page.fields["_subject"], ["x"])
        self.assertEqual(page.find("section"), [])
        for secret in SECRETS + [said]:
            self.assertNotIn(secret.encode(), answer.body)

        self.assertRedirect(self.post("templates", *fields, ("_next", "/own")), "/sorry.html")
        self.assertProblem(self.post("templates", *fields, headers=JSON), status, token, delivery)
        for line in self.log(f"problem={token}", 4):
            self.assertIn(said, line)
        self.bench.stop_program()

    def test_every_kind(self):
        for row in ROWS:
            with self.subTest(row=row[0]):
                self.check_failures(*row)

    def test_some_recipients_refused_is_a_success(self):
        script = self.bench.start_script(RCPT + "S: 250 Ok\nC: RCPT *\nS: 550 5.1.1 no such user\nC: DATA\nS: 354 go\n"
                                                "DATA\nS: 250 Ok\n" + END)
        self.start(f"server: {{host: 127.0.0.1, port: {script.port}, tls: none, pool: {{size: 0}}}}\n{FORMS}")
        self.assertPage(self.contact(), 200)
        answer = self.contact(headers=JSON)
        self.assertEqual((answer.status, answer.json["status"], set(answer.json)), (200, "partial", {"id", "status"}))
        line = self.log("outcome=partial", 2)[0]
        self.assertIn("550 5.1.1 no such user", line)
        self.assertNotIn("archive@example.com", line)

    def test_no_free_worker(self):
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            self.start(f"workers: 1\nqueue_wait: 0s\nserver: {{host: 127.0.0.1, port: {server.getsockname()[1]}, "
                       f"tls: none}}\n{FORMS}")
            pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(1))
            first = pool.submit(self.post, "plain", ("x", "y"))
            server.settimeout(WAIT)
            busy, _ = server.accept()  # the one worker waits for a greeting
            answer = self.post("plain", ("x", "z"))
            page = self.assertPage(answer, 503)
            self.assertIn("was not sent", page.text)
            self.assertEqual(page.fields["x"], ["z"])
            self.assertTrue(answer.headers["Retry-After"])
            self.assertRedirect(self.post("templates", ("x", "z")), "/sorry.html")
            self.assertProblem(self.post("plain", ("x", "z"), headers=JSON), 503, "overloaded")
            busy.close()
            self.assertEqual(first.result().status, 502)


class Forms(FormTest):
    """A server of the form's own, and a list of servers."""

    def setUp(self):
        BenchTest.setUp(self)

    def test_a_server_of_its_own(self):
        usual, other = self.bench.start_mail_server(), self.bench.start_mail_server()
        self.start(f"server: usual\nservers:\n"
                   f"  usual: {{host: 127.0.0.1, port: {usual.port}, tls: none}}\n"
                   f"  other: {{host: 127.0.0.1, port: {other.port}, tls: none}}\n"
                   f"defaults: {{from: site@example.com}}\n"
                   f"forms: {{a: {{to: a@example.com, server: other}}, b: {{to: b@example.com}}}}\n")
        self.assertPage(self.post("a", ("x", "y")), 200)
        self.assertPage(self.post("b", ("x", "y"), ("server", "other")), 200)
        self.assertEqual([message["rcpt_tos"] for message in other.messages()], [["a@example.com"]])
        self.assertEqual([message["rcpt_tos"] for message in usual.messages()], [["b@example.com"]])

    def test_base_path(self):
        mail = self.bench.start_mail_server()
        self.bench.start_program(f"base_path: /mail\nserver: {{host: 127.0.0.1, port: {mail.port}, tls: none}}\n{FORMS}")
        self.bench.start_nginx(location="location /mail/ {")
        self.assertPage(self.bench.send(*GOOD, path="/mail/form/contact"), 200)
        self.assertEqual(len(mail.messages()), 1)

    def test_problems_of_forms_are_found_at_check(self):
        path = self.bench.write_config("""server: {host: a.example}
forms:
  contact:
    to: [not an address]
    from: x@example.com
    subject: "{{name"
    success: //evil.example/
    origins: [https://example.com/]
    attachments: {types: [image]}
""")
        run = subprocess.run([PROGRAM, "--check", "--config", path], capture_output=True, text=True)
        self.assertEqual(run.returncode, 78)
        places = re.findall(r":(\d+:\d+): (\S+):", run.stderr)
        self.assertEqual(places, [("4:10", "forms.contact.to[0]"), ("6:14", "forms.contact.subject"),
                                  ("7:14", "forms.contact.success"), ("8:15", "forms.contact.origins[0]"),
                                  ("9:5", "forms.contact.attachments"), ("9:27", "forms.contact.attachments.types[0]")])


if __name__ == "__main__":
    unittest.main()
