"""How the program is started and stopped: command line, sockets, modes, signals."""

import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import unittest

from harness import NOBODY, PROGRAM, SOURCE, BenchTest, Process, free_ports, wait_until

MINIMAL = "server: {host: 127.0.0.1, port: 2525, tls: none}\ndefaults: {from: a@example.com, to: b@example.com}\n"


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, **options)


class CommandLine(BenchTest):
    def test_version_and_help(self):
        self.assertRegex(run("--version").stdout, r"^fcgi-smtp \d+\.\d+\.\d+\n$")
        self.assertIn("--print-config", run("--help").stdout)
        wrong = run("--nonsense")
        self.assertEqual(wrong.returncode, 64)
        self.assertEqual(run("surplus").returncode, 64)

    def test_check(self):
        good = self.bench.write_config("listen: unix:/tmp/x.sock\n" + MINIMAL)
        result = run("--check", "--config", good)
        self.assertEqual((result.returncode, result.stdout), (0, f"{good}: ok\n"), result.stderr)

    def test_verify_none_is_warned_of(self):
        config = "server: {host: 127.0.0.1, port: 2525, tls: starttls, verify: none}\n"
        result = run("--check", "--config", self.bench.write_config("listen: unix:/tmp/x.sock\n" + config))
        self.assertEqual(result.returncode, 0, result)
        self.assertRegex(result.stderr, "warning: server.verify: the server's certificate is not verified")
        self.bench.start_program(config)
        self.assertRegex(self.bench.program.output(), "server.verify: the server's certificate is not verified")

    def test_all_problems_at_once(self):
        bad = self.bench.write_config("listne: unix:/x\nworkers: many\nserver: {host: h, prot: 25}\n"
                                      "defaults: {from: 'no address', to: [a@b@c]}\nsandbox: maybe\n")
        result = run("--check", "--config", bad)
        self.assertEqual(result.returncode, 78, result)
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 6, result.stderr)
        for line, (number, key, part) in zip(lines, [(1, "listne", "listen"), (2, "workers", "many"),
                                                     (3, "server.prot", "port"), (4, "defaults.from", "no address"),
                                                     (4, r"defaults.to\[0\]", "a@b@c"), (5, "sandbox", "maybe")]):
            self.assertRegex(line, rf"^{bad}:{number}:\d+: {key}: .*; .*")
            self.assertIn(part, line)

    def test_a_missing_file(self):
        result = run("--config", "/nonexistent/fcgi-smtp.yaml")
        self.assertEqual(result.returncode, 78)
        self.assertIn("/nonexistent/fcgi-smtp.yaml", result.stderr)

    def test_print_config(self):
        password = self.bench.dir / "password"
        password.write_text("topsecret\n")
        config = self.bench.write_config(
            f"server: {{host: smtp.example.com, user: u, password_file: {password}}}\n"
            "defaults: {from: 'Ä <a@example.com>', to: b@example.com}\n")
        result = run("--print-config", "--config", config)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("topsecret", result.stdout)
        self.assertIn("587", result.stdout)
        again = run("--check", "--config", self.bench.write_config(result.stdout, "again.yaml"))
        self.assertEqual(again.returncode, 0, result.stdout + again.stderr)

    def test_the_examples_are_good(self):
        password = self.bench.dir / "password"
        password.write_text("topsecret\n")
        for name in ("fcgi-smtp.yaml", "minimal.yaml"):
            text = (SOURCE / "etc" / name).read_text()  # with password_file: password
            result = run("--check", "--config", self.bench.write_config(text, name))
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_the_container_s_configuration_demands_networks(self):
        result = run("--check", "--config", SOURCE / "etc" / "container.yaml")
        self.assertEqual(result.returncode, 78)
        self.assertIn("listen_allowed", result.stderr)


