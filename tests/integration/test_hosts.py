"""Three hosts behind one nginx: one is told to stop, comes back, and another one is killed, all under load.

What nginx answered with 502 or 504, or not at all, is "unknown": such a mail may have arrived, but only once.
"""

import collections
import re
import signal
import time
import unittest

import network
from harness import NOBODY, PROGRAM, SOURCE, BenchTest, wait_until
from test_load import Load, Sink

CLIENTS = 24
STEP = 300  # mails between two events, at least
FAIL_TIMEOUT = 1  # seconds
UNKNOWN = {0, 502, 504}


class Instance:
    """fcgi-smtp on one of the hosts."""

    def __init__(self, bench, host, mail_port):
        self.bench = bench
        self.host = host
        self.config = bench.write_config(
            f"listen: {host.address}:9000\nlisten_allowed: [{network.edge_address()}]\nspill_dir: {bench.dir}\nworkers: 16\n"
            f"server: {{host: {network.edge_address()}, port: {mail_port}, tls: none}}\n"
            'allow: {recipients: ["*"], senders: ["*"]}\n', f"{host.address}.yaml")
        self.runs = []
        self.start()

    def start(self):
        command = self.host.command(PROGRAM, "--config", self.config, user=NOBODY)
        self.process = self.bench.start(command, "fcgi-smtp")
        self.runs.append(self.process)
        wait_until(lambda: " serves at " in self.process.output() or not self.process.alive(), "fcgi-smtp to listen")
        if not self.process.alive():
            raise AssertionError(self.process.output())

    def sent(self):
        """Mails that it says it has sent, in each of its lives."""
        return [process.output().count(" outcome=sent ") for process in self.runs]


class HostsTest(BenchTest):
    def start_hosts(self):
        self.sink = Sink(self.bench, host=network.edge_address())
        self.instances = [Instance(self.bench, host, self.sink.port) for host in network.hosts()]
        example = (SOURCE / "etc" / "nginx" / "fcgi-smtp-hosts.conf").read_text()
        for number, instance in enumerate(self.instances, 11):
            example = example.replace(f"server 192.0.2.{number}:9000", f"server {instance.host.address}:9000")
        self.assertNotIn("server 192.0.2.", re.sub("#.*", "", example))
        self.bench.start_nginx(upstreams=example.replace("fail_timeout=10s", f"fail_timeout={FAIL_TIMEOUT}s"))

    def answers(self):
        with self.load.lock:
            return dict(self.load.answers)

    def await_answers(self, more=STEP):
        """Waits for so many further answers."""
        target = len(self.answers()) + more
        wait_until(lambda: len(self.answers()) >= target, "answers")

    def unknown(self):
        return [number for number, (status, _) in self.answers().items() if status in UNKNOWN]

    def drain(self, instance):
        self.assertEqual(instance.process.stop(signal.SIGTERM), 0, instance.process.output())
        self.await_answers()
        self.assertEqual(len(self.unknown()), 0, f"while a host was drained:\n{self.nginx_errors()}")

    def nginx_errors(self):
        return (self.bench.dir / "nginx" / "error.log").read_text()

    def come_back(self, instance):
        instance.start()
        wait_until(lambda: instance.sent()[-1] > 0, "nginx to use the host that has come back")
        self.await_answers()

    def end_load(self):
        with self.load.lock:
            self.load.numbers = iter(())
        for thread in self.load.threads:
            thread.join()

    def test_drained_and_killed(self):
        self.start_hosts()
        first, drained, killed = self.instances
        begun = time.monotonic()
        self.load = Load(self.bench.port, 10**9, CLIENTS)
        try:
            self.await_answers()
            self.drain(drained)
            self.come_back(drained)
            killed.process.stop(signal.SIGKILL)
            self.await_answers()
        finally:
            self.end_load()
        self.check(time.monotonic() - begun)

    def check(self, seconds):
        arrived = collections.Counter(self.sink.ids())
        by_status = collections.Counter(status for status, _ in self.answers().values())
        unknown = self.unknown()
        print(f"mails: {len(self.answers())} in {seconds:.1f} s, arrived {sum(arrived.values())}; answers by status "
              f"{dict(by_status)}; unknown {len(unknown)}, of which {sum(arrived[number] for number in unknown)} arrived")
        for instance, what in zip(self.instances, ("left alone", "drained, started again", "killed")):
            print(f"{instance.host.address} ({what}): sent {' + '.join(map(str, instance.sent()))}")
        self.assertLessEqual(set(by_status), {200} | UNKNOWN)
        self.assertLessEqual(len(unknown), CLIENTS)
        self.assertEqual({number: count for number, count in arrived.items() if count != 1}, {}, "mails that came twice")
        lost = [number for number, (status, _) in self.answers().items() if status == 200 and arrived[number] != 1]
        self.assertEqual(lost, [], "mails that were answered as sent and did not arrive")
        for instance in self.instances:
            for count in instance.sent():
                self.assertGreater(count, 0, "each host has its share")


if __name__ == "__main__":
    network.main(3, unittest.main)
