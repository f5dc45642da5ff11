# SPDX-License-Identifier: Apache-2.0
"""A bucket of pictures in a temporary folder, the commands on it, and its records."""

import calendar
import os
import subprocess
import time
import urllib.parse
from pathlib import Path

from daemon import Daemon
from processes import Finished, check_sanitizers
from programs import THUMBQ
from waiting import DEADLINE_S, wait_for


def name_of(row):
    """Returns the object's key in bytes."""
    return decode(row, "name")


def decode(row, field):
    if row.get(field + "_encoding") == "percent":
        return urllib.parse.unquote_to_bytes(row[field])
    return row[field].encode()


class Bucket:
    """A folder of pictures in a temporary place, and the commands on it."""

    def __init__(self, root, path=None, thumbnails=None):
        self.root = Path(root)
        self.path = Path(path or self.root / "bucket")
        self.path.mkdir(parents=True, exist_ok=True)
        self.thumbnails = Path(thumbnails or self.path / "thumbnails")
        self.state = self.path / ".thumbq"
        self.daemons = []

    def put(self, name, data):
        """Writes a file in place. Returns its path."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def configure(self, text):
        self.state.mkdir(exist_ok=True)
        (self.state / "thumbq.conf").write_text(text)

    def thumbnail(self, rendition, name, extension):
        return self.thumbnails / rendition / f"{name}.{extension}"

    def small(self, name):
        return self.thumbnail("small", name, "webp")

    def large(self, name):
        return self.thumbnail("large", name, "jpg")

    def files_in(self, folder):
        """Returns all files below, as bytes relative to `folder`."""
        base = os.fsencode(folder)
        return {os.path.relpath(os.path.join(where, name), base)
                for where, _folders, names in os.walk(base) for name in names}

    def command(self, *arguments, env=None, cwd=None):
        return self.run_program([THUMBQ, *map(os.fspath, arguments)], env=env, cwd=cwd)

    def run_program(self, command, env=None, cwd=None):
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", timeout=DEADLINE_S, cwd=cwd,
            env={**os.environ, **(env or {})})
        check_sanitizers(result.stderr)
        return Finished(result.returncode, result.stdout, result.stderr)

    def once(self, *arguments):
        """Runs `run --once`. A death by a signal fails the test at once."""
        result = self.command("run", "--once", *arguments, self.path)
        if result.status < 0:
            raise AssertionError(f"run --once was ended by signal {-result.status}:\n{result.log}")
        return result

    def start_daemon(self, *arguments, **options):
        """Starts `run` in the background, with the options of Daemon."""
        log = self.root / f"daemon-{len(self.daemons)}.log"
        daemon = Daemon([*arguments, os.fspath(self.path)], log, **options)
        self.daemons.append(daemon)
        return daemon

    def start(self, *arguments, **options):
        """Starts `run` in the background. Returns when it watches."""
        daemon = self.start_daemon(*arguments, **options)
        wait_for(lambda: "watching" in daemon.log() or not daemon.is_running(), "the daemon")
        if not daemon.is_running():
            raise AssertionError(f"the daemon has ended:\n{daemon.log()}")
        return daemon

    def start_once(self, *arguments):
        """Starts `run --once` in the background."""
        return self.start_daemon("--once", *arguments)

    def read(self, *arguments):
        """Runs a command that must succeed."""
        result = self.command(*arguments, self.path)
        if result.status != 0:
            raise AssertionError(f"thumbq {arguments} exits {result.status}: {result.log}")
        return result

    def stats(self, *filters):
        return self.read("stats", "--json", *filters).json()

    def list(self, *filters):
        return self.read("list", "--json", *filters).lines()

    def records(self):
        """Returns {key in bytes: row of list}."""
        return {name_of(row): row for row in self.list()}

    def show(self, name):
        """Returns all facts of the object, or None if there is no such object."""
        result = self.command("show", "--json", "--bucket", self.path, "--", name)
        if result.status == 3:
            return None
        if result.status != 0:
            raise AssertionError(f"thumbq show exits {result.status}: {result.log}")
        return result.json()

    def explain(self):
        return "".join(f"--- {d.log_path.name}\n{d.log()[-4000:]}" for d in self.daemons[-2:])

    def wait_for(self, condition, what):
        return wait_for(condition, what, self.explain)

    def wait_record(self, name, state="done"):
        """Waits until the record has this state, for the current version of the file. Returns the
        record."""

        def ready():
            if not (self.state / "store" / "data.mdb").exists():
                return None
            row = self.show(name)
            return row if row and row["state"] == state and self.is_current(row) else None

        return self.wait_for(ready, f"'{name}' to be {state}")

    def wait_gone(self, name):
        self.wait_for(lambda: self.show(name) is None, f"'{name}' to be forgotten")

    def is_current(self, row):
        """Returns True if the record is about the current version of the file."""
        try:
            st = os.lstat(os.path.join(os.fsencode(self.path), name_of(row)))
        except FileNotFoundError:
            return False
        version = row["version"]
        return (version["inode"], version["size"], nanoseconds(version["mtime"]),
                nanoseconds(version["ctime"])) == (st.st_ino, st.st_size, st.st_mtime_ns,
                                                   st.st_ctime_ns)

    def sync(self):
        """Waits until the running daemon has handled everything in the bucket."""
        result = self.command("sync", self.path)
        if result.status != 0:
            raise AssertionError(f"thumbq sync exits {result.status}: {result.log}")


def nanoseconds(text):
    """Returns the nanoseconds since 1970 of a time like 2026-01-31T12:00:00.123456789Z."""
    whole, fraction = text.rstrip("Z").split(".")
    parsed = time.strptime(whole, "%Y-%m-%dT%H:%M:%S")
    return int(calendar.timegm(parsed)) * 10**9 + int(fraction)
