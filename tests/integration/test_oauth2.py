"""OAuth2 as at Gmail and Microsoft 365: etc/oauth2/access-token.sh against a token endpoint, its tokens against Postfix."""

import http.server
import json
import subprocess
import sys
import threading
import unittest
import urllib.parse

import postfix
from harness import SOURCE, BenchTest, wait_until

SCRIPT = SOURCE / "etc" / "oauth2" / "access-token.sh"
AWKWARD = 'a+b&c=d "e" \\f %41 $(id) `id` ä'  # a secret with all that shells, curl and forms give a meaning


class TokenEndpoint(http.server.ThreadingHTTPServer):
    """Answers as answer() says; requests has the forms that were posted."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.answer = lambda form: (200, {})
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/token"

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True))
        self.server.requests.append(form)
        status, answer = self.server.answer(form)
        content = json.dumps(answer, indent=2 if form.get("grant_type") == "refresh_token" else None).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *arguments):
        pass


class OAuth2(BenchTest):
    def setUp(self):
        super().setUp()
        self.endpoint = TokenEndpoint()
        self.addCleanup(self.endpoint.close)

    def write_fields(self, example, **values):
        """A file like one in etc/oauth2, with our own endpoint and secrets."""
        lines = (SOURCE / "etc" / "oauth2" / example).read_text().splitlines()
        values["token_url"] = self.endpoint.url
        lines = [f"{name}={values.get(name, value)}" if "=" in line and line[0] != "#" else line
                 for line in lines for name, _, value in [line.partition("=")]]
        path = self.bench.dir / example
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o644)
        return path

    def run_script(self, *arguments):
        return subprocess.run([SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                              check=False)

    def test_fields(self):
        """What is in the file arrives as it is, and nothing of it is run."""
        self.endpoint.answer = lambda form: (200, {"token_type": "Bearer", "access_token": "eyJ.a-b_c~d+e/f=", "expires_in": 1})
        for example, names in (("gmail.example", {"grant_type", "client_id", "client_secret", "refresh_token"}),
                               ("microsoft365.example", {"grant_type", "client_id", "client_secret", "scope"})):
            with self.subTest(example=example):
                result = self.run_script(self.write_fields(example, client_secret=AWKWARD))
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "eyJ.a-b_c~d+e/f=\n", ""))
                self.assertEqual(set(self.endpoint.requests[-1]), names)
                self.assertEqual(self.endpoint.requests[-1]["client_secret"], AWKWARD)

    def test_errors(self):
        self.endpoint.answer = lambda form: (400, {"error": "invalid_grant", "error_description": "Token has been revoked."})
        fields = self.write_fields("gmail.example", client_secret="s3cret")
        result = self.run_script(fields)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertEqual(result.stderr, f"{self.endpoint.url} says: invalid_grant: Token has been revoked.\n")
        for wrong in ("http://example.com/token", "file:///etc/passwd", ""):
            fields.write_text(f"token_url={wrong}\nclient_secret=s3cret\n")
            result = self.run_script(fields)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("token_url=https://", result.stderr)
        self.assertEqual(self.run_script(self.bench.dir / "none").returncode, 1)
        self.endpoint.close()
        result = self.run_script(self.write_fields("gmail.example", client_secret="s3cret"))
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual((result.stdout, "s3cret" in result.stderr), ("", False))

    def test_delivery(self):
        """A mail by XOAUTH2; the token is kept, and another is got when it is refused."""
        server = postfix.Postfix(self.bench)
        self.addCleanup(server.close)
        tokens = [postfix.token(), postfix.token(key=b"another")]  # the second is one that Postfix refuses
        self.endpoint.answer = lambda form: (200, {"access_token": tokens[0], "expires_in": 3599, "scope": form.get("scope")})
        fields = self.write_fields("microsoft365.example", client_secret=AWKWARD)
        self.bench.start_program(
            f"server: {{host: localhost, port: {server.ports['starttls']}, user: {postfix.USER}, auth: xoauth2,\n"
            f"  ca_file: {self.bench.certificates()}/ca.pem, password_command: [{SCRIPT}, {fields}], password_ttl: 50m,\n"
            "  pool: {size: 0}}\n"
            "defaults: {from: a@example.com, to: b@example.com}\n")
        self.bench.start_nginx()
        for _ in range(2):
            answer = self.bench.send(("text", "t"))
            self.assertEqual(answer.status, 200, f"{answer}\n{server.explain()}")
        wait_until(lambda: len(server.logins()) == 2, "Postfix' log")
        self.assertEqual(server.logins(), [("XOAUTH2", postfix.USER)] * 2)
        self.assertEqual(len(self.endpoint.requests), 1)
        self.bench.stop_program()

        tokens.reverse()
        self.bench.start_program(
            f"server: {{host: localhost, port: {server.ports['starttls']}, user: {postfix.USER}, auth: xoauth2,\n"
            f"  ca_file: {self.bench.certificates()}/ca.pem, password_command: [{SCRIPT}, {fields}]}}\n"
            "defaults: {from: a@example.com, to: b@example.com}\n")
        self.bench.start_nginx()
        self.assertProblem(self.bench.send(("text", "t")), 502, "smtp-auth-failed")
        self.assertEqual(len(self.endpoint.requests), 3)
        tokens.reverse()
        self.assertEqual(self.bench.send(("text", "t")).status, 200)
        self.assertNotIn(tokens[0], self.bench.program.output())


if __name__ == "__main__":
    if postfix.missing():
        print(postfix.missing())
        sys.exit(77)
    unittest.main()
