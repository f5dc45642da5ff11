# SPDX-License-Identifier: Apache-2.0
"""A store is truncated or overwritten with noise, at rest or under a running daemon. The daemon
moves it aside, reports that, and builds a new one from the bucket."""

import os
import struct
import unittest

from rig import SANITIZED, SEED, CrashTest, count, main, wait_for

PLACES = count("THUMBQ_DAMAGES", 12, 300)
PAGE = 4096
# In LMDB's two pages of meta data: the root of the list of free pages, and the transaction.
FREE_ROOT, TRANSACTION = 80, 144
# In the header of a page: the kind of the page, and the number of its rows.
HEADER = (10, 12, 13)


class Damage(CrashTest):

    def setUp(self):
        super().setUp()
        self.rig = self.rig()
        self.rig.may_be_damaged = True
        for i in range(12):
            self.rig.put(f"a/{i}.png")
        self.rig.once()
        self.state = self.rig.bucket / ".thumbq"
        self.data = self.state / "store/data.mdb"
        self.good = self.data.read_bytes()

    def restore(self):
        """Writes the undamaged store of setUp."""
        self.data.write_bytes(self.good)

    def damaged(self):
        return list(self.state.glob("store.damaged-*"))

    def check_rebuilt(self, must_be_aside=True):
        before = len(self.damaged())
        self.rig.once()
        self.rig.check()
        if must_be_aside:
            self.assertEqual(len(self.damaged()), before + 1, self.rig.log())
            self.assertIn("was moved to", self.rig.log())

    def test_cut_short(self):
        for length in (0, 1, 100, PAGE, PAGE + 1, 2 * PAGE, len(self.good) // 2,
                       len(self.good) - PAGE):
            with self.subTest(length=length):
                os.truncate(self.data, length)
                # The last page may be a free one, which the store does not need.
                self.check_rebuilt(must_be_aside=length < len(self.good) - PAGE)

    def test_all_noise(self):
        self.data.write_bytes(self.rig.random.randbytes(len(self.good)))
        self.check_rebuilt()

    def test_some_noise(self):
        """In free pages the noise does no harm. Elsewhere the daemon notices it, or the scan
        repairs it."""
        for number in range(PLACES):
            length = self.rig.random.choice([1, 16, 200, PAGE, 3 * PAGE])
            at = self.rig.random.randrange(len(self.good) - length)
            with self.subTest(f"{length} bytes at {at}", seed=SEED):
                self.restore()
                with open(self.data, "r+b") as file:
                    file.seek(at)
                    file.write(self.rig.random.randbytes(length))
                self.check_rebuilt(must_be_aside=False)
        print(f"{PLACES} stores with noise survived", flush=True)

    def free_list(self):
        """Where the first page of the list of free pages begins in the file."""
        def number(page, at):
            return struct.unpack_from("<Q", self.good, page * PAGE + at)[0]
        newest = max((0, 1), key=lambda page: number(page, TRANSACTION))
        return number(newest, FREE_ROOT) * PAGE

    def test_list_of_free_pages(self):
        """No table of the store has this page, and the daemon reads it at its start."""
        page = self.free_list()
        for at in HEADER:
            with self.subTest(at=at):
                self.restore()
                with open(self.data, "r+b") as file:
                    file.seek(page + at)
                    file.write(bytes([self.good[page + at] ^ 0x55]))
                self.check_rebuilt()

    @unittest.skipIf(SANITIZED, "LMDB may die of noise, which a sanitizer takes for a finding")
    def test_noise_while_running(self):
        daemon = self.rig.start_watching()
        with open(self.data, "r+b") as file:
            file.seek(2 * PAGE)
            file.write(self.rig.random.randbytes(len(self.good) - 2 * PAGE))
        for i in range(30):
            self.rig.put(f"b/{i}.png")
        # The daemon notices the noise, or dies of it, because LMDB trusts its file.
        wait_for(lambda: "was moved to" in self.rig.log() or not daemon.is_running(),
                 "the daemon to notice", self.rig.log)
        if daemon.is_running():
            self.rig.sync()
            self.rig.check()
            self.assertEqual(daemon.terminate(), 0)
        self.rig.once()
        self.rig.check()
        self.assertEqual(len(self.damaged()), 1, self.rig.log())

    def test_lock_of_lmdb(self):
        (self.state / "store/lock.mdb").write_bytes(self.rig.random.randbytes(9000))
        self.check_rebuilt(must_be_aside=False)

    def test_session(self):
        for text in (b"", b"\0" * 50, self.rig.random.randbytes(1000), b"running away\n"):
            with self.subTest(text=text[:20]):
                (self.state / "session").write_bytes(text)
                self.check_rebuilt(must_be_aside=False)
                self.assertEqual(self.damaged(), [])


if __name__ == "__main__":
    main()
