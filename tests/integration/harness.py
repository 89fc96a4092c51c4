"""What integration tests share: real programs in one temporary directory, on free ports, ended by their pids.

Everything waits by polling with a limit; nothing sleeps for a guessed time, and nothing outlives the test.
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["FCGI_SMTP_BUILD"])  # set by CTest
PROGRAM = BUILD / "src" / "fcgi-smtp"
SCRIPT_SERVER = BUILD / "tests" / "smtp_script" / "smtp_script"
SCRIPT_CA = BUILD / "tests" / "smtp_script" / "smtp_script_ca"
SANITIZED = os.environ.get("FCGI_SMTP_SANITIZE", "")
WAIT = 30  # seconds that anything may take at most, sanitizers included
NOBODY = 65534


def wait_until(condition, what, seconds=WAIT):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def free_ports(count):
    """Ports that nobody listens on; all are held while they are chosen, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def accepts(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


def listens(address):
    """Whether somebody listens at an address as the configuration writes it."""
    try:
        if address.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(address.removeprefix("unix:"))
            return True
    except OSError:
        return False
    host, _, port = address.rpartition(":")
    return accepts(int(port), host.strip("[]"))


class Process:
    """A program in the background; its output goes to a file."""

    def __init__(self, command, log, stdin=None, env=None, user=None):
        self.log = pathlib.Path(log)
        self.command = [str(part) for part in command]
        demote = {"user": user, "group": user, "extra_groups": []} if user and os.getuid() == 0 else {}
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                self.command, stdin=stdin or subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, **demote)

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def stop(self, number=signal.SIGTERM, seconds=WAIT):
        """Ends the program and gives its exit status."""
        if self.alive():
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.command[0]} did not end:\n{self.output()}") from None


class Answer:
    """An HTTP answer with its JSON, if it has any."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        kind = headers.get("Content-Type", "")
        self.json = json.loads(body) if body and kind in ("application/json", "application/problem+json") else None

    @property
    def token(self):
        return self.json["type"].removeprefix("urn:fcgi-smtp:")

    def __repr__(self):
        return f"<{self.status} {self.body[:2000]!r}>"


def multipart(fields):
    """Body and type of multipart/form-data. A field is (name, value) or (name, file name, type, octets)."""
    boundary = uuid.uuid4().hex
    parts = []
    for field in fields:
        name, *rest = field
        if len(rest) == 1:
            head = f'Content-Disposition: form-data; name="{name}"\r\n\r\n'
            content = rest[0]
        else:
            file_name, kind, content = rest
            head = f'Content-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
            head += f"Content-Type: {kind}\r\n\r\n" if kind else "\r\n"
        content = content.encode() if isinstance(content, str) else content
        parts += [f"--{boundary}\r\n{head}".encode(), content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


class Bench:
    """One test's world: a directory, fcgi-smtp behind nginx, and the SMTP servers that it talks to."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-smtp-test-"))
        self.dir.chmod(0o777)
        self.processes = []
        self.program = None
        self.nginx = None
        self.port = None
        self.socket = self.dir / "fcgi-smtp.sock"

    def stop_program(self):
        """Ends the program and nginx, so that they can be started anew."""
        self.program.stop()
        self.nginx.stop()
        (self.dir / "nginx").rename(self.dir / f"nginx-{len(self.processes)}")

    def close(self):
        """Ends everything; tells when a sanitizer had something to say."""
        failures = []
        for process in reversed(self.processes):
            try:
                process.stop()
            except AssertionError as error:
                failures.append(str(error))
        for log in self.dir.glob("fcgi-smtp*.log"):
            text = log.read_text(errors="replace")
            if "Sanitizer" in text or "runtime error" in text:
                failures.append(text)
        shutil.rmtree(self.dir, ignore_errors=True)
        if failures:
            raise AssertionError("\n".join(failures))

    def start(self, command, name, **options):
        process = Process(command, self.dir / f"{name}-{len(self.processes)}.log", **options)
        self.processes.append(process)
        return process

    # -- the program under test

    def write_config(self, text, name="fcgi-smtp.yaml"):
        path = self.dir / name
        path.write_text(text)
        path.chmod(0o644)
        return path

    def start_program(self, config, listen=None, arguments=(), **options):
        """Starts fcgi-smtp with the YAML text and waits until it listens."""
        listen = listen or f"unix:{self.socket}"
        options.setdefault("user", NOBODY)
        path = self.write_config(f"listen: {listen}\nlisten_mode: \"0666\"\nspill_dir: {self.dir}\n{config}")
        self.program = self.start([PROGRAM, "--config", path, *arguments], "fcgi-smtp", **options)
        wait_until(lambda: listens(listen) or not self.program.alive(), "fcgi-smtp to listen")
        if not self.program.alive():
            raise AssertionError(f"fcgi-smtp ended:\n{self.program.output()}")
        return self.program

    def start_nginx(self, location="location / {", extra="", upstream=None, keepalive=8, buffering="on",
                    read_timeout="65s", upstreams=None):
        """Starts nginx with the snippet of etc/nginx in front of the program, on self.port. upstreams: what is said in
        the place of an upstream with one server."""
        (self.port,) = free_ports(1)
        home = self.dir / "nginx"
        home.mkdir()
        home.chmod(0o777)
        snippet = (SOURCE / "etc" / "nginx" / "fcgi-smtp.conf").read_text()
        snippet = snippet.replace("include       fastcgi_params;", "include /etc/nginx/fastcgi_params;")
        snippet = snippet.replace("fastcgi_request_buffering on;", f"fastcgi_request_buffering {buffering};")
        snippet = snippet.replace("fastcgi_read_timeout    65s;", f"fastcgi_read_timeout {read_timeout};")
        if not keepalive:
            snippet = snippet.replace("fastcgi_keep_conn on;", "fastcgi_keep_conn off;")
        (home / "snippet.conf").write_text(snippet)
        server = upstream or f"unix:{self.socket}"
        keep = f"keepalive {keepalive};" if keepalive else ""
        upstreams = upstreams or f"upstream fcgi_smtp {{ server {server}; {keep} }}"
        (home / "nginx.conf").write_text(f"""
            daemon off; pid {home}/pid; error_log {home}/error.log; worker_processes 2;
            events {{ worker_connections 1024; }}
            http {{
                access_log off;
                client_body_temp_path {home}/body; fastcgi_temp_path {home}/fastcgi; proxy_temp_path {home}/proxy;
                uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
                {upstreams}
                server {{
                    listen 127.0.0.1:{self.port}; {extra}
                    {location} include {home}/snippet.conf; }}
                }}
            }}""")
        self.nginx = self.start(["nginx", "-e", home / "error.log", "-p", home, "-c", home / "nginx.conf"], "nginx",
                                user=NOBODY)
        wait_until(lambda: accepts(self.port) or not self.nginx.alive(), "nginx to listen")
        if not self.nginx.alive():
            raise AssertionError(f"nginx ended:\n{self.nginx.output()}\n{(home / 'error.log').read_text()}")

    # -- requests

    def request(self, method, path, body=None, headers=None, seconds=WAIT * 2):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def send(self, *fields, path="/send", headers=None, seconds=WAIT * 2):
        """Posts multipart/form-data to /send."""
        body, kind = multipart(fields)
        return self.request("POST", path, body, {"Content-Type": kind, **(headers or {})}, seconds)

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    # -- SMTP servers

    def certificates(self):
        """A directory with the test CA's certificates, made now."""
        path = self.dir / "ca"
        if not path.exists():
            path.mkdir()
            subprocess.run([SCRIPT_CA, path], check=True)
            path.chmod(0o755)
            for file in path.iterdir():
                file.chmod(0o644)
        return path

    def start_mail_server(self, *options):
        """A real SMTP server (aiosmtpd) that keeps what it gets."""
        return MailServer(self, options)

    def start_script(self, scenario, *options):
        """The scripted SMTP server."""
        return ScriptServer(self, scenario, options)


