# SPDX-License-Identifier: Apache-2.0
"""Metrics as JSON and for Prometheus, the bill against the REPORT lines, and alarms: raised,
reported, and over."""

import json
import math
import os
import re
import signal
import subprocess
import time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from harness import (THUMBQ, E2ETest, RED, GREEN, check_sanitizers, jpeg, main, png,
                     wait_for)

FAILPOINTS = os.environ.get(
    "THUMBQ_FAILPOINTS", os.path.join(os.path.dirname(THUMBQ), "../tests/thumbq-failpoints"))

SUMS = {"Invocations": "Count", "Errors": "Count", "Retries": "Count", "Throttles": "Count",
        "AsyncEventsReceived": "Count", "AsyncEventsDropped": "Count",
        "DeadLetterErrors": "Count", "BilledDuration": "Milliseconds", "GBSeconds": "GB-Seconds",
        "CpuTime": "Milliseconds"}
MAXIMA = {"ConcurrentExecutions": "Count", "MaxMemoryUsed": "Bytes", "IteratorAge": "Milliseconds",
          "QueueDepth": "Count", "DeadLetters": "Count"}
TIMES = ("Duration", "AsyncEventAge", "Latency")


class Prometheus:
    """A strict reader of the text format, version 0.0.4: HELP and TYPE announce each family once,
    before its samples, and all its samples follow."""

    SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
    LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')

    def __init__(self, text):
        assert text.endswith("\n"), "the last line has no end"
        self.types, self.samples, self.family = {}, {}, None
        for line in text.splitlines():
            if line.startswith("# "):
                self.read_comment(line)
            else:
                self.read_sample(line)

    def read_comment(self, line):
        _hash, kind, name, text = line.split(" ", 3)
        if kind == "HELP":
            assert name not in self.types and text, line
            self.types[name] = None
        else:
            assert kind == "TYPE" and self.types[name] is None, line
            assert text in ("counter", "gauge", "histogram"), line
            assert name.endswith("_total") == (text == "counter"), line
            self.types[name] = text
        self.family = name

    def read_sample(self, line):
        name, labels, value = self.SAMPLE.fullmatch(line).groups()
        allowed = {self.family}
        if self.types[self.family] == "histogram":
            allowed = {self.family + end for end in ("_bucket", "_sum", "_count")}
        assert name in allowed, f"{line} does not belong to {self.family}"
        found = self.LABEL.findall(labels or "")
        assert ",".join(f'{key}="{text}"' for key, text in found) == (labels or ""), line
        key = (name, tuple(sorted(found)))
        assert key not in self.samples, f"{line} comes twice"
        self.samples[key] = float(value)

    def value(self, name, **labels):
        found = {tuple(pair for pair in have if pair[0] != "bucket"): value
                 for (sample, have), value in self.samples.items() if sample == name}
        return found[tuple(sorted(labels.items()))]

    def buckets(self, name):
        return [(float(dict(labels)["le"]), value)
                for (sample, labels), value in self.samples.items() if sample == name + "_bucket"]


