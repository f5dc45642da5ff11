# SPDX-License-Identifier: Apache-2.0
"""Destinations: a record for each object that was done or given up."""

import json
import os
import signal
import time
import unittest

from harness import FAILPOINTS, HANDLER, RED, SANITIZED, E2ETest, main, png, slow_png

TOO_BIG = "[handler]\nmax_pixels = 100\n"


class Destinations(E2ETest):

    def records(self, folder):
        for path in sorted(folder.glob("*.json")):
            yield json.loads(path.read_text())

    def test_failure_and_success(self):
        self.bucket.configure(
            TOO_BIG + f"[destination]\non_failure = failed\non_success = {self.bucket.root}/ok\n")
        self.bucket.put("big one.png", png(20, 20, RED))
        self.bucket.put("small.png", png(5, 5, RED))
        self.assertEqual(self.bucket.once().status, 1)
        failed = list(self.records(self.bucket.state / "failed"))
        ok = list(self.records(self.bucket.root / "ok"))
        self.assertEqual((len(failed), len(ok)), (1, 1))
        failed, ok = failed[0], ok[0]
        self.assertEqual(failed["requestContext"]["condition"], "Rejected")
        self.assertEqual(failed["responseContext"]["functionError"], "Unhandled")
        self.assertEqual(failed["responsePayload"]["errorType"], "too_many_pixels")
        source = failed["requestPayload"]["Records"][0]["s3"]["object"]
        self.assertEqual(source["key"], "big+one.png")
        self.assertEqual(ok["requestContext"]["condition"], "Success")
        self.assertNotIn("functionError", ok["responseContext"])
        [row] = [row for row in self.bucket.list() if row["name"] == "small.png"]
        self.assertEqual(ok["responsePayload"], {"thumbnails": row["thumbnails"]})
        self.assertEqual(len(row["thumbnails"]), 2)
        attempt = self.bucket.show("small.png")["attempts_log"][0]
        self.assertEqual(ok["requestContext"]["requestId"], attempt["request_id"])

    def test_crash(self):
        """After a crash the next daemon removes the records that have no names yet, and no others."""
        shared = self.bucket.root / "shared"
        shared.mkdir()
        foreign = [shared / ".note.tmp", shared / f".{'0' * 8}-{'-'.join(['0' * 4] * 3)}-{'0' * 12}.tmp"]
        for path in foreign:
            path.write_text("of another program")
        self.bucket.configure(f"[destination]\non_success = {shared}\n")
        for i in range(20):
            self.bucket.put(f"{i}.png", png(5, 5, RED))
        died = self.bucket.run_program(
            [FAILPOINTS, "run", "--once", self.bucket.path],
            env={"THUMBQ_FAILPOINT": "destination.sync.before=crash", "THUMBQ_HANDLER": HANDLER})
        self.assertEqual(died.status, -signal.SIGKILL, died.log)
        self.assertGreater(len(list(shared.glob(".*.tmp"))), len(foreign))
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(sorted(shared.glob(".*.tmp")), sorted(foreign))
        self.assertEqual(len(list(shared.glob("*.json"))), 20)

    def test_in_groups(self):
        """The daemon waits for the disk once for all records of a group. All of them have their
        names on disk before the group is committed, and none keeps another name."""
        hits = self.bucket.root / "hits"
        self.bucket.configure("[destination]\non_success = ok\n")
        for i in range(60):
            self.bucket.put(f"{i}.png", png(5, 5, RED))
        done = self.bucket.run_program(
            [FAILPOINTS, "run", "--once", self.bucket.path],
            env={"THUMBQ_FAILPOINT_LOG": str(hits), "THUMBQ_HANDLER": HANDLER})
        self.assertEqual(done.status, 0, done.log)
        names = hits.read_text().split()
        self.assertEqual(names.count("destination.rename.after"), 60)
        self.assertLessEqual(names.count("destination.sync.after"),
                             names.count("store.commit.before"))
        self.assertEqual(names.count("destination.sync.after"),
                         names.count("destination.sync-names.after"))
        order = {"destination.write.after": 0, "destination.sync.after": 1,
                 "destination.rename.after": 2, "destination.sync-names.after": 3,
                 "store.commit.before": 4}
        before = 4
        for step in (order[name] for name in names if name in order):
            # A step follows itself or the step before; only a commit ends a group.
            self.assertTrue(step in (before, before + 1) or before == 4 and step in (0, 4), names)
            before = step
        files = os.listdir(self.bucket.state / "ok")
        self.assertEqual((len(files), [name for name in files if name.startswith(".")]), (60, []))

    @unittest.skipIf(SANITIZED, "sanitized workers take longer than this to start")
    def test_retries_exhausted(self):
        self.bucket.configure("[handler]\ntimeout = 100ms\nretries = 1\n[destination]\non_failure = failed\n")
        self.bucket.put("slow.png", slow_png())
        self.bucket.once()
        [record] = self.records(self.bucket.state / "failed")
        self.assertEqual(record["requestContext"]["condition"], "RetriesExhausted")
        self.assertEqual(record["requestContext"]["approximateInvokeCount"], 2)
        self.assertEqual(record["responsePayload"]["errorType"], "timeout")

    def test_name_that_is_no_text(self):
        self.bucket.configure("[destination]\non_success = ok\n")
        self.bucket.put("\udcff.png", png(5, 5, RED))
        self.bucket.once()
        [record] = self.records(self.bucket.state / "ok")
        self.assertEqual(record["responsePayload"]["thumbnails"],
                         self.bucket.list()[0]["thumbnails"])

    def test_retention(self):
        """`sweep store` drops records older than `keep`, and no files that only resemble them."""
        ok, day = self.bucket.root / "ok", 86400
        self.bucket.configure(
            TOO_BIG + f"[destination]\non_failure = failed\non_success = {ok}\n")
        for name, size in (("old.png", 5), ("new.png", 4), ("old big.png", 20)):
            self.bucket.put(name, png(size, size, RED))
        self.bucket.once()
        [failed] = (self.bucket.state / "failed").glob("*.json")
        done = {json.loads(path.read_text())["requestPayload"]["Records"][0]["s3"]["object"]["key"]: path
                for path in ok.glob("*.json")}
        foreign = ok / "01234567-89ab-4cde-8f01-23456789abcd.json"
        foreign.write_text("mine")
        link = ok / "01234567-89ab-4cde-8f01-23456789abce.json"
        link.symlink_to(done["new.png"])
        named = ok / "notes.json"
        named.write_text(done["old.png"].read_text())
        for path in (failed, done["old.png"], foreign, named):
            os.utime(path, (time.time() - 31 * day,) * 2)
        os.utime(done["new.png"], (time.time() - 29 * day,) * 2)
        result = self.bucket.command("sweep", "store", "--dry-run", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        self.assertIn("2 old destination records to be dropped", result.out + result.log)
        self.assertTrue(failed.exists())
        result = self.bucket.command("sweep", "store", self.bucket.path)
        self.assertIn("2 old destination records dropped", result.out + result.log)
        self.assertFalse(failed.exists())
        self.assertEqual(set(ok.iterdir()), {done["new.png"], foreign, link, named})
        self.bucket.configure(TOO_BIG + f"[destination]\non_success = {ok}\nkeep = 1d\n")
        self.bucket.start()  # and the daemon does it
        self.bucket.command("sweep", "store", self.bucket.path)
        self.assertEqual(set(ok.iterdir()), {foreign, link, named})

    def test_unusable_destination_holds_nothing_up(self):
        self.bucket.configure("[destination]\non_success = /proc/nowhere\n")
        self.bucket.put("a.png", png(5, 5, RED))
        result = self.bucket.once()
        self.assertEqual(result.status, 0)
        self.assertIn("/proc/nowhere", result.log)


if __name__ == "__main__":
    main()
