"""Files that are made to hurt: small ones that claim to be large, endless ones, and the like."""

import functools
import struct
import tempfile
import zlib
from pathlib import Path

import containers as make
from raster import run, scene

MANY = 100_000_000  # bytes that a few kilobytes of a chunk inflate to


def png_pixels(width=60000, height=60000):
    return make.png(width, height, "grey", [bytes(width)])


def webp_pixels():
    """A lossless header of the largest size there is, and nothing behind it."""
    return make.riff(make.riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", 16382 | 16382 << 14) + bytes(20)))


def jpeg_pixels():
    """The largest size there is, in the frame header of a small picture."""
    data = bytearray(make.jpeg_of(scene()))
    at = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, 65500, 65500)
    return bytes(data)


def gif_pixels():
    head = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0x80, 0, 0) + bytes(6)
    return head + b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\2\3\x44\2\5\0;"


def tiff_pixels():
    tags, _strips = make.tiff_page(150, 100, scene().data)
    tags = {**tags, 256: (4, [60000]), 257: (4, [60000]), 278: (4, [60000]), 279: (4, [10])}
    return make.tiff((tags, [bytes(10)]))


def heif_pixels():
    return make.heif_grid(scene(64, 64), 255, 255, (32640, 32640), (32640, 32640))


def heif_grid_behind_a_small_header():
    """150 x 100, says the header; 32640 x 32640 in 65025 tiles, says the grid itself."""
    return make.heif_grid(scene(64, 64), 255, 255, (32640, 32640), (150, 100))


def gif_frames(n):
    """Frames of 2 x 2 pixels."""
    head = b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0x80, 0, 0) + bytes((0, 0, 0, 255, 255, 255))
    frame = b"\x21\xf9\4\0\5\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 2, 2, 0) + b"\2\3\x44\2\5\0"
    return head + frame * n + b";"


def tiff_pages(n):
    return make.tiff(*[make.tiff_page(1, 1, b"\0\0\0")] * n)


def tiff_loop(length):
    """Directories that lead back to the first one."""
    page = make.tiff_page(150, 100, scene().data)
    data, at = bytearray(make.tiff(*[page] * length)), 8
    while True:
        link = at + 2 + 12 * struct.unpack_from("<H", data, at)[0]
        following = struct.unpack_from("<I", data, link)[0]
        if following == 0:
            struct.pack_into("<I", data, link, 8)
            return bytes(data)
        at = following


@functools.cache
def _many(byte):
    return bytes([byte]) * MANY


def png_icc_bomb():
    return make.png_of(scene(), [make.png_icc(_many(0))])


def png_text_bomb(name):
    return make.png_of(scene(), [make.png_text(b"Comment", _many(65), name)])


def png_xmp_bomb():
    return make.png_of(scene(), [make.png_text(b"XML:com.adobe.xmp", _many(65), b"iTXt")])


def png_text_swarm():
    """Three hundred chunks, each just below what a reader lets pass."""
    one = make.png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes([65]) * 7_000_000, 9))
    return make.png_of(scene(), [one] * 300)


EXIF_OVERSIZE = make.exif(1) + bytes(8_000_000)


def png_exif():
    return make.png_of(scene(), [make.png_chunk(b"eXIf", EXIF_OVERSIZE)])


def webp_exif():
    seen = scene()
    return make.webp_extended(make.webp_of(seen), seen.width, seen.height, exif_block=EXIF_OVERSIZE)


def jpeg_exif_swarm():
    return make.jpeg_with(make.jpeg_of(scene()), make.jpeg_exif(make.exif(1) + bytes(65000)) * 200)


@functools.cache
def progressive_jpeg(width=12500, height=8000):
    """A hundred megapixels whose coefficients have to be held all at once; valid."""
    with tempfile.TemporaryDirectory() as folder:
        run("vips", "black", f"{folder}/black.v", width, height, "--bands", "3")
        run("vips", "linear", f"{folder}/black.v", f"{folder}/color.v", "1", "200 120 40", "--uchar")
        run("vips", "jpegsave", f"{folder}/color.v", f"{folder}/out.jpg", "--interlace", "--strip")
        return Path(folder, "out.jpg").read_bytes()
