# SPDX-License-Identifier: Apache-2.0
"""The machine has too few descriptors, processes or too little memory: the objects are not to
blame. Work waits, no attempt counts, the log reports it once, and work continues by itself when
there is enough again."""

import contextlib
import os
import resource
import subprocess
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
        """Checks that each object was done at the first attempt that counts."""
        self.assertEqual([(row["name"], row["attempts"]) for row in self.rows(rig)
                          if row["attempts"] != 1], [], rig.log())
        rig.check()

    def limit_descriptors(self, daemon, more):
        """Allows the daemon `more` descriptors than it has open. Returns the limits as they
        were."""
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        used = max(map(int, os.listdir(f"/proc/{daemon.pid}/fd"))) + 1
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (used + more, limits[1]))
        return limits

    def test_descriptors(self):
        """The daemon has between no descriptors and enough for two jobs, so that each step of a job
        fails once."""
        said = 0
        for more in range(16):
            rig = self.rig(f"rig-{more}")
            daemon = rig.start_watching()
            limits = self.limit_descriptors(daemon, more)
            for i in range(6):
                rig.put(f"{i}.png")
            # The daemon has too few descriptors, or manages all the same.
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
        """Some jobs find descriptors and others do not: all are done, and none waits long."""
        rig = self.rig(config=CONFIG.replace("concurrency = 2", "concurrency = 16"))
        daemon = rig.start_watching()
        self.limit_descriptors(daemon, 20)
        for i in range(60):
            rig.put(f"a/{i}.png")
        self.wait_done(rig, 60)
        self.check_unblamed(rig)
        self.assertLessEqual(rig.log().count(SHORT), 1, rig.log())

    def test_commands_wait(self):
        """A command asks the daemon: the loop does not spin, and answers when it can."""
        rig = self.rig()
        daemon = rig.start_watching()
        limits = self.limit_descriptors(daemon, 0)
        asked = subprocess.Popen([THUMBQ, "sync", "--config", rig.config, rig.bucket],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(asked.kill)
        spent = cpu_ticks(daemon)
        wait_for(lambda: FEW in rig.log() or cpu_ticks(daemon) - spent > 50, "a shortage", rig.log)
        self.assertIn(FEW, rig.log())
        before = switches(daemon), cpu_ticks(daemon)
        # The daemon looks three times, by its own clock. A loop that spins has used all of the CPU
        # time by then.
        wait_for(lambda: switches(daemon) - before[0] >= 3 or cpu_ticks(daemon) - before[1] > 100,
                 "the daemon to look again", rig.log)
        self.assertLess(cpu_ticks(daemon) - before[1], 50, "clock ticks of CPU while it waits")
        self.assertEqual(rig.log().count("cannot accept the connections of commands"), 1, rig.log())
        self.assertIsNone(asked.poll())
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
        self.assertEqual(asked.wait(), 0)
        self.assertEqual(daemon.terminate(), 0, rig.log())

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
        """Makes a control group that counts processes. Skips the test where the machine allows
        none."""
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
        """fork fails with EAGAIN, first in the daemon, then in its fork server."""
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


def switches(daemon):
    """Returns how often the daemon has gone to sleep by itself."""
    for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    return 0


def cpu_ticks(daemon):
    """Returns the user and system time of the daemon, in clock ticks."""
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def rig_children(daemon):
    return Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()


if __name__ == "__main__":
    main()
