"""Plays systemd for the program: hands a listening socket over and hears what it notifies."""

import os
import select
import socket
import sys

from harness import NOBODY

# Runs a program as systemd does: in the very process whose id LISTEN_PID is, the sockets from descriptor 3 on, as nobody.
# Arguments: the sockets' paths, a directory to be the root, the program and its arguments.
STARTER = f"""
import os, socket, sys
paths, root, command = sys.argv[1].split(','), sys.argv[2], sys.argv[3:]
sockets = [socket.socket(socket.AF_UNIX) for _ in paths]
for number, (one, path) in enumerate(zip(sockets, paths)):
    one.bind(path)
    os.chmod(path, 0o666)
    if 'silent' not in path:
        one.listen(16)
    assert one.fileno() == 3 + number
    os.set_inheritable(one.fileno(), True)
if root != '/':
    os.chroot(root)
os.chdir('/')
if os.getuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(paths)), LISTEN_FDNAMES='fcgi-smtp.socket')
os.execv(command[0], command)
"""


def command(sockets, arguments, root="/"):
    """The command that runs a program with these sockets."""
    return [sys.executable, "-c", STARTER, ",".join(str(one) for one in sockets), root, *arguments]


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
