# SPDX-License-Identifier: Apache-2.0
"""Folders are removed, moved and replaced under a running daemon. It continues with the folders of
these names, without a restart, and reports each change once."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness import BLUE, GREEN, RED, E2ETest, descriptors, main, png, wait_for


class Held(E2ETest):

    def start(self, n=3):
        for i in range(n):
            self.bucket.put(f"{i:04}.png", png(40 + i % 50, 30, RED))
        daemon = self.bucket.start("--quiet")
        self.bucket.sync()
        return daemon

    def settle(self, daemon, keys):
        """Checks that the bucket is in order, and that the daemon ends well."""
        self.bucket.put("after.png", png(30, 30, GREEN))
        self.bucket.wait_record("after.png")
        self.bucket.sync()
        self.check_bucket([*keys, "after.png"])
        self.assertEqual(daemon.stop(), 0, daemon.log())
        # The next run finds no fault either.
        result = self.bucket.once()
        self.assertEqual(result.status, 0, result.log)
        self.assertNotIn("damaged", result.log)
        self.assertEqual(result.reports, [])

    def delete(self, folder):
        """Removes a folder, in which the daemon may make files at any moment."""
        gone = Path(tempfile.mkdtemp(dir=self.bucket.root))
        folder.rename(gone / "folder")
        shutil.rmtree(gone, ignore_errors=True)

    def wait_line(self, daemon, text):
        wait_for(lambda: text in daemon.log(), f"'{text}' in the log", daemon.log)

    def test_thumbnails_deleted(self):
        """With 1,000 pictures, the first thumbnail is back soon, and later all of them."""
        n = 1000
        daemon = self.start(n)
        inode = self.bucket.thumbnails.stat().st_ino
        shutil.rmtree(self.bucket.thumbnails)
        begin = time.monotonic()

        def first():
            for folder in ("small", "large"):
                if os.path.isdir(self.bucket.thumbnails / folder):
                    return os.listdir(self.bucket.thumbnails / folder)
            return False

        wait_for(first, "a first thumbnail", daemon.log)
        print(f"the first thumbnail is back after {time.monotonic() - begin:.3f} s")
        self.bucket.sync()
        print(f"all {n} are back after {time.monotonic() - begin:.1f} s")
        self.assertNotEqual(self.bucket.thumbnails.stat().st_ino, inode)
        self.assertEqual(len(self.bucket.files_in(self.bucket.thumbnails)), 2 * n)
        self.assertEqual(daemon.log().count("was removed, moved or replaced"), 1, daemon.log())
        self.assertNotIn("error", daemon.log())
        self.assertEqual(self.bucket.stats()["objects"]["done"], n)
        self.assertEqual(daemon.stop(), 0)

    def test_thumbnails_moved_elsewhere(self):
        daemon = self.start()
        self.bucket.thumbnails.rename(self.bucket.root / "taken")
        self.wait_line(daemon, "folder of the thumbnails")
        self.settle(daemon, ["0000.png", "0001.png", "0002.png"])

    def test_thumbnails_replaced(self):
        """The new folder has some of the thumbnails, like one from a restored backup."""
        daemon = self.start()
        taken = self.bucket.root / "taken"
        shutil.copytree(self.bucket.thumbnails, taken)
        os.unlink(taken / "small/0001.png.webp")
        self.bucket.thumbnails.rename(self.bucket.root / "old")
        with_daemon = self.bucket.thumbnails
        if not with_daemon.exists():
            try:
                taken.rename(with_daemon)
            except OSError:
                pass  # the daemon was faster
        self.settle(daemon, ["0000.png", "0001.png", "0002.png"])

    def test_thumbnails_deleted_under_load(self):
        """The folder is removed while pictures are made: no object is given up, and none is
        lost."""
        daemon = self.bucket.start("--quiet")
        keys = []
        for round_ in range(3):
            for i in range(40):
                keys.append(f"{round_}-{i}.png")
                self.bucket.put(keys[-1], png(200, 150, BLUE))
            wait_for(lambda: self.bucket.thumbnails.exists(), "thumbnails", daemon.log)
            shutil.rmtree(self.bucket.thumbnails, ignore_errors=True)
        self.bucket.sync()
        stats = self.bucket.stats()["objects"]
        self.assertEqual((stats["dead"], stats["done"]), (0, len(keys)), daemon.log())
        # Thumbnails that were deleted from a folder that still exists are made by the sweep.
        result = self.bucket.command("sweep", "missing", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        self.settle(daemon, keys)

    def test_thumbnails_outside(self):
        outside = self.bucket.root / "out/thumbs"
        self.bucket.configure(f"[bucket]\nprefix = {outside}\n")
        daemon = self.start(1)
        thumbnail = outside / "small/0000.png.webp"
        self.assertTrue(thumbnail.exists())
        self.delete(self.bucket.root / "out")
        wait_for(thumbnail.exists, "the thumbnail", daemon.log)
        self.assertEqual(daemon.stop(), 0)

    def test_state_deleted(self):
        daemon = self.start()
        key = (self.bucket.state / "mark.key").read_bytes()
        self.delete(self.bucket.state)
        self.wait_line(daemon, "state folder")
        wait_for((self.bucket.state / "control").exists, "the socket", daemon.log)
        self.bucket.sync()
        second = self.bucket.command("run", "--once", self.bucket.path)
        self.assertEqual(second.status, 4, second.log)
        self.assertEqual((self.bucket.state / "mark.key").read_bytes(), key)
        self.settle(daemon, ["0000.png", "0001.png", "0002.png"])

    def test_state_moved(self):
        """The new state folder gets the configuration of the old one."""
        self.bucket.configure("[rendition mine]\nsize = 32x32\n")
        daemon = self.start()
        self.bucket.state.rename(self.bucket.path / ".old")
        self.wait_line(daemon, "state folder")
        wait_for((self.bucket.state / "control").exists, "the socket", daemon.log)
        self.assertIn("[rendition mine]", (self.bucket.state / "thumbq.conf").read_text())
        self.settle(daemon, ["0000.png", "0001.png", "0002.png"])

    def test_state_moved_and_back(self):
        """The folder is away for a moment only: nothing is lost."""
        daemon = self.start()
        old = self.bucket.path / ".old"
        inode = self.bucket.state.stat().st_ino
        self.bucket.state.rename(old)
        old.rename(self.bucket.state)
        self.bucket.put("b.png", png(20, 20, BLUE))
        self.bucket.wait_record("b.png")
        self.assertEqual(self.bucket.state.stat().st_ino, inode)
        self.assertNotIn("state folder", daemon.log())
        self.settle(daemon, ["0000.png", "0001.png", "0002.png", "b.png"])

    def test_store_deleted(self):
        daemon = self.start()
        self.delete(self.bucket.state / "store")
        self.wait_line(daemon, "the store in")
        wait_for((self.bucket.state / "store/data.mdb").exists, "the store", daemon.log)
        self.bucket.sync()
        self.settle(daemon, ["0000.png", "0001.png", "0002.png"])

    def test_store_replaced(self):
        """The store is replaced by an older copy of itself, and then by noise."""
        daemon = self.start()
        store = self.bucket.state / "store"
        copy = self.bucket.root / "copy"
        shutil.copytree(store, copy)
        self.bucket.put("b.png", png(20, 20, BLUE))
        self.bucket.wait_record("b.png")
        os.replace(copy / "data.mdb", store / "data.mdb")
        self.wait_line(daemon, "the store in")
        self.bucket.sync()
        self.bucket.wait_record("b.png")
        noise = self.bucket.root / "noise"
        noise.write_bytes(os.urandom(1 << 18))
        noise.chmod(0o600)
        os.replace(noise, store / "data.mdb")
        self.wait_line(daemon, "the store is damaged")
        wait_for((store / "data.mdb").exists, "a new store", daemon.log)
        self.bucket.sync()
        self.settle(daemon, ["0000.png", "0001.png", "0002.png", "b.png"])

    def test_lock_deleted(self):
        """At no moment does a second daemon run beside the first."""
        daemon = self.start()
        (self.bucket.state / "lock").unlink()
        second = self.bucket.once()
        self.assertEqual(second.status, 4, second.log)
        self.wait_line(daemon, "the lock of")
        wait_for((self.bucket.state / "lock").exists, "the lock", daemon.log)
        self.assertEqual(self.bucket.once().status, 4)
        self.settle(daemon, ["0000.png", "0001.png", "0002.png"])

    def test_lock_of_an_ended_daemon(self):
        """A process that a killed daemon has started holds its locks for a moment: the next daemon
        waits for that. It does not wait for a daemon that runs."""
        self.bucket.put("a.png", png(30, 30, RED))
        self.assertEqual(self.bucket.once().status, 0)
        ended = subprocess.Popen(["true"])
        ended.wait()
        folder = os.open(self.bucket.state, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        fcntl.flock(folder, fcntl.LOCK_EX)
        (self.bucket.state / "lock").write_text(f"{os.getpid()}\n")
        self.assertEqual(self.bucket.once().status, 4)

        def is_waited_for():
            fcntl.flock(folder, fcntl.LOCK_EX)
            (self.bucket.state / "lock").write_text(f"{ended.pid}\n")
            daemon = self.bucket.start_once()
            wait_for(lambda: not daemon.is_running() or os.fspath(self.bucket.state) in
                     descriptors(daemon.pid).values(), "the daemon to be at the lock", daemon.log)
            fcntl.flock(folder, fcntl.LOCK_UN)
            return daemon.wait() == 0

        # A daemon waits for two seconds, which may pass before this process is back.
        self.assertTrue(any(is_waited_for() for _ in range(3)), self.bucket.explain())

    def test_socket_deleted(self):
        daemon = self.start()
        (self.bucket.state / "control").unlink()
        wait_for((self.bucket.state / "control").exists, "the socket", daemon.log)
        self.bucket.sync()
        self.settle(daemon, ["0000.png", "0001.png", "0002.png"])

    def test_state_replaced_by_what_is_none(self):
        """The daemon does not end because of the false state folder, and ends well when it is told
        to."""
        daemon = self.start()
        away = self.bucket.root / "state"
        false = self.bucket.root / "false"
        (false / "lock").mkdir(parents=True)
        false.chmod(0o700)
        self.bucket.state.rename(away)
        false.rename(self.bucket.state)
        self.bucket.put("b.png", png(20, 20, BLUE))
        self.wait_line(daemon, "trying again in")
        self.assertTrue(daemon.is_running(), daemon.log())
        self.assertEqual(daemon.stop(), 0, daemon.log())
        shutil.rmtree(self.bucket.state)
        away.rename(self.bucket.state)
        daemon = self.bucket.start()
        self.bucket.sync()
        self.settle(daemon, ["0000.png", "0001.png", "0002.png", "b.png"])

    def test_bucket_deleted(self):
        """The daemon makes nothing in the place of the bucket."""
        daemon = self.start()
        self.bucket.path.rename(self.bucket.root / "gone")
        self.assertEqual(daemon.wait(), 3, daemon.log())
        self.assertFalse(self.bucket.path.exists())


if __name__ == "__main__":
    main()
