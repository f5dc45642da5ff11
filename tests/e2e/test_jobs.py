# SPDX-License-Identifier: Apache-2.0
"""Back-fill jobs: `reprocess` with and without a daemon, interrupted, killed, cancelled."""

import os
import signal
import subprocess

from harness import BLUE, GREEN, RED, THUMBQ, main, png
from jobs import ONE_AT_A_TIME, JobsTest
from terminal import Terminal

WINDOW = 256  # objects of a job in the queue at a time


class WithDaemon(JobsTest):

    def test_all_are_made_again(self):
        self.fill("a.png", "b/c.png", "d.png")
        before = {name: os.stat(self.bucket.small(name)).st_ino for name in ("a.png", "b/c.png")}
        self.bucket.start()
        result = self.reprocess()
        self.assertEqual((result.status, result.reports), (0, []))
        self.assertRegex(result.out, "^job 1 SUCCEEDED: 3 objects in ")
        self.assertEqual(self.attempts(), {"a.png": 2, "b/c.png": 2, "d.png": 2})
        for name, inode in before.items():
            self.assertNotEqual(os.stat(self.bucket.small(name)).st_ino, inode)
        self.check_bucket(["a.png", "b/c.png", "d.png"])
        job = self.job()
        self.assertEqual({key: job[key] for key in ("id", "state", "reason", "filters", "total",
                                                    "queued", "done", "failed", "gone")},
                         {"id": 1, "state": "SUCCEEDED", "reason": None, "filters": "", "total": 3,
                          "queued": 3, "done": 3, "failed": 0, "gone": 0})
        self.assertTrue(job["submitted"] <= job["started"] <= job["ended"])
        self.assertEqual(self.bucket.stats()["invocations"]["count"], 6)

    def test_begin_and_end_are_events(self):
        self.fill("a.png")
        self.bucket.start()
        self.reprocess()
        events = [row for row in self.bucket.read("events", "--json").lines()
                  if row.get("detail-type") == "Batch Job State Change"]
        self.assertEqual([row["detail"]["status"] for row in events], ["STARTING", "SUCCEEDED"])
        self.assertEqual(events[0]["source"], "aws.batch")
        self.assertEqual(events[0]["resources"], ["arn:aws:batch:local:0:job/1"])
        self.assertEqual(len(self.job_events()), 2)
        shown = self.bucket.read("events").out.splitlines()[-1]
        self.assertTrue(shown.endswith(" done"), shown)
        self.assertLessEqual(len(shown), 80)

    def test_filters(self):
        self.fill("a b/1.png", "a b/2.png", "a.png", "a/1.png", "z.png")
        self.bucket.start()
        self.assertEqual(self.reprocess("--prefix", "a b/").status, 0)
        self.assertEqual(self.job()["filters"], "--prefix a%20b/")
        self.assertEqual(self.reprocess("--prefix", "a").status, 0)
        self.assertEqual(self.reprocess("--prefix", "a.png").status, 0)
        self.assertEqual(self.reprocess("--match", "1.*", "--type", "png").status, 0)
        self.assertEqual(self.attempts(), {"a b/1.png": 4, "a b/2.png": 3, "a.png": 3, "a/1.png": 3,
                                           "z.png": 1})
        self.assertEqual([job["done"] for job in self.jobs()], [2, 4, 1, 2])

    def test_uploads_go_first(self):
        self.fill(*(f"old{i}.png" for i in range(6)))
        _daemon, worker = self.start_paused()
        self.assertEqual(self.reprocess("--prefix", "old", "--detach").status, 0)
        self.bucket.wait_for(lambda: self.job()["queued"] == 6, "the job to be queued")
        self.bucket.put("new.png", png(20, 20, BLUE))
        self.bucket.wait_for(lambda: self.bucket.show("new.png"), "the upload to be seen")
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(self.reprocess("wait").status, 0)
        events = [row["Records"][0] for row in self.bucket.read("events", "--json").lines()
                  if "Records" in row]
        done = [row["s3"]["object"]["key"] for row in events
                if row["eventName"] == "Thumbnail:Done"]
        # One object of the job was at work already.
        self.assertLessEqual(len(done) - 1 - done.index("new.png"), 6)
        self.assertGreaterEqual(len(done) - 1 - done.index("new.png"), 5)

    def test_dead_objects_fail_the_job(self):
        self.fill("a.png", "b.png")
        self.bucket.put("tiny.png", png(2, 2, GREEN))
        self.bucket.configure(ONE_AT_A_TIME + "max_pixels = 100\n")
        self.bucket.start()
        self.bucket.sync()
        result = self.reprocess()
        self.assertEqual(result.status, 1)
        self.assertRegex(result.out, "^job 1 FAILED: 3 objects in .* 2 objects are dead")
        job = self.job()
        self.assertEqual((job["state"], job["done"], job["failed"]), ("FAILED", 1, 2))
        self.assertEqual(job["reason"], "2 objects are dead")

    def test_objects_change_and_vanish_meanwhile(self):
        names = [f"{i}.png" for i in range(6)]
        self.fill(*names)
        daemon = self.bucket.start()
        self.bucket.put("0.png", png(21, 21, GREEN))
        self.bucket.sync()
        worker = daemon.pause_worker()
        self.assertEqual(self.reprocess("--detach").status, 0)
        self.bucket.wait_for(lambda: self.job()["queued"] == 6, "the job to be queued")
        self.bucket.put("4.png", png(20, 20, BLUE))
        os.unlink(self.bucket.path / "5.png")
        self.bucket.wait_for(lambda: self.job()["gone"] == 1, "the removal to be seen")
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(self.reprocess("wait").status, 0)
        job = self.job()
        self.assertEqual((job["total"], job["done"], job["gone"]), (6, 5, 1))
        self.bucket.sync()
        self.check_bucket(names[:5])
        self.assert_color(self.bucket.small("4.png"), BLUE)

    def test_cancel(self):
        n = WINDOW + 50
        self.fill(*(f"{i}.png" for i in range(n)))
        _daemon, worker = self.start_paused()
        self.assertEqual(self.reprocess("--detach").status, 0)
        self.bucket.wait_for(lambda: self.job()["queued"] == WINDOW, "the window to be full")
        self.assertEqual(self.job()["state"], "STARTING")
        result = self.reprocess("cancel")
        self.assertEqual(result.status, 0)
        self.assertIn(f"{WINDOW} in the queue are still made", result.out)
        job = self.job()
        self.assertEqual((job["state"], job["reason"]), ("FAILED", "cancelled"))
        os.kill(worker, signal.SIGCONT)
        self.bucket.sync()
        self.assertEqual(self.job()["done"], WINDOW)
        self.assertEqual(sum(n == 2 for n in self.attempts().values()), WINDOW)
        self.assertEqual(self.reprocess("cancel").status, 1)
        self.assertEqual(self.reprocess("wait").status, 1)

    def test_killed_daemon_goes_on(self):
        n = 2 * WINDOW + 30
        self.fill(*(f"{i}.png" for i in range(n)))
        daemon = self.bucket.start()
        self.assertEqual(self.reprocess("--detach").status, 0)
        for part in (1, WINDOW + 1):
            self.bucket.wait_for(lambda: self.job()["done"] >= part, "the job to be under way")
            daemon.kill()
            job = self.job()
            if job["ended"] is None:
                self.assertEqual(job["state"], "RUNNABLE")
            daemon = self.bucket.start()
        self.assertEqual(self.reprocess("wait").status, 0)
        job = self.job()
        self.assertEqual((job["total"], job["queued"], job["done"]), (n, n, n))
        self.assertEqual(set(self.attempts().values()) - {2, 3}, set())
        self.check_bucket()

    def test_one_after_the_other(self):
        self.fill("a.png", "b.png")
        _daemon, worker = self.start_paused()
        for prefix in ("a", "b", "a"):
            self.assertEqual(self.reprocess("--prefix", prefix, "--detach").status, 0)
        self.bucket.wait_for(lambda: self.states() == ["STARTING", "PENDING"], "two jobs")
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(self.reprocess("wait", "2").status, 0)
        self.assertEqual(self.states(), ["SUCCEEDED", "SUCCEEDED"])
        self.assertEqual(self.attempts(), {"a.png": 2, "b.png": 2, "wake.png": 1})

    def test_ctrl_c_only_leaves(self):
        self.fill("a.png", "b.png")
        _daemon, worker = self.start_paused()
        terminal = Terminal("reprocess", self.bucket.path)
        terminal.wait_for(r"reprocess \[ +\]   0%  0 of 3")
        terminal.press(b"\x03")
        self.assertEqual(terminal.finish(), 1)
        self.assertIn("thumbq reprocess status", terminal.screen()[-1])
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(self.reprocess("wait").status, 0)
        self.assertEqual(self.job()["done"], 3)

    def test_daemon_that_ends_is_missed(self):
        self.fill("a.png")
        daemon, _worker = self.start_paused()
        terminal = Terminal("reprocess", self.bucket.path)
        terminal.wait_for("0 of 2")
        daemon.kill()
        self.assertEqual(terminal.finish(), 1)
        self.assertIn("the daemon has ended", " ".join(terminal.screen()))
        self.assertEqual(self.reprocess("wait").status, 0, "we do it ourselves")
        self.assertEqual(self.job()["done"], 2)

    def test_sync_waits_for_jobs(self):
        self.fill("a.png")
        self.bucket.start()
        self.assertEqual(self.reprocess("--detach").status, 0)
        self.bucket.sync()
        self.assertEqual(self.states(), ["SUCCEEDED"])


