# SPDX-License-Identifier: Apache-2.0
"""`run --once` makes missing and lost thumbnails, and leaves existing ones alone."""

import os
import shutil

from harness import BLUE, GREEN, RED, SANITIZED, E2ETest, jpeg, jpeg_with_comment, main, png

MANY = 1000 if SANITIZED else 10000


class Once(E2ETest):

    def fill(self):
        """Puts three pictures and a text into two folders."""
        self.bucket.put("a.png", png(640, 480, RED))
        self.bucket.put("trip/b.jpg", jpeg(300, 600, GREEN))
        self.bucket.put("trip/day 1/c.png", png(100, 50, BLUE))
        self.bucket.put("notes.txt", b"no picture\n")
        return ["a.png", "trip/b.jpg", "trip/day 1/c.png", "notes.txt"]

    def test_makes_every_thumbnail(self):
        names = self.fill()
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.assertEqual(done.out, "")
        records = self.check_bucket(names)
        self.assertEqual(len(done.reports), 4)
        sizes = {(t["rendition"], t["width"], t["height"])
                 for t in records[b"trip/b.jpg"]["thumbnails"]}
        self.assertEqual(sizes, {("small", 128, 256), ("large", 300, 600)})
        self.assert_color(self.bucket.small("a.png"), RED)
        self.assert_color(self.bucket.large("trip/b.jpg"), GREEN)
        self.assert_color(self.bucket.small("trip/day 1/c.png"), BLUE)

    def test_dead_object_is_exit_status_1(self):
        self.bucket.put("good.png", png(10, 10, RED))
        self.bucket.put("bad.png", png(10, 10, RED)[:33])
        done = self.bucket.once()
        self.assertEqual(done.status, 1, done.log)
        records = self.check_bucket(["good.png", "bad.png"])
        self.assertEqual(records[b"bad.png"]["state"], "dead")
        self.assertEqual(records[b"bad.png"]["error"]["name"], "damaged")
        self.assertEqual(self.bucket.once().status, 1, "still dead")

    def test_unchanged_files_cost_no_work(self):
        picture = jpeg(16, 16)
        for i in range(MANY):
            self.bucket.put(f"{i % 100:02}/{i}.jpg", jpeg_with_comment(picture, b"%d" % i))
        first = self.bucket.once("--size", "8x8", "--quiet")
        self.assertEqual(first.status, 0, first.log)
        stats = self.bucket.stats()
        self.assertEqual(stats["objects"]["done"], MANY)
        self.assertEqual(stats["thumbnails"]["count"], MANY)
        self.assertEqual(stats["invocations"]["count"], MANY)
        before = self.bucket.read("list", "--json").out

        second = self.bucket.once("--size", "8x8")
        self.assertEqual(second.status, 0, second.log)
        self.assertEqual(second.reports, [])
        self.assertIn("nothing to do", second.log)
        self.assertTrue(self.bucket.read("list", "--json").out == before, "records have changed")
        self.assertEqual(self.bucket.stats(), stats)

    def test_lost_store_is_rebuilt(self):
        names = self.fill()
        self.bucket.once()
        before = self.check_bucket(names)
        shutil.rmtree(self.bucket.state)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.assert_same_pictures(before, self.check_bucket(names))

    def test_lost_store_and_thumbnails_are_rebuilt(self):
        names = self.fill()
        self.bucket.once()
        before = self.check_bucket(names)
        shutil.rmtree(self.bucket.state)
        shutil.rmtree(self.bucket.thumbnails)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.assert_same_pictures(before, self.check_bucket(names))

    def assert_same_pictures(self, before, after):
        fields = ("size", "date", "state", "type", "width", "height", "thumbhash", "thumbnails")
        for key, row in before.items():
            for field in fields:
                self.assertEqual(after[key][field], row[field], (key, field))

    def test_changed_and_new_and_removed_files_are_found(self):
        self.fill()
        self.bucket.once()
        self.bucket.put("a.png", png(64, 64, BLUE))
        self.bucket.put("new.png", png(64, 64, GREEN))
        shutil.rmtree(self.bucket.path / "trip" / "day 1")
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.assertEqual(sorted(r["Key"] for r in done.reports), ["a.png", "new.png"])
        self.check_bucket(["a.png", "trip/b.jpg", "new.png", "notes.txt"])
        self.assert_color(self.bucket.small("a.png"), BLUE)
        self.assertFalse((self.bucket.thumbnails / "small" / "trip" / "day 1").exists())

    def test_touched_file_keeps_its_thumbnails(self):
        path = self.bucket.put("a.png", png(64, 64, RED))
        self.bucket.once()
        thumbnail = os.stat(self.bucket.small("a.png"))
        os.utime(path, (1_000_000_000, 1_000_000_000))
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        row = self.check_bucket(["a.png"])[b"a.png"]
        self.assertEqual(row["date"], "2001-09-09T01:46:40Z")
        after = os.stat(self.bucket.small("a.png"))
        self.assertEqual((after.st_ino, after.st_mtime_ns),
                         (thumbnail.st_ino, thumbnail.st_mtime_ns))

    def test_empty_bucket_is_no_mass_delete(self):
        names = self.fill()
        self.bucket.once()
        before = self.bucket.list()
        thumbnails = self.bucket.files_in(self.bucket.thumbnails)
        aside = self.bucket.root / "aside"
        aside.mkdir()
        for name in ("a.png", "trip", "notes.txt"):
            os.rename(self.bucket.path / name, aside / name)
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.assertIn("nothing is removed", done.log)
        self.assertEqual(self.bucket.list(), before)
        self.assertEqual(self.bucket.files_in(self.bucket.thumbnails), thumbnails)

        for name in ("a.png", "trip", "notes.txt"):
            os.rename(aside / name, self.bucket.path / name)
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(names)

    def test_thumbnail_deleted_by_hand(self):
        """The thumbnail is made again, and no other one. There is no event of a sweep."""
        names = self.fill()
        self.assertEqual(self.bucket.once().status, 0)
        events = self.bucket.read("events").out
        self.bucket.small("a.png").unlink()
        done = self.bucket.once()
        self.assertEqual((done.status, len(done.reports)), (0, 1), done.log)
        self.check_bucket(names)
        self.assertNotIn("sweep", self.bucket.read("events").out.replace(events, ""))
        self.assertEqual(self.bucket.once().reports, [])

    def test_missing_bucket_is_exit_status_3(self):
        missing = self.bucket.root / "missing"
        result = self.bucket.command("run", "--once", missing)
        self.assertEqual(result.status, 3)
        self.assertIn(f"'{missing}'", result.log)
        self.assertFalse(missing.exists())

    def test_empty_bucket_that_was_never_filled(self):
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.assertEqual(self.bucket.stats()["objects"]["total"], 0)
        self.assertEqual(self.bucket.list(), [])


if __name__ == "__main__":
    main()
