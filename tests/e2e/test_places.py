# SPDX-License-Identifier: Apache-2.0
"""Folders of thumbnails: never read as uploads, each of one bucket, and never behind a link."""

import os
import shutil
import struct

from harness import BLUE, GREEN, RED, main, png
from places import MARK, PlacesTest


class Loops(PlacesTest):
    """thumbq never makes thumbnails of thumbnails, which would never end."""

    def test_prefix_renamed(self):
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(300, 200, RED))
        self.bucket.put("b.png", png(300, 200, GREEN))
        self.bucket.sync()
        os.rename(self.bucket.thumbnails, self.bucket.path / "taken")
        self.bucket.put("c.png", png(300, 200, BLUE))
        self.bucket.wait_record("c.png")
        self.bucket.sync()
        made = {name: state for name, state in self.states().items()
                if name.startswith("taken/") and state != "made_by_thumbq"}
        self.assertEqual(made, {})
        self.assertEqual(daemon.stop(), 0)
        # The next run does not make thumbnails of them either.
        self.assertEqual(self.bucket.once().status, 0)
        states = self.states()
        self.assertEqual({name for name, state in states.items() if state == "done"},
                         {"a.png", "b.png", "c.png"})
        self.assertEqual({state for name, state in states.items() if name.startswith("taken/")},
                         {"made_by_thumbq"})

    def test_prefix_is_below_a_folder_that_is_renamed(self):
        self.bucket.configure("[bucket]\nprefix = out/thumbs\n")
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(300, 200, RED))
        self.bucket.sync()
        os.rename(self.bucket.path / "out", self.bucket.path / "else")
        self.bucket.put("b.png", png(300, 200, RED))
        self.bucket.wait_record("b.png")
        self.bucket.sync()
        self.assertEqual({name for name, state in self.states().items()
                          if state != "made_by_thumbq"}, {"a.png", "b.png"})
        self.assertEqual(daemon.stop(), 0)

    def test_thumbnail_moved_out(self):
        """A moved thumbnail is listed, with the reason why thumbq makes nothing of it."""
        self.bucket.start()
        self.bucket.put("a.png", png(300, 200, RED))
        self.bucket.sync()
        os.rename(self.bucket.small("a.png"), self.bucket.path / "b.webp")
        row = self.bucket.wait_record("b.webp", "skipped")
        self.assertEqual((row["error"]["name"], row["error"]["class"], row["thumbnails"]),
                         ("made_by_thumbq", "skip", []))
        # Another picture under that name is an upload, though the file still has the attribute.
        self.bucket.put("b.webp", png(300, 200, GREEN))
        self.assertIn(MARK, os.listxattr(self.bucket.path / "b.webp"))
        self.assertEqual(self.bucket.wait_record("b.webp")["type"], "png")

    def test_forged_mark(self):
        """A user who sets attributes cannot hide a picture."""
        self.bucket.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        mark = os.getxattr(self.bucket.small("a.png"), MARK)
        forged = {"random.png": os.urandom(len(mark)), "bit.png": bytes([mark[0] ^ 1]) + mark[1:]}
        for name in ("old.png", "older.png", "copied.png", *forged):
            path = self.bucket.put(name, png(300, 200, GREEN))
            mtime = struct.pack("<q", os.stat(path).st_mtime_ns)
            value = forged.get(name, {"old.png": mark[:16] + mtime, "older.png": mark[:8],
                                      "copied.png": mark}.get(name))
            os.setxattr(path, MARK, value)
        result = self.bucket.once()
        self.assertEqual(result.status, 0, result.log)
        self.assertEqual(set(self.states().values()), {"done"})

    def test_bucket_in_bucket(self):
        inner = self.other_bucket(self.bucket.path / "inner")
        inner.put("a.png", png(300, 200, RED))
        self.assertEqual(inner.once().status, 0)
        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual(self.states(), {"inner/a.png": "done"})
        inner.put("b.png", png(300, 200, RED))
        self.assertEqual(inner.once().status, 0)
        self.bucket.wait_record("inner/b.png")
        self.bucket.sync()
        self.assertEqual(self.states(), {"inner/a.png": "done", "inner/b.png": "done"})
        self.assertEqual(self.states(inner), {"a.png": "done", "b.png": "done"})
        self.assertEqual(daemon.stop(), 0)

    def test_prefix_in_another_bucket(self):
        """The thumbnails of one bucket lie in another one."""
        other = self.other_bucket(self.bucket.root / "other")
        inside = self.bucket.path / "of-others" / "thumbs"
        other.configure(f"[bucket]\nprefix = {inside}\n")
        other.put("a.png", png(300, 200, RED))
        self.bucket.put("b.png", png(300, 200, RED))
        self.assertEqual(other.once().status, 0)
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.states(), {"b.png": "done"})

    def test_prefixes_in_each_other(self):
        other = self.other_bucket(self.bucket.root / "other")
        outer = self.bucket.root / "thumbs"
        self.bucket.configure(f"[bucket]\nprefix = {outer}\n")
        other.configure(f"[bucket]\nprefix = {outer / 'small'}\n")
        self.bucket.put("a.png", png(300, 200, RED))
        other.put("a.png", png(300, 200, RED))
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(other.once().status, 0)
        for bucket in (self.bucket, other):
            self.assertEqual(bucket.command("sweep", "all", "--bucket", bucket.path).status, 0)
            for row in bucket.list():
                self.assertEqual(row["state"], "done")
                for thumbnail in row["thumbnails"]:
                    self.assertTrue(os.path.exists(bucket.path / thumbnail["path"]), row)


