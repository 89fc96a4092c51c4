"""Forms as clients really send them, through nginx to a real mail: curl, Python, node; and bodies as the standards allow
them. What Chromium sends is in test_browser.py, bodies recorded from the wire in tests/data/form.
"""

import email
import email.mime.application
import email.mime.multipart
import email.mime.text
import email.policy
import http.client
import json
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import requests

import npm
from harness import BenchTest, free_ports

OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\ndefaults: {from: a@example.com}\n'
FORMS = "forms: {any: {to: site@example.com, attachments: {max: 20}}}\n"
URLENCODED = "application/x-www-form-urlencoded"
JSON = {"Accept": "application/json"}
TO, TEXT = ("to", "b@example.com"), ("text", "x")


class ClientTest(BenchTest):
    buffering = "on"
    limits = ""

    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        self.bench.start_program(
            f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n{OPEN}{FORMS}{self.limits}")
        (self.http2,) = free_ports(1)
        self.bench.start_nginx(buffering=self.buffering, extra=f"listen 127.0.0.1:{self.http2} http2;")
        self.url = f"http://127.0.0.1:{self.bench.port}"
        self.seen = 0

    def arrived(self):
        """The mail that arrived since the last call."""
        messages = self.mail.messages()
        self.assertEqual(len(messages), self.seen + 1)
        self.seen += 1
        parsed = email.message_from_bytes(messages[-1]["content"], policy=email.policy.default)
        return parsed

    def text_of(self, parsed):
        return parsed.get_body(("plain",)).get_content().replace("\r\n", "\n").removesuffix("\n")

    def text(self):
        return self.text_of(self.arrived())

    def attached(self, parsed):
        return [(file.get_filename(), file.get_content_type(), file.get_payload(decode=True)) for file in parsed.iter_attachments()]

    def nothing(self):
        self.assertEqual(len(self.mail.messages()), self.seen)

    # -- curl

    def curl(self, *arguments, path="/send", port=None, status=200, stdin=b""):
        run = subprocess.run(
            ["curl", "-sS", "-H", "Accept: application/json", "-w", "\n%{http_code} %{http_version}", *arguments,
             f"http://127.0.0.1:{port or self.bench.port}{path}"], input=stdin, capture_output=True, check=True, cwd=self.bench.dir)
        body, _, end = run.stdout.decode().rpartition("\n")
        self.assertEqual(end.split()[0], str(status), body)
        return json.loads(body), end.split()[1]

    def file(self, name, content):
        (self.bench.dir / name).write_bytes(content)
        return name


class Curl(ClientTest):
    def test_field_names(self):
        names = ['quo"te', "per%22cent", "back\\slash", "ünï 🙂", "semi;colon", "line\nend", "a b"]
        self.curl(*[part for name in names for part in ("--form-string", f"{name}=v")], path="/form/any")
        self.assertEqual(self.text().splitlines(), [
            'quo"te: v', 'per"cent: v', "back\\slash: v", "ünï 🙂: v", "semi;colon: v", "line?end: v", "a b: v"])
        # "%22" is read as a quote, which is what it mostly means (WHATWG HTML 4.10.21.8); --form-escape writes \\" for one
        self.curl("--form-escape", "-F", 'quo"te=v', "-F", "back\\slash=v", path="/form/any")
        self.assertEqual(self.text().splitlines(), ['quo"te: v', "back\\slash: v"])

    def test_file_names(self):
        self.file("f", b"\0\r\n.\r\n--\xff")
        given = ['quo\\"te.txt', "ü 資料 🙂.txt", "C:\\\\temp\\\\new.txt", "100%.txt", "semi;colon.txt", " spaces .txt"]
        # a mail's file has no folder and no space around it
        meant = ['quo"te.txt', "ü 資料 🙂.txt", "new.txt", "100%.txt", "semi;colon.txt", "spaces .txt"]
        arguments = [part for name in given for part in ("-F", f'attachment=@f;filename="{name}";type=application/x-own')]
        for more in ([], ["--form-escape"]):
            self.curl("-F", "to=b@example.com", "-F", "text=x", *more, *arguments)
            self.assertEqual(self.attached(self.arrived()),
                             [(name, "application/x-own", b"\0\r\n.\r\n--\xff") for name in meant])

    def test_types(self):
        self.file("page.html", b"<p>\xfc</p>")
        self.file("data", b"x")
        self.curl("-F", "to=b@example.com", "-F", "text=gr\udcfc\udcdfe;type=text/plain;charset=iso-8859-1".encode("utf-8", "surrogateescape"),
                  "-F", "html=<page.html;type=text/html;charset=iso-8859-1", "-F", "attachment=@data;type=image/png",
                  "-F", "attachment=@page.html")
        parsed = self.arrived()
        self.assertEqual(self.text_of(parsed), "grüße")
        self.assertEqual(parsed.get_body(("html",)).get_content().strip(), "<p>ü</p>")
        self.assertEqual(self.attached(parsed), [("data", "image/png", b"x"), ("page.html", "text/html", b"<p>\xfc</p>")])

    def test_encoders_are_refused_with_the_reason(self):
        for encoder, status in (("base64", 400), ("quoted-printable", 400), ("7bit", 200), ("8bit", 200), ("binary", 200)):
            answer, _ = self.curl("-F", "to=b@example.com", "-F", f"text=hello;encoder={encoder}", status=status)
            if status == 400:
                self.assertIn(f"Content-Transfer-Encoding: {encoder} is not read", answer["detail"])
                self.nothing()
            else:
                self.assertEqual(self.text(), "hello")

    def test_several_files_of_one_field(self):
        self.file("one", b"1")
        self.file("two", b"2")
        answer, _ = self.curl("-F", "to=b@example.com", "-F", "text=x", "-F", "attachment=@one,two", status=400)
        self.assertIn("multipart/mixed", answer["detail"])  # RFC 7578 4.3
        self.nothing()
        self.curl("-F", "to=b@example.com", "-F", "text=x", "-F", "attachment=@one", "-F", "attachment=@two")
        self.assertEqual([name for name, _, _ in self.attached(self.arrived())], ["one", "two"])

    def test_urlencoded(self):
        self.curl("--data-urlencode", "ä b=ü &=+%\n🙂", "--data-urlencode", "c=", "--data", "raw=1+2%zz&&novalue", path="/form/any")
        self.assertEqual(self.text(), "ä b:\n    ü &=+%\n    🙂\nc:\nraw: 1 2%zz\nnovalue:")

    def test_expect_100_continue(self):
        self.file("large", b"\n.\r\n" * 500000)
        self.curl("-H", "Expect: 100-continue", "-F", "to=b@example.com", "-F", "text=x", "-F", "attachment=@large")
        self.assertEqual(self.attached(self.arrived()), [("large", "application/octet-stream", b"\n.\r\n" * 500000)])

    def test_http2(self):
        self.file("f", b"\0" * 300000)
        _, version = self.curl("--http2-prior-knowledge", "-F", "to=b@example.com", "-F", "text=x", "-F", "attachment=@f",
                               port=self.http2)
        self.assertEqual(version, "2")
        self.assertEqual(self.attached(self.arrived()), [("f", "application/octet-stream", b"\0" * 300000)])
        self.curl("--http2-prior-knowledge", "-F", "to=b@example.com", "-F", "text=<-", port=self.http2, stdin="aus der Röhre".encode())
        self.assertEqual(self.text(), "aus der Röhre")

    def test_chunked(self):
        chunked = ("-H", "Transfer-Encoding: chunked")
        self.file("f", b"--x\r\n" * 60000)
        self.curl(*chunked, "-F", "to=b@example.com", "-F", "text=x", "-F", "attachment=@f")
        self.assertEqual(self.attached(self.arrived()), [("f", "application/octet-stream", b"--x\r\n" * 60000)])
        self.curl("-F", "to=b@example.com", "-F", "text=<-", stdin=b"of no length that is known")  # chunked, too
        self.assertEqual(self.text(), "of no length that is known")
        self.curl(*chunked, "--data-binary", "@-", "-H", "Content-Type: application/json",
                  stdin=json.dumps({"to": "b@example.com", "text": "JSON"}).encode())
        self.assertEqual(self.text(), "JSON")
        self.curl(*chunked, "-H", "Expect: 100-continue", "-d", "to=b@example.com&text=form")
        self.assertEqual(self.text(), "form")


class CurlUnbuffered(Curl):
    """The same where nginx hands on what it has got so far, and of a chunked body not even the length."""
    buffering = "off"


class Python(ClientTest):
    def test_requests(self):
        answer = requests.post(f"{self.url}/send", data={"to": "b@example.com", "subject": "Grüße", "text": "ä&b=c\r\n+"}, timeout=30)
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "sent"))
        parsed = self.arrived()
        self.assertEqual((parsed["subject"], self.text_of(parsed)), ("Grüße", "ä&b=c\n+"))
        files = [("attachment", ("ünï \"q\" 資料.txt", b"1", "text/plain")), ("attachment", ("back\\slash", b"2")),
                 ("attachment", ("empty", b""))]
        answer = requests.post(f"{self.url}/send", data=[("to", "b@example.com"), ("to", "c@example.com"), TEXT], files=files, timeout=30)
        self.assertEqual(answer.json()["accepted"], ["b@example.com", "c@example.com"])
        self.assertEqual(self.attached(self.arrived()), [
            ("ünï \"q\" 資料.txt", "text/plain", b"1"), ("slash", "application/octet-stream", b"2"),
            ("empty", "application/octet-stream", b"")])
        answer = requests.post(f"{self.url}/send", json={"to": ["b@example.com"], "text": "ü 🙂\n"}, timeout=30)
        self.assertEqual((answer.status_code, self.text()), (200, "ü 🙂"))

    def test_field_names_of_requests(self):
        names = ['quo"te', "back\\slash", "ünï", "per%22cent", "line\r\nend"]
        answer = requests.post(f"{self.url}/form/any", files=[(name, (None, "v")) for name in names], headers=JSON, timeout=30)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(self.text().splitlines(), ['quo"te: v', "back\\slash: v", "ünï: v", 'per"cent: v', "line??end: v"])

    def test_urllib(self):
        body = urllib.parse.urlencode([TO, ("subject", "Größe & %"), ("text", "a\r\nb+c")]).encode()
        with urllib.request.urlopen(f"{self.url}/send", body, 30) as answer:
            self.assertEqual(answer.status, 200)
        parsed = self.arrived()
        self.assertEqual((parsed["subject"], self.text_of(parsed)), ("Größe & %", "a\nb+c"))
        latin = urllib.parse.urlencode([TO, ("text", "Größe")], encoding="iso-8859-1").encode()
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{self.url}/send", latin, 30)
        with caught.exception as answer:
            self.assertEqual((answer.code, json.load(answer)["field"]), (400, "text"))
        with urllib.request.urlopen(f"{self.url}/send", latin + b"&_charset_=iso-8859-1", 30) as answer:
            self.assertEqual(answer.status, 200)
        self.assertEqual(self.text(), "Größe")

    def test_a_form_by_the_mime_library(self):
        """RFC 7578 with what Python has for mails: RFC 2231 for what is not ASCII, MIME-Version in the parts."""
        form = email.mime.multipart.MIMEMultipart("form-data")
        for name, part in (("to", email.mime.text.MIMEText("b@example.com", "plain", "us-ascii")),
                           ("text", email.mime.text.MIMEText("hello", "plain", "us-ascii"))):
            part.add_header("Content-Disposition", "form-data", name=name)
            form.attach(part)
        file = email.mime.application.MIMEApplication(b"\0\1", _encoder=lambda part: None)
        file.add_header("Content-Disposition", "form-data", name="attachment", filename=("utf-8", "", "Größe 資料.bin"))
        form.attach(file)
        head, _, body = form.as_bytes(policy=email.policy.HTTP).partition(b"\r\n\r\n")
        kind = email.message_from_bytes(head)["Content-Type"]
        answer = self.bench.request("POST", "/send", body, {"Content-Type": kind.replace("\r\n", "")})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.attached(self.arrived()), [("Größe 資料.bin", "application/octet-stream", b"\0\1")])

    def test_chunked(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.bench.port, timeout=30)
        self.addCleanup(connection.close)
        body = b"to=b@example.com&text=" + "größe".encode()
        connection.request("POST", "/send", (body[i:i + 1] for i in range(len(body))), {"Content-Type": URLENCODED}, encode_chunked=True)
        self.assertEqual(connection.getresponse().status, 200)
        self.assertEqual(self.text(), "größe")


