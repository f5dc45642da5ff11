# SPDX-License-Identifier: Apache-2.0
"""A machine that is short of descriptors, processes or memory: no object is to blame. Work waits, no
attempt counts, the log says it once, and it goes on by itself when there is enough again."""

import contextlib
import os
import resource
import unittest
from pathlib import Path

from rig import CONFIG, FAILPOINTS, SANITIZED, THUMBQ, CrashTest, checker, main, wait_for

SHORT = "this machine has no descriptor, process or memory left"
FEW = "oo many open files"
PIDS = [Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")]


class Shortage(CrashTest):

    def rows(self, rig):
        return checker.Bucket(rig.bucket, os.fspath(rig.config), THUMBQ).run("list", "--json")

    def wait_done(self, rig, n):
        wait_for(lambda: [row["state"] for row in self.rows(rig)] == ["done"] * n,
                 f"{n} objects to be done", lambda: f"{self.rows(rig)}\n{rig.log()}")

    def check_unblamed(self, rig):
        """Each object was done at the first attempt that counts."""
        self.assertEqual([(row["name"], row["attempts"]) for row in self.rows(rig)
                          if row["attempts"] != 1], [], rig.log())
        rig.check()

    def limit_descriptors(self, daemon, more):
        """Leaves it `more` than are open now. Returns the limits as they were."""
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        used = max(map(int, os.listdir(f"/proc/{daemon.pid}/fd"))) + 1
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (used + more, limits[1]))
        return limits

    def test_descriptors(self):
        """From none left to enough for a job or two: each step of a job is without one, once."""
        said = 0
        for more in range(16):
            rig = self.rig(f"rig-{more}")
            daemon = rig.start_watching()
            limits = self.limit_descriptors(daemon, more)
            for i in range(6):
                rig.put(f"{i}.png")
            # It runs short, or gets through all the same.
            wait_for(lambda: FEW in rig.log() or rig.log().count("REPORT") >= 6, "a shortage",
                     rig.log)
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
            self.wait_done(rig, 6)
            self.check_unblamed(rig)
            for text in (SHORT, "no handler process can be started", "cannot read the folder"):
                self.assertLessEqual(rig.log().count(text), 1, rig.log())
            said += rig.log().count(SHORT)
            self.assertEqual(daemon.terminate(), 0, rig.log())
        self.assertGreater(said, 0, "no job was without a descriptor")

    def test_a_running_daemon_has_too_few_for_all_workers(self):
        """Where some jobs find descriptors and others do not, all are done, and nobody waits long."""
        rig = self.rig(config=CONFIG.replace("concurrency = 2", "concurrency = 16"))
        daemon = rig.start_watching()
        self.limit_descriptors(daemon, 20)
        for i in range(60):
            rig.put(f"a/{i}.png")
        self.wait_done(rig, 60)
        self.check_unblamed(rig)
        self.assertLessEqual(rig.log().count(SHORT), 1, rig.log())

    def test_of_any_kind(self):
        for place in ("publish.create.before", "publish.link.before"):
            for name in ("EMFILE", "ENFILE", "ENOMEM"):
                with self.subTest(place=place, errno=name):
                    rig = self.rig(f"{place}-{name}")
                    for i in range(3):
                        rig.put(f"{i}.png")
                    daemon = rig.start("--once", program=FAILPOINTS,
                                       env={"THUMBQ_FAILPOINT": f"{place}={name}@1x2"})
                    self.assertEqual(daemon.wait(), 0, rig.log())
                    self.assertEqual(rig.log().count(SHORT), 1, rig.log())
                    self.check_unblamed(rig)

    def test_once_does_not_wait_for_ever(self):
        rig = self.rig()
        rig.put("a.png")
        daemon = rig.start("--once", program=FAILPOINTS,
                           env={"THUMBQ_FAILPOINT": "publish.create.before=EMFILE@1x1000"})
        self.assertEqual(daemon.wait(), 74, rig.log())
        self.assertEqual([row["state"] for row in self.rows(rig)], ["pending"])

    @contextlib.contextmanager
    def pids_cgroup(self):
        """A control group that counts processes; skips where there can be none."""
        for parent in PIDS:
            folder = parent / f"thumbq-test-{os.getpid()}"
            try:
                folder.mkdir()
            except OSError:
                continue
            if (folder / "pids.max").exists():
                break
            folder.rmdir()
        else:
            self.skipTest("no control group that counts processes can be made")
        try:
            yield folder
        finally:
            wait_for(lambda: not (folder / "cgroup.procs").read_text(), "the group to be empty")
            folder.rmdir()

    @unittest.skipIf(SANITIZED, "sanitizers start threads and processes of their own")
    def test_processes(self):
        """fork says EAGAIN: to the daemon, then to its fork server."""
        with self.pids_cgroup() as group:
            rig = self.rig()
            daemon = rig.start_watching()
            (group / "cgroup.procs").write_text(str(daemon.pid))
            for most, text in ((1, "cannot start the handler program"),
                               (2, "cannot fork a handler process")):
                (group / "pids.max").write_text(str(most))
                rig.put(f"{most}.png")
                if most == 1:
                    wait_for(lambda: text in rig.log(), text, rig.log)
                else:
                    wait_for(lambda: len(rig_children(daemon)) == 1, "the fork server", rig.log)
            (group / "pids.max").write_text("max")
            self.wait_done(rig, 2)
            self.check_unblamed(rig)
            self.assertEqual(rig.log().count("no handler process can be started"), 1, rig.log())
            self.assertEqual(daemon.terminate(), 0)


def rig_children(daemon):
    return Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()


if __name__ == "__main__":
    main()
