# SPDX-License-Identifier: Apache-2.0
"""The query socket: answers, pages, refusals, and the reader after any failure."""

import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path

sys.path.append(os.fspath(Path(__file__).resolve().parents[1] / "support"))

import control_frames as control
from harness import (BLUE, RED, E2ETest, descriptors, is_alive, main, name_of, png, process_stat,
                     wait_for)

GROUP = 65529


class QueryTest(E2ETest):

    def setUp(self):
        super().setUp()
        for i in range(12):
            self.bucket.put(f"{i % 3}/{i:02}.png", png(20 + i, 30, RED))
        self.bucket.put("broken.png", png(40, 30, BLUE)[:60])
        self.bucket.put("a space.png", png(50, 30, BLUE))

    def start(self):
        daemon = self.bucket.start()
        self.bucket.sync()
        wait_for(lambda: daemon.reader(), "the reader", daemon.log)
        return daemon

    @property
    def path(self):
        return self.bucket.state / "query.sock"

    def ask(self, *words, **options):
        return control.ask(self.path, words, **options)

    def pages(self, *words, rows):
        """All pages of an answer."""
        after = ""
        while True:
            answer = self.ask(*words, after=after, rows=rows)
            yield answer
            if not answer.next:
                return
            self.assertNotEqual(answer.next, after)
            after = answer.next

    def refusal(self, packet):
        with control.Client(self.path) as client:
            return control.parse_refusal(client.ask(packet))

    def command_and_answer(self, command, *rest):
        """Returns the output of a command, and the answer to the same question. Some contain the time:
        if the two differ, both are asked for again, up to three times."""
        for _ in range(3):
            expected = self.bucket.command(command, "--bucket", self.bucket.path, *rest)
            answer = self.ask(command, *rest)
            if answer.output.decode() == expected.out:
                break
        return expected, answer

    def test_answers_are_those_of_the_commands(self):
        daemon = self.start()
        for words in (["stats"], ["stats", "--json"], ["stats", "--csv"], ["stats", "--by", "type"],
                      ["stats", "--by", "prefix", "--json"], ["stats", "--prefix", "1/", "--json"],
                      ["list", "--json"], ["list", "--csv"], ["list", "--json", "--sort", "size"],
                      ["list", "--json", "--state", "dead"], ["dead", "list", "--json"],
                      ["dead", "--json"], ["bill"], ["bill", "--json"], ["metrics", "--prometheus"],
                      ["schedule"], ["schedule", "--json", "--next", "2"], ["reprocess", "list"],
                      ["show", "--json", "a space.png"], ["show", "0/00.png"]):
            with self.subTest(words):
                expected, answer = self.command_and_answer(*words)
                self.assertEqual(expected.status, 0, expected.log)
                self.assertEqual(answer.output.decode(), expected.out)
                self.assertEqual((answer.status, answer.next, answer.reset), (0, "", 0))
        events = self.bucket.read("events", "--json").out.splitlines()
        answer = self.ask("events", "--json")
        self.assertEqual([line.split("\t", 1)[1] for line in answer.lines()], events)
        self.assertEqual(daemon.stop(), 0)

    def test_pages(self):
        """Each page begins where the one before ended, in every order, while objects are added and
        removed."""
        daemon = self.start()
        for options in ([], ["--reverse"], ["--sort", "size"], ["--sort", "date", "--reverse"],
                        ["--sort", "duration"], ["--prefix", "1/"], ["--state", "done"]):
            with self.subTest(options):
                expected = [name_of(row) for row in self.bucket.list(*options)]
                found, after = [], ""
                while True:
                    answer = self.ask("list", "--json", *options, after=after, rows=4)
                    rows = [json.loads(line) for line in answer.lines()]
                    self.assertLessEqual(len(rows), 4)
                    found += [name_of(row) for row in rows]
                    after = answer.next
                    if not after:
                        break
                self.assertEqual(found, expected)
        first = self.ask("list", "--json", rows=4)
        last = json.loads(first.lines()[-1])["name"]
        os.unlink(self.bucket.path / last)
        self.bucket.wait_gone(last)
        second = self.ask("list", "--json", after=first.next, rows=4)
        names = [json.loads(line)["name"] for line in second.lines()]
        everything = sorted(name_of(row).decode() for row in self.bucket.list())
        self.assertEqual(names, [name for name in everything if name > last][:4])
        for after in ("x", "1.2", "1.2.", "1.2./", "99999999999999999999.1.a"):
            self.assertEqual(self.refusal(control.question(["list", "--json"], after=after)),
                             (100, "a page cannot begin there"))
        self.assertEqual(daemon.stop(), 0)

    def test_pages_between_odd_names(self):
        """A page may end at a name of any bytes."""
        for name in (b"100%.png", b"50%41.png", b"\xff%zz.png", b"new\nline.png", b"%2F.png"):
            self.bucket.put(os.fsdecode(name), png(20, 30, RED))
        daemon = self.start()
        for options in ([], ["--reverse"], ["--sort", "size"]):
            with self.subTest(options):
                expected = [name_of(row) for row in self.bucket.list(*options)]
                found = [name_of(json.loads(line))
                         for answer in self.pages("list", "--json", *options, rows=1)
                         for line in answer.lines()]
                self.assertEqual(found, expected)
        self.assertEqual(daemon.stop(), 0)

    def test_pages_of_groups(self):
        """Each page of groups is whole, and has those that come after the page before."""
        for folder in (b"50%41", b"\xff%", b"with space"):
            self.bucket.put(os.fsdecode(folder + b"/a.png"), png(20, 30, RED))
        daemon = self.start()
        for by in ("prefix", "size", "type", "state", "day", "month"):
            with self.subTest(by):
                whole = self.bucket.stats("--by", by)
                pages = [json.loads(answer.output)
                         for answer in self.pages("stats", "--by", by, "--json", rows=2)]
                self.assertEqual({len(page["groups"]) for page in pages[:-1]} | {2}, {2})
                self.assertEqual([group for page in pages for group in page["groups"]],
                                 whole["groups"])
                self.assertEqual({(page["bucket"], page["by"]) for page in pages},
                                 {(whole["bucket"], by)})
                csv = [answer.output.decode(errors="surrogateescape")
                       for answer in self.pages("stats", "--by", by, "--csv", rows=2)]
                self.assertEqual("".join(csv), self.bucket.read("stats", "--by", by, "--csv").out)
        self.assertGreater(len(list(self.pages("stats", "--by", "prefix", rows=2))), 2)
        for after in ("x", "=%4", "=%00"):
            self.assertEqual(self.refusal(control.question(["stats", "--by", "day"], after=after)),
                             (100, "a page cannot begin there"))
        self.assertEqual(daemon.stop(), 0)

    def test_no_questions(self):
        daemon = self.start()
        for words, code in ((["run"], 100), (["config"], 100), (["doctor"], 100), (["reader"], 100),
                            ([""], 100), (["list", "--no-such"], 100), (["list", "x"], 100),
                            (["list", "--bucket", "/"], 100), (["stats", "--json", "--csv"], 100),
                            (["dead", "retry"], 16), (["dead", "drop"], 16),
                            (["reprocess", "start"], 16), (["reprocess", "cancel"], 16),
                            (["show", "nothing"], 102), (["stats"] + ["--json"] * 300, 100)):
            with self.subTest(words[:3]):
                self.assertEqual(self.refusal(control.question(words))[0], code)
        self.assertEqual(self.refusal(control.frame(control.SYNC)), (100, "this socket does not answer this request"))
        self.assertEqual(self.refusal(control.question(["stats"], row_version=2)),
                         (104, "the request 'question' is of another version of thumbq"))
        noise = random.Random(2)
        good = control.question(["list", "--json", "--sort", "size"], after="3.4.a/b")
        for i in range(300):
            packet = bytearray(good)
            for _ in range(1 + i % 3):
                packet[noise.randrange(len(packet))] = noise.randrange(256)
            with control.Client(self.path) as client:
                client.send(bytes(packet))
                self.assertNotEqual(client.receive(), b"")
        self.assertEqual(json.loads(self.ask("stats", "--json").output)["objects"]["total"], 14)
        self.assertNotIn("query reader ended", daemon.log())
        self.assertEqual(daemon.stop(), 0)

    def test_locked_in(self):
        daemon = self.start()
        pid = daemon.reader()
        self.ask("stats")
        status = Path(f"/proc/{pid}/status").read_text()
        self.assertRegex(status, r"(?m)^Seccomp:\s+2$")
        self.assertRegex(status, r"(?m)^NoNewPrivs:\s+1$")
        if os.geteuid() != 0:
            self.skipTest("only root can look at the descriptors of what is locked in")
        opened = {file for file in descriptors(pid).values()
                  if file.startswith("/") and "memfd:" not in file}
        state = os.fspath(self.bucket.state)
        self.assertLessEqual(opened, {"/dev/null", state, f"{state}/store", f"{state}/store/data.mdb",
                                      f"{state}/store/lock.mdb", os.fspath(self.bucket.thumbnails),
                                      f"{self.bucket.root}/daemon-0.log"},
                             opened)
        self.assertEqual(daemon.stop(), 0)

    def test_event_ids(self):
        """Ids are EPOCH-SEQUENCER: an answer has the events after one, and `reset` for an unknown
        one."""
        daemon = self.start()
        whole = self.ask("events", "--json")
        ids = [line.split("\t")[0] for line in whole.lines()]
        self.assertEqual(whole.next, ids[-1])
        self.assertEqual(len(set(ids)), len(ids))
        for id_ in ids:
            self.assertRegex(id_, r"^[0-9a-f]{16}-[0-9A-F]{16}$")
        epoch = ids[0][:16]
        part = self.ask("events", "--json", after=ids[3], rows=5)
        self.assertEqual([line.split("\t")[0] for line in part.lines()], ids[4:9])
        self.assertEqual((part.reset, part.next), (0, ids[8]))
        end = self.ask("events", "--json", after=ids[-1])
        self.assertEqual((end.output, end.reset, end.next), (b"", 0, ids[-1]))
        other = "0" * 16 if epoch != "0" * 16 else "1" * 16
        for unknown in (f"{other}-{ids[0][17:]}", f"{epoch}-FFFFFFFFFFFFFFF0", f"{epoch}-7", "x",
                        f"{epoch}-"):
            answer = self.ask("events", "--json", after=unknown)
            self.assertEqual((answer.reset, answer.output), (1, b""), unknown)
            self.assertEqual(answer.next[:16], epoch)
        daemon.stop()
        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual(self.ask("events", after=ids[3], rows=1).lines()[0].split("\t")[0], ids[4])
        self.assertEqual(daemon.stop(), 0)

    def test_following(self):
        """Waiting clients get an answer when there are events, and no client waits for one that
        does not read."""
        daemon = self.start()
        newest = self.ask("events").next
        waiting = [control.Client(self.path) for _ in range(20)]
        for client in waiting:
            self.addCleanup(client.socket.close)
            client.send(control.question(["events", "--json"], after=newest, wait=True))
        self.ask("stats")
        self.bucket.put("new.png", png(30, 30, RED))
        for client in waiting[1:]:
            answer = control.receive_answer(client)
            self.assertIn("new.png", answer.lines()[0])
            self.assertGreater(answer.next, newest)
        self.assertEqual(daemon.stop(), 0)

    def test_killed(self):
        """After kill -9 another reader answers, and the store is undamaged."""
        daemon = self.start()
        waiting = control.Client(self.path)
        self.addCleanup(waiting.socket.close)
        waiting.send(control.question(["events"], after=self.ask("events").next, wait=True))
        self.ask("stats")
        for _ in range(3):
            pid = wait_for(lambda: daemon.reader(), "the reader", daemon.log)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: daemon.reader() not in (None, pid), "another reader", daemon.log)
            self.assertEqual(json.loads(self.ask("stats", "--json").output)["objects"]["total"], 14)
        self.assertEqual(waiting.receive(), b"")
        self.assertEqual(daemon.log().count("the query reader ended by signal 9"), 1, daemon.log())
        self.bucket.put("more.png", png(30, 30, RED))
        self.bucket.sync()
        self.assertEqual(json.loads(self.ask("stats", "--json").output)["objects"]["total"], 15)
        self.assertEqual(daemon.stop(), 0)

    def test_ends_with_the_daemon(self):
        for signum in (signal.SIGTERM, signal.SIGKILL):
            daemon = self.start()
            pid = daemon.reader()
            daemon.process.send_signal(signum)
            daemon.wait()
            wait_for(lambda: not is_alive(pid), "the reader to end")
        self.assertEqual(self.bucket.once().status, 1)
        self.assertFalse(self.path.exists() and daemon.reader())

    def test_stopped(self):
        """A reader that stands still delays only its own clients."""
        daemon = self.start()
        pid = daemon.reader()
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: process_stat(pid)[0] == "T", "the reader to be stopped")
        self.bucket.put("more.png", png(30, 30, RED))
        self.bucket.sync()
        self.assertEqual(self.bucket.stats()["objects"]["total"], 15)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(json.loads(self.ask("stats", "--json").output)["objects"]["total"], 15)
        self.assertEqual(daemon.stop(), 0)

    def test_another_store(self):
        """The store is removed under the daemon: the reader reads the new one, whose events have
        ids of their own."""
        daemon = self.start()
        before = self.ask("events").next
        (self.bucket.state / "store").rename(self.bucket.root / "gone")
        shutil.rmtree(self.bucket.root / "gone")
        wait_for((self.bucket.state / "store" / "data.mdb").exists, "a store", daemon.log)
        self.bucket.sync()

        def renewed():
            try:
                answer = self.ask("events", after=before)
            except (AssertionError, OSError):
                return None
            return answer if answer.reset else None

        answer = wait_for(renewed, "a reset", daemon.log)
        self.assertNotEqual(answer.next[:16], before[:16])
        total = lambda: json.loads(self.ask("stats", "--json").output)["objects"]["total"] == 14
        wait_for(total, "what the new store knows", daemon.log)
        self.assertEqual(daemon.stop(), 0)

    def test_configuration_read_anew(self):
        """The answers follow the configuration: its alarms, and the users that may ask."""
        daemon = self.start()
        self.assertEqual(json.loads(self.ask("metrics", "--json").output)["alarms"], [])
        self.bucket.configure("[alarm many]\nmetric = Errors\nthreshold = 5\n"
                              "[schedule zone]\ncron = 0 3 * * *\ntimezone = Europe/Berlin\n"
                              "run = sweep store\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "read anew" in daemon.log(), "the reload", daemon.log)
        # An alarm has a state after the next commit.
        alarms = lambda: json.loads(self.ask("metrics", "--json").output)["alarms"]
        self.assertEqual(wait_for(alarms, "the alarm", daemon.log)[0]["name"], "many")
        self.assertRegex(self.ask("schedule").output.decode(), r"03:00:00\+0[12]:00")
        self.assertEqual(daemon.stop(), 0)

    def test_unreachable(self):
        """On a plain machine no other user reaches the socket, and the daemon says so."""
        self.bucket.configure(f"[access]\nreaders = {GROUP}\n")
        daemon = self.start()
        self.assertIn("[access] readers: nobody else reaches the query socket", daemon.log())
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
