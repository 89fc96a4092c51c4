"""What README.md and etc/doc say must hold: links, configurations, nginx blocks, tokens, and the programs of api.md."""

import os
import re
import shutil
import subprocess
import sys
import unittest
import urllib.parse
import xml.etree.ElementTree

import yaml

from harness import PROGRAM, SOURCE, BenchTest

PAGES = [SOURCE / "README.md", *sorted((SOURCE / "etc").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.S | re.M)
MINIMAL = yaml.safe_load((SOURCE / "etc" / "minimal.yaml").read_text())
KEY = "fsk_4539cebfcaf411b40e1d5349392e768c9bf35afab1ac57352a2ae938fb1b81cc"  # of the hash in the pages


def blocks(language, pages=None):
    """The fenced blocks of a language: (where, text)."""
    for page in pages or PAGES:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            if match[2] == language:
                line = text.count("\n", 0, match.start()) + 1
                yield f"{page.relative_to(SOURCE)}:{line}", re.sub(f"^{match[1]}", "", match[3], flags=re.M)


def anchors(page):
    """The names of a page's headings, as they are made where it is shown."""
    text = BLOCK.sub("", page.read_text())
    for title in re.findall(r"^#+ (.*)$", text, re.M):
        title = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title).lower()
        yield re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


class Docs(BenchTest):
    def test_links(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page.read_text())):
                url = urllib.parse.urlsplit(target)
                if url.scheme:
                    self.assertEqual(url.scheme, "https", f"{page}: {target}")
                    continue
                file = (page.parent / url.path).resolve() if url.path else page
                self.assertTrue(file.exists() and file.is_relative_to(SOURCE), f"{page}: {target}")
                if url.fragment:
                    self.assertIn(url.fragment, set(anchors(file)), f"{page}: {target}")

    def test_every_page_can_be_found(self):
        """From the README, by one link."""
        linked = {(SOURCE / target).resolve()
                  for target in re.findall(r"\]\((etc/[^)#\s]+)", (SOURCE / "README.md").read_text())}
        self.assertEqual({page for page in PAGES[1:] if page.parent.name == "doc"} - linked, set())

    def test_pictures(self):
        for picture in (SOURCE / "etc" / "doc").glob("*.svg"):
            text = picture.read_text()
            xml.etree.ElementTree.fromstring(text)
            self.assertNotRegex(text.replace('xmlns="http://www.w3.org/2000/svg"', ""), r"(?i)https?:|@import|<script")

    # -- configurations

    def made_up(self, text):
        """The text with files of our own in the place of those that it names."""
        ca = self.bench.certificates()
        names = {"password": "secret\n", "password2": "secret\n", "smtp_password": "secret\n", "oauth2": "token_url=https:\n",
                 "client.pem": (ca / "client.pem").read_text(), "client.key": (ca / "client.key").read_text(),
                 "ca.pem": (ca / "ca.pem").read_text()}
        for name, content in names.items():
            file = self.bench.dir / name
            file.write_text(content)
            file.chmod(0o600)
        text = text.replace("/usr/share/fcgi-smtp/oauth2/", f"{SOURCE}/etc/oauth2/")
        return re.sub(r"/(etc/fcgi-smtp|run/secrets)/(?=[\w.]+)", f"{self.bench.dir}/", text)

    def test_configurations(self):
        """Each is a whole one, or a part that goes with the smallest one."""
        checked = 0
        for where, text in blocks("yaml"):
            with self.subTest(where=where):
                document = yaml.safe_load(text)
                if "scrape_configs" in document:
                    continue
                whole = "server" in document
                rest = {key: value for key, value in MINIMAL.items() if key not in document}
                config = self.bench.write_config(self.made_up(text if whole else text + "\n" + yaml.safe_dump(rest)))
                result = subprocess.run([PROGRAM, "--config", config, "--check"], stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, check=False, cwd=self.bench.dir)
                self.assertEqual(result.returncode, 0, f"{text}\n{result.stdout}")
                self.assertNotIn("warning", result.stdout)
                if whole:
                    self.assertIn("defaults", document, "nobody could send with it as it stands")
                checked += 1
        self.assertGreater(checked, 12)

    def test_nginx(self):
        home = self.bench.dir / "nginx"
        shutil.copytree(SOURCE / "etc" / "nginx", home)
        shutil.copy("/etc/nginx/fastcgi_params", home)
        ca = self.bench.certificates()
        for file in home.glob("*.conf"):
            file.write_text(file.read_text().replace("/usr/share/fcgi-smtp/nginx", str(home)))
        temporary = "".join(f"{name}_temp_path {home}/{name};" for name in ("client_body", "fastcgi", "proxy", "uwsgi", "scgi"))
        found = list(blocks("nginx"))
        self.assertGreater(len(found), 4)
        for where, text in found:
            with self.subTest(where=where):
                text = text.replace("/usr/share/fcgi-smtp/nginx", str(home)).replace("fcgi-smtp:9000", "127.0.0.1:9000")
                text = re.sub(r"listen \d+", f"listen unix:{home}/listen.sock", text)
                text = re.sub(r"/etc/ssl/[\w.]+\.(pem|key)", lambda match: f"{ca}/valid.{match[1]}", text)
                http = re.sub(r"^http \{", f"http {{ access_log off; {temporary}", text, flags=re.M)
                if http == text:
                    http = f"http {{ access_log off; {temporary} {text} }}"
                (home / "test.conf").write_text(f"pid {home}/pid; error_log stderr; events {{}}\n{http}")
                result = subprocess.run(["nginx", "-t", "-e", "stderr", "-p", home, "-c", home / "test.conf"],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                self.assertEqual(result.returncode, 0, f"{text}\n{result.stdout}")

    def test_tokens(self):
        """The table of errors has each token of the program, and no other."""
        source = re.findall(r'\{(\d{3}), "([a-z-]+)"', (SOURCE / "src" / "http" / "problem.c").read_text())
        self.assertGreater(len(source), 25)
        rows = re.findall(r"^\| (\d{3}) \| ([a-z, -]+) \|", (SOURCE / "etc" / "doc" / "errors.md").read_text(), re.M)
        self.assertEqual(sorted((status, token) for status, tokens in rows for token in tokens.split(", ")), sorted(source))

    # -- the programs of api.md

    def test_programs(self):
        mail = self.bench.start_mail_server()
        api = SOURCE / "etc" / "doc" / "api.md"
        (keys,) = (yaml.safe_load(text)["keys"] for _, text in blocks("yaml", [api]))
        keys[0]["allow"]["senders"].append("app@example.com")  # of the defaults, and of the example with from
        self.bench.start_program(f"server: {{host: 127.0.0.1, port: {mail.port}, tls: none}}\n"
                                 "defaults: {from: app@example.com, to: ops@example.com}\n" + yaml.safe_dump({"keys": keys}))
        self.bench.start_nginx()
        work = self.bench.dir / "work"
        work.mkdir()
        (work / "report.pdf").write_bytes(b"%PDF-1.4\n")
        environment = {**os.environ, "URL": f"http://127.0.0.1:{self.bench.port}", "KEY": KEY}
        programs = [(where, [sys.executable, "-"], text) for where, text in blocks("python", [api])]
        programs += [(where, ["node", "--input-type=module"], text) for where, text in blocks("js", [api])]
        programs += [(where, ["php"], text) for where, text in blocks("php", [api])]
        programs += [(where, ["sh", "-eu"], text.replace("curl ", "curl --silent --show-error --fail-with-body "))
                     for where, text in blocks("", [api]) if text.startswith("curl")]
        self.assertGreater(len(programs), 7)
        for where, command, text in programs:
            with self.subTest(where=where):
                before = len(mail.messages())
                result = subprocess.run(command, input=text, cwd=work, env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
                self.assertEqual(result.returncode, 0, f"{text}\n{result.stdout}")
                self.assertIn("sent", result.stdout)
                self.assertEqual(len(mail.messages()) - before, max(1, text.count("curl ")))


if __name__ == "__main__":
    unittest.main()
