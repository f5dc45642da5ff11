# SPDX-License-Identifier: Apache-2.0
"""Compares the handler alone with the floor, with sharp, and with a process per picture."""

import json
import shutil
import subprocess

from . import machine
from .tools import CORES, Figures, Missing, ratios, seconds


def floor(work, sets, report):
    """Six megapixels to 256 px, compared with TurboJPEG and with a process per picture."""
    measured = work.part("handler", "--program", work.handler, "--times", work.times(61, 11),
                         sets.six)[0]
    report.add("handler / floor, 6 MP JPEG -> 256 px",
               ratios(measured["handler_ms"], measured["floor_ms"]), "x", ("<=", 1.25),
               f"floor {Figures(measured['floor_ms']).median:.1f} ms at 1/{measured['scale']}", 3)
    report.add("a process per image, over reuse",
               Figures(a - b for a, b in zip(measured["fresh_ms"], measured["handler_ms"])), "ms",
               ("<=", 6), "fork, sandbox, image, exit")
    others = work.part("handler", "--program", work.handler, "--times", work.times(21, 5),
                       *sets.photographs)
    per_file = [ratios(one["handler_ms"], one["floor_ms"]).median for one in others]
    report.details["floor"] = {one["file"]: ratio for one, ratio in zip(others, per_file)}
    report.add("handler / floor, each photograph", Figures(per_file), "x", None,
               "smaller pictures, so that the fixed part weighs more", 3)


def _sharp(work, files, sizes, rounds, concurrency, folder):
    command = work.node("sharp-batch.mjs", 2 * CORES, concurrency, sizes, rounds, folder, *files)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                            env=work.environment()).stdout
    return json.loads(output)


def _best_concurrency(work, files, sizes, folder):
    """Finds the fastest setting of sharp: its number of threads per picture."""
    return min((1, CORES), key=lambda n: _sharp(work, files, sizes, 1, n, folder)["seconds"])


def throughput(work, sets, report):
    cases = [
        ("JPEG -> 256 px, images/s over sharp's", [sets.six, *sets.photographs], "256", 1.3, 4),
        ("JPEG -> 160, 640, 1600 px, over sharp's", [sets.six, *sets.photographs], "160,640,1600",
         2.5, 2),
        ("PNG -> 256 px, over sharp's", sets.png, "256", 1.0, 2),
        ("WebP -> 256 px, over sharp's", sets.webp, "256", 1.0, 1),
    ]
    for name, files, sizes, goal, rounds in cases:
        with work.empty_folder("throughput") as folder:
            try:
                concurrency = _best_concurrency(work, files, sizes, folder)
            except Missing:
                report.skip(name, "sharp is not there: bench/install-peers")
                continue
            ours, theirs = [], []
            for _ in range(work.times(7, 3)):
                ours += work.part("throughput", "--program", work.handler, "--jobs", CORES,
                                  "--sizes", sizes, "--times", rounds, "--folder", folder, *files)
                theirs.append(_sharp(work, files, sizes, rounds, concurrency, folder))
        n = len(files) * rounds
        wall = [[one["seconds"] for one in side] for side in (theirs, ours)]
        cpu = [Figures(1000 * one["cpu_seconds"] / n for one in side) for side in (ours, theirs)]
        report.add(name, ratios(*wall), "x", (">=", goal),
                   f"{n / Figures(wall[1]).median:.1f} against {n / Figures(wall[0]).median:.1f} "
                   f"images/s; {cpu[0].median:.1f} against {cpu[1].median:.1f} ms of CPU each; "
                   f"sharp with concurrency {concurrency}")


def _programs(folder):
    """Returns the command line of each program for one 256 px JPEG thumbnail at its best speed."""
    out = str(folder / "out.jpg")
    return {
        "vipsthumbnail": ("vipsthumbnail", lambda file: [
            "vipsthumbnail", file, "--size", "256", "-o", f"{out}[Q=80]"]),
        "GraphicsMagick": ("gm", lambda file: [
            "gm", "convert", "-size", "512x512", file, "-resize", "256x256", "-quality", "80",
            out]),
        "ImageMagick": (machine.imagemagick() or "convert", lambda file: [
            machine.imagemagick(), "-define", "jpeg:size=512x512", file, "-resize", "256x256",
            "-quality", "80", out]),
        "ffmpegthumbnailer": ("ffmpegthumbnailer", lambda file: [
            "ffmpegthumbnailer", "-i", file, "-s", "256", "-q", "8", "-o", out]),
    }


def programs(work, sets, report):
    """Times one picture after another, with a process for each; vipsthumbnail also in batches."""
    files = [str(file) for file in [sets.six, *sets.photographs]]
    with work.empty_folder("programs") as folder:
        found = {name: command for name, (program, command) in _programs(folder).items()
                 if shutil.which(program)}
        batch = ["vipsthumbnail", *files, "--size", "256", "-o", f"{folder}/%s.jpg[Q=80]"]
        ours, theirs = [], {name: [] for name in (*found, "vipsthumbnail, all in one process")}
        for _ in range(work.times(5, 2)):
            ours.append(work.part("throughput", "--program", work.handler, "--jobs", 1, "--times",
                                  1, *files)[0]["seconds"])
            for name, command in found.items():
                theirs[name].append(seconds(lambda: [
                    subprocess.run(command(file), check=True, stderr=subprocess.DEVNULL)
                    for file in files]))
            if "vipsthumbnail" in found:
                theirs["vipsthumbnail, all in one process"].append(
                    seconds(lambda: subprocess.run(batch, check=True)))
        for name, times in theirs.items():
            if times:
                report.add(f"JPEG -> 256 px, one worker, over {name}", ratios(times, ours), "x",
                           None, f"{1000 * Figures(ours).median / len(files):.1f} against "
                           f"{1000 * Figures(times).median / len(files):.1f} ms a picture")
