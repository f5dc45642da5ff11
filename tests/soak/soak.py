#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""soak.py [-h] [--seed S] [--wave N] [--keep DIR] [--thumbq PROGRAM] FILES

Sends FILES broken pictures (bits flipped, cut, spliced, numbers made extreme) through a running
daemon, in waves. Fails unless the daemon lives through all of it, every file ends in one state with
a name and a reason, every `done` has its thumbnails, and the memory of daemon and workers stays
flat. Prints the results of the files and the deaths of workers. The same seed makes the same files.
With --keep, files that crashed a worker or made it violate its sandbox are put into DIR.
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE_DIR = Path(__file__).resolve().parents[2]
TYPES = {".jpg", ".png", ".webp", ".gif", ".tif", ".heic", ".avif"}
LARGE = 100_000  # bytes: taken less often
CONFIG = """[handler]
timeout = 10s
memory = 256M
retries = 0

[rendition small]
size = 128x128
format = webp

[rendition crop]
size = 96x96
fit = attention
format = jpeg
"""
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
DAEMON_GROWTH_KIB = 16 * 1024  # more than this is no noise of the allocator
WORKER_GROWTH = 1.5
SLOWEST_WAVE_S = 900


def flip_bits(rng, data, _other, reach):
    for _ in range(rng.choice((1, 2, 8, 64))):
        data[rng.randrange(reach)] ^= 1 << rng.randrange(8)


def cut(rng, data, _other, _reach):
    del data[rng.randrange(len(data)):]


def splice(rng, data, other, _reach):
    data[rng.randrange(len(data)):] = other[rng.randrange(len(other)):]


def make_extreme(rng, data, _other, reach):
    for _ in range(rng.choice((1, 1, 4))):
        number = rng.choice(NUMBERS)
        form = rng.choice([f for f in (">B", ">H", "<H", ">I", "<I")
                           if number < 256 ** struct.calcsize(f)])
        at = rng.randrange(reach)
        data[at:at + struct.calcsize(form)] = struct.pack(form, number)


def repeat(rng, data, _other, reach):
    at = rng.randrange(reach)
    piece = data[at:at + rng.choice((8, 100, 4000))]
    data[at:at] = piece * rng.choice((1, 3, 50))


def drop(rng, data, _other, reach):
    at = rng.randrange(reach)
    del data[at:at + rng.choice((1, 4, 100, 4000))]


def blank(rng, data, _other, reach):
    at = rng.randrange(reach)
    length = min(rng.choice((4, 64, 2000)), len(data) - at)
    data[at:at + length] = bytes([rng.choice((0, 255))]) * length


MUTATIONS = (flip_bits, flip_bits, make_extreme, make_extreme, cut, splice, repeat, drop, blank)


def mutate(rng, data, other):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not data:
            break
        # Headers decide most results, so half of the changes are there.
        reach = min(len(data), 1024) if rng.random() < 0.5 else len(data)
        rng.choice(MUTATIONS)(rng, data, other, reach)
    return bytes(data)


class Samples:
    def __init__(self, folder):
        self.files = [(path.suffix, path.read_bytes()) for path in sorted(folder.rglob("*"))
                      if path.suffix in TYPES and path.stat().st_size > 0]
        self.weights = [1 if len(data) > LARGE else 20 for _suffix, data in self.files]

    def pick(self, rng):
        return rng.choices(self.files, self.weights)[0]


