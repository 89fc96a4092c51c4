"""API keys through nginx: who may do what, 401s, and what --new-key prints."""

import base64
import subprocess
import unittest

from harness import PROGRAM, WAIT, BenchTest


class Keys(BenchTest):
    FIELDS = [("from", "shop@example.com"), ("to", "you@example.net"), ("text", "t")]

    def new_key(self, name):
        """A key and its lines, indented as an entry of keys:."""
        run = subprocess.run([PROGRAM, "--new-key", name], capture_output=True, timeout=WAIT, check=True)
        self.assertEqual(run.stderr, b"")
        key, _, lines = run.stdout.decode().partition("\n")
        self.assertRegex(key, "^fsk_[0-9a-f]{64}$")
        self.assertNotIn(key, lines)
        (digest,) = [line.split('"')[1] for line in lines.splitlines() if "sha256:" in line]
        return key, digest

    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()
        self.other = self.bench.start_mail_server()
        self.shop, shop = self.new_key("shop")
        self.none, none = self.new_key("none")
        self.admin, admin = self.new_key("admin")
        self.config = (
            f"server: main\nservers:\n  main: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}\n"
            f"  other: {{host: 127.0.0.1, port: {self.other.port}, tls: none}}\n"
            'defaults: {to: ops@example.com, from: site@example.com}\n'
            'allow: {recipients: ["*@public.example"], senders: ["public@example.com"]}\n'
            "keys:\n"
            f'  - {{name: shop, sha256: {shop}, allow: {{recipients: ["*"], senders: [shop@example.com]}}}}\n'
            f"  - {{name: none, sha256: {none.upper()}}}\n"
            f'  - {{name: admin, sha256: {admin}, allow: {{recipients: ["*"], senders: ["*"], servers: [other],'
            f' override: [server, port, tls], hosts: [localhost], ports: [{self.other.port}]}}}}\n')
        self.bench.start_program(self.config)
        self.bench.start_nginx()

    def send(self, key, *fields, scheme="Bearer"):
        headers = {"Authorization": f"{scheme} {key}"} if key else {}
        return self.bench.send(*(fields or self.FIELDS), headers=headers)

    def basic(self, key, user="anybody"):
        return base64.b64encode(f"{user}:{key}".encode()).decode()

    def test_a_key_by_bearer_and_basic(self):
        self.assertEqual(self.send(self.shop).status, 200)
        self.assertEqual(self.send(self.shop, scheme="bearer").status, 200)
        for user in ("anybody", "", "Zoë", "shop"):
            self.assertEqual(self.send(self.basic(self.shop, user), scheme="Basic").status, 200)
        run = subprocess.run(
            ["curl", "-sS", "-u", f"api:{self.shop}", "-F", "from=shop@example.com", "-F", "to=you@example.net", "-F",
             "text=hi", f"http://127.0.0.1:{self.bench.port}/send"], check=True, stdout=subprocess.PIPE)
        self.assertIn(b'"status":"sent"', run.stdout)
        self.assertEqual(len(self.mail.messages()), 7)

    def test_wrong_keys(self):
        for scheme, key in (("Bearer", self.shop[:-1]), ("Bearer", self.shop + "0"), ("Bearer", self.shop.upper()),
                            ("Bearer", "x"), ("Basic", self.basic("wrong")), ("Basic", self.shop), ("Basic", "!!"),
                            ("Basic", base64.b64encode(self.shop.encode()).decode()), ("Digest", self.shop),
                            ("Token", self.shop), ("Bearer", "x" * 5000)):
            with self.subTest(scheme=scheme, key=key):
                answer = self.send(key, scheme=scheme)
                self.assertProblem(answer, 401, "key-unknown")
                self.assertNotIn(self.shop.encode(), answer.body)
        # a wrong key beside what anybody may do, and before everything that is wrong with the body
        self.assertProblem(self.send("x", ("text", "t")), 401, "key-unknown")
        answer = self.bench.request("POST", "/send", b"x", {"Authorization": "Bearer x", "Content-Type": "text/plain",
                                                            "Content-Encoding": "gzip"})
        self.assertProblem(answer, 401, "key-unknown")
        self.assertEqual(self.mail.messages(), [])

    def test_challenges(self):
        """Both, each in a field of its own."""
        run = subprocess.run(
            ["curl", "-sSi", "-H", "Authorization: Bearer x", "-d", "text=hi", f"http://127.0.0.1:{self.bench.port}/send"],
            check=True, stdout=subprocess.PIPE)
        lines = run.stdout.decode().lower().splitlines()
        challenges = [line for line in lines if line.startswith("www-authenticate:")]
        self.assertEqual(challenges, ['www-authenticate: bearer realm="fcgi-smtp", error="invalid_token"',
                                      'www-authenticate: basic realm="fcgi-smtp", charset="utf-8"'])

    def test_other_routes_ignore_authorization(self):
        for value in ("Bearer x", self.shop, "Basic !!"):
            self.assertEqual(self.bench.get("/healthz", {"Authorization": value}).status, 200)
        self.assertProblem(self.bench.get("/send", {"Authorization": "Bearer x"}), 405, "method-not-allowed")
        self.assertProblem(self.bench.get("/none", {"Authorization": "Bearer x"}), 404, "no-such-route")

    def test_without_a_key_the_top_level_holds(self):
        self.assertEqual(self.send(None, ("text", "t")).status, 200)
        allowed = self.send(None, ("from", "public@example.com"), ("to", "x@public.example"), ("text", "t"))
        self.assertEqual(allowed.status, 200, allowed)
        answer = self.send(None)
        self.assertProblem(answer, 403, "recipient-not-allowed")
        self.assertIn("send an API key", answer.json["detail"])
        self.assertProblem(self.send(None, ("text", "t"), ("server", "other")), 403, "override-not-allowed")

    def test_a_keys_allow_replaces_the_top_level_one(self):
        answer = self.send(self.shop, ("from", "public@example.com"), ("to", "x@public.example"), ("text", "t"))
        self.assertProblem(answer, 403, "sender-not-allowed")
        self.assertIn("allow.senders of the key shop", answer.json["detail"])
        # nothing said: nothing allowed, but the defaults
        answer = self.send(self.none, ("to", "x@public.example"), ("text", "t"))
        self.assertProblem(answer, 403, "recipient-not-allowed")
        self.assertEqual(self.send(self.none, ("text", "t")).status, 200)
        answer = self.send(self.shop, *self.FIELDS, ("server", "other"))
        self.assertProblem(answer, 403, "override-not-allowed")
        self.assertIn("of the key shop", answer.json["detail"])

    def test_servers_and_overrides_of_a_key(self):
        answer = self.send(self.admin, *self.FIELDS, ("server", "other"))
        self.assertEqual((answer.status, answer.json["server"]), (200, "other"), answer)
        answer = self.send(self.admin, *self.FIELDS, ("server", "localhost"), ("port", str(self.other.port)), ("tls", "none"))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(len(self.other.messages()), 2)
        for field in (("port", "25"), ("server", "127.0.0.1"), ("domain", "x.example"), ("user", "u")):
            answer = self.send(self.admin, *self.FIELDS, field)
            self.assertProblem(answer, 403, "override-not-allowed")

    def test_the_log_names_the_key_and_shows_none(self):
        self.send(self.shop)
        self.send(self.basic(self.admin), scheme="Basic")
        self.send("fsk_wrong")
        self.send(None, ("text", "t"))
        self.bench.program.stop()
        log = self.bench.program.output()
        lines = [line for line in log.splitlines() if "route=/send" in line]
        self.assertEqual([("key=shop" in line, "key=admin" in line) for line in lines],
                         [(True, False), (False, True), (False, False), (False, False)], log)
        for secret in (self.shop, self.admin, self.basic(self.admin), "fsk_"):
            self.assertNotIn(secret, log)

    def test_json_with_a_key(self):
        body = '{"from": "shop@example.com", "to": "you@example.net", "text": "t"}'
        answer = self.bench.request("POST", "/send", body, {"Content-Type": "application/json",
                                                            "Authorization": f"Bearer {self.shop}"})
        self.assertEqual(answer.status, 200, answer)

    def test_nginx_may_keep_authorization_to_itself(self):
        """As etc/doc/api.md advises where /send is behind auth_basic."""
        self.bench.stop_program()
        self.bench.start_program(self.config)
        self.bench.start_nginx(location='location / { fastcgi_param HTTP_AUTHORIZATION "";')
        self.assertEqual(self.send("x", ("text", "t")).status, 200)


class WithoutKeys(BenchTest):
    def test_every_key_is_unknown(self):
        mail = self.bench.start_mail_server()
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {mail.port}, tls: none}}\n"
                                 "defaults: {to: ops@example.com, from: site@example.com}\n")
        self.bench.start_nginx()
        self.assertProblem(self.bench.send(("text", "t"), headers={"Authorization": "Bearer x"}), 401, "key-unknown")
        self.assertEqual(self.bench.send(("text", "t")).status, 200)
        answer = self.bench.send(("text", "t"), ("to", "x@example.com"))
        self.assertProblem(answer, 403, "recipient-not-allowed")
        self.assertNotIn("API key", answer.json["detail"])


if __name__ == "__main__":
    unittest.main()
