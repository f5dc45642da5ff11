# SPDX-License-Identifier: Apache-2.0
"""Triggers under random kills of the daemon and of commands: each event of the log is delivered to
each trigger at least once, or is in one of its dead letters. The ids that commands write count."""

import json
import os
import random
import sys
import unittest
from pathlib import Path

sys.path.insert(0, os.fspath(Path(__file__).resolve().parent.parent / "e2e"))

from harness import RED, E2ETest, main, png  # noqa: E402

NAMES = ("one", "many", "slow")
N_OBJECTS = int(os.environ.get("TRIGGER_OBJECTS", "60"))
N_KILLS = int(os.environ.get("TRIGGER_KILLS", "6"))

# Fails for one batch in twenty, after it has noted the ids or before.
COMMAND = """#!/usr/bin/env python3
import os, random, sys
lines = sys.stdin.buffer.read()
fails = random.random() < 0.05
if fails and random.random() < 0.5:
    sys.exit(3)
# One write: a command of a daemon that was killed may still run.
with open(sys.argv[1], "ab", buffering=0) as out:
    out.write(lines)
if fails:
    os.kill(os.getpid(), 9)
"""


def sequencers(lines):
    return [record["s3"]["object"]["sequencer"] for line in lines
            for record in json.loads(line)["Records"]]


class Kills(E2ETest):

    def out(self, name):
        return self.bucket.root / f"out-{name}"

    def configure(self):
        program = self.bucket.root / "command"
        program.write_text(COMMAND)
        program.chmod(0o755)
        sections = "".join(
            f"[trigger {name}]\non = created,removed\nbatch = {batch}\n"
            f"run = exec '{program}' '{self.out(name)}'\n"
            for name, batch in zip(NAMES, (1, 50, 3)))
        self.bucket.configure("[handler]\nretry_delay = 50ms\n" + sections)

    def churn(self, rng, i):
        """Makes, overwrites, renames and removes objects."""
        path = self.bucket.path / f"{i}.png"
        path.write_bytes(png(8, 8, RED))
        older = [p for p in self.bucket.path.glob("*.png") if p != path]
        if older and rng.random() < 0.5:
            chosen = rng.choice(sorted(older))
            turn = rng.randrange(3)
            if turn == 0:
                chosen.write_bytes(png(9, 9, RED))
            elif turn == 1:
                chosen.rename(chosen.with_name(f"r{i}.png"))
            else:
                chosen.unlink()

    def logged(self):
        """Returns the sequencers of the events that the triggers ask for."""
        rows = self.bucket.read("events", "--json").lines()
        return {record["s3"]["object"]["sequencer"] for row in rows
                for record in row.get("Records", [])
                if record["eventName"].startswith("Object")}

    def statuses(self):
        return [self.bucket.read("trigger", "status", name, "--json").json() for name in NAMES]

    def test_each_event_is_delivered(self):
        rng = random.Random(18)
        self.configure()
        daemon = self.bucket.start()
        for i in range(N_OBJECTS):
            self.churn(rng, i)
            if i % (N_OBJECTS // N_KILLS) == N_OBJECTS // N_KILLS - 1:
                family = daemon.family()
                daemon.process.kill()
                for pid in family:
                    if rng.random() < 0.5:
                        try:
                            os.kill(pid, 9)
                        except ProcessLookupError:
                            pass
                daemon.kill()
                daemon = self.bucket.start()
        self.bucket.sync()
        self.bucket.wait_for(
            lambda: all(row["waiting"] == row["retrying"] == 0 for row in self.statuses()),
            "the triggers to be idle")
        self.assertEqual(daemon.stop(), 0)
        letters = self.bucket.read("dead", "list", "--triggers", "--json").lines()
        logged = self.logged()
        # An object that is gone before a daemon has seen it has no event.
        self.assertGreater(len(logged), N_OBJECTS // 2)
        for name in NAMES:
            lines = self.out(name).read_text().splitlines()
            seen = sequencers(lines)
            dead = [s for letter in letters if letter["trigger"] == name
                    for s in sequencers(letter["input"].splitlines())]
            self.assertEqual(logged - set(seen) - set(dead), set(), f"events lost by {name}")
            self.assertEqual(set(seen) - logged, set(), f"events that {name} made up")
            print(f"{name}: {len(logged)} events, {len(seen) - len(set(seen))} delivered again, "
                  f"{len(set(dead))} in dead letters", file=sys.stderr)


if __name__ == "__main__":
    main()
