# SPDX-License-Identifier: Apache-2.0
"""RGB colour spaces as ICC profiles and as plain arithmetic. A test can write the picture that a
person should see in another colour space, without a colour library."""

import math
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "sample-images" / "painter"))
import cmyk_profile  # noqa: E402

D50 = (0.9642, 1.0, 0.8249)

# The columns are red, green and blue in XYZ under D50. Sources: IEC 61966-2-1, SMPTE EG 432-1
# (Display P3), Adobe RGB (1998), each adapted by Bradford.
SRGB = ((0.4360747, 0.3850649, 0.1430804),
        (0.2225045, 0.7168786, 0.0606169),
        (0.0139322, 0.0971045, 0.7141733))
DISPLAY_P3 = ((0.5151187, 0.2919778, 0.1571035),
              (0.2411892, 0.6922441, 0.0665668),
              (-0.0010505, 0.0418791, 0.7840713))
ADOBE_RGB = ((0.6097559, 0.2052401, 0.1492240),
             (0.3111242, 0.6256560, 0.0632197),
             (0.0194811, 0.0608902, 0.7448387))
ADOBE_GAMMA = 563 / 256
# Source: ITU-R BT.2020.
BT2020 = ((0.67348, 0.16566, 0.12505),
          (0.27904, 0.67534, 0.04562),
          (-0.00194, 0.02998, 0.79684))


def srgb_to_linear(value):
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def linear_to_srgb(value):
    value = min(max(value, 0), 1)
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _times(matrix, vector):
    return [sum(m * v for m, v in zip(row, vector)) for row in matrix]


def _inverse(m):
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return ((( e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det),
            ((f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det),
            ((d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det))


def to_pq(value, nits=203):
    """Returns the PQ value of linear light, of which 1 is `nits` cd/m2. Source: SMPTE ST 2084."""
    power = (value * nits / 10000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def to_hlg(value, nits=203):
    """Returns the HLG value, for a screen of 1000 cd/m2; see to_pq. Source: ITU-R BT.2100."""
    scene = (value * nits / 1000) ** (1 / 1.2)
    a = 0.17883277
    if scene <= 1 / 12:
        return math.sqrt(3 * scene)
    return a * math.log(12 * scene - (1 - 4 * a)) + 0.5 - a * math.log(4 * a)


def in_space(pixel, matrix):
    """Returns the linear light of an sRGB pixel in another RGB space, clipped where that is smaller."""
    linear = _times(_inverse(matrix), _times(SRGB, [srgb_to_linear(v / 255) for v in pixel]))
    return [min(max(v, 0), 1) for v in linear]


def to_space(raster, matrix, encode):
    """Returns the colours of an sRGB raster in another RGB space, clipped where that is smaller."""
    return raster.map(lambda pixel: [round(255 * encode(v)) for v in in_space(pixel, matrix)], 3)


def in_display_p3(raster):
    return to_space(raster, DISPLAY_P3, linear_to_srgb)


def in_adobe_rgb(raster):
    return to_space(raster, ADOBE_RGB, lambda v: v ** (1 / ADOBE_GAMMA))


def in_cmyk(raster):
    """Returns inks by the textbook formula, which is also that of cmyk_profile: 0 is no ink."""
    def change(pixel):
        key = 255 - max(pixel[:3])
        return [round(255 * (255 - v - key) / (255 - key)) if key < 255 else 0 for v in pixel[:3]] + [key]

    return raster.map(change, 4)


def to_lab(pixel):
    """Returns L* 0..100, a* and b*, under D50."""
    xyz = _times(SRGB, [srgb_to_linear(v / 255) for v in pixel])
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116
                  for t in (v / white for v, white in zip(xyz, D50)))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _tags_to_profile(tags, space):
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), bytes(4), 0x02400000,
                         b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*D50)
    return header.ljust(128, b"\0") + table + body


def _fixed(*values):
    return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))


def matrix_profile(name, matrix, decode=None, gamma=None):
    """An ICC version 2 profile of three primaries and one curve."""
    if gamma:
        curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    else:
        points = [round(65535 * decode(i / 1023)) for i in range(1024)]
        curve = b"curv" + bytes(4) + struct.pack(">I1024H", 1024, *points)
    text = name.encode() + b"\0"
    tags = [(b"desc", b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)),
            (b"cprt", b"text" + bytes(4) + b"none\0"),
            (b"wtpt", b"XYZ " + bytes(4) + _fixed(*D50))]
    for i, color in enumerate(b"rgb"):
        tags.append((bytes([color]) + b"XYZ",
                     b"XYZ " + bytes(4) + _fixed(*(row[i] for row in matrix))))
        tags.append((bytes([color]) + b"TRC", curve))
    return _tags_to_profile(tags, b"RGB ")


def grey_profile(gamma):
    """An ICC version 2 profile of grey with one curve."""
    tags = [(b"desc", b"desc" + bytes(4) + struct.pack(">I", 5) + b"grey\0" + bytes(78)),
            (b"cprt", b"text" + bytes(4) + b"none\0"),
            (b"wtpt", b"XYZ " + bytes(4) + _fixed(*D50)),
            (b"kTRC", b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)))]
    return _tags_to_profile(tags, b"GRAY")


SRGB_ICC = matrix_profile("sRGB-like", SRGB, decode=srgb_to_linear)
DISPLAY_P3_ICC = matrix_profile("P3-like", DISPLAY_P3, decode=srgb_to_linear)
ADOBE_RGB_ICC = matrix_profile("Adobe-like", ADOBE_RGB, gamma=ADOBE_GAMMA)
CMYK_ICC = cmyk_profile.profile()
