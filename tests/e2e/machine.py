# SPDX-License-Identifier: Apache-2.0
"""A machine of the test's own: the files of this machine under a temporary layer, with systemd as
process 1 in namespaces of its own. Tests can install packages and run services in it, and leave
nothing behind: the layer is memory, and ends with the namespaces. Needs root."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import DEADLINE_S, wait_for

SYSTEMD = "/lib/systemd/systemd"
CGROUPS = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")]

# Of all units only the journal starts, and no process in the machine can change a setting of the
# kernel.
BOOT = r"""
set -e
root=$1
mount -t tmpfs tmpfs "$root"
mkdir "$root"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/root"
cd "$root/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --rbind /dev dev
mount -t tmpfs tmpfs sys/fs/cgroup
mkdir sys/fs/cgroup/{systemd,unified}
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
rm -rf {etc,lib}/systemd/system/*.wants usr/sbin/policy-rc.d
mkdir lib/systemd/system/sysinit.target.wants
ln -s ../systemd-journald.service lib/systemd/system/sysinit.target.wants/
printf '[Unit]\nDescription=Nothing\n' > etc/systemd/system/nothing.target
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin setsid chroot . \
    /lib/systemd/systemd --system --unit=nothing.target --show-status=no
"""


def why_not():
    """Returns the reason why this machine can have none; None if it can."""
    if os.geteuid() != 0:
        return "only root can make a machine of its own"
    if os.path.isdir("/run/systemd/system"):
        return "this machine runs systemd itself, which is not to be disturbed"
    if not os.access(SYSTEMD, os.X_OK):
        return "systemd is not installed"
    for path in CGROUPS:
        if not os.access(path, os.W_OK):
            return f"there is no {path}"
    return None


class Machine:

    def __init__(self):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)
        self.folder = Path(tempfile.mkdtemp(prefix="thumbq-machine-"))
        self.cgroups = [path / self.folder.name for path in CGROUPS]
        for cgroup in self.cgroups:
            cgroup.mkdir()
        enter = " && ".join(f"echo $$ > {cgroup}/cgroup.procs" for cgroup in self.cgroups)
        self.log = open(self.folder.with_suffix(".log"), "w+b")
        self.process = subprocess.Popen(
            ["bash", "-c", enter + " && exec setpriv --pdeathsig KILL unshare --mount --pid --ipc "
             "--uts --cgroup --kill-child --fork bash -c \"$0\" boot \"$1\"", BOOT, self.folder], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.init = None
        try:
            self.init = wait_for(self.find_init, "systemd as process 1", self.explain)
            wait_for(self.is_up, "systemd to answer", self.explain)
        except BaseException:
            self.end()
            raise

    def explain(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def find_init(self):
        """Returns its process 1, by the numbers of this machine."""
        if self.process.poll() is not None:
            raise unittest.SkipTest(f"a machine of its own cannot be made: {self.explain()}")
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in children.read_text().split():
            if os.readlink(f"/proc/{pid}/exe").endswith("/systemd"):
                return int(pid)
        return None

    def is_up(self):
        state = self.run("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")

    def run(self, *command, **options):
        """Runs a command in the machine, as its root."""
        inside = ["nsenter", "-t", str(self.init), "--mount", "--pid", "--ipc", "--uts",
                  "--cgroup", f"--root=/proc/{self.init}/root", f"--wd=/proc/{self.init}/root",
                  "--", *map(os.fspath, command)]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                       "DEBIAN_FRONTEND": "noninteractive", "TERM": "dumb"}
        return subprocess.run(inside, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=2 * DEADLINE_S,
                              env=environment, **options)

    def check(self, *command):
        """Returns the output of a command that must succeed."""
        result = self.run(*command)
        if result.returncode != 0:
            raise AssertionError(f"{command} exits {result.returncode}:\n{result.stdout}")
        return result.stdout

    def path(self, inside):
        """Returns the path on this machine of a path in the machine."""
        return Path(f"/proc/{self.init}/root{inside}")

    def changed(self):
        """Returns all files that differ from this machine's, as paths in the machine."""
        upper = Path(f"/proc/{self.process.pid}/root{self.folder}/upper")
        return {"/" + os.fspath(path.relative_to(upper))
                for path in upper.rglob("*") if not path.is_dir() or path.is_symlink()}

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        if self.init:
            try:
                os.kill(self.init, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.log.close()
        os.unlink(self.log.name)
        shutil.rmtree(self.folder)

        def is_gone():
            for cgroup in self.cgroups:
                for folder, _folders, _files in os.walk(cgroup, topdown=False):
                    try:
                        os.rmdir(folder)
                    except OSError:
                        return False  # a process in it is still dying
            return True

        wait_for(is_gone, "its control groups to be empty")
