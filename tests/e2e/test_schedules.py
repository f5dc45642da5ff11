# SPDX-License-Identifier: Apache-2.0
"""Schedules that run: commands and sweeps, what they are told, how they end, what is made up for;
SIGHUP."""

import calendar
import json
import os
import signal
import subprocess
import time
import uuid

from harness import (DEADLINE_S, GREEN, RED, SOURCE_DIR, THUMBQ, Daemon, E2ETest, identify, is_alive,
                     main, png, wait_for)

FAILPOINTS = os.environ.get("THUMBQ_FAILPOINTS",
                            str(SOURCE_DIR / "build" / "tests" / "thumbq-failpoints"))
HANDLER = os.environ.get("THUMBQ_HANDLER", str(SOURCE_DIR / "build" / "bin" / "thumbq-thumbnail"))
DAY_S = 86400


def at(seconds):
    """at(...) some seconds from now."""
    return time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + seconds))


class ScheduleTest(E2ETest):

    def configure(self, *schedules, **options):
        """[(name, cron, run)], each with the options."""
        lines = "".join(f"{key} = {value}\n" for key, value in options.items())
        self.bucket.configure("".join(
            f"[schedule {name}]\ncron = {cron}\ntimezone = UTC\nrun = {run}\n{lines}"
            for name, cron, run in schedules))

    def schedules(self):
        rows = self.bucket.command("schedule", "--json", self.bucket.path).json()
        return {row["name"]: row for row in rows}

    def last(self, name):
        return self.schedules()[name]["last"]

    def wait_run(self, name, daemon):
        """The last run, once there is one that has ended."""
        def ended():
            last = self.last(name)
            return last if last and last["outcome"] != "running" else None
        return wait_for(ended, f"schedule '{name}' to have run", daemon.log)

    def firings(self):
        """[(schedule, time)] of the event log."""
        events = self.bucket.read("events", "--json").lines()
        return [(event["resources"][0].rpartition("/")[2], event["time"]) for event in events
                if event.get("detail-type") == "Scheduled Event"]


