"""The sandbox: what code that got into the program can do, and that all features work inside."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

from harness import BUILD, NOBODY, PROGRAM, SANITIZED, WAIT, BenchTest, free_ports, wait_until
from test_attachments import attachments

PROBE = BUILD / "tests" / "sandbox_probe" / "sandbox_probe.so"
WITHOUT = BUILD / "tests" / "sandbox_probe" / "sandbox_without"
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s")]
UNUSED = "server: {host: 127.0.0.1, port: 2525, tls: none}\n"

# What each attempt comes to in the sandbox, and without it where that is always the same.
EXPECTED = {
    "run a program": ("EPERM", "done"),
    "execve": ("EPERM", "ENOENT"),
    "execveat": ("EPERM", "ENOENT"),
    "fork": ("EPERM", "done"),
    "unshare": ("EPERM", "EINVAL"),
    "ptrace": ("EPERM", "ESRCH"),
    "process_vm_readv": ("EPERM", None),
    "signal another process": ("EPERM", None),
    "become dumpable": ("EPERM", "done"),
    "mount": ("EPERM", None),
    "bpf": ("EPERM", None),
    "another seccomp filter": ("EPERM", "EFAULT"),
    "writable and executable memory": ("EPERM", "done"),
    "make memory executable": ("EPERM", "done"),
    "packet socket": ("EPERM", None),
    "raw socket": ("EPERM", None),
    "bind a port": ("EACCES", "done"),
    "bind port 0": ("done", "done"),
    "listen": ("EPERM", "done"),
    "read another file": ("EACCES", "done"),
    "list another directory": ("EACCES", "done"),
    "make another file": ("EACCES", "done"),
    "read /etc/shadow": ("EACCES", None),
    "open /proc/self/mem": ("EACCES", None),
    "read the configuration": ("done", "done"),
    "write the configuration": ("EACCES", "done"),
    "make a spill file": ("done", "done"),
    "make a directory": ("EPERM", "done"),
}


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class InjectedCode(BenchTest):
    """What a library that was put into the program could do, in its main thread and in another one."""

    def attempts(self, sandbox, user):
        other = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-smtp-other-"))
        self.addCleanup(shutil.rmtree, other, ignore_errors=True)
        other.chmod(0o777)
        (other / "file").write_text("x")
        (other / "file").chmod(0o644)
        results = self.bench.dir / "results"
        spill = self.bench.dir / "spill"
        spill.mkdir()
        spill.chmod(0o777)
        home = self.bench.dir / "home"
        home.mkdir()
        (port,) = free_ports(1)
        config = self.bench.write_config(f"listen: unix:{home}/socket\nspill_dir: {spill}\nsandbox: {sandbox}\n{UNUSED}",
                                         "home/fcgi-smtp.yaml")
        config.chmod(0o666)
        home.chmod(0o777)
        program = self.bench.start(
            [PROGRAM, "--config", config], "fcgi-smtp", user=user,
            env={"LD_PRELOAD": PROBE, "PROBE_RESULTS": results, "PROBE_OTHER": other, "PROBE_CONFIG": home,
                 "PROBE_SPILL": spill, "PROBE_PORT": str(port)})
        wait_until(lambda: not program.alive() or (results.exists() and results.read_text().endswith("end\n")),
                   "the attempts")
        self.assertTrue(program.alive(), program.output())
        found = {"main": {}, "thread": {}}
        for line in results.read_text().splitlines()[:-1]:
            where, name, result = line.split(": ")
            found[where][name] = result
        self.assertEqual(program.stop(), 0, program.output())
        self.assertFalse((home / "socket").exists())
        return found

    def check(self, sandbox, column, user):
        for where, results in self.attempts(sandbox, user).items():
            self.assertEqual(results.keys(), EXPECTED.keys())
            for name, expected in EXPECTED.items():
                if expected[column] is not None:
                    with self.subTest(sandbox=sandbox, where=where, name=name):
                        self.assertEqual(results[name], expected[column])

    if not SANITIZED:  # a sanitizer's own library must be the first one
        def test_on(self):
            self.check("on", 0, NOBODY)

        def test_on_as_root(self):
            self.check("on", 0, None)

        def test_off(self):
            """The attempts are such that they would work."""
            self.check("off", 1, NOBODY)


class Features(BenchTest):
    """All that needs files, modules or processes, for the first time behind the sandbox."""

    def start(self, sandbox="on", more="", mail=(), top="", **options):
        self.mail = self.bench.start_mail_server(*mail)
        self.bench.start_program(f"sandbox: {sandbox}\nserver: {{host: localhost, port: {self.mail.port}, {more}}}\n"
                                 f"{OPEN}{top}", **options)
        self.bench.start_nginx()

    def assertSent(self, *fields):
        answer = self.bench.send(*FIELDS, *fields)
        self.assertEqual(answer.status, 200, answer)
        return self.mail.messages()[-1]

    def test_in_force(self):
        """All threads have the filters, and the log says what there is."""
        self.start(more="tls: none")
        self.assertSent(("text", "t"))
        for task in pathlib.Path(f"/proc/{self.bench.program.pid}/task").iterdir():
            status = status_of(f"{self.bench.program.pid}/task/{task.name}")
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"], status["Seccomp_filters"]), ("1", "2", "2"))
        self.assertRegex(self.bench.program.output(), 'msg="sandbox: seccomp, Landlock ABI [0-9]+"')
        self.assertEqual(children_of(self.bench.program.pid), [])  # no helper without a password_command

    def test_spill_files_and_charsets(self):
        """Files through the spill directory, and converters that iconv loads when they are first needed."""
        self.start(more="tls: none", top="limits: {memory_per_request: 16KiB}\n")
        content = os.urandom(3 << 20)
        message = self.assertSent(("text", "t"), ("attachment", "a.bin", "application/octet-stream", content))
        self.assertEqual(attachments(message), {"a.bin": content})
        for charset, text in (("Shift_JIS", "日本語"), ("EUC-KR", "한국어"), ("IBM850", "é")):
            form = f"from=a%40example.com&to=b%40example.com&_charset_={charset}&text="
            form += urllib.parse.quote(text, encoding=charset)
            answer = self.bench.request("POST", "/send", form.encode(),
                                        {"Content-Type": "application/x-www-form-urlencoded"})
            self.assertEqual(answer.status, 200, answer)

    def test_tls_and_a_password_program(self):
        """A handshake with a CA file, and a password from a program that only the helper can run."""
        ca = self.bench.certificates()
        program = self.bench.dir / "password"
        program.write_text("#!/bin/sh\ngrep -E '^(NoNewPrivs|Seccomp):' /proc/self/status >&2\necho geheim\n")
        program.chmod(0o755)
        self.start(more=f"tls: starttls, ca_file: {ca}/ca.pem, user: user, password_command: [{program}], "
                        "password_ttl: 0s",
                   mail=("--tls", "starttls", "--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key",
                         "--user", "user", "--password", "geheim"))
        (helper,) = children_of(self.bench.program.pid)
        self.assertEqual(status_of(helper)["Name"], "password-helper")
        self.assertEqual((status_of(helper)["Seccomp"], status_of(helper)["NoNewPrivs"]), ("0", "0"))
        self.assertEqual(len(list(pathlib.Path(f"/proc/{helper}/fd").iterdir())), 4)  # the standard ones and its socket
        self.assertEqual(self.assertSent(("text", "t"))["user"], "user")
        # The whole service is told to end at once; the helper waits for the program.
        os.kill(helper, signal.SIGTERM)
        self.assertEqual(self.assertSent(("text", "t"))["user"], "user")
        # Gone: each request says so, and the log.
        os.kill(helper, signal.SIGKILL)
        wait_until(lambda: status_of(helper)["State"].startswith("Z"), "the helper's end")
        self.bench.request("GET", "/healthz")
        answer = self.bench.send(*FIELDS, ("text", "t"))
        while answer.status == 200:  # on a session that is logged in already
            answer = self.bench.send(*FIELDS, ("text", "t"))
        self.assertEqual(answer.status, 502, answer)
        self.assertIn("the helper process that runs password_command has ended", answer.json["detail"])
        self.assertIn("password_command works again after a restart", self.bench.program.output())

    def test_certificates_that_are_links(self):
        """OpenSSL reads a ca_path when it needs a certificate; Debian's lead to /usr/share/ca-certificates."""
        ca = self.bench.certificates()
        elsewhere = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-smtp-other-"))
        self.addCleanup(shutil.rmtree, elsewhere, ignore_errors=True)
        elsewhere.chmod(0o755)
        shutil.copy(ca / "ca.pem", elsewhere)
        (elsewhere / "ca.pem").chmod(0o644)
        name = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", ca / "ca.pem"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()
        links = self.bench.dir / "links"
        links.mkdir()
        links.chmod(0o755)
        (links / f"{name}.0").symlink_to(elsewhere / "ca.pem")
        self.start(more=f"tls: starttls, ca_path: {links}",
                   mail=("--tls", "starttls", "--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key"))
        self.assertSent(("text", "t"))

    def test_the_helper_ends_with_the_program(self):
        self.start(more="tls: none, user: user, allow_cleartext_auth: true, password_command: [/bin/false]")
        (helper,) = children_of(self.bench.program.pid)
        self.bench.program.process.kill()
        self.bench.program.process.wait()

        def has_ended():
            try:
                return status_of(helper)["State"].startswith("Z")
            except OSError:
                return True
        wait_until(has_ended, "the helper's end")

    def test_syslog(self):
        """The log goes on when the system's logger was restarted: on a /dev of the program's own."""
        dev = self.bench.dir / "dev"
        dev.mkdir()
        config = self.bench.write_config(f"listen: unix:{self.bench.socket}\nlisten_mode: \"0666\"\n"
                                         f"spill_dir: {self.bench.dir}\nlog: {{to: syslog}}\n{UNUSED}")
        logger = self.logger(dev / "log")
        mounts = "".join(f"touch {dev}/{name}; mount --bind /dev/{name} {dev}/{name}; " for name in ("null", "urandom"))
        self.bench.program = self.bench.start(
            ["unshare", "--mount", "sh", "-c", f"{mounts} mount --rbind {dev} /dev; exec setpriv --reuid={NOBODY} "
             f"--regid={NOBODY} --clear-groups {PROGRAM} --config {config}"], "fcgi-smtp")
        self.assertIn(b"sandbox: seccomp, Landlock ABI", logger.recv(1000))
        self.assertIn(b" serves at ", logger.recv(1000))
        self.bench.start_nginx()
        self.bench.get("/healthz")
        self.assertIn(b"route=/healthz", logger.recv(1000))
        logger.close()
        (dev / "log").unlink()
        logger = self.logger(dev / "log")
        self.bench.get("/healthz")
        self.assertIn(b"route=/healthz", logger.recv(1000))

    def logger(self, path):
        logger = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(logger.close)
        logger.settimeout(WAIT)
        logger.bind(str(path))
        path.chmod(0o666)
        return logger

    def test_source_address(self):
        self.start(more="tls: none, source_address: 127.0.0.1")
        self.assertSent(("text", "t"))


