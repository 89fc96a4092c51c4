"""Peak memory of the program: a 1 KiB mail, a 25 MiB attachment, and several of them at once."""

import contextlib
import os
import pathlib
import threading

from harness import Bench

OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "x" * 1024)]


def peak(uploads, size):
    """Octets of VmHWM after so many uploads at once of that size, in a fresh process."""
    with contextlib.closing(Bench()) as bench:
        mail = bench.start_mail_server()
        bench.start_program(f"server: {{host: 127.0.0.1, port: {mail.port}, tls: none, timeouts: {{data: 100s, total: 200s}}}}\n{OPEN}")
        bench.start_nginx()
        file = [("attachment", "f.bin", "application/octet-stream", os.urandom(size))] if size else []
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(bench.send(*FIELDS, *file, seconds=300)))
                   for _ in range(uploads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if [answer.status for answer in answers] != [200] * uploads:
            raise AssertionError(answers)
        status = pathlib.Path(f"/proc/{bench.program.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


def main():
    small = peak(1, 0)
    print(f"peak memory, one 1 KiB mail:         {small / 2**20:6.2f} MiB")
    for uploads in (1, 32):
        large = peak(uploads, 25 << 20)
        print(f"peak memory, {uploads} x 25 MiB attachment: {large / 2**20:6.2f} MiB, "
              f"{(large - small) / 2**20:+.2f} MiB, {large / small:.2f} x")


if __name__ == "__main__":
    main()
