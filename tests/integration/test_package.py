"""The Debian package: made by cpack, looked at by lintian, and used in a Debian tree as an administrator would.

Needs root, debootstrap and lintian. The tree shares this machine's network; systemd is its process 1.
"""

import gzip
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import threading
import unittest

import debian
import systemd
from harness import BUILD, NOBODY, SOURCE, BenchTest, wait_until

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
CONFIG = "etc/fcgi-smtp/fcgi-smtp.yaml"
SOCKET = "run/fcgi-smtp/fcgi-smtp.sock"


def make_package(directory):
    directory.mkdir()
    debian.run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-B", directory,
               env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    (package,) = directory.glob("*.deb")
    return package


class Package(BenchTest):
    def setUp(self):
        super().setUp()
        self.package = make_package(self.bench.dir / "package")
        self.tree = self.bench.dir / "tree"
        self.machine = None

    def inside(self, *command, status=0):
        """Runs a command in the tree; what it wrote."""
        done = subprocess.run(["chroot", str(self.tree), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=300, stdin=subprocess.DEVNULL, env=ENVIRONMENT)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def field(self, name):
        return debian.run("dpkg-deb", "--field", self.package, name)

    def left_over(self):
        """Whatever has the package's name, but for what apt and dpkg keep of any package."""
        found = self.inside("find", "/", "-xdev", "-name", "*fcgi-smtp*").splitlines()
        return [path for path in found if not re.match("/(proc|root|var/cache/apt|var/log)/", path)]

    def check_contents(self):
        self.assertEqual(debian.run("lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0",
                                    self.package), "")
        again = make_package(self.bench.dir / "again")
        self.assertEqual(again.read_bytes(), self.package.read_bytes(), "SOURCE_DATE_EPOCH makes no same package")
        version = re.search(r"project\(fcgi-smtp VERSION ([\d.]+)", (SOURCE / "CMakeLists.txt").read_text())[1]
        self.assertEqual(self.field("Version"), version)
        self.assertIn(f"fcgi-smtp ({version}) ", (SOURCE / "etc/debian/changelog").read_text().splitlines()[0])
        terms = [(SOURCE / name).read_text().replace("\n .\n", "\n").split("Redistribution and use")[1].split()
                 for name in ("LICENSE", "etc/debian/copyright")]
        self.assertEqual(*terms)
        print(f"package: {self.package.stat().st_size / 1e3:.0f} kB; {self.field('Depends')}")

    def check_installation(self):
        """Installed, nothing is on yet: it says what to fill in."""
        shutil.copy(self.package, self.tree / "root/fcgi-smtp.deb")
        self.inside("apt-get", "-q", "update")
        said = self.inside("apt-get", "-q", "-y", "--no-install-recommends", "install", "/root/fcgi-smtp.deb")
        self.assertNotRegex(said, "(?i)error|warning: |failed")
        self.assertIn("server: is missing", self.inside("fcgi-smtp", "--check", status=78))
        self.assertEqual(list((self.tree / "etc/systemd/system").rglob("fcgi-smtp*")), [])

    def configure(self, mail):
        """As the comments in the configuration say."""
        text = (self.tree / CONFIG).read_text()
        text = re.sub("^#(server|defaults):", r"\1:", text, flags=re.MULTILINE)
        text = text.replace("host: smtp.example.com", f"host: localhost, port: {mail.port}, tls: none")
        (self.tree / CONFIG).write_text(text)
        (self.tree / "etc/hosts").write_text("127.0.0.1 localhost\n")
        password = self.tree / "etc/fcgi-smtp/password"
        password.write_text("secret\n")
        password.chmod(0o600)
        self.assertIn("fcgi-smtp.yaml: ok", self.inside("fcgi-smtp", "--check"))
        self.assertTrue(self.inside("fcgi-smtp", "--test-server").endswith("\nok\n"))

    def systemctl(self, *arguments, status=0):
        done = self.machine.run("systemctl", *arguments)
        self.assertEqual(done.returncode, status, f"{done.stderr}\n{self.machine.journal()}")

    def check_unconfigured(self):
        """It fails for the reason that the journal tells, and not for ever, though requests come meanwhile."""
        self.systemctl("start", "fcgi-smtp", status=1)
        self.assertIn("server: is missing", self.machine.journal())
        with socket.socket(socket.AF_UNIX) as request:
            request.connect(str(self.tree / SOCKET))
            wait_until(lambda: self.machine.property("fcgi-smtp.socket", "Result") == "service-start-limit-hit", "systemd to stop")
        self.systemctl("reset-failed", "fcgi-smtp.socket", "fcgi-smtp.service")

    def check_protection(self):
        """The process is what the unit wants it to be."""
        pid = self.machine.outer_pid(self.machine.property("fcgi-smtp", "MainPID"))
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        self.assertRegex(status, r"\nUid:\t(6[1-5]\d{3})\t\1\t\1\t\1\n")  # systemd's range for users of the day
        self.assertRegex(status, r"\nCapBnd:\t0{16}\n")
        self.assertRegex(status, r"\nNoNewPrivs:\t1\n")
        self.assertRegex(status, r"\nSeccomp:\t2\n")
        place = (self.tree / SOCKET).stat()
        group = int(re.search(r"^www-data:x:(\d+):", (self.tree / "etc/group").read_text(), re.MULTILINE)[1])
        self.assertEqual((stat.S_IMODE(place.st_mode), place.st_uid, place.st_gid), (0o660, 0, group))
        self.assertEqual((self.tree / "etc/fcgi-smtp/password").stat().st_mode & 0o777, 0o600)

    def check_requests(self, mail):
        os.chown(self.tree / SOCKET, 0, NOBODY)  # of the test's nginx
        self.bench.start_nginx(upstream=f"unix:{self.tree / SOCKET}", keepalive=False)
        form = b"subject=Gr%FC%DFe&text=%A4&_charset_=iso-8859-15"  # needs iconv's converters
        answer = self.bench.request("POST", "/send", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status, 200, (answer, self.machine.journal()))
        self.assertEqual(self.bench.send(("text", "t"), ("attachment", "f", "", os.urandom(1 << 20))).status, 200)
        self.assertEqual({(one["user"], *one["rcpt_tos"]) for one in mail.messages()}, {("app@example.com", "ops@example.com")})

    def check_reload(self):
        good = (self.tree / CONFIG).read_text()
        self.systemctl("reload", "fcgi-smtp")
        self.assertEqual(self.machine.property("fcgi-smtp", "StatusText"), "Serving")
        (self.tree / CONFIG).write_text(good + "nonsense: 1\n")
        self.systemctl("reload", "fcgi-smtp", status=1)
        (self.tree / CONFIG).write_text(good + "workers: 3\n")  # needs a restart
        self.systemctl("reload", "fcgi-smtp")
        wait_until(lambda: "refused" in self.machine.property("fcgi-smtp", "StatusText"), "the refusal")
        (self.tree / CONFIG).write_text(good)
        self.assertEqual(self.machine.property("fcgi-smtp", "ActiveState"), "active")

    def check_restart(self):
        """Requests that come while the service is started anew wait for it."""
        statuses = []
        requests = threading.Thread(target=lambda: statuses.extend(self.bench.send(("text", "x")).status for _ in range(40)))
        requests.start()
        before = self.machine.property("fcgi-smtp", "MainPID")
        self.systemctl("restart", "fcgi-smtp")
        requests.join()
        self.assertEqual(statuses, [200] * 40, self.machine.journal())
        self.assertNotEqual(before, self.machine.property("fcgi-smtp", "MainPID"))

    def check_passwords(self, mail):
        """A file that is not there matters only where it is asked for; a command runs inside of what the unit allows."""
        text = (self.tree / CONFIG).read_text()
        password = self.tree / "etc/fcgi-smtp/password"
        password.rename(password.with_suffix(".away"))
        self.systemctl("restart", "fcgi-smtp", status=1)
        self.assertIn("server.password_file: its first line is empty", self.machine.journal())
        (self.tree / CONFIG).write_text(text.replace("password_file: password", "password_command: [/bin/sh, -c, echo secret]"))
        self.systemctl("restart", "fcgi-smtp")
        before = len(mail.messages())
        answer = self.bench.send(("text", "x"))
        self.assertEqual(answer.status, 200, (answer, self.machine.journal()))
        self.assertEqual([one["user"] for one in mail.messages()[before:]], ["app@example.com"])
        password.with_suffix(".away").rename(password)

    def check_service(self):
        """The real systemd with the real units."""
        self.inside("apt-get", "-q", "-y", "--no-install-recommends", "install", "systemd")
        self.machine = systemd.Machine(self, self.tree)
        self.check_unconfigured()
        mail = self.bench.start_mail_server("--user", "app@example.com", "--password", "secret")
        self.configure(mail)
        self.systemctl("enable", "--now", "fcgi-smtp")
        self.systemctl("is-enabled", "fcgi-smtp.socket", "fcgi-smtp.service")
        self.check_protection()
        self.check_requests(mail)
        self.check_reload()
        self.check_restart()
        self.check_passwords(mail)

    def check_files(self):
        share = self.tree / "usr/share"
        for page, word in (("man8/fcgi-smtp.8.gz", "--test-server"), ("man5/fcgi-smtp.yaml.5.gz", "password_file")):
            self.assertIn(word, debian.run("mandoc", "-T", "utf8", share / "man" / page).replace("\b", ""))
        for folder in ("nginx", "oauth2"):
            for file in (SOURCE / "etc" / folder).iterdir():
                self.assertEqual((share / "fcgi-smtp" / folder / file.name).read_text(), file.read_text())
        for name in ("fcgi-smtp.service", "fcgi-smtp.socket"):
            self.assertEqual((self.tree / "lib/systemd/system" / name).read_text(), (SOURCE / "etc/systemd" / name).read_text())
        self.assertIn("First release", gzip.decompress((share / "doc/fcgi-smtp/changelog.gz").read_bytes()).decode())

    def dpkg(self, *arguments):
        done = self.machine.run("dpkg", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout + done.stderr

    def check_removal(self):
        text = (self.tree / CONFIG).read_text()
        before = self.machine.property("fcgi-smtp", "MainPID")
        self.dpkg("--install", "/root/fcgi-smtp.deb")  # an upgrade keeps the configuration, and starts the new program
        self.assertEqual((self.tree / CONFIG).read_text(), text)
        self.assertNotIn(self.machine.property("fcgi-smtp", "MainPID"), (before, "0"))
        self.dpkg("--remove", "fcgi-smtp")
        self.assertIn("all requests are answered; bye", self.machine.journal())
        self.assertFalse((self.tree / "usr/bin/fcgi-smtp").exists() or (self.tree / SOCKET).exists())
        self.assertEqual((self.tree / CONFIG).read_text(), text)
        self.assertNotIn("not empty", self.dpkg("--purge", "fcgi-smtp"))
        self.assertEqual(self.left_over(), [])

    def test_package(self):
        self.check_contents()
        debian.make_tree(self.tree, BUILD / "debian.tar")
        self.check_installation()
        self.check_files()
        self.check_service()
        self.check_removal()


class Prefix(BenchTest):
    def test_another_prefix(self):
        """cmake --install --prefix: the texts that name installed files name them where they are."""
        root = self.bench.dir / "root"
        debian.run("cmake", "--install", BUILD, "--prefix", "/opt/mail", env={**os.environ, "DESTDIR": str(root)})
        home = root / "opt/mail"
        unit = (home / "lib/systemd/system/fcgi-smtp.service").read_text()
        self.assertIn("\nExecStart=/opt/mail/bin/fcgi-smtp\n", unit)
        self.assertIn("include    /opt/mail/share/fcgi-smtp/nginx/fcgi-smtp.conf;",
                      (home / "share/fcgi-smtp/nginx/fcgi-smtp-mailgun.conf").read_text())
        named = {name for path in (home / "share").rglob("*.conf") for name in re.findall(r"/opt/mail/[\w./-]+\w", path.read_text())}
        self.assertTrue(named)
        for name in named:
            self.assertTrue(pathlib.Path(f"{root}{name}").is_file(), name)
        self.assertEqual([path for path in root.rglob("*") if path.is_file() and home not in path.parents], [])


if __name__ == "__main__":
    unittest.main()
