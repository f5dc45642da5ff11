# SPDX-License-Identifier: Apache-2.0
"""The control socket: hostile and old frames, clients that do not read or do not ask, and the
groups of the configuration."""

import fcntl
import os
import random
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.fspath(Path(__file__).resolve().parents[1] / "support"))
import control_frames as control
from harness import BLUE, RED, E2ETest, main, png, wait_for

USER_CLIENTS_MAX = 64  # of one user at a server
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
MEMBER, STRANGER, GROUP = 65530, 65531, 65529


def as_user(uid, groups, *command):
    """Runs a command as another user with these groups. Returns (status, stdout, stderr)."""
    rights = [f"--groups={groups}"] if groups else ["--clear-groups"]
    result = subprocess.run(
        ["setpriv", f"--reuid={uid}", f"--regid={uid}", *rights, *map(os.fspath, command)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=60)
    return result.returncode, result.stdout, result.stderr


class ControlTest(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.put("a.png", png(40, 30, RED))

    def start(self):
        daemon = self.bucket.start()
        self.bucket.sync()
        return daemon

    @property
    def path(self):
        return self.bucket.state / "control"

    def connect(self):
        client = control.Client(self.path)
        self.addCleanup(client.socket.close)
        return client

    def test_hostile_packets(self):
        """Noise, and requests with a changed byte, are answered or refused, and disturb no other
        client."""
        daemon = self.start()
        noise = random.Random(1)
        good = [control.frame(control.SYNC),
                control.frame(control.EDIT, struct.pack("<I", 0) + control.text("prefix=a"),
                              row_version=2),
                control.frame(control.JOB_CANCEL, struct.pack("<I", 1), row_version=2),
                control.frame(control.SWEEP, control.text("store") + b"\1\0\1")]
        for i in range(600):
            packet = bytearray(noise.choice(good))
            if i % 3 == 0:
                packet = bytearray(noise.randbytes(noise.randrange(1, 200)))
            else:
                packet[noise.randrange(len(packet))] = noise.randrange(256)
            with control.Client(self.path) as client:
                client.send(bytes(packet))
                if i % 3 == 0:
                    self.assertTrue(client.receive().startswith(b"error "), packet)
                elif i % 3 == 1:
                    self.assertNotEqual(client.receive(), b"")
        self.bucket.sync()
        self.assertEqual(self.bucket.read("sync", "--alive").status, 0)
        self.assertEqual(daemon.stop(), 0)

    def test_numbers(self):
        """A number that is no job is not read as job 0."""
        daemon = self.start()
        for number in (b"", b"\0\0\0\0", b"x\0", b"\1\0\0\0\0"):
            with control.Client(self.path) as client:
                answer = client.ask(control.frame(control.JOB_WAIT, number, row_version=2))
                self.assertEqual(control.parse_refusal(answer),
                                 (104, "the request 'job wait' is malformed"))
                self.assertEqual(client.receive(), b"")
        with control.Client(self.path) as client:
            answer = client.ask(control.frame(control.JOB_WAIT, struct.pack("<I", 7),
                                              row_version=2))
            self.assertEqual(control.parse_refusal(answer), (100, "there is no such job"))
            self.assertEqual(client.ask(control.frame(control.COMMIT))[:4],
                             struct.pack("<I", control.MAGIC))
        self.assertEqual(daemon.stop(), 0)

    def test_other_versions(self):
        """A program of another version gets a refusal that it understands."""
        daemon = self.start()
        with control.Client(self.path) as client:
            self.assertEqual(client.ask(b"sync"),
                             b"error the daemon is of a newer version than this command: use the "
                             b"command of that version")
            self.assertEqual(client.receive(), b"")
        with control.Client(self.path) as client:
            answer = client.ask(control.frame(control.SYNC, version=2))
            self.assertEqual(control.parse_refusal(answer),
                             (104, "the frame is of another version"))
        with control.Client(self.path) as client:
            answer = client.ask(control.frame(control.SYNC, row_version=2))
            self.assertEqual(control.parse_refusal(answer),
                             (104, "the request 'sync' is of another version of thumbq"))
            answer = client.ask(control.frame(99))
            self.assertEqual(control.parse_refusal(answer), (100, "unknown request"))
        self.assertEqual(daemon.stop(), 0)

    def test_many_dead(self):
        """More objects than one slice holds are retried and dropped as the filter says, each of
        them once."""
        broken = png(40, 30, BLUE)[:60]
        for i in range(200):
            self.bucket.put(f"dead/{i:03}.png", broken)
        self.bucket.put("other/x.png", broken)
        daemon = self.start()

        def edit(action, filters):
            fields = struct.pack("<I", action) + control.text(filters)
            with control.Client(self.path) as client:
                kind, answer = control.parse(
                    client.ask(control.frame(control.EDIT, fields, row_version=2)))
            self.assertEqual(kind, control.ANSWER)
            self.bucket.sync()
            return struct.unpack("<Q", answer)[0]

        self.assertEqual(edit(0, "prefix=dead%2F"), 200)
        self.assertEqual(self.bucket.stats()["objects"]["dead"], 201)
        self.assertEqual(edit(0, "prefix=none"), 0)
        self.assertEqual(edit(1, "prefix=dead%2F"), 200)
        self.assertEqual(edit(1, ""), 1)
        self.assertEqual(edit(1, ""), 0)
        self.assertEqual(self.bucket.stats()["objects"]["skipped"], 201)
        with control.Client(self.path) as client:
            fields = struct.pack("<I", 0) + control.text("colour=red")
            answer = client.ask(control.frame(control.EDIT, fields, row_version=2))
            self.assertIn("the filters", control.parse_refusal(answer)[1])
        self.assertEqual(daemon.stop(), 0)

    def wait_served(self, daemon):
        """Checks that other clients are served, as soon as the idle and the slow ones make room."""
        wait_for(lambda: self.bucket.command("sync", self.bucket.path).status == 0, "a sync",
                 daemon.log)

    def wait_told(self, clients, daemon):
        """Returns the refusal that one of the dropped clients has received."""

        def told():
            for client in clients:
                client.socket.setblocking(False)
                try:
                    while packet := client.receive():
                        if refusal := control.parse_refusal(packet):
                            return refusal
                except BlockingIOError:
                    continue
            return None

        return wait_for(told, "a client that is told", daemon.log)

    def test_silent_clients(self):
        """The maximum number of clients of a user connects and asks nothing: others are served, and the
        dropped ones get the reason."""
        daemon = self.start()
        silent = [self.connect() for _ in range(USER_CLIENTS_MAX)]
        self.wait_served(daemon)
        code, text = self.wait_told(silent, daemon)
        self.assertEqual(code, 8)
        self.assertIn("other clients wait", text)
        self.assertEqual(daemon.stop(), 0)

    def test_slow_clients(self):
        """Clients ask for long lists and do not read them: others are served, and the slow ones can
        read the sent part, and then the reason of their end."""
        picture = png(8, 8, BLUE)
        for i in range(700):
            self.bucket.put(f"{i:03}" + "n" * 200 + ".png", picture)
        daemon = self.start()
        for path in self.bucket.files_in(self.bucket.thumbnails / "small"):
            os.unlink(os.path.join(os.fsencode(self.bucket.thumbnails / "small"), path))
        slow = [self.connect() for _ in range(USER_CLIENTS_MAX)]
        for client in slow:
            client.send(control.frame(control.SWEEP, control.text("missing") + b"\1\0\1"))
        self.wait_served(daemon)
        code, text = self.wait_told(slow, daemon)
        self.assertEqual(code, 8)
        self.assertIn("other clients wait", text)
        self.wait_served(daemon)
        self.assertEqual(daemon.stop(), 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_writers(self):
        """The groups of [access] writers are accepted, and the refusal of others names the
        groups."""
        self.bucket.configure(f"[access]\nwriters = {GROUP}, nobody-knows-this-group\n")
        daemon = self.start()
        self.assertIn("has no group 'nobody-knows-this-group'", daemon.log())
        self.bucket.state.chmod(0o711)
        self.path.chmod(0o666)
        commit = control.frame(control.COMMIT).hex()

        def answer(uid, groups):
            status, out, log = as_user(uid, groups, "python3", "-c", control.ASK, self.path, commit)
            self.assertEqual(status, 0, log)
            return bytes.fromhex(out)

        self.assertEqual(control.parse(answer(MEMBER, str(GROUP)))[0], control.ANSWER)
        self.assertEqual(control.parse(answer(MEMBER, f"{GROUP},4,7"))[0], control.ANSWER)
        self.assertEqual(control.parse(answer(GROUP, ""))[0], control.ANSWER)
        for groups in ("", "4"):
            code, text = control.parse_refusal(answer(STRANGER, groups))
            self.assertEqual(code, 16)
            self.assertIn(f"the user {STRANGER} may not send requests here", text)
        # A change of the configuration applies to later clients.
        self.bucket.configure("")
        daemon.process.send_signal(1)
        wait_for(lambda: "read anew" in daemon.log(), "the reload", daemon.log)
        self.assertEqual(control.parse_refusal(answer(MEMBER, str(GROUP)))[0], 16)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
