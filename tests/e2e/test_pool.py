# SPDX-License-Identifier: Apache-2.0
"""The pool of workers: grown and retired on demand, replaced after a number of invocations, nice
for work without a waiting user, and reported in one REPORT line per invocation."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from harness import GREEN, RED, SANITIZED, E2ETest, is_alive, main, png, slow_png, wait_for


def nice_of(pid):
    """Returns (nice value, class of I/O priority) of a process."""
    text = Path(f"/proc/{pid}/stat").read_text()
    shown = subprocess.run(["ionice", "-p", str(pid)], check=True, stdout=subprocess.PIPE, text=True)
    return int(text[text.rindex(")") + 2:].split()[16]), shown.stdout.split(":")[0].strip()


class Pool(E2ETest):

    def test_grows_to_its_limit_and_retires(self):
        daemon = self.bucket.start("--jobs", "3")
        seen = set()
        for i in range(5):  # each worker is stopped as it comes, so that the next one is needed
            self.bucket.put(f"{i}.png", slow_png())

        def stop_all():
            for pid in daemon.workers():
                os.kill(pid, signal.SIGSTOP)
                seen.add(pid)
            return len(seen) == 3

        self.bucket.wait_for(stop_all, "three workers")
        self.assertEqual(set(daemon.workers()), seen)
        for pid in seen:
            os.kill(pid, signal.SIGCONT)
        for i in range(5):
            self.bucket.wait_record(f"{i}.png")
        # A worker whose cleaning up takes long, on a busy machine, is replaced before it is reaped.
        wait_for(lambda: len(daemon.workers()) <= 3, "at most three workers", daemon.log)
        if not SANITIZED:  # a sanitizer's memory has them replaced
            self.assertTrue(seen.intersection(daemon.workers()), "other workers")
        wait_for(lambda: not daemon.handlers(), "idle handlers to be retired", daemon.log)
        self.bucket.put("late.png", png(20, 20, RED))
        self.bucket.wait_record("late.png")
        self.assertIn("Init Duration", daemon.reports()[-1])

    def test_replaced_after_max_invocations(self):
        self.bucket.configure("[handler]\nmax_invocations = 5\n")
        for i in range(20):
            self.bucket.put(f"{i}.png", png(20, 20, (i, 0, 0)))
        done = self.bucket.once("--jobs", "1")
        self.assertEqual(done.status, 0, done.log)
        starts = [i for i, report in enumerate(done.reports) if "Init Duration" in report]
        self.assertEqual(starts, [0, 5, 10, 15])

    def test_one_report_per_invocation(self):
        for i in range(10):
            self.bucket.put(f"{i}.png", png(200, 200, (i, 0, 0)))
        self.bucket.put("text.txt", b"no picture")
        self.bucket.put("bad.png", png(10, 10, RED)[:40])
        done = self.bucket.once()
        reports = done.reports
        self.assertEqual(sorted(r["Key"] for r in reports),
                         sorted([f"{i}.png" for i in range(10)] + ["text.txt", "bad.png"]))
        self.assertEqual(len({r["RequestId"] for r in reports}), len(reports))
        for report in reports:
            self.assertGreater(float(report["Duration"].removesuffix(" ms")), 0)
            self.assertGreaterEqual(int(report["Billed Duration"].removesuffix(" ms")),
                                    float(report["Duration"].removesuffix(" ms")))
            self.assertGreater(int(report["Max Memory Used"].removesuffix(" MB")), 0)
            self.assertEqual(report["Memory Size"], "512 MB")
            shown = self.bucket.show(report["Key"])
            self.assertEqual([a["request_id"] for a in shown["attempts_log"]],
                             [report["RequestId"]])
        by_key = {r["Key"]: r for r in reports}
        self.assertEqual(by_key["bad.png"]["Error Type"], "damaged")
        self.assertNotIn("Status", by_key["0.png"])

    def stop_one(self, daemon, but=()):
        """Stops a worker that has a picture, but none of these. Returns its process id."""
        def stop():
            found = [pid for pid in daemon.workers() if pid not in but]
            if not found:
                return None
            os.kill(found[0], signal.SIGSTOP)
            return found[0]
        return wait_for(stop, "a worker", daemon.log)

    def stop_nice(self, daemon, but):
        """Stops a worker with back-fill, but none of these. Returns its process id."""
        def stop():
            for pid in daemon.workers():
                # A process may end meanwhile, and a new worker is not nice yet.
                with contextlib.suppress(OSError, subprocess.CalledProcessError):
                    if pid not in but and nice_of(pid) != nice_of(daemon.pid):
                        os.kill(pid, signal.SIGSTOP)
                        return pid
            return None
        return wait_for(stop, "a worker with back-fill", daemon.log)

    def wait_nice(self, daemon, pid, nice):
        """Waits until the stopped worker has this priority. The stop may have come before the worker
        has set it, or between its two calls: it goes on, then."""
        def is_nice():
            if nice_of(pid) == nice:
                return True
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGSTOP)
            return False

        wait_for(is_nice, f"the worker to have the priority {nice}", daemon.log)

    def test_back_fill_is_nice(self):
        """Pictures of the first scan and back-fill run with a higher nice value; uploads do not."""
        own = os.getpriority(os.PRIO_PROCESS, 0)
        self.bucket.put("before.png", slow_png())
        daemon = self.bucket.start("--jobs", "1")
        pid = self.stop_one(daemon)

        self.wait_nice(daemon, pid, (max(own, 10), "idle"))
        os.kill(pid, signal.SIGCONT)
        self.bucket.wait_record("before.png")

        self.bucket.put("upload.png", slow_png())
        upload_pid = self.stop_one(daemon, [pid])
        self.assertEqual(nice_of(upload_pid), nice_of(daemon.pid))
        os.kill(upload_pid, signal.SIGCONT)
        self.bucket.wait_record("upload.png")
        wait_for(lambda: not daemon.workers(), "idle workers to be retired", daemon.log)

        job = subprocess.Popen(["sh", "-c", 'exec "$0" reprocess --match upload.png "$1"',
                                daemon.process.args[0], self.bucket.path],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pid = self.stop_one(daemon)

        self.wait_nice(daemon, pid, (max(own, 10), "idle"))
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(job.wait(), 0)

    def test_nice_as_configured(self):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        self.bucket.put("before.png", slow_png())
        for value, size, nice in (("3", "30x90", (max(own, 3), "idle")), ("0", "40x90", None)):
            self.bucket.configure(f"[handler]\nbackfill_nice = {value}\n"
                                  f"[rendition x]\nsize = {size}\n")
            daemon = self.bucket.start("--jobs", "1")
            pid = self.stop_one(daemon)
            self.wait_nice(daemon, pid, nice or nice_of(daemon.pid))
            os.kill(pid, signal.SIGCONT)
            self.bucket.sync()
            daemon.stop()
        self.bucket.configure("[handler]\nbackfill_nice = 20\n")
        refused = self.bucket.command("config", self.bucket.path)
        self.assertEqual(refused.status, 2, refused.log)
        self.assertRegex(refused.log, r"thumbq\.conf:2: backfill_nice: .*19")

    def test_uploads_do_not_wait_for_back_fill(self):
        """A handler with back-fill is ended if an upload would wait for it."""
        self.bucket.put("before.png", slow_png())
        for isolation in ("owner", "file"):
            with self.subTest(isolation=isolation):
                self.bucket.configure(f"[handler]\nisolation = {isolation}\n"
                                      f"[rendition {isolation}]\nsize = 90x90\n")
                daemon = self.bucket.start("--jobs", "1")
                nice = self.stop_one(daemon)  # it gets nothing of the processor
                self.bucket.put(f"{isolation}.png", png(20, 20, GREEN))
                self.bucket.wait_record(f"{isolation}.png")
                # On a busy machine a nice process takes a while to die.
                wait_for(lambda: not is_alive(nice), "the end of the handler", daemon.log)
                shown = self.bucket.wait_record("before.png")
                self.assertEqual(shown["attempts"], 1)
                self.bucket.sync()
                daemon.stop()
        self.check_bucket(["before.png", "owner.png", "file.png"])

    def test_back_fill_comes_to_an_end(self):
        """An upload that finds no handler ends one with back-fill. The next uploads wait for the
        back-fill that begins then."""
        self.bucket.put("before.png", slow_png())
        daemon = self.bucket.start("--jobs", "1")
        first = self.stop_one(daemon)
        self.bucket.put("first.png", png(20, 20, GREEN))
        self.bucket.wait_record("first.png")
        second = self.stop_nice(daemon, [first])
        self.bucket.put("second.png", png(20, 20, RED))
        # Pending, or given to the pool, where it waits for a worker.
        wait_for(lambda: (self.bucket.show("second.png") or {}).get("state") in
                 ("pending", "running"), "the upload to be known", daemon.log)
        self.assertTrue(is_alive(second))
        os.kill(second, signal.SIGCONT)
        self.bucket.wait_record("second.png")
        self.bucket.wait_record("before.png")


if __name__ == "__main__":
    main()
