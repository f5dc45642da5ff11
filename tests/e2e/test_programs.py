# SPDX-License-Identifier: Apache-2.0
"""Several handler programs: files of a type that the second program reads are moved to it, whatever
either program does.

The programs have a second row in their table (support/second_row.c), and the second handler program
reads a made-up type (support/second_handler.c).
"""

import datetime
import os
import re
import resource
import signal
import time
import unittest
from pathlib import Path

from harness import (BLUE, GREEN, RED, SANITIZED, E2ETest, descriptors, main, png,
                     wait_for)
from test_lend import Borrower

PROGRAMS = {name: os.environ.get(f"ROWS_{name}", "")
            for name in ("THUMBQ", "THUMBNAIL", "LIAR", "BORROWER", "SECOND")}
SETTINGS = "[handler]\nretries = {retries}\nbackfill_nice = 0\nisolation = {isolation}\n{more}"


def second(width, height, color, deed="make"):
    """A picture of the made-up type."""
    return b"qoif %d %d %02x%02x%02x %s" % (width, height, *color, deed.encode())


def program_of(pid):
    """Returns the file name of the program that the process runs; "" for a process that is gone."""
    try:
        return os.path.basename(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]).decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Programs(E2ETest):

    def setUp(self):
        super().setUp()
        self.assertTrue(all(PROGRAMS.values()), "run this by ctest")
        self.configure()
        self.handler = self.install("programs")

    def install(self, folder, first="THUMBNAIL", other="SECOND"):
        """Makes a folder of handler programs. Returns the path of the first one."""
        path = self.bucket.root / folder
        path.mkdir()
        (path / "thumbq-thumbnail").symlink_to(PROGRAMS[first])
        if other:
            (path / "thumbq-second").symlink_to(PROGRAMS.get(other, other))
        return path / "thumbq-thumbnail"

    def configure(self, retries=0, isolation="owner", more=""):
        self.bucket.configure(SETTINGS.format(retries=retries, isolation=isolation, more=more))

    def start(self, *arguments, handler=None):
        return self.bucket.start(*arguments, program=PROGRAMS["THUMBQ"],
                                 env={"THUMBQ_HANDLER": os.fspath(handler or self.handler)})

    def once(self, handler=None, status=0):
        result = self.bucket.run_program(
            [PROGRAMS["THUMBQ"], "run", "--once", os.fspath(self.bucket.path)],
            env={"THUMBQ_HANDLER": os.fspath(handler or self.handler)})
        self.assertEqual(result.status, status, result.log)
        return result

    def put_both(self, folder="."):
        """Puts pictures of both kinds. Returns their keys."""
        for i in range(3):
            self.bucket.put(f"{folder}/{i}.png", png(40 + i, 30, RED))
            self.bucket.put(f"{folder}/{i}.qoi", second(50 + i, 40, GREEN))
        return [os.path.normpath(f"{folder}/{i}.{kind}") for i in range(3)
                for kind in ("png", "qoi")]

    def check_done(self, keys):
        records = self.check_bucket(keys)
        for key, row in records.items():
            self.assertEqual((row["state"], row["attempts"]), ("done", 1), row)
            self.assertEqual(row["type"], os.path.splitext(key)[1][1:].decode(), row)
            self.assert_color(self.bucket.small(row["name"]),
                              GREEN if row["type"] == "qoi" else RED)

    def test_both_kinds_are_done(self):
        daemon = self.start()
        self.bucket.put("first.png", png(40, 30, RED))
        self.bucket.wait_record("first.png")
        self.assertNotIn("thumbq-second", map(program_of, daemon.handlers()))
        keys = self.put_both()
        self.bucket.sync()
        self.check_done([*keys, "first.png"])
        self.assertIn("thumbq-second", map(program_of, daemon.handlers()))
        reports = daemon.reports()
        self.assertEqual(sorted(report["Key"] for report in reports),
                         sorted([*keys, "first.png"]))
        # The row of the second program allows twice the memory.
        self.assertEqual({(report["Key"][-3:], report["Memory Size"]) for report in reports},
                         {("png", "512 MB"), ("qoi", "1024 MB")})

    def workers_by_folder(self, isolation):
        """Returns [process ids of the second program's workers] of two folders."""
        self.configure(isolation=isolation)
        daemon = self.start("--jobs", "4")
        folders = [f"{isolation}-a", f"{isolation}-b"]
        for folder in folders:
            self.put_both(folder)
            for i in range(3):
                self.bucket.put(f"{folder}/pid-{i}.qoi", second(40, 30, GREEN, "pid"))
        self.bucket.sync()
        # The daemon holds no file that the first program got for its thumbnails.
        unnamed = [path for path in descriptors(daemon.pid).values()
                   if path.startswith(os.fspath(self.bucket.path)) and path.endswith("(deleted)")]
        self.assertEqual(unnamed, [])
        self.assertEqual(daemon.stop(), 0)
        self.check_bucket()
        colors = [[self.bucket.show(f"{folder}/pid-{i}.qoi")["color"] for i in range(3)]
                  for folder in folders]
        return [[int(color.lstrip("#"), 16) for color in row] for row in colors]

    def test_owners_have_workers_of_their_own(self):
        """A worker of the second program, as one of the first, gets files of one folder only."""
        one, other = self.workers_by_folder("owner")
        self.assertEqual(set(one) & set(other), set())

    def test_files_have_workers_of_their_own(self):
        pids = sum(self.workers_by_folder("file"), [])
        self.assertEqual(len(set(pids)), len(pids))

    def test_workers_for_all(self):
        self.workers_by_folder("none")
        for row in self.bucket.list():
            self.assertEqual(row["state"], "done", row)

    def test_one_worker_at_a_time(self):
        """The limit is shared: the idle worker of one program makes room for the other."""
        self.configure(isolation="none")
        daemon = self.start("--jobs", "1")
        keys = self.put_both()
        self.bucket.sync()
        self.check_done(keys)
        self.assertLessEqual(len(daemon.workers()), 1)

    def test_a_changed_file_moves_between_programs(self):
        self.start()
        for data, kind in ((png(40, 30, RED), "png"), (second(40, 30, BLUE), "qoi"),
                           (png(40, 30, GREEN), "png")):
            self.bucket.put("a", data)
            self.assertEqual(self.bucket.wait_record("a")["type"], kind)
        self.check_bucket(["a"])

    def test_missing_program(self):
        (self.handler.parent / "thumbq-second").unlink()
        keys = self.put_both()
        result = self.once()
        self.assertNotIn("handler_unavailable", result.log)
        records = self.check_bucket(keys)
        for row in records.values():
            is_second = row["type"] == "qoi"
            self.assertEqual((row["state"], row["attempts"]),
                             ("skipped" if is_second else "done", 1), row)
            if is_second:
                self.assertEqual(row["error"]["name"], "unsupported_type")
                self.assertIn("install the package 'thumbq-second'", row["error"]["message"])
        # Nothing is tried again before it is asked for.
        self.assertEqual(self.once().reports, [])
        (self.handler.parent / "thumbq-second").symlink_to(PROGRAMS["SECOND"])
        self.start()
        command = re.search("'thumbq (reprocess --state skipped)'", row_message(records))
        self.assertEqual(self.bucket.command(*command[1].split(), self.bucket.path).status, 0)
        self.assertEqual({row["state"] for row in self.check_bucket(keys).values()}, {"done"})

    def test_program_that_does_not_start(self):
        """The program costs each of its files the attempts that a file has, and no other file anything."""
        self.configure(retries=1)
        keys = self.put_both()
        result = self.once(self.install("broken", other="/bin/false"), status=1)
        self.assertNotIn("no handler process can be started", result.log)
        for row in self.check_bucket(keys).values():
            if row["type"] == "png":
                self.assertEqual((row["state"], row["attempts"]), ("done", 1), row)
                continue
            self.assertEqual((row["state"], row["attempts"]), ("dead", 2), row)
            self.assertEqual(row["error"]["name"], "handler_crashed")
            self.assertIn("/thumbq-second' ended: exited with status 1", row["error"]["message"])

    def start_with_server(self):
        """Starts the daemon, and returns it and the pid of the second program's fork server."""
        self.configure(isolation="file")
        daemon = self.start("--jobs", "1")
        self.bucket.put("first.qoi", second(40, 30, GREEN))
        self.bucket.wait_record("first.qoi")
        server, = (pid for pid in daemon.handlers() if program_of(pid) == "thumbq-second")
        return daemon, server

    def test_the_machine_has_too_little_for_it(self):
        """The program cannot fork: that costs no file an attempt, and work continues by itself."""
        daemon, server = self.start_with_server()
        # A request brings one descriptor, and the new process would take a second one.
        limits = resource.prlimit(server, resource.RLIMIT_NOFILE)
        used = max(map(int, descriptors(server))) + 1
        resource.prlimit(server, resource.RLIMIT_NOFILE, (used + 1, limits[1]))
        self.bucket.put("second.qoi", second(40, 30, GREEN))
        wait_for(lambda: "cannot fork a handler process" in daemon.log(), "a failure to fork",
                 daemon.log)
        resource.prlimit(server, resource.RLIMIT_NOFILE, limits)
        self.assertEqual(self.bucket.wait_record("second.qoi")["state"], "done")
        self.check_done(["first.qoi", "second.qoi"])
        self.assertEqual(len(daemon.reports()), 2, daemon.log())

    def wait_s(self, name):
        """Returns the time until the pending file is due, seconds; 0 if it is not pending."""
        row = self.bucket.show(name)
        if not row or row["state"] != "pending" or not row["due"]:
            return 0
        due = datetime.datetime.fromisoformat(row["due"].replace("Z", "+00:00"))
        return due.timestamp() - time.time()

    def test_the_wait_for_its_start_grows(self):
        """Work that waits for the program is tried again ever more rarely, up to a limit."""
        daemon, server = self.start_with_server()
        limits = resource.prlimit(server, resource.RLIMIT_NOFILE)
        used = max(map(int, descriptors(server))) + 1
        resource.prlimit(server, resource.RLIMIT_NOFILE, (used + 1, limits[1]))
        self.bucket.put("second.qoi", second(40, 30, GREEN))
        self.bucket.wait_for(lambda: self.wait_s("second.qoi") > 3, "a longer wait")
        resource.prlimit(server, resource.RLIMIT_NOFILE, limits)
        self.assertEqual(self.bucket.wait_record("second.qoi")["state"], "done")
        self.check_done(["first.qoi", "second.qoi"])

    def lift(self, daemon):
        """Gives the fork server of the second program back its descriptors."""
        for pid in set(daemon.handlers()) - set(daemon.workers()):
            if program_of(pid) == "thumbq-second":
                _soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))

    def failures(self):
        metrics = self.bucket.read("metrics", "--json").json()["metrics"]
        return metrics["Throttles"]["sum"]

    def test_a_failed_start_does_not_end_a_single_run(self):
        """All work that waits for the program fails with one fork, and is tried again later."""
        daemon, server = self.start_with_server()
        used = max(map(int, descriptors(server))) + 1
        self.assertEqual(daemon.stop(), 0)
        wrapper = self.bucket.root / "wrapper"
        wrapper.write_text(f"#!/bin/sh\nulimit -S -n {used + 1}\n"
                           f"exec {self.handler.parent}/thumbq-second\n")
        wrapper.chmod(0o755)
        handler = self.install("limited", other=wrapper)
        second_program = handler.parent / "thumbq-second"
        keys = [f"{i}.qoi" for i in range(8)]
        for key in keys:
            self.bucket.put(key, second(50, 40, GREEN))
        run = self.bucket.start_daemon("--once", "--jobs", "8", program=PROGRAMS["THUMBQ"],
                                       env={"THUMBQ_HANDLER": os.fspath(handler)})
        # Each file has failed more than once on average.
        wait_for(lambda: self.failures() > len(keys) or not run.is_running(), "failures", run.log)

        # A fork server that waits for long ends, and the next one would be limited again.
        second_program.unlink()
        second_program.symlink_to(self.handler.parent / "thumbq-second")

        def has_ended():
            self.lift(run)
            return not run.is_running()

        wait_for(has_ended, "the end of the run", run.log)
        self.assertEqual(run.wait(), 0, run.log())
        self.check_done([*keys, "first.qoi"])

    def deeds(self, *deeds, status=1):
        """Puts a file for each deed beside files of both kinds. Returns the records of the
        deeds."""
        keys = self.put_both()
        for deed in deeds:
            self.bucket.put(f"{deed}.qoi", second(40, 30, BLUE, deed))
        self.once(status=status)
        records = self.check_bucket([*keys, *(f"{deed}.qoi" for deed in deeds)])
        for key in keys:
            self.assertEqual(records[os.fsencode(key)]["state"], "done")
        return [records[os.fsencode(f"{deed}.qoi")] for deed in deeds]

    def test_a_crash(self):
        row, = self.deeds("crash")
        self.assertEqual((row["state"], row["error"]["name"]), ("dead", "handler_crashed"), row)

    @unittest.skipIf(SANITIZED, "the sanitizers' build has no sandbox")
    def test_its_own_profile_of_calls(self):
        """The first program may start threads, and look in vain for files and for facts about the
        machine. The second one is ended for each of these."""
        for row, call in zip(self.deeds("thread", "open", "machine"),
                             ("clone", "openat", "sysinfo")):
            self.assertEqual((row["state"], row["error"]["name"]), ("dead", "sandbox_violation"),
                             row)
            self.assertIn(f"'{call}'", row["error"]["message"])

    def test_an_answer_that_moves_it_back(self):
        """A file goes to each program once."""
        row, = self.deeds("back")
        self.assertEqual((row["state"], row["error"]["name"]), ("dead", "handler_crashed"), row)
        self.assertIn("malformed frame", row["error"]["message"])

    def test_first_program_that_lies(self):
        """All files end, as the second program says, and nothing that the first one wrote counts."""
        for isolation in ("owner", "file"):
            with self.subTest(isolation=isolation):
                self.configure(isolation=isolation, retries=2)
                keys = self.put_both(isolation)
                self.once(self.install(f"lying-{isolation}", first="LIAR"))
                for key in keys:
                    row = self.bucket.show(key)
                    self.assertEqual((row["state"], row["attempts"]),
                                     ("done" if key.endswith("qoi") else "skipped", 1), row)
        self.check_bucket()

    def test_the_daemon_is_killed_in_between(self):
        """The second program has the file, and is stuck."""
        for isolation in ("owner", "file"):
            with self.subTest(isolation=isolation):
                self.configure(isolation=isolation)
                (self.bucket.root / isolation).mkdir()
                daemon = self.start("--jobs", "1", handler=self.install(f"{isolation}/stuck"))
                self.bucket.put(f"{isolation}.qoi", second(40, 30, GREEN))
                wait_for(lambda: "thumbq-second" in map(program_of, daemon.workers()),
                         "the second program to have the file", daemon.log)
                daemon.kill()
                self.assertIn(self.bucket.show(f"{isolation}.qoi")["state"],
                              ("pending", "running"))
                self.start("--jobs", "1")
                self.assertEqual(self.bucket.wait_record(f"{isolation}.qoi")["attempts"], 1)
                self.bucket.daemons[-1].stop(signal.SIGKILL)
        self.check_bucket(["file.qoi", "owner.qoi"])

    def doctor(self, handler):
        """Returns the row of the second program."""
        result = self.bucket.run_program([PROGRAMS["THUMBQ"], "doctor", "--json"],
                                         env={"THUMBQ_HANDLER": os.fspath(handler)})
        return next(row for row in result.json()["checks"]
                    if (row["group"], row["name"]) == ("sandbox", "second"))

    def lend_second(self, handler):
        """Puts files of the second program until one was lent to a borrower with the programs of
        that folder. Returns the keys, and the worker of the last file."""
        self.configure(more="lend = always\n[access]\nborrowers =\n")
        daemon = self.start("--jobs", "1")
        borrower = Borrower(self.bucket, program=PROGRAMS["BORROWER"], handler=handler)
        self.addCleanup(borrower.kill)
        keys = []

        def is_lent():
            keys.append(f"{len(keys)}.qoi")
            self.bucket.put(keys[-1], second(40, 30, GREEN))
            self.bucket.wait_record(keys[-1])
            return borrower.count("ok")

        wait_for(is_lent, "a file of the second program to be lent", daemon.log)
        self.assertEqual(borrower.count("bad"), 0)
        return keys, self.bucket.show(keys[-1])["worker"]

    @unittest.skipIf(SANITIZED, "the sanitizers' build has no sandbox")
    def test_doctor_tries_its_sandbox(self):
        row = self.doctor(self.handler)
        self.assertEqual(row["status"], "ok", row)
        self.assertRegex(row["result"], "/thumbq-second': [1-9][0-9]+ attempts, all contained")
        # A program with the calls of the first one has more than its row allows.
        row = self.doctor(self.install("free", other="THUMBNAIL"))
        self.assertEqual(row["status"], "failed", row)
        self.assertIn("open /etc/passwd: NOT contained", row["result"])
        row = self.doctor(self.install("alone", other=None))
        self.assertEqual(row["status"], "ok", row)
        self.assertIn("not installed, package 'thumbq-second'", row["result"])

    def test_lent_work_comes_back_for_the_second_program(self):
        """The borrower's answer names the program, and the file is moved to it on this machine."""
        keys, worker = self.lend_second(self.install("alone", other=None))
        self.check_done(keys)
        self.assertIsNone(worker)

    def test_a_borrower_with_the_second_program_does_its_work(self):
        keys, worker = self.lend_second(self.handler)
        self.check_done(keys)
        self.assertEqual(worker, "loopback")


def row_message(records):
    """Returns the message of some record with an error."""
    return next(row["error"]["message"] for row in records.values() if row["error"])


if __name__ == "__main__":
    main()
