# SPDX-License-Identifier: Apache-2.0
"""The messages of `thumbq run` to a service manager. A socket of the test stands for systemd."""

import contextlib
import os
import signal
import socket
import unittest

from harness import DEADLINE_S, E2ETest, RED, main, png, process_stat, wait_for


class Service(E2ETest):

    def setUp(self):
        super().setUp()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.addCleanup(self.manager.close)
        self.address = os.fspath(self.bucket.root / "notify")
        self.manager.bind(self.address)
        self.manager.settimeout(DEADLINE_S)

    def start(self, **variables):
        return self.bucket.start(env={"NOTIFY_SOCKET": self.address, **variables})

    def hear(self, wanted):
        """Listens until a line begins with `wanted`. Returns all lines up to it."""
        lines = []
        while not lines or not lines[-1].startswith(wanted):
            try:
                lines += self.manager.recv(65536).decode().split("\n")
            except TimeoutError:
                self.fail(f"not heard: {wanted}, but {lines}\n{self.bucket.explain()}")
        return lines

    def test_ready_when_every_folder_is_watched(self):
        folders = [f"{a}/{b}" for a in range(30) for b in range(30)]
        for folder in folders:
            (self.bucket.path / folder).mkdir(parents=True)
        daemon = self.start()
        before = self.hear("READY=1")
        self.assertNotIn("WATCHDOG=1", before, "nobody asked for it")
        watches = 0
        for fd in os.listdir(f"/proc/{daemon.pid}/fdinfo"):
            with (contextlib.suppress(FileNotFoundError),
                  open(f"/proc/{daemon.pid}/fdinfo/{fd}") as info):
                watches += sum(line.startswith("inotify wd:") for line in info)
        self.assertGreaterEqual(watches, len(folders) + 30 + 1)

    def test_status(self):
        self.bucket.put("a.png", png(20, 20, RED))
        self.start(WATCHDOG_USEC="500000")
        self.hear("READY=1")
        self.assertEqual(self.hear("STATUS=1 object: 1 done")[-1],
                         "STATUS=1 object: 1 done, 0 to do, 0 dead")

    def test_watchdog_and_end(self):
        daemon = self.start(WATCHDOG_USEC="200000")
        self.hear("READY=1")
        for _ in range(3):
            self.hear("WATCHDOG=1")
        # The loop sends the pings: a daemon that stands still sends none.
        os.kill(daemon.pid, signal.SIGSTOP)
        wait_for(lambda: process_stat(daemon.pid)[0] == "T", "the daemon to stand still")
        self.manager.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                self.manager.recv(65536)
        self.manager.settimeout(DEADLINE_S)
        os.kill(daemon.pid, signal.SIGCONT)
        self.hear("WATCHDOG=1")
        daemon.process.terminate()
        self.hear("STOPPING=1")
        self.assertEqual(daemon.wait(), 0)

    @unittest.skipUnless(os.geteuid() == 0, "workers can be looked into by root only")
    def test_children_cannot_speak_for_it(self):
        daemon = self.start()
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.sync()
        for pid in daemon.handlers():
            with open(f"/proc/{pid}/environ", "rb") as environment:
                self.assertNotIn(b"NOTIFY_SOCKET", environment.read())

    def test_wrong_address(self):
        self.address = "nowhere"
        daemon = self.start()
        self.assertIn("$NOTIFY_SOCKET: 'nowhere' is neither a path", daemon.log())
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
