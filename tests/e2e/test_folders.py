# SPDX-License-Identifier: Apache-2.0
"""Folders: the owners of folders of thumbnails, their rights for others, folders that existed
before thumbq, and files of people that such folders hide."""

import ctypes
import os
import shutil
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).parents[1] / "support"))

from others import for_others
from harness import BLUE, GREEN, RED, THUMBQ, E2ETest, main, png

ALICE, BOB = 3001, 3002
IS_ROOT = os.geteuid() == 0

IN_ATTRIB, IN_MOVED_FROM, IN_DELETE = 0x4, 0x40, 0x200
IN_NONBLOCK = 0o4000


class Watch:
    """The events of a folder and of its names, in order, as the kernel reports them."""

    def __init__(self, path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(IN_NONBLOCK)
        mask = IN_ATTRIB | IN_MOVED_FROM | IN_DELETE
        if self.fd < 0 or self.libc.inotify_add_watch(self.fd, os.fsencode(path), mask) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def read(self):
        """Returns [(mask, name)]; the name is empty for the folder itself. Ends the watch."""
        found, data = [], b""
        try:
            while True:
                data += os.read(self.fd, 1 << 20)
        except BlockingIOError:
            pass
        os.close(self.fd)
        while data:
            _wd, mask, _cookie, size = struct.unpack_from("<iIII", data)
            found.append((mask, data[16:16 + size].rstrip(b"\0").decode()))
            data = data[16 + size:]
        return found


class FoldersTest(E2ETest):

    def mode(self, path):
        return os.stat(path).st_mode & 0o7777

    def put(self, name, color=RED):
        path = self.bucket.put(name, png(30, 20, color))
        os.chmod(path, 0o644)
        return path

    def run_as(self, uid, *arguments):
        return subprocess.run(
            [for_others(THUMBQ), *map(os.fspath, arguments)], user=uid, group=uid,
            extra_groups=[], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


class Replaced(FoldersTest):
    """Another folder has the name of a folder whose thumbnails still exist."""

    N = 40

    def replace(self, mode):
        """Every user may read the pictures, and only the owner may enter their folder. Then another
        folder takes its name."""
        bob = self.bucket.path / "bob"
        bob.mkdir(mode=0o700)
        for i in range(self.N):
            self.put(f"bob/{i:03}.png")
        self.assertEqual(self.bucket.once().status, 0)
        bob.rename(self.bucket.path / "bob2")
        bob.mkdir()
        os.chmod(bob, mode)

    def test_while_the_daemon_was_down(self):
        self.replace(0o755)
        self.put("bob/new.png", GREEN)
        small = self.bucket.small("bob/new.png").parent
        self.assertEqual(self.mode(small), 0o700)
        watch = Watch(small)
        self.assertEqual(self.bucket.once().status, 0)
        events = watch.read()
        old = [i for i, (mask, name) in enumerate(events)
               if mask & (IN_MOVED_FROM | IN_DELETE) and name != "new.png.webp"]
        opened = [i for i, (mask, name) in enumerate(events) if mask & IN_ATTRIB and not name]
        self.assertEqual(len(old), self.N, events)
        self.assertGreater(min(opened, default=len(events)), max(old), events)
        self.assertEqual(self.mode(small), 0o755)
        self.assertEqual(self.mode(self.bucket.small("bob2/000.png").parent), 0o700)
        self.check_bucket([f"bob2/{i:03}.png" for i in range(self.N)] + ["bob/new.png"])

    def test_narrower_at_once(self):
        """The daemon closes a folder without waiting for the end of the scan."""
        self.put("x/a.png")
        os.chmod(self.bucket.path / "x", 0o755)
        self.assertEqual(self.bucket.once().status, 0)
        os.chmod(self.bucket.path / "x", 0o750)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.mode(self.bucket.small("x/a.png").parent), 0o750)
        os.chmod(self.bucket.path / "x", 0o755)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.mode(self.bucket.small("x/a.png").parent), 0o755)

    def test_under_a_running_daemon(self):
        daemon = self.bucket.start()
        self.put("bob/a.png")
        os.chmod(self.bucket.path / "bob", 0o700)
        self.bucket.wait_record("bob/a.png")
        self.bucket.sync()
        (self.bucket.path / "bob").rename(self.bucket.path / "bob2")
        self.put("bob/b.png")
        os.chmod(self.bucket.path / "bob", 0o755)
        self.bucket.wait_record("bob/b.png")
        self.bucket.sync()
        small = self.bucket.small("bob/b.png").parent
        self.bucket.wait_for(lambda: self.mode(small) == 0o755, "the folder to follow")
        self.assertEqual(self.mode(self.bucket.small("bob2/a.png").parent), 0o700)
        self.assertEqual(daemon.stop(), 0)

    @unittest.skipUnless(IS_ROOT, "only root gives files away")
    def test_of_another_owner(self):
        os.chmod(self.bucket.path, 0o755)
        self.replace(0o700)
        os.chown(self.bucket.path / "bob2", BOB, BOB)
        small = self.bucket.small("bob/000.png").parent
        for folder in (self.bucket.path / "bob2", small):
            os.chown(folder, BOB, BOB)
        os.chown(self.bucket.path / "bob", ALICE, ALICE)
        self.put("bob/new.png", GREEN)
        self.assertEqual(self.bucket.once().status, 0)
        st = os.stat(small)
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777), (ALICE, ALICE, 0o700))


