"""Pages for people and monitoring through nginx: /metrics, /readyz, /status and the compose page."""

import base64
import collections
import concurrent.futures
import hashlib
import html.parser
import re
import signal
import subprocess
import time
import unittest
import urllib.parse

from harness import BenchTest, free_ports, wait_until

ALL = "pages: [metrics, status, compose]\n"
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "t")]

NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{([^\n]*)\}})? (-?[0-9.]+|\+Inf|NaN)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


class Exposition:
    """A strict reader of the text format 0.0.4: what Prometheus would refuse or take for something else raises."""

    def __init__(self, text):
        assert text.endswith("\n")
        self.types, self.helps, self.samples = {}, {}, {}
        current = None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, help_text = line.split(" ", 3)
                assert name not in self.helps and help_text, line
                self.helps[name] = help_text
                current = name
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name == current and name not in self.types and kind in ("counter", "gauge", "histogram"), line
                self.types[name] = kind
            else:
                self.sample(line, current)
        for name, kind in self.types.items():
            assert kind != "counter" or name.endswith("_total"), name
            assert not re.search(r"_(ms|milliseconds|microseconds|octets)(_|$)", name), f"{name}: not a base unit"
            if kind == "histogram":
                self.histogram(name)

    def sample(self, line, current):
        match = SAMPLE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        pairs, end = [], 0
        while labels and end < len(labels):
            label = LABEL.match(labels, end)
            assert label, line
            pairs.append((label[1], label[2].replace(r"\n", "\n").replace(r"\"", '"').replace("\\\\", "\\")))
            end = label.end()
        assert len({pair[0] for pair in pairs}) == len(pairs), f"a label twice: {line}"
        family = re.sub("_(bucket|sum|count)$", "", name) if self.types.get(current) == "histogram" else name
        assert family == current, f"{name} among the samples of {current}"
        key = (name, tuple(sorted(pairs)))
        assert key not in self.samples, f"twice: {line}"
        self.samples[key] = float(value)

    def histogram(self, name):
        series = collections.defaultdict(list)
        for (sample, labels), value in self.samples.items():
            if sample == f"{name}_bucket":
                le = dict(labels)["le"]
                series[tuple(pair for pair in labels if pair[0] != "le")].append((float(le), value))
        for labels, buckets in series.items():
            assert buckets == sorted(buckets), (name, labels, buckets)
            assert [count for _, count in buckets] == sorted(count for _, count in buckets), buckets
            assert buckets[-1][0] == float("inf")
            assert self.samples[f"{name}_count", labels] == buckets[-1][1]
            assert (f"{name}_sum", labels) in self.samples

    def get(self, name, **labels):
        return self.samples[name, tuple(sorted(labels.items()))]

    def total(self, name):
        return sum(value for (sample, _), value in self.samples.items() if sample == name)


