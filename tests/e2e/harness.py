# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a bucket of their own, the daemon, and judges from outside.

The tests run the real programs and look at what a person sees: files, JSON, exit statuses, log,
/proc. Nothing here waits for a time; wait_for waits for a condition, with a deadline that is far
away. Thumbnails are judged by ImageMagick, never by what made them.
"""

import calendar
import contextlib
import functools
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import zlib
from pathlib import Path

SOURCE_DIR = Path(__file__).resolve().parents[2]
THUMBQ = os.environ.get("THUMBQ", str(SOURCE_DIR / "build" / "bin" / "thumbq"))
SANITIZED = os.environ.get("THUMBQ_SANITIZED") == "1"
DEADLINE_S = 240 if SANITIZED else 60
POLL_S = 0.01

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 160, 0), (0, 0, 255), (128, 128, 128)


# ---- pictures -----------------------------------------------------------------------------------


def png(width, height, color, level=6):
    """A PNG file of one colour: (r, g, b), or a single grey value for large ones."""
    channels = bytes(color) if isinstance(color, tuple) else bytes([color])
    row = b"\0" + channels * width
    packer = zlib.compressobj(level)
    data = b"".join([packer.compress(row) for _ in range(height)] + [packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if len(channels) == 3 else 0, 0, 0, 0)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(
            ">I", zlib.crc32(name + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) +
            chunk(b"IEND", b""))


@functools.cache
def slow_png():
    """A small file whose pixels keep a worker busy for a good part of a second."""
    return png(11000, 11000, 90, level=1)


def jpeg(width, height, color=GREY):
    """A JPEG file of one colour."""
    return subprocess.run(
        ["convert", "-size", f"{width}x{height}", "xc:rgb(%d,%d,%d)" % color, "jpeg:-"],
        check=True, stdout=subprocess.PIPE).stdout


def jpeg_with_comment(picture, comment):
    """The same picture in other bytes: a COM segment after the start marker."""
    return picture[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + picture[2:]


@contextlib.contextmanager
def plain_names(paths):
    """Links to the files under names that ImageMagick does not read anything into."""
    with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as folder:
        links = [f"{folder}/{i}" for i in range(len(paths))]
        for path, link in zip(paths, links):
            os.symlink(os.fsencode(path), link)
        yield links


def identify(paths):
    """[(format, width, height)] of whole, readable pictures, by ImageMagick. All pixels are read."""
    found = []
    with plain_names(paths) as links:
        for at in range(0, len(links), 500):
            result = subprocess.run(
                ["identify", "-regard-warnings", "-format", "%m %w %h %#\n"] + links[at:at + 500],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if result.returncode != 0:
                raise AssertionError(f"identify: {result.stderr}")
            for line in result.stdout.splitlines():
                kind, width, height, _signature = line.split()
                found.append((kind, int(width), int(height)))
    if len(found) != len(paths):
        raise AssertionError(f"identify saw {len(found)} pictures in {len(paths)} files")
    return found


def read_pixels(paths, size):
    """[bytes]: each picture shrunk to `size`, as RGB, by ImageMagick."""
    with plain_names(paths) as links:
        data = subprocess.run(
            ["convert", *links, "-auto-orient", "-resize", f"{size}!", "-depth", "8", "-type",
             "TrueColor", "rgb:-"], check=True, stdout=subprocess.PIPE).stdout if links else b""
    if len(data) % max(len(paths), 1):
        raise AssertionError(f"convert gave {len(data)} bytes for {len(paths)} pictures")
    each = len(data) // max(len(paths), 1)
    return [data[at:at + each] for at in range(0, len(data), max(each, 1))]


def average_colors(paths):
    """[(r, g, b)]: the average of each picture."""
    return [tuple(pixels) for pixels in read_pixels(paths, "1x1")]


def average_color(path):
    return average_colors([path])[0]


def grid(path):
    """What can be seen where in a picture: 4 x 4 colours, one after another."""
    return tuple(read_pixels([path], "4x4")[0])


def is_near(a, b, tolerance=12):
    return all(abs(x - y) <= tolerance for x, y in zip(a, b))


# ---- waiting ------------------------------------------------------------------------------------


def wait_for(condition, what, explain=lambda: ""):
    """Returns what `condition` returns as soon as that is true."""
    end = time.monotonic() + DEADLINE_S
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE_S} s in vain: {what}\n{explain()}")
        time.sleep(POLL_S)


# ---- processes ----------------------------------------------------------------------------------


def process_stat(pid):
    """(state, parent, process group), or None if there is no such process or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent, group = text[text.rindex(")") + 2:].split()[:3]
    return None if state in "ZX" else (state, int(parent), int(group))


def is_alive(pid):
    return process_stat(pid) is not None


def children(parent):
    """{pid: process group} of the living children."""
    found = {}
    for name in os.listdir("/proc"):
        known = process_stat(name) if name.isdigit() else None
        if known and known[1] == parent:
            found[int(name)] = known[2]
    return found


