"""Peak memory of the program: a 1 KiB mail, a 25 MiB attachment, and 32 of them at once.

The server replies to no end of data before all have come: so all uploads are under way at the same time.
"""

import contextlib
import os
import pathlib
import sys
import threading

from harness import Bench
from sink import Sink

OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "x" * 1024)]
TIMEOUTS = "timeouts: {data: 300s, total: 400s}"
MIB = 1 << 20
ABOVE_SMALL = 4 * MIB  # what one large upload may add to the peak of a small mail
PER_REQUEST = 256 << 10  # limits.memory_per_request


def peak_of(program):
    status = pathlib.Path(f"/proc/{program.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def send_at_once(bench, sink, uploads, fields):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(bench.send(*fields, seconds=600))) for _ in range(uploads)]
    for thread in threads:
        thread.start()
    sink.await_held(uploads)
    sink.release(uploads)
    for thread in threads:
        thread.join()
    if [answer.status for answer in answers] != [200] * uploads:
        raise AssertionError(answers)


def peaks(uploads):
    """Octets of VmHWM in a fresh process: after a small mail, and after so many large ones at once."""
    with contextlib.closing(Bench()) as bench:
        sink = Sink(bench, "hold")
        bench.start_program(f"server: {{host: 127.0.0.1, port: {sink.port}, tls: none, {TIMEOUTS}}}\n{OPEN}")
        bench.start_nginx(extra="fastcgi_read_timeout 600s;")
        send_at_once(bench, sink, 1, FIELDS)
        small = peak_of(bench.program)
        file = ("attachment", "f.bin", "application/octet-stream", os.urandom(25 * MIB))
        send_at_once(bench, sink, uploads, [*FIELDS, file])
        return small, peak_of(bench.program)


def report(uploads, bound):
    small, large = peaks(uploads)
    good = large - small <= bound
    print(f"{f'peak memory, {uploads} x 25 MiB at once':46} {(large - small) / MIB:6.2f} MiB above {small / MIB:.2f} MiB of a 1 KiB mail "
          f"(at most {bound / MIB:.2f}){'' if good else '  MISSED'}", flush=True)
    return good


def main():
    results = [report(1, ABOVE_SMALL), report(8, 8 * PER_REQUEST), report(32, 32 * PER_REQUEST)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
