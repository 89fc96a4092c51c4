"""What systemd and the program say to each other: sockets that are handed over, notifications, credentials.

The tests play systemd: real units are looked at in test_units.py.
"""

import os
import select
import socket
import subprocess
import sys
import unittest

from harness import NOBODY, PROGRAM, BenchTest, wait_until

# Starts a program as systemd does: in the very process whose id LISTEN_PID is, with the sockets from descriptor 3 on.
STARTER = """
import os, socket, sys
paths = sys.argv[1].split(',')
sockets = [socket.socket(socket.AF_UNIX) for _ in paths]
for number, (one, path) in enumerate(zip(sockets, paths)):
    one.bind(path)
    os.chmod(path, 0o666)
    if 'silent' not in path:
        one.listen(16)
    assert one.fileno() == 3 + number
    os.set_inheritable(one.fileno(), True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(paths)), LISTEN_FDNAMES='a')
os.execv(sys.argv[2], sys.argv[2:])
"""


class Manager:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self, test, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        if not address.startswith("@"):
            os.chmod(address, 0o666)
        self.socket.settimeout(30)

    def next(self):
        """The lines of the next message, as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def silent(self):
        return not select.select([self.socket], [], [], 0)[0]


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
        sockets = ",".join(str(one) for one in sockets or [self.bench.socket])
        return self.bench.start([sys.executable, "-c", STARTER, sockets, PROGRAM, "--config", path], "fcgi-smtp",
                                user=NOBODY, env=environment)


class Notifications(SystemdTest):
    def run_with(self, address):
        manager = Manager(self, address)
        program = self.start_by_systemd(self.config(), environment={"NOTIFY_SOCKET": address})
        ready = manager.next()
        self.assertEqual(ready["READY"], "1")
        self.assertTrue(ready["STATUS"])
        self.bench.start_nginx()
        self.assertEqual(self.bench.send(("text", "x")).status, 200, program.output())
        return manager, program

    def test_the_end(self):
        manager, program = self.run_with(str(self.bench.dir / "notify"))
        self.assertTrue(manager.silent())
        self.assertEqual(program.stop(), 0)
        stopping = manager.next()
        self.assertEqual(stopping["STOPPING"], "1")
        # shutdown_timeout's default, and a little for answers after it
        self.assertGreater(int(stopping["EXTEND_TIMEOUT_USEC"]), 30_000_000)
        self.assertTrue(manager.silent())

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
        manager = Manager(self, str(self.bench.dir / "notify"))
        program = self.start_by_systemd("nonsense: 1\n", environment={"NOTIFY_SOCKET": str(self.bench.dir / "notify")})
        self.assertEqual(program.process.wait(30), 78)
        self.assertTrue(manager.silent())

    def test_children_know_nothing_of_it(self):
        """A password_command can neither answer in the program's name nor accept from its socket."""
        seen = self.bench.dir / "seen"
        command = self.bench.dir / "command"
        command.write_text(f"#!/bin/sh\n{{ env; ls -l /proc/self/fd; }} > {seen}\necho secret\n")
        command.chmod(0o755)
        manager = Manager(self, str(self.bench.dir / "notify"))
        program = self.start_by_systemd(self.config(f"password_command: [{command}]"),
                                        environment={"NOTIFY_SOCKET": str(self.bench.dir / "notify")})
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

    def test_a_credential(self):
        credentials = self.bench.dir / "credentials"
        credentials.mkdir()
        credentials.chmod(0o755)
        (credentials / "password").write_text("secret\n")
        self.password.write_text("this one is not taken\n")
        program = self.start_by_systemd(self.config("password_file: password"),
                                        environment={"CREDENTIALS_DIRECTORY": str(credentials)})
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
        credentials = self.bench.dir / "credentials"
        credentials.mkdir()
        (credentials / "password").write_text("\n")
        path = self.bench.write_config(self.config("password_file: password"))
        result = subprocess.run([PROGRAM, "--check", "--config", path], stderr=subprocess.PIPE, text=True, timeout=30,
                                check=False, env={**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)})
        self.assertEqual(result.returncode, 78)
        self.assertIn("server.password_file: its first line is empty", result.stderr)


if __name__ == "__main__":
    unittest.main()
