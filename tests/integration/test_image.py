"""The container image: really built from the Dockerfile on a base made by debootstrap, and run behind nginx.

Needs root, buildah and debootstrap; no container engine. The image shares the host's network when it runs.
"""

import email
import email.policy
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import unittest

import container
import debian
from harness import BUILD, NOBODY, SOURCE, BenchTest, free_ports, wait_until

BASE = "docker.io/library/debian:bookworm-slim"
SIZE_MAX = 60 * 1000 * 1000
MINUTES = 60


class Image(BenchTest):
    def setUp(self):
        super().setUp()
        self.storage = self.bench.dir / "storage"
        self.buildah_options = ["--root", self.storage / "root", "--runroot", self.storage / "run", "--storage-driver", "vfs"]

    def run_command(self, *command, **options):
        return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True,
                              timeout=15 * MINUTES, stdin=subprocess.DEVNULL, **options).stdout.strip()

    def buildah(self, *arguments, **options):
        return self.run_command("buildah", *self.buildah_options, *arguments, **options)

    def make_base(self):
        """Debian's base system, with security updates, under the name that the Dockerfile takes it from."""
        tree = self.bench.dir / "base"
        debian.make_tree(tree, BUILD / "debian.tar")
        container = self.buildah("from", "scratch")
        mount = self.buildah("mount", container)
        self.run_command("cp", "-a", f"{tree}/.", mount)
        self.buildah("umount", container)
        self.buildah("commit", "--rm", container, BASE)
        shutil.rmtree(tree)

    def build(self):
        context = self.bench.dir / "context"
        context.mkdir()
        files = self.run_command("git", "-C", SOURCE, "-c", f"safe.directory={SOURCE}", "ls-files", "--cached", "--others",
                                 "--exclude-standard").splitlines()
        for name in files:
            if (SOURCE / name).is_file():
                (context / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(SOURCE / name, context / name)
        self.buildah("bud", "--isolation", "chroot", "--format", "docker", "--pull-never", "-t", "fcgi-smtp", context)

    def start_container(self, command=(), volumes=()):
        container = self.buildah("from", "--pull-never", "localhost/fcgi-smtp")
        options = [part for volume in volumes for part in ("--volume", volume)]
        return container, ["buildah", *self.buildah_options, "run", "--isolation", "chroot", "--user", "65532:65532", *options,
                           container, "--", "/usr/bin/fcgi-smtp", *command]

    def inner_pid(self):
        """The program inside, which gets the signals: buildah does not pass them on."""
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
                status = (path.parent / "status").read_text()
            except OSError:
                continue
            if words[0] == b"/usr/bin/fcgi-smtp" and "\nUid:\t65532" in status:
                return int(path.parent.name)
        return None

    def check_metadata(self):
        about = json.loads(self.buildah("inspect", "localhost/fcgi-smtp"))
        config = about["Docker"]["config"]
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "/usr/bin/fcgi-smtp", "--health"])
        self.assertEqual(config["User"], "65532:65532")
        self.assertEqual(config["Entrypoint"], ["/usr/bin/fcgi-smtp"])
        self.assertIn("9000/tcp", config["ExposedPorts"])
        container = self.buildah("from", "--pull-never", "localhost/fcgi-smtp")
        mount = pathlib.Path(self.buildah("mount", container))
        size = sum(path.lstat().st_size for path in mount.rglob("*"))
        print(f"image: {size / 1e6:.1f} MB")
        self.assertLess(size, SIZE_MAX)
        self.assertFalse((mount / "usr/bin/sh").exists() or (mount / "bin").exists())
        self.buildah("umount", container)

    def check_own_configuration(self):
        _, command = self.start_container()
        result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                timeout=MINUTES, check=False)
        self.assertEqual(result.returncode, 78, result)
        self.assertIn("listen_allowed", result.stderr)

    def check_run(self):
        ca = self.bench.certificates()
        mail = self.bench.start_mail_server("--tls", "starttls", "--cert", f"{ca}/valid.pem", "--key", f"{ca}/valid.key")
        (port,) = free_ports(1)
        shutil.copy(ca / "ca.pem", self.bench.dir / "mount-ca.pem")
        config = self.bench.write_config(
            f"listen: 0.0.0.0:{port}\nlisten_allowed: [127.0.0.1]\n"
            f"server: {{host: localhost, port: {mail.port}, tls: starttls, ca_file: /etc/fcgi-smtp/ca.pem}}\n"
            'defaults: {from: a@example.com, to: b@example.com}\nlimits: {memory_per_request: 64KiB}\n')
        volumes = [f"{config}:/etc/fcgi-smtp/fcgi-smtp.yaml:ro", f"{self.bench.dir}/mount-ca.pem:/etc/fcgi-smtp/ca.pem:ro"]
        container, command = self.start_container(volumes=volumes)
        program = self.bench.start(command, "container")
        wait_until(lambda: "serves at" in program.output() or not program.alive(), "the container to serve")
        self.assertTrue(program.alive(), program.output())
        self.assertIn("sandbox: seccomp, ", program.output())
        self.bench.start_nginx(upstream=f"127.0.0.1:{port}")
        form = b"subject=Gr%FC%DFe&text=%A4&_charset_=iso-8859-15"  # needs iconv's converters
        answer = self.bench.request("POST", "/send", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status, 200, (answer, program.output()))
        self.assertEqual(self.bench.send(("text", "t"), ("attachment", "f", "", os.urandom(1 << 20))).status, 200)
        self.assertEqual(len(mail.messages()), 2)
        health = self.start_container(["--health"], volumes)[1]
        self.run_command(*health)
        os.kill(self.inner_pid(), signal.SIGTERM)
        wait_until(lambda: not program.alive(), "the container to end")
        self.assertIn("bye", program.output())
        self.assertTrue(container)

    def start_catcher(self, host):
        """Stands for Mailpit: takes mails at its port, from who logs in with the password of the compose file's secret."""
        directory = self.bench.dir / f"catcher-{len(self.bench.processes)}"
        directory.mkdir()
        directory.chmod(0o777)
        password = pathlib.Path(host.compose["secrets"]["smtp_password"]["file"]).read_text().strip()
        script = SOURCE / "tests" / "integration" / "mail_server.py"
        self.bench.start(host.inside("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-B",
                                     script, directory, "--port", "1025", "--user", "app@example.com", "--password", password),
                         "catcher")
        wait_until(lambda: (directory / "port").exists(), "the catcher")
        return directory

    def check_isolation(self, pid):
        """What the compose file asks for holds of the running program: no capability, no new one, nothing to write to."""
        status = (pathlib.Path("/proc") / str(pid) / "status").read_text()
        self.assertRegex(status, r"NoNewPrivs:\t1\n")
        self.assertEqual(set(re.findall(r"Cap\w+:\t(\w+)", status)), {"0" * 16})
        mounts = (pathlib.Path("/proc") / str(pid) / "mountinfo").read_text().splitlines()
        points = {fields[4]: fields[5] for fields in map(str.split, mounts)}
        writable = {point for point, options in points.items()
                    if options.startswith("rw") and not re.match("/(dev|proc)(/|$)", point)}
        self.assertEqual(writable - {"/run/fcgi-smtp"}, {"/tmp"}, points)

    def check_drain(self, host, program, catcher, curl):
        """SIGTERM while a mail is on its way: the request is answered by what became of it, then the program ends."""
        (catcher / "hold").touch()
        before = len(list(catcher.glob("*.eml")))
        client = self.bench.start(host.inside(*curl, "--form", "text=on its way", "http://127.0.0.1:8080/send"), "client")
        wait_until(lambda: len(list(catcher.glob("*.eml"))) > before, "the mail")
        program.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "finishing the requests in work" in program.output(), "the program to heed SIGTERM")
        self.assertTrue(program.alive() and client.alive())
        (catcher / "hold").unlink()
        self.assertEqual(program.process.wait(MINUTES), 0, program.output())
        self.assertEqual(client.process.wait(MINUTES), 0, client.output())
        self.assertIn('"status":"sent"', client.output())

    def check_compose(self, root, *files):
        """nginx, fcgi-smtp and a catcher as etc/compose.yaml has them, with its very configuration files."""
        host = container.Host(self.bench, container.read_compose(*files))
        catcher = self.start_catcher(host)
        nginx_root = container.nginx_root(self.bench.dir / f"nginx-root-{len(self.bench.processes)}")
        program = host.start("fcgi-smtp", root, "/usr/bin/fcgi-smtp")
        health = host.command("fcgi-smtp", root, "/usr/bin/fcgi-smtp", "--health")
        wait_until(lambda: subprocess.run(health, check=False, stderr=subprocess.DEVNULL).returncode == 0 or
                   not program.alive(), "the container to be healthy")
        self.assertTrue(program.alive(), program.output())
        nginx = host.start("nginx", nginx_root, "/usr/sbin/nginx", "-g", "daemon off;")
        curl = ("curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "30")
        up = host.inside(*curl, "--output", "/dev/null", "http://127.0.0.1:8080/healthz")
        wait_until(lambda: subprocess.run(up, check=False, stderr=subprocess.DEVNULL).returncode == 0 or not nginx.alive(),
                   f"nginx: {nginx.output()}")
        self.assertTrue(nginx.alive(), nginx.output())
        for process in (program, nginx):
            self.check_isolation(process.pid)

        page = self.run_command(*host.inside(*curl, "http://127.0.0.1:8080/"))
        self.assertIn('action="/form/contact"', page)
        upload = self.bench.dir / "upload.pdf"
        upload.write_bytes(os.urandom(2 << 20))  # more than stays in memory: it goes to /tmp
        answer = self.run_command(*host.inside(
            *curl, "--form", "name=Ada", "--form", "email=ada@example.com", "--form", "message=Hello",
            "--form", f"file=@{upload};type=application/pdf", "http://127.0.0.1:8080/form/contact"))
        self.assertIn("Your message has been sent", answer)
        mail = email.message_from_bytes((catcher / "1.eml").read_bytes(), policy=email.policy.default)
        self.assertEqual((mail["subject"], mail["to"]), ("Contact from Ada", "sales@example.com"))
        (attachment,) = mail.iter_attachments()
        self.assertEqual(attachment.get_content(), upload.read_bytes())
        self.assertEqual(json.loads((catcher / "1.json").read_text())["user"], "app@example.com")
        statuses = self.run_command(*host.inside(
            "curl", "--silent", "--max-time", "30", "--output", "/dev/null", "--write-out", "%{http_code}\n", "--form",
            "website=filled in", "http://127.0.0.1:8080/form/contact?[1-12]")).split()
        self.assertEqual((statuses[:5], set(statuses)), (["200"] * 5, {"200", "429"}))
        if len(files) == 1:
            self.check_socket(host)
        self.check_drain(host, program, catcher, curl)

    def check_socket(self, host):
        """Only fcgi-smtp and the group of nginx's processes reach the socket."""
        volume = host.dir / "socket"
        modes = self.run_command(*host.inside("stat", "--format", "%a %u:%g", volume, volume / "fcgi-smtp.sock"))
        self.assertEqual(modes.splitlines(), ["750 65532:101", "660 65532:101"])

    def test_image(self):
        self.make_base()
        self.build()
        self.check_metadata()
        self.check_own_configuration()
        self.check_run()
        root = self.buildah("mount", self.buildah("from", "--pull-never", "localhost/fcgi-smtp"))
        self.check_compose(root, "compose.yaml")
        self.check_compose(root, "compose.yaml", "compose.tcp.yaml")


if __name__ == "__main__":
    unittest.main()
