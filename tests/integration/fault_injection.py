"""The test's side of tests/fault_injection: a file that it shares with the program."""

import mmap
import os
import struct

from harness import BUILD

LIBRARY = BUILD / "tests" / "fault_injection" / "faults.so"
FIELDS = ("armed", "seen", "fail_at", "and_on", "failed", "clock_jump")


class Faults:
    def __init__(self, bench):
        self.path = bench.dir / "faults"
        self.path.write_bytes(bytes(4096))
        self.path.chmod(0o666)
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)

    def environment(self):
        return {"LD_PRELOAD": str(LIBRARY), "FAULTS_FILE": str(self.path)}

    def __getitem__(self, name):
        return struct.unpack_from("=q", self.map, 8 * FIELDS.index(name))[0]

    def __setitem__(self, name, value):
        struct.pack_into("=q", self.map, 8 * FIELDS.index(name), value)

    def arm(self, fail_at, and_on):
        self["seen"], self["failed"], self["fail_at"], self["and_on"] = 0, 0, fail_at, int(and_on)
        self["armed"] = 1

    def disarm(self):
        self["armed"] = 0


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
