# SPDX-License-Identifier: Apache-2.0
"""The test case of back-fill jobs: one worker, and what `reprocess` reports."""

from harness import RED, E2ETest, png

ONE_AT_A_TIME = "[handler]\nconcurrency = 1\nbackfill_nice = 0\ntimeout = 900s\n"


class JobsTest(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.configure(ONE_AT_A_TIME)

    def fill(self, *names):
        for name in names:
            self.bucket.put(name, png(20, 20, RED))
        self.assertEqual(self.bucket.once().status, 0)

    def start_paused(self):
        """Starts a daemon, and stops its only worker. Returns the daemon and the worker."""
        daemon = self.bucket.start()
        self.bucket.put("wake.png", png(5, 5, RED))
        self.bucket.sync()
        return daemon, daemon.pause_worker()

    def reprocess(self, *arguments):
        return self.bucket.command("reprocess", *arguments, "--bucket", self.bucket.path)

    def job(self, *number):
        return self.reprocess("status", *map(str, number), "--json").json()

    def jobs(self):
        return self.reprocess("list", "--json").lines()

    def states(self):
        return [job["state"] for job in self.jobs()]

    def attempts(self):
        """Returns {name: number of invocations in its record}."""
        return {row["name"]: len(self.bucket.show(row["name"])["attempts_log"])
                for row in self.bucket.list()}

    def job_events(self):
        return [line.split()[-1] if "objects" in line else line
                for line in self.bucket.read("events").out.splitlines() if "  job " in line]
