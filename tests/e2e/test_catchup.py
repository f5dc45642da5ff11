# SPDX-License-Identifier: Apache-2.0
"""Missed runs, after a pause, a jump of the clock, or a lost batch: made up for as `catchup`
says."""

import calendar
import fcntl
import os
import shutil
import signal
import subprocess
import time

from harness import DEADLINE_S, FAILPOINTS, RED, main, png, wait_for
from schedules import DAY_S, HOUR_S, ScheduleTest, at


class Catchup(ScheduleTest):
    """Runs that are made up for, and the state of a schedule before the daemon runs."""

    def runs_after(self, catchup, days, expected):
        """Returns the firings of a nightly schedule after the machine was off for some days."""
        self.configure(("nightly", "0 3 * * *", "exec echo x >> ran"), catchup=catchup)
        daemon = self.start()
        daemon.stop()
        self.assertEqual(self.firings(), [])
        self.set_clock(days * DAY_S)
        daemon = self.start()
        ran = self.bucket.path / "ran"
        if expected:
            wait_for(lambda: ran.exists() and len(ran.read_text().splitlines()) >= expected and
                     (self.last("nightly") or {}).get("outcome") == "ok", "the runs", daemon.log)
        else:
            wait_for(lambda: "left out" in daemon.log(), "it to be left out", daemon.log)
        daemon.stop()
        found = [fired for name, fired in self.firings() if name == "nightly"]
        self.assertEqual(len(found), expected, found)
        self.assertEqual(len(ran.read_text().splitlines()) if expected else 0, expected)
        self.assertEqual(sorted(found), found)
        for fired in found:
            self.assertTrue(fired.endswith("T03:00:00Z"), fired)
        if found:
            newest = calendar.timegm(time.strptime(found[-1], "%Y-%m-%dT%H:%M:%SZ"))
            now = time.time() + days * DAY_S
            self.assertTrue(now - DAY_S - DEADLINE_S < newest <= now)
        return found

    def test_none(self):
        self.runs_after("none", 10, 0)

    def test_once(self):
        self.runs_after("once", 10, 1)

    def test_all(self):
        self.runs_after("all", 10, 10)

    def test_all_is_bounded(self):
        self.runs_after("all", 150, 100)

    def run_after(self, days):
        """Starts a daemon some days after the last one."""
        daemon = self.start()
        daemon.stop()
        self.assertEqual(self.firings(), [])
        self.set_clock(days * DAY_S)
        return self.start()

    def test_the_builtin_one_makes_up(self):
        """A machine that runs only in the evenings sweeps all the same."""
        self.bucket.put("a.png", png(9, 9, RED))
        daemon = self.run_after(2)
        self.wait_run("nightly", daemon)
        self.assertEqual([name for name, _ in self.firings()], ["nightly"])

    def test_a_missed_rate_is_due_at_once(self):
        self.configure(("daily", "rate(1 day)", "exec echo x >> ran"), catchup="none")
        daemon = self.run_after(1.5)
        self.wait_run("daily", daemon)
        self.assertEqual((self.bucket.path / "ran").read_text(), "x\n")

    def test_nothing_is_promised_without_a_daemon(self):
        self.configure(("daily", "0 3 * * *", "sweep all"))
        shown = self.bucket.read("schedule").out
        self.assertIn("next  none: no daemon runs on this bucket", shown)
        self.assertRegex(shown, r"due at \d{4}-.* if 'thumbq run' runs then")
        self.bucket.start()
        self.assertIs(self.bucket.read("schedule", "--json").json()[0]["daemon"], True)
        self.assertRegex(self.bucket.read("schedule").out, r"next  \d{4}-.* in ")

    def test_a_clock_that_jumps(self):
        """The clock jumps while the daemon runs: the due time is one run, and none comes twice
        after the clock was set back."""
        self.configure(("nightly", "0 3 * * *", "exec echo x >> ran"))
        daemon = self.start()
        self.jump(daemon, 3 * DAY_S)
        self.wait_run("nightly", daemon)
        self.jump(daemon, 3 * DAY_S - HOUR_S)
        daemon.stop()
        self.assertEqual(len(self.firings()), 1)

    def start_held(self, **environment):
        """Starts a daemon, and holds it at the message that it watches. Returns (process,
        descriptor); the daemon continues when the descriptor is read."""
        read_fd, write_fd = os.pipe()
        self.addCleanup(os.close, read_fd)
        room = fcntl.fcntl(write_fd, fcntl.F_SETPIPE_SZ, 4096)
        os.write(write_fd, bytes(room))
        line = f"thumbq: watching '{self.bucket.path}'\n"
        process = subprocess.Popen([FAILPOINTS, "run", self.bucket.path], stdin=subprocess.DEVNULL,
                                   stderr=write_fd,
                                   env={**os.environ, **self.environment(**environment)})
        os.close(write_fd)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def is_held():
            with open(f"/proc/{process.pid}/syscall") as file:
                call = file.read().split()
            return call[1:2] == ["0x2"] and call[3:4] == [hex(len(line))]

        wait_for(is_held, "the daemon to be held")
        return process, read_fd

    def test_it_is_known_when_the_daemon_watches(self):
        """A daemon that dies before the first turn of its loop loses no schedule."""
        self.configure(("nightly", "0 3 * * *", "exec echo x >> ran"), catchup="all")
        process, _held = self.start_held()
        process.kill()
        process.wait()
        self.set_clock(4 * DAY_S)
        daemon = self.start()
        self.wait_run("nightly", daemon)
        wait_for(lambda: len(self.firings()) == 4, "the runs", daemon.log)

    def test_a_clock_that_jumps_before_the_first_look(self):
        """A time between the start and the first look at the clock is not a missed time."""
        self.configure(("nightly", "0 3 * * *", "exec echo x >> ran"))
        process, held = self.start_held()
        self.set_clock(3 * DAY_S)
        process.send_signal(signal.SIGHUP)
        said = b""
        while b"read anew" not in said:
            said += os.read(held, 4096)
        wait_for(lambda: len(self.firings()) == 1, "the run")
        self.assertEqual(self.wait_run("nightly", None)["outcome"], "ok")

    def commits_of_a_start(self):
        """Returns the number of commits until a first daemon watches."""
        log = self.bucket.root / "hits"
        process, _held = self.start_held(THUMBQ_FAILPOINT_LOG=str(log))
        hits = log.read_text().split().count("lmdb.fdatasync.before")
        process.kill()
        process.wait()
        shutil.rmtree(self.bucket.state / "store")
        return hits

    def start_with_a_lost_batch(self):
        """Starts a daemon whose disk fails while it writes its schedules."""
        hits = self.commits_of_a_start()
        daemon = self.start(THUMBQ_FAILPOINT=f"lmdb.fdatasync.before=EIO@{hits}")
        self.assertIn("trying again in 1 s", daemon.log())
        return daemon

    def test_a_lost_batch(self):
        """The daemon writes the schedules of the lost batch again."""
        self.configure(("nightly", "0 3 * * *", "exec echo x >> ran"), catchup="all")
        daemon = self.start_with_a_lost_batch()
        wait_for(lambda: "resuming" in daemon.log(), "the store to take changes", daemon.log)
        daemon.stop()
        self.set_clock(4 * DAY_S)
        daemon = self.start()
        wait_for(lambda: len(self.firings()) == 4, "the runs", daemon.log)

    def test_another_configuration_while_a_batch_is_lost(self):
        """The schedules of a new configuration begin when the store accepts changes again."""
        self.configure(("nightly", "0 3 * * *", "exec echo x >> ran"))
        daemon = self.start_with_a_lost_batch()
        self.configure(("day", at(-60), "pause backfill"), ("night", at(-120), "resume backfill"))
        self.jump(daemon, 0)
        wait_for(lambda: "schedule 'day': back-fill is paused" in daemon.log(), "the schedule",
                 daemon.log)


if __name__ == "__main__":
    main()
