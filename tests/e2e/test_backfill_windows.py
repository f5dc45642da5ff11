# SPDX-License-Identifier: Apache-2.0
"""Schedules that pause and resume back-fill: `run = pause backfill`, `run = resume backfill`."""

import signal
import subprocess

from harness import DEADLINE_S, GREEN, RED, THUMBQ, main, png, wait_for
from schedules import ScheduleTest, at


class Window(ScheduleTest):
    """Schedules with `run = pause backfill` and `run = resume backfill`."""

    def window(self, pause, resume, size="30x30"):
        """Makes both due so many seconds from now. The schedule that is to be asked first stands
        last."""
        self.bucket.configure(
            f"[rendition x]\nsize = {size}\n"
            f"[schedule night]\ncron = {at(resume)}\ntimezone = UTC\nrun = resume backfill\n"
            f"[schedule day]\ncron = {at(pause)}\ntimezone = UTC\nrun = pause backfill\n")

    def width(self):
        thumbnail, = self.bucket.show("a.png")["thumbnails"]
        return thumbnail["width"]

    def start_paused(self):
        """After a change of a rendition, the back-fill is paused, and uploads are not. Returns the
        daemon."""
        self.bucket.put("a.png", png(90, 90, RED))
        self.assertEqual(self.bucket.once("--size", "20x20").status, 0)
        self.window(pause=-60, resume=-120)
        daemon = self.bucket.start()
        wait_for(lambda: "schedule 'day': back-fill is paused" in daemon.log(), "the pause",
                 daemon.log)
        self.bucket.put("b.png", png(40, 40, GREEN))
        self.bucket.sync()
        self.assertEqual(self.bucket.show("b.png")["state"], "done")
        shown = self.bucket.show("a.png")
        self.assertEqual((shown["state"], shown["priority"], self.width()),
                         ("pending", "backfill", 20))
        return daemon

    def test_paused(self):
        daemon = self.start_paused()
        self.assertEqual(self.last("day")["detail"], "back-fill is paused")
        self.assertRegex(self.bucket.read("schedule").out, r"\nback-fill is paused, since 20")
        self.assertRegex(self.bucket.read("stats").out, r"\nback-fill +paused")
        self.assertIs(self.bucket.stats()["backfill_paused"], True)
        daemon.stop()
        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual((self.bucket.show("a.png")["state"], self.width()), ("pending", 20))
        daemon.stop()
        # A command asks for all work now.
        self.assertEqual(self.bucket.once().status, 0)
        self.assertEqual(self.width(), 30)

    def test_resumed(self):
        daemon = self.start_paused()
        self.window(pause=-60, resume=2)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.width() == 30, "it to be made", daemon.log)
        self.bucket.sync()
        self.assertEqual((self.bucket.show("a.png")["state"], self.width()), ("done", 30))
        self.assertNotIn("back-fill", self.bucket.read("stats").out)
        self.assertIs(self.bucket.stats()["backfill_paused"], False)

    def test_doctor_shows_it(self):
        def backfill():
            rows = self.bucket.command("doctor", "--json", self.bucket.path).json()["checks"]
            return [(row["status"], row["result"]) for row in rows
                    if (row["group"], row["name"]) == ("store", "back-fill")]
        daemon = self.start_paused()
        (status, text), = backfill()
        self.assertEqual(status, "ok")
        self.assertRegex(text, r"^paused by a schedule, since 20.*: see 'thumbq schedule'$")
        self.window(pause=-60, resume=-1)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.width() == 30, "it to be made", daemon.log)
        self.assertEqual(backfill(), [("ok", "not paused")])

    def test_a_job_says_why_it_waits(self):
        """A command that waits for a job reports a pause of the back-fill, and its end."""
        daemon = self.start_paused()
        log = self.bucket.root / "reprocess"
        with open(log, "wb") as file:
            command = subprocess.Popen([THUMBQ, "reprocess", self.bucket.path], stderr=file)
        self.addCleanup(command.kill)
        wait_for(lambda: "thumbq: back-fill is paused by a schedule: job 1 waits; 'thumbq schedule' "
                 "says when it goes on\n" in log.read_text(), "the reason", log.read_text)
        self.window(pause=-60, resume=-1)
        daemon.process.send_signal(signal.SIGHUP)
        self.assertEqual(command.wait(DEADLINE_S), 0)
        said = log.read_text()
        self.assertEqual(said.count("back-fill is paused"), 1)
        self.assertEqual(said.count("back-fill goes on"), 1)
        # Without a pause the command reports nothing.
        done = self.bucket.command("reprocess", self.bucket.path)
        self.assertEqual(done.status, 0, done.log)
        self.assertNotIn("back-fill", done.log)

    def test_resumed_while_it_was_down(self):
        """The newest of the missed times counts, in any order of the schedules."""
        daemon = self.start_paused()
        daemon.stop()
        self.window(pause=-60, resume=-1)
        daemon = self.bucket.start()
        wait_for(lambda: self.width() == 30, "it to be made", daemon.log)

    def test_schedules_are_gone(self):
        """Back-fill does not wait for a schedule that is removed."""
        daemon = self.start_paused()
        self.bucket.configure("[rendition x]\nsize = 30x30\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.width() == 30, "it to be made", daemon.log)

    def test_mistakes(self):
        for run, says in (("pause backfill", "would wait for ever"),
                          ("resume backfill", "there is nothing to resume"),
                          ("pause back-fill", "'pause back-fill' cannot be run"),
                          ("pause", "'pause' cannot be run")):
            self.configure(("x", "@daily", run))
            refused = self.bucket.command("config", self.bucket.path)
            self.assertEqual(refused.status, 2, refused.log)
            self.assertIn("[schedule x] run: ", refused.log)
            self.assertIn(says, refused.log)


if __name__ == "__main__":
    main()
