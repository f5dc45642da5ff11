# SPDX-License-Identifier: Apache-2.0
"""The daemon's memory is bounded with any number of waiting objects."""

import unittest
from pathlib import Path

from harness import SANITIZED, E2ETest, main

OBJECTS = 30000
FOLDERS = 30
LIMIT = 32 << 20


def high_water(pid):
    """Returns the maximum of resident bytes: VmHWM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no VmHWM of {pid}")


class Memory(E2ETest):

    @unittest.skipIf(SANITIZED, "sanitizers take more memory than the daemon")
    def test_backlog(self):
        """Files arrive faster than they are handled, with long names that make a large store."""
        daemon = self.bucket.start()
        for i in range(FOLDERS):
            (self.bucket.path / str(i)).mkdir()
        for i in range(OBJECTS):
            (self.bucket.path / str(i % FOLDERS) / f"{i:0200d}.txt").write_bytes(b"no picture")
        self.bucket.sync()
        self.assertEqual(self.bucket.stats()["objects"]["skipped"], OBJECTS)
        store = (self.bucket.state / "store" / "data.mdb").stat().st_size
        self.assertGreater(store, LIMIT + (LIMIT >> 2), "too small a store to prove anything")
        self.assertLess(high_water(daemon.pid), LIMIT)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
