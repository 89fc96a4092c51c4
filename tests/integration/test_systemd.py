"""What systemd and the program say to each other: sockets that are handed over, notifications, credentials.

Real units are looked at in test_units.py.
"""

import os
import signal
import subprocess
import time
import unittest

import systemd
from harness import NOBODY, PROGRAM, BenchTest, wait_until


class SystemdTest(BenchTest):
    def setUp(self):
        super().setUp()
        self.mail = self.bench.start_mail_server("--user", "u", "--password", "secret")
        self.password = self.bench.dir / "password"
        self.password.write_text("secret\n")
        self.password.chmod(0o640)
        os.chown(self.password, 0, NOBODY)

    def config(self, password=None):
        return (f"server: {{host: 127.0.0.1, port: {self.mail.port}, tls: none, user: u, "
                f"{password or f'password_file: {self.password}'}}}\n"
                f"defaults: {{from: a@example.com, to: b@example.com}}\n")

    def start_by_systemd(self, config, sockets=None, environment=None):
        path = self.bench.write_config(config)
        command = systemd.command(sockets or [self.bench.socket], [PROGRAM, "--config", path])
        return self.bench.start(command, "fcgi-smtp", env=environment)


class Notifications(SystemdTest):
    def run_with(self, address):
        manager = systemd.Manager(self, address)
        program = self.start_by_systemd(self.config(), environment=manager.environment)
        ready = manager.next()
        self.assertEqual(ready["READY"], "1")
        self.assertTrue(ready["STATUS"])
        self.bench.start_nginx()
        self.assertEqual(self.bench.send(("text", "x")).status, 200, program.output())
        return manager, program

    def test_the_end(self):
        manager, program = self.run_with(self.bench.dir / "notify")
        self.assertTrue(manager.silent())
        self.assertEqual(program.stop(), 0)
        stopping = manager.next()
        self.assertEqual(stopping["STOPPING"], "1")
        # shutdown_timeout's default, and a little for answers after it
        self.assertGreater(int(stopping["EXTEND_TIMEOUT_USEC"]), 30_000_000)
        self.assertTrue(manager.silent())

    def test_a_reload(self):
        """RELOADING with its time, and READY when it is done, be it that the old configuration stays."""
        manager, program = self.run_with(self.bench.dir / "notify")
        for config, status in ((self.config(), "Serving"), ("nonsense: 1\n", "Serving; the changed .* refused, see the log")):
            self.bench.write_config(config)
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            program.process.send_signal(signal.SIGHUP)
            reloading = manager.next()
            self.assertEqual(reloading["RELOADING"], "1")
            self.assertLessEqual(before, int(reloading["MONOTONIC_USEC"]))
            ready = manager.next()
            self.assertEqual(ready["READY"], "1")
            self.assertRegex(ready["STATUS"], f"^{status}$")
        self.assertEqual(self.bench.send(("text", "x")).status, 200, program.output())
        self.assertEqual(program.stop(), 0)
        self.assertEqual(manager.next()["STOPPING"], "1")

    def test_an_abstract_socket(self):
        _, program = self.run_with(f"@fcgi-smtp-test-{os.getpid()}")
        self.assertEqual(program.stop(), 0)

    def test_a_manager_that_is_gone(self):
        """Nothing waits for one, and nothing fails without one."""
        program = self.start_by_systemd(self.config(), environment={"NOTIFY_SOCKET": str(self.bench.dir / "none")})
        wait_until(lambda: "serves at" in program.output(), "the program")
        self.assertIn("NOTIFY_SOCKET: No such file", program.output())
        self.assertEqual(program.stop(), 0)

    def test_a_configuration_that_is_wrong(self):
        manager = systemd.Manager(self, self.bench.dir / "notify")
        program = self.start_by_systemd("nonsense: 1\n", environment=manager.environment)
        self.assertEqual(program.process.wait(30), 78)
        self.assertTrue(manager.silent())

    def test_children_know_nothing_of_it(self):
        """A password_command can neither answer in the program's name nor accept from its socket."""
        seen = self.bench.dir / "seen"
        command = self.bench.dir / "command"
        command.write_text(f"#!/bin/sh\n{{ env; ls -l /proc/self/fd; }} > {seen}\necho secret\n")
        command.chmod(0o755)
        manager = systemd.Manager(self, self.bench.dir / "notify")
        program = self.start_by_systemd(self.config(f"password_command: [{command}]"), environment=manager.environment)
        manager.next()
        self.bench.start_nginx()
        self.assertEqual(self.bench.send(("text", "x")).status, 200, program.output())
        text = seen.read_text()
        self.assertIn("PATH=", text)
        for word in ("NOTIFY_SOCKET", "LISTEN_", "socket:"):
            self.assertNotIn(word, text)


