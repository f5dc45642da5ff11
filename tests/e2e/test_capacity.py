"""What a machine gives: `concurrency = auto` under an affinity and a control group, and pictures that
wait for a processor or for memory, which is not their failure."""

import os
import unittest
from pathlib import Path

from harness import THUMBQ, E2ETest, main

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


if __name__ == "__main__":
    main()
