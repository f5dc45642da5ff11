# SPDX-License-Identifier: Apache-2.0
"""Owner, group, mode and access control lists of thumbnails: never wider than the picture's."""

import os
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).parents[1] / "support"))

from harness import RED, THUMBQ, Bucket, E2ETest, main, png
from others import for_others

NO_ID = 0xffffffff  # the id in an entry of an access control list without a user or group


class Readers(E2ETest):
    """A user who cannot read a picture cannot read its thumbnail."""

    def mode(self, path):
        return os.stat(path).st_mode & 0o7777

    def put(self, name, mode, folder_mode=None):
        path = self.bucket.put(name, png(300, 200, RED))
        os.chmod(path, mode)
        if folder_mode is not None:
            os.chmod(path.parent, folder_mode)
        return path

    def test_mode_of_the_picture(self):
        modes = {"a.png": 0o600, "b.png": 0o640, "c.png": 0o644, "d.png": 0o660, "e.png": 0o444}
        for name, mode in modes.items():
            self.put(name, mode)
        self.assertEqual(self.bucket.once().status, 0)
        for name, mode in modes.items():
            for path in (self.bucket.small(name), self.bucket.large(name)):
                self.assertEqual(self.mode(path), mode | 0o600, name)

    def test_folders(self):
        """Every user may read the picture, and only the owner may enter its folder."""
        self.put("private/deep/a.png", 0o644)
        self.put("public/b.png", 0o644, 0o755)
        os.chmod(self.bucket.path / "private", 0o700)
        os.chmod(self.bucket.path / "private/deep", 0o777)
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.thumbnails / "small"
        self.assertEqual(self.mode(small / "private"), 0o700)
        self.assertEqual(self.mode(small / "private/deep"), 0o755)
        self.assertEqual(self.mode(small / "public"), 0o755)

    def test_changed_later(self):
        daemon = self.bucket.start()
        path = self.put("x/a.png", 0o644, 0o755)
        self.bucket.wait_record("x/a.png")
        small = self.bucket.small("x/a.png")
        os.chmod(path, 0o600)
        self.bucket.wait_for(lambda: self.mode(small) == 0o600, "the thumbnail to be private")
        os.chmod(path.parent, 0o700)
        self.bucket.wait_for(lambda: self.mode(small.parent) == 0o700, "its folder to be private")
        os.chmod(path.parent, 0o750)
        self.bucket.wait_for(lambda: self.mode(small.parent) == 0o750, "its folder to follow")
        self.assertEqual(daemon.stop(), 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_files_that_others_put_there(self):
        """The owner of a folder of thumbnails moves another user's file to the name of a
        thumbnail."""
        alice, bob = 3001, 3002
        os.chmod(self.bucket.path, 0o777)
        os.chmod(self.bucket.root, 0o755)
        daemon = self.bucket.start()
        picture = self.put("alice/p.png", 0o644)
        os.chown(picture.parent, alice, alice)
        os.chown(picture, alice, alice)
        self.bucket.wait_record("alice/p.png")
        self.bucket.sync()
        small = self.bucket.small("alice/p.png")
        secret = self.bucket.root / "secret"
        secret.write_bytes(b"s" * small.stat().st_size)
        os.chmod(secret, 0o600)
        os.chown(secret, bob, bob)
        os.rename(secret, small)
        self.as_user(alice, "mv", picture, picture.with_name("q.png"))
        self.bucket.wait_record("alice/q.png")
        self.as_user(alice, "touch", picture.with_name("q.png"))
        self.bucket.sync()
        self.bucket.command("sweep", "all", self.bucket.path)
        for path in small.parent.iterdir():
            if path.read_bytes().startswith(b"sss"):
                self.assertEqual((path.stat().st_uid, self.mode(path)), (bob, 0o600), path)
        self.assertEqual(daemon.stop(), 0)

    def set_list(self, path, attribute, entries):
        """Sets an access control list in the kernel's form: (tag, rights, user or group) each."""
        value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
        try:
            os.setxattr(path, attribute, value)
        except OSError as error:
            self.skipTest(f"no access control lists: {error}")

    def as_user(self, uid, *command):
        subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                        *map(os.fspath, command)], check=True)

    def test_lists_that_are_handed_down(self):
        """A folder's default list gives user 3001 rights to new files. The thumbnail gets no
        list."""
        entries = ((1, 7, NO_ID), (2, 5, 3001), (4, 5, NO_ID), (16, 5, NO_ID), (32, 5, NO_ID))
        self.set_list(self.bucket.path, "system.posix_acl_default", entries)
        elsewhere = self.bucket.root / "s.png"
        elsewhere.write_bytes(png(30, 20, RED))
        os.chmod(elsewhere, 0o640)
        os.rename(elsewhere, self.bucket.path / "s.png")
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.small("s.png")
        self.assertEqual(self.mode(small), 0o640)
        self.assertNotIn("system.posix_acl_access", os.listxattr(small))

    def test_folders_of_an_older_version(self):
        self.put("x/a.png", 0o644)
        os.chmod(self.bucket.path / "x", 0o700)
        self.assertEqual(self.bucket.once().status, 0)
        folder = self.bucket.small("x/a.png").parent
        os.chmod(folder, 0o755)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.mode(folder), 0o700)

    def test_moved_into_a_private_folder(self):
        daemon = self.bucket.start()
        path = self.put("a.png", 0o644)
        (self.bucket.path / "private").mkdir(mode=0o700)
        self.bucket.wait_record("a.png")
        os.rename(path, self.bucket.path / "private/a.png")
        self.bucket.wait_record("private/a.png")
        self.bucket.sync()
        self.assertEqual(self.mode(self.bucket.small("private/a.png").parent), 0o700)
        self.assertEqual(daemon.stop(), 0)

    def test_owner_and_group_as_root(self):
        if os.geteuid() != 0:
            self.skipTest("only root gives files away")
        path = self.put("x/a.png", 0o640, 0o750)
        os.chown(path, 12345, 12346)
        os.chown(path.parent, 12347, 12348)
        self.assertEqual(self.bucket.once().status, 0)
        made = self.bucket.small("x/a.png")
        st = os.stat(made)
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777), (12345, 12346, 0o640))
        st = os.stat(made.parent)
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o7777), (12347, 12348, 0o750))

    def test_group_that_cannot_be_given(self):
        """The group's rights are dropped. Others keep only rights that the group had, too."""
        if os.geteuid() != 0:
            self.skipTest("only root can make such files for the test")
        modes = {"a.png": (0o640, 0o600), "b.png": (0o644, 0o644), "c.png": (0o604, 0o600)}
        os.chmod(self.bucket.path, 0o755)
        for name, (mode, _expected) in modes.items():
            path = self.put(name, mode)
            os.chown(path, 12345, 12346)
        os.chown(self.bucket.path, 12345, 12345)
        thumbq = for_others(THUMBQ)
        result = subprocess.run([thumbq, "run", "--once", self.bucket.path], user=12345,
                                group=12345, extra_groups=[], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        for name, (_mode, expected) in modes.items():
            self.assertEqual(self.mode(self.bucket.small(name)), expected, name)

    def test_access_control_list(self):
        """A list gives rights to other users. A thumbnail of such a picture is for its owner
        alone."""
        path = self.put("a.png", 0o640)
        entries = ((1, 6, NO_ID), (2, 4, 12345), (4, 0, NO_ID), (16, 4, NO_ID), (32, 0, NO_ID))
        self.set_list(path, "system.posix_acl_access", entries)
        self.assertEqual(self.mode(path), 0o640)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.mode(self.bucket.small("a.png")), 0o600)

    def test_thumbnails_of_an_older_version(self):
        """Thumbnails of older versions are open to every user, and the first sweep closes them."""
        self.put("a.png", 0o600)
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.small("a.png")
        os.chmod(small, 0o644)
        result = self.bucket.command("sweep", "missing", "--dry-run", "--bucket", self.bucket.path)
        self.assertEqual((result.status, self.mode(small)), (0, 0o644))
        result = self.bucket.command("sweep", "missing", "--bucket", self.bucket.path)
        self.assertEqual((result.status, self.mode(small)), (0, 0o600))

    def test_setting(self):
        self.bucket.configure("[bucket]\nmode = 0640\n")
        self.put("x/a.png", 0o600, 0o700)
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.small("x/a.png")
        self.assertEqual((self.mode(small), self.mode(small.parent)), (0o640, 0o750))
        for wrong in ("0755", "640x", "0200", "all", "0888", "06440"):
            self.bucket.configure(f"[bucket]\nmode = {wrong}\n")
            self.assertEqual(self.bucket.once().status, 2, wrong)

    def test_absolute_prefix(self):
        """Only the owner can enter the folder of the bucket, but every user could enter that of the
        thumbnails."""
        prefix = self.bucket.root / "thumbs"
        inner = self.bucket.path / "closed" / "photos"
        bucket = Bucket(self.bucket.root, inner, prefix)
        os.chmod(inner.parent, 0o700)
        bucket.configure(f"[bucket]\nprefix = {prefix}\n")
        bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(bucket.once().status, 0)
        self.assertEqual(self.mode(prefix / "small"), 0o700)


if __name__ == "__main__":
    main()
