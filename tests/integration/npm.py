"""Programs from npm for the tests, installed in the build directory in the exact versions of node/package-lock.json."""

import fcntl
import pathlib
import shutil
import subprocess
import tempfile

from harness import BUILD

SOURCE = pathlib.Path(__file__).with_name("node")
NODE = BUILD / "tests" / "node"


def install():
    """The directory with node_modules and our scripts. Tests that run at the same time wait for each other."""
    lock = (SOURCE / "package-lock.json").read_bytes()
    with open(BUILD / "tests" / "node.lock", "w") as exclusive:
        fcntl.flock(exclusive, fcntl.LOCK_EX)
        if not NODE.is_dir() or (NODE / "installed").read_bytes() != lock:
            temporary = pathlib.Path(tempfile.mkdtemp(prefix="node-", dir=BUILD / "tests"))
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCE / name, temporary)
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], cwd=temporary,
                           check=True, stdout=subprocess.DEVNULL)
            (temporary / "installed").write_bytes(lock)
            shutil.rmtree(NODE, ignore_errors=True)
            temporary.rename(NODE)
        for script in SOURCE.glob("*.mjs"):
            shutil.copy(script, NODE)
    return NODE