class MailServer:
    """aiosmtpd with mail_server.py's options; messages() gives what has arrived, in order."""

    def __init__(self, bench, options):
        self.dir = bench.dir / f"mail-{len(bench.processes)}"
        self.dir.mkdir()
        self.dir.chmod(0o777)
        script = pathlib.Path(__file__).with_name("mail_server.py")
        self.process = bench.start([sys.executable, script, self.dir, *options], "mail-server", user=NOBODY)
        wait_until(lambda: (self.dir / "port").exists() or not self.process.alive(), "the mail server")
        if not self.process.alive():
            raise AssertionError(self.process.output())
        self.port = int((self.dir / "port").read_text())

    def messages(self):
        """Dictionaries with mail_from, rcpt_tos, tls, user, content (octets)."""
        messages = []
        for path in sorted(self.dir.glob("*.json"), key=lambda path: int(path.stem)):
            message = json.loads(path.read_text())
            message["content"] = path.with_suffix(".eml").read_bytes()
            messages.append(message)
        return messages


class ScriptServer:
    """tests/smtp_script as a process."""

    def __init__(self, bench, scenario, options):
        number = len(bench.processes)
        self.dir = bench.dir / f"script-{number}"
        self.dir.mkdir()
        self.dir.chmod(0o777)
        file = self.dir / "scenario"
        file.write_text(scenario)
        self.transcript_file = self.dir / "transcript"
        self.process = bench.start(
            [SCRIPT_SERVER, *options, "--messages", self.dir, "--transcript", self.transcript_file, file], "script",
            user=NOBODY)
        wait_until(lambda: "port " in self.process.output() or not self.process.alive(), "the scripted server")
        if not self.process.alive():
            raise AssertionError(self.process.output())
        self.port = int(self.process.output().split("port ")[1].split()[0])

    def stop(self):
        """The transcript, after the server has ended; its expectations must have held."""
        status = self.process.stop()
        if status != 0:
            raise AssertionError(self.process.output())
        return self.transcript_file.read_text(errors="replace")


class BenchTest(unittest.TestCase):
    """A test case with a Bench of its own for each test."""

    def setUp(self):
        self.bench = Bench()
        self.addCleanup(self.bench.close)

    def assertProblem(self, answer, status, token, delivery="none"):
        self.assertEqual((answer.status, answer.headers.get("Content-Type")), (status, "application/problem+json"), answer)
        self.assertEqual(answer.token, token, answer)
        self.assertEqual(answer.json["status"], status)
        self.assertEqual(answer.json["delivery"], delivery, answer)
        self.assertTrue(answer.json["title"] and answer.json["detail"], answer)
        self.assertTrue(answer.headers.get("X-Request-Id"))
        self.assertEqual(answer.headers.get("Cache-Control"), "no-store")
