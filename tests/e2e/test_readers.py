# SPDX-License-Identifier: Apache-2.0
"""Readers that stand still: a reader that stops reading, or is stopped, does not make the store
grow."""

import array
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import termios

from harness import THUMBQ, E2ETest, is_alive, main, process_stat, wait_for

OBJECTS = 800
CHANGED = 80  # in each round
ROUNDS = 10
WINDOWS = 8
CONFIG = "[store]\nevents = 1000\n[handler]\nmax_invocations = 100000\n"
F_SETPIPE_SZ = 1031

# A program that holds a snapshot without end, which no command of thumbq does.
HOLDER = """
import ctypes, sys, time
lmdb = ctypes.CDLL("liblmdb.so.0")
env, txn = ctypes.c_void_p(), ctypes.c_void_p()
assert lmdb.mdb_env_create(ctypes.byref(env)) == 0
assert lmdb.mdb_env_set_maxreaders(env, 510) == 0
assert lmdb.mdb_env_open(env, sys.argv[1].encode(), 0x20000, 0o644) == 0
assert lmdb.mdb_txn_begin(env, None, 0x20000, ctypes.byref(txn)) == 0
print("reading", flush=True)
sys.stdin.read()
"""


class Readers(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.configure(CONFIG)
        for i in range(OBJECTS):
            self.bucket.put(f"{'n' * 100}-{i:04}.txt", b"0")
        self.daemon = self.bucket.start("--quiet")
        self.bucket.sync()
        self.serial = 0
        self.readers = []
        self.addCleanup(self.end_readers)

    def end_readers(self):
        for reader in self.readers:
            reader.kill()
            reader.wait()
            for stream in (reader.stdin, reader.stdout):
                if stream:
                    stream.close()

    def change(self):
        """Makes commits that free as many pages as they write."""
        self.serial += 1
        for i in range(CHANGED):
            self.bucket.put(f"{'n' * 100}-{i:04}.txt", b"%d" % self.serial)
        self.bucket.sync()

    def size(self):
        return (self.bucket.state / "store" / "data.mdb").stat().st_size

    def settle(self):
        """Makes changes until the store has all the pages that it needs for them. Returns its
        size."""
        same, size = 0, self.size()
        for _ in range(100):
            self.change()
            same = same + 1 if self.size() == size else 0
            size = self.size()
            if same == 4:
                return size
        raise AssertionError(f"the store grows without any reader: {size} bytes")

    def assert_flat(self):
        """Checks that the store has the same size over a window of changes. A reader with a
        snapshot makes it grow in every window. Without one it grows in the first windows at most,
        because the daemon's groups vary in size."""
        sizes = [self.size()]
        for _ in range(WINDOWS):
            for _ in range(ROUNDS):
                self.change()
            sizes.append(self.size())
            if sizes[-1] == sizes[-2]:
                return
        raise AssertionError(f"the store grows beside the reader: {sizes} bytes")

    def read(self, *arguments):
        """Starts a command with a pipe that no process reads. Returns when the command waits for a
        reader."""
        reader = subprocess.Popen([THUMBQ, *arguments, self.bucket.path], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.readers.append(reader)
        fcntl.fcntl(reader.stdout.fileno(), F_SETPIPE_SZ, 4096)
        self.bucket.wait_for(lambda: self.is_stuck(reader), "the pipe to be full")
        return reader

    @staticmethod
    def is_stuck(reader):
        """The pipe is full, and the process that writes to it sleeps."""
        waiting = array.array("i", [0])
        fcntl.ioctl(reader.stdout.fileno(), termios.FIONREAD, waiting)
        return waiting[0] > 0 and process_stat(reader.pid)[0] == "S"

    def test_pipes_that_nobody_reads(self):
        self.settle()
        for command in (["list", "--json"], ["list"], ["list", "--csv", "--sort", "date"],
                        ["events", "--json"], ["events"]):
            with self.subTest(command=command):
                reader = self.read(*command)
                self.assert_flat()
                self.assertTrue(is_alive(reader.pid))

    def test_what_is_read_late_is_whole(self):
        reader = self.read("list", "--json")
        self.change()
        names = [line for line in reader.stdout.read().splitlines() if b'"name"' in line]
        self.assertEqual(len(names), OBJECTS)
        self.assertEqual(reader.wait(), 0)
        reader = self.read("events", "--json")
        lines = reader.stdout.read().splitlines()
        self.assertEqual(len(lines), 1000)
        self.assertEqual(reader.wait(), 0)

    def test_a_follower_that_is_stopped(self):
        self.settle()
        log = open(self.bucket.root / "followed", "wb")
        self.addCleanup(log.close)
        # The command is in a process group below that of the test, because the kernel drops SIGTSTP
        # for groups without a parent.
        reader = subprocess.Popen([THUMBQ, "events", "--follow", "--json", self.bucket.path],
                                  stdin=subprocess.DEVNULL, stdout=log,
                                  preexec_fn=lambda: os.setpgid(0, 0))
        self.readers.append(reader)
        self.change()
        for stop in (signal.SIGTSTP, signal.SIGSTOP):
            with self.subTest(signal=stop):
                # The command stands still when it gets a signal that it cannot defer.
                wait_for(lambda: process_stat(reader.pid)[0] == "S", "the reader to wait")
                os.kill(reader.pid, stop)
                try:
                    wait_for(lambda: process_stat(reader.pid)[0] == "T",
                             "the reader to be stopped")
                    self.assert_flat()
                finally:
                    os.kill(reader.pid, signal.SIGCONT)
        self.bucket.put("last.txt", b"x")
        wait_for(lambda: b"last.txt" in (self.bucket.root / "followed").read_bytes(),
                 "the reader to go on")

    def test_a_reader_that_holds_on(self):
        """The daemon names the reader, and uses its space again after its end, however it ends."""
        try:
            ctypes.CDLL("liblmdb.so.0")
        except OSError as error:
            self.skipTest(f"no reader can be made: {error}")
        size = self.settle()
        reader = subprocess.Popen(
            [sys.executable, "-c", HOLDER, os.fspath(self.bucket.state / "store")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.readers.append(reader)
        self.assertEqual(reader.stdout.readline(), b"reading\n")
        warning = f"process {reader.pid} ({sys.executable} -c"

        def warned():
            self.change()
            return warning in self.daemon.log()

        self.bucket.wait_for(warned, "the daemon to name the reader")
        for _ in range(ROUNDS):
            self.change()
        grown = self.size()
        self.assertGreater(grown, size)
        self.assertEqual(self.daemon.log().count(warning), 1)
        reader.kill()
        reader.wait()
        self.bucket.wait_for(lambda: self.change() or "does not hold the store up any more" in
                             self.daemon.log(), "the daemon to see that it has ended")
        grown = self.size()
        for _ in range(3 * ROUNDS):
            self.change()
        self.assertEqual(self.size(), grown)


if __name__ == "__main__":
    main()
