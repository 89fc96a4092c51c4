"""A tree with Debian's base system, made by debootstrap from this machine's own mirrors.

That takes half a minute, so CTest makes one tree for all tests of a run: `debian.py FILE` writes it as an archive, which
make_tree unpacks. A test that is run by hand makes its own.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

SUITE = "bookworm"
LIMIT = 900  # seconds


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, **options).stdout.strip()


def mirrors():
    """The Debian mirrors of this machine, as (main, security)."""
    texts = [path.read_text() for pattern in ("sources.list", "sources.list.d/*.sources", "sources.list.d/*.list")
             for path in pathlib.Path("/etc/apt").glob(pattern)]
    found = re.findall(r"https?://\S+", "\n".join(line for text in texts for line in text.splitlines()
                                                 if not line.lstrip().startswith("#")))
    main = next(url for url in found if re.search(r"/debian/?$", url))
    security = next(url for url in found if re.search(r"security", url))
    return main, security


def bootstrap(tree):
    main, security = mirrors()
    run("debootstrap", "--variant=minbase", SUITE, tree, main)
    (tree / "etc/apt/sources.list").write_text(
        f"deb {main} {SUITE} main\ndeb {main} {SUITE}-updates main\ndeb {security} {SUITE}-security main\n")
    kept = [line for line in run("apt-config", "dump").splitlines() if re.match(r"Acquire::(Check-|https?::|Retries)", line)]
    (tree / "etc/apt/apt.conf.d/90-of-the-host").write_text("\n".join(kept) + "\n")


def make_tree(tree, archive):
    """Makes the directory tree; from the archive if there is one."""
    if archive.exists():
        tree.mkdir()
        run("tar", "-C", tree, "--numeric-owner", "-xpf", archive)
    else:
        bootstrap(tree)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="fcgi-smtp-debian-") as directory:
        bootstrap(pathlib.Path(directory) / "tree")
        run("tar", "-C", pathlib.Path(directory) / "tree", "--numeric-owner", "-cpf", sys.argv[1], ".")
