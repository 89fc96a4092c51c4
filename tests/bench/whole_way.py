"""The whole way of a mail: a 1 KiB urlencoded POST through nginx and fcgi-smtp into smtp-sink, on warm sessions.

The floor, by turns with it, is what can hardly be done without: the same nginx before a FastCGI program that does nothing
(hello_responder), and Postfix's own load generator with the same number of connections to the same sink. CPU is user and
system time of nginx and the program; the clients and the sink do not count. What else the machine does only ever adds, so
the best of the rounds counts. Latency is the wall clock's, beside that of hello_responder: with other work on the machine
it says little.
"""

import contextlib
import pathlib
import subprocess
import sys
import time
import urllib.parse

from goals import Goals
from harness import BUILD, Bench, accepts, free_ports, wait_until
from smtp_cpu import cpu_of, start_sink

PROGRAMS = BUILD / "tests" / "bench"
OPEN = 'allow: {recipients: ["*"], senders: ["*"]}\n'
FIELDS = {"from": "app@example.com", "to": "you@example.com", "subject": "Hello there"}
BODY_OCTETS = 1024
KEPT = 32  # connections that each of nginx's processes keeps to the program: as many as there are clients
NGINX_PROCESSES = 2  # of harness.py
THREADS = NGINX_PROCESSES * KEPT + 16  # of hello_responder: more than nginx has connections
CLIENTS = (8, 32)
ROUNDS = 20
REQUESTS = 800  # few, so that some rounds are left in peace
SOURCE_MAILS = 3000  # more, since smtp-source's start counts
ALONE = 500  # requests of one client
MOST = 1.5  # of the floor's CPU
TAIL = 10  # p99 at 32 clients, of p50


def body():
    text = urllib.parse.urlencode({**FIELDS, "text": ""})
    return text + "x" * (BODY_OCTETS - len(text))


def write_request(bench):
    path = bench.dir / "request"
    content = body()
    path.write_text("POST /send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                    f"Content-Length: {len(content)}\r\n\r\n{content}")
    return path


def cpu_clock(pid):
    """Microseconds of CPU, user and system, of another process: its clock by clock_getcpuclockid(3)'s encoding."""
    return time.clock_gettime(~pid << 3 | 2) * 1e6


def workers_of(nginx):
    """The pids of nginx's worker processes, when all have been started."""
    pids = pathlib.Path(f"/proc/{nginx}/task/{nginx}/children").read_text().split()
    return list(map(int, pids)) if len(pids) == NGINX_PROCESSES else None


class Way:
    """nginx and the program behind it."""

    def __init__(self, bench, program):
        self.bench = bench
        self.request = write_request(bench)
        bench.start_nginx(extra="keepalive_requests 1000000;", keepalive=KEPT)
        self.program = program
        self.nginx = wait_until(lambda: workers_of(bench.nginx.pid), "nginx's processes")

    def load(self, clients, requests):
        """What http_clients printed, and the CPU of nginx and the program for each request."""
        before = [sum(map(cpu_clock, self.nginx)), cpu_clock(self.program.pid)]
        command = [PROGRAMS / "http_clients", self.bench.port, clients, requests, self.request]
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
        after = [sum(map(cpu_clock, self.nginx)), cpu_clock(self.program.pid)]
        printed = {name: int(value) for name, value in map(str.split, done.stdout.splitlines())}
        return {**printed, "nginx": (after[0] - before[0]) / requests, "program": (after[1] - before[1]) / requests}


def start_ours(bench, sink):
    bench.start_program(f"server: {{host: 127.0.0.1, port: {sink}, tls: none, pool: {{max_messages: 1000000}}}}\n{OPEN}")
    return Way(bench, bench.program)


def start_floor(bench, octets):
    program = bench.start([PROGRAMS / "hello_responder", bench.socket, octets, THREADS], "hello")
    wait_until(lambda: bench.socket.exists(), "hello_responder")
    return Way(bench, program)


def answer_octets(way):
    """How long the program's answer is; it is the first mail, too."""
    answer = way.bench.request("POST", "/send", body(), {"Content-Type": "application/x-www-form-urlencoded"})
    if answer.status != 200:
        raise AssertionError(answer)
    return len(answer.body)


def best(runs, *names):
    return min(sum(run[name] for name in names) for run in runs)


def compare_cpu(goals, ours, floor, sink, clients):
    mine, hello, source = [], [], []
    for way in (ours, floor):
        way.load(clients, clients * 20)  # connections and sessions become warm
    for _ in range(ROUNDS):
        mine.append(ours.load(clients, REQUESTS))
        hello.append(floor.load(clients, REQUESTS))
        source.append(cpu_of(["smtp-source", "-d", "-s", clients, "-l", 1024, "-m", SOURCE_MAILS, f"127.0.0.1:{sink}"])
                      / SOURCE_MAILS)
    whole, bare = best(mine, "nginx", "program"), best(hello, "nginx", "program") + min(source)
    print(f"CPU a mail, {clients} clients: nginx {best(mine, 'nginx'):.1f} + fcgi-smtp {best(mine, 'program'):.1f} µs; "
          f"floor: nginx {best(hello, 'nginx'):.1f} + hello {best(hello, 'program'):.1f} + smtp-source {min(source):.1f} µs")
    goals.at_most(f"CPU of nginx and fcgi-smtp, {clients} clients", whole / bare, "x the floor", MOST)
    return mine


def compare_latency(goals, ours, floor, many):
    mine, hello = [], []
    for _ in range(ROUNDS):
        mine.append(ours.load(1, ALONE))
        hello.append(floor.load(1, ALONE))
    print(f"p50 at one client: {best(mine, 'p50')} µs, {best(mine, 'p50') / best(hello, 'p50'):.2f} x "
          f"hello_responder's {best(hello, 'p50')} µs", flush=True)
    tails = min(run["p99"] / run["p50"] for run in many)
    goals.at_most("p99 at 32 clients", tails, "x p50", TAIL, clock=True)
    goals.at_most("answers after 35 to 50 ms", min(run["delayed"] for run in mine + many), "in the best round", 0, clock=True)


def main():
    goals = Goals()
    with contextlib.closing(Bench()) as first, contextlib.closing(Bench()) as second:
        sink = start_sink(first)
        ours = start_ours(first, sink)
        floor = start_floor(second, answer_octets(ours))
        for clients in CLIENTS:
            many = compare_cpu(goals, ours, floor, sink, clients)
        compare_latency(goals, ours, floor, many)
    return goals.end()


if __name__ == "__main__":
    sys.exit(main())
