"""The manual pages: well-formed, complete, and with examples that work. What they say of each configuration key is compared
with the table of keys by the unit test config_manual.
"""

import re
import subprocess
import unittest

from harness import PROGRAM, SOURCE, BenchTest

PAGES = [SOURCE / "etc/man/fcgi-smtp.8", SOURCE / "etc/man/fcgi-smtp.yaml.5"]


class Manual(BenchTest):
    def test_lint(self):
        for page in PAGES:
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, check=False, timeout=30)
            self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_options(self):
        text = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout
        page = PAGES[0].read_text()
        described = " ".join(re.findall(r"^\.It Fl (.*)$", page, re.MULTILINE))
        long = set(re.findall(r"--([a-z][a-z-]+)", text))
        short = set(re.findall(r"^  -([a-zA-Z]),", text, re.MULTILINE))
        self.assertTrue(len(long) >= 10 and len(short) >= 6, text)
        self.assertEqual(long, set(re.findall(r"Fl ([a-z][a-z-]+)\b", f"Fl {described}".replace("Fl Fl", "Fl"))) - {"Ar"})
        self.assertEqual(short, set(re.findall(r"(?:^| )([a-zA-Z]) (?:,|Ar file ,)", described)))

    def test_exit_status(self):
        statuses = re.search(r"Exit status: (.*)", subprocess.run(
            [PROGRAM, "--help"], stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout, re.DOTALL)[1]
        page = PAGES[0].read_text().split(".Sh EXIT STATUS")[1].split(".Sh ")[0]
        self.assertEqual(re.findall(r"\b\d+\b", statuses), re.findall(r"^\.It (\d+)$", page, re.MULTILINE))

    def test_examples(self):
        """Every example of fcgi-smtp.yaml(5) is a whole configuration."""
        page = PAGES[1].read_text()
        examples = re.findall(r"^\.Bd -literal -offset indent\n((?:#|server).*?)^\.Ed", page, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(examples), 3)
        (self.bench.dir / "password").write_text("secret\n")
        (self.bench.dir / "password").chmod(0o600)
        for example in examples:
            path = self.bench.write_config(example.replace("/usr/share/fcgi-smtp/", f"{SOURCE}/etc/"))
            result = subprocess.run([PROGRAM, "--check", "--config", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True, check=False, timeout=30)
            self.assertEqual((result.returncode, result.stderr), (0, ""), example)


if __name__ == "__main__":
    unittest.main()