def descriptors(pid):
    """{fd: what it is} as the kernel says."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


def check_sanitizers(log):
    """What a sanitizer has found in any of the processes stands in their common log."""
    if "Sanitizer" in log or "runtime error:" in log:
        raise AssertionError(log)


class Finished:
    """What a command left behind."""

    def __init__(self, status, out, log):
        self.status, self.out, self.log = status, out, log

    @property
    def reports(self):
        return parse_reports(self.log)

    def json(self):
        return json.loads(self.out)

    def lines(self):
        """Its output, a JSON object per line."""
        return [json.loads(line) for line in self.out.splitlines()]


def parse_reports(log):
    """The REPORT lines as dictionaries."""
    return [dict(field.split(": ", 1) for field in line[len("REPORT "):].split("\t"))
            for line in log.splitlines() if line.startswith("REPORT ")]


class Daemon:
    """A `thumbq run` in the background, its stderr in a file."""

    def __init__(self, arguments, log_path, program=THUMBQ):
        self.log_path = Path(log_path)
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen([program, "run"] + arguments, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log)
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def reports(self):
        return parse_reports(self.log())

    def is_running(self):
        return self.process.poll() is None

    def workers(self):
        """Worker processes: in the fork server's process group, without the server itself."""
        ours = os.getpgid(0)  # where the fork server is for a moment, before it has its own
        return [pid for pid, group in children(self.pid).items() if group not in (pid, ours)]

    def handlers(self):
        """All its processes: the fork server and the workers."""
        return list(children(self.pid))

    def wait_workers(self, n):
        return wait_for(lambda: len(found := self.workers()) == n and found, f"{n} workers",
                        self.log)

    def pause_worker(self):
        """Stops the only worker where it is. Returns its pid."""
        pid, = self.wait_workers(1)
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: process_stat(pid)[0] == "T", "the worker to be stopped")
        return pid

    def wait(self):
        """Its exit status, once it has ended."""
        try:
            return self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon does not end:\n{self.log()}") from None

    def stop(self, signum=signal.SIGTERM):
        """Ends it. Returns its exit status."""
        if self.is_running():
            self.process.send_signal(signum)
        return self.wait()

    def kill(self):
        """SIGKILL, and waits until its handlers have followed it."""
        family = self.handlers()
        self.process.kill()
        self.process.wait()
        for pid in family:
            wait_for(lambda: not is_alive(pid), f"handler {pid} to end with its daemon")


# ---- the bucket ---------------------------------------------------------------------------------


def name_of(row):
    """The object's key in bytes."""
    return decode(row, "name")


def decode(row, field):
    if row.get(field + "_encoding") == "percent":
        return urllib.parse.unquote_to_bytes(row[field])
    return row[field].encode()


class Bucket:
    """A folder of pictures in a temporary place, and what thumbq says of it."""

    def __init__(self, root):
        self.root = Path(root)
        self.path = self.root / "bucket"
        self.path.mkdir()
        self.thumbnails = self.path / "thumbnails"
        self.state = self.path / ".thumbq"
        self.daemons = []

    # -- files

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
        """All files below, as bytes relative to `folder`."""
        base = os.fsencode(folder)
        return {os.path.relpath(os.path.join(where, name), base)
                for where, _folders, names in os.walk(base) for name in names}

    # -- commands

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
        """run --once; a crash of it is told of at once, not by what it has left undone."""
        result = self.command("run", "--once", *arguments, self.path)
        if result.status < 0:
            raise AssertionError(f"run --once was ended by signal {-result.status}:\n{result.log}")
        return result

    def start(self, *arguments):
        """run, in the background; returns when it watches."""
        log = self.root / f"daemon-{len(self.daemons)}.log"
        daemon = Daemon([*arguments, os.fspath(self.path)], log)
        self.daemons.append(daemon)
        wait_for(lambda: "watching" in daemon.log() or not daemon.is_running(), "the daemon")
        if not daemon.is_running():
            raise AssertionError(f"the daemon has ended:\n{daemon.log()}")
        return daemon

    def start_once(self, *arguments):
        """run --once, in the background."""
        log = self.root / f"daemon-{len(self.daemons)}.log"
        daemon = Daemon(["--once", *arguments, os.fspath(self.path)], log)
        self.daemons.append(daemon)
        return daemon

    def read(self, *arguments):
        """A command that must succeed."""
        result = self.command(*arguments, self.path)
        if result.status != 0:
            raise AssertionError(f"thumbq {arguments} exits {result.status}: {result.log}")
        return result

    def stats(self, *filters):
        return self.read("stats", "--json", *filters).json()

    def list(self, *filters):
        return self.read("list", "--json", *filters).lines()

    def records(self):
        """{key in bytes: row of list}"""
        return {name_of(row): row for row in self.list()}

    def show(self, name):
        """All that is known of the object, or None."""
        result = self.command("show", "--json", "--bucket", self.path, "--", name)
        if result.status == 3:
            return None
        if result.status != 0:
            raise AssertionError(f"thumbq show exits {result.status}: {result.log}")
        return result.json()

    # -- waiting

    def explain(self):
        return "".join(f"--- {d.log_path.name}\n{d.log()[-4000:]}" for d in self.daemons[-2:])

    def wait_for(self, condition, what):
        return wait_for(condition, what, self.explain)

    def wait_record(self, name, state="done"):
        """The record, once it is in this state and about the file as it is now."""

        def ready():
            if not (self.state / "store" / "data.mdb").exists():
                return None
            row = self.show(name)
            return row if row and row["state"] == state and self.is_current(row) else None

        return self.wait_for(ready, f"'{name}' to be {state}")

    def wait_gone(self, name):
        self.wait_for(lambda: self.show(name) is None, f"'{name}' to be forgotten")

    def is_current(self, row):
        """Whether the record is about the file that is there now."""
        try:
            st = os.lstat(os.path.join(os.fsencode(self.path), name_of(row)))
        except FileNotFoundError:
            return False
        version = row["version"]
        return (version["inode"], version["size"], nanoseconds(version["mtime"]),
                nanoseconds(version["ctime"])) == (st.st_ino, st.st_size, st.st_mtime_ns,
                                                   st.st_ctime_ns)

    def sync(self):
        """Waits until the running daemon has handled all that lies in the bucket now."""
        result = self.command("sync", self.path)
        if result.status != 0:
            raise AssertionError(f"thumbq sync exits {result.status}: {result.log}")


