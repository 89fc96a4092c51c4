"""Network round trips of one HTTP request, nginx -> program -> SMTP server, counted behind a fixed delay.

The program, nginx and this script run in one network namespace, the SMTP server in another, and delay.c carries the
packets between the two, so that TCP's own round trips, Nagle's algorithm and delayed acknowledgements count.
Needs root, for the namespaces.
"""

import contextlib
import errno
import os
import socket
import statistics
import subprocess
import sys
import time

from goals import BY_THE_CLOCK
from harness import BUILD, SCRIPT_SERVER, Bench, wait_until

ROUND_TRIP = 0.050  # seconds, as it is set up
COLD_REPEATS = 3
WARM_REPEATS = 5
DEVICES = ("bench0", "bench1")
ADDRESSES = ("10.213.0.1", "10.213.0.2")
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FIELDS = [("from", "a@example.com"), ("to", "b@example.com"), ("subject", "s"), ("text", "x" * 1024)]

PLAIN = {"tls": "none"}
AUTH = {"user": "u", "password": "secret", "verify": "none"}
IMPLICIT = {"tls": "implicit", "auth": "plain", **AUTH}
STARTTLS = {"tls": "starttls", "auth": "plain", **AUTH}

# what, whether the server offers CHUNKING, the program's settings, round trips cold and warm
CASES = [
    ("plain", True, PLAIN, 4, 1),
    ("plain, no CHUNKING", False, PLAIN, 5, 2),
    ("implicit TLS 1.3, AUTH PLAIN", True, IMPLICIT, 6, 1),
    ("implicit TLS 1.3, AUTH PLAIN, no CHUNKING", False, IMPLICIT, 7, 2),
    ("STARTTLS, AUTH PLAIN", True, STARTTLS, 8, 1),
    ("STARTTLS, AUTH PLAIN, no CHUNKING", False, STARTTLS, 9, 2),
]

HELLO = "C: EHLO *\nS: 250-bench.example\nS: 250-PIPELINING\nS: 250-SIZE 0\n"
SERVE = """WHILE MAIL FROM:*
  S: 250 ok
  C: RCPT TO:*
  S: 250 ok
  IF DATA
    S: 354 go
    DATA discard
  ELSE
    BDAT discard
  END
  S: 250 queued
END
C?: QUIT
WAIT-EOF
"""


def scenario(chunking, settings):
    """What the scripted server plays on every connection."""
    hello = HELLO + ("S: 250-CHUNKING\n" if chunking else "")
    text = "== *\n" + ("TLS min=1.3\n" if settings["tls"] == "implicit" else "") + "S: 220 bench.example ESMTP\n"
    if settings["tls"] == "starttls":
        text += hello + "S: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS min=1.3\n"
    text += hello + "S: 250 AUTH PLAIN\n"
    if "user" in settings:
        text += "C: AUTH PLAIN *\nS: 235 ok\n"
    return text + SERVE


def run(*command):
    subprocess.run(command, check=True)


class Link:
    """Two namespaces with a delayed link between them; this process runs in the first one already."""

    def __init__(self, bench, server_namespace):
        self.namespace = server_namespace
        run("ip", "link", "set", "lo", "up")
        delay = bench.start([BUILD / "tests" / "bench" / "delay", DEVICES[0], f"/run/netns/{server_namespace}",
                             DEVICES[1], round(ROUND_TRIP / 2 * 1e6)], "delay")
        wait_until(lambda: "ready" in delay.output() or not delay.alive(), "the delayed link")
        if not delay.alive():
            raise AssertionError(delay.output())
        there = ("ip", "netns", "exec", server_namespace)
        for prefix, device, address in (((), DEVICES[0], ADDRESSES[0]), (there, DEVICES[1], ADDRESSES[1])):
            run(*prefix, "ip", "address", "add", f"{address}/24", "dev", device)
            run(*prefix, "ip", "link", "set", device, "up")
        self.round_trip = statistics.median(self.refused() for _ in range(3))

    @staticmethod
    def refused():
        """Seconds until a connection to a port where nobody listens is refused: one round trip."""
        begun = time.perf_counter()
        with socket.socket() as one:
            if one.connect_ex((ADDRESSES[1], 1)) != errno.ECONNREFUSED:
                raise AssertionError("the delayed link does not work")
        return time.perf_counter() - begun

    def start_server(self, bench, text):
        """The scripted server at the far end; gives its port."""
        file = bench.dir / f"scenario-{len(bench.processes)}"
        file.write_text(text)
        server = bench.start(["ip", "netns", "exec", self.namespace, SCRIPT_SERVER, "--listen", ADDRESSES[1],
                              "--cert-dir", bench.certificates(), file], "script")
        wait_until(lambda: "port " in server.output() or not server.alive(), "the scripted server")
        if not server.alive():
            raise AssertionError(server.output())
        return server, int(server.output().split("port ")[1].split()[0])


def timed_send(bench, link):
    """How many round trips a request took."""
    begun = time.perf_counter()
    answer = bench.send(*FIELDS)
    took = time.perf_counter() - begun
    if answer.status != 200:
        raise AssertionError(answer)
    return took / link.round_trip


def measure(bench, link, chunking, settings):
    """Round trips of the first request after the program's start, and of those after it."""
    server, port = link.start_server(bench, scenario(chunking, settings))
    keys = ", ".join(f"{key}: {value}" for key, value in settings.items())
    cold, warm = [], []
    for _ in range(COLD_REPEATS):
        program = bench.start_program(f"server: {{host: {ADDRESSES[1]}, port: {port}, {keys}}}\n{OPEN}")
        if bench.nginx is None:
            bench.start_nginx()
        cold.append(timed_send(bench, link))
        warm += [timed_send(bench, link) for _ in range(WARM_REPEATS)]
        program.stop()
    if server.stop() != 0:
        raise AssertionError(server.output())
    return statistics.median(cold), statistics.median(warm)


def report(what, measured, expected):
    good = measured < expected + 0.5
    print(f"{what:<63} measured {measured:5.2f}, expected {expected}  {'ok' if good else BY_THE_CLOCK}", flush=True)
    return good


def count_all(server_namespace):
    with contextlib.closing(Bench()) as bench:
        link = Link(bench, server_namespace)
        print(f"round trips: of the link {link.round_trip * 1000:.1f} ms", flush=True)
        good = True
        for what, chunking, settings, cold, warm in CASES:
            measured = measure(bench, link, chunking, settings)
            good = report(f"round trips, cold, {what}", measured[0], cold) and good
            good = report(f"round trips, warm, {what}", measured[1], warm) and good
        return good


def main():
    if len(sys.argv) > 1:
        return 0 if count_all(sys.argv[1]) else 1
    if os.getuid() != 0:
        print("round trips: not counted, network namespaces need root")
        return 0
    names = [f"fcgi-smtp-bench-{os.getpid()}-{end}" for end in ("here", "there")]
    try:
        for name in names:
            run("ip", "netns", "add", name)
        return subprocess.run(["ip", "netns", "exec", names[0], sys.executable, "-B", __file__, names[1]]).returncode
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


if __name__ == "__main__":
    sys.exit(main())
