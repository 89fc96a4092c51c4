"""Instructions per 1 KiB text mail from form octets to message octets, counted by callgrind.

The first mail, which initialises what is initialised once, does not count: so many mails less one are what two runs differ by.
"""

import pathlib
import re
import subprocess
import tempfile

from harness import BUILD

PROGRAM = BUILD / "tests" / "bench" / "compose_bench"
MAILS = 100


def collected(case, mails, directory):
    command = ["valgrind", "--tool=callgrind", "--toggle-collect=mail_of_form",
               f"--callgrind-out-file={directory}/out", PROGRAM, str(mails), str(case)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1)), done.stdout.split(":")[0]


def main():
    with tempfile.TemporaryDirectory(prefix="fcgi-smtp-bench-") as directory:
        for case in range(3):
            few, _ = collected(case, 1, pathlib.Path(directory))
            many, name = collected(case, 1 + MAILS, pathlib.Path(directory))
            plain = subprocess.run([PROGRAM, "20000", str(case)], stdout=subprocess.PIPE, text=True, check=True).stdout
            print(f"{'1 KiB text mail, ' + name:46} {(many - few) // MAILS:6} instructions, {plain.split()[-2]} µs", flush=True)


if __name__ == "__main__":
    main()
