# SPDX-License-Identifier: Apache-2.0
"""Changes in the bucket while the daemon watches: thumbnails and records follow."""

import os
import shutil

from harness import BLUE, GREEN, GREY, RED, E2ETest, average_color, is_near, main, png


class Watch(E2ETest):

    def setUp(self):
        super().setUp()
        self.daemon = self.bucket.start()

    def reports_of(self, name):
        return [report for report in self.daemon.reports() if report["Key"] == name]

    def wait_empty(self, rendition="small"):
        folder = self.bucket.thumbnails / rendition
        self.bucket.wait_for(lambda: not folder.exists() or not os.listdir(folder),
                             f"nothing in {folder}")

    def wait_no_thumbnails(self, folder):
        """Waits until the folder of the thumbnails of this folder is gone: it goes after them."""
        self.bucket.wait_for(lambda: not (self.bucket.thumbnails / "small" / folder).exists(),
                             f"no thumbnails of {folder}")

    def test_file_written_slowly_is_taken_when_closed(self):
        data = png(200, 100, RED)
        with open(self.bucket.path / "slow.png", "wb", buffering=0) as file:
            for at in range(0, len(data), 97):
                file.write(data[at:at + 97])
                if at == 97:  # the daemon has had its turn, and has left the half file alone
                    self.bucket.put("other.png", png(10, 10, BLUE))
                    self.bucket.wait_record("other.png")
        row = self.bucket.wait_record("slow.png")
        self.assertEqual((row["width"], row["height"], row["damaged"]), (200, 100, False))
        self.assertEqual(len(self.reports_of("slow.png")), 1)
        self.check_bucket(["slow.png", "other.png"])

    def test_file_copied(self):
        source = self.bucket.root / "outside.png"
        source.write_bytes(png(300, 300, GREEN))
        shutil.copy2(source, self.bucket.path / "copied.png")
        self.bucket.wait_record("copied.png")
        self.check_bucket(["copied.png"])
        self.assert_color(self.bucket.small("copied.png"), GREEN)

    def test_file_moved_in_and_out(self):
        outside = self.bucket.root / "outside.png"
        outside.write_bytes(png(300, 300, GREEN))
        os.rename(outside, self.bucket.path / "in.png")
        self.bucket.wait_record("in.png")
        self.check_bucket(["in.png"])
        os.rename(self.bucket.path / "in.png", outside)
        self.bucket.wait_gone("in.png")
        self.wait_empty()
        self.check_bucket([])

    def test_part_file_is_taken_when_renamed(self):
        part = self.bucket.put("up.png.part", png(30, 30, RED))
        self.bucket.sync()
        self.assertEqual(self.bucket.list(), [])
        os.rename(part, self.bucket.path / "up.png")
        self.bucket.wait_record("up.png")
        self.check_bucket(["up.png"])
        self.assertEqual(len(self.daemon.reports()), 1)

    def events(self):
        """Returns (name, key) of each event of an object, oldest first."""
        rows = self.bucket.read("events", "--json").lines()
        return [(event["eventName"], event["s3"]["object"]["key"])
                for row in rows for event in row.get("Records", [])]

    def test_events_of_a_renamed_folder(self):
        """Each object of the folder is an event of the old key, and one of the new key."""
        names = ["a.png", "b.png", "deep/c.png"]
        for name in names:
            self.bucket.put(f"old/{name}", png(20, 20, RED))
        for name in names:
            self.bucket.wait_record(f"old/{name}")
        seen = len(self.events())
        os.rename(self.bucket.path / "old", self.bucket.path / "new")
        for name in names:
            self.bucket.wait_record(f"new/{name}")
        os.rename(self.bucket.path / "new/a.png", self.bucket.path / "z.png")
        self.bucket.wait_record("z.png")
        events = self.events()[seen:]
        self.assertEqual(sorted(events), sorted(
            [("ObjectRemoved:Delete", f"old/{name}") for name in names] +
            [("ObjectCreated:Copy", f"new/{name}") for name in names] +
            [("ObjectRemoved:Delete", "new/a.png"), ("ObjectCreated:Copy", "z.png")]))

    def test_events_of_a_changed_mode(self):
        """The thumbnails follow the mode. The bytes are the same: no event says that they were
        put."""
        names = [f"{i}.png" for i in range(5)] + ["notes.txt"]
        for name in names:
            self.bucket.put(name, png(20, 20, RED) if name.endswith("png") else b"text")
        self.bucket.sync()
        before = self.events()
        for name in names:
            os.chmod(self.bucket.path / name, 0o600)
        self.bucket.sync()
        for name in names[:5]:
            self.assertEqual(self.bucket.small(name).stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.events(), before)
        # Other bytes with the old modification time are an event.
        path = self.bucket.path / "0.png"
        stat = path.stat()
        other = png(20, 20, BLUE).ljust(stat.st_size, b"\0")
        self.assertEqual(len(other), stat.st_size)
        with open(path, "r+b") as file:
            file.write(other)
            file.flush()
            os.utime(file.fileno(), ns=(stat.st_atime_ns, stat.st_mtime_ns))
        self.bucket.sync()
        self.bucket.wait_record("0.png")
        self.assertEqual(self.events()[len(before):],
                         [("ObjectCreated:Put", "0.png"), ("Thumbnail:Done", "0.png")])

    def test_hard_link_arrives(self):
        outside = self.bucket.root / "outside.png"
        outside.write_bytes(png(30, 30, GREEN))
        os.link(outside, self.bucket.path / "linked.png")
        self.bucket.sync()
        self.check_bucket(["linked.png"])

    def test_overwritten_in_place(self):
        self.bucket.put("a.png", png(64, 64, RED))
        self.bucket.wait_record("a.png")
        self.assert_color(self.bucket.small("a.png"), RED)
        self.bucket.put("a.png", png(80, 40, BLUE))
        row = self.bucket.wait_record("a.png")
        self.assertEqual((row["width"], row["height"]), (80, 40))
        self.check_bucket(["a.png"])
        self.assert_color(self.bucket.small("a.png"), BLUE)
        self.assert_color(self.bucket.large("a.png"), BLUE)

    def test_replaced_by_rename(self):
        self.bucket.put("a.png", png(64, 64, RED))
        self.bucket.wait_record("a.png")
        new = self.bucket.put("a.png.tmp", png(64, 64, BLUE))
        os.rename(new, self.bucket.path / "a.png")
        self.bucket.wait_record("a.png")
        self.check_bucket(["a.png"])
        self.assert_color(self.bucket.small("a.png"), BLUE)

    def test_overwritten_by_something_else(self):
        self.bucket.put("a.png", png(64, 64, RED))
        self.bucket.wait_record("a.png")
        self.bucket.put("a.png", b"not a picture any more")
        self.bucket.wait_record("a.png", "skipped")
        self.wait_empty()
        self.check_bucket(["a.png"])

    def test_many_writes_end_in_the_last_one(self):
        colors = [RED, GREEN, BLUE] * 10 + [GREY]
        for color in colors:
            self.bucket.put("a.png", png(64, 64, color))
        self.bucket.wait_for(
            lambda: self.bucket.small("a.png").exists() and
            is_near(average_color(self.bucket.small("a.png")), GREY), "the last colour")
        self.bucket.wait_record("a.png")
        self.check_bucket(["a.png"])

    def test_renamed_file_keeps_what_was_made(self):
        self.bucket.put("old.png", png(64, 64, RED))
        before = self.bucket.wait_record("old.png")
        inode = os.stat(self.bucket.small("old.png")).st_ino
        os.rename(self.bucket.path / "old.png", self.bucket.path / "new.png")
        after = self.bucket.wait_record("new.png")
        self.assertIsNone(self.bucket.show("old.png"))
        self.assertEqual(after["id"], before["id"])
        self.check_bucket(["new.png"])
        self.assertEqual(os.stat(self.bucket.small("new.png")).st_ino, inode)
        self.assertEqual(len(self.daemon.reports()), 1, "made again")

    def test_moved_between_folders(self):
        self.bucket.put("one/a.png", png(64, 64, RED))
        self.bucket.put("two/b.png", png(64, 64, RED))
        self.bucket.wait_record("one/a.png")
        self.bucket.wait_record("two/b.png")
        os.rename(self.bucket.path / "one/a.png", self.bucket.path / "two/a.png")
        self.bucket.wait_record("two/a.png")
        self.bucket.wait_gone("one/a.png")
        self.wait_no_thumbnails("one")
        self.check_bucket(["two/a.png", "two/b.png"])
        self.assertEqual(len(self.daemon.reports()), 2, "made again")

    def test_renamed_over_another(self):
        self.bucket.put("a.png", png(64, 64, RED))
        self.bucket.put("b.png", png(64, 64, BLUE))
        self.bucket.wait_record("a.png")
        self.bucket.wait_record("b.png")
        os.rename(self.bucket.path / "a.png", self.bucket.path / "b.png")
        self.bucket.wait_gone("a.png")
        self.bucket.wait_record("b.png")
        self.check_bucket(["b.png"])
        self.assert_color(self.bucket.small("b.png"), RED)

    def test_exchanged_names(self):
        self.bucket.put("a.png", png(64, 64, RED))
        self.bucket.put("b.png", png(64, 64, BLUE))
        self.bucket.wait_record("a.png")
        self.bucket.wait_record("b.png")
        for old, new in (("a.png", "c.png"), ("b.png", "a.png"), ("c.png", "b.png")):
            os.rename(self.bucket.path / old, self.bucket.path / new)
        self.bucket.wait_record("a.png")
        self.bucket.wait_record("b.png")
        self.bucket.wait_gone("c.png")
        self.check_bucket(["a.png", "b.png"])
        self.assert_color(self.bucket.small("a.png"), BLUE)
        self.assert_color(self.bucket.small("b.png"), RED)

    def test_folders_made_and_filled_at_once(self):
        names = [f"t{i}/a/b/c/d{j}/{i}-{j}.png" for i in range(8) for j in range(4)]
        for name in names:
            self.bucket.put(name, png(20, 20, RED))
        for name in names:
            self.bucket.wait_record(name)
        self.check_bucket(names)

    def test_tree_moved_in_renamed_and_out(self):
        outside = self.bucket.root / "tree"
        names = [f"{folder}{i}.png" for folder in ("", "x/", "x/y/") for i in range(5)]
        for name in names:
            (outside / name).parent.mkdir(parents=True, exist_ok=True)
            (outside / name).write_bytes(png(20, 20, GREEN))
        os.rename(outside, self.bucket.path / "tree")
        for name in names:
            self.bucket.wait_record("tree/" + name)
        self.check_bucket(["tree/" + name for name in names])

        os.rename(self.bucket.path / "tree", self.bucket.path / "renamed")
        for name in names:
            self.bucket.wait_record("renamed/" + name)
        self.bucket.wait_for(lambda: len(self.bucket.list()) == len(names), "old names to go")
        self.wait_no_thumbnails("tree")
        self.check_bucket(["renamed/" + name for name in names])
        self.assertEqual(len(self.daemon.reports()), len(names), "made again")

        # The renamed folders are watched under their new names.
        self.bucket.put("renamed/x/y/late.png", png(20, 20, BLUE))
        self.bucket.wait_record("renamed/x/y/late.png")

        os.rename(self.bucket.path / "renamed", outside)
        self.bucket.wait_for(lambda: self.bucket.list() == [], "the tree to be forgotten")
        self.wait_empty()
        self.check_bucket([])

    def test_deleted_file_takes_its_thumbnails_along(self):
        path = self.bucket.put("x/y/a.png", png(20, 20, RED))
        self.bucket.put("x/b.png", png(20, 20, RED))
        self.bucket.wait_record("x/y/a.png")
        self.bucket.wait_record("x/b.png")
        path.unlink()
        self.bucket.wait_gone("x/y/a.png")
        self.wait_no_thumbnails("x/y")
        self.check_bucket(["x/b.png"])

    def test_deleted_tree(self):
        names = [f"x/{i % 3}/{i}.png" for i in range(12)]
        for name in names + ["stays.png"]:
            self.bucket.put(name, png(20, 20, RED))
        for name in names + ["stays.png"]:
            self.bucket.wait_record(name)
        shutil.rmtree(self.bucket.path / "x")
        self.bucket.wait_for(lambda: len(self.bucket.list()) == 1, "the tree to be forgotten")
        self.wait_no_thumbnails("x")
        self.check_bucket(["stays.png"])

    def test_ignored_names(self):
        ignored = [".hidden.png", "a.png.part", "b.tmp", "c.crdownload", "d.png~",
                   ".folder/e.png", "x.tmp/f.png", "sub/.hidden/deep/g.png"]
        for name in ignored:
            self.bucket.put(name, png(20, 20, RED))
        self.bucket.put("sub/taken.png", png(20, 20, RED))
        self.bucket.sync()
        self.check_bucket(["sub/taken.png"])
        self.assertEqual([r["Key"] for r in self.daemon.reports()], ["sub/taken.png"])

    def test_what_lies_in_reserved_folders_is_no_upload(self):
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.wait_record("a.png")
        stray = self.bucket.put("thumbnails/small/stray.png", png(20, 20, RED))
        self.bucket.put(".thumbq/stray.png", png(20, 20, RED))
        self.bucket.sync()
        self.assertEqual([row["name"] for row in self.bucket.list()], ["a.png"])
        self.assertTrue(stray.exists(), "what thumbq did not make is not its to delete")

    def test_symbolic_links_are_not_followed(self):
        outside = self.bucket.root / "outside"
        outside.mkdir()
        (outside / "secret.png").write_bytes(png(20, 20, RED))
        os.symlink(outside / "secret.png", self.bucket.path / "file.png")
        os.symlink(outside, self.bucket.path / "folder")
        os.symlink("nowhere", self.bucket.path / "dangling.png")
        os.mkfifo(self.bucket.path / "pipe.png")
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.sync()
        (outside / "more.png").write_bytes(png(20, 20, RED))
        self.bucket.sync()
        self.check_bucket(["a.png"])

    def test_strange_names(self):
        names = [b"two words.png", b"it's \"quoted\".png", b"new\nline.png", b"50%.png",
                 b"caf\xe9.png", "größe/日本.png".encode(), b"-rf.png", b"a;b|c&d$(e).png",
                 b"tab\t.png", b"back\\slash.png", b"*?[x].png", b" .png", b"png:x.png"]
        for name in names:
            path = os.path.join(os.fsencode(self.bucket.path), name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(png(20, 20, RED))
        self.bucket.wait_for(lambda: self.bucket.stats()["objects"]["done"] == len(names),
                             "all to be done")
        self.check_bucket(names)
        for row in self.bucket.list():  # every printed name finds its object
            self.assertEqual(self.bucket.show(row["name"])["name"], row["name"])

    def test_long_file_names(self):
        same = "n" * 246
        names = [f"{same}.png", f"{same}a.png", f"{same}b.png", "m" * 251 + ".png"]
        for i, name in enumerate(names):
            self.bucket.put(name, png(20, 20, (RED, GREEN, BLUE, GREY)[i]))
        for name in names:
            self.bucket.wait_record(name)
        records = self.check_bucket(names)
        for i, name in enumerate(names):
            path = self.bucket.path / records[name.encode()]["thumbnails"][0]["path"]
            self.assert_color(path, (RED, GREEN, BLUE, GREY)[i])
        os.unlink(self.bucket.path / names[3])
        self.bucket.wait_gone(names[3])
        self.check_bucket(names[:3])

    def test_long_path(self):
        folder = "/".join(["d" * 99] * 39)
        name = f"{folder}/a.png"
        self.assertEqual(len(name), 3905)
        self.bucket.put(name, png(20, 20, RED))
        self.bucket.wait_record(name)
        self.check_bucket([name])
        os.rename(self.bucket.path / ("d" * 99), self.bucket.path / "short")
        name = "short" + name[99:]
        self.bucket.wait_record(name)
        self.bucket.wait_for(lambda: len(self.bucket.list()) == 1, "the old name to go")
        self.check_bucket([name])
        shutil.rmtree(self.bucket.path / "short")
        self.bucket.wait_for(lambda: self.bucket.list() == [], "it to be forgotten")
        self.wait_empty()

    def test_bucket_that_goes_away_ends_the_daemon(self):
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.wait_record("a.png")
        aside = self.bucket.root / "aside"
        os.rename(self.bucket.path, aside)
        self.assertEqual(self.daemon.wait(), 3, self.daemon.log())
        self.assertIn("not there any more", self.daemon.log())
        self.assertTrue((aside / "thumbnails/small/a.png.webp").exists())
        os.rename(aside, self.bucket.path)
        self.check_bucket(["a.png"])


if __name__ == "__main__":
    main()