class PythonUnbuffered(Python):
    buffering = "off"


class Node(ClientTest):
    def node(self, case, status=200):
        run = subprocess.run(["node", "clients.mjs", self.url, case], cwd=npm.install(), capture_output=True, check=True)
        answer = json.loads(run.stdout)
        self.assertEqual(answer["status"], status, answer)
        return json.loads(answer["body"])

    def test_fetch(self):
        self.node("names")
        self.assertEqual(self.text(), 'we"ird: 1\nline??end: 2\nper"cent ?: 3\nback\\slash: 4\nünï 🙂:\n    ä\n    ö')
        answer = self.node("noName", 400)
        self.assertIn("has no name", answer["detail"])
        self.node("files")
        parsed = self.arrived()
        self.assertEqual(self.text_of(parsed), "a\nb\nc\nd")
        self.assertEqual(self.attached(parsed), [
            ('quo"te.txt', "text/plain", b"1"), ("ü.bin", "application/octet-stream", b"2"),
            ("100% 資料 🙂.pdf", "application/pdf", b"\0\r\n\xff"), ("blob", "application/octet-stream", b"4"),
            ("empty.txt", "text/plain", b"")])
        answer = self.node("lineEndInFileName", 400)
        self.assertEqual(answer["field"], "attachment")
        self.nothing()
        self.node("urlencoded")
        self.assertEqual(self.text(), "a b&c=d:\n    ü +%&=\n    🙂\nagain: 1\nagain: 2\nempty:")
        self.node("streamed")
        self.assertEqual(self.text(), "ström")


