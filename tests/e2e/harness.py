# SPDX-License-Identifier: Apache-2.0
"""The test case of the end-to-end tests, and the names that most of them use.

The tests run the real programs and judge the results that a person sees: files, JSON, exit
statuses, log, /proc.
"""

import os
import shutil
import sys
import tempfile
import unittest

from bucket import Bucket, decode, name_of
from daemon import Daemon
from images import (BLUE, GREEN, GREY, RED, average_color, average_colors, grid, identify, is_near,
                    jpeg, jpeg_with_comment, png, slow_png)
from processes import (Finished, check_sanitizers, descriptors, is_alive, is_reader, parse_reports,
                       process_stat)
from programs import FAILPOINTS, HANDLER, SANITIZED, SOURCE_DIR, THUMBQ
from waiting import DEADLINE_S, wait_for

# The names that tests import from here.
__all__ = [
    "BLUE", "DEADLINE_S", "FAILPOINTS", "GREEN", "GREY", "HANDLER", "RED", "SANITIZED",
    "SOURCE_DIR", "THUMBQ", "Bucket", "Daemon", "E2ETest", "Finished", "average_color",
    "average_colors", "check_sanitizers", "descriptors", "grid", "identify", "is_alive", "is_near",
    "is_reader", "jpeg", "jpeg_with_comment", "main", "name_of", "parse_reports", "png",
    "process_stat", "slow_png", "wait_for"]


class E2ETest(unittest.TestCase):
    """A test with a bucket. At its end all its processes have ended and all its files are
    removed."""

    maxDiff = None

    def setUp(self):
        root = tempfile.mkdtemp(prefix="thumbq-e2e-")
        os.chmod(root, 0o755)
        self.addCleanup(shutil.rmtree, root)
        self.bucket = Bucket(root)
        self.addCleanup(self.stop_daemons)

    def stop_daemons(self):
        for daemon in self.bucket.daemons:
            family = daemon.family() if daemon.is_running() else []
            if daemon.is_running():
                daemon.process.kill()
                daemon.process.wait()
            for pid in family:  # stopped ones do not see their daemon's end
                wait_for(lambda: not is_alive(pid), f"handler {pid} to end with its daemon")
            check_sanitizers(daemon.log())

    def check_bucket(self, keys=None):
        """Checks the state after all work is done: each file has one record, which is about its
        current version and has only facts of that version; each `done` has its thumbnails, whole
        and of the recorded size; the folder of the thumbnails has no other file. Returns the
        records."""
        bucket = self.bucket
        records = bucket.records()
        if keys is not None:
            self.assertEqual(set(records), {os.fsencode(key) for key in keys})
        recorded, expected = [], []
        for key, row in records.items():
            shown = bucket.show(row["name"])
            self.assertTrue(bucket.is_current(shown), shown)
            self.assertIn(row["state"], ("done", "skipped", "dead"), row)
            self.assertEqual(bool(row["thumbnails"]), row["state"] == "done", row)
            self.check_facts(shown)
            for thumbnail in row["thumbnails"]:
                path = os.path.join(os.fsencode(bucket.path), decode(thumbnail, "path"))
                self.assertEqual(os.stat(path).st_size, thumbnail["size"], row)
                recorded.append(path)
                expected.append((thumbnail["type"].upper(), thumbnail["width"],
                                 thumbnail["height"]))
        there = {os.path.join(os.fsencode(bucket.thumbnails), name)
                 for name in bucket.files_in(bucket.thumbnails) if name != b".thumbq.owner"}
        self.assertEqual(set(recorded) - there, set())
        self.assertEqual(there - set(recorded), set())
        self.assertEqual(identify(recorded), expected)
        return records

    def check_facts(self, shown):
        """Checks that in any state `show` has only facts of the current version."""
        known = {field for field in ("width", "height", "pages", "thumbhash", "color", "etag")
                 if shown[field] is not None}
        if shown["type"] != "none":
            known.add("type")
        if shown["thumbnails"]:
            known.add("thumbnails")
        if not shown["current"]:
            self.assertNotEqual(shown["state"], "done", shown)
            self.assertEqual(known, set(), shown)
        if shown["state"] == "done":
            self.assertLessEqual({"type", "width", "height", "pages", "etag", "thumbnails"}, known)
        self.assertEqual(shown["error"] is None, shown["state"] == "done", shown)

    def assert_color(self, path, color):
        found = average_color(path)
        self.assertTrue(is_near(found, color), f"{path} is {found}, not {color}")


def main():
    unittest.main(verbosity=2, argv=[sys.argv[0]] + sys.argv[1:])
