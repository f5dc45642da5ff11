# SPDX-License-Identifier: Apache-2.0
"""Makes photographs like those of phones and cameras: their sizes, codings, and bytes per pixel.

The pictures of a Debian package are enlarged, and get the fine noise that a sensor leaves, so that
a file is as large as one of a camera. Nothing of it is kept in the source tree.
"""

from pathlib import Path

from .sets import MATE, SAMPLES

# Width and height; the first is that of most phones.
SIZES = {"12mp": (4032, 3024), "24mp": (5712, 4284), "48mp": (8064, 6048)}

# Name, quality, sampling as Pillow counts it (4:4:4, 4:2:2, 4:2:0), progressive, size. Baseline
# files of phones have the standard Huffman tables; an editor optimizes them.
PHOTOS = (
    ("12mp-420-q92", 92, 2, False, False, "12mp"),
    ("12mp-420-q85", 85, 2, False, False, "12mp"),
    ("12mp-422-q95", 95, 1, False, False, "12mp"),
    ("12mp-444-q90-optimized", 90, 0, False, True, "12mp"),
    ("12mp-420-q85-progressive", 85, 2, True, True, "12mp"),
    ("24mp-422-q90", 90, 1, False, False, "24mp"),
    ("24mp-420-q80-progressive", 80, 2, True, True, "24mp"),
    ("48mp-420-q90", 90, 2, False, False, "48mp"),
    ("48mp-420-q88-progressive", 88, 2, True, True, "48mp"),
)

# The photographs of a quick run.
QUICK = ("12mp-420-q92", "12mp-420-q85-progressive")

# Standard deviation of the noise, of 255.
NOISE = 3.5


def _sources():
    found = sorted(MATE.glob("nature/*.jpg"))
    return found or sorted(SAMPLES.glob("202*/*/*.jpg"))


def _enlarged(path, size):
    from PIL import Image, ImageChops, ImageOps
    with Image.open(path) as source:
        picture = ImageOps.fit(source.convert("RGB"), size, Image.Resampling.BICUBIC)
    noise = Image.effect_noise(size, NOISE)
    return ImageChops.add(picture, Image.merge("RGB", [noise] * 3), 1, -128)


def make(folder, names=None):
    """Makes those photographs that are not in `folder`. Returns their paths, by name. Needs Pillow."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    sources, made = _sources(), {}
    for i, (name, quality, sampling, progressive, optimized, size) in enumerate(PHOTOS):
        if names is not None and name not in names:
            continue
        path = made[name] = folder / f"{name}.jpg"
        if path.exists():
            continue
        picture = _enlarged(sources[i % len(sources)], SIZES[size])
        partial = path.with_suffix(".partial")
        picture.save(partial, "JPEG", quality=quality, subsampling=sampling,
                     progressive=progressive, optimize=optimized)
        partial.rename(path)
    return made
