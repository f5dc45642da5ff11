# SPDX-License-Identifier: Apache-2.0
"""What a machine gives: `concurrency = auto` under an affinity and a control group, and pictures that
wait for a processor or for memory, which is not their failure."""

import os
import signal
import unittest
from pathlib import Path

from harness import RED, THUMBQ, E2ETest, main, png, slow_png

V1, V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


class Capacity(E2ETest):

    def concurrency(self, *before):
        result = self.bucket.run_program([*before, THUMBQ, "doctor", "--json"], cwd="/")
        return {row["name"]: row for row in result.json()["checks"]}["concurrency"]

    def quota_group(self, share):
        """A control group with this share of one processor; skips where there can be none."""
        name = f"thumbq-test-{os.getpid()}"
        for parent, file, text in ((V1, "cpu.cfs_quota_us", f"{int(share * 100000)}"),
                                   (V2, "cpu.max", f"{int(share * 100000)} 100000")):
            group = parent / name
            try:
                group.mkdir()
            except OSError:
                continue
            self.addCleanup(group.rmdir)
            if (group / file).exists():
                (group / file).write_text(text)
                return group
        self.skipTest("no control group with a share of a processor can be made")

    def within(self, group):
        return ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]

    def test_affinity(self):
        first = min(os.sched_getaffinity(0))
        row = self.concurrency("taskset", "-c", str(first))
        self.assertEqual(row["status"], "ok")
        self.assertRegex(row["result"], r"^auto is 1: 1 processor\b")

    def test_quota(self):
        row = self.concurrency(*self.within(self.quota_group(0.5)))
        self.assertRegex(row["result"], r"^auto is 1: \d+ processors?, 0.5 by control group")

    def test_a_small_share_is_no_timeout(self):
        """It has CPU time enough, and is long about it."""
        self.bucket.configure("[handler]\ntimeout = 2s\nretries = 0\n")
        group = self.quota_group(0.1)
        self.bucket.put("slow.png", slow_png())
        result = self.bucket.run_program(
            [*self.within(group), THUMBQ, "run", "--once", "--jobs", "1", self.bucket.path])
        self.assertEqual(result.status, 0, result.log)
        row = self.check_bucket(["slow.png"])[b"slow.png"]
        self.assertEqual((row["state"], row["attempts"]), ("done", 1))
        self.assertGreater(row["duration_ms"], 2000, "it was not slow enough to tell")

    def test_a_handler_that_stands_still_costs_no_attempt(self):
        self.bucket.configure("[handler]\ntimeout = 200ms\nretries = 0\nretry_delay = 100ms\n")
        daemon = self.bucket.start("--jobs", "1")
        self.bucket.put("first.png", png(20, 20, RED))
        self.bucket.wait_record("first.png")
        daemon.pause_worker()
        self.bucket.put("second.png", png(20, 20, RED))
        row = self.bucket.wait_record("second.png")
        self.assertEqual(row["attempts"], 1)
        self.assertIn("of CPU time", daemon.log())

    def test_killed_for_want_of_memory(self):
        """Two at once: both are done one after the other, and no attempt counts."""
        self.bucket.configure("[handler]\nretries = 0\n")
        daemon = self.bucket.start("--jobs", "2")
        for name in ("a.png", "b.png"):
            self.bucket.put(name, slow_png())
        stopped = set()

        def stop_both():
            for pid in daemon.workers():
                os.kill(pid, signal.SIGSTOP)
                stopped.add(pid)
            return len(stopped) == 2 and self.bucket.stats()["objects"]["running"] == 2

        self.bucket.wait_for(stop_both, "two workers")
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)
        for name in ("a.png", "b.png"):
            self.assertEqual(self.bucket.wait_record(name)["attempts"], 1)
            self.assertEqual(len(daemon.workers()), 1, "the others wait")
        self.assertEqual(daemon.log().count("one picture at a time"), 1, daemon.log())

    def test_killed_alone_is_its_own_doing(self):
        self.bucket.configure("[handler]\nretries = 0\n")
        daemon = self.bucket.start("--jobs", "1")
        self.bucket.put("a.png", slow_png())
        daemon.pause_worker()
        self.bucket.wait_for(lambda: self.bucket.stats()["objects"]["running"] == 1, "the job")
        pid, = daemon.workers()
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.bucket.wait_record("a.png", "dead")["error"]["name"],
                         "handler_crashed")


if __name__ == "__main__":
    main()
