"""The order in which a request is looked at, and that nothing of it reaches an SMTP server before all is well."""

import http.client
import socket
import unittest

from harness import BenchTest, wait_until

CONFIG = """
server: {{host: 127.0.0.1, port: {port}, tls: none, pool: {{size: 0}}}}
defaults: {{from: site@example.com, to: ops@example.com}}
limits: {{request: 10KiB}}
keys: [{{name: test, sha256: 8d3e42ed5b1b14a8e7f4a3d0f9d56c8b2d1d1c2b3a4f5e6d7c8b9a0f1e2d3c4b}}]
forms: {{any: {{to: ops@example.com}}}}
"""
MULTIPART = "multipart/form-data; boundary=X"


def part(name, value):
    return f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


class Order(BenchTest):
    def setUp(self):
        super().setUp()
        self.script = self.bench.start_script(
            "== *\nS: 220 x\nC: EHLO *\nS: 250 x\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\nDATA\n"
            "S: 250 taken\nC?: QUIT\nREAD-UNTIL-EOF\n")
        self.bench.start_program(CONFIG.format(port=self.script.port))
        self.bench.start_nginx()

    def connections(self):
        return self.script.transcript_file.read_text().count("220 x")

    def test_one_after_the_other(self):
        """A request with everything wrong; what is found first is corrected, and the next is what is said."""
        unknown, end = part("nonsense", "1"), b"--X--\r\n"
        good, far, bad = part("text", "hello"), part("to", "x@elsewhere.example"), part("cc", "nobody")
        file = part('attachment"; filename="a%0D%0Ab', "x")
        steps = [
            # path, method, key, type, coding, body, status, token
            ("/sent", "PUT", "wrong", "text/plain", "gzip", b"x" * 20000, 404, "no-such-route"),
            ("/send", "PUT", "wrong", "text/plain", "gzip", b"x" * 20000, 405, "method-not-allowed"),
            ("/send", "POST", "wrong", "text/plain", "gzip", b"x" * 20000, 401, "key-unknown"),
            ("/send", "POST", None, "text/plain", "gzip", b"x" * 20000, 415, "unsupported-media-type"),
            ("/send", "POST", None, MULTIPART, "gzip", b"x" * 20000, 415, "unsupported-media-type"),
            ("/send", "POST", None, MULTIPART, None, b"x" * 20000, 413, "request-too-large"),
            ("/send", "POST", None, MULTIPART, None, unknown + bad + far, 400, "malformed-form"),
            ("/send", "POST", None, MULTIPART, None, unknown + bad + far + end, 400, None),
            ("/send", "POST", None, MULTIPART, None, bad + far + end, 400, "invalid-field"),
            ("/send", "POST", None, MULTIPART, None, part("from", "a@example.com, b@example.com") + far + end, 422, "missing-field"),
            ("/send", "POST", None, MULTIPART, None, far + good + file + end, 403, "recipient-not-allowed"),
            ("/send", "POST", None, MULTIPART, None, good + file + end, 400, "invalid-field"),  # what composing finds
        ]
        for path, method, key, kind, coding, body, status, token in steps:
            with self.subTest(path=path, method=method, status=status, token=token):
                headers = {"Content-Type": kind, **({"Content-Encoding": coding} if coding else {}),
                           **({"Authorization": f"Bearer {key}"} if key else {})}
                answer = self.bench.request(method, path, body, headers)
                self.assertProblem(answer, status, token or answer.token)
                if token is None:
                    self.assertEqual([error["field"] for error in answer.json["errors"]], ["nonsense", "cc"])
        self.assertEqual(self.connections(), 0)  # not one octet of SMTP
        self.assertEqual(self.bench.request("POST", "/send", good + end, {"Content-Type": MULTIPART}).status, 200)
        self.assertEqual(self.connections(), 1)

    def test_no_smtp_before_the_body_is_complete(self):
        self.bench.nginx.stop()
        (self.bench.dir / "nginx").rename(self.bench.dir / "nginx-before")
        self.bench.start_nginx(buffering="off")
        body = part("text", "hello") + b"--X--\r\n"
        connection = socket.create_connection(("127.0.0.1", self.bench.port), 30)
        self.addCleanup(connection.close)
        connection.sendall(b"POST /send HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
                           % (MULTIPART.encode(), len(body), body[:-1]))
        # The program has got it: other requests behind it are answered meanwhile.
        self.assertEqual(self.bench.get("/healthz").status, 200)
        self.assertEqual(self.bench.send(("to", "x@elsewhere.example"), ("text", "x")).status, 403)
        self.assertEqual(self.connections(), 0)
        connection.sendall(body[-1:])
        response = http.client.HTTPResponse(connection)
        response.begin()
        self.assertEqual(response.status, 200)
        self.assertEqual(self.connections(), 1)

    def test_a_declared_length_is_refused_before_it_is_sent(self):
        self.bench.nginx.stop()
        (self.bench.dir / "nginx").rename(self.bench.dir / "nginx-before")
        self.bench.start_nginx(buffering="off")
        connection = socket.create_connection(("127.0.0.1", self.bench.port), 30)
        self.addCleanup(connection.close)
        connection.sendall(b"POST /send HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: 20000\r\n\r\n" % MULTIPART.encode())
        response = http.client.HTTPResponse(connection)
        response.begin()
        self.assertEqual((response.status, response.headers["Content-Type"]), (413, "application/problem+json"))
        self.assertIn(b"10240", response.read())

    def test_the_query_is_not_read(self):
        answer = self.bench.request("POST", "/send?to=x@elsewhere.example&nonsense=1&text=other&dry_run=1",
                                    part("text", "hello") + b"--X--\r\n", {"Content-Type": MULTIPART})
        self.assertEqual((answer.status, answer.json["accepted"]), (200, ["ops@example.com"]), answer)

    def test_every_answer_is_told_apart_and_kept_by_nobody(self):
        seen = set()
        for method, path, status in (("GET", "/healthz", 200), ("GET", "/none", 404), ("GET", "/send", 405), ("POST", "/send", 415),
                                     ("OPTIONS", "/form/any", 204), ("GET", "/metrics", 404), ("POST", "/v3/a.example/messages", 401)):
            answer = self.bench.request(method, path)
            self.assertEqual((answer.status, answer.headers["Cache-Control"]), (status, "no-store"), (path, answer))
            seen.add(answer.headers["X-Request-Id"])  # nginx's
        self.assertEqual(len(seen), 7)
        for request_id in seen:
            wait_until(lambda: request_id in self.bench.program.output(), "the log line")


if __name__ == "__main__":
    unittest.main()