def memory_kib(pid, field="RssAnon"):
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def children(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


class Soak:
    def __init__(self, options, root):
        self.options = options
        self.rng = random.Random(options.seed)
        self.samples = Samples(SOURCE_DIR / "sample-images")
        self.bucket = root / "bucket"
        (self.bucket / ".thumbq").mkdir(parents=True)
        (self.bucket / ".thumbq" / "thumbq.conf").write_text(CONFIG)
        self.log_path = root / "daemon.log"
        self.outcomes = collections.Counter()
        self.deaths = collections.Counter()
        self.memory = []  # (daemon, workers at their largest), KiB, after each wave
        with open(self.log_path, "wb") as log:
            self.daemon = subprocess.Popen([options.thumbq, "run", "--quiet", self.bucket],
                                           stdin=subprocess.DEVNULL, stderr=log)

    def read(self, *arguments):
        return subprocess.run([self.options.thumbq, *arguments, self.bucket], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def fill(self, wave, count):
        """Makes the folder of a wave elsewhere on the same file system, and moves it in as a
        whole."""
        outside = self.bucket.parent / f"wave-{wave}"
        outside.mkdir()
        for i in range(count):
            suffix, data = self.samples.pick(self.rng)
            broken = mutate(self.rng, data, self.samples.pick(self.rng)[1])
            (outside / f"{i:05}{suffix}").write_bytes(broken)
        os.rename(outside, self.bucket / outside.name)
        return self.bucket / outside.name

    def check_row(self, row):
        state, error = row["state"], row["error"]
        if state not in ("done", "skipped", "dead"):
            raise AssertionError(f"'{row['name']}' ends {state}")
        if state == "done":
            for thumbnail in row["thumbnails"]:
                if (self.bucket / thumbnail["path"]).stat().st_size != thumbnail["size"]:
                    raise AssertionError(f"a thumbnail of '{row['name']}' is not what it says")
            if len(row["thumbnails"]) != 2:
                raise AssertionError(f"'{row['name']}' is done without all its thumbnails")
            self.outcomes["done, damaged" if row["damaged"] else "done"] += 1
            return
        if not error or not error["name"] or not error["message"]:
            raise AssertionError(f"'{row['name']}' is {state} without a reason")
        self.outcomes[f"{state}, {error['name']}"] += 1
        if error["name"] in ("handler_crashed", "sandbox_violation", "out_of_memory", "timeout",
                             "handler_unavailable"):
            self.deaths[f"{error['name']}: {error['message']}"] += 1
        if self.options.keep and error["name"] in ("handler_crashed", "sandbox_violation"):
            shutil.copy(self.bucket / row["name"],
                        self.options.keep / row["name"].replace("/", "-"))

    def run_wave(self, wave, count):
        folder = self.fill(wave, count)
        subprocess.run([self.options.thumbq, "sync", "--timeout", f"{SLOWEST_WAVE_S}s",
                        self.bucket], check=True)
        if self.daemon.poll() is not None:
            raise AssertionError(f"the daemon has ended: {self.daemon.returncode}")
        rows = [json.loads(line)
                for line in self.read("list", "--json", "--prefix", folder.name + "/").splitlines()]
        if len(rows) != count:
            raise AssertionError(f"{len(rows)} records of {count} files")
        for row in rows:
            self.check_row(row)
        workers = [memory_kib(pid) for pid in children(self.daemon.pid)]
        self.memory.append((memory_kib(self.daemon.pid), max(workers, default=0)))
        shutil.rmtree(folder)

    def check_memory(self):
        """The end is compared with the end of the first tenth, when all caches are warm."""
        warm = max(1, len(self.memory) // 10)
        before, after = self.memory[:warm], self.memory[-warm:]
        daemon = max(d for d, _w in before), max(d for d, _w in after)
        workers = max(w for _d, w in self.memory[:len(self.memory) // 2 + 1]), max(
            w for _d, w in self.memory[len(self.memory) // 2:])
        print(f"memory: daemon {daemon[0]} KiB at the start, {daemon[1]} KiB at the end; "
              f"largest idle worker {workers[0]} KiB in the first half, {workers[1]} KiB in the "
              "second")
        if daemon[1] > daemon[0] + DAEMON_GROWTH_KIB:
            raise AssertionError("the daemon grows")
        if workers[1] > workers[0] * WORKER_GROWTH + 4096:
            raise AssertionError("the workers grow")

    def run(self):
        while not (self.bucket / ".thumbq" / "control").exists():
            if self.daemon.poll() is not None:
                raise AssertionError("the daemon does not start")
            time.sleep(0.02)
        left, wave, start = self.options.files, 0, time.monotonic()
        while left > 0:
            count = min(self.options.wave, left)
            self.run_wave(wave, count)
            left, wave = left - count, wave + 1
            print(f"{self.options.files - left} files, daemon {self.memory[-1][0]} KiB, "
                  f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        self.daemon.terminate()
        if self.daemon.wait(60) != 0:
            raise AssertionError(f"the daemon exits {self.daemon.returncode}")
        print(f"{self.options.files} files, seed {self.options.seed}, "
              f"{time.monotonic() - start:.0f} s")
        for title, counter in (("outcomes", self.outcomes), ("ends of workers", self.deaths)):
            print(f"{title}:")
            for name, count in counter.most_common():
                print(f"  {count:7}  {name}")
        self.check_memory()

    def close(self):
        if self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wave", type=int, default=500)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--thumbq", default=SOURCE_DIR / "build" / "bin" / "thumbq")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="thumbq-soak-") as root:
        soak = Soak(options, Path(root))
        try:
            soak.run()
        except (AssertionError, subprocess.CalledProcessError) as failure:
            print(f"soak: {failure}\n{soak.log_path.read_text(errors='replace')[-4000:]}",
                  file=sys.stderr)
            return 1
        finally:
            soak.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
