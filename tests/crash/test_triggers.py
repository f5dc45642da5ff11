# SPDX-License-Identifier: Apache-2.0
"""Triggers under random kills of the daemon and of commands, power cuts, and the loss of a store:
each event of the log is delivered to each trigger at least once, or is in one of its dead letters.
The ids that the commands write count.

TRIGGER_EVENTS is the number of events, TRIGGER_KILLS, TRIGGER_CUTS and TRIGGER_LOSSES are the
numbers of kills, power cuts and damaged stores, TRIGGER_BATCHES the batches of the triggers.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from rig import CONFIG, SEED, CrashTest, count, main, wait_for
from test_power import Disk

sys.path.insert(0, os.fspath(Path(__file__).resolve().parents[1] / "support"))
import break_store

NAMES = ("one", "many", "slow")
N_EVENTS = count("TRIGGER_EVENTS", 150, 20000)
N_KILLS = count("TRIGGER_KILLS", 5, 30)
N_CUTS = count("TRIGGER_CUTS", 2, 2)
N_LOSSES = count("TRIGGER_LOSSES", 1, 1)
BATCHES = os.environ.get("TRIGGER_BATCHES", "1,50,3").split(",")
CHANGES = 8 if N_EVENTS < 10000 else 50  # between two waits for the daemon
IDLE_S = 3600  # a long run has many events left at its end

# Fails for one batch in twenty, after it has noted the ids or before. One write notes all of them:
# a command of a daemon that was killed may still run.
COMMAND = """#!/bin/sh
turn=$(( $$ % 40 ))
[ $turn = 0 ] && exit 3
ids=$(grep -o '"sequencer":"[0-9A-F]*"' | cut -d '"' -f 4)
printf '%s\\n' "$ids" >> "$1"
[ $turn = 20 ] && kill -9 $$
exit 0
"""


def memory_kb(pid):
    """Returns the memory of the process that is not a file's, or None if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return None


