"""Runs the services of etc/compose.yaml without an engine: real programs in namespaces, as the file says.

One network and one mount namespace stand for the host of the containers; every service has a root of its own in it, with
the file's mounts, user, capabilities and read-only root. docker-compose, which needs no engine for that, reads the file.
"""

import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

from harness import SOURCE, wait_until

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
NSENTER = ("nsenter", "--net", "--mount", "--target")


def read_compose(*files):
    """What the files say together, with absolute paths; an invalid file is an error."""
    options = [part for file in files for part in ("--file", SOURCE / "etc" / file)]
    return yaml.safe_load(subprocess.run(["docker-compose", *options, "config"], check=True, stdout=subprocess.PIPE,
                                         text=True, cwd="/").stdout)


class Host:
    """The machine of the containers: addresses, names and volumes."""

    def __init__(self, bench, compose):
        self.bench = bench
        self.compose = compose
        self.dir = bench.dir / f"host-{len(bench.processes)}"
        self.hosts = self.dir / "hosts"
        self.dir.mkdir()
        self.dir.chmod(0o755)
        commands = ["ip link set lo up", f"mount -t tmpfs tmpfs {self.dir}"]
        addresses = {name: network["ipv4_address"] for name, service in compose["services"].items()
                     for network in service["networks"].values() if network}
        commands += [f"ip address add {address}/32 dev lo" for address in addresses.values()]
        # nginx' connections come from its own address, though both are addresses of this host.
        if addresses:
            commands.append(f"ip route replace table local local {addresses['fcgi-smtp']} dev lo src {addresses['nginx']}")
        names = ["127.0.0.1 localhost", *(f"{addresses.get(name, '127.0.0.1')} {name}" for name in compose["services"])]
        for name, volume in compose["volumes"].items():
            options = volume["driver_opts"]
            commands += [f"mkdir {self.dir}/{name}", f"mount -t {options['type']} -o {options['o']} {options['device']} "
                         f"{self.dir}/{name}"]
        commands += [f"printf '%s\\n' {' '.join(repr(line) for line in names)} > {self.hosts}", "echo ready",
                     "exec sleep infinity"]
        self.process = bench.start(["unshare", "--net", "--mount", "sh", "-euc", "\n".join(commands)], "host")
        wait_until(lambda: "ready" in self.process.output() or not self.process.alive(), "the containers' host")
        if not self.process.alive():
            raise AssertionError(self.process.output())

    def inside(self, *command):
        """A command line that runs in the host's namespaces."""
        return [*NSENTER, str(self.process.pid), *(str(part) for part in command)]

    def plan(self, name, root, command):
        service = self.compose["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"], service
        assert "no-new-privileges:true" in service["security_opt"], service
        binds = []
        for volume in service.get("volumes", []):
            source, target, mode = volume.split(":")
            binds.append((source if source.startswith("/") else f"{self.dir}/{source}", target, mode))
        for secret in service.get("secrets", []):
            file = self.compose["secrets"][secret["source"]]["file"]
            binds.append((file, f"/run/secrets/{secret['source']}", "ro"))
        binds.append((str(self.hosts), "/etc/hosts", "ro"))
        tmpfs = [entry.partition(":")[::2] for entry in service["tmpfs"]]
        return {"root": str(root), "binds": binds, "tmpfs": tmpfs, "user": [int(part) for part in service["user"].split(":")],
                "command": [str(part) for part in command]}

    def command(self, name, root, *command):
        """The command line that runs a program as a service's container would."""
        plan = json.dumps(self.plan(name, root, command))
        return self.inside("unshare", "--mount", sys.executable, "-B", __file__, plan)

    def start(self, name, root, *command):
        return self.bench.start(self.command(name, root, *command), name)


def nginx_root(directory):
    """A root for nginx as its image has one, with this machine's program and the libraries that it needs."""
    for name in ("run", "tmp", "dev", "proc", "var/log/nginx", "var/lib/nginx"):
        (directory / name).mkdir(parents=True)
    for name in ("lib", "lib64"):
        (directory / name).symlink_to(f"usr/{name}")
    libraries = subprocess.run(["ldd", "/usr/sbin/nginx"], check=True, stdout=subprocess.PIPE, text=True).stdout
    files = [*re.findall(r"(/\S+) \(", libraries), "/usr/sbin/nginx", "/etc/nginx/fastcgi_params", "/etc/nginx/mime.types",
             "/etc/passwd", "/etc/group"]
    for file in files:
        copy = directory / re.sub("^/lib", "/usr/lib", file)[1:]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    for name in ("access", "error"):
        (directory / f"var/log/nginx/{name}.log").symlink_to("/dev/stderr")
    return directory


# -- inside: this file as a program, in a mount namespace of its own


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def make_target(source, target):
    """A place to mount at, as an engine makes it in the container's layer before that is made read-only."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if pathlib.Path(source).is_dir():
        target.mkdir()
    else:
        target.touch()


def enter(plan):
    root = plan["root"]
    mount("--make-rprivate", "/")
    mount("--bind", root, root)
    for name in ("dev", "proc"):
        pathlib.Path(root, name).mkdir(exist_ok=True)
        mount("--rbind", f"/{name}", f"{root}/{name}")
    for target, options in plan["tmpfs"]:
        mount("--types", "tmpfs", "--options", ",".join(filter(None, (options, "mode=1777,noexec,nosuid,nodev"))), "tmpfs",
              root + target)
    for source, target, mode in plan["binds"]:
        make_target(source, pathlib.Path(root + target))
        mount("--bind", source, root + target)
        if mode == "ro":
            mount("--options", "remount,bind,ro", root + target)
    mount("--options", "remount,bind,ro", root)
    for output in (1, 2):  # what /dev/stdout is must be open to the service's user, as an engine sees to
        os.fchown(output, *plan["user"])
    os.chroot(root)
    os.chdir("/")
    drop_privileges(*plan["user"])
    os.execve(plan["command"][0], plan["command"], {"PATH": "/usr/sbin:/usr/bin"})


def drop_privileges(user, group):
    libc = ctypes.CDLL(None, use_errno=True)
    last = int(pathlib.Path("/proc/sys/kernel/cap_last_cap").read_text())
    for capability in range(last + 1):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"capability {capability}")
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")


if __name__ == "__main__":
    enter(json.loads(sys.argv[1]))
