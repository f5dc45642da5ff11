# SPDX-License-Identifier: Apache-2.0
"""Processes: their state in /proc, the results of finished commands, and reports of sanitizers."""

import json
import os
from pathlib import Path


def process_stat(pid):
    """Returns (state, parent, process group); None if there is no such process or it is a
    zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent, group = text[text.rindex(")") + 2:].split()[:3]
    return None if state in "ZX" else (state, int(parent), int(group))


def is_alive(pid):
    return process_stat(pid) is not None


def children(parent):
    """Returns {pid: process group} of the living children."""
    found = {}
    for name in os.listdir("/proc"):
        known = process_stat(name) if name.isdigit() else None
        if known and known[1] == parent:
            found[int(name)] = known[2]
    return found


def is_reader(pid):
    """Returns True for a daemon's query reader."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")[1:2] == [b"reader"]
    except OSError:
        return False


def descriptors(pid):
    """Returns {descriptor: its target} by the kernel's names."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def check_sanitizers(log):
    """Fails if the common log of the processes has a report of a sanitizer."""
    if "Sanitizer" in log or "runtime error:" in log:
        raise AssertionError(log)


class Finished:
    """The exit status and the output of a command that has ended."""

    def __init__(self, status, out, log):
        self.status, self.out, self.log = status, out, log

    @property
    def reports(self):
        return parse_reports(self.log)

    def json(self):
        return json.loads(self.out)

    def lines(self):
        """Returns its output, a JSON object per line."""
        return [json.loads(line) for line in self.out.splitlines()]


def parse_reports(log):
    """Returns the REPORT lines as dictionaries."""
    return [dict(field.split(": ", 1) for field in line[len("REPORT "):].split("\t"))
            for line in log.splitlines() if line.startswith("REPORT ")]