class Foreign(FoldersTest):
    """Another user has made the folder of thumbnails, or moved a folder to its place."""

    def give_bucket(self, uid):
        """Gives the bucket to `uid`; every user can write to it."""
        os.chown(self.bucket.path, uid, uid)
        os.chmod(self.bucket.path, 0o777)

    @unittest.skipUnless(IS_ROOT, "only root can become somebody else")
    def test_prefix_of_an_uploader(self):
        self.give_bucket(ALICE)
        self.put("a.png")
        self.bucket.thumbnails.mkdir()
        os.chmod(self.bucket.thumbnails, 0o777)
        os.chown(self.bucket.thumbnails, BOB, BOB)
        result = self.run_as(ALICE, "run", "--once", self.bucket.path)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("belongs to the user 3002", result.stderr)
        self.assertIn("move the folder away", result.stderr)
        shutil.rmtree(self.bucket.state)
        result = self.bucket.once()  # as root
        self.assertEqual(result.status, 2, result.log)
        self.assertIn("belongs to the user 3002", result.log)
        self.assertEqual(os.listdir(self.bucket.thumbnails), [])

    @unittest.skipUnless(IS_ROOT, "only root can become somebody else")
    def test_prefix_that_others_may_write_to(self):
        self.put("a.png")
        self.bucket.thumbnails.mkdir()
        os.chmod(self.bucket.thumbnails, 0o777)
        self.give_bucket(ALICE)  # the folder is root's
        result = self.run_as(ALICE, "run", "--once", self.bucket.path)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("others than its owner", result.stderr)
        self.assertIn("chmod go-w", result.stderr)

    def test_own_prefix_is_closed(self):
        """A folder that an older version left open to the group, by its umask, is accepted."""
        self.bucket.thumbnails.mkdir()
        os.chmod(self.bucket.thumbnails, 0o775)
        self.put("a.png")
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.mode(self.bucket.thumbnails), 0o755)

    @unittest.skipUnless(IS_ROOT, "only root can become somebody else")
    def test_folder_of_an_uploader(self):
        """The run ends. The object reports the reason, and is done after the folder is removed."""
        self.give_bucket(ALICE)
        self.put("a.png")
        (self.bucket.thumbnails / "small").mkdir(parents=True)
        os.chown(self.bucket.thumbnails, ALICE, ALICE)
        os.chown(self.bucket.thumbnails / "small", BOB, BOB)
        os.chmod(self.bucket.thumbnails / "small", 0o777)
        result = self.run_as(ALICE, "run", "--once", self.bucket.path)
        self.assertEqual(result.returncode, 1, result.stderr)
        row, = self.bucket.list()
        self.assertEqual((row["state"], row["error"]["name"]), ("dead", "name_taken"), row)
        self.assertIn("another user's", self.bucket.show("a.png")["error"]["message"])
        (self.bucket.thumbnails / "small").rmdir()
        result = self.run_as(ALICE, "dead", "retry", self.bucket.path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.run_as(ALICE, "run", "--once", self.bucket.path).returncode, 0)
        self.check_bucket(["a.png"])

    @unittest.skipUnless(IS_ROOT, "only root can become somebody else")
    def test_prefix_replaced_under_a_daemon(self):
        """Work waits as for a missing folder, and continues after the folder is removed."""
        daemon = self.bucket.start()
        self.put("a.png")
        self.bucket.wait_record("a.png")
        self.bucket.sync()
        planted = self.bucket.root / "planted"
        planted.mkdir()
        os.chown(planted, BOB, BOB)
        self.bucket.thumbnails.rename(self.bucket.root / "aside")
        planted.rename(self.bucket.thumbnails)
        self.put("b.png")
        self.bucket.wait_for(lambda: "belongs to the user 3002" in daemon.log(), "a word on it")
        self.assertTrue(daemon.is_running(), daemon.log())
        self.bucket.thumbnails.rename(planted)
        self.bucket.wait_record("b.png")
        self.bucket.sync()
        self.assertEqual(os.listdir(planted), [])
        self.assertEqual(daemon.stop(), 0)

    @unittest.skipUnless(IS_ROOT, "only root gives files away")
    def test_roots_folder_is_not_given_away(self):
        """Another user has moved a folder of root below the thumbnails."""
        self.put("alice/a.png")
        (self.bucket.path / "alice/deep").mkdir()
        for name in ("alice", "alice/a.png", "alice/deep"):
            os.chown(self.bucket.path / name, ALICE, ALICE)
        self.assertEqual(self.bucket.once().status, 0)
        roots = self.bucket.small("alice/a.png").parent / "deep"
        self.assertEqual(os.stat(roots.parent).st_uid, ALICE)
        roots.mkdir(mode=0o755)
        (roots / "secret").write_text("of root")
        self.put("alice/deep/b.png")
        self.assertEqual(self.bucket.once().status, 0)
        self.bucket.command("sweep", "all", "--bucket", self.bucket.path)
        self.assertEqual((os.stat(roots).st_uid, os.stat(roots).st_gid), (0, 0))
        # thumbq makes its own folder in that place.
        os.chown(self.bucket.path / "alice", BOB, BOB)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(os.stat(roots.parent).st_uid, BOB)

    @unittest.skipUnless(IS_ROOT, "only root gives files away")
    def test_mark_of_another_folder(self):
        """A mark does not work on another folder than its own."""
        self.put("alice/a.png")
        (self.bucket.path / "alice/deep").mkdir()
        for name in ("alice", "alice/a.png", "alice/deep"):
            os.chown(self.bucket.path / name, ALICE, ALICE)
        self.assertEqual(self.bucket.once().status, 0)
        marked = self.bucket.small("alice/a.png").parent
        planted = marked / "deep"
        planted.mkdir()
        try:
            names = os.listxattr(marked)
        except OSError:
            names = []
        if not names:
            self.skipTest(f"{self.bucket.root} has no extended attributes")
        for name in names:
            os.setxattr(planted, name, os.getxattr(marked, name))
        self.put("alice/deep/b.png")
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(os.stat(planted).st_uid, 0)


