# SPDX-License-Identifier: Apache-2.0
"""One photograph as a file of each format that is read, for measurements of quality."""

import subprocess

from harness import SOURCE_DIR

PHOTOGRAPH = SOURCE_DIR / "sample-images" / "2025" / "summer" / "mountains.jpg"
SIZE = "1600x1068!"
# 256 pixels are 1.95 of an eighth of it: the smallest scale at which a JPEG decoder may work.
WIDE = "4000x2670!"

# {name: arguments of ImageMagick}
BY_CONVERT = {
    "baseline.jpg": ["-resize", SIZE, "-quality", "92", "-sampling-factor", "2x2"],
    "full-colour.jpg": ["-resize", SIZE, "-quality", "92", "-sampling-factor", "1x1"],
    "progressive.jpg": ["-resize", SIZE, "-quality", "92", "-interlace", "Plane"],
    "grey.jpg": ["-resize", SIZE, "-colorspace", "Gray", "-quality", "92"],
    "phone.jpg": ["-resize", WIDE, "-quality", "90", "-sampling-factor", "2x2"],
    "plain.png": ["-resize", SIZE],
    "interlaced.png": ["-resize", SIZE, "-interlace", "PNG"],
    "deep.png": ["-resize", SIZE, "-depth", "16", "-define", "png:color-type=2"],
    "plain.gif": ["-resize", SIZE, "+dither", "-colors", "256"],
    "plain.tif": ["-resize", SIZE, "-compress", "LZW"],
    "deep.tif": ["-resize", SIZE, "-depth", "16", "-compress", "None"],
}
# {name: (program, arguments in front of the PNG file, those behind it)}
BY_OTHERS = {
    "lossy.webp": (["cwebp", "-quiet", "-q", "90"], ["-o"]),
    "lossless.webp": (["cwebp", "-quiet", "-lossless", "-z", "1"], ["-o"]),
    "plain.heic": (["heif-enc", "-q", "80"], ["-o"]),
    "plain.avif": (["heif-enc", "-A", "-q", "80"], ["-o"]),
}


def make(folder):
    """Writes the files into a folder. Returns their paths."""
    paths = []
    for name, arguments in BY_CONVERT.items():
        paths.append(folder / name)
        subprocess.run(["convert", PHOTOGRAPH, "-strip", *arguments, paths[-1]], check=True)
    for name, (program, behind) in BY_OTHERS.items():
        paths.append(folder / name)
        subprocess.run([*program, folder / "plain.png", *behind, paths[-1]], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return paths