class Metrics(E2ETest):

    def setUp(self):
        super().setUp()
        self.bucket.put("a.png", png(640, 480, RED))
        self.bucket.put("b.jpg", jpeg(300, 600, GREEN))
        self.bucket.put("bad.png", png(10, 10, RED)[:40])
        self.bucket.put("notes.txt", b"no picture")

    def metrics(self, *arguments):
        return self.bucket.read("metrics", "--json", *arguments).json()

    def test_json(self):
        self.bucket.once()
        found = self.metrics()
        self.assertEqual(list(found), ["since", "until", "metrics", "alarms"])
        self.assertEqual(found["alarms"], [])
        metrics = found["metrics"]
        self.assertEqual(set(metrics), {*SUMS, *MAXIMA, *TIMES})
        for names, field in ((SUMS, "sum"), (MAXIMA, "max")):
            for name, unit in names.items():
                self.assertEqual(metrics[name], {"unit": unit, field: metrics[name][field]})
        for name in TIMES:
            self.assertEqual(list(metrics[name]), ["unit", "p50", "p90", "p99", "max"])
            values = list(metrics[name].values())[1:]
            self.assertEqual(values, sorted(values))
        sums = {name: metrics[name]["sum"] for name in SUMS}
        self.assertEqual((sums["Invocations"], sums["Errors"], sums["Retries"],
                          sums["AsyncEventsReceived"], sums["AsyncEventsDropped"]),
                         (4, 1, 0, 4, 1))
        self.assertEqual((metrics["DeadLetters"]["max"], metrics["QueueDepth"]["max"] <= 4),
                         (1, True))
        self.assertIn(metrics["ConcurrentExecutions"]["max"], range(1, 5))
        self.assertGreater(metrics["MaxMemoryUsed"]["max"], 1 << 20)
        self.assertEqual(self.metrics("--since", "2020-01-01")["metrics"], metrics)

    def test_throttles(self):
        """With one handler, the second picture has to wait."""
        self.bucket.once("--jobs", "1")
        self.assertEqual(self.metrics()["metrics"]["Throttles"]["sum"], 3)
        self.assertEqual(self.metrics()["metrics"]["ConcurrentExecutions"]["max"], 1)

    def test_destination_that_fails(self):
        self.bucket.configure("[destination]\non_success = /proc/nowhere\n")
        result = self.bucket.once()
        self.assertIn("/proc/nowhere", result.log)
        self.assertEqual(self.metrics()["metrics"]["DeadLetterErrors"]["sum"], 2)

    def test_prometheus(self):
        self.bucket.configure("[alarm errors]\nmetric = Errors\nthreshold = 1\n")
        result = self.bucket.once()
        found = Prometheus(self.bucket.read("metrics", "--prometheus").out)
        self.assertNotIn(None, found.types.values())
        for name, value in (("invocations_total", 4), ("errors_total", 1), ("dead_letters", 1),
                            ("queue_depth", 0)):
            self.assertEqual(found.value(f"thumbq_{name}"), value, name)
        self.assertEqual(found.value("thumbq_objects", state="done"), 2)
        states = [found.value("thumbq_alarm_state", alarm="errors", state=state)
                  for state in ("OK", "ALARM", "INSUFFICIENT_DATA")]
        self.assertEqual(states, [0, 0, 1])
        for name in ("duration", "event_age", "latency"):
            buckets = found.buckets(f"thumbq_{name}_seconds")
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual([value for _le, value in buckets],
                             sorted(value for _le, value in buckets))
            self.assertEqual(buckets[-1], (math.inf, 4))
            self.assertEqual(found.value(f"thumbq_{name}_seconds_count"), 4)
        durations = sum(float(report["Duration"].split()[0]) for report in result.reports)
        self.assertAlmostEqual(found.value("thumbq_duration_seconds_sum") * 1000, durations,
                               delta=0.04)

    def test_prometheus_of_two_buckets(self):
        """The metrics of two buckets stand in one file of node_exporter: they have no sample in
        common."""
        odd = self.bucket.root / 'a "bucket"\\'
        odd.mkdir()
        (odd / "a.png").write_bytes(png(9, 9, RED))
        self.bucket.once()
        self.assertEqual(self.bucket.command("run", "--once", odd).status, 0)
        texts = [self.bucket.command("metrics", "--prometheus", path).out
                 for path in (self.bucket.path, odd)]
        samples = [set(Prometheus(text).samples) for text in texts]
        for path, keys in zip((os.fspath(self.bucket.path), os.fspath(odd)), samples):
            escaped = path.replace("\\", "\\\\").replace('"', '\\"')
            for name, labels in keys:
                self.assertEqual(dict(labels)["bucket"], escaped, name)
        self.assertFalse(samples[0] & samples[1])
        self.assertEqual({name for name, _ in samples[0]}, {name for name, _ in samples[1]})

    def test_prometheus_shows_a_dead_daemon(self):
        self.bucket.configure("[schedule soon]\ncron = rate(1 minute)\nrun = exec true\n"
                              "[schedule never]\ncron = @yearly\nrun = exec true\n")
        before = int(time.time())

        def value(name, **labels):
            return Prometheus(self.bucket.read("metrics", "--prometheus").out).value(name, **labels)

        daemon = self.bucket.start()
        self.bucket.sync()
        self.assertEqual(value("thumbq_daemon_up"), 1)
        self.assertGreaterEqual(value("thumbq_last_commit_timestamp_seconds"), before)
        success = "thumbq_schedule_last_success_timestamp_seconds"
        self.assertEqual(value(success, schedule="never"), 0)
        daemon.kill()
        self.assertEqual(value("thumbq_daemon_up"), 0)
        clock = self.bucket.root / "clock"
        clock.write_text("90")
        handler = os.path.join(os.path.dirname(THUMBQ), "thumbq-thumbnail")
        daemon = self.bucket.start_daemon(program=FAILPOINTS, env={
            "THUMBQ_CLOCK_FILE": os.fspath(clock), "THUMBQ_HANDLER": handler})
        self.bucket.wait_for(lambda: value(success, schedule="soon") >= before + 89,
                             "the schedule to succeed")

    def test_bill(self):
        self.bucket.configure("[handler]\nmemory = 300M\n")
        result = self.bucket.once()
        bill = self.bucket.read("bill", "--json").json()
        self.assertEqual(list(bill), ["month", "requests", "gb_seconds", "free", "cost_usd",
                                      "cost_usd_without_free"])
        self.assertEqual(bill["free"], {"requests": 1000000, "gb_seconds": 400000})
        mb_ms = sum(int(report["Billed Duration"].split()[0]) * int(report["Memory Size"].split()[0])
                    for report in result.reports)
        self.assertTrue(all(report["Memory Size"] == "300 MB" for report in result.reports))
        # The bill rounds a half away from zero, round() rounds it to the even digit.
        gb_seconds = Decimal(mb_ms) / 1024 / 1000
        self.assertEqual((bill["requests"], bill["gb_seconds"]),
                         (4, float(gb_seconds.quantize(Decimal("1e-6"), ROUND_HALF_UP))))
        self.assertEqual(bill["cost_usd"], 0)
        self.assertAlmostEqual(bill["cost_usd_without_free"],
                               4 * 0.20 / 1e6 + mb_ms / 1024 / 1000 * 0.0000166667, places=8)
        past = self.bucket.command("bill", "--json", "--month", "2020-02", self.bucket.path)
        self.assertEqual((past.json()["month"], past.json()["requests"]), ("2020-02", 0))
        self.assertIn("counted since", past.log)
        self.assertEqual(self.bucket.command("bill", "--month", "2020-13",
                                             self.bucket.path).status, 2)
        text = self.bucket.read("bill").out
        self.assertRegex(text, r"(?m)^requests +4 ")


