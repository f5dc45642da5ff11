# SPDX-License-Identifier: Apache-2.0
"""The test case of schedules: a daemon whose clock a test sets, and the runs it reports."""

import signal
import time

from harness import FAILPOINTS, HANDLER, E2ETest, wait_for

DAY_S = 86400
HOUR_S = 3600


def at(seconds):
    """Returns an at(...) expression for a time some seconds from now."""
    return time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + seconds))


class ScheduleTest(E2ETest):
    """A test with a clock that it sets, in a file, which the daemon with fail points reads. With
    the real clock, a due time could pass before a busy machine has started the daemon."""

    def setUp(self):
        super().setUp()
        self.clock = self.bucket.root / "clock"
        self.set_clock(0)

    def set_clock(self, offset_s):
        new = self.clock.with_suffix(".new")
        new.write_text(str(offset_s))
        new.rename(self.clock)

    def environment(self, **more):
        return {"THUMBQ_CLOCK_FILE": str(self.clock), "THUMBQ_HANDLER": HANDLER, **more}

    def start(self, **environment):
        """Starts a daemon that follows the clock of the test."""
        return self.bucket.start(program=FAILPOINTS, env=self.environment(**environment))

    def jump(self, daemon, offset_s):
        """Sets the daemon's clock ahead by `offset_s`, and waits until the daemon has read it."""
        before = daemon.log().count("read anew")
        self.set_clock(offset_s)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: daemon.log().count("read anew") > before, "the clock to be looked at",
                 daemon.log)

    def configure(self, *schedules, **options):
        """Configures schedules, [(name, cron, run)], each with the options."""
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
        """Waits until the last run has ended. Returns it."""
        def ended():
            last = self.last(name)
            return last if last and last["outcome"] != "running" else None
        return wait_for(ended, f"schedule '{name}' to have run",
                        daemon.log if daemon else lambda: "")

    def firings(self):
        """Returns [(schedule, time)] of the event log."""
        events = self.bucket.read("events", "--json").lines()
        return [(event["resources"][0].rpartition("/")[2], event["time"]) for event in events
                if event.get("detail-type") == "Scheduled Event"]
