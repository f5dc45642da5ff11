# SPDX-License-Identifier: Apache-2.0
"""The commands as scripts see them: JSON to the letter of docs/commands.md, CSV, filters, exit
statuses, with and without a running daemon."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
from datetime import datetime, timezone

from harness import THUMBQ, BLUE, GREEN, RED, E2ETest, jpeg, main, png

COMMANDS = ("run", "sync", "stats", "list", "show", "events", "metrics", "bill", "sweep",
            "schedule", "config")
QUANTILES = {"p50", "p90", "p99", "max"}
SECONDS = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
MILLIS = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
OBJECT_FIELDS = [
    "name", "size", "date", "date_utc", "date_source", "state", "type", "width", "height", "pages",
    "orientation", "alpha", "damaged", "uploaded", "processed", "duration_ms", "attempts",
    "worker", "thumbhash", "color", "thumbnails", "error", "away"]
DETAIL_FIELDS = ["id", "sequencer", "etag", "version", "current", "priority", "due",
                 "attempts_log", "events"]


class Commands(E2ETest):

    def setUp(self):
        super().setUp()
        self.paths = {
            "2024/a.png": self.bucket.put("2024/a.png", png(640, 480, RED)),
            "2025/b.jpg": self.bucket.put("2025/b.jpg", jpeg(300, 600, GREEN)),
            "bad.png": self.bucket.put("bad.png", png(10, 10, RED)[:40]),
            "c d.png": self.bucket.put("c d.png", png(1000, 10, BLUE)),
            "half.jpg": self.bucket.put("half.jpg", jpeg(900, 900, GREEN)[:4000]),
            "notes.txt": self.bucket.put("notes.txt", b"no picture"),
        }
        for i, path in enumerate(self.paths.values()):  # a day after another, from 2024-12-29 on
            os.utime(path, (1735430400 + i * 86400,) * 2)
        self.assertEqual(self.bucket.once().status, 1)

    def names(self, *arguments):
        return [row["name"] for row in self.bucket.list(*arguments)]

    def test_stats(self):
        stats = self.bucket.stats()
        size = {name: os.stat(path).st_size for name, path in self.paths.items()}
        thumbnails = self.bucket.files_in(self.bucket.thumbnails)
        self.assertEqual(list(stats), ["bucket", "objects", "source_bytes", "thumbnails",
                                       "by_type", "invocations", "backfill_paused",
                                       "low_disk"])
        self.assertEqual(stats["bucket"], os.fspath(self.bucket.path))
        self.assertEqual(stats["objects"], {"total": 6, "pending": 0, "running": 0, "done": 4,
                                            "skipped": 1, "dead": 1, "damaged": 1, "away": 0})
        self.assertEqual(stats["source_bytes"], sum(size.values()))
        base = os.fsencode(self.bucket.thumbnails)
        self.assertEqual(stats["thumbnails"], {
            "count": len(thumbnails),
            "bytes": sum(os.stat(os.path.join(base, name)).st_size for name in thumbnails)})
        self.assertEqual(stats["by_type"], [
            {"type": "jpeg", "objects": 2, "bytes": size["2025/b.jpg"] + size["half.jpg"]},
            {"type": "none", "objects": 1, "bytes": size["notes.txt"]},
            {"type": "png", "objects": 3,
             "bytes": size["2024/a.png"] + size["bad.png"] + size["c d.png"]}])
        invocations = stats["invocations"]
        self.assertEqual(list(invocations), ["count", "errors", "retries", "duration_ms",
                                             "latency_ms"])
        self.assertEqual((invocations["count"], invocations["retries"]), (6, 0))
        for name in ("duration_ms", "latency_ms"):
            self.assertEqual(set(invocations[name]), QUANTILES)
            values = [invocations[name][q] for q in ("p50", "p90", "p99", "max")]
            self.assertEqual(values, sorted(values))
            self.assertGreater(values[0], 0)

    def test_stats_by(self):
        for by, groups in (
                ("type", {"jpeg": 2, "none": 1, "png": 3}),
                ("state", {"done": 4, "skipped": 1, "dead": 1}),
                ("day", {f"2024-12-{d}": 1 for d in (29, 30, 31)} |
                 {f"2025-01-0{d}": 1 for d in (1, 2, 3)}),
                ("month", {"2024-12": 3, "2025-01": 3}),
                ("prefix", {"": 4, "2024/": 1, "2025/": 1})):
            with self.subTest(by):
                grouped = self.bucket.stats("--by", by)
                self.assertEqual(list(grouped), ["bucket", "by", "groups"])
                self.assertEqual(grouped["by"], by)
                self.assertEqual({g["group"]: g["objects"] for g in grouped["groups"]}, groups)
                stats = self.bucket.stats()
                for group in grouped["groups"]:
                    self.assertEqual(list(group), ["group", "objects", "source_bytes",
                                                   "thumbnails", "thumbnail_bytes", "done",
                                                   "dead"])
                for field, total in (("source_bytes", stats["source_bytes"]),
                                     ("thumbnails", stats["thumbnails"]["count"]),
                                     ("thumbnail_bytes", stats["thumbnails"]["bytes"]),
                                     ("done", 4), ("dead", 1)):
                    self.assertEqual(sum(g[field] for g in grouped["groups"]), total, field)

    def test_stats_with_filters(self):
        stats = self.bucket.stats("--type", "png", "--state", "done")
        self.assertEqual(stats["objects"]["total"], 2)
        self.assertEqual(stats["invocations"]["scope"], "bucket")
        self.assertEqual(stats["invocations"]["count"], 6)

    def test_stats_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.bucket.read("stats", "--csv").out)))
        self.assertEqual([(row["objects"], row["done"], row["dead"]) for row in rows],
                         [("6", "4", "1")])
        rows = list(csv.DictReader(io.StringIO(
            self.bucket.read("stats", "--by", "type", "--csv").out)))
        self.assertEqual({row["group"]: row["objects"] for row in rows},
                         {"jpeg": "2", "none": "1", "png": "3"})

    def test_list_rows(self):
        rows = {row["name"]: row for row in self.bucket.list()}
        self.assertEqual(list(rows), sorted(self.paths))
        for row in rows.values():
            self.assertEqual([field for field in row if field != "name_encoding"], OBJECT_FIELDS)
            self.assertRegex(row["date"], SECONDS)
            self.assertRegex(row["uploaded"], MILLIS)
            self.assertRegex(row["processed"], MILLIS)
            st = os.stat(self.paths[row["name"]])
            self.assertEqual(row["size"], st.st_size)
            self.assertEqual(row["date_source"], "mtime")
            self.assertEqual(datetime.fromisoformat(row["date"]),
                             datetime.fromtimestamp(int(st.st_mtime), timezone.utc))
            self.assertEqual(row["attempts"], 1)
            self.assertGreater(row["duration_ms"], 0)
        row = rows["2024/a.png"]
        self.assertEqual({field: row[field] for field in OBJECT_FIELDS[5:13]},
                         {"state": "done", "type": "png", "width": 640, "height": 480, "pages": 1,
                          "orientation": 1, "alpha": False, "damaged": False})
        self.assertEqual(row["color"], "#ff0000")
        self.assertRegex(row["thumbhash"], r"^[A-Za-z0-9+/]+=*$")
        self.assertIsNone(row["error"])
        self.assertEqual(row["thumbnails"], [
            {"rendition": "small", "path": "thumbnails/small/2024/a.png.webp", "type": "webp",
             "width": 256, "height": 192,
             "size": os.stat(self.bucket.small("2024/a.png")).st_size},
            {"rendition": "large", "path": "thumbnails/large/2024/a.png.jpg", "type": "jpeg",
             "width": 640, "height": 480,
             "size": os.stat(self.bucket.large("2024/a.png")).st_size}])
        self.assertEqual(rows["bad.png"]["error"]["name"], "damaged")
        self.assertEqual(rows["bad.png"]["error"]["class"], "reject")
        self.assertEqual(list(rows["bad.png"]["error"]), ["name", "class", "message"])
        self.assertEqual(rows["notes.txt"]["error"]["name"], "not_an_image")
        self.assertEqual(rows["notes.txt"]["type"], "none")
        for field in ("width", "height", "pages", "thumbhash", "color"):
            self.assertIsNone(rows["notes.txt"][field], field)
        self.assertTrue(rows["half.jpg"]["damaged"])
        self.assertEqual(rows["half.jpg"]["state"], "done")

    def test_list_order(self):
        size = {name: os.stat(path).st_size for name, path in self.paths.items()}
        by_name = sorted(self.paths)
        self.assertEqual(self.names(), by_name)
        self.assertEqual(self.names("--reverse"), by_name[::-1])
        self.assertEqual(self.names("--sort", "date"), list(self.paths))
        sizes = [size[name] for name in self.names("--sort", "size")]
        self.assertEqual(sizes, sorted(size.values()))
        durations = [row["duration_ms"] for row in self.bucket.list("--sort", "duration")]
        self.assertEqual(durations, sorted(durations))
        self.assertEqual(self.names("--sort", "date", "--reverse", "--limit", "2"),
                         list(self.paths)[:-3:-1])
        self.assertEqual(self.names("--limit", "1"), by_name[:1])

    def test_list_filters(self):
        for arguments, expected in (
                (["--prefix", "202"], ["2024/a.png", "2025/b.jpg"]),
                (["--prefix", "2024/"], ["2024/a.png"]),
                (["--match", "*.jpg"], ["2025/b.jpg", "half.jpg"]),
                (["--match", "2025/*"], ["2025/b.jpg"]),
                (["--type", "png,none"], ["2024/a.png", "bad.png", "c d.png", "notes.txt"]),
                (["--state", "dead,skipped"], ["bad.png", "notes.txt"]),
                (["--since", "2024-12-31T00:00Z", "--until", "2025-01-02T00:00:00Z"],
                 ["bad.png", "c d.png"]),
                (["--since", "1d"], []),
                (["--damaged"], ["half.jpg"]),
                (["--max-size", "40"], ["bad.png", "notes.txt"]),
                (["--max-size", "39"], ["notes.txt"]),
                (["--min-size", "3.9K", "--max-size", "4K"], ["half.jpg"]),
                (["--type", "jpeg", "--state", "done", "--match", "half*"], ["half.jpg"])):
            with self.subTest(arguments):
                self.assertEqual(self.names(*arguments), expected)
                self.assertEqual(self.bucket.stats(*arguments)["objects"]["total"], len(expected))

    def test_csv_is_no_formula(self):
        """A file name must not become a formula in the spreadsheet that opens the list."""
        names = ["=1+2.png", "+x.png", "-y.png", "@z.png", "a=b.png"]
        for name in names:
            self.bucket.put(name, png(9, 9, RED))
        self.bucket.put("=HYPERLINK(1)/a.png", png(9, 9, RED))
        self.bucket.once()

        def column(*arguments, field="name"):
            text = self.bucket.read(*arguments).out
            return {row[field] for row in csv.DictReader(io.StringIO(text))}

        safe = column("list", "--csv")
        self.assertTrue({"'=1+2.png", "'+x.png", "'-y.png", "'@z.png", "a=b.png"} <= safe, safe)
        self.assertFalse([name for name in safe if name[0] in "=+-@"])
        self.assertTrue(set(names) <= column("list", "--csv=raw"))
        self.assertIn("'=HYPERLINK(1)/", column("stats", "--by", "prefix", "--csv", field="group"))
        self.assertIn("=HYPERLINK(1)/",
                      column("stats", "--by", "prefix", "--csv=raw", field="group"))

    def test_list_csv(self):
        self.bucket.put('quo"te,d.txt', b"no picture")
        self.bucket.once()
        text = self.bucket.read("list", "--csv").out
        self.assertNotIn("\r", text)
        self.assertEqual(text.splitlines()[0].split(",")[-3:],
                         ["error", "error_message", "away"])
        rows = {row["name"]: row for row in csv.DictReader(io.StringIO(text))}
        self.assertEqual(set(rows), set(self.paths) | {'quo"te,d.txt'})
        for row in self.bucket.list():
            cells = rows[row["name"]]
            for field in ("size", "date", "date_source", "state", "type", "uploaded",
                          "processed", "attempts"):
                self.assertEqual(cells[field], str(row[field]), field)
            self.assertEqual(cells["away"], "false")
            self.assertEqual(cells["width"], "" if row["width"] is None else str(row["width"]))
            self.assertEqual(cells["thumbnails"], str(len(row["thumbnails"])))
            self.assertEqual(cells["error"], row["error"]["name"] if row["error"] else "")

    def test_list_for_people(self):
        result = self.bucket.read("list")
        lines = result.out.splitlines()
        self.assertEqual(len(lines), 1 + len(self.paths))
        self.assertNotIn("\x1b", result.out)
        self.assertTrue(lines[0].startswith("date"))
        notes = {"bad.png": "  damaged", "half.jpg": "  damaged"}
        for line, name in zip(lines[1:], sorted(self.paths)):
            self.assertTrue(line.endswith(f"  {name}{notes.get(name, '')}"), line)

    def test_reader_that_leaves_early(self):
        with subprocess.Popen([THUMBQ, "list", "--json", os.fspath(self.bucket.path)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            self.assertEqual(process.wait(), 0)

    def test_show(self):
        row = self.bucket.show("2024/a.png")
        self.assertEqual(list(row), OBJECT_FIELDS + DETAIL_FIELDS)
        listed, = self.bucket.list("--prefix", "2024/a.png")
        self.assertEqual({field: row[field] for field in OBJECT_FIELDS}, listed)
        self.assertTrue(self.bucket.is_current(row))
        self.assertTrue(row["current"])
        self.assertRegex(row["sequencer"], r"^[0-9A-F]{16}$")
        self.assertRegex(row["etag"], r"^[0-9a-f]{32}$")
        self.assertIsNone(row["priority"])
        self.assertIsNone(row["due"])
        attempt, = row["attempts_log"]
        self.assertEqual(list(attempt), ["request_id", "start", "duration_ms", "cpu_ms",
                                         "memory_bytes", "error"])
        self.assertRegex(attempt["request_id"],
                         r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertGreater(attempt["memory_bytes"], 1 << 20)
        self.assertEqual([event["event"] for event in row["events"]], ["created", "done"])
        for event in row["events"]:
            self.assertEqual(list(event), ["sequencer", "time", "event", "size", "error"])

    def test_show_by_path(self):
        by_path = self.bucket.command("show", "--json", self.paths["c d.png"])
        self.assertEqual(by_path.status, 0, by_path.log)
        self.assertEqual(by_path.json()["name"], "c d.png")
        inside = self.bucket.command("show", "--json", "a.png", cwd=self.bucket.path / "2024")
        self.assertEqual(inside.json()["name"], "2024/a.png")

    def test_events(self):
        events = [record for line in self.bucket.read("events", "--json").lines()
                  for record in line["Records"]]
        created = {e["s3"]["object"]["key"] for e in events
                   if e["eventName"] == "ObjectCreated:Put"}
        self.assertEqual(created, {name.replace(" ", "+") for name in self.paths})
        ends = [e["eventName"] for e in events if e["eventSource"] == "thumbq"]
        self.assertEqual(sorted(ends), ["Thumbnail:Dead"] + ["Thumbnail:Done"] * 4 +
                         ["Thumbnail:Skipped"])
        dead, = [e for e in events if e["eventName"] == "Thumbnail:Dead"]
        self.assertEqual(dead["thumbq"], {"error": "damaged"})
        self.assertEqual(dead["s3"]["object"]["key"], "bad.png")
        sequencers = [e["s3"]["object"]["sequencer"] for e in events]
        self.assertEqual(sequencers, sorted(sequencers))
        self.assertEqual(len(self.bucket.read("events", "--json", "--limit", "3").lines()), 3)

    def test_metrics(self):
        metrics = self.bucket.read("metrics", "--json").json()
        self.assertEqual(list(metrics), ["since", "until", "metrics", "alarms"])
        self.assertEqual(metrics["metrics"]["Invocations"], {"unit": "Count", "sum": 6})
        self.assertEqual(metrics["metrics"]["Retries"], {"unit": "Count", "sum": 0})
        for name in ("Duration", "Latency"):
            self.assertEqual(set(metrics["metrics"][name]), QUANTILES | {"unit"})
        prometheus = self.bucket.read("metrics", "--prometheus").out
        self.assertRegex(prometheus, r"(?m)^thumbq_invocations_total(\{.*\})? 6$")

    def test_schedule_check(self):
        result = self.bucket.command("schedule", "--check", "0 3 * * *", "--tz", "Europe/Berlin",
                                     "--from", "2026-03-28T12:00", "--next", "2")
        self.assertEqual(result.out, "2026-03-29T03:00:00+02:00\n2026-03-30T03:00:00+02:00\n")
        wrong = self.bucket.command("schedule", "--check", "61 * * * *")
        self.assertEqual((wrong.status, wrong.out), (2, ""))
        self.assertIn("61", wrong.log)

    def test_schedule(self):
        schedules = json.loads(self.bucket.read("schedule", "--json").out)
        self.assertEqual([(s["name"], s["expression"], s["run"], len(s["next"]))
                          for s in schedules], [("nightly", "0 3 * * *", "sweep all", 1)])

    def test_sweep(self):
        foreign = self.bucket.put("thumbnails/small/2024/mine.webp", b"not made by thumbq")
        before = self.bucket.files_in(self.bucket.thumbnails)
        orphans = {b"small/2024/a.png.webp", b"large/2024/a.png.jpg"}
        # The test brings the orphans back after the store has forgotten that they belonged to
        # a.png.
        saved = self.bucket.root / "saved"
        for name in orphans:
            copy = saved / os.fsdecode(name)
            copy.parent.mkdir(parents=True)
            os.link(self.bucket.thumbnails / os.fsdecode(name), copy)
        self.paths["2024/a.png"].unlink()
        self.assertEqual(self.bucket.once().status, 1)
        self.assertTrue(orphans.isdisjoint(self.bucket.files_in(self.bucket.thumbnails)))
        shutil.copytree(saved, self.bucket.thumbnails, copy_function=os.link, dirs_exist_ok=True)
        self.bucket.large("c d.png").unlink()

        dry = self.bucket.command("sweep", "all", "--dry-run", self.bucket.path)
        self.assertEqual(dry.status, 0, dry.log)
        self.assertLessEqual(orphans, self.bucket.files_in(self.bucket.thumbnails))
        self.assertEqual(self.names("--state", "pending"), [])

        swept = self.bucket.command("sweep", "all", self.bucket.path)
        self.assertEqual(swept.status, 0, swept.log)
        self.assertTrue(foreign.exists(), "what thumbq did not make is not its to delete")
        self.assertEqual(self.names("--state", "pending"), ["c d.png"])
        done = self.bucket.once()
        self.assertEqual([r["Key"] for r in done.reports], ["c d.png"])
        self.assertEqual(self.bucket.files_in(self.bucket.thumbnails), before - orphans)

    def test_answers_are_the_same_while_a_daemon_runs(self):
        before = {command: self.bucket.read(*command).out for command in
                  (("stats", "--json"), ("list", "--json"), ("list", "--csv"),
                   ("stats", "--by", "month", "--json"))}
        shown = self.bucket.show("c d.png")
        self.bucket.start()
        self.bucket.sync()
        for command, out in before.items():
            self.assertEqual(self.bucket.read(*command).out, out, command)
        self.assertEqual(self.bucket.show("c d.png"), shown)

    def test_sync(self):
        self.bucket.start()
        for i in range(20):
            self.bucket.put(f"new/{i}.png", png(100, 100, (i, 0, 0)))
        self.bucket.sync()
        self.assertEqual(self.bucket.stats("--prefix", "new/")["objects"]["done"], 20)

    def test_exit_statuses(self):
        path, nowhere = self.bucket.path, self.bucket.root / "nowhere"
        empty = self.bucket.root / "empty"
        empty.mkdir()
        for status, *arguments in (
                (2, "bogus"), (2, "list", "--bogus", path), (2, "list", "--sort", "colour", path),
                (2, "list", "--limit", "0", path), (2, "list", "--json", "--csv", path),
                (2, "stats", "--by", "week", path), (2, "list", "--type", "jpgg", path),
                (2, "list", "--state", "finished", path), (2, "list", "--since", "then", path),
                (2, "list", "--min-size", "-1", path), (2, "list", path, "another"),
                (2, "show"), (2, "list", ""), (2, "run", "--jobs"),
                (3, "list", nowhere), (3, "stats", empty), (3, "list", empty),
                (3, "show", "nothing.png", path), (3, "events", nowhere), (3, "sync", nowhere)):
            with self.subTest([os.fspath(a) for a in arguments]):
                result = self.bucket.command(*arguments)
                self.assertEqual(result.status, status, result.log)
                self.assertEqual(result.out, "")
                self.assertTrue(result.log.startswith("thumbq: error: "), result.log)
        self.assertEqual(os.listdir(empty), [], "reading leaves nothing behind")

    def test_help(self):
        overview = self.bucket.command("help")
        self.assertEqual((overview.status, overview.log), (0, ""))
        for command in COMMANDS:
            with self.subTest(command):
                self.assertRegex(overview.out, rf"(?m)^  {command} ")
                result = self.bucket.command(command, "--help")
                self.assertEqual((result.status, result.log), (0, ""))
                self.assertTrue(result.out.startswith(f"Usage: thumbq {command} "), result.out)
                self.assertIn("Examples:", result.out)
                self.assertLessEqual(max(map(len, result.out.splitlines())), 100)
        version = self.bucket.command("--version")
        self.assertRegex(version.out, r"^thumbq \d+\.\d+\.\d+\n$")

    def test_help_names_every_command_of_the_table(self):
        overview = self.bucket.command("help").out
        listed = re.findall(r"(?m)^  (\w+)  ", overview.split("Commands:")[1])
        for command in listed:
            self.assertEqual(self.bucket.command(command, "--help").status, 0, command)
        self.assertLessEqual(set(COMMANDS), set(listed))

    def test_where_the_bucket_is_named(self):
        expected = self.bucket.read("list", "--json").out
        for arguments, more in (
                (["--bucket", self.bucket.path], {}),
                ([f"--bucket={self.bucket.path}"], {}),
                ([], {"env": {"THUMBQ_BUCKET": os.fspath(self.bucket.path)}}),
                ([], {"cwd": self.bucket.path / "2024"}),
                (["."], {"cwd": self.bucket.path})):
            with self.subTest(arguments):
                result = self.bucket.command("list", "--json", *arguments, **more)
                self.assertEqual((result.status, result.out), (0, expected), result.log)


if __name__ == "__main__":
    main()
