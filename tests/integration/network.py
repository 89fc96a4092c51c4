"""Hosts made from network namespaces on one bridge, for tests that run in one of them. Needs root."""

import contextlib
import os
import subprocess
import sys

SUBNET = "10.215.0"
HERE = "FCGI_SMTP_TEST_NAMESPACES"  # in the environment of a test that runs inside


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stdout.strip()} (network namespaces need root)")


class Host:
    def __init__(self, name, number):
        self.name = name
        self.address = f"{SUBNET}.{number}"

    def command(self, *command, user):
        """The command, to be run on this host as that user."""
        return ["ip", "netns", "exec", self.name, "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                *command]


def create(stack, names):
    """The first is where the test runs, and the switch that all are connected to. What the stack closes, goes again."""
    for name in names:
        run("ip", "netns", "add", name)
        stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        run("ip", "-n", name, "link", "set", "lo", "up")
    edge = Host(names[0], 1)
    run("ip", "-n", edge.name, "link", "add", "switch", "type", "bridge")
    run("ip", "-n", edge.name, "address", "add", f"{edge.address}/24", "dev", "switch")
    run("ip", "-n", edge.name, "link", "set", "switch", "up")
    for number, name in enumerate(names[1:], 11):
        host = Host(name, number)
        run("ip", "-n", edge.name, "link", "add", f"to{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "-n", edge.name, "link", "set", f"to{number}", "master", "switch", "up")
        run("ip", "-n", name, "address", "add", f"{host.address}/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")


def hosts():
    """The hosts that a test which runs inside has beside its own: see main."""
    names = os.environ[HERE].split()
    return [Host(name, number) for number, name in enumerate(names[1:], 11)]


def edge_address():
    return f"{SUBNET}.1"


def main(count, test_main):
    """Runs the calling script's tests on a host that is connected to so many others; ends with its status."""
    if HERE in os.environ:
        test_main()
        return
    names = [f"fcgi-smtp-{os.getpid()}-{end}" for end in ("edge", *map(str, range(1, count + 1)))]
    with contextlib.ExitStack() as stack:
        create(stack, names)
        inside = ["ip", "netns", "exec", names[0], sys.executable, "-B", *sys.argv]
        status = subprocess.run(inside, env={**os.environ, HERE: " ".join(names)}).returncode
    sys.exit(status)
