# SPDX-License-Identifier: Apache-2.0
"""Commands that schedules run: their input, their results, and their end with the daemon."""

import json
import os
import signal
import uuid

from harness import RED, THUMBQ, is_alive, main, png, wait_for
from schedules import HOUR_S, ScheduleTest, at


class Commands(ScheduleTest):

    def test_command_that_lacks_rights(self):
        """A daemon without new privileges names the commands that are likely to fail."""
        self.configure(("fine", "@yearly", "exec wc -l"), ("other", "@yearly", "exec sudo id"))
        program = self.bucket.root / "without-new-privileges"
        program.write_text(f"#!/bin/sh\nexec setpriv --no-new-privs '{THUMBQ}' \"$@\"\n")
        program.chmod(0o755)
        daemon = self.bucket.start(program=program)
        self.assertRegex(daemon.log(), r"warning: the command of \[schedule other\] is likely to "
                         r"fail: it runs 'sudo'.*with-network\.conf")
        self.assertNotIn("[schedule fine]", daemon.log())

    def test_what_it_gets(self):
        self.configure(("hello", at(HOUR_S), "exec cat > got; echo \"$THUMBQ_SCHEDULE $THUMBQ_BUCKET "
                        "$PWD\" > where; echo said"))
        daemon = self.start()
        self.jump(daemon, HOUR_S)
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

        # The log has the same event.
        logged = [e for e in self.bucket.read("events", "--json").lines() if "detail-type" in e]
        self.assertEqual(logged, [event])
        self.assertRegex(self.bucket.read("events").out, r"schedule +hello")

    def test_how_it_ends(self):
        when = at(HOUR_S)
        late = f"cron = {when}\nrun = exec exec sleep 1000\ntimeout = 1s\n"
        self.configure(("fails", when, "exec exit 3"), ("dies", when, "exec kill -9 $$"))
        with open(self.bucket.state / "thumbq.conf", "a") as config:
            config.write(f"[schedule late]\ntimezone = UTC\n{late}")
        daemon = self.start()
        self.jump(daemon, HOUR_S)
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
        self.configure(("slow", at(HOUR_S), "exec while ! test -e stop; do sleep 0.01; done"))
        daemon = self.start()
        self.jump(daemon, HOUR_S)
        wait_for(lambda: (self.last("slow") or {}).get("outcome") == "running", "it to run",
                 daemon.log)
        self.bucket.put("a.png", png(20, 20, RED))
        self.bucket.sync()
        self.assertEqual(self.bucket.show("a.png")["state"], "done")
        self.bucket.put("stop", b"")
        self.assertEqual(self.wait_run("slow", daemon)["outcome"], "ok")

    def test_the_end_of_the_daemon_is_its_end(self):
        self.configure(("slow", at(HOUR_S), "exec echo $$ > new; mv new pid; exec sleep 1000"))
        daemon = self.start()
        self.jump(daemon, HOUR_S)
        path = self.bucket.path / "pid"
        wait_for(path.exists, "it to run", daemon.log)
        pid = int(path.read_text())
        self.assertEqual(daemon.stop(), 0)
        wait_for(lambda: not is_alive(pid), "it to end")
        last = self.last("slow")
        self.assertEqual((last["outcome"], last["detail"]),
                         ("interrupted", "thumbq ended before it did"))

    def test_a_crash_is_its_end(self):
        self.configure(("slow", at(HOUR_S), "exec echo $$ > new; mv new pid; exec sleep 1000"))
        daemon = self.start()
        self.jump(daemon, HOUR_S)
        wait_for(lambda: (self.last("slow") or {}).get("outcome") == "running", "it to run",
                 daemon.log)
        wait_for((self.bucket.path / "pid").exists, "it to run", daemon.log)
        daemon.process.kill()
        daemon.wait()
        os.kill(int((self.bucket.path / "pid").read_text()), signal.SIGKILL)
        daemon = self.start()
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

    def test_schedules_are_listed(self):
        self.bucket.configure("[schedule often]\ncron = rate(1 minute)\nrun = sweep orphans\n")
        rows = self.bucket.read("schedule", "--json").json()
        self.assertEqual([(row["name"], row["last"]) for row in rows], [("often", None)])
        self.assertEqual(len(rows[0]["next"]), 1)


if __name__ == "__main__":
    main()
