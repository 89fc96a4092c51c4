"""systemd for tests: played, to hand a socket over and to hear notifications; or the real one, as process 1 of a tree."""

import os
import pathlib
import select
import signal
import socket
import subprocess
import sys

from harness import NOBODY, wait_until

# Runs a program as systemd does: in the very process whose id LISTEN_PID is, the sockets from descriptor 3 on, as nobody.
# Arguments: the sockets' paths, the program and its arguments.
STARTER = f"""
import os, socket, sys
paths, command = sys.argv[1].split(','), sys.argv[2:]
sockets = [socket.socket(socket.AF_UNIX) for _ in paths]
for number, (one, path) in enumerate(zip(sockets, paths)):
    one.bind(path)
    os.chmod(path, 0o666)
    if 'silent' not in path:
        one.listen(16)
    assert one.fileno() == 3 + number
    os.set_inheritable(one.fileno(), True)
os.chdir('/')
if os.getuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(paths)), LISTEN_FDNAMES='fcgi-smtp.socket')
os.execv(command[0], command)
"""

# Boots a tree in namespaces of its own, but for the network. Arguments: the tree, a control group for all of it. Nothing
# of this machine can be changed from inside: /sys and /proc/sys are read-only, and mounts stay there.
BOOT = """
set -e
echo $$ > $2/cgroup.procs
exec unshare --fork --kill-child --pid --mount --cgroup --ipc --uts --propagation private sh -ec '
    mount --bind $1 $1
    mount --bind $1/run $1/run
    cd $1
    mount -t proc proc proc
    mount --bind proc/sys proc/sys
    mount -o remount,bind,ro proc/sys
    mount --rbind /dev dev
    mount -t sysfs -o ro sysfs sys
    mount -t tmpfs tmpfs sys/fs/cgroup
    mount -t cgroup2 none sys/fs/cgroup
    pivot_root . mnt
    cd /
    umount -l /mnt
    mount --make-rshared /
    exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=test.target --log-target=journal
' sh $1
"""
NEEDLESS = ("systemd-sysctl", "systemd-tmpfiles-setup-dev", "systemd-random-seed", "systemd-update-utmp")


def command(sockets, arguments):
    """The command that runs a program with these sockets."""
    return [sys.executable, "-c", STARTER, ",".join(str(one) for one in sockets), *arguments]


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


class Manager:
    """systemd's end of NOTIFY_SOCKET: a path, or an abstract name that begins with @."""

    def __init__(self, test, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.environment = {"NOTIFY_SOCKET": str(address)}
        if str(address).startswith("@"):
            self.socket.bind("\0" + address[1:])
        else:
            self.socket.bind(str(address))
            os.chmod(address, 0o666)
        self.socket.settimeout(30)

    def next(self):
        """The lines of the next message, as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def silent(self):
        return not select.select([self.socket], [], [], 0)[0]


class Machine:
    """A tree with systemd, booted. Shares this machine's network, and its files are seen from outside."""

    def __init__(self, test, tree):
        self.tree = tree
        self.pid = None
        self.prepare()
        mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        self.group = pathlib.Path(next(mount[1] for mount in mounts if mount[2] == "cgroup2")) / f"fcgi-smtp-test-{os.getpid()}"
        self.group.mkdir()
        self.starter = test.bench.start(["sh", "-c", BOOT, "sh", tree, self.group], "systemd")
        test.addCleanup(self.stop)
        self.pid = wait_until(self.find, f"systemd to start: {self.starter.output()}")
        wait_until(lambda: self.run("systemctl", "is-active", "test.target").stdout == "active\n", "the machine to boot")

    def prepare(self):
        units = self.tree / "etc/systemd/system"
        (units / "test.target").write_text("[Unit]\nDescription=Test\nDefaultDependencies=no\n"
                                           "Wants=systemd-journald.service\nAfter=systemd-journald.service\n")
        for name in NEEDLESS:
            (units / f"{name}.service").symlink_to("/dev/null")

    def find(self):
        """Process 1, as it is known outside."""
        if not self.starter.alive():
            raise AssertionError(self.starter.output())
        child = pathlib.Path(f"/proc/{self.starter.pid}/task/{self.starter.pid}/children").read_text().strip()
        return int(child) if child and name_of(child) == "systemd" else None

    def run(self, *arguments):
        """Runs a command inside."""
        return subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-p", "-i", "-u", "-C", *arguments], check=False, timeout=120,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"})

    def property(self, unit, name):
        return self.run("systemctl", "show", "--property", name, "--value", unit).stdout.strip()

    def outer_pid(self, inner):
        """A process's id as it is known outside."""
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            if text.split("NSpid:")[1].split("\n")[0].split()[1:] == [inner]:
                return status.parent.name
        return None

    def journal(self):
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit=fcgi-smtp.service").stdout

    def stop(self):
        """With process 1 all others end."""
        if self.starter.alive():
            os.kill(self.pid or self.starter.pid, signal.SIGKILL)
            self.starter.process.wait(30)
        groups = [path for path in self.group.rglob("*") if path.is_dir()]
        for path in sorted(groups, key=lambda path: -len(path.parts)) + [self.group]:
            wait_until(lambda path=path: self.remove(path), f"{path} to be empty")

    @staticmethod
    def remove(group):
        try:
            group.rmdir()
        except OSError:
            return False
        return True
