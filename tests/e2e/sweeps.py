# SPDX-License-Identifier: Apache-2.0
"""The test case of sweeps: their output, and the events that they report."""

import json

from harness import RED, E2ETest, png

DAY_S = 86400


class SweepTest(E2ETest):

    def sweep(self, *arguments):
        result = self.bucket.command("sweep", *arguments, "--bucket", self.bucket.path)
        self.assertEqual(result.status, 0, result.log)
        return result

    def named(self, *arguments):
        """Returns the differences that a dry run names: {(kind, name): reason}."""
        lines = [line.split("\t") for line in self.sweep(*arguments, "--dry-run").out.splitlines()]
        return {(kind, name): reason for kind, name, reason in lines}

    def events(self):
        return [json.loads(line) for line in self.bucket.read("events", "--json").out.splitlines()]

    def event_names(self):
        return [event["Records"][0]["eventName"] for event in self.events() if "Records" in event]

    def put(self, *names):
        for name in names:
            self.bucket.put(name, png(20, 20, RED))

    def with_and_without_daemon(self, check):
        for start in (False, True):
            with self.subTest(daemon=start):
                daemon = self.bucket.start() if start else None
                if start:
                    self.bucket.sync()
                check()
                if daemon:
                    daemon.stop()