PART = b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
HEAD = PART % (b"X", b"to", b"b@example.com")


def ten_thousand(value, count=10000):
    """That many fields, in every type of form."""
    return {
        URLENCODED: b"&".join(b"f%d=%b" % (i, value) for i in range(count)),
        "multipart/form-data; boundary=X": b"".join(PART % (b"X", b"f%d" % i, value) for i in range(count)) + b"--X--\r\n",
        "application/json": json.dumps({f"f{i}": value.decode() for i in range(count)}).encode(),
    }


class Bodies(ClientTest):
    """Written by hand; nginx in between."""

    def post(self, body, kind="multipart/form-data; boundary=X", path="/send"):
        return self.bench.request("POST", path, body, {"Content-Type": kind, **JSON})

    def test_boundaries(self):
        longest = "0123456789" * 7
        cases = [("x", "x"), ("-", "-"), ("----", "----"), ('"a b"', "a b"), ('"\'()+_,-./:=?"', "'()+_,-./:=?"), (longest, longest),
                 ("a=b", "a=b"), ("a'b+c_d.e", "a'b+c_d.e"), ('"x"; charset=utf-8', "x"), ('"to"', "to"), ('"\\x"', "x")]
        for written, meant in cases:
            with self.subTest(boundary=written):
                boundary = meant.encode()
                body = PART % (boundary, b"to", b"b@example.com") + PART % (boundary, b"text", b"--" + boundary[:-1] + b"\r\n-") + b"--%b--\r\n" % boundary
                answer = self.post(body, f"multipart/form-data; boundary={written}")
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(self.text(), f"--{meant[:-1]}\n-")
        for kind in ("multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary=""',
                     "multipart/form-data; boundary=X; boundary=X", f"multipart/form-data; boundary={longest}1",
                     "multipart/form-data; boundary=a b", 'multipart/form-data; boundary="a "', 'multipart/form-data; boundary="a'):
            with self.subTest(kind=kind):
                self.assertProblem(self.post(HEAD + b"--X--", kind), 400, "malformed-form")
        self.nothing()

    def test_framing(self):
        text = PART % (b"X", b"text", b"hello")
        for name, body in (("preamble", b"This is a form.\r\n--Y\r\n" + HEAD + text + b"--X--\r\n"),
                           ("epilogue", HEAD + text + b"--X--\r\nfor whom?\r\n--X\r\n--X--\r\n"),
                           ("no line end behind it", HEAD + text + b"--X--"),
                           ("padding", HEAD.replace(b"--X\r\n", b"--X \t\r\n") + text + b"--X-- \r\n"),
                           ("an empty line before", b"\r\n" + HEAD + text + b"--X--\r\n"),
                           ("an empty file input", HEAD + text + b'--X\r\nContent-Disposition: form-data; name="attachment"; '
                            b'filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--X--\r\n')):
            with self.subTest(name):
                answer = self.post(body)
                self.assertEqual(answer.status, 200, answer)
                parsed = self.arrived()
                self.assertEqual((self.text_of(parsed), self.attached(parsed)), ("hello", []))
        for name, body in (("no final boundary", HEAD + text), ("half of it", HEAD + text + b"--X-"), ("within a header", HEAD + b"--X\r\nContent-"),
                           ("within a value", HEAD + text[:-4]), ("nothing", b""), ("no boundary", b"text=hello"),
                           ("another boundary", (HEAD + text).replace(b"--X", b"--Y") + b"--Y--"), ("line feeds alone", (HEAD + text + b"--X--\r\n").replace(b"\r", b""))):
            with self.subTest(name):
                answer = self.post(body)
                self.assertProblem(answer, 400, "malformed-form")
        self.nothing()

    def test_duplicates(self):
        for name in ("subject", "text", "html", "from", "sender", "dry_run"):
            value = "a@example.com" if name in ("from", "sender") else "1"
            answer = self.bench.send(TO, TEXT if name != "text" else (name, value), (name, value), *([(name, value)] if name != "text" else []))
            self.assertProblem(answer, 400, "invalid-field")
            self.assertEqual(answer.json["field"], name)
        self.assertProblem(self.bench.send(TO, TEXT, ("body", "x")), 400, "invalid-field")
        self.nothing()
        self.assertEqual(self.bench.send(TO, ("to", "c@example.com, b@EXAMPLE.com"), TEXT, ("reply_to", "a@example.com"),
                                         ("reply_to", "b@example.com")).json["accepted"], ["b@example.com", "c@example.com"])

    def test_ten_thousand_fields(self):
        for kind, body in ten_thousand(b"").items():
            for path in ("/send", "/form/any"):
                with self.subTest(kind=kind, path=path):
                    begun = time.monotonic()
                    self.assertProblem(self.post(body, kind, path), 413, "too-many-fields")
                    self.assertLess(time.monotonic() - begun, 5)
        body = json.dumps({"to": ["b@example.com"] * 10000}).encode()
        self.assertProblem(self.post(body, "application/json"), 413, "too-many-fields")
        self.nothing()


class Many(ClientTest):
    limits = "limits: {fields: 20000}\n"

    def test_where_so_many_fields_are_allowed(self):
        for kind, body in ten_thousand(b"v").items():
            with self.subTest(kind=kind):
                begun = time.monotonic()
                answer = self.bench.request("POST", "/form/any", body, {"Content-Type": kind, **JSON})
                self.assertEqual(answer.status, 200, answer)
                self.assertLess(time.monotonic() - begun, 10)  # about linear
                self.assertEqual(self.text().splitlines(), [f"f{i}: v" for i in range(10000)])


if __name__ == "__main__":
    unittest.main()
