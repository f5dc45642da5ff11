# SPDX-License-Identifier: Apache-2.0
"""Times queries of a store with many records: whole processes, warm cache."""

import shutil
import subprocess
from pathlib import Path

from .tools import Figures, seconds

QUESTIONS = {
    "stats": ["stats", "--json"],
    "list --since 1d --limit 20": ["list", "--since", "1d", "--limit", "20"],
}
FULL_SCAN = ["list", "--match", "*99999.jpg", "--json"]


def _fill(work, count, bucket):
    """Makes the store in memory if possible, since only reading is measured, and moves it."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2000 * count
    build = memory / f"thumbq-bench-{count}" if roomy else bucket / ".thumbq" / "store"
    shutil.rmtree(build, ignore_errors=True)
    work.part("fill", "--count", count, build)
    if roomy:
        subprocess.run(["cp", "--sparse=always", "-r", build, bucket / ".thumbq" / "store"],
                       check=True)
        shutil.rmtree(build)


def _ask(work, bucket, question):
    with open("/dev/null", "wb") as null:
        return seconds(lambda: subprocess.run([work.thumbq, *question, bucket], check=True,
                                              stdout=null))


def questions(work, sets, report):
    del sets
    sizes = work.times([1000000, 10000000], [100000, 1000000])
    times = {}
    for count in sizes:
        with work.bucket() as bucket:
            _fill(work, count, bucket)
            for name, question in QUESTIONS.items():
                _ask(work, bucket, question)
                times[name, count] = [1000 * _ask(work, bucket, question)
                                      for _ in range(work.times(51, 21))]
            if count == sizes[0]:
                scan = Figures(_ask(work, bucket, FULL_SCAN) for _ in range(work.times(9, 3)))
                report.add(f"a filter that needs a full scan, {count:,} records", scan, "s",
                           ("<=", 1), "list --match, whole process")
            shutil.rmtree(bucket)
    for (name, count), values in times.items():
        report.add(f"{name}, {count:,} records", Figures(values), "ms", ("<=", 10),
                   "whole process, with what starting it from Python takes")
