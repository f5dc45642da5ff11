# SPDX-License-Identifier: Apache-2.0
"""Mounted parts of a bucket: their objects while they are unmounted, and after they are mounted
again."""

import csv
import io
import os
import subprocess

from harness import BLUE, GREEN, RED, png
from mounts import MountTest, main, run


class Mounts(MountTest):

    def setUp(self):
        super().setUp()
        self.usb = self.bucket.path / "usb"
        self.usb.mkdir()

    def bind(self):
        run("mount", "--bind", self.disk, self.usb)

    def unmount(self, place=None):
        run("umount", "-l", place or self.usb)

    def fill(self):
        """Puts two objects on the mount, and one beside it."""
        self.bind()
        self.bucket.put("usb/a.png", png(20, 20, RED))
        self.bucket.put("usb/x/b.png", png(20, 20, GREEN))
        self.bucket.put("c.png", png(20, 20, BLUE))

    def away(self):
        return {row["name"] for row in self.bucket.list() if row["away"]}

    def assert_away(self, *names):
        """Checks that all commands agree on the objects that are away."""
        self.assertEqual(self.away(), set(names))
        self.assertEqual({row["name"] for row in self.bucket.list("--state", "away")}, set(names))
        rows = csv.DictReader(io.StringIO(self.bucket.read("list", "--csv").out))
        self.assertEqual({row["name"] for row in rows if row["away"] == "true"}, set(names))
        self.assertEqual(self.bucket.stats()["objects"]["away"], len(names))
        for row in self.bucket.list():
            self.assertEqual(self.bucket.show(row["name"])["away"], row["away"])

    def wait_away(self, *names):
        """Waits until these objects are away, and no others, and no work is left."""
        self.bucket.wait_for(lambda: self.away() == set(names), f"{names} to be away")
        self.bucket.sync()
        self.assert_away(*names)

    def check_all_kept(self, thumbnails):
        self.assertEqual(self.thumbnails(), thumbnails)
        self.assertEqual({row["name"]: row["state"] for row in self.bucket.list()},
                         {"usb/a.png": "done", "usb/x/b.png": "done", "c.png": "done"})

    def test_unmounted_under_the_daemon(self):
        self.fill()
        self.bucket.start()
        self.bucket.sync()
        made, invocations = self.thumbnails(), self.invocations()
        self.assertEqual(len(made), 6)
        for _ in range(2):
            self.unmount()
            self.wait_away("usb/a.png", "usb/x/b.png")
            self.check_all_kept(made)
            self.bind()
            self.wait_away()
            self.check_all_kept(made)
        self.assertEqual(self.invocations(), invocations)
        log = self.bucket.daemons[0].log()
        self.assertIn("'usb' is not mounted any more, with 2 objects", log)
        self.assertIn("'usb' is mounted again, with 2 known objects", log)
        self.check_bucket(["usb/a.png", "usb/x/b.png", "c.png"])

    def test_nobody_else_reads_what_is_away(self):
        """Only its owner may enter an encrypted folder. The empty folder below it is open."""
        os.chmod(self.usb, 0o755)
        os.chmod(self.disk, 0o700)
        self.fill()
        daemon = self.bucket.start()
        self.bucket.sync()
        folder = self.bucket.small("usb/a.png").parent
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        self.unmount()
        self.wait_away("usb/a.png", "usb/x/b.png")
        self.bucket.put("usb/new.png", png(20, 20, RED))
        self.bucket.wait_record("usb/new.png")
        self.bucket.sync()
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        self.assertEqual(daemon.stop(), 0)
        self.bucket.once()
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        self.bind()
        os.chmod(self.disk, 0o750)
        self.bucket.once()
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o750)

    def test_the_folder_goes_with_the_mount(self):
        """udisks mounts in this way."""
        self.fill()
        self.bucket.start()
        self.bucket.sync()
        made = self.thumbnails()
        self.unmount()
        self.usb.rmdir()
        self.wait_away("usb/a.png", "usb/x/b.png")
        self.check_all_kept(made)

    def test_unmounted_while_no_daemon_runs(self):
        self.fill()
        self.assertEqual(self.bucket.once().status, 0)
        made, invocations = self.thumbnails(), self.invocations()
        self.unmount()
        for _ in range(2):
            self.assertEqual(self.bucket.once().status, 0)
            self.assert_away("usb/a.png", "usb/x/b.png")
            self.check_all_kept(made)
        self.bind()
        self.assertEqual(self.bucket.once().status, 0)
        self.assert_away()
        self.check_all_kept(made)
        self.assertEqual(self.invocations(), invocations)

    def test_unmounted_after_a_crash(self):
        self.fill()
        daemon = self.bucket.start()
        self.bucket.sync()
        made = self.thumbnails()
        daemon.kill()
        self.unmount()
        self.bucket.start()
        self.wait_away("usb/a.png", "usb/x/b.png")
        self.check_all_kept(made)
        self.bind()
        self.wait_away()
        self.check_all_kept(made)

    def test_sweeps_skip_what_is_away(self):
        self.bucket.configure("[lifecycle old]\nprefix = usb/\nexpire = 1s\ntarget = thumbnails\n")
        self.fill()
        self.assertEqual(self.bucket.once().status, 0)
        made = self.thumbnails()
        self.bucket.small("usb/a.png").unlink()
        self.bucket.wait_for(lambda: "2 objects" in self.sweep("expire", "--dry-run").log,
                             "the objects to be old enough")
        self.unmount()
        del made[b"small/usb/a.png.webp"]
        for start in (False, True):
            with self.subTest(daemon=start):
                if start:
                    self.bucket.start()
                    self.bucket.sync()
                self.assertEqual(self.sweep("all", "--dry-run").log, "all in order\n")
                self.assertEqual(self.sweep("all").out, "all in order\n")
                self.check_all_kept(made)

    def sweep(self, *arguments):
        result = self.bucket.command("sweep", *arguments, "--bucket", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        return result

    def test_include_away(self):
        self.fill()
        self.assertEqual(self.bucket.once().status, 0)
        made = self.thumbnails()
        self.unmount()
        for start in (False, True):
            if start:
                self.bucket.start()
                self.bucket.sync()
            found = self.sweep("orphans", "--include-away", "--dry-run").out.splitlines()
            self.assertEqual({tuple(line.split("\t")[:2]) for line in found},
                             {("away", "usb/a.png"), ("away", "usb/x/b.png")})
            self.check_all_kept(made)
        self.assertEqual(self.sweep("orphans", "--include-away").out,
                         "2 objects that are away forgotten\n")
        self.check_bucket(["c.png"])
        self.assertEqual(self.bucket.stats()["objects"]["away"], 0)

    def test_deleted_while_mounted_or_away(self):
        """An object that is seen deleted on a mounted file system is gone, at any time of the
        deletion."""
        self.fill()
        self.bucket.start()
        self.bucket.sync()
        (self.usb / "a.png").unlink()
        self.bucket.wait_gone("usb/a.png")
        self.unmount()
        self.wait_away("usb/x/b.png")
        (self.disk / "x" / "b.png").unlink()
        self.bucket.sync()
        self.assert_away("usb/x/b.png")
        self.bind()
        self.bucket.wait_gone("usb/x/b.png")
        self.check_bucket(["c.png"])

    def test_what_waits_when_its_mount_goes(self):
        self.bucket.configure("[handler]\nconcurrency = 1\nisolation = none\nbackfill_nice = 0\n")
        self.fill()
        self.bucket.start()
        self.bucket.sync()
        worker = self.bucket.daemons[0].pause_worker()
        self.bucket.put("c.png", png(30, 30, RED))
        for i in range(20):
            self.bucket.put(f"usb/later-{i}.png", png(20, 20, BLUE))
        self.bucket.wait_for(lambda: self.bucket.stats()["objects"]["total"] == 23, "all objects")
        self.unmount()
        os.kill(worker, 18)  # SIGCONT
        self.bucket.sync()
        self.assertEqual(self.bucket.stats()["objects"]["dead"], 0)
        self.assertEqual(self.bucket.stats()["objects"]["total"], 23)
        self.bind()
        self.wait_away()
        self.assertEqual(self.bucket.stats()["objects"]["done"], 23)

    def test_reprocess_leaves_out_what_is_away(self):
        self.fill()
        self.assertEqual(self.bucket.once().status, 0)
        self.unmount()
        self.bucket.start()
        self.bucket.sync()
        result = self.bucket.command("reprocess", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        self.assert_away("usb/a.png", "usb/x/b.png")

    def test_mounted_over_objects(self):
        """Objects that a mount hides are away, too."""
        self.bucket.put("usb/a.png", png(20, 20, RED))
        self.bucket.put("c.png", png(20, 20, BLUE))
        self.bucket.start()
        self.bucket.sync()
        made = self.thumbnails()
        self.bind()
        self.wait_away("usb/a.png")
        self.assertEqual(self.thumbnails(), made)
        self.unmount()
        self.wait_away()
        self.assertEqual(self.thumbnails(), made)
        self.check_bucket(["usb/a.png", "c.png"])

    def test_another_file_system_in_its_place(self):
        self.fill()
        self.bucket.start()
        self.bucket.sync()
        self.unmount()
        run("mount", "-t", "tmpfs", "none", self.usb)
        self.bucket.put("usb/new.png", png(20, 20, RED))
        self.bucket.wait_record("usb/new.png")
        self.bucket.sync()
        self.assert_away("usb/a.png", "usb/x/b.png")
        self.unmount()
        self.bind()
        self.wait_away("usb/new.png")
        self.assertEqual(self.bucket.stats()["objects"]["done"], 4)

    def test_a_disk_that_is_mounted_again(self):
        """A file system of its own has other numbers of device and mount each time."""
        image = self.bucket.root / "disk.img"
        try:
            run("truncate", "-s", "8M", image)
            run("mkfs.ext4", "-q", "-F", image)
            run("mount", "-o", "loop", image, self.usb)
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            self.skipTest(f"disks are not tried: no loop device can be mounted here: {error}")
        self.bucket.put("usb/a.png", png(20, 20, RED))
        self.bucket.put("c.png", png(20, 20, BLUE))
        self.bucket.start()
        self.bucket.sync()
        made, invocations = self.thumbnails(), self.invocations()
        device = os.stat(self.usb).st_dev
        self.unmount()
        self.wait_away("usb/a.png")
        # Another device has the number of the first one by now.
        other = self.bucket.root / "other"
        other.mkdir()
        run("truncate", "-s", "8M", f"{image}.2")
        run("mkfs.ext4", "-q", "-F", f"{image}.2")
        run("mount", "-o", "loop", f"{image}.2", other)
        run("mount", "-o", "loop", image, self.usb)
        self.wait_away()
        self.assertEqual(self.thumbnails(), made)
        self.assertEqual(self.invocations(), invocations,
                         f"device {device}, then {os.stat(self.usb).st_dev}")


if __name__ == "__main__":
    main()
