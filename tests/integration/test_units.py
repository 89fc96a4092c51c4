"""The units of etc/systemd, as far as they can be judged without systemd as process 1."""

import os
import re
import shutil
import subprocess
import unittest

import systemd
from harness import PROGRAM, SOURCE, BenchTest, wait_until

UNITS = SOURCE / "etc" / "systemd"
EXPOSURE_MAX = 15  # tenths, of 100


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, timeout=60)


def settings(name):
    """All values of a setting of the service, in their order."""
    return re.findall(rf"^{name}=(.*)$", (UNITS / "fcgi-smtp.service").read_text(), re.MULTILINE)


def system_calls(name):
    """What a name in SystemCallFilter= stands for."""
    if not name.startswith("@"):
        return {name}
    lines = analyze("syscall-filter", name).stdout.splitlines()[1:]
    names = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return set().union(*(system_calls(one) for one in names))


def allowed_calls():
    allowed = set()
    for value in settings("SystemCallFilter"):
        calls = set().union(*(system_calls(name) for name in value.lstrip("~").split()))
        allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


class Units(BenchTest):
    def test_exposure(self):
        result = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", UNITS / "fcgi-smtp.service")
        print(result.stdout.splitlines()[-1])
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)

    def test_verify(self):
        """The units as they are installed, but for the program's place."""
        for unit in UNITS.iterdir():
            shutil.copy(unit, self.bench.dir)
        service = self.bench.dir / "fcgi-smtp.service"
        service.write_text(service.read_text().replace("/usr/bin/fcgi-smtp", str(PROGRAM)))
        # A tree of its own: no man pages, no other units that have something to be said of.
        result = analyze("verify", "--man=no", "--recursive-errors=no", *self.bench.dir.glob("fcgi-smtp.s*t"), service)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        # With the drop-in that the manual shows.
        manual = (SOURCE / "etc/man/fcgi-smtp.8").read_text()
        drop_in = re.search(r"^(\[Service\]\n.*?)^\.Ed", manual, re.MULTILINE | re.DOTALL)[1]
        (self.bench.dir / "fcgi-smtp.service.d").mkdir()
        (self.bench.dir / "fcgi-smtp.service.d/manual.conf").write_text(drop_in)
        result = analyze("verify", "--man=no", "--recursive-errors=no", service)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        (self.bench.dir / "fcgi-smtp.service.d/manual.conf").write_text(drop_in + "Nonsense=1\n")
        self.assertIn("Nonsense", analyze("verify", "--man=no", service).stderr)
        service.write_text(service.read_text().replace("Type=notify", "Typ=notify"))
        self.assertIn("Typ", analyze("verify", "--man=no", service).stderr)

    def test_what_the_units_say_to_each_other(self):
        listen = re.search("^ListenStream=(.*)$", (UNITS / "fcgi-smtp.socket").read_text(), re.MULTILINE)[1]
        self.assertIn(f"server unix:{listen};", (SOURCE / "etc" / "nginx" / "fcgi-smtp-upstream.conf").read_text())
        shown = subprocess.run([PROGRAM, "--print-config", "--config", SOURCE / "etc" / "minimal.yaml"], check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual((shown.returncode, settings("RestartPreventExitStatus")), (78, ["78"]), shown)

    def test_system_calls(self):
        """All that the program calls in its life is allowed: an error of the filter would show only in production."""
        calls = self.bench.dir / "calls"
        command = self.bench.dir / "command"
        command.write_text("#!/bin/sh\necho secret\n")
        command.chmod(0o755)
        ca = self.bench.certificates()
        mail = self.bench.start_mail_server("--tls", "starttls", "--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key",
                                            "--user", "u", "--password", "secret")
        path = self.bench.write_config(
            f"spill_dir: {self.bench.dir}\npages: [status, compose]\n"
            f"server: {{host: localhost, port: {mail.port}, tls: starttls, ca_file: {ca}/ca.pem, user: u, "
            f"password_command: [{command}]}}\ndefaults: {{from: a@example.com, to: b@example.com}}\n"
            "limits: {memory_per_request: 64KiB}\n")
        # -D: the program is the process that was started, and strace its child.
        traced = ["/usr/bin/strace", "-D", "-f", "-qq", "-o", str(calls), "-e", "signal=none", PROGRAM, "--config", path]
        program = self.bench.start(systemd.command([self.bench.socket], traced), "fcgi-smtp")
        wait_until(lambda: "serves at" in program.output() or not program.alive(), "the program")
        self.bench.start_nginx()
        form = b"subject=Gr%FC%DFe&text=%A4&_charset_=iso-8859-15"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(self.bench.request("POST", "/send", form, kind).status, 200, program.output())
        self.assertEqual(self.bench.send(("text", "t"), ("attachment", "f", "", os.urandom(1 << 20))).status, 200)
        self.assertEqual(self.bench.get("/status").status, 200)
        self.assertEqual(program.stop(), 0, program.output())
        wait_until(lambda: re.search(rf"^{program.pid} +exit_group", calls.read_text(), re.MULTILINE), "strace's last line")
        called = set(re.findall(r"^\d+ +(\w+)\(", calls.read_text(), re.MULTILINE))
        self.assertTrue({"accept4", "sendto", "epoll_wait", "execve"} <= called, called)
        self.assertEqual(called - allowed_calls(), set())


if __name__ == "__main__":
    unittest.main()
