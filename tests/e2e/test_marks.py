# SPDX-License-Identifier: Apache-2.0
"""The marks by which thumbq knows its own files, and the key of the marks."""

import os
import struct

from harness import RED, main, png
from places import MARK, PlacesTest


class Marks(PlacesTest):

    def sweep(self):
        result = self.bucket.command("sweep", "all", "--bucket", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        return result.out

    def to_old_form(self, path):
        """Gives a file a mark of versions before the key: two hashes and the time of the file."""
        os.setxattr(path, MARK, os.getxattr(path, MARK)[:24])

    def test_key_is_secret(self):
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        key = os.stat(self.bucket.state / "mark.key")
        self.assertEqual(key.st_mode & 0o7777, 0o600)

    def test_old_marks_hold(self):
        """An upgrade loses no thumbnail, and makes none again. Sweeps still know the thumbnails."""
        for name in ("a.png", "b.png"):
            self.bucket.put(name, png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        inodes = {}
        for path in self.bucket.thumbnails.rglob("*.png.*"):
            self.to_old_form(path)
            inodes[path] = os.stat(path).st_ino
        (self.bucket.state / "mark.key").unlink()
        self.assertEqual(self.sweep(), "all in order\n")
        self.assertEqual(self.bucket.once("--report").reports, [])
        self.assertEqual({path: os.stat(path).st_ino for path in inodes}, inodes)
        # No thumbnail remains of an object that is removed now.
        (self.bucket.path / "b.png").unlink()
        orphan = self.bucket.small("b.png").read_bytes()
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["a.png"])
        self.assertTrue(orphan)

    def test_old_mark_set_later(self):
        """A user who sets such a mark now, on other bytes, is not believed."""
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        small = self.bucket.small("a.png")
        small.write_bytes(bytes(small.stat().st_size))
        mtime = struct.pack("<q", os.stat(small).st_mtime_ns)
        os.setxattr(small, MARK, os.getxattr(small, MARK)[:16] + mtime)
        self.assertIn("1 object with missing or changed thumbnails", self.sweep())
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.sweep(), "all in order\n")

    def test_key_lost(self):
        """The bytes identify the thumbnails: none counts as an upload, and none is lost."""
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        (self.bucket.state / "mark.key").unlink()
        self.sweep()
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.sweep(), "all in order\n")
        self.check_bucket(["a.png"])

    def test_key_of_others(self):
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        os.chmod(self.bucket.state / "mark.key", 0o644)
        result = self.bucket.once()
        self.assertNotEqual(result.status, 0)
        self.assertIn("mark.key", result.log)


if __name__ == "__main__":
    main()
