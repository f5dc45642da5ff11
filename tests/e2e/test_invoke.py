# SPDX-License-Identifier: Apache-2.0
"""Triggers that call functions: batches are handed over at invoke.sock, and wait while no program takes them. The ids of the events in the receiver's queue count."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

SUPPORT = Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, os.fspath(SUPPORT))
from harness import RED, E2ETest, main, png, wait_for
from invoke_receiver import key_of, read_lines

SEED = int(os.environ.get("THUMBQ_TEST_SEED", time.time_ns()))


def keys_of(rows):
    """Returns the keys of the objects in these batches."""
    return [record["s3"]["object"]["key"] for row in rows
            for record in json.loads(row["payload"])["Records"]]


def sequencers_of(rows):
    return [record["s3"]["object"]["sequencer"] for row in rows
            for record in json.loads(row["payload"])["Records"]]


class Invoke(E2ETest):

    def setUp(self):
        super().setUp()
        self.folder = self.bucket.root / "functions"
        self.folder.mkdir(mode=0o700)
        self.receiver = None
        self.addCleanup(self.kill_receiver)

    def start(self):
        daemon = self.bucket.start(env={"THUMBQ_FUNCTIONS": os.fspath(self.folder)})
        self.bucket.sync()
        return daemon

    def start_receiver(self):
        self.kill_receiver()
        (self.folder / "invoke.sock").unlink(missing_ok=True)
        self.receiver = subprocess.Popen(
            [sys.executable, "-B", SUPPORT / "invoke_receiver.py", self.folder])
        wait_for((self.folder / "invoke.sock").exists, "the receiver")

    def kill_receiver(self):
        if self.receiver:
            self.receiver.kill()
            self.receiver.wait()

    def misbehave(self, deed):
        """Has the receiver do this with the next batches. "": it accepts them."""
        new = self.folder / "deed.new"
        new.write_text(deed)
        new.rename(self.folder / "deed")

    def trigger(self, name="index", run="invoke indexer", **options):
        rows = {"on": "created", "run": run, **options}
        return f"[trigger {name}]\n" + "".join(f"{key} = {value}\n" for key, value in rows.items())

    def queue(self):
        return read_lines(self.folder / "queue")

    def calls(self):
        return read_lines(self.folder / "calls")

    def put(self, *names):
        for name in names:
            self.bucket.put(name, png(20, 20, RED))

    def wait_keys(self, *names):
        self.bucket.wait_for(lambda: sorted(set(keys_of(self.queue()))) == sorted(names),
                             f"{names} in the queue")

    def status(self, name="index"):
        return self.bucket.read("trigger", "status", name, "--json").json()

    def test_accepted(self):
        """A batch has its facts, and one JSON object with its events."""
        self.bucket.configure(self.trigger(run="invoke indexer:prod", batch=100))
        self.start_receiver()
        self.start()
        names = [f"{i}.png" for i in range(10)]
        self.put(*names)
        self.wait_keys(*names)
        rows = self.queue()
        self.assertEqual(len({key_of(row) for row in rows}), len(rows))
        for row in rows:
            self.assertEqual((row["function"], row["bucket"], row["trigger"], row["generation"]),
                             ("indexer:prod", os.fspath(self.bucket.path), "index", 0))
            records = json.loads(row["payload"])["Records"]
            self.assertEqual(len(records), row["n_events"])
            self.assertLessEqual(row["first"], row["last"])
            self.assertEqual(records[0]["s3"]["configurationId"], "index")
        self.assertEqual(len(keys_of(rows)), 10)
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        self.assertEqual(len({row["epoch"] for row in rows}), 1)

    def test_nobody_listens(self):
        """The events wait, also across restarts, and another trigger does not."""
        out = self.bucket.root / "out"
        self.bucket.configure(self.trigger() + self.trigger("other", f"exec cat >> '{out}'"))
        daemon = self.start()
        self.put("a.png", "b.png")
        wait_for(lambda: f"trigger 'index': no program listens at '{self.folder}/invoke.sock'; "
                 "its events wait" in daemon.log(), "the message", daemon.log)
        self.bucket.wait_for(lambda: out.exists() and len(out.read_text().splitlines()) == 2,
                             "the other trigger")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 2, "two events that wait")
        daemon.kill()
        daemon = self.start()
        self.assertEqual(self.status()["waiting"], 2)
        self.put("c.png")
        self.start_receiver()
        self.wait_keys("a.png", "b.png", "c.png")
        self.assertEqual(sorted(keys_of(self.queue())), ["a.png", "b.png", "c.png"])
        wait_for(lambda: "trigger 'index': its events wait no longer" in daemon.log(),
                 "the message", daemon.log)
        self.assertEqual(daemon.log().count("its events wait\n"), 1)
        self.assertEqual(self.status()["dead"], 0)

    def test_waiting_events_are_skipped_in_time(self):
        """'backlog' holds while no program listens."""
        self.bucket.configure(self.trigger(backlog=3))
        daemon = self.start()
        self.put(*(f"{i}.png" for i in range(9)))
        self.bucket.sync()
        self.bucket.wait_for(lambda: "more events were waiting than 'backlog' allows"
                             in daemon.log(), "the message")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 3, "the newest events")
        # Files that are put together may be found in another order.
        logged = keys_of({"payload": json.dumps(row)}
                         for row in self.bucket.read("events", "--json").lines()
                         if row.get("Records", [{}])[0].get("eventName", "").startswith("Object"))
        self.start_receiver()
        self.wait_keys(*logged[-3:])

    def test_many_events(self):
        """A large batch travels in a memory file."""
        folder = "x" * 200
        self.bucket.configure(self.trigger(batch=1000))
        self.start()
        names = [f"{folder}/{i}.png" for i in range(150)]
        self.put(*names)
        self.bucket.wait_for(lambda: self.status()["waiting"] == 150, "all events")
        self.start_receiver()
        self.wait_keys(*names)
        self.assertGreater(max(len(row["payload"]) for row in self.queue()), 1 << 16)

    def test_throttled(self):
        """A receiver that is full has the batch wait, and no attempt counts."""
        self.bucket.configure(self.trigger())
        self.misbehave("throttle")
        self.start_receiver()
        daemon = self.start()
        self.put("a.png")
        self.bucket.wait_for(lambda: len(self.calls()) >= 5, "more calls than attempts")
        self.assertIn("the function is throttled: too many calls; its events wait", daemon.log())
        self.assertEqual((self.status()["waiting"], self.status()["retrying"]), (1, 0))
        self.misbehave("")
        self.wait_keys("a.png")
        self.assertEqual(len({key_of(row) for row in self.calls()}), 1)

    def test_unanswered(self):
        """A batch that the receiver has, but did not answer, is the same one when it comes again,
        though more events wait by then: no event comes twice."""
        self.bucket.configure(self.trigger(batch=100))
        self.misbehave("close-after-writing")
        self.start_receiver()
        self.start()
        self.put("a.png")
        self.wait_keys("a.png")
        self.put("b.png", "c.png")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 3, "more events")
        self.misbehave("")
        self.wait_keys("a.png", "b.png", "c.png")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        self.assertEqual(sorted(keys_of(self.queue())), ["a.png", "b.png", "c.png"])

    def test_unanswered_for_another_function(self):
        """The same events are another batch if the trigger calls another function by then."""
        self.bucket.configure(self.trigger())
        self.misbehave("close-after-writing indexer")
        self.start_receiver()
        daemon = self.start()
        self.put("a.png")
        self.bucket.wait_for(lambda: len(self.queue()) > 0, "the batch")
        self.bucket.configure(self.trigger(run="invoke other"))
        daemon.process.send_signal(signal.SIGHUP)
        self.bucket.wait_for(lambda: "other" in {row["function"] for row in self.queue()},
                             "the batch for the other function")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")

    def test_unanswered_with_another_filter(self):
        """A batch of the same ends and the same number is another one if its middle differs."""
        self.bucket.configure(self.trigger(batch=100, match="a*;b*"))
        daemon = self.start()
        for name in ("a1.png", "b.png", "c.png", "a2.png"):
            self.put(name)
            self.bucket.sync()
        self.misbehave("close-after-writing")
        self.start_receiver()
        self.wait_keys("a1.png", "b.png", "a2.png")
        self.bucket.configure(self.trigger(batch=100, match="a*;c*"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "configuration read anew" in daemon.log(), "the reload", daemon.log)
        self.misbehave("")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        self.assertIn("c.png", keys_of(self.queue()))

    def test_poison(self):
        """A batch that kills the receiver each time holds its trigger until 'backlog' skips it, and
        no other trigger; the skipped events are a dead letter."""
        self.bucket.configure(self.trigger(backlog=2, suffix=".png") +
                              self.trigger("other", "invoke other", suffix=".txt"))
        self.misbehave("close poison.png")
        self.start_receiver()
        daemon = self.start()
        self.put("poison.png")
        self.bucket.wait_for(lambda: len(self.calls()) >= 2, "the batch to be handed over again")
        self.put("a.png")
        self.put("other.png.txt")
        self.bucket.wait_for(lambda: "other.png.txt" in keys_of(self.queue()), "the other trigger")
        self.assertEqual({row["trigger"] for row in self.queue()}, {"other"})
        self.put("b.png")
        self.bucket.wait_for(lambda: {"a.png", "b.png"} <= set(keys_of(self.queue())),
                             "the events behind it")
        letter, = self.bucket.read("dead", "list", "--triggers", "--json").lines()
        self.assertEqual((letter["trigger"], letter["events"]), ("index", 1))
        self.assertEqual(daemon.stop(), 0)

    def test_poison_retried(self):
        """A dead letter that is retried, and kills the receiver each time, holds no events of its
        trigger."""
        self.bucket.configure("[handler]\nretry_delay = 10ms\n" + self.trigger())
        self.misbehave("refuse poison.png")
        self.start_receiver()
        self.start()
        self.put("poison.png")
        self.bucket.wait_for(lambda: self.status()["dead"] == 1, "the dead letter")
        self.misbehave("close poison.png")
        self.bucket.read("dead", "retry", "--triggers")
        self.bucket.wait_for(lambda: len(self.calls()) >= 5, "the retry to be put off")
        self.put("a.png")
        self.wait_keys("a.png")
        self.assertEqual(self.status()["retrying"], 1)
        self.misbehave("")
        self.wait_keys("a.png", "poison.png")

    def start_refused(self, deed):
        """Starts a receiver that refuses all batches. Returns when one is a dead letter."""
        self.bucket.configure("[handler]\nretry_delay = 10ms\n" +
                              self.trigger(on_failure="failed"))
        self.misbehave(deed)
        self.start_receiver()
        self.start()
        self.put("a.png")
        self.bucket.wait_for(lambda: self.status()["dead"] == 1, "the dead letter")

    def test_refused(self):
        """A batch for a function that does not exist fails like one of a command."""
        self.start_refused("refuse")
        self.assertEqual(len(self.calls()), 3)
        letter, = self.bucket.read("dead", "list", "--triggers", "--json").lines()
        self.assertEqual((letter["attempts"], letter["error"]),
                         (3, "the function was refused: no such function"))
        self.assertEqual(len(list((self.bucket.state / "failed").iterdir())), 1)
        self.misbehave("")
        self.put("b.png")
        self.wait_keys("b.png")
        self.bucket.read("dead", "retry", "--triggers")
        self.wait_keys("a.png", "b.png")
        generations = {keys_of([row])[0]: row["generation"] for row in self.queue()}
        self.assertEqual(generations, {"a.png": 1, "b.png": 0})

    def test_refused_at_length(self):
        """A reason that is too long is not cut within a character, which no JSON could hold."""
        self.start_refused("refuse-at-length")
        letter, = self.bucket.read("dead", "list", "--triggers", "--json").lines()
        self.assertRegex(letter["error"], "^the function was refused: ü+$")
        failed, = (self.bucket.state / "failed").iterdir()
        json.loads(failed.read_text())

    def test_rewound(self):
        """Events that are asked for once more have another generation."""
        self.bucket.configure(self.trigger())
        self.start_receiver()
        self.start()
        self.put("a.png")
        self.wait_keys("a.png")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        self.bucket.read("trigger", "rewind", "index")
        self.bucket.wait_for(lambda: len(self.queue()) == 2, "the event once more")
        first, second = (row["generation"] for row in self.queue())
        self.assertEqual(first, 0)
        # Retried dead letters count from 0, too: a receiver takes no rewound batch for one of them.
        self.assertGreater(second, 1)

    def test_lies(self):
        """No wrong answer counts, and no receiver delays another trigger."""
        for deed, reason in (("garbage", "the packet is not a frame"),
                             ("other", "the answer is about another batch"),
                             ("sync", "the answer to 'invoke' is malformed"),
                             ("flood", "the packet is not an answer"),
                             ("file", "memory file"),
                             ("error", "busy%1B[31m with other things"),
                             ("close", "it closed the connection")):
            self.check_lie(deed, reason)

    def check_lie(self, deed, reason):
        name, other = f"{deed}.png", f"other-{deed}.png"
        self.bucket.configure(self.trigger() + self.trigger("quick", "invoke quick"))
        for path in self.folder.iterdir():
            path.unlink()
        self.misbehave(f"{deed} indexer")
        self.start_receiver()
        daemon = self.start()
        self.put(name, other)
        self.wait_keys(name, other)
        self.assertEqual({row["trigger"] for row in self.queue()}, {"quick"})
        def is_told():
            return any("trigger 'index': the function got no batch: " in line and reason in line and
                       line.endswith("; its events wait") for line in daemon.log().splitlines())

        wait_for(is_told, "the message", daemon.log)
        self.bucket.wait_for(lambda: self.status()["waiting"] == 2, "the events")
        self.misbehave("")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        mine = [row for row in self.queue() if row["trigger"] == "index"]
        self.assertEqual(sorted(keys_of(mine)), sorted([name, other]))
        self.assertEqual(daemon.stop(), 0)

    def test_silent(self):
        """A receiver that does not answer holds one batch, and no other trigger; the end of the
        daemon does not wait."""
        out = self.bucket.root / "out"
        self.bucket.configure(
            "".join(self.trigger(f"silent-{n}", "invoke stuck", timeout="1s") for n in range(12)) +
            self.trigger("other", f"exec cat >> '{out}'"))
        self.misbehave("silent")
        self.start_receiver()
        daemon = self.start()
        self.put("a.png")
        self.bucket.wait_for(lambda: len({row["trigger"] for row in self.calls()}) == 12,
                             "all calls")
        self.put("b.png")
        self.bucket.wait_for(lambda: out.exists() and len(out.read_text().splitlines()) == 2,
                             "the other trigger")
        wait_for(lambda: daemon.log().count("the function got no batch: it does not answer; "
                                            "its events wait") == 12, "the messages", daemon.log)
        self.assertEqual(daemon.stop(), 0)

    def test_not_trusted(self):
        """No batch goes to a program in a folder that other users may write to."""
        self.bucket.configure(self.trigger())
        self.folder.chmod(0o777)
        self.start_receiver()
        daemon = self.start()
        self.put("a.png")
        wait_for(lambda: "trigger 'index': " in daemon.log() and
                 "its events wait" in daemon.log(), "the message", daemon.log)
        self.assertEqual(self.calls(), [])
        self.folder.chmod(0o700)
        self.wait_keys("a.png")

    def check_ids(self):
        """Each event of the log is in the queue, and none twice under the same facts."""
        logged = {record["s3"]["object"]["sequencer"]
                  for row in self.bucket.read("events", "--json").lines()
                  for record in row.get("Records", [])
                  if record["eventName"].startswith("Object")}
        rows = self.queue()
        ids = sequencers_of(rows)
        self.assertEqual(logged - set(ids), set())
        self.assertEqual(set(ids) - logged, set())
        self.assertEqual(len({key_of(row) for row in rows}), len(rows))
        return len(ids) - len(set(ids))

    def test_receiver_dies(self):
        """Before it has the batch on disk, and after that, without an answer."""
        self.bucket.configure(self.trigger(on="created,removed"))
        daemon = self.start()
        for deed in ("die", "die-after-writing"):
            self.misbehave(deed)
            self.start_receiver()
            self.put(f"{deed}.png")
            self.assertEqual(self.receiver.wait(), -signal.SIGKILL)
            self.misbehave("")
            self.start_receiver()
            self.wait_keys(*{"die.png", f"{deed}.png"})
            self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        self.assertEqual(self.check_ids(), 0)
        self.assertEqual(self.status()["dead"], 0)
        self.assertEqual(daemon.stop(), 0)

    def test_kills_on_both_sides(self):
        """Daemon and receiver are killed at random moments. No event is missing."""
        print(f"THUMBQ_TEST_SEED={SEED}")
        rng = random.Random(SEED)
        self.bucket.configure(self.trigger(on="created,removed", batch=4))
        self.start_receiver()
        daemon = self.start()
        for i in range(60):
            self.put(f"{i}.png")
            if i > 0 and rng.random() < 0.3:
                (self.bucket.path / f"{i - 1}.png").unlink()
            turn = rng.randrange(8)
            if turn == 0:
                daemon.kill()
                daemon = self.start()
            elif turn == 1:
                self.start_receiver()
        self.start_receiver()
        self.bucket.sync()
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        twice = self.check_ids()
        calls, accepted = len(self.calls()), len(self.queue())
        print(f"{len(sequencers_of(self.queue()))} events, {accepted} batches in {calls} calls, "
              f"{twice} events twice")
        self.assertEqual(self.status()["dead"], 0)


if __name__ == "__main__":
    main()
