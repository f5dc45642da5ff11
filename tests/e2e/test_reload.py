# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: a daemon that runs reads its configuration again."""

import os
import signal
import subprocess

from harness import (DEADLINE_S, GREEN, HANDLER, RED, SOURCE_DIR, identify, is_alive, main, png,
                     wait_for)
from schedules import HOUR_S, ScheduleTest, at


class Reload(ScheduleTest):

    def reload(self, daemon, text):
        """Returns the log after the reload."""
        before = len(daemon.log())
        self.bucket.configure(text)
        daemon.process.send_signal(signal.SIGHUP)

        def said():
            log = daemon.log()[before:]
            return log if "read anew" in log or "stays in force" in log else None

        return wait_for(said, "the configuration to be read", daemon.log)

    def put(self, *names):
        for name in names:
            self.bucket.put(name, png(300, 300, RED))

    def test_renditions(self):
        self.bucket.configure("[rendition small]\nsize = 20x20\nformat = webp\n")
        self.put("a.png", "b.png")
        daemon = self.bucket.start()
        self.bucket.sync()
        said = self.reload(daemon, "[rendition small]\nsize = 30x30\nformat = webp\n"
                           "[rendition other]\nsize = 10x10\nformat = png\n")
        self.assertIn("thumbq.conf': [rendition small], [rendition other]\n", said)
        self.bucket.sync()
        self.check_bucket(["a.png", "b.png"])
        self.assertEqual(identify([self.bucket.small("a.png")]), [("WEBP", 30, 30)])
        self.assertTrue(self.bucket.thumbnail("other", "b.png", "png").exists())

    def test_a_wrong_one_changes_nothing(self):
        text = "[rendition small]\nsize = 20x20\nformat = webp\n"
        self.bucket.configure(text)
        self.put("a.png")
        daemon = self.bucket.start()
        self.bucket.sync()
        before = self.bucket.list()
        for wrong, why in (
                ("[rendition small]\nsize = 30x30\nqualty = 3\n",
                 "thumbq.conf:3: unknown key 'qualty' in [rendition]; did you mean 'quality'?"),
                ("[rendition small]\nsize = 30x30\n\n[schedule x]\ncron = 0 3\nrun = sweep all\n",
                 "thumbq.conf:4: [schedule x] cron: cannot parse '0 3'"),
                ("[rendition small]\nsize = 30x30\n[schedule x]\ncron = @daily\nrun = swep all\n",
                 "thumbq.conf:3: [schedule x] run: 'swep all'")):
            said = self.reload(daemon, wrong)
            self.assertIn("the configuration is wrong, the old one stays in force", said)
            self.assertIn(why, said)
        self.bucket.sync()
        self.put("b.png")
        self.bucket.sync()
        self.assertEqual(identify([self.bucket.small("b.png")]), [("WEBP", 20, 20)])
        self.assertEqual([row for row in self.bucket.list() if row["name"] == "a.png"], before)
        self.assertIn("nothing has changed", self.reload(daemon, text))

    def test_a_handler_that_does_not_answer(self):
        """Work continues while the daemon asks the handler program for its formats. A handler that
        hangs is killed, and the old configuration stays in force."""
        hang = self.bucket.root / "hang"
        handler = self.bucket.root / "handler"
        handler.write_text(f"#!/bin/sh\nif test \"$1\" = --formats && test -e '{hang}'; then\n"
                           f"echo $$ > '{hang}.new'; mv '{hang}.new' '{hang}.pid'; exec sleep 1000\n"
                           f"fi\nexec '{HANDLER}' \"$@\"\n")
        handler.chmod(0o755)
        before = os.environ.get("THUMBQ_HANDLER")
        os.environ["THUMBQ_HANDLER"] = os.fspath(handler)
        self.addCleanup(lambda: os.environ.update(THUMBQ_HANDLER=before) if before
                        else os.environ.pop("THUMBQ_HANDLER"))
        self.put("a.png")
        daemon = self.bucket.start()
        self.bucket.sync()
        hang.touch()
        avif = "[rendition small]\nsize = 20x20\nformat = avif\n"
        self.bucket.configure(avif)

        def asked():
            """Waits until the handler is asked. Returns its process id."""
            path = hang.with_suffix(".pid")
            wait_for(path.exists, "the handler to be asked", daemon.log)
            pid = int(path.read_text())
            path.unlink()
            return pid

        def ends():
            return daemon.log().count("does not answer within 10 s")

        # On a slow machine the work may take longer than the handler is waited for: then again.
        for attempt in range(5):
            n_ends = ends()
            daemon.process.send_signal(signal.SIGHUP)
            pid = asked()
            self.put(f"b{attempt}.png")
            self.assertEqual(self.bucket.command("sync", "--timeout", "60s", self.bucket.path).status,
                             0)
            if ends() == n_ends:
                break
        else:
            self.fail("work waited for the answer of the handler each time")
        wait_for(lambda: ends() > n_ends, "its end", daemon.log)
        self.assertIn("the old one stays in force", daemon.log())
        self.assertFalse(is_alive(pid))
        # A second reload ends the handler of the first one, and the end of the daemon ends that of
        # the second.
        pids = []
        for _ in range(2):
            daemon.process.send_signal(signal.SIGHUP)
            pids.append(asked())
        self.assertFalse(is_alive(pids[0]))
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(is_alive(pids[1]))
        self.assertTrue(self.bucket.small("b0.png").exists())

    def test_limits_and_concurrency(self):
        self.bucket.configure("[handler]\nconcurrency = 1\nmax_pixels = 100\n")
        self.put("a.png")
        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual(self.bucket.show("a.png")["error"]["name"], "too_many_pixels")
        self.bucket.put("tiny.png", png(9, 9, GREEN))  # the failed picture has ended its worker
        self.bucket.sync()
        old, = daemon.wait_workers(1)
        said = self.reload(daemon, "[handler]\nconcurrency = 3\nmax_pixels = 1M\nmemory = 600M\n")
        self.assertIn("concurrency, memory, max_pixels", said)
        for i in range(20):
            self.put(f"{i}.png")
        self.bucket.sync()
        self.assertEqual(self.bucket.stats()["objects"]["done"], 21)
        self.assertNotIn(old, daemon.workers())  # it had the old limit of memory
        self.assertIn("Memory Size: 600 MB", daemon.log())

    def test_ignore(self):
        self.put("a.png", "b.bak.png")
        daemon = self.bucket.start()
        self.bucket.sync()
        self.reload(daemon, "[bucket]\nignore = *.bak.png\n")
        self.bucket.sync()
        self.check_bucket(["a.png"])
        self.reload(daemon, "[bucket]\nignore = .*\n")
        self.bucket.sync()
        self.check_bucket(["a.png", "b.bak.png"])

    def test_what_needs_a_restart(self):
        self.put("a.png")
        daemon = self.bucket.start()
        self.bucket.sync()
        said = self.reload(daemon, "[bucket]\nprefix = other\nrescan = 2h\n")
        self.assertIn("warning: prefix cannot be changed while thumbq runs", said)
        self.assertIn("thumbq.conf': rescan\n", said)
        self.put("b.png")
        self.bucket.sync()
        self.assertTrue(self.bucket.small("b.png").exists())
        self.assertFalse((self.bucket.path / "other").exists())

    def test_options_of_the_command_line_hold(self):
        self.put("a.png")
        daemon = self.bucket.start("--size", "40x40")
        self.bucket.sync()
        self.reload(daemon, "[rendition small]\nsize = 30x30\n[handler]\nretries = 1\n")
        self.put("b.png")
        self.bucket.sync()
        self.assertEqual(os.listdir(self.bucket.thumbnails), ["40x40"])

    def test_schedules(self):
        self.bucket.configure("[schedule slow]\ncron = %s\ntimezone = UTC\n"
                              "run = exec while ! test -e stop; do sleep 0.01; done\n" %
                              at(HOUR_S))
        daemon = self.start()
        self.jump(daemon, HOUR_S)
        wait_for(lambda: (self.last("slow") or {}).get("outcome") == "running", "it to run",
                 daemon.log)
        # A running command continues, a new schedule begins, and a removed one is not due again.
        said = self.reload(daemon, "[schedule slow]\ncron = @yearly\nrun = sweep all\n"
                           "[schedule new]\ncron = %s\ntimezone = UTC\nrun = sweep all\n" %
                           at(2 * HOUR_S))
        self.assertIn("[schedule slow], [schedule new]", said)
        self.bucket.read("sync", "--alive")  # its loop goes on: the schedule counts from before
        self.jump(daemon, 2 * HOUR_S)
        self.wait_run("new", daemon)
        self.assertEqual(self.last("slow")["outcome"], "running")
        self.bucket.put("stop", b"")
        self.assertEqual(self.wait_run("slow", daemon)["outcome"], "ok")
        self.assertEqual(daemon.stop(), 0)

    def test_closing_the_terminal_ends_it(self):
        """SIGHUP from a terminal that is gone ends the daemon, as it ends other programs."""
        leader, follower = os.openpty()
        process = subprocess.Popen(
            ["setsid", "--ctty", os.environ.get("THUMBQ", str(SOURCE_DIR / "build/bin/thumbq")),
             "run", self.bucket.path], stdin=follower, stdout=follower, stderr=follower)
        os.close(follower)
        try:
            said = b""
            while b"watching" not in said:
                said += os.read(leader, 4096)
            os.close(leader)
            process.wait(DEADLINE_S)
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
