# SPDX-License-Identifier: Apache-2.0
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


def png_text_swarm(n=300):
    """Chunks that are each just below what a reader lets pass."""
    one = make.png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes([65]) * 7_000_000, 9))
    return make.png_of(scene(), [one] * n)


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


# ---- cheap to make and to store, dear to read ---------------------------------------------------


def _skip_scan(component, blocks):
    """A refinement in which no block changes: fifteen bits for 32767 of them."""
    bits, left = "", blocks
    while left > 0:
        run_length = min(left, 32767)
        power = run_length.bit_length() - 1
        bits += format(power, "04b") + format(run_length - (1 << power), f"0{power}b" if power else "")
        left -= run_length
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return make.jpeg_segment(0xda, bytes((1, component, 0, 1, 63, 0x10))) + data


def jpeg_scans(n, width=12000, height=12000, components=1):
    """A grey field in `n` scans: one with the mean of each block, and refinements of nothing.

    Sources: ITU-T T.81, annexes B, F and G. The code of each end-of-block run is its number in four
    bits; that of the difference 0 is the bit 0.
    """
    blocks = -(-width // 8) * -(-height // 8)
    frame = struct.pack(">BHHB", 8, height, width, components)
    frame += b"".join(bytes((1 + i, 0x11, 0)) for i in range(components))
    start = bytes([components]) + b"".join(bytes((1 + i, 0)) for i in range(components)) + bytes((0, 0, 0))
    first = bytes(-(-blocks * components // 8))
    head = (b"\xff\xd8" + make.jpeg_segment(0xdb, b"\0" + bytes([1]) * 64) + make.jpeg_segment(0xc2, frame) +
            make.jpeg_segment(0xc4, b"\0" + bytes([1] + [0] * 15) + b"\0") +
            make.jpeg_segment(0xc4, b"\x10" + bytes([0, 0, 0, 15] + [0] * 12) +
                              bytes(power << 4 for power in range(15))))
    scans = [_skip_scan(1 + i, blocks) for i in range(components)]
    return (head + make.jpeg_segment(0xda, start) + first +
            b"".join(scans[i % components] for i in range(n - 1)) + b"\xff\xd9")


def png_zeros(width, height, kind, bits):
    """Black, or clear, of any size: the same piece of a compressed stream again and again."""
    stride = 1 + width * {"rgb": 3, "rgb+alpha": 4, "grey": 1}[kind] * bits // 8
    rows = 16
    while height % rows:
        rows //= 2
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(rows * stride)) + packer.flush(zlib.Z_FULL_FLUSH)
    # Of zeros alone, the checksum's first half stays 1 and the second counts them.
    end = b"\3\0" + struct.pack(">HH", height * stride % 65521, 1)
    frame = struct.pack(">IIBBBBB", width, height, bits, make.PNG_TYPES[kind], 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + make.png_chunk(b"IHDR", frame) +
            make.png_chunk(b"IDAT", head + piece * (height // rows) + end) + make.png_chunk(b"IEND", b""))


def tiff_strip_again(width, height, bits=16, samples=4):
    """Clear, of any size in some kilobytes: all strips are one."""
    rows = 64
    n = -(-height // rows)
    strip = zlib.compress(bytes(rows * width * samples * bits // 8), 9)
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * samples), 259: (3, [8]),
            262: (3, [2]), 277: (3, [samples]), 278: (4, [rows]), 284: (3, [1]),
            279: (4, [len(strip)] * n), 273: (4, [0] * n)}
    if samples == 4:
        tags[338] = (3, [2])
    at = 8 + len(make.tiff_directory(8, tags, 0))
    tags[273] = (4, [at] * n)
    return b"II*\0" + struct.pack("<I", 8) + make.tiff_directory(8, tags, 0) + strip


def heif_tiles(columns, rows, side=64):
    """One tile in a grid."""
    size = (columns * side, rows * side)
    return make.heif_grid(scene(side, side), columns, rows, size, size)


def heif_layers(n, raster=None, side=12160):
    """A picture laid n times over an empty one, in rows."""
    raster = raster or scene(64, 64)
    columns = side // raster.width
    places = [(i % columns * raster.width, i // columns * raster.height % side) for i in range(n)]
    return make.heif_overlay(raster, places, (side, side))


def heif_grid_of_grids(columns, rows, outer):
    """Tiles of 64 x 64 in a grid, and that in two rows of `outer`."""
    inner = (columns * 64, rows * 64)
    heif = make.Heif(make.heif_grid(scene(64, 64), columns, rows, inner, inner))
    size = (outer * inner[0], 2 * inner[1])
    heif.add_item(b"grid", 101, struct.pack(">BBBBII", 0, 1, 1, outer - 1, *size), make.ispe(*size))
    heif.child(b"iref")[1] += make.box(b"dimg", struct.pack(f">HH{2 * outer}H", 101, 2 * outer,
                                                            *[100] * (2 * outer)))
    heif.set_primary(101)
    return heif.bytes()


def exif_circle(entries=5000, orientation=6):
    """A directory that says how the picture is turned, and then, thousands of times, that one of EXIF,
    GPS or interoperability follows: each of them is itself."""
    tags = (0x8769, 0x8825, 0xa005)
    rows = [struct.pack("<HHIHH", 274, 3, 1, orientation, 0)]
    rows += [struct.pack("<HHII", tags[i % 3], 4, 1, 8) for i in range(entries - 1)]
    return b"II*\0" + struct.pack("<IH", 8, entries) + b"".join(rows) + struct.pack("<I", 8)


def exif_in(block):
    """{extension: file}: one block in each kind of file that has a place for it."""
    seen = scene(64, 64)
    heif = make.Heif(make.heif_of(seen))
    heif.add_item(b"Exif", 200, bytes(4) + block)
    heif.refer(b"cdsc", 200, heif.items()[0])
    return {"jpg": make.jpeg_with(make.jpeg_of(seen), make.jpeg_exif(block[:65000])),
            "png": make.png_of(seen, [make.png_chunk(b"eXIf", block)]),
            "webp": make.webp_extended(make.webp_of(seen), seen.width, seen.height, exif_block=block),
            "heic": heif.bytes()}