class Sockets(BenchTest):
    def health(self, address):
        config = self.bench.dir / "fcgi-smtp.yaml"
        return run("--health", address, "--config", config).returncode

    def test_a_unix_socket_and_its_mode(self):
        config = f"listen: unix:{self.bench.socket}\nlisten_mode: \"0660\"\n{MINIMAL}"
        path = self.bench.write_config(config)
        program = self.bench.start([PROGRAM, "--config", path], "fcgi-smtp")
        wait_until(lambda: "serves at" in program.output(), "the program")
        self.assertEqual(stat.S_IMODE(self.bench.socket.stat().st_mode), 0o660)
        self.assertEqual(self.health(f"unix:{self.bench.socket}"), 0)
        self.assertEqual(run("--health", "--config", path).returncode, 0)
        self.assertEqual(program.stop(), 0)
        self.assertFalse(self.bench.socket.exists())
        self.assertEqual(self.health(f"unix:{self.bench.socket}"), 1)

    def test_a_stale_socket_is_replaced_a_live_one_not(self):
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(self.bench.socket))
        stale.close()
        self.bench.start_program(MINIMAL, user=None)
        second = run("--config", self.bench.dir / "fcgi-smtp.yaml")
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(self.bench.socket), second.stderr)
        self.assertEqual(self.health(f"unix:{self.bench.socket}"), 0)

    def test_a_file_in_the_way_is_never_touched(self):
        self.bench.socket.write_text("precious")
        self.bench.write_config(f"listen: unix:{self.bench.socket}\n{MINIMAL}")
        result = run("--config", self.bench.dir / "fcgi-smtp.yaml")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(self.bench.socket.read_text(), "precious")

    def test_tcp(self):
        (port,) = free_ports(1)
        self.bench.start_program(MINIMAL, listen=f"127.0.0.1:{port}")
        self.assertEqual(self.health(f"127.0.0.1:{port}"), 0)
        self.bench.start_nginx(upstream=f"127.0.0.1:{port}")
        self.assertEqual(self.bench.get("/healthz").status, 200)

    def test_tcp_peers_that_are_not_allowed(self):
        (port,) = free_ports(1)
        self.bench.start_program("listen_allowed: [192.0.2.1]\n" + MINIMAL, listen=f"127.0.0.1:{port}")
        self.assertEqual(self.health(f"127.0.0.1:{port}"), 1)

    def test_base_path(self):
        self.bench.start_program("base_path: /mail/\n" + MINIMAL)
        self.bench.start_nginx(location="location /mail/ {")
        self.assertEqual(self.bench.get("/mail/healthz").status, 200)
        self.assertEqual(self.health(f"unix:{self.bench.socket}"), 0)

    def test_spawn_fcgi(self):
        mail = self.bench.start_mail_server()
        config = self.bench.write_config(f"server: {{host: 127.0.0.1, port: {mail.port}, tls: none}}\n"
                                         "defaults: {from: a@example.com, to: b@example.com}\n")
        pid_file = self.bench.dir / "pid"
        self.bench.dir.chmod(0o777)
        subprocess.run(["spawn-fcgi", "-s", self.bench.socket, "-M", "0666", "-P", pid_file, "--", PROGRAM, "--config", config],
                       check=True, stdout=subprocess.DEVNULL)
        pid = int(pid_file.read_text())
        try:
            self.bench.start_nginx()
            self.assertEqual(self.bench.send(("text", "x")).status, 200)
            self.assertEqual(len(mail.messages()), 1)
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists() or
                   pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z", "the program to end")

    def test_listen_fds(self):
        """As systemd does it: LISTEN_PID is the program's own, the socket is descriptor 3."""
        config = self.bench.write_config(MINIMAL)
        starter = ("import os, socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\nos.chmod(sys.argv[1], 0o666)\n"
                   "s.listen(16)\nos.dup2(s.fileno(), 3)\nos.set_inheritable(3, True)\nos.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
                   "os.execv(sys.argv[2], sys.argv[2:])\n")
        program = Process([sys.executable, "-c", starter, self.bench.socket, PROGRAM, "--config", config],
                          self.bench.dir / "fcgi-smtp-fds.log")
        self.bench.processes.append(program)
        wait_until(lambda: "serves at" in program.output(), "the program")
        self.assertEqual(self.health(f"unix:{self.bench.socket}"), 0)
        self.assertEqual(program.stop(), 0)


class Protection(BenchTest):
    def test_no_core_file_can_hold_a_secret(self):
        if os.environ.get("FCGI_SMTP_SANITIZE"):
            return  # the sanitizers need to look at the process
        self.bench.start_program(MINIMAL)
        # The program runs as nobody, but what is in its memory is root's: it is not dumpable.
        owners = [pathlib.Path(f"/proc/{self.bench.program.pid}/{name}").stat().st_uid for name in ("task", "environ")]
        self.assertEqual(owners, [NOBODY, 0])

    def test_sigint_ends_it_too(self):
        self.bench.start_program(MINIMAL)
        self.assertEqual(self.bench.program.stop(signal.SIGINT), 0)


if __name__ == "__main__":
    unittest.main()
