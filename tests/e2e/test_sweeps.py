# SPDX-License-Identifier: Apache-2.0
"""Sweeps: what they find, what they name, and what they never touch; lifecycle rules; names that
stand in each other's way."""

import json
import os
import re
import subprocess

from harness import (BLUE, DEADLINE_S, GREEN, RED, SOURCE_DIR, THUMBQ, Daemon, E2ETest, main, png,
                     wait_for)

FAILPOINTS = os.environ.get("THUMBQ_FAILPOINTS",
                            str(SOURCE_DIR / "build" / "tests" / "thumbq-failpoints"))
HANDLER = os.environ.get("THUMBQ_HANDLER", str(SOURCE_DIR / "build" / "bin" / "thumbq-thumbnail"))
DAY_S = 86400
SOON = "[lifecycle old]\nprefix = tmp/\nexpire = 1s\n"
LONG = "k" * 251 + ".png"  # a name whose thumbnails' names have to be cut


def damage(path):
    """As many bytes as before, the last of them another."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


class SweepTest(E2ETest):

    def sweep(self, *arguments):
        result = self.bucket.command("sweep", *arguments, "--bucket", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        return result

    def named(self, *arguments):
        """What a dry run names: {(kind, name): reason}."""
        lines = [line.split("\t") for line in self.sweep(*arguments, "--dry-run").out.splitlines()]
        return {(kind, name): reason for kind, name, reason in lines}

    def events(self):
        return [json.loads(line) for line in self.bucket.read("events", "--json").out.splitlines()]

    def event_names(self):
        return [event["Records"][0]["eventName"] for event in self.events() if "Records" in event]

    def put(self, *names):
        for name in names:
            self.bucket.put(name, png(20, 20, RED))

    def with_and_without_daemon(self, check):
        for start in (False, True):
            with self.subTest(daemon=start):
                daemon = self.bucket.start() if start else None
                if start:
                    self.bucket.sync()
                check()
                if daemon:
                    daemon.stop()


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

        # Another recipe makes all stale; what the record has no more is an orphan.
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
            # Its mark is of another object: it is nobody's.
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
            # A copy of the bucket's past, mark and all.
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
        """Who does not read what is told holds up nobody else."""
        self.bucket.configure("[rendition tiny]\nsize = 8x8\nformat = png\n")
        for i in range(3000):
            self.bucket.put(f"{'n' * 200}{i:05}.png", png(4, 4, GREEN))
        self.bucket.start("--quiet")
        self.bucket.sync()
        for i in range(3000):
            self.bucket.thumbnail("tiny", f"{'n' * 200}{i:05}.png", "png").unlink()
        # 3,000 lines of 250 bytes are more than the socket and the pipe take.
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
        """Everything below the folder of bucket and state: names, inodes, times, contents."""
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
        """The store says that an older thumbq made it."""
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
        # A daemon answers when it can be read.
        self.bucket.start()
        self.bucket.sync()
        self.sweep("store")
        self.assertEqual(self.events()[-1]["detail"]["sweep"], "store")


class Lifecycle(SweepTest):

    def expire(self, what):
        """Sweeps until it has found something: nothing is old at once."""
        return wait_for(lambda: what in (said := self.sweep("expire").out) and said, what)

    def test_off_by_default(self):
        self.put("tmp/a.png")
        self.bucket.once()
        self.assertEqual(self.sweep("expire").out, "all in order\n")

    def test_thumbnails(self):
        self.bucket.configure(SOON)
        self.put("tmp/a.png", "tmpa.png", "other/tmp/a.png")
        self.bucket.once()
        named = wait_for(lambda: self.named("expire"), "its time")
        self.assertEqual(list(named), [("expire", "tmp/a.png")])
        self.assertRegex(named["expire", "tmp/a.png"],
                         r"^its thumbnails, .* old, by \[lifecycle old\]$")
        self.assertTrue(self.bucket.small("tmp/a.png").exists())
        self.expire("1 object whose thumbnails have expired")
        self.assertFalse(self.bucket.small("tmp/a.png").exists())
        self.assertFalse(self.bucket.large("tmp/a.png").exists())
        self.assertIn("Thumbnail:Expired", self.event_names())

        # Nothing makes them again: no scan, no sweep, no restart, no other rendition.
        self.assertEqual(self.sweep().out, "all in order\n")
        self.bucket.configure(SOON + "[rendition small]\nsize = 9x9\nformat = webp\n")
        result = self.bucket.once()
        self.assertEqual(self.bucket.show("tmp/a.png")["thumbnails"], [])
        self.assertEqual({r["Key"] for r in result.reports}, {"tmpa.png", "other/tmp/a.png"})
        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual(self.sweep().out, "all in order\n")
        self.assertEqual(daemon.reports(), [])

        # A new version does.
        self.bucket.configure("[rendition small]\nsize = 9x9\nformat = webp\n")
        daemon.stop()
        self.put("tmp/a.png")
        self.bucket.once()
        self.check_bucket(["tmp/a.png", "tmpa.png", "other/tmp/a.png"])

    def test_objects(self):
        self.bucket.configure(SOON + "target = objects\nexpire_confirm = yes\n")
        outside = self.bucket.root / "outside.png"
        outside.write_bytes(png(5, 5, BLUE))

        def check():
            self.put("tmp/a.png", "keep.png")
            self.bucket.put("tmp/notes.txt", b"no image")
            self.bucket.put("tmp/.hidden", b"ignored")
            link = self.bucket.path / "tmp/link.png"
            if not link.is_symlink():
                link.symlink_to(outside)
            self.bucket.once() if not self.bucket.daemons else self.bucket.sync()
            wait_for(lambda: len(self.named("expire")) == 2, "their time")
            self.assertIn("2 expired objects deleted", self.sweep("expire").out)
            left = set(os.listdir(self.bucket.path / "tmp"))
            self.assertEqual(left, {".hidden", "link.png"})
            self.assertTrue(outside.exists())
            self.assertIsNone(self.bucket.show("tmp/a.png"))
            if self.bucket.daemons:
                self.bucket.sync()
            self.check_bucket(["keep.png"])
            self.assertEqual(self.event_names()[-2:], ["LifecycleExpiration:Delete"] * 2)
            self.assertNotIn("ObjectRemoved:Delete", self.event_names())

        self.with_and_without_daemon(check)

    def test_only_the_version_that_is_known(self):
        """What changed since it was seen is another object, and young."""
        self.bucket.configure(SOON + "target = objects\nexpire_confirm = yes\n")
        self.put("tmp/a.png", "tmp/b.png")
        self.bucket.once()
        wait_for(lambda: len(self.named("expire")) == 2, "their time")
        self.bucket.put("tmp/a.png", png(21, 21, GREEN))
        self.assertIn("1 expired object deleted", self.sweep("expire").out)
        self.assertEqual(os.listdir(self.bucket.path / "tmp"), ["a.png"])

    def test_what_deletes_comes_first(self):
        self.bucket.configure(
            "[lifecycle a]\nprefix =\nexpire = 1s\n[lifecycle b]\nprefix = tmp/\nexpire = 1s\n"
            "target = objects\nexpire_confirm = yes\n[lifecycle c]\nprefix = tmp/\nexpire = 1s\n")
        self.put("tmp/a.png", "b.png")
        self.bucket.once()
        wait_for(lambda: len(self.named("expire")) == 2, "their time")
        self.assertEqual(self.sweep("expire").out,
                         "1 expired object deleted, 1 object whose thumbnails have expired: removed"
                         "\n")
        self.assertEqual(os.listdir(self.bucket.path / "tmp"), [])
        self.assertTrue((self.bucket.path / "b.png").exists())

    def test_what_cannot_be_deleted_stays(self):
        if os.geteuid() == 0:
            self.skipTest("root may delete everything")
        self.bucket.configure(SOON + "target = objects\nexpire_confirm = yes\n")
        self.put("tmp/a.png")
        self.bucket.once()
        wait_for(lambda: self.named("expire"), "its time")
        (self.bucket.path / "tmp").chmod(0o555)
        try:
            result = self.sweep("expire")
        finally:
            (self.bucket.path / "tmp").chmod(0o755)
        self.assertIn("1 expired object could not be deleted", result.out)
        self.assertIn("cannot delete 'tmp/a.png'", result.log)
        self.assertEqual(self.bucket.show("tmp/a.png")["state"], "done")


class Clock(SweepTest):
    """Rules that delete files, and a clock that a test sets: in files that the build with fail
    points reads."""

    RULE = "[lifecycle old]\nprefix = tmp/\nexpire = 30d\ntarget = objects\n"

    def setUp(self):
        super().setUp()
        self.files = {name: self.bucket.root / name.lower() for name in
                      ("THUMBQ_CLOCK_FILE", "THUMBQ_BOOT_FILE")}
        self.set_clock()

    def set_clock(self, wall_days=0, boot_days=0):
        for path, days in zip(self.files.values(), (wall_days, boot_days)):
            new = path.with_suffix(".new")
            new.write_text(str(int(days * DAY_S)))
            new.rename(path)

    def environment(self):
        return {**os.environ, "THUMBQ_HANDLER": HANDLER,
                **{name: str(path) for name, path in self.files.items()}}

    def command(self, *arguments, status=0):
        done = subprocess.run([FAILPOINTS, *arguments, self.bucket.path], env=self.environment(),
                              capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def start(self):
        log = self.bucket.root / f"daemon-{len(self.bucket.daemons)}.log"
        previous = dict(os.environ)
        os.environ.update(self.environment())
        try:
            daemon = Daemon([os.fspath(self.bucket.path)], log, program=FAILPOINTS)
        finally:
            os.environ.clear()
            os.environ.update(previous)
        self.bucket.daemons.append(daemon)
        wait_for(lambda: "watching" in daemon.log(), "the daemon", daemon.log)
        return daemon

    def test_a_clock_that_jumped_deletes_nothing(self):
        self.bucket.configure(self.RULE)
        self.put("tmp/a.png")
        self.command("run", "--once")
        self.set_clock(wall_days=3 * 365)
        for _ in range(2):  # what is known of the jump is in the store
            self.assertEqual(self.command("sweep", "expire", "--dry-run").stdout, "")
            done = self.command("sweep", "all")
            self.assertIn("nothing expires before the clock has been confirmed", done.stdout)
            self.assertIn("the clock is 1095 d 00 h ahead of when thumbq last ran", done.stderr)
        daemon = self.start()
        self.assertIn("the clock is 1095 d 00 h ahead", daemon.log())
        self.assertIn("nothing expires before", self.command("sweep", "expire").stdout)
        self.assertTrue((self.bucket.path / "tmp/a.png").exists())
        # Set right: all is as before.
        daemon.stop()
        self.set_clock()
        self.assertEqual(self.command("sweep", "expire").stdout, "all in order\n")

    def test_a_day_of_running_confirms_it(self):
        self.bucket.configure(self.RULE)
        self.put("tmp/a.png")
        self.command("run", "--once")
        self.set_clock(wall_days=3 * 365)
        # Looks come once a minute: the test makes them come by starts and ends of daemons.
        for hours in range(1, 26):
            daemon = self.start()
            self.set_clock(3 * 365 + hours / 24, hours / 24)
            daemon.stop()
            if hours in (1, 22):
                self.assertIn("nothing expires before", self.command("sweep", "expire").stdout)
        self.assertIn("1 expired object deleted", self.command("sweep", "expire").stdout)
        self.assertFalse((self.bucket.path / "tmp/a.png").exists())

    def test_a_machine_that_was_off(self):
        self.bucket.configure(self.RULE)
        self.put("tmp/a.png")
        self.command("run", "--once")
        self.set_clock(wall_days=45)
        self.assertIn("1 expired object deleted", self.command("sweep", "expire").stdout)

    def test_the_start_says_what_will_be_deleted(self):
        self.bucket.configure(self.RULE)
        self.put("tmp/a.png", "tmp/b.png", "c.png")
        self.command("run", "--once")
        self.set_clock(wall_days=45)
        log = self.start().log()
        self.assertIn("[lifecycle old] deletes each file below 'tmp/', 30 d 00 h after it was put "
                      "there: 2 of 2 that are known are old enough now", log)


class Collisions(E2ETest):
    """A folder that somebody has made lies where a thumbnail belongs."""

    def test_dead_and_says_why(self):
        taken = self.bucket.thumbnails / "small" / "a.png.webp"
        (taken / "mine").mkdir(parents=True)
        self.bucket.put("a.png", png(20, 20, RED))
        self.assertEqual(self.bucket.once().status, 1)
        row = self.bucket.show("a.png")
        self.assertEqual((row["state"], row["error"]["name"], row["error"]["class"],
                          row["attempts"]), ("dead", "name_taken", "reject", 1))
        self.assertIn("small/a.png.webp", row["error"]["message"])
        (taken / "mine").rmdir()
        taken.rmdir()
        self.bucket.command("dead", "retry", "--bucket", self.bucket.path)
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["a.png"])


if __name__ == "__main__":
    main()
