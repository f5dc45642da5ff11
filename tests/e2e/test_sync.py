# SPDX-License-Identifier: Apache-2.0
"""`sync` without a daemon does what is left, and ends in time."""

import os

from harness import BLUE, THUMBQ, main, png
from jobs import ONE_AT_A_TIME, JobsTest


class Sync(JobsTest):

    def test_up_to_date_changes_nothing(self):
        self.fill("a.png", "b/c.png")
        before = {path: os.stat(path).st_mtime_ns for path in
                  (self.bucket.state, self.bucket.state / "lock", self.bucket.state / "session")}
        self.assertEqual(self.bucket.command("sync", self.bucket.path).status, 0)
        self.assertEqual({path: os.stat(path).st_mtime_ns for path in before}, before)

    def test_does_what_is_left(self):
        self.fill("a.png", "b.png", "c.png")
        changes = (lambda: self.bucket.put("new.png", png(5, 5, BLUE)),
                   lambda: self.bucket.put("a.png", png(6, 6, BLUE)),
                   lambda: os.unlink(self.bucket.path / "b.png"),
                   lambda: self.bucket.configure(ONE_AT_A_TIME + "[rendition s]\nsize = 9x9\n"))
        for change in changes:
            change()
            self.bucket.sync()
            self.check_bucket()
        self.assertEqual(set(self.bucket.records()), {b"a.png", b"c.png", b"new.png"})

    def test_first_of_all(self):
        self.bucket.put("a.png", png(5, 5, BLUE))
        self.bucket.sync()
        self.check_bucket(["a.png"])

    def test_dead_is_handled(self):
        self.bucket.configure("[handler]\nmax_pixels = 100\n")
        self.bucket.put("a.png", png(50, 50, BLUE))
        self.bucket.sync()
        self.bucket.sync()

    def test_timeout(self):
        self.bucket.put("a.png", png(5, 5, BLUE))
        script = self.bucket.root / "handler"
        real = os.path.join(os.path.dirname(os.path.realpath(THUMBQ)), "thumbq-thumbnail")
        script.write_text(f"#!/bin/sh\ncase $1 in --*) exec {real} \"$@\" ;; esac\n"
                          "exec /bin/sleep 1000\n")
        script.chmod(0o755)
        result = self.bucket.command("sync", "--timeout", "500ms", self.bucket.path,
                                     env={"THUMBQ_HANDLER": str(script)})
        self.assertEqual(result.status, 1, result.log)
        self.assertIn("not finished within", result.log)
        self.bucket.sync()
        self.check_bucket(["a.png"])


if __name__ == "__main__":
    main()