class Triggers(CrashTest):

    def setUp(self):
        super().setUp()
        self.disk = self.mount()
        bucket = self.disk.path / "bucket" if self.disk else None
        self.rig = self.rig(config=self.config(), bucket=bucket)
        self.rig.may_be_damaged = N_LOSSES > 0
        self.logged, self.memory = set(), []
        # Objects of the test: their paths.
        self.files = []
        self.n_changes = 0

    def mount(self):
        """Returns a disk whose power can be cut, or None."""
        if N_CUTS == 0 or os.geteuid() != 0:
            print("without power cuts", flush=True)
            return None
        disk = Disk(self.root, 4 << 30)
        try:
            disk.mount()
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            print(f"without power cuts: no loop device can be mounted here: {error}", flush=True)
            return None
        self.addCleanup(lambda: os.path.ismount(disk.path) and disk.unmount())
        return disk

    def out(self, name):
        return self.root / f"out-{name}"

    def config(self):
        program = self.root / "command"
        program.write_text(COMMAND)
        program.chmod(0o755)
        sections = "".join(
            f"[trigger {name}]\non = created,removed\nbatch = {batch}\nbacklog = 10M\n"
            f"run = exec '{program}' '{self.out(name)}'\n" for name, batch in zip(NAMES, BATCHES))
        return CONFIG + "[store]\nevents = 10M\n" + sections

    def put(self, path):
        """One object in ten is a picture, for the sake of speed."""
        if self.rig.random.random() < 0.1:
            self.rig.put(path.relative_to(self.rig.bucket))
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no picture %d" % self.rig.random.randrange(1 << 60))

    def new_path(self):
        self.n_changes += 1
        return self.rig.bucket / f"{self.n_changes % 97}/{self.n_changes}.png"

    def churn(self, n):
        """Makes objects, overwrites, renames and removes them."""
        random = self.rig.random
        for _ in range(n):
            turn = random.randrange(8)
            if turn < 3 or not self.files:
                self.files.append(self.new_path())
                self.put(self.files[-1])
                continue
            i = random.randrange(len(self.files))
            self.n_changes += turn != 5
            if turn < 5:
                self.put(self.files[i])
            elif turn < 6:
                to = self.new_path()
                to.parent.mkdir(parents=True, exist_ok=True)
                self.files[i].rename(to)
                self.files[i] = to
            else:
                self.files[i].unlink()
                self.files[i] = self.files[-1]
                self.files.pop()

    def read_log(self):
        """Returns the sequencers of the events that the triggers ask for."""
        result = self.rig.command("events", "--json")
        self.assertEqual(result.returncode, 0, result.stdout[-2000:])
        return {record["s3"]["object"]["sequencer"] for line in result.stdout.splitlines()
                for record in json.loads(line).get("Records", [])
                if record["eventName"].startswith("Object")}

    def kill_commands(self, daemon):
        """Kills a part of the commands that run, and returns their number."""
        n = 0
        for pid in daemon.family():
            with contextlib.suppress(OSError):
                is_command = "command" in Path(f"/proc/{pid}/cmdline").read_text()
                if is_command and self.rig.random.random() < 0.5:
                    os.kill(pid, signal.SIGKILL)
                    n += 1
        return n

    def cut_power(self, daemon):
        self.disk.cut()
        daemon.kill()
        self.disk.unmount()
        self.disk.mount()
        # A power cut takes files that were not on disk yet.
        self.files = [path for path in self.files if path.exists()]

    def lose_store(self, daemon):
        """Damages the store between two daemons, and returns the next one. The log of the old store
        counts; in that of the new one the objects that were there have no events for triggers."""
        daemon.kill()
        self.logged |= self.read_log() - self.old
        break_store.empty(os.fspath(self.rig.bucket / ".thumbq/store"), "by_date")
        daemon = self.rig.start_watching()
        self.rig.sync()
        self.old = self.read_log()
        self.assertIn("the triggers go on with what the old store has", self.rig.log())
        self.assertNotIn("cannot be read as a whole", self.rig.log())
        return daemon

    def note_memory(self, daemon):
        used = memory_kb(daemon.pid)
        self.memory += [used] if used else []

    def plan(self):
        """Returns the ends of the rounds, in a random order."""
        ends = ["kill"] * N_KILLS + ["cut"] * (N_CUTS if self.disk else 0) + ["loss"] * N_LOSSES
        self.rig.random.shuffle(ends)
        return ends

    def run_rounds(self):
        daemon = self.rig.start_watching()
        self.rig.sync()
        ends = self.plan()
        # A rename makes two events; some changes are undone before the daemon sees them.
        share = N_EVENTS // (len(ends) + 1)
        n_killed = 0
        for end in [*ends, None]:
            left = share
            while left > 0:
                self.churn(min(left, CHANGES))
                left -= CHANGES
                self.note_memory(daemon)
                n_killed += self.kill_commands(daemon)
                # The last changes are under way when the daemon ends.
                if left > 0:
                    self.rig.sync()
            if end == "kill":
                daemon.kill()
                daemon = self.rig.start_watching()
            elif end == "cut":
                self.cut_power(daemon)
                daemon = self.rig.start_watching()
            elif end == "loss":
                daemon = self.lose_store(daemon)
        print(f"{len(ends)} ends of the daemon: {ends.count('kill')} kills, {ends.count('cut')} "
              f"power cuts, {ends.count('loss')} lost stores; {n_killed} commands killed",
              flush=True)
        return daemon

    def is_idle(self):
        result = self.rig.command("trigger", "list", "--json")
        rows = [json.loads(line) for line in result.stdout.splitlines()]
        return len(rows) == len(NAMES) and all(row["waiting"] == row["retrying"] == 0
                                               for row in rows)

    def wait_idle(self, daemon):
        end = time.monotonic() + IDLE_S
        while not self.is_idle():
            self.assertLess(time.monotonic(), end, "the triggers do not become idle")
            self.assertTrue(daemon.is_running(), self.rig.log()[-3000:])
            self.note_memory(daemon)
            time.sleep(0.2)

    def check_events(self):
        letters = [json.loads(line) for line in
                   self.rig.command("dead", "list", "--triggers", "--json").stdout.splitlines()]
        for name in NAMES:
            seen = self.out(name).read_text().split()
            dead = {record["s3"]["object"]["sequencer"] for letter in letters
                    if letter["trigger"] == name for line in letter["input"].splitlines()
                    for record in json.loads(line)["Records"]}
            print(f"{name}: {len(self.logged)} events, {len(seen) - len(set(seen))} delivered "
                  f"again, {len(dead)} in dead letters", flush=True)
            missing = self.logged - set(seen) - dead
            self.assertEqual(len(missing), 0, f"events lost by {name}: {sorted(missing)[:20]}")
            made_up = set(seen) - self.logged
            self.assertEqual(len(made_up), 0, f"events made up for {name}: {sorted(made_up)[:20]}")

    def check_memory(self):
        """The memory of a daemon does not follow the number of events."""
        self.memory.sort()
        middle, most = self.memory[len(self.memory) // 2], self.memory[-1]
        print(f"memory of the daemon: {middle} KiB in the middle, {most} KiB at most", flush=True)
        self.assertLess(most, 64 << 10)

    def test_each_event_is_delivered(self):
        self.old = set()
        start = time.monotonic()
        daemon = self.run_rounds()
        self.rig.sync()
        self.wait_idle(daemon)
        self.assertEqual(daemon.terminate(), 0)
        self.logged |= self.read_log() - self.old
        print(f"seed {SEED}: {self.n_changes} changes, {len(self.logged)} events in "
              f"{time.monotonic() - start:.0f} s", flush=True)
        # An object that is gone before a daemon has seen it has no event.
        self.assertGreater(len(self.logged), N_EVENTS // 4)
        self.check_events()
        self.check_memory()


if __name__ == "__main__":
    main()
