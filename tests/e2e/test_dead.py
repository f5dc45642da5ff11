# SPDX-License-Identifier: Apache-2.0
"""Dead letters: listed, retried, dropped, with and without a daemon; retries and their delay;
destinations; sweeps."""

import json
import os
import time
import unittest

from harness import BLUE, GREEN, RED, SANITIZED, E2ETest, main, png, slow_png

TOO_BIG = "[handler]\nmax_pixels = 100\n"
ROOMY = "[handler]\nmax_pixels = 1M\n"


class OnBucket(E2ETest):

    def command(self, *arguments):
        return self.bucket.command(*arguments, "--bucket", self.bucket.path)


class DeadLetters(OnBucket):

    def setUp(self):
        super().setUp()
        self.bucket.configure(TOO_BIG)
        for name in ("a.png", "b/c d.png", "b/\udcff.png"):
            self.bucket.put(name, png(20, 20, RED))
        self.bucket.put("fine.png", png(5, 5, GREEN))
        self.assertEqual(self.bucket.once().status, 1)

    def dead(self):
        rows = self.bucket.read("dead", "list", "--json").lines()
        return sorted(row["name"] for row in rows)

    def test_list_is_that_of_list(self):
        self.assertEqual(self.dead(), ["a.png", "b/%FF.png", "b/c d.png"])
        self.assertEqual(self.bucket.read("dead", "--json").lines(),
                         self.bucket.list("--state", "dead"))
        self.assertEqual(len(self.bucket.read("dead", "--json", "--prefix", "b/").lines()), 2)

    def test_state_is_not_a_filter_here(self):
        self.assertEqual(self.command("dead", "--state", "done").status, 2)

    def test_not_tried_again_by_itself(self):
        self.bucket.configure(ROOMY)
        result = self.bucket.once()
        self.assertEqual((result.status, result.reports), (1, []))

    def test_retry_without_daemon(self):
        self.bucket.configure(ROOMY)
        self.assertIn("2 objects", self.command("dead", "retry", "--prefix", "b/").out)
        self.assertEqual(self.dead(), ["a.png"])
        self.assertEqual(self.bucket.stats()["objects"]["pending"], 2)
        self.assertEqual(self.bucket.once().status, 1)
        self.assertEqual(self.bucket.stats()["objects"]["done"], 3)

    def test_retry_with_daemon(self):
        self.bucket.configure(ROOMY)
        self.bucket.start()
        self.bucket.sync()
        self.assertIn("3 objects", self.command("dead", "retry").out)
        self.bucket.sync()
        self.assertEqual(self.dead(), [])
        self.check_bucket(["a.png", "b/c d.png", "b/\udcff.png", "fine.png"])

    def test_drop(self):
        for start in (False, True):
            if start:
                self.bucket.start()
                self.bucket.sync()
            name = "b/c d.png" if start else "a.png"
            self.assertIn("1 object ", self.command("dead", "drop", "--match", name).out)
            self.assertNotIn(name, self.dead())
            row = self.bucket.show(name)
            self.assertEqual((row["state"], row["error"]["name"]), ("skipped", "too_many_pixels"))

    def test_dropped_is_tried_again_when_its_bytes_change(self):
        self.command("dead", "drop")
        self.assertEqual(self.bucket.once().status, 0)
        self.bucket.put("a.png", png(5, 5, BLUE))
        result = self.bucket.once()
        self.assertEqual((result.status, len(result.reports)), (0, 1))
        self.assertEqual(self.bucket.show("a.png")["state"], "done")


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
        """`sweep store` drops what is older than `keep`, and nothing that only looks like it."""
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


class Sweeps(OnBucket):

    def sweep(self, *arguments):
        result = self.command("sweep", *arguments)
        self.assertEqual(result.status, 0, result.log)
        return result.out + result.log

    def prepare(self):
        """One of each: an orphan, a missing thumbnail, a file that is not ours."""
        for name in ("a.png", "gone.png", "lost.png"):
            self.bucket.put(name, png(20, 20, RED))
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
        said = self.sweep("--dry-run")
        self.assertIn("1 orphaned thumbnail to be removed", said)
        self.assertIn("1 object with missing or changed thumbnails to be made again", said)
        self.assertIn("1 file that thumbq did not make", said)
        self.assertTrue(orphan.exists())
        self.assertEqual(self.bucket.list(), before)
        self.assertIn("1 orphaned thumbnail removed", self.sweep("orphans"))
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

    def test_schedules_are_listed(self):
        self.bucket.configure("[schedule often]\ncron = rate(1 minute)\nrun = sweep orphans\n")
        rows = self.bucket.read("schedule", "--json").json()
        self.assertEqual([(row["name"], row["last"]) for row in rows], [("often", None)])
        self.assertEqual(len(rows[0]["next"]), 1)


if __name__ == "__main__":
    main()
