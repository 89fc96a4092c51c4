"""CPU time of the SMTP client: per small message, per connection, and for 25 MiB over TLS.

Each figure is a ratio to something measured in the same run, by turns, and the medians are compared: what else the
machine does meets both. The servers are other processes, whose time does not count.
"""

import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

from harness import BUILD, Bench, accepts, free_ports, wait_until

SMTP_BENCH = BUILD / "tests" / "bench" / "smtp_bench"
SYSTEM_STORE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
SESSIONS = 8
MESSAGES = 20000
REPEATS = 7
CONNECTIONS = 100
HANDSHAKE_ROUNDS = 7
# OpenSSL alone comes to 0.43 for SSL_connect; what is measured has the mail's own TLS records in both.
RESUMED_GOAL = 0.6
LARGE_ROUNDS = 15

HELLO = "S: 220 bench.example ESMTP\nC: EHLO *\nS: 250-bench.example\nS: 250-PIPELINING\nS: 250 CHUNKING\n"
SERVE = """WHILE MAIL FROM:*
  S: 250 ok
  C: RCPT TO:*
  S: 250 ok
  IF DATA
    S: 354 go
    DATA discard
    S: 250 queued
  ELSE
    BDAT-ALL: 250 queued
  END
END
C?: QUIT
WAIT-EOF
"""


def report(what, measured, text, goal):
    good = measured <= goal
    print(f"{what:<40} {text}, goal {goal:.1f} x  {'ok' if good else 'MISSED'}", flush=True)
    return good


def numbers(*arguments):
    """What smtp_bench printed: name -> numbers in their order."""
    command = [SMTP_BENCH, *map(str, arguments)]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found = {}
    for name, value in map(str.split, lines):
        found.setdefault(name, []).append(float(value))
    return found


def cpu_of(command):
    """Microseconds of user and system time of a whole process."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise AssertionError(f"{command} ended with {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1e6


def start_sink(bench):
    """Postfix's smtp-sink; gives its port."""
    (port,) = free_ports(1)
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    bench.start(["smtp-sink", *user, f"127.0.0.1:{port}", "100"], "smtp-sink")
    wait_until(lambda: accepts(port), "smtp-sink")
    return port


def warm(bench):
    """8 warm plain sessions at once, against Postfix's own load generator."""
    port = start_sink(bench)
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(cpu_of([SMTP_BENCH, "warm", port, SESSIONS, MESSAGES]) / MESSAGES)
        theirs.append(cpu_of(["smtp-source", "-d", "-s", SESSIONS, "-l", 1024, "-m", MESSAGES, f"127.0.0.1:{port}"])
                      / MESSAGES)
    mine, source = statistics.median(ours), statistics.median(theirs)
    return report("client CPU, 1 KiB, 8 warm plain sessions", mine / source,
                  f"{mine:5.1f} µs ({min(ours):.1f}-{max(ours):.1f}), smtp-source {source:5.1f} µs "
                  f"({min(theirs):.1f}-{max(theirs):.1f}), {mine / source:.2f} x", 1.0)


def store_with(bench, name):
    """The system's store and the test's CA in one file, so that a second load would be seen in the time."""
    path = bench.dir / name
    system = SYSTEM_STORE.read_bytes() if SYSTEM_STORE.exists() else b""
    path.write_bytes(system + (bench.certificates() / "ca.pem").read_bytes())
    return path


def per_connection(bench, kinds, tls):
    """CPU per connection to a server whose connections are of these kinds in turn."""
    sections = [f"== {i + 1}\n{kinds[i % len(kinds)]}{HELLO}{SERVE}"
                for i in range(CONNECTIONS + 1 + tls)]
    server = bench.start_script("".join(sections), *(["--cert-dir", bench.certificates()] if tls else []))
    found = numbers("connections", server.port, CONNECTIONS, *([store_with(bench, "store.pem")] if tls else []))
    resumed = server.stop().count(" resumed")
    return found, resumed


def handshakes(bench):
    """The trust store's one loading; full and resumed handshakes."""
    plain, full, resumed = [], [], []
    for _ in range(HANDSHAKE_ROUNDS):
        found, _ = per_connection(bench, [""], False)
        plain.append(found)
        # A context of its own for every other connection: the server does not know the ticket that it is shown.
        found, count = per_connection(bench, ["TLS min=1.3\n", "TLS min=1.2\n"], True)
        full.append(found)
        if count != 0:
            raise AssertionError(f"{count} connections were resumed")
        found, count = per_connection(bench, ["TLS\n"], True)
        resumed.append(found)
        if count != CONNECTIONS:
            raise AssertionError(f"{count} of {CONNECTIONS} connections were resumed")

    def median(series, name):
        return statistics.median(found[name][0] for found in series)

    store, derived = median(full + resumed, "store"), median(full + resumed, "derived")
    good = report("trust store, loaded for a second endpoint", derived / store,
                  f"{store:.0f} µs for the first, {derived:.0f} µs for the second, {derived / store:.2f} x", 0.1)
    connection = median(plain, "connection")
    costs = [median(series, "connection") - connection for series in (full, resumed)]
    return report("TLS handshake, resumed against full", costs[1] / costs[0],
                  f"{costs[1]:.0f} µs, full {costs[0]:.0f} µs, {costs[1] / costs[0]:.2f} x "
                  f"(a plain connection: {connection:.0f} µs)", RESUMED_GOAL) and good


def large(bench):
    """25 MiB composed and delivered over TLS, against a raw TLS write of the same octets and their base64."""
    options = ["--cert-dir", bench.certificates()]
    server = bench.start_script(f"== *\nTLS\n{HELLO}{SERVE}", *options)
    raw = bench.start_script("== *\nTLS\nREAD-UNTIL-EOF\n", *options)
    found = numbers("large", server.port, raw.port, bench.certificates() / "ca.pem", LARGE_ROUNDS)
    client, written, base64 = (statistics.median(found[name]) / 1000 for name in ("client", "raw", "base64"))
    floor = written + base64
    return report("client CPU, 25 MiB over TLS", client / floor,
                  f"{client:.1f} ms, TLS write {written:.1f} + base64 {base64:.1f} ms, {client / floor:.2f} x", 1.3)


def main():
    parts = {"warm": warm, "handshakes": handshakes, "large": large}
    good = True
    for name, part in parts.items():
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            with contextlib.closing(Bench()) as bench:
                good = part(bench) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
