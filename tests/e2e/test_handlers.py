# SPDX-License-Identifier: Apache-2.0
"""Worker processes: separate, locked in, and killed; and their work after the death of a worker or
of the daemon."""

import contextlib
import os
import pwd
import re
import resource
import signal
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).resolve().parents[1] / "support"))

from harness import (BLUE, DEADLINE_S, GREEN, RED, SANITIZED, THUMBQ, E2ETest, check_sanitizers,
                     descriptors, is_alive, main, parse_reports, png, slow_png, wait_for)
from others import for_others

ANOTHER = 64126
FEW = 128  # descriptors: fewer than leave_unread leaves on their way
IMAGE_LIBRARIES = re.compile(r"lib(vips|jpeg|png|webp|tiff|heif|gif|exif)")


def leave_unread(uid):
    """Returns sockets in which 200 descriptors that this user has sent wait to be read."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            for _ in range(2):
                socket.send_fds(ours, [b"x"], [ours.fileno()] * 100)
            os._exit(0)
        finally:
            os._exit(1)
    _pid, status = os.waitpid(pid, 0)
    assert status == 0, status
    return ours, theirs


class HandlersTest(E2ETest):

    def start_used(self, jobs, name="a.png"):
        """Starts a daemon, one worker of which has made a picture. The worker serves uploads: a picture
        that the first scan finds would have got a nice one."""
        daemon = self.bucket.start("--jobs", str(jobs))
        self.bucket.sync()
        self.bucket.put(name, png(64, 64, RED))
        self.bucket.wait_record(name)
        return daemon


class Isolation(HandlersTest):

    def test_daemon_loads_no_image_library(self):
        daemon = self.start_used(1)
        self.assertNotRegex(Path(f"/proc/{daemon.pid}/maps").read_text(), IMAGE_LIBRARIES)

    @unittest.skipUnless(os.geteuid() == 0, "workers can be looked into by root only")
    def test_workers_load_image_libraries(self):
        """Workers load the libraries that the test above does not find in the daemon."""
        daemon = self.start_used(1)
        worker, = daemon.wait_workers(1)
        self.assertNotEqual(worker, daemon.pid)
        self.assertRegex(Path(f"/proc/{worker}/maps").read_text(), IMAGE_LIBRARIES)

    @unittest.skipUnless(os.geteuid() == 0, "workers can be looked into by root only")
    def test_worker_holds_no_path(self):
        daemon = self.start_used(1, "first.png")
        worker = daemon.pause_worker()
        slow = self.bucket.put("slow.png", slow_png())
        self.bucket.wait_for(lambda: self.bucket.stats()["objects"]["running"] == 1,
                             "the order to be sent")
        os.kill(worker, signal.SIGCONT)
        held = wait_for(lambda: (found := descriptors(worker)) and
                        os.fspath(slow) in found.values() and found, "the order to be read",
                        daemon.log)
        os.kill(worker, signal.SIGSTOP)
        log = os.readlink(f"/proc/{daemon.pid}/fd/2")  # sanitizers need these, and no others
        self.assertEqual(held.pop(2), log if SANITIZED else "/dev/null")
        unexpected = [target for target in held.values()
                      if not target.startswith("socket:") and not target.endswith("(deleted)") and
                      target not in (os.fspath(slow), "/dev/null", f"/proc/{worker}/clear_refs")]
        self.assertEqual(unexpected, [])
        os.kill(worker, signal.SIGCONT)
        self.bucket.wait_record("slow.png")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_each_worker_of_root_is_a_user_of_its_own(self):
        daemon = self.start_used(2)
        daemon.pause_worker()
        self.bucket.put("b.png", png(64, 64, RED))  # for the worker that stands still, or for
        self.bucket.put("c.png", png(64, 64, RED))  # the second one
        users = set()
        for worker in daemon.wait_workers(2):
            os.kill(worker, signal.SIGCONT)
        self.bucket.sync()
        for worker in daemon.wait_workers(2):
            status = Path(f"/proc/{worker}/status").read_text()
            user, = set(re.search(r"^Uid:\t(.*)$", status, re.M)[1].split())
            group, = set(re.search(r"^Gid:\t(.*)$", status, re.M)[1].split())
            self.assertEqual(user, group)
            self.assertNotIn(int(user), [entry.pw_uid for entry in pwd.getpwall()])
            self.assertRegex(status, r"(?m)^Groups:\s*$")
            self.assertRegex(status, r"(?m)^NoNewPrivs:\t1$")
            self.assertRegex(status, r"(?m)^CapEff:\t0+$")
            users.add(user)
        self.assertEqual(len(users), 2)


class Trouble(HandlersTest):

    def wait_running(self):
        """Waits until an invocation is under way, and the record says so."""
        data = self.bucket.state / "store" / "data.mdb"
        self.bucket.wait_for(
            lambda: data.exists() and self.bucket.stats()["objects"]["running"] == 1,
            "an invocation to be under way")

    def test_killed_worker_costs_one_retry(self):
        """The death costs at most one retry: the work of a worker that has served before gets
        another worker without an attempt."""
        names = [f"{i}.png" for i in range(150)]
        for i, name in enumerate(names):
            self.bucket.put(name, png(400, 400, (i, 0, 0)))
        daemon = self.bucket.start_once("--jobs", "1")
        worker = daemon.pause_worker()  # it is never idle before the last picture
        self.wait_running()
        os.kill(worker, signal.SIGKILL)
        self.assertEqual(daemon.wait(), 0, daemon.log())
        records = self.check_bucket(names)
        failed = [r for r in daemon.reports() if "Error Type" in r]
        self.assertLessEqual(len(failed), 1)
        self.assertEqual({r["Error Type"] for r in failed} - {"handler_crashed"}, set())
        attempts = {row["name"]: row["attempts"] for row in records.values()}
        self.assertEqual([n for n in attempts if attempts[n] != 1], [r["Key"] for r in failed])
        for report in failed:
            log = self.bucket.show(report["Key"])["attempts_log"]
            self.assertEqual([a["error"] for a in log], ["handler_crashed", None])
        n = len(failed)
        invocations = self.bucket.stats()["invocations"]
        self.assertEqual((invocations["count"], invocations["errors"], invocations["retries"]),
                         (len(names) + n, n, n))

    def test_killed_fork_server_costs_nothing(self):
        daemon = self.start_used(2)
        for pid in daemon.handlers():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not daemon.handlers(), "them to be reaped", daemon.log)
        self.bucket.put("b.png", png(20, 20, RED))
        row = self.bucket.wait_record("b.png")
        self.assertEqual(row["attempts"], 1)

    def test_hanging_worker_is_killed_at_the_timeout(self):
        """The file gets one retry, though other files get two. It gets two more for the time by the
        clock, because it has used no CPU time."""
        self.bucket.configure("[handler]\ntimeout = 500ms\nretries = 2\n")
        self.bucket.put("slow.png", slow_png())
        daemon = self.bucket.start_once("--jobs", "1")
        stopped = set()

        def stop_all():
            for pid in daemon.workers():
                with contextlib.suppress(ProcessLookupError):  # it may end meanwhile
                    os.kill(pid, signal.SIGSTOP)
                    stopped.add(pid)
            return not daemon.is_running()

        self.bucket.wait_for(stop_all, "the daemon to give up")
        self.assertEqual(daemon.wait(), 1, daemon.log())
        self.assertEqual([r["Status"] for r in daemon.reports()], ["timeout"] * 4)
        row = self.check_bucket(["slow.png"])[b"slow.png"]
        self.assertEqual(row["state"], "dead")
        self.assertEqual((row["error"]["name"], row["error"]["class"]), ("timeout", "retry"))
        self.assertEqual(row["attempts"], 2)
        self.assertGreaterEqual(row["duration_ms"], 500)
        for pid in stopped:
            self.assertFalse(is_alive(pid))

    def test_death_of_a_used_worker_costs_nothing(self):
        """An earlier invocation may have harmed the worker, so the next one gets a worker of its own."""
        daemon = self.start_used(1, "first.png")
        worker = daemon.pause_worker()
        self.bucket.put("victim.png", png(20, 20, RED))
        self.wait_running()
        os.kill(worker, signal.SIGKILL)
        row = self.bucket.wait_record("victim.png")
        self.assertEqual(row["attempts"], 1)
        self.assertNotIn(worker, daemon.workers())

    def test_crash_does_not_hold_others_up(self):
        daemon = self.bucket.start("--jobs", "1")
        self.bucket.put("victim.png", slow_png())

        def crash():
            """A worker that has no order yet, or that has served before, costs nothing: the next one is
            killed, too."""
            if self.is_pending("victim.png"):
                return True
            for pid in daemon.workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return False

        self.bucket.wait_for(crash, "a crash that counts")
        self.bucket.put("next.png", png(20, 20, RED))
        self.bucket.wait_record("next.png")
        row = self.bucket.wait_record("victim.png", "pending")
        self.assertEqual(row["attempts"], 1)
        self.assertEqual(row["attempts_log"][0]["error"], "handler_crashed")
        self.assertGreater(row["due"], row["uploaded"], "the retry waits")

    def is_pending(self, name):
        row = self.bucket.records().get(os.fsencode(name))
        return row is not None and row["state"] == "pending" and row["attempts"] > 0

    def test_source_that_changes_while_it_is_read_is_done_again(self):
        daemon = self.start_used(1, "first.png")
        worker = daemon.pause_worker()
        self.bucket.put("a.png", png(20, 20, GREEN))
        self.wait_running()
        self.bucket.put("a.png", png(40, 20, BLUE))
        os.kill(worker, signal.SIGCONT)
        row = self.bucket.wait_record("a.png")
        self.assertEqual((row["width"], row["height"]), (40, 20))
        self.assertEqual(row["attempts"], 1, "only the newest version counts")
        self.check_bucket(["a.png", "first.png"])
        self.assert_color(self.bucket.small("a.png"), BLUE)

    def test_source_that_goes_while_it_is_read_leaves_nothing(self):
        daemon = self.start_used(1, "first.png")
        worker = daemon.pause_worker()
        path = self.bucket.put("a.png", png(20, 20, GREEN))
        self.wait_running()
        path.unlink()
        self.bucket.wait_gone("a.png")
        os.kill(worker, signal.SIGCONT)
        self.bucket.sync()
        self.check_bucket(["first.png"])

    def test_source_that_is_renamed_while_it_is_read(self):
        daemon = self.start_used(1, "first.png")
        worker = daemon.pause_worker()
        path = self.bucket.put("a.png", png(20, 20, GREEN))
        self.wait_running()
        os.rename(path, self.bucket.path / "b.png")
        self.bucket.wait_gone("a.png")
        os.kill(worker, signal.SIGCONT)
        self.bucket.wait_record("b.png")
        self.bucket.sync()
        self.check_bucket(["first.png", "b.png"])

    def test_missing_handler_is_an_error_and_no_loss(self):
        self.bucket.put("a.png", png(20, 20, RED))
        broken = self.bucket.command("run", "--once", self.bucket.path,
                                     env={"THUMBQ_HANDLER": "/nonexistent/handler"})
        self.assertNotIn(broken.status, (0, 1), broken.log)
        self.assertIn("/nonexistent/handler", broken.log)
        self.assertEqual(self.bucket.list()[0]["state"], "pending")
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_bucket(["a.png"])


class Ending(HandlersTest):

    def test_signal_drains_and_exits_0(self):
        for signum in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=signum.name):
                first, last = f"first-{signum}.png", f"last-{signum}.png"
                daemon = self.start_used(1, first)
                worker = daemon.pause_worker()
                self.bucket.put(last, png(20, 20, RED))
                self.bucket.wait_for(lambda: self.bucket.stats()["objects"]["running"] == 1,
                                     "the invocation to be under way")
                daemon.process.send_signal(signum)
                self.bucket.wait_for(lambda: "stopping when 1 running" in daemon.log(),
                                     "the daemon to begin to stop")
                self.assertTrue(daemon.is_running())
                os.kill(worker, signal.SIGCONT)
                self.assertEqual(daemon.wait(), 0, daemon.log())
                self.assertFalse(is_alive(worker))
                self.assertEqual(self.bucket.show(last)["state"], "done")
                self.check_bucket()

    def test_idle_daemon_ends_at_once(self):
        daemon = self.bucket.start()
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertFalse((self.bucket.state / "control").exists())

    def test_second_signal_does_not_wait(self):
        daemon = self.start_used(1, "first.png")
        worker = daemon.pause_worker()
        self.bucket.put("last.png", png(20, 20, RED))
        self.bucket.wait_for(lambda: self.bucket.stats()["objects"]["running"] == 1,
                             "the invocation to be under way")
        daemon.process.send_signal(signal.SIGTERM)
        self.bucket.wait_for(lambda: "stopping when" in daemon.log(), "the first to be heard")
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertFalse(is_alive(worker))
        self.assertEqual(self.bucket.once().status, 0)
        self.check_bucket(["first.png", "last.png"])

    def test_killed_daemon_leaves_no_process_behind(self):
        names = [f"{i}.png" for i in range(60)]
        for i, name in enumerate(names):
            self.bucket.put(name, png(300, 300, (i, 0, 0)))
        daemon = self.bucket.start_once("--jobs", "2")
        daemon.wait_workers(2)
        daemon.kill()  # waits until all its handlers are gone
        done = self.bucket.once()
        self.assertEqual(done.status, 0, done.log)
        self.check_bucket(names)

    def test_second_daemon_is_refused(self):
        daemon = self.bucket.start()
        second = self.bucket.once()
        self.assertEqual(second.status, 4, second.log)
        self.assertIn(f"process {daemon.pid}", second.log)
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.wait_record("a.png")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.bucket.once().status, 0)

    def as_another(self):
        """Gives the bucket to a user who is not root. Returns its id, and options of subprocess."""
        uid, user = os.geteuid(), {}
        if uid == 0:  # root has no limit of descriptors on their way
            uid, user = ANOTHER, {"user": ANOTHER, "group": ANOTHER, "extra_groups": []}
            os.chown(self.bucket.path, uid, uid)
        self.bucket.put("a.png", png(40, 30, RED)).chmod(0o644)
        return uid, user

    def check_report(self, log):
        """The log has one report, of a success."""
        check_sanitizers(log)
        report, = parse_reports(log)
        self.assertNotIn("Error Type", report)
        self.assert_color(self.bucket.small("a.png"), RED)

    def test_descriptors_on_their_way(self):
        """The kernel refuses to send descriptors while their user has more of them on their way
        than the sender may have open. A worker may have few, and sends one with its greeting."""
        uid, user = self.as_another()
        for end in leave_unread(uid):
            self.addCleanup(end.close)
        result = subprocess.run([for_others(THUMBQ), "run", "--once", self.bucket.path],
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                timeout=DEADLINE_S, **user)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.check_report(result.stderr)

    def test_descriptors_on_their_way_from_the_daemon(self):
        """The daemon itself may send none: the picture waits, and costs no attempt."""
        uid, user = self.as_another()
        ends = leave_unread(uid)
        log = self.bucket.root / "log"
        with open(log, "wb") as out:
            daemon = subprocess.Popen(
                [for_others(THUMBQ), "run", self.bucket.path], stdin=subprocess.DEVNULL, stderr=out,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW)), **user)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.kill)
        wait_for(lambda: "oo many references" in log.read_text(), "the kernel to refuse",
                 log.read_text)
        for end in ends:
            end.close()
        wait_for(lambda: parse_reports(log.read_text()), "a report", log.read_text)
        daemon.terminate()
        self.assertEqual(daemon.wait(DEADLINE_S), 0, log.read_text())
        self.check_report(log.read_text())


if __name__ == "__main__":
    main()
