# SPDX-License-Identifier: Apache-2.0
"""The pool of workers: grown and retired on demand, replaced after a number of invocations, and one
REPORT line for each."""

import os
import signal

from harness import RED, E2ETest, main, png, slow_png, wait_for


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
        self.assertLessEqual(set(daemon.workers()), seen, "more than three workers")
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


if __name__ == "__main__":
    main()
