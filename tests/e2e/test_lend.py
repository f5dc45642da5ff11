# SPDX-License-Identifier: Apache-2.0
"""Work is lent at lend.sock to a borrower, which does it with a pool of its own, or fails to. All
work is done once, with the results of a local pool, whatever becomes of the borrower."""

import os
import shutil
import signal
import subprocess
import unittest
from pathlib import Path

from harness import GREEN, HANDLER, RED, SOURCE_DIR, E2ETest, jpeg, main, png, slow_png, wait_for

BORROWER = os.environ.get("BORROWER", str(SOURCE_DIR / "build" / "tests" / "borrower"))
LARGE = "[rendition large]\nsize = 1024x1024\nformat = png\n"


class Borrower:

    def __init__(self, bucket, deed="work", room=50, program=BORROWER, handler=HANDLER):
        self.socket = Path(bucket.path) / ".thumbq" / "lend.sock"
        self.output = Path(f"{bucket.path}-{deed}-borrower")
        wait_for(self.socket.exists, "the socket")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([program, self.socket, handler, str(room), deed],
                                            stdout=output)
        # Before that the daemon does the work itself.
        wait_for(lambda: self.count("welcome") or self.process.poll() is not None, "the welcome")

    def count(self, word):
        return self.output.read_text().split().count(word)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Lend(E2ETest):

    def configure(self, lend, more="", borrowers=""):
        self.bucket.configure(f"[handler]\nlend = {lend}\nbackfill_nice = 0\n{more}"
                              f"[access]\nborrowers = {borrowers}\n{LARGE}")

    def borrower(self, *arguments, **options):
        borrower = Borrower(self.bucket, *arguments, **options)
        self.addCleanup(borrower.kill)
        return borrower

    def put_some(self, n=12):
        """Pictures whose thumbnails are small, and some that need a memory file."""
        noise = (SOURCE_DIR / "sample-images").rglob("*.jpg")
        for i in range(n):
            self.bucket.put(f"{i}.png", png(60 + i, 40, GREEN))
        for i, path in zip(range(3), sorted(noise)):
            self.bucket.put(f"sample-{i}.jpg", path.read_bytes())
        return [f"{i}.png" for i in range(n)] + [f"sample-{i}.jpg" for i in range(3)]

    def wait_all(self, names):
        for name in names:
            self.bucket.wait_record(name)

    def test_without_borrowers_there_is_no_socket(self):
        """The socket comes as soon as a group may borrow, and goes with the last one."""
        socket = Path(self.bucket.path) / ".thumbq" / "lend.sock"
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(10, 10, RED))
        self.bucket.wait_record("a.png")
        self.assertFalse(socket.exists(), daemon.log())
        self.bucket.configure(f"[access]\nborrowers = {os.getegid()}\n")
        os.kill(daemon.pid, signal.SIGHUP)
        wait_for(socket.exists, "the socket", daemon.log)
        self.bucket.configure("[access]\nborrowers =\n")
        os.kill(daemon.pid, signal.SIGHUP)
        wait_for(lambda: not socket.exists(), "the socket to go", daemon.log)

    def test_lent_work_is_the_same(self):
        self.configure("always")
        daemon = self.bucket.start("--jobs", "1")
        borrower = self.borrower()
        self.wait_until_lent(borrower, daemon)
        names = self.put_some()
        self.wait_all(names)
        self.bucket.sync()
        wait_for(lambda: borrower.count("ok") >= borrower.count("order"), "the verdicts")
        self.assertGreaterEqual(borrower.count("ok"), len(names))
        self.assertEqual((borrower.count("stale"), borrower.count("bad")), (0, 0))
        self.check_bucket()
        self.check_workers(daemon, names)
        reported = [report["Key"] for report in daemon.reports()]
        self.assertEqual(sorted(reported), sorted(set(reported)))
        made = {path.relative_to(self.bucket.path): path.read_bytes()
                for path in (Path(self.bucket.path) / "thumbnails").rglob("*") if path.is_file()}
        daemon.stop()
        shutil.rmtree(Path(self.bucket.path) / "thumbnails")
        shutil.rmtree(Path(self.bucket.path) / ".thumbq" / "store")
        self.configure("never")
        self.assertEqual(self.bucket.once().status, 0)
        here = {path.relative_to(self.bucket.path): path.read_bytes()
                for path in (Path(self.bucket.path) / "thumbnails").rglob("*") if path.is_file()}
        self.assertEqual(made, here)

    def check_workers(self, daemon, names):
        """The report and the record of each object name the same machine: the borrower's, or none
        for this one."""
        workers = {report["Key"]: report.get("Worker") for report in daemon.reports()}
        self.assertEqual(set(workers.values()) - {None}, {"loopback"}, daemon.log())
        for name in names:
            self.assertEqual(self.bucket.show(name)["worker"], workers[name])
        name = next(name for name in names if workers[name])
        shown = self.bucket.command("show", name, "--bucket", self.bucket.path).out
        self.assertRegex(shown, r"worker +loopback")

    def wait_until_lent(self, borrower, daemon):
        """Puts pictures until the borrower has done one."""
        def is_lent():
            self.n_tried = getattr(self, "n_tried", 0) + 1
            self.bucket.put(f"try-{self.n_tried}.png", png(20, 20, RED))
            self.bucket.wait_record(f"try-{self.n_tried}.png")
            return borrower.count("ok")
        wait_for(is_lent, "something to be lent", daemon.log)

    def test_this_machine_comes_first(self):
        self.configure("auto", borrowers=os.getegid())
        daemon = self.bucket.start("--jobs", "1")
        borrower = self.borrower()
        for i in range(3):
            self.bucket.put(f"{i}.png", slow_png())
            self.bucket.wait_record(f"{i}.png")
        self.assertEqual(borrower.count("order"), 0)
        self.bucket.put("stopped.png", slow_png())
        pid = daemon.pause_worker()
        for i in range(3):
            self.bucket.put(f"lent-{i}.png", png(30, 30, RED))
            self.bucket.wait_record(f"lent-{i}.png")
        self.assertEqual(borrower.count("order"), 3)
        os.kill(pid, signal.SIGCONT)
        self.bucket.wait_record("stopped.png")
        self.check_bucket()

    def test_large_files_stay_here(self):
        self.configure("always", "lend_up_to = 2K\n")
        daemon = self.bucket.start("--jobs", "1")
        borrower = self.borrower()
        self.wait_until_lent(borrower, daemon)
        before = borrower.count("order")
        for i in range(5):
            self.bucket.put(f"{i}.jpg", jpeg(600, 500) + bytes(4000))
            self.bucket.wait_record(f"{i}.jpg")
        self.assertEqual(borrower.count("order"), before)

    def test_a_borrower_that_is_killed(self):
        """The daemon does the borrower's work itself, as if it had not been lent: no attempt is
        counted."""
        self.configure("always")
        daemon = self.bucket.start("--jobs", "1")
        borrower = self.borrower("sit", room=8)
        names = self.put_some()
        wait_for(lambda: borrower.count("order") == 8, "orders", daemon.log)
        borrower.kill()
        self.wait_all(names)
        for name in names:
            self.assertEqual(self.bucket.show(name)["attempts"], 1)
        self.check_bucket()

    def test_borrowers_that_are_killed_at_work(self):
        self.configure("always")
        daemon = self.bucket.start("--jobs", "1")
        names = self.put_some(40)
        for i in range(4):
            borrower = self.borrower(room=5)
            wait_for(lambda: borrower.count("order") > 2 or not self.is_pending(), "orders",
                     daemon.log)
            borrower.kill()
        self.wait_all(names)
        self.bucket.sync()
        self.assertEqual(self.bucket.stats()["objects"]["dead"], 0)
        self.check_bucket()

    def is_pending(self):
        objects = self.bucket.stats()["objects"]
        return objects["pending"] + objects["running"] > 0

    def test_a_borrower_that_hands_all_back(self):
        """Work that came back is done here: nothing is lent twice."""
        self.configure("always")
        daemon = self.bucket.start("--jobs", "1")
        borrower = self.borrower("back", room=4)
        names = self.put_some(20)
        self.wait_all(names)
        self.bucket.sync()
        self.assertGreaterEqual(borrower.count("order"), 1, daemon.log())
        self.assertLessEqual(borrower.count("order"), len(names))
        for name in names:
            self.assertEqual(self.bucket.show(name)["attempts"], 1)
        self.check_bucket()

    def test_lies_count_for_nothing(self):
        for deed in ("unsealed", "garbage"):
            with self.subTest(deed=deed):
                self.configure("always")
                daemon = self.bucket.start("--jobs", "1")
                borrower = self.borrower(deed, room=3)
                for i in range(6):
                    self.bucket.put(f"{deed}-{i}.png", png(50, 50 + i, GREEN))
                self.assertEqual(borrower.process.wait(), 0)
                for i in range(6):
                    self.bucket.wait_record(f"{deed}-{i}.png")
                    self.assertEqual(self.bucket.show(f"{deed}-{i}.png")["attempts"], 1)
                self.assertIn("a borrower is not believed", daemon.log())
                self.assertEqual(borrower.count("bad"), 1)
                self.check_bucket()
                daemon.stop()

    def test_a_second_answer_is_stale(self):
        self.configure("always")
        daemon = self.bucket.start("--jobs", "1")
        borrower = self.borrower("late")
        self.wait_until_lent(borrower, daemon)
        names = self.put_some()
        self.wait_all(names)
        wait_for(lambda: borrower.count("stale") >= len(names), "verdicts", daemon.log)
        wait_for(lambda: borrower.count("stale") == borrower.count("ok"), "verdicts", daemon.log)
        self.check_bucket()

    def test_the_end_does_not_wait_for_a_borrower(self):
        self.configure("always")
        daemon = self.bucket.start("--jobs", "1")
        borrower = self.borrower("sit", room=1)
        wait_for(lambda: self.put_one() and borrower.count("order") >= 1, "an order", daemon.log)
        self.assertEqual(daemon.stop(), 0, daemon.log())
        wait_for(lambda: borrower.count("recall") >= 1, "the recall", daemon.log)
        self.assertFalse((Path(self.bucket.path) / ".thumbq" / "lend.sock").exists())
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket()

    def put_one(self):
        self.bucket.put("one.png", png(9, 9, RED))
        return True

    def test_reload(self):
        """The socket appears and disappears with the setting."""
        self.configure("never")
        daemon = self.bucket.start("--jobs", "1")
        socket = Path(self.bucket.path) / ".thumbq" / "lend.sock"
        self.assertFalse(socket.exists())
        self.configure("always")
        os.kill(daemon.pid, signal.SIGHUP)
        borrower = self.borrower()
        self.wait_until_lent(borrower, daemon)
        self.configure("never")
        os.kill(daemon.pid, signal.SIGHUP)
        self.assertEqual(borrower.process.wait(), 0)
        wait_for(lambda: not socket.exists(), "the socket to go", daemon.log)
        self.bucket.put("b.png", png(20, 20, RED))
        self.bucket.wait_record("b.png")

    def test_sockets_are_where_the_names_are(self):
        """The state folder is moved and made anew, and then the socket itself is removed."""
        self.configure("always")
        daemon = self.bucket.start("--jobs", "1")
        state = Path(self.bucket.path) / ".thumbq"
        for name in ("lend.sock", "query.sock"):
            wait_for((state / name).exists, name, daemon.log)
        state.rename(Path(self.bucket.path) / ".old")
        for name in ("lend.sock", "query.sock"):
            wait_for((state / name).exists, f"a new {name}", daemon.log)
            (state / name).unlink()
            wait_for((state / name).exists, f"{name} once more", daemon.log)
        self.wait_until_lent(self.borrower(), daemon)
        self.check_bucket()


