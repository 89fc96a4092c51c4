"""The Debian package: made by cpack, looked at by lintian, and used in a Debian tree as an administrator would.

Needs root, debootstrap and lintian. The tree shares this machine's network.
"""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
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
        text = text.replace("host: smtp.example.com", f"host: 127.0.0.1, port: {mail.port}, tls: none")
        (self.tree / CONFIG).write_text(text)
        password = self.tree / "etc/fcgi-smtp/password"
        password.write_text("secret\n")
        password.chmod(0o600)
        self.assertIn("fcgi-smtp.yaml: ok", self.inside("fcgi-smtp", "--check"))
        self.assertTrue(self.inside("fcgi-smtp", "--test-server").endswith("\nok\n"))
        debian.run("systemctl", f"--root={self.tree}", "enable", "fcgi-smtp", stderr=subprocess.DEVNULL)
        enabled = {path.parent.name for path in (self.tree / "etc/systemd/system").rglob("fcgi-smtp*")}
        self.assertEqual(enabled, {"multi-user.target.wants", "sockets.target.wants"})

    def start(self):
        """What systemd does with the two units: the socket, the credential, the user."""
        (self.tree / SOCKET).parent.mkdir()
        credentials = self.tree / "run/credentials/fcgi-smtp.service"
        credentials.mkdir(parents=True)
        shutil.copy(self.tree / "etc/fcgi-smtp/password", credentials)
        os.chown(credentials / "password", NOBODY, NOBODY)
        manager = systemd.Manager(self, self.tree / "run/notify")
        program = self.bench.start(
            systemd.command([self.tree / SOCKET], ["/usr/bin/fcgi-smtp"], self.tree), "fcgi-smtp",
            env={"NOTIFY_SOCKET": "/run/notify", "CREDENTIALS_DIRECTORY": "/run/credentials/fcgi-smtp.service"})
        self.assertEqual(manager.next()["READY"], "1")
        return program

    def check_use(self):
        mail = self.bench.start_mail_server("--user", "app@example.com", "--password", "secret")
        self.configure(mail)
        program = self.start()
        self.bench.start_nginx(upstream=f"unix:{self.tree / SOCKET}")
        form = b"subject=Gr%FC%DFe&text=%A4&_charset_=iso-8859-15"  # needs iconv's converters
        answer = self.bench.request("POST", "/send", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status, 200, (answer, program.output()))
        self.assertEqual([(one["user"], one["rcpt_tos"]) for one in mail.messages()], [("app@example.com", ["ops@example.com"])])
        self.assertEqual(program.stop(), 0, program.output())
        (self.tree / SOCKET).unlink()  # as systemd does with what it made
        shutil.rmtree(self.tree / "run/credentials")

    def check_files(self):
        share = self.tree / "usr/share"
        for page, word in (("man8/fcgi-smtp.8.gz", "--test-server"), ("man5/fcgi-smtp.yaml.5.gz", "password_file")):
            self.assertIn(word, debian.run("mandoc", "-T", "utf8", share / "man" / page).replace("\b", ""))
        for name in ("fcgi-smtp.conf", "fcgi-smtp-mailgun.conf", "fcgi-smtp-upstream.conf"):
            self.assertEqual((share / "fcgi-smtp/nginx" / name).read_text(), (SOURCE / "etc/nginx" / name).read_text())
        for name in ("fcgi-smtp.service", "fcgi-smtp.socket"):
            self.assertEqual((self.tree / "lib/systemd/system" / name).read_text(), (SOURCE / "etc/systemd" / name).read_text())
        self.assertIn("First release", gzip.decompress((share / "doc/fcgi-smtp/changelog.gz").read_bytes()).decode())

    def check_removal(self):
        text = (self.tree / CONFIG).read_text()
        self.inside("dpkg", "--install", "/root/fcgi-smtp.deb")  # an upgrade keeps the configuration
        self.assertEqual((self.tree / CONFIG).read_text(), text)
        self.inside("dpkg", "--remove", "fcgi-smtp")
        self.assertFalse((self.tree / "usr/bin/fcgi-smtp").exists())
        self.assertEqual((self.tree / CONFIG).read_text(), text)
        said = self.inside("dpkg", "--purge", "fcgi-smtp")
        self.assertNotIn("not empty", said)
        self.assertEqual(self.left_over(), [])

    def test_package(self):
        self.check_contents()
        debian.make_tree(self.tree, BUILD / "debian.tar")
        self.check_installation()
        self.check_use()
        self.check_files()
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
