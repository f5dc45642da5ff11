# SPDX-License-Identifier: Apache-2.0
"""Measures the whole pipeline, from files in the bucket to thumbnails and committed records."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from .tools import CORES, ONE_SIZE, PEERS, Figures, Missing, memory_kb, ratios, seconds


def _stage(files, copies, folder):
    """Copies the files to the bucket's disk, so that a rename can put them into the bucket."""
    for copy in range(copies):
        for file in files:
            shutil.copyfile(file, folder / f"{copy:03d}-{Path(file).name}")
    os.sync()
    return sorted(folder.iterdir())


def _drop(staged, folder):
    for file in staged:
        file.rename(folder / file.name)


def _warm_up(files, stage, folder):
    """Handles one picture first, so that parts that start on demand are running."""
    shutil.copyfile(files[-1], stage / "warm.jpg")
    (stage / "warm.jpg").rename(folder / "warm.jpg")


def _run_ours(work, files, copies):
    with work.bucket() as bucket, work.empty_folder("stage") as stage:
        inbox = bucket / "in"
        inbox.mkdir()
        staged = _stage(files, copies, stage)
        with work.daemon(bucket):
            _warm_up(files, stage, inbox)
            work.run("sync", bucket)
            start = time.perf_counter()
            _drop(staged, inbox)
            work.run("sync", bucket)
            took = time.perf_counter() - start
        if work.count_done(bucket) != len(staged) + 1:
            raise RuntimeError("thumbq lost a file")
        return took


def _await_lines(process, n):
    for _ in range(n):
        if not process.stdout.readline():
            raise RuntimeError("the peer ended early")


def _run_peer(work, command, files, copies):
    """A peer prints "ready" and then a line for each finished file."""
    with work.empty_folder("in") as inbox, work.empty_folder("out") as out, work.empty_folder(
            "stage") as stage:
        staged = _stage(files, copies, stage)
        process = subprocess.Popen([*command, inbox, out], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, start_new_session=True,
                                   env=work.environment())
        try:
            while process.stdout.readline().strip() != "ready":
                if process.poll() is not None:
                    raise Missing(f"{Path(command[0]).name} does not start")
            _warm_up(files, stage, inbox)
            _await_lines(process, 1)
            start = time.perf_counter()
            _drop(staged, inbox)
            _await_lines(process, len(staged))
            return time.perf_counter() - start
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            process.wait()


def against_peers(work, sets, report):
    files, copies = [sets.six, *sets.photographs], work.times(10, 3)
    vips = str(PEERS / "vips-watch")
    peers = {
        "inotifywait + vipsthumbnail": ([vips, "1", "256"], "inotifywait", (">=", 4)),
        f"the same, xargs -P {CORES}": ([vips, str(CORES), "256"], "inotifywait", None),
    }
    try:
        for concurrency in (1, CORES):
            peers[f"sharp + chokidar, concurrency {concurrency}"] = (work.node(
                "sharp-watch.mjs", 2 * CORES, concurrency, 256), "node", (">=", 1.3))
    except Missing:
        report.skip("whole pipeline over sharp + chokidar", "not there: bench/install-peers")
    peers = {name: peer for name, peer in peers.items() if shutil.which(peer[1])}
    ours, theirs = [], {name: [] for name in peers}
    for _ in range(work.times(5, 2)):
        ours.append(_run_ours(work, files, copies))
        for name, (command, _, _) in peers.items():
            theirs[name].append(_run_peer(work, command, files, copies))
    n = len(files) * copies
    for name, times in theirs.items():
        report.add(f"whole pipeline, over {name}", ratios(times, ours), "x", peers[name][2],
                   f"{n / Figures(ours).median:.0f} against {n / Figures(times).median:.0f} "
                   "files/s; ours durable, with records")


NO_IMAGE = 2  # bytes of a source that the null handler treats as no image


def _drop_rate(work, count, size):
    with work.bucket() as bucket:
        with work.daemon(bucket, null=True):
            start = time.perf_counter()
            work.part("files", "--count", count, "--bytes", size, bucket)
            work.run("sync", bucket)
            return count / (time.perf_counter() - start)


def _scan_rate(work, count, size):
    with work.bucket() as bucket:
        work.part("files", "--count", count, "--bytes", size, bucket)
        os.sync()
        return count / seconds(lambda: work.run("run", "--once", "--quiet", bucket, null=True))


def null_rate(work, sets, report):
    """Measures everything except the pictures: incoming events, and a store with many of them."""
    del sets
    count = work.times(100000, 20000)
    rates = [[rate(work, count, size) for rate, size in (
        (_drop_rate, 64), (_scan_rate, 64), (_drop_rate, NO_IMAGE), (_scan_rate, NO_IMAGE))]
             for _ in range(work.times(3, 2))]
    dropped, scanned, dropped_skipped, scanned_skipped = map(Figures, zip(*rates))
    report.add("null handler, files dropped", dropped, "/s", (">=", 20000),
               f"{count:,} files, a thumbnail each; the time to write them is in it", 0)
    report.add("null handler, files found by a scan", scanned, "/s", (">=", 20000),
               f"{count:,} files, a thumbnail each; start and end of the daemon in it", 0)
    report.add("the same without thumbnails: no images, dropped", dropped_skipped, "/s", None,
               "a durable record `skipped` each", 0)
    report.add("the same, found by a scan", scanned_skipped, "/s", None, "", 0)


