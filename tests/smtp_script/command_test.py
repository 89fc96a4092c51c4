"""The commands smtp_script and smtp_script_ca: options, signals, exit status. argv: the two programs."""

import pathlib
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

SERVER, CA = sys.argv[1:3]


class CommandTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = pathlib.Path(directory.name)

    def start(self, scenario, *options):
        file = self.dir / "scenario"
        file.write_text(scenario)
        process = subprocess.Popen([SERVER, *map(str, options), file], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        word, port = process.stdout.readline().split()
        self.assertEqual(word, "port")
        return process, int(port)

    def ends(self, process, status, report=""):
        self.assertEqual((process.wait(30), process.stderr.read()), (status, report))

    def test_mail_over_starttls(self):
        (self.dir / "ca").mkdir()
        subprocess.run([CA, self.dir / "ca"], check=True)
        process, port = self.start(
            "S: 220 hi\nC: ehlo *\nS: 250-hi\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: ehlo *\nS: 250 hi\n"
            "C: mail FROM:<a@x>\nS: 250 ok\nC: rcpt TO:<b@y>\nS: 250 ok\nC: data\nS: 354 go\nDATA\nS: 250 ok\n"
            "C: QUIT\nS: 221 bye\n",
            "--cert-dir", self.dir / "ca", "--messages", self.dir, "--transcript", self.dir / "transcript",
            "--tls-max", "1.2", "--connections", 1)
        with smtplib.SMTP("localhost", port, timeout=30) as client:
            client.starttls(context=ssl.create_default_context(cafile=self.dir / "ca" / "ca.pem"))
            client.sendmail("a@x", ["b@y"], "Subject: x\r\n\r\n.dot\r\n")
        self.ends(process, 0)
        self.assertEqual((self.dir / "message-1.eml").read_bytes(), b"Subject: x\r\n\r\n.dot\r\n")
        transcript = (self.dir / "transcript").read_text()
        self.assertIn("1 * tls TLSv1.2 sni=localhost\n", transcript)
        self.assertIn("1 C: rcpt TO:<b@y>\n", transcript)

    def test_failure_is_told(self):
        process, port = self.start("C: HELO\n", "--connections", "1")
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            client.sendall(b"EHLO\r\n")
            self.assertEqual(client.recv(9), b"")
        self.ends(process, 1, f'{self.dir}/scenario:1: connection 1: expected "C: HELO", got "EHLO\\r\\n"\n')

    def test_signals(self):
        process, port = self.start("GATE any\nS: 220 hi\nSTALL\n")
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            process.send_signal(signal.SIGUSR1)
            self.assertEqual(client.recv(9), b"220 hi\r\n")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(client.recv(9), b"")
        self.ends(process, 0)

    def test_what_cannot_begin(self):
        def run(*arguments):
            result = subprocess.run([SERVER, *arguments], capture_output=True, text=True, timeout=30)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            return result.stderr

        wrong = self.dir / "wrong"
        wrong.write_text("S: hi\nSAY hi\n")
        self.assertEqual(run(wrong), f"{wrong}: line 2: unknown step\n")
        self.assertIn("No such file", run(self.dir / "none"))
        for arguments in [[], ["--port", "x", wrong], ["--grace", "-1", wrong], ["--unknown", wrong], [wrong, wrong]]:
            self.assertIn("usage:", run(*arguments))
        for arguments in [[], [self.dir / "none"]]:
            result = subprocess.run([CA, *arguments], capture_output=True, timeout=30)
            self.assertNotEqual((result.returncode, result.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
