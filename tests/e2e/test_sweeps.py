# SPDX-License-Identifier: Apache-2.0
"""Sweeps: the differences that they find and name, and the files that they never touch."""

import os
import re
import subprocess

from harness import BLUE, GREEN, THUMBQ, main, png
from sweeps import SweepTest

LONG = "k" * 251 + ".png"  # a name whose thumbnails' names have to be cut


def damage(path):
    """Changes the last byte of a file, and keeps its size."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


class Sweeps(SweepTest):

    def test_all_in_order(self):
        self.put("a.png")
        self.assertEqual(self.bucket.once().status, 0)
        self.with_and_without_daemon(lambda: (
            self.assertEqual(self.named(), {}),
            self.assertEqual(self.sweep().out, "all in order\n")))

    def test_names(self):
        self.put("a.png", "b c.png", "d.png", "\udcff.png")
        self.bucket.once()
        self.bucket.small("a.png").unlink()
        changed = self.bucket.large("b c.png")
        damage(changed)
        os.unlink(os.fsencode(self.bucket.path) + b"/\xff.png")  # unseen: no daemon runs
        self.bucket.put("notes", b"x")
        self.bucket.command("run", "--once", "--size", "9x9", self.bucket.path)

        # Another recipe makes all thumbnails stale, and thumbnails without a record become orphans.
        self.bucket.once()
        self.bucket.small("a.png").unlink()
        changed = self.bucket.large("b c.png")
        damage(changed)
        orphan = self.bucket.small("gone.png")
        self.bucket.small("d.png").rename(orphan)

        def check():
            self.assertEqual(self.named("missing"), {
                ("missing", "a.png"): "its thumbnail 'small' is gone",
                ("missing", "b c.png"): "its thumbnail 'large' has been changed",
                ("missing", "d.png"): "its thumbnail 'small' is gone"})
            # The mark is that of another object, so the file belongs to no object.
            self.assertEqual(self.named("orphans"), {})

        check()
        found = self.sweep("all", "--verbose")
        self.assertEqual({line.split("\t")[1] for line in found.out.splitlines()},
                         {"a.png", "b c.png", "d.png"})
        orphan.unlink()
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["a.png", "b c.png", "d.png", "notes"])
        self.assertEqual(self.named(), {})

    def test_orphans_are_named_and_removed(self):
        self.put("x/a.png")
        self.bucket.once()
        lost = {}
        for path in (self.bucket.small("x/a.png"), self.bucket.large("x/a.png")):
            lost[path] = path.read_bytes()

        def check():
            # The folder of thumbnails gets copies of old thumbnails, with their marks.
            self.put("x/a.png")
            self.bucket.once()
            self.bucket.path.joinpath("keep.png").write_bytes(png(5, 5, BLUE))
            for path in lost:
                subprocess.run(["cp", "-a", path, f"{path}.kept"], check=True)
            self.bucket.path.joinpath("x/a.png").unlink()
            self.bucket.once()
            for path in lost:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.rename(f"{path}.kept", path)
            self.assertEqual(self.named("orphans"), {
                ("orphan", f"thumbnails/{kind}/x/a.png.{ext}"): "its object is gone"
                for kind, ext in (("small", "webp"), ("large", "jpg"))})
            self.assertIn("2 orphaned thumbnails removed", self.sweep("orphans").out)
            self.check_bucket(["keep.png"])

        check()

    def test_a_million_names_need_no_reader(self):
        """A client that does not read the names delays no other client."""
        self.bucket.configure("[rendition tiny]\nsize = 8x8\nformat = png\n")
        for i in range(3000):
            self.bucket.put(f"{'n' * 200}{i:05}.png", png(4, 4, GREEN))
        self.bucket.start("--quiet")
        self.bucket.sync()
        for i in range(3000):
            self.bucket.thumbnail("tiny", f"{'n' * 200}{i:05}.png", "png").unlink()
        # 3,000 lines of 250 bytes are more than the socket and the pipe can hold.
        reader = subprocess.Popen(
            [THUMBQ, "sweep", "missing", "--dry-run", self.bucket.path], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        try:
            first = reader.stdout.readline()
            self.assertTrue(first.startswith("missing\tn"), first)
            self.assertIn("to be made again", self.sweep("missing", "--dry-run").log)
            self.bucket.sync()
            rest, said = reader.stdout.read(), reader.stderr.read()
        finally:
            reader.kill()
            reader.wait()
            reader.stdout.close()
            reader.stderr.close()
        self.assertEqual(len(rest.splitlines()), 2999)
        self.assertIn("3000 objects with missing or changed thumbnails to be made again", said)

    def test_cut_names(self):
        folder = "2026/" + "f" * 60
        self.put(LONG, f"{folder}/{LONG}", f"{folder}/l{LONG[1:]}")
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.named(), {})
        path = next(self.bucket.thumbnails.glob(f"small/{folder}/k*"))
        kept = path.with_name("kept")
        subprocess.run(["cp", "-a", path, kept], check=True)
        self.bucket.path.joinpath(folder, LONG).unlink()
        self.bucket.once()
        kept.rename(path)
        self.assertEqual(self.named("orphans"), {
            ("orphan", str(path.relative_to(self.bucket.path))): "its object is gone"})
        self.assertIn("1 orphaned thumbnail removed", self.sweep("orphans").out)
        self.check_bucket([LONG, f"{folder}/l{LONG[1:]}"])

    def snapshot(self):
        """Returns everything below the folder of bucket and state: names, inodes, times,
        contents."""
        found = {}
        for where, folders, names in os.walk(self.bucket.root):
            for path in [where, *(os.path.join(where, name) for name in folders + names)]:
                st = os.lstat(path)
                content = None
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        content = file.read()
                attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
                found[path] = (st.st_ino, st.st_mode, st.st_mtime_ns, st.st_ctime_ns, attributes,
                               content)
        return found

    def check_dry_run(self, log):
        before = self.snapshot()
        result = self.sweep("all", "--dry-run")
        self.assertIn(log, result.log)
        after = self.snapshot()
        self.assertEqual(before.keys() ^ after.keys(), set())
        self.assertEqual([path for path in before if before[path] != after[path]], [])

    def make_older(self):
        """Gives the store the version of an older thumbq."""
        path = self.bucket.state / "store" / "data.mdb"
        data = path.read_bytes()
        versions = {data[at.end():at.end() + 4] for at in re.finditer(b"schema", data)}
        version, = (v for v in versions if 1 < int.from_bytes(v, "little") < 100)
        older = (int.from_bytes(version, "little") - 1).to_bytes(4, "little")
        path.write_bytes(data.replace(b"schema" + version, b"schema" + older))

    def test_dry_run_changes_nothing(self):
        self.put("a.png", "b.png")
        with self.subTest("a bucket that thumbq has never seen"):
            self.check_dry_run("all in order")
        self.assertEqual(self.bucket.once().status, 0)
        self.bucket.small("a.png").unlink()
        with self.subTest("what a run has left"):
            self.check_dry_run("1 object with missing")
        with self.subTest("a prefix that has gone"):
            self.bucket.thumbnails.rename(self.bucket.root / "elsewhere")
            self.check_dry_run("2 objects with missing")
            (self.bucket.root / "elsewhere").rename(self.bucket.thumbnails)
        with self.subTest("a daemon that was killed"):
            (self.bucket.state / "session").write_text("thumbq-session 1 running full\n")
            self.check_dry_run("1 object with missing")
        with self.subTest("an older store"):
            self.make_older()
            self.check_dry_run("1 object with missing")
        with self.subTest("no key, and thumbnails known by their content"):
            (self.bucket.state / "mark.key").unlink()
            self.check_dry_run("1 object with missing")

    def test_event(self):
        self.put("a.png")
        self.bucket.once()
        self.bucket.small("a.png").unlink()
        self.sweep("missing", "--dry-run")
        self.assertFalse([e for e in self.events() if "detail-type" in e])
        self.sweep("missing")
        event, = [e for e in self.events() if "detail-type" in e]
        self.assertEqual((event["detail-type"], event["source"], event["resources"]),
                         ("Sweep Completed", "thumbq", ["arn:aws:s3:::bucket"]))
        self.assertEqual((event["detail"]["sweep"], event["detail"]["missing"],
                          event["detail"]["orphans"]), ("missing", 1, 0))
        self.assertIn("1 object with missing", self.bucket.read("events").out)
        # A daemon answers only if its store can be read.
        self.bucket.start()
        self.bucket.sync()
        self.sweep("store")
        self.assertEqual(self.events()[-1]["detail"]["sweep"], "store")


class Repair(SweepTest):
    """An orphan, a missing thumbnail, and a file that thumbq did not make."""

    def said(self, *arguments):
        """Returns all output of a sweep."""
        result = self.sweep(*arguments)
        return result.out + result.log

    def prepare(self):
        """Makes the three files. Returns the orphan and the foreign file."""
        self.put("a.png", "gone.png", "lost.png")
        self.assertEqual(self.bucket.once().status, 0)
        saved = self.bucket.small("gone.png")
        copy = self.bucket.root / "copy"
        os.link(saved, copy)
        os.unlink(self.bucket.path / "gone.png")
        self.assertEqual(self.bucket.once().status, 0)
        os.link(copy, saved)
        os.unlink(self.bucket.small("lost.png"))
        foreign = self.bucket.small("foreign.png")
        foreign.write_bytes(b"not ours")
        return saved, foreign

    def check(self, orphan, foreign):
        before = self.bucket.list()
        said = self.said("--dry-run")
        self.assertIn("1 orphaned thumbnail to be removed", said)
        self.assertIn("1 object with missing or changed thumbnails to be made again", said)
        self.assertIn("1 file that thumbq did not make", said)
        self.assertTrue(orphan.exists())
        self.assertEqual(self.bucket.list(), before)
        self.assertIn("1 orphaned thumbnail removed", self.said("orphans"))
        self.assertFalse(orphan.exists())
        self.assertTrue(foreign.exists())
        self.sweep("all")

    def test_without_daemon(self):
        orphan, foreign = self.prepare()
        self.check(orphan, foreign)
        self.assertEqual(self.bucket.stats()["objects"]["pending"], 1)
        self.assertEqual(len(self.bucket.once().reports), 1)
        self.assertTrue(self.bucket.small("lost.png").exists())

    def test_with_daemon(self):
        orphan, foreign = self.prepare()
        self.bucket.start()
        self.bucket.sync()
        self.check(orphan, foreign)
        self.bucket.sync()
        self.assertTrue(self.bucket.small("lost.png").exists())


if __name__ == "__main__":
    main()
