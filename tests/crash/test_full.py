# SPDX-License-Identifier: Apache-2.0
"""The disk of the bucket or of the state is full, and then has room again: the same daemon
continues by itself."""

import contextlib
import os
import subprocess
import unittest

from rig import CONFIG, FAILPOINTS, LONG, THUMBQ, CrashTest, checker, main, wait_for

MEGABYTES = 4


class Full(CrashTest):

    def setUp(self):
        super().setUp()
        self.disk = self.root / "disk"
        self.disk.mkdir()
        if os.geteuid() != 0:
            self.skipTest("full disks are not tried: only root can mount a small one")
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "thumbq-test",
                                  self.disk], stderr=subprocess.PIPE, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"full disks are not tried: no tmpfs can be mounted: {mounted.stderr}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)

    def fill(self, folder):
        """Fills the disk. Returns the file that does it."""
        path = folder / "filler.part"
        with open(path, "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        return path

    @unittest.skipUnless(LONG, "a long run only: a scan that takes seconds")
    def test_batch_lost_during_a_scan(self):
        """The scan continues while the store is closed, and ends after the store is open again."""
        rig = self.rig()
        rig.put("a.png")
        rig.put("z/0")
        os.truncate(rig.bucket / "z/0", 0)
        for i in range(1, 60000):
            os.link(rig.bucket / "z/0", rig.bucket / f"z/{i}")
        daemon = rig.start_watching(program=FAILPOINTS,
                                    env={"THUMBQ_FAILPOINT": "lmdb.fdatasync.before=EIO@4"})
        wait_for(lambda: "resuming" in rig.log(), "the store to be opened again", rig.log)
        rig.sync()
        rig.check()
        self.assertEqual(daemon.terminate(), 0, rig.log())

    def states(self, rig):
        rows = checker.Bucket(rig.bucket, os.fspath(rig.config), THUMBQ).run(
            "list", "--json")
        return [row["state"] for row in rows]

    def wait_done(self, rig, n):
        wait_for(lambda: self.states(rig) == ["done"] * n, f"{n} objects to be done", rig.log)

    def test_bucket(self):
        rig = self.rig(bucket=self.disk / "bucket", config=CONFIG + f"[bucket]\n"
                       f"reserve = 0\nstate = {self.root}/state\n")
        rig.put("a/0.png")
        daemon = rig.start_watching()
        self.wait_done(rig, 1)
        for i in range(1, 30):
            rig.put(f"a/{i}.png.part")
        filler = self.fill(rig.bucket)
        for i in range(1, 30):
            os.rename(rig.bucket / f"a/{i}.png.part", rig.bucket / f"a/{i}.png")
        wait_for(lambda: "no space left" in rig.log(), "the daemon to find the disk full", rig.log)
        rig.check(running=True)
        self.assertTrue(daemon.is_running())
        self.assertNotIn("dead", self.states(rig))
        filler.unlink()
        self.wait_done(rig, 30)
        rig.check()
        self.assertEqual(daemon.terminate(), 0)

    def start_without_room(self):
        """Starts a daemon that watches 300 objects, with a full disk for its store."""
        rig = self.rig(config=CONFIG + f"[bucket]\nreserve = 0\nstate = {self.disk}/state\n")
        rig.put("a/0.png")
        daemon = rig.start_watching()
        self.wait_done(rig, 1)
        filler = self.fill(self.disk)
        for i in range(1, 300):
            rig.put(f"a/{i}.png")
        wait_for(lambda: "no space left" in rig.log(), "the daemon to find the disk full", rig.log)
        return rig, daemon, filler

    def test_state(self):
        rig, daemon, filler = self.start_without_room()
        rig.check(running=True)
        self.assertTrue(daemon.is_running())
        filler.unlink()
        self.wait_done(rig, 300)
        rig.check()
        self.assertEqual(daemon.terminate(), 0)
        rig.once()
        rig.check()

    def test_reserve(self):
        """Work waits before the disk is quite full, and continues when there is room."""
        rig = self.rig(bucket=self.disk / "bucket", config=CONFIG + f"[bucket]\n"
                       f"reserve = 25%\nstate = {self.root}/state\n")
        daemon = rig.start_watching()  # the disk is looked at when there is work for the first time
        filler = rig.bucket / "filler.part"
        filler.write_bytes(bytes((MEGABYTES << 20) * 85 // 100))
        for i in range(5):
            rig.put(f"a/{i}.png")
        wait_for(lambda: "work waits" in rig.log(), "the daemon to wait", rig.log)
        wait_for(lambda: self.states(rig) == ["pending"] * 5, "all to wait", rig.log)
        self.assertIn("reserve = 25%", rig.log())
        filler.unlink()
        self.wait_done(rig, 5)
        self.assertEqual(rig.log().count("work waits"), 1, rig.log())
        self.assertEqual(rig.log().count("work goes on"), 1, rig.log())
        self.assertNotIn("no space left", rig.log())
        rig.check()
        self.assertEqual(daemon.terminate(), 0)

    def test_end_while_full(self):
        """SIGTERM comes while the disk is full, and the next start finds no room."""
        rig, daemon, filler = self.start_without_room()
        self.assertEqual(daemon.terminate(), 0, rig.log())
        self.assertEqual(rig.start("--once").wait(), 74, rig.log())
        filler.unlink()
        rig.once()
        rig.check()


if __name__ == "__main__":
    main()