class Commands(ScheduleTest):

    def test_command_that_lacks_rights(self):
        """A daemon without new privileges says which of its commands are likely to fail."""
        self.configure(("fine", "@yearly", "exec wc -l"), ("other", "@yearly", "exec sudo id"))
        program = self.bucket.root / "without-new-privileges"
        program.write_text(f"#!/bin/sh\nexec setpriv --no-new-privs '{THUMBQ}' \"$@\"\n")
        program.chmod(0o755)
        daemon = Daemon([os.fspath(self.bucket.path)], self.bucket.root / "log", program=program)
        self.bucket.daemons.append(daemon)
        wait_for(lambda: "watching" in daemon.log(), "the daemon", daemon.log)
        self.assertRegex(daemon.log(), r"warning: the command of \[schedule other\] is likely to "
                         r"fail: it names 'sudo'.*with-network\.conf")
        self.assertNotIn("[schedule fine]", daemon.log())

    def test_what_it_gets(self):
        self.configure(("hello", at(2), "exec cat > got; echo \"$THUMBQ_SCHEDULE $THUMBQ_BUCKET "
                        "$PWD\" > where; echo said"))
        daemon = self.bucket.start()
        last = self.wait_run("hello", daemon)
        self.assertEqual((last["outcome"], last["detail"]), ("ok", "ok"))
        self.assertGreater(last["duration_ms"], 0)
        event = json.loads((self.bucket.path / "got").read_text())
        self.assertEqual(
            {key: event[key] for key in event if key not in ("id", "time")},
            {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events",
             "account": "local", "region": "local",
             "resources": ["arn:aws:events:local:0:rule/hello"], "detail": {}})
        self.assertEqual(uuid.UUID(event["id"]).version, 5)
        due = self.schedules()["hello"]["last"]["due"]
        self.assertEqual(event["time"], due)
        path = os.path.realpath(self.bucket.path)
        self.assertEqual((self.bucket.path / "where").read_text().split(),
                         ["hello", path, path])
        self.assertIn("\nsaid\n", daemon.log())

        # The very event is in the log.
        logged = [e for e in self.bucket.read("events", "--json").lines() if "detail-type" in e]
        self.assertEqual(logged, [event])
        self.assertRegex(self.bucket.read("events").out, r"schedule +hello")

    def test_how_it_ends(self):
        when = at(2)
        self.configure(("fails", when, "exec exit 3"), ("late", when, "exec exec sleep 1000"),
                       ("dies", when, "exec kill -9 $$"), timeout="1s")
        daemon = self.bucket.start()
        ends = {name: self.wait_run(name, daemon) for name in ("fails", "late", "dies")}
        self.assertEqual({name: (end["outcome"], end["detail"]) for name, end in ends.items()},
                         {"fails": ("failed", "exit status 3"),
                          "late": ("timeout", "killed after its time limit"),
                          "dies": ("failed", "killed by signal 9 (Killed)")})
        text = self.bucket.read("schedule").out
        self.assertIn("exit status 3", text)
        self.assertIn("timeout after 1", text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)
        self.assertIn("warning: schedule 'fails': exit status 3", daemon.log())

    def test_work_goes_on_meanwhile(self):
        self.configure(("slow", at(1), "exec while ! test -e stop; do sleep 0.01; done"))
        daemon = self.bucket.start()
        wait_for(lambda: (self.last("slow") or {}).get("outcome") == "running", "it to run",
                 daemon.log)
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.sync()
        self.assertEqual(self.bucket.show("a.png")["state"], "done")
        self.bucket.put("stop", b"")
        self.assertEqual(self.wait_run("slow", daemon)["outcome"], "ok")

    def test_the_end_of_the_daemon_is_its_end(self):
        self.configure(("slow", at(1), "exec echo $$ > new; mv new pid; exec sleep 1000"))
        daemon = self.bucket.start()
        path = self.bucket.path / "pid"
        wait_for(path.exists, "it to run", daemon.log)
        pid = int(path.read_text())
        self.assertEqual(daemon.stop(), 0)
        wait_for(lambda: not is_alive(pid), "it to end")
        last = self.last("slow")
        self.assertEqual((last["outcome"], last["detail"]),
                         ("interrupted", "thumbq ended before it did"))

    def test_a_crash_is_its_end(self):
        self.configure(("slow", at(1), "exec echo $$ > new; mv new pid; exec sleep 1000"))
        daemon = self.bucket.start()
        wait_for(lambda: (self.last("slow") or {}).get("outcome") == "running", "it to run",
                 daemon.log)
        wait_for((self.bucket.path / "pid").exists, "it to run", daemon.log)
        daemon.process.kill()
        daemon.wait()
        os.kill(int((self.bucket.path / "pid").read_text()), signal.SIGKILL)
        daemon = self.bucket.start()
        self.assertEqual(self.wait_run("slow", daemon)["outcome"], "interrupted")

    def test_mistakes_are_named(self):
        for run in ("exec", "exec  ", "sweep", "sweep everything", "rm -rf /"):
            self.configure(("odd", "@daily", run))
            result = self.bucket.command("run", self.bucket.path)
            self.assertEqual(result.status, 2)
            self.assertIn("thumbq.conf:1: [schedule odd] run: ", result.log)
        self.configure(("odd", "0 3 * *", "sweep all"))
        result = self.bucket.command("run", self.bucket.path)
        self.assertEqual(result.status, 2)
        self.assertIn("thumbq.conf:1: [schedule odd] cron: cannot parse '0 3 * *'", result.log)


