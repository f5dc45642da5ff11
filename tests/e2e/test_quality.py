# SPDX-License-Identifier: Apache-2.0
"""Thumbnails are as true to the picture as those of vips_thumbnail.

support/quality_meter.c makes the reference and measures; here it is judged. The sample photographs
are always there; Debian's mate-backgrounds and gnome-backgrounds are taken where they are installed.
"""

import os
import subprocess
import unittest
from pathlib import Path

import harness

METER = os.environ["QUALITY_METER"]
HANDLER = Path(harness.THUMBQ).parent / "thumbq-thumbnail"
SIZE = 256
TYPES = ("png", "jpeg", "webp")  # as the meter makes them

PSNR_SLACK_DB = 0.5
SSIM_SLACK = 0.0005  # the noise of rounding: a thousandth of what an eye can tell
WEBP_SSIM_SLACK = 0.001  # its encoder makes such a difference between a picture and its mirror image

# Beyond this no eye and no eight bits can tell them apart, and ratios of rounding errors mean
# nothing.
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


class Quality(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        files = pictures()
        half = (len(files) + 1) // 2  # two processes: most of it is the reference
        running = [subprocess.Popen([METER, str(HANDLER), str(SIZE), *map(str, part)],
                                    stdout=subprocess.PIPE, text=True)
                   for part in (files[:half], files[half:])]
        cls.lines = [line.split("\t") for process in running
                     for line in process.communicate()[0].splitlines()]
        cls.statuses = [process.returncode for process in running]
        cls.expected = len(files)

    def test_all_measured(self):
        self.assertEqual(self.statuses, [0, 0])
        self.assertEqual(len(self.lines), self.expected * len(TYPES))

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
