# SPDX-License-Identifier: Apache-2.0
"""Files that are made to do harm: small ones that claim to be large, endless ones, and the like."""

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
    """A lossless header of the largest possible size, with no data behind it."""
    return make.riff(make.riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", 16382 | 16382 << 14) + bytes(20)))


def jpeg_pixels():
    """The largest possible size, in the frame header of a small picture."""
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
    """The header declares 150 x 100; the grid itself declares 32640 x 32640 in 65025 tiles."""
    return make.heif_grid(scene(64, 64), 255, 255, (32640, 32640), (150, 100))


def gif_frames(n):
    """The frames have 2 x 2 pixels."""
    head = b"GIF89a" + struct.pack("<HHBBB", 2, 2, 0x80, 0, 0) + bytes((0, 0, 0, 255, 255, 255))
    frame = b"\x21\xf9\4\0\5\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 2, 2, 0) + b"\2\3\x44\2\5\0"
    return head + frame * n + b";"


def tiff_pages(n):
    return make.tiff(*[make.tiff_page(1, 1, b"\0\0\0")] * n)


def tiff_loop(length):
    """The directories lead back to the first one."""
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
    """Each chunk is just below the limit of a reader."""
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
    """A valid picture of a hundred megapixels. A decoder has to hold all its coefficients at
    once."""
    with tempfile.TemporaryDirectory() as folder:
        run("vips", "black", f"{folder}/black.v", width, height, "--bands", "3")
        run("vips", "linear", f"{folder}/black.v", f"{folder}/color.v", "1", "200 120 40", "--uchar")
        run("vips", "jpegsave", f"{folder}/color.v", f"{folder}/out.jpg", "--interlace", "--strip")
        return Path(folder, "out.jpg").read_bytes()


@functools.cache
def large_webp(side, lossless):
    """A lossless picture of grey and alpha. Each band has the values to 255 in a corner, which are
    too many colours for a palette."""
    made = ["xyz", side, side] if lossless else ["black", side, side, "--bands", "3"]
    with tempfile.TemporaryDirectory() as folder:
        run("vips", made[0], f"{folder}/made.v", *made[1:])
        run("vips", "linear", f"{folder}/made.v", f"{folder}/color.v", "1",
            "0" if lossless else "200 120 40", "--uchar")
        run("vips", "webpsave", f"{folder}/color.v", f"{folder}/out.webp", "--effort", "0",
            *["--lossless"] * lossless)
        return Path(folder, "out.webp").read_bytes()


def _skip_scan(component, blocks):
    """A refinement in which no block changes: fifteen bits stand for 32767 of them."""
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
    """A grey field in `n` scans: the first has the mean of each block, and the others are empty
    refinements. Sources: ITU-T T.81, annexes B, F and G. The code of each end-of-block run is its
    number in four bits; the code of the difference 0 is the bit 0."""
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
    """Pixels of zero, of any size: the same piece of a compressed stream, repeated."""
    stride = 1 + width * {"rgb": 3, "rgb+alpha": 4, "grey": 1}[kind] * bits // 8
    rows = 16
    while height % rows:
        rows //= 2
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(rows * stride)) + packer.flush(zlib.Z_FULL_FLUSH)
    # For zeros, the first half of the checksum stays 1, and the second half counts the bytes.
    end = b"\3\0" + struct.pack(">HH", height * stride % 65521, 1)
    frame = struct.pack(">IIBBBBB", width, height, bits, make.PNG_TYPES[kind], 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + make.png_chunk(b"IHDR", frame) +
            make.png_chunk(b"IDAT", head + piece * (height // rows) + end) + make.png_chunk(b"IEND", b""))


def zeros_deflated(n):
    """A stream of zlib with `n` bytes of zero, made piece by piece."""
    packer = zlib.compressobj(9)
    piece = bytes(1 << 20)
    return b"".join(packer.compress(piece[:min(len(piece), n - at)])
                    for at in range(0, n, len(piece))) + packer.flush()


def png_interlaced(width, height):
    """Pixels of zero in the seven passes of Adam7. Source: PNG, third edition, section 8."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    n = sum((1 + 3 * -(-(width - x) // across)) * -(-(height - y) // down) for x, y, across, down in passes)
    frame = struct.pack(">IIBBBBB", width, height, 8, make.PNG_TYPES["rgb"], 0, 0, 1)
    return (b"\x89PNG\r\n\x1a\n" + make.png_chunk(b"IHDR", frame) +
            make.png_chunk(b"IDAT", zeros_deflated(n)) + make.png_chunk(b"IEND", b""))


def png_large_profile(n):
    """A profile of `n` bytes, that a thousandth of them makes."""
    return make.png_of(scene(), [make.png_chunk(b"iCCP", b"icc\0\0" + zeros_deflated(n))])


def jpeg_large_profile():
    """A profile of sixteen megabytes, in as many segments as there can be."""
    part = bytes(65000)
    segments = [make.jpeg_segment(0xe2, b"ICC_PROFILE\0" + bytes([i, 255]) + part) for i in range(1, 256)]
    return make.jpeg_with(make.jpeg_of(scene()), *segments)


def xmp_nested(levels):
    """Elements in one another, and names of dates without a value."""
    return b"<a>" * levels + b"<xmp:CreateDate \t " * levels + b"</a>" * levels


def tiff_strip_again(width, height, bits=16, samples=4):
    """A clear picture of any size in some kilobytes: all strips share their bytes."""
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


def tiff_tile_again(width, height, side=16):
    """A black picture of any size: all tiles share some bytes."""
    n = -(-width // side) * -(-height // side)
    tile = zlib.compress(bytes(side * side * 3), 9)
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [8] * 3), 259: (3, [8]), 262: (3, [2]),
            277: (3, [3]), 284: (3, [1]), 322: (3, [side]), 323: (3, [side]),
            325: (3, [len(tile)] * n), 324: (4, [0] * n)}
    at = 8 + len(make.tiff_directory(8, tags, 0))
    tags[324] = (4, [at] * n)
    return b"II*\0" + struct.pack("<I", 8) + make.tiff_directory(8, tags, 0) + tile


def tiff_jpeg_scans(n, side=12000, strips=6):
    """A TIFF file whose strips all share one JPEG of `n` scans."""
    rows = side // strips
    strip = jpeg_scans(n, side, rows)
    tags = {256: (4, [side]), 257: (4, [side]), 258: (3, [8]), 259: (3, [7]), 262: (3, [1]), 277: (3, [1]),
            278: (4, [rows]), 284: (3, [1]), 279: (4, [len(strip)] * strips), 273: (4, [0] * strips)}
    tags[273] = (4, [8 + len(make.tiff_directory(8, tags, 0))] * strips)
    return b"II*\0" + struct.pack("<I", 8) + make.tiff_directory(8, tags, 0) + strip


def tiff_strips_of_a_row(height):
    """A picture two pixels wide. Each row is a strip, and all strips share their bytes."""
    tags, _strips = make.tiff_page(2, height, bytes(6 * height), rows=1)
    tags = {**tags, 279: (3, [6] * height), 273: (4, [0] * height)}
    tags[273] = (4, [8 + len(make.tiff_directory(8, tags, 0))] * height)
    return b"II*\0" + struct.pack("<I", 8) + make.tiff_directory(8, tags, 0) + bytes(6)


def tiff_directories(n, entries=0, shared=0):
    """Pages of one grey pixel. Each page has more entries, which all name the same `shared`
    bytes."""
    size = 2 + 12 * (9 + entries) + 4
    pixel_at = 8 + n * size
    values = {256: (4, 1), 257: (4, 1), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, pixel_at), 277: (3, 1),
              278: (4, 1), 279: (4, 1)}
    rows = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in values.items())
    rows += b"".join(struct.pack("<HHII", 50000 + i, 7, shared or 1, pixel_at if shared else 0)
                     for i in range(entries))
    out = b"II*\0" + struct.pack("<I", 8)
    for i in range(n):
        out += struct.pack("<H", 9 + entries) + rows
        out += struct.pack("<I", 8 + (i + 1) * size if i + 1 < n else 0)
    return out + bytes(max(shared, 1))


def tiff_below_again(pages=64, entries=65535):
    """Reduced pages, each of which names one directory of many entries as each of its SubIFDs."""
    page_size = 2 + 12 * 2 + 4
    below_at = 8 + pages * page_size
    places_at = below_at + 2 + 12 * entries + 4
    out = b"II*\0" + struct.pack("<I", 8)
    for i in range(pages):
        out += struct.pack("<HHHIIHHII", 2, 254, 4, 1, 1, 330, 4, 16, places_at)
        out += struct.pack("<I", 8 + (i + 1) * page_size if i + 1 < pages else 0)
    out += struct.pack("<H", entries) + struct.pack("<HHII", 258, 3, 16, 0) * entries
    return out + bytes(4) + struct.pack("<I", below_at) * 16


def tiff_high_tile(rows=1 << 24):
    """A picture of 100 x 100 pixels in a tile of so many rows."""
    tags = {256: (4, [100]), 257: (4, [100]), 258: (3, [8]), 259: (3, [1]), 262: (3, [6]), 277: (3, [3]),
            284: (3, [1]), 322: (3, [16]), 323: (4, [rows]), 324: (4, [8]), 325: (4, [64])}
    return b"II*\0" + struct.pack("<I", 8) + make.tiff_directory(8, tags, 0) + bytes(64)


def tiff_one_tile(tile, compression, tags=(), side=4096, tile_side=16, photometric=2, samples=3):
    """A picture whose tiles all share the bytes of this one."""
    n = (side // tile_side) ** 2
    tags = {256: (4, [side]), 257: (4, [side]), 258: (3, [8] * samples), 259: (3, [compression]),
            262: (3, [photometric]), 277: (3, [samples]), 284: (3, [1]), 322: (3, [tile_side]),
            323: (3, [tile_side]), 325: (4, [len(tile)] * n), 324: (4, [0] * n), **dict(tags)}
    tags[324] = (4, [8 + len(make.tiff_directory(8, tags, 0))] * n)
    return b"II*\0" + struct.pack("<I", 8) + make.tiff_directory(8, tags, 0) + tile


def tiff_empty_blocks(n):
    """A zlib tile that begins with `n` empty blocks."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    pixels = bytes(16 * 16 * 3)
    tail = packer.compress(pixels) + packer.flush() + struct.pack(">I", zlib.adler32(pixels))
    return tiff_one_tile(b"\x78\x01" + b"\0\0\0\xff\xff" * n + tail, 8)


def tiff_jpeg_tables(n):
    """JPEG tiles, and `n` quantization tables that a decoder reads before each tile."""
    tables = b"\xff\xd8" + make.jpeg_segment(0xdb, b"\0" + bytes([1]) * 64) * n + b"\xff\xd9"
    return tiff_one_tile(make.jpeg_of(scene(64, 64)), 7, {347: (7, tables)}, tile_side=64, photometric=6)


def tiff_tile_scans(n, side=1024):
    """Tiles of grey JPEG in `n` scans."""
    return tiff_one_tile(jpeg_scans(n, side, side), 7, tile_side=side, photometric=1, samples=1)


def heif_tiles(columns, rows, side=64):
    """A grid of one tile."""
    size = (columns * side, rows * side)
    return make.heif_grid(scene(side, side), columns, rows, size, size)


def heif_lie(columns, rows, real, said, extension="heic", options=("-q", "30")):
    """A grid of one tile, which declares a smaller size than it has."""
    heif = make.Heif(make.heif_of(scene(real, real), extension=extension, options=options))
    first = heif.items()[0]
    iprp = heif.child(b"iprp")
    iprp[1] = iprp[1].replace(struct.pack(">II", real, real), struct.pack(">II", said, said))
    if columns * rows > 1:
        size = (columns * said, rows * said)
        heif.add_item(b"grid", 100, struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size),
                      make.ispe(*size))
        heif.refer(b"dimg", 100, *[first] * (columns * rows))
        heif.set_primary(100)
    return heif.bytes()


def heif_layers(n, raster=None, side=12160):
    """An empty picture with the same picture laid over it n times, in rows."""
    raster = raster or scene(64, 64)
    columns = side // raster.width
    places = [(i % columns * raster.width, i // columns * raster.height % side) for i in range(n)]
    return make.heif_overlay(raster, places, (side, side))


def heif_grid_of_grids(columns, rows, outer):
    """A grid of tiles of 64 x 64, and two rows of `outer` such grids."""
    inner = (columns * 64, rows * 64)
    heif = make.Heif(make.heif_grid(scene(64, 64), columns, rows, inner, inner))
    size = (outer * inner[0], 2 * inner[1])
    heif.add_item(b"grid", 101, struct.pack(">BBBBII", 0, 1, 1, outer - 1, *size), make.ispe(*size))
    heif.child(b"iref")[1] += make.box(b"dimg", struct.pack(f">HH{2 * outer}H", 101, 2 * outer,
                                                            *[100] * (2 * outer)))
    heif.set_primary(101)
    return heif.bytes()


def exif_circle(entries=5000, orientation=6):
    """A directory with an orientation, and then thousands of entries that name a directory of EXIF,
    GPS or interoperability: each of them names this directory."""
    tags = (0x8769, 0x8825, 0xa005)
    rows = [struct.pack("<HHIHH", 274, 3, 1, orientation, 0)]
    rows += [struct.pack("<HHII", tags[i % 3], 4, 1, 8) for i in range(entries - 1)]
    return b"II*\0" + struct.pack("<IH", 8, entries) + b"".join(rows) + struct.pack("<I", 8)


def exif_in(block):
    """Returns {extension: file}: one EXIF block in each kind of file that has a place for it."""
    seen = scene(64, 64)
    heif = make.Heif(make.heif_of(seen))
    heif.add_item(b"Exif", 200, bytes(4) + block)
    heif.refer(b"cdsc", 200, heif.items()[0])
    return {"jpg": make.jpeg_with(make.jpeg_of(seen), make.jpeg_exif(block[:65000])),
            "png": make.png_of(seen, [make.png_chunk(b"eXIf", block)]),
            "webp": make.webp_extended(make.webp_of(seen), seen.width, seen.height, exif_block=block),
            "heic": heif.bytes()}
