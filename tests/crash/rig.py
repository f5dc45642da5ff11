# SPDX-License-Identifier: Apache-2.0
"""The fixture of the crash tests: a bucket of tiny pictures, in which each version has its own
colour, and a daemon that a test can kill. checker.py alone judges the result."""

import contextlib
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib
from pathlib import Path

import checker

SOURCE_DIR = Path(__file__).resolve().parents[2]
THUMBQ = os.environ.get("THUMBQ", str(SOURCE_DIR / "build/bin/thumbq"))
FAILPOINTS = os.environ.get("THUMBQ_FAILPOINTS", str(SOURCE_DIR / "build/tests/thumbq-failpoints"))
os.environ.setdefault("THUMBQ_HANDLER", str(SOURCE_DIR / "build/bin/thumbq-thumbnail"))
SANITIZED = os.environ.get("THUMBQ_SANITIZED") == "1"
LONG = os.environ.get("THUMBQ_LONG") == "1"
SEED = int(os.environ.get("THUMBQ_TEST_SEED", time.time_ns() % 2**32))
DEADLINE_S = 240  # generous: nothing depends on how fast a busy machine is

CONFIG = """[handler]
concurrency = 2
retry_delay = 100ms

[rendition a]
size = 8x8
format = png

[rendition b]
size = 16x16
format = png
"""


def count(name, short, long):
    """Returns a number of rounds: from the environment, or the one for a long or a short run."""
    return int(os.environ.get(name, long if LONG else short))


def picture(version):
    """Returns a PNG file whose colour and length name its version."""
    row = b"\0" + (version * 2654435761 % 2**24).to_bytes(3, "big") * 20
    header = struct.pack(">IIBBBBB", 20, 16, 8, 2, 0, 0, 0)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"teSt", bytes(version % 60000)) +
            chunk(b"IDAT", zlib.compress(row * 16, 0)) + chunk(b"IEND", b""))


def wait_for(condition, what, explain=lambda: ""):
    end = time.monotonic() + DEADLINE_S
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE_S} s in vain: {what}\n{explain()}")
        time.sleep(0.005)
    return result


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Daemon:

    def __init__(self, program, arguments, log, env):
        self.log_path = Path(log)
        with open(log, "ab") as file:
            self.process = subprocess.Popen([program, "run", *map(os.fspath, arguments)],
                                            stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                            env={**os.environ, **env})
        self.pid = self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def is_running(self):
        return self.process.poll() is None

    def family(self):
        """Returns the fork server and the workers."""
        return [pid for child in children(self.pid) for pid in (child, *children(child))]

    def wait(self):
        try:
            return self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon does not end\n{self.log()}") from None

    def kill(self):
        family = self.family()
        self.process.kill()
        self.process.wait()
        for pid in family:
            wait_for(lambda: not is_alive(pid), f"handler {pid} to follow its daemon")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()


class Rig:
    """A bucket below `root`. Its thumbnails and its state may lie elsewhere."""

    def __init__(self, root, config=CONFIG, bucket=None, seed=None):
        self.root = Path(root)
        self.bucket = Path(bucket or self.root / "bucket")
        self.bucket.mkdir(exist_ok=True)
        self.config = self.root / "thumbq.conf"
        self.config.write_text(config)
        self.log_path = self.root / "log"
        self.random = random.Random(SEED if seed is None else seed)
        self.may_be_damaged = False  # the store, by the test
        self.version = 0
        self.daemons = []

    def options(self):
        return ["--config", self.config, self.bucket]

    def put(self, name):
        """Puts a new picture at this place."""
        self.version += 1
        path = self.bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(self.version))

    def files(self):
        return sorted(key.decode() for key in
                      checker.Bucket(self.bucket, os.fspath(self.config)).objects())

    def new_name(self):
        self.version += 1
        return f"{self.random.choice(['a', 'a/b', 'c'])}/{self.version}.png"

    def stir(self):
        """Makes one change in the bucket: a new picture, an overwritten one, a rename, or a
        removal."""
        files = self.files()
        act = self.random.random()
        if act < 0.45 or len(files) < 4:
            self.put(self.new_name())
            return
        name = self.random.choice(files)
        if act < 0.65:
            self.put(name)
        elif act < 0.75:
            to = self.bucket / self.new_name()
            to.parent.mkdir(parents=True, exist_ok=True)
            os.rename(self.bucket / name, to)
        elif act < 0.85:
            self.move_tree()
        else:
            (self.bucket / name).unlink()

    def move_tree(self):
        tree = self.random.choice(["a", "a/b", "c", "d", "a/e"])
        to = self.random.choice(["d", "a/e", "c/f", "c", "a"])
        source, target = self.bucket / tree, self.bucket / to
        with contextlib.suppress(OSError):  # not there, below itself, not empty: another time
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(source, target)

    def start(self, *arguments, program=None, env=None):
        daemon = Daemon(program or THUMBQ, [*arguments, *self.options()], self.log_path, env or {})
        self.daemons.append(daemon)
        return daemon

    def start_watching(self, program=None, env=None):
        before = self.log().count("watching")
        daemon = self.start(program=program, env=env)
        wait_for(lambda: self.log().count("watching") > before or not daemon.is_running(),
                 "the daemon to start", self.log)
        if not daemon.is_running():
            raise AssertionError(f"the daemon has ended\n{self.log()}")
        return daemon

    def once(self):
        status = self.start("--once").wait()
        if status != 0:
            raise AssertionError(f"run --once exits {status}\n{self.log()[-3000:]}")

    def command(self, *arguments):
        return subprocess.run([THUMBQ, *arguments, *map(os.fspath, self.options())],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S)

    def sync(self):
        result = self.command("sync")
        if result.returncode != 0:
            raise AssertionError(f"sync exits {result.returncode}: {result.stdout}\n{self.log()}")

    def log(self):
        """Returns the log of all daemons so far, and how the last one has ended, if it has."""
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        if self.daemons and not self.daemons[-1].is_running():
            text += f"[the daemon has ended with {self.daemons[-1].process.returncode}]\n"
        return text

    def close(self):
        for daemon in self.daemons:
            if daemon.is_running():
                daemon.kill()

    def check(self, **options):
        found = checker.problems(self.bucket, os.fspath(self.config), THUMBQ, **options)
        log = self.log()
        if "Sanitizer" in log or "runtime error:" in log:
            found.append("a sanitizer has found something")
        if "was moved to" in log and not self.may_be_damaged:
            found.append("a store was taken for damaged that nobody has damaged")
        if found:
            raise AssertionError("\n".join(found) + f"\nseed {SEED}\n--- log\n{log[-6000:]}")

    def check_crashed(self):
        """Checks the bucket after a crash, before anything else runs: each record that says `done`
        is right."""
        store = Path(os.fsdecode(checker.Bucket(self.bucket, os.fspath(self.config)).state))
        if (store / "store/data.mdb").exists() and (store / "store/data.mdb").stat().st_size > 0:
            result = self.command("list", "--json")
            if result.returncode != 3:  # 3: the store had not been made yet
                self.check(running=True)


class CrashTest(unittest.TestCase):

    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="thumbq-crash-"))
        os.chmod(self.root, 0o755)
        self.addCleanup(shutil.rmtree, self.root)

    def rig(self, name="rig", **options):
        root = self.root / name
        root.mkdir()
        rig = Rig(root, **options)
        self.addCleanup(rig.close)
        return rig


def main():
    print(f"THUMBQ_TEST_SEED={SEED}", flush=True)
    unittest.main(verbosity=2, argv=[sys.argv[0]] + sys.argv[1:])