class Hidden(FoldersTest):
    """`prefix` names a folder with pictures of people."""

    def test_prefix(self):
        for i in range(3):
            self.put(f"pics/{i}.png")
        self.put("pics/deep/x.png")
        self.put("a.png", BLUE)
        self.bucket.configure("[bucket]\nprefix = pics\n")
        result = self.bucket.once()
        self.assertEqual(result.status, 0, result.log)
        self.assertIn(f"'{self.bucket.path}/pics' holds 4 files that thumbq did not make",
                      result.log)
        self.assertEqual([row["name"] for row in self.bucket.list()], ["a.png"])
        self.assertNotIn("did not make", self.bucket.once().log)

    def test_state(self):
        for i in range(2):
            self.put(f"pics/{i}.png")
        config = self.bucket.root / "thumbq.conf"
        config.write_text("[bucket]\nstate = pics\n")
        os.chmod(self.bucket.path / "pics", 0o755)
        result = self.bucket.once("--config", config)
        self.assertEqual(result.status, 0, result.log)
        self.assertIn(f"'{self.bucket.path}/pics' holds 2 files that thumbq did not make",
                      result.log)
        self.assertNotIn("did not make", self.bucket.once("--config", config).log)

    def test_nothing_is_said_of_ones_own(self):
        self.put("x/a.png")
        self.bucket.configure("[bucket]\nmode = source\n")
        self.assertNotIn("did not make", self.bucket.once().log)
        # The pictures are also kept with a new key and a new state, beside old thumbnails.
        shutil.rmtree(self.bucket.state)
        self.assertNotIn("did not make", self.bucket.once().log)


if __name__ == "__main__":
    main()
