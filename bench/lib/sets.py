# SPDX-License-Identifier: Apache-2.0
"""The pictures: the sample photographs, and those of two Debian packages if they are installed."""

import subprocess
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[2] / "sample-images"
MATE = Path("/usr/share/backgrounds/mate")
GNOME = Path("/usr/share/backgrounds/gnome")

SIX_MEGAPIXELS = (3000, 2000)


class Sets:
    """Lists of paths: photographs, png, webp; and `six`, a baseline JPEG of six megapixels."""

    def __init__(self, work):
        self.photographs = sorted(MATE.glob("nature/*.jpg"))
        self.png = sorted(MATE.glob("*/*.png"))
        self.webp = sorted(GNOME.glob("*.webp"))
        self.complete = bool(self.photographs and self.png and self.webp)
        if not self.complete:
            self.photographs = sorted(SAMPLES.glob("202*/*/*.jpg"))
            self.png = sorted(SAMPLES.glob("*/*/*.png"))
            self.webp = sorted(SAMPLES.glob("202*/*/*.webp"))
        self.six = work / "six-megapixels.jpg"
        source = MATE / "abstract/Elephants_5640x3172.jpg"
        if not source.exists():
            source = SAMPLES / "2025/summer/mountains.jpg"
        width, height = SIX_MEGAPIXELS
        subprocess.run(["vipsthumbnail", source, "--size", f"{width}x{height}", "--smartcrop",
                        "centre", "-o", f"{self.six}[Q=85]"], check=True)
