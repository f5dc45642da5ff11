# SPDX-License-Identifier: Apache-2.0
"""thumbq doctor: every attempt of a worker is contained, by name, and every failure is reported as
one."""

import errno
import os
import re
import sys
import unittest
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).parents[1] / "support"))

from others import for_others
from harness import RED, SANITIZED, THUMBQ, E2ETest, main, png

# The attempts that must fail in a worker. Scripts may rely on these names.
SANDBOX = """
    open-read open-write openat2 stat unlink
    socket-inet socket-unix kill-daemon kill-worker tgkill pidfd ptrace process-vm proc-mem
    execve execveat memfd fork vfork clone3 mmap-exec mprotect-exec mmap-shared
    mount unshare setns chroot setuid capset prctl setrlimit
    io-uring bpf keyctl perf userfaultfd module ioctl foreign-call
    output memory descriptors threads cpu
    stat-flag affinity madvise mmap-stack mmap-locked mmap-huge mremap
""".split()

# These calls are contained as far as the kernel's version of Landlock allows.
LANDLOCK = {1: "landlock-open", 4: "landlock-connect", 6: "landlock-socket landlock-signal"}

WORKER = """
    start user capabilities no-new-privileges filter violations dumpable core-dumps
    descriptor-limit memory-limit output-limit environment
""".split()

FORMATS = """
    libraries simd read-gif read-tiff read-heic read-png write-png write-jpeg read-jpeg
    write-webp read-webp write-avif read-avif write-jxl
""".split()

# Checks of things that a machine may lack or share, which is then a warning.
MAY_WARN = {"threads", "user", "violations", "simd", "landlock", "max_user_watches",
            "max_queued_events", "max_user_instances", "free-space", "file-system", "xattr"}


def rows(report, group):
    return {row["name"]: row for row in report["checks"] if row["group"] == group}


