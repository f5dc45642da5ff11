# SPDX-License-Identifier: Apache-2.0
"""Pictures as plain samples, and the arithmetic by which tests judge them, in Python's own numbers.
A Raster is the picture that a person should see: 8-bit sRGB, three bands, or four with alpha.
ImageMagick scales, which shares no code with the implementation under test."""

import functools
import math
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Raster:
    width: int
    height: int
    bands: int
    data: bytes

    def pixels(self):
        """Returns the pixels, [(r, g, b[, a])]."""
        return list(zip(*(self.data[band::self.bands] for band in range(self.bands))))

    def map(self, function, bands):
        """A raster of function(pixel), which returns `bands` numbers 0..255."""
        changed = {pixel: bytes(function(pixel)) for pixel in set(self.pixels())}
        return Raster(self.width, self.height, bands,
                      b"".join(changed[pixel] for pixel in self.pixels()))

    def crop(self, left, top, width, height):
        stride = self.width * self.bands
        return Raster(width, height, self.bands, b"".join(
            self.data[y * stride + left * self.bands:y * stride + (left + width) * self.bands]
            for y in range(top, top + height)))

    def oriented(self, place, swapped):
        """A raster whose pixel (x, y) is the pixel `place(x, y)` of this one."""
        width, height = (self.height, self.width) if swapped else (self.width, self.height)
        pixels, out = self.pixels(), bytearray()
        for y in range(height):
            for x in range(width):
                at_x, at_y = place(x, y)
                out += bytes(pixels[at_y * self.width + at_x])
        return Raster(width, height, self.bands, bytes(out))


def stored(upright, orientation):
    """Returns the picture `upright` as a camera stores it with this EXIF orientation. Source: Exif
    2.32, tag 274, which defines the side of the picture on which the stored row 0 and column 0
    lie."""
    right, bottom = upright.width - 1, upright.height - 1
    return upright.oriented(*{
        1: (lambda x, y: (x, y), False),
        2: (lambda x, y: (right - x, y), False),
        3: (lambda x, y: (right - x, bottom - y), False),
        4: (lambda x, y: (x, bottom - y), False),
        5: (lambda x, y: (y, x), True),
        6: (lambda x, y: (right - y, x), True),
        7: (lambda x, y: (right - y, bottom - x), True),
        8: (lambda x, y: (y, bottom - x), True),
    }[orientation])


def _mix(a, b, share):
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b))


@functools.cache
def scene(width=150, height=100, alpha=False):
    """A picture that no turn or mirroring maps onto itself: a wash of colours, a soft disc in the
    upper left, and a dark bar at the lower right. With alpha it is opaque in the middle and clear
    at the rim."""
    out = bytearray()
    for y in range(height):
        for x in range(width):
            u, v = x / max(width - 1, 1), y / max(height - 1, 1)
            pixel = (round(40 + 190 * u), round(60 + 160 * v), round(128 + 90 * math.sin(5 * u + 3 * v)))
            disc = math.hypot((u - 0.27) * 1.5, v - 0.3)
            pixel = _mix(pixel, (250, 244, 226), max(0, min(1, (0.2 - disc) * 12)))
            bar = min(u - 0.6, 0.92 - u, v - 0.7, 0.82 - v)
            pixel = _mix(pixel, (28, 30, 60), max(0, min(1, bar * 30)))
            out += bytes(pixel)
            if alpha:
                rim = math.hypot(u - 0.5, v - 0.5)
                out.append(round(255 * max(0, min(1, (0.48 - rim) * 6))))
    return Raster(width, height, 4 if alpha else 3, bytes(out))


def run(*command, data=None):
    return subprocess.run([str(word) for word in command], input=data, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


@functools.cache
def scaled(raster, width, height):
    """Returns exactly width x height, by ImageMagick's Lanczos filter, which weighs colours by
    alpha."""
    if (raster.width, raster.height) == (width, height):
        return raster
    kind = "rgba" if raster.bands == 4 else "rgb"
    data = run("convert", "-size", f"{raster.width}x{raster.height}", "-depth", "8", f"{kind}:-",
               "-filter", "Lanczos", "-resize", f"{width}x{height}!", "-depth", "8", f"{kind}:-",
               data=raster.data)
    return Raster(width, height, raster.bands, data)


def with_alpha(raster):
    """Returns four bands, opaque if there were three."""
    return raster if raster.bands == 4 else raster.map(lambda p: [*p, 255], 4)


def flattened(raster, background):
    return raster.map(lambda p: [round((c * p[3] + b * (255 - p[3])) / 255)
                                 for c, b in zip(p, background)], 3)


def read(path, bands):
    """Returns the first picture of a file as ImageMagick shows it, without metadata and
    profiles."""
    kind = "rgba" if bands == 4 else "rgb"
    size = run("identify", "-format", "%w %h\n", f"{path}[0]").split()
    data = run("convert", f"{path}[0]", "-depth", "8", "-colorspace", "sRGB", f"{kind}:-")
    return Raster(int(size[0]), int(size[1]), bands, data)


@dataclass(frozen=True)
class Difference:
    mean: tuple  # of each band's absolute differences
    psnr: float  # decibels over all bands
    worst: int

    def __str__(self):
        means = " ".join(f"{value:.2f}" for value in self.mean)
        return f"mean difference {means}, PSNR {self.psnr:.1f} dB, worst {self.worst}"


def difference(a, b):
    """Compares two rasters of one size. With alpha, it compares the colours on black and on
    white."""
    if (a.width, a.height, a.bands) != (b.width, b.height, b.bands):
        raise AssertionError(f"{a.width}x{a.height}x{a.bands} is not {b.width}x{b.height}x{b.bands}")
    if a.bands == 4:
        pairs = [difference(flattened(a, tone), flattened(b, tone))
                 for tone in ((0, 0, 0), (255, 255, 255))]
        return max(pairs, key=lambda found: sum(found.mean))
    n = a.width * a.height
    each = [[abs(x - y) for x, y in zip(a.data[band::a.bands], b.data[band::b.bands])]
            for band in range(a.bands)]
    square = sum(d * d for band in each for d in band) / (n * a.bands)
    return Difference(tuple(sum(band) / n for band in each),
                      10 * math.log10(255 * 255 / square) if square else math.inf,
                      max(max(band) for band in each))
