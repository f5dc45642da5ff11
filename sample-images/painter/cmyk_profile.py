# SPDX-License-Identifier: Apache-2.0
"""A small ICC profile (ICC.1:2001-04) for the CMYK of print shops' textbooks: R = (1 - C)(1 - K), and so on."""

import struct

GRID = 9  # samples per ink
D50 = (0.9642, 1.0, 0.8249)


def _to_lab(red, green, blue):
    """sRGB 0..1 to CIE L*a*b* under D50 (matrix: IEC 61966-2-1, adapted by Bradford)."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue))
    xyz = (
        0.4360747 * r + 0.3850649 * g + 0.1430804 * b,
        0.2225045 * r + 0.7168786 * g + 0.0606169 * b,
        0.0139322 * r + 0.0971045 * g + 0.7141733 * b,
    )
    fx, fy, fz = (
        t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116
        for t in (v / white for v, white in zip(xyz, D50))
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _byte(value):
    return max(0, min(255, round(value)))


def _lut():
    """A2B0, type lut8: ink to L*a*b*."""
    identity = bytes(range(256))
    cells = bytearray()
    for c in range(GRID):
        for m in range(GRID):
            for y in range(GRID):
                for k in range(GRID):
                    light = 1 - k / (GRID - 1)
                    l, a, b = _to_lab(*((1 - ink / (GRID - 1)) * light for ink in (c, m, y)))
                    cells += bytes((_byte(l * 255 / 100), _byte(a + 128), _byte(b + 128)))
    one = 65536
    matrix = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, one)
    head = b"mft1" + bytes(4) + bytes((4, 3, GRID, 0)) + matrix
    return head + identity * 4 + bytes(cells) + identity * 3


def _text(kind, text):
    if kind == "text":
        return b"text" + bytes(4) + text.encode() + b"\0"
    ascii_part = text.encode() + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(ascii_part)) + ascii_part + bytes(8 + 3 + 67)


def profile():
    """The profile's bytes, about 24 kB."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in D50))
    tags = [
        (b"desc", _text("desc", "thumbq sample CMYK")),
        (b"cprt", _text("text", "No copyright, use freely")),
        (b"wtpt", white),
        (b"A2B0", _lut()),
    ]
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", *(round(v * 65536) for v in D50))
    return header.ljust(128, b"\0") + table + body