class Doctor(E2ETest):

    def doctor(self, *arguments, **options):
        return self.bucket.command("doctor", "--json", *arguments, **options)

    found_outside = None  # it takes seconds, and several tests look at it

    def outside(self):
        """No bucket is named, and none is found."""
        if not Doctor.found_outside:
            empty = self.bucket.root / "empty"
            empty.mkdir(exist_ok=True)
            Doctor.found_outside = self.doctor(cwd=empty)
        return Doctor.found_outside

    @unittest.skipIf(SANITIZED, "under a sanitizer, workers are not locked in")
    def test_every_attempt_is_contained(self):
        result = self.outside()
        report = result.json()
        sandbox = rows(report, "sandbox")
        landlock = re.match(r"version (\d+): files", rows(report, "machine")["landlock"]["result"])
        version = int(landlock[1]) if landlock else 0
        held = [name for since, names in LANDLOCK.items() if since <= version
                for name in names.split()]
        self.assertEqual(sorted(sandbox), sorted(SANDBOX + held))
        for name, row in sandbox.items():
            with self.subTest(attempt=name):
                if row["status"] == "warning" and name in MAY_WARN:
                    self.skipTest(f"not on this machine: {row['result']}")
                self.assertEqual(row["status"], "ok", row)
                self.assertIn(": contained, ", row["result"])
        self.assertEqual((result.status, report["ok"]), (0, True), result.out)

    @unittest.skipIf(SANITIZED, "under a sanitizer, workers are not locked in")
    def test_worker_is_locked_in(self):
        worker = rows(self.outside().json(), "worker")
        self.assertEqual(sorted(worker), sorted(WORKER))
        for name, row in worker.items():
            if name not in MAY_WARN:
                self.assertEqual(row["status"], "ok", row)

    @unittest.skipUnless(SANITIZED, "in a real build everything is contained")
    def test_what_is_not_contained_is_failed(self):
        result = self.outside()
        self.assertEqual(result.status, 1, result.out)
        report = result.json()
        self.assertFalse(report["ok"])
        self.assertEqual(rows(report, "worker")["filter"]["status"], "failed")
        sandbox = rows(report, "sandbox")
        for name in ("open-read", "open-write", "socket-inet", "fork", "execve", "mmap-exec",
                     "kill-worker"):
            self.assertEqual(sandbox[name]["status"], "failed", sandbox[name])
            self.assertIn("NOT contained", sandbox[name]["result"])
        self.assertEqual(sandbox["output"]["status"], "ok", "limits hold there, too")

    def test_formats_are_tried(self):
        formats = rows(self.outside().json(), "formats")
        self.assertLessEqual(set(formats), set(FORMATS))
        for name in ("read-gif", "read-png", "read-jpeg", "read-webp", "write-jpeg", "write-webp",
                     "write-png"):
            self.assertEqual(formats[name]["status"], "ok", formats[name])
        self.assertRegex(formats["libraries"]["result"], r"libvips 8\.\d+")

    def test_bucket(self):
        outside = self.outside().json()
        self.assertEqual((rows(outside, "bucket"), rows(outside, "store")), ({}, {}))
        self.bucket.put("a.png", png(20, 20, RED))
        report = self.doctor(self.bucket.path).json()
        self.assertEqual(set(rows(report, "bucket")),
                         {"folder", "file-system", "unnamed-files", "xattr", "free-space"})
        self.assertIn("none yet", rows(report, "store")["store"]["result"])
        before = self.bucket.files_in(self.bucket.path)
        self.assertEqual(before, {b"a.png"}, "doctor changes nothing")
        self.bucket.once()
        report = self.doctor(self.bucket.path).json()
        store = rows(report, "store")
        self.assertEqual(set(store),
                         {"daemon", "store", "size", "readers", "objects", "last-error"})
        self.assertEqual([row["name"] for row in report["checks"]
                          if row["group"] in ("bucket", "store") and row["status"] == "failed"], [])
        self.assertEqual(store["daemon"]["result"], "none runs")
        self.assertEqual(store["objects"]["result"], "1 object, 0 dead")
        self.assertEqual(store["readers"]["result"], "no other")
        self.assertIn("none", store["last-error"]["result"])

    def test_store_with_a_daemon_and_errors(self):
        self.bucket.put("broken.png", png(2000, 2000, RED)[:100])
        daemon = self.bucket.start()
        self.bucket.sync()
        store = rows(self.doctor(self.bucket.path).json(), "store")
        self.assertEqual(store["daemon"]["result"], f"runs, process {daemon.pid}")
        self.assertEqual(store["objects"]["result"], "1 object, 1 dead: see 'thumbq dead'")
        self.assertRegex(store["last-error"]["result"],
                         r"^20\d\d-\d\d-\d\d \d\d:\d\d UTC, broken.png: the image cannot be decoded")

    def test_space_of_every_file_system(self):
        self.bucket.configure("[bucket]\nstate = /dev/shm/thumbq-doctor-test\n")
        report = rows(self.doctor(self.bucket.path).json(), "bucket")
        shm = os.stat("/dev/shm").st_dev != os.stat(self.bucket.path).st_dev
        self.assertEqual("free-state" in report, shm)
        self.assertNotIn("free-thumbnails", report)
        self.assertRegex(report["free-space"]["result"], r"^[\d.]+ \w+ free of [\d.]+ \w+$")

    @unittest.skipUnless(os.geteuid() == 0, "only root can put other limits in place of the kernel's")
    def test_limits_in_the_light_of_the_bucket(self):
        for i in range(9):
            (self.bucket.path / f"folder-{i}").mkdir()
        (self.bucket.path / "thumbnails/small/2026").mkdir(parents=True)
        (self.bucket.path / ".hidden/folder").mkdir(parents=True)
        rounds = [{"max_user_watches": ("5", "failed", "524288"),
                   "max_queued_events": ("100", "warning", "131072"),
                   "max_user_instances": ("4", "warning", "128")},
                  {"max_user_watches": ("1000", "warning", "524288")}]
        for limits in rounds:
            report = self.doctor_with_limits({name: row[0] for name, row in limits.items()})
            for name, (_limit, status, advice) in limits.items():
                row = rows(report, "machine")[name]
                self.assertEqual(row["status"], status, row)
                self.assertIn(f"'fs.inotify.{name} = {advice}'", row["advice"])
                self.assertIn("sudo sysctl --system", row["advice"])
            self.assertIn("the bucket has 10",
                          rows(report, "machine")["max_user_watches"]["result"])

    def doctor_with_limits(self, limits):
        """Returns the row of doctor with these values in /proc/sys/fs/inotify, in a mount
        namespace."""
        script = "set -e\n"
        for name, limit in limits.items():
            (self.bucket.root / name).write_text(limit + "\n")
            script += f'mount --bind "$1/{name}" /proc/sys/fs/inotify/{name}\n'
        return self.bucket.run_program(
            ["unshare", "--mount", "sh", "-c", script + 'shift; exec "$@"', "sh",
             os.fspath(self.bucket.root), THUMBQ, "doctor", "--json",
             os.fspath(self.bucket.path)]).json()

    def test_broken_store_fails(self):
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.once()
        (self.bucket.state / "store" / "data.mdb").write_bytes(b"no database" * 1000)
        result = self.doctor(self.bucket.path)
        self.assertEqual(result.status, 1)
        self.assertEqual(rows(result.json(), "store")["store"]["status"], "failed")

    def test_missing_bucket_and_handler(self):
        self.assertEqual(self.doctor("/nonexistent").status, 3)
        broken = self.doctor(self.bucket.path, env={"THUMBQ_HANDLER": "/nonexistent/handler"})
        self.assertEqual(broken.status, 1)
        start = rows(broken.json(), "worker")["start"]
        self.assertEqual(start["status"], "failed")
        self.assertIn("/nonexistent/handler", start["result"])

    @unittest.skipIf(SANITIZED, "under a sanitizer, workers are not locked in")
    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_as_an_ordinary_user(self):
        command = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups",
                   for_others(THUMBQ)]
        result = self.bucket.run_program([*command, "doctor", "--json"], cwd="/")
        report = result.json()
        self.assertEqual(result.status, 0, result.out)
        self.assertEqual([row for row in report["checks"] if row["status"] == "failed"], [])
        self.assertEqual(rows(report, "sandbox")["threads"]["status"], "ok")

    @unittest.skipIf(SANITIZED, "under a sanitizer, workers are not locked in")
    def test_manager_that_refuses_landlock(self):
        """The filter of systemd-nspawn, among others, does not know this call, and reports that the
        kernel lacks it."""
        self.assertIn("REFUSE_CALLS", os.environ, "run this by ctest")
        refused = "landlock_create_ruleset,landlock_add_rule,landlock_restrict_self"
        for number, text in ((errno.EPERM, "refused by a filter around thumbq"),
                             (errno.ENOSYS, "not in this kernel"),
                             (errno.EOPNOTSUPP, "switched off")):
            with self.subTest(errno=errno.errorcode[number]):
                inside = [os.environ["REFUSE_CALLS"], str(number), refused, THUMBQ]
                name = f"{number}.png"
                self.bucket.put(name, png(20, 20, RED))
                done = self.bucket.run_program([*inside, "run", "--once", self.bucket.path])
                self.assertEqual(done.status, 0, done.log)
                self.assert_color(self.bucket.small(name), RED)
                result = self.bucket.run_program([*inside, "doctor", "--json"], cwd="/")
                report = result.json()
                self.assertEqual(result.status, 0, result.out)
                row = rows(report, "machine")["landlock"]
                self.assertEqual(row["status"], "warning")
                self.assertIn(text, row["result"])
                self.assertTrue(row["advice"])
                sandbox = rows(report, "sandbox")
                self.assertEqual(sorted(sandbox), sorted(SANDBOX))
                self.assertEqual([r for r in sandbox.values() if r["status"] == "failed"], [])

    @unittest.skipIf(SANITIZED, "under a sanitizer, workers are not locked in")
    def test_parent_that_ignores_the_ends_of_children(self):
        """A service manager may start thumbq with SIGCHLD ignored. The kernel would then reap the
        workers itself, and their ends would be unknown."""
        result = self.bucket.run_program(
            [sys.executable, "-c",
             "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
             "os.execv(sys.argv[1], sys.argv[1:])", THUMBQ, "doctor", "--json"], cwd="/")
        report = result.json()
        self.assertEqual(result.status, 0, result.out)
        self.assertEqual([row for row in report["checks"] if row["status"] == "failed"], [])

    @unittest.skipIf(SANITIZED, "under a sanitizer, workers are not locked in")
    def test_for_people(self):
        self.bucket.configure("[bucket]\nprefix = /proc/thumbnails\n")
        result = self.bucket.command("doctor", self.bucket.path)
        self.assertEqual(result.status, 1, result.out)
        self.assertLessEqual(max(map(len, result.out.splitlines())), 80, result.out)
        self.assertRegex(result.out, r"(?m)^sandbox\n  contained +open-read open-write ")
        self.assertRegex(result.out, r"(?m)^  reads +gif tiff ")
        self.assertRegex(result.out, r"(?m)^  unnamed-files +FAILED, see below$")
        summary, problems = result.out.split(" checks: ")[1].split("\n\n", 1)
        self.assertRegex(summary, r"^\d+ ok, \d+ warnings?, 2 failed$")  # nor is there space
        self.assertRegex(problems, r"^FAILED   bucket unnamed-files\n"
                         r"         cannot begin a thumbnail in '/proc/thumbnails':")
        self.assertRegex(problems, r"(?m)^         -> \w")

    def test_every_row_for_people(self):
        result = self.bucket.command("doctor", "--all", cwd="/")
        report = self.outside().json()
        for row in report["checks"]:
            self.assertRegex(result.out, rf"(?m)^  {row['name']} +\S")


if __name__ == "__main__":
    main()