class Alarms(E2ETest):

    CONFIG = """[alarm errors]
metric = Errors
threshold = 1
missing = notBreaching
notify = exec cat >> "$THUMBQ_ALARM.json"; echo >> "$THUMBQ_ALARM.json"
[bucket]
ignore = *.json
"""

    def run_at(self, seconds):
        """Starts a daemon whose clock is so many seconds ahead."""
        log = self.bucket.root / f"daemon-{seconds}.log"
        clock = self.bucket.root / "clock"
        clock.write_text(str(seconds))
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [FAILPOINTS, "run", self.bucket.path], stdin=subprocess.DEVNULL, stderr=out,
                env={**os.environ, "THUMBQ_CLOCK_FILE": os.fspath(clock),
                     "THUMBQ_HANDLER": os.path.join(os.path.dirname(THUMBQ), "thumbq-thumbnail")})
        self.addCleanup(process.kill)
        # A signal that comes earlier may end the process before it handles signals.
        wait_for(lambda: "watching" in log.read_text() or process.poll() is not None, "the daemon",
                 log.read_text)

        def stop():
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(60), 0, log.read_text())
            check_sanitizers(log.read_text())

        return stop, log.read_text

    def told(self):
        path = self.bucket.path / "errors.json"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        # The command may be writing the last line at this moment.
        return [json.loads(line) for line in lines if line.endswith("\n") and line.strip()]

    def wait_told(self, n, explain):
        """Waits until the command has run `n` times, and thumbq knows it. Returns the inputs of the
        command."""
        return wait_for(lambda: len(told := self.told()) == n and told, f"{n} notifications",
                        explain)

    def state(self):
        alarm, = self.bucket.read("metrics", "--json").json()["alarms"]
        return alarm["state"]

    def test_alarm(self):
        self.bucket.configure(self.CONFIG)
        self.bucket.put("bad.png", png(10, 10, RED)[:40])
        stop, log = self.run_at(0)
        self.bucket.wait_record("bad.png", "dead")
        self.wait_told(1, log)
        stop()
        stop, log = self.run_at(120)
        self.wait_told(2, log)
        stop()
        self.assertEqual(self.state(), "ALARM")  # no daemon runs: the store keeps the state
        text = self.bucket.read("metrics").out
        self.assertRegex(text, r"(?m)^errors +ALARM ")
        stop, log = self.run_at(1200)
        told = self.wait_told(3, log)
        stop()
        self.assertEqual(self.state(), "OK")

        details = [event["detail"] for event in told]
        self.assertEqual([(detail["previousState"]["value"], detail["state"]["value"])
                          for detail in details],
                         [("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")])
        event = told[1]
        self.assertEqual((event["detail-type"], event["source"], event["resources"]),
                         ("CloudWatch Alarm State Change", "aws.cloudwatch",
                          ["arn:aws:cloudwatch:local:0:alarm:errors"]))
        self.assertIn("1 out of the last 1 datapoints [1]", event["detail"]["state"]["reason"])
        logged = [row for row in self.bucket.read("events", "--json").lines()
                  if row.get("detail-type") == "CloudWatch Alarm State Change"]
        self.assertEqual(logged, told)

    def test_command_that_hangs(self):
        """The command is killed at its limit, and at the end of the daemon. Meanwhile the work
        continues."""
        self.bucket.configure("[alarm errors]\nmetric = Errors\nthreshold = 1\n"
                              "missing = notBreaching\ntimeout = 1s\n"
                              "notify = exec echo $$ > hangs.json; sleep 1000\n"
                              "[bucket]\nignore = *.json\n")
        stop, log = self.run_at(0)
        pid = self.bucket.path / "hangs.json"
        wait_for(lambda: pid.exists() and pid.read_text().strip(), "the command to run", log)
        self.bucket.put("a.png", png(64, 48, RED))
        self.bucket.wait_record("a.png")
        wait_for(lambda: "killed after its time limit" in log(), "the command to be killed", log)
        self.assertFalse(Path(f"/proc/{pid.read_text().strip()}").exists())
        stop()


if __name__ == "__main__":
    main()
