"""The pages in a real browser: Debian's Chromium, driven by playwright-core, through nginx to a real SMTP server.

The scenes are in node/browser_scenes.mjs; what arrives is looked at here. Screenshots: BUILD/screenshots.
"""

import base64
import email
import email.policy
import hashlib
import json
import subprocess
import unittest

import npm
from harness import BUILD, SOURCE, Bench, BenchTest, free_ports, wait_until

SCREENSHOTS = BUILD / "screenshots"
KEY = "a key of this test"
CONFIG = """
servers:
  main: {{host: 127.0.0.1, port: {port}, tls: none}}
  gone: {{host: 127.0.0.1, port: {gone}, tls: none}}
server: main
defaults: {{from: "Web site <site@example.com>", to: you@example.com}}
allow: {{recipients: ["*@example.com"], senders: ["*@example.com"]}}
keys:
  - {{name: browser, sha256: {key}, allow: {{recipients: ["*"]}}}}
pages: [metrics, status, compose]
forms:
  contact:
    to: [sales@example.com]
    subject: "Contact from {{{{name}}}}"
    reply_to: "{{{{email}}}}"
    required: [name, email, message]
    honeypot: website
    attachments: {{max: 1, types: [image/*, application/pdf]}}
  any: {{to: [sales@example.com], attachments: {{max: 5}}}}
  broken: {{to: [sales@example.com], required: [name, email, message], honeypot: website, server: gone}}
"""


