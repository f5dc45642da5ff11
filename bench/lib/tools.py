# SPDX-License-Identifier: Apache-2.0
"""Programs, buckets and figures that every measurement uses."""

import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PEERS = SOURCE / "bench" / "peers"
CORES = os.cpu_count()
ONE_SIZE = "[rendition small]\nsize = 256x256\nfit = inside\nformat = jpeg\nquality = 80\n"


class Missing(Exception):
    """A peer or a set of pictures is missing on this machine."""


class Figures:
    """Repeated measurements of one thing."""

    def __init__(self, values):
        self.values = list(values)
        ordered = sorted(self.values)
        self.n = len(ordered)
        self.median = statistics.median(ordered)
        self.low = ordered[round((self.n - 1) * 0.25)]
        self.high = ordered[round((self.n - 1) * 0.75)]

    def quantile(self, share):
        ordered = sorted(self.values)
        return ordered[min(self.n - 1, int(share * self.n))]

    def as_json(self):
        return {"n": self.n, "median": self.median, "p25": self.low, "p75": self.high,
                "min": min(self.values), "max": max(self.values)}


def ratios(over, under):
    """Returns the ratio of measurements that were taken in turn, pair by pair."""
    return Figures(a / b for a, b in zip(over, under))


class Work:
    """Paths: the programs of thumbq, a work folder, the peers."""

    def __init__(self, build, folder, quick, photographs=None):
        self.bin = Path(build).resolve() / "bin"
        self.thumbq = self.bin / "thumbq"
        self.bench = self.bin / "thumbq-bench"
        self.handler = self.bin / "thumbq-thumbnail"
        self.null_handler = self.bin / "thumbq-bench-null"
        self.folder = Path(folder)
        self.quick = quick
        self.photographs = photographs
        self.peers = Path(os.environ.get("THUMBQ_BENCH_PEERS") or Path(
            os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "thumbq-bench")

    def times(self, full, quick):
        return quick if self.quick else full

    def part(self, name, *arguments):
        """Runs a part of thumbq-bench and returns its output, line by line."""
        output = subprocess.run([self.bench, name, *map(str, arguments)], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        return [json.loads(line) for line in output.splitlines()]

    def run(self, *arguments, check=True, null=False):
        """Runs a command of thumbq and returns its standard output."""
        return subprocess.run([self.thumbq, *map(str, arguments)], check=check, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env=self.environment(null)).stdout

    def environment(self, null=False):
        environment = dict(os.environ, THUMBQ_BENCH_PEERS=str(self.peers))
        environment["THUMBQ_HANDLER"] = str(self.null_handler if null else self.handler)
        return environment

    def node(self, script, *arguments):
        if not shutil.which("node") or not (self.peers / "node_modules" / "sharp").exists():
            raise Missing("sharp")
        return ["node", str(PEERS / script), *map(str, arguments)]

    def sharp_version(self):
        try:
            return json.loads((self.peers / "node_modules/sharp/package.json").read_text())[
                "version"]
        except OSError:
            return None

    @contextlib.contextmanager
    def empty_folder(self, name):
        """Makes a folder that is deleted only at the end, with the whole work folder: for minutes
        after a deletion ext4 checks each deleted inode before it makes a new one, which would
        cost more than the measured work."""
        yield Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    @contextlib.contextmanager
    def bucket(self, config=ONE_SIZE):
        with self.empty_folder("bucket") as folder:
            (folder / ".thumbq").mkdir()
            (folder / ".thumbq" / "thumbq.conf").write_text(config)
            yield folder

    @contextlib.contextmanager
    def daemon(self, bucket, *arguments, null=False):
        """Starts `thumbq run` in the bucket, waits until it is idle, and returns the process."""
        log = open(self.folder / "daemon.log", "wb")
        process = subprocess.Popen([self.thumbq, "run", "--quiet", *arguments, bucket], stderr=log,
                                   env=self.environment(null))
        try:
            while self.try_sync(bucket) != 0:
                if process.poll() is not None:
                    raise RuntimeError(f"the daemon ended: see {log.name}")
                time.sleep(0.02)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            log.close()

    def try_sync(self, bucket):
        if not (bucket / ".thumbq" / "store").exists():
            return 1
        return subprocess.run([self.thumbq, "sync", bucket], stderr=subprocess.DEVNULL).returncode

    def count_done(self, bucket):
        return json.loads(self.run("stats", "--json", bucket))["objects"]["done"]


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def memory_kb(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise KeyError(field)
