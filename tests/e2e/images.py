# SPDX-License-Identifier: Apache-2.0
"""Image files that tests make, and readings by ImageMagick, which judges the thumbnails instead of
the library that made them."""

import contextlib
import functools
import os
import struct
import subprocess
import tempfile
import zlib

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 160, 0), (0, 0, 255), (128, 128, 128)


def png(width, height, color, level=6):
    """Returns a PNG file of one colour: (r, g, b), or a single grey value for large ones."""
    channels = bytes(color) if isinstance(color, tuple) else bytes([color])
    row = b"\0" + channels * width
    packer = zlib.compressobj(level)
    data = b"".join([packer.compress(row) for _ in range(height)] + [packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if len(channels) == 3 else 0, 0, 0, 0)

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(
            ">I", zlib.crc32(name + body))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) +
            chunk(b"IEND", b""))


@functools.cache
def slow_png():
    """Returns a small file whose pixels keep a worker busy for a good part of a second."""
    return png(11000, 11000, 90, level=1)


def jpeg(width, height, color=GREY):
    """Returns a JPEG file of one colour."""
    return subprocess.run(
        ["convert", "-size", f"{width}x{height}", "xc:rgb(%d,%d,%d)" % color, "jpeg:-"],
        check=True, stdout=subprocess.PIPE).stdout


def jpeg_with_comment(picture, comment):
    """Returns the same picture in other bytes: with a COM segment after the start marker."""
    return picture[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + picture[2:]


@contextlib.contextmanager
def plain_names(paths):
    """Makes links to the files, with names that have no meaning for ImageMagick."""
    with tempfile.TemporaryDirectory(prefix="thumbq-e2e-") as folder:
        links = [f"{folder}/{i}" for i in range(len(paths))]
        for path, link in zip(paths, links):
            os.symlink(os.fsencode(path), link)
        yield links


def identify(paths):
    """Returns [(format, width, height)] of whole, readable pictures. ImageMagick reads all
    pixels."""
    found = []
    with plain_names(paths) as links:
        for at in range(0, len(links), 500):
            result = subprocess.run(
                ["identify", "-regard-warnings", "-format", "%m %w %h %#\n"] + links[at:at + 500],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if result.returncode != 0:
                raise AssertionError(f"identify: {result.stderr}")
            for line in result.stdout.splitlines():
                kind, width, height, _signature = line.split()
                found.append((kind, int(width), int(height)))
    if len(found) != len(paths):
        raise AssertionError(f"identify saw {len(found)} pictures in {len(paths)} files")
    return found


def read_pixels(paths, size):
    """Returns [bytes]: each picture scaled by ImageMagick to `size`, as RGB."""
    with plain_names(paths) as links:
        data = subprocess.run(
            ["convert", *links, "-auto-orient", "-resize", f"{size}!", "-depth", "8", "-type",
             "TrueColor", "rgb:-"], check=True, stdout=subprocess.PIPE).stdout if links else b""
    if len(data) % max(len(paths), 1):
        raise AssertionError(f"convert gave {len(data)} bytes for {len(paths)} pictures")
    each = len(data) // max(len(paths), 1)
    return [data[at:at + each] for at in range(0, len(data), max(each, 1))]


def average_colors(paths):
    """Returns [(r, g, b)]: the average of each picture."""
    return [tuple(pixels) for pixels in read_pixels(paths, "1x1")]


def average_color(path):
    return average_colors([path])[0]


def grid(path):
    """Returns 4 x 4 colours of a picture, one after another."""
    return tuple(read_pixels([path], "4x4")[0])


def is_near(a, b, tolerance=12):
    return all(abs(x - y) <= tolerance for x, y in zip(a, b))
