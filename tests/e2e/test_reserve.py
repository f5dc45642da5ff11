# SPDX-License-Identifier: Apache-2.0
"""The reserve of the disk: no picture begins while less is free. Log, stats and doctor report
it."""

import os
import signal
import sys
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).resolve().parents[1] / "support"))

import control_frames as control
from harness import RED, E2ETest, main, png, wait_for

TOO_MUCH = "[bucket]\nreserve = 1024T\n"
NONE = "[bucket]\nreserve = 0\n"
WORDS = "less than 'reserve = 1024T'"


class Reserve(E2ETest):

    def space(self):
        report = self.bucket.command("doctor", "--json", self.bucket.path).json()
        row, = [row for row in report["checks"] if row["name"] == "free-space"]
        return row

    def test_waits_and_goes_on(self):
        self.bucket.configure(TOO_MUCH)
        daemon = self.bucket.start()
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.wait_for(lambda: "work waits" in daemon.log(), "the daemon to wait")
        self.assertIn(WORDS, daemon.log())
        self.bucket.wait_record("a.png", "pending")
        self.assertIn("low disk", self.bucket.read("stats").out)
        self.assertIs(self.bucket.stats()["low_disk"], True)
        wait_for(daemon.reader, "the query reader", daemon.log)
        answer = control.ask(self.bucket.state / "query.sock", ["stats"])
        self.assertIn(b"low disk", answer.output)
        self.assertIn(WORDS, self.bucket.read("stats").out)
        self.assertEqual(self.space()["status"], "failed")
        self.assertIn(WORDS, self.space()["result"])
        self.assertEqual(self.bucket.files_in(self.bucket.thumbnails), set())
        self.bucket.configure(NONE)
        daemon.process.send_signal(signal.SIGHUP)
        self.bucket.wait_record("a.png")
        self.assertEqual(daemon.log().count("work waits"), 1, daemon.log())
        self.assertEqual(daemon.log().count("work goes on"), 1, daemon.log())
        self.assertNotIn("low disk", self.bucket.read("stats").out)
        self.assertIs(self.bucket.stats()["low_disk"], False)
        self.assertNotIn("reserve", self.space()["result"])
        row, = self.bucket.list()
        self.assertEqual(row["attempts"], 1, row)
        self.assertEqual(daemon.stop(), 0)

    def test_once(self):
        """`run --once` does not wait for space without end, and reports nothing if it has no
        work."""
        self.bucket.configure(TOO_MUCH)
        self.assertEqual(self.bucket.once().status, 0)
        self.bucket.put("a.png", png(20, 20, RED))
        result = self.bucket.once()
        self.assertEqual(result.status, 74, result.log)
        self.assertEqual(result.log.count(WORDS), 1, result.log)
        self.assertEqual(self.bucket.files_in(self.bucket.thumbnails), set())
        self.bucket.configure("[bucket]\nreserve = 1b\n")
        self.assertEqual(self.bucket.once().status, 0)

    def test_values(self):
        for text, shown in (("1%", "1%"), ("0.5%", "0.5%"), ("512M", "512M"), ("2048M", "2G"),
                            ("0", "0"), ("0%", "0"), ("1000", "1000")):
            with self.subTest(text):
                self.bucket.configure(f"[bucket]\nreserve = {text}\n")
                self.assertIn(f"\nreserve = {shown}\n", self.bucket.read("config").out)
        for text in ("100%", "-1%", "%", "1e1%", "half", "2048T", "0x1%", "1 %"):
            with self.subTest(text):
                self.bucket.configure(f"[bucket]\nreserve = {text}\n")
                result = self.bucket.command("config", self.bucket.path)
                self.assertEqual(result.status, 2, result.log)
                self.assertIn(f"'{text}' is no part of a disk", result.log)


if __name__ == "__main__":
    main()
