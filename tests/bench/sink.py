"""discard_sink for the benchmarks."""

import os

from harness import BUILD, wait_until

PROGRAMS = BUILD / "tests" / "bench"


class Sink:
    """discard_sink as a process."""

    def __init__(self, bench, *options):
        read_end, self.control = os.pipe()
        self.process = bench.start([PROGRAMS / "discard_sink", *options], "sink", stdin=read_end)
        os.close(read_end)
        wait_until(lambda: "port " in self.process.output(), "the sink")
        self.port = int(self.process.output().split()[1])
        self.held = 0

    def await_held(self, mails=1):
        """Waits until the ends of so many more mails have come."""
        self.held += mails
        wait_until(lambda: self.process.output().count("held") == self.held, "the end of the data", 300)

    def release(self, mails=1):
        os.write(self.control, b"x" * mails)
