# SPDX-License-Identifier: Apache-2.0
"""Compares the handler with other programs on photographs as people have them (photos.py)."""

import json
import math
import resource
import shutil
import subprocess
import sys
import time

from . import machine, photos
from .tools import CORES, Figures, Missing

SIDE = 256
THREE_SIZES = "160,640,1600"
ROUNDS = 4  # pictures for each lane of a measurement

# CPU time over sharp's that is wanted, by the beginning of a photograph's name.
GOALS = (("12mp", "progressive", 5), ("12mp", "", 1.65), ("48mp", "", 1.65), ("", "", 1))
THREE_SIZES_GOAL = 2.5

PILLOW = """
import sys
from PIL import Image, ImageOps
with Image.open(sys.argv[1]) as picture:
    picture.draft("RGB", (2 * 256, 2 * 256))
    picture = ImageOps.exif_transpose(picture)
    picture.thumbnail((256, 256), Image.Resampling.LANCZOS)
    picture.save(sys.argv[2], quality=80)
"""


def _goal(name):
    return next(goal for begin, part, goal in GOALS if name.startswith(begin) and part in name)


class Cost:
    """CPU and wall time of a picture, milliseconds: the least of several measurements."""

    def __init__(self):
        self.cpu, self.wall = [], []

    def add(self, cpu, wall):
        self.cpu.append(1000 * cpu)
        self.wall.append(1000 * wall)


def _programs():
    """Returns, by name, the command line for one file and its thumbnail of 256 px."""
    pillow = next((python for python in ("/usr/bin/python3", sys.executable) if subprocess.run(
        [python, "-c", "import PIL"], stderr=subprocess.DEVNULL).returncode == 0), None)
    rows = {
        "vipsthumbnail": ("vipsthumbnail", lambda file, out: [
            "vipsthumbnail", file, "--size", "256", "-o", f"{out}[Q=80]"]),
        "GraphicsMagick": ("gm", lambda file, out: [
            "gm", "convert", "-size", "512x512", file, "-resize", "256x256", "-quality", "80",
            out]),
        "ImageMagick": (machine.imagemagick() or "convert", lambda file, out: [
            machine.imagemagick(), "-define", "jpeg:size=512x512", file, "-resize", "256x256",
            "-quality", "80", out]),
        "ffmpeg": ("ffmpeg", lambda file, out: [
            "ffmpeg", "-v", "error", "-y", "-i", file, "-vf",
            "scale=256:256:force_original_aspect_ratio=decrease:flags=lanczos", "-frames:v", "1",
            "-q:v", "4", out]),
        "Pillow": (pillow or "no Pillow", lambda file, out: [pillow, "-c", PILLOW, file, out]),
    }
    return {name: make for name, (program, make) in rows.items() if shutil.which(program)}


def _run_processes(make, file, folder):
    """Runs a program once on each core, at the same time. Returns CPU and wall time of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    running = [subprocess.Popen(make(str(file), str(folder / f"peer-{i}.jpg")),
                                stderr=subprocess.DEVNULL) for i in range(CORES)]
    failed = [process.wait() for process in running if process.wait() != 0]
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if failed:
        raise RuntimeError(f"a program ended with status {failed[0]}: {make('FILE', 'OUT')}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu / CORES, wall / CORES


def _measure_program(cost, make, file, tiny, folder):
    cpu, wall = _run_processes(make, file, folder)
    tiny_cpu, tiny_wall = _run_processes(make, tiny, folder)
    cost.add(max(cpu - tiny_cpu, 0), max(wall - tiny_wall, 0))


def _measure_ours(cost, work, file, sizes, folder):
    few, many = (work.part("throughput", "--program", work.handler, "--jobs", CORES, "--sizes",
                           sizes, "--times", n, "--folder", folder, file)[0]
                 for n in (CORES, CORES * (1 + ROUNDS)))
    n = many["images"] - few["images"]
    cost.add((many["cpu_seconds"] - few["cpu_seconds"]) / n, many["seconds"] / many["images"])


def _measure_sharp(cost, work, file, sizes, folder):
    output = subprocess.run(
        work.node("sharp-batch.mjs", 2 * CORES, 1, sizes, CORES * ROUNDS, folder, file), check=True,
        stdout=subprocess.PIPE, text=True, env=work.environment()).stdout
    measured = json.loads(output)
    cost.add(measured["cpu_seconds"] / measured["images"], measured["seconds"] / measured["images"])


def _psnr(reference, path):
    """Returns the likeness of the luma, in dB."""
    from PIL import Image, ImageChops, ImageStat
    with Image.open(path) as made:
        luma = made.convert("L")
        if luma.size != reference.size:
            return math.nan
        error = ImageStat.Stat(ImageChops.difference(luma, reference)).rms[0]
    return 20 * math.log10(255 / error) if error else math.inf


def _reference(file):
    """Returns the luma of a thumbnail made of all pixels."""
    from PIL import Image
    with Image.open(file) as picture:
        side = max(picture.size)
        size = tuple(round(SIDE * length / side) for length in picture.size)
        return picture.convert("L").resize(size, Image.Resampling.LANCZOS)


def _qualities(work, files, programs):
    """Makes thumbnails by each program. Returns the likeness of each file, by file and program."""
    found = {}
    with work.bucket() as bucket:
        for file in files:
            shutil.copy(file, bucket)
        with work.daemon(bucket):
            pass
        with work.empty_folder("quality") as folder:
            for file in files:
                reference, out = _reference(file), folder / "quality.jpg"
                row = found[file] = {"thumbq": _psnr(
                    reference, bucket / "thumbnails" / "small" / f"{file.name}.jpg")}
                for name, make in programs.items():
                    subprocess.run(make(str(file), str(out)), check=True, stderr=subprocess.DEVNULL)
                    row[name] = _psnr(reference, out)
    return found


def _make_tiny(folder):
    """Makes a file that leaves a program's start as its only cost."""
    from PIL import Image
    path = folder / "tiny.jpg"
    Image.new("RGB", (16, 16)).save(path)
    return path