class Owners(PlacesTest):
    """An absolute prefix belongs to one bucket."""

    def setUp(self):
        super().setUp()
        self.prefix = self.bucket.root / "thumbs"
        self.other = self.other_bucket(self.bucket.root / "other")
        for bucket in (self.bucket, self.other):
            bucket.configure(f"[bucket]\nprefix = {self.prefix}\n")
            bucket.put("a.png", png(300, 200, RED))
            bucket.put(f"{bucket.path.name}.png", png(300, 200, RED))

    def test_anothers_is_refused(self):
        self.assertEqual(self.bucket.once().status, 0)
        for command in (("run", "--once"), ("run",), ("sweep", "all", "--bucket")):
            result = self.other.command(*command, self.other.path)
            self.assertEqual(result.status, 2, result.log)
            self.assertIn(f"those of the bucket '{self.bucket.path}'", result.log)
            self.assertIn("run --adopt", result.log)
        self.assertEqual(self.bucket.command("sweep", "all", "--bucket", self.bucket.path).out,
                         "all in order\n")

    def test_adopt(self):
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.other.once("--adopt").status, 0)
        self.assertEqual(self.bucket.once().status, 2)
        # The second bucket may not remove the thumbnails of the first one.
        result = self.other.command("sweep", "all", "--bucket", self.other.path)
        self.assertEqual(result.status, 0, result.log)
        self.assertTrue((self.prefix / "small/bucket.png.webp").is_file())
        self.assertTrue((self.prefix / "small/other.png.webp").is_file())

    def test_moved_and_copied(self):
        self.assertEqual(self.bucket.once().status, 0)
        shutil.copytree(self.bucket.path, self.bucket.root / "copy", symlinks=True)
        copy = self.other_bucket(self.bucket.root / "copy")
        self.assertEqual(copy.once().status, 2)
        shutil.rmtree(copy.path)
        os.rename(self.bucket.path, self.bucket.root / "moved")
        moved = self.other_bucket(self.bucket.root / "moved")
        self.assertEqual(moved.once().status, 0)
        self.assertEqual(self.states(moved), {"a.png": "done", "bucket.png": "done"})

    def test_unreadable_owner(self):
        self.assertEqual(self.bucket.once().status, 0)
        (self.prefix / ".thumbq.owner").write_text("nonsense\n")
        result = self.bucket.once()
        self.assertEqual(result.status, 2)
        self.assertIn(".thumbq.owner", result.log)

    def test_relative_is_the_buckets_own(self):
        """An uploader cannot stop a bucket with such a file."""
        self.assertEqual(self.bucket.once().status, 0)
        third = self.other_bucket(self.bucket.root / "third")
        third.thumbnails.mkdir()
        shutil.copy(self.prefix / ".thumbq.owner", third.thumbnails)
        third.put("a.png", png(300, 200, RED))
        self.assertEqual(third.once().status, 0)


class Prefixes(PlacesTest):

    def test_link_in_the_prefix(self):
        elsewhere = self.bucket.root / "elsewhere"
        elsewhere.mkdir()
        self.bucket.put("a.png", png(300, 200, RED))
        (self.bucket.path / "out").symlink_to(elsewhere)
        for prefix in ("out/thumbs", "out", self.bucket.path / "out" / "thumbs"):
            self.bucket.configure(f"[bucket]\nprefix = {prefix}\n")
            result = self.bucket.once()
            self.assertEqual(result.status, 2, result.log)
            self.assertIn("'out' in it is a symbolic link", result.log)
            self.assertEqual(os.listdir(elsewhere), [])

    def test_link_in_place_of_the_prefix(self):
        """A user who may write to the bucket cannot end the daemon with a link."""
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(30, 20, RED))
        self.bucket.wait_record("a.png")
        away = self.bucket.path / "away"
        os.rename(self.bucket.thumbnails, away)
        self.bucket.thumbnails.symlink_to("/nowhere")
        self.bucket.put("b.png", png(30, 20, RED))
        self.bucket.wait_for(lambda: "is a symbolic link" in daemon.log(), "a word on it")
        self.assertTrue(daemon.is_running(), daemon.log())
        self.bucket.thumbnails.unlink()
        self.bucket.wait_record("b.png")
        self.assertTrue(self.bucket.small("b.png").exists())
        self.assertEqual(daemon.stop(), 0)

    def test_link_in_an_absolute_prefix(self):
        (self.bucket.root / "real").mkdir()
        (self.bucket.root / "link").symlink_to("real")
        self.bucket.configure(f"[bucket]\nprefix = {self.bucket.root}/link/thumbs\n")
        result = self.bucket.once()
        self.assertEqual(result.status, 2, result.log)
        self.assertIn("'link' in it is a symbolic link", result.log)


if __name__ == "__main__":
    main()