class Sockets(SystemdTest):
    def test_several_sockets(self):
        program = self.start_by_systemd(self.config(), [self.bench.dir / "one", self.bench.dir / "two"])
        self.assertEqual(program.process.wait(30), 78)
        self.assertIn("systemd handed over 2 sockets; one ListenStream=", program.output())

    def test_a_socket_that_does_not_listen(self):
        program = self.start_by_systemd(self.config(), [self.bench.dir / "silent"])
        self.assertEqual(program.process.wait(30), 78)
        self.assertIn("not a listening socket; ListenStream= and Accept=no", program.output())

    def test_variables_for_a_parent(self):
        """LISTEN_PID is another process: the configuration's listen counts."""
        self.bench.start_program(self.config(), env={"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "7"})
        self.bench.start_nginx()
        self.assertEqual(self.bench.get("/healthz").status, 200)


class Credentials(SystemdTest):
    """A relative password_file: systemd's credential for the service, the file beside the configuration by hand."""

    def make_credential(self, text):
        directory = self.bench.dir / "credentials"
        directory.mkdir()
        directory.chmod(0o755)
        (directory / "password").write_text(text)
        return {"CREDENTIALS_DIRECTORY": str(directory)}

    def test_a_credential(self):
        environment = self.make_credential("secret\n")
        self.password.write_text("this one is not taken\n")
        program = self.start_by_systemd(self.config("password_file: password"), environment=environment)
        wait_until(lambda: "serves at" in program.output(), "the program")
        self.bench.start_nginx()
        self.assertEqual(self.bench.send(("text", "x")).status, 200, program.output())

    def test_by_hand(self):
        path = self.bench.write_config(self.config("password_file: password"))
        for environment in ({}, {"CREDENTIALS_DIRECTORY": str(self.bench.dir / "empty")}):
            shown = subprocess.run([PROGRAM, "--print-config", "--config", path], stdout=subprocess.PIPE, text=True,
                                   check=True, env={**os.environ, **environment}, timeout=30).stdout
            self.assertIn(f"password_file: {self.password}", shown)
        relative = subprocess.run([PROGRAM, "--test-server", "--config", path.name], stdout=subprocess.PIPE, text=True,
                                  check=False, cwd=self.bench.dir, timeout=30)
        self.assertEqual(relative.returncode, 0, relative.stdout)

    def test_the_empty_credential_of_the_unit(self):
        """What the unit's SetCredential= gives where there is no file: wrong only where a password is asked for."""
        environment = self.make_credential("\n")
        for password, status in (("password_file: password", 78), ("password: another", 0)):
            path = self.bench.write_config(self.config(password))
            result = subprocess.run([PROGRAM, "--check", "--config", path], stderr=subprocess.PIPE, text=True, timeout=30,
                                    check=False, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
            self.assertEqual(result.returncode, status, result.stderr)
            self.assertEqual("server.password_file: its first line is empty" in result.stderr, status == 78)


if __name__ == "__main__":
    unittest.main()