class Reload(BenchTest):
    """SIGHUP behind the sandbox: files that editors replace, and what only a restart can bring."""

    def start(self):
        self.ca = self.bench.certificates()
        self.mail = self.bench.start_mail_server("--tls", "starttls", "--cert", f"{self.ca}/valid.pem", "--key",
                                                 f"{self.ca}/valid.key", "--user", "user", "--password", "second")
        self.trust = self.bench.dir / "trust.pem"
        self.password = self.bench.dir / "password"
        self.replace(self.trust, (self.ca / "unknown-ca.pem").read_text())
        self.replace(self.password, "first\n")
        self.bench.start_program(self.config())
        self.bench.start_nginx()

    def config(self, more="", top=""):
        return (f"server: {{host: localhost, port: {self.mail.port}, tls: starttls, ca_file: {self.trust}, user: user, "
                f"password_file: {self.password}, {more}}}\n{OPEN}{top}")

    def replace(self, path, text):
        """As editors do: another file gets the name."""
        new = path.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o644)
        new.rename(path)

    def reload(self, config, expected):
        head = self.bench.dir.joinpath("fcgi-smtp.yaml").read_text().split("server:")[0]
        self.replace(self.bench.dir / "fcgi-smtp.yaml", head + config)
        before = len(self.bench.program.output())
        self.bench.program.process.send_signal(signal.SIGHUP)
        wait_until(lambda: expected in self.bench.program.output()[before:], expected)
        return self.bench.program.output()[before:]

    def test_replaced_files(self):
        self.start()
        answer = self.bench.send(*FIELDS, ("text", "t"))
        self.assertProblem(answer, 502, "smtp-tls-failed")
        self.replace(self.trust, (self.ca / "ca.pem").read_text())
        self.reload(self.config(), "configuration reloaded")
        answer = self.bench.send(*FIELDS, ("text", "t"))
        self.assertProblem(answer, 502, "smtp-auth-failed")
        self.replace(self.password, "second\n")
        self.reload(self.config(), "configuration reloaded")
        answer = self.bench.send(*FIELDS, ("text", "t"))
        self.assertEqual(answer.status, 200, answer)

    def test_what_needs_a_restart(self):
        self.start()
        outside = pathlib.Path(tempfile.mkdtemp(prefix="fcgi-smtp-other-"))
        self.addCleanup(shutil.rmtree, outside, ignore_errors=True)
        outside.chmod(0o755)
        shutil.copy(self.ca / "valid.pem", outside / "cert.pem")
        shutil.copy(self.ca / "valid.key", outside / "key.pem")
        for file in outside.iterdir():
            file.chmod(0o644)
        log = self.reload(self.config(f"client_cert: {outside}/cert.pem, client_key: {outside}/key.pem"), "was not taken")
        for key in ("client_cert", "client_key"):
            self.assertRegex(log, rf"server.{key}: is outside of what the sandbox granted at the start; a restart is needed")
        log = self.reload(self.config(top="sandbox: off\n"), "was not taken")
        self.assertRegex(log, "sandbox: is not what the program was started with; a restart is needed")
        self.reload(self.config(f"client_cert: {self.ca}/valid.pem, client_key: {self.ca}/valid.key"),
                    "configuration reloaded")


