# SPDX-License-Identifier: Apache-2.0
"""Triggers: their commands get each event of the log at least once, or the event is given up in
the log of the daemon."""

import json
import os
import signal
import urllib.parse

from harness import BLUE, RED, E2ETest, main, png, wait_for

FAST = "[handler]\nretry_delay = 10ms\n"


class Triggers(E2ETest):

    def setUp(self):
        super().setUp()
        self.out = self.bucket.root / "out"

    def start(self):
        """Starts a daemon. Files that its first scan finds have no event, so the scan ends first."""
        daemon = self.bucket.start()
        self.bucket.sync()
        return daemon

    def trigger(self, name="index", run=None, **options):
        """Returns a section. Without `run` the command appends its input to self.out."""
        rows = {"on": "created", "run": run or f"exec cat >> '{self.out}'", **options}
        return f"[trigger {name}]\n" + "".join(f"{key} = {value}\n" for key, value in rows.items())

    def batches_of(self, path=None):
        """Returns the records (name, key) that commands wrote, line by line."""
        path = path or self.out
        lines = path.read_text().splitlines() if path.exists() else []
        events = [json.loads(line) for line in lines if not line.startswith("#")]
        return [(record["eventName"], urllib.parse.unquote_plus(record["s3"]["object"]["key"]))
                for event in events for record in event["Records"]]

    def wait_events(self, expected, path=None):
        """Waits until these events, in any order, and no others were delivered."""
        self.bucket.wait_for(lambda: sorted(set(self.batches_of(path))) == sorted(expected),
                             f"{expected}, not {self.batches_of(path)}")

    def put(self, *names, colour=RED):
        for name in names:
            self.bucket.put(name, png(20, 20, colour))

    def test_events_of_objects(self):
        """Each kind of event, from the first one after the start of the first daemon on."""
        self.put("before.png")
        self.bucket.configure(self.trigger(on="created,removed,done", batch=5))
        daemon = self.start()
        self.put("a b.png")
        self.bucket.wait_record("a b.png")
        os.rename(self.bucket.path / "a b.png", self.bucket.path / "c.png")
        self.bucket.wait_record("c.png")
        os.unlink(self.bucket.path / "c.png")
        self.wait_events([
            ("ObjectCreated:Put", "a b.png"), ("Thumbnail:Done", "a b.png"),
            ("ObjectRemoved:Delete", "a b.png"), ("ObjectCreated:Copy", "c.png"),
            ("ObjectRemoved:Delete", "c.png")])
        record, = json.loads(self.out.read_text().splitlines()[0])["Records"]
        self.assertEqual(record["s3"]["configurationId"], "index")
        self.assertEqual(record["s3"]["bucket"]["name"], "bucket")
        self.assertEqual(daemon.stop(), 0)

        # The events of that time are delivered.
        # The command of the last batch may have ended with the daemon, and its events come again.
        self.out.unlink()
        self.put("d.png")
        self.start()
        new = {("ObjectCreated:Put", "d.png"), ("Thumbnail:Done", "d.png")}
        self.bucket.wait_for(lambda: new <= set(self.batches_of()), "the new events")
        self.assertNotIn("before.png", {key for _name, key in self.batches_of()})

    def test_renamed_before_it_is_handled(self):
        """An object that is renamed at once is removed and copied, if its first name was seen."""
        self.bucket.configure(self.trigger(on="created,removed", batch=100))
        self.start()
        n = 40
        for i in range(n):
            self.put(f"old-{i}.png")
            os.rename(self.bucket.path / f"old-{i}.png", self.bucket.path / f"new-{i}.png")
        self.bucket.sync()
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0 and
                             sum("new-" in key for _name, key in self.batches_of()) >= n,
                             "all events")
        events = self.batches_of()
        for i in range(n):
            mine = [event for event in events if event[1] in (f"old-{i}.png", f"new-{i}.png")]
            was_seen = ("ObjectCreated:Put", f"old-{i}.png") in mine
            self.assertEqual(mine, [("ObjectCreated:Put", f"old-{i}.png"),
                                    ("ObjectRemoved:Delete", f"old-{i}.png"),
                                    ("ObjectCreated:Copy", f"new-{i}.png")] if was_seen else
                             [("ObjectCreated:Put", f"new-{i}.png")])

    def test_chosen_objects_in_batches(self):
        command = f"exec (echo \"# $THUMBQ_TRIGGER $THUMBQ_BUCKET\"; cat) >> '{self.out}'"
        self.bucket.configure(self.trigger(run=command, prefix="in/", match="*.png", batch=100))
        self.start()
        names = [f"in/{i}.png" for i in range(10)]
        self.put(*names, "out.png")
        self.bucket.put("in/notes.txt", b"text")
        self.wait_events([("ObjectCreated:Put", name) for name in names])
        heads = [line for line in self.out.read_text().splitlines() if line.startswith("#")]
        self.assertEqual(set(heads), {f"# index {self.bucket.path}"})

    def test_rebuilt_store(self):
        """A store that is made anew tells nothing about files that were there, but to a trigger
        that asks for it."""
        replayed = self.bucket.root / "replayed"
        self.bucket.configure(
            self.trigger(on="created,done") +
            self.trigger("again", f"exec cat >> '{replayed}'", on="created,done", replay="yes"))
        self.put("a.png")
        self.start()
        self.wait_events([("ObjectCreated:Put", "a.png"), ("Thumbnail:Done", "a.png")], replayed)
        self.put("b.png")
        self.wait_events([("ObjectCreated:Put", "b.png"), ("Thumbnail:Done", "b.png")])

    def test_failures(self):
        """A batch is tried three times, then it is given up. Others are not delayed."""
        command = (f"exec cat > '{self.out}.now'; cat '{self.out}.now' >> '{self.out}'; "
                   f"! grep -q bad '{self.out}.now'")
        self.bucket.configure(FAST + self.trigger(run=command, on_failure="failed"))
        daemon = self.start()
        self.put("a.png", "bad.png", "c.png")
        self.bucket.wait_for(lambda: "given up: 1 events are a dead letter" in daemon.log(),
                             "the batch to be given up")
        self.wait_events([("ObjectCreated:Put", name) for name in ("a.png", "bad.png", "c.png")])
        self.put("d.png")
        self.bucket.wait_for(lambda: ("ObjectCreated:Put", "d.png") in self.batches_of(),
                             "the next event")
        keys = [key for _name, key in self.batches_of()]
        self.assertEqual([keys.count(key) for key in ("a.png", "bad.png", "c.png", "d.png")],
                         [1, 3, 1, 1])
        letter, = (self.bucket.state / "failed").iterdir()
        letter = json.loads(letter.read_text())
        self.assertEqual(letter["requestContext"]["condition"], "RetriesExhausted")
        self.assertEqual(letter["requestContext"]["approximateInvokeCount"], 3)
        self.assertEqual([record["s3"]["object"]["key"]
                          for record in letter["requestPayload"]["Records"]], ["bad.png"])
        self.assertEqual(letter["responsePayload"], {"errorMessage": "exit status 1"})
        self.assertEqual(daemon.log().count("exit status 1; its 1 events are tried again"), 2)

    def status(self, name="index"):
        return self.bucket.read("trigger", "status", name, "--json").json()

    def letters(self):
        return self.bucket.read("dead", "list", "--triggers", "--json").lines()

    def test_dead_letters(self):
        """Letters are listed, delivered again, and removed, with a daemon and without."""
        flag = self.bucket.root / "flag"
        command = f"exec test -e '{flag}' && cat >> '{self.out}'"
        self.bucket.configure(FAST + self.trigger(run=command))
        daemon = self.start()
        self.put("a.png", "b.png")
        self.bucket.wait_for(lambda: self.status()["dead"] == 2, "two dead letters")
        for letter in self.letters():
            self.assertEqual((letter["trigger"], letter["state"], letter["events"],
                              letter["attempts"], letter["error"]),
                             ("index", "dead", 1, 3, "exit status 1"))
            self.assertIn("ObjectCreated:Put", letter["input"])
        self.assertIn("index  dead  1 event: exit status 1",
                      self.bucket.read("dead", "--triggers").out)
        flag.touch()
        self.assertEqual(self.bucket.read("dead", "retry", "--triggers").out,
                         "2 dead letters queued\n")
        self.wait_events([("ObjectCreated:Put", "a.png"), ("ObjectCreated:Put", "b.png")])
        self.bucket.wait_for(lambda: self.letters() == [], "no dead letters")
        flag.unlink()
        self.put("c.png")
        self.bucket.wait_for(lambda: self.status()["dead"] == 1, "another dead letter")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.bucket.read("dead", "drop", "--triggers").out,
                         "1 dead letter dropped\n")
        self.assertEqual(self.letters(), [])

    def test_retried_letters_skip_no_events(self):
        """Dead letters that are retried do not count against 'backlog'."""
        flag = self.bucket.root / "flag"
        command = f"exec test -e '{flag}' && cat >> '{self.out}'"
        self.bucket.configure(FAST + self.trigger(run=command, backlog=2))
        daemon = self.start()
        for n, name in enumerate(("a.png", "b.png"), 1):
            self.put(name)
            self.bucket.wait_for(lambda n=n: self.status()["dead"] == n, "a dead letter")
        self.bucket.read("trigger", "pause", "index")
        self.bucket.read("dead", "retry", "--triggers")
        self.put("c.png")
        self.bucket.sync()
        self.bucket.wait_for(lambda: self.status()["waiting"] == 1 or self.status()["dead"] > 0,
                             "the new event")
        flag.touch()
        self.bucket.read("trigger", "resume", "index")
        self.bucket.wait_for(lambda: self.status()["waiting"] == self.status()["retrying"] == 0,
                             "the trigger to be idle")
        self.assertNotIn("were skipped", daemon.log())
        self.wait_events([("ObjectCreated:Put", name) for name in ("a.png", "b.png", "c.png")])

    def test_pause_and_rewind(self):
        self.assertEqual(self.bucket.once().status, 0)
        self.bucket.configure(self.trigger())
        self.assertEqual(self.status()["state"], "new")
        self.assertEqual(self.bucket.command("trigger", "pause", "index", self.bucket.path).status,
                         2)
        self.start()
        self.put("a.png")
        self.bucket.wait_for(lambda: len(self.batches_of()) == 1, "the first event")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        pause = ("trigger", "pause", "index")
        self.assertEqual(self.bucket.read(*pause).out, "index paused\n")
        self.assertEqual(self.bucket.read(*pause).out, "index was already paused\n")
        age = self.bucket.read("metrics", "--json").json()["metrics"]["IteratorAge"]
        self.assertEqual(age["unit"], "Milliseconds")
        self.assertGreater(age["max"], 0)
        self.put("b.png")
        self.bucket.sync()
        self.assertEqual({key: self.status()[key] for key in ("state", "waiting", "dead")},
                         {"state": "paused", "waiting": 1, "dead": 0})
        self.assertEqual(self.bucket.read("trigger", "rewind", "index").out, "index rewound\n")
        self.assertEqual(self.status()["waiting"], 2)
        self.assertEqual(len(self.batches_of()), 1)
        self.assertEqual(self.bucket.read("trigger", "resume", "index").out, "index resumed\n")
        created = [("ObjectCreated:Put", name) for name in ("a.png", "a.png", "b.png")]
        self.bucket.wait_for(lambda: self.batches_of() == created, "both events")
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        self.assertEqual(self.bucket.read("trigger", "rewind", "index", "--to", "1h").out,
                         "index rewound\n")
        self.bucket.wait_for(lambda: self.batches_of() == created + created[1:], "both again")

    def test_rewind_to_an_event_of_another_store(self):
        self.bucket.configure(self.trigger())
        self.start()
        self.put("a.png")
        self.bucket.wait_for(lambda: len(self.batches_of()) == 1, "the event")
        rewind = ("trigger", "rewind", "index", "--to")
        result = self.bucket.command(*rewind, "0123456789abcdef-0000000000000001",
                                     self.bucket.path)
        self.assertEqual(result.status, 2)
        self.assertIn("is of another store", result.log)
        epoch = result.log.split("its epoch is not ")[1].split()[0]
        self.assertEqual(self.bucket.read(*rewind, f"{epoch}-0000000000000001").out,
                         "index rewound\n")

    def test_failed_batches_survive(self):
        """A daemon that is killed leaves its failed batches to the next one."""
        flag = self.bucket.root / "flag"
        command = f"exec test -e '{flag}' && cat >> '{self.out}'"
        self.bucket.configure(FAST.replace("10ms", "100ms") + self.trigger(run=command))
        daemon = self.start()
        self.put("a.png", "b.png")
        self.bucket.wait_for(lambda: daemon.log().count("tried again in") >= 2, "two failures")
        flag.touch()
        daemon.kill()
        self.start()
        self.wait_events([("ObjectCreated:Put", "a.png"), ("ObjectCreated:Put", "b.png")])

    def kill_while_a_command_runs(self, **options):
        """A command takes the event of 'first.png' and waits. The daemon is killed, then the
        command ends."""
        started, hold = self.bucket.root / "started", self.bucket.root / "hold"
        hold.touch()
        command = (f"exec touch '{started}'; cat >> '{self.out}.lost'; "
                   f"while test -e '{hold}'; do sleep 0.05; done")
        self.bucket.configure(self.trigger(run=command, timeout="1h", **options))
        daemon = self.start()
        self.put("first.png")
        self.bucket.wait_for(started.exists, "the command")
        self.put(*(f"{i}.png" for i in range(8)))
        self.bucket.sync()
        daemon.process.kill()
        hold.unlink()
        daemon.kill()
        self.bucket.configure(self.trigger(**options))

    def test_killed_while_a_command_runs(self):
        self.kill_while_a_command_runs()
        self.start()
        names = ["first.png", *(f"{i}.png" for i in range(8))]
        self.wait_events([("ObjectCreated:Put", name) for name in names])

    def test_a_stuck_command_delays_no_other(self):
        started = self.bucket.root / "started"
        stuck = self.trigger("stuck", f"exec touch '{started}'; exec sleep 1000", timeout="1h")
        self.bucket.configure(stuck + self.trigger())
        daemon = self.start()
        self.put("a.png")
        self.bucket.wait_for(started.exists, "the command")
        self.put("b.png")
        self.wait_events([("ObjectCreated:Put", "a.png"), ("ObjectCreated:Put", "b.png")])
        # The end does not wait for it.
        self.assertEqual(daemon.stop(), 0)

    def test_eight_stuck_commands_stop_no_count(self):
        """While no further command can start, the events of the others are skipped in time."""
        started = [self.bucket.root / f"started-{n}" for n in range(8)]
        stuck = "".join(
            self.trigger(f"stuck-{n}", f"exec touch '{path}'; exec sleep 1000", timeout="1h")
            for n, path in enumerate(started))
        self.bucket.configure(stuck + self.trigger(backlog=3))
        daemon = self.start()
        self.put("first.png")
        self.bucket.wait_for(lambda: all(path.exists() for path in started), "the commands")
        self.put(*(f"{n}.png" for n in range(6)))
        self.bucket.sync()
        wait_for(lambda: "trigger 'index': " in daemon.log() and
                 "more events were waiting than 'backlog' allows" in daemon.log(),
                 "the events to be skipped", daemon.log)
        self.assertEqual(daemon.stop(), 0)

    def test_backlog(self):
        """More events than may wait are skipped, the oldest first, and the log says so."""
        self.kill_while_a_command_runs(backlog=3)
        log = self.start().log
        self.bucket.wait_for(lambda: len(self.batches_of()) == 3, "the newest events")
        self.assertIn("trigger 'index': 6 events were skipped: more events were waiting than "
                      "'backlog' allows", log())

    def test_another_configuration(self):
        """A new trigger begins with the next event, and one that is gone gets no more."""
        other = self.bucket.root / "other"
        self.bucket.configure(self.trigger())
        daemon = self.start()
        self.put("a.png")
        self.wait_events([("ObjectCreated:Put", "a.png")])
        self.bucket.configure(self.trigger("other", f"exec cat >> '{other}'"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "[trigger other], no [trigger index]" in daemon.log(), "the reload",
                 daemon.log)
        self.put("b.png", colour=BLUE)
        self.wait_events([("ObjectCreated:Put", "b.png")], other)
        self.assertEqual(self.batches_of(), [("ObjectCreated:Put", "a.png")])

    def test_once(self):
        """`run --once` delivers the events that wait and those of its own changes before it ends; a
        failed batch is tried again at once, until it is a dead letter."""
        failing = self.bucket.root / "failing"
        self.bucket.configure(
            "[handler]\nretry_delay = 1h\n" + self.trigger(on="created,done") +
            self.trigger("failing", f"exec cat >> '{failing}'; exit 1") +
            self.trigger("paused", "exec false") + self.trigger("function", "invoke f"))
        self.put("before.png")
        self.assertEqual(self.bucket.once().status, 0)
        daemon = self.start()
        self.bucket.read("trigger", "pause", "paused")
        self.put("a.png")
        self.bucket.wait_for(lambda: self.status("failing")["retrying"] == 1, "the failed batch")
        daemon.kill()
        self.put("b.png")
        result = self.bucket.once()
        self.assertEqual(result.status, 0, result.log)
        self.assertEqual(set(self.batches_of()), {
            ("ObjectCreated:Put", "a.png"), ("Thumbnail:Done", "a.png"),
            ("ObjectCreated:Put", "b.png"), ("Thumbnail:Done", "b.png")})
        self.assertEqual(sorted(self.batches_of(failing)),
                         [("ObjectCreated:Put", name) for name in 3 * ["a.png"] + 3 * ["b.png"]])
        self.assertEqual(self.status("failing")["dead"], 2)
        self.assertEqual((self.status("paused")["waiting"], self.status("function")["waiting"]),
                         (2, 2))

    def skip_events(self, n):
        """Has the trigger skip the events of the first `n` of its objects."""
        self.bucket.configure("[store]\nevents = 1000\n" + self.trigger(backlog=2, suffix=".png"))
        self.start()
        self.bucket.read("trigger", "pause", "index")
        for i in range(n + 2):
            self.put(f"{i}.png")
            self.bucket.sync()
        self.bucket.wait_for(lambda: self.status()["dead"] == n, "the skipped events")

    def created(self, *numbers):
        return [("ObjectCreated:Put", f"{i}.png") for i in numbers]

    def test_skipped_events_are_retried(self):
        self.skip_events(3)
        self.bucket.read("trigger", "resume", "index")
        self.wait_events(self.created(3, 4))
        self.assertEqual(self.bucket.read("dead", "retry", "--triggers").out,
                         "1 dead letter queued\n")
        self.wait_events(self.created(0, 1, 2, 3, 4))
        self.bucket.wait_for(lambda: self.status()["retrying"] == 0, "the trigger to be idle")
        self.assertEqual(self.letters(), [])
        self.assertEqual(len(self.batches_of()), 5)

    def test_skipped_events_that_are_gone(self):
        """The log no longer has them: the dead letter stays, and says so."""
        self.skip_events(3)
        self.bucket.read("trigger", "resume", "index")
        for i in range(600):
            (self.bucket.path / f"{i}.txt").write_text("no picture")
        self.bucket.sync()
        self.bucket.wait_for(lambda: self.status()["waiting"] == 0, "the trigger to be idle")
        self.put("last.png")
        self.bucket.sync()
        self.assertEqual(self.bucket.read("dead", "retry", "--triggers").out,
                         "0 dead letters queued\n")
        letter = next(row for row in self.letters() if row["first"] == min(
            row["first"] for row in self.letters()))
        self.assertEqual(letter["error"], "the log no longer has these events")
        self.assertGreaterEqual(letter["events"], 1)

    def test_letters_in_the_bucket(self):
        """A dead letter in the bucket would be an object, and its event make another letter."""
        link = self.bucket.root / "link"
        link.symlink_to(self.bucket.path)
        refused = "[trigger index] on_failure: '"
        for folder in (self.bucket.path, self.bucket.path / "failed", link / "failed"):
            self.bucket.configure(self.trigger(on_failure=folder))
            result = self.bucket.once()
            self.assertEqual(result.status, 2, folder)
            self.assertIn(refused, result.log)
            self.assertEqual(self.bucket.command("config", self.bucket.path).status, 2)
        for folder in (self.bucket.root / "failed", self.bucket.state / "failed", "failed"):
            self.bucket.configure(self.trigger(on_failure=folder))
            self.assertEqual(self.bucket.once().status, 0, folder)
        daemon = self.start()
        self.bucket.configure(self.trigger(on_failure=self.bucket.path / "failed"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: refused in daemon.log(), "the refusal", daemon.log)
        self.assertIn("the old one stays in force", daemon.log())

    def test_refused(self):
        self.bucket.configure("[bucket]\ndurability = none\n" + self.trigger())
        result = self.bucket.once()
        self.assertEqual(result.status, 2)
        self.assertIn("[trigger index] a trigger needs 'durability = full' or 'store'",
                      result.log)


if __name__ == "__main__":
    main()
