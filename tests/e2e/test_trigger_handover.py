# SPDX-License-Identifier: Apache-2.0
"""A damaged store is set aside, and its triggers go on with the new one."""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, os.fspath(Path(__file__).resolve().parents[1] / "support"))
import break_store
from harness import FAILPOINTS, HANDLER, RED, E2ETest, main, png


class Handover(E2ETest):

    def setUp(self):
        super().setUp()
        self.gate = self.bucket.root / "gate"
        self.folder = self.bucket.root / "functions"
        self.folder.mkdir(mode=0o700)

    def out(self, name):
        return self.bucket.root / f"out-{name}"

    def section(self, name, run=None, **options):
        rows = {"on": "created", "run": run or f"exec cat >> '{self.out(name)}'", **options}
        return f"[trigger {name}]\n" + "".join(f"{key} = {value}\n" for key, value in rows.items())

    def configure(self, replay="no"):
        """`idle` has nothing to do, the events of `paused` wait, as do those of `function`, for
        which no program listens; those of `dead` are in dead letters."""
        gated = f"exec test -e '{self.gate}' && cat >> '{self.out('dead')}'"
        self.bucket.configure(
            "[handler]\nretry_delay = 10ms\n" + self.section("idle", replay=replay) +
            self.section("paused", batch=2) + self.section("function", "invoke f") +
            self.section("dead", gated))

    def start(self, **options):
        daemon = self.bucket.start(env={"THUMBQ_FUNCTIONS": os.fspath(self.folder)}, **options)
        self.bucket.sync()
        return daemon

    def status(self, name):
        return self.bucket.read("trigger", "status", name, "--json").json()

    def keys(self, name):
        path = self.out(name)
        lines = path.read_text().splitlines() if path.exists() else []
        return sorted(record["s3"]["object"]["key"] for line in lines
                      for record in json.loads(line)["Records"])

    def put(self, *names):
        for name in names:
            self.bucket.put(name, png(20, 20, RED))

    def fill(self, daemon):
        """Brings all triggers into their states, with the events of three objects each."""
        self.bucket.read("trigger", "pause", "paused")
        self.put("a.png", "b.png", "c.png")
        self.bucket.sync()
        self.bucket.wait_for(lambda: self.status("dead")["dead"] == 3, "the dead letters")
        self.bucket.wait_for(lambda: self.keys("idle") == ["a.png", "b.png", "c.png"],
                             "the idle trigger")
        self.bucket.wait_for(lambda: self.status("idle")["waiting"] == 0, "the idle trigger")
        daemon.kill()

    def damage(self):
        break_store.empty(os.fspath(self.bucket.state / "store"), "by_date")

    def check_handed_on(self):
        self.assertEqual(len(list(self.bucket.state.glob("store.damaged-*"))), 1)
        self.assertEqual(self.status("paused")["state"], "paused")
        for name in ("paused", "function"):
            row = self.status(name)
            self.assertEqual((name, row["waiting"] + row["retrying"], row["dead"]), (name, 3, 0))
        self.assertEqual(self.status("dead")["dead"], 3)
        self.put("d.png")
        self.bucket.wait_for(lambda: "d.png" in self.keys("idle"), "a new event")
        self.bucket.read("trigger", "resume", "paused")
        self.bucket.wait_for(lambda: len(self.keys("paused")) >= 4, "the events that waited")
        self.assertEqual(self.keys("paused"), ["a.png", "b.png", "c.png", "d.png"])
        self.gate.touch()
        self.bucket.read("dead", "retry", "--triggers")
        self.bucket.wait_for(lambda: self.keys("dead") == ["a.png", "b.png", "c.png", "d.png"],
                             "the dead letters")
        self.assertFalse(os.path.lexists(self.bucket.state / "store.handover"))

    def test_handed_on(self):
        """Waiting events, a pause and dead letters are those of the old store, and nothing is
        delivered for files that were there."""
        self.configure()
        self.fill(self.start())
        self.damage()
        daemon = self.start()
        self.check_handed_on()
        self.assertEqual(self.keys("idle"), ["a.png", "b.png", "c.png", "d.png"])
        self.assertEqual(daemon.stop(), 0)

    def test_replay(self):
        """A trigger that wants it gets the files that were there."""
        self.configure(replay="yes")
        self.fill(self.start())
        self.damage()
        self.start()
        self.bucket.wait_for(lambda: len(self.keys("idle")) >= 6, "the files that were there")
        self.assertEqual(self.keys("idle"), sorted(["a.png", "b.png", "c.png"] * 2))

    def test_nothing_can_be_read(self):
        """The log says that events may be lost."""
        self.configure()
        self.fill(self.start())
        data = self.bucket.state / "store/data.mdb"
        data.write_bytes(b"\x55" * data.stat().st_size)
        daemon = self.start()
        self.assertIn("events that waited for triggers, or dead letters, may be lost", daemon.log())
        self.put("d.png")
        self.bucket.wait_for(lambda: self.keys("idle") == ["a.png", "b.png", "c.png", "d.png"],
                             "a new event")

    def test_cut_short(self):
        """The rows that can still be read are handed on. The daemon survives the reading."""
        self.configure()
        self.fill(self.start())
        data = self.bucket.state / "store/data.mdb"
        os.truncate(data, data.stat().st_size // 2)
        daemon = self.start()
        self.assertIn("the store was moved to", daemon.log())
        self.put("d.png")
        self.bucket.wait_for(lambda: "d.png" in self.keys("idle"), "a new event")

    def test_killed_while_handing_on(self):
        """A crash at any step repeats the handover."""
        self.configure()
        self.fill(self.start())
        self.damage()
        for name in ("recovery.handover-link.after", "recovery.set-aside.after",
                     "recovery.handover-unlink.before"):
            self.crash_at(name)
        self.start()
        self.check_handed_on()

    def crash_at(self, place):
        daemon = self.bucket.start_daemon(program=FAILPOINTS, env={
            "THUMBQ_HANDLER": HANDLER, "THUMBQ_FAILPOINT": f"{place}=crash"})
        self.assertEqual(daemon.wait(), -signal.SIGKILL)

    def test_killed_before_the_rows_are_read(self):
        """The process that reads the old store ends with the daemon, though its rows do not fit
        into the pipe: the next daemon gets the lock."""
        self.configure()
        daemon = self.start()
        self.bucket.read("trigger", "pause", "paused")
        for i in range(400):
            (self.bucket.path / f"{i}.txt").write_text("no picture")
        self.bucket.sync()
        self.bucket.wait_for(lambda: self.status("paused")["waiting"] == 400, "the events")
        daemon.kill()
        self.damage()
        self.crash_at("recovery.handover-read")
        self.start()
        row = self.status("paused")
        self.assertEqual(row["waiting"] + row["retrying"], 400)

    def test_the_link_comes_back(self):
        """After a power cut the removed link can be there again: it moves no cursor over the
        events that came since, and brings no dead letter back."""
        self.configure()
        self.fill(self.start())
        self.damage()
        daemon = self.start()
        self.put("d.png")
        self.bucket.sync()
        self.bucket.wait_for(lambda: self.status("paused")["waiting"] == 1, "a new event")
        self.bucket.wait_for(lambda: self.status("dead")["dead"] == 4, "a new dead letter")
        self.bucket.read("dead", "drop", "--triggers")
        daemon.kill()
        damaged = next(self.bucket.state.glob("store.damaged-*"))
        (self.bucket.state / "store.handover").symlink_to(damaged.name)
        self.start()
        row = self.status("paused")
        self.assertEqual(row["waiting"] + row["retrying"], 4)
        self.assertEqual(self.status("dead")["dead"], 0)
        self.assertFalse(os.path.lexists(self.bucket.state / "store.handover"))

    def test_without_triggers(self):
        """Dead letters of triggers that are not configured are handed on, too."""
        self.configure()
        self.fill(self.start())
        self.damage()
        self.bucket.configure("")
        self.start()
        rows = self.bucket.read("dead", "list", "--triggers", "--json").out.splitlines()
        self.assertEqual(sum(json.loads(row)["state"] == "dead" for row in rows), 3)


if __name__ == "__main__":
    main()
