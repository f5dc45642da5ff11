# SPDX-License-Identifier: Apache-2.0
"""Machines with limits: `concurrency = auto` under an affinity and a control group, and pictures
that wait for a processor or for memory, which is not their failure."""

import os
import signal
import struct
import unittest
import zlib
from pathlib import Path

from harness import RED, SANITIZED, THUMBQ, E2ETest, main, png, slow_png

V1, V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
V1_MEMORY = Path("/sys/fs/cgroup/memory")

# The passes of an interlaced PNG: first column and row, steps between.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2))


def large_png():
    """An interlaced picture of 64 megapixels. A handler holds all of it, some 220 MiB."""
    width, height = 8000, 8000
    packer = zlib.compressobj(1)
    data = b""
    for column, line, across, down in ADAM7:
        row = b"\0" + b"\x5a" * (3 * ((width - column + across - 1) // across))
        for _ in range((height - line + down - 1) // down):
            data += packer.compress(row)
    data += packer.flush()

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(
            ">I", zlib.crc32(name + body))

    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)) +
            chunk(b"IDAT", data) + chunk(b"IEND", b""))


class Capacity(E2ETest):

    def concurrency(self, *before):
        result = self.bucket.run_program([*before, THUMBQ, "doctor", "--json"], cwd="/")
        return {row["name"]: row for row in result.json()["checks"]}["concurrency"]

    def control_group(self, what, settings):
        """Makes a control group with the first of `settings` (hierarchy, file, text) that this
        machine has. Skips the test where the machine allows none."""
        for parent, file, text in settings:
            group = parent / f"thumbq-test-{what}-{os.getpid()}"
            try:
                group.mkdir()
            except OSError:
                continue
            self.addCleanup(group.rmdir)
            if (group / file).exists():
                (group / file).write_text(text)
                return group
        self.skipTest(f"no control group with a limit of {what} can be made")

    def quota_group(self, share):
        """Makes a group with this share of one processor."""
        quota = f"{int(share * 100000)}"
        return self.control_group("time", ((V1, "cpu.cfs_quota_us", quota),
                                           (V2, "cpu.max", f"{quota} 100000")))

    def memory_group(self, limit_bytes):
        """Makes a group with so much memory."""
        return self.control_group("memory", ((V1_MEMORY, "memory.limit_in_bytes", str(limit_bytes)),
                                             (V2, "memory.max", str(limit_bytes))))

    def killed_for_memory(self, group):
        """Returns the number of processes of the group that the kernel has killed for lack of
        memory."""
        for file in ("memory.oom_control", "memory.events"):
            if (group / file).exists():
                lines = dict(line.split() for line in (group / file).read_text().splitlines())
                return int(lines["oom_kill"])
        raise AssertionError(f"{group} counts no kills")

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
        """The picture has enough CPU time, but takes long by the clock."""
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
        """Two pictures need more memory than there is: both are done, one after the other, and no
        attempt counts."""
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
            # The worker that has ended may still be there beside its successor.
            self.bucket.wait_for(lambda: len(daemon.workers()) <= 1, "the others to wait")
        self.assertEqual(daemon.log().count("one picture at a time"), 1, daemon.log())

    @unittest.skipIf(SANITIZED, "sanitizers take more memory than the pictures")
    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "auto is 1 for want of processors")
    def test_auto_heeds_what_pictures_take(self):
        """One handler for each picture would take more memory than the group has. The kernel kills
        none."""
        group = self.memory_group(416 << 20)
        picture = large_png()
        for i in range(4):
            self.bucket.put(f"{i}.png", picture)
        result = self.bucket.run_program(
            [*self.within(group), THUMBQ, "run", "--once", self.bucket.path])
        self.assertEqual(result.status, 0, result.log)
        self.assertEqual(self.killed_for_memory(group), 0, result.log)
        self.check_bucket([f"{i}.png" for i in range(4)])
        attempt, = self.bucket.show("0.png")["attempts_log"]
        self.assertGreater(attempt["memory_bytes"], 192 << 20, "it was not large enough to tell")

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
