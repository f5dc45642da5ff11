#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""unrest.py [-h] [--minutes M] [--objects N] [--thumbq PROGRAM]

Runs a daemon for M minutes beside everything that moves on a machine: files are rewritten, deleted
and put back, folders moved, parts of the bucket unmounted and mounted again, thumbnails deleted,
and readers stand still, with full pipes or stopped. Fails unless the daemon lives through it,
memory and store stay flat, each file has its record and its thumbnails at the end, and no unchanged
thumbnail was made again. Prints figures each minute, and those of start and end. Mounts need root,
in a mount namespace of their own. Without root the rest runs, and the output says so.
"""

import argparse
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

SOURCE_DIR = Path(__file__).resolve().parents[2]
INSIDE = "THUMBQ_SOAK_MOUNTS"
CONFIG = """[store]
events = 2000

[rendition small]
size = 32x32
format = webp
"""
WARM_UP = 0.2  # of the time: until then memory and store may still find their size
RSS_GROWTH_KIB = 4096
STORE_GROWTH = 1.25
STORE_SLACK = 4 << 20  # pages that happened to be in use at the same time
STALLED_MAX = 4


def png(color):
    """Returns a picture of one colour, 24 x 24."""
    rows = zlib.compress((b"\0" + bytes(color) * 24) * 24)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(
            ">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 24, 24, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


class Soak:

    def __init__(self, root, thumbq, objects):
        self.rng = random.Random(1)
        self.thumbq = thumbq
        self.bucket = root / "bucket"
        self.disk = root / "disk"
        self.usb = self.bucket / "usb"
        self.store = self.bucket / ".thumbq" / "store" / "data.mdb"
        self.log = root / "log"
        self.names = []
        self.stalled = []
        self.is_mounted = False
        self.has_mounts = os.environ.get(INSIDE) == "1"
        self.counts = {}
        for folder in (self.usb, self.disk, self.bucket / ".thumbq"):
            folder.mkdir(parents=True, exist_ok=True)
        (self.bucket / ".thumbq" / "thumbq.conf").write_text(CONFIG)
        self.mount()
        for i in range(objects):
            folder = ("usb" if self.has_mounts and i % 4 == 0 else f"f{i % 10}")
            self.write(f"{folder}/{i}.png")
            self.names.append(f"{folder}/{i}.png")
        with open(self.log, "wb") as log:
            self.daemon = subprocess.Popen([thumbq, "run", "--quiet", self.bucket],
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                           stderr=log)
        self.wait_for(self.store.exists)
        self.sync()

    def wait_for(self, condition):
        end = time.monotonic() + 300
        while not condition():
            if time.monotonic() > end or self.daemon.poll() is not None:
                sys.exit(f"unrest: waited in vain\n{self.log.read_text()[-4000:]}")
            time.sleep(0.02)

    def ask(self, *arguments):
        return subprocess.run([self.thumbq, *arguments, self.bucket], check=True,
                              stdout=subprocess.PIPE).stdout

    def sync(self):
        self.ask("sync")

    def rss_kib(self):
        status = Path(f"/proc/{self.daemon.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return int(fields["RssAnon"].split()[0])

    def figures(self):
        return {"rss_anon_kib": self.rss_kib(), "store_bytes": self.store.stat().st_size,
                "descriptors": len(os.listdir(f"/proc/{self.daemon.pid}/fd"))}

    def write(self, name):
        path = self.bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(self.rng.randbytes(3)))

    def is_there(self, name):
        return self.is_mounted or not name.startswith("usb/") or not self.has_mounts

    def rewrite(self):
        for name in self.rng.sample(self.names, min(40, len(self.names))):
            if self.is_there(name):
                self.write(name)

    def delete(self):
        for name in self.rng.sample(self.names, 5):
            if self.is_there(name):
                (self.bucket / name).unlink(missing_ok=True)
                self.sync()
                self.write(name)

    def move(self):
        folder = self.bucket / f"f{self.rng.randrange(10)}"
        away = self.bucket / "moved" / "deeper"
        away.parent.mkdir(exist_ok=True)
        if folder.exists() and not away.exists():
            folder.rename(away)
            self.sync()
            away.rename(folder)

    def mount(self):
        if self.has_mounts and not self.is_mounted:
            subprocess.run(["mount", "--bind", self.disk, self.usb], check=True)
        self.is_mounted = self.has_mounts

    def unmount(self):
        if not self.has_mounts:
            return
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.usb], check=True)
            self.is_mounted = False
        else:
            self.mount()

    def lose_thumbnails(self):
        folder = self.bucket / "thumbnails" / "small" / f"f{self.rng.randrange(10)}"
        shutil.rmtree(folder, ignore_errors=True)
        self.ask("sweep", "missing")

    def stall(self):
        while len(self.stalled) >= STALLED_MAX:
            self.end(self.stalled.pop(0))
        command = self.rng.choice((["list", "--json"], ["list"], ["events", "--json"],
                                   ["events", "--follow", "--json"]))
        reader = subprocess.Popen([self.thumbq, *command, self.bucket], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.stalled.append(reader)
        if "--follow" in command:
            time.sleep(0.2)  # a stop may come at any time
            reader.send_signal(signal.SIGTSTP)

    @staticmethod
    def end(reader):
        reader.kill()
        reader.wait()
        reader.stdout.close()

    def step(self):
        act = self.rng.choice((self.rewrite, self.rewrite, self.delete, self.move, self.unmount,
                               self.stall, self.lose_thumbnails))
        self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1
        act()
        if self.daemon.poll() is not None:
            sys.exit(f"unrest: the daemon has ended\n{self.log.read_text()[-4000:]}")

    def check_end(self):
        """Checks that the bucket is in the state that it would have without the disturbances."""
        while self.stalled:
            self.end(self.stalled.pop())
        self.mount()
        self.ask("sweep", "all")
        self.sync()
        rows = [json.loads(line) for line in self.ask("list", "--json").splitlines()]
        found = {row["name"]: row for row in rows}
        assert set(found) == set(self.names), set(found) ^ set(self.names)
        for name, row in found.items():
            assert row["state"] == "done" and not row["away"], row
            for thumbnail in row["thumbnails"]:
                size = (self.bucket / thumbnail["path"]).stat().st_size
                assert size == thumbnail["size"], row
        made = json.loads(self.ask("stats", "--json"))["invocations"]["count"]
        for _ in range(3):  # unchanged, and so not made again
            self.unmount()
            self.sync()
        self.mount()
        self.sync()
        again = json.loads(self.ask("stats", "--json"))["invocations"]["count"]
        assert made == again, (made, again)

    def close(self):
        while self.stalled:
            self.end(self.stalled.pop())
        if self.daemon.poll() is None:
            self.daemon.terminate()
            self.daemon.wait()
        if self.is_mounted:
            subprocess.run(["umount", "-l", self.usb], check=False)


def enter_namespace():
    command = ["unshare", "--mount", "--propagation", "private"]
    if subprocess.run([*command, "true"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        print("unrest: mounts are left out: no mount namespace can be made here")
        return
    os.environ[INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, "-B", __file__, *sys.argv[1:]])


def run(soak, seconds):
    begin = time.monotonic()
    start, said = None, begin
    while (now := time.monotonic()) < begin + seconds:
        soak.step()
        if start is None and now > begin + seconds * WARM_UP:
            soak.sync()
            start = soak.figures()
        if now > said + 60:
            said = now
            print(f"{(now - begin) / 60:5.1f} min {soak.figures()}", flush=True)
    soak.sync()
    return start or soak.figures(), soak.figures()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--thumbq", default=str(SOURCE_DIR / "build" / "bin" / "thumbq"))
    options = parser.parse_args()
    if os.environ.get(INSIDE) != "1":
        enter_namespace()
    root = Path(tempfile.mkdtemp(prefix="thumbq-unrest-"))
    os.chmod(root, 0o755)
    soak = Soak(root, options.thumbq, options.objects)
    try:
        start, end = run(soak, options.minutes * 60)
        print(f"after {WARM_UP:.0%} of the time: {start}\nat the end: {end}\ndone: {soak.counts}")
        assert end["rss_anon_kib"] < start["rss_anon_kib"] + RSS_GROWTH_KIB, "memory is not flat"
        assert end["store_bytes"] < start["store_bytes"] * STORE_GROWTH + STORE_SLACK, (
            "the store is not flat")
        soak.check_end()
    finally:
        soak.close()
    shutil.rmtree(root)
    print("unrest: fine")


if __name__ == "__main__":
    main()