class WithoutDaemon(JobsTest):

    def gate(self):
        """Makes a handler that begins to work when the file `gate` exists. Returns its
        environment."""
        script = self.bucket.root / "handler"
        real = os.path.join(os.path.dirname(os.path.realpath(THUMBQ)), "thumbq-thumbnail")
        script.write_text(f"#!/bin/sh\ncase $1 in --*) ;; *) while [ ! -e {self.bucket.root}/gate ]"
                          f"; do /bin/sleep 0.05; done ;; esac\nexec {real} \"$@\"\n")
        script.chmod(0o755)
        return {"THUMBQ_HANDLER": str(script)}

    def test_done_in_the_foreground(self):
        self.fill("a.png", "b/c.png")
        self.bucket.put("new.png", png(5, 5, BLUE))
        result = self.reprocess()
        self.assertEqual(result.status, 0, result.log)
        self.assertEqual(self.attempts(), {"a.png": 2, "b/c.png": 2}, "what is new is not its part")
        self.assertEqual(len(result.reports), 2)
        self.assertEqual(self.states(), ["SUCCEEDED"])
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["a.png", "b/c.png", "new.png"])

    def test_dry_run(self):
        self.fill("a.png", "b/c.png")
        before = self.bucket.list()
        self.assertIn("2 objects", self.reprocess("--dry-run").out)
        counted = self.reprocess("--dry-run", "--json", "--prefix", "b/").json()
        self.assertEqual(counted, {"objects": 1, "source_bytes": len(png(20, 20, RED))})
        self.assertEqual((self.bucket.list(), self.jobs()), (before, []))

    def test_nothing_matches(self):
        self.fill("a.png")
        result = self.reprocess("--prefix", "z")
        self.assertEqual(result.status, 0)
        self.assertIn("no object matches", result.out)
        self.assertEqual(self.jobs(), [])

    def test_detached_is_done_by_the_next_run(self):
        self.fill("a.png")
        self.assertEqual(self.reprocess("--detach").status, 0)
        self.assertEqual(self.states(), ["SUBMITTED"])
        self.assertEqual(len(self.bucket.once().reports), 1)
        self.assertEqual(self.states(), ["SUCCEEDED"])

    def test_interrupted(self):
        self.fill("a.png", "b.png")
        terminal = Terminal("reprocess", self.bucket.path, **self.gate())
        terminal.wait_for(r"0 of 2")
        self.bucket.wait_for(lambda: self.job()["state"] == "STARTING",
                             "a foreground job to answer that it has begun")
        terminal.press(b"\x03")
        terminal.wait_for("stopping when 1 running handlers have finished")
        (self.bucket.root / "gate").touch()
        self.assertEqual(terminal.finish(), 1)
        self.assertIn("thumbq reprocess wait", terminal.screen()[-1])
        self.assertEqual(self.states(), ["RUNNABLE"])
        self.assertEqual(self.reprocess().status, 0, "the same filters: it goes on")
        self.assertEqual([job["done"] for job in self.jobs()], [2])
        self.assertEqual(self.attempts(), {"a.png": 2, "b.png": 2})

    def test_killed(self):
        self.fill("a.png", "b.png")
        process = subprocess.Popen([THUMBQ, "reprocess", self.bucket.path],
                                   env={**os.environ, **self.gate()}, stderr=subprocess.DEVNULL)
        self.bucket.wait_for(lambda: self.jobs() and self.job()["queued"] == 2, "the job")
        process.kill()
        process.wait()
        (self.bucket.root / "gate").touch()  # its handlers end
        self.assertEqual(self.states(), ["RUNNABLE"])
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual([(job["state"], job["done"]) for job in self.jobs()], [("SUCCEEDED", 2)])

    def test_cancelled_before_it_began(self):
        self.fill("a.png")
        self.assertEqual(self.reprocess("--detach").status, 0)
        self.assertEqual(self.reprocess("cancel", "1").status, 0)
        self.assertEqual(self.bucket.once().reports, [])
        self.assertEqual(self.states(), ["FAILED"])

    def test_usage(self):
        self.fill("a.png")
        for status, *arguments in ((2, "list", "--prefix", "a"), (2, "wait", "--detach"),
                                   (2, "cancel", "--dry-run"), (2, "list", "3"), (2, "3"),
                                   (2, "--type", "gold"), (3, "status"), (3, "cancel", "7")):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.reprocess(*arguments).status, status)

    def test_many_kept(self):
        """The jobs have the longest filters, bytes that are no text, and old dates."""
        self.fill("a.png")
        name = "f\udcff&= \n"
        self.bucket.put(name + "/1.png", png(5, 5, RED))
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.reprocess("--prefix", name).status, 0)
        self.assertEqual(self.job()["filters"], "--prefix f%FF%26%3D%20%0A")
        self.assertEqual(self.job()["done"], 1)
        self.assertEqual(self.reprocess("--prefix", "p" * 5000).status, 2)


if __name__ == "__main__":
    main()
