"""Runs the benchmarks one after another, and sums up which goals were missed: those of the lines that say MISSED.

run.py NAME=COMMAND...

Ends with failure when a goal was missed that does not depend on the wall clock (see goals.py), or a benchmark broke off.
"""

import shlex
import subprocess
import sys

from goals import BY_THE_CLOCK, MISSED


def run(name, command):
    """The lines that it printed, which are shown as they come, and whether it went through to its end."""
    print(f"== {name}", flush=True)
    lines = []
    with subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    missed = [line for line in lines if MISSED in line]
    return missed, process.returncode == 0 or (process.returncode == 1 and bool(missed))


def main():
    missed, broken = [], []
    for argument in sys.argv[1:]:
        name, command = argument.split("=", 1)
        lines, ended = run(name, command)
        missed += [f"{name}: {line}" for line in lines]
        broken += [] if ended else [name]
    clock = [line for line in missed if BY_THE_CLOCK in line]
    print(f"== goals missed: {len(missed)}, of which {len(clock)} by the clock; broken off: {' '.join(broken) or 'none'}")
    print("".join(f"{line}\n" for line in missed), end="")
    return 1 if broken or len(missed) > len(clock) else 0


if __name__ == "__main__":
    sys.exit(main())
