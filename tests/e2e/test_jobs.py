# SPDX-License-Identifier: Apache-2.0
"""Back-fill jobs: `reprocess` with and without a daemon, interrupted, killed, cancelled; progress on
a terminal; `sync` without a daemon."""

import os
import re
import shutil
import signal
import subprocess
import time
import unicodedata

from harness import BLUE, GREEN, RED, THUMBQ, E2ETest, Finished, main, png, wait_for
from terminal import Terminal

ONE_AT_A_TIME = "[handler]\nconcurrency = 1\ntimeout = 900s\n"
WINDOW = 256  # objects of a job in the queue at a time


def drawn_lines(shown):
    """The progress lines, each time they were drawn."""
    parts = re.split(r"[\r\n]|\x1b\[[0-9;]*[A-Za-z]", shown)
    return [part for part in parts if re.match(r"(reprocess|thumbnails|sync|sweep) ?[\[0-9 ]", part)]


def columns_of(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class OnBucket(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.configure(ONE_AT_A_TIME)

    def fill(self, *names):
        for name in names:
            self.bucket.put(name, png(20, 20, RED))
        self.assertEqual(self.bucket.once().status, 0)

    def reprocess(self, *arguments):
        return self.bucket.command("reprocess", *arguments, "--bucket", self.bucket.path)

    def job(self, *number):
        return self.reprocess("status", *map(str, number), "--json").json()

    def jobs(self):
        return self.reprocess("list", "--json").lines()

    def states(self):
        return [job["state"] for job in self.jobs()]

    def attempts(self):
        """{name: invocations that its record remembers}"""
        return {row["name"]: len(self.bucket.show(row["name"])["attempts_log"])
                for row in self.bucket.list()}

    def job_events(self):
        return [line.split()[-1] if "objects" in line else line
                for line in self.bucket.read("events").out.splitlines() if "  job " in line]


class WithDaemon(OnBucket):

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
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        worker = daemon.pause_worker()
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
        # One of the job's was at work already.
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
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        worker = daemon.pause_worker()
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
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        worker = daemon.pause_worker()
        for prefix in ("a", "b", "a"):
            self.assertEqual(self.reprocess("--prefix", prefix, "--detach").status, 0)
        self.bucket.wait_for(lambda: self.states() == ["STARTING", "PENDING"], "two jobs")
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(self.reprocess("wait", "2").status, 0)
        self.assertEqual(self.states(), ["SUCCEEDED", "SUCCEEDED"])
        self.assertEqual(self.attempts(), {"a.png": 2, "b.png": 2, "wake.png": 1})

    def test_ctrl_c_only_leaves(self):
        self.fill("a.png", "b.png")
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        worker = daemon.pause_worker()
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
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        daemon.pause_worker()
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


class WithoutDaemon(OnBucket):

    def gate(self):
        """A handler that begins to work when there is a file `gate`. Returns its environment."""
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
        self.assertEqual(self.job()["state"], "STARTING", "a foreground job answers, too")
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
        """Longest filters, bytes that are no text, and jobs that were long ago."""
        self.fill("a.png")
        name = "f\udcff&= \n"
        self.bucket.put(name + "/1.png", png(5, 5, RED))
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.reprocess("--prefix", name).status, 0)
        self.assertEqual(self.job()["filters"], "--prefix f%FF%26%3D%20%0A")
        self.assertEqual(self.job()["done"], 1)
        self.assertEqual(self.reprocess("--prefix", "p" * 5000).status, 2)


class Sync(OnBucket):

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


class OnTerminal(OnBucket):

    def check_lines(self, shown, columns):
        lines = drawn_lines(shown)
        self.assertTrue(lines, shown)
        for line in lines:
            self.assertLess(columns_of(line), columns, line)
        return lines

    def test_progress(self):
        names = [f"{i}.png" for i in range(40)]
        for name in names:
            self.bucket.put(name, png(20, 20, RED))
        for columns, words in ((80, ["run", "--once"]), (80, ["reprocess"]), (30, ["reprocess"])):
            terminal = Terminal(*words, self.bucket.path, columns=columns)
            self.assertEqual(terminal.finish(), 0)
            screen = terminal.screen()
            self.assertEqual([line for line in screen if "%" in line or "[" in line], [], screen)
            if drawn_lines(terminal.shown):  # on a fast machine there is no time for any
                self.check_lines(terminal.shown, columns)

    def test_bar(self):
        """One that stands still can be looked at; it follows the width of the terminal."""
        self.fill("a.png", "b.png")
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        worker = daemon.pause_worker()
        terminal = Terminal("reprocess", self.bucket.path, columns=80)
        terminal.wait_for(r"reprocess \[ {40}\]   0%  0 of 3")
        terminal.resize(50)
        terminal.wait_for(r"reprocess \[ {17}\]   0%  0 of 3  0.0/s\x1b")
        terminal.resize(12)
        terminal.wait_for(r"\r(\x1b\[J)?0 of 3")
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(terminal.finish(), 0)
        self.assertEqual([line for line in terminal.screen() if "%" in line], [])

    def test_locale(self):
        self.fill("a.png", "b.png")
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        worker = daemon.pause_worker()
        terminal = Terminal("reprocess", self.bucket.path, LC_ALL="C")
        terminal.wait_for("0 of 3")
        self.assertTrue(terminal.shown.isascii(), terminal.shown)
        os.kill(worker, signal.SIGCONT)
        self.assertEqual(terminal.finish(), 0)

    def test_elsewhere_nothing(self):
        self.fill("a.png")
        for environment in ({}, {"TERM": "xterm", "LC_ALL": "C.UTF-8"}):
            result = self.bucket.command("reprocess", self.bucket.path, env=environment)
            self.assertNotIn("\x1b", result.log + result.out)
            self.assertNotIn("\r", result.log + result.out)
        terminal = Terminal("reprocess", self.bucket.path, TERM="dumb")
        self.assertEqual(terminal.finish(), 0)
        self.assertNotIn("\x1b", terminal.shown)

    def test_interrupted_command_cleans_up(self):
        self.fill("a.png")
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        daemon.pause_worker()
        self.bucket.put("late.png", png(5, 5, RED))
        terminal = Terminal("sync", self.bucket.path)
        terminal.wait_for(r"sync .*0 of 1")
        terminal.press(b"\x03")
        self.assertEqual(terminal.finish(), -signal.SIGINT)
        self.assertEqual([line for line in terminal.screen() if "sync" in line], [])


class Bench(E2ETest):

    def test_not_installed(self):
        program = shutil.copy(THUMBQ, self.bucket.root / "thumbq")
        for arguments in ([], ["--quick"], ["fill"]):
            result = self.bucket.run_program([program, "bench", *arguments])
            self.assertEqual(result.status, 3)
            self.assertIn("benchmarks are not installed", result.log)

    def test_is_handed_on(self):
        """What is called gets all that follows, and its own folder."""
        root = self.bucket.root
        for folder in ("build/bin", "bench"):
            (root / folder).mkdir(parents=True)
        program = shutil.copy(THUMBQ, root / "build/bin/thumbq")
        for path in (root / "bench/run", root / "build/bin/thumbq-bench"):
            path.write_text("#!/bin/sh\necho \"$0\" \"$@\"\nexit 5\n")
            path.chmod(0o755)
        result = self.bucket.run_program([program, "bench", "--only", "floor"])
        self.assertEqual((result.status, result.out),
                         (5, f"{root}/bench/run --build {root}/build --only floor\n"))
        result = self.bucket.run_program([program, "bench", "fill", "--help"])
        self.assertEqual((result.status, result.out),
                         (5, f"{root}/build/bin/thumbq-bench fill --help\n"))
        self.assertEqual(self.bucket.run_program([program, "bench", "--help"]).status, 0)


if __name__ == "__main__":
    main()
