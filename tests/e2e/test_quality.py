# SPDX-License-Identifier: Apache-2.0
"""Thumbnails are as true to the picture as those of vips_thumbnail.

support/quality_meter.c makes the reference and measures; this test judges. The sample photographs
are always there. Debian's mate-backgrounds and gnome-backgrounds are used where they are
installed.
"""

import csv
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import harness
import quality_files

METER = os.environ["QUALITY_METER"]
HANDLER = Path(harness.THUMBQ).parent / "thumbq-thumbnail"
SIZE = 256
TYPES = ("png", "jpeg", "webp")  # as the meter makes them
QUALITY = 89  # of its encoders

# Written by quality-table: the same for each format, with sharp, which is not installed here.
TABLE = Path(__file__).with_name("quality.tsv")
TABLE_SSIM_SLACK = 0.002

PSNR_SLACK_DB = 0.5
SSIM_SLACK = 0.0005  # the noise of rounding: a thousandth of what an eye can tell
WEBP_SSIM_SLACK = 0.001  # its encoder makes such a difference between a picture and its mirror image

# Above this value the pictures are equal for an eye and for eight bits, and ratios of rounding
# errors mean nothing.
PSNR_EXACT_DB = 50
SSIM_EXACT = 0.9995

SAMPLES = harness.SOURCE_DIR / "sample-images"
BACKGROUNDS = Path("/usr/share/backgrounds")


def pictures():
    files = [*SAMPLES.glob("2*/*/*.jpg"), *SAMPLES.glob("2*/*/*.png"), *SAMPLES.glob("2*/*/*.webp"),
             *SAMPLES.glob("orientation/[368].jpg"), *SAMPLES.glob("stickers/*")]
    files += BACKGROUNDS.glob("mate/nature/*.jpg")
    files += BACKGROUNDS.glob("mate/*/*.png")
    files += sorted(BACKGROUNDS.glob("gnome/*.webp"))[::6]
    return sorted(files)


def measure(files):
    """Returns the meter's lines, [(file, type, our PSNR, SSIM, PSNR and SSIM of vips_thumbnail)]."""
    half = (len(files) + 1) // 2  # two processes: most of it is the reference
    running = [subprocess.Popen([METER, str(HANDLER), str(SIZE), *map(str, part)],
                                stdout=subprocess.PIPE, text=True)
               for part in (files[:half], files[half:])]
    lines = [line.split("\t") for process in running
             for line in process.communicate()[0].splitlines()]
    if [process.returncode for process in running] != [0, 0] or len(lines) != len(files) * len(TYPES):
        raise AssertionError("the meter has failed")
    return lines


class Formats(unittest.TestCase):
    """One photograph in each format, beside vips_thumbnail of this machine and sharp of the table."""

    def test_as_good_as_the_others(self):
        with open(TABLE, encoding="utf-8", newline="") as file:
            _head, *rows = csv.reader(file, delimiter="\t")
        table = {(name, kind): numbers for name, kind, *numbers in rows}
        with tempfile.TemporaryDirectory() as folder:
            lines = measure(quality_files.make(Path(folder)))
        self.assertEqual({(Path(line[0]).name, line[1]) for line in lines}, set(table))
        for path, kind, ours, our_ssim, theirs, their_ssim in lines:
            name = Path(path).name
            was, was_ssim, _vips, _vips_ssim, sharp, sharp_ssim = table[name, kind]
            others = {"vips_thumbnail": (theirs, their_ssim), "sharp": (sharp, sharp_ssim),
                      "thumbq of the table": (was, was_ssim)}
            for other, (psnr, ssim) in others.items():
                if psnr == "-":
                    continue  # sharp does not read the format
                with self.subTest(name, type=kind, other=other):
                    self.assertGreaterEqual(float(ours), min(float(psnr) - PSNR_SLACK_DB, PSNR_EXACT_DB))
                    self.assertGreaterEqual(float(our_ssim),
                                            min(float(ssim) - TABLE_SSIM_SLACK, SSIM_EXACT))


class Quality(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lines = measure(pictures())

    def test_psnr(self):
        for name, kind, ours, _, theirs, _ in self.lines:
            with self.subTest(name, type=kind):
                self.assertGreaterEqual(float(ours),
                                        min(float(theirs) - PSNR_SLACK_DB, PSNR_EXACT_DB))

    def test_ssim(self):
        for name, kind, _, ours, _, theirs in self.lines:
            with self.subTest(name, type=kind):
                slack = WEBP_SSIM_SLACK if kind == "webp" else SSIM_SLACK
                self.assertGreaterEqual(float(ours), min(float(theirs) - slack, SSIM_EXACT))


if __name__ == "__main__":
    unittest.main()