def _remark(costs, quality):
    """Describes the least CPU and wall time of each program, and the quality."""
    ours = costs["thumbq"]
    parts = [f"thumbq {min(ours.cpu):.1f} ms of CPU, {min(ours.wall):.1f} ms wall, "
             f"{quality['thumbq']:.1f} dB"]
    for name, cost in costs.items():
        if name == "thumbq":
            continue
        likeness = f", {quality[name]:.1f} dB" if name in quality else ""
        parts.append(f"{name} {min(cost.cpu) / min(ours.cpu):.2f} x CPU, "
                     f"{min(cost.wall) / min(ours.wall):.2f} x wall{likeness}")
    return "; ".join(parts)


def _compare_one(work, name, file, programs, quality, folder, report):
    costs = {"thumbq": Cost(), "sharp": Cost(), **{program: Cost() for program in programs}}
    tiny = _make_tiny(folder)
    for _ in range(work.times(5, 2)):
        _measure_ours(costs["thumbq"], work, file, str(SIDE), folder)
        _measure_sharp(costs["sharp"], work, file, str(SIDE), folder)
        for program, make in programs.items():
            _measure_program(costs[program], make, file, tiny, folder)
    ratio = min(costs["sharp"].cpu) / min(costs["thumbq"].cpu)
    report.add(f"photo {name} -> {SIDE} px, CPU of sharp over thumbq's", Figures([ratio]), "x",
               (">=", _goal(name)), _remark(costs, quality))


def _compare_three(work, name, file, folder, report):
    ours, theirs = Cost(), Cost()
    for _ in range(work.times(5, 2)):
        _measure_ours(ours, work, file, THREE_SIZES, folder)
        _measure_sharp(theirs, work, file, THREE_SIZES, folder)
    report.add(f"photo {name} -> {THREE_SIZES} px, CPU of sharp over thumbq's",
               Figures([min(theirs.cpu) / min(ours.cpu)]), "x", (">=", THREE_SIZES_GOAL),
               f"{min(ours.cpu):.1f} against {min(theirs.cpu):.1f} ms of CPU")


def _compare_isolation(work, name, file, folder, report):
    """Takes the start of the pool off: two runs, of which one has more pictures."""
    def run(times):
        rows = work.part("isolation", "--program", work.handler, "--times", times, "--folder",
                         folder, file)
        return {row["isolation"]: row["cpu_ms"] * times for row in rows if "isolation" in row}
    few, many, least = 2, 2 + 2 * ROUNDS, {}
    for _ in range(work.times(5, 2)):
        first, second = run(few), run(many)
        for mode in ("none", "owner", "file"):
            cost = (second[mode] - first[mode]) / (many - few)
            least[mode] = min(cost, least.get(mode, math.inf))
    for mode in ("owner", "file"):
        report.add(f"photo {name} -> {SIDE} px, CPU with isolation = {mode}, over none",
                   Figures([least[mode] / least["none"]]), "x", None,
                   f"{least[mode]:.1f} against {least['none']:.1f} ms")


def compare(work, _sets, report):
    """Times all photographs to 256 px, with the least of several measurements on each side."""
    label = "photographs"
    try:
        work.node("sharp-batch.mjs")
        with work.empty_folder("photos") as folder:
            made = photos.make(work.photographs or folder / "set",
                               photos.QUICK if work.quick else None)
            programs = _programs()
            qualities = _qualities(work, list(made.values()), programs)
            for name, file in made.items():
                _compare_one(work, name, file, programs, qualities[file], folder, report)
            for name in photos.QUICK:
                _compare_isolation(work, name, made[name], folder, report)
            _compare_three(work, photos.QUICK[0], made[photos.QUICK[0]], folder, report)
    except Missing:
        report.skip(label, "sharp is not there: bench/install-peers")
    except ImportError:
        report.skip(label, "Pillow is not there for this Python: python3-pil")
