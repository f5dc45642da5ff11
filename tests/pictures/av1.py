# SPDX-License-Identifier: Apache-2.0
"""Pictures of AV1 written bit by bit. Source: AV1 bitstream specification, 5.3 to 5.11."""

import random
import struct

import containers as make
from raster import scene

SEQUENCE, FRAME = 1, 6


def _bits(*fields):
    """Packs values of (number of bits, value), and fills the last byte with zeros."""
    text = "".join(format(value, f"0{n}b") for n, value in fields)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def _leb128(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def obu(kind, body):
    return bytes([kind << 3 | 2]) + _leb128(len(body)) + body


def sequence(side):
    """A sequence header that declares frames of `side` x `side` at the most, with sizes of 16
    bits."""
    return obu(SEQUENCE, _bits(
        (3, 0), (1, 0), (1, 0),  # main profile, no still, no reduced header
        (1, 0), (1, 0), (5, 0), (12, 0), (5, 8), (1, 0),  # no times, one operating point
        (4, 15), (4, 15), (16, side - 1), (16, side - 1),
        (1, 0), (3, 0), (4, 0), (1, 0),  # no numbers, none of the tools, no order
        (1, 0), (1, 0), (3, 0),  # no screen content, no superres, cdef, restoration
        (1, 0), (1, 0), (1, 0), (1, 0), (2, 0), (1, 0), (1, 0), (1, 1)))  # 8 bits, 4:2:0, no grain


def frame(side, data):
    """A key frame of one tile that declares its own size, up to 3072 x 3072. Any bytes are valid
    pixels, if there are enough of them."""
    return obu(FRAME, _bits(
        (1, 0), (2, 0), (1, 1), (1, 1), (1, 1),  # key, shown, no adaption, a size of its own
        (16, side - 1), (16, side - 1), (1, 0),
        (1, 1), (1, 0), (1, 0),  # one tile
        (8, 100), (4, 0), (1, 0), (1, 0),  # one quantizer
        (6, 0), (6, 0), (3, 0), (1, 0), (1, 1), (1, 0)) + data)  # no loop filter


def avif_override(columns, real, said):
    """A grid of one tile. The file and its sequence header declare a side of `said`; its frame has
    a side of `real`."""
    data = random.Random(3).randbytes(real * real * 6 // 10)
    heif = make.Heif(make.heif_of(scene(64, 64), extension="avif", options=("-A", "-q", "30")))
    heif.add_item(b"av01", 101, sequence(said) + frame(real, data), make.ispe(said, said),
                  make.box(b"av1C", bytes((0x81, 8, 0x0c, 0))), make.box(b"pixi", bytes(4) + b"\3\x08\x08\x08"))
    side = columns * said
    heif.add_item(b"grid", 100, struct.pack(">BBBBHH", 0, 0, columns - 1, columns - 1, side, side),
                  make.ispe(side, side))
    heif.refer(b"dimg", 100, *[101] * (columns * columns))
    heif.set_primary(100)
    return heif.bytes()
