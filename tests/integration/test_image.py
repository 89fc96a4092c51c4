"""The container image: really built from the Dockerfile on a base made by debootstrap, and run behind nginx.

Needs root, buildah and debootstrap; no container engine. The image shares the host's network when it runs.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import debian
from harness import BUILD, SOURCE, BenchTest, free_ports, wait_until

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

    def test_image(self):
        self.make_base()
        self.build()
        self.check_metadata()
        self.check_own_configuration()
        self.check_run()


if __name__ == "__main__":
    unittest.main()
