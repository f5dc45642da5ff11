#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ntfs.py [-h] [--minutes M] [--thumbq PROGRAM]

Runs rounds on an ntfs-3g file system in a file. A daemon watches it while pictures are made,
rewritten in place and by rename, renamed and deleted. Then the daemon ends and the file system is
mounted again; in every second round files change before the daemon starts again. After each round
each picture must have a record that says done, and a thumbnail in the picture's colour. Prints the
number of good rounds, and fails at the first bad one. Needs root, /dev/fuse, ntfs-3g and
mkfs.ntfs.
"""

import argparse
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

SOURCE_DIR = Path(__file__).resolve().parents[2]
CONFIG = """[bucket]
state = {state}
reserve = 0

[rendition small]
size = 16x16
format = png
"""
CHANGES = 40
DEADLINE_S = 60


def png(color):
    """Returns a PNG file of one colour. All of them have the same number of bytes."""
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(
            ">I", zlib.crc32(name + body))

    rows = (b"\0" + bytes(color) * 32) * 32
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b""))


class Disk:
    def __init__(self, root, thumbq):
        self.root, self.thumbq = Path(root), thumbq
        self.image, self.bucket = self.root / "image", self.root / "bucket"
        self.conf = self.root / "thumbq.conf"
        self.conf.write_text(CONFIG.format(state=self.root / "state"))
        self.bucket.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.ntfs", "-F", "-Q", self.image], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.colors = {}  # name -> the colour that its picture has
        self.daemon = None

    def mount(self):
        subprocess.run(["ntfs-3g", "-o", "permissions,big_writes", self.image, self.bucket],
                       check=True, stderr=subprocess.DEVNULL)

    def unmount(self):
        subprocess.run(["umount", self.bucket], check=True)

    def start(self):
        with open(self.root / "log", "ab") as log:
            self.daemon = subprocess.Popen(
                [self.thumbq, "run", "--quiet", "--config", self.conf, self.bucket], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL)

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        if self.daemon.wait(DEADLINE_S) != 0:
            raise AssertionError("the daemon did not end well")

    def command(self, *words):
        done = subprocess.run([self.thumbq, *words, "--config", self.conf, self.bucket], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise AssertionError(f"thumbq {words} exits {done.returncode}: {done.stderr}")
        return done.stdout

    def change(self):
        name = f"{random.randrange(4)}/{random.randrange(12)}.png"
        path = self.bucket / name
        path.parent.mkdir(exist_ok=True)
        color = random.randbytes(3)
        what = random.choice(("write", "write", "replace", "replace", "rename", "delete"))
        if what == "write":
            path.write_bytes(png(color))
            self.colors[name] = color
        elif what == "replace":
            part = path.with_suffix(".part")
            part.write_bytes(png(color))
            os.replace(part, path)
            self.colors[name] = color
        elif name in self.colors and what == "delete":
            path.unlink()
            del self.colors[name]
        elif name in self.colors:
            to = f"{random.randrange(4)}/{random.randrange(12)}.png"
            (self.bucket / to).parent.mkdir(exist_ok=True)
            if to != name:
                os.replace(path, self.bucket / to)
                self.colors[to] = self.colors.pop(name)

    def fault(self):
        """Returns the first difference between files and records; None if there is none."""
        rows = {row["name"]: row for row in map(json.loads,
                                                self.command("list", "--json").splitlines())}
        if set(rows) != set(self.colors):
            return f"records and files differ: {sorted(set(rows) ^ set(self.colors))}"
        for name, color in self.colors.items():
            if rows[name]["state"] != "done":
                return f"{name} is {rows[name]['state']}"
        names = sorted(self.colors)
        files = [self.bucket / "thumbnails/small" / f"{name}.png" for name in names]
        pixels = b"".join(top_pixel(file) for file in files)
        for i, name in enumerate(names):
            if pixels[3 * i:3 * i + 3] != self.colors[name]:
                return f"the thumbnail of {name} is stale"
        return None


def top_pixel(path):
    """Reads the first pixel with ImageMagick."""
    return subprocess.run(["convert", path, "-crop", "1x1+0+0", "-depth", "8", "rgb:-"], check=True,
                          stdout=subprocess.PIPE).stdout


def run_round(disk, n):
    """Makes changes under a daemon, and in every second round also before it starts. Returns the
    first difference, or None."""
    disk.mount()
    try:
        if n % 2:
            for _ in range(CHANGES):
                disk.change()
        disk.start()
        for _ in range(CHANGES):
            disk.change()
        end = time.monotonic() + DEADLINE_S
        while not (disk.root / "state/control").exists():
            if disk.daemon.poll() is not None or time.monotonic() > end:
                return "the daemon does not start"
            time.sleep(0.01)
        disk.command("sync")
        found = disk.fault()
        disk.stop()
    finally:
        if disk.daemon and disk.daemon.poll() is None:
            disk.daemon.kill()
            disk.daemon.wait()
        disk.unmount()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--thumbq", default=str(SOURCE_DIR / "build" / "bin" / "thumbq"))
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    seed = random.randrange(1 << 32)
    random.seed(seed)
    with tempfile.TemporaryDirectory(prefix="thumbq-ntfs-") as root:
        disk = Disk(root, arguments.thumbq)
        n = 0
        while time.monotonic() < end:
            found = run_round(disk, n)
            if found:
                print(f"round {n + 1}: {found} (seed {seed})\n{(disk.root / 'log').read_text()}")
                return 1
            n += 1
            print(f"{n} rounds held, {len(disk.colors)} pictures", flush=True)
    print(f"{n} rounds held (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
