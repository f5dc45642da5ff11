# SPDX-License-Identifier: Apache-2.0
"""Lifecycle rules: they delete old files, and delete nothing after a jump of the clock."""

import os
import subprocess

from harness import BLUE, DEADLINE_S, FAILPOINTS, GREEN, HANDLER, main, png, wait_for
from sweeps import DAY_S, SweepTest

SOON = "[lifecycle old]\nprefix = tmp/\nexpire = 1s\n"


class Lifecycle(SweepTest):

    def expire(self, what):
        """Sweeps until the sweep finds something, because a file takes a second to be old."""
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

        # No scan, sweep, restart or other rendition makes the thumbnails again.
        self.assertEqual(self.sweep().out, "all in order\n")
        self.bucket.configure(SOON + "[rendition small]\nsize = 9x9\nformat = webp\n")
        result = self.bucket.once()
        self.assertEqual(self.bucket.show("tmp/a.png")["thumbnails"], [])
        self.assertEqual({r["Key"] for r in result.reports}, {"tmpa.png", "other/tmp/a.png"})
        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual(self.sweep().out, "all in order\n")
        self.assertEqual(daemon.reports(), [])

        # A new version has thumbnails again.
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
        """A file that has changed since the daemon saw it is another object, which is young."""
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
    """Rules that delete files, and clocks that a test sets, in files that the build with fail
    points reads."""

    # The default schedule sweeps at three: it would come before the tests' sweeps, in that hour.
    RULE = ("[lifecycle old]\nprefix = tmp/\nexpire = 30d\ntarget = objects\n"
            "[schedule yearly]\ncron = 0 0 1 1 *\nrun = sweep store\n")

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
        return self.bucket.start(program=FAILPOINTS, env=self.environment())

    def test_a_clock_that_jumped_deletes_nothing(self):
        self.bucket.configure(self.RULE)
        self.put("tmp/a.png")
        self.command("run", "--once")
        self.set_clock(wall_days=3 * 365)
        for _ in range(2):  # the store keeps the jump
            self.assertEqual(self.command("sweep", "expire", "--dry-run").stdout, "")
            done = self.command("sweep", "all")
            self.assertIn("nothing expires before the clock has been confirmed", done.stdout)
            self.assertIn("the clock is 1095 d 00 h ahead of when thumbq last ran", done.stderr)
        daemon = self.start()
        self.assertIn("the clock is 1095 d 00 h ahead", daemon.log())
        self.assertIn("nothing expires before", self.command("sweep", "expire").stdout)
        self.assertTrue((self.bucket.path / "tmp/a.png").exists())
        # After the clock is set right, rules apply as before.
        daemon.stop()
        self.set_clock()
        self.assertEqual(self.command("sweep", "expire").stdout, "all in order\n")

    def test_a_clock_that_jumped_expires_nothing_in_any_sweep(self):
        """Files that are old by the last confirmed time do not expire either."""
        self.bucket.configure(self.RULE + "[lifecycle small]\nprefix = keep/\nexpire = 30d\n"
                              "target = thumbnails\n")
        self.put("tmp/a.png", "keep/b.png")
        self.command("run", "--once")
        self.set_clock(wall_days=45)
        self.command("sweep", "store")
        self.set_clock(wall_days=45 + 3 * 365)
        done = self.command("sweep", "all")
        self.assertIn("nothing expires before the clock has been confirmed", done.stdout)
        self.assertNotIn("deleted", done.stdout)
        self.assertNotIn("expired", done.stdout)
        self.assertTrue((self.bucket.path / "tmp/a.png").exists())
        self.assertTrue(self.bucket.small("keep/b.png").exists())

    def test_a_day_of_running_confirms_it(self):
        self.bucket.configure(self.RULE)
        self.put("tmp/a.png")
        self.command("run", "--once")
        self.set_clock(wall_days=3 * 365)
        # The daemon looks at its clock once a minute. The test makes it look by starts and ends of
        # daemons.
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


if __name__ == "__main__":
    main()
