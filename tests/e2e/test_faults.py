# SPDX-License-Identifier: Apache-2.0
"""Faults that the kernel reports by a signal: a store that is truncated under a running daemon, and
a limit on the size of files. The process ends with a message, or continues."""

import os
import resource
import signal
import subprocess

from harness import BLUE, RED, THUMBQ, E2ETest, main, png


class Faults(E2ETest):

    def fill(self, n):
        for i in range(n):
            self.bucket.put(f"{i:03}.txt", b"no picture\n")

    def test_store_cut_short_under_a_daemon(self):
        """The daemon ends with a message and status 74, at which a unit starts it again. Then it
        rebuilds everything."""
        self.fill(300)
        daemon = self.bucket.start("--quiet")
        self.bucket.sync()
        data = self.bucket.state / "store/data.mdb"
        self.assertGreater(data.stat().st_size, 1 << 16)
        os.truncate(data, 8192)
        self.bucket.put("b.png", png(20, 20, BLUE))
        self.assertEqual(daemon.wait(), 74, daemon.log())
        lines = [line for line in daemon.log().splitlines() if "error" in line]
        self.assertEqual(len(lines), 1, daemon.log())
        self.assertIn("the store cannot be read: its file was cut short", lines[0])
        result = self.bucket.once("--quiet")
        self.assertEqual(result.status, 0, result.log)
        self.assertEqual(self.bucket.stats()["objects"]["total"], 301)

    def test_limit_on_the_size_of_files(self):
        """The limit works like a full disk: the daemon reports it, and no signal kills the
        daemon."""
        self.fill(300)
        self.bucket.put("a.png", png(20, 20, RED))
        result = subprocess.run(
            [THUMBQ, "run", "--once", "--quiet", self.bucket.path], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=120,
            preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_DFL),
                                resource.setrlimit(resource.RLIMIT_FSIZE,
                                                   (1 << 16, resource.RLIM_INFINITY))))
        self.assertEqual(result.returncode, 74, result.stderr)
        self.assertIn("no space left on device", result.stderr)
        result = self.bucket.once("--quiet")
        self.assertEqual(result.status, 0, result.log)
        self.assertEqual(self.bucket.stats()["objects"]["dead"], 0)


if __name__ == "__main__":
    main()
