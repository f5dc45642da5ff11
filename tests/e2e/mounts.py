# SPDX-License-Identifier: Apache-2.0
"""The test case of mounts. Everything is mounted in a mount namespace, which ends with the test."""

import os
import subprocess
import sys

import harness
from harness import E2ETest

INSIDE = "THUMBQ_TEST_MOUNTS"


def enter_namespace():
    """Runs the tests again in a mount namespace of their own. Returns False if that is not
    allowed."""
    command = ["unshare", "--mount", "--propagation", "private"]
    if subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], check=False,
                      stderr=subprocess.PIPE).returncode != 0:
        return False
    os.environ[INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, "-B", *sys.argv])


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class MountTest(E2ETest):
    """A bucket, and a folder `disk` that can be bound to a place in it."""

    def setUp(self):
        if os.environ.get(INSIDE) != "1":
            self.skipTest("mounts are not tried: no mount namespace can be made here")
        super().setUp()
        self.addCleanup(self.unmount_all)
        self.disk = self.bucket.root / "disk"
        self.disk.mkdir()

    def unmount_all(self):
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            places = [line.split()[1] for line in mounts]
        for place in reversed(places):
            if place.startswith(str(self.bucket.root) + "/"):
                run("umount", "-l", place)

    def thumbnails(self):
        """Returns the thumbnails with their inodes."""
        return {name: os.stat(os.path.join(os.fsencode(self.bucket.thumbnails), name)).st_ino
                for name in self.bucket.files_in(self.bucket.thumbnails)}

    def invocations(self):
        return self.bucket.stats()["invocations"]["count"]


def main():
    if os.environ.get(INSIDE) != "1":
        enter_namespace()
    harness.main()