class MissingParts(BenchTest):
    def run_without(self, part, sandbox):
        config = self.bench.write_config(f"listen: unix:{self.bench.socket}\nspill_dir: {self.bench.dir}\n"
                                         f"sandbox: {sandbox}\n{UNUSED}")
        program = self.bench.start([WITHOUT, part, PROGRAM, "--config", config], "fcgi-smtp", user=NOBODY)
        wait_until(lambda: not program.alive() or " serves at " in program.output(), "the program")
        return program

    def test_on_needs_seccomp(self):
        program = self.run_without("seccomp", "on")
        self.assertEqual(program.stop(), 78)
        self.assertRegex(program.output(), r"level=error .*sandbox: seccomp is not available \(Operation not permitted\); "
                                           r"start where it is, or set sandbox: warn")
        self.assertFalse(self.bench.socket.exists())

    def test_warn_goes_on_without_seccomp(self):
        program = self.run_without("seccomp", "warn")
        self.assertTrue(program.alive(), program.output())
        self.assertRegex(program.output(), "level=warning .*sandbox: seccomp is not available")
        self.assertRegex(program.output(), "sandbox: no seccomp, Landlock ABI")
        self.assertEqual(program.stop(), 0)

    def test_landlock_is_not_needed(self):
        program = self.run_without("landlock", "on")
        self.assertTrue(program.alive(), program.output())
        self.assertRegex(program.output(), r"level=warning .*sandbox: Landlock is not available \(Function not "
                                           r"implemented\)")
        self.assertRegex(program.output(), "sandbox: seccomp, no Landlock")
        self.assertEqual(program.stop(), 0)

    def test_off(self):
        program = self.run_without("seccomp", "off")
        self.assertTrue(program.alive(), program.output())
        self.assertRegex(program.output(), "level=info .*sandbox: off")
        self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