def nanoseconds(text):
    """2026-01-31T12:00:00.123456789Z since 1970"""
    whole, fraction = text.rstrip("Z").split(".")
    parsed = time.strptime(whole, "%Y-%m-%dT%H:%M:%S")
    return int(calendar.timegm(parsed)) * 10**9 + int(fraction)


# ---- the test case ------------------------------------------------------------------------------


class E2ETest(unittest.TestCase):
    """A test with a bucket; whatever it starts is ended, whatever it makes is removed."""

    maxDiff = None

    def setUp(self):
        root = tempfile.mkdtemp(prefix="thumbq-e2e-")
        os.chmod(root, 0o755)
        self.addCleanup(shutil.rmtree, root)
        self.bucket = Bucket(root)
        self.addCleanup(self.stop_daemons)

    def stop_daemons(self):
        for daemon in self.bucket.daemons:
            family = daemon.handlers() if daemon.is_running() else []
            if daemon.is_running():
                daemon.process.kill()
                daemon.process.wait()
            for pid in family:  # stopped ones do not see their daemon's end
                wait_for(lambda: not is_alive(pid), f"handler {pid} to end with its daemon")
            check_sanitizers(daemon.log())

    def check_bucket(self, keys=None):
        """
        All that always holds when the work is done: each file has one record, which is about this
        very version, with what was found in it, and nothing of another; each `done` has its
        thumbnails, whole and of the size it says; nothing else lies in the folder of the
        thumbnails. Returns the records.
        """
        bucket = self.bucket
        records = bucket.records()
        if keys is not None:
            self.assertEqual(set(records), {os.fsencode(key) for key in keys})
        recorded, expected = [], []
        for key, row in records.items():
            shown = bucket.show(row["name"])
            self.assertTrue(bucket.is_current(shown), shown)
            self.assertIn(row["state"], ("done", "skipped", "dead"), row)
            self.assertEqual(bool(row["thumbnails"]), row["state"] == "done", row)
            self.check_facts(shown)
            for thumbnail in row["thumbnails"]:
                path = os.path.join(os.fsencode(bucket.path), decode(thumbnail, "path"))
                self.assertEqual(os.stat(path).st_size, thumbnail["size"], row)
                recorded.append(path)
                expected.append((thumbnail["type"].upper(), thumbnail["width"],
                                 thumbnail["height"]))
        there = {os.path.join(os.fsencode(bucket.thumbnails), name)
                 for name in bucket.files_in(bucket.thumbnails) if name != b".thumbq.owner"}
        self.assertEqual(set(recorded) - there, set())
        self.assertEqual(there - set(recorded), set())
        self.assertEqual(identify(recorded), expected)
        return records

    def check_facts(self, shown):
        """What is known of the picture is of this version: what `show` says in any state."""
        known = {field for field in ("width", "height", "pages", "thumbhash", "color", "etag")
                 if shown[field] is not None}
        if shown["type"] != "none":
            known.add("type")
        if shown["thumbnails"]:
            known.add("thumbnails")
        if not shown["current"]:
            self.assertNotEqual(shown["state"], "done", shown)
            self.assertEqual(known, set(), shown)
        if shown["state"] == "done":
            self.assertLessEqual({"type", "width", "height", "pages", "etag", "thumbnails"}, known)
        self.assertEqual(shown["error"] is None, shown["state"] == "done", shown)

    def assert_color(self, path, color):
        found = average_color(path)
        self.assertTrue(is_near(found, color), f"{path} is {found}, not {color}")


def main():
    unittest.main(verbosity=2, argv=[sys.argv[0]] + sys.argv[1:])