class Elements(html.parser.HTMLParser):
    """Every element's name and attributes; ids and labels must fit."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)
        ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), ids
        for _, attributes in self.elements:
            for name in ("for", "aria-describedby", "aria-labelledby"):
                assert name not in attributes or attributes[name] in ids, attributes

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


class PagesTest(BenchTest):
    def serve(self, port, more="", server="", **options):
        self.bench.start_program(
            f"servers: {{main: {{host: 127.0.0.1, port: {port}, tls: none{server}}}}}\n{ALL}{OPEN}{more}")
        self.bench.start_nginx(**options)

    def metrics(self):
        answer = self.bench.get("/metrics")
        self.assertEqual((answer.status, answer.headers["Content-Type"]),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        run = subprocess.run(["promtool", "check", "metrics"], input=answer.body, capture_output=True, check=False)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
        return Exposition(answer.body.decode())


class Metrics(PagesTest):
    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server()

    def test_everything_is_counted_once(self):
        self.serve(self.mail.port)
        for _ in range(3):
            self.assertEqual(self.bench.send(*FIELDS).status, 200)
        self.assertEqual(self.bench.send(*FIELDS, ("dry_run", "1")).status, 200)
        self.assertEqual(self.bench.send(("nonsense", "x")).status, 400)
        self.assertEqual(self.bench.get("/nothing").status, 404)
        self.assertEqual(self.bench.get("/healthz").status, 200)
        metrics = self.metrics()
        self.assertEqual(metrics.get("fcgi_smtp_requests_total", route="send", status="200"), 4)
        self.assertEqual(metrics.get("fcgi_smtp_requests_total", route="send", status="400"), 1)
        self.assertEqual(metrics.get("fcgi_smtp_requests_total", route="other", status="404"), 1)
        self.assertEqual(metrics.get("fcgi_smtp_results_total", result="accepted"), 5)
        self.assertEqual(metrics.get("fcgi_smtp_results_total", result="refused"), 2)
        self.assertEqual(metrics.total("fcgi_smtp_requests_total"), metrics.total("fcgi_smtp_results_total"))
        self.assertEqual(metrics.get("fcgi_smtp_deliveries_total", server="main", outcome="sent"), 3)
        self.assertEqual(metrics.total("fcgi_smtp_deliveries_total"), 3)
        self.assertEqual(metrics.get("fcgi_smtp_delivery_seconds_count", server="main"), 3)
        self.assertEqual(metrics.get("fcgi_smtp_step_seconds_count", server="main", step="transaction"), 3)
        opened = metrics.get("fcgi_smtp_sessions_total", server="main", origin="opened")
        self.assertEqual(metrics.get("fcgi_smtp_step_seconds_count", server="main", step="connect"), opened)
        self.assertEqual(opened + metrics.get("fcgi_smtp_sessions_total", server="main", origin="reused"), 3)
        self.assertEqual(metrics.get("fcgi_smtp_step_seconds_count", server="main", step="tls"), 0)
        self.assertGreater(metrics.get("fcgi_smtp_delivery_seconds_sum", server="main"), 0)
        self.assertGreater(metrics.get("fcgi_smtp_request_body_bytes_total"), 1000)
        self.assertGreater(metrics.get("fcgi_smtp_response_body_bytes_total"), 100)
        self.assertEqual(metrics.get("fcgi_smtp_message_bytes_total"),
                         sum(len(message["content"]) for message in self.mail.messages()))
        self.assertEqual(metrics.get("fcgi_smtp_workers"), 32)
        self.assertEqual(metrics.get("fcgi_smtp_workers_busy"), 0)
        self.assertGreaterEqual(metrics.get("fcgi_smtp_connections"), 1)
        self.assertEqual(metrics.get("fcgi_smtp_ready"), 1)
        self.assertAlmostEqual(metrics.get("fcgi_smtp_start_time_seconds"), time.time(), delta=300)
        # A session returns to the pool behind the answer.
        wait_until(lambda: self.metrics().get("fcgi_smtp_pool_idle_sessions", server="main") == opened, "the pool")

    def test_results_add_up_while_requests_are_in_work(self):
        self.serve(self.mail.port, "workers: 2\nqueue_wait: 50ms\n")
        kinds = [lambda: self.bench.send(*FIELDS), lambda: self.bench.send(("nonsense", "x")),
                 lambda: self.bench.get("/nothing"), lambda: self.bench.get("/readyz")]
        count = 120
        with concurrent.futures.ThreadPoolExecutor(8) as executor:
            answers = [executor.submit(kinds[i % len(kinds)]) for i in range(count)]
            scrapes = 0
            while not all(answer.done() for answer in answers):
                metrics = self.metrics()
                self.assertEqual(metrics.total("fcgi_smtp_requests_total"), metrics.total("fcgi_smtp_results_total"))
                scrapes += 1
        metrics = self.metrics()
        self.assertEqual(metrics.total("fcgi_smtp_results_total"), count + scrapes)
        statuses = [answer.result().status for answer in answers]
        self.assertEqual(metrics.get("fcgi_smtp_results_total", result="failed"), sum(s >= 500 for s in statuses))
        self.assertEqual(metrics.get("fcgi_smtp_results_total", result="refused"), sum(400 <= s < 500 for s in statuses))
        self.assertEqual(metrics.get("fcgi_smtp_deliveries_total", server="main", outcome="sent"),
                         len(self.mail.messages()))

    def test_the_honeypot_has_a_result_of_its_own(self):
        self.serve(self.mail.port, "forms: {contact: {to: a@example.com}}\ndefaults: {from: a@example.com}\n")
        for fields in ([("name", "Ada")], [("name", "x"), ("_gotcha", "x")], [("botcheck", "x")]):
            self.assertEqual(self.bench.send(*fields, path="/form/contact").status, 200)
        metrics = self.metrics()
        self.assertEqual(metrics.get("fcgi_smtp_results_total", result="accepted"), 1)
        self.assertEqual(metrics.get("fcgi_smtp_results_total", result="trapped"), 2)
        self.assertEqual(metrics.get("fcgi_smtp_requests_total", route="form", status="200"), 3)
        self.assertEqual(metrics.total("fcgi_smtp_requests_total"), metrics.total("fcgi_smtp_results_total"))
        self.assertEqual(len(self.mail.messages()), 1)

    def test_servers_of_requests_make_no_labels(self):
        more = (f"allow: {{recipients: ['*'], senders: ['*'], override: [server, port, tls], hosts: [127.0.0.1, localhost],"
                f" ports: [{self.mail.port}]}}\n")
        self.bench.start_program(f"servers: {{override: {{host: 127.0.0.1, port: {self.mail.port}, tls: none}}}}\n{ALL}{more}")
        self.bench.start_nginx()
        for host in ("127.0.0.1", "localhost"):
            answer = self.bench.send(*FIELDS, ("server", host), ("port", str(self.mail.port)), ("tls", "none"))
            self.assertEqual(answer.status, 200, answer)
        metrics = self.metrics()
        self.assertEqual(metrics.get("fcgi_smtp_deliveries_total", server="(override)", outcome="sent"), 2)
        self.assertEqual(metrics.get("fcgi_smtp_deliveries_total", server="override", outcome="sent"), 0)

    def test_steps_under_tls(self):
        ca = self.bench.certificates()
        script = self.bench.start_script(
            "S: 220 x\nC: EHLO *\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO *\nS: 250-x\n"
            "S: 250 AUTH PLAIN\nC: AUTH *\nS: 235 ok\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\n"
            "DATA\nS: 250 queued\nREAD-UNTIL-EOF\n", "--cert-dir", ca)
        self.bench.start_program(
            f"server: {{host: localhost, port: {script.port}, tls: starttls, ca_file: {ca}/ca.pem, user: u, password: p}}\n"
            f"{ALL}{OPEN}")
        self.bench.start_nginx()
        answer = self.bench.send(*FIELDS)
        self.assertEqual(answer.status, 200, answer)
        metrics = self.metrics()
        for step in ("connect", "tls", "auth", "transaction"):
            self.assertEqual(metrics.get("fcgi_smtp_step_seconds_count", server="default", step=step), 1)
            self.assertGreater(metrics.get("fcgi_smtp_step_seconds_sum", server="default", step=step), 0)


class Access(PagesTest):
    def test_pages_that_are_not_listed(self):
        (port,) = free_ports(1)
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {port}, tls: none}}\n")
        self.bench.start_nginx()
        for path in ("/", "/metrics", "/status"):
            self.assertProblem(self.bench.get(path), 404, "no-such-route")

    def test_pages_for_others(self):
        (port,) = free_ports(1)
        self.serve(port, "pages_from: [192.0.2.0/24]\n")
        for path in ("/", "/metrics", "/status"):
            answer = self.bench.get(path)
            self.assertProblem(answer, 401, "key-required")
            self.assertIn("WWW-Authenticate", answer.headers)

    def test_what_clients_say_of_themselves_counts_nothing(self):
        (port,) = free_ports(1)
        self.serve(port, "pages_from: [192.0.2.0/24]\n")
        answer = self.bench.get("/metrics", {"X-Forwarded-For": "192.0.2.1", "Remote-Addr": "192.0.2.1",
                                             "X-Real-IP": "192.0.2.1", "Forwarded": "for=192.0.2.1"})
        self.assertProblem(answer, 401, "key-required")

    def test_head(self):
        (port,) = free_ports(1)
        self.serve(port)
        for path in ("/", "/metrics", "/status"):
            answer = self.bench.request("HEAD", path)
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertGreater(int(answer.headers["Content-Length"]), 1000)


class Ready(PagesTest):
    def test_it_follows_the_server(self):
        script = self.bench.start_script("== *\nS: 220 x\nC: EHLO *\nS: 250 x\nC?: QUIT\nREAD-UNTIL-EOF\n")
        self.serve(script.port)
        answer = wait_until(lambda: next((a for a in [self.bench.get("/readyz")] if a.status == 200), None), "ready")
        self.assertEqual(answer.json, {"status": "ready"})
        script.stop()
        self.bench.send(*FIELDS)  # a delivery is evidence, too
        answer = self.bench.get("/readyz")
        self.assertProblem(answer, 503, "not-ready")
        self.assertIn("Connection refused", answer.json["detail"])
        self.assertEqual(answer.headers["Retry-After"], "10")
        self.assertEqual(self.metrics().get("fcgi_smtp_ready"), 0)

    def test_the_program_ends_while_it_probes(self):
        script = self.bench.start_script("== 1\nSTALL\n")
        self.serve(script.port)
        answer = self.bench.get("/readyz")
        self.assertProblem(answer, 503, "not-ready")
        self.assertIn("not yet known", answer.json["detail"])
        begun = time.monotonic()
        self.assertEqual(self.bench.program.stop(signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - begun, 8)  # the probe alone had 10 s


class Status(PagesTest):
    def page(self):
        answer = self.bench.get("/status")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        text = answer.body.decode()
        return text, Elements(text)

    def test_failures(self):
        script = self.bench.start_script(
            "== *\nS: 220 x\nC: EHLO *\nS: 250 x\nC: MAIL *\nS: 250 ok\nC: RCPT *\n"
            "S: 550 5.1.1 <b@example.com>: user b@example.com is <i>unknown</i>\nC?: QUIT\nREAD-UNTIL-EOF\n")
        self.serve(script.port, server=", pool: {size: 0}")
        for _ in range(25):
            self.assertProblem(self.bench.send(*FIELDS), 422, "recipients-refused")
        text, elements = self.page()
        self.assertNotIn("@example.com", text)
        self.assertNotIn("<i>", text)
        self.assertIn("550 5.1.1 &lt;[address]&gt;: user [address] is &lt;[address]&gt;unknown&lt;[address]&gt;", text)
        self.assertEqual(text.count("recipients-refused"), 20)
        self.assertEqual(len(elements.all("svg")), 1)
        self.assertIn("A mail server answers.", text)

    def test_it_is_live_without_scripts(self):
        mail = self.bench.start_mail_server()
        self.serve(mail.port)
        text, elements = self.page()
        self.assertIn({"http-equiv": "refresh", "content": "5"}, elements.all("meta"))
        self.assertEqual(elements.all("script"), [])
        self.bench.send(*FIELDS)
        after, _ = self.page()
        self.assertNotEqual(text, after)
        self.assertIn("A mail server answers.", after)


class Secrets(PagesTest):
    PASSWORD = "Open-Sesame-4711"
    KEY = "a-key-that-nobody-may-see"

    def test_they_are_in_no_page(self):
        """The server says the password again, as it is and as it came, and a visitor brings a wrong key."""
        plain = base64.b64encode(f"\0app\0{self.PASSWORD}".encode()).decode()
        ca = self.bench.certificates()
        script = self.bench.start_script(
            "== *\nTLS\nS: 220 x\nC: EHLO *\nS: 250-x\nS: 250 AUTH PLAIN\nC: AUTH *\n"
            f"S: 535 5.7.8 {self.PASSWORD} is wrong, {plain} too\nC?: QUIT\nREAD-UNTIL-EOF\n", "--cert-dir", ca)
        self.bench.start_program(
            f"server: {{host: localhost, port: {script.port}, tls: implicit, ca_file: {ca}/ca.pem, user: app,"
            f" password: {self.PASSWORD}}}\n{ALL}{OPEN}"
            f"keys: [{{name: shop, sha256: {hashlib.sha256(self.KEY.encode()).hexdigest()}, allow: {{recipients: ['*'], senders: ['*']}}}}]\n")
        self.bench.start_nginx()
        bearer = {"Authorization": f"Bearer {self.KEY}"}
        self.assertProblem(self.bench.send(*FIELDS, headers=bearer), 502, "smtp-auth-failed")
        self.assertProblem(self.bench.send(*FIELDS, headers={"Authorization": f"Bearer {self.KEY}x"}), 401, "key-unknown")
        self.assertEqual(self.metrics().get("fcgi_smtp_deliveries_total", server="default", outcome="auth-failed"), 1)
        status = self.bench.get("/status").body.decode()
        self.assertIn("smtp-auth-failed", status)
        for text in (status, self.bench.get("/metrics").body.decode(), self.bench.get("/").body.decode(),
                     self.bench.get("/readyz").body.decode()):
            for secret in (self.PASSWORD, plain, self.KEY, hashlib.sha256(self.KEY.encode()).hexdigest()):
                self.assertNotIn(secret, text)


class Compose(PagesTest):
    def form(self, path="/"):
        answer = self.bench.get(path)
        self.assertEqual(answer.status, 200, answer)
        elements = Elements(answer.body.decode())
        (form,) = elements.all("form")
        return form, elements

    def test_the_form_sends(self):
        """What a browser without scripts would do."""
        mail = self.bench.start_mail_server()
        self.serve(mail.port)
        form, elements = self.form()
        self.assertEqual((form["method"], form["enctype"]), ("post", "multipart/form-data"))
        values = {"from": "a@example.com", "to": "b@example.com, c@example.com", "subject": "Grüße", "text": "Zeile\r\nzwei"}
        fields = []
        for control in elements.all("input") + elements.all("textarea"):
            if "name" not in control or control.get("type") == "checkbox":
                continue
            if control.get("type") == "file":
                fields.append((control["name"], "", "application/octet-stream", b""))  # an empty file input
            else:
                fields.append((control["name"], values.get(control["name"], "")))
        fields.append(("attachment", "ü.txt", "text/plain", b"content"))
        path = urllib.parse.urljoin("http://x/", form["action"]).removeprefix("http://x")
        answer = self.bench.send(*fields, path=path, headers={"Sec-Fetch-Site": "same-origin"})
        self.assertEqual((answer.status, answer.json["status"]), (200, "sent"), answer)
        (message,) = mail.messages()
        self.assertEqual(message["rcpt_tos"], ["b@example.com", "c@example.com"])
        # The same from another site's page is refused.
        self.assertProblem(self.bench.send(*fields, path=path, headers={"Sec-Fetch-Site": "cross-site"}), 403, "cross-site")

    def test_every_control_has_a_label(self):
        (port,) = free_ports(1)
        self.serve(port)
        _, elements = self.form()
        labelled = {label.get("for") for label in elements.all("label")}
        for control in elements.all("input") + elements.all("textarea"):
            self.assertTrue(control["id"] in labelled or control.get("type") == "checkbox", control)

    def test_below_a_base_path(self):
        mail = self.bench.start_mail_server()
        self.serve(mail.port, "base_path: /mail\n", location="location /mail {")
        for path in ("/mail", "/mail/", "/mail/?x=/y"):
            form, _ = self.form(path)
            target = urllib.parse.urljoin(f"http://x{path}", form["action"])
            self.assertEqual(target, "http://x/mail/send")


if __name__ == "__main__":
    unittest.main()