# Sends a hello to a socket, and prints the length of the answer: 0 if the connection has ended.
HELLO = """
import socket, struct, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
    peer.connect(sys.argv[1])
    try:
        peer.send(struct.pack("<IHBIH", 0x4e4c5154, 1, 1, 5, 0))
        print(len(peer.recv(100)), flush=True)
        if "stay" in sys.argv:
            peer.settimeout(60)
            print(len(peer.recv(100)))
    except (BrokenPipeError, ConnectionResetError):
        print(0)
"""
GROUP, STRANGER = 64123, 64124


@unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
class Peers(E2ETest):
    """Users that may borrow from a service: its socket lies in /run/thumbq, open to its group."""

    def setUp(self):
        super().setUp()
        name = f"e2e-{os.getpid()}-{self._testMethodName}"
        self.state, sockets = Path("/var/lib/thumbq") / name, Path("/run/thumbq") / name
        self.socket = sockets / "lend.sock"
        for folder, mode in ((self.state, 0o700), (sockets, 0o711)):
            if not folder.parent.exists():
                folder.parent.mkdir(parents=True)
                self.addCleanup(folder.parent.rmdir)
            folder.mkdir()
            folder.chmod(mode)
            self.addCleanup(shutil.rmtree, folder)

    def configure(self, borrowers):
        config = self.bucket.root / "service.conf"
        config.write_text(f"[bucket]\nstate = {self.state}\n[handler]\nlend = auto\n"
                          f"[access]\nborrowers = {borrowers}\n")
        return config

    def start(self, borrowers):
        daemon = self.bucket.start("--config", os.fspath(self.configure(borrowers)))
        wait_for(self.socket.exists, "the socket", daemon.log)
        return daemon

    def command(self, groups, *more):
        """Says hello as a stranger with these groups."""
        return ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}",
                f"--groups={','.join(map(str, groups))}", "python3", "-c", HELLO, self.socket,
                *more]

    def hello(self, *groups):
        """Returns the bytes of the answer to a stranger with these groups; None if it cannot
        connect."""
        result = subprocess.run(self.command(groups), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        if "PermissionError" in result.stderr:
            return None
        self.assertEqual(result.returncode, 0, result.stderr)
        return int(result.stdout)

    def test_groups_that_are_named_may_borrow(self):
        own = os.getegid()
        daemon = self.start(GROUP)
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o660)
        self.assertIsNone(self.hello(GROUP), "the socket is open to all")
        self.assertGreater(self.hello(own, GROUP), 0, daemon.log())
        self.assertNotIn("no work is lent to", daemon.log())
        self.assertEqual(self.hello(own), 0)
        self.assertIn("no work is lent to", daemon.log())
        self.assertIn(str(STRANGER), daemon.log())

    def test_a_group_that_is_named_no_more(self):
        """A reload ends its connections, and no others."""
        own = os.getegid()
        daemon = self.start(f"{GROUP},{GROUP + 2}")
        peers = {}
        for group in (GROUP, GROUP + 2):
            peers[group] = subprocess.Popen(self.command([own, group], "stay"),
                                            stdout=subprocess.PIPE, text=True)
            self.addCleanup(peers[group].wait)
            self.addCleanup(peers[group].kill)
            self.addCleanup(peers[group].stdout.close)
            self.assertGreater(int(peers[group].stdout.readline()), 0, daemon.log())
        self.configure(GROUP + 2)
        os.kill(daemon.pid, signal.SIGHUP)
        self.assertEqual(peers[GROUP].stdout.readline().strip(), "0", daemon.log())
        wait_for(lambda: self.hello(own, GROUP) == 0, "the refusal", daemon.log)
        self.assertIsNone(peers[GROUP + 2].poll(), daemon.log())
        self.assertGreater(self.hello(own, GROUP + 2), 0, daemon.log())


if __name__ == "__main__":
    main()