class Browser:
    """One Chromium; a scene has a profile of its own."""

    def __init__(self, log, home):
        SCREENSHOTS.mkdir(exist_ok=True)
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                ["node", "browser.mjs", SCREENSHOTS], cwd=npm.install(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True, env={"PATH": "/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home)})
        self.log = log

    def play(self, scene, **options):
        print(json.dumps({"scene": scene, **options}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the browser is gone:\n{self.log.read_text(errors='replace')}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["result"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class BrowserTest(BenchTest):
    @classmethod
    def setUpClass(cls):
        home = Bench()
        cls.addClassCleanup(home.close)
        cls.browser = Browser(home.dir / "browser.log", home.dir)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        (gone,) = free_ports(1)
        self.bench.start_program(
            CONFIG.format(port=self.mail.port, gone=gone, key=hashlib.sha256(KEY.encode()).hexdigest()))
        page = self.bench.dir / "contact.html"
        page.write_bytes((SOURCE / "etc" / "www" / "contact.html").read_bytes())
        page.chmod(0o644)
        self.bench.start_nginx(extra=f"location = /contact.html {{ alias {page}; default_type text/html; }}")

    def play(self, scene, **options):
        return self.browser.play(scene, url=f"http://127.0.0.1:{self.bench.port}", **options)

    def arrived(self):
        (message,) = self.mail.messages()
        return message, email.message_from_bytes(message["content"], policy=email.policy.default)

    def text(self, parsed):
        return parsed.get_body(("plain",)).get_content().replace("\r\n", "\n")


class Contact(BrowserTest):
    def assert_contact(self, written):
        """The mail that the form of etc/www makes of what was written."""
        message, parsed = self.arrived()
        self.assertEqual(message["rcpt_tos"], ["sales@example.com"])
        self.assertEqual(parsed["subject"], f"Contact from {written['name']}")
        self.assertEqual(str(parsed["reply-to"]), written["email"])
        lines = "".join(f"    {line}\n" if line else "\n" for line in written["message"].rstrip("\n").split("\n"))
        self.assertEqual(sorted(self.text(parsed).rstrip("\n").splitlines()), sorted(
            f"name: {written['name']}\nemail: {written['email']}\nmessage:\n{lines}".rstrip("\n").splitlines()))
        files = [(file.get_filename(), file.get_content_type(), file.get_content()) for file in parsed.iter_attachments()]
        expected = [(written["file"], "application/pdf", base64.b64decode(written["content"]))] if "file" in written else []
        self.assertEqual(files, expected)

    def test_a_message_with_a_file(self):
        self.assert_contact(self.play("contact"))

    def test_what_is_missing_is_corrected_and_sent(self):
        self.assert_contact(self.play("missing"))

    def test_without_scripts(self):
        self.assert_contact(self.play("withoutScripts", scripts=False))

    def test_by_keyboard_alone(self):
        self.play("keyboard")
        self.assert_contact({"name": "Ada", "email": "ada@example.org", "message": "Hello\nthere"})

    def test_on_a_narrow_screen(self):
        self.assert_contact(self.play("missing", width=320))

    def test_the_honeypot(self):
        self.play("honeypot")
        self.assertEqual(self.mail.messages(), [])
        self.assertIn('fcgi_smtp_results_total{result="trapped"} 1', self.bench.get("/metrics").body.decode().splitlines())

    def test_no_server(self):
        self.play("failure", path="/form/broken")


class OddForms(BrowserTest):
    """Names and values that no author would choose, and the browser's escapes for them."""

    FIELDS = [['quo"te', 'a\nb'], ["line\nend", "1"], ["per%22cent %0D", "2"], ["back\\slash", "3"], ["ünï 🙂", "ä€ 🙂"],
              ["twice", "x"], ["twice", "x"], ["empty", ""]]
    TEXT = ('quo"te:\n    a\n    b\nline??end: 1\nper{quote}cent {end}: 2\nback\\slash: 3\nünï 🙂: ä€ 🙂\n'
            "twice: x\ntwice: x\nempty:\n")
    FILES = [["f", ['quo"te.txt', "text/plain", "1"], ["C:\\temp\\ü 資料.bin", "", "2\r\n"], ["100% %20.txt", "text/plain", ""]],
             ["none"]]

    def odd(self, attributes, fields=FIELDS, files=(), status=200, title="Thank you"):
        self.play("oddForm", path="/form/any", attributes=attributes, fields=fields, files=files, status=status, title=title)

    def test_multipart(self):
        self.odd({"enctype": "multipart/form-data"}, files=self.FILES)
        _, parsed = self.arrived()
        # In a multipart's names a "%22" of the author's looks like the browser's escape for a quote.
        self.assertEqual(self.text(parsed), self.TEXT.format(quote='"', end="?"))
        self.assertEqual([(file.get_filename(), file.get_content_type(), file.get_payload(decode=True))
                          for file in parsed.iter_attachments()],
                         [('quo"te.txt', "text/plain", b"1"), ("ü 資料.bin", "application/octet-stream", b"2\r\n"),
                          ("100% %20.txt", "text/plain", b"")])

    def test_urlencoded(self):
        self.odd({})
        self.assertEqual(self.text(self.arrived()[1]), self.TEXT.format(quote="%22", end="%0D"))

    def test_another_charset(self):
        for attributes in ({}, {"enctype": "multipart/form-data"}):
            self.odd({"acceptCharset": "iso-8859-1", **attributes}, [["_charset_", ""], ["text", "ä€ 資"]])
        for message in self.mail.messages():
            parsed = email.message_from_bytes(message["content"], policy=email.policy.default)
            self.assertEqual(self.text(parsed), "text: ä€ &#36039;\n")  # the browser's own way out
        self.assertEqual(len(self.mail.messages()), 2)

    def test_what_is_refused(self):
        bad = "Your message was not sent"
        self.odd({"enctype": "text/plain"}, status=415, title=bad)
        self.odd({"enctype": "multipart/form-data"}, files=[["f", ["a\nb.txt", "text/plain", "x"]]], status=422, title=bad)
        self.assertEqual(self.mail.messages(), [])


class Pages(BrowserTest):
    def test_status(self):
        for fields, status in (([("text", "x")], 200), ([("nonsense", "x")], 400), ([("text", "x"), ("server", "gone")], 403)):
            self.assertEqual(self.bench.send(*fields).status, status)
        broken = self.bench.send(("name", "x"), ("email", "x@example.org"), ("message", "x"), path="/form/broken")
        self.assertEqual(broken.status, 502)
        status = self.play("status")
        first, second = status["first"], status["second"]
        self.assertEqual(first["requests"]["send"], ["1", "0", "2", "0", "3"])
        self.assertEqual(first["requests"]["form"], ["0", "0", "0", "1", "1"])
        self.assertEqual(first["servers"]["main"][:3], ["1", "0", "0"])
        self.assertEqual(first["servers"]["gone"][:3], ["0", "0", "1"])
        self.assertEqual([row[-1] for row in first["failures"].values()], [broken.headers["X-Request-Id"]])
        self.assertEqual(second["requests"]["send"], ["2", "0", "2", "0", "4"])
        self.assertEqual(second["servers"]["main"][:3], ["2", "0", "0"])
        self.assertEqual(len(self.mail.messages()), 2)

    def test_compose(self):
        written = self.play("compose")
        message, parsed = self.arrived()
        self.assertEqual(message["rcpt_tos"], ["ann@example.com", "bob@example.com"])
        self.assertEqual(str(parsed["from"]), "Web site <site@example.com>")
        self.assertEqual(parsed["subject"], "Grüße")
        self.assertEqual(self.text(parsed), written["text"])
        files = [(file.get_filename(), file.get_content()) for file in parsed.iter_attachments()]
        self.assertEqual(files, [(written["file"], base64.b64decode(written["content"])), ("fallen gelassen.txt", "dropped")])

    def test_compose_with_a_key(self):
        titles = self.play("composeWithKey", key=KEY)
        self.assertEqual([status for status, _ in titles], [403, 401, 200], titles)
        self.assertEqual(titles[-1][1], "Sent")
        message, _ = self.arrived()
        self.assertEqual(message["rcpt_tos"], ["far@example.net"])

    def test_compose_by_keyboard(self):
        self.play("composeKeyboard")
        self.arrived()

    def test_compose_without_scripts(self):
        self.assertEqual(self.play("composeWithoutScripts", scripts=False), "sent")
        _, parsed = self.arrived()
        self.assertEqual(parsed["subject"], "Without scripts")

    def test_the_policy_holds(self):
        for path in ("/", "/status"):
            with self.subTest(path=path):
                self.play("policy", path=path)


if __name__ == "__main__":
    unittest.main()
