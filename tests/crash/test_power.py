# SPDX-License-Identifier: Apache-2.0
"""Power cuts: the test shuts down an ext4 file system on a loop device, without its journal, in the
middle of a batch, so that unwritten data is lost. After the next mount the bucket is right."""

import fcntl
import os
import struct
import subprocess
import time

from rig import CONFIG, CrashTest, count, main, wait_for

CUTS = count("THUMBQ_CUTS", 4, 40)

EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
EXT4_GOING_FLAGS_NOLOGFLUSH = 2


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, folder, size=192 << 20):
        self.image, self.path = folder / "image", folder / "disk"
        self.path.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=1", self.image], check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.path], check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def is_unmounted(self):
        return subprocess.run(["umount", self.path], stderr=subprocess.PIPE).returncode == 0

    def cut(self):
        fd = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", EXT4_GOING_FLAGS_NOLOGFLUSH))
        os.close(fd)

    def is_free(self):
        """Returns True when the kernel has released the file system. A process in another mount
        namespace may still have it mounted. If it were mounted here by then, it would be the same
        one, which is shut down, and every write would fail."""
        loops = subprocess.run(["losetup", "--associated", self.image], check=True,
                               stdout=subprocess.PIPE, text=True)
        return loops.stdout == ""

    def unmount(self):
        # A handler that has just been killed may hold the disk for a moment.
        wait_for(self.is_unmounted, "the disk to be unmounted")
        wait_for(self.is_free, "the disk to be given up by all mount namespaces")


class Power(CrashTest):

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("power cuts are not tried: only root can mount a file system")
        self.disk = Disk(self.root)
        try:
            self.disk.mount()
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            self.skipTest(f"power cuts are not tried: no loop device can be mounted here: {error}")
        self.addCleanup(lambda: os.path.ismount(self.disk.path) and self.disk.unmount())

    def test_another_mount_namespace(self):
        """A process with a mount namespace of its own, which ends later, does not disturb the
        test."""
        holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", "echo; exec sleep 2"],
                                  stdout=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdout.close)
        holder.stdout.readline()  # the process has its copy of the mounts
        self.disk.cut()
        self.disk.unmount()
        self.disk.mount()
        (self.disk.path / "file").write_text("as usual")

    def cut_power(self, durability, cuts):
        rig = self.rig(durability, bucket=self.disk.path / "bucket",
                       config=CONFIG + f"[bucket]\ndurability = {durability}\n")
        rig.may_be_damaged = durability == "none"
        # With `durability = store`, a remade thumbnail may not have reached the disk.
        may_be_old = durability == "store"
        for number in range(cuts):
            daemon = rig.start_watching()
            for _ in range(rig.random.randrange(5, 30)):
                rig.stir()
            if number % 3 == 0:
                rig.sync()  # all objects are done, and their records are on disk
                rig.check(may_be_old=may_be_old)
            for _ in range(rig.random.randrange(5, 30)):
                rig.stir()
            time.sleep(rig.random.uniform(0, 0.15))  # the test tries moments
            self.disk.cut()
            daemon.kill()
            self.disk.unmount()
            self.disk.mount()
            if durability == "full":
                rig.check_crashed()
            rig.start_watching()
            rig.sync()
            rig.check(may_be_old=may_be_old)
            rig.daemons[-1].kill()
        print(f"{cuts} power cuts survived with durability = {durability}", flush=True)

    def test_full(self):
        self.cut_power("full", CUTS)

    def test_store(self):
        self.cut_power("store", max(CUTS // 4, 1))

    def test_none(self):
        self.cut_power("none", max(CUTS // 4, 1))


if __name__ == "__main__":
    main()
