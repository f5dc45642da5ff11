# SPDX-License-Identifier: Apache-2.0
"""Troubles of a machine: missing rights, rights that come and go, a disk that cannot be written to,
a clock that jumps, a second daemon, and SIGTERM."""

import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).parents[1] / "support"))

from others import for_others
from rig import (CONFIG, FAILPOINTS, THUMBQ, CrashTest, checker, is_alive, main, picture, wait_for)

NOBODY = 65534
DAY_S = 86400


def needs_root(what):
    return unittest.skipIf(os.geteuid() != 0, f"{what} not tried: needs root")


class Trouble(CrashTest):

    def states(self, rig):
        rows = checker.Bucket(rig.bucket, os.fspath(rig.config), THUMBQ).run("list", "--json")
        return {row["name"]: row["state"] for row in rows}

    def wait_states(self, rig, expected):
        wait_for(lambda: self.states(rig) == expected, f"{expected}",
                 lambda: f"{self.states(rig)}\n{rig.log()}")

    def test_an_error_on_resuming(self):
        """The lock is removed, and cannot be taken again at once: the log reports the reason, and
        the daemon tries again."""
        rig = self.rig()
        daemon = rig.start_watching(program=FAILPOINTS,
                                    env={"THUMBQ_FAILPOINT": "lock.open.before=EIO@2"})
        rig.sync()
        (rig.bucket / ".thumbq/lock").unlink()
        wait_for(lambda: "was removed or replaced: it is taken anew" in rig.log(), "the lock",
                 rig.log)
        self.assertRegex(rig.log(), r"error: cannot open the lock in .*: input/output error;.*: trying again in \d+ s")
        rig.put("a/x.png")
        rig.sync()
        rig.check()
        self.assertEqual(daemon.terminate(), 0)

    def rig_of_nobody(self):
        """Makes a rig whose daemon is not root, because the kernel refuses nothing to root."""
        rig = self.rig()
        os.chown(rig.bucket, NOBODY, NOBODY)
        os.chmod(rig.bucket, 0o777)
        rig.log_path.touch()
        return rig

    def start_as_nobody(self, rig):
        before = rig.log().count("watching")
        log = open(rig.log_path, "ab")
        self.addCleanup(log.close)
        thumbq = for_others(THUMBQ)
        environment = os.environ | {"THUMBQ_HANDLER": f"{thumbq}-thumbnail"}
        process = subprocess.Popen([thumbq, "run", *map(os.fspath, rig.options())], stdout=log,
                                   stderr=log, env=environment, user=NOBODY, group=NOBODY,
                                   extra_groups=[])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(lambda: rig.log().count("watching") > before, "the daemon", rig.log)
        return process

    @needs_root("unreadable files are")
    def test_unreadable_file(self):
        rig = self.rig_of_nobody()
        rig.put("a/open.png")
        rig.put("a/shut.png")
        os.chmod(rig.bucket / "a/shut.png", 0)
        self.start_as_nobody(rig)
        self.wait_states(rig, {"a/open.png": "done", "a/shut.png": "dead"})
        rig.check(may_be_dead=True, running=True)
        os.chmod(rig.bucket / "a/shut.png", 0o644)
        rig.sync()
        self.assertEqual(set(self.states(rig).values()), {"done"}, rig.log())
        rig.check()

    @needs_root("unreadable folders are")
    def test_unreadable_folder(self):
        rig = self.rig_of_nobody()
        rig.put("a/1.png")
        rig.put("b/2.png")
        self.start_as_nobody(rig)
        rig.sync()
        os.chmod(rig.bucket / "a", 0)
        rig.put("b/3.png")
        rig.sync()
        # An object that cannot be seen is not gone.
        self.assertEqual(self.states(rig),
                         {"a/1.png": "done", "b/2.png": "done", "b/3.png": "done"})
        os.chmod(rig.bucket / "a", 0o755)
        rig.put("a/4.png")
        rig.sync()
        rig.check()

    @needs_root("folders that cannot be written to are")
    def test_thumbnails_cannot_be_written(self):
        """The objects are not to blame, so none is given up. With the rights the work continues."""
        rig = self.rig_of_nobody()
        rig.put("a/1.png")
        self.start_as_nobody(rig)
        rig.sync()
        for folder in ("thumbnails", "thumbnails/a", "thumbnails/b"):
            os.chown(rig.bucket / folder, 0, 0)
        rig.put("n/2.png")
        wait_for(lambda: "denied" in rig.log(), "the daemon to be refused", rig.log)
        for folder in ("thumbnails", "thumbnails/a", "thumbnails/b"):
            os.chown(rig.bucket / folder, NOBODY, NOBODY)
        self.wait_states(rig, {"a/1.png": "done", "n/2.png": "done"})
        rig.check()

    @needs_root("a read-only bucket is")
    def test_read_only_bucket(self):
        rig = self.rig(config=CONFIG + f"[bucket]\nprefix = {self.root}/thumbnails\n"
                       f"state = {self.root}/state\n")
        rig.put("a/1.png")
        rig.put("a/2.png")
        subprocess.run(["mount", "--bind", rig.bucket, rig.bucket], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", rig.bucket], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", rig.bucket], check=True)
        self.assertRaises(OSError, (rig.bucket / "x.png").write_bytes, b"")
        rig.once()
        rig.check()
        daemon = rig.start_watching()
        rig.sync()
        self.assertEqual(daemon.terminate(), 0)
        rig.check()

    def test_clock(self):
        rig = self.rig()
        clock = rig.root / "clock"
        clock.write_text("0")
        daemon = rig.start_watching(program=FAILPOINTS, env={"THUMBQ_CLOCK_FILE": f"{clock}"})
        for number, days in enumerate((0, 400, -4000, 20000, -1, 0)):
            clock.write_text(str(days * DAY_S))
            rig.put(f"a/{number}.png")
            rig.put("same.png")
            rig.sync()
            rig.check()
        self.assertEqual(daemon.terminate(), 0)
        rig.once()
        rig.check()

    def test_clock_set_back_before_a_retry(self):
        """A retry is due in one second when the clock is set back by 30 days. It does not wait for
        30 days."""
        rig = self.rig(config=CONFIG.replace("retry_delay = 100ms", "retry_delay = 1s"))
        clock = rig.root / "clock"
        clock.write_text("0")
        rig.start_watching(program=FAILPOINTS, env={
            "THUMBQ_CLOCK_FILE": f"{clock}", "THUMBQ_FAILPOINT": "publish.link.before=EIO"})
        rig.put("a.png")
        wait_for(lambda: "Error Type" in rig.log(), "the first try to fail", rig.log)
        clock.write_text(str(-30 * DAY_S))
        self.wait_states(rig, {"a.png": "done"})
        rig.check()

    def test_second_daemon(self):
        rig = self.rig()
        daemon = rig.start_watching()
        for arguments in ([], ["--once"]):
            self.assertEqual(rig.start(*arguments).wait(), 4, rig.log())
        self.assertIn(f"process {daemon.pid}", rig.log())
        rig.put("a.png")
        rig.sync()
        rig.check()

    def busy(self, rig, n=400):
        for i in range(n):
            rig.put(f"a/{i}.png")
        daemon = rig.start_watching()
        wait_for(lambda: rig.log().count("REPORT") > 10, "work to be under way", rig.log)
        return daemon

    def test_terminated_under_load(self):
        rig = self.rig()
        daemon = self.busy(rig)
        self.assertEqual(daemon.terminate(), 0, rig.log())
        self.assertLess(rig.log().count("REPORT"), 400, "it was over before the signal")
        self.assertNotIn("running", self.states(rig).values())
        rig.check(running=True)
        rig.once()
        rig.check()

    def test_terminated_twice(self):
        """The second signal ends the daemon at once, although a handler is stuck."""
        rig = self.rig()
        daemon = self.busy(rig, 40)
        family = daemon.family()
        workers = [pid for pid in family if pid not in (daemon.pid, family[0])]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        for i in range(3):
            (rig.bucket / f"stuck{i}.png").write_bytes(picture(1000 + i))
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "SIGTERM" in rig.log() or not daemon.is_running() or
                 daemon.process.send_signal(signal.SIGTERM), "the daemon to end", rig.log)
        self.assertEqual(daemon.wait(), 0)
        for pid in workers:
            wait_for(lambda: not is_alive(pid), f"worker {pid} to end")
        rig.check_crashed()
        rig.once()
        rig.check()


if __name__ == "__main__":
    main()
