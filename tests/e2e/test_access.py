# SPDX-License-Identifier: Apache-2.0
"""The sockets of a service: other users ask and change what `[access]` allows them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).resolve().parents[1] / "support"))

import control_frames as control
from harness import BLUE, RED, THUMBQ, E2ETest, main, png, wait_for
from others import for_others

DAY_S = 86400
MEMBER, STRANGER, GROUP, WRITERS = 65530, 65531, 65529, 65528
FIRST_OF_MANY = 65520
MANY = 25000  # records, more than a page reads
STATES, SOCKETS = Path("/var/lib/thumbq"), Path("/run/thumbq")


@unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
class OthersTest(E2ETest):
    """A service: its state in /var/lib/thumbq, its sockets in /run/thumbq."""

    def setUp(self):
        super().setUp()
        name = f"e2e-{os.getpid()}-{self._testMethodName}"
        self.state, self.sockets = STATES / name, SOCKETS / name
        for above, folder, mode in ((STATES, self.state, 0o700), (SOCKETS, self.sockets, 0o711)):
            if not above.exists():
                above.mkdir(parents=True)
                self.addCleanup(above.rmdir)
            folder.mkdir(mode)
            folder.chmod(mode)
            self.addCleanup(shutil.rmtree, folder)
        self.config = self.bucket.root / "service.conf"
        self.configure(f"readers = {GROUP}")
        self.bucket.root.chmod(0o711)
        self.bucket.path.chmod(0o755)
        for i in range(5):
            self.bucket.put(f"{i}.png", png(20 + i, 30, RED))
        self.bucket.put("broken.png", png(40, 30, BLUE)[:60])
        self.program = for_others(THUMBQ)

    def configure(self, access):
        self.config.write_text(f"[bucket]\nstate = {self.state}\n[access]\n{access}\n")

    def start(self):
        daemon = self.bucket.start("--config", os.fspath(self.config))
        self.command(0, "", "sync")
        wait_for(lambda: daemon.reader(), "the reader", daemon.log)
        return daemon

    def command(self, uid, groups, *words):
        """Runs a command as another user with these groups. Returns (status, stdout, stderr)."""
        rights = [f"--groups={groups}"] if groups else ["--clear-groups"]
        result = subprocess.run(
            ["setpriv", f"--reuid={uid}", f"--regid={uid}", *rights, self.program, *words,
             "--config", self.config, "--bucket", self.bucket.path],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=60)
        return result.returncode, result.stdout, result.stderr

    def outputs(self, *words):
        """Returns the results of a command for the owner, and for a user of `[access]`. Some contain
        the time: if the two differ, both run again, up to three times."""
        for _ in range(3):
            owners = self.command(0, "", *words)
            theirs = self.command(MEMBER, str(GROUP), *words)
            if theirs == owners:
                break
        return owners, theirs

    def test_commands(self):
        """Commands print the same for a user of `[access]` as for the owner."""
        daemon = self.start()
        self.assertEqual(self.sockets.joinpath("query.sock").stat().st_mode & 0o777, 0o666)
        self.assertFalse((self.state / "query.sock").exists())
        for words in (["stats"], ["stats", "--json"], ["stats", "--by", "state"], ["stats", "--csv"],
                      ["list"], ["list", "--json"], ["list", "--csv"], ["list", "--limit", "3"],
                      ["list", "--csv", "--limit", "2"], ["list", "--json", "--limit", "2"],
                      ["list", "--sort", "size", "--reverse"], ["list", "--state", "dead"],
                      ["dead"], ["dead", "--json"], ["events"], ["events", "--json"],
                      ["events", "--limit", "4"], ["show", "2.png"], ["show", "--json", "2.png"],
                      ["bill"], ["bill", "--json"], ["metrics", "--prometheus"], ["schedule"],
                      ["schedule", "--json"], ["reprocess", "list"]):
            with self.subTest(words):
                owners, theirs = self.outputs(*words)
                self.assertEqual(owners[0], 0, owners)
                self.assertNotEqual(owners[1] + owners[2] + words[0], words[0] * 2)
                self.assertEqual(theirs[2], owners[2])
                self.assertTrue(theirs == owners, theirs[1][:2000])
        self.assertEqual(self.command(MEMBER, str(GROUP), "show", "nothing"),
                         self.command(0, "", "show", "nothing"))
        self.assertEqual(daemon.stop(), 0)

    def test_many_pages(self):
        """A list of more than one page is complete, and so are groups."""
        for i in range(1100):
            os.utime(self.bucket.put(f"many/{i:04}", b"no picture"), (i * DAY_S, i * DAY_S))
        daemon = self.start()
        for words in (["list"], ["list", "--json", "--sort", "date"], ["list", "--csv"],
                      ["list", "--limit", "1050"], ["events"], ["stats", "--by", "day"],
                      ["stats", "--by", "day", "--csv"]):
            with self.subTest(words):
                owners, theirs = self.outputs(*words)
                self.assertGreater(owners[1].count("\n"), 1049)
                self.assertEqual(theirs[2], owners[2])
                self.assertTrue(theirs == owners, theirs[1][:2000])
        words = ["stats", "--by", "day", "--json"]
        owners = self.command(0, "", *words)
        self.assertGreater(len(json.loads(owners[1])["groups"]), 1049)
        self.assertEqual(self.command(MEMBER, str(GROUP), *words), owners)
        self.assertEqual(daemon.stop(), 0)

    def test_pages_end_early(self):
        """A page reads a limited number of records, whether they match or not, and all pages
        together have all matches."""
        for i in range(MANY):
            self.bucket.put(f"many/{i // 1000:02}/{i:05}", b"")
        self.bucket.put("zz.png", png(20, 30, RED))
        daemon = self.start()
        for sort in ("name", "size", "date"):
            with self.subTest(sort):
                words = ["list", "--json", "--match", "z*.png", "--sort", sort]
                pages = [control.ask(self.sockets / "query.sock", words)]
                while pages[-1].next:
                    after = pages[-1].next
                    pages.append(control.ask(self.sockets / "query.sock", words, after=after))
                    self.assertNotEqual(pages[-1].next, after)
                self.assertGreater(len(pages), 1)
                self.assertIn(b"", [page.output for page in pages])
                found = [json.loads(line)["name"] for page in pages for line in page.lines()]
                self.assertEqual(found, ["zz.png"])
                for words in (words, ["list", "--match", "z*.png", "--sort", sort],
                              ["list", "--csv", "--match", "z*.png", "--sort", sort, "--limit", "1"]):
                    owners, theirs = self.outputs(*words)
                    self.assertIn("zz.png", owners[1])
                    self.assertEqual(theirs, owners)
        self.assertEqual(daemon.stop(), 0)

    def test_rights(self):
        """A refusal tells other users which group they need."""
        daemon = self.start()
        for groups in ("", "4"):
            status, out, log = self.command(STRANGER, groups, "stats")
            self.assertEqual((status, out), (74, ""))
            self.assertRegex(log, f"the user {STRANGER} may not send requests here: ask as root, or have a group")
        for words in (["dead", "retry"], ["dead", "drop"], ["reprocess"], ["reprocess", "cancel", "1"],
                      ["reprocess", "wait", "1"]):
            status, out, log = self.command(MEMBER, str(GROUP), *words)
            self.assertEqual((status, out), (74, ""), log)
            self.assertIn(f"the user {MEMBER} may not send requests here: ask as", log)
            with self.assertRaisesRegex(AssertionError, "a query socket"):
                control.ask(self.sockets / "query.sock", words)
        self.configure("")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "read anew" in daemon.log(), "the reload", daemon.log)
        # A reader with the old groups may still answer for a moment.
        wait_for(lambda: self.command(MEMBER, str(GROUP), "stats")[0] == 74, "the refusal",
                 daemon.log)
        self.assertEqual(daemon.stop(), 0)
        status, _out, log = self.command(MEMBER, str(GROUP), "stats")
        self.assertEqual(status, 74, log)
        self.assertRegex(log, "permission denied; run thumbq as root")

    def connect_as(self, user, n):
        """Connects `n` clients of a user, each of which waits for the next event."""
        path = self.sockets / "query.sock"
        newest = control.ask(path, ["events"]).next

        def connect():
            # The kernel's queue of connections may be full for a moment.
            with contextlib.suppress(BlockingIOError):
                return control.Client(path)

        os.setegid(GROUP)
        os.seteuid(user)
        try:
            clients = [wait_for(connect, "a connection") for _ in range(n)]
        finally:
            os.seteuid(0)
            os.setegid(0)
        for client in clients:
            self.addCleanup(client.socket.close)
            with contextlib.suppress(BrokenPipeError):
                client.send(control.question(["events"], after=newest, wait=True))
        return clients

    def refusal(self, client):
        """Returns the refusal that a client has received, or None if it waits."""
        client.socket.setblocking(False)
        try:
            return control.parse_refusal(client.receive())
        except BlockingIOError:
            return None
        finally:
            client.socket.settimeout(60)

    def test_waiting_clients(self):
        """Very many waiting clients of some users keep neither the owner nor another user out."""
        daemon = self.start()
        waiting = []
        for user in range(FIRST_OF_MANY, FIRST_OF_MANY + 3):
            with self.subTest(user=user):
                clients = self.connect_as(user, 128)
                for other, groups in ((0, ""), (MEMBER, str(GROUP))):
                    status, _out, log = self.command(other, groups, "stats")
                    self.assertEqual((status, log), (0, ""))
                # The server accepts in order, so it has accepted or refused all of the clients.
                refusals = [self.refusal(client) for client in clients]
                waiting += [c for c, refusal in zip(clients, refusals) if not refusal]
                self.assertEqual({r[0] for r in refusals if r}, {21})
                self.assertIsNone(refusals[0])
                self.assertRegex(refusals[-1][1], "and [0-9]+ of them are of your user")
        self.bucket.put("new.png", png(30, 30, RED))
        for client in waiting:
            self.assertIn("new.png", control.receive_answer(client).lines()[0])
        self.assertEqual(daemon.stop(), 0)

    def test_writers(self):
        """Writers let the daemon sweep, and wait for it. Readers may not."""
        self.configure(f"readers = {GROUP}\nwriters = {WRITERS}")
        daemon = self.start()
        for words in (["sync"], ["sweep", "store"]):
            owners = self.command(0, "", *words)
            self.assertEqual(owners[0], 0, owners)
            self.assertEqual(self.command(MEMBER, str(WRITERS), *words), owners)
            status, _out, log = self.command(MEMBER, str(GROUP), *words)
            self.assertEqual(status, 74, log)
            self.assertIn("may not send requests here", log)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(os.listdir(self.sockets), [])

    def as_writer(self, *words):
        """Returns the output of a command for a user who may change, and may neither ask nor open
        the store."""
        status, out, log = self.command(MEMBER, str(WRITERS), *words)
        self.assertEqual(status, 0, log)
        return out

    def objects(self):
        return json.loads(self.command(0, "", "stats", "--json")[1])["objects"]

    def test_writers_change_dead_letters(self):
        self.configure(f"writers = {WRITERS}")
        self.bucket.put("other/broken.png", png(40, 30, BLUE)[:60])
        daemon = self.start()
        self.assertEqual(self.command(MEMBER, str(WRITERS), "stats")[0], 74)
        self.assertEqual(self.as_writer("dead", "retry"), "2 objects queued\n")
        self.command(0, "", "sync")
        self.assertEqual(self.objects()["dead"], 2)
        self.assertEqual(self.as_writer("dead", "drop", "--prefix", "other/"), "1 object dropped\n")
        self.assertEqual(self.as_writer("dead", "drop", "--match", "*.gif"), "0 objects dropped\n")
        self.assertEqual((self.objects()["dead"], self.objects()["skipped"]), (1, 1))
        self.assertEqual(daemon.stop(), 0)
        status, out, log = self.command(MEMBER, str(WRITERS), "dead", "retry")
        self.assertEqual((status, out), (74, ""), log)
        self.assertIn("permission denied", log)

    def test_writers_begin_jobs(self):
        self.configure(f"writers = {WRITERS}")
        daemon = self.start()
        status, out, log = self.command(MEMBER, str(WRITERS), "reprocess", "--match", "?.png")
        self.assertEqual(status, 0, log)
        self.assertRegex(out, r"^job 1 SUCCEEDED: 5 objects in ")
        job = json.loads(self.as_writer("reprocess", "--prefix", "2", "--detach", "--json"))
        self.assertEqual((job["id"], job["filters"]), (2, "--prefix 2"))
        done = json.loads(self.as_writer("reprocess", "wait", "2", "--json"))
        self.assertEqual((done["state"], done["total"], done["done"]), ("SUCCEEDED", 1, 1))
        owners = json.loads(self.command(0, "", "reprocess", "status", "2", "--json")[1])
        self.assertEqual(done, owners)
        status, out, log = self.command(MEMBER, str(WRITERS), "reprocess", "cancel", "2")
        self.assertEqual((status, out), (1, "job 2 has ended already: SUCCEEDED\n"), log)
        status, out, log = self.command(MEMBER, str(WRITERS), "reprocess", "cancel")
        self.assertEqual((status, out), (2, ""), log)
        self.assertIn("needs the number of the job", log)
        # A command that reads is a question, which only readers may ask.
        for words in (["reprocess", "--dry-run"], ["reprocess", "list"], ["reprocess", "status"]):
            status, out, log = self.command(MEMBER, str(WRITERS), *words)
            self.assertEqual((status, out), (74, ""), log)
        self.configure(f"readers = {GROUP}\nwriters = {WRITERS}")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "read anew" in daemon.log(), "the reload", daemon.log)
        planned = self.command(0, "", "reprocess", "--dry-run")
        self.assertIn("would be made once more", planned[1])
        # A reader with the old groups may still answer for a moment.
        wait_for(lambda: self.command(MEMBER, str(GROUP), "reprocess", "--dry-run") == planned,
                 "the new groups", daemon.log)
        self.assertEqual(daemon.stop(), 0)

    def test_socket_of_somebody_else(self):
        """A user who may write to the folder of the sockets could listen there, so no command
        connects."""
        self.sockets.chmod(0o777)
        daemon = self.start()
        self.assertIn("other users may write to the folder", daemon.log())
        self.sockets.chmod(0o711)
        fake = control.socket.socket(control.socket.AF_UNIX, control.socket.SOCK_SEQPACKET)
        self.addCleanup(fake.close)
        fake.bind(os.fspath(self.sockets / "query.sock"))
        os.chown(self.sockets, STRANGER, STRANGER)
        fake.listen(1)
        os.chown(self.sockets, MEMBER, MEMBER)
        status, _out, log = self.command(MEMBER, str(GROUP), "stats")
        self.assertNotEqual(status, 0, log)
        self.assertEqual(daemon.stop(), 0)

    def test_followed(self):
        """events --follow works for a user of `[access]`."""
        daemon = self.start()
        follower = subprocess.Popen(
            ["setpriv", f"--reuid={MEMBER}", f"--regid={MEMBER}", f"--groups={GROUP}", self.program,
             "events", "--follow", "--json", "--config", self.config, "--bucket",
             self.bucket.path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        self.addCleanup(follower.stdout.close)
        seen = [follower.stdout.readline() for _ in range(12)]
        self.assertTrue(all(json.loads(line) for line in seen))
        self.bucket.put("new.png", png(30, 30, RED))
        self.assertTrue(any("new.png" in follower.stdout.readline() for _ in range(1)))
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