def latency(work, sets, report):
    config = ONE_SIZE
    count = work.times(300, 60)
    with work.bucket(config) as bucket:
        with work.daemon(bucket):
            warm = bucket / "in" / "warm.jpg"
            warm.parent.mkdir()
            shutil.copyfile(sets.photographs[0], warm)
            work.run("sync", bucket)
            seen = work.part("latency", "--count", count, "--copy", sets.photographs[0],
                             "--seen-in", bucket / "thumbnails/small/in", bucket / "in")
            work.run("sync", bucket)
        lines = work.run("list", "--json", bucket).splitlines()
    own = {Path(one["name"]).name: one["duration_ms"] for one in map(json.loads, lines)}
    over = Figures(one["ms"] - own[one["name"]] for one in seen)
    report.add("upload closed -> thumbnail visible, over the handler's time, p50", over, "ms",
               ("<=", 2), "one upload at a time; the worker is there already")
    report.add("the same, p99", Figures([over.quantile(0.99)]), "ms", ("<=", 10),
               f"of {count} uploads")
    report.details["latency_over_handler_ms"] = over.values


def backlog(work, sets, report):
    """Uploads faster than the handlers work: no file is lost, memory is bounded."""
    del sets
    count = work.times(100000, 10000)
    peak = []
    with work.bucket() as bucket:
        small = bucket.parent / "small.jpg"
        subprocess.run(["vips", "black", f"{small}[Q=80]", "64", "48", "--bands", "3"], check=True)
        with work.daemon(bucket) as process:
            wrote = work.part("files", "--count", count, "--copy", small, bucket)[0]["seconds"]
            stop = threading.Event()

            def watch():
                while not stop.wait(0.2):
                    peak.append(memory_kb(process.pid, "VmRSS") / 1024)

            watcher = threading.Thread(target=watch)
            watcher.start()
            took = seconds(lambda: work.run("sync", bucket))
            stop.set()
            watcher.join()
            high = memory_kb(process.pid, "VmHWM") / 1024
            file_pages = memory_kb(process.pid, "RssFile") / 1024
            private = memory_kb(process.pid, "RssAnon") / 1024
        lost = count - work.count_done(bucket)
    report.add("100,000 files dropped at once: lost" if not work.quick else
               f"{count:,} files dropped at once: lost", Figures([lost]), "files", ("<=", 0),
               f"written in {wrote:.1f} s, done {took:.0f} s later", 0)
    report.add("the same, the most memory the daemon ever had (VmHWM)", Figures([high]), "MB",
               ("<=", 32), f"at the end {private:.1f} MB of its own (anonymous), {file_pages:.1f} "
               "MB of files: programs and the store's map", 1)
    report.details["backlog_rss_mb"] = peak


def rescan(work, sets, report):
    del sets
    count = work.times(1000000, 50000)
    with work.bucket() as bucket:
        work.part("files", "--count", count, "--bytes", 1, bucket)
        first = seconds(lambda: work.run("run", "--once", "--quiet", bucket, null=True))
        times = [seconds(lambda: work.run("run", "--once", "--quiet", bucket, null=True))
                 for _ in range(work.times(5, 3))]
    report.add(f"rescan of {count:,} unchanged files", Figures(times), "s", ("<=", 5),
               f"`run --once`, whole process; the first run took {first:.0f} s")
    report.details["first_scan_per_s"] = count / first


def flat(work, sets, report):
    """The cost of an image does not grow with the bucket; that of a scan (`sync`) does."""
    photograph = min(sets.photographs, key=lambda file: file.stat().st_size)
    batch = work.times(200, 60)
    costs = {}
    with work.bucket() as bucket:
        have = 0
        for objects in (100, 1000, 10000, 100000)[:work.times(4, 3)]:
            work.part("files", "--first", have, "--count", objects - have, bucket)
            work.run("run", "--once", "--quiet", bucket, null=True)
            have = objects
            inbox = bucket / f"in-{objects}"
            with work.empty_folder("stage") as stage:
                staged = _stage([photograph], batch, stage)
                inbox.mkdir()
                with work.daemon(bucket):
                    start = time.perf_counter()
                    _drop(staged, inbox)
                    work.run("sync", bucket)
                    took = time.perf_counter() - start
                    took -= seconds(lambda: work.run("sync", bucket))  # sync scans the bucket
                    costs[objects] = 1000 * took / batch
    first, last = costs[100], list(costs.values())[-1]
    report.add(f"cost of an image, {list(costs)[-1]:,} objects over 100", Figures([last / first]),
               "x", ("<=", 1.15), ", ".join(f"{n:,}: {ms:.2f} ms" for n, ms in costs.items()))