class Catchup(ScheduleTest):
    """A clock that a test sets: in a file, which the daemon with fail points reads."""

    def setUp(self):
        super().setUp()
        self.clock = self.bucket.root / "clock"
        self.set_clock(0)

    def set_clock(self, offset_s):
        new = self.clock.with_suffix(".new")
        new.write_text(str(offset_s))
        new.rename(self.clock)

    def start(self):
        """A daemon that goes by that clock."""
        log = self.bucket.root / f"daemon-{len(self.bucket.daemons)}.log"
        previous = dict(os.environ)
        os.environ.update(THUMBQ_CLOCK_FILE=str(self.clock), THUMBQ_HANDLER=HANDLER)
        try:
            daemon = Daemon([os.fspath(self.bucket.path)], log, program=FAILPOINTS)
        finally:
            os.environ.clear()
            os.environ.update(previous)
        self.bucket.daemons.append(daemon)
        wait_for(lambda: "watching" in daemon.log(), "the daemon", daemon.log)
        return daemon

    def runs_after(self, catchup, days, expected):
        """Firings of a nightly schedule after the machine was off for some days."""
        self.configure(("nightly", "0 3 * * *", "exec echo x >> ran"), catchup=catchup)
        daemon = self.start()
        wait_for(lambda: (self.bucket.state / "store" / "data.mdb").exists(), "the store")
        # The schedule is known once it is in the store, which closing it makes sure of.
        daemon.stop()
        self.assertEqual(self.firings(), [])
        self.set_clock(days * DAY_S)
        daemon = self.start()
        ran = self.bucket.path / "ran"
        if expected:
            wait_for(lambda: ran.exists() and len(ran.read_text().splitlines()) >= expected and
                     (self.last("nightly") or {}).get("outcome") == "ok", "the runs", daemon.log)
        else:
            wait_for(lambda: "left out" in daemon.log(), "it to be left out", daemon.log)
        daemon.stop()
        found = [fired for name, fired in self.firings() if name == "nightly"]
        self.assertEqual(len(found), expected, found)
        self.assertEqual(len(ran.read_text().splitlines()) if expected else 0, expected)
        self.assertEqual(sorted(found), found)
        for fired in found:
            self.assertTrue(fired.endswith("T03:00:00Z"), fired)
        if found:
            newest = calendar.timegm(time.strptime(found[-1], "%Y-%m-%dT%H:%M:%SZ"))
            now = time.time() + days * DAY_S
            self.assertTrue(now - DAY_S - DEADLINE_S < newest <= now)
        return found

    def test_none(self):
        self.runs_after("none", 10, 0)

    def test_once(self):
        self.runs_after("once", 10, 1)

    def test_all(self):
        self.runs_after("all", 10, 10)

    def test_all_is_bounded(self):
        self.runs_after("all", 150, 100)

    def run_after(self, days):
        """A daemon that is started some days after the last one."""
        daemon = self.start()
        self.bucket.sync()
        daemon.stop()
        self.assertEqual(self.firings(), [])
        self.set_clock(days * DAY_S)
        return self.start()

    def test_the_builtin_one_makes_up(self):
        """A machine that is up in the evenings sweeps all the same."""
        self.bucket.put("a.png", png(9, 9, RED))
        daemon = self.run_after(2)
        self.wait_run("nightly", daemon)
        self.assertEqual([name for name, _ in self.firings()], ["nightly"])

    def test_a_missed_rate_is_due_at_once(self):
        self.configure(("daily", "rate(1 day)", "exec echo x >> ran"), catchup="none")
        daemon = self.run_after(1.5)
        self.wait_run("daily", daemon)
        self.assertEqual((self.bucket.path / "ran").read_text(), "x\n")

    def test_nothing_is_promised_without_a_daemon(self):
        self.configure(("daily", "0 3 * * *", "sweep all"))
        shown = self.bucket.read("schedule").out
        self.assertIn("next  none: no daemon runs on this bucket", shown)
        self.assertRegex(shown, r"due at \d{4}-.* if 'thumbq run' runs then")
        self.bucket.start()
        self.assertIs(self.bucket.read("schedule", "--json").json()[0]["daemon"], True)
        self.assertRegex(self.bucket.read("schedule").out, r"next  \d{4}-.* in ")

    def test_a_clock_that_jumps(self):
        """While it runs: one run for the time that is due, nothing twice when it is set back."""
        self.configure(("nightly", "0 3 * * *", "exec echo x >> ran"))
        daemon = self.start()
        self.set_clock(3 * DAY_S)
        daemon.process.send_signal(signal.SIGHUP)  # looks at its clock
        self.wait_run("nightly", daemon)
        self.set_clock(3 * DAY_S - 3600)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: daemon.log().count("read anew") == 2, "the second look", daemon.log)
        daemon.stop()
        self.assertEqual(len(self.firings()), 1)


class Reload(ScheduleTest):

    def reload(self, daemon, text):
        """The log after it."""
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

    def test_limits_and_concurrency(self):
        self.bucket.configure("[handler]\nconcurrency = 1\nmax_pixels = 100\n")
        self.put("a.png")
        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual(self.bucket.show("a.png")["error"]["name"], "too_many_pixels")
        self.bucket.put("tiny.png", png(9, 9, GREEN))  # what failed has cost a worker its place
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
                              "run = exec while ! test -e stop; do sleep 0.01; done\n" % at(1))
        daemon = self.bucket.start()
        wait_for(lambda: (self.last("slow") or {}).get("outcome") == "running", "it to run",
                 daemon.log)
        # What runs goes on; what is new begins; what is no more is not due again.
        said = self.reload(daemon, "[schedule slow]\ncron = @yearly\nrun = sweep all\n"
                           "[schedule new]\ncron = %s\ntimezone = UTC\nrun = sweep all\n" % at(1))
        self.assertIn("[schedule slow], [schedule new]", said)
        self.wait_run("new", daemon)
        self.assertEqual(self.last("slow")["outcome"], "running")
        self.bucket.put("stop", b"")
        self.assertEqual(self.wait_run("slow", daemon)["outcome"], "ok")
        self.assertEqual(daemon.stop(), 0)

    def test_closing_the_terminal_ends_it(self):
        """SIGHUP from a terminal that is gone means what it always did."""
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
